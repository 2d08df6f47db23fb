"""Why a mapping costs what it does: what is said about it. ``why.py`` finds it out."""

from __future__ import annotations

from dataclasses import dataclass

SAME = 1e-9
"""Shares of a cost below it are rounding."""


@dataclass(frozen=True, slots=True)
class Paid:
    """One part of a cost."""

    name: str
    """A tensor, ``operations`` or ``leakage`` of energy; a component of latency."""
    spent: float
    """What the best mapping pays: pJ, or cycles."""
    least: float
    """What every mapping pays at least."""
    computes: bool = False
    """Whether it is the compute unit."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What one constraint costs."""

    constraint: str
    gain: float
    """Share by which the least of the first objective falls without it, at least."""
    most: float
    """The same, at most."""

    @property
    def proven(self) -> bool:
        return self.most - self.gain <= SAME


@dataclass(frozen=True, slots=True)
class Why:
    """Why the best mapping of one Einsum, in the first objective, costs what it does."""

    einsum: str
    objective: str
    energy: tuple[Paid, ...]
    """Of the whole, the largest first."""
    energy_pj: Paid
    cycles: tuple[Paid, ...]
    """Of each component, the slowest first: that one decides."""
    latency_cycles: Paid
    constraints: tuple[LeftOut, ...]
    """Those that say something about the Einsum."""
