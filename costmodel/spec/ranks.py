"""Shapes of ranks and values of constants: numbers, and formulas of other ranks and constants."""

from __future__ import annotations

import math
import re
from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from costmodel.einsum.joined import parts
from costmodel.einsum.syntax import Constant, Expression, Statement, compact
from costmodel.einsum.tokens import NotationError, excerpt
from costmodel.spec import formulas
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
        self.problems.append(self.of_text(place, offset, message, hint))

    def of_text(self, place: int, offset: int, message: str, hint: str = "") -> Problem:
        """Return what there is to say about a place in a statement."""
        shown = excerpt(self.spec.einsums[place].einsum, offset)
        path = self.text_path(place)
        return self.marks.problem(message, path, hint=hint, excerpt=shown, offset=offset)

    def text_path(self, place: int) -> Path:
        """Where a statement stands: an entry may be the text itself or a map."""
        path: Path = ("einsums", place, "einsum")
        return path if path in self.marks.values or ("einsums", place) not in self.marks.values else path[:2]


@dataclass(frozen=True, slots=True)
class Said:
    """What something else than ``ranks:`` says about the shape of a rank."""

    formula: Expression
    path: Path
    """Where it stands."""
    place: int | None = None
    """Position of the Einsum whose text says it."""
    offset: int = 0
    """Characters into that text."""

    def tell(self, findings: Findings, message: str, hint: str = "") -> None:
        """Something is wrong with it."""
        if self.place is None:
            findings.at(self.path, message, hint)
        else:
            findings.at_text(self.place, self.offset, message, hint)


class Ranks:
    """Values of a workload's ranks and constants, as each Einsum sees them: its own win over the file's.

    ``said`` are shapes that statements and declarations give; one that ``ranks:`` does not have counts as if it did.
    """

    def __init__(self, spec: WorkloadSpec, findings: Findings, said: Sequence[tuple[str, Said]] = ()) -> None:
        self.spec = spec
        self.findings = findings
        self.said: dict[str, Said] = {}
        self._known: dict[str, int | None] = {}
        self._told: set[tuple[Path, str]] = set()
        for place, einsum in enumerate(spec.einsums):
            self._check_names(("einsums", place, "ranks"), einsum.ranks or {})
        self._check_names(("ranks",), spec.ranks)
        for name, shape in said:
            self.said.setdefault(name, shape)
        further = {name: compact(shape.formula) for name, shape in self.said.items() if name not in spec.ranks}
        self.of_all: Mapping[str, int | str] = {**spec.ranks, **further} if further else spec.ranks
        for_all = _Reader(None, self.of_all, self._known, self)
        for name in self.of_all:
            for_all.value(name, ())
        for name, shape in said:
            self._check_said(name, shape, for_all)

    def stated(self, place: int) -> Mapping[str, int | str]:
        """What one Einsum can name, as the file states it."""
        own = self.spec.einsums[place].ranks
        return ChainMap(own, self.of_all) if own else self.of_all  # type: ignore[arg-type]

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
            further = set(_names(stated.get(pending.pop()))) - found
            found |= further
            pending.extend(further)
        return frozenset(found)

    def without_joined(self, place: int, statement: Statement) -> Collection[str]:
        """What one Einsum can name, without the ranks of variables that only join others of the statement.

        ``PQ: P*Q`` in ``T[pq] = I[p + q]`` is the shape of what is joined, and no rank of its own.
        """
        stated = self.stated(place)
        found: set[str] = set()
        for variable in statement.rank_variables:
            rank = variable.upper()
            joined = parts(variable, stated.keys() - {rank}) if rank in stated else ()
            if joined and set(joined) <= set(statement.rank_variables):
                ranks = tuple(part.upper() for part in joined)
                extents = self.values(place, (rank, *ranks))
                if extents.get(rank) == math.prod(extents.get(part, 0) for part in ranks):
                    found.add(rank)
        return stated.keys() - found if found else stated

    def is_alias(self, place: int, name: str, of: str) -> bool:
        """Whether a name is defined to be another one, however many names stand between them."""
        stated = self.stated(place)
        for _ in range(MAX_ALIASES):
            if name == of:
                return True
            text = stated.get(name)
            if not isinstance(text, str) or not _RANK_NAME.fullmatch(text.strip()):
                return False
            name = text.strip()
        return False

    def refuse_empty(self, place: int, name: str) -> None:
        """Report a rank whose shape is 0: only constants may be."""
        text = self.stated(place)[name]
        found = f"{text} is not" if isinstance(text, str) else f"got {text}"
        self.problem(place, name, f"rank {name} must be from 1 to {MAX_EXTENT:,}, {found}")

    def check_used(self, used: frozenset[str], wanting: Sequence[str]) -> None:
        """Report entries of the file's ``ranks:`` that no Einsum uses; ``wanting`` are names that have no entry.

        Where one is overridden, others may have been there for its formula alone.
        """
        overridden = {path[1] for path in self.findings.marks.overrides if path[:1] == ("ranks",) and len(path) > 1}
        if any(_is_unreadable(text) for text in self.spec.ranks.values()):  # it may use any of the others
            return
        for name in self.spec.ranks:
            if name not in used and _RANK_NAME.fullmatch(name) and (not overridden or name in overridden):
                hint = did_you_mean(name, wanting or sorted(used))
                self.findings.at(("ranks", name), f"rank {name} appears in no Einsum", hint, key=True)

    def problem(self, place: int | None, name: str, message: str, hint: str = "") -> None:
        """Something is wrong with the definition that one Einsum, or the file, has of a name; it is told once."""
        own = place is not None and name in (self.spec.einsums[place].ranks or {})
        path: Path = ("einsums", place, "ranks", name) if own and place is not None else ("ranks", name)
        if (path, message) in self._told:
            return
        self._told.add((path, message))
        if not own and name not in self.spec.ranks:
            self.said[name].tell(self.findings, message, hint)
        else:
            self.findings.at(path, message, hint)

    def _check_said(self, name: str, shape: Said, for_all: _Reader) -> None:
        """Report what a text or a declaration says about a shape, and the file says otherwise."""
        if not _RANK_NAME.fullmatch(name):
            shape.tell(self.findings, f"rank {name!r} must be upper case")
            return
        own = self.spec.einsums[shape.place].ranks or {} if shape.place is not None else {}
        reader = for_all if not own or shape.place is None else _Reader(shape.place, self.stated(shape.place), {}, self)
        text = compact(shape.formula)
        if str(reader.stated[name]) == text:
            return
        for used in formulas.names(shape.formula):
            if used not in reader.stated:
                hint = did_you_mean(used, tuple(reader.stated))
                shape.tell(self.findings, f"rank {name} is {text}, and there is no rank {used!r}", hint)
                return
        stated, said = reader.value(name, ()), reader.formula(name, text, shape.formula, ())
        if stated is not None and said is not None and stated != said:
            where = "in `ranks:`" if name in own or name in self.spec.ranks else "elsewhere"
            message = (
                f"rank {name} has the shape {_told(text, said)} here and {_told(reader.stated[name], stated)} {where}"
            )
            shape.tell(self.findings, message, "say it once; a layer of a network has `ranks:` of its own")

    def _check_names(self, path: Path, ranks: Mapping[str, object]) -> None:
        for name in ranks:
            if not _RANK_NAME.fullmatch(name):
                hint = f"did you mean {name.upper()}?" if _RANK_NAME.fullmatch(name.upper()) else "as in M, N2 or K_IN"
                what = "upper case" if name.isascii() else "upper-case letters A to Z, digits and '_'"
                self.findings.at((*path, name), f"rank {name!r} must be {what}", hint, key=True)


