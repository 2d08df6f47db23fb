"""CPU time of sweeps: a grid of matrix products, points that are known, and an estimate for a grid of ResNet-18.

    python benchmarks/sweep.py [gemm | known | samplers | scaling | resnet18 | whole | network]

``gemm``      256 designs (buffer × PE X × PE Y × bandwidth) of a 64³ product, for energy and latency, in this process
``known``     the same again with a journal that holds them all: time of a point of which everything is known
``samplers``  the same grid by samplers: hypervolume against designs, as a share of that of the true front
``scaling``   128 designs of the Eyeriss family on ResNet-18 with 1 and with 2 processes: on an otherwise idle machine
``resnet18``  10,000 designs of the Eyeriss family: distinct searches, and the time of all from that of a sample
``whole``     all of these with 2 processes, which takes an hour, and 100 of them at random mapped directly
``network``   samplers on 96 designs of the Eyeriss family on ResNet-18, for energy, latency and area
"""

from __future__ import annotations

import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from costmodel.mapper.cache import Cache, Inquiry, Kept
from costmodel.mapper.engines import search
from costmodel.mapper.front import on_front
from costmodel.mapper.network import map_workload
from costmodel.mapper.result import MapperResult
from costmodel.spec import catalog
from costmodel.spec.study import Study
from costmodel.sweep.bench import Bench
from costmodel.sweep.designs import Values, grid, overrides
from costmodel.sweep.execute import fingerprint, run_sweep
from costmodel.sweep.journal import Journal
from costmodel.sweep.outcome import Outcome
from costmodel.sweep.resolve import Resolver
from costmodel.sweep.standing import dominated

GEMM = {
    "arch": "pe2d",
    "workload": "mm64",
    "objective": ["energy", "latency"],
    "axes": {
        "GLB.size": ["4 KiB", "8 KiB", "16 KiB", "32 KiB"],
        "PEs.shape.X": [4, 8, 16, 32],
        "PEs.shape.Y": [4, 8, 16, 32],
        "MainMemory.bandwidth": [2, 4, 8, 16],
    },
}
RESNET = {
    "arch": "eyeriss_v1",
    "workload": "resnet18",
    "objective": "energy",
    "axes": {
        "GLB.size": {"from": "16 KiB", "to": "160 KiB", "step": "16 KiB"},
        "PEs.shape.X": {"from": 4, "to": 22, "step": 2},
        "PEs.shape.Y": {"from": 4, "to": 22, "step": 2},
        "DRAM.bandwidth": {"from": "0.25 GB/s", "to": "2.5 GB/s", "step": "0.25 GB/s"},
    },
}
FAMILY = RESNET | {
    "objective": ["energy", "latency", "area"],
    "axes": {
        "GLB.size": ["32 KiB", "64 KiB", "108 KiB", "160 KiB"],
        "PEs.shape.X": [4, 8, 14, 20],
        "PEs.shape.Y": [4, 8, 12],
        "DRAM.bandwidth": ["1 GB/s", "2 GB/s"],
    },
}
TRIALS = (8, 16, 32, 64, 128)
"""Designs after which samplers are compared."""
SEEDS = 5
CHECKED = 100
"""Designs that are mapped directly."""
SAMPLE = 12
"""Searches that an estimate is made from."""


def gemm(folder: Path) -> None:
    study = catalog.load_study(GEMM)
    with Journal(folder / "points.jsonl", fingerprint(study)) as journal:
        started = time.process_time()
        result = run_sweep(study, journal, jobs=1)
        spent = time.process_time() - started
    bench = result.searches
    done = f"{bench.searched} searched, {bench.settled} settled of {bench.distinct} distinct searches"
    print(f"gemm: {len(result.outcomes)} points in {spent:.1f} CPU-s ({bench.cpu_s:.1f} of it searches): {done}")


def known(folder: Path) -> None:
    if not (folder / "points.jsonl").exists():
        gemm(folder)
    study = catalog.load_study(GEMM)
    started = time.process_time()
    with Journal(folder / "points.jsonl", fingerprint(study)) as journal:
        result = run_sweep(study, journal, jobs=1)
    spent = time.process_time() - started
    print(f"known: {1000 * spent / len(result.outcomes):.2f} ms a point, {result.resumed} points known")


def samplers(_: Path) -> None:
    compare("samplers", catalog.load_study(GEMM))


def network(_: Path) -> None:
    compare("network", catalog.load_study(FAMILY))


