"""The command line: data on stdout, talk on stderr, an exit code for every way out, never a traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import run

from costmodel import __version__
from costmodel.cli import app
from costmodel.cli.frame import COMMANDS
from costmodel.mapper.result import InfeasibleError
from costmodel.report import assemble
from costmodel.spec.rules.finding import Reject

ROOT = Path(__file__).resolve().parent.parent
WORKLOAD = """\
name: small
ranks: {M: 8, N: 8, K: 8}
einsums:
- {einsum: "Z[m, n] = A[m, k] * B[k, n]", name: one}
- {einsum: "Y[m, n] = C[m, k] * D[k, n]", name: two, count: 3}
"""
NEST = """\
  nest:
  - store {tensors} in MainMemory
  - for m by 4
  - store {tensors} in Buffer
  - for m by 1
  - for n by 1
  - for k by 1
  - compute {einsum} on MAC
"""
MAPPINGS = "mappings:\n" + "".join(
    f"- einsum: {einsum}\n{NEST.format(tensors=tensors, einsum=einsum)}"
    for einsum, tensors in (("one", "A B Z"), ("two", "C D Y"))
)
STUDY = """\
name: tiny
arch: two_level
workload: small.yaml
objective: [energy, latency]
method: random
trials: 4
axes:
  Buffer.size: [8, 2 KiB]
  MAC.throughput: [1, 2]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    Path("small.yaml").write_text(WORKLOAD, encoding="utf-8")
    Path("mapping.yaml").write_text(MAPPINGS, encoding="utf-8")
    Path("study.yaml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def command(*arguments: object, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "costmodel", *map(str, arguments)]
    return subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, encoding="utf-8", **options
    )


SEARCH = ("--method", "random", "--trials", "8", "--jobs", "1", "--no-bound")


# Looking at inputs


def test_help_lists_the_commands_in_the_order_of_work():
    text = run("--help").stdout
    places = [text.index(f"\n  {name} ") for name in ("check", "show", "evaluate", "explain", "map", "sweep", "report")]
    assert places == sorted(places)
    assert run("--version").stdout.strip() == f"costmodel, version {__version__}"


