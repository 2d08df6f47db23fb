"""The question of a run: a workload, its values, an engine and perhaps an order; and the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from costmodel.einsum.algebra import Workload
from costmodel.execute.execution import Engine, Execution, differences, execute
from costmodel.execute.given import Given, Random, given_values
from costmodel.execute.nest_order import schedules_of
from costmodel.execute.traversal import Visit
from costmodel.spec.mapping import Mapping as Schedule
from costmodel.spec.mapping import einsums_in
from costmodel.spec.mapping_file import NestMarks
from costmodel.spec.nonzeros import Nonzeros
from costmodel.spec.problems import Problem, SpecError, did_you_mean
from costmodel.spec.values import Values

Pairs = tuple[tuple[Schedule, NestMarks], ...]


@dataclass(frozen=True, kw_only=True)
class RunQuestion:
    """What is to be run."""

    workload: Workload
    literals: Mapping[str, Values]
    """Values that the workload file gives."""
    arrays: Mapping[str, object]
    """Values that are given as arrays, or lists."""
    files: tuple[str, ...] = ()
    """``NAME=FILE.npy`` and ``FILE.npz``."""
    nonzeros: Nonzeros = field(default_factory=Nonzeros)
    """Which words of the rest are not zero."""
    random: Random | None = None
    """What the rest is made of; null: integers, where every Einsum makes integers of integers."""
    seed: int = 0
    engine: Engine = "numpy"
    skip_zeros: bool = False
    einsums: tuple[str, ...] = ()
    """Only these; all where empty."""
    mappings: Pairs = ()
    """Nests in whose order points are visited; the Einsums that none computes keep theirs."""


@dataclass(frozen=True, eq=False)
class RunAnswer:
    """What a run computed, and from what."""

    execution: Execution
    given: Given
    same_output: tuple[str, ...]
    """Tensors whose values were found to be the same in the order of the nests and in that of the text."""


def run(question: RunQuestion, observe: Callable[[Visit], None] | None = None) -> RunAnswer:
    """Run a workload. With mappings it is run twice, and the order of the nests must give the same values.

    Raises SpecError where a value, a name or a nest is wrong, or another order gives other values.
    """
    workload = chosen(question.workload, question.einsums)
    given = given_values(
        workload,
        question.literals,
        question.arrays,
        question.files,
        nonzeros=question.nonzeros,
        random=question.random,
        seed=question.seed,
    )
    if not question.mappings:
        execution = execute(
            workload, given.arrays, engine=question.engine, observe=observe, skip_zeros=question.skip_zeros
        )
        return RunAnswer(execution, given, ())
    schedules = schedules_of(_about(question.mappings, workload), workload)
    execution = execute(
        workload,
        given.arrays,
        engine=question.engine,
        schedules=schedules,
        observe=observe,
        skip_zeros=question.skip_zeros,
    )
    written = tuple(dict.fromkeys(e.output.tensor for e in workload.einsums))
    if wrong := differences(execution.tensors, execute(workload, given.arrays).tensors, written):
        hint = "an Einsum reads what another one has not finished in this order"
        raise SpecError([Problem(f"the order of the nest gives other values: {text}", hint=hint) for text in wrong])
    return RunAnswer(execution, given, written)


def chosen(workload: Workload, names: Iterable[str]) -> Workload:
    """Some Einsums of a workload, in its order; all where none is named. Raises SpecError for unknown names."""
    known = [e.name for e in workload.einsums]
    problems = [Problem(f"no Einsum {name!r}", hint=did_you_mean(name, known)) for name in names if name not in known]
    if problems:
        raise SpecError(problems)
    return replace(workload, einsums=tuple(e for e in workload.einsums if e.name in names)) if names else workload


def _about(mappings: Pairs, workload: Workload) -> Pairs:
    """Nests that compute some Einsum of a workload."""
    names = {e.name for e in workload.einsums}
    found = tuple((schedule, marks) for schedule, marks in mappings if names & set(einsums_in(schedule.nest)))
    if not found:
        computed = sorted({name for schedule, _ in mappings for name in einsums_in(schedule.nest)})
        message = f"the mapping computes {', '.join(computed) or 'nothing'}, and no Einsum of {workload.name}"
        raise SpecError([Problem(message, hint=f"its Einsums: {', '.join(sorted(names))}")])
    return found
