"""Sentences that restrict the mapspace: what the hardware cannot do, or what a study forbids.

    PEs.X only [p, q, m]        rank variables that may be spread over a dimension (``PEs only […]``: over all)
    PEs.X only ranks of weight not of input             those that index one tensor (by role or name) and not the other
    PEs.X at most m 8           largest number of instances along a dimension that one rank variable takes
    PEs.X exact m 8             exactly that many
    GLB tile p <= 14            extent of p in every tile that GLB holds (of tensors indexed by p); also ``==``
    GLB keeps weight            by role or name; ``GLB bypasses weight`` forbids it
    order in GLB: m, k          order of the loops in time directly below GLB, outermost first; see ``Order``
    utilisation >= 50 %         share of the compute instances that work
    weight_stationary           also output_, input_ and row_stationary, see ``Rules``

A rank variable that an Einsum does not have is no error here: one architecture serves many Einsums.

This module says what the sentences are; ``obey.py`` says what they mean for a mapping.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from costmodel.einsum.algebra import Einsum, Role
from costmodel.mapper.sample.steps import held
from costmodel.model.nest import keeps
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.problems import Problem, SpecError, did_you_mean

STATIONARY = ("weight_stationary", "output_stationary", "input_stationary")
"""Dataflows that hold one tensor still."""
DATAFLOWS = (*STATIONARY, "row_stationary")
FORMS = (
    "ARRAY.DIM only [a, b]",
    "ARRAY.DIM only ranks of TENSOR not of TENSOR",
    "ARRAY.DIM at most a 8",
    "ARRAY.DIM exact a 8",
    "LEVEL tile a <= 14",
    "LEVEL keeps TENSOR",
    "LEVEL bypasses TENSOR",
    "order in LEVEL: a, b",
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
    """A limit on the extent of a rank variable in the tiles of a level; the whole extent, where that is less."""

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


@dataclass(frozen=True, slots=True)
class Order:
    """The order of loops in time below a level, outermost first.

    A loop in time *belongs* to the nearest storage node above it, of several without a loop between them to the
    innermost. In each gap between two neighbouring storage nodes whose loops belong to the level, loops over the listed
    rank variables stand in the listed order; other loops stand anywhere, and spatial loops do not matter.
    """

    level: str
    rank_variables: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """All constraints of one search.

    *X-stationary* (weight, output or input): each tile of X that the innermost memory gets stays there until all its
    uses in time are done. The innermost memory that may hold X does hold it (a ``Keeping`` that ``parse`` adds), and
    above X's innermost storage node no loop in time over a rank variable that does not index X stands further out than
    one over a rank variable that does. Spatial loops do not count. Where no memory but the outermost may hold X, that
    is no restriction. ``stationary_tensor`` says which tensor X is.

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
    orders: tuple[Order, ...] = ()
    texts: tuple[str, ...] = field(default=())

    @property
    def stationary(self) -> bool:
        """Whether the dataflow holds one tensor still."""
        return self.dataflow in STATIONARY

    @property
    def restrict(self) -> bool:
        """Whether there is any rule."""
        return bool(
            self.only or self.spreads or self.tiles or self.keepings or self.utilisation or self.dataflow or self.orders
        )

    def working_least(self, instances: int) -> int:
        """Return how many of so many compute instances have to work.

        >>> Rules(utilisation=0.07).working_least(100)      # 0.07 · 100 is a little more than 7 in binary
        7
        """
        return math.ceil(self.utilisation * instances * (1 - 1e-12))


_ONLY = re.compile(r"(\w+)(?:\.(\w+))?\s+only\s+\[([^\]]*)\]$")
_ONLY_RANKS = re.compile(r"(\w+)(?:\.(\w+))?\s+only\s+ranks\s+of\s+(\w+)(?:\s+not\s+of\s+(\w+))?$")
_SPREAD = re.compile(r"(\w+)(?:\.(\w+))?\s+(at most|exact)\s+(\w+)\s+(\d+)$")
_TILE = re.compile(r"(\w+)\s+tile\s+(\w+)\s*(<=|==|=)\s*(\d+)$")
_KEEP = re.compile(r"(\w+)\s+(keeps|bypasses)\s+(\w+)$")
_ORDER = re.compile(r"order\s+in\s+(\w+)\s*:\s*(?:\[([\w\s,]*)\]|([\w\s,]*))$")
_USE = re.compile(r"utili[sz]ation\s*>=\s*([\d.]+)\s*(%?)$")


