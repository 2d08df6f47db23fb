"""Sweeps: every design at its best, failures with their reason, the same answer with any number of workers."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from costmodel import __version__
from costmodel.mapper.network import map_workload
from costmodel.mapper.tasks import LostError, Task, run_tasks
from costmodel.report.assemble_sweep import run_of_sweep
from costmodel.spec import catalog, study_files
from costmodel.spec.load import parse
from costmodel.sweep import bench, execute
from costmodel.sweep.designs import Shard, grid
from costmodel.sweep.errand import answers_to
from costmodel.sweep.execute import fingerprint, run_sweep
from costmodel.sweep.journal import Journal, read
from costmodel.sweep.outcome import Outcome

WORKLOAD = 'name: small\nranks: {M: 8, N: 8, K: 8}\neinsums: ["Z[m, n] = A[m, k] * B[k, n]"]\n'
STUDY = """\
name: tiny
arch: two_level
workload: small.yaml
objective: [energy, latency]
method: random
trials: 4
axes:
  Buffer.size: [2, 8, 2 KiB]
  MAC.throughput: [1, 2]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(WORKLOAD, encoding="utf-8")
    return tmp_path


def load(text: str = STUDY):
    return catalog.load_study(parse(text, "study.yaml"))


JOURNAL = Path("run/points.jsonl")


def swept(study, **options):
    """Run a sweep with a journal."""
    with Journal(JOURNAL, fingerprint(study)) as journal:
        return run_sweep(study, journal, **options)


def kept(study) -> list[str]:
    """Keys of the designs whose points the journal holds."""
    return [str(list(point.axes)) for point in read(JOURNAL).of(fingerprint(study))]


def test_every_point_is_the_mapping_of_its_architecture():
    result = run_sweep(load(), jobs=1)
    assert [tuple(v for _, v in o.design.axes) for o in result.outcomes] == [
        (size, rate) for size in (2, 8, "2 KiB") for rate in (1, 2)
    ]
    slow, fast = result.outcomes[-2:]
    assert slow.latency_cycles == 2 * fast.latency_cycles
    assert len(slow.mappings) == 1
    architecture, workload = catalog.load_pair("two_level", "small.yaml", ["Buffer.size=2 KiB"])
    from costmodel.model.evaluate import evaluate

    assert evaluate(workload, architecture, slow.mappings[0]).energy_pj == slow.energy_pj


def test_a_point_that_nothing_fits_is_a_result_with_the_reason():
    first = run_sweep(load(), jobs=1).outcomes[0]
    assert not first.feasible
    assert "no mapping fits" in first.note
    assert first.costs(("energy", "latency")) is None


def test_a_point_whose_values_make_no_architecture_says_why():
    study = load()
    bad = study.model_copy(update={"axes": {"Buffer.size": ("8", "0")}})
    outcomes = run_sweep(bad, jobs=1).outcomes
    assert outcomes[0].feasible
    assert "must be greater than zero" in outcomes[1].note


def test_a_point_whose_formulas_have_no_value_spares_the_others(monkeypatch):
    monkeypatch.setattr(study_files, "MAX_DERIVED", 1)  # as in a large study, of which reading meets a part
    text = STUDY.replace("Buffer.size: [2, 8, 2 KiB]", "Buffer.size: [8, 16]")
    study = load(text + "derive: {Buffer.bandwidth: 4 / (2 - MAC.throughput)}\n")
    points = run_of_sweep(study, run_sweep(study, jobs=1), (), "", 0.0).design_points
    assert [point.feasible for point in points] == [True, False] * 2
    assert "a division by 0" in points[1].note


def test_an_axis_may_run_over_lists():
    study = load(STUDY.split("axes:", maxsplit=1)[0] + "axes:\n  Buffer.keep: [[input], [input, output]]\n")
    outcomes = run_sweep(study, jobs=1).outcomes
    assert [o.design.axes for o in outcomes] == [(("Buffer.keep", "[input]"),), (("Buffer.keep", "[input, output]"),)]
    held = [
        {t for node in o.mappings[0].nest if getattr(node, "level", "") == "Buffer" for t in node.tensors}
        for o in outcomes
    ]
    assert held[0] < held[1]


