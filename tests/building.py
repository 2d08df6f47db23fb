"""Parts of the exact search on small problems, for tests that look at one of them: the one place that builds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice import space as mapspace
from costmodel.mapper.lattice.board import Board
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.settlement import Settlement
from costmodel.model.meters import PriceBook
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import objective_of
from costmodel.spec.rules import parse

Extents = Mapping[str, int]
"""Of a tile, by rank variable."""


def board_of(
    problem: Einsum, architecture: Architecture, objective: str = "energy,latency", *, multiples: int = 0
) -> Board:
    """The tables of a search. Raises UnsupportedError where the lattice has no exact form."""
    rules = parse(architecture.constraints, architecture, problem)
    return Board(mapspace.build(Allowed(problem, architecture, rules), multiples=multiples), objective_of(objective))


def node_of(board: Board, tensor: str, level: str) -> int:
    """Place of a storage node among the nodes of the search."""
    space = board.space
    return next(
        i
        for i, n in enumerate(space.nodes)
        if space.tensors[n.tensor].name == tensor and space.memories[n.memory].level.name == level
    )


def shape_of(board: Board, tile: Extents) -> int:
    """Number of a tile shape."""
    space = board.space
    digits = [space.divisors[v].tolist().index(tile[name]) for v, name in enumerate(space.names)]
    return int(np.dot(digits, space.strides))


def way_of(board: Board, array: int, factors: Extents) -> int:
    """Number of a way to spread an array (innermost: 0), by the instances along each rank variable."""
    wanted = [factors.get(name, 1) for name in board.space.names]
    return board.space.arrays[array].factors.tolist().index(wanted)


@dataclass(frozen=True)
class Tile:
    """A tile that slides, below arrays that are spread already; one move of it."""

    board: Board
    node: int
    extents: Extents
    below: Sequence[Extents]
    """Tile shape below each array."""
    factors: Sequence[Extents]
    """How each array is spread."""

    def moved(self, low: Extents, rank_variable: str, upto: int) -> tuple[float, float, float]:
        """(words together, words kept, new words at the parent) when a loop above the tile shape ``low`` moves on.

        Of the instances of the innermost ``upto`` arrays; new words as these arrays deliver them.
        """
        board, layout = self.board, self.board.layout
        s = np.zeros((layout.whole, 1), dtype=np.int64)
        s[layout.tile[board.sliding.slot[self.node]]] = shape_of(board, self.extents)
        for a, (below, factors) in enumerate(zip(self.below, self.factors, strict=True)):
            s[layout.below[a]], s[layout.way[a]] = shape_of(board, below), way_of(board, a, factors)
        at = np.array([shape_of(board, low)])
        moving = np.array([board.space.names.index(rank_variable)])
        together, kept, _ = board.sliding.slide(s, self.node, at, moving, len(self.below), upto)
        new = board.sliding.words(s, self.node, at, moving, len(self.below), upto)
        return float(together[0]), float(kept[0]), float(new[0])


@dataclass(frozen=True)
class Closing:
    """What closing a tile once more costs, in the words of one tensor: all nodes of it above the compute unit."""

    energy_pj: float
    port_cycles: tuple[float, ...]
    """Of each port, in the order of ``ports``."""


def ports(board: Board) -> list[str]:
    """The memories that the limits of bandwidth belong to, in the order of the labels' rows."""
    book = PriceBook(board.space.architecture)
    return [book.meters[place].level for places in book.limits.values() for place in places]


def closing(board: Board, tensor: str, ways: Sequence[int]) -> Closing:
    """The coefficients of a tensor that every memory keeps, above arrays that are spread so (innermost first)."""
    settlement, combination = spread_so(board, ways)
    energy, cycles = 0.0, dict.fromkeys(board.layout.limit, 0.0)
    for i, node in enumerate(board.space.nodes):
        if board.space.tensors[node.tensor].name == tensor:
            for row, values in settlement.close[i]:
                if row == Layout.ENERGY:
                    energy += float(values[combination])
                else:
                    cycles[row] += float(values[combination])
    return Closing(energy, tuple(cycles.values()))


def first_touches_pj(board: Board, ways: Sequence[int]) -> float:
    """Energy of what is never read back, because nothing was there yet; less than nothing."""
    settlement, combination = spread_so(board, ways)
    return sum(float(values[combination]) for row, values in settlement.first_touches if row == Layout.ENERGY)


def spread_so(board: Board, ways: Sequence[int]) -> tuple[Settlement, int]:
    """The coefficients above arrays that are spread so (innermost first), and the number of that combination."""
    combination = np.array([0])
    for array, way in enumerate(ways):
        combination = board.combinations.after(array, combination, np.array([way]))
    return board.combinations.settlements[len(ways)], int(combination[0])


def one_label(labels: Labels, place: int) -> Labels:
    return labels.take(np.array([place]))
