"""Answers on disk: an Einsum that was searched before, on the same hardware and for the same, is not searched again.

An entry is a file, named by what decides the answer: the Einsum but for names that mean nothing (``canonical.py``), the
architecture but for what no search looks at (``spec/decisive.py``), the request, and the program that searched (its
sources). It holds mappings and the certificate, and of costs only how a sampler came to its answer: the model costs
what is read; or it says that nothing fits, where that is proven. A proven answer holds for good; with another one a
search begins that has more time than the one that found it. Files take their place when whole: several runs may share a
folder, and all points of a sweep.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.canonical import Naming, canonical, renamed_mapping, shared_names
from costmodel.mapper.obey import violations
from costmodel.mapper.result import Certificate, Improvement, InfeasibleError, MapperResult, MappingPoint, Status
from costmodel.model.evaluate import evaluate
from costmodel.spec.computing import parts_for
from costmodel.spec.decisive import Family, decisive, family_of
from costmodel.spec.mapping import Compute, Mapping
from costmodel.spec.mapping_file import parse_nest
from costmodel.spec.methods import METHODS
from costmodel.spec.problems import SpecError
from costmodel.spec.request import Request
from costmodel.spec.rules import Rules, parse
from costmodel.spec.rules.finding import Reject

if TYPE_CHECKING:
    from costmodel.spec.hardware import Architecture

Found = TypeVar("Found")
Entry = dict[str, Any]
"""What is kept of an answer, as JSON knows it."""
MOST_ENTRIES = 65_536
"""Files of a folder; the oldest go."""
NEARLY = 0.95
"""Share of a budget that a search has which has it alone: what comes before it takes some."""
SEARCHES = ("einsum", "spec", "model", "mapper")
"""Folders of the package on which an answer depends."""


def usual_folder() -> Path:
    """Where answers are kept: below ``XDG_CACHE_HOME``, or ``.cache`` in the home directory."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "costmodel" / "answers"


@lru_cache(maxsize=1)
def program() -> str:
    """A short name for the sources that decide an answer."""
    package = Path(__file__).resolve().parents[1]
    found = hashlib.sha256()
    for path in sorted(path for folder in SEARCHES for path in (package / folder).rglob("*.py")):
        found.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One Einsum, and what is asked of it."""

    einsum: Einsum
    architecture: Architecture
    request: Request
    """Its budget is that of all Einsums that are mapped together, the most that one of them may have."""

    @property
    def alone(self) -> Workload:
        return Workload(self.einsum.name, "", (self.einsum,))

    def named(self) -> tuple[str, Naming]:
        """What the entry is called, and the names of the Einsum in the order that all of that entry share."""
        key, naming = self._canonical()
        return self._name(key, decisive(self.architecture)), naming

    def family(self) -> Family:
        """The architecture and the question as one of those that differ in limits alone."""
        uses_room = "capacity" in self.request.aim.costs
        found = family_of(self.architecture, arrays=not uses_room and not self.rules(self.architecture).share_at_work)
        return replace(found, frame=self._name(self._canonical()[0], found.frame))

    def kin(self) -> str:
        """A name that inquiries share of which one may begin with the mappings of another: all but sizes and prices."""
        names = [(level.name, type(level).__name__) for level in self.architecture.levels]
        dimensions = [tuple(array.shape) for array in self.architecture.arrays]
        return self._name(self._canonical()[0], repr((names, dimensions)))

    def naming(self) -> Naming:
        """The names of the Einsum in the order that all of its entry share."""
        return self._canonical()[1]

    def rules(self, part: Architecture) -> Rules:
        """What the hardware and the request forbid on the chip, or on a part of it."""
        return parse((*self.architecture.constraints, *self.request.constraints), part, self.einsum)

    def _canonical(self) -> tuple[str, Naming]:
        constraints = self.request.constraints
        kept = shared_names(self.architecture, constraints)
        return canonical(self.einsum, self.architecture, constraints, kept)

    def _name(self, key: str, hardware: str) -> str:
        decides = self.request.asking(budget=None, memory=None, choose=None, fuse="off")
        return decides.fingerprint(program(), key, hardware)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer of an earlier run."""

    result: MapperResult | InfeasibleError
    had_s: float
    """Time that its search had; infinite where more would be of no use."""


