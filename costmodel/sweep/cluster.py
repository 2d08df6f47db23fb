"""Workers of a Dask cluster that is there already: a scheduler, and worker processes anywhere.

A task goes to a worker that the foreman has chosen, as bytes, and stays there: so it is known which tasks died with a
worker. One task more than it has threads waits at each worker, so that none is idle while an answer travels.
"""

from __future__ import annotations

import errno
import logging
import pickle
import platform
import queue
import threading
import time
import uuid
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from costmodel import __version__
from costmodel.mapper.cache import program
from costmodel.mapper.tasks import Said, StoppedError, Task, call
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

AHEAD = 1
"""Tasks that wait at a worker."""
CONNECT_S = 10.0
"""Time in which a scheduler has to answer."""
EMPTY_S = 120.0
"""Time for which a cluster may have no workers."""
WAIT_S = 1.0
"""Longest wait for something to hear."""


class Cluster:
    """Does tasks on the workers of a scheduler."""

    def __init__(self, address: str, jobs: int | None = None, say: Callable[[str], None] | None = None) -> None:
        """``jobs``: tasks at once at most; ``say`` hears of workers that are left out."""
        self.address = address
        self._jobs = jobs
        self._say = say
        self._run = uuid.uuid4().hex
        self._heard: queue.SimpleQueue[Said | Exception] = queue.SimpleQueue()
        self._workers: Mapping[str, int] = {}
        """Their threads. Replaced as a whole: another thread reads it."""
        self._running: dict[Hashable, tuple[str, Future[None]]] = {}
        """Where a task is, and who waits for its answer. The thread of the client alone uses it."""
        self._count = 0
        self._empty_s: float | None = None
        """Since when there are no workers."""

    def __enter__(self) -> Self:
        """Connect. Raises SpecError where there is no scheduler, or workers have another program."""
        self._client = _connected(self.address)
        self._loop: AbstractEventLoop = self._client.loop.asyncio_loop
        try:
            self._client.subscribe_topic("all", self._on_event)
            self._workers = self._able()
        except BaseException:
            self._client.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def places(self) -> dict[str, int]:
        """The workers; of a part of the cluster, no more than so many of their threads."""
        workers = self._workers
        if self._jobs is None:
            return {worker: threads + AHEAD for worker, threads in workers.items()}
        left, places = self._jobs, {}
        for worker, threads in workers.items():
            places[worker] = min(threads, left)
            left -= places[worker]
        return places

    def submit(self, task: Task[Any, Any], place: str) -> None:
        self._loop.call_soon_threadsafe(self._begin, task.key, pickle.dumps(task), place)

    def collect(self) -> Iterator[Said]:
        """Wait a while for what is said. Raises what a task raised, OSError where the scheduler is gone."""
        try:
            said = self._heard.get(timeout=WAIT_S)
        except queue.Empty:
            self._check()
            return
        while True:
            if isinstance(said, Exception):
                raise said
            yield said
            try:
                said = self._heard.get_nowait()
            except queue.Empty:
                return

    def interrupt(self, times: int) -> None:
        self._loop.call_soon_threadsafe(self._stop, times)

    def _able(self) -> dict[str, int]:
        """The workers that there are, with their threads. Raises SpecError where one has another program."""
        found = self._client.run(about_worker, on_error="return")
        if wrong := [said for worker, about in found.items() if (said := _mismatch(worker, about))]:
            hint = f"install the same on all of them as here: {_about(about_worker())}"
            raise SpecError([Problem(said, file=self.address, hint=hint) for said in wrong])
        return {worker: threads for worker, threads in self._client.nthreads().items() if worker in found}

    def _check(self) -> None:
        """Miss no worker whose end nobody has told. Raises SpecError where there have been none for long."""
        for gone in self._workers.keys() - self._client.nthreads().keys():
            self._loop.call_soon_threadsafe(self._gone, gone)
        if self._workers:
            self._empty_s = None
        elif self._empty_s is None:
            self._empty_s = time.monotonic()
        elif time.monotonic() - self._empty_s > EMPTY_S:
            hint = f"start some with: dask worker {self.address}"
            raise SpecError(
                [Problem(f"the cluster has had no workers for {EMPTY_S:g} s", file=self.address, hint=hint)]
            )

    # What follows runs in the thread of the client.

    def _begin(self, key: Hashable, task: bytes, place: str) -> None:
        if place not in self._workers:
            self._heard.put((key, "died", "its worker died"))
            return
        self._count += 1
        name = f"costmodel-{self._run}-{self._count}"
        future = self._client.submit(work, self._run, task, key=name, workers=[place], pure=False)
        self._running[key] = place, self._loop.create_task(self._follow(key, future))

    async def _follow(self, key: Hashable, future: Any) -> None:
        """Wait for an answer."""
        from distributed import KilledWorker

        said: Said | Exception
        try:
            said = key, "answer", await future
        except KilledWorker:
            said = key, "died", "its worker died"
        except CancelledError:
            said = ConnectionResetError(errno.ECONNRESET, "the scheduler is gone; what was done is kept", self.address)
        except Exception as error:  # noqa: BLE001  (raised again where answers are collected)
            said = error
        if self._running.pop(key, None) is not None:
            self._heard.put(said)

    async def _on_event(self, event: tuple[float, Any]) -> None:
        said = event[1]
        if not isinstance(said, dict) or "worker" not in said:
            return
        worker = said["worker"]
        if said["action"] == "remove-worker":
            self._gone(worker)
        elif said["action"] == "add-worker":
            about = (await self._client.run(about_worker, workers=[worker], on_error="return")).get(worker)
            wrong = _mismatch(worker, about)
            if not wrong:
                self._workers = {**self._workers, **await self._client.nthreads(workers=[worker])}
            elif self._say is not None:
                self._say(f"{wrong}; it is left out")

    def _gone(self, worker: str) -> None:
        self._workers = {name: threads for name, threads in self._workers.items() if name != worker}
        self._end(key for key, (place, _) in self._running.items() if place == worker)

    def _end(self, keys: Iterator[Hashable]) -> None:
        """Expect no answer any more."""
        for key in list(keys):
            _, waits = self._running.pop(key)
            waits.cancel()
            self._heard.put((key, "died", "its worker died"))

    def _stop(self, times: int) -> None:
        if times > 1:
            self._end(iter(self._running))
        elif self._workers:
            self._asking = self._loop.create_task(self._client.run(stop_work, self._run, on_error="ignore"))


