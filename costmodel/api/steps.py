"""Step through a nest: what moves when, as tables and as an animation."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costmodel.api.inputs import Arch, Loaded, Mapped, Settings, Work, asked_about, texts_of
from costmodel.execute.made import Stated
from costmodel.report.assemble import mappings_asked_for, stated_values
from costmodel.report.page.trace import write_traces
from costmodel.report.page.trace_values import values_of
from costmodel.report.text.trace import trace_object, trace_text
from costmodel.spec.load import Document
from costmodel.spec.mapping import Mapping as Schedule
from costmodel.spec.mapping import einsums_in
from costmodel.spec.mapping_file import NestMarks
from costmodel.spec.problems import Problem, SpecError
from costmodel.trace.frames import Trace
from costmodel.trace.record import trace as walked

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class TraceResult:
    """One execution of a nest, step by step. At a prompt it shows the table of its steps."""

    trace: Trace
    """All of it."""
    stated: Stated
    """What the workload says of its values."""

    @property
    def moves(self) -> pd.DataFrame:
        """Columns: step (from 1), einsum, level, tensor, flow, words; of what is drained in the end the last step."""
        import pandas as pd

        rows = []
        step = 0
        for frame in self.trace.frames:
            step += bool(frame.steps)
            counted = ((self.trace.counters[number], words) for number, words in frame.words)
            rows += [(step, frame.einsum, c.level, c.tensor, c.flow, words) for c, words in counted]
        return pd.DataFrame.from_records(rows, columns=["step", "einsum", "level", "tensor", "flow", "words"])

    @property
    def words(self) -> pd.DataFrame:
        """Columns: level, tensor, flow, words: what the moves add up to."""
        import pandas as pd

        rows = [(c.level, c.tensor, c.flow, words) for c, words in self.trace.totals().items()]
        return pd.DataFrame.from_records(rows, columns=["level", "tensor", "flow", "words"])

    def to_dict(self, *, values: Mapping[str, Any] | None = None, seed: int | None = None) -> dict[str, Any]:
        """Every step with its loops, points, words and what every instance holds, as ``costmodel trace --json``.

        With the values of the words, from where ``page`` takes them.
        """
        asked = values is not None or seed is not None
        return trace_object(self.trace, values_of(self.trace, self.stated, values, seed=seed, asked=asked))

    def page(
        self,
        path: str | os.PathLike[str],
        beside: TraceResult | None = None,
        *,
        values: Mapping[str, Any] | None = None,
        seed: int | None = None,
    ) -> Path:
        """Write the animation, perhaps with another nest beside this one; return where it is.

        It shows values, too: those of the workload, ``values`` by tensor, and for the rest random ones (``seed``).
        """
        named = {"nest": self} if beside is None else {"first nest": self, "second nest": beside}
        asked = values is not None or seed is not None
        shown = {
            name: told
            for name, one in named.items()
            if (told := values_of(one.trace, one.stated, values, seed=seed, asked=asked)) is not None
        }
        traces = {name: one.trace for name, one in named.items()}
        return write_traces(Path(path), traces, "cm.trace", shown, show_values=asked)

    def __str__(self) -> str:
        return trace_text(self.trace)

    def __repr__(self) -> str:
        return str(self)


def trace(
    arch: Arch, workload: Work, *, mapping: Mapped, einsums: str | Iterable[str] = (), set: Settings | None = None
) -> TraceResult:
    """Step through the nest of a mapping: points, words that are touched, what each level holds, what moves.

    Of several nests ``einsums`` chooses one. Raises SpecError where the mapping does not fit, or has too many points.
    """
    question = asked_about(arch, workload, texts_of(set), einsums)
    if isinstance(mapping, Loaded):
        pairs = mappings_asked_for(question, mapping.document)
    elif isinstance(mapping, str | Path | Document | Mapping):
        pairs = mappings_asked_for(question, mapping)
    else:
        given = [mapping] if isinstance(mapping, Schedule) else mapping
        pairs = mappings_asked_for(question, [(one, NestMarks()) for one in given])
    if len(pairs) > 1:
        names = "; ".join(", ".join(einsums_in(one.nest)) for one, _ in pairs)
        raise SpecError([Problem(f"{len(pairs)} nests, of {names}", hint="einsums= chooses one")])
    ((chosen, marks),) = pairs
    found = walked(question.workload, question.architecture, chosen, marks)
    return TraceResult(found, stated_values(question))
