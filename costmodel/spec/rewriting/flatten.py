"""Flattening: one rank of some that follow one another."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from costmodel.einsum.syntax import Index, Statement, TensorAccess, Term
from costmodel.spec.rewriting.draft import (
    Draft,
    Line,
    accesses_of,
    each_open,
    scaled,
    tensors_in,
    variable_index,
    with_accesses,
    with_indices,
)
from costmodel.spec.rewriting.step import Move, Step, refuse


def flatten(draft: Draft, ranks: Sequence[str], name: str | None = None) -> Step:
    """Make one rank of some that follow one another: ``flatten C, H, W as CHW``.

    Tensors that have those ranks get the new one, and so do those that the same rank variables index. Rank variables
    that count as one wherever they stand are joined; others reach the words by an index such as ``c*H*W + h*W + w``.
    """
    sentence = f"flatten {', '.join(ranks)}" + (f" as {name}" if name else "")
    count = len(ranks)
    seeds = {
        (tensor.name, start)
        for tensor in tensors_in(draft).values()
        for start in range(len(tensor.ranks) - count + 1)
        if tensor.ranks[start : start + count] == tuple(ranks) and can_join(draft, tensor.name, start, count)
    }
    done = _Flatten(draft, sentence, tuple(ranks), name or joined_name(ranks), seeds)
    if count < 2 or not (seeds or any(done.joins(line) for line in draft.open_lines)):
        hint = "; ".join(f"{t.name} has {', '.join(t.ranks)}" for t in tensors_in(draft).values())
        raise refuse(sentence, "no tensor has these ranks one after another, each for a rank variable", hint)
    return done.step()


def joined_name(ranks: Sequence[str]) -> str:
    """``PQN`` of P, Q and N; ``M`` of M1 and M0.

    >>> joined_name(["P", "Q"]), joined_name(["M1", "M0"])
    ('PQ', 'M')
    """
    stems = {re.sub(r"\d+$", "", rank) for rank in ranks}
    numbers = [rank[len(next(iter(stems))) :] for rank in ranks]
    if len(stems) == 1 and numbers == [str(n) for n in reversed(range(len(ranks)))]:
        return stems.pop()
    return "".join(ranks)


def plain(indices: Sequence[Index]) -> tuple[str, ...] | None:
    """The rank variables of some indices, where each is nothing but one of its own."""
    variables = tuple(i.plain for i in indices if i.plain)
    return variables if len(variables) == len(indices) == len(set(variables)) else None


def can_join(draft: Draft, tensor: str, start: int, count: int) -> bool:
    """Whether some ranks of a tensor can be one: rank variables alone index them somewhere, and nothing leaves them."""
    found = False
    for line in draft.open_lines:
        einsum = draft.einsum(line)
        for access in accesses_of(line.statement):
            if access.tensor == tensor:
                indices = access.indices[start : start + count]
                found = found or plain(indices) is not None
                spans = [index.affine(einsum.constants).span(einsum.shape) for index in indices]
                extents = einsum.tensors[tensor].shape[start : start + count]
                if any(low < 0 or high >= extent for (low, high), extent in zip(spans, extents, strict=True)):
                    return False
    return found


class _Flatten:
    """One flattening; ``targets`` grows to all ranks that the same rank variables index one after another."""

    def __init__(
        self, draft: Draft, sentence: str, ranks: tuple[str, ...], name: str, seeds: set[tuple[str, int]]
    ) -> None:
        self.draft, self.sentence, self.ranks, self.name = draft, sentence, ranks, name
        self.count = len(ranks)
        self.tensors = tensors_in(draft)
        self.targets = seeds
        """(tensor, place of the first rank) of ranks that become one."""
        self.new_ranks: dict[str, int | str] = {}
        self.grow()

    def grow(self) -> None:
        """Ranks that are indexed by the same rank variables one after another are flattened alike."""
        while True:
            before = len(self.targets)
            for line in self.draft.open_lines:
                runs = {run for a in accesses_of(line.statement) for _, run in self.runs(a)}
                for access in accesses_of(line.statement):
                    for start in range(len(access.indices) - self.count + 1):
                        there = plain(access.indices[start : start + self.count])
                        if there in runs and can_join(self.draft, access.tensor, start, self.count):
                            self.targets.add((access.tensor, start))
            if len(self.targets) == before:
                return

    def starts(self, tensor: str) -> list[int]:
        """Where the ranks of a tensor that become one begin."""
        return sorted(start for name, start in self.targets if name == tensor)

    def runs(self, access: TensorAccess) -> list[tuple[int, tuple[str, ...]]]:
        """Rank variables that index ranks to be flattened, each alone in one of them, with the place of the first."""
        found = ((start, plain(access.indices[start : start + self.count])) for start in self.starts(access.tensor))
        return [(start, run) for start, run in found if run]

    def joins(self, line: Line) -> dict[tuple[str, ...], str]:
        """Rank variables that count as one wherever they stand, whole → the variable that takes their place."""
        accesses = accesses_of(line.statement)
        runs = {run for a in accesses for _, run in self.runs(a)}
        shape = self.draft.einsum(line).shape
        asked = tuple(rank.lower() for rank in self.ranks)
        if set(asked) <= set(shape):
            runs.add(asked)
        found: dict[tuple[str, ...], str] = {}
        for run in sorted(runs):
            extents = tuple(shape[v] for v in run)
            whole = all(
                extents == self.tensors[a.tensor].shape[start : start + self.count]
                for a in accesses
                for start, there in self.runs(a)
                if there == run
            )
            if whole and all(self.counts_as_one(line, access, run) for access in accesses):
                found[run] = self.joined(tuple(v.upper() for v in run)).lower()
        return found

    def joined(self, ranks: tuple[str, ...]) -> str:
        """Name of the one rank that takes the place of some."""
        return self.name if ranks == self.ranks else joined_name(ranks)

    def counts_as_one(self, line: Line, access: TensorAccess, run: tuple[str, ...]) -> bool:
        """Whether an access reads rank variables as one: where they are flattened, or as ``p1*P0 + p0``."""
        einsum = self.draft.einsum(line)
        flattened = {start + k for start, there in self.runs(access) if there == run for k in range(self.count)}
        for place, index in enumerate(access.indices):
            if place in flattened or not set(run) & set(index.rank_variables):
                continue
            factor = dict(index.affine(einsum.constants).terms)
            steps = [math.prod(einsum.shape[v] for v in run[at + 1 :]) for at in range(len(run))]
            once = all(sum(t.rank_variable == v for t in index.terms) == 1 for v in run)
            if not once or any(factor[v] != factor[run[-1]] * n for v, n in zip(run, steps, strict=True)):
                return False
        return True

    def step(self) -> Step:
        after = each_open(self.draft, self.changed, self.new_ranks)
        moves: dict[str, Move] = {}
        for tensor in {tensor for tensor, _ in self.targets}:
            shape = self.tensors[tensor].shape
            for start in reversed(self.starts(tensor)):
                inner = math.prod(shape[start : start + self.count])
                shape = (*shape[:start], inner, *shape[start + self.count :])
            moves[tensor] = Move("reshape", shape)
        return Step(self.sentence, after, moves, (f"split {self.name} into {', '.join(self.told())}",))

    def told(self) -> list[str]:
        """The ranks with their shapes, as `split` needs them."""
        alike = ((t, start) for t, start in sorted(self.targets) if self.ranks_at(t, start) == self.ranks)
        shape = next((self.tensors[tensor].shape[start:] for tensor, start in alike), ())
        for line in self.draft.open_lines:
            extents = self.draft.einsum(line).shape
            if not shape and {rank.lower() for rank in self.ranks} <= set(extents):
                shape = tuple(extents[rank.lower()] for rank in self.ranks)
        return [f"{rank}={extent}" for rank, extent in zip(self.ranks, shape, strict=False)]

    def ranks_at(self, tensor: str, start: int) -> tuple[str, ...]:
        """Ranks of a tensor that become one."""
        return self.tensors[tensor].ranks[start : start + self.count]

    def changed(self, line: Line) -> Statement:
        joins = self.joins(line)
        shape = self.draft.einsum(line).shape
        for run, variable in joins.items():
            if variable in shape:
                why = f"{line.name} has a rank variable {variable} already"
                raise refuse(self.sentence, why, "say another: as NAME")
            names = [v.upper() for v in run]
            stated = self.draft.values(line, names)
            formula = all(stated.get(n) == shape[v] for n, v in zip(names, run, strict=True))
            size = math.prod(shape[v] for v in run)
            self.new_ranks.setdefault(variable.upper(), "*".join(names) if formula else size)

        def change(access: TensorAccess) -> TensorAccess:
            indices = access.indices
            runs = dict(self.runs(access))
            for start in reversed(self.starts(access.tensor)):
                rank = self.joined(self.ranks_at(access.tensor, start))
                run = runs.get(start)
                one = variable_index(joins[run], rank) if run in joins and run else self.combined(line, access, start)
                indices = (*indices[:start], one, *indices[start + self.count :])
            new = tuple(_as_one(index, joins) for index in indices)
            return access if new == access.indices else with_indices(access, new)

        return with_accesses(line.statement, change)

    def combined(self, line: Line, access: TensorAccess, start: int) -> Index:
        """One index in the place of several: ``c*H*W + h*W + w``."""
        tensor = self.tensors[access.tensor]
        terms: list[Term] = []
        for place, index in enumerate(access.indices[start : start + self.count]):
            later = range(start + place + 1, start + self.count)
            terms += scaled(index, *(self.size(line, tensor.ranks[r], tensor.shape[r]) for r in later))
        return Index(tuple(terms) or (Term((0,)),), self.joined(self.ranks_at(access.tensor, start)))

    def size(self, line: Line, name: str, extent: int) -> int | str:
        """The name of a shape where it has that value, else the number."""
        return name if self.draft.values(line, (name,)).get(name) == extent else extent


def _as_one(index: Index, joins: Mapping[tuple[str, ...], str]) -> Index:
    """Put one rank variable in the place of several that count as it: ``p`` for ``p1*P0 + p0``."""
    for run, variable in joins.items():
        if set(run) & set(index.rank_variables):
            kept = (t for t in index.terms if t.rank_variable not in run[:-1])
            index = replace(index, terms=tuple(_renamed(t, run[-1], variable) for t in kept))
    return index


def _renamed(term: Term, old: str, new: str) -> Term:
    return replace(term, factors=tuple(new if f == old else f for f in term.factors))
