"""Time the exact mapper: CPU-seconds in a warm process, one core.

python benchmarks/mapper.py            the table of targets
python benchmarks/mapper.py growth     how time grows with sizes, ranks, levels and dimensions (Markdown)
python benchmarks/mapper.py growth --svg    and draws it into docs/mapper_growth.svg
python benchmarks/mapper.py networks   whole networks on every machine, distinct layers, then the table of
                                       docs/mapper.md; names of either choose among them, --budget 40 gives each layer
                                       so many seconds at most, --keep FILE.csv goes on where the file ends
python benchmarks/mapper.py budgets    random pairs of them within 2, 5 and 20 s: how long it took, how large gaps are;
                                       --cpu counts CPU time of one process, as a machine without other work would
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from asking import map_einsum  # noqa: E402
from networks import MACHINES, NETWORKS, budgets, networks  # noqa: E402
from problems import CONV3X3, PE2D, TWO_LEVEL, einsum, gemm  # noqa: E402  after the path is set

from costmodel.spec.hardware import Architecture, Array, Memory  # noqa: E402

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Einsum


BUDGET_S = 12.0
"""CPU time of one search of ``growth``."""
FRONT = "energy,latency"
PLOT = ROOT / "docs" / "mapper_growth.svg"


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


@dataclass(frozen=True)
class Timing:
    """One measured search; ``x`` is the size that is varied."""

    panel: str
    x: float
    label: str
    cpu_s: float
    points: int
    labels: int
    certificate: str

    @property
    def proven(self) -> bool:
        return self.certificate == "optimal: proven"


def contraction(ranks: int, extent: int = 8) -> Einsum:
    """Return a product of two tensors with this many ranks in all, dealt out in turn to m…, k… and n…."""
    names = [f"{'mkn'[i % 3]}{i // 3}" for i in range(ranks)]
    m, k, n = (", ".join(v for v in names if v[0] == kind) for kind in "mkn")
    inputs = (f"A[{m}, {k}]", f"B[{k}, {n}]" if n else f"B[{k}]")
    return einsum(f"Z[{m}, {n}]" if n else f"Z[{m}]", *inputs, **dict.fromkeys(names, extent))


def memories(count: int) -> Architecture:
    """Return two_level with more memories, each eight times smaller and cheaper than the one above it."""
    outer, *_, unit = TWO_LEVEL.levels
    sizes = [8**i for i in range(count - 2, -1, -1)]
    more = [Memory(name=f"L{i}", capacity_bits=4096 * s, read_pj=s, write_pj=s) for i, s in enumerate(sizes)]
    return Architecture(name=f"{count}_levels", levels=(outer, *more, unit))


def dimensions(shape: dict[str, int]) -> Architecture:
    """Return pe2d with an array of another shape."""
    levels = tuple(replace(x, shape=shape) if isinstance(x, Array) else x for x in PE2D.levels)
    return replace(PE2D, levels=levels)


PANELS = {
    "size": "GEMM N³ on pe2d, by N",
    "ranks": "contraction on pe2d, by ranks of size 8",
    "levels": "GEMM 64³, by memories",
    "dimensions": "GEMM 64³ on pe2d, by array dimensions",
}
SHAPES = ({"X": 8}, {"X": 8, "Y": 8}, {"X": 8, "Y": 8, "Z": 8})


def growth(*, svg: bool = False) -> None:
    """Print how time grows with sizes, ranks, levels and array dimensions; one search each, after one to warm up."""
    cases = [("size", float(p), f"2^{p}", gemm(2**p, 2**p, 2**p), PE2D) for p in range(6, 17)]
    cases += [("ranks", float(n), str(n), contraction(n), PE2D) for n in range(2, 9)]
    cases += [("levels", float(n), str(n), gemm(64, 64, 64), memories(n)) for n in range(2, 6)]
    cases += [
        ("dimensions", float(len(s)), "×".join(map(str, s.values())), gemm(64, 64, 64), dimensions(s)) for s in SHAPES
    ]
    map_einsum(gemm(64, 64, 64), PE2D, objective=FRONT)
    found: list[Timing] = []
    for panel, x, label, problem, architecture in cases:
        if not any(t.panel == panel for t in found):
            print(f"\n{PANELS[panel]}\n\n| | CPU-s | front | labels | certificate |\n|---|---|---|---|---|")
        began = time.process_time()
        answer = map_einsum(problem, architecture, objective=FRONT, budget=BUDGET_S)
        spent = time.process_time() - began
        certificate = answer.certificate
        found.append(Timing(panel, x, label, spent, len(answer.front), certificate.evaluated, str(certificate)))
        t = found[-1]
        print(f"| {label} | {spent:.2f} | {t.points} | {t.labels:,} | {t.certificate} |", flush=True)
    if svg:
        PLOT.write_text(drawing(found), encoding="utf-8")


def drawing(timings: list[Timing]) -> str:
    """Return an SVG of CPU-seconds, one panel for each thing that grows; what is not proven is hollow."""
    low, high = 0.01, 100.0
    width, height, left, top = 170, 150, 46, 34

    def y_of(cpu_s: float) -> float:
        clipped = min(high, max(low, cpu_s))
        return top + height * (1 - (math.log10(clipped) - math.log10(low)) / (math.log10(high) - math.log10(low)))

    box = f"0 0 {left + 4 * (width + 20)} {top + height + 44}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="10" fill="#333">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for tick in (0.01, 0.1, 1, 10, 100):
        y = y_of(tick)
        parts.append(f'<text x="{left - 6}" y="{y + 3:.1f}" text-anchor="end">{tick:g} s</text>')
    for number, (panel, title) in enumerate(PANELS.items()):
        x0 = left + number * (width + 20)
        mine = [t for t in timings if t.panel == panel]
        first, last = mine[0].x, mine[-1].x
        parts.append(f'<text x="{x0}" y="{top - 12}" font-size="9">{title}</text>')
        parts += [
            f'<line x1="{x0}" x2="{x0 + width}" y1="{y_of(tick):.1f}" y2="{y_of(tick):.1f}" stroke="#ddd"/>'
            for tick in (0.01, 0.1, 1, 10, 100)
        ]
        places = [(x0 + 10 + (width - 20) * (t.x - first) / (last - first), y_of(t.cpu_s), t) for t in mine]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="#2a6f97" stroke-width="1.5"/>')
        for at, (x, y, t) in enumerate(places):
            fill = "#2a6f97" if t.proven else "#fff"
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{fill}" stroke="#2a6f97"/>')
            if len(places) < 8 or at % 2 == 0:
                parts.append(f'<text x="{x:.1f}" y="{top + height + 14}" text-anchor="middle">{t.label}</text>')
    words = f"CPU-seconds for the energy–latency front; hollow: not proven within {BUDGET_S:g} s"
    parts.append(f'<text x="{left}" y="{top + height + 34}">{words}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    if arguments[:1] == ["growth"]:
        growth(svg="--svg" in arguments)
    elif arguments[:1] == ["networks"]:
        budget_s = float(arguments[arguments.index("--budget") + 1]) if "--budget" in arguments else None
        kept = Path(arguments[arguments.index("--keep") + 1]) if "--keep" in arguments else None
        networks([a for a in arguments[1:] if a in (*NETWORKS, *MACHINES)], budget_s, kept)
    elif arguments[:1] == ["budgets"]:
        budgets(next((int(a) for a in arguments[1:] if a.isdecimal()), 20), cpu="--cpu" in arguments)
    else:
        targets()


if __name__ == "__main__":
    main(sys.argv[1:])
