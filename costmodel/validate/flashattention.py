"""FlashAttention: what its first algorithm moves, and how that falls with the size of the memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache, partial

from costmodel.api import load_workload
from costmodel.validate.nests import NestCost, nest_cost
from costmodel.validate.records import EXACT, Case, CaseGroup, within

SOURCE = 'Dao et al., "FlashAttention", NeurIPS 2022'
LENGTH, WIDTH = 1024, 32
"""Of the head whose traffic is followed over the size of the memory."""
ALONE = {
    "name": "alone",
    "word": "8 b",
    "levels": [
        {"memory": "DRAM", "energy": {"read": "1 pJ", "write": "1 pJ"}, "access": "8 b"},
        {"memory": "Buffer", "energy": {"read": 0, "write": 0}},
        {"compute": "MAC", "energy": 0},
    ],
}


def cases() -> Iterator[Case]:
    for length, width, keys in ((256, 16, 32), (256, 16, 128), (1024, 32, 64)):
        yield Case(
            name=f"N {length}, d {width}, blocks of {keys}",
            quantity="words of Algorithm 1",
            published=words_of_algorithm_1(length, width, keys),
            ours=partial(_words, length, width, keys),
            tolerance=EXACT,
            source=f"{SOURCE}, Algorithm 1",
            assumed="a block's running values go out beside those that it makes of them; those of the first are given",
        )
    yield Case(
        name=f"N {LENGTH}, d {WIDTH}, blocks of 1 to {LENGTH}",
        quantity="exponent of the memory's size",
        published=-1,
        ours=_exponent,
        tolerance=within(0.05),
        source=f"{SOURCE}, Theorem 2: Θ(N² d² / M) words for M words of memory, d ≤ M ≤ N d",
        assumed="M is the room that the nest takes; least squares of the logarithms",
    )


def words_of_algorithm_1(length: int, width: int, keys: int) -> int:
    """Words that Algorithm 1 moves, counted by hand.

    K and V once; for each block of keys Q, and what was made of it (maxima, sums, numerators) in and out again. What
    comes into a tile of an output leaves it again, so a block's running values go out beside those that it makes of
    them; those of the first block are given. In the end numerators and sums are read, and their quotients written.
    """
    blocks, head = length // keys, length * width
    made = 2 * length + head
    return 2 * head + blocks * head + blocks * made + (2 * blocks - 1) * made + head + length + head


def _words(length: int, width: int, keys: int) -> float:
    return flash_attention(length, width, keys).traffic_bytes


def _exponent() -> float:
    """Slope of the logarithm of words moved along that of the room."""
    found = [flash_attention(LENGTH, WIDTH, 1 << power) for power in range(LENGTH.bit_length())]
    return slope([cost.room_bits for cost in found], [cost.traffic_bytes for cost in found])


def slope(places: Sequence[float], values: Sequence[float]) -> float:
    """Exponent of the power law through points, by least squares of the logarithms.

    >>> slope([1, 2, 4], [8, 2, 0.5])
    -2.0
    """
    from statistics import linear_regression

    return linear_regression([math.log2(x) for x in places], [math.log2(y) for y in values]).slope


@cache
def flash_attention(length: int, width: int, keys: int) -> NestCost:
    """Cost one head with blocks of so many keys, and of as many queries, but no more than the width.

    Blocks of keys are the outer loop, as in Algorithm 1: for each, all queries come by with what was made for them so
    far. Words have a byte.
    """

    def branch(einsum: str, *variables: str) -> list[str]:
        return [*(f"for {v} by 1" for v in variables), f"compute {einsum} on MAC"]

    block = [
        branch("BQK", "m0", "p", "e"),
        branch("LM", "m0", "p"),
        branch("RM", "p"),
        branch("SLN", "m0", "p"),
        branch("SLD", "m0", "p"),
        branch("SLNV", "m0", "p", "f"),
        branch("PRM", "p"),
        branch("SPD", "p"),
        branch("RD", "p"),
        branch("SPNV", "p", "f"),
        branch("RNV", "p", "f"),
    ]
    made = [
        "for m1 by 1",
        "store K V in Buffer",
        f"for p by {min(keys, width)}",
        "store Q RM RD RNV BQK LM SLN SLD SLNV PRM SPD SPNV in Buffer",
        {"sequence": block},
    ]
    divided = ["for p by 1", "store RNV RD AV in Buffer", *branch("AV", "f")]
    nest = ["store Q K V AV RM RD RNV in DRAM", "for h by 1", {"sequence": [made, divided]}]
    ranks = {"H": 1, "P": length, "M1": length // keys, "M0": keys, "E": width, "F": width}
    workload = load_workload("flash_attention", set={f"ranks.{name}": value for name, value in ranks.items()})
    return nest_cost(ALONE, workload, nest, 8)


GROUP = CaseGroup(
    name="flashattention",
    title="FlashAttention: traffic against memory",
    about="""
The shipped cascade `flash_attention` with the loops of the paper's Algorithm 1: blocks of keys outside, and for each,
all queries with the maxima, sums and numerators made so far. Its words are counted by hand and by the model, and fall
as the inverse of the memory's size over a thousandfold. [attention.md](attention.md) has the constants.
""",
    cases=lambda: list(cases()),
)
