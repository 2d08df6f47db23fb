"""A study that several processes share: each asks for the next design, and all know what the others have found.

A trial of Optuna is a design that somebody does. It says which (``DESIGN``), whose it is (``OWNER``), and at its end
what was found, in the lines of a journal (``FOUND``), or that it was lost (``LOST``). Choices are made in the order of
the numbers of trials: who has a later number waits for those that have not chosen. So no design is chosen twice, and
no more than are wanted. Each process says from time to time that it lives; a trial of one that has said nothing for
long is failed by another one. Then its design is an orphan, which is chosen before any other.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np

from costmodel.mapper.tasks import ATTEMPTS
from costmodel.spec.problems import Problem, SpecError
from costmodel.sweep.designs import REPEATS, Design, Values, asked, at, grid, place_of_another, proposed, sampler_of
from costmodel.sweep.journal import lines_of, parse
from costmodel.sweep.nests import Nests
from costmodel.sweep.outcome import Outcome
from costmodel.sweep.storage import opened, reached, without_passwords

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.trial import FrozenTrial, Trial

    from costmodel.spec.study import Study
    from costmodel.sweep.designs import DesignCosts

DESIGN, OWNER, FOUND, LOST, BACK = "design", "owner", "found", "lost", "given back"
"""What a trial says; ``BACK``: whoever had it was interrupted."""
ALIVE, QUESTION = "alive ", "question"
"""What the study says: of each process, how often it gave a sign of life; and what is asked."""
BEAT_S = 15.0
"""Between signs of life of a process."""
SILENT_S = 120.0
"""Without a sign of life, the trials of a process are taken for lost."""
POLL_S = 1.0
"""Between looks at what others have done, where nothing is left but to wait."""
CHOICE_S = 0.02
"""Between looks at whether others have chosen."""


@dataclass
class _Known:
    """What the trials say."""

    done: dict[str, FrozenTrial] = field(default_factory=dict)
    """By the key of their design."""
    failed: dict[str, FrozenTrial] = field(default_factory=dict)
    deaths: Counter[str] = field(default_factory=Counter)
    """Of each design, the processes that ended with it."""
    running: dict[str, FrozenTrial] = field(default_factory=dict)
    undecided: tuple[int, ...] = ()
    """Numbers of trials that have not chosen."""
    queued: int = 0
    """Designs that wait for whoever comes first."""
    _past: set[int] = field(default_factory=set)
    """Finished trials, which never change."""

    def read(self, trials: list[FrozenTrial]) -> Self:
        self.running, self.undecided, self.queued = {}, (), 0
        for trial in trials:
            if trial.number in self._past:
                continue
            key = trial.user_attrs.get(DESIGN)
            if trial.state.is_finished():
                self._past.add(trial.number)
                if key is not None:
                    self._end(key, trial)
            elif key is not None:
                self.running[key] = trial
                self.queued += trial.state.name == "WAITING"
            else:
                self.undecided = (*self.undecided, trial.number)
        return self

    def _end(self, key: str, trial: FrozenTrial) -> None:
        if FOUND in trial.user_attrs:
            self.done.setdefault(key, trial)
            return
        self.failed[key] = trial
        if BACK not in trial.user_attrs:
            self.deaths[key] += ATTEMPTS if LOST in trial.user_attrs else 1

    @property
    def lost(self) -> set[str]:
        """Designs that are given up."""
        return {key for key, deaths in self.deaths.items() if deaths >= ATTEMPTS and key not in self.done}

    @property
    def taken(self) -> set[str]:
        """Designs that nobody has to choose."""
        return self.done.keys() | self.running.keys() | self.lost

    @property
    def orphans(self) -> list[str]:
        """Designs that somebody has to choose again."""
        return [key for key in self.failed if key not in self.taken]


class Shared:
    """Asks for designs with others, from ``with`` on. Raises OSError with the address where the storage is lost."""

    def __init__(self, study: Study, question: str, where: str, ahead: int) -> None:
        """``ahead``: designs that this process has at once."""
        self._study = study
        self._question = question
        self._where = where
        self._ahead = ahead
        self._me = uuid.uuid4().hex
        seed = [study.seed, *hashlib.sha256(self._me.encode()).digest()]
        self._chance = np.random.default_rng(seed)  # no two propose the same
        self._mine: dict[Design, Trial] = {}
        self._known = _Known()
        self._heard: set[str] = set()
        """Keys of designs whose outcome this process has."""
        self._signs: dict[int, tuple[object, float]] = {}
        """The last sign of life of trials of others, and when it was new here."""
        self._looked_s = -math.inf
        points = itertools.islice(grid(study), asked(study)) if study.sampler == "grid" else ()
        self._grid = tuple(dict.fromkeys(design.key for design in points))
        self._wanted = len(self._grid) or asked(study)
        self._ended = threading.Event()
        self.done = 0
        """Designs that this process has done."""

    def __enter__(self) -> Self:
        """Join. Raises SpecError where another study of that name is shared there."""
        import optuna

        own = self._study.model_copy(update={"seed": int(self._chance.integers(2**31))})
        directions = [optuna.study.StudyDirection.MINIMIZE] * len(own.objective)
        storage, name = opened(self._where), own.name or "sweep"
        with reached(self._where):
            new = name not in optuna.get_all_study_names(storage)
            create = (
                partial(optuna.create_study, directions=directions, load_if_exists=True) if new else optuna.load_study
            )
            sampler = None if own.sampler == "grid" else sampler_of(own)  # a grid asks for nothing
            self._optuna: OptunaStudy = create(study_name=name, storage=storage, sampler=sampler)
            mine, there = _question(self._study, self._question), self._optuna.user_attrs.get(QUESTION)
            if there is None:
                self._optuna.set_user_attr(QUESTION, mine)
            elif there != mine:
                message = (
                    f"another study {name!r} is shared here: other files, axes or objectives, or another costmodel"
                )
                hint = "--set name=NAME shares it under another name"
                raise SpecError([Problem(message, file=without_passwords(self._where), hint=hint)])
        threading.Thread(target=self._live, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what is not done."""
        self._ended.set()
        with suppress(OSError), reached(self._where):
            for trial in self._mine.values():
                _say(trial, BACK, said=True)
                self._finish(trial.number, None)

    def ask(self) -> Design | None:
        """Return a design that nobody else has; null where all are chosen, or this process has enough."""
        if len(self._mine) >= self._ahead:
            return None
        with reached(self._where):
            self._bury()
            for repeat in range(REPEATS + 2):
                known = self._look()
                if self._full(known) and not known.queued:
                    return None
                design = self._choose(self._optuna.ask(), by_chance=repeat >= REPEATS)
                if design is not None:
                    return design
        return None

    def tell(self, design: Design, costs: Values, found: DesignCosts | None) -> None:
        """Say what was found, or that it was lost."""
        trial = self._mine.pop(design, None)
        if trial is None:
            return
        lines: str | None = None
        if isinstance(found, Outcome):
            lines = lines_of(found, self._question, Nests()).decode(errors="surrogatepass")
        with reached(self._where):
            if lines is not None:
                self.done += 1
                self._heard.add(design.key)
                _say(trial, FOUND, lines)
            else:
                _say(trial, LOST, said=True)
            self._finish(trial.number, costs)

    def others(self) -> Iterator[Outcome]:
        """What others have found since this was asked last."""
        with reached(self._where):
            done = self._look().done
        for key in [key for key in done if key not in self._heard]:
            self._heard.add(key)
            content = parse(done[key].user_attrs[FOUND].encode(errors="surrogatepass"))
            yield from filter(None, map(content.outcome, content.of(self._question)))

    def ordered(self, designs: Iterable[Design]) -> list[Design]:
        """Designs in the order of the grid, if there is one."""
        places = {key: place for place, key in enumerate(self._grid)}
        return sorted(designs, key=lambda design: places.get(design.key, 0))

    @property
    def lost(self) -> list[Design]:
        """Designs that are given up."""
        return [Design.of(key) for key in sorted(self._known.lost)]

    def wait(self) -> bool:
        """Wait a while for others, where something is not done; false where all is."""
        with reached(self._where):
            self._bury()
            known = self._look()
        if self._full(known) and not known.running:
            return False
        if not known.orphans or known.running:
            time.sleep(POLL_S)
        return True

    def _full(self, known: _Known) -> bool:
        """Whether all that are wanted are chosen."""
        return len(known.taken) >= self._wanted

    def _look(self) -> _Known:
        return self._known.read(self._optuna.get_trials(deepcopy=False))

    def _choose(self, trial: Trial, *, by_chance: bool) -> Design | None:
        """Let a trial choose, once all with lower numbers have; null where it found none."""
        given = trial.user_attrs.get(DESIGN)
        trial.set_user_attr(OWNER, self._me)
        if given is not None:  # it was chosen for whoever comes first
            if self._study.sampler != "grid":
                proposed(self._study, trial)
            return self._take(trial, given)
        orphan = bool(self._known.orphans) or by_chance or self._study.sampler == "grid"
        design = None if orphan else proposed(self._study, trial).key
        known = self._look()
        while any(number < trial.number for number in known.undecided):
            time.sleep(CHOICE_S)
            self._bury()
            known = self._look()
        if not self._full(known):
            taken = known.taken
            if self._study.sampler == "grid":
                design = next((key for key in self._grid if key not in taken), None)
            if design is not None and design not in taken:
                trial.set_user_attr(DESIGN, design)
                return self._take(trial, design)
            self._leave(known, by_chance=by_chance)
        self._finish(trial.number, None)
        return None

    def _take(self, trial: Trial, key: str) -> Design:
        design = Design.of(key)
        self._mine[design] = trial
        return design

    def _leave(self, known: _Known, *, by_chance: bool) -> None:
        """Put a design in the queue, for whoever comes first: an orphan, or one by chance."""
        if known.orphans:
            key = known.orphans[0]
            self._optuna.enqueue_trial(known.failed[key].params, user_attrs={DESIGN: key})
        elif by_chance:
            taken = {Design.of(key) for key in known.taken}
            places = place_of_another(self._study, self._chance, taken)
            if places is None:  # values of an axis that are equal
                self._wanted = len(taken)
            else:
                self._optuna.enqueue_trial(places, user_attrs={DESIGN: at(self._study, places).key})

    def _finish(self, number: int, costs: Values) -> None:
        """End a trial, unless somebody else has."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        with suppress(UpdateFinishedTrialError):
            if costs is not None and all(map(math.isfinite, costs)):
                self._optuna.tell(number, list(costs), skip_if_finished=True)
            else:
                self._optuna.tell(number, state=TrialState.FAIL, skip_if_finished=True)

    def _bury(self) -> None:
        """Fail the trials of processes that gave no sign of life for long."""
        now = time.monotonic()
        if now - self._looked_s < BEAT_S:
            return
        self._looked_s = now
        alive = self._optuna.user_attrs
        mine = {trial.number for trial in self._mine.values()}
        for trial in self._optuna.get_trials(deepcopy=False):
            if trial.state.name != "RUNNING" or trial.number in mine:
                continue
            owner = trial.user_attrs.get(OWNER)
            sign = owner, alive.get(f"{ALIVE}{owner}")
            last, since_s = self._signs.get(trial.number, (None, now))
            if sign != last:
                self._signs[trial.number] = sign, now
            elif now - since_s > SILENT_S:
                self._finish(trial.number, None)

    def _live(self) -> None:
        """Give signs of life."""
        beats = 0
        while not self._ended.wait(BEAT_S if beats else 0.0):
            beats += 1
            with suppress(OSError, SpecError), reached(self._where):
                self._optuna.set_user_attr(f"{ALIVE}{self._me}", beats)


def _say(trial: Trial, what: str, said: str | bool) -> None:
    """Note something in a trial, unless somebody else has ended it."""
    from optuna.exceptions import UpdateFinishedTrialError

    with suppress(UpdateFinishedTrialError):
        trial.set_user_attr(what, said)


def _question(study: Study, question: str) -> str:
    """What has to be the same for all who share a study: what decides costs, and what may be chosen."""
    designs = [study.sampler, study.objective, study.arch, study.workload, study.axes, study.derive, study.where]
    return hashlib.sha256(repr([question, *designs]).encode(errors="surrogatepass")).hexdigest()[:16]