def _told(stated: int | str, extent: int) -> str:
    return f"{extent:,}" if str(stated) == str(extent) else f"{stated} = {extent:,}"


def _names(stated: int | str | None) -> tuple[str, ...]:
    """Names that a definition uses; none where it cannot be read."""
    if not isinstance(stated, str):
        return ()
    try:
        return formulas.names(formulas.formula(stated))
    except NotationError:
        return ()


def _is_unreadable(written: object) -> bool:
    """Whether a formula of ``ranks:`` is none."""
    try:
        return isinstance(written, str) and not formulas.formula(written)
    except NotationError:
        return True


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
            self.known[name] = self._read(name, text, (*inside, name))
        return self.known[name]

    def _read(self, name: str, text: str, inside: tuple[str, ...]) -> int | None:
        try:
            read = formulas.formula(text)
        except NotationError as error:
            (problem,) = error.problems
            self._problem(name, f"rank {name}: {text!r} is no formula: {problem.message}", problem.hint)
            return None
        return self.formula(name, text, read, inside)

    def formula(self, name: str, text: str, read: Expression, inside: tuple[str, ...]) -> int | None:
        """Value of a formula that defines a name."""
        values: dict[str, int] = {}
        for used in formulas.names(read):
            if used not in self.stated:
                self._undefined(name, text, used)
                return None
            value = self.value(used, inside)
            if value is None:
                return None
            values[used] = value
        return self._whole(name, text, read, values)

    def _whole(self, name: str, text: str, read: Expression, values: Mapping[str, int]) -> int | None:
        try:
            value = formulas.value(read, values)
        except ZeroDivisionError:
            self._problem(name, f"rank {name} divides by 0: {text} = {formulas.with_values(read, values)}")
            return None
        if value.denominator != 1:
            down = formulas.rounded_down(read)
            message = (
                f"rank {name} is no whole number: {text} = {formulas.with_values(read, values)} = {_decimal(value)}"
            )
            hint = f"rounded down: {compact(down)}, which is {_decimal(formulas.value(down, values))}; or ceil(…)"
            self._problem(name, message, hint)
            return None
        if not 0 <= value <= MAX_EXTENT:
            shown = f" = {formulas.with_values(read, values)}" if values and not isinstance(read, Constant) else ""
            least = f"from 1 to {MAX_EXTENT:,} (a constant from 0)"
            message = f"rank {name} must be {least}, {text}{shown} is {int(value):,}"
            self._problem(name, message)
            return None
        return int(value)

    def _undefined(self, name: str, text: str, used: str) -> None:
        if self.place is not None or not any(used in (e.ranks or {}) for e in self.ranks.spec.einsums):
            # Else Einsums have it, each its own; one that needs it and does not have it says so.
            hint = did_you_mean(used, tuple(self.stated))
            self._problem(name, f"rank {name} is {text}, and there is no rank {used!r}", hint)

    def _problem(self, name: str, message: str, hint: str = "") -> None:
        self.ranks.problem(self.place, name, message, hint)


def _decimal(value: Fraction) -> str:
    """A fraction as a decimal where it is short: ``112.5``, else ``337/3``."""
    text = f"{float(value):.15g}"
    return text if Fraction(text) == value else str(value)
