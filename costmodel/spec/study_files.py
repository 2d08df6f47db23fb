"""Whether the files that a study names are whole, and hold the Einsums that it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from costmodel.spec.amounts import Amount, amount_formula, condition
from costmodel.spec.load import Document
from costmodel.spec.problems import Path, Problem, SpecError, did_you_mean
from costmodel.spec.study import FIGURES

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.spec.study import Study

    Changes = list[tuple[str, object]]
    Belongs = Callable[[str, Document], bool]

Named = tuple[str, Document]
"""How a study names a file, and what it holds."""


def file_problems(
    study: Study, named: Sequence[Named], load: Callable[[Document, Changes], Any], belongs: Belongs
) -> list[Problem]:
    """Return what is wrong with files of one kind themselves; what only the study puts right is right.

    ``load`` reads a document with changes, ``belongs`` tells whether a path leads into it.
    """
    found: list[Problem] = []
    for _, document in named:
        try:
            load(document, [])
        except SpecError as error:
            try:
                load(document, _first_values(study, document, belongs))
            except SpecError:
                found.extend(error.problems)
    return found


def einsum_problems(
    study: Study,
    own: Document,
    workloads: Sequence[Named],
    load: Callable[[Document, Changes], Workload],
    belongs: Belongs,
) -> Iterator[Problem]:
    """Report Einsums that a study asks for and that one of its workloads lacks."""
    is_list = isinstance(own.data.get("einsums"), list)
    for name, document in workloads:
        try:
            known = [einsum.name for einsum in load(document, _first_values(study, document, belongs)).einsums]
        except SpecError:
            continue  # said of the values of the study
        for place, asked in enumerate(study.einsums or ()):
            if asked not in known:
                where: Path = ("einsums", place) if is_list else ("einsums",)
                yield own.marks.problem(f"{name} has no Einsum {asked!r}", where, hint=did_you_mean(asked, known))


def first_values(study: Study) -> Changes:
    """What the first design of a study changes; what is derived as far as it has a value."""
    first = {**study.set, **{path: values[0] for path, values in study.columns.items()}}
    with suppress(ValueError, ZeroDivisionError, KeyError):
        first |= study.derived({**study.from_files(), **first})
    return list(first.items())


def formula_problems(study: Study, own: Document) -> Iterator[Problem]:
    """Report names that formulas cannot use."""
    mine = [*study.set, *study.columns]
    known = [*study.from_files(), *mine]
    amounts = _amounts(study)
    for path, text in study.derive.items():
        if lost := [name for name in amount_formula(text).names.values() if name not in known]:
            hint = did_you_mean(lost[0], known)
            yield own.marks.problem(
                f"{lost[0]!r} is stated nowhere, no axis, not set, and not derived before", ("derive", path), hint=hint
            )
        elif path in mine:
            yield own.marks.problem(f"{path} is an axis or set already", ("derive", path), key=True)
        elif said := _unfit(amount_formula(text).value, amounts):
            yield own.marks.problem(said, ("derive", path))
        known.append(path)
        mine.append(path)
    listed = isinstance(own.data.get("where"), list)
    for place, text in enumerate(study.where):
        known_here = [*known, *FIGURES]
        where: Path = ("where", place) if listed else ("where",)
        if lost := [name for name in condition(text).names if name not in known_here]:
            hint = did_you_mean(lost[0], known_here)
            yield own.marks.problem(
                f"{lost[0]!r} is stated nowhere, no axis, not set, not derived and no figure", where, hint=hint
            )
        elif said := _unfit(condition(text).broken, amounts):
            yield own.marks.problem(f"{text}: {said}", where)


def _amounts(study: Study) -> dict[str, Amount]:
    """The values of the first design, as far as they are amounts, and a figure of each kind."""
    found = {name: Amount(Fraction(1), unit) for name, unit in FIGURES.items()}
    for path, value in {**study.from_files(), **dict(first_values(study))}.items():
        with suppress(ValueError):
            found[path] = Amount.of(value)
    return found


def _unfit(compute: Callable[[Mapping[str, Amount]], object], amounts: Mapping[str, Amount]) -> str:
    """Say what does not measure the same; what has no value in one design may have one in another."""
    try:
        compute(amounts)
    except ValueError as error:
        return str(error)
    except (ZeroDivisionError, KeyError):
        pass
    return ""


def _first_values(study: Study, document: Document, belongs: Belongs) -> Changes:
    """What the first design of a study changes in a file."""
    return [(path, value) for path, value in first_values(study) if belongs(path, document)]
