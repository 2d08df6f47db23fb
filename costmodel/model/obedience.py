"""Whether a nest keeps to the rules of its architecture and of its Einsums: what cannot be done has no cost."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import replace

from costmodel.model.nest import BoundNest, Path, Place
from costmodel.spec.problems import Problem
from costmodel.spec.rules import parse, unsaid
from costmodel.spec.rules.finished import FinishedNest


def broken_rules(nest: BoundNest, marks: MappingABC[Path, Place] | None = None) -> list[Problem]:
    """Say which rules a nest breaks, ``constraints:`` of the architecture and those that no sentence says; and where.

    Raises SpecError where a constraint cannot be read, or means nothing for an Einsum of the nest.
    """
    return list(dict.fromkeys(_broken(nest, marks or {})))


def _broken(nest: BoundNest, marks: MappingABC[Path, Place]) -> Iterator[Problem]:
    architecture = nest.architecture
    for bound in nest.einsums:
        part = architecture.part(bound.unit.name)
        if not architecture.constraints and not unsaid(part, bound.einsum):
            continue
        finished = FinishedNest.of(nest.mapping.nest, bound.einsum, part)
        for rule in parse(architecture.constraints, part, bound.einsum).said:
            for finding in rule.findings(finished):
                if finding.reject is not None:
                    file, line, column = marks.get(finding.path, ("", 0, 0))
                    problem = rule.broken(finding.reject, architecture, bound.einsum)
                    yield replace(problem, file=file, line=line, column=column)
