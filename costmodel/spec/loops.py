"""A nest as the lines of a program: ``for m in [0, 64) by 16:``, its body indented. What is printed reads as the same.

A line is a sentence with the range that the loop runs over put in; ``by 1`` may be left out then. The range is what the
loops above leave of the rank variable, and is checked where the shapes are known: ``[0, M)`` is all of ``m``,
``[0:4)`` counts tiles instead of positions, and ``range(0, M, 16)`` is ``[0, M) by 16``. ``parallel-for`` is a loop in
space. Below a ``sequence:`` (or ``sequence, overlap pipelined:``) each of its nests has a ``branch:``. What follows
``#`` is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from costmodel.einsum import notation
from costmodel.einsum.algebra import Einsum
from costmodel.spec.mapping import (
    Compute,
    Nest,
    Node,
    NodePath,
    Overlap,
    Sequence,
    Spatial,
    Storage,
    Temporal,
    einsums_in,
)
from costmodel.spec.sentences import SentenceError, parse_sentence

MAX_BLOCKS = 400
"""Deepest nesting of loops and branches."""
RANGE_FORM = "the form is: for VARIABLE in [0, EXTENT) by TILE:"

_COMMENT = re.compile(r"(?:^|\s)#.*$")
_RANGE = re.compile(
    r"(?P<verb>for|parallel-for|parallel)\s+(?P<variable>\w+)\s+in\s+"
    r"(?:\[\s*0\s*(?P<sign>[,:])\s*(?P<stop>\w+)\s*\)"
    r"|range\(\s*(?:0\s*,\s*(?P<end>\w+)\s*(?:,\s*(?P<step>\w+)\s*)?|(?P<only>\w+)\s*)\))(?P<rest>.*)"
)
_REST = re.compile(r"\s*(?:by\s+(?P<tile>\S+))?\s*(?P<across>across\s+\S+)?\s*")
_SEQUENCE = re.compile(r"sequence(?P<overlap>\s*,?\s*overlap:?\s+pipelined)?[ :]*")
_BRANCH = re.compile(r"branch(?:\s+\d+\s*:.*|\s*:?)")


class StatedRange(NamedTuple):
    """What a line says that its loop runs over."""

    stop: int | None
    """Where it ends; null stands for the whole extent of the rank variable."""
    tiles: bool = False
    """Whether it counts tiles."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line: its number from 0, and the column in it, from 0."""

    line: int
    column: int
    message: str
    hint: str = ""


@dataclass(frozen=True)
class LoopsRead:
    """What the lines say."""

    nest: Nest
    places: Mapping[NodePath, tuple[int, int]]
    """Node → number of its line, and its column there, both from 0."""
    ranges: Mapping[NodePath, StatedRange]
    faults: tuple[Fault, ...]


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def read_loops(text: str) -> LoopsRead:
    r"""Read the lines of a nest.

    >>> read_loops("for m in [0, 8) by 4:\n  for m in [0, 4):\n    compute Z on MAC").nest[:2]
    (Temporal(rank_variable='m', tile=4), Temporal(rank_variable='m', tile=1))
    """
    reader = _LoopReader(text)
    nest = reader.block((), 0, reader.lines[0].indent if reader.lines else 0)
    return LoopsRead(nest, reader.places, reader.ranges, tuple(reader.faults))