def test_help_loads_no_command():
    script = (
        "import sys; from costmodel.cli import app\ntry: app.main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert not {"pydantic", "numpy", "yaml", "rich", "costmodel.cli.map"} & set(loaded)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    assert "Usage: costmodel" in run(name, "--help").stdout


def test_check_says_what_is_fine_on_stdout_and_what_is_wrong_on_stderr():
    Path("bad.yaml").write_text("name: x\nranks: {M: 4}\neinsum: [Z[m] = A[m]]\n", encoding="utf-8")
    result = run("check", "two_level", "small.yaml", "mapping.yaml", "study.yaml", "bad.yaml", code=1)
    assert result.stdout.splitlines() == [
        "two_level: fine (arch two_level: 3 levels)",
        "small.yaml: fine (workload small: 2 Einsums)",
        "mapping.yaml: fine (mapping of 2 nests)",
        "study.yaml: fine (study tiny: 4 design points)",
    ]
    assert "bad.yaml:" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("bad.yaml: ")


def test_check_as_json_holds_every_problem_with_its_place():
    Path("bad.yaml").write_text("levels:\n- memry: DRAM\n", encoding="utf-8")
    shown = json.loads(run("check", "bad.yaml", "--json", code=1).stdout)
    assert (shown["format"], shown["version"], shown["costmodel"]) == ("costmodel check", 1, __version__)
    (file,) = shown["files"]
    assert not file["ok"]
    assert all(problem["file"] == "bad.yaml" and problem["line"] for problem in file["problems"])


def test_check_binds_a_mapping_that_names_what_it_is_for():
    text = MAPPINGS.replace("mappings:", "arch: two_level\nworkload: small.yaml\nmappings:")
    Path("named.yaml").write_text(text, encoding="utf-8")
    assert "fits small.yaml on two_level" in run("check", "named.yaml").stdout
    Path("named.yaml").write_text(text.replace("in Buffer", "in Bufer"), encoding="utf-8")
    result = run("check", "named.yaml", code=1)
    assert "named.yaml:" in result.stderr
    assert "did you mean 'Buffer'?" in result.stderr


def test_a_missing_file_is_wrong_input():
    assert "nowhere.yaml: no such file" in run("check", "nowhere.yaml", code=1).stderr
    assert "did you mean 'two_level'?" in run("show", "two_levl", code=1).stderr


def test_show_tells_the_peak_of_what_has_no_rate_of_its_own():
    text = run("show", "a100").stdout
    assert "peak of cuda_cores: 1,728 exp or log or" in text
    assert "peak of cuda_cores: 6,912 other operations per cycle = 9.75 Top/s" in text


def test_show_an_architecture():
    text = run("show", "eyeriss_v1").stdout
    assert re.search(r"GLB +memory +1 +108 KiB +input output +24 pJ per 64 b", text)
    assert "MAC: 168 = X 14 × Y 12; does mac (1 pJ, 1 /cycle)" in text
    assert re.search(r"area: [\d.]+ mm2 without PEs\n- weight_spad: [\d.]+ mm2, [\d.]+ %", text)
    assert "peak of MAC: 168 operations per cycle = 33.6 Gop/s" in text
    assert "- PEs.X only [p, m]" in text


UNITS = """\
name: units
levels:
- memory: DRAM
  energy: 100 pJ
- array: lanes
  shape: {X: 4}
- compute: VEC
  energy: {exp: 10 pJ, add: 2 pJ}
  throughput: {exp: 0.25}
  instances: 2
- array: PEs
  shape: {X: 8, Y: 2}
- compute: MAC
  energy: {mac: 1 pJ, default: 3 pJ}
"""


def test_show_tells_units_apart():
    Path("units.yaml").write_text(UNITS)
    text = run("show", "units.yaml").stdout
    assert "VEC: 2 = stated; does exp (10 pJ, 0.25 /cycle), add (2 pJ, 1 /cycle)" in text
    wanted = "64 = lanes.X 4 × PEs.X 8 × Y 2; does mac (1 pJ, 1 /cycle), every other kind of operation (3 pJ, 1 /cycle)"
    assert f"MAC: {wanted}" in text


def test_what_no_unit_prices_is_refused_everywhere():
    Path("units.yaml").write_text(UNITS.replace(", default: 3 pJ", ""))
    Path("root.yaml").write_text("name: root\nranks: {M: 4}\neinsums:\n- B[m] = exp(A[m])\n- C[m] = sqrt(B[m])\n")
    Path("study.yaml").write_text("name: s\narch: units.yaml\nworkload: root.yaml\naxes: {PEs.shape.X: [4, 8]}\n")
    nest = "nest:\n- store B C in DRAM\n- for m by 1\n- compute C on VEC\n"
    Path("nest.yaml").write_text(f"arch: units.yaml\nworkload: root.yaml\neinsum: C\n{nest}")
    place = r"root\.yaml:5:3: \$\.einsums\[1\]: C: no unit of units computes it: VEC does no sqrt; MAC does no sqrt \("
    for command in (("map", "units.yaml", "root.yaml"), ("sweep", "study.yaml"), ("check", "study.yaml")):
        assert re.search(place, run(*command, code=1).stderr), command
    for command in (("check", "nest.yaml"), ("evaluate", "units.yaml", "root.yaml", "--mapping", "nest.yaml")):
        error = run(*command, code=1).stderr
        assert re.search(r"nest\.yaml:7:3: compute C on VEC: VEC does no sqrt \(price sqrt", error), command
    run("map", "units.yaml", "root.yaml", "--einsum", "B", "--no-run")
    run("map", "units.yaml", "root.yaml", "--set", "VEC.energy.sqrt=1", "--no-run")


def test_show_a_workload():
    text = run("show", "small.yaml").stdout
    assert text.startswith("small: 2 statements, 4 Einsums, 2,048 mac")
    assert re.search(r"B +weight \(guessed\) +K 8 × N 8", text)
    assert "op/B" in text


def test_show_a_mapping_as_a_nest():
    text = run("show", "mapping.yaml", "--workload", "small.yaml").stdout
    assert "for m in [0:2)  by 4" in text
    assert re.search(r"\n  store A B Z in Buffer +# A 4×8, B 8×8, Z 4×8: 128 B", text)


@pytest.mark.parametrize(
    ("ref", "kind"), [("two_level", "arch"), ("small.yaml", "workload"), ("mapping.yaml", "mapping")]
)
def test_show_as_json(ref, kind):
    shown = json.loads(run("show", ref, "--json").stdout)
    assert (shown["format"], shown["kind"]) == ("costmodel show", kind)
    assert shown[kind]


def test_show_takes_overrides():
    assert "64 KiB" in run("show", "eyeriss_v1", "--set", "GLB.size=64KiB").stdout
    result = run("show", "eyeriss_v1", "--set", "GLB.siz=64KiB", code=1)
    assert "GLB.siz" in result.stderr


def test_list_and_schema():
    listed = json.loads(run("list", "--json").stdout)["shipped"]
    assert "eyeriss_v1" in listed["arch"]
    assert "  eyeriss_v1" in run("list").stdout
    for kind in ("arch", "workload", "mapping", "study"):
        assert json.loads(run("schema", kind).stdout)["$schema"]


# One mapping


def test_evaluate_prints_totals_and_every_table():
    result = run("evaluate", "two_level", "small.yaml", "--mapping", "mapping.yaml")
    assert result.stderr == ""
    for header in (
        "energy ",
        "einsum +level +tensor +flow",
        "einsum +component +tensor +action",
        "einsum +component +cycles",
    ):
        assert re.search(header, result.stdout)
    assert re.search(r"two +3 ", result.stdout)


def test_evaluate_as_json_is_one_object_with_the_tables():
    shown = json.loads(run("evaluate", "two_level", "small.yaml", "--mapping", "mapping.yaml", "--json").stdout)
    assert (shown["format"], shown["version"]) == ("costmodel evaluate", 1)
    energy = sum(row["energy_pj"] * {"one": 1, "two": 3}[row["einsum"]] for row in shown["tables"]["actions"])
    assert shown["totals"]["energy_pj"] == pytest.approx(energy)
    row = shown["tables"]["traffic"][0]
    assert set(row) == {"einsum", "level", "tensor", "flow", "words"}


def test_evaluate_one_einsum_or_what_there_is_a_mapping_for():
    one = json.loads(
        run("evaluate", "two_level", "small.yaml", "--mapping", "mapping.yaml", "--einsum", "one", "--json").stdout
    )
    assert [e["einsum"] for e in one["einsums"]] == ["one"]
    Path("first.yaml").write_text(MAPPINGS.split("- einsum: two")[0], encoding="utf-8")
    result = run("evaluate", "two_level", "small.yaml", "--mapping", "first.yaml")
    assert "not counted: two" in result.stderr
    result = run("evaluate", "two_level", "small.yaml", "--mapping", "first.yaml", "--einsum", "two", code=1)
    assert "maps one, none of which is asked for" in result.stderr
    result = run("evaluate", "two_level", "small.yaml", "--mapping", "first.yaml", "--einsum", "tow", code=1)
    assert "did you mean 'two'?" in result.stderr


def test_a_mapping_that_does_not_fit_is_wrong_input_with_its_line():
    Path("wrong.yaml").write_text(MAPPINGS.replace("  - for k by 1\n", "", 1), encoding="utf-8")
    result = run("evaluate", "two_level", "small.yaml", "--mapping", "wrong.yaml", code=1)
    assert re.search(r"wrong.yaml:\d+:\d+: .*rank variable k", result.stderr)
    result = run("evaluate", "two_level", "small.yaml", "--mapping", "mapping.yaml", "--set", "Buffer.size=100", code=1)
    assert "over capacity" in result.stderr


def test_evaluate_needs_a_mapping():
    assert "Missing option '--mapping'" in run("evaluate", "two_level", "small.yaml", code=2).stderr


def test_a_run_folder_can_be_reported_explained_compared_and_fed_back():
    arguments = ("evaluate", "two_level", "small.yaml", "--mapping")
    result = run(*arguments, "mapping.yaml", "--out", "runs/a")
    assert "run: runs/a" in result.stderr
    assert "run:" not in result.stdout
    run(*arguments, "runs/a/mapping.yaml", "--out", "runs/b", "--set", "MainMemory.energy.read=50")
    text = run("explain", "runs/a", "Buffer.fill.A").stdout
    assert text.startswith("Buffer.fill.A = 2 tiles × 32 words = 64 words")
    assert "MAC.energy" in run("explain", "runs/a").stdout.splitlines()
    compared = run("compare", "runs/a", "runs/b").stdout
    assert re.search(r"^ +a +b +change$", compared, re.MULTILINE)
    assert len(json.loads(run("compare", "runs/a", "runs/b", "--json").stdout)["runs"]) == 2
    refused = run("report", "runs/a", "runs/b", "-o", "both.html", code=2).stderr  # a page is of one run
    assert "costmodel compare RUN RUN --report FILE.html" in refused
    assert not Path("both.html").exists()
    assert "report: both.html" in run("compare", "runs/a", "runs/b", "--report", "both.html").stderr
    assert Path("both.html").read_text(encoding="utf-8").startswith("<!")
    assert "report: runs/a/report.html" in run("report", "runs/a").stderr


def test_explain_on_the_fly():
    arguments = ("explain", "two_level", "small.yaml", "--mapping", "mapping.yaml")
    shown = json.loads(run(*arguments, "Buffer.fill.A", "--json").stdout)
    assert (shown["value"], shown["unit"]) == (64, "words")
    assert sum(part["value"] for part in shown["parts"]) == 64
    assert "did you mean" in run(*arguments, "Bufer.fill.A", code=1).stderr
    assert run(*arguments, "energy", "--einsum", "two").stdout.startswith("energy = ")
    assert "run folder" in run("explain", "a", "b", "c", "d", code=2).stderr


# Searches


def test_curve_shows_the_corners_and_where_the_level_is():
    shown = run("curve", "two_level", "small.yaml", "Buffer", "--einsum", "one").stdout.splitlines()
    assert shown[0] == "one: least traffic between MainMemory and Buffer, proven"
    assert shown[3].split()[:2] == ["3", "1,088"]
    assert shown[-1] == "Buffer has 1 KiB: 192 words, 1 × compulsory"
    small = run("curve", "two_level", "small.yaml", "Buffer", "--einsum", "one", "--set", "Buffer.size=2").stdout
    assert small.splitlines()[-1] == "Buffer has 2 B: nothing fits"
    curves = json.loads(run("curve", "two_level", "small.yaml", "Buffer", "--json").stdout)["curves"]
    assert [c["einsum"] for c in curves] == ["one", "two"]
    assert curves[0]["points"][-1]["traffic_words"] == 192
    assert curves[0]["points"][-1]["nest"][-1] == "compute one on MAC"
    assert "did you mean 'Buffer'" in run("curve", "two_level", "small.yaml", "Bufer", code=1).stderr


def test_curve_draws_a_page():
    done = run("curve", "two_level", "small.yaml", "Buffer", "--out", "drawn/curves.html")
    assert "report: drawn/curves.html" in done.stderr
    assert done.stdout.startswith("one: least traffic")
    page = Path("drawn/curves.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "no more than compulsory moves" in page
    assert "named *.html" in run("curve", "two_level", "small.yaml", "Buffer", "--out", "folder", code=2).stderr


CHAIN = """\
name: chain
ranks: {M: 16, K: 8, N: 8, P: 8}
einsums: ["Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]"]
"""


def test_curve_of_a_whole_workload_stands_unfused_beside_fused():
    Path("chain.yaml").write_text(CHAIN, encoding="utf-8")
    done = run("curve", "two_level", "chain.yaml", "Buffer", "--fuse", "auto", "--csv", "c.csv", "--out", "c.html")
    shown = done.stdout.splitlines()
    at = shown.index("whole workload: least traffic between MainMemory and Buffer, proven")
    assert shown[-1] == "fused: Buffer has 1 KiB: 384 words, 1 × compulsory"
    assert shown[-2] == "unfused: Buffer has 1 KiB: 640 words, 1 × compulsory"
    assert shown[-4].split() == ["137", "640", "384", "1.67", "×", "Y", "+", "Z"]
    assert re.split(r" {2,}", shown[at + 2]) == [
        "bytes held",
        "words, unfused",
        "words, fused",
        "less",
        "what is fused",
    ]
    rows = Path("c.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "curve,capacity_bits,traffic_bits,traffic_words,operations_per_byte,compulsory_bits,nest,fused"
    assert [r for r in rows if r.startswith('"whole workload, fused"')][-1].endswith(",Y + Z")
    page = Path("c.html").read_text(encoding="utf-8")
    assert "whole workload, fused" in page
    whole = json.loads(run("curve", "two_level", "chain.yaml", "Buffer", "--fuse", "auto", "--json").stdout)["whole"]
    assert whole["fused"]["proven"]
    last = whole["fused"]["points"][-1]
    assert (last["traffic_words"], last["fused"][0]["einsums"]) == (384, ["Y", "Z"])
    assert "sequence" in last["fused"][0]["nest"][-1]
    apart = json.loads(run("curve", "two_level", "chain.yaml", "Buffer", "--json").stdout)["whole"]
    assert apart == {"unfused": whole["unfused"]}


def test_map_prints_a_line_per_layer_and_writes_a_run():
    result = run("map", "two_level", "small.yaml", *SEARCH, "--report", "page.html")
    assert re.search(r"einsum +count +energy +latency +utilisation +bottleneck", result.stdout)
    assert re.search(r"\none and 1 more +4 ", result.stdout)  # they are alike
    assert "certificate: best found" in result.stdout
    folder = Path(re.search(r"^run: (.+)$", result.stderr, re.MULTILINE)[1])
    assert (folder / "mapping.yaml").exists()
    assert Path("page.html").exists()
    again = run("evaluate", "two_level", "small.yaml", "--mapping", folder / "mapping.yaml", "--json")
    energy = json.loads((folder / "result.json").read_text(encoding="utf-8"))["totals"]["energy_pj"]
    assert json.loads(again.stdout)["totals"]["energy_pj"] == energy


def test_map_as_json_prints_nothing_else_on_stdout():
    shown = json.loads(run("map", "two_level", "small.yaml", *SEARCH, "--json", "--no-run", "--quiet").stdout)
    assert shown["format"] == "costmodel map"
    assert [search["einsum"] for search in shown["searches"]] == ["one", "two"]
    assert not Path("runs").exists()


def test_map_says_how_far_it_is_on_stderr_in_plain_lines():
    lines = run("map", "two_level", "small.yaml", *SEARCH, "--no-run").stderr.splitlines()
    assert re.fullmatch(r"\[1/1, [\d.]+ s\] one: best found.*", lines[0])
    assert "\x1b" not in "".join(lines)


def test_what_costs_nothing_is_proven():
    free = "name: f\nlevels:\n- {memory: D, energy: 0}\n- {compute: M, energy: 0}\n"
    Path("free.yaml").write_text(free, encoding="utf-8")
    assert "certificate: optimal: proven (exact)" in run("map", "free.yaml", "mm64", "--no-run").stdout


def test_nothing_fits_exits_3_with_the_limit_and_the_nearest_miss(monkeypatch):
    from costmodel.mapper import network

    def search(einsum, *_):
        miss = Reject("Buffer", "capacity", 24, 16, "A 24")
        raise InfeasibleError(einsum.name, [("capacity of Buffer", 12)], miss, proven=True)

    monkeypatch.setattr(
        network.map_workload, "__kwdefaults__", network.map_workload.__kwdefaults__ | {"search_one": search}
    )
    result = run("map", "two_level", "small.yaml", "--jobs", "1", code=3)
    assert (
        "one: no mapping fits: capacity of Buffer (12); nearest miss: Buffer: capacity needs 24, has 16"
        in result.stderr
    )
    assert "two: no mapping fits" in result.stderr
    assert not Path("runs").exists()


def test_room_used_is_an_objective():
    options = ("--objective", "energy,capacity", "--jobs", "1", "--method", "exact")
    result = run("map", "two_level", "small.yaml", *options, "--einsum", "one", "--out", "first")
    assert re.search(r"^room used +\S+ K?i?B +[\d,]+ b$", result.stdout, re.MULTILINE)
    assert re.search(r"front: \d+ points from .*B to .* 3 B", result.stdout)
    content = json.loads(Path("first/result.json").read_text(encoding="utf-8"))
    rooms = [p["capacity_bits"] for p in content["searches"][0]["front"]]
    assert min(rooms) == 24
    assert content["totals"]["capacity_bits"] in rooms
    run("map", "two_level", "small.yaml", "--no-bound", *options[:4], "--jobs", "1", "--out", "second")
    compared = run("compare", "first", "second").stdout
    assert re.search(r"^room used  ", compared, re.MULTILINE)
    plain = run("map", "two_level", "small.yaml", "--jobs", "1", "--no-run").stdout
    assert "room used" not in plain


def test_area_alone_is_wrong_input():
    wrong = run("map", "two_level", "small.yaml", "--objective", "area", code=1).stderr
    assert "area orders designs of a sweep, not mappings" in wrong


def test_area_beside_an_objective_changes_nothing():
    answers = [
        run("map", "two_level", "small.yaml", "--objective", o, "--no-run", "--quiet", "--json").stdout
        for o in ("energy", "energy,area")
    ]
    assert len({json.dumps(json.loads(a)["totals"]) for a in answers}) == 1


def test_a_command_saved_as_a_study_asks_the_same():
    options = (
        "--no-bound",
        "--method",
        "random",
        "--trials",
        "5",
        "--seed",
        "3",
        "--set",
        "Buffer.size=2 KiB",
        "--einsum",
        "one",
    )
    run("map", "two_level", "small.yaml", *options, "--jobs", "1", "--save-study", "again.yaml", "--no-run")
    assert "again.yaml: fine" in run("check", "again.yaml").stdout
    study = json.loads(run("show", "again.yaml", "--json").stdout)["study"]
    assert study["seed"] == 3
    assert study["trials"] == 5
    assert study["set"] == {"Buffer.size": "2 KiB"}
    assert study["einsums"] == ["one"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--objective", "enrgy"), "did you mean 'energy'?"),
        (("--set", "Buffer.siz=3"), "Buffer.siz"),
    ],
)
def test_wrong_values_are_wrong_input(options, message):
    assert message in run("map", "two_level", "small.yaml", *options, code=1).stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--method", "magic"), "'magic'"),
        (("--budget", "5 apples"), "must be a time"),
        (("--memory", "12 words"), "must be a size such as 2 GiB"),
        (("--budget", "0"), "greater than zero"),
        (("--trials", "0"), "0 is not in the range"),
        (("--colour", "red"), "No such option"),
    ],
)
def test_wrong_options_are_usage_errors(options, message):
    assert message in run("map", "two_level", "small.yaml", *options, code=2).stderr


