"""Folders of runs: where a run may go, and files that appear whole or not at all.

A folder is only ever added to, or renewed where it is a run of the same kind and the user says so. What is not ours is
never touched.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.report.result import FILES, INPUTS, RESULT
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from costmodel.report.run import Kind

LARGEST_BYTES = 2**30
"""Of a file of a run folder."""
LONGEST_NAME_BYTES = 80
_LINK = "is a link, which is not followed"


# Names


def file_name(name: str) -> str:
    """A name as a file name: letters, digits and ``_.-`` stay, whatever else is there becomes ``_``; cut if it is long.

    >>> file_name("../../escape"), file_name("ResNet 18")
    ('_.._escape', 'ResNet_18')
    """
    text = "".join(c if c.isalnum() or c in "_.-" else "_" for c in name).strip(".")
    return text.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")


def new_folder(runs: Path, names: Sequence[str], when: datetime) -> Path:
    """A name under ``runs`` that nothing has yet: ``runs/20261121-131500-eyeriss_v1-resnet18``."""
    words = [file_name(name).replace("-", "_") for name in names]
    return free_name(runs / "-".join([when.strftime("%Y%m%d-%H%M%S"), *(w for w in words if w)]))


def names_like(folder: Path) -> Iterator[Path]:
    """The name itself, then ``name-2``, ``name-3`` and so on."""
    yield folder
    yield from (folder.with_name(f"{folder.name}-{number}") for number in count(2))


def free_name(folder: Path) -> Path:
    """The first of the names that nothing has."""
    return next(name for name in names_like(folder) if not os.path.lexists(name))


def taken(folder: Path) -> bool:
    """Whether something is there already that is not an empty folder."""
    return os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir()))


# Reading


def read_text(path: Path, hint: str) -> str:
    """The text of a regular file; SpecError for a link, a pipe, a device, and for what cannot be read."""
    if path.parent.name == INPUTS and path.parent.is_symlink():
        raise SpecError([Problem(_LINK, file=str(path.parent), hint=hint)])
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123  (a descriptor)
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SpecError([Problem("is not a regular file", file=str(path), hint=hint)])
            if status.st_size > LARGEST_BYTES:
                raise SpecError([Problem(f"has more than {LARGEST_BYTES:,} bytes", file=str(path), hint=hint)])
            return file.read().decode()
    except FileNotFoundError as error:
        raise SpecError([Problem("the file is missing", file=str(path), hint=hint)]) from error
    except UnicodeDecodeError as error:
        raise SpecError([Problem(f"cannot be read: {error}", file=str(path), hint=hint)]) from error
    except OSError as error:
        what = _LINK if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise SpecError([Problem(what, file=str(path), hint=hint)]) from error


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run (damaged or not)."""
    return os.path.lexists(folder / RESULT)


def not_a_run(folder: Path, without: str) -> SpecError:
    """Say why a path is no run folder: it is none, or is without a file."""
    what = f"holds no {without}" if folder.is_dir() else "is a file" if folder.exists() else "no such folder"
    hint = "a run is a folder that evaluate, map or sweep wrote"
    return SpecError([Problem(f"not a run: {what}", file=str(folder), hint=hint)])


def kind_of(folder: Path) -> str:
    """The kind of the run in a folder; empty if it holds none that can be read."""
    return str(_result(folder).get("kind", ""))


