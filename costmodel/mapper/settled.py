"""Searches that an answer for a more generous design settles.

Let one architecture allow all mappings of another one at no higher costs (``Family.allows``). Of every mapping of the
tighter one, a mapping on the proven front of the generous one is at least as good in every objective, there; so where
all of that front fits the tighter one and costs the same on it, it is the front of the tighter one too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from costmodel.mapper.cache import Inquiry, answer_of
from costmodel.mapper.result import Certificate, MapperResult, Status
from costmodel.spec.methods import METHODS
from costmodel.spec.objective import vector_of
from costmodel.spec.problems import SpecError
from costmodel.spec.request import Request

SETTLED = "exact, for a design with no less room and bandwidth"
"""The method that certificates name."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A proven answer for a generous design."""

    entry: str
    """As JSON."""
    costs: tuple[tuple[float, ...], ...]
    """Of each mapping of its front, there."""


def proven(entry: str, result: MapperResult) -> Proven | None:
    """Return an answer, and its entry as JSON, as one that may settle others; null where it is not proven."""
    if result.certificate.status != Status.PROVEN:
        return None
    return Proven(entry, tuple(vector_of(point) for point in result.front))


def settles(request: Request) -> bool:
    """Whether all that is searched is one mapspace, whatever the time, and the front is proven."""
    return METHODS[request.method].proves and request.tiles != "multiples" and request.budget is None


def settled(asked: Inquiry, generous: Iterable[Proven]) -> MapperResult | None:
    """Return the answer that one of more generous designs gives; null where a search has to."""
    naming = asked.naming()
    compared = 3 if asked.request.aim.uses_capacity else 2  # room that is no cost grows with arrays
    for known in generous:
        try:
            found = answer_of(json.loads(known.entry), asked, naming)
        except (SpecError, ValueError):  # it has no room here
            continue
        if not isinstance(found, MapperResult):
            continue
        costs = [vector_of(point)[:compared] for point in found.front]
        if costs == [each[:compared] for each in known.costs]:
            certificate = Certificate(Status.PROVEN, SETTLED, None, len(costs), (), 0.0, 0.0)
            return MapperResult(found.einsum, found.front, certificate)
    return None
