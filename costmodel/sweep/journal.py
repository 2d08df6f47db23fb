"""The journal of a sweep: one line for every finished point, saved as it is done, read back as far as it is whole.

A line says which question its point answers, so one journal may hold the answers of several; those of others are left
alone. It ends with a digest: what was cut off or changed is known as such, and done again. Points name their mappings;
each mapping has a line of its own, once, before the first point that uses it.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from costmodel.model.evaluation import Efficiency
from costmodel.spec.objective import COST_KEYS
from costmodel.spec.problems import Problem, SpecError
from costmodel.sweep.designs import Design
from costmodel.sweep.nests import KeptMapping, Nests, digest, json_line, text_of
from costmodel.sweep.outcome import Outcome

JOURNAL = "points.jsonl"
"""Its name in the folder of a sweep; points in the order in which they finished."""
VERSION = 5
_HEAD = b'{"costmodel sweep": '
"""How every line begins."""
SYNC_S = 1.0
"""Time in which points are on the disk for good, whatever happens to the machine; this process may die at any time."""

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
Value = str | int | Annotated[float, Field(allow_inf_nan=False)] | bool


class Point(BaseModel):
    """A finished point as a line keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    question: str
    """Tells the request, its inputs and the version of the package from others (``fingerprint``)."""
    costmodel: str
    """The version that found it."""
    arch: str
    workload: str
    axes: list[tuple[str, Value]]
    energy_pj: Amount
    latency_cycles: Amount
    capacity_bits: Annotated[int, Field(ge=0)] | None
    clock_hz: Amount
    area_mm2: Amount
    utilisation: Amount
    power_w: Amount = None
    pj_per_mac: Amount = None
    tops_per_w: Amount = None
    tops_per_mm2: Amount = None
    peak_power_w: Amount = None
    certificate: str
    proven: bool
    note: str
    mappings: list[str]
    """Their names (``Nests``); none where nothing fits."""
    finished: str


_FIGURES = (
    *COST_KEYS,
    *("clock_hz", "area_mm2", "utilisation"),
    *(each.name for each in fields(Efficiency)),
    "peak_power_w",
    *("certificate", "proven", "note"),
)
"""What a point and an outcome both have."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a journal holds."""

    points: tuple[Point, ...] = ()
    nests: Nests = field(default_factory=Nests)
    unread: int = 0
    """Lines that were cut off or changed."""

    def of(self, question: str) -> list[Point]:
        """The points that answer a question."""
        return [point for point in self.points if point.question == question]

    def outcome(self, point: Point) -> Outcome | None:
        """What a point says; null if a mapping of it is lost."""
        design = Design(point.arch, point.workload, tuple(point.axes))
        try:
            mappings = tuple(self.nests[name] for name in point.mappings)
        except (SpecError, KeyError):
            return None
        return Outcome(design, mappings=mappings, **{name: getattr(point, name) for name in _FIGURES})


class Journal:
    """A journal that this process alone writes to, from ``with`` on until it ends or dies."""

    def __init__(self, path: Path, question: str, *, anew: bool = False) -> None:
        self.path = path
        self.anew = anew
        """Whether every point of earlier runs is forgotten."""
        self.question = question
        self.content = Content()
        self._file = -1
        self._synced_s = time.monotonic()

    def __enter__(self) -> Self:
        """Lock and read it. Raises SpecError where another process has it, OSError with the path."""
        with _named(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _SAFELY, 0o666)
        try:
            self._lock()
            with _named(self.path):
                if self.anew:
                    os.ftruncate(self._file, 0)
                self.content = _understood(_read(self._file, self.path), self.path)
        except BaseException:
            os.close(self._file)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with _named(self.path):
                os.fsync(self._file)
        finally:
            os.close(self._file)  # which unlocks it

    @property
    def points(self) -> list[Point]:
        """Points of the same question that were finished before."""
        return self.content.of(self.question)

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """What these say, by the key of their design."""
        read = (self.content.outcome(point) for point in self.points)
        return {outcome.design.key: outcome for outcome in read if outcome is not None}

    @property
    def others(self) -> int:
        """Points of other questions, which are left alone."""
        return len(self.content.points) - len(self.points)

    def _lock(self) -> None:
        if sys.platform == "win32":
            return
        import fcntl

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            hint = "wait for its end, or name another folder with --out"
            raise SpecError([Problem("another process sweeps here", file=str(self.path), hint=hint)]) from error

    def append(self, outcome: Outcome) -> None:
        """Save a point, with those of its mappings that are new. Where that fails the journal stays as it was."""
        self._write(lines_of(outcome, self.question, self.content.nests))

    def _write(self, lines: bytes) -> None:
        with _named(self.path):
            size = os.fstat(self._file).st_size
            start = b"" if size == 0 or os.pread(self._file, 1, size - 1) == b"\n" else b"\n"
            try:
                _write(self._file, start + lines)
                if (now := time.monotonic()) - self._synced_s >= SYNC_S:
                    os.fsync(self._file)
                    self._synced_s = now
            except OSError:
                os.ftruncate(self._file, size)
                raise