def test_trials_are_an_error_where_nothing_samples():
    wrong = run("map", "two_level", "small.yaml", "--trials", "300", code=1).stderr
    assert "method 'exact' has no use for trials" in wrong
    assert "tpe" in wrong


def test_the_inputs_of_a_run_are_what_ran(monkeypatch):
    """Files are read once: what is written to them while a command runs belongs to the next one."""
    from costmodel.mapper import network
    from costmodel.report import assemble
    from costmodel.sweep import execute

    def editing(function):
        def edited(*arguments, **options):
            answer = function(*arguments, **options)
            for name in ("small.yaml", "mapping.yaml", "study.yaml"):
                Path(name).write_text("# edited meanwhile\n" + texts[name], encoding="utf-8")
            return answer

        return edited

    texts = {name: Path(name).read_text(encoding="utf-8") for name in ("small.yaml", "mapping.yaml", "study.yaml")}
    monkeypatch.setattr(network, "map_workload", editing(network.map_workload))
    monkeypatch.setattr(assemble, "evaluate_file", editing(assemble.evaluate_file))
    monkeypatch.setattr(execute, "run_sweep", editing(execute.run_sweep))
    for command in (
        ("map", "two_level", "small.yaml", *SEARCH, "--set", "Buffer.size=2 KiB", "--out", "out"),
        ("evaluate", "two_level", "small.yaml", "--mapping", "mapping.yaml", "--out", "out"),
        ("sweep", "study.yaml", "--jobs", "1", "--quiet", "--out", "out"),
    ):
        run(*command)
        kept = {path.name: path.read_text(encoding="utf-8") for path in Path("out/inputs").iterdir()}
        assert {name: text for name, text in kept.items() if name in texts} == {
            name: texts[name] for name in texts if name in kept
        }
        assert "small.yaml" in kept
        for name, text in texts.items():
            Path(name).write_text(text, encoding="utf-8")
        shutil.rmtree("out")