def _connected(address: str) -> Any:
    """A client of the scheduler at an address."""
    try:
        from distributed import Client
    except ModuleNotFoundError:
        hint = "pip install 'costmodel[cluster]'"
        raise SpecError([Problem("a cluster needs the package distributed", file=address, hint=hint)]) from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what happens is said here
    hint = "the address that `dask scheduler` prints, such as tcp://10.0.0.1:8786"
    try:
        parts = urlsplit(address)
        known = bool(parts.scheme and parts.hostname and parts.port)
    except ValueError:
        known = False
    if not known:
        raise SpecError([Problem("is no address of a Dask scheduler", file=address, hint=hint)])
    try:
        connect: Any = Client  # which has no types
        return connect(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError):
        raise SpecError([Problem("no Dask scheduler answers here", file=address, hint=hint)]) from None


def _mismatch(worker: str, about: object) -> str:
    """Say how a worker differs; nothing where it does not."""
    if about == about_worker():
        return ""
    if isinstance(about, tuple):
        return f"worker {worker} has {_about(about)}"
    return f"worker {worker} cannot run costmodel: {type(about).__name__}: {about}"


def _about(said: tuple[str, str, str]) -> str:
    version, sources, python = said
    return f"costmodel {version} (sources {sources}), Python {python}"


# What follows runs in workers, several tasks at once where these have several threads.

_LOCK = threading.Lock()
_RUNS: dict[int, str] = {}
"""The run whose task a thread does."""
_STOPPED: set[str] = set()
"""Runs that are interrupted."""


def about_worker() -> tuple[str, str, str]:
    """What decides answers: the version, a digest of the sources, and Python's version but for its last part."""
    return __version__, program(), ".".join(platform.python_version_tuple()[:2])


def work(run: str, packed: bytes) -> tuple[Any, bool]:
    """Do a task; return its answer and whether an interrupt cut it short."""
    try:
        with _interruptible(run):
            if run in _STOPPED:
                return StoppedError(), True
            task: Task[Any, Any] = pickle.loads(packed)  # noqa: S301  (Dask itself unpickles what comes here)
            return call(task.function, (*task.arguments, None) if task.talks else task.arguments, task.expected)
    except KeyboardInterrupt:
        return StoppedError(), True


def stop_work(run: str) -> None:
    """Interrupt the tasks of a run, as Ctrl-C does in a process, and begin no other."""
    with _LOCK:
        _STOPPED.add(run)
        for thread in [thread for thread, its in _RUNS.items() if its == run]:
            del _RUNS[thread]  # it is interrupted once
            _raise_there(thread, KeyboardInterrupt)


@contextmanager
def _interruptible(run: str) -> Iterator[None]:
    """Let ``stop_work`` reach what this thread does meanwhile, and nothing that it does later."""
    here = threading.get_ident()
    with _LOCK:
        _RUNS[here] = run
    try:
        yield
    finally:
        with _LOCK:
            if _RUNS.pop(here, None) is None:
                _raise_there(here, None)


def _raise_there(thread: int, error: type[BaseException] | None) -> None:
    """Raise an exception in another thread, as soon as it runs Python; or none after all."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if error is None else ctypes.py_object(error)
    )
