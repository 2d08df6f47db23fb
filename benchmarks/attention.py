"""Published attention against the model, as Markdown tables.

python benchmarks/attention.py flash       FlashAttention: words of one head by the memory's size, unfused and one-pass
python benchmarks/attention.py fusemax     FuseMax and FLAT: ratios beside ../shared/reference/fusemax.json
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from curves import CORE, machine, workload  # noqa: E402  after the path is set
from published_attention import LENGTHS, MODELS, flash_attention, flat_as_published, fusemax  # noqa: E402
from reference import reference  # noqa: E402

from costmodel.mapper.cascade_curve import cascade_curve  # noqa: E402

LENGTH, WIDTH = 4096, 64


def flash() -> None:
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
    room, words = np.log(np.array(found, dtype=float)).T
    print(f"\nwords ~ M^{np.polyfit(room, words, 1)[0]:.3f}")


def ratios() -> None:
    """Print latency, traffic and energy, and FLAT's over FuseMax's, as published and as evaluated."""
    published = reference("fusemax.json")
    names = ["FuseMax traffic", "latency", "energy", "FLAT traffic", "latency", "energy"]
    print(f"| evaluated / published | {' | '.join(names)} | speed-up published | evaluated |\n|{'---|' * 9}")
    began = time.process_time()
    for model in MODELS:
        for length, n in LENGTHS.items():
            cells, seconds = [], []
            for table, found in (("attn-binding", fusemax(model, n)), ("attn-flat", flat_as_published(model, n))):
                row = next(r for r in published[table] if (r["model"], r["seq_len"]) == (model, length))
                pairs = zip(found[:3], (row["traffic"], row["latency"], row["energy"]), strict=True)
                cells += [f"{ours / theirs:.3f}" for ours, theirs in pairs]
                seconds.append((row["latency"], found.latency_s))
            (theirs, ours), (flat_theirs, flat_ours) = seconds
            cells += [f"{flat_theirs / theirs:.2f}", f"{flat_ours / ours:.2f}"]
            print(f"| {model} {length} | {' | '.join(cells)} |")
    print(f"\n{time.process_time() - began:.1f} CPU-s")


def main() -> None:
    asked = sys.argv[1:] or ["flash", "fusemax"]
    if "flash" in asked:
        flash()
    if "fusemax" in asked:
        ratios()


if __name__ == "__main__":
    main()