def test_an_unknown_command_gets_a_suggestion():
    assert "did you mean 'sweep'?" in run("swep", code=2).stderr


# Sweeps


def test_a_sweep_maps_every_point_and_goes_on_where_it_stopped():
    result = run("sweep", "study.yaml", "--jobs", "1")
    assert "4/4" in result.stderr
    assert re.search(r"Buffer.size +MAC.throughput +operations +energy +latency", result.stdout)
    points = json.loads(Path("runs/tiny/result.json").read_text(encoding="utf-8"))["design_points"]
    assert [tuple(p["axes"].values()) for p in points] == [(8, 1), (8, 2), ("2 KiB", 1), ("2 KiB", 2)]
    assert any(p["pareto"] for p in points)
    journal = Path("runs/tiny/points.jsonl")
    lines = journal.read_text(encoding="utf-8").splitlines()
    third = [number for number, line in enumerate(lines) if '"point": ' in line][2]
    journal.write_text("\n".join(lines[: third + 1]) + '\n{"arch": "two_', encoding="utf-8")
    again = run("sweep", "study.yaml", "--jobs", "1")
    assert "3 points of an earlier run kept" in again.stderr
    assert "1 line cut off or changed" in again.stderr
    assert again.stdout == result.stdout
    assert "4 points of an earlier run kept" in run("sweep", "study.yaml", "--quiet").stderr


