"""What is compared, how far it may be off, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far ours may be from what is published, as shares of it."""

    below: float
    above: float

    def holds(self, ours: float, published: float) -> bool:
        """Tell whether ours is near enough; without any room it is equal.

        >>> Tolerance(0.5, 0).holds(6, 10), Tolerance(0.5, 0).holds(11, 10), Tolerance(0.5, 0).holds(-1.2, -1)
        (True, False, True)
        """
        if not self.below and not self.above:
            return ours == published
        room = abs(published)
        return published - self.below * room <= ours <= published + self.above * room

    def __str__(self) -> str:
        if not self.below and not self.above:
            return "equal"
        below, above = f"{100 * self.below:.3g} %", f"{100 * self.above:.3g} %"
        if self.below == self.above:
            return f"± {below}"
        if self.below == 1:
            return f"≤ + {above}" if self.above else "no more"
        if self.above == math.inf:
            return f"≥ − {below}" if self.below else "no less"
        return f"− {below} … + {above}"


EXACT = Tolerance(0, 0)


def within(share: float) -> Tolerance:
    return Tolerance(share, share)


def at_most(above: float = 0.0) -> Tolerance:
    """Anything that is not above what is published by more than a share of it."""
    return Tolerance(1, above)


def at_least(below: float = 0.0) -> Tolerance:
    """Anything that is not below what is published by more than a share of it."""
    return Tolerance(below, math.inf)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A fixed cost or factor of a machine that no specification states."""

    name: str
    value: float
    unit: str
    source: str

    def __str__(self) -> str:
        return f"{self.name}: {self.value:g} {self.unit} ({self.source})".replace("  ", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """What a machine cannot beat: so much of something at its greatest rate."""

    name: str
    """Of what limits, e.g. ``HBM``."""
    amount: float
    rate: float
    """Per second."""
    unit: str
    """Of the amount."""
    seconds: float
    """In which it is said to have been done."""

    def beaten(self) -> str:
        """Return the arithmetic where the roof is beaten, else nothing.

        >>> Roof(name="HBM", amount=4e9, rate=2e12, unit="B", seconds=0.001).beaten()
        'HBM: 4e+09 B at 2e+12 B/s take 0.002 s, 0.001 s are said'
        """
        least = self.amount / self.rate
        if self.seconds >= least:
            return ""
        work = f"{self.amount:.6g} {self.unit} at {self.rate:.6g} {self.unit}/s"
        return f"{self.name}: {work} take {least:.6g} s, {self.seconds:.6g} s are said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One published number, and how ours is made."""

    name: str
    """Within its group: of the layer, the shape, the run."""
    quantity: str
    """What is compared: ``cycles``, ``DRAM traffic``. Name and quantity together are said once in a group."""
    unit: str = ""
    published: float
    ours: Callable[[], float]
    """In the unit of what is published."""
    tolerance: Tolerance
    source: str
    assumed: str = ""
    calibrated: Callable[[], float] | None = None
    """Ours with the calibration: what the tolerance is for, where it is there, unless ``bounds``."""
    calibration: Calibration | None = None
    bounds: bool = False
    """Whether the tolerance is for ours without the calibration: that is a bound, which a calibration may leave."""
    roofs: tuple[Roof, ...] = ()
    """Of the machine that was measured."""
    slow: bool = False


Status = Literal["within", "outside", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A row of the table: a case, or a summary of several, and whether it is within its tolerance."""

    group: str
    name: str
    quantity: str
    unit: str
    published: float | None
    """Null for a summary."""
    ours: float | None
    """With the calibration; null where the measurement is refused."""
    uncalibrated: float | None = None
    """What the model says without its calibration, where there is one."""
    tolerance: str
    status: Status
    calibration: str = ""
    refused: str = ""
    """The arithmetic of a roof that is beaten."""
    source: str = ""
    assumed: str = ""

    @property
    def key(self) -> str:
        """What `--only` calls it."""
        return f"{self.group}/{self.name}"

    @property
    def error(self) -> float | None:
        """Ours over published, less one; null where there is nothing to compare."""
        return self._off(self.ours)

    @property
    def error_uncalibrated(self) -> float | None:
        return self._off(self.uncalibrated)

    def _off(self, ours: float | None) -> float | None:
        if ours is None or self.published is None:
            return None
        if self.published:
            return ours / self.published - 1
        return 0.0 if ours == 0 else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSummary:
    """A statistic of the rows of a group, held to a limit; judged where all rows that it is of were."""

    name: str
    quantity: str
    """Of the rows that it is of."""
    of: Callable[[Sequence[float]], float]
    """Of their errors."""
    at_most: float
    names: tuple[str, ...] = ()
    """Of the rows; all when empty."""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseGroup:
    """The cases of one paper, tool or chip."""

    name: str
    title: str
    about: str
    """What the cases show, and what they do not: a paragraph of Markdown."""
    cases: Callable[[], Sequence[Case]]
    summaries: tuple[CaseSummary, ...] = ()


def mean_error(errors: Sequence[float]) -> float:
    """Mean of the errors without their signs.

    >>> mean_error([0.1, -0.3])
    0.2
    """
    return math.fsum(abs(e) for e in errors) / len(errors)


def median_error(errors: Sequence[float]) -> float:
    """Median of the errors without their signs.

    >>> median_error([0.1, -0.3, 0.2])
    0.2
    """
    from statistics import median

    return median(abs(e) for e in errors)


def worst_error(errors: Sequence[float]) -> float:
    """Largest of the errors without their signs."""
    return max(abs(e) for e in errors)
