"""The question of a transformation, and its answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from costmodel.execute.arrays import Array
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.rewriting.draft import Draft, draft_of, tensors_in
from costmodel.spec.rewriting.sentences import rewrite
from costmodel.spec.rewriting.step import Step, refuse
from costmodel.spec.values import values_of
from costmodel.spec.workload_spec import WorkloadSpec
from costmodel.transform.carry import kept, made_by, moved, needed, scope_of, unmade
from costmodel.transform.facts import Facts, facts
from costmodel.transform.proof import Proof, prove


@dataclass(frozen=True)
class Transformation:
    """A workload, rewritten."""

    start: Draft
    steps: tuple[Step, ...]
    facts: Facts
    proof: Proof
    workload: WorkloadSpec
    """The new workload, with the values that the old one gives."""


def transform(
    spec: WorkloadSpec, sentences: Iterable[str], einsums: Iterable[str] = (), seed: int = 0
) -> Transformation:
    """Rewrite a workload, and compare the values that both give.

    Values that the workload gives to tensors follow. Raises SpecError where a step cannot be taken, or values differ.
    """
    start = draft_of(spec, tuple(einsums))
    steps = tuple(rewrite(start, sentences))
    if not steps:
        raise SpecError([Problem("no step is given", hint="such as 'flatten C, H, W' or 'toeplitz input'")])
    scope = scope_of(steps[-1].after)
    proof = prove(start, steps, seed)
    workload = steps[-1].after.written
    given = set(needed(scope))
    stated = _moved(start, steps, {n: np.asarray(v) for n, v in spec.values.items()})
    values = {n: values_of(array.tolist()) for n, array in stated.items() if n in given}
    shapes = {name: tensor.shape for name, tensor in tensors_in(start).items()}
    filled = _moved(start, steps, {n: _filled(shapes[n], v) for n, v in spec.coordinates.items()})
    points = {n: _points(array) for n, array in filled.items() if n in given}
    workload = workload.model_copy(update={"values": values, "coordinates": points})
    return Transformation(start, steps, facts(start, steps), proof, workload)


def _moved(start: Draft, steps: Iterable[Step], arrays: dict[str, Array]) -> dict[str, Array]:
    """Values of some tensors in their last layout; of what is made now, those of what it is made of."""
    here = start
    for step in steps:
        if any(einsum.output.tensor in arrays for einsum in made_by(here, step)):
            arrays |= unmade(here, step, arrays)
        for name, array in arrays.items():
            if name in tensors_in(here) and not np.array_equal(kept(here, [step], name, array), array):
                raise refuse(step.sentence, f"values of {name} that are cut off are not 0")
        arrays = {name: moved(array, step.moves.get(name)) for name, array in arrays.items()}
        here = step.after
    return arrays


def _filled(shape: tuple[int, ...], points: Iterable[tuple[int, ...]]) -> Array:
    """True at some points of a tensor."""
    found = np.zeros(shape, dtype=bool)
    for point in points:
        found[tuple(point)] = True
    return found


def _points(array: Array) -> tuple[tuple[int, ...], ...]:
    """Where an array is not zero."""
    return tuple(tuple(map(int, point)) for point in np.argwhere(array))
