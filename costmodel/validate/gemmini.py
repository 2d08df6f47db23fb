"""Gemmini's RTL: the tiles that DOSA gave it, with what does and does not overlap there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any, NamedTuple

from costmodel.api import evaluate
from costmodel.validate.data_files import published
from costmodel.validate.records import Calibration, Case, CaseGroup, CaseSummary, Roof, Tolerance

SIDE = 16
"""Rows and columns of the array."""
MOST_ROWS = 16
"""Of a command of the execute unit."""
SHOWN = "cycles"


class TiledLayer(NamedTuple):
    """A layer, the sizes of memories, and the loops above the scratchpad."""

    c: int
    k: int
    p: int
    q: int
    r: int
    stride: int
    accumulator_rows: int
    scratchpad_rows: int
    loops: str

    @property
    def ranks(self) -> dict[str, int]:
        return {"C": self.c, "K": self.k, "P": self.p, "Q": self.q, "R": self.r, "S": self.r}

    @property
    def name(self) -> str:
        sides = f"{self.c} → {self.k}, {self.p} × {self.q}, {self.r} × {self.r} / {self.stride}"
        return f"{sides}, {self.accumulator_rows} + {self.scratchpad_rows} rows, {self.loops or 'one tile'}"

    @property
    def least_cycles(self) -> float:
        """With every product of the array used in every cycle."""
        return math.prod(self.ranks.values()) / SIDE**2

    @property
    def steps(self) -> dict[str, int]:
        """Of the loops above the scratchpad, outermost first."""
        return {loop[0]: int(loop[1:]) for loop in self.loops.split()}

    @property
    def tile(self) -> dict[str, int]:
        """Extents of the tile in the scratchpad."""
        return {name: -(-extent // self.steps.get(name, 1)) for name, extent in self.ranks.items()}

    @property
    def workload(self) -> dict[str, Any]:
        return {
            "name": "layer",
            "ranks": self.ranks | {"U": self.stride},
            "bits": {"default": 8},
            "weights": ["W"],
            "einsums": ["O[k, p, q] = I[c, U*p + r, U*q + s] * W[k, c, r, s]"],
        }

    @property
    def nest(self) -> list[object]:
        """The loops, and below them one run of Gemmini's loop: it fetches its tile anew whatever was there before."""
        tile = self.tile
        run = [
            "store I W in scratchpad",
            "store O in accumulator",
            *(f"for {v} by {SIDE}" for v in ("k", "c") if tile[v.upper()] > SIDE),
            "for r by 1",
            "for s by 1",
            "parallel c by 1 across mesh.rows",
            "parallel k by 1 across mesh.columns",
            "store W in weight_register",
            "for q by 1",
            "for p by 1",
            "compute O on MAC",
        ]
        loops = [f"for {name.lower()} by {tile[name]}" for name in self.steps]
        return ["store I W O in DRAM", *loops, {"sequence": [run]}]

    def machine(self, command: float, start: str) -> dict[str, Any]:
        """Return Gemmini with the fewest cycles of a command, and what a layer takes before its first word is there."""
        rows = min(self.tile["P"], MOST_ROWS)
        bus, room = published("gemmini")["bus"], SIDE * self.scratchpad_rows
        free = {"energy": 0}
        return {
            "name": "gemmini_rtl",
            "word": "8 b",
            "levels": [
                {"memory": "DRAM", "bandwidth": {"read": bus, "write": bus}, "latency": start} | free,
                {"memory": "scratchpad", "size": f"{room} B", "keep": ["input", "weight"]} | free,
                {"memory": "accumulator", "size": f"{SIDE * self.accumulator_rows} words", "keep": "output"} | free,
                {"array": "mesh", "shape": {"rows": SIDE, "columns": SIDE}, "systolic": "weight", "overlap": "all"},
                {"memory": "weight_register", "size": "1 words", "keep": "weight"} | free,
                {"compute": "MAC", "throughput": min(1.0, rows / command)} | free,
            ],
        }


@cache
def cycles(layer: TiledLayer, command: float = 1.0, start: str = "0 cycles") -> float:
    return evaluate(layer.machine(command, start), layer.workload, mapping={"nest": layer.nest}).latency_cycles


@cache
def cases() -> tuple[Case, ...]:
    return tuple(_cases())


def _cases() -> Iterator[Case]:
    data = published("gemmini")
    calibration = Calibration(
        f"start of a layer {data['start']}, and a command",
        data["command"],
        "cycles at least",
        "the largest that no row undercuts",
    )
    for *sizes, measured in data["rows"]:
        layer = TiledLayer(*sizes)
        yield Case(
            name=layer.name,
            quantity=SHOWN,
            published=measured,
            ours=partial(cycles, layer),
            calibrated=partial(cycles, layer, data["command"], data["start"]),
            calibration=calibration,
            tolerance=Tolerance(1 - layer.least_cycles / measured, 0),
            source=data["source"],
            assumed="the tolerance begins at one product of every unit in every cycle",
            roofs=(Roof(name="mesh", amount=layer.least_cycles, rate=1, unit="cycles", seconds=measured),),
        )


def left(errors: Sequence[float]) -> float:
    """Geometric mean of measured over ours.

    >>> round(left([-0.5, -0.2]), 3)
    1.581
    """
    return math.exp(-math.fsum(math.log1p(e) for e in errors) / len(errors))


GROUP = CaseGroup(
    name="gemmini",
    title="Gemmini's RTL: layers with DOSA's tiles",
    about="""
Cycles of the RTL of Gemmini (16 × 16, weight stationary) against its nest: DOSA's tiles in scratchpad and
accumulator, and in them the loops of Gemmini's own sequencer. What overlaps is said by the machine. Loads, products
and stores go on at the same time (`overlap: all` of the memories), the next weights are loaded into the mesh while
the present ones are used (`overlap: all` of the array: passes pay nothing, a layer pays the skew once), and reads and
writes have a bus of 16 B a cycle each. Every run of the sequencer fetches its whole tile, whatever was there before:
a `sequence` of one branch, which starts empty. That alone makes the bus the bottleneck of products with small tiles.
Two numbers are calibrated: a layer starts with a latency of DRAM, and a command of fewer than 7.6 rows takes as long
as one of 7.6 (a rate of the mesh), which explains layers at twice and four times their products. Every layer is
between its products over 256 and the RTL; a Timeloop-style model leaves a geometric mean of 1.39 over all layers of
the file. What is left is contention for the bus and its latency, and tiles that wait for room. The shipped `gemmini`
says `overlap: all` of its array, too: with the same tiles it is never slower than the RTL, which takes 1.62 times as
long; with a gap at every pass 29 of 42 layers were slower than the RTL, by up to 94 %.
""",
    cases=cases,
    summaries=(CaseSummary(name="geometric mean of RTL over ours", quantity=SHOWN, of=left, at_most=1.39),),
)
