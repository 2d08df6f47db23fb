"""Steps that change the layout of tensors and no value: split, swap, resize."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from costmodel.einsum.syntax import Index, Statement, TensorAccess, Term
from costmodel.spec.problems import did_you_mean
from costmodel.spec.rewriting.draft import (
    Draft,
    Line,
    accesses_of,
    each_open,
    substituted,
    tensors_in,
    variable_index,
    with_accesses,
    with_indices,
)
from costmodel.spec.rewriting.flatten import joined_name
from costmodel.spec.rewriting.step import Move, Step, refuse


def swap(draft: Draft, tensor: str, order: Sequence[str]) -> Step:
    """Order the ranks of a tensor anew: ``swap A: K, M``."""
    sentence = f"swap {tensor}: {', '.join(order)}"
    tensors = tensors_in(draft)
    if tensor not in tensors:
        raise refuse(sentence, f"no tensor {tensor!r}", did_you_mean(tensor, list(tensors)))
    ranks = tensors[tensor].ranks
    if sorted(order) != sorted(ranks):
        raise refuse(sentence, f"the ranks of {tensor} are {', '.join(ranks)}")
    places = tuple(ranks.index(rank) for rank in order)

    def change(access: TensorAccess) -> TensorAccess:
        if access.tensor != tensor:
            return access
        return with_indices(access, (access.indices[place] for place in places))

    after = each_open(draft, lambda line: with_accesses(line.statement, change))
    return Step(sentence, after, {tensor: Move("transpose", places)}, (f"swap {tensor}: {', '.join(ranks)}",))


# ---------------------------------------------------------------------------------------------------------------
# Split


Names = Callable[[str], tuple[str, ...]]


def split(draft: Draft, rank: str, ranks: Sequence[str]) -> Step:
    """Undo a flattening: ``split CHW into C, H, W``, whose shapes `ranks:` has, or ``C=2, H=4, W=4``."""
    sentence = f"split {rank} into {', '.join(ranks)}"
    shapes: dict[str, int] = {}
    names = [name.partition("=")[0].strip() for name in ranks]
    for text, name in zip(ranks, names, strict=True):
        if stated := text.partition("=")[2].strip():
            shapes[name] = int(stated)
    for line in draft.open_lines:
        shapes = draft.values(line, names) | shapes
    if missing := [name for name in names if name not in shapes]:
        raise refuse(sentence, f"{missing[0]} has no shape in ranks", f"say it: {missing[0]}=4")

    def parts(name: str) -> tuple[str, ...]:
        """``P1, P0`` of P, where ``M1, M0`` are those of M."""
        tiles = joined_name(names) == rank and name != rank and "".join(names) != rank
        return tuple(f"{name}{part[len(rank) :]}" for part in names) if tiles else tuple(names)

    return _Split(draft, sentence, rank, tuple(shapes[r] for r in names), parts).step()


def partition(draft: Draft, rank: str, tile: int) -> list[Step]:
    """Tiles of a rank: ``partition K by 4`` makes K1 and K0 of it; where 4 does not divide it, the end is zeros."""
    extents = {
        draft.einsum(line).shape[rank.lower()] for line in draft.open_lines if rank.lower() in draft.einsum(line).shape
    }
    sentence = f"partition {rank} by {tile}"
    if len(extents) != 1:
        known = _ranks_of(draft)
        why = f"rank {rank} has several shapes" if extents else f"no rank variable runs over {rank}"
        raise refuse(sentence, why, did_you_mean(rank, known))
    (extent,) = extents
    if not 1 <= tile <= extent:
        raise refuse(sentence, f"the tile must be from 1 to {extent}")
    outer = -(-extent // tile)
    steps = [resize(draft, rank, outer * tile)] if outer * tile != extent else []
    start = steps[-1].after if steps else draft
    done = _Split(start, sentence, rank, (outer, tile), lambda name: (f"{name}1", f"{name}0")).step()
    return [*steps, done]


class _Split:
    """One splitting: of all ranks that the same rank variables index, and of these."""

    def __init__(self, draft: Draft, sentence: str, rank: str, shape: tuple[int, ...], names: Names) -> None:
        self.draft, self.sentence, self.rank, self.shape, self.names = draft, sentence, rank, shape, names
        self.tensors = tensors_in(draft)
        self.variables: set[tuple[str, str]] = set()
        self.places: set[tuple[str, int]] = set()
        self.variables, self.places = alike(draft, rank)
        size = math.prod(shape)
        for line, variable in self.variables:
            if draft.workload.einsum(line).shape[variable] != size:
                raise refuse(
                    sentence, f"{variable} of {line} has {draft.workload.einsum(line).shape[variable]}, not {size}"
                )
        for tensor, place in self.places:
            if (extent := self.tensors[tensor].shape[place]) != size:
                raise refuse(sentence, f"rank {self.tensors[tensor].ranks[place]} of {tensor} has {extent}, not {size}")
        if not self.variables and not self.places:
            raise refuse(sentence, f"no rank is called {rank}", did_you_mean(rank, _ranks_of(draft)))

    def step(self) -> Step:
        new_ranks: dict[str, int | str] = {}
        for _, variable in self.variables:
            for name, extent in zip(self.names(variable.upper()), self.shape, strict=True):
                new_ranks.setdefault(name, extent)
        stated = [self.draft.values(line, new_ranks) for line in self.draft.open_lines]
        kept = {name: extent for name, extent in new_ranks.items() if any(x.get(name) != extent for x in stated)}
        after = each_open(self.draft, self.changed, kept)
        moves: dict[str, Move] = {}
        for tensor in {tensor for tensor, _ in self.places}:
            whole = self.tensors[tensor].shape
            parts = [self.shape if (tensor, r) in self.places else (extent,) for r, extent in enumerate(whole)]
            moves[tensor] = Move("reshape", tuple(n for part in parts for n in part))
        back = f"flatten {', '.join(self.names(self.rank))} as {self.rank}"
        return Step(self.sentence, after, moves, (back,))

    def changed(self, line: Line) -> Statement:
        mine = {v for name, v in self.variables if name == line.name}
        shape = self.draft.einsum(line).shape
        new: dict[str, tuple[Term, ...]] = {}
        for variable in mine:
            names = [n.lower() for n in self.names(variable.upper())]
            if taken := [n for n in names if n in shape]:
                raise refuse(self.sentence, f"{line.name} has a rank variable {taken[0]} already")
            new[variable] = tuple(
                Term((name, *_sizes([n.upper() for n in names[at + 1 :]], self.shape[at + 1 :])))
                for at, name in enumerate(names)
            )

        def change(access: TensorAccess) -> TensorAccess:
            indices: list[Index] = []
            for place, index in enumerate(access.indices):
                ranks = self.names(self.tensors[access.tensor].ranks[place])
                if (access.tensor, place) in self.places and index.plain:
                    variables = self.names(index.plain.upper())
                    indices += [variable_index(v.lower(), r) for v, r in zip(variables, ranks, strict=True)]
                elif (access.tensor, place) in self.places:
                    indices += self.parted(line, access, index, ranks)
                else:
                    indices.append(substituted(index, new))
            return with_indices(access, indices)

        return with_accesses(line.statement, change)

    def parted(self, line: Line, access: TensorAccess, index: Index, ranks: tuple[str, ...]) -> list[Index]:
        """An index such as ``c*H*W + h*W + w`` in parts: what follows a rank variable says which it belongs to."""
        terms: list[list[Term]] = [[] for _ in ranks]
        named = [tuple(ranks[at + 1 :]) for at in range(len(ranks))]
        counted = [tuple(n for n in self.shape[at + 1 :] if n != 1) for at in range(len(ranks))]
        for term in index.terms:
            at = term.factors.index(term.rank_variable) if term.rank_variable else -1
            after = term.factors[at + 1 :]
            part = next((p for sizes in (named, counted) for p, factors in enumerate(sizes) if factors == after), None)
            if part is None:
                raise refuse(self.sentence, f"{line.name} reads it as {access}, whose parts are not told apart")
            terms[part].append(Term(term.factors[: at + 1], term.negative))
        parts = [Index(tuple(found) or (Term((0,)),), rank) for found, rank in zip(terms, ranks, strict=True)]
        parts = [replace(i, rank=None) if i.plain and i.plain.upper() == i.rank else i for i in parts]
        einsum = self.draft.einsum(line)
        for part_index, extent in zip(parts, self.shape, strict=True):
            low, high = part_index.affine(einsum.constants).span(einsum.shape)
            if low < 0 or high >= extent:
                raise refuse(self.sentence, f"{line.name} reads it as {access}, which leaves its parts")
        return parts


def _sizes(names: list[str], shape: tuple[int, ...]) -> tuple[int | str, ...]:
    return tuple(name for name, extent in zip(names, shape, strict=True) if extent != 1)


def alike(draft: Draft, rank: str) -> tuple[set[tuple[str, str]], set[tuple[str, int]]]:
    """(Einsum, rank variable) and (tensor, place of a rank) that a rank variable of this name ties together."""
    variables = {(x.name, rank.lower()) for x in draft.open_lines if rank.lower() in x.statement.rank_variables}
    tensors = tensors_in(draft).values()
    places = {(t.name, place) for t in tensors for place, name in enumerate(t.ranks) if name == rank}
    while True:
        before = len(variables) + len(places)
        for line in draft.open_lines:
            for access in accesses_of(line.statement):
                for place, index in enumerate(access.indices):
                    if (line.name, index.plain) in variables:
                        places.add((access.tensor, place))
                    if (access.tensor, place) in places and index.plain:
                        variables.add((line.name, index.plain))
        if len(variables) + len(places) == before:
            return variables, places


# ---------------------------------------------------------------------------------------------------------------
# Resize


def resize(draft: Draft, rank: str, extent: int) -> Step:
    """Give a rank another shape: what is added is 0, what is cut off was (``resize K to 12``)."""
    sentence = f"resize {rank} to {extent}"
    variables, places = alike(draft, rank)
    names = {v.upper() for _, v in variables}
    if used := sorted({n for x in draft.open_lines for n in x.statement.constants if n in names}):
        raise refuse(sentence, f"{used[0]} is a constant of an index or a value, too")
    for line in draft.open_lines:
        for access in accesses_of(line.statement):
            if any((access.tensor, place) in places and not i.plain for place, i in enumerate(access.indices)):
                raise refuse(sentence, f"{line.name} reads it as {access}, and no rank variable runs over all of it")
    if not variables:
        raise refuse(sentence, f"no rank variable runs over {rank}", did_you_mean(rank, _ranks_of(draft)))
    before = {draft.workload.einsum(line).shape[v] for line, v in variables}
    after = draft.with_lines(draft.lines, dict.fromkeys(names, extent))
    old, new = tensors_in(draft), tensors_in(after)
    moves = {name: Move("fit", new[name].shape) for name in new if name in old and old[name].shape != new[name].shape}
    return Step(sentence, after, moves, (f"resize {rank} to {before.pop()}",))


def _ranks_of(draft: Draft) -> list[str]:
    """Ranks that a step may name."""
    variables = {v.upper() for line in draft.open_lines for v in draft.einsum(line).shape}
    return sorted(variables | {rank for tensor in tensors_in(draft).values() for rank in tensor.ranks})