@dataclass(frozen=True)
class Cache:
    """A folder of answers."""

    folder: Path
    tell: Callable[[str], None]
    """Hears what is wrong with an entry, in a line."""
    _kept: Iterator[int] = field(default_factory=itertools.count, compare=False)

    def find(self, asked: Inquiry) -> Kept | None:
        """The answer of an earlier run; null where there is none that is of use here."""
        name, naming = asked.named()

        def kept(entry: Entry) -> Kept | None:
            had_s = _time_of(entry, asked, naming)
            return None if had_s is None else Kept(answer_of(entry, asked, naming), had_s)

        return self.load(name, kept)

    def load(self, name: str, read: Callable[[Entry], Found | None]) -> Found | None:
        """What is read from an entry; null where there is none, or it cannot be read, which is said."""
        path = self.folder / f"{name}.json"
        try:
            return read(_checked(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, IndexError, SpecError) as error:
            text = str(error).split("\n", 1)[0]
            self.tell(f"{path}: no answer can be read from it ({text}); it is searched again")
            return None

    def keep(self, asked: Inquiry, answer: MapperResult | Exception, had_s: float | None) -> None:
        """Write an answer down with the time that its search had (null: any).

        One that Ctrl-C cut short is not kept, nor that nothing was found where more may be.
        """
        name, naming = asked.named()
        entry = entry_of(asked, answer, naming, had_s)
        if entry is not None:
            self.save(name, entry)

    def save(self, name: str, entry: Entry) -> None:
        """Write an entry down; that it cannot be written is said."""
        content = json.dumps(entry, ensure_ascii=False)
        text = json.dumps({"sha256": _digest(content), "answer": content})
        path = self.folder / f"{name}.json"
        scratch = self.folder / f".{name}.{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(path)
            self._thin_out()
        except OSError as error:
            self.tell(f"{path}: the answer is not kept ({error.strerror})")
        finally:
            with suppress(OSError):
                scratch.unlink()

    def _thin_out(self) -> None:
        """Let the oldest entries go, now and then: looking at them all takes a while."""
        if next(self._kept) % max(1, MOST_ENTRIES // 256):
            return
        entries = list(self.folder.glob("*.json"))
        if len(entries) > MOST_ENTRIES:
            for path in sorted(entries, key=lambda path: path.stat().st_mtime)[: len(entries) - MOST_ENTRIES]:
                path.unlink(missing_ok=True)


def entry_of(
    asked: Inquiry, answer: MapperResult | Exception, naming: Naming, had_s: float | None = None
) -> Entry | None:
    """What is kept of an answer; null for one that holds for this run only."""
    stated: Entry
    if isinstance(answer, MapperResult) and not answer.certificate.interrupted:
        front = [[str(node) for node in point.mapping.nest] for point in answer.front]
        history = [asdict(one) for one in answer.improvements]
        stated = {"certificate": asdict(answer.certificate), "front": front, "improvements": history}
    elif isinstance(answer, InfeasibleError) and answer.proven:
        nearest = None if answer.nearest is None else asdict(answer.nearest)
        stated = {"infeasible": {"tally": answer.tally, "nearest": nearest, "mapspace": answer.mapspace}}
    else:
        return None
    return {"naming": asdict(naming), "had_s": had_s, "memory": asked.request.memory} | stated


def answer_of(entry: Entry, asked: Inquiry, naming: Naming) -> MapperResult | InfeasibleError:
    """Cost the mappings of an entry, in the names of this Einsum and on its architecture.

    Raises SpecError where one does not fit, and ValueError where one breaks a rule.
    """
    if (nothing := entry.get("infeasible")) is not None:
        tally = [(str(limit), int(count)) for limit, count in nothing["tally"]]
        nearest = None if nothing["nearest"] is None else Reject(**nothing["nearest"])
        return InfeasibleError(asked.einsum.name, tally, nearest, proven=True, mapspace=nothing["mapspace"])
    judges = {part.unit.name: (part, asked.rules(part)) for part in parts_for(asked.einsum, asked.architecture)}
    front = []
    for mapping in mappings_of(entry, asked, naming):
        (unit,) = (node.unit for node in mapping.nest if isinstance(node, Compute))
        part, rules = judges[unit]
        if broken := violations(mapping, asked.einsum, part, rules):
            raise ValueError(f"a mapping breaks a rule: {broken[0]}")
        front.append(MappingPoint(mapping, evaluate(asked.alone, asked.architecture, mapping)))
    if not front:
        raise ValueError("it has no mapping")
    history = tuple(Improvement(**one) for one in entry["improvements"])
    return MapperResult(asked.einsum.name, tuple(front), _certificate(entry["certificate"]), history)


def mappings_of(entry: Entry, asked: Inquiry, naming: Naming) -> Iterator[Mapping]:
    """Yield the mappings of an entry in the names of this Einsum; they may not fit. Raises SpecError if one is none."""
    source = Naming(*(tuple(names) for names in entry["naming"].values()))
    variables = dict(zip(source.rank_variables, naming.rank_variables, strict=True))
    tensors = dict(zip(source.tensors, naming.tensors, strict=True))
    for nodes in entry["front"]:
        old = Mapping(parse_nest(nodes), arch=asked.architecture.name)
        yield renamed_mapping(old, variables, tensors, asked.einsum.name, asked.einsum.name)


def _certificate(entry: Entry) -> Certificate:
    pruned = tuple((str(rule), int(count)) for rule, count in entry["pruned"])
    return Certificate(**entry | {"status": Status(entry["status"]), "pruned": pruned})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _checked(text: str) -> Entry:
    """Read an entry. Raises ValueError where it is not what was written."""
    outer = json.loads(text)
    if _digest(outer["answer"]) != outer["sha256"]:
        raise ValueError("it was changed")
    entry: Entry = json.loads(outer["answer"])
    return entry


def _time_of(entry: Entry, asked: Inquiry, naming: Naming) -> float | None:
    """Return the time that an answer's search had, infinite where more is not to be had; null where it is of no use.

    Which multiples are looked at depends on the time for it, so a proof about them holds for as much time. What ended
    for want of time goes on where there is more; what did for another reason begins anew, and so do samplers. Why
    nothing fits is said in the names of the Einsum that was asked about.
    """
    request, had_s = asked.request, entry["had_s"]
    as_long = had_s is None or (request.budget is not None and had_s >= NEARLY * request.budget)
    whole = math.inf if as_long or request.tiles != "multiples" else None
    if "infeasible" in entry:
        same = list(entry["naming"].values()) == [list(names) for names in asdict(naming).values()]
        return whole if same else None
    certificate = entry["certificate"]
    if certificate["status"] == Status.PROVEN:
        return whole
    if entry["memory"] != request.memory:
        return None
    if as_long:
        return math.inf
    goes_on = request.budget is not None and certificate["budget_spent"] and METHODS[request.method].proves
    return float(had_s) if goes_on else None
