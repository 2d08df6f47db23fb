"""A nest with a name and bounds for every loop, and the work at every compute node: what each language prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from costmodel.einsum.algebra import Affine, Einsum
from costmodel.execute.program import Addend, Program
from costmodel.spec.mapping import Compute, Nest, Sequence, Spatial, Storage, Temporal, einsums_in

Names = Mapping[str, str]
"""Rank variable → the loop variable that holds its position; one that no loop runs over is at 0."""


@dataclass(frozen=True, slots=True)
class LoopStep:
    """A loop: from the position of the loop around it, or 0, in steps of its tile."""

    depth: int
    name: str
    start: str
    stops: tuple[str, ...]
    """It ends with the least of them."""
    tile: int
    across: str
    """Array and dimension of a loop in space; else empty."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What holds from here on inwards: a storage node, or a branch that begins."""

    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class Work:
    """The addends of one Einsum, each where it is evaluated."""

    depth: int
    program: Program
    names: Names


Item = LoopStep | Remark | Work


@dataclass(frozen=True, slots=True)
class _Range:
    """Positions of a rank variable that are left."""

    start: str
    stops: tuple[str, ...]
    length: int | None
    """Where it is the same at every step."""


def walked(nest: Nest, einsums: Mapping[str, Einsum], taken: frozenset[str]) -> Iterator[Item]:
    """What a program does, line by line; ``taken`` are words that no loop may be called."""
    return _walk(nest, einsums, {}, {}, taken, 0)


def _walk(
    nest: Nest,
    einsums: Mapping[str, Einsum],
    ranges: Mapping[str, _Range],
    names: Names,
    taken: frozenset[str],
    depth: int,
) -> Iterator[Item]:
    inside, named = dict(ranges), dict(names)
    for place, node in enumerate(nest):
        match node:
            case Storage():
                yield Remark(depth, str(node))
            case Temporal() | Spatial():
                v = node.rank_variable
                whole = max(einsums[n].shape[v] for n in einsums_in(nest[place:]) if v in einsums[n].shape)
                left = inside.get(v, _Range("0", (str(whole),), whole))
                name = _name(v, _loops_over(v, nest[place + 1 :]), taken | set(named.values()) - {v})
                across = f"{node.array}.{node.dimension}".rstrip(".") if isinstance(node, Spatial) else ""
                yield LoopStep(depth, name, left.start, left.stops, node.tile, across)
                inside[v] = _inner(left, name, node.tile)
                named[v] = name
                depth += 1
            case Sequence():
                for number, branch in enumerate(node.branches, 1):
                    yield Remark(depth, f"branch {number}")
                    yield from _walk(branch, einsums, inside, named, taken, depth)
            case Compute():
                yield Work(depth, Program(einsums[node.einsum]), named)


def _inner(outer: _Range, name: str, tile: int) -> _Range:
    """What is left of a range inside a loop over it; tiles that may be cut off end with the range, too."""
    whole = tile == 1 or (outer.length is not None and outer.length % tile == 0)
    stop = f"{name} + {tile}"
    return _Range(name, (stop,) if whole else (stop, *outer.stops), tile if whole else None)


def _loops_over(variable: str, nest: Nest) -> int:
    """Loops over a rank variable on the path with most of them."""
    found = 0
    for node in nest:
        if isinstance(node, Sequence):
            found += max((_loops_over(variable, branch) for branch in node.branches), default=0)
        elif isinstance(node, Temporal | Spatial):
            found += node.rank_variable == variable
    return found


def _name(variable: str, inner: int, taken: frozenset[str] | set[str]) -> str:
    """The rank variable itself for its innermost loop, with a number for those around it."""
    name = f"{variable}{inner}" if inner else variable
    while name in taken:
        name += "_"
    return name


def affine_text(index: Affine, names: Names) -> str:
    """An index in the variables of the loops.

    >>> affine_text(Affine((("p", 2), ("r", 1)), -1), {"p": "p", "r": "r"})
    '2 * p + r - 1'
    """
    terms = [(c, names[v] if abs(c) == 1 else f"{abs(c)} * {names[v]}") for v, c in index.terms if v in names]
    terms += [(index.constant, str(abs(index.constant)))] if index.constant or not terms else []
    text = "".join(f" {'-' if sign < 0 else '+'} {term}" for sign, term in terms)
    return f"-{text[3:]}" if text.startswith(" -") else text[3:]


def guards(addend: Addend, names: Names) -> list[tuple[str, int]]:
    """Where an addend is evaluated: expressions that lie in [0, extent). Reduced rank variables that it lacks are 0."""
    zero = [(names[v], 1) for v in sorted(addend.at_zero) if v in names]
    return [*zero, *((affine_text(limit.index, names), limit.extent) for limit in addend.limits)]


def overwrites(einsum: Einsum) -> bool:
    """Whether every point writes a word of its own, so that nothing is reduced."""
    indices = einsum.output.indices
    variables = [v for index in indices for v in index.rank_variables]
    plain = all(len(index.terms) <= 1 for index in indices) and len(variables) == len(set(variables))
    return plain and not einsum.reduced
