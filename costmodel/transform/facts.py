"""What a rewriting changed: shapes, words, operations; how often words are repeated, and how many are zeros."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from costmodel.einsum.algebra import Workload
from costmodel.einsum.syntax import TensorAccess
from costmodel.execute.arrays import tensors_of
from costmodel.spec.rewriting.draft import Draft
from costmodel.spec.rewriting.step import Step
from costmodel.transform.carry import scope_of


@dataclass(frozen=True)
class Arranged:
    """A tensor that is made of the words of another one."""

    source: str
    repetition: float
    """Its words for each word of the source."""
    nonzeros: int
    """Words that hold a word of the source; the others are 0."""


@dataclass(frozen=True)
class TensorFact:
    """A tensor before and after; null where it is not there."""

    name: str
    ranks: tuple[str, ...] | None
    shape: tuple[int, ...] | None
    new_ranks: tuple[str, ...] | None
    new_shape: tuple[int, ...] | None
    words: int
    """After, or before where it is gone."""
    arranged: Arranged | None


@dataclass(frozen=True)
class Facts:
    """What is another one afterwards."""

    tensors: tuple[TensorFact, ...]
    operations: Mapping[str, int]
    """By kind, of all Einsums that may have changed, each once."""
    new_operations: Mapping[str, int]


def facts(start: Draft, steps: Sequence[Step]) -> Facts:
    """Compare the first draft with the last one."""
    before, after = scope_of(start), scope_of(steps[-1].after)
    old, new = tensors_of(before.einsums), tensors_of(after.einsums)
    made: dict[str, Arranged] = {}
    for step in steps:
        made |= _arranged(step.after, set(old))
    found: list[TensorFact] = []
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name), new.get(name)
        here = now or was
        if here is not None:
            shapes = (was.ranks if was else None, was.shape if was else None)
            news = (now.ranks if now else None, now.shape if now else None)
            found.append(TensorFact(name, *shapes, *news, here.size_words, made.get(name)))
    return Facts(tuple(found), _operations(before), _operations(after))


def _arranged(draft: Draft, known: set[str]) -> dict[str, Arranged]:
    """New tensors that an Einsum makes of the words of another one."""
    found: dict[str, Arranged] = {}
    for line in draft.open_lines:
        einsum, source = draft.einsum(line), line.statement.expression
        if isinstance(source, TensorAccess) and einsum.output.tensor not in known:
            words = einsum.tensors[einsum.output.tensor].size_words
            repetition = words / einsum.tensors[source.tensor].size_words
            found[einsum.output.tensor] = Arranged(source.tensor, repetition, einsum.points_inside)
    return found


def _operations(workload: Workload) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for einsum in workload.einsums:
        counts.update(einsum.operation_counts)
    return dict(counts)
