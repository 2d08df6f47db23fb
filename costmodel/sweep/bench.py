"""The searches of a sweep: each one once, whatever the number of designs that need it.

A search is one Einsum on what decides it (``Inquiry.named``). Those of a family, which differ in limits alone, begin
with the most generous: its answer settles tighter ones (``mapper/settled.py``), and of those that it does not settle
the ones that differ in bandwidths alone are searched together. Otherwise the largest come first. A search begins with
mappings that are best on designs of about the same sizes.
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
from costmodel.mapper.engines import least_costs
from costmodel.mapper.result import InfeasibleError, MapperResult, Status
from costmodel.mapper.settled import SETTLED, Proven, proven, settles
from costmodel.mapper.tasks import LostError, StoppedError, Task
from costmodel.spec.decisive import Family, sizes_of
from costmodel.sweep.errand import Answers, Errand, answers_to
from costmodel.sweep.nearby import Nearby

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.mapper.canonical import Naming
    from costmodel.mapper.network import NetworkPlan
    from costmodel.spec.objective import Costs

LOOKS = 64
"""Searches that are looked at for one that no running one may settle."""
GENEROUS = 8
"""Answers that a search is tried to be settled by, the tightest first."""
COMPANY = 16
"""Searches that are made together, at most."""
RECENT = 512
"""Answers that are kept costed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search that is to be made."""

    key: str
    asked: Inquiry
    naming: Naming
    family: Family | None
    """Null where no other design can settle it."""
    kin: str
    """Shared by searches of which one may begin with the mappings of another."""
    sizes: tuple[float, ...]
    """Of the design."""

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
    _errands: dict[str, list[str]] = field(default_factory=dict)
    """Searches that are made in one go, by the name of the first."""
    _entries: dict[str, str] = field(default_factory=dict)
    """What is kept of the answers of this run, as JSON."""
    _failures: dict[str, tuple[Naming, Exception]] = field(default_factory=dict)
    """Why there is no answer, and in whose names."""
    _recent: OrderedDict[str, tuple[Inquiry, MapperResult]] = field(default_factory=OrderedDict)
    _least: dict[str, Costs] = field(default_factory=dict)
    _proven: dict[str, list[tuple[Family, Proven]]] = field(default_factory=lambda: defaultdict(list))
    """Of each frame of a family, the tightest first."""
    _waiting_with: dict[tuple[str, tuple[float, ...]], list[Wanted]] = field(default_factory=lambda: defaultdict(list))
    """Of each frame of a family and its rooms: what waits, and what did."""
    _near: dict[str, Nearby] = field(default_factory=lambda: defaultdict(Nearby))
    """Of each kin: what is best on designs of all sizes."""
    _apart: set[str] = field(default_factory=set)
    """Searches that are made by themselves, for one that was made together with them was lost."""

    @property
    def distinct(self) -> int:
        """Searches that were ever needed."""
        return self.found + self.open + self.searched + self.settled

    @property
    def open(self) -> int:
        """Searches that are not answered yet."""
        return len(self._open)

    @property
    def batches(self) -> dict[str, list[list[Inquiry]]]:
        """What is not answered yet, by its kin; those in one list that designs ask which differ in bandwidths alone."""
        found: dict[str, dict[Any, list[Inquiry]]] = defaultdict(lambda: defaultdict(list))
        for wanted in self._open.values():
            family = wanted.family
            alike = wanted.key if family is None else (family.frame, family.rooms)
            found[wanted.kin][alike].append(wanted.asked)
        return {kin: list(listed.values()) for kin, listed in found.items()}

    def need(self, asked: Inquiry) -> str:
        """Ask for an answer; return its name."""
        key, naming = asked.named()
        if key in self._open or self.known(key):
            return key
        family = asked.family() if settles(asked.request) else None
        wanted = Wanted(key, asked, naming, family, asked.kin(), sizes_of(asked.architecture))
        kept = None if self.cache is None else self.cache.find(asked)
        if kept is not None and math.isinf(kept.had_s):
            self.found += 1
            self._take(wanted, kept.result)
            return key
        self._open[key] = wanted
        self._wait(wanted)
        if family is not None:
            self._waiting_with[family.frame, family.rooms].append(wanted)
        return key

    def least(self, asked: Inquiry, *, sharper: bool) -> Costs:
        """What every mapping costs at least; ``sharper``: by the answers for more generous designs too."""
        key, _ = asked.named()
        if key not in self._least:
            self._least[key] = least_costs(asked.einsum, asked.architecture, asked.request)
        least = self._least[key]
        if not sharper or not settles(asked.request):
            return least
        aims = asked.request.aim.powers
        for judge in self._generous(asked.family()):
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
            self._waiting = list(filter(self._waits, self._waiting))
            self._waiting.sort(key=lambda wanted: wanted.order, reverse=True)
            self._sorted = True
        places = self._next_places()
        if not places:
            return None
        place = next((at for at in places if not self._may_be_settled(self._waiting[at])), places[0])
        wanted = self._waiting.pop(place)
        every = [wanted, *(self._company(wanted) if self._generous(wanted.family) else ())]
        self._running |= {one.key: one for one in every}
        self._errands[wanted.key] = [one.key for one in every]
        searches = tuple((one.key, one.asked, self._generous(one.family)) for one in every)
        near = self._near[wanted.kin].nearest(wanted.sizes)
        return Task(wanted.key, answers_to, (Errand(searches, near),))

    def _next_places(self) -> list[int]:
        """Places of some of what is next, the next one first; what others took along is not among them."""
        found: list[int] = []
        for place in range(len(self._waiting) - 1, -1, -1):
            if self._waits(self._waiting[place]):
                found.append(place)
                if len(found) == LOOKS:
                    break
            elif place == len(self._waiting) - 1:
                self._waiting.pop()
        return found

    def _waits(self, wanted: Wanted) -> bool:
        return wanted.key in self._open and wanted.key not in self._running

    def keep(self, key: str, found: Answers | Exception) -> list[str]:
        """Take in what an errand has brought, and save it; return the names of the searches that are at their end.

        An error is an answer too, unless the search was lost.
        """
        keys = self._errands.pop(key)
        if isinstance(found, Exception):
            if len(keys) > 1 and not isinstance(found, StoppedError):
                for one in keys:
                    self._apart.add(one)
                    self._wait(self._running.pop(one))
                return []
            found = dict.fromkeys(keys, found)
        for one, answer in found.items():
            self._keep(one, answer)
        return keys

    def _wait(self, wanted: Wanted) -> None:
        self._waiting.append(wanted)
        self._sorted = False

    def _company(self, wanted: Wanted) -> list[Wanted]:
        """What is searched together with that, for designs with less bandwidth."""
        mine = wanted.family
        if mine is None or wanted.key in self._apart:
            return []
        asked = wanted.asked
        waiting = [one for one in self._waiting_with[mine.frame, mine.rooms] if self._waits(one) and one is not wanted]
        self._waiting_with[mine.frame, mine.rooms] = waiting
        found = [
            one
            for one in waiting
            if one.family is not None
            and mine.allows(one.family)
            and one.key not in self._apart
            and (one.asked.einsum, one.asked.request) == (asked.einsum, asked.request)
        ]
        return sorted(found, key=lambda one: one.order)[: COMPANY - 1]

    def _keep(self, key: str, found: MapperResult | Exception) -> None:
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
        if found.certificate.status == Status.PROVEN:
            self._near[wanted.kin].add(wanted.sizes, self._entries[wanted.key])
        if wanted.family is not None and (judge := proven(self._entries[wanted.key], found)) is not None:
            bisect.insort(self._proven[wanted.family.frame], (wanted.family, judge), key=_size)

    def _may_be_settled(self, wanted: Wanted) -> bool:
        """Whether the answer of a search that runs may settle this one."""
        mine = wanted.family
        return mine is not None and any(
            other.family is not None and other.family.allows(mine) for other in self._running.values()
        )

    def _generous(self, mine: Family | None) -> tuple[Proven, ...]:
        """Answers for designs that allow all that this one does."""
        if mine is None:
            return ()
        known = self._proven[mine.frame]  # what allows as much is no smaller
        larger = itertools.islice(known, bisect.bisect_left(known, mine.size, key=_size), None)
        more = (judge for family, judge in larger if family.allows(mine))
        return tuple(itertools.islice(more, GENEROUS))


def _size(known: tuple[Family, Proven]) -> float:
    return known[0].size
