"""What one step of rewriting did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.rewriting.draft import Draft


@dataclass(frozen=True)
class Move:
    """What becomes of the values of a tensor: another shape, another order of its ranks, or more or less room."""

    kind: Literal["reshape", "transpose", "fit"]
    numbers: tuple[int, ...]
    """The shape, or the old places of the ranks in their new order. ``fit`` cuts off, or adds zeros, at the ends."""


@dataclass(frozen=True)
class Step:
    """One step: where it leads, and how to come back."""

    sentence: str
    """The step, as it is written."""
    after: Draft
    moves: Mapping[str, Move]
    """Tensor → what becomes of its values; others keep theirs."""
    back: tuple[str, ...]
    """Sentences that lead back."""


def refuse(sentence: str, why: str, hint: str = "") -> SpecError:
    """A step that cannot be taken."""
    return SpecError([Problem(f"{sentence}: {why}", hint=hint)])
