"""Make a case that fails as small as it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from strategies import Case, statement_text

from costmodel.einsum.algebra import Access, Einsum, Workload
from costmodel.spec.hardware import Array, ComputeUnit, Level, Memory
from costmodel.spec.mapping import Compute, Mapping, Nest, Node, Sequence, Spatial, Storage, Temporal, einsums_in


def shrink(case: Case, fails: Callable[[Case], bool]) -> Case:
    """The smallest case near this one for which ``fails`` is still true."""
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(case):
            if fails(smaller):
                case, progress = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    for nest in _smaller_nests(case.mapping.nest):
        yield replace(case, mapping=Mapping(nest))
    names = einsums_in(case.mapping.nest)
    if len(names) < len(case.workload.einsums):
        kept = tuple(e for e in case.workload.einsums if e.name in names)
        yield replace(case, workload=replace(case.workload, einsums=kept))
    extents = {v: n for e in case.workload.einsums for v, n in e.shape.items()}
    for v, n in extents.items():
        for less in sorted({1, n // 2, n - 1} - {0, n}):
            yield replace(case, workload=_resized(case.workload, {**extents, v: less}))
    yield from _simpler_architectures(case)
    yield from _lighter_workloads(case)


def _simpler_architectures(case: Case) -> Iterator[Case]:
    levels = case.architecture.levels
    for at, level in enumerate(levels):
        if 0 < at < len(levels) - 1:
            yield replace(case, architecture=replace(case.architecture, levels=levels[:at] + levels[at + 1 :]))
        for simpler in _simpler_levels(level):
            changed = (*levels[:at], simpler, *levels[at + 1 :])
            yield replace(case, architecture=replace(case.architecture, levels=changed))


def _lighter_workloads(case: Case) -> Iterator[Case]:
    einsums = case.workload.einsums
    for number, einsum in enumerate(einsums):
        for dropped in einsum.inputs:
            inputs = tuple(a for a in einsum.inputs if a is not dropped)
            lighter = _restated(einsum, inputs, einsum.output) if inputs else None
            if lighter is not None:
                changed = (*einsums[:number], lighter, *einsums[number + 1 :])
                gone = {t for e in einsums for t in e.tensors} - {t for e in changed for t in e.tensors}
                nest = _without(case.mapping.nest, gone)
                yield Case(replace(case.workload, einsums=changed), case.architecture, Mapping(nest))


def _restated(einsum: Einsum, inputs: tuple[Access, ...], output: Access) -> Einsum | None:
    used = {v for a in (*inputs, output) for i in a.indices for v in i.rank_variables}
    if used != set(einsum.shape):
        return None
    names = {a.tensor for a in (*inputs, output)}
    tensors = {n: t for n, t in einsum.tensors.items() if n in names}
    return replace(einsum, inputs=inputs, output=output, tensors=tensors, text=statement_text(output, inputs))


def _without(nest: Nest, tensors: set[str]) -> Nest:
    nodes: list[Node] = []
    for node in nest:
        if isinstance(node, Storage):
            kept = tuple(t for t in node.tensors if t not in tensors)
            nodes += [Storage(kept, node.level)] if kept else []
        elif isinstance(node, Sequence):
            nodes.append(replace(node, branches=tuple(_without(branch, tensors) for branch in node.branches)))
        else:
            nodes.append(node)
    return tuple(nodes)


def _resized(workload: Workload, extents: dict[str, int]) -> Workload:
    def shape(e: Einsum) -> dict[str, int]:
        return {v: extents[v] for v in e.shape}

    return replace(workload, einsums=tuple(replace(e, shape=shape(e)) for e in workload.einsums))


def _simpler_levels(level: Level) -> Iterator[Level]:
    fields = {
        Memory: ("bandwidth_bits_per_cycle", "read_bits_per_cycle", "write_bits_per_cycle", "halo", "holes", "drain"),
        Array: ("multicast", "reduce", "systolic"),
        ComputeUnit: ("throughput_per_cycle",),
    }[type(level)]
    plain = type(level)(**({"name": "", "shape": {}} if isinstance(level, Array) else {"name": ""}))
    for name in fields:
        if getattr(level, name) != getattr(plain, name):
            yield replace(level, **{name: getattr(plain, name)})


def _smaller_nests(nest: Nest) -> Iterator[Nest]:
    for at, node in enumerate(nest):
        before, after = nest[:at], nest[at + 1 :]
        if not isinstance(node, Compute | Sequence):
            yield (*before, *after)
        for smaller in _smaller_nodes(node):
            yield (*before, smaller, *after)
        if isinstance(node, Sequence):
            for number in range(len(node.branches) if len(node.branches) > 1 else 0):
                others = node.branches[:number] + node.branches[number + 1 :]
                yield (*before, replace(node, branches=others)) if len(others) > 1 else (*before, *others[0])


def _smaller_nodes(node: Node) -> Iterator[Node]:
    match node:
        case Storage() if len(node.tensors) > 1:
            for tensor in node.tensors:
                yield Storage(tuple(t for t in node.tensors if t != tensor), node.level)
        case Spatial():
            yield Temporal(node.rank_variable, node.tile)
        case Sequence():
            for number, branch in enumerate(node.branches):
                for smaller in _smaller_nests(branch):
                    yield replace(node, branches=(*node.branches[:number], smaller, *node.branches[number + 1 :]))
    if isinstance(node, Temporal | Spatial) and node.tile > 1:
        yield replace(node, tile=node.tile - 1)
