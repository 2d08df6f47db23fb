"""Long tasks in this process or in worker processes, ended by Ctrl-C without losing what is done."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

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
TALK_S = 0.2
"""Shortest time between two reports of a worker."""


def run_tasks(
    next_task: NextTask[Key, Answer], keep: Keep[Key, Answer], jobs: int, hear: Hear[Key] | None = None
) -> bool:
    """Run tasks until ``next_task`` gives no more while none runs; True if Ctrl-C ended it.

    ``keep`` gets each answer in this process as soon as it is there, a LostError for a task that has none (its worker
    process died), a StoppedError for one that was interrupted; ``hear``
    gets what running tasks report (as text from a worker).
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
    import multiprocessing

    # Not a plain fork: a display may run threads in this process.
    kind = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(kind)
    context.set_forkserver_preload(list(PRELOADED))
    running: dict[Future[tuple[Answer | Exception, bool]], Key] = {}
    interrupts = 0
    stopped = False

    def on_interrupt(_signal: int, _frame: object) -> None:
        nonlocal interrupts
        interrupts += 1
        for child in multiprocessing.active_children():
            if child.pid is not None:
                os.kill(child.pid, signal.SIGINT if interrupts == 1 else signal.SIGTERM)

    talk = context.SimpleQueue()
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare, initargs=(talk,))
    with Interrupts(on_interrupt), pool:
        while True:
            while not interrupts and not stopped and len(running) < jobs and (task := next_task()) is not None:
                with _without_main():
                    running[pool.submit(_call_there, task)] = task.key
            if not running:
                return interrupts > 0
            finished, _ = wait(running, TALK_S, return_when=FIRST_COMPLETED)
            while not talk.empty():
                key, text = talk.get()
                if hear is not None:
                    hear(key, text)
            for future in finished:
                key = running.pop(future)
                answer: Answer | Exception
                try:
                    answer, interrupted = future.result()
                except BrokenProcessPool:
                    answer, interrupted = LostError("its worker process died (out of memory?)"), True
                keep(key, answer)
                stopped = stopped or interrupted


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
        except KeyboardInterrupt:
            return StoppedError(), True


class _Talk:
    """What a worker reports with: the queue to the main process, and when it was used last."""

    queue: Any = None
    last_s: float = 0.0


def _call_there(task: Task[Key, Answer]) -> tuple[Answer | Exception, bool]:
    """Run a task in a worker."""
    _Talk.last_s = 0.0  # the first report of a task is never too soon

    def tell(detail: object) -> None:
        now = time.monotonic()
        if now - _Talk.last_s >= TALK_S:
            _Talk.last_s = now
            _Talk.queue.put((task.key, str(detail)))

    return call(task.function, (*task.arguments, tell) if task.talks else task.arguments, task.expected)


def _prepare(talk: Any) -> None:
    """An idle worker leaves Ctrl-C to the main process; no worker outlives that process."""
    import multiprocessing
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Talk.queue = talk
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
