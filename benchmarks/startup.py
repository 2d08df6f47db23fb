"""CPU-seconds until the command line answers: whole processes, compiled modules, the least and the median of several.

python benchmarks/startup.py [--runs 6]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

TARGETS_S = {("--help",): 0.15, ("check", "eyeriss_v1"): 0.5, ("check", "resnet18"): 0.5}


def cpu_s(arguments: tuple[str, ...]) -> float:
    before = os.times()
    subprocess.run([sys.executable, "-m", "costmodel", *arguments], check=True, capture_output=True)  # noqa: S603
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=6)
    runs = parser.parse_args().runs
    print(f"{'costmodel':<20}{'least':>8}{'median':>8}{'target':>8}")
    for arguments, target in TARGETS_S.items():
        cpu_s(arguments)  # compiles
        times = [cpu_s(arguments) for _ in range(runs)]
        print(f"{' '.join(arguments):<20}{min(times):>8.2f}{statistics.median(times):>8.2f}{target:>8.2f}")


if __name__ == "__main__":
    main()
