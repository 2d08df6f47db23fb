"""A change of variables: ``let w = q + s for s`` walks ``(q, w)`` in the place of ``(q, s)``."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from costmodel.einsum import notation
from costmodel.einsum.syntax import Index, TensorAccess, Term
from costmodel.spec.problems import SpecError
from costmodel.spec.rewriting.draft import (
    Draft,
    Line,
    substituted,
    with_accesses,
    with_indices,
)
from costmodel.spec.rewriting.step import Step, refuse


def let(draft: Draft, variable: str, formula: str, old: str) -> Step:
    """Put a sum of rank variables in the place of one of them.

    What the old variable indexed alone is indexed by a difference then, such as ``F[S=w - q]``, and points at which
    that leaves the tensor do nothing (`pad: zero`).
    """
    sentence = f"let {variable} = {formula} for {old}"
    try:
        (index,) = notation.parse(f"X[{formula}] = Y[]").output.indices
    except SpecError as error:
        raise refuse(sentence, error.problems[0].message) from None
    own = [term for term in index.terms if term.rank_variable == old]
    if len(own) != 1 or own[0].factors != (old,):
        raise refuse(sentence, f"{old} must be in {formula} once, without a factor")
    sign = own[0].negative
    moved = [Term(t.factors, t.negative == sign) for t in index.terms if t is not own[0]]
    new = tuple(sorted([*moved, Term((variable,), sign)], key=lambda term: term.negative))
    lines = [x for x in draft.open_lines if set(index.rank_variables) <= set(draft.einsum(x).shape)]
    if not lines:
        raise refuse(sentence, f"no Einsum has the rank variables {', '.join(index.rank_variables)}")
    ranks: dict[str, int | str] = {}
    for line in lines:
        ranks |= _room(draft, sentence, line, variable, index)
    changed = tuple(_changed(draft, x, old, new) if x in lines else x for x in draft.lines)
    after = draft.with_lines(changed, ranks)
    back = " + ".join(f"{'-' if t.negative else ''}{t}" for t in new).replace("+ -", "- ")
    return Step(sentence, after, {}, (f"let {old} = {back} for {variable}",))


def _room(draft: Draft, sentence: str, line: Line, variable: str, index: Index) -> dict[str, int | str]:
    """The shape of the new variable's rank, where none is stated: as far as the sum reaches."""
    einsum = draft.einsum(line)
    if variable in einsum.shape:
        raise refuse(sentence, f"{line.name} has a rank variable {variable} already")
    if variable.upper() in draft.values(line, (variable.upper(),)):
        return {}
    low, high = index.affine(einsum.constants).span(einsum.shape)
    if low < 0:
        raise refuse(
            sentence, f"{index} goes down to {low}", f"say how far {variable} runs: {variable.upper()} in ranks"
        )
    return {variable.upper(): high + 1}


def _changed(draft: Draft, line: Line, old: str, new: tuple[Term, ...]) -> Line:
    einsum = draft.einsum(line)

    def change(access: TensorAccess) -> TensorAccess:
        names = einsum.tensors[access.tensor].ranks
        indices = (
            _named(_cancelled(substituted(index, {old: new})), name) if old in index.rank_variables else index
            for index, name in zip(access.indices, names, strict=True)
        )
        return with_indices(access, indices)

    statement = with_accesses(line.statement, change)
    stays = line.spec.pad or draft.spec.pad or len(new) == 1  # another name leaves no tensor
    spec = line.spec if stays else line.spec.model_copy(update={"pad": "zero"})
    return replace(line, statement=statement, spec=spec)


def _cancelled(index: Index) -> Index:
    """Without terms that come to nothing: ``q + w - q`` is ``w``."""
    left = Counter((tuple(map(str, t.factors)), t.negative) for t in index.terms)
    kept: list[Term] = []
    for term in index.terms:
        name = tuple(map(str, term.factors))
        if left[name, not term.negative]:
            left[name, not term.negative] -= 1
        else:
            kept.append(term)
    return replace(index, terms=tuple(kept) or (Term((0,)),))


def _named(index: Index, rank: str) -> Index:
    """With the name of its rank where it may leave the tensor: the shape of the rank says how far that reaches."""
    if index.plain:
        return replace(index, rank=None if index.plain.upper() == rank or "+" in rank else index.rank)
    return replace(index, rank=rank if any(t.negative for t in index.terms) and "+" not in rank else index.rank)
