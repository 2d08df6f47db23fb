"""Buffer-size curves: least traffic as a function of the size of a level, of Einsums and of a whole workload."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from costmodel.api.inputs import Arch, Settings, Work, asked_about, call_text, texts_of
from costmodel.mapper.cascade_curve import CascadeCurve, cascade_curve
from costmodel.mapper.curve import BufferCurve, check_level, curves_of_each
from costmodel.report.assemble import Question, facts_of
from costmodel.report.curves import curve_table, curves_of
from costmodel.report.figures import buffer_curves
from costmodel.report.page.curve import write_curves
from costmodel.report.text.curve import curve_text, whole_text
from costmodel.spec.hardware import Memory
from costmodel.spec.request import budget_seconds

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, repr=False)
class CurveResult:
    """The curves of one level. At a prompt it shows their corners."""

    curves: tuple[BufferCurve, ...]
    """Of one execution of each Einsum."""
    whole: CascadeCurve | None
    """Of a workload of several Einsums, all executions: ``whole.unfused``, and ``whole.fused`` if it was asked for."""
    question: Question
    level: Memory
    command: str

    @property
    def proven(self) -> bool:
        """Whether no tiles that divide do better, at any capacity."""
        staircases = () if self.whole is None else (self.whole.unfused, self.whole.fused)
        return all(one.proven for one in (*self.curves, *staircases) if one is not None)

    @property
    def table(self) -> pd.DataFrame:
        """A row for each corner.

        Columns: curve, capacity_bits, traffic_bits, traffic_words, operations_per_byte, compulsory_bits, nest, fused.
        """
        return curve_table(curves_of(self.curves, self.whole, self.question.workload)).drop(columns="point")

    def figure(self) -> go.Figure:
        """All curves on logarithmic axes."""
        table = curve_table(curves_of(self.curves, self.whole, self.question.workload, alike=True))
        return buffer_curves(table, self.level.name, self.curves[0].above, self.level.capacity_bits).figure()

    def page(self, path: str | os.PathLike[str]) -> Path:
        """Write the curves as one self-contained page, with the nest of each corner; return where it is."""
        facts = facts_of(self.question, self.command)
        name = self.question.architecture.name
        return write_curves(Path(path), self.curves, self.question.workload, self.level, name, facts, self.whole)

    def __str__(self) -> str:
        workload, size = self.question.workload, self.level.capacity_bits
        texts = [curve_text(c, e, size) for c, e in zip(self.curves, workload.einsums, strict=True)]
        if self.whole is not None:
            texts.append(whole_text(self.whole, workload, size))
        return "\n\n".join(texts)

    def __repr__(self) -> str:
        return str(self)


def curve(
    arch: Arch,
    workload: Work,
    level: str,
    *,
    einsums: str | Iterable[str] = (),
    set: Settings | None = None,
    fuse: Literal["off", "auto"] = "off",
    budget: str | float | None = None,
) -> CurveResult:
    """Find the least traffic to a level from the memory above it, as a function of the size of the level.

    The level is taken alone. ``fuse="auto"`` also lets neighbouring Einsums share loops and the level. ``budget`` is
    the time for each Einsum, and once more for fused nests. Raises SpecError.
    """
    if fuse not in ("off", "auto"):
        raise ValueError(f"fuse is 'off' or 'auto', not {fuse!r}")
    settings = texts_of(set)
    question = asked_about(arch, workload, settings, einsums)
    architecture, work = question.architecture, question.workload
    check_level(architecture, level)
    budget_s = None if budget is None else budget_seconds(budget)
    curves = tuple(curves_of_each(work, architecture, level, budget_s=budget_s))
    whole = None
    if len(curves) > 1:
        whole = cascade_curve(work, architecture, level, fuse=fuse, budget_s=budget_s, known=curves)
    memory = next(m for m in architecture.memories if m.name == level)
    command = call_text("api.curve", arch, workload, level, einsums=einsums, set=settings, fuse=fuse, budget=budget)
    return CurveResult(curves, whole, question, memory, command)
