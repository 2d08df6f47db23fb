"""FlashAttention, FLAT and FuseMax as their papers have them, for any sequence length and memory.

What is shipped (`flash_attention`, `fusemax_pipelined`, `flat_pipelined`) with other extents and tiles.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import yaml

import costmodel as cm

MAPPINGS = Path(__file__).resolve().parents[1] / "studies" / "mappings"
PES = 256
"""Rows, and columns, of the 2-D array; the 1-D array has as many PEs."""
BATCH = 64
MODELS = {"BERT": (12, 64), "TrXL": (16, 64), "T5": (8, 64), "XLM": (16, 128)}
"""Heads, and width of a head."""
LENGTHS = {"1K": 1 << 10, "4K": 1 << 12, "16K": 1 << 14, "64K": 1 << 16, "256K": 1 << 18, "1M": 1 << 20}
UNBOUNDED = "1 TiB"


class Cost(NamedTuple):
    """What one nest costs."""

    traffic_bytes: int
    latency_s: float
    energy_pj: float
    room_bits: int
    """In all memories but the outermost."""


def cost(arch: Any, workload: Any, nest: list[Any], word_bits: int, **options: Any) -> Cost:
    with warnings.catch_warnings(action="ignore"):
        found = cm.evaluate(arch, workload, mapping={"nest": nest}, **options)
    outermost = found.architecture.memories[0].name
    crossing = found.traffic.query(f"level == '{outermost}' and flow in ('read', 'update')")["words"].sum()
    evaluation = found.evaluation
    seconds = evaluation.latency_cycles / found.architecture.clock_hz
    return Cost(int(crossing) * word_bits // 8, seconds, evaluation.energy_pj, evaluation.capacity_bits)


# FuseMax and FLAT


def room(buffer: str) -> dict[str, str]:
    """Another size of the buffer, at the published energy of an access."""
    return {"GLB.size": buffer, "GLB.component.anchor.size": buffer}


def blocks_of_queries(length: int, width: int, buffer_bytes: int = 16 << 20) -> int:
    """Blocks of 256 queries that FuseMax keeps beside a block of keys and values, words of 2 B: its rule."""
    left = buffer_bytes - 2 * PES * 2 * width
    most = left // (2 * (2 * width + 2) * PES)
    blocks = length // PES
    return max(n for n in range(1, blocks + 1) if blocks % n == 0 and n <= most)


def fusemax(model: str, length: int, buffer: str = UNBOUNDED) -> Cost:
    """Cost attention of a batch with the shipped nest and 256 keys to a block."""
    heads, width = MODELS[model]
    ranks = {"H": BATCH * heads, "P": length, "M1": length // PES, "M0": PES, "E": width, "F": width}
    tile = PES * blocks_of_queries(length, width)
    nest = yaml.safe_load((MAPPINGS / "fusemax_pipelined.yaml").read_text(encoding="utf-8"))["nest"]
    nest = [f"for p by {tile}" if line == "for p by 512" else line for line in nest]
    workload = cm.load_workload("flash_attention", set={f"ranks.{name}": value for name, value in ranks.items()})
    return cost("fusemax", workload, nest, 16, set=room(buffer))


def flat(model: str, length: int, buffer: str = UNBOUNDED, *, scores_in_dram: bool = False) -> Cost:
    """Cost attention of a batch with the shipped nest, without the scaling of scores, which the paper leaves out.

    ``scores_in_dram``: QK and A go out to DRAM and come back. Rows of them are in the buffer for the softmax alone, so
    keys and values come once for 1024 queries.
    """
    heads, width = MODELS[model]
    workload = {
        "name": "three_pass",
        "ranks": {"H": BATCH * heads, "M": length, "P": length, "E": width, "F": width},
        "weights": [],
        "einsums": [
            "QK[h, m, p] = Q[h, p, e] * K[h, m, e]",
            "GM[h, p] max= QK[h, m, p]",
            "SN[h, m, p] = exp(QK[h, m, p] - GM[h, p])",
            "SD[h, p] += SN[h, m, p]",
            "A[h, m, p] = SN[h, m, p] / SD[h, p]",
            "AV[h, p, f] = A[h, m, p] * V[h, m, f]",
        ],
    }
    nest = yaml.safe_load((MAPPINGS / "flat_pipelined.yaml").read_text(encoding="utf-8"))["nest"]
    nest = [line.replace(" S ", " ") if isinstance(line, str) else line for line in nest]
    (softmax,) = nest[-1]["sequence"][1]
    softmax["sequence"] = [branch for branch in softmax["sequence"] if branch[-1] != "compute S on PE1D"]
    if scores_in_dram:
        scores, _, sums = nest[-1]["sequence"]
        stages = [
            ["for m by 256", "store K in GLB", "for p by 256", *scores[1:]],
            ["for p by 1", "store QK GM SN SD A in GLB", softmax],
            ["for m by 256", "store V in GLB", "for p by 256", *sums],
        ]
        nest = ["store Q K V QK A AV in DRAM", "for h by 1", "for p by 1024", "store Q AV in GLB"]
        nest.append({"sequence": stages, "overlap": "pipelined"})
    return cost("flat_cloud", workload, nest, 16, set=room(buffer))


def flat_as_published(model: str, length: int) -> Cost:
    """Cost it with the scores where they are published to be: from 256K on in DRAM."""
    return flat(model, length, scores_in_dram=length >= LENGTHS["256K"])


# FlashAttention

ALONE = {
    "name": "alone",
    "word": "8 b",
    "levels": [
        {"memory": "DRAM", "energy": {"read": "1 pJ", "write": "1 pJ"}, "access": "8 b"},
        {"memory": "Buffer", "energy": {"read": 0, "write": 0}},
        {"compute": "MAC", "energy": 0},
    ],
}


def flash_attention(length: int, width: int, keys: int) -> Cost:
    """Cost one head with blocks of so many keys, and of as many queries, but no more than the width.

    Blocks of keys are the outer loop, as in Algorithm 1 of Dao et al.: for each, all queries come by with what was made
    for them so far.
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
    workload = cm.load_workload("flash_attention", set={f"ranks.{name}": value for name, value in ranks.items()})
    return cost(ALONE, workload, nest, 8)
