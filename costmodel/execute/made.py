"""Values for some Einsums of a workload: what they read of others is what a run of these makes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.execute.arrays import Array, Arrays, tensors_of
from costmodel.execute.execution import execute
from costmodel.execute.given import Given, Random, given_values
from costmodel.execute.program import Program
from costmodel.spec.nonzeros import Nonzeros
from costmodel.spec.problems import SpecError
from costmodel.spec.values import Values

MOST = 10_000_000
"""Points and words of the Einsums that are run for what they make; it is random where there would be more."""
MADE = "made by other Einsums"


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a workload says of its values."""

    workload: Workload
    """With all its Einsums."""
    literals: Mapping[str, Values] = field(default_factory=dict)
    nonzeros: Nonzeros = field(default_factory=Nonzeros)


def values_for(
    einsums: tuple[Einsum, ...],
    stated: Stated,
    arrays: Mapping[str, object],
    files: Iterable[str] = (),
    *,
    seed: int = 0,
) -> Given:
    """Values of what some Einsums read, as ``given_values`` has them, and as a run of the whole workload would.

    Values of other tensors of the workload count for what is made of them. What other Einsums make is random where that
    is much to do, or a name of the workload stands for several tensors.
    """
    files = tuple(files)
    whole = stated.workload
    kind: Random = "integers" if all(Program(e).keeps_integers for e in whole.einsums) else "floats"

    def given_to(some: tuple[Einsum, ...], made: Arrays) -> Given:
        own = {name for e in some for name in e.tensors}
        others = {name for e in whole.einsums for name in e.tensors} - own
        return given_values(
            replace(whole, einsums=some),
            {name: literal for name, literal in stated.literals.items() if name in own},
            {**{name: array for name, array in arrays.items() if name not in others}, **made},
            [text for text in files if not (names := set(_names(text))) or not names <= others],
            nonzeros=stated.nonzeros,
            random=kind,
            seed=seed,
        )

    taken = {*arrays, *stated.literals, *(name for text in files for name in _names(text))}
    needed = {a.tensor for e in einsums for a in e.inputs} - {e.output.tensor for e in einsums} - taken
    made: dict[str, Array] = {}
    if makers := _makers(needed, taken, whole):
        run = execute(replace(whole, einsums=makers), given_to(makers, {}).arrays)
        made = {e.output.tensor: run[e.output.tensor] for e in makers if e.output.tensor in needed}
    found = given_to(einsums, made)
    return Given(found.arrays, {**found.sources, **dict.fromkeys(made, MADE)})


def _makers(needed: set[str], taken: set[str], whole: Workload) -> tuple[Einsum, ...]:
    """The Einsums that make some tensors, with those that make what they read; none where there is too much to do."""
    try:
        tensors_of(whole.einsums)
    except SpecError:  # layers of a network, each of which names its tensors anew
        return ()
    needed, found = set(needed), set[str]()
    while more := [e for e in whole.einsums if e.output.tensor in needed and e.name not in found]:
        found.update(e.name for e in more)
        needed |= {a.tensor for e in more for a in e.inputs} - taken
    makers = tuple(e for e in whole.einsums if e.name in found)
    words = {t.name: t.size_words for e in makers for t in e.tensors.values()}
    return makers if sum(words.values()) + sum(e.points for e in makers) <= MOST else ()


def _names(text: str) -> Iterator[str]:
    """The tensors that a file of values names; what is wrong with one is said where it is read."""
    name, sign, _ = text.partition("=")
    if sign:
        yield name
        return
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(text) as archive:
        yield from (member.removesuffix(".npy") for member in archive.namelist())
