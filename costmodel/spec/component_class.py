"""``components:`` of an architecture: classes that the file defines, by points between which their costs lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from costmodel.components.defined import DefinedComponent
from costmodel.components.protocol import SIZE, WIDTH, Parameter
from costmodel.components.scaling import Process
from costmodel.spec import units
from costmodel.spec.problems import Marks, Path, Problem, SpecError
from costmodel.spec.quantities import KINDS, Length, Name, Voltage
from costmodel.spec.units import Dimension
from costmodel.spec.validation import Items, SpecModel

_COSTS: dict[str, Dimension] = {
    **dict.fromkeys(("read", "write", "hop", *(kind for kind in KINDS if kind != "default")), units.ENERGY),
    "area": units.AREA,
    "leakage": units.POWER,
}
_KNOWN = {"size": SIZE, "width": WIDTH}
Exponent = Annotated[float | int, Field(ge=-10, le=10)]
"""By which a cost grows with a parameter."""


class ComponentClass(SpecModel):
    """A class of component that the file defines."""

    component: Name = Field(alias="class")
    """What ``component:`` of a level calls it; not the name of a class of the library. E.g. ``our_sram``."""
    level: Literal["memory", "array", "compute"]
    """The kind of level that it prices. E.g. ``memory``."""
    source: Annotated[str, Field(min_length=1)]
    """Where its numbers come from. E.g. ``our memory compiler, 2025``."""
    node: Length | None = None
    """Feature size of its process: from there, energies and areas are scaled as logic to that of the file. Not scaled
    when absent. E.g. ``28 nm``."""
    voltage: Voltage | None = None
    """Supply at which its points hold, beside ``node:``: from there, energies and leakage follow that of the file. They
    do not when absent. E.g. ``0.9 V``."""
    rows: Items[dict[str, Any]] = Field(min_length=1)
    """Points: values of parameters (``size``, ``width``, or numbers of your own) with the costs there (``read``,
    ``write``, ``hop``, kinds of operation, ``area``, ``leakage``). Several differ in one parameter, along which costs
    lie between them. E.g. ``[{size: 8 KiB, width: 64 b, read: 2 pJ, write: 2 pJ, area: 0.02 mm2}]``."""
    exponents: dict[Literal["energy", "area", "leakage"], dict[str, Exponent]] = Field(default_factory=dict)
    """The powers by which costs grow with parameters in which the points do not differ; not at all when absent.
    E.g. ``{energy: {width: 1, size: 0.5}, area: {size: 1}}``."""

    key_hints: ClassVar[dict[str, str]] = {"missing class": "a name of your own", "technology": "say `node:`"}

    def resolve(self, at: Path, word_bits: int, marks: Marks) -> DefinedComponent:
        """Return the component; SpecError tells what is wrong with its points and powers."""
        from costmodel.components import library

        problems: list[Problem] = []
        if self.component in library.OWN:
            problems.append(marks.problem(f"the library has a class {self.component!r}", (*at, "class")))
        rows = [_row(row, (*at, "rows", n), word_bits, marks, problems) for n, row in enumerate(self.rows)]
        along = "" if problems else _along(rows, at, marks, problems)
        parameters = rows[0][0]
        for group, powers in self.exponents.items():
            for key in powers:
                if key not in parameters or key == along:
                    rule = f"{key} has no power: " + (
                        "the points differ in it" if key == along else "no point names it"
                    )
                    problems.append(marks.problem(rule, (*at, "exponents", group, key), key=True))
        if self.voltage is not None and self.node is None:
            problems.append(
                marks.problem("`voltage:` needs `node:`, of which it is the supply", (*at, "voltage"), key=True)
            )
        if problems:
            raise SpecError(problems)
        own = {key: _KNOWN.get(key, Parameter(means="of the file", default=int(n))) for key, n in parameters.items()}
        ordered = sorted(rows, key=lambda row: row[0].get(along, 0.0))
        grows: dict[str, Mapping[str, float]] = {
            group: {key: float(n) for key, n in powers.items()} for group, powers in self.exponents.items()
        }
        of = Process(float(self.node), float(self.voltage or 0)) if self.node else None
        return DefinedComponent(self.component, self.level, self.source, own, tuple(ordered), along, grows, of)


_Row = tuple[dict[str, float], dict[str, float]]


def _row(said: Mapping[str, Any], at: Path, word_bits: int, marks: Marks, problems: list[Problem]) -> _Row:
    """Read the parameters and the costs of a point."""
    parameters: dict[str, float] = {}
    costs: dict[str, float] = {}
    for key, value in said.items():
        try:
            if key in _COSTS:
                costs[key] = float(units.parse(value, _COSTS[key]))
                if costs[key] <= 0:
                    raise ValueError("must be greater than zero")  # noqa: TRY301  told as what cannot be read
            else:
                parameters[key] = float(_KNOWN.get(key, Parameter(means=key)).read(value, word_bits))
        except ValueError as error:
            problems.append(marks.problem(str(error), (*at, key)))
    if not costs:
        problems.append(
            marks.problem("a point has no costs", at, hint=f"say some of {', '.join([*_COSTS][:3])}, area …")
        )
    return parameters, costs


def _along(rows: Sequence[_Row], at: Path, marks: Marks, problems: list[Problem]) -> str:
    """Return the parameter in which points differ; empty where there is one point."""
    first = rows[0]
    for n, row in enumerate(rows):
        if row[0].keys() != first[0].keys() or row[1].keys() != first[1].keys():
            rule = "every point names the same parameters and costs as the first"
            problems.append(marks.problem(rule, (*at, "rows", n)))
    if len(rows) == 1 or problems:
        return ""
    differing = [key for key in first[0] if len({row[0][key] for row in rows}) > 1]
    if len(differing) == 1 and len({row[0][differing[0]] for row in rows}) == len(rows):
        return differing[0]
    rule = f"points must differ in one parameter, each from each; these differ in {' and '.join(differing) or 'none'}"
    problems.append(marks.problem(rule, (*at, "rows")))
    return ""
