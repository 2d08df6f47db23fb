"""CPU-seconds of fused search over chains of matrix multiplications: `python benchmarks/chains.py [LENGTHS…]`.

One process, each chain from scratch. The time should grow about linearly with the number of Einsums.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from strategies import workload_of  # noqa: E402  after the path is set

from costmodel.mapper.network import map_workload  # noqa: E402
from costmodel.spec.catalog import load_architecture  # noqa: E402
from costmodel.spec.request import Request  # noqa: E402

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload

LENGTHS = (2, 4, 8, 16, 32, 64)
M, N = 64, 32


def chain(length: int) -> Workload:
    """`T1 = T0 · W1`, `T2 = T1 · W2`, …: activations of M × N, weights of N × N."""
    statements = [f"T{k}[m, n{k}] = T{k - 1}[m, n{k - 1}] * W{k}[n{k - 1}, n{k}]" for k in range(1, length + 1)]
    return workload_of(*statements, m=M, **{f"n{k}": N for k in range(length + 1)})


def main(lengths: list[int]) -> None:
    architecture = load_architecture("two_level", ("Buffer.size=2048 words",))
    print(f"{'Einsums':>8} {'CPU-s':>7} {'unfused':>8} {'fused, pJ':>12} {'unfused, pJ':>12}  certificate")
    for length in lengths:
        workload, took, found = chain(length), [], []
        for fuse in ("off", "auto"):
            began = time.process_time()
            found.append(map_workload(workload, architecture, Request(objective="energy", fuse=fuse), jobs=1))
            took.append(time.process_time() - began)
        off, auto = (one.evaluation.energy_pj for one in found)
        print(f"{length:>8} {took[1]:>7.2f} {took[0]:>8.2f} {auto:>12,.0f} {off:>12,.0f}  {found[1].certificate}")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or list(LENGTHS))
