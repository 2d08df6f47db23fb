"""That a rewriting keeps the values: both workloads run on random values, and the outputs compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from costmodel.einsum.algebra import Workload
from costmodel.execute.arrays import Array, tensors_of
from costmodel.execute.execution import differences, execute
from costmodel.execute.given import MAX_BYTES, given_values, random_array
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.rewriting.draft import Draft, tensors_in
from costmodel.spec.rewriting.step import Step
from costmodel.transform.carry import brought_back, carried, kept, made_by, needed, scope_of

MAX_POINTS = 10_000_000_000
"""Largest iteration space, before and after together, that is run for a proof."""


@dataclass(frozen=True)
class Proof:
    """What was found equal."""

    tensors: tuple[str, ...]
    """Outputs that both workloads write; empty where they are too large to run."""
    exact: bool
    """Whether the values are integers."""
    seed: int
    too_large: str = ""
    """Why nothing was run."""


def prove(start: Draft, steps: Sequence[Step], seed: int = 0) -> Proof:
    """Run a workload before and after its rewriting. Raises SpecError where an output differs."""
    before, after = scope_of(start), scope_of(steps[-1].after)
    if too_large := _too_large(before, after):
        return Proof((), exact=False, seed=seed, too_large=too_large)
    arrays = {**given_values(before, {}, {}, seed=seed).arrays, **_sources(start, steps, seed)}
    known = tensors_in(start)
    arrays = {name: kept(start, steps, name, array) if name in known else array for name, array in arrays.items()}
    expected = execute(before, arrays).tensors
    found = execute(after, carried(start, steps, arrays)).tensors
    written = dict.fromkeys(e.output.tensor for e in before.einsums)
    still = dict.fromkeys(e.output.tensor for e in after.einsums)
    outputs = tuple(name for name in written if name in still)
    back = {name: brought_back(start, steps, name, found[name]) for name in outputs}
    if wrong := differences(back, expected, outputs):
        hint = "zeros that were added take part in what is computed"
        raise SpecError([Problem(f"{steps[-1].sentence}: gives other values: {text}", hint=hint) for text in wrong])
    return Proof(outputs, exact=all(expected[name].dtype.kind == "i" for name in outputs), seed=seed)


def _sources(start: Draft, steps: Sequence[Step], seed: int) -> dict[str, Array]:
    """Values of what tensors are made of that were given before, and of those tensors in the layout of the start."""
    drafts = [start, *(step.after for step in steps)]
    chosen: dict[str, tuple[int, Array]] = {}
    for place in reversed(range(len(steps))):
        for einsum in made_by(drafts[place], steps[place]):
            for name in {access.tensor for access in einsum.inputs}:
                at, array = chosen.get(
                    name, (place + 1, random_array(name, einsum.tensors[name].shape, "integers", seed))
                )
                chosen[name] = place + 1, brought_back(drafts[place + 1], steps[place + 1 : at], name, array)
            inputs = {access.tensor: chosen[access.tensor][1] for access in einsum.inputs}
            alone = replace(scope_of(drafts[place + 1]), einsums=(einsum,))
            chosen[einsum.output.tensor] = place, execute(alone, inputs)[einsum.output.tensor]
    given = needed(scope_of(start))
    return {
        name: brought_back(start, steps[:at], name, array) if name in given else array
        for name, (at, array) in chosen.items()
    }


def _too_large(before: Workload, after: Workload) -> str:
    points = sum(e.points for w in (before, after) for e in w.einsums)
    if points > MAX_POINTS:
        return f"{points:,} points"
    size = sum(8 * tensor.size_words for w in (before, after) for tensor in tensors_of(w.einsums).values())
    return f"{size / 2**30:,.1f} GiB" if size > MAX_BYTES else ""
