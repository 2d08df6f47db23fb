"""Least DRAM traffic by the size of the buffer, fused and not: attention, an MLP pair, a 4096³ product, a GPT-3 block.

python benchmarks/curves.py              all cases as Markdown tables, with CPU-seconds; names choose among them
python benchmarks/curves.py --svg        and draws the cascades into docs/fusion_curves.svg
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from costmodel.einsum.algebra import Workload  # noqa: E402  after the path is set
from costmodel.mapper.cascade_curve import CascadeCurve, Staircase, cascade_curve  # noqa: E402
from costmodel.mapper.curve import buffer_curve  # noqa: E402
from costmodel.mapper.network import map_workload  # noqa: E402
from costmodel.spec.hardware import Architecture, ComputeUnit, Memory  # noqa: E402
from costmodel.spec.request import Request  # noqa: E402
from costmodel.spec.workload import resolve  # noqa: E402
from costmodel.spec.workload_spec import WorkloadSpec  # noqa: E402
from costmodel.validate.data_files import published  # noqa: E402

PLOT = ROOT / "docs" / "fusion_curves.svg"
CORE = [
    "QK[h, m, p] = Q[h, p, e] * K[h, m, e]",
    "SN[h, m, p] = exp(QK[h, m, p])",
    "AV[h, p, f] = SN[h, m, p] * V[h, m, f]",
]
PAIR = ["Y[m, j] = X[m, d] * A[d, j]", "Z[m, g] = Y[m, j] * B[j, g]"]
BYTES = 50_000_000
"""On chip, for the block: words of a byte."""


def workload(einsums: list[str], **ranks: object) -> Workload:
    """Words of 8 bits."""
    return resolve(WorkloadSpec.model_validate({"name": "w", "ranks": ranks, "bits": 8, "einsums": einsums}))


def machine(size_bits: int | None = None) -> Architecture:
    """A buffer below DRAM, where a word that crosses costs 1 pJ."""
    outer = Memory(name="DRAM", read_pj=1, write_pj=1, access_bits=8)
    inner = Memory(name="Buffer", capacity_bits=size_bits)
    return Architecture(name="alone", levels=(outer, inner, ComputeUnit(name="MAC")))


CASCADES = {
    "attention 512": (
        "attention core, 12 heads, M = P = 512, E = F = 64",
        CORE,
        {"H": 12, "M": 512, "P": 512, "E": 64, "F": 64},
    ),
    "attention 4096": ("the same, M = P = 4,096", CORE, {"H": 12, "M": 4096, "P": 4096, "E": 64, "F": 64}),
    "mlp": ("MLP pair, 512 tokens, 768 to 3,072 to 768", PAIR, {"M": 512, "D": 768, "J": 3072, "G": 768}),
}


@dataclass(frozen=True)
class Drawn:
    """A cascade with its curve."""

    title: str
    curve: CascadeCurve


def at(staircase: Staircase, size_bytes: int) -> str:
    point = staircase.at(8 * size_bytes)
    return "nothing fits" if point is None else f"{point.traffic_words:,}"


def cascade(name: str) -> Drawn:
    """Find and print the curve of a cascade, at powers of four."""
    title, einsums, ranks = CASCADES[name]
    curve = cascade_curve(workload(einsums, **ranks), machine(), "Buffer", fuse="auto")
    assert curve.fused is not None
    known = [p.capacity_bits for p in (*curve.unfused.points, *curve.fused.points)]
    assert all(
        two is not None and (one is None or two.traffic_bits <= one.traffic_bits)
        for one, two in ((curve.unfused.at(size), curve.fused.at(size)) for size in known)
    )
    proven = "proven" if curve.unfused.proven and curve.fused.proven else "best found"
    corners = f"{len(curve.unfused.points)} and {len(curve.fused.points)} corners"
    print(
        f"\n{title}: {proven}, {corners}, {curve.cpu_s:.1f} CPU-s\n\n| buffer | unfused | fused | |\n|---|---|---|---|"
    )
    last = max(known) // 8
    for power in range(6, math.ceil(math.log2(last)) + 2, 2):
        one, two = curve.unfused.at(8 << power), curve.fused.at(8 << power)
        times = "" if one is None or two is None else f"{one.traffic_words / two.traffic_words:.2f} ×"
        print(f"| {2**power:,} B | {at(curve.unfused, 2**power)} | {at(curve.fused, 2**power)} | {times} |", flush=True)
    return Drawn(title, curve)


def gemm() -> None:
    """Print the ski-slope of a 4096³ product, against 2·N³/√S."""
    began, n = time.process_time(), 4096
    (einsum,) = workload(["Z[m, n] = A[m, k] * B[k, n]"], M=n, N=n, K=n).einsums
    curve = buffer_curve(einsum, machine(), "Buffer")
    spent = time.process_time() - began
    proven = "proven" if curve.proven else "best found"
    print(f"\n4096³ product: {proven}, {len(curve.points)} corners, {spent:.2f} CPU-s\n")
    print("| buffer | words | × compulsory | 2·N³/√S |\n|---|---|---|---|")
    for power in range(6, 28, 2):
        point = curve.at(8 << power)
        assert point is not None
        least = curve.points[-1].traffic_words
        bound = 2 * n**3 / math.sqrt(2**power)
        print(f"| {2**power:,} B | {point.traffic_words:,} | {point.traffic_words / least:.2f} | {bound:,.0f} |")


def block() -> None:
    """Print the traffic of the products of a GPT-3 6.7B block, 16 sequences of 2,048 tokens, with 50 MB on chip."""
    work = resolve(WorkloadSpec.model_validate(published("orojenesis")["block"]))
    words = {}
    print("\nproducts of a GPT-3 6.7B block, 32,768 tokens, 50 MB of bytes\n\n| | words | CPU-s | |\n|---|---|---|---|")
    for fuse in ("off", "auto"):
        began = time.process_time()
        found = map_workload(work, machine(8 * BYTES), Request(objective=("energy",), fuse=fuse), jobs=1)
        words[fuse] = found.evaluation.energy_pj
        spent = time.process_time() - began
        fused = [layer.einsum for layer in found.layers if " + " in layer.einsum]
        said = f"{found.certificate}" + (f"; {', '.join(fused)}" if fused else "")
        print(f"| fuse {fuse} | {words[fuse]:,.0f} | {spent:.1f} | {said} |", flush=True)
    print(f"\n{words['off'] / words['auto']:.2f} × less")


def drawing(cases: list[Drawn]) -> str:
    """Return an SVG with a panel for each cascade: bytes that cross against bytes of the buffer, both logarithmic."""
    width, height, left, top, gap = 230, 180, 60, 34, 62
    box = f"0 0 {left + len(cases) * (width + gap)} {top + height + 52}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="10" fill="#333">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, case in enumerate(cases):
        assert case.curve.fused is not None
        lines = [(case.curve.unfused, "#9a3b26"), (case.curve.fused, "#2a6f97")]
        sizes = [p.capacity_bits for one, _ in lines for p in one.points]
        words = [p.traffic_words for one, _ in lines for p in one.points]
        first, last = math.log2(min(sizes) / 8), math.log2(max(sizes) / 4)
        low, high = math.log10(min(words)) - 0.1, math.log10(max(words)) + 0.1
        x0 = left + number * (width + gap)

        def x_of(size: float, x0: float = x0, first: float = first, last: float = last) -> float:
            return x0 + width * (math.log2(size) - first) / (last - first)

        def y_of(moved: float, low: float = low, high: float = high) -> float:
            return top + height * (1 - (math.log10(moved) - low) / (high - low))

        parts.append(f'<text x="{x0}" y="{top - 12}" font-size="9">{case.title}</text>')
        for power in range(math.ceil(low), math.floor(high) + 1):
            y = y_of(10.0**power)
            parts.append(f'<line x1="{x0}" x2="{x0 + width}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
            parts.append(f'<text x="{x0 - 5}" y="{y + 3:.1f}" text-anchor="end">10^{power}</text>')
        parts += [
            f'<text x="{x_of(2.0**power):.1f}" y="{top + height + 14}" text-anchor="middle">{labels(power)}</text>'
            for power in range(4 * math.ceil(first / 4), math.floor(last) + 1, 4)
        ]
        for staircase, colour in lines:
            path = [(x_of(p.capacity_bits / 8), y_of(p.traffic_words)) for p in staircase.points]
            steps = [f"M{path[0][0]:.1f},{path[0][1]:.1f}"]
            steps += [f"H{x:.1f}V{y:.1f}" for x, y in path[1:]]
            steps.append(f"H{x0 + width}")
            parts.append(f'<path d="{"".join(steps)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    names = '<tspan fill="#9a3b26">unfused</tspan>, <tspan fill="#2a6f97">fused</tspan>'
    told = f"words of a byte between DRAM and the buffer, by the size of the buffer; {names}"
    parts.append(f'<text x="{left}" y="{top + height + 34}">{told}</text>')
    return "\n".join([*parts, "</svg>", ""])


def labels(power: int) -> str:
    """Powers of two as people know them.

    >>> labels(12), labels(4)
    ('4 KiB', '16 B')
    """
    unit, name = max((u, n) for u, n in ((0, "B"), (10, "KiB"), (20, "MiB"), (30, "GiB")) if u <= power)
    return f"{2 ** (power - unit)} {name}"


def main() -> None:
    asked = [a for a in sys.argv[1:] if a != "--svg"]
    drawn = [cascade(name) for name in CASCADES if not asked or name in asked]
    if not asked or "gemm" in asked:
        gemm()
    if not asked or "block" in asked:
        block()
    if "--svg" in sys.argv:
        PLOT.write_text(drawing(drawn), encoding="utf-8")


if __name__ == "__main__":
    main()