@dataclass
class _LoopReader:
    """Goes down the lines, block by block."""

    source: str
    next: int = 0
    places: dict[NodePath, tuple[int, int]] = field(default_factory=dict)
    ranges: dict[NodePath, StatedRange] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = []
        for number, raw in enumerate(self.source.splitlines()):
            text = _COMMENT.sub("", raw.expandtabs(8)).rstrip()
            if text:
                self.lines.append(_Line(number, len(text) - len(text.lstrip()), text.lstrip()))

    def fault(self, line: _Line, message: str, hint: str = "", offset: int = 0) -> None:
        self.faults.append(Fault(line.number, line.indent + offset, message, hint))

    def here(self, least: int) -> _Line | None:
        """The next line, if it is indented so far."""
        line = self.lines[self.next] if self.next < len(self.lines) else None
        return line if line is not None and line.indent >= least else None

    def block(self, at: NodePath, place: int, indent: int) -> Nest:
        """The rest of a nest, from node ``place`` on: lines of one indentation, and the bodies of its loops."""
        nodes: list[Node] = []
        over = len(at) > MAX_BLOCKS
        while (line := self.here(indent)) is not None:
            self.next += 1
            if over or line.indent > indent:
                hint = "lines after a sequence, a compute node or the body of a loop belong into a sequence:"
                self.fault(line, "nothing may follow here" if over else "is indented further than its block", hint)
                self.skip(indent)
                break
            path = (*at, place + len(nodes))
            self.places[path] = (line.number, line.indent)
            if heading := _SEQUENCE.fullmatch(line.text):
                nodes.append(self.sequence(path, indent, "pipelined" if heading["overlap"] else "off"))
                over = True
                continue
            node = self.node(line, path)
            nodes += [] if node is None else [node]
            over = isinstance(node, Compute)
            if node is None or isinstance(node, Temporal | Spatial):
                body = self.here(indent + 1)
                if body is not None:
                    nodes += self.block(at, place + len(nodes), body.indent)
                    over = True
                elif line.text.endswith(":"):
                    self.fault(line, "the body of a loop stands below it, indented")
        return tuple(nodes)

    def skip(self, indent: int) -> None:
        """Leave out what is left of a block."""
        while self.here(indent) is not None:
            self.next += 1

    def sequence(self, path: NodePath, indent: int, overlap: Overlap) -> Sequence:
        """Branches, each below a line of its own."""
        branches: list[Nest] = []
        while (line := self.here(indent + 1)) is not None:
            self.next += 1
            if not _BRANCH.fullmatch(line.text):
                self.fault(line, f"expected a branch, got {line.text!r}", "the form is: branch: and its lines below")
                self.skip(indent + 1)
                break
            body = self.here(line.indent + 1)
            if body is None:
                self.fault(line, "a branch is empty")
            else:
                branches.append(self.block((*path, len(branches)), 0, body.indent))
        return Sequence(tuple(branches), overlap)

    def node(self, line: _Line, path: NodePath) -> Node | None:
        """One line as a node; null, with a fault, where it is none."""
        text = line.text.removesuffix(":").rstrip()
        try:
            if text.startswith(("for ", "parallel-for ", "parallel ")) and re.search(r"\sin\b", text):
                return self.ranged(line, text, path)
            return parse_sentence(re.sub(r"^parallel-for\b", "parallel", text))
        except SentenceError as error:
            self.fault(line, error.message, error.hint, error.offset)
            return None

    def ranged(self, line: _Line, text: str, path: NodePath) -> Node | None:
        """A loop that says what it runs over."""
        found = _RANGE.fullmatch(text)
        rest = _REST.fullmatch(found["rest"]) if found else None
        if found is None or rest is None or (found["step"] and rest["tile"]):
            self.fault(line, f"{text!r} is no loop", RANGE_FORM)
            return None
        variable, ends = found["variable"], next(name for name in ("stop", "end", "only") if found[name])
        stop, tile = found[ends], found["step"] or rest["tile"] or 1
        if not stop.isdecimal() and stop != variable.upper():
            known = f"a number, or {variable.upper()} for all of {variable}"
            self.fault(line, f"a range ends with {known}, got {stop!r}", offset=found.start(ends))
            return None
        verb = "for" if found["verb"] == "for" else "parallel"
        node = parse_sentence(f"{verb} {variable} by {tile} {rest['across'] or ''}")
        self.ranges[path] = StatedRange(int(stop) if stop.isdecimal() else None, tiles=found["sign"] == ":")
        return node


# What lines say about shapes


def wrong_ranges(
    nest: Nest, ranges: Mapping[NodePath, StatedRange], einsums: Mapping[str, Einsum]
) -> Iterator[tuple[NodePath, str]]:
    """Loops that run over something else than what is left of their rank variable, each with what is left of it."""
    return _wrong(nest, (), ranges, einsums, {})


