"""Which changes are tried, and in which order: what architects change most easily first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from costmodel.advice import arrays, mapspaces, rates, sizes, switches
from costmodel.advice.base import Base, Change
from costmodel.spec.methods import METHODS

if TYPE_CHECKING:
    from costmodel.model.evaluation import Evaluation

SEARCHED = (
    mapspaces.tiles,
    mapspaces.fused,
    rates.faster,
    sizes.larger,
    mapspaces.unconstrained,
    mapspaces.held,
    arrays.shapes,
    switches.buffering,
    switches.abilities,
    sizes.smaller,
    rates.clock,
)
"""Kinds of change of a run whose mappings were searched."""
SAMPLED = (mapspaces.proven,)
"""Of a run that a sampler found: of other hardware it would find other mappings by luck."""
GIVEN = (rates.faster, switches.buffering, switches.abilities, sizes.smaller, rates.clock)
"""Kinds of change of a run whose mappings were given: of the hardware, as far as these mappings stay what they are."""


def changes(base: Base) -> Iterator[Change]:
    """Yield what is tried, each once."""
    if base.mappings:
        yield Change(about="mapping", title="the best mapping", searches=True)
    known = set()
    kinds = GIVEN if base.mappings else SEARCHED if METHODS[base.request.method].proves else SAMPLED
    for change in chain.from_iterable(kind(base) for kind in kinds):
        key = (change.settings, tuple(change.options.items()))
        if key not in known:
            known.add(key)
            yield change


def following(base: Base, change: Change, found: Evaluation) -> Iterator[Change]:
    """Yield what a change that gains leads to: smaller ones of the same thing that may do as well, and more of it."""
    yield from sizes.sufficient(base, change, found)
    yield from rates.one_port(base, change)
    yield from mapspaces.every_tile(base, change)