def test_a_sweep_of_another_question_gets_a_folder_of_its_own():
    run("sweep", "study.yaml", "--jobs", "1", "--quiet")
    Path("study.yaml").write_text(STUDY.replace("trials: 4", "trials: 5"), encoding="utf-8")
    assert "run: runs/tiny-2" in run("sweep", "study.yaml", "--jobs", "1", "--quiet").stderr
    beside = run("sweep", "study.yaml", "--out", "runs/tiny", "--jobs", "1")
    assert "4 points of other questions or versions left alone" in beside.stderr
    assert Path("runs/tiny/points.jsonl").read_text(encoding="utf-8").count('"point": ') == 8


def test_a_sweep_in_which_nothing_fits_exits_3_with_the_reasons():
    Path("study.yaml").write_text(STUDY.replace("[8, 2 KiB]", "[1, 2]"), encoding="utf-8")
    result = run("sweep", "study.yaml", "--jobs", "1", "--quiet", code=3)
    said = result.stderr.splitlines()
    place = said.index("nothing is feasible: 4 designs")
    assert all("of them: " in line and "no mapping fits" in line for line in said[place + 1 :])
    assert "{" not in result.stderr
    assert Path("runs/tiny/sweep.csv").exists()
    assert "Nothing fits" in Path("runs/tiny/report.html").read_text(encoding="utf-8")


