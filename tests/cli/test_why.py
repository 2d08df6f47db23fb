"""`--why` of `map` and `explain`: on the terminal, as JSON, in the run folder and on the page."""

import json
from pathlib import Path

import pytest
from commands import run


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


ASKED = ("pe2d", "mm64", "--objective", "energy", "--constraint", "PEs.X only [m]", "--jobs", "1")


def test_why_is_shown_kept_and_on_the_page():
    done = run("map", *ASKED, "--why", "--out", "r", "--report", "r.html")
    assert "without PEs.X only [m]" in done.stderr
    for line in (
        "Z: why its least energy is what it is",
        "latency 4,096 cycles, held by MAC; any mapping takes at least 4,096 (100 %)",
        "  PEs.X only [m]  1.43 % less",
    ):
        assert line in done.stdout
    again = run("explain", "r", "--why").stdout
    assert again.strip() in done.stdout
    (kept,) = json.loads(run("explain", "r", "--why", "--json").stdout)["why"]
    (left,) = kept["constraints"]
    assert (left["constraint"], left["gain"]) == ("PEs.X only [m]", pytest.approx(left["most"]))
    assert "any mapping takes at least" in Path("r.html").read_text(encoding="utf-8")


def test_why_without_asking_and_beside_another_question():
    run("map", *ASKED, "--out", "r", "-q")
    assert "--why --out FOLDER` keeps them" in run("explain", "r", "--why", code=1).stderr
    assert "give no SUBJECT" in run("explain", "pe2d", "mm64", "energy", "--why", code=2).stderr


def test_explain_searches_why():
    told = run("explain", "two_level", "mm64", "--why").stdout
    assert "Z: why its least edp is what it is" in told
    assert "constraints" not in told  # the machine has none
