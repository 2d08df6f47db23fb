"""Small random Einsums of uncommon kinds of which the lattice has a form."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from problems import MAC, einsum, random_architecture, random_einsum, working, written

from costmodel.einsum.algebra import Access, Einsum
from costmodel.spec.hardware import Architecture, Array, Level, Memory


def moved(access: Access, rank: int, by: int) -> Access:
    """The access with one index moved on."""
    indices = list(access.indices)
    indices[rank] = replace(indices[rank], constant=indices[rank].constant + by)
    return replace(access, indices=tuple(indices))


def also_at(problem: Einsum, tensor: str, *shifts: tuple[int, int]) -> Einsum:
    """The Einsum that reads a tensor at further places, too: (rank, distance) from where it does."""
    first = next(a for a in problem.accesses if a.tensor == tensor)
    more = tuple(moved(first, rank, by) for rank, by in shifts)
    shape = tuple(8 * n for n in problem.tensors[tensor].shape)
    tensors = {**problem.tensors, tensor: replace(problem.tensors[tensor], shape=shape)}
    return replace(problem, inputs=(*problem.inputs, *more), tensors=tensors)


def shifted(rng: random.Random) -> Einsum:
    """One tensor read in several places, a constant apart."""
    n = lambda *values: rng.choice(values)  # noqa: E731
    one, two = n(1, 1, 2, 3), n(1, 1, 2)
    bits = {name: n(4, 8, 16) for name in "ABZIFO"}
    problem = n(
        also_at(einsum("Z[m]", "A[m]", bits=bits, m=n(2, 4, 6)), "A", (0, one)),
        also_at(einsum("Z[m, n]", "A[m, n]", bits=bits, m=n(2, 4), n=n(2, 3)), "A", (n(0, 1), one)),
        also_at(einsum("Z[m]", "A[m, k]", "B[k]", weights="B", bits=bits, m=n(2, 4), k=n(2, 3)), "A", (n(0, 1), one)),
        also_at(einsum("Z[m, n]", "A[m]", "B[m, n]", bits=bits, m=n(2, 4), n=2), "A", (0, one)),
        also_at(einsum("O[p]", "I[p+r]", "F[r]", weights="F", bits=bits, p=n(2, 4), r=2), "I", (0, one)),
        also_at(einsum("Z[m]", "A[2*m]", bits=bits, m=n(2, 4, 6)), "A", (0, one)),
        also_at(einsum("Z[m]", "A[m]", bits=bits, m=n(4, 6)), "A", (0, two), (0, 2 * two)),
    )
    return working(rng, problem)


def indexed_twice(rng: random.Random) -> Einsum:
    """A diagonal, or an index of which another one tells a part."""
    n = lambda *values: rng.choice(values)  # noqa: E731
    bits = {name: n(4, 8, 16) for name in "ABZ"}
    problem = n(
        einsum("Z[i]", "A[i, i]", "B[i]", bits=bits, i=n(4, 6)),
        einsum("Z[i, j]", "A[i, i]", "B[i, j]", bits=bits, i=n(2, 3), j=n(2, 4)),
        einsum("Z[i]", "A[i+j, j]", "B[j]", bits=bits, weights="B", i=n(2, 4), j=n(2, 3)),
        einsum("Z[i, i]", "A[i]", bits=bits, i=n(4, 6)),
        einsum("Z[i]", "A[i+j+k, j]", bits=bits, i=2, j=2, k=2),
        einsum("Z[i, i+j]", "A[i, j]", bits=bits, i=n(2, 3), j=n(2, 4)),
    )
    return working(rng, problem)


def read_and_written(rng: random.Random) -> Einsum:
    """An output that is read as well: where it is written, or a step before (an iterative rank)."""
    n = lambda *values: rng.choice(values)  # noqa: E731
    bits = {name: n(4, 8, 16) for name in "AZ"}
    problem = n(
        einsum("Z[i]", "A[i]", bits=bits, i=n(2, 4, 6)),
        einsum("Z[i, p]", "A[i, p]", bits=bits, i=n(2, 4), p=n(2, 3)),
        einsum("Z[p, i]", "A[p]", bits=bits, i=n(2, 4), p=n(2, 4)),
        einsum("Z[p, i]", "A[i, p]", bits=bits, i=n(2, 3, 4), p=n(2, 4)),
        einsum("Z[2*i]", "A[i]", bits=bits, i=n(4, 6)),
    )
    return working(rng, iterative(problem, rng.randrange(len(problem.output.indices)), n(0, 1, 1, 1, 2)))


def iterative(problem: Einsum, rank: int, by: int) -> Einsum:
    """The Einsum that reads its output, so far back along a rank."""
    tensor = problem.tensors["Z"]
    shape = tuple(extent + by for extent in tensor.shape)
    tensors = {**problem.tensors, "Z": replace(tensor, shape=shape)}
    written, inputs = moved(problem.output, rank, by), (problem.output, *problem.inputs)
    return replace(problem, output=written, inputs=inputs, tensors=tensors)


def written_window(rng: random.Random) -> Einsum:
    """A transposed convolution: tiles of the output overlap where the stride is below the kernel."""
    n = lambda *values: rng.choice(values)  # noqa: E731
    bits = {name: n(4, 8, 16) for name in "YIF"}
    problem = n(
        einsum("Y[h+r]", "I[h]", "F[r]", weights="F", bits=bits, h=n(2, 4), r=n(2, 3)),
        einsum("Y[2*h+r]", "I[h]", "F[r]", weights="F", bits=bits, h=n(2, 4), r=n(2, 3, 4)),
        einsum("Y[m, h+r]", "I[h]", "F[m, r]", weights="F", bits=bits, m=2, h=2, r=n(2, 3)),
        einsum("Y[2*h+r]", "I[c, h]", "F[c, r]", weights="F", bits=bits, c=2, h=2, r=n(2, 3)),
        einsum("Y[h+r]", "I[h, r]", bits=bits, h=n(2, 4), r=2),
    )
    return working(rng, problem)


def below_nested_arrays(rng: random.Random) -> tuple[Einsum, Architecture]:
    """Tensors, often with windows, that may pass by what stands between two or three arrays, or inside of them."""
    n = lambda *values: rng.choice(values)  # noqa: E731
    problem = n(
        random_einsum(rng),
        einsum("Z[m, n]", "A[m, k]", "B[k, n]", weights="B", m=n(2, 4), n=n(2, 4), k=2),
        einsum("O[p]", "I[p+r]", "F[r]", weights="F", p=n(4, 6, 8), r=n(2, 3)),
        einsum("O[p]", "I[2*p+r]", "F[r]", weights="F", p=n(4, 8), r=n(2, 3)),
        einsum("O[m, p]", "I[p+r]", "F[m, r]", weights="F", m=2, p=4, r=2),
        einsum("O[p]", "I[c, p+r]", "F[c, r]", weights="F", c=2, p=4, r=2),
        also_at(einsum("Z[m]", "I[m]", m=n(4, 6, 8)), "I", (0, n(1, 2))),
        also_at(einsum("Z[m, n]", "I[m, n]", m=4, n=n(2, 3)), "I", (n(0, 1), 1)),
        read_and_written(rng),
        written_window(rng),
    )

    def array(name: str) -> Array:
        shape = n({"X": 2}, {"X": 2}, {"X": 2, "Y": 2}, {"X": 4}, {"X": 3})
        served = n("words", "words", "words", "tiles", "none")
        return Array(name=name, shape=shape, hop_pj=n(0, 2.0), multicast=served, reduce=rng.random() < 0.7)

    def memory(name: str) -> Memory:
        return Memory(
            name=name,
            capacity_bits=n(None, 8 * rng.randint(3, 12)),
            read_pj=n(1, 2, 6),
            write_pj=n(1, 3, 6),
            bandwidth_bits_per_cycle=n(None, None, 8, 16),
            halo=n("reuse", "reuse", "reuse", "refetch"),
            may_keep=n((), ("input",), ("input", "output"), ("input", "weight", "output")),
        )

    outer = Memory(name="M0", read_pj=n(20, 50), write_pj=n(20, 60), bandwidth_bits_per_cycle=n(None, 8, 16))
    inner: tuple[Level, ...] = n(
        (array("A1"), array("A2"), memory("M1")),
        (array("A1"), memory("M1"), array("A2")),
        (array("A1"), memory("M1"), array("A2"), memory("M2")),
        (array("A1"), array("A2"), array("A3"), memory("M1")),
        (memory("M1"), array("A1"), array("A2")),
    )
    return working(rng, problem), written(rng, Architecture(name="nested", levels=(outer, *inner, MAC)))


def anywhere(draw: Callable[[random.Random], Einsum]) -> Callable[[random.Random], tuple[Einsum, Architecture]]:
    """Problems of a kind on any architecture."""
    return lambda rng: (draw(rng), random_architecture(rng))


KINDS: dict[str, Callable[[random.Random], tuple[Einsum, Architecture]]] = {
    "shifted": anywhere(shifted),
    "indexed twice": anywhere(indexed_twice),
    "read and written": anywhere(read_and_written),
    "a written window": anywhere(written_window),
    "below nested arrays": below_nested_arrays,
}
