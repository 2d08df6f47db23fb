"""The question of a transformation, and its answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.rewriting.draft import Draft, draft_of
from costmodel.spec.rewriting.sentences import rewrite
from costmodel.spec.rewriting.step import Step
from costmodel.spec.values import Values, values_of
from costmodel.spec.workload_spec import WorkloadSpec
from costmodel.transform.carry import moved, needed, scope_of
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
    given = {name: _moved(name, values, steps) for name, values in spec.values.items() if name in needed(scope)}
    return Transformation(start, steps, facts(start, steps), proof, workload.model_copy(update={"values": given}))


def _moved(name: str, values: Values, steps: Iterable[Step]) -> Values:
    """Values of a tensor in its last layout."""
    array = np.asarray(values)
    for step in steps:
        array = moved(array, step.moves.get(name))
    return values_of(array.tolist())
