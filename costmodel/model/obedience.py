"""Whether a nest keeps to the rules of its architecture and of its Einsums: what cannot be done has no cost."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC

from costmodel.einsum.algebra import Einsum
from costmodel.model.nest import BoundNest, Path, Place
from costmodel.spec.hardware import Architecture
from costmodel.spec.problems import Problem
from costmodel.spec.rules import parse
from costmodel.spec.rules.base import Rule
from costmodel.spec.rules.finding import Reject
from costmodel.spec.rules.finished import FinishedNest
from costmodel.spec.rules.recurrence import Recurrence, recurrences


def broken_rules(nest: BoundNest, marks: MappingABC[Path, Place] | None = None) -> list[Problem]:
    """Say which of the architecture's ``constraints:``, and which recurrence, a nest breaks; with the node that does.

    Raises SpecError where a constraint cannot be read, or means nothing for an Einsum of the nest.
    """
    return list(dict.fromkeys(_broken(nest, marks or {})))


def _broken(nest: BoundNest, marks: MappingABC[Path, Place]) -> Iterator[Problem]:
    architecture = nest.architecture
    for bound in nest.einsums:
        if not architecture.constraints and not recurrences(bound.einsum):
            continue
        part = architecture.part(bound.unit.name)
        rules = parse(architecture.constraints, part, bound.einsum)
        finished = FinishedNest.of(nest.mapping.nest, bound.einsum, part)
        for rule in rules.said:
            for finding in rule.findings(finished):
                if finding.reject is not None:
                    yield _problem(
                        rule, finding.reject, architecture, bound.einsum, marks.get(finding.path, ("", 0, 0))
                    )


def _problem(rule: Rule, reject: Reject, architecture: Architecture, einsum: Einsum, place: Place) -> Problem:
    if isinstance(rule, Recurrence):
        message = f"{einsum.name} cannot be done so: {reject.limit}: {reject.how}"
        hint = f"move that loop inside, so that what {einsum.name} reads is there"
    else:
        message = f"{architecture.name} cannot do this: {reject.level}: {reject.limit}: {reject.how}"
        hint = "`constraints:` of the architecture say what the hardware cannot do"
    return Problem(message, *place, hint=hint)
