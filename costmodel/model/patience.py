"""How long one count may take: a search would rather look at another mapping."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PATIENCE: ContextVar[int] = ContextVar("PATIENCE", default=1)
"""What a search divides the limits on tiles by: a count that takes long is not worth its while."""
_UNTIL: ContextVar[float] = ContextVar("_UNTIL", default=math.inf)


class OutOfTimeError(Exception):
    """The time that a search was given is up, perhaps in the middle of an evaluation, or is known not to be enough."""

    def __str__(self) -> str:
        return ": ".join(("out of time", *map(str, self.args)))


@contextmanager
def until(deadline: float | None) -> Iterator[None]:
    """End what is inside with an OutOfTimeError after ``deadline``, on the clock of ``time.monotonic``; null: never."""
    before = _UNTIL.set(math.inf if deadline is None else deadline)
    try:
        yield
    finally:
        _UNTIL.reset(before)


def check_time() -> None:
    """Raise OutOfTimeError where the deadline is over; counts and tables that can take long call it now and then."""
    if time.monotonic() > _UNTIL.get():
        raise OutOfTimeError