def lines_of(outcome: Outcome, question: str, nests: Nests) -> bytes:
    """A point as lines, with those of its mappings that ``nests`` does not know yet."""
    from costmodel import __version__

    named = [nests.name(mapping) for mapping in outcome.mappings]
    point = Point(
        question=question,
        costmodel=__version__,
        arch=outcome.design.arch,
        workload=outcome.design.workload,
        axes=list(outcome.design.axes),
        mappings=[name for name, _ in named],
        finished=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **{name: getattr(outcome, name) for name in _FIGURES},
    )
    lines = [line_of("mapping", text) for _, text in named if text is not None]
    return b"".join(line + b"\n" for line in (*lines, line_of("point", text_of(point))))


def line_of(kind: str, text: bytes) -> bytes:
    """A record as a line, without its end."""
    head = _HEAD + str(VERSION).encode() + b', "' + kind.encode() + b'": '
    return head + text + b', "digest": "' + digest(text).encode() + b'"}'


def parse(content: bytes) -> Content:
    """Read the lines that are whole."""
    points: list[Point] = []
    nests = Nests()
    unread = 0
    for line in _lines(content):
        match _record(line):
            case Point() as point:
                points.append(point)
            case KeptMapping() as kept, str(name):
                nests.add(kept, name)
            case None:
                unread += 1
    return Content(tuple(points), nests, unread)


def _understood(content: bytes, path: Path) -> Content:
    """Read a journal; SpecError where another version of the package wrote all of it."""
    found, versions = parse(content), versions_of(content)
    if not found.points and versions and VERSION not in versions:
        version = versions[0]
        message = f"was written by another version of costmodel (format {version}, not {VERSION}), and is left as it is"
        hint = "--out FOLDER sweeps into another folder; --force begins anew here, and forgets what it holds"
        raise SpecError([Problem(message, file=str(path), hint=hint)])
    return found


def versions_of(content: bytes) -> list[int]:
    """The formats that lines say they have."""
    versions = []
    for line in _lines(content):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            # up to 3, a line at the top spoke for all
            version = found.get("version" if "study" in found else "costmodel sweep")
            if isinstance(version, int):
                versions.append(version)
    return versions


def _lines(content: bytes) -> list[bytes]:
    return [line for line in content.replace(b"\0", b"").split(b"\n") if line.strip()]


def is_journal(path: Path) -> bool:
    """Whether a regular file is a journal, whatever has happened to it: one that is empty or blank is."""
    try:
        file = os.open(path, os.O_RDONLY | _SAFELY)
    except OSError:
        return False
    try:
        content = _read(file, path)
    except (OSError, SpecError):
        return False
    finally:
        os.close(file)
    kept = _lines(content)
    if not kept or any(line.startswith(_HEAD[: len(line)]) for line in kept):
        return True
    return bool(versions_of(content))


def read(path: Path) -> Content:
    """What a journal holds; nothing where there is none. Raises SpecError for one of another format."""
    try:
        return _understood(path.read_bytes(), path)
    except FileNotFoundError:
        return Content()


_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Neither through a link nor waiting for the other end of a pipe."""


def _record(line: bytes) -> Point | tuple[KeptMapping, str] | None:
    """What a line holds: a point, or a mapping and its name; null if it is not whole."""
    try:
        found = json.loads(line)
        kind = "point" if "point" in found else "mapping"
        text = json_line(found[kind])
        name = digest(text)
        if found["digest"] != name:
            return None
        return Point.model_validate_json(text) if kind == "point" else (KeptMapping.model_validate_json(text), name)
    except (ValueError, ValidationError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _read(file: int, path: Path) -> bytes:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise SpecError([Problem("is not a regular file", file=str(path))])
    with os.fdopen(os.dup(file), "rb") as again:
        again.seek(0)
        return again.read()


def _write(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give an error of the system the path; a link is no journal."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SpecError([Problem("is a link, which is not followed", file=str(path))]) from error
        error.filename, error.filename2 = str(path), None
        raise
