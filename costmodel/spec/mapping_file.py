"""Mapping files: sentences to nodes and back. What ``dump`` prints, ``load`` reads as equal values.

A file holds one mapping (``nest:``) or one per Einsum (``mappings:``), with the names of the architecture and the
workload that it was made for. Whether a mapping fits them is checked where they are known (``model/nest.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from collections.abc import Sequence as List
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from costmodel.einsum.algebra import Einsum
from costmodel.spec.load import Document, caret, describe, scalar
from costmodel.spec.loops import StatedRange, loop_lines, read_loops, wrong_ranges
from costmodel.spec.mapping import Mapping, Nest, Node, NodePath, Overlap, Sequence
from costmodel.spec.problems import Marks, Path, Place, Problem, SpecError, did_you_mean
from costmodel.spec.sentences import SentenceError, parse_sentence

KEYS = ("arch", "workload", "einsum", "nest", "mappings")
SEQUENCE_KEYS = ("sequence", "overlap")
MAX_DEPTH = 12
"""Deepest nesting of sequences."""


@dataclass(frozen=True)
class NestMarks(MappingABC[NodePath, tuple[str, int, int]]):
    """Where the nodes of one nest stand: file, line and column of each.

    Node 2 of branch 0 of the sequence that is node 3 is ``(3, 0, 2)``; ``()`` is the nest itself. The default knows no
    file.
    """

    marks: Marks = field(default_factory=Marks)
    mapping_path: Path = ()
    """Path of the map that holds the nest."""
    ranges: MappingABC[NodePath, StatedRange] = field(default_factory=dict)
    """What a nest of lines says that its loops run over."""

    def __getitem__(self, node: NodePath) -> tuple[str, int, int]:
        path = self.path(node)
        if path not in self.marks.values:
            raise KeyError(node)
        return self.marks.at(path)

    def __iter__(self) -> Iterator[NodePath]:
        start = self.path(())
        for path in self.marks.values:
            if path[: len(start)] == start and (not path[len(start) :] or isinstance(path[-1], int)):
                yield tuple(part for part in path[len(start) :] if isinstance(part, int))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def path(self, node: NodePath) -> Path:
        """Path of a node in the document."""
        path: list[str | int] = [*self.mapping_path, "nest"]
        for place, part in enumerate(node):
            path.append(part)
            if place % 2 == 0 and place + 1 < len(node):
                path.append("sequence")
        return tuple(path)

    def problem(self, message: str, node: NodePath = (), *, hint: str = "", excerpt: str = "") -> Problem:
        """Say what is wrong with a node."""
        return self.marks.problem(message, self.path(node), hint=hint, excerpt=excerpt)

    def range_problems(self, nest: Nest, einsums: MappingABC[str, Einsum]) -> list[Problem]:
        """Say where lines of loops do not run over what is left of their rank variable."""
        return [self.problem(message, node) for node, message in wrong_ranges(nest, self.ranges, einsums)]

    def key_problem(self, message: str, key: str, *, hint: str = "") -> Problem:
        """Say what is wrong with ``arch``, ``workload`` or ``einsum``."""
        return self.marks.problem(message, (*self.mapping_path, key), hint=hint)


# ---------------------------------------------------------------------------------------------------------------
# Reading


def parse_nest(nodes: List[object], marks: NestMarks | None = None) -> Nest:
    """Read a ``nest:`` (sentences and maps ``{sequence: [branch, …]}``); SpecError tells all that is wrong."""
    problems: list[Problem] = []
    nest = _nest(nodes, marks or NestMarks(), (), problems)
    if problems:
        raise SpecError(problems)
    return nest


def parse_mappings(document: Document) -> tuple[tuple[Mapping, NestMarks], ...]:
    """Read the mappings of a file with the places of their nodes; SpecError tells all that is wrong."""
    data, marks = document.data, document.marks
    problems: list[Problem] = []
    if not isinstance(data, dict):
        raise SpecError([marks.problem(f"a mapping file is a map with the key nest or mappings, got {describe(data)}")])
    _check_keys(data, KEYS, (), marks, problems)
    if "mappings" in data:
        found = _several(data, marks, problems, document.text)
    elif "nest" in data:
        found = [_one(data, (), {}, marks, problems, document.text)]
    else:
        problems.append(marks.problem("required key 'nest' (or 'mappings') is missing"))
        found = []
    if problems:
        raise SpecError(sorted(problems, key=lambda p: (p.line, p.column)))
    return tuple(found)


def _several(
    data: dict[str, Any], marks: Marks, problems: list[Problem], source: str
) -> list[tuple[Mapping, NestMarks]]:
    problems.extend(
        marks.problem(f"{key!r} belongs into the entries of 'mappings'", (key,), key=True)
        for key in ("nest", "einsum")
        if key in data
    )
    shared = {key: _text(data, key, (), marks, problems) for key in ("arch", "workload")}
    entries = data["mappings"]
    if not isinstance(entries, list) or not entries:
        problems.append(marks.problem(f"must be a list of mappings, got {describe(entries)}", ("mappings",)))
        return []
    found = []
    for place, entry in enumerate(entries):
        path: Path = ("mappings", place)
        if not isinstance(entry, dict):
            problems.append(marks.problem(f"must be a map with the key nest, got {describe(entry)}", path))
            continue
        _check_keys(entry, KEYS[:-1], path, marks, problems)
        if "nest" not in entry:
            problems.append(marks.problem("required key 'nest' is missing", path))
            continue
        found.append(_one(entry, path, shared, marks, problems, source))
    return found


def _one(
    data: dict[str, Any],
    path: Path,
    shared: dict[str, str | None],
    marks: Marks,
    problems: list[Problem],
    source: str,
) -> tuple[Mapping, NestMarks]:
    names = {key: _text(data, key, path, marks, problems) for key in ("arch", "workload", "einsum")}
    nest_marks = NestMarks(marks, path)
    nodes = data["nest"]
    nest: Nest = ()
    if isinstance(nodes, str) and nodes.strip():
        nest, nest_marks = _of_lines(nodes, nest_marks, source, problems)
    elif isinstance(nodes, list) and nodes:
        nest = _nest(nodes, nest_marks, (), problems)
    else:
        said = "is empty" if nodes in (None, [], "") else f"must be sentences or lines of loops, got {describe(nodes)}"
        problems.append(marks.problem(f"nest {said}", (*path, "nest")))
    mapping = Mapping(
        nest,
        arch=names["arch"] or shared.get("arch"),
        workload=names["workload"] or shared.get("workload"),
        einsum=names["einsum"],
    )
    return mapping, nest_marks


def _of_lines(text: str, marks: NestMarks, source: str, problems: list[Problem]) -> tuple[Nest, NestMarks]:
    """Read ``nest: |`` with lines of loops below; each node has the place of its line."""
    found = read_loops(text)
    file, first, start = marks[()]
    own, lines = text.splitlines(), source.splitlines()
    block = lines[first - 1][start - 1 : start] in {"|", ">"} if 0 < first <= len(lines) else False

    def place(number: int, column: int) -> Place:
        line = first + block + number
        raw = lines[line - 1] if 0 < line <= len(lines) else ""
        before = max(len(raw) - len(own[number]), 0) if block or number else start - 1
        return line, before + column + 1, 0

    for fault in found.faults:
        line, column, _ = place(fault.line, fault.column)
        excerpt = caret(own[fault.line], fault.column)
        problems.append(Problem(fault.message, file, line, column, hint=fault.hint, excerpt=excerpt))
    places = {marks.path(node): place(*at) for node, at in found.places.items()}
    placed = replace(marks.marks, values={**marks.marks.values, **places})
    return found.nest, replace(marks, marks=placed, ranges=found.ranges)


def _text(data: dict[str, Any], key: str, path: Path, marks: Marks, problems: list[Problem]) -> str | None:
    value = data.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    problems.append(marks.problem(f"{key} must be a name, got {describe(value)}", (*path, key)))
    return None


def _check_keys(data: dict[str, Any], known: List[str], path: Path, marks: Marks, problems: list[Problem]) -> None:
    problems.extend(
        marks.problem(f"no such key {key!r}", (*path, key), hint=did_you_mean(key, known), key=True)
        for key in data
        if key not in known
    )


def _nest(nodes: List[object], marks: NestMarks, at: NodePath, problems: list[Problem]) -> Nest:
    if len(at) > 2 * MAX_DEPTH:
        problems.append(marks.problem(f"sequences are nested more than {MAX_DEPTH} deep", at))
        return ()
    nest: list[Node] = []
    for place, item in enumerate(nodes):
        here = (*at, place)
        if isinstance(item, str):
            try:
                nest.append(parse_sentence(item))
            except SentenceError as error:
                path = marks.path(here)
                excerpt = caret(item, error.offset)
                problems.append(
                    marks.marks.problem(error.message, path, hint=error.hint, excerpt=excerpt, offset=error.offset)
                )
        elif isinstance(item, dict) and "sequence" in item and item.keys() <= set(SEQUENCE_KEYS):
            overlap = _overlap(item.get("overlap", "off"), marks, here, problems)
            nest.append(_sequence(item["sequence"], overlap, marks, here, problems))
        else:
            hint = ""
            if isinstance(item, dict):
                strange = [k for k in item if k not in SEQUENCE_KEYS]
                hint = next((h for k in strange if (h := did_you_mean(k, SEQUENCE_KEYS)).startswith("did")), "")
            message = f"must be a sentence or a map {{sequence: […]}}, got {describe(item)}"
            problems.append(marks.problem(message, here, hint=hint))
    return tuple(nest)


def _overlap(value: object, marks: NestMarks, at: NodePath, problems: list[Problem]) -> Overlap:
    known: tuple[Overlap, ...] = get_args(Overlap)
    for overlap in known:
        if value == overlap:
            return overlap
    message = f"overlap must be {' or '.join(known)}, got {describe(value)}"
    path = (*marks.path(at), "overlap")
    problems.append(marks.marks.problem(message, path, hint=did_you_mean(str(value), known)))
    return "off"


def _sequence(branches: object, overlap: Overlap, marks: NestMarks, at: NodePath, problems: list[Problem]) -> Sequence:
    if not isinstance(branches, list) or not branches:
        problems.append(marks.problem(f"sequence must be a list of branches, got {describe(branches)}", at))
        return Sequence(())
    found: list[Nest] = []
    for place, branch in enumerate(branches):
        here = (*at, place)
        if isinstance(branch, list) and branch:
            found.append(_nest(branch, marks, here, problems))
        else:
            message = f"a branch must be a list of sentences, got {describe(branch)}"
            hint = "each branch is a list of its own: `- - for …`" if isinstance(branch, str) else ""
            problems.append(marks.problem(message, here, hint=hint))
    return Sequence(tuple(found), overlap)


# ---------------------------------------------------------------------------------------------------------------
# Printing


def dump(mappings: Mapping | List[Mapping], lines_of: MappingABC[str, Einsum] | None = None) -> str:
    """Print mappings as YAML that ``parse_mappings`` reads as equal values.

    With Einsums by name the nests are lines of loops, with the ranges that these Einsums give them.

    >>> from costmodel.spec.mapping import Compute, Temporal
    >>> print(dump(Mapping((Temporal("m", 1), Compute("Z", "MAC")), arch="a")), end="")
    arch: a
    nest:
    - for m by 1
    - compute Z on MAC
    """
    if isinstance(mappings, Mapping):
        mappings = (mappings,)
    if not mappings:
        raise ValueError("there is no mapping to print")
    if len(mappings) == 1:
        lines = [*_header(mappings[0], ("arch", "workload", "einsum")), *_printed(mappings[0].nest, lines_of)]
        return "\n".join(lines) + "\n"
    shared = [key for key in ("arch", "workload") if len({getattr(m, key) for m in mappings}) == 1]
    own = [key for key in ("arch", "workload", "einsum") if key not in shared]
    lines = [*_header(mappings[0], shared), "mappings:"]
    for mapping in mappings:
        entry = [*_header(mapping, own), *_printed(mapping.nest, lines_of)]
        lines += [f"{'  ' if place else '- '}{line}" for place, line in enumerate(entry)]
    return "\n".join(lines) + "\n"


def sentences(nest: Nest) -> list[str | dict[str, object]]:
    """A nest as the list that a mapping file holds: sentences, and ``sequence:`` objects with lists of branches."""
    return [_sequence_said(node) if isinstance(node, Sequence) else str(node) for node in nest]


def _sequence_said(node: Sequence) -> dict[str, object]:
    said: dict[str, object] = {"sequence": [sentences(branch) for branch in node.branches]}
    return {**said, "overlap": node.overlap} if node.pipelined else said


def _header(mapping: Mapping, keys: List[str]) -> list[str]:
    return [f"{key}: {yaml_text(value)}" for key in keys if (value := getattr(mapping, key)) is not None]


def _printed(nest: Nest, lines_of: MappingABC[str, Einsum] | None) -> list[str]:
    if lines_of is None:
        return ["nest:", *_nest_lines(nest)]
    return ["nest: |", *(f"  {line}" for line in loop_lines(nest, lines_of))]


def _nest_lines(nest: Nest) -> list[str]:
    lines: list[str] = []
    for node in nest:
        if isinstance(node, Sequence):
            lines.append("- sequence:")
            for branch in node.branches:
                inner = _nest_lines(branch)
                lines += [f"  {'  ' if place else '- '}{line}" for place, line in enumerate(inner)]
            lines += [f"  overlap: {node.overlap}"] if node.pipelined else []
        else:
            lines.append(f"- {yaml_text(str(node))}")
    return lines


def yaml_text(text: str) -> str:
    """Write text as a YAML scalar that reads back as the same text, in quotes only where it must be.

    >>> yaml_text("for m by 1"), yaml_text("12")
    ('for m by 1', '"12"')
    """
    plain = re.fullmatch(r"[A-Za-z0-9_./][A-Za-z0-9_./ +=\-]*", text) and not text.endswith(" ")
    try:
        plain = plain and scalar(text) == text
    except ValueError:
        plain = False
    if plain and text not in {"---", "..."}:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if " " <= c <= "~" else f"\\U{ord(c):08x}" for c in quoted)
