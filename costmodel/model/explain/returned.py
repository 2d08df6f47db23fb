"""A tensor whose tiles cross a boundary more than once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Returning:
    """A tensor whose tiles cross a boundary several times because of loops that do not index it."""

    einsum: str
    tensor: str
    parent: str
    child: str
    times: int
    """How often each tile comes, or leaves with partial sums."""
    loops: tuple[tuple[str, int], ...]
    """(loop, steps), outermost first; the product of the steps is ``times``."""
    leaving: bool
    """Whether it is an output, whose partial sums leave and come back."""
    energy_pj: float
    """Of what crosses this boundary, at both its ends, in one execution."""

    @property
    def extra_pj(self) -> float:
        """What is spent beyond crossing once."""
        return self.energy_pj * (1 - 1 / self.times)

    def __str__(self) -> str:
        names = " and ".join(f"`{loop}`" for loop, _ in self.loops)
        if self.leaving:
            return f"partial sums of {self.tensor} leave {self.child} for {self.parent} {self.times:,} times: {names}"
        return f"{self.tensor} comes from {self.parent} to {self.child} {self.times:,} times: {names}"
