"""Bind a mapping to an architecture and a workload: check everything once, then hand out loops and holders.

A *holder* is one tensor in one storage node. The holders of a tensor on the path to a compute node, outermost
first, are the boundaries that its words cross.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field, replace
from functools import cached_property

from costmodel.einsum.algebra import Access, Affine, Einsum, Role, Tensor, Workload
from costmodel.einsum.roles import keeps
from costmodel.model.finished import unfinished, written_later
from costmodel.model.tiles import Loop
from costmodel.spec.computing import MAKE_IT_FIT, hint, lacking, not_accepted, refusing
from costmodel.spec.endings import wrong_endings
from costmodel.spec.hardware import Architecture, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Mapping, Nest, Node, Sequence, Spatial, Storage, Temporal, einsums_in
from costmodel.spec.mapping_file import NestMarks
from costmodel.spec.problems import Problem, SpecError, did_you_mean

Path = tuple[int, ...]
Place = tuple[str, int, int]


@dataclass(frozen=True, eq=False)
class Holder:
    """One tensor in one storage node."""

    tensor: Tensor
    level: Memory
    loops: tuple[Loop, ...]
    """Above the node, outermost first."""
    scope: int
    """Loops above the innermost sequence that encloses the node: each of their steps starts a new life."""
    parent: Holder | None
    einsums: tuple[Einsum, ...]
    """Einsums below the node that touch the tensor, in order."""
    path: Path

    @cached_property
    def writers(self) -> tuple[Einsum, ...]:
        return tuple(e for e in self.einsums if e.output.tensor == self.tensor.name)

    @property
    def output_like(self) -> bool:
        """Whether the tensor is written below the node."""
        return bool(self.writers)

    @cached_property
    def partial(self) -> bool:
        """Whether what leaves the node and comes back may be partial sums: a loop above it goes on with the sums."""
        along = {v for e in self.writers for v in e.accumulated}
        return any(loop.rank_variable in along for loop in self.loops)

    @cached_property
    def sums(self) -> bool:
        """Whether partial sums live in the node, for some time."""
        return any(e.accumulates(self.tensor.name) for e in self.writers)

    @property
    def owner(self) -> Einsum:
        """The Einsum that the node's own traffic belongs to."""
        return self.writers[0] if self.writers else self.einsums[0]


@dataclass(frozen=True, eq=False)
class BoundEinsum:
    """One Einsum with its path through the nest."""

    einsum: Einsum
    unit: ComputeUnit
    loops: tuple[Loop, ...]
    scope: int
    holders: MappingABC[str, tuple[Holder, ...]]
    """Tensor → holders on the path, outermost first."""


@dataclass(frozen=True, eq=False)
class Pipeline:
    """A sequence with ``overlap: pipelined``: each branch, a stage, works on another iteration of the loops above."""

    path: Path
    loops: tuple[Loop, ...]
    """Above the sequence, outermost first."""
    scope: int
    """Loops above the innermost sequence around it: each of their steps is a run, which fills and drains."""
    stages: tuple[tuple[str, ...], ...]
    """Einsums of each branch."""
    shape: MappingABC[str, int]
    """Extents of the rank variables of all its Einsums."""


@dataclass(frozen=True, eq=False)
class BoundNest:
    """A mapping that fits its architecture and workload, apart from capacity."""

    architecture: Architecture
    workload: Workload
    mapping: Mapping
    einsums: tuple[BoundEinsum, ...]
    holders: tuple[Holder, ...]
    """Every holder once, in the order of the nest."""
    pipelines: tuple[Pipeline, ...] = ()
    """Every pipelined sequence, inner ones first."""


@dataclass(frozen=True)
class _Context:
    """What is above a node while the nest is walked down."""

    loops: tuple[Loop, ...] = ()
    scope: int = 0
    holders: dict[str, tuple[Holder, ...]] = field(default_factory=dict)
    extents: dict[str, dict[str, int]] = field(default_factory=dict)
    """Einsum → rank variable → extent that is left."""
    steps: tuple[int, ...] = ()
    """Of each loop."""
    told: frozenset[str] = frozenset()
    """Rank variables and tensors that a wrong node above may have meant: what they lack below follows from it."""

    def after(self, *told: str) -> _Context:
        """What is below a node that is wrong."""
        return replace(self, told=self.told.union(told))


