"""One list of levels, outermost first, of every kind of tree that Timeloop's architectures have been."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.models import PeerModel, name_leftovers
from costmodel.importing.peers.timeloop.formats import Attributes, Flat, NodeLimits, Tree, TreeNode
from costmodel.spec.problems import Marks, Path, SpecError
from costmodel.spec.validation import validate

_COUNTED = re.compile(r"(.+?)\[(\d+)\.\.(\d+)\]")
_COMPUTES = re.compile(r"mac|^compute|multiplier$", re.IGNORECASE)
_HOLDS_NOTHING = re.compile(r"dummy|^nothing$", re.IGNORECASE)
_INNER = {"Hierarchical", "Parallel", "Pipelined"}


@dataclass(frozen=True)
class Level:
    """A memory, an array or a compute unit."""

    name: str
    role: Literal["memory", "array", "compute"]
    path: Path
    """Where it stands in the file."""
    attributes: Attributes = field(default_factory=Attributes)
    kind: str = ""
    """Its class."""
    limits: NodeLimits | None = None
    shape: Mapping[str, int] = field(default_factory=dict)
    """Of an array: X and Y, those that are more than 1."""
    targets: frozenset[str] = frozenset()
    """Of an array: what directives with spatial loops call it."""
    beside: bool = False
    """Whether it stands beside other memories, each for its own tensors."""


@dataclass(frozen=True)
class _Found:
    """A component as a tree has it."""

    level: Level
    instances: int
    """On the chip."""
    mesh_x: int
    container: str


class _File(PeerModel):
    """The section whose model is an architecture; what stands around it is not read here."""


class _ArchitectureFile(_File):
    architecture: Tree


class _ArchFile(_File):
    arch: Tree


def hierarchy(section: Section, around: Attributes, findings: ImportFindings) -> tuple[Level, ...]:
    """Levels of an architecture, outermost first; ``around`` is what holds for all of them. Raises SpecError."""
    model = _ArchitectureFile if section.key == "architecture" else _ArchFile
    tree: Tree = getattr(validate(model, section.document, section.marks), section.key)
    at: Path = (section.key,)
    outer = tree.attributes.over(around)
    name_leftovers(tree, section.data, at, section.marks, findings)
    if tree.nodes:
        levels = tuple(_nodes(tree.nodes, (*at, "nodes"), outer, section, findings))
    elif tree.storage:
        levels = _between(list(_flat(tree, at)), section.marks)
    elif tree.subtree:
        levels = _between(list(_subtrees(tree.subtree, (*at, "subtree"), outer, 1, section, findings)), section.marks)
    else:
        hint = "`nodes:` (0.4), `subtree:` (0.2, 0.3) or `storage:` (0.1)"
        raise SpecError([section.marks.problem("no levels stand here", at, hint=hint)])
    findings.check()
    return levels


def plain(name: str) -> tuple[str, int]:
    """A name without its count, and the count.

    >>> plain("PE[0..167]"), plain("DRAM")
    (('PE', 168), ('DRAM', 1))
    """
    found = _COUNTED.fullmatch(name)
    return (found[1], int(found[3]) - int(found[2]) + 1) if found else (name, 1)


# Version 0.4: nodes with tags, each beside the next one inwards


def _nodes(
    nodes: Sequence[TreeNode],
    at: Path,
    outer: Attributes,
    section: Section,
    findings: ImportFindings,
    *,
    beside: bool = False,
) -> Iterator[Level]:
    for place, node in enumerate(nodes):
        path = (*at, place)
        name, count = plain(node.name)
        attributes = node.attributes.over(outer)
        if node.enabled in (False, "False", "false"):
            findings.note(section.marks, (*path, "enabled"), f"{name} is not enabled, and left out")
            continue
        if node.tag in _INNER:
            yield from _nodes(
                node.nodes, (*path, "nodes"), attributes, section, findings, beside=beside or node.tag == "Parallel"
            )
            continue
        x, y = (node.spatial.x, node.spatial.y) if node.spatial else (1, 1)
        if count > 1:
            x *= count
        if x * y > 1:
            if beside:
                hint = "put the array around all of them"
                findings.refuse(
                    section.marks,
                    (*path, "spatial"),
                    f"{name}: of what stands side by side, one alone is an array",
                    hint,
                )
            yield _array(name if node.tag == "Container" else f"inter_{name}_spatial", name, x, y, node, path)
        if node.tag == "Container":
            outer = attributes
        elif node.tag in {"Component", ""}:
            yield Level(name, _role(node.kind, attributes), path, attributes, node.kind, node.limits, beside=beside)
        elif node.tag != "Nothing":
            hint = "known: Component, Container, Hierarchical, Parallel, Pipelined"
            findings.refuse(section.marks, path, f"no such kind of node: !{node.tag}", hint)


def _array(called: str, name: str, x: int, y: int, node: TreeNode, path: Path) -> Level:
    shape = {axis: n for axis, n in (("X", x), ("Y", y)) if n > 1}
    targets = frozenset({name, f"inter_{name}_spatial"})
    return Level(called, "array", path, node.attributes, "", node.limits, shape, targets)


def _role(kind: str, attributes: Attributes) -> Literal["memory", "compute"]:
    stores = attributes.depth or attributes.entries or attributes.size_kb
    return "compute" if _COMPUTES.search(kind) and not stores else "memory"


# Versions 0.1 to 0.3: every level says how many instances there are


def _subtrees(
    nodes: Sequence[TreeNode], at: Path, outer: Attributes, instances: int, section: Section, findings: ImportFindings
) -> Iterator[_Found]:
    if len(nodes) > 1:
        hint = "one after another inwards, each in the one before"
        findings.refuse(section.marks, at, "subtrees that stand side by side are no hierarchy", hint)
    for place, node in enumerate(nodes[:1]):
        path = (*at, place)
        name, count = plain(node.name)
        attributes = node.attributes.over(outer)
        here = instances * count
        for number, component in enumerate(node.local):
            called, more = plain(component.name)
            own = component.attributes.over(attributes)
            role = _role(component.kind, own)
            level = Level(called, role, (*path, "local", number), own, component.kind, component.limits)
            total = here * more
            yield _Found(level, total, component.attributes.mesh_x or total, name)
        yield from _subtrees(node.subtree, (*path, "subtree"), attributes, here, section, findings)


def _flat(tree: Tree, at: Path) -> Iterator[_Found]:
    for place, flat in reversed(list(enumerate(tree.storage))):
        yield _of_flat(flat, "memory", (*at, "storage", place))
    if tree.arithmetic is not None:
        yield _of_flat(tree.arithmetic, "compute", (*at, "arithmetic"))


def _of_flat(flat: Flat, role: Literal["memory", "compute"], path: Path) -> _Found:
    kind = flat.kind or (str(flat.technology) if isinstance(flat.technology, str) else "")
    instances = flat.instances or 1
    return _Found(Level(flat.name, role, path, flat, kind), instances, flat.mesh_x or instances, "")


def _between(found: Sequence[_Found], marks: Marks) -> tuple[Level, ...]:
    """Put an array wherever the number of instances grows; components that hold nothing name it, and go."""
    levels: list[Level] = []
    names: list[str] = []
    before = _Found(Level("", "memory", ()), 1, 1, "")
    for one in found:
        level = one.level
        if one.instances % before.instances:
            message = f"{one.instances} of {level.name} cannot stand in {before.instances} of {before.level.name}"
            raise SpecError([marks.problem(message, level.path)])
        ratio = one.instances // before.instances
        if ratio > 1:
            x = max(one.mesh_x // before.mesh_x, 1)
            x, y = (x, ratio // x) if ratio % x == 0 else (ratio, 1)
            called = _array_name(names, one, {x.level.name for x in found})
            shape = {axis: n for axis, n in (("X", x), ("Y", y)) if n > 1}
            levels.append(replace(level, name=called, role="array", shape=shape, targets=frozenset(names), limits=None))
        if level.role == "memory" and _holds_nothing(level):
            names = [*names, level.name] if ratio == 1 else [level.name]
        else:
            levels.append(level)
            names = [level.name]
        before = one
    return tuple(levels)


def _holds_nothing(level: Level) -> bool:
    return bool(_HOLDS_NOTHING.search(level.kind)) or level.attributes.entries == 0


def _array_name(targets: Sequence[str], one: _Found, taken: set[str]) -> str:
    """What an array is called: as the spatial level that Timeloop's front end puts there, or what it is made of."""
    inserted = next((t for t in reversed(targets) if t.startswith("inter_") and t.endswith("_spatial")), "")
    name = inserted.removeprefix("inter_").removesuffix("_spatial") or one.container or f"{one.level.name}_array"
    return f"{name}_array" if name in taken else name
