"""Words of tiles that slide, and what they keep, against sets of coordinates."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest
from asking import map_einsum
from building import Extents, Tile, board_of, node_of
from problems import MAC, einsum

from costmodel.einsum.algebra import Access, Einsum
from costmodel.mapper.lattice.board import Board
from costmodel.spec.hardware import Architecture, Array, Memory, Multicast

WINDOWS = (
    ("I[p+r]", {"p": 12, "r": 4}),
    ("I[2*p+r]", {"p": 8, "r": 6}),
    ("I[3*p+2*r]", {"p": 8, "r": 4}),
    ("I[p+2*r]", {"p": 12, "r": 4}),
    ("I[4*p+r]", {"p": 6, "r": 6}),
    ("I[c, p+r]", {"c": 4, "p": 12, "r": 4}),
    ("I[p+r, q+s]", {"p": 4, "r": 4, "q": 4, "s": 2}),
    ("I[p+-1*r]", {"p": 12, "r": 4}),
    ("I[p+r+s]", {"p": 4, "r": 4, "s": 2}),
)


def machine(multicast: Multicast, halo: str, holes: str) -> Architecture:
    return Architecture(
        name="machine",
        levels=(
            Memory(name="M0"),
            Array(name="A1", shape={"X": 4, "Y": 3}, multicast=multicast),
            Memory(name="M1", halo=halo, holes=holes),
            MAC,
        ),
    )


def divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def words_at(access: Access, extents: Extents, origin: Extents, *, box: bool) -> set[tuple[int, ...]]:
    """The coordinates that the points of a tile touch."""
    names = list(extents)
    along = [
        {
            index.constant + sum(c * (origin[v] + at[names.index(v)]) for v, c in index.terms)
            for at in itertools.product(*(range(extents[v]) for v in names))
        }
        for index in access.indices
    ]
    if box:
        along = [set(range(min(x), max(x) + 1)) for x in along]
    return set(itertools.product(*along))


class Drawn:
    """A tile below an array of instances, and a loop that moves it."""

    def __init__(self, rng: random.Random, problem: Einsum, board: Board) -> None:
        self.board = board
        (self.access,) = problem.accesses_of("I")
        self.tile, self.below, self.low = {}, {}, {}
        array = self.board.space.arrays[0]
        factors = rng.choice(array.factors.tolist())
        self.factors = dict(zip(problem.shape, factors, strict=True))
        plain = {i.rank_variables[0] for i in self.access.indices if len(i.terms) == 1}
        for v, extent in problem.shape.items():
            f = self.factors[v]
            self.below[v] = rng.choice(divisors(extent // f))
            self.tile[v] = self.below[v] if v in plain else rng.choice(divisors(self.below[v]))
            more = 1 if v in plain else rng.choice(divisors(extent // f // self.below[v]))
            self.low[v] = self.below[v] * f * more
        self.moving = [v for v in problem.shape if v not in plain and self.low[v] < problem.shape[v]]

    def instances(self, *, alone: bool) -> Iterator[Extents]:
        """The offset of every instance of the array, or only of the first."""
        counts = [1 if alone else self.factors[v] for v in self.below]
        for at in itertools.product(*map(range, counts)):
            yield {v: i * self.below[v] for (v, i) in zip(self.below, at, strict=True)}

    def tiles(self, moving: str, *, alone: bool, box: bool) -> list[tuple[set[tuple[int, ...]], set[tuple[int, ...]]]]:
        """(before, after) of every instance: all loops inside are at their last step, then begin again."""
        reach = {v: self.tile[v] + self.below[v] * (self.factors[v] - 1) for v in self.tile}
        before = {v: self.low[v] - reach[v] for v in self.tile}
        after = {v: self.low[v] if v == moving else 0 for v in self.tile}
        return [
            tuple(
                words_at(self.access, self.tile, {v: origin[v] + offset[v] for v in offset}, box=box)
                for origin in (before, after)
            )
            for offset in self.instances(alone=alone)
        ]


@pytest.mark.parametrize("multicast", ["words", "tiles", "none"])
@pytest.mark.parametrize(("index", "shape"), WINDOWS, ids=[w[0] for w in WINDOWS])
def test_what_a_move_brings_in_and_keeps(index: str, shape: dict[str, int], multicast: Multicast) -> None:
    rng = random.Random(index + multicast)
    problem = einsum("O[z]", index, f"F[{', '.join(shape)}, z]", z=1, **shape)
    kinds = [("reuse", "skip"), ("reuse", "fetch"), ("refetch", "skip")]
    boards = {kind: board_of(problem, machine(multicast, *kind)) for kind in kinds}
    moves = shared = 0
    while moves < 50:
        halo, holes = rng.choice(kinds)
        drawn = Drawn(rng, problem, boards[halo, holes])
        if not drawn.moving:
            continue
        moves += 1
        v = rng.choice(drawn.moving)
        tile = Tile(drawn.board, node_of(drawn.board, "I", "M1"), drawn.tile, [drawn.below], [drawn.factors])
        for alone in (True, False):
            pairs = drawn.tiles(v, alone=alone, box=holes == "fetch")
            asked = [after - before if halo == "reuse" or after == before else after for before, after in pairs]
            together, kept, new = tile.moved({**drawn.low, "z": 1}, v, 0 if alone else 1)
            union = set().union(*(after for _, after in pairs))
            fresh = set().union(*asked)
            assert (together, kept) == (len(union), len(union - fresh)), (drawn.__dict__, v)
            if multicast == "words" or alone:
                assert new == len(fresh)
            elif multicast == "none":
                assert new == sum(map(len, asked))
            else:
                assert new == sum(
                    map(len, {frozenset(after): a for (_, after), a in zip(pairs, asked, strict=True)}.values())
                )
            shared += kept > 0
    assert shared > 1


def test_a_window_of_three_slides_by_one() -> None:
    problem = einsum("O[p]", "I[p+r]", "F[r]", p=8, r=3)
    board = board_of(problem, machine("words", "reuse", "skip"))
    tile = Tile(board, node_of(board, "I", "M1"), {"p": 1, "r": 3}, [{"p": 1, "r": 3}], [{"p": 4}])
    low = {"p": 4, "r": 3}
    # one instance goes from 0, 1, 2 to 4, 5, 6; the four together from 0 … 5 to 4 … 9, each asks for all it has
    assert tile.moved(low, "p", 0) == (3, 0, 3)
    assert tile.moved(low, "p", 1) == (6, 0, 6)


def test_an_array_to_come_may_bring_a_tile_back() -> None:
    # r goes on by 2 and back, then p by the 2 instances at work: a tile of one word is where it was
    problem = einsum("O[p]", "I[p+2*r]", "F[r]", p=8, r=2)
    architecture = Architecture(
        name="apart",
        levels=(
            Memory(name="M0", read_pj=20, write_pj=20),
            Array(name="A1", shape={"X": 4}, multicast="none"),
            Memory(name="M1", capacity_bits=32),
            MAC,
        ),
    )
    found = map_einsum(problem, architecture, objective="energy")
    (point,) = found.front
    asked = 16 - 3 * 2  # two instances ask at each point, but after the three moves of p
    assert point.energy_pj == 20 * (asked + 2 * 2 + 8) + problem.points
    assert found.certificate.status == "optimal: proven"
