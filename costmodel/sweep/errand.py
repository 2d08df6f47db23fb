"""What a worker of a sweep is sent to do: searches that are made in one go."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from costmodel.mapper.cache import Inquiry, mappings_of
from costmodel.mapper.engines import search, search_together
from costmodel.mapper.result import InfeasibleError, MapperResult
from costmodel.mapper.settled import Proven, settled
from costmodel.spec.problems import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

Answers = dict[str, MapperResult | Exception]
"""By the names of searches; an error says why there is none."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Searches that are made in one go: of one Einsum, for designs that differ in bandwidths alone."""

    searches: tuple[tuple[str, Inquiry, tuple[Proven, ...]], ...]
    """Names, what is asked, and what is known of more generous designs; of the first one most is allowed."""
    near: tuple[str, ...]
    """Entries of answers for designs of about the same sizes, as JSON."""

    @property
    def first(self) -> Inquiry:
        """What is asked in the first of them."""
        return self.searches[0][1]

    def within(self, budget_s: float) -> Errand:
        """The same, with so much time for each search."""
        every = (
            (key, replace(asked, request=asked.request.asking(budget=budget_s)), generous)
            for key, asked, generous in self.searches
        )
        return replace(self, searches=tuple(every))


def answers_to(errand: Errand) -> Answers:
    """Answer inquiries by what is known of more generous designs, or search."""
    found: Answers = {}
    left = {}
    for key, asked, generous in errand.searches:
        if (known := settled(asked, generous)) is not None:
            found[key] = known
        else:
            left[key] = asked
    return found | _searched(left, errand.near) if left else found


def _searched(left: dict[str, Inquiry], near: Sequence[str]) -> Answers:
    """Search for all in one go, or one by one where that cannot be."""
    first, *_ = every = list(left.values())
    known = [one for entry in near for one in mappings_of(json.loads(entry), first, first.naming())]
    known = list({one.nest: one for one in known}.values())
    try:
        found = search_together(first.einsum, [one.architecture for one in every], first.request, known)
    except (InfeasibleError, SpecError) as error:  # bandwidths decide neither
        return dict.fromkeys(left, error)
    return {key: _alone(one) for key, one in left.items()} if found is None else dict(zip(left, found, strict=True))


def _alone(asked: Inquiry) -> MapperResult | Exception:
    try:
        return search(asked.einsum, asked.architecture, asked.request)
    except (InfeasibleError, SpecError) as error:
        return error
