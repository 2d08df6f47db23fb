"""Where the numbers of an architecture come from: each with what the file or the component library says of it.

Of a number that the file states: the comment beside it, else the ``energy_source:`` or ``source:`` of its level, else
the ``source:`` of the file. Of one that was set from outside: what set it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from costmodel.spec.levels import AnyLevel, ArraySpec, ComputeSpec, MemorySpec
from costmodel.spec.quantities import KINDS
from costmodel.spec.units import Quantity

if TYPE_CHECKING:
    from costmodel.components.figures import Basis
    from costmodel.spec.architecture import ArchitectureSpec
    from costmodel.spec.load import Document
    from costmodel.spec.prices import Around, LevelPrices
    from costmodel.spec.problems import Path

BY_DEFAULT = "what holds where nothing is stated"


@dataclass(frozen=True, slots=True)
class NumberSource:
    """One number of an architecture, and where it comes from."""

    level: str
    """Empty: of the whole architecture."""
    name: str
    """``read``, ``write``, ``hop``, ``compute`` with the kind of operation, ``area``, ``leakage``, ``size`` …"""
    value: float
    unit: str
    """A base unit: b, pJ, mm2, W, b/cycle, /cycle, cycles, Hz, nm, V; empty of a shape."""
    per_bits: int | None
    """Of reads, writes and hops: the width that the value refers to."""
    basis: Basis
    """``stated``, or how near the library is to what was published."""
    source: str
    beyond: tuple[str, ...] = ()
    """Ranges of the library that are left."""


def number_sources(spec: ArchitectureSpec, document: Document) -> tuple[NumberSource, ...]:
    """Return every number of an architecture with its source, outermost level first.

    ``spec`` is that of the document, and resolves.
    """
    levels, _ = spec.priced(document.marks)
    found = list(_heads(spec, document))
    for place, (level, prices) in enumerate(zip(spec.levels, levels, strict=True)):
        found += _shape(level, ("levels", place), spec.around, document)
        found += _prices(level, prices, document)
        found += _links(level, prices)
    return tuple(found)


def _heads(spec: ArchitectureSpec, document: Document) -> Iterator[NumberSource]:
    """Give the numbers of the whole file."""
    heads: list[tuple[str, Quantity | None]] = [
        ("clock", spec.clock),
        ("word", spec.word),
        ("technology", spec.technology),
        ("voltage", spec.voltage),
    ]
    for key, value in heads:
        if value is not None:
            source = spec.source if key in spec.model_fields_set else BY_DEFAULT
            yield _stated("", key, float(value), value.unit, (key,), source, document)


def _shape(level: AnyLevel, at: Path, around: Around, document: Document) -> Iterator[NumberSource]:
    """Give sizes and rates, which no component prices."""
    source = level.source or around.source

    def number(name: str, value: float, unit: str, *path: str) -> NumberSource:
        return _stated(level.level_name, name, value, unit, (*at, *path), source, document)

    if isinstance(level, MemorySpec) and level.size is not None:
        yield number("size", around.bits(level.size), "b", "size")
    if isinstance(level, MemorySpec) and level.latency is not None:
        yield number("latency", around.cycles(level.latency), "cycles", "latency")
    if isinstance(level, MemorySpec) and level.in_flight is not None:
        yield number("in flight", around.bits(level.in_flight), "b", "in_flight")
    if not isinstance(level, ComputeSpec) and level.partial is not None:
        yield number("partial sum", float(level.partial), "b", "partial")
    if isinstance(level, ArraySpec):
        for dimension, extent in level.shape.items():
            yield number(f"shape {dimension}", extent, "", "shape", dimension)
    if isinstance(level, ComputeSpec):
        for kind, rate in (level.throughput or {}).items():
            named = "throughput" if kind == "default" else f"throughput {kind}"
            yield number(named, float(rate), "/cycle", "throughput", kind)
    if level.instances is not None:
        yield number("instances", level.instances, "", "instances")


def _prices(level: AnyLevel, prices: LevelPrices, document: Document) -> Iterator[NumberSource]:
    for name, number in prices.numbers.items():
        figure = number.figure
        per = prices.access_bits if name in {"read", "write", "hop"} else None
        told = "compute" if name == "default" else f"compute {name}" if name in KINDS else name.replace("_", " ")
        source = figure.source
        if figure.basis == "stated" and number.path[-1] != "component":
            source = _beside(number.path, document) or source
        yield NumberSource(level.level_name, told, figure.value, figure.unit, per, figure.basis, source, figure.beyond)


def _links(level: AnyLevel, prices: LevelPrices) -> Iterator[NumberSource]:
    """Give what follows from the shape of a network."""
    network = prices.network
    if network is None or not isinstance(level, ArraySpec):
        return
    links, meaning = network.links(level.shape), network.meaning()
    numbers = [("links of a word", links.word, ""), ("links of an instance", links.instance, "")]
    rates = network.words_per_cycle(level.shape)
    numbers += [(action, words * network.link_bits, "b/cycle") for action, words in rates.items()]
    for name, value, unit in numbers:
        yield NumberSource(level.level_name, name, float(value), unit, None, "assumed", meaning)


def _stated(
    level: str, name: str, value: float, unit: str, path: Path, source: str, document: Document
) -> NumberSource:
    return NumberSource(level, name, value, unit, None, "stated", _beside(path, document) or source)


def _beside(path: Path, document: Document) -> str:
    """What stands beside a value: the comment on its line, or what set it; empty where nothing does."""
    file, line, _ = document.marks.at(path)
    if not line:
        return file if file != document.marks.file else ""
    lines = document.text.splitlines()
    return comment(lines[line - 1]) if line <= len(lines) else ""


def comment(line: str) -> str:
    """Return the comment at the end of a line of YAML.

    >>> comment("size: 108 KiB   # 27 banks"), comment('name: "a # b"'), comment("source: Chen's # 2017")
    ('27 banks', '', '2017')
    """
    quote, before = "", " "
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and before in " [{,:":
            quote = character
        elif character == "#" and before.isspace():
            return line[place + 1 :].strip()
        before = character
    return ""
