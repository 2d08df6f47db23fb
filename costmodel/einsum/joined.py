"""Joined rank variables: ``chw`` stands for ``c*H*W + h*W + w`` where it has no rank of its own.

Where none of the variables that it joins is written on its own, a joined variable runs over one rank, of shape C*H*W.
Where one is (``T[pq] = I[p + q]``), or where two joined variables share one (``pq`` and ``pqn``), the joined ones are
written out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from costmodel.einsum.syntax import Expression, Index, Statement, TensorAccess, Term, changed

_LETTERS = re.compile(r"[a-z][0-9_]*")


def parts(variable: str, known: Collection[str]) -> tuple[str, ...]:
    """Rank variables that one joins; empty where it joins none. ``known`` are the ranks and constants of the workload.

    >>> parts("chw", {"C", "H", "W"}), parts("pq0", {"P", "Q0"}), parts("chw", {"C", "H", "W", "CHW"})
    (('c', 'h', 'w'), ('p', 'q0'), ())
    """
    if variable.upper() in known:
        return ()
    letters = tuple(_LETTERS.findall(variable))
    ways = [letters] if all(v.upper() in known for v in letters) else _ways(variable, known)
    several = [way for way in ways if 1 < len(way) == len(set(way))]
    return several[0] if len(several) == 1 else ()


def _ways(variable: str, known: Collection[str]) -> list[tuple[str, ...]]:
    """All ways to write a name as names of known ranks."""
    ways: list[list[tuple[str, ...]]] = [[()]]
    for end in range(1, len(variable) + 1):
        found = [
            (*way, variable[start:end])
            for start in range(end)
            if variable[start:end].upper() in known
            for way in ways[start]
        ]
        ways.append(found[:2])
    return ways[-1]


def written_out(statement: Statement, known: Collection[str]) -> Statement:
    """Put what joined variables stand for where one that they join is written on its own, too.

    >>> from costmodel.einsum.notation import parse
    >>> print(written_out(parse("T[pq, crs] = I[c, p + r, q + s]"), set("PQCRS")))
    T[PQ=p*Q + q, CRS=c*R*S + r*S + s] = I[c, p + r, q + s]
    """
    joins = {v: found for v in statement.rank_variables if (found := parts(v, known))}
    met = {v for v in joins if _meets_another(v, joins, statement.rank_variables)}
    if not met:
        return statement
    spelt = {v: joins[v] for v in met}

    def change(node: Expression) -> Expression:
        return _access(node, spelt) if isinstance(node, TensorAccess) else node

    return replace(statement, output=_access(statement.output, spelt), expression=changed(statement.expression, change))


def _meets_another(variable: str, joins: Mapping[str, tuple[str, ...]], variables: Collection[str]) -> bool:
    own = set(joins[variable])
    return any(own & {other, *joins.get(other, ())} for other in variables if other != variable)


def _access(access: TensorAccess, joins: Mapping[str, tuple[str, ...]]) -> TensorAccess:
    return replace(access, indices=tuple(_index(index, joins) for index in access.indices))


def _index(index: Index, joins: Mapping[str, tuple[str, ...]]) -> Index:
    if index.lookup is not None or not any(v in joins for v in index.rank_variables):
        return index
    terms = tuple(further for term in index.terms for further in _terms(term, joins))
    rank = index.rank or (index.plain.upper() if index.plain else None)
    return replace(index, terms=terms, rank=rank)


def _terms(term: Term, joins: Mapping[str, tuple[str, ...]]) -> list[Term]:
    """``U*pq`` as ``U*p*Q`` and ``U*q``."""
    variable = term.rank_variable
    if variable is None or variable not in joins:
        return [term]
    place = term.factors.index(variable)
    found: list[Term] = []
    for number, part in enumerate(joins[variable]):
        steps = tuple(later.upper() for later in joins[variable][number + 1 :])
        found.append(Term((*term.factors[:place], part, *steps, *term.factors[place + 1 :]), term.negative))
    return found
