"""What networks and memories can do besides storing and moving."""

from __future__ import annotations

from collections.abc import Iterator

from costmodel.advice.base import Base, Change


def abilities(base: Base) -> Iterator[Change]:
    """Yield each ability that a level lacks."""
    for array in base.architecture.arrays:
        if array.name not in base.levels:
            continue
        if array.multicast != "words":
            yield _ability(array.name, "multicast=words", "with multicast of any word that PEs share")
        if not array.reduce:
            yield _ability(array.name, "reduce=true", "with sums on the way out of the array")
        if array.systolic and array.overlap == "none":
            yield _ability(array.name, "overlap=all", "loads the next pass during the present one")
    for memory in base.inner:
        if memory.halo == "refetch":
            yield _ability(memory.name, "halo=reuse", "fills the new words of a sliding window only")
        if memory.holes == "fetch":
            yield _ability(memory.name, "holes=skip", "fetches no words between those that are used")


def buffering(base: Base) -> Iterator[Change]:
    """Yield double buffering where a level lacks it and others wait for it, or all of the room where none would."""
    for memory in base.inner:
        if memory.overlap == "none" and not memory.double_buffered:
            title = f"{memory.name} double buffered: half the room, and nothing waits for its tiles"
            settings = (f"{memory.name}.overlap=all", f"{memory.name}.double_buffered=true")
            yield Change(about=f"buffering of {memory.name}", title=title, settings=settings)
        elif memory.double_buffered and memory.overlap == "all":
            title = f"{memory.name} not double buffered: all of the room, and what is below waits for its tiles"
            settings = (f"{memory.name}.double_buffered=false", f"{memory.name}.overlap=none")
            yield Change(about=f"buffering of {memory.name}", title=title, settings=settings)


def _ability(name: str, setting: str, title: str) -> Change:
    return Change(about=f"{name} {setting}", title=f"{name} {title}", settings=(f"{name}.{setting}",))
