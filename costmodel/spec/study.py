"""Study files: what is asked. Architectures, workloads, objectives, search and budget, axes of a sweep, seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainSerializer, PlainValidator, field_validator
from pydantic import WithJsonSchema as JsonSchema

from costmodel.spec import units
from costmodel.spec.amounts import Amount, amount_formula, condition
from costmodel.spec.load import Document, describe
from costmodel.spec.overrides import Kind
from costmodel.spec.problems import did_you_mean
from costmodel.spec.request import Fuse, Objectives, Request
from costmodel.spec.validation import HINT, OneOrMore, SpecModel


def paths_of(axis: str) -> tuple[str, ...]:
    """The paths of an axis: one, or several that go together.

    >>> paths_of("PEs.shape.X, PEs.shape.Y")
    ('PEs.shape.X', 'PEs.shape.Y')
    """
    return tuple(path.strip() for path in axis.split(","))


def row(axis: str, value: Any) -> tuple[Any, ...]:
    """The values that the paths of an axis take at one place of it. Raises ValueError where they are not so many."""
    paths = paths_of(axis)
    if len(paths) == 1:
        return (value,)
    if not isinstance(value, list | tuple) or len(value) != len(paths):
        got = f"a list of {len(value)}" if isinstance(value, list | tuple) else describe(value)
        raise ValueError(f"must be a list of {len(paths)} values, one for each of {axis}, got {got}")
    return tuple(value)


def _columns(axes: Mapping[str, tuple[Any, ...]]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for axis, values in axes.items():
        yield from zip(paths_of(axis), zip(*(row(axis, value) for value in values), strict=True), strict=True)


Sampler = Literal["grid", "random", "tpe", "nsga2", "cmaes", "gp", "qmc"]

MAX_AXIS_VALUES = 10_000


def _axis(value: object) -> tuple[Any, ...]:
    """Write an axis as the list of its values."""
    if isinstance(value, (list, tuple)):
        if not value:
            raise ValueError("an axis must have values, got an empty list")
        return tuple(value)
    if isinstance(value, Mapping):
        return _range(value)
    raise ValueError(f"must be a list of values or a range {{from: …, to: …, step: …}}, got {describe(value)}")


def _range(value: Mapping[str, Any]) -> tuple[Any, ...]:
    """Expand ``{from: 32 KiB, to: 1 MiB, step: x2}``; values are in the unit of ``from``."""
    keys = ["from", "to", "step"]
    for key in value:
        if key not in keys:
            raise ValueError(f"no such key {key!r} in a range{HINT}{did_you_mean(str(key), keys)}")
    if missing := [key for key in keys if key not in value]:
        raise ValueError(f"a range needs {' and '.join(missing)}")
    first, unit = _number(value["from"], "from")
    last = units.convert(*_number(value["to"], "to"), unit)
    if first > last:
        raise ValueError(f"from must not be larger than to, got {value['from']} and {value['to']}")
    step = value["step"]
    values = [first]
    factor = _factor(step)
    if factor is not None and first <= 0:
        raise ValueError(f"from must be greater than zero when step multiplies, got {value['from']}")
    amount = Fraction(0) if factor is not None else _amount(step, unit)
    while (following := values[-1] * factor if factor is not None else values[-1] + amount) <= last:
        if len(values) == MAX_AXIS_VALUES:
            raise ValueError(f"the range has more than {MAX_AXIS_VALUES:,} values")
        values.append(following)
    return tuple(_written(number, unit) for number in values)


def _number(value: object, key: str) -> tuple[Fraction, str]:
    try:
        return units.split(value)
    except ValueError as error:
        raise ValueError(f"{key} {error}") from None


def _factor(step: object) -> Fraction | None:
    """Read ``x2``; null where the step adds."""
    if not isinstance(step, str) or step.strip()[:1] not in {"x", "*", "×"}:
        return None
    number, unit = _number(step.strip()[1:], "step")
    if unit or number <= 1:
        raise ValueError(f"step must multiply by more than 1, got {describe(step)}")
    return number


def _amount(step: object, unit: str) -> Fraction:
    number, step_unit = _number(step, "step")
    amount = units.convert(number, step_unit, unit) if step_unit else number
    if amount <= 0:
        raise ValueError(f"step must be greater than zero, got {describe(step)}{HINT}x2 doubles, +4 or 4 adds")
    return amount


def _written(number: Fraction, unit: str) -> int | float | str:
    """Write a value of a range as it would stand in a file."""
    if unit:
        return f"{units.number_text(number)} {unit}"
    return number.numerator if number.denominator == 1 else float(number)


Axis = Annotated[
    tuple[Any, ...],
    PlainValidator(_axis),
    PlainSerializer(list),
    JsonSchema(
        {
            "anyOf": [
                {"type": "array", "minItems": 1},
                {
                    "title": "Range",
                    "type": "object",
                    "properties": {
                        "from": {
                            "type": ["number", "string"],
                            "description": "First value; all are written in its unit.",
                            "examples": ["32 KiB", 4],
                        },
                        "to": {
                            "type": ["number", "string"],
                            "description": "Largest value that may be reached.",
                            "examples": ["1 MiB", 64],
                        },
                        "step": {
                            "type": ["number", "string"],
                            "description": "`x2` multiplies; `+4`, `4` or `32 KiB` adds.",
                            "examples": ["x2", 4, "32 KiB"],
                        },
                    },
                    "required": ["from", "to", "step"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def _read(read: Callable[[str], object]) -> Callable[[object], str]:
    """Check a text by reading it."""

    def checked(value: object) -> str:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise ValueError(f"must be a text, got {describe(value)}")  # noqa: TRY004  (pydantic collects ValueErrors)
        read(str(value))
        return str(value)

    return checked


Formula = Annotated[str, PlainValidator(_read(amount_formula)), JsonSchema({"type": ["string", "number"]})]
Comparison = Annotated[str, PlainValidator(_read(condition)), JsonSchema({"type": "string"})]
FIGURES: Mapping[str, str] = MappingProxyType(
    {"area": "mm2", "energy": "pJ", "latency": "s", "power": "W", "peak_power": "W", "utilisation": ""}
)
"""What conditions may ask for beside values that a study sets, with the unit that it comes in."""


class NotDerivedError(Exception):
    """A formula has no value."""

    def __init__(self, path: str, said: str) -> None:
        super().__init__(said)
        self.path = path
        """Of what it is for."""


class Subject(SpecModel):
    """What a study is about."""

    name: str = ""
    """What the study is called; its file's name when absent. E.g. ``glb_sweep``."""
    source: str = ""
    """What it reproduces or why it is asked. E.g. ``Chen et al., ISCA 2016, figure 10``."""
    arch: OneOrMore[str] = Field(json_schema_extra={"minItems": 1})
    """Names of shipped architectures, or files (tried beside the study first). E.g. ``eyeriss_v1``,
    ``[eyeriss_v1, pe2d]``."""
    workload: OneOrMore[str] = Field(json_schema_extra={"minItems": 1})
    """Names of shipped workloads, or files (tried beside the study first); each is run on each architecture.
    E.g. ``alexnet``, ``[alexnet, resnet18]``."""
    einsums: OneOrMore[str] | None = None
    """Only these Einsums of the workloads; all when absent. E.g. ``[CONV3]``, ``CONV1``."""