def test_the_answer_does_not_depend_on_the_number_of_workers():
    study = load(STUDY + "sampler: tpe\npoints: 5\n")
    assert run_sweep(study, jobs=1).outcomes == run_sweep(study, jobs=2).outcomes


def test_finished_points_are_not_done_again(monkeypatch):
    first = swept(load(), jobs=1)
    assert swept(load(), jobs=1).outcomes == first.outcomes
    lines = JOURNAL.read_text(encoding="utf-8").splitlines()
    third = [number for number, line in enumerate(lines) if '"point": ' in line][2]
    JOURNAL.write_text("\n".join(lines[: third + 1]) + '\n{"arch": "two', encoding="utf-8")
    done = []

    def counted(errand):
        done.append(errand)
        return answers_to(errand)

    monkeypatch.setattr(bench, "answers_to", counted)
    second = swept(load(), jobs=1)
    assert second.outcomes == first.outcomes
    assert (second.resumed, len(done)) == (3, 3)
    assert len(kept(load())) == 6


def test_a_longer_sweep_of_the_same_question_keeps_its_points():
    swept(load(), jobs=1)
    result = swept(load(STUDY.replace("[1, 2]", "[1, 2, 4]")), jobs=1)
    assert (result.resumed, len(result.outcomes)) == (6, 9)


def test_a_study_is_the_same_question_from_every_folder(tmp_path, monkeypatch):
    Path("study.yaml").write_text(STUDY, encoding="utf-8")
    here = catalog.load_study("study.yaml")
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    for path in ("../study.yaml", str(tmp_path / "study.yaml")):
        there = catalog.load_study(path)
        assert fingerprint(there) == fingerprint(here)
        assert [design.key for design in grid(there)] == [design.key for design in grid(here)]
    half = swept(here, jobs=1, part=Shard(1, 2))
    assert swept(there, jobs=1).resumed == len(half.outcomes) == 3


def test_points_of_another_question_are_not_mixed_and_stay():
    first = swept(load(), jobs=1)
    other = load(STUDY.replace("trials: 4", "trials: 5"))
    assert fingerprint(other) != fingerprint(load())
    result = swept(other, jobs=1)
    assert result.resumed == 0
    assert result.outcomes == run_sweep(other, jobs=1).outcomes
    assert (len(kept(load())), len(kept(other))) == (6, 6)
    again = swept(load(), jobs=1)
    assert (again.resumed, again.outcomes) == (6, first.outcomes)
    Path("small.yaml").write_text(WORKLOAD.replace("M: 8", "M: 4"), encoding="utf-8")
    assert swept(load(), jobs=1).resumed == 0


EXACT = STUDY.replace("method: random\ntrials: 4\n", "")


@pytest.mark.parametrize(
    "said",
    [
        "tiles: any",
        "memory: 1 GiB",
        "budget: 1 min",
        "seed: 1",
        "constraints: [weight_stationary]",
        "set: {ranks.M: 4}",
    ],
)
def test_whatever_is_asked_of_the_search_tells_points_apart(said):
    swept(load(EXACT), jobs=1)
    other = load(EXACT + said + "\n")
    result = swept(other, jobs=1)
    assert result.resumed == 0
    assert result.outcomes == run_sweep(other, jobs=1).outcomes


def test_what_changes_no_answer_keeps_a_journal():
    swept(load(EXACT), jobs=1)
    assert swept(load(EXACT.replace("tiny", "other") + "jobs: 2\npoints: 3\n")).resumed == 3


def test_points_of_another_version_are_left_alone(monkeypatch):
    swept(load(EXACT), jobs=1)
    monkeypatch.setattr("costmodel.__version__", "99.0")
    assert swept(load(EXACT), jobs=1).resumed == 0
    assert {point.costmodel for point in read(JOURNAL).points} == {__version__, "99.0"}


def test_files_that_change_meanwhile_change_nothing(monkeypatch):
    before = run_sweep(load(), jobs=1).outcomes

    def edited(errand):
        Path("small.yaml").write_text(WORKLOAD.replace("M: 8", "M: 4"), encoding="utf-8")
        return answers_to(errand)

    monkeypatch.setattr(bench, "answers_to", edited)
    assert run_sweep(load(), jobs=1).outcomes == before


