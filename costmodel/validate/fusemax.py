"""FuseMax: one pass over the keys, on a 2-D and a 1-D array that work at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

from costmodel.api import load_workload
from costmodel.spec import catalog
from costmodel.validate.data_files import published
from costmodel.validate.nests import NestCost, nest_cost
from costmodel.validate.records import EXACT, Case, CaseGroup, within

PES = 256
"""Rows, and columns, of the 2-D array; the 1-D array has as many PEs."""
BATCH = 64
TOKENS = {"1K": 1 << 10, "4K": 1 << 12, "16K": 1 << 14, "64K": 1 << 16, "256K": 1 << 18, "1M": 1 << 20}
UNBOUNDED = "1 TiB"
ROOM = "a buffer as large as the nest takes: RNV has room for all blocks here (16 MiB hold 4 K tokens of BERT)"
QUANTITIES = {"traffic": ("traffic_bytes", "B"), "latency": ("latency_s", "s"), "energy": ("energy_j", "J")}
"""Columns of the published tables, which are fields of a ``NestCost``, and their units."""


def cases() -> Sequence[Case]:
    return [case for model in published("fusemax")["models"] for case in _cases_of(model)]


def _cases_of(model: dict[str, Any]) -> Iterator[Case]:
    for length, tokens in TOKENS.items():
        for quantity, value, field, unit in rows_of(model, "fusemax", length):
            tolerance = {"traffic": EXACT, "latency": within(0.1 if length == "1K" else 0.01), "energy": within(0.07)}
            yield Case(
                name=f"{model['name']} {length}",
                quantity=quantity,
                unit=unit,
                published=value,
                ours=partial(_ours, model["name"], tokens, field),
                tolerance=tolerance[quantity],
                source=published("fusemax")["source"],
                assumed=ROOM,
            )


def rows_of(model: dict[str, Any], machine: str, length: str) -> Iterator[tuple[str, float, str, str]]:
    """What is published for a model on a machine: quantity, value, its field of a ``NestCost``, unit."""
    place = published("fusemax")["lengths"].index(length)
    for quantity, (field, unit) in QUANTITIES.items():
        yield quantity, model[machine][field][place], field, unit


def _ours(model: str, tokens: int, field: str) -> float:
    return float(getattr(fusemax(model, tokens), field))


def size_of(model: str) -> tuple[int, int]:
    """Heads, and the width of a head."""
    found = next(m for m in published("fusemax")["models"] if m["name"] == model)
    return found["heads"], found["width"]


def room(buffer: str) -> dict[str, str]:
    """Another size of the buffer, at the published energy of an access."""
    return {"GLB.size": buffer, "GLB.component.anchor.size": buffer}


@cache
def fusemax(model: str, tokens: int, buffer: str = UNBOUNDED) -> NestCost:
    """Cost attention of a batch with the shipped nest and 256 keys to a block."""
    heads, width = size_of(model)
    ranks = {"H": BATCH * heads, "P": tokens, "M1": tokens // PES, "M0": PES, "E": width, "F": width}
    tile = PES * _blocks_of_queries(tokens, width)
    shipped = catalog.document("fusemax_pipelined", "mapping").data["nest"]
    nest = [f"for p by {tile}" if line == "for p by 512" else line for line in shipped]
    workload = load_workload("flash_attention", set={f"ranks.{name}": value for name, value in ranks.items()})
    return nest_cost("fusemax", workload, nest, 16, room(buffer))


def _blocks_of_queries(tokens: int, width: int, buffer_bytes: int = 16 << 20) -> int:
    """Blocks of 256 queries that FuseMax keeps beside a block of keys and values, words of 2 B: its rule."""
    left = buffer_bytes - 2 * PES * 2 * width
    most = left // (2 * (2 * width + 2) * PES)
    blocks = tokens // PES
    return max(n for n in range(1, blocks + 1) if blocks % n == 0 and n <= most)


GROUP = CaseGroup(
    name="fusemax",
    title="FuseMax: attention in one pass",
    about="""
Attention of a batch of 64 with the shipped machine and nest (`fusemax`, `fusemax_pipelined`), other extents and blocks
of queries by the artifact's rule. DRAM traffic is the published number to the byte. At 1 K tokens the pipeline's fill
and drain count, which the artifact leaves out: 16 steps for each head, and two more to drain. Energy is 6 % more: the
intermediates between the Einsums of a block go through the buffer here, and stay in the array there.
""",
    cases=cases,
)
