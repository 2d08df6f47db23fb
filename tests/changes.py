"""Changes of a case that must not change its counts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from strategies import Case

from costmodel.einsum.algebra import Access, Affine, Einsum
from costmodel.spec.mapping import Compute, Mapping, Nest, Node, Sequence, Spatial, Storage, Temporal, einsums_in


def renamed(case: Case) -> tuple[Case, dict[str, str]]:
    """The case with other names for tensors, Einsums and rank variables, and the names: old → new."""
    tensors = list(dict.fromkeys(t for e in case.workload.einsums for t in e.tensors))
    variables = list(dict.fromkeys(v for e in case.workload.einsums for v in e.shape))
    names = {t: f"tensor_{len(tensors) - i}" for i, t in enumerate(tensors)}
    names |= {e.name: f"einsum_{e.name}" for e in case.workload.einsums if e.name not in names}
    names |= {v: f"v{len(variables) - i}" for i, v in enumerate(variables)}

    def rename_access(a: Access) -> Access:
        indices = tuple(replace(i, terms=tuple((names[v], c) for v, c in i.terms)) for i in a.indices)
        return Access(names[a.tensor], indices, frozenset(names[v] for v in a.at_zero))

    def rename(e: Einsum) -> Einsum:
        return replace(
            e,
            name=names[e.name],
            shape={names[v]: n for v, n in e.shape.items()},
            output=rename_access(e.output),
            inputs=tuple(map(rename_access, e.inputs)),
            operations=tuple(replace(o, at_zero=frozenset(names[v] for v in o.at_zero)) for o in e.operations),
            tensors={names[t]: replace(tensor, name=names[t]) for t, tensor in e.tensors.items()},
            addends=tuple(frozenset(names[v] for v in lacking) for lacking in e.addends),
        )

    def rename_nest(nest: Nest) -> Nest:
        nodes: list[Node] = []
        for node in nest:
            match node:
                case Storage():
                    nodes.append(Storage(tuple(names[t] for t in node.tensors), node.level))
                case Temporal() | Spatial():
                    nodes.append(replace(node, rank_variable=names[node.rank_variable]))
                case Compute():
                    nodes.append(Compute(names[node.einsum], node.unit))
                case Sequence():
                    nodes.append(replace(node, branches=tuple(map(rename_nest, node.branches))))
        return tuple(nodes)

    workload = replace(case.workload, einsums=tuple(map(rename, case.workload.einsums)))
    return Case(workload, case.architecture, Mapping(rename_nest(case.mapping.nest))), names


def idle_loop_inserted(case: Case, rng: random.Random) -> Case:
    """The case with one more loop, in time or across an array, that makes a single step."""
    left = {e.name: dict(e.shape) for e in case.workload.einsums}
    return replace(case, mapping=Mapping(_with_idle_loop(case.mapping.nest, left, rng)))


def _with_idle_loop(nest: Nest, left: dict[str, dict[str, int]], rng: random.Random) -> Nest:
    at = rng.randrange(len(nest))
    node = nest[at]
    below = einsums_in(nest[at:])
    left = {name: dict(left[name]) for name in below}
    for above in nest[:at]:
        if isinstance(above, Temporal | Spatial):
            for extents in left.values():
                if above.rank_variable in extents:
                    extents[above.rank_variable] = above.tile
    if isinstance(node, Sequence) and rng.random() < 0.7:
        number = rng.randrange(len(node.branches))
        branch = _with_idle_loop(node.branches[number], left, rng)
        return (*nest[:at], replace(node, branches=(*node.branches[:number], branch, *node.branches[number + 1 :])))
    first, *others = left.values()
    shared = [v for v, extent in first.items() if all(other.get(v) == extent for other in others)]
    if not shared:
        return nest
    v = rng.choice(shared)
    loop: Node = Temporal(v, first[v])
    if isinstance(node, Spatial):  # where a parallel loop may stand, another may
        loop = Spatial(v, first[v], node.array, node.dimension)
    return (*nest[:at], loop, *nest[at:])


def twin_loops(case: Case, rng: random.Random) -> Iterator[tuple[Case, Case]]:
    """Pairs of cases that differ in the order of two adjacent loops over rank variables that index the same tensors.

    A rank variable gets a twin that indexes every tensor that it indexes, in a rank of its own; one loop of the
    case gets a loop over the twin above or below it.
    """
    einsums = case.workload.einsums
    nest = case.mapping.nest
    loops = [at for at, node in enumerate(nest) if isinstance(node, Temporal)]
    rng.shuffle(loops)
    for at in loops[:2]:
        loop = nest[at]
        v = loop.rank_variable
        below = einsums_in(nest[at:])
        having = [e for e in einsums if v in e.shape]
        accesses = [
            a
            for e in einsums
            for a in e.accesses
            if a.tensor in {x.tensor for h in having for x in h.accesses if v in x.rank_variables}
        ]
        alone = all(
            v in a.rank_variables and all(len(i.terms) == 1 for i in a.indices if v in i.rank_variables)
            for a in accesses
        )
        several = any(a.tensor == b.tensor and a != b for a in accesses for b in accesses)
        if not alone or several or any(e.name not in below for e in having):
            continue
        extent = rng.randint(2, 3)

        def twinned(a: Access, v: str = v) -> Access:
            return replace(a, indices=(*a.indices, Affine((("twin", 1),)))) if v in a.rank_variables else a

        doubled = {a.tensor for a in accesses if v in a.rank_variables}
        changed = tuple(
            replace(
                e,
                shape={**e.shape, "twin": extent} if e in having else e.shape,
                tensors={
                    n: replace(t, ranks=(*t.ranks, "TWIN"), shape=(*t.shape, extent)) if n in doubled else t
                    for n, t in e.tensors.items()
                },
                output=twinned(e.output),
                inputs=tuple(twinned(a) for a in e.inputs),
            )
            for e in einsums
        )
        if any(e not in having for e in einsums if e.name in below):
            continue
        workload = replace(case.workload, einsums=changed)
        twin = Temporal("twin", 1)
        one = (*nest[:at], twin, loop, *nest[at + 1 :])
        other = (*nest[:at], loop, twin, *nest[at + 1 :])
        yield Case(workload, case.architecture, Mapping(one)), Case(workload, case.architecture, Mapping(other))
