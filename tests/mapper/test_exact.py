"""The exact mapper finds what an enumeration of its whole mapspace finds."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import exhaustive
import pytest

from costmodel.einsum.algebra import Access, Affine, Einsum, Operation, Role, Tensor
from costmodel.mapper.exact import map_einsum
from costmodel.mapper.result import InfeasibleError
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Level, Memory
from costmodel.spec.mapping import Mapping, Node, Spatial, Storage, Temporal


def access(text: str) -> Access:
    name, _, inside = text.strip().rstrip("]").partition("[")
    indices = []
    for part in filter(None, (x.strip() for x in inside.split(","))):
        terms = []
        for term in part.split("+"):
            factor, _, v = term.strip().rpartition("*")
            terms.append((v.strip(), int(factor) if factor else 1))
        indices.append(Affine(tuple(terms)))
    return Access(name, tuple(indices))


def einsum(output: str, *inputs: str, bits: dict[str, int] | None = None, weights: str = "", **shape: int) -> Einsum:
    out, ins = access(output), tuple(access(x) for x in inputs)
    tensors = {}
    for a in (*ins, out):
        extents = tuple(1 + sum(c * (shape[v] - 1) for v, c in index.terms) for index in a.indices)
        role = Role.OUTPUT if a is out else Role.WEIGHT if a.tensor in weights else Role.INPUT
        ranks = tuple(f"R{k}" for k in range(len(extents)))
        tensors[a.tensor] = Tensor(a.tensor, ranks, extents, (bits or {}).get(a.tensor, 8), role)
    return Einsum("E", f"{output} = {' * '.join(inputs)}", shape, out, ins, tensors, (Operation("mac", 1),))


MAC = ComputeUnit(name="MAC", energy_pj={"default": 1})
TWO_LEVEL = Architecture(
    name="two_level",
    levels=(
        Memory(name="MainMemory", read_pj=100, write_pj=100, bandwidth_bits_per_cycle=32),
        Memory(name="Buffer", capacity_bits=8192, read_pj=1, write_pj=1),
        MAC,
    ),
)
PE2D = Architecture(
    name="pe2d",
    levels=(
        Memory(name="MainMemory", read_pj=200, write_pj=200, bandwidth_bits_per_cycle=64),
        Memory(name="GLB", capacity_bits=262144, read_pj=6, write_pj=6, bandwidth_bits_per_cycle=256),
        Array(name="PEs", shape={"X": 8, "Y": 8}),
        Memory(name="RF", capacity_bits=512, read_pj=1, write_pj=1),
        MAC,
    ),
)


def gemm(m: int, n: int, k: int, **bits: int) -> Einsum:
    return einsum("Z[m, n]", "A[m, k]", "B[k, n]", bits=bits, m=m, n=n, k=k)


CONV3X3 = einsum("O[m, p, q]", "I[c, p+r, q+s]", "F[m, c, r, s]", m=32, c=16, p=14, q=14, r=3, s=3)


@pytest.mark.parametrize(
    ("workload", "architecture", "energy", "latency", "edp"),
    [
        (gemm(64, 64, 64), TWO_LEVEL, 4202496, 262144, 1101659111424),
        (gemm(48, 36, 60, Z=16), TWO_LEVEL, 2016720, 103680, 209093529600),
        (einsum("O[p]", "I[p+r]", "F[r]", p=16, r=3), TWO_LEVEL, 3961, 48, 190128),
        (CONV3X3, TWO_LEVEL, 7935488, 903168, 7167078825984),
        (gemm(64, 64, 64), PE2D, 3952640, 4096, 16190013440),
    ],
    ids=["mm64-two_level", "mm_rect-two_level", "conv1d-two_level", "conv3x3-two_level", "mm64-pe2d"],
)
def test_published_optima(
    workload: Einsum, architecture: Architecture, energy: float, latency: float, edp: float
) -> None:
    for objective, value in (("energy", energy), ("latency", latency), ("edp", edp)):
        found = map_einsum(workload, architecture, objective=objective)
        (point,) = found.front
        assert found.certificate.status == "optimal: proven"
        got = {"energy": point.energy_pj, "latency": point.latency_cycles, "edp": point.evaluation.edp}
        assert got[objective] == value


def random_einsum(rng: random.Random) -> Einsum:  # noqa: PLR0911
    n = lambda *values: rng.choice(values)  # noqa: E731
    bits = {name: rng.choice([8, 8, 16]) for name in "ABCZOIF"}
    kind = rng.randrange(10)
    if kind == 0:
        return einsum("Z[m]", "A[m, k]", "B[k]", bits=bits, m=n(2, 4, 6), k=n(2, 3, 4))
    if kind == 1:
        return einsum("Z[m, n]", "A[m, k]", "B[k, n]", bits=bits, weights="B", m=n(2, 3), n=n(2, 4), k=n(2, 3))
    if kind == 2:
        return einsum("O[p]", "I[p+r]", "F[r]", bits=bits, weights="F", p=n(2, 4, 6), r=n(2, 3))
    if kind == 3:
        return einsum("O[p]", "I[2*p+r]", "F[r]", bits=bits, weights="F", p=n(2, 3, 4), r=n(2, 3))
    if kind == 4:
        return einsum("O[m, p]", "I[p+r]", "F[m, r]", bits=bits, weights="F", m=2, p=n(2, 4), r=n(2, 3))
    if kind == 5:
        return einsum("Z[b, m]", "A[b, m]", "B[m]", "C[b]", bits=bits, b=n(2, 3), m=n(2, 4))
    if kind == 6:
        return einsum("O[p]", "I[c, p+r]", "F[c, r]", bits=bits, weights="F", c=2, p=n(2, 3, 4), r=2)
    if kind == 7:
        return einsum("Z[m]", "A[m]", bits=bits, m=n(4, 6, 8))
    if kind == 8:
        return einsum("O[p, q]", "I[p+r, q]", "F[r]", bits=bits, weights="F", p=n(2, 4), q=2, r=2)
    return einsum("O[p]", "I[3*p+r]", "F[r]", bits=bits, weights="F", p=n(2, 4), r=n(2, 4))


def random_architecture(rng: random.Random) -> Architecture:  # noqa: C901  a list of what there is to vary
    pick = rng.choice

    def memory(name: str, low: int, high: int, *, outermost: bool = False) -> Memory:
        keep: tuple[str, ...] | None = None
        may: tuple[str, ...] = ()
        if not outermost:
            kind = rng.randrange(6)
            if kind == 0:
                keep = (pick(["weight", "input", "output"]),)
            elif kind == 1:
                may = ("input", "weight", "output")
            elif kind == 2:
                keep, may = ("output",), ("input",)
        return Memory(
            name=name,
            capacity_bits=None if outermost or rng.random() < 0.2 else 8 * rng.randint(low, high),
            read_pj=pick([1, 2, 6, 50]),
            write_pj=pick([1, 3, 6, 60]),
            bandwidth_bits_per_cycle=pick([None, None, 8, 16]),
            read_bits_per_cycle=pick([None, None, 8]),
            write_bits_per_cycle=pick([None, None, None, 8]),
            keep=keep,
            may_keep=may,
            halo=pick(["reuse", "reuse", "reuse", "refetch"]),
            holes=pick(["skip", "skip", "skip", "fetch"]),
            drain=pick(["charged", "charged", "free"]),
            double_buffered=rng.random() < 0.1,
            leakage_w=pick([0, 0, 1e-3]),
        )

    def array(name: str) -> Array:
        return Array(
            name=name,
            shape=pick([{"X": 2}, {"X": 2, "Y": 2}, {"X": 4}, {"X": 3}]),
            hop_pj=pick([0, 0, 2.0]),
            multicast=pick(["words", "words", "words", "tiles", "none"]),
            reduce=rng.random() < 0.8,
        )

    outer = memory("M0", 0, 0, outermost=True)
    levels: list[Level] = [outer]
    kind = rng.randrange(9)
    if kind == 6:
        levels += [array("A1"), memory("M1", 3, 20), array("A2")]
    elif kind == 7:
        levels += [array("A1"), array("A2"), memory("M1", 3, 12)]
    elif kind == 8:
        levels += [array("A1"), memory("M1", 6, 20), array("A2"), memory("M2", 3, 12)]
    elif kind == 0:
        levels += [memory("M1", 3, 30)]
    elif kind == 1:
        levels += [array("A1"), memory("M1", 3, 20)]
    elif kind == 2:
        levels += [memory("M1", 3, 30), array("A1")]
    elif kind == 3:
        levels += [memory("M1", 6, 30), array("A1"), memory("M2", 3, 12)]
    elif kind == 4:
        levels += [memory("M1", 6, 30), memory("M2", 3, 12)]
    else:
        levels += [array("A1")]
    return Architecture(name="random", clock_hz=1e9, levels=(*levels, MAC))


def compare(seed: int, most: int = 2500) -> str:
    """Compare one random problem; returns what happened."""
    rng = random.Random(seed)
    for _ in range(200):
        problem, architecture = random_einsum(rng), random_architecture(rng)
        if rng.random() < 0.15 and architecture.arrays:
            stationary = rng.choice(["output", "weight", "input"])
            levels = tuple(replace(x, systolic=stationary) if x.name == "A1" else x for x in architecture.levels)
            architecture = replace(architecture, levels=levels)
        if exhaustive.size(problem, architecture, most) < most:
            break
    else:
        return "too large"
    expected = exhaustive.front(problem, architecture)
    try:
        found = map_einsum(problem, architecture, objective="energy,latency")
    except InfeasibleError:
        assert not expected, (seed, expected)
        return "infeasible"
    assert found.certificate.status == "optimal: proven" or "unsupported" in found.certificate.method, seed
    if found.certificate.status != "optimal: proven":
        return "unsupported"
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    want = [(energy, latency) for energy, latency, _ in expected]
    assert got == [pytest.approx(w, rel=1e-9) for w in want], (seed, problem.text, problem.shape, architecture)
    return "front"


@pytest.mark.parametrize("seed", range(60))
def test_front_is_that_of_the_whole_mapspace(seed: int) -> None:
    compare(seed)


@pytest.mark.long
def test_fronts_of_five_hundred_problems() -> None:
    outcomes = Counter(compare(seed, most=1500) for seed in range(2000, 2700))
    assert outcomes["front"] >= 500, outcomes


def extents_at(mapping: Mapping, shape: dict[str, int]) -> list[tuple[Node, dict[str, int]]]:
    """Every node with the extents of the rank variables below it."""
    left = dict(shape)
    found = []
    for node in mapping.nest:
        found.append((node, dict(left)))
        if isinstance(node, Temporal | Spatial):
            left[node.rank_variable] = node.tile
    return found


def satisfies(sentence: str, mapping: Mapping, problem: Einsum) -> bool:
    """Read one constraint the plain way."""
    words = sentence.replace("[", " ").replace("]", " ").replace(",", " ").split()
    listed = extents_at(mapping, dict(problem.shape))
    if words[1:2] == ["only"]:
        array, _, dimension = words[0].partition(".")
        return all(
            n.rank_variable in words[2:]
            for n in mapping.nest
            if isinstance(n, Spatial) and n.array == array and n.dimension == dimension
        )
    if words[1:2] == ["tile"]:
        level, _, v, relation, limit = words
        for node, left in listed:
            if isinstance(node, Storage) and node.level == level:
                for name in node.tensors:
                    if v in problem.accesses_of(name)[0].rank_variables:
                        bound = min(int(limit), problem.shape[v])
                        if left[v] > bound if relation == "<=" else left[v] != bound:
                            return False
        return True
    if sentence == "weight_stationary":
        weight = next((n for n, t in problem.tensors.items() if t.role == "weight"), problem.inputs[-1].tensor)
        own = problem.accesses_of(weight)[0].rank_variables
        at = max(i for i, (n, _) in enumerate(listed) if isinstance(n, Storage) and weight in n.tensors)
        if at == 0:
            return True
        for node, left in reversed(listed[:at]):
            if isinstance(node, Temporal) and left[node.rank_variable] > node.tile:
                below = {**left, node.rank_variable: node.tile}
                idle = any(below[v] < n for v, n in problem.shape.items() if v not in own)
                return node.rank_variable not in own or not idle
        return True
    raise AssertionError(sentence)


@pytest.mark.parametrize("seed", range(40))
def test_front_under_constraints(seed: int) -> None:
    rng = random.Random(10_000 + seed)
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        names = list(problem.shape)
        level = architecture.memories[-1].name
        options = [
            f"{level} tile {rng.choice(names)} {rng.choice(['<=', '=='])} {rng.choice([1, 2])}",
            "weight_stationary",
        ]
        if architecture.arrays:
            options.append(f"A1.X only [{rng.choice(names)}]")
        sentence = rng.choice(options)
        if level != "M0" and exhaustive.size(problem, architecture, 1500) < 1500:
            break
    expected = exhaustive.front(problem, architecture, lambda m, _: satisfies(sentence, m, problem))
    try:
        found = map_einsum(problem, architecture, objective="energy,latency", constraints=[sentence])
    except InfeasibleError:
        assert not expected, (seed, sentence, expected)
        return
    got = [(p.energy_pj, p.latency_cycles) for p in found.front]
    want = [(energy, latency) for energy, latency, _ in expected]
    assert all(satisfies(sentence, p.mapping, problem) for p in found.front), (seed, sentence)
    assert got == [pytest.approx(w, rel=1e-9) for w in want], (
        seed,
        sentence,
        problem.text,
        problem.shape,
        architecture,
    )
