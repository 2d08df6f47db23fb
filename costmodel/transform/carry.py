"""Values of tensors, carried along the steps of a rewriting, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from costmodel.einsum.algebra import Workload
from costmodel.execute.arrays import Array, Arrays
from costmodel.execute.execution import execute
from costmodel.spec.rewriting.draft import Draft, tensors_in
from costmodel.spec.rewriting.step import Move, Step


def scope_of(draft: Draft) -> Workload:
    """The Einsums of a draft that steps may change, as a workload."""
    return replace(draft.workload, einsums=tuple(draft.einsum(line) for line in draft.open_lines))


def needed(workload: Workload) -> list[str]:
    """Tensors that no Einsum writes."""
    written = {e.output.tensor for e in workload.einsums}
    return list(dict.fromkeys(a.tensor for e in workload.einsums for a in e.inputs if a.tensor not in written))


def carried(start: Draft, steps: Sequence[Step], arrays: Arrays) -> dict[str, Array]:
    """What the last draft is given, where the first one is given ``arrays``.

    A tensor that is given at the end and was made by an Einsum before is made here.
    """
    here, held = start, dict(arrays)
    for step in steps:
        wanted = needed(scope_of(step.after))
        if any(name not in held for name in wanted):
            held |= execute(scope_of(here), held).tensors
        held = {name: moved(held[name], step.moves.get(name)) for name in wanted}
        here = step.after
    return held


def brought_back(start: Draft, steps: Sequence[Step], name: str, array: Array) -> Array:
    """An output of the last draft in the layout that it has in the first one."""
    drafts = [start, *(step.after for step in steps)]
    for before, step in reversed(list(zip(drafts, steps, strict=False))):
        array = moved_back(array, step.moves.get(name), tensors_in(before)[name].shape)
    return array


def moved(array: Array, move: Move | None) -> Array:
    """The values of a tensor in its new layout."""
    if move is None:
        return array
    if move.kind == "reshape":
        return array.reshape(move.numbers)
    return array.transpose(move.numbers) if move.kind == "transpose" else fitted(array, move.numbers)


def moved_back(array: Array, move: Move | None, shape: tuple[int, ...]) -> Array:
    """The values of a tensor in the layout before a move; ``shape`` is that of the tensor then."""
    if move is None:
        return array
    if move.kind == "reshape":
        return array.reshape(shape)
    return array.transpose(np.argsort(move.numbers)) if move.kind == "transpose" else fitted(array, shape)


def fitted(array: Array, shape: tuple[int, ...]) -> Array:
    """As much of an array as a shape has room for, and zeros where it has none."""
    found = np.zeros(shape, array.dtype)
    both = tuple(slice(min(have, need)) for have, need in zip(array.shape, shape, strict=True))
    found[both] = array[both]
    return found
