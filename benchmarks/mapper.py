"""Time the exact mapper: CPU-seconds in a warm process, one core.

python benchmarks/mapper.py            the table of targets
python benchmarks/mapper.py growth     how time grows with sizes
python benchmarks/mapper.py networks   whole networks, distinct layers
"""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "mapper"), str(ROOT / "tests")]

from test_exact import CONV3X3, PE2D, TWO_LEVEL, einsum, gemm  # noqa: E402  after the path is set

from costmodel.mapper.exact import map_einsum  # noqa: E402
from costmodel.spec.catalog import load_architecture, load_workload  # noqa: E402
from costmodel.spec.hardware import Architecture, Memory  # noqa: E402

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Einsum


def timed(name: str, problem: Einsum, architecture: Architecture, objective: str, target_s: float | None) -> float:
    """Map once to warm up and twice to time; print the better one."""
    best = float("inf")
    found = None
    for _ in range(3):
        began = time.process_time()
        found = map_einsum(problem, architecture, objective=objective)
        best = min(best, time.process_time() - began)
    assert found is not None
    point = found.front[0]
    goal = f"{target_s:6.2f}" if target_s else "     –"
    print(
        f"{name:28s} {best:8.3f} {goal}  {found.certificate!s:18s} {len(found.front):3d} "
        f"{point.energy_pj:16.0f} {point.latency_cycles:12.0f}"
    )
    return best


def targets() -> None:
    """Print the table of targets."""
    print(f"{'problem':28s} {'CPU-s':>8s} {'goal':>6s}  {'certificate':18s} {'pts':>3s} {'pJ':>16s} {'cycles':>12s}")
    for n in (64, 128, 1024):
        timed(f"pe2d GEMM {n}^3", gemm(n, n, n), PE2D, "energy,latency", 0.25)
    vector = einsum("Z[m]", "A[m, k]", "B[k]", m=1024, k=1024)
    timed("pe2d matrix-vector 1024", vector, PE2D, "energy,latency", 0.25)
    choice = ("input", "weight", "output")
    levels = tuple(
        replace(x, keep=None, may_keep=choice) if isinstance(x, Memory) and i else x for i, x in enumerate(PE2D.levels)
    )
    timed("pe2d GEMM 64^3 may_keep", gemm(64, 64, 64), replace(PE2D, levels=levels), "energy,latency", 1.0)
    timed("two_level convolution", CONV3X3, TWO_LEVEL, "energy,latency", 0.3)
    timed("pe2d convolution", CONV3X3, PE2D, "energy,latency", 2.0)


def growth() -> None:
    """Print how time grows with the size of a GEMM."""
    for power in range(6, 17):
        n = 2**power
        timed(f"pe2d GEMM 2^{power}", gemm(n, n, n), PE2D, "energy,latency", None)


def networks() -> None:
    """Print the time of whole networks, distinct layers only."""
    for chip, name, target in (
        ("eyeriss_v1", "resnet18", 40),
        ("tpu_v1", "resnet18", 40),
        ("eyeriss_v1", "resnet50", 80),
        ("tpu_v1", "resnet50", 80),
        ("tpu_v1", "gpt3_175b_layer", 10),
    ):
        architecture, workload = load_architecture(chip), load_workload(name)
        seen: set[tuple[object, ...]] = set()
        proven = 0
        began = time.process_time()
        for layer in workload.einsums:
            key = (tuple(layer.shape.items()), tuple(a.indices for a in layer.accesses))
            if key in seen:
                continue
            seen.add(key)
            proven += map_einsum(layer, architecture, objective="edp").certificate.status == "optimal: proven"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        spent = time.process_time() - began
        share = f"{proven}/{len(seen)} proven"
        print(f"{chip:12s} {name:18s} {spent:7.1f} CPU-s (goal {target}) {share}, peak {peak:.0f} MiB")


if __name__ == "__main__":
    {"growth": growth, "networks": networks}.get(" ".join(sys.argv[1:]), targets)()
