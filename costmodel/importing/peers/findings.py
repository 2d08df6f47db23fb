"""What an import finds beside what it makes: what is wrong, and what has no counterpart here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from costmodel.spec.problems import Marks, Path, Problem, SpecError
from costmodel.spec.validation import in_order

MOST_NAMED = 8
"""Keys or levels that one note names."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something of a peer's files that is not said here, or is said in another way."""

    place: Problem
    """Where it stands first, and what is true of it."""
    counts: bool = False
    """Whether words or cycles can differ from the peer's because of it."""
    subjects: tuple[str, ...] = ()
    """Keys or levels of which it is true; empty where the message says it all."""
    more: int = 0
    """Further places of which the same is true."""

    def __str__(self) -> str:
        message = self.place.message
        if self.subjects:
            named = ", ".join(self.subjects[:MOST_NAMED])
            others = len(self.subjects) - MOST_NAMED
            message = f"{named}{f' and {others} more' if others > 0 else ''}: {message}"
        text = str(replace(self.place, path="", message=message))
        return f"{text} [and {self.more} more places]" if self.more else text


@dataclass
class ImportFindings:
    """Gathers problems and notes while files are read."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def note(
        self, marks: Marks, path: Path, message: str, *, of: str = "", counts: bool = False, key: bool = False
    ) -> None:
        """Keep what has no counterpart; ``counts`` says that words or cycles can differ because of it."""
        self.notes.append(Note(marks.problem(message, path, key=key), counts, (of,) if of else ()))

    def refuse(self, marks: Marks, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        """Keep what is wrong, or what cannot be said here at all."""
        self.problems.append(marks.problem(message, path, hint=hint, key=key))

    def check(self) -> None:
        """Raise SpecError with all that is wrong so far."""
        if self.problems:
            raise SpecError(in_order(self.problems))

    def grouped(self) -> tuple[Note, ...]:
        """One note for each thing that is said, with its first place; those that bear on counts first."""
        found: dict[tuple[str, bool], Note] = {}
        for note in self.notes:
            key = (note.place.message, note.counts)
            if (before := found.get(key)) is None:
                found[key] = note
                continue
            subjects = tuple(dict.fromkeys([*before.subjects, *note.subjects]))
            found[key] = replace(before, subjects=subjects, more=before.more + 1)
        return tuple(sorted(found.values(), key=lambda note: not note.counts))