def _result(folder: Path) -> dict[str, object]:
    try:
        found = json.loads(read_text(folder / RESULT, ""))
    except (SpecError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# Where a run may go


def claim(folder: Path, kind: Kind, *, renew: bool) -> Path:
    """The folder that a run will be written to; to be asked before the work.

    A new or empty folder is taken as it is; a link to a folder is followed. Beside a run that is there already the new
    one gets a number (``name-2``), unless ``renew`` is set and it is a run of the same kind.
    Raises SpecError for a folder that is neither, and for one that cannot be made or written.
    """
    place = folder.resolve() if folder.is_symlink() else folder
    if taken(place):
        if not is_run(place):
            message = "exists and is not a run; nothing was written"
            raise SpecError([Problem(message, file=str(folder), hint="name a new folder, or none")])
        if renew and kind_of(place) != kind:
            message = f"is no run of {kind}; nothing was written"
            raise SpecError([Problem(message, file=str(folder), hint="name a new folder, or none")])
        if not renew:
            place = free_name(place)
    check_writable(place)
    return place


def check_writable(path: Path) -> None:
    """SpecError unless a file or folder of that name can be made, as far as can be told before it is tried."""
    if os.path.lexists(path) and not path.is_dir() and not path.is_file():
        raise SpecError([Problem("is neither a file nor a folder", file=str(path))])
    around = path if path.is_dir() else path.parent
    while not os.path.lexists(around) and around != around.parent:
        around = around.parent
    if not around.is_dir():
        raise SpecError([Problem("is not a folder", file=str(around))])
    if not os.access(around, os.W_OK | os.X_OK):
        raise SpecError([Problem("may not be written to", file=str(around))])


# Writing


_NODE = file_name(platform.node())
_NUMBERS = count()


def _scratch(place: Path) -> Path:
    """A name in a folder for what is not whole yet; what processes of this machine that are dead left there goes."""
    with suppress(OSError):
        for left in place.glob(f".costmodel-{_NODE}-*.tmp"):
            owner = left.name.removeprefix(f".costmodel-{_NODE}-").partition("-")[0]
            if owner.isdecimal() and not _alive(int(owner)):
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
    return place / f".costmodel-{_NODE}-{os.getpid()}-{next(_NUMBERS)}.tmp"


def _alive(process: int) -> bool:
    """Whether a process runs; said of all where the system cannot be asked."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Write a file that appears complete or not at all. An OSError names the file."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file as ``write_text`` does."""
    with _named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = _scratch(path.parent)
        try:
            scratch.write_bytes(content)
            scratch.replace(path)
        finally:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)


def create(folder: Path, files: Mapping[str, str]) -> Path:
    """Make a folder that appears complete or not at all; with a number if its name is taken meanwhile."""
    scratch = _scratch(folder.parent)
    try:
        with _named(folder):
            for name, text in files.items():
                write_text(scratch / name, text)
            return _publish(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _publish(scratch: Path, folder: Path) -> Path:
    while True:
        target = free_name(folder)
        try:
            return scratch.rename(target)
        except OSError:
            if not os.path.lexists(target):  # nobody has taken the name in between: this is a fault
                raise


def fill(folder: Path, files: Mapping[str, str]) -> Path:
    """Put files into a folder, ``result.json`` last; of an earlier run, files that are none now go.

    All are written before the first of them takes its place, and one process at a time does so.
    """
    inputs = folder / INPUTS
    if inputs.is_symlink():
        raise SpecError([Problem(_LINK, file=str(inputs))])
    old = _ours(folder) - set(files)
    scratch = _scratch(folder)
    try:
        with _alone(folder):
            for name, text in files.items():
                with _named(folder / name):
                    write_text(scratch / name, text)
            for name in sorted(files, key=lambda name: name == RESULT):
                with _named(folder / name):
                    (folder / name).parent.mkdir(exist_ok=True)
                    (scratch / name).replace(folder / name)
            for name in old:
                with _named(folder / name):
                    (folder / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is in this block for the folder."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _ours(folder: Path) -> set[str]:
    """Files of the run that is in a folder."""
    result = _result(folder)
    if not result:
        return set()
    listed = result.get("inputs")
    inputs = [i.get("file") for i in listed if isinstance(i, dict)] if isinstance(listed, list) else []
    return set(FILES) | {f"{INPUTS}/{name}" for name in inputs if isinstance(name, str) and Path(name).name == name}


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give an error of the system the path that the user knows; a full disk knows none."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
