"""A mapping of Timeloop as a nest: factors become tiles, permutations are read from the innermost loop outwards."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.models import PeerModel, name_leftovers
from costmodel.importing.peers.timeloop.formats import Directive
from costmodel.importing.peers.timeloop.hierarchy import Level
from costmodel.importing.peers.timeloop.problem import TimeloopProblem
from costmodel.spec.problems import Path, did_you_mean
from costmodel.spec.validation import validate

_FACTOR = re.compile(r"([A-Za-z]\w*?)\s*=?\s*(\d+)(?:\s*,\s*(\d+)(?!\w))?(?=\s|,|$)")
_BYPASSES = {"datatype", "dataspace", "bypass", "bypassing"}
_LOOPS = {"temporal", "spatial"}


class _MappingFile(PeerModel):
    mapping: list[Directive]


@dataclass(frozen=True)
class FactorLoop:
    """A loop of the nest."""

    dimension: str
    steps: int
    array: Level | None
    """Where it runs in space; in time when absent."""
    axis: str
    level: int
    """Place of its level in the list."""
    path: Path
    """Of the directive."""
    rest: int | None = None
    """Steps of the last round, where the file says how many."""
    by: int = 0
    """The tile that each step gets."""


def factors_of(given: Any) -> dict[str, tuple[int, int | None]]:
    """Steps of each dimension, and those of the last round where they are fewer.

    >>> factors_of("C1 M=14,8 R0")
    {'C': (1, None), 'M': (14, 8), 'R': (0, None)}
    """
    if isinstance(given, Mapping):
        return {str(name): (int(steps), None) for name, steps in given.items()}
    text = " ".join(map(str, given)) if isinstance(given, (list, tuple)) else str(given or "")
    found = _FACTOR.findall(text.replace("<=", "="))
    return {name: (int(steps), int(rest) if rest else None) for name, steps, rest in found}


def names_in(given: Any, known: Sequence[str]) -> list[str]:
    """Tensors that a list names; ``All`` and ``*`` are all of them."""
    named = given if isinstance(given, (list, tuple)) else [] if given is None else [given]
    if any(str(name).lower() in {"*", "all"} for name in named):
        return list(known)
    return [str(name) for name in named]


def order_of(given: Any, dimensions: Sequence[str]) -> list[str]:
    """Dimensions of a permutation, innermost first.

    >>> order_of("PQ RS", ["P", "Q", "R", "S"]), order_of(["R", "P"], ["P", "R"])
    (['P', 'Q', 'R', 'S'], ['R', 'P'])
    """
    if isinstance(given, (list, tuple)):
        return [str(name) for name in given]
    words = re.split(r"[\s,]+", str(given or "").strip())
    return [part for word in words for part in ([word] if word in dimensions else list(word))]


@dataclass(frozen=True)
class MappedNest:
    """A nest, and what bears on the architecture."""

    nest: tuple[str, ...]
    loops: tuple[FactorLoop, ...]
    held: Mapping[str, Sequence[str]]
    """Tensors that each memory holds."""
    above: Mapping[str, int]
    """How many of the loops stand above the storage node of each memory."""


def nest_of(
    section: Section,
    levels: Sequence[Level],
    problem: TimeloopProblem,
    held: Mapping[str, Sequence[str]],
    findings: ImportFindings,
) -> MappedNest:
    """Make a nest of directives; ``held`` is what memories hold that no directive names.

    Raises SpecError with all that is wrong.
    """
    directives = validate(_MappingFile, section.document, section.marks).mapping
    for place, (one, data) in enumerate(zip(directives, section.data, strict=True)):
        name_leftovers(one, data, (section.key, place), section.marks, findings)
    _check_targets(directives, levels, section, findings)
    held = dict(held) | _said(directives, levels, problem, held)
    stated: list[FactorLoop] = []
    memories = {one.name for one in levels if one.role == "memory"}
    for place, level in enumerate(levels):
        if level.role == "array":
            stated += _loops_at(directives, level.targets - memories, None, place, problem, section, findings)
            stated += _loops_at(directives, level.targets, level, place, problem, section, findings)
        else:
            stated += _loops_at(directives, {level.name}, None, place, problem, section, findings)
    findings.check()
    loops = _tiled(stated, problem, section, findings)
    findings.check()
    places = [
        (sum(loop.level < place for loop in loops), level)
        for place, level in enumerate(levels)
        if level.role != "array"
    ]
    nest = tuple(_sentences(loops, places, held, problem))
    return MappedNest(nest, tuple(loops), held, {level.name: above for above, level in places})


def _check_targets(
    directives: Sequence[Directive], levels: Sequence[Level], section: Section, findings: ImportFindings
) -> None:
    known = [*(level.name for level in levels), *(name for level in levels for name in sorted(level.targets))]
    for place, one in enumerate(directives):
        at: Path = (section.key, place)
        if one.target not in known:
            hint = did_you_mean(one.target, known)
            findings.refuse(section.marks, (*at, "target"), f"no such level: {one.target!r}", hint)
        elif one.type not in _LOOPS | _BYPASSES:
            hint = f"known: {', '.join(sorted(_LOOPS | _BYPASSES))}"
            findings.refuse(section.marks, (*at, "type"), f"no such type: {one.type!r}", hint)
        elif (
            one.type == "spatial"
            and not any(one.target in level.targets for level in levels)
            and any(steps != 1 for steps, _ in factors_of(one.factors).values())
        ):
            findings.refuse(section.marks, at, f"there is no array below {one.target}")


def _said(
    directives: Sequence[Directive],
    levels: Sequence[Level],
    problem: TimeloopProblem,
    held: Mapping[str, Sequence[str]],
) -> dict[str, list[str]]:
    """Tensors that directives let memories hold."""
    found: dict[str, list[str]] = {}
    memories = {level.name for level in levels if level.role == "memory"}
    for one in directives:
        if one.type in _BYPASSES and one.target in memories:
            keep, bypass = names_in(one.keep, problem.tensors), names_in(one.bypass, problem.tensors)
            before = found.get(one.target, list(held.get(one.target, problem.tensors)))
            found[one.target] = [t for t in problem.tensors if t in keep or (t in before and t not in bypass)]
    return found


def _loops_at(
    directives: Sequence[Directive],
    targets: Iterable[str],
    array: Level | None,
    level: int,
    problem: TimeloopProblem,
    section: Section,
    findings: ImportFindings,
) -> list[FactorLoop]:
    """Loops of a level, outermost first."""
    kind, targets = "spatial" if array else "temporal", set(targets)
    found: list[FactorLoop] = []
    for place, one in enumerate(directives):
        if one.type != kind or one.target not in targets:
            continue
        at: Path = (section.key, place)
        factors = factors_of(one.factors)
        order = order_of(one.permutation, problem.dimensions)
        for name in {*factors, *order} - {*problem.dimensions}:
            findings.refuse(section.marks, at, f"no such dimension: {name}", f"known: {', '.join(problem.dimensions)}")
        loops = [name for name in problem.dimensions if factors.get(name, (1, None))[0] != 1]
        if len(loops) > 1 and (absent := [name for name in loops if name not in order]):
            hint = "say where each loop stands, innermost first"
            findings.refuse(section.marks, at, f"the permutation does not have {', '.join(absent)}", hint)
        ordered = [name for name in order if name in loops] or loops
        for name in reversed(ordered):
            axis = _axis(array, one, order.index(name) if name in order else 0) if array else ""
            found.append(FactorLoop(name, factors[name][0], array, axis, level, at, factors[name][1]))
    return found


def _axis(array: Level, directive: Directive, place: int) -> str:
    """X for the loops that stand before the split of a permutation, Y for the others."""
    if len(array.shape) == 1 and directive.split is None:
        return next(iter(array.shape))
    axis = "X" if directive.split is None or place < directive.split else "Y"
    return axis if axis in array.shape else next(iter(array.shape))


def _tiled(
    loops: Sequence[FactorLoop], problem: TimeloopProblem, section: Section, findings: ImportFindings
) -> list[FactorLoop]:
    """The same loops with the tiles that their steps get; factors that do not make up an extent are refused."""
    found = []
    for loop in loops:  # a factor of 0 takes what is left
        others = math.prod(x.steps for x in loops if x.dimension == loop.dimension and x.steps)
        found.append(loop if loop.steps else replace(loop, steps=-(-problem.extents[loop.dimension] // others)))
    found = [
        replace(loop, by=math.prod(x.steps for x in found[place + 1 :] if x.dimension == loop.dimension))
        for place, loop in enumerate(found)
    ]
    for name, extent in problem.extents.items():
        own = [loop for loop in found if loop.dimension == name]
        if message := _misfit(name, extent, own):
            path = own[0].path if own else (section.key,)
            findings.refuse(section.marks, path, message, "a factor of 0 takes the rest")
        elif any(rest != loop.steps for loop, rest in zip(own, _last_rounds(extent, own), strict=True)):
            message = (
                "tiles that do not divide: Timeloop counts some of the last ones as full; here they are what is left"
            )
            findings.note(section.marks, own[0].path, message, of=name, counts=True)
    return [loop for loop in found if loop.steps > 1]


def _misfit(name: str, extent: int, loops: Sequence[FactorLoop]) -> str:
    """What is wrong with the factors of a dimension; empty where they make up its extent."""
    tile, fits = extent, True
    for loop in loops:
        fits = fits and -(-tile // loop.by) == loop.steps
        tile = min(loop.by, tile)
    if tile > 1 or not fits:
        return f"the factors of {name} make {math.prod(loop.steps for loop in loops)}, and {name} is {extent}"
    for loop, rest in zip(loops, _last_rounds(extent, loops), strict=True):
        if loop.rest not in {None, rest}:
            return f"the last round of {name} has {rest} of {loop.steps} steps, not {loop.rest}"
    return ""


def _last_rounds(extent: int, loops: Sequence[FactorLoop]) -> Iterator[int]:
    """Steps of each loop in the last round of those around it.

    >>> list(_last_rounds(13, [FactorLoop("M", 4, None, "", 0, (), by=4), FactorLoop("M", 4, None, "", 0, (), by=1)]))
    [4, 1]
    """
    for loop in loops:
        steps = -(-extent // loop.by)
        yield steps
        extent -= (steps - 1) * loop.by


def _sentences(
    loops: Sequence[FactorLoop],
    places: Sequence[tuple[int, Level]],
    held: Mapping[str, Sequence[str]],
    problem: TimeloopProblem,
) -> Iterable[str]:
    """The nest, outermost first."""
    for place in range(len(loops) + 1):
        for level in (level for at, level in places if at == place and level.role == "memory"):
            if tensors := [t for t in problem.tensors if t in held[level.name]]:
                yield f"store {' '.join(tensors)} in {level.name}"
        if place < len(loops):
            loop = loops[place]
            variable = loop.dimension.lower()
            if loop.array is None:
                yield f"for {variable} by {loop.by}"
            else:
                yield f"parallel {variable} by {loop.by} across {loop.array.name}.{loop.axis}"
    unit = next(level for _, level in reversed(places) if level.role == "compute")
    yield f"compute {problem.output} on {unit.name}"
