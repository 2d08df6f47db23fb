"""Sentences that restrict the mapspace: what the hardware cannot do, or what a study forbids.

    PEs.X only [p, q, m]        rank variables that may be spread over a dimension (``PEs only […]``: over all)
    PEs.X only ranks of weight not of input             those that index one tensor (by role or name) and not the other
    PEs.X at most m 8           largest number of instances along a dimension that one rank variable takes
    PEs.X exact m 8             exactly that many
    GLB tile p <= 14            extent of p in every tile that GLB holds (of tensors indexed by p); also ``==``
    GLB keeps weight            by role or name; ``GLB bypasses weight`` forbids it
    utilisation >= 50 %         share of the compute instances that work
    weight_stationary           also output_, input_ and row_stationary, see ``Rules``

A rank variable that an Einsum does not have is no error here: one architecture serves many Einsums.

The order of loops cannot be constrained (``order in GLB: …`` is an error that says so): the search moves a loop outward
past storage nodes where that costs nothing, so its nests are best ones, but not one for each order. Dataflows restrict
the one thing about the order that hardware fixes: which tensor stays in place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from costmodel.einsum.algebra import Einsum
from costmodel.model.nest import keeps
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.problems import Problem, SpecError, did_you_mean

DATAFLOWS = ("weight_stationary", "output_stationary", "input_stationary", "row_stationary")
FORMS = (
    "ARRAY.DIM only [a, b]",
    "ARRAY.DIM only ranks of TENSOR not of TENSOR",
    "ARRAY.DIM at most a 8",
    "ARRAY.DIM exact a 8",
    "LEVEL tile a <= 14",
    "LEVEL keeps TENSOR",
    "LEVEL bypasses TENSOR",
    "utilisation >= 50 %",
    *DATAFLOWS,
)


@dataclass(frozen=True, slots=True)
class Only:
    """Rank variables that may be spread over a dimension of an array."""

    array: str
    dimension: str
    rank_variables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Spread:
    """A limit on the instances that one rank variable takes along a dimension (empty: the whole array)."""

    array: str
    dimension: str
    rank_variable: str
    relation: Literal["<=", "=="]
    instances: int

    def allows(self, instances: int) -> bool:
        return instances <= self.instances if self.relation == "<=" else instances == self.instances


@dataclass(frozen=True, slots=True)
class TileLimit:
    """A limit on the extent of a rank variable in the tiles of a level."""

    level: str
    rank_variable: str
    relation: Literal["<=", "=="]
    extent: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """Whether a level holds a tensor, by role or name."""

    level: str
    tensor: str
    keeps: bool


@dataclass(frozen=True)
class Rules:
    """All constraints of one search.

    *X-stationary*: the first loop in time above the innermost storage node of X leaves its tile in place, as long as
    a rank variable is left that can.

    *Row-stationary*, for Einsums with sliding windows, is about space alone and comes as ``only`` rules for the
    innermost array. The last window (q + s) runs inside an instance, so that each works on rows. Of the other windows
    (p + r; of the only one, if there is one) filter rows r are spread along the last dimension and output rows p along
    the others, so that input rows lie on diagonals; an array of one dimension takes both. Rank variables without a
    window (channels, filters, batch) may be spread anywhere, and the order in time is free.
    """

    only: tuple[Only, ...] = ()
    spreads: tuple[Spread, ...] = ()
    tiles: tuple[TileLimit, ...] = ()
    keepings: tuple[Keeping, ...] = ()
    utilisation: float = 0.0
    dataflow: str | None = None
    texts: tuple[str, ...] = field(default=())


_ONLY = re.compile(r"(\w+)(?:\.(\w+))?\s+only\s+\[([^\]]*)\]$")
_ONLY_RANKS = re.compile(r"(\w+)(?:\.(\w+))?\s+only\s+ranks\s+of\s+(\w+)(?:\s+not\s+of\s+(\w+))?$")
_SPREAD = re.compile(r"(\w+)(?:\.(\w+))?\s+(at most|exact)\s+(\w+)\s+(\d+)$")
_TILE = re.compile(r"(\w+)\s+tile\s+(\w+)\s*(<=|==|=)\s*(\d+)$")
_KEEP = re.compile(r"(\w+)\s+(keeps|bypasses)\s+(\w+)$")
_USE = re.compile(r"utili[sz]ation\s*>=\s*([\d.]+)\s*(%?)$")


def parse(sentences: Sequence[str], architecture: Architecture, einsum: Einsum | None = None) -> Rules:  # noqa: C901, PLR0912, PLR0915  one step of the search, told in one place
    """Read constraint sentences. Raises SpecError with every sentence that is wrong."""
    problems: list[Problem] = []
    only: list[Only] = []
    spreads: list[Spread] = []
    tiles: list[TileLimit] = []
    keepings: list[Keeping] = []
    utilisation, dataflow = 0.0, None

    def dimensions(name: str, dimension: str | None, text: str) -> list[tuple[str, str]]:
        array = next((a for a in architecture.levels if a.name == name), None)
        if not isinstance(array, Array):
            known = [a.name for a in architecture.arrays]
            problems.append(Problem(f"{text}: {name} is no array", hint=did_you_mean(name, known)))
            return []
        if dimension is None:
            return [(name, d) for d in array.shape]
        if dimension not in array.shape:
            known = list(array.shape)
            hint = did_you_mean(dimension, known)
            problems.append(Problem(f"{text}: {name} has no dimension {dimension}", hint=hint))
            return []
        return [(name, dimension)]

    def memory(name: str, text: str) -> bool:
        found = any(isinstance(m, Memory) and m.name == name for m in architecture.levels)
        if not found:
            known = [m.name for m in architecture.memories]
            problems.append(Problem(f"{text}: {name} is no memory", hint=did_you_mean(name, known)))
        return found

    for sentence in sentences:
        text = " ".join(sentence.split())
        if text in DATAFLOWS:
            if dataflow not in (None, text):
                problems.append(Problem(f"{text}: the dataflow is {dataflow} already"))
            dataflow = text
        elif found := _ONLY.match(text):
            names = frozenset(x.strip() for x in found[3].split(",") if x.strip())
            only += [Only(a, d, names) for a, d in dimensions(found[1], found[2], text)]
        elif found := _ONLY_RANKS.match(text):
            places = dimensions(found[1], found[2], text)
            if einsum is not None and (names := _ranks_of(einsum, found[3])):
                only += [Only(a, d, names - _ranks_of(einsum, found[4] or "")) for a, d in places]
        elif found := _SPREAD.match(text):
            relation: Literal["<=", "=="] = "<=" if found[3] == "at most" else "=="
            if dimensions(found[1], found[2], text):
                spreads.append(Spread(found[1], found[2] or "", found[4], relation, int(found[5])))
        elif found := _TILE.match(text):
            if memory(found[1], text):
                tiles.append(TileLimit(found[1], found[2], "<=" if found[3] == "<=" else "==", int(found[4])))
        elif found := _USE.match(text):
            utilisation = max(utilisation, float(found[1]) / (100 if found[2] else 1))
        elif found := _KEEP.match(text):
            if memory(found[1], text):
                keepings.append(Keeping(found[1], found[3], found[2] == "keeps"))
        elif text.startswith("order in"):
            hint = (
                "the search tries every order itself; a dataflow such as weight_stationary fixes which tensor stays in "
                "place, and `costmodel evaluate` costs a mapping with the order that you write"
            )
            problems.append(Problem(f"{text}: a search cannot be held to an order of loops", hint=hint))
        else:
            problems.append(Problem(f"cannot read the constraint {text!r}", hint="forms: " + "; ".join(FORMS)))
    if problems:
        raise SpecError(problems)
    if dataflow == "row_stationary" and einsum is not None:
        only += _row_stationary(einsum, architecture)
    return Rules(tuple(only), tuple(spreads), tuple(tiles), tuple(keepings), utilisation, dataflow, tuple(sentences))


def _ranks_of(einsum: Einsum, tensor: str) -> frozenset[str]:
    """Rank variables that index the tensors of a role, or of a name; empty where the Einsum has none such."""
    accesses = [a for a in einsum.accesses if keeps((tensor,), einsum.tensors[a.tensor], einsum)]
    return frozenset[str]().union(*(a.rank_variables for a in accesses))


def _row_stationary(einsum: Einsum, architecture: Architecture) -> list[Only]:
    """Filter rows along the last dimension of the innermost array, output rows along the others."""
    windows = list(dict.fromkeys(i for a in einsum.inputs for i in a.indices if len(i.terms) > 1))
    if not windows:
        raise SpecError([Problem(f"row_stationary: {einsum.name} has no sliding window")])
    if not architecture.arrays:
        raise SpecError([Problem(f"row_stationary: {architecture.name} has no array")])
    rows = windows[:-1] or windows
    inside = frozenset[str]().union(*(w.rank_variables for w in windows if w not in rows))
    sliding = frozenset[str]().union(*(w.rank_variables for w in rows))
    outputs = sliding & einsum.output.rank_variables
    free = frozenset(einsum.shape) - inside
    array = architecture.arrays[-1]
    *others, last = array.shape
    if not others:
        return [Only(array.name, last, free)]
    return [*(Only(array.name, d, free - (sliding - outputs)) for d in others), Only(array.name, last, free - outputs)]