def test_an_interrupt_keeps_what_is_done(monkeypatch):
    calls = []

    def second_is_interrupted(errand):
        calls.append(errand)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return answers_to(errand)

    monkeypatch.setattr(bench, "answers_to", second_is_interrupted)
    result = swept(load(), jobs=1)
    assert result.interrupted
    assert len(result.outcomes) == len(kept(load())) == 1


def test_progress_counts_to_the_number_of_points():
    events = []
    run_sweep(load(), jobs=1, report=events.append)
    assert len([e for e in events if e.ended]) == 6
    assert {e.groups for e in events} == {6}


def test_progress_tells_searches_long_before_a_point_is_at_its_end():
    two = WORKLOAD.replace("{", "{P: 4, ").replace('k, n]"', 'k, n]", "Y[m, p] = Z[m, n] * C[n, p]"')
    Path("small.yaml").write_text(two, encoding="utf-8")
    events = []
    run_sweep(load(), jobs=1, report=events.append)
    first = next(place for place, event in enumerate(events) if event.ended)
    before = [event for event in events[:first] if event.state == "progress"]
    assert [event.detail for event in before] == [f"{done} of 12" for done in range(1, 7)]
    shares = [event.share for event in events if event.share is not None]
    assert shares == sorted(shares)
    assert shares[0] == 1 / 12
    assert shares[-1] < 1


def test_costs_are_those_of_the_objectives():
    design = execute.source_of(load()).ask()
    outcome = Outcome(design, energy_pj=6.0, latency_cycles=4.0, capacity_bits=5, clock_hz=2.0, area_mm2=3.0)
    assert outcome.costs(("capacity", "energy*capacity", "ed2p")) == (5.0, 30.0, 24.0)
    assert outcome.costs(("energy", "latency", "edp", "area")) == (6.0, 2.0, 12.0, 3.0)
    assert replace(outcome, area_mm2=None).costs(("area",)) == (float("inf"),)


def test_the_journal_is_one_object_per_line():
    swept(load(), jobs=1)
    lines = list(map(json.loads, JOURNAL.read_text(encoding="utf-8").splitlines()))
    points = [line["point"] for line in lines if "point" in line]
    assert {point["question"] for point in points} == {fingerprint(load())}
    assert [point["axes"][0][0] for point in points] == ["Buffer.size"] * 6
    named = {name for point in points for name in point["mappings"]}
    assert sorted(named) == sorted(line["digest"] for line in lines if "mapping" in line)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_point_that_runs_out_of_memory_spares_the_others_and_is_done_again(jobs, monkeypatch):
    monkeypatch.setattr(bench, "answers_to", out_of_memory)
    study = load()
    result = swept(study, jobs=1)
    assert [str(d) for d in result.lost] == ["Buffer.size=8, MAC.throughput=2"]
    assert [o.note for o in result.outcomes if o.design in result.lost] == ["Z: out of memory"]
    assert len(kept(study)) == 5
    monkeypatch.setattr(bench, "answers_to", answers_to)
    again = swept(study, jobs=jobs)
    assert (again.resumed, again.lost, again.outcomes) == (5, (), run_sweep(study, jobs=1).outcomes)


def out_of_memory(errand):
    architecture = errand.first.architecture
    if (
        architecture.level("MAC").throughput_per_cycle["default"] == 2
        and architecture.level("Buffer").capacity_bits == 64
    ):
        raise MemoryError
    return answers_to(errand)


def test_a_search_that_is_lost_is_no_point_that_nothing_fits(monkeypatch):
    """A design that is mapped as a whole has all the workers, and one of them dies."""
    one = load(STUDY.split("axes:", maxsplit=1)[0] + "budget: 1 min\n")
    monkeypatch.setattr(execute, "map_workload", partial(map_workload, search_one=lost_search))
    result = swept(one, jobs=1)
    assert len(result.lost) == 1
    assert "out of memory" in result.outcomes[0].note
    assert kept(one) == []


def lost_search(*_):
    raise MemoryError


def test_tasks_that_raise_something_unexpected_stop_everything():
    def broken():
        raise ZeroDivisionError

    tasks = iter([Task(1, broken, ())])
    with pytest.raises(ZeroDivisionError):
        run_tasks(lambda: next(tasks, None), lambda *_: None, None)
    assert str(LostError("x")) == "x"
