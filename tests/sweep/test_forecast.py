"""What a sweep will take: searches are timed as the sweep makes them, some of each Einsum."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from costmodel.mapper.cache import Cache
from costmodel.mapper.result import MapperResult
from costmodel.spec import catalog
from costmodel.spec.load import parse
from costmodel.sweep import forecast as module
from costmodel.sweep.errand import answers_to
from costmodel.sweep.forecast import forecast

STUDY = """\
name: tiny
arch: two_level
workload: two.yaml
objective: energy
axes:
  Buffer.size: {from: 64, to: 512, step: x2}
  MainMemory.bandwidth: [1, 2, 4]
"""
TWO = """\
name: two
ranks: {M: 4, N: 4, K: 4}
einsums:
- {name: Y, einsum: "Y[m, n] = A[m, k] * B[k, n]"}
- {name: Z, einsum: "Z[m, n] = exp(Y[m, n])"}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(TWO, encoding="utf-8")


def told(cache: Cache | None = None) -> module.Forecast:
    return forecast(catalog.load_study(parse(STUDY, "study.yaml")), (), cache)


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which an errand takes a second for Y, and a tenth for Z, for each of its searches."""
    passed = [0.0]

    def timed(errand: Any) -> Any:
        passed[0] += sum(1.0 if asked.einsum.name == "Y" else 0.1 for _, asked, _ in errand.searches)
        return answers_to(errand)

    monkeypatch.setattr(module, "answers_to", timed)
    monkeypatch.setattr(module.time, "process_time", lambda: passed[0])


@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize(("sample", "searches"), [(100, 24), (4, 12), (1, 6)])
def test_some_searches_of_each_einsum_are_timed_with_those_that_differ_in_bandwidths(
    sample: int, searches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SAMPLE", sample)
    found = told()
    assert (found.points, found.searches, found.sampled) == (12, 24, searches)
    assert found.cpu_s == pytest.approx(12 * 1.0 + 12 * 0.1)
    assert not found.longer


def test_what_was_searched_for_an_estimate_is_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "answers", lambda _: None)
    assert told(cache).answered == 0
    again = told(cache)
    assert again.answered > 0
    assert again.searches == 24
    assert again.sampled <= again.searches - again.answered


def test_a_search_that_is_given_up_is_not_kept_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(errand: Any) -> Any:
        found = answers_to(errand)
        for answer in found.values():
            assert isinstance(answer, MapperResult)
            object.__setattr__(answer.certificate, "budget_spent", True)
        return found

    monkeypatch.setattr(module, "answers_to", late)
    cache = Cache(tmp_path / "answers", lambda _: None)
    assert told(cache).longer
    assert not list((tmp_path / "answers").glob("*.json"))
