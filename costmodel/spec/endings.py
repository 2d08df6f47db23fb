"""What a nest computes, checked before all else: without it, nothing can be said about the nodes above."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from costmodel.spec.mapping import Compute, Nest, NodePath, Sequence, einsums_in
from costmodel.spec.problems import did_you_mean

Wrong = tuple[NodePath, str, str]
"""Where, what, and a hint."""


def wrong_endings(nest: Nest, known: Collection[str]) -> Iterator[Wrong]:
    """Say where a branch does not end in computing an Einsum that is known and computed nowhere else."""
    if not einsums_in(nest):
        yield (), "the nest computes nothing", "end it with `compute EINSUM on UNIT`"
    else:
        yield from _branch(nest, (), known, set())


def _branch(nest: Nest, base: NodePath, known: Collection[str], met: set[str]) -> Iterator[Wrong]:
    end = next((place for place, node in enumerate(nest) if isinstance(node, Compute | Sequence)), None)
    if end is None:
        yield base, "the nest does not end in a compute or sequence node", "add `compute EINSUM on UNIT`"
        return
    node, path = nest[end], (*base, end)
    if isinstance(node, Sequence):
        for number, branch in enumerate(node.branches):
            yield from _branch(branch, (*path, number), known, met)
    elif isinstance(node, Compute):
        if node.einsum not in known:
            yield path, f"{node}: unknown Einsum {node.einsum!r}", did_you_mean(node.einsum, list(known))
        elif node.einsum in met:
            yield path, f"{node}: Einsum {node.einsum} is computed more than once", ""
        met.add(node.einsum)
    if end + 1 < len(nest):
        further = nest[end + 1]
        where = "" if isinstance(further, Sequence) else f"{further}: "
        yield (*base, end + 1), f"{where}nothing may follow a compute or sequence node", ""
