"""Whether the files that a study names are whole, and hold the Einsums that it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from costmodel.spec.load import Document
from costmodel.spec.problems import Path, Problem, SpecError, did_you_mean

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


def _first_values(study: Study, document: Document, belongs: Belongs) -> Changes:
    """What the first design of a study changes in a file."""
    first = [*study.set.items(), *((path, values[0]) for path, values in study.axes.items())]
    return [(path, value) for path, value in first if belongs(path, document)]