class Study(Request, Subject):
    """A study file: a subject, a request, and the axes of a design space."""

    objective: Objectives = ("energy",)
    """What is made small; a study that names nothing asks for energy.
    E.g. ``edp``, ``[energy, latency]``, ``"energy,latency"``, ``energy^2*latency``."""
    fuse: Fuse = "off"
    """Whether neighbouring Einsums may share loops and storage: ``auto`` where that is better, ``all`` wherever
    something can stay on chip. Designs share the searches of layers that are mapped by themselves (``off``), and none
    of fused ones, so a study says where it wants them. E.g. ``auto``."""
    axes: dict[str, Axis] = Field(default_factory=dict)
    """Path of a value, as for ``--set``, → the values that it takes: a list, or a range whose step multiplies (``x2``)
    or adds (``+4``). Several paths with commas between them go together: each value is a list with one for each. The
    design space is their product. E.g. ``{GLB.size: [32 KiB, 108 KiB]}``,
    ``{PEs.shape.X: {from: 4, to: 64, step: x2}}``, ``{"PEs.shape.X, PEs.shape.Y": [[8, 8], [16, 16]]}``."""
    derive: dict[str, Formula] = Field(default_factory=dict)
    """Path of a value, as for ``--set``, → a formula of values (of axes, set, derived above it, or stated in the
    files) and numbers, with units: ``+ - * /``, ``floor``, ``ceil``, ``max``, ``min``.
    E.g. ``{GLB.size: 2 KiB * PEs.shape.X}``."""
    where: OneOrMore[Comparison] = ()
    """Designs that are looked at: comparisons (``<= >= < > ==``) of such formulas, and of ``area``, ``energy``,
    ``latency``, ``power`` (energy over latency), ``peak_power`` (of the Einsum that draws most) and ``utilisation``.
    What axes and area tell is not searched.
    E.g. ``area <= 10 mm2``, ``[power <= 2 W, GLB.size <= 4 KiB * PEs.shape.X]``."""
    sampler: Sampler = "grid"
    """How points of the design space are chosen: all of them in order (``grid``), or by Optuna. E.g. ``nsga2``."""
    points: Annotated[int, Field(gt=0)] | None = None
    """Points of the design space that are tried; all when absent. E.g. ``100``."""
    mean: dict[str, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    """Workload → how often it runs: a design is costed by the mean over all these runs, in energy and in time, not for
    each workload apart. E.g. ``{resnet18: 3, mobilenet_v2: 1}``."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Path of a value, as for ``--set``, → what replaces it in the architecture or the workload at every point.
    E.g. ``{GLB.size: 64 KiB, ranks.N: 4}``."""

    @field_validator("axes")
    @classmethod
    def _whole_rows(cls, axes: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        """Paths that go together have as many values, and no path stands twice."""
        seen: set[str] = set()
        for axis, values in axes.items():
            for path in paths_of(axis):
                if path in seen:
                    raise ValueError(f"{path} stands twice{HINT}leave it out of {axis!r}")
                seen.add(path)
            for value in values:
                row(axis, value)
        return axes

    key_hints: ClassVar[dict[str, str]] = {
        "objectives": "did you mean 'objective'?",
        "workloads": "did you mean 'workload'?",
        "archs": "did you mean 'arch'?",
        "architecture": "did you mean 'arch'?",
        "missing arch": "names or files of architectures",
        "missing workload": "names or files of workloads",
    }

    without_effect: ClassVar[frozenset[str]] = Request.without_effect | {
        *("name", "source"),
        *("axes", "sampler", "points"),
    }
    """Keys that change nothing in the answer for one point of the design space: a longer sweep keeps its points."""

    @cached_property
    def documents(self) -> Mapping[tuple[Kind, str], Document]:
        """The study (reference ``""``) and what it names, as read when it was loaded: (kind, reference) → document."""
        return {}

    def of_documents(self, own: Document, arch: Mapping[str, Document], workload: Mapping[str, Document]) -> Study:
        """Return the study with what was read, and with each reference once."""
        study = self.model_copy(update={"arch": tuple(arch), "workload": tuple(workload)})
        named: dict[Kind, Mapping[str, Document]] = {"study": {"": own}, "arch": arch, "workload": workload}
        study.__dict__["documents"] = {(kind, ref): text for kind, some in named.items() for ref, text in some.items()}
        return study

    @property
    def columns(self) -> Mapping[str, tuple[Any, ...]]:
        """Path → the values that it takes along its axis."""
        known = self.__dict__.get("_columns")
        if known is None or known[0] is not self.axes:  # a copy of a study may have other axes
            known = self.__dict__["_columns"] = (self.axes, dict(_columns(self.axes)))
        columns: Mapping[str, tuple[Any, ...]] = known[1]
        return columns

    @property
    def asked(self) -> tuple[str, ...]:
        """Paths that formulas and conditions ask for and that the study does not set: files may state them."""
        own = {*self.set, *self.columns}
        used: list[str] = []
        for path, text in self.derive.items():
            used += [name for name in amount_formula(text).names.values() if name not in own]
            own.add(path)
        own |= {*FIGURES}
        used += [name for text in self.where for name in condition(text).names if name not in own]
        return tuple(dict.fromkeys(used))

    def know(self, stated: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Take in what files state of what is asked: (architecture, workload) → path → value."""
        self.__dict__["_stated"] = stated

    def from_files(self, arch: str | None = None, workload: str | None = None) -> Mapping[str, Any]:
        """What the files of a design state of what is asked; those of the first one without names.

        Of a mean it is what they all state alike.
        """
        known: Mapping[tuple[str, str], Mapping[str, Any]] = self.__dict__.get("_stated", {})
        if arch is None or workload is None:
            return next(iter(known.values()), {})
        first, *others = [known.get((arch, ref), {}) for ref in (self.mean or (workload,))]
        return {path: value for path, value in first.items() if all(o.get(path) == value for o in others)}

    def derived(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """What is derived from values (stated, set, and of the axes), as it would stand in a file.

        Raises NotDerivedError where a formula has no value.
        """
        known = dict(chosen)
        for path, text in self.derive.items():
            formula = amount_formula(text)
            try:
                used = {name: Amount.of(known[name]) for name in formula.names.values()}
                known[path] = formula.value(used).written
            except ZeroDivisionError:
                raise NotDerivedError(path, f"{text}: a division by 0") from None
            except KeyError as error:
                raise NotDerivedError(path, f"{text}: nothing states {error}") from None
            except ValueError as error:
                raise NotDerivedError(path, f"{text}: {error}") from None
        return {path: known[path] for path in self.derive}

    @property
    def computations(self) -> tuple[str, ...]:
        """What designs compute: each workload, or the mean over all of them."""
        if not self.mean:
            return self.workload
        return (" + ".join(f"{self.mean[ref]} {ref}" for ref in self.workload),)

    @property
    def runs(self) -> int:
        """Runs that a mean is over."""
        return sum(self.mean.values()) or 1

    @property
    def layered(self) -> bool:
        """Whether layers are searched alone, each to its end: they share neither a budget nor nests."""
        return self.budget is None and self.fuse == "off"

    @property
    def design_points(self) -> int:
        """Size of the grid that the axes span; 1 without axes."""
        return math.prod(len(values) for values in self.axes.values())