# Ways out


def test_an_internal_error_is_one_line_and_a_hint(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(assemble, "question_of", broken)
    result = run("map", "two_level", "small.yaml", code=2)
    assert result.stderr == "internal error: ZeroDivisionError: a defect (add --debug for the traceback)\n"
    with pytest.raises(ZeroDivisionError):
        CliRunner().invoke(app, ["map", "two_level", "small.yaml", "--debug"], catch_exceptions=False)


def test_an_interrupt_exits_130(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(assemble, "question_of", interrupted)
    assert run("map", "two_level", "small.yaml", code=130).stderr.strip() == "interrupted"


def test_a_reader_that_leaves_early_is_no_error():
    process = command("show", "resnet50")
    assert process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 0
    process.stderr.close()


def test_a_terminal_without_our_letters_is_no_error(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "iso8859-5")
    data, talk = (process := command("show", "eyeriss_v1")).communicate(timeout=60)
    assert (process.returncode, talk) == (0, "")
    assert "X 14 ? Y 12" in data


def test_a_wrong_constraint_is_found_in_a_worker_too():
    result = run("map", "two_level", "small.yaml", "--constraint", "as you like it", "--jobs", "2", code=1)
    assert "as you like it" in result.stderr


def test_ctrl_c_keeps_what_is_done():
    Path("study.yaml").write_text(STUDY.replace("[1, 2]", "{from: 1, to: 2000, step: 1}"), encoding="utf-8")
    process = command("sweep", "study.yaml", "--jobs", "2")
    journal = Path("runs/tiny/points.jsonl")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (journal.exists() and journal.read_text().count('"point": ') >= 3):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=60)
    assert process.returncode == 130, talk
    assert "Traceback" not in talk
    assert "the same command goes on" in talk
    points = json.loads(Path("runs/tiny/result.json").read_text(encoding="utf-8"))["design_points"]
    assert len(points) >= 3


def test_heavy_packages_wait_until_they_are_needed():
    code = "import sys; from costmodel.cli import app; app.main(['check', 'two_level', 'resnet18'], 'x')"
    code = f"import sys, atexit; atexit.register(lambda: print(*sorted(sys.modules))); {code}"
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    loaded = set(process.stdout.split("\n")[-2].split())
    assert not loaded & {"numpy", "pandas", "plotly", "optuna", "rich", "jinja2"}


RULED = """\
name: ruled
levels:
- memory: DRAM
  energy: 1 pJ
- memory: GLB
  energy: 1 pJ
- array: PEs
  shape: {X: 4}
- compute: MAC
  energy: 1 pJ
constraints:
- PEs.X only [k]
"""
FORBIDDEN = """\
arch: ruled.yaml
workload: mm64
einsum: Z
nest:
- store A B Z in DRAM
- for m by 4
- for k by 1
- store A B Z in GLB
- parallel m by 1 across PEs.X
- for n by 1
- compute Z on MAC
"""


@pytest.mark.parametrize(
    "command",
    [
        ("check", "forbidden.yaml"),
        ("evaluate", "ruled.yaml", "mm64", "--mapping", "forbidden.yaml"),
        ("explain", "ruled.yaml", "mm64", "energy", "--mapping", "forbidden.yaml"),
    ],
)
def test_a_nest_that_the_hardware_cannot_run_has_no_cost(command):
    Path("ruled.yaml").write_text(RULED, encoding="utf-8")
    Path("forbidden.yaml").write_text(FORBIDDEN, encoding="utf-8")
    result = run(*command, code=1)
    assert "forbidden.yaml:9:3: ruled cannot do this: PEs.X: only [k]: m lies along it" in result.stderr
    assert "pJ" not in result.stdout


def test_check_says_which_constraint_is_wrong():
    Path("ruled.yaml").write_text(RULED + "- utilisation >= 200 %\n- PEs.Z only [m]\n", encoding="utf-8")
    assert (
        "ruled.yaml:13:3: $.constraints[1]: utilisation >= 200 %: more than all"
        in run("check", "ruled.yaml", code=1).stderr
    )


# ---------------------------------------------------------------------------------------------------------------
# What is said beside a result


def test_a_result_says_beside_it_what_a_reader_would_not_suspect():
    Path("guessed.yaml").write_text("name: g\nranks: {M: 8, K: 8}\neinsums: ['Z[m] = B[k] * A[k, m]']\n")
    assert "weight (guessed)" in run("show", "guessed.yaml").stdout
    shown = run("map", "systolic4_weight", "guessed.yaml", "-q", "--out", "r", "--set", "register.size=4 words").stdout
    notes = [text for text in shown.splitlines() if text.startswith("note: ")]
    assert len(notes) == 2
    assert "A (weight)" in notes[0]
    assert "register has another size" in notes[1]
    assert "`component:`" in notes[1]
    result = json.loads(Path("r/result.json").read_text())
    assert [f"note: {note}" for note in result["notes"]] == notes
    page = Path("r/report.html").read_text()
    assert "register has another size" in page
    assert "A weight (guessed)" in page
    shown = run("map", "gemmini", "mm64", "-q", "--no-run").stdout
    assert "note:" not in shown


def test_operands_in_another_order_cost_the_same():
    costs = []
    for text in ("B[k] * A[k, m]", "A[k, m] * B[k]"):
        Path("w.yaml").write_text(f"name: g\nranks: {{M: 64, K: 64}}\neinsums: ['Z[m] = {text}']\n")
        totals = json.loads(run("map", "gemmini", "w.yaml", "-q", "--no-run", "--json").stdout)["totals"]
        costs.append((totals["energy_pj"], totals["latency_cycles"]))
    assert costs[0] == costs[1]


def test_a_sweep_says_that_prices_do_not_follow_its_axis():
    Path("s.yaml").write_text("arch: pe2d\nworkload: mm64\naxes: {GLB.size: [16 KiB, 64 KiB]}\n")
    assert "note: GLB has another size" in run("sweep", "s.yaml", "-q").stdout


def test_the_rule_that_chooses_the_point_of_a_front_is_named():
    """By default the least EDP; the terminal and the report say so."""
    asked = ("map", "eyeriss_v1", "mm64", "--objective", "energy,latency", "-q")
    text = run(*asked, "--out", "default").stdout
    assert re.search(r"the totals are of point \d+: least EDP \(--choose\)", text)
    assert "chosen by a rule: least EDP." in Path("default/report.html").read_text()
    text = run(*asked, "--choose", "latency", "--out", "fast", "--save-study", "s.yaml").stdout
    assert re.search(r"the totals are of point \d+: least latency", text)
    assert "chosen by a rule: least latency." in Path("fast/report.html").read_text()
    assert "choose: latency" in Path("s.yaml").read_text()
    assert "the totals are of point 1: number 1" in run(*asked, "--choose", "1", "--no-run").stdout
    assert "choose: one objective (edp)" in run("map", "two_level", "mm64", "--choose", "knee", code=1).stderr
    network = run("map", "eyeriss_v1", "gemm_family", "--einsum", "square", "--einsum", "wide", "-q", "--no-run").stdout
    assert re.search(r"the totals are of .*point.*: least EDP$", network, re.MULTILINE)
    swept = run("sweep", "s.yaml", "-q", "--json").stdout
    point = json.loads(swept)["design_points"][0]
    assert point["latency_cycles"] == json.loads(Path("fast/result.json").read_text())["totals"]["latency_cycles"]


def test_explain_without_a_mapping_explains_the_optimum():
    result = run("explain", "pe2d", "mm64", "energy")
    best = json.loads(run("map", "pe2d", "mm64", "-q", "--no-run", "--json").stdout)["totals"]["energy_pj"]
    assert f"{best:,.0f}" in result.stdout
    assert "of the best mappings (optimal: proven, least EDP); --mapping FILE explains others" in result.stderr
    assert "DRAM.read" in run("explain", "eyeriss_v1", "mm64", "--set", "GLB.size=64KiB").stdout
    assert "GLB.fill" not in run("explain", "two_level", "gemm_family", "--einsum", "vector").stdout
    assert "not a run: no such folder" in run("explain", "nosuch", "energy", code=1).stderr
    run("map", "pe2d", "mm64", "-q", "--out", "r")
    for changed in (["--set", "clock=1 MHz"], ["--lower"]):
        assert "--set and --lower change what is computed" in run("explain", "r", "energy", *changed, code=2).stderr


@pytest.mark.parametrize("name", ["x.png", "x", "x.html.pdf"])
def test_a_report_that_is_no_page_is_refused_with_a_hint(name):
    for arguments in (
        ("map", "two_level", "mm64", "--report", name),
        ("sweep", "study.yaml", "--report", name),
        ("report", "r", "--out", name),
        ("curve", "two_level", "mm64", "Buffer", "--out", name),
    ):
        assert "is not named *.html: a page is HTML" in run(*arguments, code=2).stderr.replace("\n", " ")
    assert not Path(name).exists()
