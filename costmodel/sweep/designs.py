"""Design points of a study: the grid that its axes span, or what an Optuna sampler asks for next."""

from __future__ import annotations

import itertools
import json
import math
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from costmodel.spec.mapping import Mapping as Schedule
from costmodel.spec.methods import METHODS, check_packages
from costmodel.spec.objective import Costs
from costmodel.spec.problems import Marks, Problem, SpecError
from costmodel.spec.study import NotDerivedError, paths_of, row

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from optuna import Study as OptunaStudy
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

    from costmodel.spec.study import Study

Scalar = str | int | float | bool
LAG = 8
"""Points that are asked for before a sampler hears of the first; fixed, so that the answer does not depend on the
number of workers."""
REPEATS = 20
"""Proposals in a row without a new point, after which a sampler is given one."""

ASIDE = "set aside"
"""How the note begins of a design that breaks a condition."""
DOMINATED = "dominated: proven"
"""How the note begins of a design that cannot enter the front."""


@dataclass(frozen=True, slots=True)
class Design:
    """One point: an architecture and a workload with some values replaced."""

    arch: str
    workload: str
    """One of the study's ``computations``: a mean is over several."""
    axes: tuple[tuple[str, Scalar], ...]
    """(path, value as the study wrote it), in the order of the study; then what is derived."""

    @property
    def key(self) -> str:
        """What tells it apart, as text that files can hold."""
        return json.dumps([self.arch, self.workload, *self.axes], ensure_ascii=False)

    @classmethod
    def of(cls, key: str) -> Self:
        """The design of a key."""
        arch, workload, *axes = json.loads(key)
        return cls(arch, workload, tuple((path, value) for path, value in axes))

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
    peak_power_w: float | None = None
    """Of the Einsum that draws most: its energy over its time."""
    mappings: tuple[Schedule, ...] = ()
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
    """Gives designs, and learns what they cost."""

    def ask(self) -> Design | None:
        """Return the next design; null where there is none before more is told, or none at all."""

    def tell(self, design: Design, costs: Values, found: DesignCosts | None) -> None:
        """Take the costs of a design, in any order, and all that is known of it; null where it was lost."""


def grid(study: Study) -> Iterator[Design]:
    """Every combination of architectures, workloads and axis values; the last axis runs fastest."""
    axes = list(study.axes)
    for arch, workload, *values in itertools.product(study.arch, study.computations, *study.axes.values()):
        yield design_of(study, arch, workload, dict(zip(axes, values, strict=True)))


def design_of(study: Study, arch: str, workload: str, chosen: Mapping[str, Any]) -> Design:
    """The design at a value of each axis. What cannot be derived is left out: ``overrides`` says why."""
    values = {
        path: value for axis in chosen for path, value in zip(paths_of(axis), row(axis, chosen[axis]), strict=True)
    }
    with suppress(NotDerivedError):
        values |= study.derived({**study.from_files(arch, workload), **study.set, **values})
    return Design(arch, workload, tuple((path, _scalar(value)) for path, value in values.items()))


