"""FlashAttention: words of one head by the memory's size, unfused, one-pass and fused, as a Markdown table."""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from curves import CORE, machine, workload  # noqa: E402  after the path is set

from costmodel.mapper.cascade_curve import cascade_curve  # noqa: E402
from costmodel.validate.flashattention import flash_attention, slope  # noqa: E402

LENGTH, WIDTH = 4096, 64


def main() -> None:
    """Print words of one head by the room of Algorithm 1, and the least of unfused and fused nests with that room."""
    began = time.process_time()
    curve = cascade_curve(workload(CORE, H=1, M=LENGTH, P=LENGTH, E=WIDTH, F=WIDTH), machine(), "Buffer", fuse="auto")
    assert curve.fused is not None
    print(f"N = {LENGTH:,}, d = {WIDTH}; curves: {time.process_time() - began:.0f} CPU-s\n")
    print("| keys of a block | M, words | QK, exp, AV unfused | one-pass | × M / N²d² | fused |")
    print("|---|---|---|---|---|---|")
    found = []
    for power in range(0, 13, 2):
        one = flash_attention(LENGTH, WIDTH, 2**power)
        room = one.room_bits // 8
        found.append((room, one.traffic_bytes))
        least = [staircase.at(one.room_bits) for staircase in (curve.unfused, curve.fused)]
        unfused, fused = (f"{point.traffic_words:,}" if point else "-" for point in least)
        constant = one.traffic_bytes * room / (LENGTH * WIDTH) ** 2
        print(f"| {2**power:,} | {room:,} | {unfused} | {one.traffic_bytes:,} | {constant:.0f} | {fused} |")
    print(f"\nwords ~ M^{slope(*zip(*found, strict=True)):.3f}")


if __name__ == "__main__":
    main()