class _Binder:
    def __init__(
        self, workload: Workload, architecture: Architecture, mapping: Mapping, marks: MappingABC[Path, Place]
    ) -> None:
        self.workload, self.architecture, self.mapping, self.marks = workload, architecture, mapping, marks
        self.problems: list[Problem] = []
        self.einsums: list[BoundEinsum] = []
        self.holders: list[Holder] = []
        self.pipelines: list[Pipeline] = []
        self.known = {e.name: e for e in workload.einsums}

    def complain(self, path: Path, node: Node | None, message: str, hint: str = "") -> None:
        file, line, column = self.marks.get(path, ("", 0, 0))
        where = f"{node}: " if node is not None and not isinstance(node, Sequence) else ""
        self.problems.append(Problem(where + message, file, line, column, hint=hint))

    def bind(self) -> BoundNest:
        nest = self.mapping.nest
        for path, message, fix in wrong_endings(nest, self.known):
            self.complain(path, None, message, fix)
        if self.problems:
            raise SpecError(self.problems)
        self.walk(nest, (), _Context(extents={n: dict(self.known[n].shape) for n in einsums_in(nest)}))
        if isinstance(self.marks, NestMarks):
            self.problems += self.marks.range_problems(nest, self.known)
        if self.problems:
            raise SpecError(self.problems)
        bound = (tuple(self.einsums), tuple(self.holders), tuple(self.pipelines))
        return BoundNest(self.architecture, self.workload, self.mapping, *bound)

    def walk(self, nest: Nest, base: Path, context: _Context) -> None:
        for place, node in enumerate(nest):
            path = (*base, place)
            below = [self.known[n] for n in einsums_in(nest[place:])]
            if isinstance(node, Storage):
                context = self.storage(node, path, context, below)
            elif isinstance(node, Temporal | Spatial):
                context = self.loop(node, path, context, below)
            elif isinstance(node, Compute):
                self.compute(node, path, context)
            else:
                for number, branch in enumerate(node.branches):
                    inner = replace(context, scope=len(context.loops))
                    self.walk(branch, (*path, number), inner)
                self.shared(node, path, context)
                if node.pipelined:
                    self.pipeline(node, path, context, below)

    def storage(self, node: Storage, path: Path, context: _Context, below: list[Einsum]) -> _Context:
        levels = self.architecture.memories
        level = next((m for m in levels if m.name == node.level), None)
        if level is None:
            other = [x.name for x in self.architecture.levels]
            kind = f"{node.level} does not store" if node.level in other else f"unknown level {node.level!r}"
            self.complain(path, node, kind, did_you_mean(node.level, [m.name for m in levels]))
            return context.after(*node.tensors)
        place = self.architecture.index(level.name)
        used = {self.architecture.index(x.array): x for x in context.loops if x.array is not None}
        for at, x in used.items():
            if at > place:
                self.complain(
                    path,
                    node,
                    f"{level.name} is above the array {x.array}",
                    f"store it above `parallel … across {x.array}`",
                )
                return context.after(*node.tensors)
        holders = dict(context.holders)
        for name in node.tensors:
            touching = tuple(e for e in below if name in e.tensors)
            if not touching:
                tensors = sorted({t for e in below for t in e.tensors})
                known = any(name in e.tensors for e in self.known.values())
                what = f"no Einsum below touches {name}" if known else f"unknown tensor {name!r}"
                self.complain(path, node, what, did_you_mean(name, tensors))
                context = context.after(*((name,) if known else tensors))
                continue
            above = holders.get(name, ())
            same = next((h for h in above if h.level.name == level.name), None)
            if same is not None:
                self.complain(path, node, f"{name} is stored in {level.name} already")
                continue
            inner = next((h for h in above if self.architecture.index(h.level.name) > place), None)
            if inner is not None:
                self.complain(
                    path,
                    node,
                    f"{name} is stored in {inner.level.name}, an inner level, above this node",
                    "a tensor's storage nodes go from the outermost level to the innermost",
                )
                context = context.after(name)
                continue
            for e in touching:
                listed = (*(level.keep or ()), *level.may_keep)
                stated = level.keep is not None or bool(level.may_keep)
                if stated and not keeps(listed, e.tensors[name], e) and place > 0:
                    self.complain(
                        path,
                        node,
                        f"{level.name} does not keep {name} ({e.tensors[name].role})",
                        f"{level.name} keeps {', '.join(listed) or 'nothing'}",
                    )
            holder = Holder(
                touching[0].tensors[name],
                level,
                context.loops,
                context.scope,
                above[-1] if above else None,
                touching,
                path,
            )
            self.holders.append(holder)
            holders[name] = (*above, holder)
        return replace(context, holders=holders)

    def loop(self, node: Temporal | Spatial, path: Path, context: _Context, below: list[Einsum]) -> _Context:
        v = node.rank_variable
        having = [e for e in below if v in e.shape]
        if not having:
            known = sorted({x for e in below for x in e.shape})
            elsewhere = any(v in e.shape for e in self.known.values())
            what = f"no Einsum below has the rank variable {v}" if elsewhere else f"unknown rank variable {v!r}"
            self.complain(path, node, what, did_you_mean(v, known))
            return context.after(v) if elsewhere else context.after(*known)
        lefts = {context.extents[e.name][v] for e in having}
        if len(lefts) > 1:
            self.complain(path, node, f"{v} has different extents below: {', '.join(map(str, sorted(lefts)))}")
            return context.after(v)
        left = lefts.pop()
        if node.tile < 1:
            self.complain(path, node, f"the tile must be at least 1, got {node.tile}")
            return context.after(v)
        if node.tile > left:
            self.complain(path, node, f"the tile {node.tile} is larger than what is left of {v}: {left}")
            return context.after(v)
        steps = -(-left // node.tile)
        missing = [e.name for e in below if v not in e.shape]
        if missing and steps > 1:
            self.complain(
                path,
                node,
                f"{', '.join(missing)} has no rank variable {v}: the loop would run it {steps} times",
                "move the loop into the branches that have it, or nest the sequences",
            )
            return context.after(v)
        loop = Loop(v, node.tile, path=path)
        if isinstance(node, Spatial):
            checked = self.spatial(node, path, context, steps)
            if checked is None:
                return context.after(v)
            loop = checked
        extents = {
            n: ({**x, v: node.tile} if v in x and n in {e.name for e in below} else x)
            for n, x in context.extents.items()
        }
        return replace(context, loops=(*context.loops, loop), steps=(*context.steps, steps), extents=extents)

    def spatial(self, node: Spatial, path: Path, context: _Context, steps: int) -> Loop | None:
        array = next((a for a in self.architecture.arrays if a.name == node.array), None)
        if array is None:
            self.complain(
                path,
                node,
                f"unknown array {node.array!r}",
                did_you_mean(node.array, [a.name for a in self.architecture.arrays]),
            )
            return None
        dimension = node.dimension
        if not dimension and len(array.shape) == 1:
            (dimension,) = array.shape
        if dimension not in array.shape:
            self.complain(
                path, node, f"{array.name} has no dimension {dimension!r}", did_you_mean(dimension, list(array.shape))
            )
            return None
        place = self.architecture.index(array.name)
        inner = [h for hs in context.holders.values() for h in hs if self.architecture.index(h.level.name) > place]
        if inner:
            self.complain(
                path,
                node,
                f"{inner[0].level.name} is below {array.name} but is stored above this loop",
                f"move `store … in {inner[0].level.name}` below it",
            )
            return None
        size = array.shape[dimension]
        here = [
            n
            for x, n in zip(context.loops, context.steps, strict=True)
            if (x.array, x.dimension) == (array.name, dimension)
        ]
        used = math.prod(here) * steps
        if used > size:
            need = f"the loop needs {steps}"
            if here:
                need = f"the parallel loops need {' × '.join(map(str, [*here, steps]))} = {used}"
            self.complain(path, node, f"{array.name}.{dimension} has {size} instances, {need}")
            return None
        return Loop(node.rank_variable, node.tile, array.name, dimension, path)

    def compute(self, node: Compute, path: Path, context: _Context) -> None:
        einsum = self.known[node.einsum]
        units = self.architecture.compute_units
        unit = next((u for u in units if u.name == node.unit), None)
        if unit is None:
            self.complain(
                path, node, f"unknown compute unit {node.unit!r}", did_you_mean(node.unit, [u.name for u in units])
            )
            return
        if lacks := lacking(unit, einsum):
            able = [u.name for u in units if u.computes(einsum)]
            fix = f"compute it on {' or '.join(able)}" if able else hint(lacks)
            self.complain(path, node, f"{unit.name} does no {', '.join(lacks)}", fix)
        elif array := refusing(unit, einsum, self.architecture):
            self.complain(path, node, not_accepted(array, einsum), MAKE_IT_FIT)
        place = self.architecture.index(unit.name)
        for x in context.loops:
            if x.array is not None and self.architecture.index(x.array) > place:
                self.complain(path, node, f"{unit.name} is above the array {x.array}")
        for v, n in context.extents[einsum.name].items():
            if n > 1 and v not in context.told:
                self.complain(
                    path, node, f"rank variable {v} is not brought down to 1: {n} are left", f"add `for {v} by 1`"
                )
        holders = {name: self.held(node, path, context, einsum, name) for name in einsum.tensors}
        self.einsums.append(BoundEinsum(einsum, unit, context.loops, context.scope, holders))

    def held(self, node: Compute, path: Path, context: _Context, einsum: Einsum, name: str) -> tuple[Holder, ...]:
        """Check where a tensor is held on the path to a compute node."""
        tensor = einsum.tensors[name]
        held = context.holders.get(name, ())
        if name in context.told:
            return held
        outermost = self.architecture.memories[0]
        if not held:
            self.complain(path, node, f"{name} is stored nowhere", f"add `store {name} in {outermost.name}`")
            return held
        if held[0].level.name != outermost.name:
            if tensor.role is not Role.INTERMEDIATE:
                why = f"where every {tensor.role} of the workload lives"
                self.complain(path, node, f"{name} is not stored in {outermost.name}, {why}")
            outside = [e.name for e in self.workload.einsums if name in e.tensors and e not in held[0].einsums]
            if tensor.role is Role.INTERMEDIATE and outside:
                self.complain(
                    path,
                    node,
                    f"{name} stays in {held[0].level.name}, but {', '.join(outside)} needs it too",
                    f"add `store {name} in {outermost.name}`, or compute them below one sequence",
                )
        inside = self.architecture.levels[: self.architecture.index(node.unit)]
        for memory in inside[1:]:
            if not isinstance(memory, Memory) or memory.keep is None or not keeps(memory.keep, tensor, einsum):
                continue
            if all(h.level.name != memory.name for h in held):
                self.complain(
                    path,
                    node,
                    f"{memory.name} keeps {name} ({tensor.role}), but the nest does not store it there",
                    f"add `store {name} in {memory.name}`, or list it under may_keep:",
                )
        return held

    def shared(self, node: Sequence, path: Path, context: _Context) -> None:
        """Check that every consumer below a sequence reads only what has been produced."""
        below = [self.known[n] for n in einsums_in((node,))]
        branch_of = {name: at for at, branch in enumerate(node.branches) for name in einsums_in(branch)}
        moving = {x.rank_variable for x, n in zip(context.loops, context.steps, strict=True) if n > 1}
        for at, producer in enumerate(below):
            name = producer.output.tensor
            readers = [(e, a) for e in below if e is not producer for a in e.inputs if a.tensor == name]
            for v in sorted(moving & set(producer.shape)):
                if readers and v in producer.reduced:
                    self.complain(
                        path,
                        None,
                        f"the shared loop over {v} leaves {name} unfinished when {readers[0][0].name} reads it: "
                        f"{v} is reduced in {producer.name}",
                        f"move the loop over {v} into the branch of {producer.name}",
                    )
                    continue
                for consumer, access in readers:
                    earlier = below.index(consumer) < at
                    self.ahead(path, producer, consumer, v, access, context, earlier=earlier)
            for consumer, access in readers:
                if below.index(consumer) > at:
                    self.finished(path, producer, consumer, access, context)
                elif branch_of[consumer.name] != branch_of[producer.name]:
                    self.begun(path, producer, consumer, access, context)
                    if node.pipelined:
                        self.returned(path, producer, consumer, access)

    def finished(self, path: Path, producer: Einsum, consumer: Einsum, access: Access, context: _Context) -> None:
        """Complain where a consumer reads words into which its producer reduces at later steps, too."""
        if late := unfinished(producer, consumer, access, context.loops, context.steps):
            v, index = late
            self.complain(
                path,
                None,
                f"{consumer.name} reads {access.tensor} under the shared loop over {v} before it is finished: "
                f"later steps of the loop reduce into the same words ({access.tensor}[{_shown(index)}])",
                f"keep the loop over {v} out of the shared part",
            )

    def begun(self, path: Path, producer: Einsum, consumer: Einsum, access: Access, context: _Context) -> None:
        """Complain where a consumer that stands before its producer reads words that this or a later step writes."""
        if written_later(producer, consumer, access, context.loops, context.steps):
            name = access.tensor
            self.complain(
                path,
                None,
                f"{consumer.name} reads {name}[{_listed(access)}] before {producer.name} has written it "
                f"({name}[{_listed(producer.output)}] stands later in the sequence)",
                f"let the branch of {producer.name} stand before that of {consumer.name}",
            )

    def returned(self, path: Path, producer: Einsum, consumer: Einsum, access: Access) -> None:
        """Complain where a stage reads what a later one writes: that one is at an earlier iteration still."""
        self.complain(
            path,
            None,
            f"overlap: pipelined: {consumer.name} reads {access.tensor}[{_listed(access)}] of an earlier iteration, "
            f"which {producer.name}, a later stage, may not have written yet",
            f"put the branches from {consumer.name} to {producer.name} into one, below a sequence of its own",
        )

    def pipeline(self, node: Sequence, path: Path, context: _Context, below: list[Einsum]) -> None:
        """Keep a pipelined sequence; complain where its Einsums do not run equally often."""
        counts = {e.count: e.name for e in below}
        if len(counts) > 1:
            runs = ", ".join(f"{name} {count:,} times" for count, name in counts.items())
            self.complain(path, None, f"overlap: pipelined: its Einsums do not run equally often: {runs}")
        stages = tuple(einsums_in(branch) for branch in node.branches)
        shape = {v: extent for e in below for v, extent in e.shape.items()}
        self.pipelines.append(Pipeline(path, context.loops, context.scope, stages, shape))

    def ahead(
        self,
        path: Path,
        producer: Einsum,
        consumer: Einsum,
        v: str,
        access: Access,
        context: _Context,
        *,
        earlier: bool,
    ) -> None:
        """Complain where a consumer reads further along a shared loop than its producer has come, or at another pace.

        How far one may read that stands before its producer is said in ``begun``.
        """
        for written, read in zip(producer.output.indices, access.indices, strict=True):
            moves = dict(written.terms).get(v, 0)
            if not moves and v not in dict(read.terms):
                continue
            lead = read.span(context.extents[consumer.name])[1] - written.span(context.extents[producer.name])[1]
            if moves != dict(read.terms).get(v, 0) or (lead > 0 and not earlier):
                name = access.tensor
                self.complain(
                    path,
                    None,
                    f"{consumer.name} reads {name}[{_shown(read)}] under the shared loop over {v}, "
                    f"ahead of what {producer.name} has written ({name}[{_shown(written)}])",
                    f"keep the loop over {v} out of the shared part, or shift the index",
                )
                return


def _listed(access: Access) -> str:
    return ", ".join(_shown(index) for index in access.indices)


def _shown(index: Affine) -> str:
    parts = [v if c == 1 else f"{c}*{v}" for v, c in index.terms]
    if index.constant or not parts:
        parts.append(str(index.constant))
    return " + ".join(parts)


def bind(
    workload: Workload,
    architecture: Architecture,
    mapping: Mapping,
    marks: MappingABC[Path, Place] | None = None,
) -> BoundNest:
    """Check a mapping against an architecture and a workload.

    ``marks`` gives (file, line, column) for places in the nest. Capacity is checked by ``evaluate``, which has the
    arithmetic.

    Raises SpecError with every problem that was found.
    """
    return _Binder(workload, architecture, mapping, marks or {}).bind()
