"""Words that nothing can give back: what stays on chip has to stay there until it is needed no more."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingABC

from costmodel.model.nest import BoundNest, Path, Place
from costmodel.model.traffic import holder_motion
from costmodel.spec.problems import Problem


def lost_words(nest: BoundNest, marks: MappingABC[Path, Place] | None = None) -> Iterator[Problem]:
    """Yield the storage nodes without a parent that need words again which they have dropped, or that others have.

    There each word comes to be in one instance, where it is made, and once: no node around holds it. The outermost
    memory has every word whatever tile a nest gives it.
    """
    outermost = nest.architecture.levels[0]
    for holder in nest.holders:
        if holder.parent is not None or holder.level is outermost:
            continue
        moving = holder_motion(holder)
        again = moving.arrivals(len(holder.loops), ()) - moving.distinct(0)
        if not again:
            continue
        name, level = holder.tensor.name, holder.level.name
        file, line, column = (marks or {}).get(holder.path, ("", 0, 0))
        yield Problem(
            f"{again:,} words of {name} come back to {level} after they have left, or are made by another of its "
            f"instances, and nothing around holds them",
            file=file,
            line=line,
            column=column,
            hint=f"store {name} in {level} further out, so that its words stay; or in {outermost.name} as well",
        )
