"""The searches of a sweep: each one once, whatever the number of designs that need it.

A search is one Einsum on what decides it (``Inquiry.named``). Those of a family, which differ in limits alone, begin
with the most generous: its answer settles tighter ones (``mapper/settled.py``). Otherwise the largest come first.
"""

from __future__ import annotations

import bisect
import itertools
import json
import math
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from costmodel.mapper.cache import Cache, Inquiry, answer_of, entry_of
from costmodel.mapper.engines import least_costs, search
from costmodel.mapper.result import InfeasibleError, MapperResult
from costmodel.mapper.settled import SETTLED, Proven, proven, settled, settles
from costmodel.mapper.tasks import LostError, Task
from costmodel.spec.decisive import Family
from costmodel.spec.problems import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.mapper.canonical import Naming
    from costmodel.mapper.network import NetworkPlan
    from costmodel.spec.objective import Costs

LOOKS = 64
"""Searches that are looked at for one that no running one may settle."""
GENEROUS = 8
"""Answers that a search is tried to be settled by, the tightest first."""
RECENT = 512
"""Answers that are kept costed."""


def answer(asked: Inquiry, generous: Sequence[Proven]) -> MapperResult:
    """Answer an inquiry by what is known of more generous designs, or search. Raises as ``search`` does."""
    return settled(asked, generous) or search(asked.einsum, asked.architecture, asked.request)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search that is to be made."""

    key: str
    asked: Inquiry
    naming: Naming
    family: Family | None
    """Null where no other design can settle it."""

    @property
    def order(self) -> tuple[float, ...]:
        """Most work first; in a family, those first that allow most."""
        return (-self.asked.einsum.points, 0.0 if self.family is None else -self.family.size)


@dataclass
class Bench:
    """Searches that wait, run, and are done."""

    cache: Cache | None
    found: int = 0
    """Answers of earlier runs."""
    searched: int = 0
    settled: int = 0
    """Answers that one of another design has given."""
    cpu_s: float = 0.0
    """Of the searches."""
    _waiting: list[Wanted] = field(default_factory=list)
    """In order, the next one last."""
    _sorted: bool = True
    _open: dict[str, Wanted] = field(default_factory=dict)
    _running: dict[str, Wanted] = field(default_factory=dict)
    _entries: dict[str, str] = field(default_factory=dict)
    """What is kept of the answers of this run, as JSON."""
    _failures: dict[str, tuple[Naming, Exception]] = field(default_factory=dict)
    """Why there is no answer, and in whose names."""
    _recent: OrderedDict[str, tuple[Inquiry, MapperResult]] = field(default_factory=OrderedDict)
    _least: dict[str, Costs] = field(default_factory=dict)
    _proven: dict[str, list[tuple[Family, Proven]]] = field(default_factory=lambda: defaultdict(list))
    """Of each frame of a family, the tightest first."""

    @property
    def distinct(self) -> int:
        """Searches that were ever needed."""
        return self.found + len(self._open) + self.searched + self.settled

    @property
    def left(self) -> list[Inquiry]:
        """What is not answered yet."""
        return [wanted.asked for wanted in self._open.values()]

    def need(self, asked: Inquiry) -> str:
        """Ask for an answer; return its name."""
        key, naming = asked.named()
        if key in self._open or self.known(key):
            return key
        family = asked.family() if settles(asked.request) else None
        wanted = Wanted(key, asked, naming, family)
        kept = None if self.cache is None else self.cache.find(asked)
        if kept is not None and math.isinf(kept.had_s):
            self.found += 1
            self._take(wanted, kept.result)
            return key
        self._open[key] = wanted
        self._waiting.append(wanted)
        self._sorted = False
        return key

    def least(self, asked: Inquiry, *, sharper: bool) -> Costs:
        """What every mapping costs at least; ``sharper``: by the answers for more generous designs too."""
        key, naming = asked.named()
        if key not in self._least:
            self._least[key] = least_costs(asked.einsum, asked.architecture, asked.request)
        least = self._least[key]
        if not sharper or not settles(asked.request):
            return least
        wanted = Wanted(key, asked, naming, asked.family())
        aims = asked.request.aim.powers
        for judge in self._generous(wanted):
            energies, cycles, *_ = zip(*judge.costs, strict=True)
            # the least of a front is that of all mappings where it is an objective by itself
            if (1.0, 0.0, 0.0) in aims:
                least = replace(least, energy_pj=max(least.energy_pj, min(energies)))
            if (0.0, 1.0, 0.0) in aims:
                least = replace(least, latency_cycles=max(least.latency_cycles, min(cycles)))
        return least

    def known(self, key: str) -> bool:
        """Whether a search has come to its end, or was lost."""
        return key in self._entries or key in self._failures

    def next_task(self) -> Task[Any, Any] | None:
        """The next search; null if none waits."""
        if not self._waiting:
            return None
        if not self._sorted:
            self._waiting.sort(key=lambda wanted: wanted.order, reverse=True)
            self._sorted = True
        looked = range(len(self._waiting) - 1, max(-1, len(self._waiting) - 1 - LOOKS), -1)
        place = next((at for at in looked if not self._may_be_settled(self._waiting[at])), len(self._waiting) - 1)
        wanted = self._waiting.pop(place)
        self._running[wanted.key] = wanted
        return Task(wanted.key, answer, (wanted.asked, self._generous(wanted)), (InfeasibleError, SpecError))

    def keep(self, key: str, found: MapperResult | Exception) -> None:
        """Take in an answer, and save it; an error is one too, unless the search was lost."""
        wanted = self._running.pop(key)
        del self._open[key]
        if isinstance(found, MapperResult) and found.certificate.method == SETTLED:
            self.settled += 1
        else:
            self.searched += 1
            if self.cache is not None:
                self.cache.keep(wanted.asked, found, None)
        if isinstance(found, MapperResult):
            self.cpu_s += found.certificate.cpu_s
            if found.certificate.interrupted:
                found = LostError("interrupted")
        self._take(wanted, found)

    def answers(self, plan: NetworkPlan, keys: Sequence[str]) -> dict[int, MapperResult | Exception]:
        """The answers for the groups of a plan, costed on its architecture and in its names."""
        return {group: self.answer(key, one) for group, (key, one) in enumerate(zip(keys, plan.asked, strict=True))}

    def answer(self, key: str, asked: Inquiry) -> MapperResult | Exception:
        """The answer of that name, costed for what is asked and in its names."""
        if key in self._failures:
            naming, failure = self._failures[key]
            if isinstance(failure, InfeasibleError) and naming != asked.naming():
                name, tally = asked.einsum.name, failure.tally  # the nearest miss names tensors
                return InfeasibleError(name, tally, None, failure.proven, failure.mapspace)
            return failure
        recent = self._recent.get(key)
        if recent is not None and recent[0].einsum == asked.einsum and recent[0].architecture == asked.architecture:
            return recent[1]
        return answer_of(json.loads(self._entries[key]), asked, asked.naming())

    def _take(self, wanted: Wanted, found: MapperResult | Exception) -> None:
        entry = entry_of(wanted.asked, found, wanted.naming) if isinstance(found, MapperResult) else None
        if entry is None or not isinstance(found, MapperResult):
            lost = found if isinstance(found, Exception) else LostError("interrupted")
            self._failures[wanted.key] = wanted.naming, lost
            return
        self._entries[wanted.key] = json.dumps(entry)
        self._recent[wanted.key] = (wanted.asked, found)
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        if wanted.family is not None and (judge := proven(entry, found)) is not None:
            bisect.insort(self._proven[wanted.family.frame], (wanted.family, judge), key=_size)

    def _may_be_settled(self, wanted: Wanted) -> bool:
        """Whether the answer of a search that runs may settle this one."""
        mine = wanted.family
        return mine is not None and any(
            other.family is not None and other.family.allows(mine) for other in self._running.values()
        )

    def _generous(self, wanted: Wanted) -> tuple[Proven, ...]:
        """Answers for designs that allow all that this one does."""
        mine = wanted.family
        if mine is None:
            return ()
        known = self._proven[mine.frame]  # what allows as much is no smaller
        larger = itertools.islice(known, bisect.bisect_left(known, mine.size, key=_size), None)
        more = (judge for family, judge in larger if family.allows(mine))
        return tuple(itertools.islice(more, GENEROUS))


def _size(known: tuple[Family, Proven]) -> float:
    return known[0].size
