"""Small Einsums and architectures, fixed and random, for tests of the mapper."""

from __future__ import annotations

import math
import random
from dataclasses import replace

from costmodel.components.network import TOPOLOGIES, Network
from costmodel.einsum.algebra import Access, Affine, Einsum, Operation, Role, Tensor
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Level, Memory

NETWORKS = 0.25
"""Of architectures: those whose arrays are networks."""
WIDE_SUMS = 0.25
"""Part of the architectures that state widths of partial sums."""


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


def from_zero(found: Access, shape: dict[str, int]) -> Access:
    """Move an access so that its lowest coordinates are 0 also where it counts down."""
    indices = (
        replace(index, constant=sum(-c * (shape[v] - 1) for v, c in index.terms if c < 0)) for index in found.indices
    )
    return replace(found, indices=tuple(indices))


def einsum(output: str, *inputs: str, bits: dict[str, int] | None = None, weights: str = "", **shape: int) -> Einsum:
    """An Einsum of one multiplication and addition a point; ``working`` says what else it may do."""
    out, *ins = (from_zero(access(x), shape) for x in (output, *inputs))
    tensors = {}
    for a in (*ins, out):
        extents = tuple(1 + sum(abs(c) * (shape[v] - 1) for v, c in index.terms) for index in a.indices)
        role = Role.OUTPUT if a is out else Role.WEIGHT if a.tensor in weights else Role.INPUT
        ranks = tuple(f"R{k}" for k in range(len(extents)))
        tensors[a.tensor] = Tensor(a.tensor, ranks, extents, (bits or {}).get(a.tensor, 8), role)
    return Einsum("E", f"{output} = {' * '.join(inputs)}", shape, out, tuple(ins), tensors, (Operation("mac", 1),))


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


def random_einsum(rng: random.Random) -> Einsum:
    """A small Einsum: products, windows with and without holes, sums; widths and operations of many kinds."""
    return working(rng, _shaped(rng))


OPERATIONS = (
    (("mac", 1),),
    (("mac", 1),),
    (("max", 1),),
    (("copy", 1),),
    (("mul", 1), ("exp", 1)),
    (("exp", 1), ("add", 2)),
)
"""Kinds of operations, and how many of them a point takes."""


def working(rng: random.Random, problem: Einsum) -> Einsum:
    """The Einsum with other operations at each point."""
    return replace(problem, operations=tuple(Operation(kind, n) for kind, n in rng.choice(OPERATIONS)))


def _shaped(rng: random.Random) -> Einsum:  # noqa: PLR0911
    n = lambda *values: rng.choice(values)  # noqa: E731
    bits = {name: rng.choice([4, 8, 8, 16, 24]) for name in "ABCZOIF"}
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


def with_bias(rng: random.Random, problem: Einsum | None = None) -> Einsum:
    """An Einsum (else a random one) with one more term, which lacks reduced rank variables."""
    problem = problem or random_einsum(rng)
    while not problem.reduced:
        problem = random_einsum(rng)
    own = rng.sample([v for v in problem.shape if v not in problem.reduced], 1)
    own += rng.sample(sorted(problem.reduced), rng.randint(0, len(problem.reduced) - 1))
    bias = Access("D", tuple(Affine(((v, 1),)) for v in own), problem.reduced - set(own))
    shape = tuple(problem.shape[v] for v in own)
    tensor = Tensor("D", tuple(v.upper() for v in own), shape, rng.choice([8, 16]), Role.WEIGHT)
    return replace(problem, inputs=(*problem.inputs, bias), tensors={"D": tensor, **problem.tensors})


def in_two_ways(rng: random.Random) -> Einsum:
    """A random Einsum that reads one of its tensors a second time, by any rank variables."""
    problem = random_einsum(rng)
    chosen = rng.choice(problem.inputs)
    indices = tuple(Affine(((rng.choice(list(problem.shape)), 1),)) for _ in chosen.indices)
    inputs = tuple(dict.fromkeys((*problem.inputs, Access(chosen.tensor, indices))))
    size = max(problem.shape.values()) * 4
    tensors = {n: replace(t, shape=tuple(size for _ in t.shape)) for n, t in problem.tensors.items()}
    return replace(problem, inputs=inputs, tensors=tensors)


