"""Long tasks in this process or in worker processes, ended by Ctrl-C without losing what is done."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class LostError(Exception):
    """A task ended without an answer."""


class StoppedError(LostError):
    """A task was interrupted before it had an answer."""

    def __init__(self) -> None:
        super().__init__("interrupted")

    def __reduce__(self) -> tuple[type[StoppedError], tuple[()]]:
        """Cross to another process whole."""
        return type(self), ()


@dataclass(frozen=True, slots=True)
class Task(Generic[Key, Answer]):
    """A call; function and arguments must pickle to run in a worker.

    The function may catch KeyboardInterrupt and return what it has; the exceptions of ``expected`` are answers too.
    With ``talks`` it gets one more argument, a function to report progress with.
    """

    key: Key
    function: Callable[..., Answer]
    arguments: tuple[Any, ...]
    expected: tuple[type[Exception], ...] = ()
    talks: bool = False


NextTask = Callable[[], "Task[Key, Answer] | None"]
Keep = Callable[[Key, "Answer | Exception"], None]
Hear = Callable[[Key, Any], None]
PRELOADED = ("costmodel.mapper.network", "costmodel.mapper.lattice.exact")
"""Modules that all tasks need, imported once for all workers where these are forked from a server."""
ATTEMPTS = 2
"""Workers that may die of one task. The last attempt runs alone: perhaps it was another task that took the memory."""
BEAT_S = 5.0
"""Between signs of life of a worker that has a task."""
SILENT_S = 120.0
"""Without a sign of life, a worker is taken for dead: it was stopped, or hangs in the system."""
BEGIN_S = 60.0
"""Time beyond that in which a worker begins."""
PAUSES_S = (0.05, 0.2, 1.0)
"""Between attempts to begin a worker."""
TALK_S = 0.2
"""Shortest time between two reports of a worker."""


def run_tasks(
    next_task: NextTask[Key, Answer], keep: Keep[Key, Answer], jobs: int, hear: Hear[Key] | None = None
) -> bool:
    """Run tasks until ``next_task`` gives no more while none runs; True if Ctrl-C ended it.

    ``keep`` gets each answer in this process as soon as it is there, a LostError for a task that has none (its worker
    process died again and again, or it ran out of memory), a StoppedError for one that was interrupted; ``hear`` gets
    what running tasks report (as text from a worker).
    Interrupted once, running tasks are asked for what they have and no other begins; twice, workers are ended.
    """
    return _here(next_task, keep, hear) if jobs <= 1 else _in_workers(next_task, keep, jobs, hear)


def _here(next_task: NextTask[Key, Answer], keep: Keep[Key, Answer], hear: Hear[Key] | None) -> bool:
    while (task := next_task()) is not None:
        arguments = task.arguments
        if task.talks:
            arguments = (*arguments, None if hear is None else partial(hear, task.key))
        answer, interrupted = call(task.function, arguments, task.expected)
        keep(task.key, answer)
        if interrupted:
            return True
    return False


def _in_workers(next_task: NextTask[Key, Answer], keep: Keep[Key, Answer], jobs: int, hear: Hear[Key] | None) -> bool:
    crew: _Crew[Key, Answer] = _Crew()
    with Interrupts(crew.interrupt), crew:
        while True:
            while crew.room_for(jobs) and (task := crew.due() or next_task()) is not None:
                crew.give(task)
            if not crew.size:
                break
            for key, said, ended in crew.listen():
                if ended:
                    keep(key, said)
                elif hear is not None:
                    hear(key, said)
        for task in crew.again:
            keep(task.key, StoppedError())
    return crew.interrupts > 0


class _Worker:
    """A process at the other end of a pipe of its own: what kills it leaves nothing locked or half said to others."""

    def __init__(self, context: Any) -> None:
        """Begin one. Raises OSError or EOFError where no process can be had."""
        self.heard_s = time.monotonic() + BEGIN_S
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there,), daemon=True)
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


class _Crew(Generic[Key, Answer]):
    """Workers, one task each. One that dies takes no other along, and its task is given to another."""

    def __init__(self) -> None:
        import multiprocessing

        # Not a plain fork: a display may run threads in this process.
        kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(kind)
        self._context.set_forkserver_preload(list(PRELOADED))
        self._idle: list[_Worker] = []
        self._busy: dict[_Worker, Task[Key, Answer]] = {}
        self._dead: list[Task[Key, Answer]] = []
        """Tasks whose worker died, of which nobody has heard yet."""
        self._deaths: Counter[Key] = Counter()
        self.again: list[Task[Key, Answer]] = []
        """Tasks whose worker died, to be done again."""
        self.interrupts = 0
        self.stopped = False
        """Whether an interrupt has come, here or in a worker: no other task begins."""

    def __enter__(self) -> None:
        """Workers begin with their first task."""

    def __exit__(self, *_: object) -> None:
        for worker in (*self._idle, *self._busy):
            worker.end()

    @property
    def size(self) -> int:
        """Tasks that are being done."""
        return len(self._busy) + len(self._dead)

    def interrupt(self, _signal: int, _frame: object) -> None:
        """Ask workers for what they have; asked again, end them."""
        self.stopped = True
        self.interrupts += 1
        for worker in list(self._busy):
            if worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGINT if self.interrupts == 1 else signal.SIGTERM)

    def room_for(self, jobs: int) -> bool:
        """Whether another task may begin: what is done again has to be alone."""
        if self.stopped or self.size >= jobs:
            return False
        return not self.size if self.again else not any(self._deaths[task.key] for task in self._busy.values())

    def due(self) -> Task[Key, Answer] | None:
        """The next task to be done again."""
        return self.again.pop() if self.again else None

    def give(self, task: Task[Key, Answer]) -> None:
        """Let a worker do a task."""
        try:
            worker = self._idle.pop() if self._idle else _begun(self._context)
        except (OSError, EOFError):
            self._dead.append(task)
            return
        self._busy[worker] = task
        worker.heard_s = max(worker.heard_s, time.monotonic())
        with suppress(OSError):  # it died while it was idle: the end of its pipe says so
            worker.pipe.send(task)

    def listen(self) -> Iterator[tuple[Key, Any, bool]]:
        """Wait until there is something to hear: (key, report or answer, whether it is the answer).

        Raises what a task raised that was not expected.
        """
        from multiprocessing.connection import wait

        pipes = {worker.pipe: worker for worker in self._busy}
        for pipe in () if self._dead else wait(list(pipes), BEAT_S):
            yield from self._hear(pipes.pop(pipe))
        for worker in pipes.values():
            if time.monotonic() - worker.heard_s > SILENT_S:
                self._dead.append(self._busy.pop(worker))
                worker.end()
        dead, self._dead = self._dead, []
        for task in dead:
            yield from self._died(task)

    def _hear(self, worker: _Worker) -> Iterator[tuple[Key, Any, bool]]:
        task = self._busy[worker]
        try:
            what, said = worker.pipe.recv()
        except (OSError, EOFError):
            del self._busy[worker]
            worker.end()
            self._dead.append(task)
            return
        worker.heard_s = time.monotonic()
        if what == "beat":
            return
        if what == "report":
            yield task.key, said, False
            return
        del self._busy[worker]
        self._idle.append(worker)
        if what == "raised":
            raise said
        answer, interrupted = said
        self.stopped |= interrupted
        yield task.key, answer, True

    def _died(self, task: Task[Key, Answer]) -> Iterator[tuple[Key, Any, bool]]:
        self._deaths[task.key] += 1
        if self.stopped:
            yield task.key, StoppedError(), True
        elif self._deaths[task.key] < ATTEMPTS:
            self.again.append(task)
        else:
            yield task.key, LostError(f"its worker process died {ATTEMPTS} times (out of memory, or stopped?)"), True


@contextmanager
def _without_main() -> Iterator[None]:
    """Workers that begin meanwhile do not run the user's script again: what they need is in this package."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def call(
    function: Callable[..., Answer], arguments: tuple[Any, ...], expected: tuple[type[Exception], ...]
) -> tuple[Answer | Exception, bool]:
    """Call a function; return its answer and whether Ctrl-C cut it short.

    Only the first interrupt counts: a terminal and the main process may both send one.
    """
    interrupted = False

    def once(_signal: int, _frame: object) -> None:
        nonlocal interrupted
        if not interrupted:
            interrupted = True
            raise KeyboardInterrupt

    with Interrupts(once):
        try:
            return function(*arguments), interrupted
        except expected as error:
            return error, interrupted
        except MemoryError:
            return LostError("out of memory"), interrupted
        except KeyboardInterrupt:
            return StoppedError(), True


class _WorkerEnd:
    """A worker's end of its pipe: what is said on it is said whole, and signs of life between."""

    def __init__(self, pipe: Any) -> None:
        import threading

        self._pipe = pipe
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
                time.sleep(BEAT_S)
                if self._busy.is_set():
                    self.say("beat", None)


def _serve(pipe: Any) -> None:
    """Do one task after another until the main process closes the pipe."""
    _prepare()
    line = _WorkerEnd(pipe)
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
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main = multiprocessing.parent_process()

    def watch() -> None:
        if main is not None:
            main.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Interrupts:
    """Handle SIGINT for a while, where that is possible: in the main thread of a process."""

    def __init__(self, handler: Callable[[int, Any], None]) -> None:
        self._handler = handler
        self._before: Any = None

    def __enter__(self) -> None:
        try:
            self._before = signal.signal(signal.SIGINT, self._handler)
        except ValueError:
            self._before = None

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
