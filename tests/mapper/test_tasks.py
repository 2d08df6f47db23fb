"""Where tasks are done, and what is done again, whoever does them."""

from __future__ import annotations

from collections import Counter

from costmodel.mapper.tasks import LostError, Task, run_tasks


class Places:
    """An executor that ends tasks in their order; some of them with a death, some places with their first task."""

    def __init__(self, places: dict[str, int], deaths: dict[int, int], closing: str = "") -> None:
        self.slots = places
        self.deaths = Counter(deaths)
        self.closing = closing
        self.running: list[tuple[int, str]] = []
        self.begun: list[tuple[int, str, list[int]]] = []
        """Tasks and their places, with what ran there already."""
        self.late: dict[str, int] = {}
        """Places that come when somebody waits."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert not self.running

    def places(self):
        return dict(self.slots)

    def submit(self, task, place):
        self.begun.append((task.key, place, [key for key, at in self.running if at == place]))
        self.running.append((task.key, place))

    def collect(self):
        if not self.running:
            self.slots |= self.late
            return
        key, place = self.running.pop(0)
        if place == self.closing:
            self.slots.pop(place, None)
        if self.deaths[key] > 0:
            self.deaths[key] -= 1
            yield key, "died", "its worker died"
        else:
            yield key, "answer", (10 * key, False)

    def interrupt(self, times):
        raise AssertionError


def done(executor: Places, tasks: int = 8) -> dict[int, object]:
    answers: dict[int, object] = {}
    left = iter(range(1, tasks + 1))

    def next_task():
        key = next(left, None)
        return None if key is None else Task(key, print, ())

    assert not run_tasks(next_task, answers.__setitem__, executor)
    assert sorted(answers) == list(range(1, tasks + 1))
    return answers


def test_a_task_whose_worker_died_is_done_again_with_its_place_alone():
    executor = Places({"a": 2, "b": 2}, {1: 1})
    assert done(executor) == {key: 10 * key for key in range(1, 9)}
    first, again = [place for place, (key, *_) in enumerate(executor.begun) if key == 1]
    _, where, beside = executor.begun[again]
    assert beside == []
    meanwhile = executor.begun[first + 4 : again] + executor.begun[again + 1 :]
    assert {place for _, place, _ in meanwhile} >= {"a", "b"} - {where}
    assert all(1 not in beside for _, _, beside in executor.begun[again:])


def test_a_task_whose_workers_die_again_is_lost_and_no_other():
    answers = done(Places({"a": 2, "b": 1}, {2: 5}))
    assert isinstance(answers[2], LostError)
    assert str(answers[2]) == "its worker died 2 times (out of memory, or stopped?)"
    assert [answers[key] for key in (1, 3, 4, 5, 6, 7, 8)] == [10, 30, 40, 50, 60, 70, 80]


def test_a_place_that_goes_while_it_is_kept_for_a_task_keeps_it_from_nobody():
    executor = Places({"a": 2, "b": 2}, {1: 1, 2: 1, 3: 1, 4: 1}, closing="a")
    assert done(executor) == {key: 10 * key for key in range(1, 9)}


def test_work_waits_for_places_that_come():
    executor = Places({}, {})
    executor.late = {"a": 1}
    assert done(executor, 3) == {1: 10, 2: 20, 3: 30}
