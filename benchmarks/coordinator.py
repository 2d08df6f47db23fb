"""What coordinating a sweep costs, by simulation: the real coordinator and journal, workers that only take time.

    python benchmarks/coordinator.py [POINTS…]

Every point needs a search of its own. A thousand simulated workers take ``SEARCH_S`` each on a clock that only they
turn; what they answer is the mapping of one real search, costed for each design. Their time is not counted.
"""

from __future__ import annotations

import heapq
import itertools
import random
import resource
import sys
import tempfile
import time
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, Self

from costmodel.mapper.engines import search
from costmodel.mapper.result import MapperResult, MappingPoint
from costmodel.mapper.tasks import Said, Task
from costmodel.model.evaluate import evaluate
from costmodel.spec import catalog
from costmodel.sweep.execute import fingerprint, run_sweep
from costmodel.sweep.journal import Journal

WORKERS = 1000
SEARCH_S = 0.3
"""Mean time of a search, as of a layer of ResNet-18; simulated ones are exponentially distributed."""
DEATH = 1e-4
"""Share of searches that end their worker."""
TARGET = 10_000_000


def study(points: int) -> Any:
    axes = {
        "MainMemory.bandwidth": {"from": 4, "to": 3 + points // 10, "step": 1},
        "GLB.size": [f"{k} KiB" for k in range(64, 74)],
    }
    return catalog.load_study({"arch": "pe2d", "workload": "mm64", "objective": ["energy", "latency"], "axes": axes})


class Simulated:
    """An executor whose workers take time on a clock of their own."""

    def __init__(self) -> None:
        self._chance = random.Random(0)  # noqa: S311  (a simulation)
        self._running: list[tuple[float, int, Hashable, str, Task[Any, Any]]] = []
        self._places = {f"tcp://10.0.{n // 256}.{n % 256}:40000": 2 for n in range(WORKERS)}
        self._count = itertools.count()
        self._first: MapperResult | None = None
        self.clock_s = 0.0
        self.spent_s = 0.0
        """CPU time in here, which is not the coordinator's."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def places(self) -> dict[str, int]:
        return self._places

    def submit(self, task: Task[Any, Any], place: str) -> None:
        ends_s = self.clock_s + self._chance.expovariate(1 / SEARCH_S)
        heapq.heappush(self._running, (ends_s, next(self._count), task.key, place, task))

    def collect(self) -> Iterator[Said]:
        started = time.process_time()
        self.clock_s, _, key, _, task = heapq.heappop(self._running)
        died = self._chance.random() < DEATH
        answer = None if died else self._answer(task.arguments[0])
        self.spent_s += time.process_time() - started
        yield (key, "died", "its worker died") if died else (key, "answer", (answer, False))

    def interrupt(self, times: int) -> None:
        raise AssertionError(times)

    def _answer(self, asked: Any) -> MapperResult:
        if self._first is None:
            self._first = search(asked.einsum, asked.architecture, asked.request)
        mapping = self._first.front[0].mapping
        point = MappingPoint(mapping, evaluate(asked.alone, asked.architecture, mapping))
        return MapperResult(asked.einsum.name, (point,), self._first.certificate)


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(points: int, folder: Path) -> None:
    asked = study(points)
    journal_file = folder / f"{points}" / "points.jsonl"
    executor = Simulated()
    before_mb = memory_mb()
    started = time.process_time()
    with Journal(journal_file, fingerprint(asked)) as journal:
        result = run_sweep(asked, journal, executor=executor)
    spent_s = time.process_time() - started - executor.spent_s
    assert len(result.outcomes) == points
    done = len(result.outcomes)
    each_ms, each_b = 1000 * spent_s / done, journal_file.stat().st_size / done
    each_kb = 1024 * (memory_mb() - before_mb) / done
    print(
        f"{done:>7,} points: {each_ms:.2f} ms of the coordinator, {each_b:.0f} B of journal, {each_kb:.1f} KB of memory"
        f" each; {WORKERS / SEARCH_S / (done / spent_s):.1f} coordinators keep {WORKERS:,} workers busy;"
        f" {TARGET:,} points: {spent_s / done * TARGET / 3600:.1f} h, {each_b * TARGET / 1e9:.0f} GB,"
        f" {each_kb * TARGET / 1e6:.0f} GB",
        flush=True,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for points in map(int, sys.argv[1:] or ("1000", "4000", "16000")):
            measured(points, Path(folder))


if __name__ == "__main__":
    main()
