"""Shapes of ranks and values of constants: numbers, aliases and products of them."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from costmodel.einsum.tokens import excerpt
from costmodel.spec.problems import Marks, Path, Problem, did_you_mean
from costmodel.spec.workload_spec import MAX_EXTENT, WorkloadSpec

MAX_ALIASES = 40
"""Length of the longest chain ``P: M``, ``M: N``, …"""
_RANK_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass
class Findings:
    """Problems of one workload, as they are found."""

    spec: WorkloadSpec
    marks: Marks
    problems: list[Problem] = field(default_factory=list)

    def at(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        """Something is wrong with a value, or with its key."""
        self.problems.append(self.marks.problem(message, path, hint=hint, key=key))

    def at_text(self, place: int, offset: int, message: str, hint: str = "") -> None:
        """Something is wrong with the statement of ``einsums[place]``, ``offset`` characters into it."""
        shown = excerpt(self.spec.einsums[place].einsum, offset)
        path = self.text_path(place)
        self.problems.append(self.marks.problem(message, path, hint=hint, excerpt=shown, offset=offset))

    def text_path(self, place: int) -> Path:
        """Where a statement stands: an entry may be the text itself or a map."""
        path: Path = ("einsums", place, "einsum")
        return path if path in self.marks.values or ("einsums", place) not in self.marks.values else path[:2]


class Ranks:
    """Values of a workload's ranks and constants, as each Einsum sees them: its own win over the file's."""

    def __init__(self, spec: WorkloadSpec, findings: Findings) -> None:
        self.spec = spec
        self.findings = findings
        self._known: dict[str, int | None] = {}
        for place, einsum in enumerate(spec.einsums):
            self._check_names(("einsums", place, "ranks"), einsum.ranks or {})
        self._check_names(("ranks",), spec.ranks)
        for_all = _Reader(None, spec.ranks, {}, self)
        for name in spec.ranks:
            for_all.value(name, ())

    def stated(self, place: int) -> Mapping[str, int | str]:
        """What one Einsum can name, as the file states it."""
        own = self.spec.einsums[place].ranks
        return ChainMap(own, self.spec.ranks) if own else self.spec.ranks

    def values(self, place: int, names: Iterable[str]) -> dict[str, int]:
        """Those of some names that have a value for one Einsum."""
        known = {} if self.spec.einsums[place].ranks else self._known
        reader = _Reader(place, self.stated(place), known, self)
        found = {name: reader.value(name, ()) for name in names if name in reader.stated}
        return {name: value for name, value in found.items() if value is not None}

    def closure(self, place: int, names: Iterable[str]) -> frozenset[str]:
        """Names, and the names that their definitions use."""
        stated = self.stated(place)
        found = set(names)
        pending = list(found)
        while pending:
            text = stated.get(pending.pop())
            if isinstance(text, str):
                further = {part.strip() for part in text.split("*")} - found
                found |= further
                pending.extend(further)
        return frozenset(found)

    def check_used(self, used: frozenset[str], wanting: Sequence[str]) -> None:
        """Report entries of the file's ``ranks:`` that no Einsum uses; ``wanting`` are names that have no entry."""
        for name in self.spec.ranks:
            if name not in used and _RANK_NAME.fullmatch(name):
                hint = did_you_mean(name, wanting or sorted(used))
                self.findings.at(("ranks", name), f"rank {name} appears in no Einsum", hint, key=True)

    def _check_names(self, path: Path, ranks: Mapping[str, object]) -> None:
        for name in ranks:
            if not _RANK_NAME.fullmatch(name):
                hint = f"did you mean {name.upper()}?" if _RANK_NAME.fullmatch(name.upper()) else "as in M, N2 or K_IN"
                what = "upper case" if name.isascii() else "upper-case letters A to Z, digits and '_'"
                self.findings.at((*path, name), f"rank {name!r} must be {what}", hint, key=True)


@dataclass(frozen=True)
class _Reader:
    """Evaluates definitions, each once."""

    place: int | None
    stated: Mapping[str, int | str]
    known: dict[str, int | None]
    ranks: Ranks

    def value(self, name: str, inside: tuple[str, ...]) -> int | None:
        """Value of a name that is stated; null, and a problem, where it has none. ``inside``: what is being defined."""
        text = self.stated[name]
        if isinstance(text, int):
            return text
        if name not in self.known:
            if name in inside:
                cycle = inside[inside.index(name) :]
                start = cycle.index(min(cycle))  # so that whoever finds it tells it in the same words
                chain = " → ".join((*cycle[start:], *cycle[: start + 1]))
                message = f"rank {cycle[start]} is defined by itself: {chain}"
                self._problem(cycle[start], message, "give one of them a number")
                return None
            if len(inside) > MAX_ALIASES:
                self._problem(name, f"rank {name} stands behind more than {MAX_ALIASES} aliases")
                return None
            self.known[name] = self._product(name, text, (*inside, name))
        return self.known[name]

    def _product(self, name: str, text: str, inside: tuple[str, ...]) -> int | None:
        product = 1
        for factor in (part.strip() for part in text.split("*")):
            value: int | None
            if re.fullmatch("[0-9]{1,13}", factor):
                value = int(factor)
            elif factor in self.stated:
                value = self.value(factor, inside)
            else:
                value = None
                self._undefined(name, text, factor)
            if value is None:
                return None
            product *= value
            if not 1 <= product <= MAX_EXTENT:
                self._problem(name, f"rank {name} must be from 1 to {MAX_EXTENT:,}, {text} is not")
                return None
        return product

    def _undefined(self, name: str, text: str, factor: str) -> None:
        if not _RANK_NAME.fullmatch(factor):
            message = f"rank {name}: {text!r} is neither a number, a rank nor a product of them"
            self._problem(name, message, "write it as 64, M or M*N")
        elif self.place is not None or not any(factor in (e.ranks or {}) for e in self.ranks.spec.einsums):
            # Else Einsums have it, each its own; one that needs it and does not have it says so.
            hint = did_you_mean(factor, tuple(self.stated))
            self._problem(name, f"rank {name} is {text}, and there is no rank {factor!r}", hint)

    def _problem(self, name: str, message: str, hint: str = "") -> None:
        own = self.place is not None and name in (self.ranks.spec.einsums[self.place].ranks or {})
        path: Path = ("einsums", self.place, "ranks", name) if own and self.place is not None else ("ranks", name)
        self.ranks.findings.at(path, message, hint)
