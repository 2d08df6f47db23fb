"""Whether a statement means the same with its points outside left out: what ``pad:`` may be said of."""

from __future__ import annotations

from costmodel.einsum.algebra import Einsum
from costmodel.einsum.operations import terms
from costmodel.einsum.syntax import Binary, Expression, Negative, TensorAccess, accesses
from costmodel.spec.ranks import Findings
from costmodel.spec.tensors import NumberedEinsum


def check_padding(einsum: Einsum, numbered: NumberedEinsum, findings: Findings) -> None:
    """Report an Einsum with points outside where leaving them out would give another value, or leave none."""
    statement, place = numbered.statement, numbered.place
    outside = [use for use in numbered.uses if einsum.leaves(use.access)]
    first = outside[0].written
    parts = list(terms(statement, numbered.reduced))
    if not all(map(einsum.points_where_zero, einsum.addends or (frozenset(),))):
        findings.at_text(place, first.offset, f"no point is inside: {first} is always outside {first.tensor}")
        return
    written = {use.written: einsum.leaves(use.access) for use in outside if not use.is_output}
    limits = [{limit for access in accesses(part) for limit in written.get(access, ())} for part, _ in parts]
    for at, (part, lacking) in enumerate(parts):
        alike = [k for k, (_, other) in enumerate(parts) if other == lacking]
        if any(limits[k] != limits[at] for k in alike):
            other = next(parts[k][0] for k in alike if limits[k] != limits[at])
            message = f"{part} and {other} leave their tensors at different points"
            hint = "terms that are reduced over the same rank variables are evaluated together: use an Einsum for each"
            findings.at_text(place, first.offset, message, hint)
            return
    if findings.spec.pad_of(place) == "zero":
        for part, _ in parts:
            nothing = _factors_of_nothing(part) if statement.reducer == "+" else frozenset()
            for access in dict.fromkeys(accesses(part)):
                if access in written and access not in nothing:
                    message = f"{access} is 0 outside {access.tensor}, and that 0 would do something here"
                    hint = "`pad: skip` leaves the points outside out; a 0 has to be a factor of what is summed up"
                    findings.at_text(place, access.offset, message, hint)


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
