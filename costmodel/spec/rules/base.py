"""A rule: what it restricts, and how it judges a finished nest; and a sentence, which is a rule that a user says.

A new sentence is a subclass of ``Sentence`` in one of the modules that ``rulebook.py`` lists. It says how it reads
and prints, overrides the hooks under *What it restricts* that it needs, and judges in ``findings``. The mapspace is
compiled from the hooks alone (``mapper/holding.py``, ``mapper/allowed.py``): no engine knows any rule by name.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import costmodel.spec.rules.finding as verdict
from costmodel.einsum.algebra import Einsum
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.problems import Problem, did_you_mean
from costmodel.spec.rules.finding import Finding, Interval, Reject, Span
from costmodel.spec.rules.finished import FinishedNest


class Tile(Protocol):
    """The tile of one tensor that a level holds, or many of them: then numbers are arrays."""

    @property
    def level(self) -> str: ...
    @property
    def tensor(self) -> str: ...
    @property
    def einsum(self) -> Einsum: ...
    @property
    def rank_variables(self) -> frozenset[str]:
        """Those that index the tensor."""
        ...

    def extent(self, rank_variable: str) -> Any:
        """Return the extent of the tile along a rank variable."""
        ...

    @property
    def words(self) -> Any:
        """Distinct words of the tile (never more; fewer only where tiles do not divide and windows overlap)."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """What a rule measures of a tile, and which values it allows."""

    limit: str
    """The sentence."""
    value: Any
    """A number, or an array of numbers."""
    allowed: Interval
    rank_variables: frozenset[str]
    """Those that make the value grow."""

    @property
    def obeyed(self) -> Any:
        """Whether the value is allowed; of an array, which values are."""
        return self.allowed.contains(self.value)


class Rule(ABC):
    """What restricts the mapspace, and how it judges. Subclasses are frozen dataclasses."""

    __slots__ = ()

    @abstractmethod
    def __str__(self) -> str:
        """What the rule says."""

    # What it restricts

    def instances(self, array: str, dimension: str, rank_variable: str) -> Interval | None:  # noqa: ARG002  a hook
        """Return how many instances a rank variable may take along a dimension (empty: along all of an array)."""
        return None

    def spans(self, array: str) -> tuple[Span, ...]:  # noqa: ARG002  a hook
        """Return along how many dimensions of an array some rank variables may lie together."""
        return ()

    def holds(self, level: str, tensor: str, einsum: Einsum) -> bool | None:  # noqa: ARG002  a hook
        """Return whether a level has to hold a tensor, or must not; null where the rule does not say."""
        return None

    def measure(self, tile: Tile) -> Measured | None:  # noqa: ARG002  a hook
        """Return what is limited of a tile; null where the rule is not about it."""
        return None

    def order_below(self, level: str) -> tuple[str, ...]:  # noqa: ARG002  a hook
        """Return rank variables whose loops in time stand in this order directly below a level, outermost first."""
        return ()

    def still(self, einsum: Einsum) -> str | None:  # noqa: ARG002  a hook
        """Return the tensor that is held still: see ``dataflow.py``."""
        return None

    @property
    def share_at_work(self) -> float:
        """Share of the compute instances that have to work."""
        return 0.0

    # What it judges

    @abstractmethod
    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        """Yield every limit of the rule, and how a finished nest stands to it; the same limits for every nest."""

    def broken(self, reject: Reject, architecture: Architecture, einsum: Einsum) -> Problem:  # noqa: ARG002  a hook
        """Say that a nest breaks the rule, and what to do."""
        return Problem(
            f"{architecture.name} cannot do this: {reject.level}: {reject.limit}: {reject.how}",
            hint="`constraints:` of the architecture say what the hardware cannot do",
        )


class Sentence(Rule):
    """A rule that a user says; printed, it is read back as itself."""

    __slots__ = ()

    forms: ClassVar[tuple[str, ...]] = ()
    """How the sentence is written, for hints."""
    pattern: ClassVar[str]
    """Regular expression of the whole sentence, blanks being single."""

    @classmethod
    def read(cls, sentence: str) -> Self | None:
        """Return the rule that a sentence says; null where it has another form. Raises WordingError."""
        found = re.fullmatch(cls.pattern, sentence)
        return None if found is None else cls.of(found)

    @classmethod
    @abstractmethod
    def of(cls, found: re.Match[str]) -> Self:
        """Return the rule that a match says. Raises WordingError where it can mean nothing."""

    # What it names

    def misfits(self, architecture: Architecture) -> Iterator[Problem]:  # noqa: ARG002  a hook
        """Yield what an architecture lacks of what the sentence names, or cannot obey."""
        return iter(())

    def stands_idle(self, architecture: Architecture) -> bool:  # noqa: ARG002  a hook
        """Whether the rule is about levels of a chip of which this part, that of one compute unit, makes no use."""
        return False

    def clashes(self, said: Sequence[Sentence]) -> Iterator[Problem]:  # noqa: ARG002  a hook
        """Yield why the rule cannot stand beside those said before."""
        return iter(())

    @property
    def rank_variables(self) -> frozenset[str]:
        """Rank variables that the sentence names."""
        return frozenset()

    @property
    def words(self) -> frozenset[str]:
        """Tensors or roles that the sentence names."""
        return frozenset()

    # What it means

    def bind(self, einsum: Einsum, architecture: Architecture, said: Sequence[Sentence]) -> Iterable[Rule]:  # noqa: ARG002  a hook
        """Return what the rule, one of those said, means for one Einsum. Raises SpecError where it can mean nothing."""
        return (self,)


class TileRule(Sentence):
    """A rule about each tile that a level holds; ``measure`` says all about it."""

    __slots__ = ()

    level: str

    @property
    @abstractmethod
    def limit(self) -> str:
        """The sentence without the level."""

    def __str__(self) -> str:
        return f"{self.level} {self.limit}"

    def misfits(self, architecture: Architecture) -> Iterator[Problem]:
        return no_memory(self.level, architecture)

    def stands_idle(self, architecture: Architecture) -> bool:
        return all(level.name != self.level for level in architecture.levels)

    def findings(self, nest: FinishedNest) -> Iterator[Finding]:
        worst = Finding(f"{self.level}: {self.limit}", verdict.KEPT)
        for tile in nest.stored:
            measured = self.measure(tile)
            if measured is not None:
                have = int(measured.value)
                how = f"{have} in the tile of {tile.tensor}"
                seen = verdict.compared(self.level, self.limit, have, measured.allowed, how, tile.path)
                worst = max(worst, seen, key=lambda finding: finding.slack)
        yield worst


class WordingError(Exception):
    """A sentence has the form of a rule, but says nothing that can be meant."""

    def __init__(self, message: str, hint: str = "", offset: int | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint
        self.offset = offset
        """Characters in front of the place in the sentence; null where all of it is meant."""


def no_memory(name: str, architecture: Architecture) -> Iterator[Problem]:
    """Yield a problem where an architecture has no memory of that name."""
    known = [m.name for m in architecture.physical if isinstance(m, Memory)]
    if name not in known:
        yield Problem(f"{name} is no memory", hint=did_you_mean(name, known))


def no_dimension(name: str, dimension: str, architecture: Architecture) -> Iterator[Problem]:
    """Yield a problem where an architecture has no such array, or the array no such dimension (empty: any)."""
    array = next((a for a in architecture.physical if a.name == name), None)
    if not isinstance(array, Array):
        yield Problem(
            f"{name} is no array",
            hint=did_you_mean(name, [a.name for a in architecture.physical if isinstance(a, Array)]),
        )
    elif dimension and dimension not in array.shape:
        known = list(array.shape)
        yield Problem(f"{name} has no dimension {dimension}", hint=did_you_mean(dimension, known))


def listed(text: str) -> tuple[str, ...]:
    """Return the names of a list that blanks or commas part.

    >>> listed("m, k p")
    ('m', 'k', 'p')
    """
    return tuple(text.replace(",", " ").split())
