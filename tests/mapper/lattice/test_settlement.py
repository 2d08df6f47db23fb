"""What closing a tile costs, against the scalar model: nests differ by how often tiles come, and by just that."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest
from building import board_of, closing, first_touches_pj, ports, way_of
from problems import MAC, einsum, written

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.lattice.board import Board
from costmodel.model.evaluate import evaluate
from costmodel.model.evaluation import Evaluation
from costmodel.spec.hardware import Architecture, Array, Level, Memory
from costmodel.spec.mapping import Compute, Mapping, Node, Spatial, Storage, Temporal

BITS = {"A": 16, "B": 4, "Z": 24}
PROBLEMS = (
    einsum("Z[m, n]", "A[m, k]", "B[k, n]", bits=BITS, m=8, n=4, k=8),
    einsum("Z[m]", "A[m, k]", "B[k]", bits=BITS, m=8, k=8),
    einsum("Z[m, n]", "A[m]", "B[n]", bits=BITS, m=8, n=8),
)


def random_machine(rng: random.Random) -> Architecture:
    """Memories that keep everything and have room for it, one port each, with arrays between them."""

    def memory(name: str) -> Memory:
        drain, limit = rng.choice(["charged", "free"]), rng.choice([0.5, 8.0, 64.0])
        prices = {"read_pj": float(rng.randint(1, 9)), "write_pj": float(rng.randint(1, 9))}
        port = rng.choice(["bandwidth_bits_per_cycle", "read_bits_per_cycle", "write_bits_per_cycle"])
        return Memory(name=name, drain=drain, **prices, **{port: limit})

    def array(name: str) -> Array:
        multicast, reduce = rng.choice(["words", "tiles", "none"]), rng.random() < 0.6
        shape = rng.choice([{"X": 4}, {"X": 2, "Y": 2}])
        return Array(name=name, shape=shape, hop_pj=float(rng.randint(0, 5)), multicast=multicast, reduce=reduce)

    outer = [memory("M0"), *rng.choice([[], [memory("M1")]])]
    inner: list[Level] = rng.choice([[], [array("A1")], [array("A1"), array("A2")]])
    architecture = written(rng, Architecture(name="m", levels=(*outer, *inner, memory("M2"), MAC)))
    levels = tuple(_with_one_port(x) if isinstance(x, Array) else x for x in architecture.levels)
    if len(inner) == 2:  # what an array serves apart, one outside of it does not unite
        same = {"multicast": inner[0].multicast, "reduce": inner[0].reduce}
        levels = tuple(replace(x, **same) if isinstance(x, Array) else x for x in levels)
    return replace(architecture, levels=levels)


def _with_one_port(array: Array) -> Array:
    """The array without passes, and with one link above its network: what enters it is the nearest of its limits."""
    return replace(array, systolic=None, network=array.network and replace(array.network, ports=1))


class Nest:
    """A nest whose arrays are spread in some way, with all loops in time outermost or innermost."""

    def __init__(self, rng: random.Random, problem: Einsum, board: Board) -> None:
        self.problem, self.architecture = problem, board.space.architecture
        self.spread: list[Node] = []
        self.ways: list[int] = []
        self.inner: dict[str, int] = {}
        left = dict(problem.shape)
        for array in board.space.arrays:  # innermost first
            fits = [
                w
                for w, factors in enumerate(array.factors.tolist())
                if all(n % f == 0 for n, f in zip(left.values(), factors, strict=True))
            ]
            self.ways.append(rng.choice(fits))
            left = {v: n // f for (v, n), f in zip(left.items(), array.factors[self.ways[-1]].tolist(), strict=True)}
        self.outer = {v: rng.choice([d for d in range(1, n + 1) if n % d == 0]) for v, n in left.items()}
        self.inner = {v: left[v] // self.outer[v] for v in left}

    def costs(self, board: Board, order: tuple[str, ...]) -> Evaluation:
        """With the loops of the outermost gap in an order, outermost first."""
        tile = dict.fromkeys(self.problem.shape, 1)
        nest: list[Node] = [Compute(self.problem.name, "MAC")]
        for v, n in self.inner.items():
            nest.append(Temporal(v, tile[v]))
            tile[v] *= n
        arrays = iter(zip(board.space.arrays, self.ways, strict=True))
        for level in reversed(self.architecture.levels[1:-1]):
            if isinstance(level, Memory):
                nest.append(Storage(tuple(self.problem.tensors), level.name))
                continue
            array, way = next(arrays)
            for dimension, split in zip(level.shape, array.splits[way].tolist(), strict=True):
                for v, n in zip(self.problem.shape, split, strict=True):
                    nest.append(Spatial(v, tile[v], level.name, dimension))
                    tile[v] *= n
        for v in reversed(order):
            nest.append(Temporal(v, tile[v]))
            tile[v] *= self.outer[v]
        nest.append(Storage(tuple(self.problem.tensors), "M0"))
        return evaluate(Workload("w", "", (self.problem,)), self.architecture, Mapping(tuple(reversed(nest))))

    def rounds(self, tensor: str, order: tuple[str, ...]) -> int:
        """How many words of a tensor cross, times: its words, at every turn of the loops that bring them back."""
        mine = {v for a in self.problem.accesses_of(tensor) for v in a.rank_variables}
        inside = [at for at, v in enumerate(order) if v in mine and self.outer[v] > 1]
        again = order[: max(inside, default=0)]
        return self.problem.tensors[tensor].size_words * math.prod(self.outer[v] for v in again if v not in mine)


@pytest.mark.parametrize("seed", range(30))
def test_what_a_tile_costs_that_comes_again(seed: int) -> None:
    rng = random.Random(seed)
    compared = 0
    for _ in range(4):
        problem, architecture = rng.choice(PROBLEMS), random_machine(rng)
        board = board_of(problem, architecture)
        for _ in range(4):
            nest = Nest(rng, problem, board)
            orders = list(itertools.permutations(problem.shape))
            first, *others = orders
            base = nest.costs(board, first)
            close = {t: closing(board, t, nest.ways) for t in problem.tensors}
            for order in others:
                found = nest.costs(board, order)
                more = {t: nest.rounds(t, order) - nest.rounds(t, first) for t in problem.tensors}
                leaks = board.space.leak_pj_per_cycle * (found.latency_cycles - base.latency_cycles)
                energy = sum(close[t].energy_pj * n for t, n in more.items())
                assert found.energy_pj - base.energy_pj - leaks == pytest.approx(energy, rel=1e-9, abs=1e-6)
                listed = ports(board)
                for at, level in enumerate(listed):
                    if level in listed[:at]:
                        continue  # further limits of a network
                    cycles = sum(close[t].port_cycles[at] * n for t, n in more.items())
                    assert cycles_of(found, level) - cycles_of(base, level) == pytest.approx(cycles, rel=1e-9, abs=1e-6)
                compared += any(more.values())
    assert compared > 0


def cycles_of(found: Evaluation, level: str) -> float:
    return next(r.cycles for r in found.latency_rows if r.component == level)


def test_a_shared_delivery_by_hand() -> None:
    # one word of B goes to two instances that each keep it: read once, two hops of 8 bits at 32, written twice
    problem = einsum("Z[m]", "A[m]", "B[k]", bits={"B": 8}, m=2, k=2)
    architecture = Architecture(
        name="hand",
        levels=(
            Memory(name="M0", read_pj=64, access_bits=64, read_bits_per_cycle=4),
            Array(name="A1", shape={"X": 2}, hop_pj=8, hop_bits=32),
            Memory(name="M1", write_pj=6, access_bits=16, write_bits_per_cycle=2),
            MAC,
        ),
    )
    board = board_of(problem, architecture)
    (both,) = [w for w, f in enumerate(board.space.arrays[0].factors.tolist()) if f == [2, 1]]
    found = closing(board, "B", [both])
    assert found.energy_pj == 8 + 2 * 8 * 8 / 32 + 2 * 6 * 8 / 16
    assert dict(zip(ports(board), found.port_cycles, strict=True)) == {"M1": 8 / 2, "M0": 8 / 4}


def test_first_touches_by_hand() -> None:
    # two instances, each with a half of k, touch both words of Z: in M2 four, in M1 and M0 two
    problem = einsum("Z[m]", "A[m, k]", m=2, k=2)
    architecture = Architecture(
        name="hand",
        levels=(
            Memory(name="M0", read_pj=1),
            Memory(name="M1", read_pj=10, write_pj=100, keep=("Z",)),
            Array(name="A1", shape={"X": 2}, hop_pj=1000),
            Memory(name="M2", read_pj=10_000, write_pj=100_000, keep=("Z",)),
            MAC,
        ),
    )
    board = board_of(problem, architecture)
    halves = way_of(board, 0, {"k": 2})
    into_m1, into_m2, asked_of_m2 = 2 * (1 + 100), 2 * 10 + 4 * (1000 + 100_000), 4 * 10_000
    assert first_touches_pj(board, [halves]) == -(into_m1 + into_m2 + asked_of_m2)
