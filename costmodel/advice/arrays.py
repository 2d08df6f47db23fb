"""Arrays of other shapes."""

from __future__ import annotations

from collections.abc import Iterator

from costmodel.advice.base import Base, Change
from costmodel.spec.hardware import Array


def shapes(base: Base) -> Iterator[Change]:
    """Yield each array turned, drawn out, with sizes that powers of two divide, larger and smaller."""
    for place, level in enumerate(base.architecture.levels):
        below = base.architecture.levels[place + 1 :]
        if not isinstance(level, Array) or level.name not in base.levels or any(x.instances for x in below):
            continue  # stated copies would not follow the shape
        seen = [dict(level.shape)]
        for shape in _shapes(level):
            if shape not in seen:
                seen.append(shape)
                yield _shaped(level, shape)


def _shapes(array: Array) -> Iterator[dict[str, int]]:
    old = dict(array.shape)
    names = list(old)
    if len(names) == 2:
        first, second = names
        yield {first: old[second], second: old[first]}
        for more, less in ((first, second), (second, first)):
            if old[less] % 2 == 0:
                yield old | {more: 2 * old[more], less: old[less] // 2}
    yield {name: 1 << (size - 1).bit_length() for name, size in old.items()}
    for name in names:
        yield old | {name: 2 * old[name]}
    longest = max(names, key=lambda name: old[name])
    if old[longest] > 1:
        yield old | {longest: old[longest] // 2}


def _shaped(array: Array, shape: dict[str, int]) -> Change:
    settings = tuple(f"{array.name}.shape.{name}={n}" for name, n in shape.items() if n != array.shape[name])
    old, new = (" × ".join(map(str, sizes.values())) for sizes in (array.shape, shape))
    count = 1
    for size in shape.values():
        count *= size
    more = "more" if count > array.fanout else "as many" if count == array.fanout else "fewer"
    return Change(
        about=f"{more} {array.name}",
        title=f"{array.name} {old} → {new}",
        settings=settings,
        amount=float(count),
        spares=count < array.fanout,
    )
