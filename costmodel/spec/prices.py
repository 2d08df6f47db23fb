"""What a level costs: what the file states, and for the rest what the library knows of its component.

Every number keeps its source. Stated numbers win over those of the library, one by one; an ``energy:`` or
``throughput:`` of every kind of operation (``default``), and a ``bandwidth:``, stand for all that the library has of
that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from costmodel.components.figures import ComponentFigure, Unit, total
from costmodel.components.network import Network
from costmodel.spec.levels import AnyLevel, ArraySpec, ComputeSpec, MemorySpec
from costmodel.spec.problems import Marks, Path, Problem, SpecError
from costmodel.spec.quantities import KINDS
from costmodel.spec.units import Quantity

if TYPE_CHECKING:
    from costmodel.components.library import Priced
    from costmodel.components.protocol import Component, Value

BANDWIDTHS = ("bandwidth", "read_bandwidth", "write_bandwidth")
RATE = "throughput"
"""Of every kind of operation that has no rate of its own, ``throughput KIND``."""
LINK_RATE = "link_bandwidth"
"""What each link of a network carries in a cycle."""
_ALL = ("area", "leakage")
_STATED_BANDWIDTHS = MappingProxyType(dict(zip(("total", "read", "write"), BANDWIDTHS, strict=True)))


@dataclass(frozen=True, slots=True)
class Around:
    """What the file says of all its levels."""

    word_bits: int
    clock_hz: Fraction
    node_nm: float | None
    volts: float | None
    source: str
    classes: Mapping[str, Component] = field(default_factory=dict)
    """Components that the file defines."""

    def bits(self, size: Quantity) -> int:
        return int(size.value) * (self.word_bits if size.unit == "words" else 1)

    def cycles(self, latency: Quantity) -> float:
        return float(latency.value * self.clock_hz if latency.unit == "s" else latency.value)

    def per_cycle(self, bandwidth: Quantity) -> float:
        """Bits per cycle."""
        amount, per = bandwidth.unit.split("/")
        bits = bandwidth.value * (self.word_bits if amount == "words" else 1)
        return float(bits / self.clock_hz) if per == "s" else float(bits)


@dataclass(frozen=True, slots=True)
class LevelNumber:
    """One number that prices or limits a level, and the place in the file that it follows from."""

    figure: ComponentFigure
    """Of limits: in bits per cycle."""
    path: Path


@dataclass(frozen=True, slots=True)
class LevelPrices:
    """All numbers of a level: by ``read``, ``write``, ``hop`` or kind of operation, ``area``, ``leakage``, limits.

    Rates of operations are those of the library alone; what the file states of them is in the level.
    """

    numbers: Mapping[str, LevelNumber]
    access_bits: int
    """Width that the energies refer to."""
    warnings: tuple[str, ...] = ()
    """Ranges of the library that are left, and what no supply moves: for whoever uses its numbers."""
    network: Network | None = None
    """What connects an array, where its component says it."""

    def value(self, name: str) -> float | None:
        """Return a number, null where there is none."""
        return self.numbers[name].figure.value if name in self.numbers else None

    def source(self, name: str) -> str:
        """Where a number comes from, empty where there is none."""
        return self.numbers[name].figure.source if name in self.numbers else ""

    @property
    def operations(self) -> dict[str, float]:
        """Kind of operation → its energy."""
        return {name: number.figure.value for name, number in self.numbers.items() if name in KINDS}

    @property
    def rates(self) -> dict[str, float]:
        """Kind of operation, or ``default`` → how many of them a cycle."""
        rated = {name: name.removeprefix(RATE).strip() or "default" for name in self.numbers if name.startswith(RATE)}
        return {kind: self.numbers[name].figure.value for name, kind in rated.items()}

    @property
    def energy_source(self) -> str:
        """Where the energies come from, each source once."""
        energies = (number.figure for number in self.numbers.values() if number.figure.unit == "pJ")
        return "; ".join(dict.fromkeys(figure.source for figure in energies if figure.source))


def prices_of(level: AnyLevel, at: Path, around: Around, marks: Marks) -> LevelPrices:
    """Return all numbers of a level; SpecError tells what is wrong with its component, or with what is said beside."""
    stated = dict(_stated(level, at, around))
    access = _stated_access(level)
    width = int(access.value) if access is not None else around.word_bits
    if level.component is None:
        return LevelPrices(stated, width, _unmoved(at, stated, around))
    parts = _parts(level, at, around, width, marks)
    known = {name: figure for name, figure in _together(parts).items() if name in _wanted(level, stated)}
    if isinstance(level, ComputeSpec) and "default" not in (level.throughput or ()):
        known |= _rates(parts, {*stated, *known} - {*(level.throughput or ())})
    of = parts[0].priced
    problems = [
        *_priced_twice(parts, known, marks),
        *_said_twice(level, parts[0].path, known, marks),
        *_lacking(level, parts[0].path, {*stated, *known}, of.component.name, marks),
    ]
    if problems:
        raise SpecError(problems)
    numbers = {
        name: LevelNumber(_per_cycle(figure, around), (*at, "component")) for name, figure in known.items()
    } | stated
    if any(name in known for name in ("read", "write", "hop")):
        width = int(of.values.get("width", width))
    beyond = dict.fromkeys(text for figure in known.values() for text in figure.beyond)
    still = {
        name: numbers[name] for part in parts if not _supplied(part) for name in part.priced.figures if name in known
    }
    network = _network(of)
    warnings = (*beyond, *_unmoved(at, stated | still, around), *_idle_ports(level, network))
    return LevelPrices(numbers, width, warnings, network)


def _supplied(part: _Part) -> bool:
    """Whether what a component costs follows the supply, or need not: a DRAM has one of its own."""
    of = part.priced.component
    return "voltage" in of.parameters or of.name == "dram"


def _unmoved(at: Path, numbers: Mapping[str, LevelNumber], around: Around) -> tuple[str, ...]:
    """Warn of costs that do not follow the supply that the file says; the outermost memory is off the chip."""
    names = [name for name, number in numbers.items() if number.figure.unit in {"pJ", "W"} and number.figure.value]
    if around.volts is None or not names or at[-1] == 0:
        return ()
    return (f"`voltage:` does not move {', '.join(names)}: at what supply that is, is not known",)


def _network(of: Priced) -> Network | None:
    from costmodel.components.noc import Noc, network_of

    return network_of(of.values) if isinstance(of.component, Noc) else None


def _idle_ports(level: AnyLevel, network: Network | None) -> tuple[str, ...]:
    """Warn of links to what is above that can carry nothing."""
    if network is None or not isinstance(level, ArraySpec) or not network.idle_ports(level.shape):
        return ()
    instances = math.prod(level.shape.values())
    return (
        f"`ports: {network.ports:,}`, and a single link leads to each of its {instances:,} instances: the rest is idle",
    )


def _stated(level: AnyLevel, at: Path, around: Around) -> Iterator[tuple[str, LevelNumber]]:
    """Give the numbers that the file says."""
    source = level.source or around.source
    energies = source if isinstance(level, ArraySpec) else level.energy_source or source
    if isinstance(level, MemorySpec):
        said: list[tuple[str, tuple[str, ...], Quantity | None]] = [
            (action, ("energy", action), getattr(level.energy, action, None)) for action in ("read", "write")
        ]
        for key, name in _STATED_BANDWIDTHS.items():
            if (limit := getattr(level.bandwidth, key, None)) is not None:
                figure = ComponentFigure(around.per_cycle(limit), "b/cycle", source, "stated")
                yield name, LevelNumber(figure, (*at, "bandwidth", key))
    elif isinstance(level, ArraySpec):
        said = [("hop", ("hop",), level.hop)]
    else:
        said = [(kind, ("energy", kind), price) for kind, price in (level.energy or {}).items()]
    rest: list[tuple[str, Unit, Quantity | None]] = [("area", "mm2", level.area), ("leakage", "W", level.leakage)]
    for name, path, price in said:
        if price is not None:
            yield name, LevelNumber(ComponentFigure(float(price), "pJ", energies, "stated"), (*at, *path))
    for name, unit, value in rest:
        if value is not None:
            yield name, LevelNumber(ComponentFigure(float(value), unit, source, "stated"), (*at, name))


def _stated_access(level: AnyLevel) -> Quantity | None:
    if isinstance(level, MemorySpec):
        return level.access or (level.energy.access if level.energy else None)
    return level.access if isinstance(level, ArraySpec) else None


class _Part(NamedTuple):
    """A component of a level, and where the file says it."""

    path: Path
    priced: Priced


def _parts(level: AnyLevel, at: Path, around: Around, width: int, marks: Marks) -> list[_Part]:
    """Price the components of a level from what the file says in and around them."""
    known: dict[str, Value] = {"width": width, "format": f"int{around.word_bits}"}
    if around.node_nm is not None:
        known["node"] = around.node_nm
    if around.volts is not None:
        known["voltage"] = around.volts
    if isinstance(level, MemorySpec) and level.size is not None:
        known["size"] = around.bits(level.size)
    path = (*at, "component")
    says = level.component
    listed = [((*path, n), each) for n, each in enumerate(says)] if isinstance(says, tuple) else [(path, says or {})]
    found: list[_Part] = []
    problems: list[Problem] = []
    for place, said in listed:
        part = _priced(level, said, place, known, around, marks)
        if isinstance(part, list):
            problems += part
        else:
            found.append(_Part(place, part))
    if problems:
        raise SpecError(problems)
    return found


def _priced(
    level: AnyLevel, said: Mapping[str, object], path: Path, known: Mapping[str, Value], around: Around, marks: Marks
) -> Priced | list[Problem]:
    from costmodel.components import library
    from costmodel.components.protocol import ComponentError

    says = dict(said)
    parameters: set[str] = {"class"}
    try:
        of = library.component(says.pop("class"), level.kind, around.classes)
        parameters |= set(of.parameters)
        return library.priced(of, says, known, word_bits=around.word_bits)
    except ComponentError as error:
        problems = []
        for each in (error, *error.more):
            place = (*path, *each.within, *([each.parameter] if each.parameter else []))
            is_key = bool(each.parameter) and each.parameter not in parameters
            problems.append(marks.problem(str(each), place, hint=each.hint, key=is_key))
        return problems


def _together(parts: Sequence[_Part]) -> dict[str, ComponentFigure]:
    """Return what several components cost as one; areas and leakages add up where every part has them."""
    found: dict[str, ComponentFigure] = {}
    for part in parts:
        found |= part.priced.figures
    for name in _ALL:
        having = [part.priced.figures[name] for part in parts if name in part.priced.figures]
        found.pop(name, None)
        if len(having) == len(parts):
            found[name] = total(having)
    return found


def _rates(parts: Sequence[_Part], names: set[str]) -> dict[str, ComponentFigure]:
    """Return how many operations of some kinds components do in a cycle; one rate where all do as many."""
    by_kind = {
        kind: part.priced.figures[RATE]
        for part in parts
        if RATE in part.priced.figures
        for kind in part.priced.figures
        if kind in names & set(KINDS)
    }
    if by_kind and len({figure.value for figure in by_kind.values()}) == 1 and set(by_kind) == names & set(KINDS):
        return {RATE: next(iter(by_kind.values()))}
    return {f"{RATE} {kind}": figure for kind, figure in by_kind.items()}


def _priced_twice(parts: Sequence[_Part], known: Mapping[str, ComponentFigure], marks: Marks) -> Iterator[Problem]:
    """Find kinds of operation that several components of a unit do."""
    first: dict[str, str] = {}
    for part in parts:
        of = part.priced.component.name
        twice = [kind for kind in part.priced.figures if kind in first and kind in known and kind in KINDS]
        if twice:
            rule = f"{first[twice[0]]} and {of} both price {', '.join(twice)}"
            yield marks.problem(rule, part.path, hint=f"leave one out, or say `energy: {{{twice[0]}: …}}`")
        first |= {kind: first.get(kind, of) for kind in part.priced.figures}


def _wanted(level: AnyLevel, stated: Mapping[str, LevelNumber]) -> set[str]:
    """Return the numbers that the library may give: those of the level that the file does not state."""
    wanted = set(_ALL)
    if isinstance(level, MemorySpec):
        wanted |= {"read", "write", *(BANDWIDTHS if level.bandwidth is None else ())}
    elif isinstance(level, ArraySpec):
        wanted |= {"hop", LINK_RATE}
    elif "default" not in stated:
        wanted |= set(KINDS)
    return wanted - set(stated)


def _said_twice(level: AnyLevel, path: Path, known: Mapping[str, ComponentFigure], marks: Marks) -> Iterator[Problem]:
    """Find a width that is said beside the component and in it."""
    priced = [name for name in ("read", "write", "hop") if name in known]
    if priced and _stated_access(level) is not None and "width" in (level.component or {}):
        rule = f"the width of {' and '.join(priced)} is said twice, here and as `access:`"
        yield marks.problem(rule, (*path, "width"), key=True)


def _lacking(level: AnyLevel, path: Path, names: set[str], of: str, marks: Marks) -> Iterator[Problem]:
    """Find energies that neither the file nor the library has."""
    if isinstance(level, MemorySpec) and (missing := [n for n in ("read", "write") if n not in names]):
        said = f"`energy: {{{', '.join(f'{name}: …' for name in missing)}}}`"
        rule = f"{of} has no energy of {' and '.join(missing)} here"
        yield marks.problem(rule, path, hint=f"say {said} beside it")


def _per_cycle(figure: ComponentFigure, around: Around) -> ComponentFigure:
    """Turn a limit of bits per second into one per cycle."""
    if figure.unit != "b/s":
        return figure
    return ComponentFigure(figure.value / float(around.clock_hz), "b/cycle", figure.source, figure.basis, figure.beyond)
