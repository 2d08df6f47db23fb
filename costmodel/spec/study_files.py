"""Whether the files that a study names are whole, and hold the Einsums that it asks for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from costmodel.spec.amounts import Amount, amount_formula, condition
from costmodel.spec.load import Document
from costmodel.spec.problems import Path, Problem, SpecError, did_you_mean
from costmodel.spec.study import FIGURES, NotDerivedError, paths_of, row

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.spec.study import Study

    Changes = list[tuple[str, object]]
    Belongs = Callable[[str, Document], bool]

MAX_TRIED = 300
"""Values of an axis that are tried when a study is read; the sweep meets the others."""

MAX_DERIVED = 10_000
"""Designs whose formulas are computed when a study is read; the sweep meets the others."""

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
    with suppress(NotDerivedError):
        first |= study.derived({**study.from_files(), **first})
    return list(first.items())


def settings_of(study: Study) -> Iterator[tuple[str, str, tuple[Mapping[str, object], ...]]]:
    """Key of the study, what is written there, and what it changes at each of its places."""
    for path, value in study.set.items():
        yield "set", path, ({path: value},)
    for axis, values in study.axes.items():
        yield "axes", axis, tuple(dict(zip(paths_of(axis), row(axis, value), strict=True)) for value in values)
    first = dict(first_values(study))
    yield from (("derive", path, ({path: first[path]},)) for path in study.derive if path in first)


def path_problems(
    study: Study, own: Document, named: Sequence[Named], load: Callable[[Document, Changes], Any], belongs: Belongs
) -> Iterator[Problem]:
    """Try every place of ``set`` and of the axes, one at a time, on every file of one kind that it is about.

    What breaks a file alone, and not with what else the first design changes, is right: some values need others.
    """
    for key, written, places in settings_of(study):
        about = [path for path in places[0] if any(belongs(path, document) for _, document in named)]
        listed = key == "axes" and isinstance(own.data[key][written], list)
        for ref, document in named:
            mine = [path for path in about if belongs(path, document)]
            for path in about:
                if path not in mine:
                    message = f"{ref} has nothing that is called {path.partition('.')[0]!r}"
                    yield own.marks.problem(message, (key, written), key=True)
            for place, changes in enumerate(places[:MAX_TRIED] if mine else ()):
                where: Path = (key, written, place) if listed else (key, written)
                wrong = _broken({path: changes[path] for path in mine}, study, document, load, belongs)
                yield from (own.marks.problem(each.message, where, hint=each.hint) for each in wrong)


def _broken(
    own: Mapping[str, object],
    study: Study,
    document: Document,
    load: Callable[[Document, Changes], Any],
    belongs: Belongs,
) -> Sequence[Problem]:
    """What is wrong with some values in a file, alone and beside the others of the first design."""
    try:
        load(document, list(own.items()))
    except SpecError as error:
        beside = [(path, value) for path, value in _first_values(study, document, belongs) if path not in own]
        try:
            load(document, [*beside, *own.items()])
        except SpecError:
            return error.problems
    return ()


def clash_problems(study: Study, own: Document) -> Iterator[Problem]:
    """Report values that never count: another one takes the place of the same path, or of one that holds it."""
    written = [("set", path, path) for path in study.set]
    written += [("axes", axis, path) for axis in study.axes for path in paths_of(axis)]
    written += [("derive", path, path) for path in study.derive]  # the order in which they are put into the files
    for (key, entry, path), (later, _, other) in itertools.combinations(written, 2):
        if f"{path}.".startswith(f"{other}."):
            message = f"{path} does nothing here: `{later}:` has {other} too"
            yield own.marks.problem(message, (key, entry), hint="leave one of them out", key=True)


def formula_problems(study: Study, own: Document) -> Iterator[Problem]:
    """Report names that formulas cannot use."""
    known = [*study.from_files(), *study.set, *study.columns]
    amounts = _amounts(study)
    for path, text in study.derive.items():
        if lost := [name for name in amount_formula(text).names.values() if name not in known]:
            hint = did_you_mean(lost[0], known)
            yield own.marks.problem(
                f"{lost[0]!r} is stated nowhere, no axis, not set, and not derived before", ("derive", path), hint=hint
            )
        elif said := _unfit(amount_formula(text).value, amounts):
            yield own.marks.problem(said, ("derive", path))
        known.append(path)
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


def underived_problems(study: Study, own: Document) -> Iterator[Problem]:
    """Report the first design for which a formula has no value, of all that differ in what formulas ask for."""
    asked = {name for text in study.derive.values() for name in amount_formula(text).names.values()}
    rows = [
        [dict(zip(paths_of(axis), row(axis, value), strict=True)) for value in values]
        for axis, values in study.axes.items()
        if asked & {*paths_of(axis)}
    ]
    stated = [study.from_files(arch, workload) for arch in study.arch for workload in study.computations]
    for known, *places in itertools.islice(itertools.product(stated, *rows), MAX_DERIVED):
        chosen = {path: value for place in places for path, value in place.items()}
        try:
            study.derived({**known, **study.set, **chosen})
        except NotDerivedError as error:
            at = ", ".join(f"{path} is {value}" for path, value in chosen.items() if path in asked)
            yield own.marks.problem(f"{error}{at and f' where {at}'}", ("derive", error.path))
            return


def mean_problems(study: Study, own: Document) -> Iterator[Problem]:
    """Report a mean that is not over the workloads of the study, or over what cannot be told apart."""
    if not study.mean:
        return
    for name in study.mean:
        if name not in study.workload:
            hint = did_you_mean(name, list(study.workload))
            yield own.marks.problem(f"{name!r} is no workload of this study", ("mean", name), hint=hint, key=True)
    if lost := [name for name in study.workload if name not in study.mean]:
        yield own.marks.problem(f"does not say how often {lost[0]!r} runs", ("mean",), key=True)
    if study.fuse != "off":
        yield own.marks.problem("a mean is over workloads whose layers are mapped alone", ("mean",), hint="fuse: off")


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