def _wrong(
    nest: Nest,
    at: NodePath,
    ranges: Mapping[NodePath, StatedRange],
    einsums: Mapping[str, Einsum],
    tiles: Mapping[str, int],
) -> Iterator[tuple[NodePath, str]]:
    inside = dict(tiles)
    for place, node in enumerate(nest):
        path = (*at, place)
        if isinstance(node, Sequence):
            for number, branch in enumerate(node.branches):
                yield from _wrong(branch, (*path, number), ranges, einsums, inside)
        elif isinstance(node, Temporal | Spatial):
            v = node.rank_variable
            whole = _extent(v, nest[place:], einsums)
            if whole is not None and path in ranges:
                left = min(whole, inside.get(v, whole))
                if said := _amiss(ranges[path], v, whole, left, -(-left // node.tile)):
                    yield path, said
            inside[v] = min(node.tile, inside.get(v, node.tile))


def _amiss(stated: StatedRange, variable: str, whole: int, left: int, steps: int) -> str:
    """What is wrong with a range; empty where nothing is."""
    if (whole if stated.stop is None else stated.stop) == (steps if stated.tiles else left):
        return ""
    said = variable.upper() if stated.stop is None else f"{stated.stop:,}"
    tiles = f", in {steps:,} tiles" if stated.tiles else ""
    return f"the range of {variable} ends with {said}, where {left:,} of it are left{tiles}"


def _extent(variable: str, below: Nest, einsums: Mapping[str, Einsum]) -> int | None:
    """Extent of a rank variable in the Einsums below, before any loop."""
    shapes = [einsums[name].shape for name in einsums_in(below) if name in einsums]
    return max((shape[variable] for shape in shapes if variable in shape), default=None)


# Printing


def loop_lines(nest: Nest, einsums: Mapping[str, Einsum]) -> list[str]:
    """Lines that read as the same nest, whatever the shapes are that tiles do not name.

    Loops over what no Einsum here has, and all without any, say no range.
    """
    return list(_lines(nest, einsums, {}, ""))


def _lines(nest: Nest, einsums: Mapping[str, Einsum], tiles: Mapping[str, int], indent: str) -> Iterator[str]:
    inside = dict(tiles)
    for place, node in enumerate(nest):
        match node:
            case Sequence():
                yield f"{indent}sequence, overlap pipelined:" if node.pipelined else f"{indent}sequence:"
                for branch in node.branches:
                    yield f"{indent}  branch:"
                    yield from _lines(branch, einsums, inside, f"{indent}    ")
            case Temporal() | Spatial():
                v = node.rank_variable
                whole = _extent(v, nest[place:], einsums)
                stop = v.upper() if v not in inside else str(min(whole or inside[v], inside[v]))
                yield f"{indent}{_loop(node, '' if whole is None else stop)}"
                inside[v] = min(node.tile, inside.get(v, node.tile))
                indent += "  "
            case Storage():
                yield f"{indent}{node}"
            case Compute():
                statement = f"  # {update_text(einsums[node.einsum])}" if node.einsum in einsums else ""
                yield f"{indent}{node}{statement}"


def _loop(node: Temporal | Spatial, stop: str) -> str:
    verb = "for" if isinstance(node, Temporal) else "parallel-for"
    _, _, sentence = str(node).partition(" ")
    if not stop:
        return f"{verb} {sentence}:"
    _, _, rest = sentence.partition(" by ")
    tile = f" by {rest}" if node.tile > 1 else rest.removeprefix("1")
    return f"{verb} {node.rank_variable} in [0, {stop}){tile}:"


def update_text(einsum: Einsum) -> str:
    """What happens at one point: a statement that reduces says so.

    ``Z[m, n] = A[m, k] * B[k, n]`` is ``Z[m, n] += A[m, k] * B[k, n]``.
    """
    statement = notation.parse(einsum.text)
    sign = "+=" if statement.reduction == "=" and einsum.reduced else statement.reduction
    return f"{statement.output} {sign} {statement.expression}"
