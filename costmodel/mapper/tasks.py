"""Long tasks, in this process or where an executor has them done, ended by Ctrl-C without losing what is done.

Who does them (processes, ``workers.py``; a cluster, ``sweep/cluster.py``) says where there is room, and what came of
each task. Which task is done where, and what is done again, is decided here.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

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
Keep = Callable[[Key, "Answer | Exception"], object]
Hear = Callable[[Key, Any], None]
ATTEMPTS = 2
"""Workers that may die of one task. The last attempt has its place alone: perhaps another task took the memory."""

Said = tuple[Hashable, Literal["report", "answer", "died"], Any]
"""Of a task: its key, and what it reports, (its answer, whether Ctrl-C cut it short), or why its worker died."""


class Executor(Protocol):
    """Does tasks elsewhere, from ``with`` on."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None:
        """End what still runs."""

    def places(self) -> Mapping[str, int]:
        """Places that are there now, with how many tasks each takes at once."""

    def submit(self, task: Task[Any, Any], place: str) -> None:
        """Have a task done at a place."""

    def collect(self) -> Iterable[Said]:
        """Wait, not for ever, until there is something to hear. Raises what a task raised that was not expected."""

    def interrupt(self, times: int) -> None:
        """Ask for what running tasks have; asked again, end them. Runs where a signal came in between."""


def run_tasks(
    next_task: NextTask[Key, Answer],
    keep: Keep[Key, Answer],
    executor: Executor | None,
    hear: Hear[Key] | None = None,
    wait: Callable[[], bool] = lambda: False,
) -> bool:
    """Run tasks until ``next_task`` gives no more while none runs, and ``wait`` says that none will come.

    True if Ctrl-C ended it.

    Without an executor they run here, one by one. ``keep`` gets each answer in this process as soon as it is there, a
    LostError for a task that has none (its worker died again and again, or it ran out of memory), a StoppedError for
    one that was interrupted; ``hear`` gets what running tasks report (as text from a worker).
    Interrupted once, running tasks are asked for what they have and no other begins; twice, workers are ended.
    """
    return _here(next_task, keep, hear, wait) if executor is None else _elsewhere(next_task, keep, executor, hear, wait)


def _here(
    next_task: NextTask[Key, Answer], keep: Keep[Key, Answer], hear: Hear[Key] | None, wait: Callable[[], bool]
) -> bool:
    while (task := next_task()) is not None or wait():
        if task is None:
            continue
        arguments = task.arguments
        if task.talks:
            arguments = (*arguments, None if hear is None else partial(hear, task.key))
        answer, interrupted = call(task.function, arguments, task.expected)
        keep(task.key, answer)
        if interrupted:
            return True
    return False


def _elsewhere(
    next_task: NextTask[Key, Answer],
    keep: Keep[Key, Answer],
    executor: Executor,
    hear: Hear[Key] | None,
    wait: Callable[[], bool],
) -> bool:
    foreman: _Foreman[Key, Answer] = _Foreman(executor)
    with Interrupts(foreman.interrupt), executor:
        while (busy := foreman.give(next_task)) or (not foreman.stopped and wait()):
            for key, what, said in executor.collect() if busy else ():
                if what == "report":
                    if hear is not None:
                        hear(key, said)  # type: ignore[arg-type]  # it is the key of a task of ours
                elif (answer := foreman.ended(key, what, said)) is not None:  # type: ignore[arg-type]
                    keep(*answer)
        for task in foreman.waiting:
            keep(task.key, StoppedError())
    return foreman.interrupts > 0


class _Foreman(Generic[Key, Answer]):
    """Says which task is done where. One whose worker died is done again, alone at its place."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._running: dict[Key, tuple[Task[Key, Answer], str]] = {}
        """With their places."""
        self._load: Counter[str] = Counter()
        self._free: list[str] = []
        """Places that may have room, once for each task that they may take, the next one last."""
        self._alone: dict[str, Task[Key, Answer] | None] = {}
        """Places that are kept for a task to be done alone; null while it is."""
        self._deaths: Counter[Key] = Counter()
        self._again: list[Task[Key, Answer]] = []
        """Tasks whose worker died, that no place is kept for so far."""
        self.interrupts = 0
        self.stopped = False
        """Whether an interrupt has come, here or in a worker: no other task begins."""

    @property
    def waiting(self) -> list[Task[Key, Answer]]:
        """Tasks that are to be done again, and do not run."""
        return [*self._again, *(task for task in self._alone.values() if task is not None)]

    def interrupt(self, _signal: int, _frame: object) -> None:
        """Ask workers for what they have; asked again, end them."""
        self.stopped = True
        self.interrupts += 1
        self._executor.interrupt(self.interrupts)

    def give(self, next_task: NextTask[Key, Answer]) -> bool:
        """Have tasks done where there is room; whether there is something to wait for."""
        if self.stopped:
            return bool(self._running)
        places = self._executor.places()
        self._give_again(places)
        while (place := self._room(places)) is not None:
            if (task := next_task()) is None:
                return bool(self._running or self.waiting)
            self._submit(task, place)
        if not (places or self._running or self.waiting) and (task := next_task()) is not None:
            self._again.append(task)  # which says that there is something to wait for a place with
        return bool(self._running or self.waiting)

    def ended(self, key: Key, what: str, said: Any) -> tuple[Key, Answer | Exception] | None:
        """Take in the end of a task; the answer to be kept, null where it is done again."""
        task, place = self._running.pop(key)
        self._load[place] -= 1
        self._free.append(place)
        if place in self._alone and self._alone[place] is None:
            del self._alone[place]
        if what == "answer":
            answer, interrupted = said
            self.stopped |= interrupted
            return key, answer
        self._deaths[key] += 1
        if self.stopped:
            return key, StoppedError()
        if self._deaths[key] < ATTEMPTS:
            self._again.append(task)
            return None
        return key, LostError(f"{said} {ATTEMPTS} times (out of memory, or stopped?)")

    def _room(self, places: Mapping[str, int]) -> str | None:
        """A place for another task: where one has just ended, else that with most room; null where none has any."""
        if not self._free and len(self._running) < sum(places.values()):
            rooms = ((range(slots - self._load[p]), p) for p, slots in places.items())
            self._free = [p for _, p in sorted((room, p) for left, p in rooms for room in left)]
        while self._free:
            place = self._free.pop()
            if place not in self._alone and places.get(place, 0) > self._load[place]:
                return place
        return None

    def _give_again(self, places: Mapping[str, int]) -> None:
        """Keep a place for each task that is done again, and begin it once nothing else is done there."""
        for place in [p for p in self._alone if p not in places]:
            if (task := self._alone[place]) is not None:
                self._again.append(task)
                del self._alone[place]
        waiting, self._again = self._again, []
        for task in waiting:
            free = [(self._load[p], p) for p in places if p not in self._alone]
            if free:
                self._alone[min(free)[1]] = task
            else:
                self._again.append(task)
        for place, kept_for in list(self._alone.items()):
            if kept_for is not None and not self._load[place]:
                self._alone[place] = None
                self._submit(kept_for, place)

    def _submit(self, task: Task[Key, Answer], place: str) -> None:
        self._running[task.key] = task, place
        self._load[place] += 1
        self._executor.submit(task, place)


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
