"""Systolic arrays against SCALE-Sim v3, which walks them cycle by cycle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

from costmodel.api import evaluate
from costmodel.api.results import CostResult
from costmodel.validate.data_files import published
from costmodel.validate.records import EXACT, Case, CaseGroup

SPREAD = {"output": ("Z", "m", "n", "k"), "weight": ("B", "k", "n", "m"), "input": ("A", "k", "m", "n")}
"""What stays, the rank variables down the rows and across the columns, and the one that streams."""


def cases() -> Sequence[Case]:
    return [case for run in published("scalesim")["runs"] for case in _cases_of(run)]


def _cases_of(run: dict[str, Any]) -> Iterator[Case]:
    stationary, (rows, columns), shape = run["stationary"], run["array"], tuple(run["shape"])
    kind = "convolution" if run.get("convolution") else "product"
    name = f"{stationary} stationary {rows}×{columns}, {kind} {'×'.join(map(str, shape))}"
    reads = zip(("reads of A", "reads of B"), run.get("reads", []), strict=False)
    for quantity, count in (("cycles", run["cycles"]), *reads):
        yield Case(
            name=name,
            quantity=quantity,
            published=count,
            ours=partial(_ours, stationary, rows, columns, shape, quantity),
            tolerance=EXACT,
            source=published("scalesim")["source"],
        )


def _ours(stationary: str, rows: int, columns: int, shape: tuple[int, ...], quantity: str) -> float:
    cost = systolic_product(stationary, rows, columns, shape)
    if quantity == "cycles":
        return cost.latency_cycles
    return cost.evaluation.words("SRAM", quantity[-1], "read")


@cache
def systolic_product(stationary: str, rows: int, columns: int, shape: tuple[int, ...]) -> CostResult:
    """Cost ``Z[m, n] = A[m, k] * B[k, n]`` on the shipped systolic array; ``shape``: M, N, K."""
    tensor, down, across, streamed = SPREAD[stationary]
    extents = dict(zip("mnk", shape, strict=True))
    nest = [
        "store A B Z in SRAM",
        f"for {down} by {min(rows, extents[down])}",
        f"for {across} by {min(columns, extents[across])}",
        f"parallel {down} by 1 across PEs.rows",
        f"parallel {across} by 1 across PEs.columns",
        f"store {tensor} in register",
        f"for {streamed} by 1",
        "compute Z on MAC",
    ]
    workload = {
        "name": "product",
        "ranks": dict(zip("MNK", shape, strict=True)),
        "bits": 8,
        "weights": ["B"],
        "einsums": ["Z[m, n] = A[m, k] * B[k, n]"],
    }
    array = {"PEs.shape.rows": rows, "PEs.shape.columns": columns, "PEs.systolic": stationary}
    return evaluate("systolic4", workload, mapping={"nest": nest}, set=array)


GROUP = CaseGroup(
    name="scalesim",
    title="SCALE-Sim v3: cycles of systolic arrays",
    about="""
The shipped `systolic4` with other shapes, output, weight and input stationary: every cycle of fill, stream and drain,
and every word that enters at the edge. Partial passes pay for the whole array.
""",
    cases=cases,
)
