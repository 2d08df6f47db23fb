"""Warnings about flattened ranks in which two coordinates share a word.

``h*F + f`` gives each pair its own word. In ``M*m + chw`` the coefficient is the shape of the wrong rank, that of ``m``
itself: where ``CHW`` is larger, words are shared. A window (``U*p + r``) shares words on purpose, so an index is taken
for a flattening where a coefficient is named after a rank which the Einsum iterates over, where a number is the shape
of the rank that it multiplies (``3*m + chw`` with M 3), or where a number stands beside a variable of several letters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from costmodel.einsum.algebra import Affine
from costmodel.einsum.coordinates import distinct
from costmodel.einsum.syntax import Index, Term
from costmodel.spec.problems import Problem
from costmodel.spec.ranks import Findings
from costmodel.spec.tensors import NumberedEinsum


def shared_words(einsum: NumberedEinsum, findings: Findings) -> Iterator[Problem]:
    """Yield a warning for each flattened index of an Einsum in which two coordinates share a word."""
    for use in einsum.uses:
        for written, index in zip(use.written.indices, use.access.indices, strict=True):
            words = distinct(tuple((c, einsum.shape[v]) for v, c in index.terms), "skip")
            values = math.prod(einsum.shape[v] for v in index.rank_variables)
            if words < values and _flattens(written, einsum.shape):
                message = (
                    f"{written} of {use.written.tensor} has {words:,} words for {values:,} values of "
                    f"({', '.join(index.rank_variables)}): some coordinates share a word"
                )
                yield findings.of_text(einsum.place, written.offset, message, _hint(index))


def _flattens(index: Index, shape: Mapping[str, int]) -> bool:
    """Whether a coefficient is the shape of a rank, or the index has a variable that joins others."""
    ranks = {v.upper() for v in shape}
    joins = any(len(v) > 1 and v.isalpha() for v in index.rank_variables)
    return any(
        ranks.intersection(term.constants) or (_number(term) > 1 and (joins or _number(term) == shape[v]))
        for term in index.terms
        if (v := term.rank_variable)
    )


def _number(term: Term) -> int:
    """The coefficient of a term that names no constant; else 0."""
    return 0 if term.constants else math.prod(f for f in term.factors if isinstance(f, int))


def _hint(index: Affine) -> str:
    if len(index.terms) == 2:
        (outer, _), (inner, _) = sorted(index.terms, key=lambda term: -abs(term[1]))
        return f"{inner.upper()}*{outer} + {inner} gives each its own"
    return "the coefficient of a rank variable is the product of the shapes of those after it"
