"""Warnings about flattened ranks in which two coordinates share a word.

``h*F + f`` gives each pair its own word. In ``M*m + chw`` the coefficient is the shape of the wrong rank, that of ``m``
itself: where ``CHW`` is larger, words are shared. A window (``U*p + D*r - 3``) shares words on purpose. The two are
told apart by what is written, as a stride or a dilation may have the value of any shape (``2*p + r`` with P 2 and R 3).
An index is taken for a flattening where

- a coefficient is named after a rank which the Einsum iterates over: its rank variable and those of the ranks named are
  flattened, and what else is in the index is a window over them (``p1*P0 + p0 + r``); where it names no other one of
  the index, it is the wrong name, and the whole index is flattened,
- or one stands beside a variable that joins ranks and has none of its own (``3*m + chw`` with C, H and W).

Other coefficients are strides and dilations, whatever their value.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping

from costmodel.einsum.coordinates import distinct
from costmodel.einsum.joined import parts
from costmodel.einsum.syntax import Index
from costmodel.spec.problems import Problem
from costmodel.spec.ranks import Findings
from costmodel.spec.tensors import NumberedEinsum


def shared_words(einsum: NumberedEinsum, known: Collection[str], findings: Findings) -> Iterator[Problem]:
    """Yield a warning for each flattened index of an Einsum in which two coordinates share a word.

    ``known`` are the ranks and constants that the Einsum can name.
    """
    for use in einsum.uses:
        for written, index in zip(use.written.indices, use.access.indices, strict=True):
            for variables in _flattened(written, einsum.shape, known):
                terms = tuple((v, c) for v, c in index.terms if v in variables)
                words = distinct(tuple((c, einsum.shape[v]) for v, c in terms), "skip")
                values = math.prod(einsum.shape[v] for v, _ in terms)
                if words < values:
                    message = (
                        f"{written} of {use.written.tensor} has {words:,} words for {values:,} values of "
                        f"({', '.join(v for v, _ in terms)}): some coordinates share a word"
                    )
                    yield findings.of_text(einsum.place, written.offset, message, _hint(terms))
                    break


def _flattened(index: Index, shape: Mapping[str, int], known: Collection[str]) -> Iterator[Collection[str]]:
    """Rank variables of an index that are meant to have a word for each of their values."""
    every = index.rank_variables
    joins = any(parts(v, known) for v in every)
    for term in index.terms:
        if term.rank_variable is None:
            continue
        ranks = {v for v in shape if v.upper() in term.constants}
        if ranks:
            others = ranks.intersection(every) - {term.rank_variable}
            yield {term.rank_variable, *others} if others else every
        elif joins and len(term.factors) > 1:
            yield every


def _hint(terms: Collection[tuple[str, int]]) -> str:
    if len(terms) == 2:
        (outer, _), (inner, _) = sorted(terms, key=lambda term: -abs(term[1]))
        return f"{inner.upper()}*{outer} + {inner} gives each its own"
    return "the coefficient of a rank variable is the product of the shapes of those after it"
