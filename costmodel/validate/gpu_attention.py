"""What attention moves to and from the HBM of an A100, kernel by kernel and fused, in training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from costmodel.validate.nests import nest_cost
from costmodel.validate.records import Case, CaseGroup, within

SOURCE = 'Dao et al., "FlashAttention", NeurIPS 2022 (arXiv 2205.14135v2), Figure 2: GPT-2 medium, forward and backward'
RANKS = {"B": 64 * 16, "P": 1024, "M": 1024, "E": 64, "F": 64}
"""64 sequences of 16 heads, 1024 queries and keys, a width of 64."""
KEYS, QUERIES = 256, 64
"""Of a block: Algorithm 1 takes a quarter of the memory over the width, and no more queries than the width."""
GB = 1e9
SM: dict[str, Any] = {
    "name": "streaming_multiprocessor",
    "word": "16 b",
    "levels": [
        {"memory": "HBM", "energy": 0},
        {"memory": "SM", "size": "420 KiB", "energy": 0},
        {"compute": "core", "energy": 0},
    ],
}
"""One of an A100: 164 KiB of shared memory and 256 KiB of registers, which hold the accumulators."""
ROOMY = SM | {
    "levels": [{"memory": "HBM", "energy": 0}, {"memory": "SM", "energy": 0}, {"compute": "core", "energy": 0}]
}
"""One with room for the scores of a head, so that a kernel moves every word once."""
PROBABILITIES = ("S[b, p, m] = Q[b, p, e] * K[b, m, e]", "G[b, p, m] = exp(S[b, p, m])")
FORWARD = (*PROBABILITIES, "O[b, p, f] = G[b, p, m] * V[b, m, f]")
BACKWARD = (
    *PROBABILITIES,
    "DV[b, m, f] = G[b, p, m] * DO[b, p, f]",
    "DG[b, p, m] = DO[b, p, f] * V[b, m, f]",
    "DS[b, p, m] = G[b, p, m] * DG[b, p, m]",
    "DQ[b, p, e] = DS[b, p, m] * K[b, m, e]",
    "DK[b, m, e] = DS[b, p, m] * Q[b, p, e]",
)
STANDARD = (
    "S[b, p, m] = Q[b, p, e] * K[b, m, e]",
    "X[b, p, m] = S[b, p, m] * MASK[p, m]",
    "G[b, p, m] = exp(X[b, p, m])",
    "D[b, p, m] = relu(G[b, p, m])",
    "O[b, p, f] = D[b, p, m] * V[b, m, f]",
    "DV[b, m, f] = D[b, p, m] * DO[b, p, f]",
    "DD[b, p, m] = DO[b, p, f] * V[b, m, f]",
    "DG[b, p, m] = relu(DD[b, p, m])",
    "DS[b, p, m] = G[b, p, m] * DG[b, p, m]",
    "DQ[b, p, e] = DS[b, p, m] * K[b, m, e]",
    "DK[b, m, e] = DS[b, p, m] * Q[b, p, e]",
)
"""Kernels that read and write what they need: products, mask, softmax (as its exponential) and dropout (as what takes
one tensor and gives another), and their gradients."""


def tensors(statement: str) -> list[str]:
    """Return the tensors of a statement, the one that is made first.

    >>> tensors("O[b, p, f] = G[b, p, m] * V[b, m, f]")
    ['O', 'G', 'V']
    """
    return [part.split()[-1].removeprefix("exp(").removeprefix("relu(") for part in statement.split("[")[:-1]]


def variables(statement: str) -> list[str]:
    """Return the rank variables of a statement, in alphabetical order."""
    return sorted({v for part in statement.split("[")[1:] for v in part.split("]")[0].split(", ")})


def compute(statement: str) -> list[str]:
    inner = [f"for {v} by 1" for v in variables(statement) if v != "b"]
    return [*inner, f"compute {tensors(statement)[0]} on core"]


def traffic(machine: dict[str, Any], statements: Sequence[str], nest: Sequence[object]) -> float:
    """Return the GB of 16-bit words to and from HBM."""
    ranks = {name: n for name, n in RANKS.items() if any(name.lower() in variables(s) for s in statements)}
    workload = {"name": "attention", "ranks": ranks, "bits": {"default": 16}, "einsums": list(statements)}
    return nest_cost(machine, workload, nest, 16).traffic_bytes / GB


def fused(statements: Sequence[str]) -> float:
    """Move blocks of keys in the outer loop, and all queries past each, as Algorithms 1 and 4; scores stay."""
    every = list(dict.fromkeys(t for statement in statements for t in tensors(statement)))
    made = {"S", "G", "DG", "DS"}
    by_keys = [t for t in every if t in {"K", "V", "DK", "DV"}]
    by_queries = [t for t in every if t not in made and t not in by_keys]
    nest = [
        f"store {' '.join(t for t in every if t not in made)} in HBM",
        "for b by 1",
        f"for m by {KEYS}",
        f"store {' '.join(by_keys)} in SM",
        f"for p by {QUERIES}",
        f"store {' '.join([*by_queries, *(t for t in every if t in made)])} in SM",
        {"sequence": [compute(statement) for statement in statements]},
    ]
    return traffic(SM, statements, nest)


def flash() -> float:
    return fused(FORWARD) + fused(BACKWARD)


def standard() -> float:
    """Return the sum of all kernels, each of which moves every word once."""
    total = 0.0
    for statement in STANDARD:
        names = " ".join(tensors(statement))
        nest = [f"store {names} in HBM", "for b by 1", f"store {names} in SM", *compute(statement)]
        total += traffic(ROOMY, [statement], nest)
    return total


def cases() -> Iterator[Case]:
    common: dict[str, Any] = {"quantity": "HBM traffic", "unit": "GB", "source": SOURCE, "tolerance": within(0.1)}
    yield Case(
        name="FlashAttention",
        published=4.4,
        ours=flash,
        assumed="blocks of 256 keys and 64 queries; without the statistics of the softmax (under 1 %)",
        **common,
    )
    yield Case(
        name="standard attention",
        published=40.3,
        ours=standard,
        assumed="kernels for product, mask, softmax, dropout, product, and for their gradients but that of the mask",
        **common,
    )


GROUP = CaseGroup(
    name="gpu_attention",
    title="FlashAttention on an A100: HBM traffic in training",
    about="""
GPT-2 medium, forward and backward, as nests of one streaming multiprocessor. Standard attention writes and reads a
tensor of scores (2.15 GB) seventeen times. FlashAttention keeps scores on chip: keys and values move once, queries,
outputs and gradients once for every block of keys, of which there are four.
""",
    cases=lambda: list(cases()),
)