def parse(sentences: Sequence[str], architecture: Architecture, einsum: Einsum | None = None) -> Rules:  # noqa: C901, PLR0912, PLR0915  one step of the search, told in one place
    """Read constraint sentences. Raises SpecError with every sentence that is wrong.

    Of a part of a chip, what they say about levels that stand idle is passed over.
    """
    problems: list[Problem] = []
    only: list[Only] = []
    spreads: list[Spread] = []
    tiles: list[TileLimit] = []
    keepings: list[Keeping] = []
    orders: list[Order] = []
    utilisation, dataflow = 0.0, None

    def dimensions(name: str, dimension: str | None, text: str) -> list[tuple[str, str]]:
        array = next((a for a in architecture.physical if a.name == name), None)
        if not isinstance(array, Array):
            known = [a.name for a in architecture.physical if isinstance(a, Array)]
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
        found = any(isinstance(m, Memory) and m.name == name for m in architecture.physical)
        if not found:
            known = [m.name for m in architecture.physical if isinstance(m, Memory)]
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
                if found[2] == "bypasses" and found[1] == architecture.memories[0].name:
                    problems.append(Problem(f"{text}: {found[1]} is the outermost memory, which holds every tensor"))
                keepings.append(Keeping(found[1], found[3], found[2] == "keeps"))
        elif found := _ORDER.match(text):
            listed = tuple((found[2] or found[3] or "").replace(",", " ").split())
            twice = sorted({v for v in listed if listed.count(v) > 1})
            if not listed:
                problems.append(Problem(f"{text}: no rank variable is listed", hint="order in LEVEL: a, b"))
            if twice:
                problems.append(Problem(f"{text}: {', '.join(twice)} is listed twice"))
            if memory(found[1], text):
                orders.append(Order(found[1], listed))
        else:
            problems.append(Problem(f"cannot read the constraint {text!r}", hint="forms: " + "; ".join(FORMS)))
    if problems:
        raise SpecError(problems)
    if dataflow == "row_stationary" and einsum is not None:
        only += _row_stationary(einsum, architecture)
    if dataflow in STATIONARY and einsum is not None:
        keepings += _held_still(einsum, architecture, dataflow, keepings)
    # an architecture and a study may say the same
    arrays, memories = ({x.name for x in found} for found in (architecture.arrays, architecture.memories))
    return Rules(
        only=tuple(dict.fromkeys(o for o in only if o.array in arrays)),
        spreads=tuple(dict.fromkeys(s for s in spreads if s.array in arrays)),
        tiles=tuple(dict.fromkeys(t for t in tiles if t.level in memories)),
        keepings=tuple(dict.fromkeys(k for k in keepings if k.level in memories)),
        utilisation=utilisation,
        dataflow=dataflow,
        orders=tuple(dict.fromkeys(o for o in orders if o.level in memories)),
        texts=tuple(sentences),
    )


def stationary_tensor(einsum: Einsum, dataflow: str) -> str:
    """Return the tensor that a dataflow holds still.

    ``output_stationary``: the output. ``weight_stationary``: the last input that is a weight, else the last input.
    ``input_stationary``: the first input that is no weight, else the first input. Without inputs, the output.
    """
    output = einsum.output.tensor
    inputs = [t for t in einsum.tensors if t != output]
    if dataflow == "output_stationary" or not inputs:
        return output
    weights = [t for t in inputs if einsum.tensors[t].role is Role.WEIGHT]
    if dataflow == "weight_stationary":
        return (weights or inputs)[-1]
    others = [t for t in inputs if t not in weights]
    return (others or inputs)[0]


def _held_still(
    einsum: Einsum, architecture: Architecture, dataflow: str, keepings: Sequence[Keeping]
) -> list[Keeping]:
    """Have the innermost memory that may hold the stationary tensor hold it; nothing where none but the outermost may.

    A memory that a sentence bids bypass the tensor may not.
    """
    name = stationary_tensor(einsum, dataflow)
    bypassing = {k.level for k in keepings if not k.keeps and keeps((k.tensor,), einsum.tensors[name], einsum)}
    able = [m.name for m in architecture.memories[1:] if m.name not in bypassing and held(m, einsum, name) != "no"]
    return [Keeping(able[-1], name, keeps=True)] if able else []


def _ranks_of(einsum: Einsum, tensor: str) -> frozenset[str]:
    """Rank variables that index the tensors of a role, or of a name; empty where the Einsum has none such."""
    accesses = [a for a in einsum.accesses if keeps((tensor,), einsum.tensors[a.tensor], einsum)]
    return frozenset[str]().union(*(a.rank_variables for a in accesses))


def _row_stationary(einsum: Einsum, architecture: Architecture) -> list[Only]:
    """Filter rows along the last dimension of the innermost array, output rows along the others."""
    windows = list(dict.fromkeys(i for a in einsum.inputs for i in a.indices if len(i.terms) > 1))
    if not windows:
        raise SpecError([Problem(f"row_stationary: {einsum.name} has no sliding window")])
    if not architecture.arrays and any(isinstance(x, Array) for x in architecture.physical):
        return []
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
