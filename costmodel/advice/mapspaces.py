"""Mapspaces that have more in them: other tiles, fused Einsums, fewer constraints, a choice of what is held."""

from __future__ import annotations

import json
from collections.abc import Iterator

from costmodel.advice.base import Base, Change
from costmodel.mapper.fused import in_groups

ROLES = ("input", "output", "weight")


def tiles(base: Base) -> Iterator[Change]:
    """Yield tiles that leave something over."""
    request = base.request
    if request.method == "exact" and request.tiles == "perfect" and base.fuse == "off":
        title = "tiles that do not divide (multiples)"
        yield Change(about="tiles", title=title, options={"tiles": "multiples"}, amount=1.0)


def every_tile(base: Base, change: Change) -> Iterator[Change]:
    """Yield all tiles, where multiples gain."""
    if change.about == "tiles" and base.request.tiles == "perfect" and change.amount == 1.0:
        yield Change(about="tiles", title="tiles of any size", options={"tiles": "any"}, amount=2.0)


def fused(base: Base) -> Iterator[Change]:
    """Yield fusion, where some Einsums can be."""
    request = base.request
    if request.method == "exact" and (request.tiles, base.fuse) == ("perfect", "off"):
        together = in_groups(base.workload, base.architecture)
        names = [einsum.name for einsum in base.workload.einsums if einsum.name in together]
        if names:
            few = " and ".join(names) if len(names) == 2 else f"{len(names)} Einsums, where that is better"
            yield Change(about="fusion", title=f"fuse {few}", options={"fuse": "auto"})


def proven(base: Base) -> Iterator[Change]:
    """Yield the exact search in place of a sampler."""
    if base.request.method != "exact":
        options = {"method": "exact", "trials": None, "bound": True}
        yield Change(about="method", title=f"the exact search in place of {base.request.method}", options=options)


def unconstrained(base: Base) -> Iterator[Change]:
    """Yield each constraint left out: of the request, and of the hardware."""
    asked, built = base.request.constraints, base.architecture.constraints
    for sentence in asked:
        others = tuple(one for one in asked if one != sentence)
        yield Change(about=sentence, title=f"without the constraint {sentence}", options={"constraints": others})
    for sentence in built if base.arch is not None else ():
        left = json.dumps([one for one in built if one != sentence], ensure_ascii=False)
        title = f"hardware without the constraint {sentence}"
        yield Change(about=sentence, title=title, settings=(f"constraints={left}",))


def held(base: Base) -> Iterator[Change]:
    """Yield each memory with the choice of what it holds."""
    for memory in base.inner:
        may = tuple(dict.fromkeys((*(memory.keep or ()), *memory.may_keep, *ROLES)))
        if memory.keep is None and set(ROLES) <= set(memory.may_keep):
            continue
        free = f"{memory.name}.may_keep=[{', '.join(may)}]"
        settings = (free,) if memory.keep is None else (f"{memory.name}.keep=null", free)
        yield Change(
            about=f"held in {memory.name}",
            title=f"{memory.name} may hold any tensor or pass it by",
            settings=settings,
        )
