"""Values of tensors, carried along the steps of a rewriting, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from costmodel.einsum.algebra import Affine, Einsum, Workload
from costmodel.execute.arrays import Array, Arrays
from costmodel.execute.execution import execute
from costmodel.spec.rewriting.draft import Draft, tensors_in
from costmodel.spec.rewriting.step import Move, Step, refuse


def scope_of(draft: Draft) -> Workload:
    """The Einsums of a draft that steps may change, as a workload."""
    return replace(draft.workload, einsums=tuple(draft.einsum(line) for line in draft.open_lines))


def needed(workload: Workload) -> list[str]:
    """Tensors that no Einsum writes."""
    written = {e.output.tensor for e in workload.einsums}
    return list(dict.fromkeys(a.tensor for e in workload.einsums for a in e.inputs if a.tensor not in written))


def carried(start: Draft, steps: Sequence[Step], arrays: Arrays) -> dict[str, Array]:
    """What the last draft is given, where the first one is given ``arrays``.

    A tensor that is given at the end and was made by an Einsum before is made here; of one that an Einsum makes at the
    end and that was given before, the words say what it is made of. Raises SpecError where they do not.
    """
    here, held = start, dict(arrays)
    for step in steps:
        wanted = needed(scope_of(step.after))
        if any(name not in held and name in tensors_in(here) for name in wanted):
            held |= execute(scope_of(here), held).tensors
        if any(name not in held for name in wanted):
            held |= unmade(here, step, held)
        # what no Einsum reads any more may be asked for again; what one makes now is another tensor than before
        kept = {*wanted, *(held.keys() - tensors_in(step.after).keys())}
        held = {name: moved(array, step.moves.get(name)) for name, array in held.items() if name in kept}
        here = step.after
    return {name: held[name] for name in needed(scope_of(here))}


def made_by(before: Draft, step: Step) -> list[Einsum]:
    """Einsums of a step that make what was given before."""
    given = needed(scope_of(before))
    return [e for e in scope_of(step.after).einsums if e.output.tensor in given]


def unmade(before: Draft, step: Step, held: Arrays) -> dict[str, Array]:
    """What tensors are made of that were given before a step, by their words. Raises SpecError where these disagree."""
    found: dict[str, Array] = {}
    for einsum in made_by(before, step):
        (source, *others) = einsum.inputs
        array = held[einsum.output.tensor]
        if others or [o.kind for o in einsum.operations] != ["copy"]:
            raise refuse(step.sentence, f"the words of {einsum.output.tensor} do not say what it is made of")
        points = np.indices(tuple(einsum.shape.values())).reshape(len(einsum.shape), -1)
        at = dict(zip(einsum.shape, points, strict=True))
        inside = np.ones(points.shape[1], dtype=bool)
        for limit in einsum.limits:
            inside &= (_place(limit.index, at) >= 0) & (_place(limit.index, at) < limit.extent)
        read, written = (
            tuple(_place(index, at)[inside] if index.terms else index.constant for index in access.indices)
            for access in (source, einsum.output)
        )
        tensor = einsum.tensors[source.tensor]
        found[tensor.name] = np.zeros(tensor.shape, array.dtype)
        found[tensor.name][read] = array[written]
        again = np.zeros_like(array)
        again[written] = found[tensor.name][read]
        if not np.array_equal(again, array):
            raise refuse(step.sentence, f"words of {einsum.output.tensor} differ that are one word of {tensor.name}")
    return found


def _place(index: Affine, at: Mapping[str, Array]) -> Array:
    """Coordinates of an index at many points."""
    return np.asarray(sum((c * at[v] for v, c in index.terms), start=np.asarray(index.constant)))


def brought_back(start: Draft, steps: Sequence[Step], name: str, array: Array) -> Array:
    """An output of the last draft in the layout that it has in the first one."""
    drafts = [start, *(step.after for step in steps)]
    for before, step in reversed(list(zip(drafts, steps, strict=False))):
        array = moved_back(array, step.moves.get(name), tensors_in(before)[name].shape)
    return array


def kept(start: Draft, steps: Sequence[Step], name: str, array: Array) -> Array:
    """A tensor of the first draft with zeros in the place of what a step cuts off, which is to be 0."""
    there, taken = array, 0
    for step in steps:
        if name not in tensors_in(step.after):
            break
        there, taken = moved(there, step.moves.get(name)), taken + 1
    return brought_back(start, steps[:taken], name, there)


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
