"""Worker processes of this machine."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any, Self

from costmodel.mapper.tasks import Answer, Executor, Key, Said, Task, call

PRELOADED = ("costmodel.mapper.network", "costmodel.mapper.lattice.exact")
"""Modules that all tasks need, imported once for all workers where these are forked from a server."""
BEAT_S = 5.0
"""Between signs of life of a worker that has a task."""
TALK_S = 0.2
"""Shortest time between two reports of a worker."""
SILENT_S = 120.0
"""Without a sign of life, a worker is taken for dead: it was stopped, or hangs in the system."""
BEGIN_S = 60.0
"""Time beyond that in which a worker begins."""
PAUSES_S = (0.05, 0.2, 1.0)
"""Between attempts to begin a worker."""
HERE = "here"
"""The one place."""


def in_processes(jobs: int) -> Executor | None:
    """What does so many tasks at once; null where one is done after the other in this process."""
    return Processes(jobs) if jobs > 1 else None


class _Worker:
    """A process at the other end of a pipe of its own: what kills it leaves nothing locked or half said to others."""

    def __init__(self, context: Any) -> None:
        """Begin one. Raises OSError or EOFError where no process can be had."""
        self.heard_s = time.monotonic() + BEGIN_S
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there, BEAT_S), daemon=True)
        try:
            with _without_main():
                self.process.start()
        finally:
            there.close()  # now the worker alone has it, so that its death is the end of the pipe

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _begun(context: Any) -> _Worker:
    """A worker, after a while if the server that makes them has just died. Raises OSError or EOFError."""
    for pause_s in PAUSES_S:
        with suppress(OSError, EOFError):
            return _Worker(context)
        time.sleep(pause_s)
    return _Worker(context)


class Processes:
    """Workers, one task each. One that dies takes no other along."""

    def __init__(self, jobs: int) -> None:
        import multiprocessing

        self._jobs = jobs
        # Not a plain fork: a display may run threads in this process.
        kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(kind)
        self._context.set_forkserver_preload(list(PRELOADED))
        self._idle: list[_Worker] = []
        self._busy: dict[_Worker, Any] = {}
        """With the keys of their tasks."""
        self._dead: list[Any] = []
        """Keys of tasks whose worker died, of which nobody has heard yet."""

    def __enter__(self) -> Self:
        """Workers begin with their first task."""
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*self._idle, *self._busy):
            worker.end()

    def places(self) -> dict[str, int]:
        return {HERE: self._jobs}

    def interrupt(self, times: int) -> None:
        for worker in list(self._busy):
            if worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGINT if times == 1 else signal.SIGTERM)

    def submit(self, task: Task[Any, Any], place: str) -> None:
        del place
        try:
            worker = self._idle.pop() if self._idle else _begun(self._context)
        except (OSError, EOFError):
            self._dead.append(task.key)
            return
        self._busy[worker] = task.key
        worker.heard_s = max(worker.heard_s, time.monotonic())
        with suppress(OSError):  # it died while it was idle: the end of its pipe says so
            worker.pipe.send(task)

    def collect(self) -> Iterator[Said]:
        """Wait until there is something to hear. Raises what a task raised that was not expected."""
        from multiprocessing.connection import wait

        pipes = {worker.pipe: worker for worker in self._busy}
        for pipe in () if self._dead else wait(list(pipes), BEAT_S):
            yield from self._hear(pipes.pop(pipe))
        for worker in pipes.values():
            if time.monotonic() - worker.heard_s > SILENT_S:
                self._dead.append(self._busy.pop(worker))
                worker.end()
        dead, self._dead = self._dead, []
        for key in dead:
            yield key, "died", "its worker process died"

    def _hear(self, worker: _Worker) -> Iterator[Said]:
        key = self._busy[worker]
        try:
            what, said = worker.pipe.recv()
        except (OSError, EOFError):
            del self._busy[worker]
            worker.end()
            self._dead.append(key)
            return
        worker.heard_s = time.monotonic()
        if what == "beat":
            return
        if what == "report":
            yield key, "report", said
            return
        del self._busy[worker]
        self._idle.append(worker)
        if what == "raised":
            raise said
        yield key, "answer", said


@contextmanager
def _without_main() -> Iterator[None]:
    """Workers that begin meanwhile do not run the user's script again: what they need is in this package."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _WorkerEnd:
    """A worker's end of its pipe: what is said on it is said whole, and signs of life between."""

    def __init__(self, pipe: Any, beat_s: float) -> None:
        self._pipe = pipe
        self._beat_s = beat_s
        self._lock = threading.Lock()
        self._busy = threading.Event()
        threading.Thread(target=self._live, daemon=True).start()

    def next_task(self) -> Task[Any, Any]:
        """Wait for a task. Raises EOFError when there are no more."""
        task: Task[Any, Any] = self._pipe.recv()
        self.say("beat", None)
        self._busy.set()
        return task

    def end(self, what: str, said: Any) -> None:
        """Give an answer."""
        self._busy.clear()
        self.say(what, said)

    def say(self, what: str, said: Any) -> None:
        with self._lock:
            self._pipe.send((what, said))

    def _live(self) -> None:
        with suppress(OSError):
            while True:
                self._busy.wait()
                time.sleep(self._beat_s)
                if self._busy.is_set():
                    self.say("beat", None)


def _serve(pipe: Any, beat_s: float) -> None:
    """Do one task after another until the main process closes the pipe."""
    _prepare()
    line = _WorkerEnd(pipe, beat_s)
    with suppress(EOFError, BrokenPipeError):
        while True:
            task = line.next_task()
            try:
                answer = _call_there(task, line)
            except Exception as error:  # noqa: BLE001  (raised again in the main process)
                error.add_note(traceback.format_exc())
                line.end("raised", error)
            else:
                line.end("answer", answer)


def _call_there(task: Task[Key, Answer], line: _WorkerEnd) -> tuple[Answer | Exception, bool]:
    """Run a task in a worker."""
    last_s = -math.inf  # the first report of a task is never too soon

    def tell(detail: object) -> None:
        nonlocal last_s
        now = time.monotonic()
        if now - last_s >= TALK_S:
            last_s = now
            line.say("report", str(detail))

    return call(task.function, (*task.arguments, tell) if task.talks else task.arguments, task.expected)


def _prepare() -> None:
    """An idle worker leaves Ctrl-C to the main process; no worker outlives that process."""
    import multiprocessing

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main = multiprocessing.parent_process()

    def watch() -> None:
        if main is not None:
            main.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
