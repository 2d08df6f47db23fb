"""Advice in a run folder, on its page, beside the answer of `map`, and from Python."""

import json
import shlex
from pathlib import Path

import pytest
from commands import run

import costmodel as cm
from costmodel.report import plot

MACHINE = """\
name: tiny
levels:
- {memory: DRAM, energy: 100 pJ, bandwidth: 2}
- {memory: Buffer, size: 12 B, energy: 1 pJ}
- {compute: MAC, energy: 1 pJ}
"""
WORK = 'name: "a <b>&"\nranks: {M: 4, N: 3, K: 2}\neinsums: ["Z[m, n] = A[m, k] * B[k, n]"]\n'
QUIET = ("-q", "--jobs", "1")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(MACHINE, encoding="utf-8")
    Path("work.yaml").write_text(WORK, encoding="utf-8")


def test_advice_is_kept_in_the_folder_and_shown_on_its_page():
    run("map", "tiny.yaml", "work.yaml", *QUIET, "--out", "r")
    assert Path("r/report.html").read_text(encoding="utf-8").count("Nobody has looked yet") == 1
    told = run("advise", "r", "--jobs", "1", "--all")
    assert "advice: r/advice.json" in told.stderr
    assert "[1/" in told.stderr
    kept = json.loads(Path("r/advice.json").read_text(encoding="utf-8"))["advice"]
    best = kept["gains"][0]
    assert f"1. {best['change']}\n   {best['why']}\n   {best['command']}\n" in told.stdout
    Path("r/report.html").unlink()
    run("report", "r")
    page = Path("r/report.html").read_text(encoding="utf-8")
    assert page.count(f"<h3>{best['change']}</h3>") == 1
    assert page.count("<h4>Gives nothing</h4>") == 1
    # a file that has changed since then is another question: the command names what ran
    Path("tiny.yaml").write_text(MACHINE.replace("12 B", "16 B"), encoding="utf-8")
    again = json.loads(run("advise", "r", *QUIET, "--json").stdout)["gains"][0]
    assert again["costs"] == best["costs"]
    assert shlex.split(again["command"])[2] == "r/inputs/tiny.yaml"


def test_map_finds_advice_beside_its_answer():
    shown = run("map", "tiny.yaml", "work.yaml", *QUIET, "--advise", "--out", "r").stdout
    best = json.loads(Path("r/advice.json").read_text(encoding="utf-8"))["advice"]["gains"][0]
    assert f"\nadvice: {best['change']}: " in shown
    assert best["command"] in shown
    assert "costmodel advise" not in run("map", "tiny.yaml", "work.yaml", *QUIET, "--no-run").stdout
    both = json.loads(run("map", "tiny.yaml", "work.yaml", *QUIET, "--advise", "--no-run", "--json").stdout)
    assert both["advice"]["gains"][0]["costs"] == best["costs"]


def test_what_time_runs_out_for_is_named():
    told = json.loads(run("advise", "two_level", "mm64", *QUIET, "--budget", "1us", "--json", code=4).stdout)
    assert told["gains"] == told["nothing"] == []
    assert "Buffer 1 KiB → 2 KiB" in told["untried"]


def test_what_no_advice_is_about_is_refused():
    run("map", "tiny.yaml", "work.yaml", *QUIET, "--out", "r")
    assert "holds what was asked" in run("advise", "r", "--set", "Buffer.size=8", code=2).stderr
    assert "holds no result.json" in run("advise", ".", code=1).stderr
    assert "(did you mean 'two_level'?)" in run("advise", "two_levle", "mm64", code=1).stderr
    result = json.loads(Path("r/result.json").read_text(encoding="utf-8"))
    result["provenance"]["settings"]["set"] = "Buffer.size=99 B"
    Path("r/result.json").write_text(json.dumps(result), encoding="utf-8")
    assert "do not give what ran" in run("advise", "r", code=1).stderr
    Path("r/advice.json").write_text('{"format": "costmodel advice", "version": 1, "advice": {}}', encoding="utf-8")
    assert "r/advice.json: $.advice: required key 'objective' is missing" in run("report", "r", code=1).stderr


def test_advice_from_python():
    machine, work = cm.load_arch("tiny.yaml"), cm.load_workload("work.yaml")
    result = cm.map(machine, work, jobs=1)
    found = result.advice(jobs=1)
    best = found.gains.iloc[0]
    changed = cm.map("tiny.yaml", "work.yaml", set=best["set"], jobs=1, **best["options"])
    assert changed.edp / changed.evaluation.clock_hz == pytest.approx(
        (1 - best["edp"]) * result.edp / result.evaluation.clock_hz
    )
    assert best["change"] in str(found)
    assert best["change"] in found._repr_html_().replace("&gt;", ">")


def test_a_figure_is_drawn_as_an_image(monkeypatch):
    pytest.importorskip("kaleido")
    drawn = []
    monkeypatch.setattr("plotly.io.to_image", lambda figure, **how: drawn.append((figure, how)) or b"image")
    done = run("map", "tiny.yaml", "work.yaml", *QUIET, "--no-run", "--plot", "f.svg")
    assert "figure: f.svg" in done.stderr
    assert Path("f.svg").read_bytes() == b"image"
    ((figure, how),) = drawn
    assert how["format"] == "svg"
    own = cm.map("tiny.yaml", "work.yaml", jobs=1).figure("energy")
    assert json.loads(figure.to_json())["data"] == json.loads(own.to_json())["data"]
    assert "*.png" in run("map", "tiny.yaml", "work.yaml", "--plot", "f.gif", code=2).stderr


def test_without_the_package_an_image_is_refused_before_the_search(monkeypatch):
    monkeypatch.setattr(plot, "find_spec", lambda _: None)
    asked = ("map", "tiny.yaml", "work.yaml", "--no-run", "--plot", "f.png")
    assert "pip install 'costmodel[plot]'" in run(*asked, code=1).stderr


@pytest.mark.long
def test_a_browser_draws_it():
    pytest.importorskip("kaleido")
    run("evaluate", "two_level", "mm64", "--mapping", "two_level_output_stationary", "--plot", "f.png")
    assert Path("f.png").read_bytes().startswith(b"\x89PNG")
