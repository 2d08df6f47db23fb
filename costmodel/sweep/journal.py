"""The journal of a sweep: one line for every finished point, saved as it is done, read back as far as it is whole.

A line says which question its point answers, so one journal may hold the answers of several; those of others are left
alone. It ends with a digest: what was cut off or changed is known as such, and done again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from costmodel.spec.problems import Problem, SpecError

JOURNAL = "points.jsonl"
"""Its name in the folder of a sweep; points in the order in which they finished."""
VERSION = 4
_HEAD = b'{"costmodel sweep": '
"""How every line begins."""

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
    certificate: str
    proven: bool
    note: str
    mappings: str
    """As a mapping file has them; empty where nothing fits."""
    finished: str


@dataclass(frozen=True, slots=True)
class Content:
    """What a journal holds."""

    points: tuple[Point, ...]
    unread: int
    """Lines that were cut off or changed."""

    def of(self, question: str) -> list[Point]:
        """The points that answer a question."""
        return [point for point in self.points if point.question == question]


class Journal:
    """A journal that this process alone writes to, from ``with`` on until it ends or dies."""

    def __init__(self, path: Path, question: str, *, anew: bool = False) -> None:
        self.path = path
        self.anew = anew
        """Whether every point of earlier runs is forgotten."""
        self.question = question
        self.content = Content((), 0)
        self._file = -1

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
        os.close(self._file)  # which unlocks it

    @property
    def points(self) -> list[Point]:
        """Points of the same question that were finished before."""
        return self.content.of(self.question)

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

    def append(self, content: dict[str, Any]) -> None:
        """Save a point, on the disk when this returns. Where that fails the journal stays as it was."""
        from costmodel import __version__

        point = Point(
            question=self.question,
            costmodel=__version__,
            finished=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            **content,
        )
        with _named(self.path):
            size = os.fstat(self._file).st_size
            start = b"" if size == 0 or os.pread(self._file, 1, size - 1) == b"\n" else b"\n"
            try:
                _write(self._file, start + line_of(point) + b"\n")
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, size)
                raise


def line_of(point: Point) -> bytes:
    """A point as a line, without its end."""
    text = json.dumps(point.model_dump(), ensure_ascii=False).encode(errors="surrogatepass")
    return _HEAD + str(VERSION).encode() + b', "point": ' + text + b', "digest": "' + _digest(text) + b'"}'


def parse(content: bytes) -> Content:
    """Read the lines that are whole."""
    read = [_point(line) for line in _lines(content)]
    points = [point for point in read if point is not None]
    return Content(tuple(points), len(read) - len(points))


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
        return Content((), 0)


_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Neither through a link nor waiting for the other end of a pipe."""


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:16].encode()


def _point(line: bytes) -> Point | None:
    """The point of a line; null if it is not whole."""
    try:
        found = json.loads(line)
        text = json.dumps(found["point"], ensure_ascii=False).encode(errors="surrogatepass")
        if found["digest"].encode() != _digest(text):
            return None
        return Point.model_validate_json(text)
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
