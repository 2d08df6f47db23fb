"""Words that are looked up: which row of ``TABLE`` each word of ``TOKEN`` leads to in ``TABLE[TOKEN[m], d]``.

``values:`` say it. Else ``distinct:`` says how many rows there are, and word i leads to row i modulo that number;
without either, all words lead to rows of their own, as far as the table has rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from costmodel.einsum.algebra import Affine
from costmodel.einsum.syntax import Statement
from costmodel.spec.problems import did_you_mean
from costmodel.spec.ranks import Findings
from costmodel.spec.values import Values, shape_of
from costmodel.spec.workload_spec import WorkloadSpec

MOST_WORDS = 1_000_000
"""Words of a tensor that others are looked up by."""


def looked_up(
    tensor: str, own: Sequence[Affine], shape: Mapping[str, int], spec: WorkloadSpec, rows: int | None
) -> tuple[str, Affine]:
    """Return what is wrong (empty if nothing), and the index as one that is looked up.

    ``own`` are the indices of the tensor that says where, ``rows`` the extent of the rank that they lead into, if it is
    stated.
    """
    reach = tuple(index.span(shape)[1] + 1 for index in own)
    problem, extents = "", reach
    table: tuple[int, ...] = (0,)
    if math.prod(reach) > MOST_WORDS:
        problem = f"{tensor} has {math.prod(reach):,} words: up to {MOST_WORDS:,} are looked up"
    elif tensor in spec.values:
        extents = shape_of(spec.values[tensor])
        if len(extents) != len(reach) or any(have < need for have, need in zip(extents, reach, strict=True)):
            extents, table = reach, (0,) * math.prod(reach)  # that its values do not fit is told where they stand
        else:
            problem, table = _given(tensor, spec.values[tensor], rows)
    else:
        words = math.prod(reach)
        different = spec.distinct.get(tensor, words if rows is None else min(words, rows))
        if rows is not None and different > rows:
            problem = f"{tensor} has {different:,} different words, and there are {rows:,} rows to look up"
        table = tuple(word % different for word in range(words))
    strides = [math.prod(extents[rank + 1 :]) for rank in range(len(extents))]
    terms: dict[str, int] = {}
    for index, stride in zip(own, strides, strict=True):
        for v, c in index.terms:
            terms[v] = terms.get(v, 0) + c * stride
    constant = sum(index.constant * stride for index, stride in zip(own, strides, strict=True))
    return problem, Affine(tuple(terms.items()), constant, table)


def _given(tensor: str, values: Values, rows: int | None) -> tuple[str, tuple[int, ...]]:
    """Rows that values lead to; a word that is no row leads to the first, and is a problem."""
    problem, table = "", []
    for word in _flat(values):
        is_row = word == int(word) and 0 <= word < (math.inf if rows is None else rows)
        table.append(int(word) if is_row else 0)
        if not is_row:
            problem = f"{word} in the values of {tensor} is no row" + ("" if rows is None else f" of {rows:,}")
    return problem, tuple(table)


def _flat(values: Values) -> list[float]:
    return [word for part in values for word in _flat(part)] if isinstance(values, tuple) else [values]


def check_distinct(statements: Mapping[int, Statement], findings: Findings) -> None:
    """Report names in ``distinct:`` by which nothing is looked up, or whose words ``values:`` give."""
    known = {
        index.lookup.tensor
        for statement in statements.values()
        for access in statement.inputs
        for index in access.indices
        if index.lookup is not None
    }
    for name in findings.spec.distinct:
        if name not in known:
            hint = did_you_mean(name, sorted(known))
            findings.at(("distinct", name), f"nothing is looked up by {name!r}", hint, key=True)
        elif name in findings.spec.values:
            findings.at(("distinct", name), f"{name} has values, which say how many differ", key=True)
