"""Speed of the model: mappings a CPU-second in batches of tile shapes, and one mapping in process.

    python benchmarks/evaluate.py [--seconds 2]

Every row of a batch is another set of tiles that divide each other, drawn at random; a few rows of each are compared
with the scalar model. Rows that repeat their window tiles profit from sums that the template keeps, as in a search;
``first`` is the first batch of a template, which fills them.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable

import numpy as np

from costmodel.einsum.algebra import Workload
from costmodel.model.batch import Template
from costmodel.model.evaluate import evaluate
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Compute, Mapping, Node, Spatial, Storage, Temporal

ROWS = 20_000
TARGETS = {"GEMM": 500_000, "convolution": 100_000}


def gemm() -> tuple[Workload, Architecture, Mapping]:
    """1024³ on DRAM, GLB, 8 × 8 PEs and registers: the output stays in the registers."""
    workload = load_workload("mm64", ["ranks.M=1024", "ranks.N=1024", "ranks.K=1024"])
    nest: list[Node] = [
        Storage(("A", "B", "Z"), "MainMemory"),
        *(Temporal(v, 1024) for v in "mnk"),
        Storage(("A", "B", "Z"), "GLB"),
        *(Temporal(v, 1024) for v in "mnk"),
        Spatial("m", 1024, "PEs", "X"),
        Spatial("n", 1024, "PEs", "Y"),
        Storage(("Z",), "RF"),
        Temporal("k", 1),
        Storage(("A", "B"), "RF"),
        Temporal("m", 1),
        Temporal("n", 1),
        Compute("Z", "MAC"),
    ]
    return workload, load_architecture("pe2d"), Mapping(tuple(nest))


def convolution() -> tuple[Workload, Architecture, Mapping]:
    """Seven ranks (a batch of images) on the same machine, the filter held longest."""
    text = "O[n, m, p, q] = I[n, c, p + r, q + s] * F[m, c, r, s]"
    workload = load_workload("conv3x3", [f"einsums.0={text}", "ranks.N=4"])
    extent = workload.einsums[0].shape
    every = "nmcpqrs"
    nest: list[Node] = [
        Storage(("I", "F", "O"), "MainMemory"),
        *(Temporal(v, extent[v]) for v in every),
        Storage(("I", "F", "O"), "GLB"),
        *(Temporal(v, extent[v]) for v in every),
        Spatial("m", extent["m"], "PEs", "X"),
        Spatial("c", extent["c"], "PEs", "Y"),
        Storage(("I", "F", "O"), "RF"),
        *(Temporal(v, 1) for v in every),
        Compute(workload.einsums[0].name, "MAC"),
    ]
    return workload, load_architecture("pe2d"), Mapping(tuple(nest))


def draw_tiles(template: Template, rows: int, seed: int) -> np.ndarray:
    """Tiles that divide each other and stay within the arrays, one row per mapping."""
    draw = random.Random(seed)  # noqa: S311  no secret depends on it
    shape = template.einsum.shape
    divisors = {n: [d for d in range(1, n + 1) if n % d == 0] for n in range(1, max(shape.values()) + 1)}
    size = {(a.name, d): n for a in template.architecture.arrays for d, n in a.shape.items()}
    last = {loop.rank_variable: place for place, loop in enumerate(template.loops)}
    table = np.empty((rows, len(template.loops)), dtype=np.int64)
    for row in table:
        left = dict(shape)
        for place, loop in enumerate(template.loops):
            v = loop.rank_variable
            choices = divisors[left[v]]
            if loop.array is not None:
                choices = [d for d in choices if left[v] // d <= size[loop.array, loop.dimension]]
            left[v] = 1 if place == last[v] else draw.choice(choices)
            row[place] = left[v]
    return table


def cpu_s(run: Callable[[], object], seconds: float) -> float:
    """CPU-seconds of one run, the best of as many as fit into the time."""
    best, spent = float("inf"), 0.0
    while spent < seconds:
        begin = time.process_time()
        run()
        took = time.process_time() - begin
        best, spent = min(best, took), spent + took
    return best


def check(template: Template, tiles: np.ndarray) -> None:
    """A batch is the scalar model, row by row."""
    batch = template.evaluate(tiles)
    shown = [int(row) for row in np.flatnonzero(batch.feasible)[:20]]
    assert shown, "no row fits"
    for row in shown:
        scalar = evaluate(template.workload, template.architecture, template.mapping_of(tiles[row]))
        assert abs(batch.energy_pj[row] - scalar.energy_pj) <= 1e-12 * scalar.energy_pj
        assert batch.latency_cycles[row] == scalar.latency_cycles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="CPU-seconds per figure")
    seconds = parser.parse_args().seconds
    print(f"{'template':12} {'loops':>5} {'rows':>6} {'first rows/s':>13} {'rows/CPU-s':>11} {'target':>8} {'one':>9}")
    for name, make in (("GEMM", gemm), ("convolution", convolution)):
        workload, architecture, mapping = make()
        template = Template(workload, architecture, mapping)
        tiles = draw_tiles(template, ROWS, seed=0)
        begin = time.process_time()
        template.evaluate(tiles)
        first = ROWS / (time.process_time() - begin)
        rate = ROWS / cpu_s(lambda template=template, tiles=tiles: template.evaluate(tiles), seconds)
        check(template, tiles[:200])
        fits = np.flatnonzero(template.evaluate(tiles).feasible)
        whole = template.mapping_of(tiles[fits[0]])
        single = cpu_s(lambda w=workload, a=architecture, m=whole: evaluate(w, a, m), seconds / 2)
        print(
            f"{name:12} {len(template.loops):5} {ROWS:6} {first:13,.0f} {rate:11,.0f} {TARGETS[name]:8,} "
            f"{1e3 * single:6.2f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main()