class Answered(Cache):
    """What a sweep has answered, also for designs that others settled, which no cache on disk keeps."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(Path(), print)
        self.bench = bench

    def find(self, asked: Inquiry) -> Kept | None:
        asked = replace(asked, request=asked.request.asking(seed=0))  # that of the sweep: the search uses none
        found = self.bench.answer(asked.named()[0], asked)
        return Kept(found, math.inf) if isinstance(found, MapperResult) else None


def compare(title: str, study: Study) -> None:
    """Print the share of the true hypervolume that samplers have after so many designs, the mean of some seeds."""
    started = time.process_time()
    every = run_sweep(study, jobs=1)
    spent = time.process_time() - started
    whole, cache = [o.costs(study.objective) for o in every.outcomes], Answered(every.searches)
    costs = np.log([each for each in whole if each is not None])
    least, sides = costs.min(axis=0), np.ptp(costs, axis=0)

    def volume(some: Sequence[Values]) -> float:
        scaled = (np.log([each for each in some if each is not None]) - least) / sides
        return dominated([tuple(each) for each in scaled[on_front(scaled)]])

    true = volume(whole)
    trials = [count for count in TRIALS if count < len(whole)]
    print(f"{title}: all {len(whole)} designs in {spent:.0f} CPU-s; the true front has {true:.4f} of the box")
    print(f"{title}: share of that after {', '.join(map(str, trials))} designs, mean of {SEEDS} seeds")
    for name in ("random", "qmc", "tpe", "nsga2"):
        found = np.zeros(len(trials))
        for seed in range(SEEDS):
            asked = study.model_copy(update={"sampler": name, "points": trials[-1], "seed": seed})
            told = [o.costs(study.objective) for o in run_sweep(asked, jobs=1, cache=cache).outcomes]
            found += [volume(told[:count]) / true / SEEDS for count in trials]
        print(f"{title}: {name:7} {' '.join(f'{share:.3f}' for share in found)}")


def scaling(_: Path) -> None:
    study = catalog.load_study(RESNET | {"points": 128})
    walls = []
    for jobs in (1, 2):
        started = time.monotonic()
        result = run_sweep(study, jobs=jobs)
        walls.append(time.monotonic() - started)
        assert len(result.outcomes) == 128
        spent = result.searches.cpu_s
        print(f"scaling: -j {jobs}: {walls[-1]:.0f} s, {spent:.0f} CPU-s of searches, load {os.getloadavg()[0]:.1f}")
    print(f"scaling: {walls[0] / walls[1]:.2f} times as fast with 2 processes")


def resnet18(_: Path) -> None:
    study = catalog.load_study(RESNET)
    started = time.process_time()
    resolver, bench = Resolver(study), Bench(None)
    points = points_of(study, resolver, bench)
    planned = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    some = bench.left[:: max(1, len(bench.left) // SAMPLE)]
    started = time.process_time()
    for one in some:
        search(one.einsum, one.architecture, one.request)
    each = (time.process_time() - started) / len(some)
    searches = bench.distinct
    print(f"resnet18: {points:,} points, {searches:,} distinct searches planned in {planned:.0f} CPU-s, {peak:.0f} MB")
    print(f"resnet18: {each:.2f} CPU-s a search (sample of {len(some)}), {each * searches:,.0f} CPU-s at most for all")


def whole(folder: Path) -> None:
    study = catalog.load_study(RESNET)
    started = time.monotonic()
    with Journal(folder / "points.jsonl", fingerprint(study)) as journal:
        result = run_sweep(study, journal, jobs=2, cache=Cache(folder / "answers", print))
    minutes = (time.monotonic() - started) / 60
    bench, kept = result.searches, (folder / "points.jsonl").stat().st_size / 1e6
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    done = f"{bench.searched:,} searched, {bench.settled:,} settled of {bench.distinct:,} distinct searches"
    points = len(result.outcomes)
    print(f"whole: {points:,} points in {minutes:.0f} minutes, {bench.cpu_s:,.0f} CPU-s of searches: {done}")
    print(f"whole: at most {peaks[0]:.0f} MB, a worker {peaks[1]:.0f} MB; journal of {kept:.0f} MB")
    proven = sum(outcome.proven for outcome in result.outcomes)
    chosen = np.random.default_rng(0).choice(len(result.outcomes), CHECKED, replace=False)
    some = [result.outcomes[place] for place in chosen.tolist()]
    unlike = [str(outcome.design) for outcome in some if not agrees(study, outcome)]
    print(f"whole: {proven:,} proven; of {CHECKED} that were mapped directly, {len(unlike)} have other costs {unlike}")


def agrees(study: Study, outcome: Outcome) -> bool:
    """Whether a design has the costs that mapping it by itself finds."""
    architecture, workload = catalog.load_pair(study.arch[0], study.workload[0], overrides(study, outcome.design))
    direct = map_workload(workload, architecture, study.asking(jobs=1)).evaluation
    return math.isclose(direct.energy_pj, outcome.energy_pj or 0.0, rel_tol=1e-9)


def points_of(study: Study, resolver: Resolver, bench: Bench) -> int:
    designs = list(grid(study))
    for design in designs:
        for asked in resolver.plan(design).asked:
            bench.need(asked)
    return len(designs)


COMMANDS = {
    "gemm": gemm,
    "known": known,
    "samplers": samplers,
    "scaling": scaling,
    "resnet18": resnet18,
    "whole": whole,
    "network": network,
}


def main() -> None:
    asked = sys.argv[1:] or ["gemm", "known", "samplers", "resnet18"]
    with tempfile.TemporaryDirectory() as folder:
        for name in asked:
            COMMANDS[name](Path(folder))


if __name__ == "__main__":
    main()