def size(study: Study) -> int:
    """Points of the whole design space."""
    return len(study.arch) * len(study.computations) * study.design_points


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a grid. Each is one stretch of it, so that designs stay together that are alike."""

    number: int
    """From 1."""
    of: int

    @classmethod
    def of_text(cls, text: str) -> Shard:
        """Read ``2/8``. Raises SpecError."""
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise SpecError([Problem(f"must be i/n with i from 1 to n, such as 2/8, got {text!r}", path="shard")])
        return cls(int(number), int(of))

    def range(self, points: int) -> range:
        """The places of so many points that are in it."""
        return range((self.number - 1) * points // self.of, self.number * points // self.of)


def asked(study: Study, shard: Shard | None = None) -> int:
    """Points that the study asks for."""
    points = min(size(study), study.points or size(study))
    return points if shard is None else len(shard.range(points))


def source_of(study: Study, shard: Shard | None = None) -> Source:
    """The grid, or the sampler that the study names.

    Raises SpecError for a shard of what a sampler chooses, and for a sampler that cannot run here, or not for this.
    """
    if study.sampler == "grid":
        return Grid(study, shard)
    if shard is not None:
        hint = "sweep the grid, or all of it at once"
        raise SpecError([Problem(f"only a grid has shards, not what {study.sampler} chooses", hint=hint)])
    return Sampler(study)


def _scalar(value: Any) -> Scalar:
    """A value as one cell of a table: a list is written as in a file."""
    if isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return f"[{', '.join(map(str, value))}]"
    return json.dumps(value)


def overrides(study: Study, design: Design) -> list[tuple[str, Any]]:
    """What a design replaces, with the values of the study as they would stand in a file.

    Raises SpecError where a value cannot be derived.
    """
    columns = study.columns
    chosen = {p: next(v for v in columns[p] if _scalar(v) == shown) for p, shown in design.axes if p in columns}
    try:
        derived = study.derived({**study.from_files(design.arch, design.workload), **study.set, **chosen})
    except NotDerivedError as error:
        own = study.documents.get(("study", ""))
        marks = Marks() if own is None else own.marks
        raise SpecError([marks.problem(str(error), ("derive", error.path))]) from None
    return [*study.set.items(), *chosen.items(), *derived.items()]


class Grid:
    """All points in order, or the first ``points`` of them; or a shard of these."""

    def __init__(self, study: Study, shard: Shard | None = None) -> None:
        mine = range(asked(study)) if shard is None else shard.range(asked(study))
        self._left = itertools.islice(grid(study), mine.start, mine.stop)

    def ask(self) -> Design | None:
        """Return the next point."""
        return next(self._left, None)

    def tell(self, design: Design, costs: Values, found: DesignCosts | None = None) -> None:
        """Nothing to learn."""


class Sampler:
    """Ask and tell with an Optuna sampler, without barriers: a design is asked for once all but the last few are known.

    What is asked follows from the study's seed and the costs alone: the sampler hears of them in the order in which it
    asked, ``LAG`` late, whatever comes first. No design is asked for twice: of one that is proposed again the sampler
    hears at once what is known, and where it proposes nothing new it is given a point that is.
    """

    def __init__(self, study: Study) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = study
        self._wanted = asked(study)
        self._chance = np.random.default_rng(study.seed)
        self._costs: dict[Design, Values] = {}
        self._asked: dict[Design, Trial] = {}
        """In order."""
        self._told: set[Design] = set()
        self._unheard: deque[Design] = deque()
        directions = [optuna.study.StudyDirection.MINIMIZE] * len(study.objective)
        self._optuna: OptunaStudy = optuna.create_study(directions=directions, sampler=sampler_of(study))

    def ask(self) -> Design | None:
        """Return a design that is new."""
        if len(self._asked) >= self._wanted:
            return None
        while len(self._unheard) >= LAG:
            if self._unheard[0] not in self._costs:
                return None
            self._hear(self._unheard.popleft())
        for _ in range(REPEATS):
            trial = self._optuna.ask()
            design = proposed(self._study, trial)
            if design not in self._asked:
                return self._take(design, trial)
            self._finish(trial, self._costs[design] if design in self._told else None)
        places = place_of_another(self._study, self._chance, self._asked)
        if places is None:  # values of an axis that are equal
            return None
        self._optuna.enqueue_trial(places)
        trial = self._optuna.ask()
        return self._take(proposed(self._study, trial), trial)

    def tell(self, design: Design, costs: Values, found: DesignCosts | None = None) -> None:
        """Keep the costs until it is their turn."""
        del found
        self._costs[design] = costs

    def _take(self, design: Design, trial: Trial) -> Design:
        self._asked[design] = trial
        self._unheard.append(design)
        return design

    def _hear(self, design: Design) -> None:
        self._told.add(design)
        self._finish(self._asked[design], self._costs[design])

    def _finish(self, trial: Trial, costs: Values) -> None:
        from optuna.trial import TrialState

        if costs is None or not all(map(math.isfinite, costs)):
            self._optuna.tell(trial, state=TrialState.FAIL)
        else:
            self._optuna.tell(trial, list(costs))


ARCH, WORKLOAD = "arch", "workload"
"""Parameters of a trial beside the axes."""


def _names(study: Study) -> dict[str, Sequence[Any]]:
    """What a trial chooses from."""
    return {ARCH: study.arch, WORKLOAD: study.computations, **study.axes}


def proposed(study: Study, trial: Trial) -> Design:
    """The design that a trial chooses."""
    return at(study, {name: _place(trial, name, len(values)) for name, values in _names(study).items()})


def place_of_another(study: Study, chance: np.random.Generator, known: Container[Design]) -> dict[str, int] | None:
    """What a trial would choose for a design that is not known: by chance, or the first where few are left.

    Null where all are known.
    """
    sizes = {name: len(values) for name, values in _names(study).items()}
    for _ in range(REPEATS):
        places = {name: int(chance.integers(count)) for name, count in sizes.items()}
        if at(study, places) not in known:
            return {name: place for name, place in places.items() if sizes[name] > 1}
    every = (dict(zip(sizes, each, strict=True)) for each in itertools.product(*map(range, sizes.values())))
    places = next((each for each in every if at(study, each) not in known), {})
    return {name: place for name, place in places.items() if sizes[name] > 1} or None


def at(study: Study, places: Mapping[str, int]) -> Design:
    """The design at places; samplers are asked for none where there is only one, the first."""
    chosen = {axis: values[places.get(axis, 0)] for axis, values in study.axes.items()}
    return design_of(study, study.arch[places.get(ARCH, 0)], study.computations[places.get(WORKLOAD, 0)], chosen)


def _place(trial: Trial, name: str, count: int) -> int:
    """Let a trial choose one of some values: axes are ordered, so a place on them is a number; names are not."""
    if count == 1:
        return 0
    if name in (ARCH, WORKLOAD):
        return int(trial.suggest_categorical(name, list(range(count))))
    return trial.suggest_int(name, 0, count - 1)


def sampler_of(study: Study) -> BaseSampler:
    import warnings

    import optuna
    from optuna import samplers

    method = METHODS[study.sampler]
    check_packages(method, "sampler")
    if method.single and len(study.objective) > 1:
        message = f"sampler {method.name!r} makes one objective small, not {', '.join(study.objective)}"
        raise SpecError([Problem(message, path="sampler", hint="nsga2, tpe and gp take several; edp is one")])
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    match method.name:
        case "random":
            return samplers.RandomSampler(seed=study.seed)
        case "nsga2":
            return samplers.NSGAIISampler(seed=study.seed, population_size=2 * LAG)
        case "cmaes":
            return samplers.CmaEsSampler(seed=study.seed, warn_independent_sampling=False)
        case "gp":
            return samplers.GPSampler(seed=study.seed, n_startup_trials=2 * LAG, deterministic_objective=True)
        case "qmc":
            return samplers.QMCSampler(seed=study.seed, scramble=True, warn_independent_sampling=False)
        case _:
            return samplers.TPESampler(seed=study.seed, n_startup_trials=2 * LAG)
