"""How the searches of a network share a budget."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fakes import gemm, point, two_level

from costmodel.mapper import rounds
from costmodel.mapper.network import map_workload
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult
from costmodel.mapper.tasks import run_tasks
from costmodel.spec import catalog
from costmodel.spec.objective import objective_of
from costmodel.spec.request import Request

EDP = objective_of("edp")


def answer(einsum, cost, gap, *, spent=True, mapspace=None):
    status = "gap" if gap else "optimal: proven"
    certificate = Certificate(status, "fake", mapspace, 1, (("bound", 2),), 1.0, gap, budget_spent=spent)
    return MapperResult(einsum.name, (point(einsum, two_level(), cost, cost, 8),), certificate)


@pytest.fixture
def clock(monkeypatch):
    """A clock that only searches turn."""
    now = SimpleNamespace(s=0.0)
    monkeypatch.setattr(rounds, "time", SimpleNamespace(monotonic=lambda: now.s))
    return now


def searched(clock, leaders, gap_of, budget_s=32.0, *, took=lambda _name, budget_s: budget_s, spent=True):
    """Return the attempts, (Einsum, seconds) each, and the answers."""
    attempts = []

    def search(einsum, _architecture, request, _progress):
        assert einsum.count == 1
        attempts.append((einsum.name, round(request.budget, 6)))
        clock.s += took(einsum.name, request.budget)
        gap = gap_of(einsum.name, request.budget)
        if gap is None:
            raise InfeasibleError(einsum.name, [("time", 1)], None)
        return answer(einsum, 10.0, gap, spent=spent)

    request = Request(objective=EDP, budget=budget_s)
    run = rounds.Searches(two_level(), request, None, search, leaders, 1, 0.0)
    run_tasks(run.next_task, run.keep, None)
    return attempts, run.answers


def test_after_a_round_for_all_time_goes_where_the_gap_of_the_totals_is(clock):
    leaders = [gemm("once", (8, 8, 8)), gemm("often", count=5), gemm("proven", (2, 2, 2))]
    gaps = {"once": 0.5, "often": 0.5, "proven": 0.0}
    attempts, answers = searched(clock, leaders, lambda name, _s: gaps[name])
    # half of the time in equal shares, those with most operations first; what is left goes to five layers of one kind
    share = pytest.approx(16 / 3)
    assert attempts == [("once", share), ("often", share), ("proven", share), ("often", pytest.approx(16.0))]
    assert clock.s == pytest.approx(32.0)
    assert answers[0].certificate.gap == 0.5


def test_what_proves_early_leaves_its_time_to_others(clock):
    leaders = [gemm("small"), gemm("large", (8, 8, 8))]
    attempts, answers = searched(
        clock,
        leaders,
        lambda name, budget_s: 0.0 if name == "large" or budget_s > 20 else 0.3,
        took=lambda name, budget_s: 1.0 if name == "large" else budget_s,
    )
    assert attempts == [("large", 8.0), ("small", 15.0), ("small", 16.0)]
    assert answers[0].certificate.gap == pytest.approx(0.3)


def test_a_search_that_ends_for_another_reason_has_no_second_attempt(clock):
    attempts, _ = searched(clock, [gemm("a"), gemm("b")], lambda *_: 0.3, spent=False)
    assert sorted(name for name, _ in attempts) == ["a", "b"]


def test_what_is_known_at_once_to_be_too_much_is_tried_with_more_time(clock):
    """As more tile shapes than there is time for are: that takes none of it."""
    attempts, answers = searched(
        clock, [gemm("a"), gemm("b")], lambda _name, s: 0.0 if s > 20 else 0.3, took=lambda *_: 0.1
    )
    assert attempts[-1][1] > 20
    assert [answers[group].certificate.gap for group in (0, 1)] == [0.0, 0.0]


def test_where_nothing_was_found_in_time_comes_first(clock):
    leaders = [gemm("found", (8, 8, 8)), gemm("lost")]
    attempts, answers = searched(clock, leaders, lambda name, s: None if name == "lost" and s < 10 else 0.9)
    assert [name for name, _ in attempts] == ["found", "lost", "lost"]
    assert isinstance(answers[1], MapperResult)


def test_two_attempts_know_what_both_know():
    einsum = gemm("a")
    one, other = answer(einsum, 10.0, 0.25), answer(einsum, 11.0, 0.3)
    both = rounds.merged(one, other, EDP)
    assert EDP.of(both.front[0]) == (100.0,)
    assert both.bound(EDP) == pytest.approx(121.0 / 1.3)  # more than 100 / 1.25
    assert both.certificate.gap == pytest.approx(100 * 1.3 / 121 - 1)
    assert (both.certificate.evaluated, both.certificate.cpu_s) == (2, 2.0)
    assert both.certificate.pruned == (("bound", 4),)
    assert rounds.merged(one, answer(einsum, 9.0, 0.0), EDP).front == answer(einsum, 9.0, 0.0).front


def test_a_bound_about_fewer_mappings_is_none_about_more():
    einsum = gemm("a")
    fewer = answer(einsum, 10.0, 0.01, mapspace=100)
    both = rounds.merged(fewer, answer(einsum, 11.0, 0.5, mapspace=200), EDP)
    assert EDP.of(both.front[0]) == (100.0,)
    assert both.bound(EDP) == pytest.approx(121.0 / 1.5)
    same = rounds.merged(fewer, answer(einsum, 11.0, 0.5, mapspace=100), EDP)
    assert same.bound(EDP) == pytest.approx(100.0 / 1.01)


def test_every_layer_has_a_mapping_and_a_gap_however_little_the_time():
    workload, machine = catalog.load_workload("flash_attention"), catalog.load_architecture("tpu_v1")
    found = map_workload(workload, machine, Request(objective=EDP, budget=0.01), jobs=1)
    assert [layer.einsum for layer in found.layers] == [einsum.name for einsum in workload.einsums]
    assert all(layer.result.certificate.gap is not None for layer in found.layers)
    assert found.certificate.gap is not None
