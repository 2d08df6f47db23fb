"""Count the operations of an Einsum at each point of its iteration space (docs/counting.md, Operations)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from costmodel.einsum.algebra import Operation
from costmodel.einsum.syntax import (
    Binary,
    Call,
    Expression,
    Negative,
    Statement,
    accesses,
    addends,
    factors,
    rank_variables,
)

_REDUCERS = {"+": "add", "*": "mul", "max": "max", "min": "min"}


def operations(statement: Statement, reduced: frozenset[str], *, meet: bool = False) -> tuple[Operation, ...]:
    """Count by kind; ``reduced`` are the rank variables that do not index the output.

    Without any there is a reduction, too, where points ``meet`` in a word of the output.

    In a sum that is reduced by ``+`` the reduction adds the terms up: each product is one ``mac``, any other term one
    ``add``, and a term without a reduced rank variable (a bias) starts the sum and adds nothing. What a term does is
    done only where the reduced rank variables that it lacks are 0.
    """
    counts: dict[frozenset[str], Counter[str]] = {}
    for lacking, inner in operations_of_addends(statement, reduced, meet=meet):
        counts[lacking] = counts.get(lacking, Counter()) + inner
    done = [Operation(kind, n, lacking) for lacking, kinds in counts.items() for kind, n in kinds.items()]
    return tuple(done) or (Operation("copy", 1),)


def operations_of_addends(
    statement: Statement, reduced: frozenset[str], *, meet: bool = False
) -> Iterator[tuple[frozenset[str], Counter[str]]]:
    """Yield what each thing that is evaluated on its own (``terms``) does at a point, with what it lacks."""
    for term, lacking in terms(statement, reduced):
        if (reduced or meet) and statement.reducer != "+":
            yield lacking, _operations(term) + Counter({_REDUCERS[statement.reducer]: 1})
        elif meet:
            yield lacking, sum((_added_up(part) for _, part in addends(term)), start=Counter())
        else:
            yield lacking, _added_up(term) if rank_variables(term) & reduced else _operations(term)


def _added_up(term: Expression) -> Counter[str]:
    """Operations of a term that is added to what is there: of a product one is a ``mac``."""
    inner = _operations(term)
    fused = _is_product(term)
    inner["mul"] -= fused
    inner["mac" if fused else "add"] += 1
    return inner


def terms(statement: Statement, reduced: frozenset[str]) -> Iterator[tuple[Expression, frozenset[str]]]:
    """Yield what is evaluated on its own, with the reduced rank variables that it lacks.

    In a sum that is reduced by ``+`` these are its terms; any other right-hand side is evaluated whole, at every point.
    """
    if not reduced or statement.reducer != "+":
        yield statement.expression, frozenset()
        return
    for _, term in addends(statement.expression):
        yield term, reduced - rank_variables(term)


def _is_product(expression: Expression) -> bool:
    match expression:
        case Negative(inner):
            return _is_product(inner)
        case Binary("*"):
            return True
        case _:
            return False


def _operations(expression: Expression) -> Counter[str]:
    """Operators of an expression: a product of any number of factors is one ``mul``; signs and literals are free."""
    counts: Counter[str] = Counter()
    if not any(True for _ in accesses(expression)):
        return counts
    match expression:
        case Negative(inner):
            counts += _operations(inner)
        case Binary("*"):
            counts["mul"] += 1
            for factor in factors(expression):
                counts += _operations(factor)
        case Binary(operator, left, right):
            counts["div" if operator == "/" else "add"] += 1
            counts += _operations(left) + _operations(right)
        case Call(function, arguments):
            counts[function] += len(arguments) - 1 if function in {"max", "min"} else 1
            for argument in arguments:
                counts += _operations(argument)
    return counts
