"""Whether a statement means the same with its points outside left out: what ``pad:`` may be said of."""

from __future__ import annotations

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.operations import terms
from costmodel.einsum.syntax import Binary, Expression, Negative, TensorAccess
from costmodel.spec.ranks import Findings
from costmodel.spec.tensors import NumberedEinsum


def check_padding(einsum: Einsum, numbered: NumberedEinsum, findings: Findings) -> None:
    """Report an Einsum with points outside where leaving them out would give another value, or leave none."""
    if not einsum.limits:
        return
    statement, place = numbered.statement, numbered.place
    outside = [use for use in numbered.uses if einsum.leaves(use.access)]
    first = outside[0].written
    parts = list(terms(statement, numbered.reduced))
    if not einsum.points_inside:
        findings.at_text(place, first.offset, f"no point is inside: {first} is always outside {first.tensor}")
    elif len(parts) > 1:
        message = f"{first} leaves {first.tensor}, and a sum of terms is evaluated term by term"
        hint = "one product may be padded: add the other terms in an Einsum of their own"
        findings.at_text(place, first.offset, message, hint)
    elif findings.spec.pad_of(place) == "zero":
        ((expression, _),) = parts
        nothing = _factors_of_nothing(expression) if statement.reducer == "+" else frozenset()
        for use in outside:
            if not use.is_output and use.written not in nothing:
                message = f"{use.written} is 0 outside {use.written.tensor}, and that 0 would do something here"
                hint = "`pad: skip` leaves the points outside out; a 0 has to be a factor of what is summed up"
                findings.at_text(place, use.written.offset, message, hint)


def _factors_of_nothing(expression: Expression) -> frozenset[TensorAccess]:
    """Accesses of which one that is 0 makes the whole 0."""
    match expression:
        case TensorAccess():
            return frozenset((expression,))
        case Negative(inner):
            return _factors_of_nothing(inner)
        case Binary("*", left, right):
            return _factors_of_nothing(left) | _factors_of_nothing(right)
        case Binary("/", left, _):
            return _factors_of_nothing(left)
        case _:
            return frozenset()
