"""Design points of a study: the grid that its axes span, or what an Optuna sampler asks for next."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from costmodel.spec.mapping import Mapping
from costmodel.spec.objective import Costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna import Study as OptunaStudy
    from optuna.trial import Trial

    from costmodel.spec.study import Study

Scalar = str | int | float | bool
BATCH = 8
"""Points that a sampler is asked for at a time; fixed, so that the answer does not depend on the number of workers."""
REPEATS = 20
"""Batches in a row without a new point, after which a sampler has nothing more to offer."""


@dataclass(frozen=True, slots=True)
class Design:
    """One point: an architecture and a workload with some values replaced."""

    arch: str
    workload: str
    axes: tuple[tuple[str, Scalar], ...]
    """(path, value as the study wrote it), in the order of the study."""

    @property
    def key(self) -> str:
        """What tells it apart, as text that files can hold."""
        return json.dumps([self.arch, self.workload, *self.axes], ensure_ascii=False)

    def __str__(self) -> str:
        return ", ".join(f"{path}={value}" for path, value in self.axes) or f"{self.workload} on {self.arch}"


@dataclass(frozen=True, kw_only=True)
class DesignCosts:
    """What the best mappings of a design cost; null where nothing fits."""

    energy_pj: float | None = None
    latency_cycles: float | None = None
    capacity_bits: int | None = None
    """Room that the tiles of the mappings take."""
    clock_hz: float | None = None
    area_mm2: float | None = None
    """Null where not modelled."""
    utilisation: float | None = None
    power_w: float | None = None
    """This and what follows as in ``Efficiency``."""
    pj_per_mac: float | None = None
    tops_per_w: float | None = None
    tops_per_mm2: float | None = None
    mappings: tuple[Mapping, ...] = ()
    note: str = ""
    """Why nothing fits, or what is not proven."""

    @property
    def totals(self) -> Costs | None:
        """The costs together; null where nothing fits."""
        if self.energy_pj is None or self.latency_cycles is None:
            return None
        return Costs(
            energy_pj=self.energy_pj, latency_cycles=self.latency_cycles, capacity_bits=self.capacity_bits or 0
        )

    @property
    def feasible(self) -> bool:
        return self.totals is not None


Values = tuple[float, ...] | None
"""The values of the objectives; null where nothing fits."""


class Source(Protocol):
    """Gives designs in batches and learns what they cost."""

    def ask(self) -> list[Design]:
        """Return the next designs; none when there are no more."""

    def tell(self, costs: Sequence[Values]) -> None:
        """Take the costs of the designs that were asked for last, in their order."""


def grid(study: Study) -> Iterator[Design]:
    """Every combination of architectures, workloads and axis values; the last axis runs fastest."""
    paths = list(study.axes)
    for arch, workload, *values in itertools.product(study.arch, study.workload, *study.axes.values()):
        yield Design(arch, workload, tuple(zip(paths, map(_scalar, values), strict=True)))


def size(study: Study) -> int:
    """Points of the whole design space."""
    return len(study.arch) * len(study.workload) * study.design_points


def asked(study: Study) -> int:
    """Points that the study asks for."""
    return min(size(study), study.points or size(study))


def source_of(study: Study) -> Source:
    """The grid, or the sampler that the study names."""
    return Grid(study) if study.sampler == "grid" else Sampler(study)


def _scalar(value: Any) -> Scalar:
    """A value as one cell of a table: a list is written as in a file."""
    if isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return f"[{', '.join(map(str, value))}]"
    return json.dumps(value)


def overrides(study: Study, design: Design) -> list[tuple[str, Any]]:
    """What a design replaces, with the values of the study's axes as they would stand in a file."""
    chosen = [(path, next(v for v in study.axes[path] if _scalar(v) == shown)) for path, shown in design.axes]
    return [*study.set.items(), *chosen]


class Grid:
    """All points in order, or the first ``points`` of them."""

    def __init__(self, study: Study) -> None:
        self._left = itertools.islice(grid(study), asked(study))

    def ask(self) -> list[Design]:
        """Return everything at once."""
        return list(self._left)

    def tell(self, costs: Sequence[Values]) -> None:
        """Nothing to learn."""


class Sampler:
    """Ask and tell with an Optuna sampler; what it asks follows from the study's seed and the costs alone."""

    def __init__(self, study: Study) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = study
        self._wanted = asked(study)
        self._seen: dict[Design, Values] = {}
        self._asked: list[tuple[Trial, Design]] = []
        self._fresh: list[Design] = []
        directions = [optuna.study.StudyDirection.MINIMIZE] * len(study.objective)
        self._optuna: OptunaStudy = optuna.create_study(directions=directions, sampler=_sampler(study))

    def ask(self) -> list[Design]:
        """Return up to a batch of designs that are new."""
        for _ in range(REPEATS):
            if len(self._seen) >= self._wanted:
                return []
            self._asked = [(trial, self._design(trial)) for trial in (self._optuna.ask() for _ in range(BATCH))]
            new = dict.fromkeys(design for _, design in self._asked if design not in self._seen)
            self._fresh = list(new)[: self._wanted - len(self._seen)]
            if self._fresh:
                return self._fresh
            self._learn()
        return []

    def tell(self, costs: Sequence[Values]) -> None:
        """Tell the sampler, repeated designs included."""
        self._seen.update(zip(self._fresh, costs, strict=True))
        self._learn()

    def _learn(self) -> None:
        from optuna.trial import TrialState

        for trial, design in self._asked:
            cost = self._seen.get(design)
            if cost is None or not all(map(math.isfinite, cost)):
                self._optuna.tell(trial, state=TrialState.FAIL)
            else:
                self._optuna.tell(trial, list(cost))

    def _design(self, trial: Trial) -> Design:
        study = self._study

        def pick(name: str, values: Sequence[Any]) -> Any:
            # Axes are ordered, so a place on them is a number that every sampler understands.
            return values[trial.suggest_int(name, 0, len(values) - 1)] if len(values) > 1 else values[0]

        def choose(name: str, values: Sequence[str]) -> str:
            return str(trial.suggest_categorical(name, list(values))) if len(values) > 1 else values[0]

        arch, workload = choose("arch", study.arch), choose("workload", study.workload)
        return Design(arch, workload, tuple((path, _scalar(pick(path, values))) for path, values in study.axes.items()))


def _sampler(study: Study) -> Any:
    import warnings

    import optuna

    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    if study.sampler == "random":
        return optuna.samplers.RandomSampler(seed=study.seed)
    if study.sampler == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=study.seed, population_size=2 * BATCH)
    if study.sampler == "cmaes" and len(study.objective) == 1:
        return optuna.samplers.CmaEsSampler(seed=study.seed)
    return optuna.samplers.TPESampler(seed=study.seed, n_startup_trials=2 * BATCH)
