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
    """The time that a search was given is up, perhaps in the middle of an evaluation."""


@contextmanager
def until(deadline: float) -> Iterator[None]:
    """End counts inside with an OutOfTimeError after ``deadline``, on the clock of ``time.monotonic``."""
    before = _UNTIL.set(deadline)
    try:
        yield
    finally:
        _UNTIL.reset(before)


def check_time() -> None:
    """Raise OutOfTimeError where the deadline is over; counts that can take long call it now and then."""
    if time.monotonic() > _UNTIL.get():
        raise OutOfTimeError
