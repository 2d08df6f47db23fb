"""Answers on disk: read again where they hold, and only there."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from commands import run

from costmodel.mapper import cache as cache_module
from costmodel.mapper.cache import Cache, Inquiry
from costmodel.mapper.engines import search
from costmodel.mapper.fused import FusedInquiry, Fusion
from costmodel.mapper.fused import search as fused_search
from costmodel.mapper.network import map_workload
from costmodel.spec import catalog
from costmodel.spec.request import Request

REQUEST = Request(objective=("energy", "latency"), jobs=1)


class Counting:
    """The search, and what it was asked; ``gap``: answers that are not proven (``spent``: for want of time)."""

    def __init__(self, gap=None, *, spent=False):
        self.asked, self.gap, self.spent = [], gap, spent

    @property
    def einsums(self):
        return [name for name, _ in self.asked]

    def __call__(self, einsum, architecture, request, progress=None):
        self.asked.append((einsum.name, request.budget))
        found = search(einsum, architecture, request, progress)
        if self.gap is None:
            return found
        known = replace(found.certificate, status="gap", gap=self.gap, budget_spent=self.spent)
        return replace(found, certificate=known)


@pytest.fixture
def said():
    return []


@pytest.fixture
def cache(tmp_path, said):
    return Cache(tmp_path / "answers", said.append)


def mapped(cache, counting, workload="mm64", request=REQUEST):
    architecture, whole = catalog.load_pair("two_level", workload)
    return map_workload(whole, architecture, request, search_one=counting, cache=cache)


def told(result):
    return [(p.mapping.nest, p.energy_pj, p.latency_cycles) for layer in result.layers for p in layer.result.front]


def test_what_was_searched_is_not_searched_again(cache, said):
    first, second = Counting(), Counting()
    before, after = mapped(cache, first), mapped(cache, second)
    assert (first.einsums, second.einsums, said) == (["Z"], [], [])
    assert told(after) == told(before)
    assert after.certificate == before.certificate
    assert after.front == before.front


def test_how_a_sampler_came_to_its_answer_is_kept(cache):
    asked = REQUEST.asking(method="random", trials=12)
    (before,), (after,) = (mapped(cache, Counting(), request=asked).layers for _ in range(2))
    assert len(before.result.improvements) > 1
    assert after.result.improvements == before.result.improvements


def test_another_einsum_of_the_same_shape_has_the_answer_in_its_own_names(cache):
    mapped(cache, Counting())
    other = {"name": "w", "ranks": {"I": 64, "J": 64, "L": 64}, "einsums": ["R[i, j] = S[i, l] * T[l, j]"]}
    counting = Counting()
    (layer,) = mapped(cache, counting, other | {"weights": ["T"]}).layers
    assert counting.einsums == []
    assert layer.point.mapping.einsum == "R"
    assert {row.tensor for row in layer.point.evaluation.traffic_rows} == {"R", "S", "T"}


@pytest.mark.parametrize("change", ["objective", "architecture", "program"])
def test_another_question_has_another_answer(cache, change, monkeypatch):
    mapped(cache, Counting())
    counting = Counting()
    if change == "program":
        monkeypatch.setattr(cache_module, "program", lambda: "another one")
    architecture, whole = catalog.load_pair(
        "two_level", "mm64", ["Buffer.size=2048"] if change == "architecture" else []
    )
    request = Request(objective=("edp",), jobs=1) if change == "objective" else REQUEST
    map_workload(whole, architecture, request, search_one=counting, cache=cache)
    assert counting.einsums == ["Z"]


@pytest.mark.parametrize("fault", ["cut", "changed", "another mapping", "no mapping"])
def test_an_entry_that_is_broken_is_said_and_written_anew(cache, said, fault):
    before = mapped(cache, Counting())
    (path,) = cache.folder.iterdir()
    whole = path.read_text(encoding="utf-8")
    if fault == "cut":
        path.write_text(whole[:50], encoding="utf-8")
    elif fault == "changed":
        path.write_text(whole.replace("for m by", "for n by", 1), encoding="utf-8")
    else:
        answer = json.loads(json.loads(whole)["answer"])
        answer["front"] = [answer["front"][0][1:]] if fault == "another mapping" else []
        content = json.dumps(answer)
        path.write_text(json.dumps({"sha256": cache_module._digest(content), "answer": content}), encoding="utf-8")
    counting = Counting()
    assert told(mapped(cache, counting)) == told(before)
    assert counting.einsums == ["Z"]
    assert [line.partition(" (")[0] for line in said] == [f"{path}: no answer can be read from it"]
    assert path.read_text(encoding="utf-8") == whole or "sha256" in path.read_text(encoding="utf-8")
    again = Counting()
    mapped(cache, again)
    assert again.einsums == []


def test_an_answer_that_is_not_proven_holds_where_there_is_no_more_time(cache):
    def asked(budget):
        counting = Counting(gap=0.5)
        mapped(cache, counting, request=REQUEST.asking(budget=budget))
        return bool(counting.einsums)

    assert asked(20.0)
    assert not asked(20.0)
    assert not asked(10.0)
    assert asked(40.0)
    assert not asked(20.0)
    assert asked(None)


def test_what_ended_for_want_of_time_goes_on_where_there_is_more(cache):
    def asked(budget):
        counting = Counting(gap=0.5, spent=True)
        return mapped(cache, counting, request=REQUEST.asking(budget=budget)).certificate.evaluated, counting.asked

    first, _ = asked(4.0)
    assert asked(4.0) == (first, [])
    more, attempts = asked(12.0)
    assert [einsum for einsum, _ in attempts] == ["Z"]
    assert more == 2 * first


def test_the_time_that_a_search_had_counts_not_a_share_of_a_budget(cache):
    """One of three Einsums within 12 s may have had 0.5 of them."""
    architecture, workload = catalog.load_pair("two_level", "mm64")
    asked = Inquiry(workload.einsums[0], architecture, REQUEST.asking(budget=12.0))
    found = search(asked.einsum, architecture, REQUEST)
    cache.keep(
        asked, replace(found, certificate=replace(found.certificate, status="gap", gap=0.5, budget_spent=True)), 0.5
    )
    kept = [cache.find(replace(asked, request=REQUEST.asking(budget=budget))) for budget in (0.5, 4.0, None)]
    assert [None if one is None else one.had_s for one in kept] == [math.inf, 0.5, None]


def test_a_proof_about_multiples_holds_where_there_is_no_more_time(cache):
    """Which tiles are looked at depends on the time."""

    def asked(budget):
        counting = Counting()
        mapped(cache, counting, request=REQUEST.asking(tiles="multiples", budget=budget))
        return bool(counting.einsums)

    assert asked(20.0)
    assert not asked(10.0)
    assert asked(None)
    assert not asked(20.0)


def fused(cache, fuse="auto", *, words="2048 words", **asked):
    architecture, whole = catalog.load_pair("two_level", "attention_three_pass", [f"Buffer.size={words}"])
    request = Request(objective=("energy",), jobs=1, fuse=fuse, **asked)
    return map_workload(whole, architecture, request, cache=cache)


def test_a_cascade_that_was_fused_is_not_searched_again(cache, monkeypatch):
    first, forced = fused(cache), fused(cache, "all")
    monkeypatch.setattr(fused_search, "Rounds", None)  # nothing can be searched
    again, others = fused(cache), fused(cache, "all")
    assert any(len(layer.instead) > 1 for layer in first.layers)
    for one, other in ((first, again), (forced, others)):
        assert told(one) == told(other)
        assert one.fusion == other.fusion
        assert one.certificate == other.certificate
    assert told(first) != told(forced)
    with pytest.raises(TypeError):
        fused(cache, words="1024 words")
    with pytest.raises(TypeError):
        fused(None)


@pytest.mark.parametrize(
    ("known", "request_then", "request_now", "found"),
    [
        ({"exact": False}, {}, {}, True),
        ({"exact": False}, {}, {"budget": 9}, False),  # which is for more
        ({"exact": True}, {}, {"budget": 9}, True),
        ({"exact": False}, {"budget": 9}, {"budget": 99}, True),  # it ended by itself, with time left
        ({"exact": False}, {"budget": 9}, {}, True),
        ({"late": True}, {"budget": 9}, {"budget": 9}, False),
        ({"interrupted": True}, {}, {}, False),
    ],
)
def test_fused_nests_are_kept_where_no_time_was_wanting(cache, known, request_then, request_now, found):
    architecture, whole = catalog.load_pair("two_level", "attention_three_pass")
    fusion = Fusion({}, (("QK", "S"),), {"A": "a window"}, bounds={(0, 2): math.inf}, **known)

    def inquiry(asked):
        return FusedInquiry(whole, architecture, Request(fuse="auto", **asked), {}, ())

    inquiry(request_then).keep(cache, fusion)
    assert inquiry(request_now).find(cache) == (fusion if found else None)


def test_a_folder_that_cannot_be_written_costs_no_answer(tmp_path, said):
    (tmp_path / "file").touch()
    found = mapped(Cache(tmp_path / "file" / "answers", said.append), Counting())
    assert found.certificate.status == "optimal: proven"
    assert [line.rpartition(": ")[2] for line in said][-1].startswith("the answer is not kept")


def test_the_oldest_answers_go(cache, monkeypatch):
    monkeypatch.setattr(cache_module, "MOST_ENTRIES", 2)
    for number, name in enumerate(("mm64", "mm128", "mm_rect")):
        mapped(cache, Counting(), name)
        for path in cache.folder.iterdir():
            os.utime(path, (number, number)) if path.stat().st_mtime > 1e6 else None
    assert len(list(cache.folder.iterdir())) == 2
    counting = Counting()
    mapped(cache, counting, "mm_rect")
    assert counting.einsums == []


def test_two_runs_share_a_folder(tmp_path):
    command = [sys.executable, "-m", "costmodel", "map", "two_level", "gemm_family", "--no-run", "-q", "--jobs", "1"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    runs = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "ab"]
    answers = [process.communicate() for process in runs]
    assert [process.returncode for process in runs] == [0, 0], answers
    folder = tmp_path / "costmodel" / "answers"
    assert list(folder.glob(".*")) == []
    said = []
    workload = catalog.load_workload("gemm_family")
    assert len(list(folder.iterdir())) == len({str(e.shape) for e in workload.einsums})
    counting = Counting()
    mapped(Cache(folder, said.append), counting, "gemm_family", Request(jobs=1))
    assert (counting.einsums, said) == ([], [])


def test_the_command_searches_anew_where_it_is_asked_to(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run("map", "two_level", "mm64", "--no-run", "-q", "--no-cache", "--jobs", 1)
    assert list(tmp_path.iterdir()) == []
    run("map", "two_level", "mm64", "--no-run", "-q", "--jobs", 1)
    assert len(list((tmp_path / "costmodel" / "answers").iterdir())) == 1