def random_architecture(rng: random.Random) -> Architecture:
    """Up to two memories and two arrays in any order, with all that a file may say of them."""
    return written(rng, _arranged(rng))


def written(rng: random.Random, architecture: Architecture) -> Architecture:
    """The architecture with numbers as people write them.

    Widths of ports and links other than a word, prices and rates of single kinds of operations, instances that are
    not the product of the arrays, leakage of every kind of level, room that is no whole number of words. At most one
    array is systolic.
    """
    systolic = rng.choice([a.name for a in architecture.arrays]) if architecture.arrays and rng.random() < 0.1 else ""
    levels = tuple(_written_level(rng, architecture, level, systolic) for level in architecture.levels)
    levels = _connected(_with_partial_widths(levels))
    return replace(architecture, levels=levels, clock_hz=rng.choice([1e9, 1e9, 4e8]))


def _connected(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """The levels, whose arrays have networks in one architecture of four."""
    rng = random.Random(f"networks {levels}")
    if rng.random() >= NETWORKS:
        return levels
    return tuple(replace(x, network=random_network(rng)) if isinstance(x, Array) else x for x in levels)


def any_problem(rng: random.Random) -> tuple[Einsum, Architecture]:
    return random_einsum(rng), random_architecture(rng)


def random_network(rng: random.Random) -> Network:
    """A network whose links may bind."""
    ports = rng.choice([None, None, 1, 3])
    return Network(
        topology=rng.choice(TOPOLOGIES), radix=rng.choice([2, 3]), ports=ports, link_bits=rng.choice([2, 8, 16])
    )


def _with_partial_widths(levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """The levels, some of which state a width of partial sums: of one architecture in four."""
    rng = random.Random(repr(levels))
    if rng.random() >= WIDE_SUMS:
        return levels
    return tuple(
        x if isinstance(x, ComputeUnit) else replace(x, partial_bits=rng.choice([None, 4, 12, 24])) for x in levels
    )


def _written_level(rng: random.Random, architecture: Architecture, level: Level, systolic: str) -> Level:
    pick = rng.choice
    product = architecture.copies(level.name)
    leakage = pick([0, 0, 0, 1e-3, 4e-3])
    instances = pick([None] * 6 + [1, math.ceil(product / 2), product + 1])
    if isinstance(level, Memory):
        room = None if level.capacity_bits is None else level.capacity_bits + pick([0, 0, 1, 4])
        width = pick([8, 8, 16, 24, 64])
        return replace(level, access_bits=width, capacity_bits=room, leakage_w=leakage, instances=instances)
    if isinstance(level, Array):
        stays = pick(["output", "weight", "input"]) if level.name == systolic else None
        width = pick([8, 16, 24, 32])
        return replace(level, hop_bits=width, systolic=stays, leakage_w=leakage, instances=instances)
    prices = pick([{"default": 1}, {"default": 0.5, "mac": 2, "exp": 4}, {"default": 3, "max": 0.25, "add": 1}])
    rates = pick([{}, {}, {"default": 2}, {"default": 1, "exp": 0.25}, {"default": 0.5, "max": 4}])
    return replace(level, energy_pj=prices, throughput_per_cycle=rates, leakage_w=leakage, instances=instances)


def _arranged(rng: random.Random) -> Architecture:  # noqa: C901  a list of what there is to vary
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


def several_units(rng: random.Random, architecture: Architecture) -> Architecture:
    """Put one or two more compute units at any place of an architecture, with prices of their own."""
    pick = rng.choice

    def unit(name: str) -> ComputeUnit:
        kinds = pick(
            [("default",), ("default",), ("mac",), ("exp",), ("add", "exp"), ("mac", "exp"), ("mac", "default")]
        )
        return ComputeUnit(
            name=name,
            energy_pj={kind: pick([0.0, 1.0, 5.0, 40.0]) for kind in kinds},
            throughput_per_cycle={kind: pick([0.25, 1.0, 2.0, 3.0]) for kind in kinds if rng.random() < 0.5},
            leakage_w=pick([0, 0, 1e-3]),
            instances=pick([None, None, 3]),
        )

    levels: list[Level] = [*architecture.levels[:-1], unit("U0")]
    for number in range(1, pick([2, 3])):
        levels.insert(rng.randint(1, len(levels)), unit(f"U{number}"))
    return replace(architecture, levels=tuple(levels))


def padded_problem(rng: random.Random) -> tuple[Einsum, Architecture]:
    """A window that leaves its tensor on either side; often none of its rank variables may lie along an array."""
    while True:
        problem, architecture = random_einsum(rng), random_architecture(rng)
        if rng.random() < 0.5:
            problem, architecture = sliding_problem(rng)
        if "I" not in problem.tensors:
            continue
        biased = problem.reduced and rng.random() < 0.2
        padded = in_addends(shrunk(with_bias(rng, problem) if biased else problem, "I", rng))
        others = [v for v in problem.shape if not any(v in limit.index.rank_variables for limit in padded.limits)]
        if padded.limits and all(map(padded.points_where_zero, padded.addends or (frozenset(),))):
            if others and rng.random() < 0.6:
                only = f"only [{', '.join(others)}]"
                rules = tuple(f"{a.name}.{d} {only}" for a in architecture.arrays for d in a.shape)
                architecture = replace(architecture, constraints=rules)
            return padded, architecture


def in_addends(problem: Einsum) -> Einsum:
    """The Einsum whose terms leave their tensors each for itself, if it has several."""
    addends = tuple(dict.fromkeys(x.at_zero for x in (*problem.inputs, *problem.operations)))
    return replace(problem, addends=addends) if problem.limits and len(addends) > 1 else problem


def shrunk(problem: Einsum, name: str, rng: random.Random) -> Einsum:
    """The Einsum with a tensor smaller than what its accesses reach, which leave it at either end."""
    tensor = problem.tensors[name]
    shape = tuple(rng.randint(1, n) if rng.random() < 0.7 else n for n in tensor.shape)
    shifts = [rng.randint(0, n - left) for n, left in zip(tensor.shape, shape, strict=True)]

    def moved(a: Access) -> Access:
        if a.tensor != name:
            return a
        pairs = zip(a.indices, shifts, strict=True)
        return replace(a, indices=tuple(replace(i, constant=i.constant - shift) for i, shift in pairs))

    tensors = {**problem.tensors, name: replace(tensor, shape=shape)}
    return replace(problem, inputs=tuple(map(moved, problem.inputs)), tensors=tensors)


def tight_problem(rng: random.Random) -> tuple[Einsum, Architecture]:
    """A problem with so little room that the order of loops decides what it costs."""
    n = lambda *values: rng.choice(values)  # noqa: E731
    problem = n(
        einsum("Z[m, n]", "A[m, k]", "B[k, n]", weights="B", m=n(2, 3), n=2, k=n(2, 3)),
        einsum("Z[m]", "A[m, k]", "B[k]", weights="B", m=n(2, 4), k=n(2, 4, 6)),
        einsum("O[p]", "I[p+r]", "F[r]", weights="F", p=n(2, 4), r=n(2, 3, 4)),
        einsum("O[m, p]", "I[p+r]", "F[m, r]", weights="F", m=2, p=n(2, 4), r=2),
    )

    def memory(name: str, low: int, high: int) -> Memory:
        return Memory(
            name=name,
            capacity_bits=8 * rng.randint(low, high),
            read_pj=n(1, 2),
            write_pj=n(1, 3),
            bandwidth_bits_per_cycle=n(None, 8, 16),
            may_keep=n((), (), ("input", "output"), ("input", "weight", "output")),
        )

    outer = Memory(name="M0", read_pj=n(20, 50), write_pj=n(20, 60), bandwidth_bits_per_cycle=n(None, 8, 16))
    array = Array(name="A1", shape=n({"X": 2}, {"X": 2, "Y": 2}), hop_pj=n(0, 2))
    inner: tuple[Level, ...] = n(
        (memory("M1", 3, 6),),
        (array, memory("M1", 3, 5)),
        (memory("M1", 3, 6), array),
        (memory("M1", 4, 7), memory("M2", 3, 4)),
    )
    return problem, Architecture(name="tight", levels=(outer, *inner, MAC))


def sliding_problem(rng: random.Random) -> tuple[Einsum, Architecture]:
    """A window whose tensors pass some memories by, so that the order of loops in one gap decides what is fetched."""
    n = lambda *values: rng.choice(values)  # noqa: E731
    problem = n(
        einsum("O[p]", "I[p+2*r]", p=n(2, 4), r=n(2, 3, 4)),
        einsum("O[p]", "I[p+r]", "F[r]", weights="F", p=n(2, 4), r=n(2, 3, 4)),
        einsum("O[q]", "I[p+r, q]", p=2, r=n(2, 3), q=n(2, 3)),
        einsum("O[m]", "I[p+r]", "F[m, p, r]", weights="F", m=2, p=n(2, 3), r=2),
    )

    def memory(name: str) -> Memory:
        return Memory(
            name=name,
            capacity_bits=8 * rng.randint(1, 4),
            read_pj=n(1, 2),
            write_pj=n(1, 3),
            keep=n(("input",), ("input",), ("input", "output")),
        )

    outer = Memory(name="M0", read_pj=n(20, 50), write_pj=n(20, 60), bandwidth_bits_per_cycle=n(None, 8, 16))
    array = Array(name="A1", shape={"X": 2}, hop_pj=n(0, 2))
    inner: tuple[Level, ...] = n((memory("M1"),), (memory("M1"), array), (array, memory("M1")))
    return problem, Architecture(name="sliding", levels=(outer, *inner, MAC))


def buffered_problem(rng: random.Random) -> tuple[Einsum, Architecture]:
    """A window with a buffer above an array, so that its tiles come back and halos stay: bounds decide what is left."""
    p, m, c, r = rng.choice([4, 6, 8]), rng.choice([2, 4]), rng.choice([1, 2, 4]), rng.choice([2, 3, 4])
    stride = rng.choice([1, 1, 2, 3])
    output, inputs, shape = rng.choice(
        (
            ("O[m, p]", (f"I[c, {stride}*p+r]", "F[m, c, r]"), {"m": m, "p": p, "c": c, "r": r}),
            ("O[m, p]", (f"I[p+{stride}*r]", "F[m, r]"), {"m": m, "p": p, "r": r}),
            ("O[m, p, q]", (f"I[{stride}*p+r, q+s]", "F[m, r, s]"), {"m": m, "p": p, "q": c, "r": r, "s": 2}),
        )
    )

    def memory(name: str, words: int, pj: float) -> Memory:
        return Memory(
            name=name,
            capacity_bits=8 * words,
            read_pj=pj,
            write_pj=pj * rng.choice([1, 2]),
            halo=rng.choice(["reuse"] * 6 + ["refetch"]),
            holes=rng.choice(["skip"] * 6 + ["fetch"]),
            bandwidth_bits_per_cycle=rng.choice([None, None, 8, 16]),
        )

    levels: list[Level] = [
        Memory(name="M0", read_pj=200, write_pj=100, bandwidth_bits_per_cycle=rng.choice([None, None, 8])),
        memory("M1", rng.choice([12, 20, 40, 80]), 6),
    ]
    if rng.random() < 0.7:
        sharing = rng.choice(["words"] * 4 + ["none", "tiles"])
        levels.append(Array(name="A1", shape={"X": rng.choice([2, 4])}, multicast=sharing, hop_pj=rng.choice([0, 2])))
    if rng.random() < 0.8:
        levels.append(memory("M2", rng.choice([4, 6, 10, 16]), 1))
    architecture = Architecture(name="buffered", levels=(*levels, MAC))
    return einsum(output, *inputs, weights="F", **shape), architecture


def nested_problem(rng: random.Random) -> tuple[Einsum, Architecture]:
    """Two memories inside of each other, of which the inner one holds little: a tile may come back to it."""
    n = lambda *values: rng.choice(values)  # noqa: E731
    problem = n(
        einsum("Z[m]", "A[m, k]", "B[k]", weights="B", m=n(2, 4), k=n(2, 4)),
        einsum("Z[m]", "A[k]", "B[m, k]", weights="B", m=n(2, 4), k=n(2, 4)),
        einsum("Z[m, n]", "A[m]", "B[n]", weights="B", m=n(2, 4), n=n(2, 4)),
        einsum("Z[m, n]", "A[m, k]", "B[k, n]", weights="B", m=2, n=2, k=2),
    )
    roles = ("input", "weight", "output")
    outer = Memory(name="M0", read_pj=n(20, 50), write_pj=n(20, 60))
    middle = Memory(name="M1", capacity_bits=8 * rng.randint(3, 6), read_pj=n(4, 8), write_pj=n(4, 8), keep=_two(rng))
    inner = Memory(name="M2", capacity_bits=8 * rng.randint(1, 2), read_pj=1, write_pj=1, keep=(n(*roles),))
    array = Array(name="A1", shape={"X": 2}, hop_pj=n(0, 2))
    levels: tuple[Level, ...] = n((middle, inner), (middle, inner), (middle, array, inner))
    return problem, Architecture(name="nested", levels=(outer, *levels, MAC))


def around_two_memories(rng: random.Random) -> Architecture:
    """A systolic array around two memories, perhaps with an array between them, perhaps with one further out."""

    def memory(name: str, bits: int) -> Memory:
        held = rng.choice([{}, {}, {"may_keep": ("input", "weight", "output")}, {"keep": ("input", "weight")}])
        return Memory(name=name, read_pj=rng.randrange(1, 5), write_pj=1, capacity_bits=bits, **held)

    between = rng.choice([(), (Array(name="A2", shape={"X": 2}),)])
    outer = Memory(name="M0", read_pj=40, write_pj=50, bandwidth_bits_per_cycle=rng.choice([None, 8, 64]))
    stays = rng.choice(("input", "weight", "output"))
    array = Array(name="A1", shape=rng.choice([{"X": 2}, {"X": 2, "Y": 3}]), systolic=stays, multicast="words")
    inside = (memory("M2", rng.choice([64, 96, 160])), *between, memory("M3", rng.choice([24, 48])))
    beyond = rng.choice([(), (), (Array(name="A0", shape={"X": 4}),), (Array(name="A0", shape={"X": 3, "Y": 2}),)])
    return Architecture(name="inside", levels=(outer, *beyond, array, *inside, MAC))


def leaving_something_over(rng: random.Random) -> tuple[Einsum, Architecture]:
    """Extents and arrays that have little in common: a few memories, at most one or two arrays, some with windows."""
    bits = {name: rng.choice([4, 8, 16]) for name in "ABCZOIF"}
    kind, n = rng.randrange(9), lambda: rng.choice([3, 4, 5, 6, 7, 10, 13])
    if kind == 0:
        problem = einsum("Z[m]", "A[m, k]", "B[k]", bits=bits, m=n(), k=n())
    elif kind == 1:
        problem = einsum("Z[m, n]", "A[m]", "B[n]", bits=bits, m=n(), n=n())
    elif kind == 2:
        problem = einsum("Z[m]", "A[m]", bits=bits, m=n())
    elif kind == 3:
        problem = einsum("Z[b, m]", "A[b, m]", "B[m]", "C[b]", bits=bits, b=n(), m=n())
    elif kind == 4:
        problem = einsum("Z[n]", "A[m, n]", "B[m]", bits=bits, m=n(), n=n())
    elif kind == 5:
        m, n_, k = rng.choice([3, 5, 7]), rng.choice([2, 3, 5]), rng.choice([2, 3, 5])
        problem = einsum("Z[m, n]", "A[m, k]", "B[k, n]", bits=bits, weights="B", m=m, n=n_, k=k)
    elif kind == 6:
        problem = einsum("O[m, p]", "I[p+r]", "F[m, r]", bits=bits, weights="F", m=n(), p=rng.choice([2, 3]), r=2)
    elif kind == 7:
        problem = einsum("O[p]", "I[c, p+r]", "F[c, r]", bits=bits, weights="F", c=n(), p=rng.choice([2, 3]), r=2)
    else:
        m, c = rng.choice([3, 5]), rng.choice([3, 5])
        problem = einsum("O[m, p]", "I[c, p+r]", "F[m, c, r]", bits=bits, weights="F", m=m, c=c, p=2, r=2)
    windows = any(len(index.terms) > 1 for access in problem.accesses for index in access.indices)
    return working(rng, problem), _with_arrays(rng, may_flow=not windows)


def _with_arrays(rng: random.Random, *, may_flow: bool) -> Architecture:
    """Memories and arrays, systolic ones where they ``may_flow``; no bandwidth limits a memory inside of an array."""

    def memory(name: str, low: int, high: int, *, limited: bool) -> Memory:
        kept = tuple(rng.sample(["input", "output", "weight"], rng.randrange(1, 3)))
        held = ({"keep": kept}, {"may_keep": kept}, {}, {})[rng.randrange(4)]
        return Memory(
            name=name,
            read_pj=rng.randrange(low, high),
            write_pj=rng.randrange(low, high),
            capacity_bits=rng.choice([None, rng.randrange(24, 200)]),
            bandwidth_bits_per_cycle=rng.choice([None, None, 4, 8, 16]) if limited else None,
            halo=rng.choice(["reuse", "reuse", "reuse", "refetch"]),
            **held,
        )

    def array(name: str, systolic: str | None) -> Array:
        return Array(
            name=name,
            shape=rng.choice([{"X": 3}, {"X": 4}, {"X": 6}, {"X": 2, "Y": 3}, {"X": 2, "Y": 2}]),
            hop_pj=rng.choice([0, 0, 2]),
            multicast=rng.choice(["words", "words", "tiles", "none"]),
            reduce=rng.random() < 0.7,
            systolic=systolic,
        )

    outermost = Memory(
        name="M0", read_pj=rng.randrange(20, 80), write_pj=rng.randrange(20, 80), bandwidth_bits_per_cycle=8
    )
    inner, outer = memory("M3", 1, 4, limited=False), memory("M1", 5, 9, limited=True)
    spread = array("A1", rng.choice([None, None, None, "weight", "input", "output"]) if may_flow else None)
    levels: tuple[Level, ...] = rng.choice(
        [
            (outer,),
            (outer, replace(inner, name="M2", bandwidth_bits_per_cycle=4)),
            (spread, inner),
            (outer, spread, inner),
            (outer, spread),
            (spread, replace(inner, name="M2"), array("A2", None)),
            (spread, replace(inner, name="M2"), array("A2", None), inner),
        ]
    )
    return Architecture(name="left_over", levels=_connected((outermost, *levels, MAC)))


def _two(rng: random.Random) -> tuple[str, ...]:
    return tuple(rng.sample(("input", "weight", "output"), 2))


def in_wider_accesses(architecture: Architecture) -> Architecture:
    """The same hardware, told in accesses and hops of three times the width and the price: nothing costs more."""
    levels = tuple(
        replace(x, access_bits=3 * x.access_bits, read_pj=3 * x.read_pj, write_pj=3 * x.write_pj)
        if isinstance(x, Memory)
        else replace(x, hop_bits=3 * x.hop_bits, hop_pj=3 * x.hop_pj)
        if isinstance(x, Array)
        else x
        for x in architecture.levels
    )
    return replace(architecture, levels=levels)


HOPPING = Architecture(
    name="hopping",
    levels=(
        Memory(name="M0", read_pj=20, write_pj=30, bandwidth_bits_per_cycle=16),
        Memory(name="M1", capacity_bits=256, read_pj=4, write_pj=5),
        Array(name="A1", shape={"X": 2, "Y": 2}, hop_pj=2),
        Memory(name="M2", capacity_bits=64, read_pj=1, write_pj=2),
        MAC,
    ),
)
"""Two memories with less room than tensors need, and an array in between whose hops cost something."""
