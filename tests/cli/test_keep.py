"""Nothing lost: what was computed is kept before it is printed, and what is not ours is never touched."""

import errno
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run

from costmodel.mapper import network
from costmodel.report import write
from costmodel.report.folder import file_name
from costmodel.sweep import execute

ROOT = Path(__file__).resolve().parents[2]
WORKLOAD = """\
name: small
ranks: {M: 8, N: 8, K: 8}
einsums:
- {einsum: "Z[m, n] = A[m, k] * B[k, n]", name: one}
"""
STUDY = """\
name: tiny
arch: two_level
workload: small.yaml
objective: energy
method: random
trials: 2
axes: {MAC.throughput: [1, 2]}
"""
MAP = ("map", "two_level", "small.yaml", "-q", "--jobs", "1")
SWEEP = ("sweep", "study.yaml", "-q", "--jobs", "1")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(WORKLOAD, encoding="utf-8")
    Path("study.yaml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell, in which ``$CM`` is the command."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CM": f"{sys.executable} -m costmodel"}
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, env=environment, check=False, encoding="utf-8"
    )


def kind_in(folder: str) -> str:
    return json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))["kind"]


def files_in(folder: str | Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


# Nobody reads


@pytest.mark.parametrize("options", ["", "--json"])
def test_a_reader_that_leaves_loses_no_run(options):
    done = shell(f"set -o pipefail; $CM {' '.join(MAP)} --out r {options} | true")
    assert (done.returncode, kind_in("r")) == (0, "map")
    assert Path("r/report.html").exists()


@pytest.mark.parametrize(
    ("stream", "message"), [(">&-", "stdout: is closed"), ("> /dev/full", "stdout: No space left on device")]
)
def test_an_output_that_takes_nothing_is_an_error_after_the_run_is_kept(stream, message):
    if "full" in stream and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = shell(f"$CM {' '.join(MAP)} --out r {stream}")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, message)
    assert kind_in("r") == "map"
    done = shell(f"$CM show two_level {stream}")
    assert (done.returncode, done.stderr) == (1, f"{message}\n")


def test_no_file_takes_the_place_of_a_closed_stream():
    done = shell(f"$CM {' '.join(SWEEP)} --out s >&- 2>&-")
    assert done.returncode == 1
    lines = Path("s/points.jsonl").read_text(encoding="utf-8").splitlines()
    assert sum("point" in json.loads(line) for line in lines) == 2


def test_talk_that_nobody_hears_ends_no_search():
    done = shell("$CM map two_level small.yaml --jobs 1 --out r 2> >(true)")
    assert (done.returncode, kind_in("r")) == (0, "map")


# The disk is full


def test_a_run_that_cannot_be_kept_is_printed(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "r/traffic.csv")

    monkeypatch.setattr(write, "create", full)
    for command in ((*MAP, "--out", "r"), (*MAP, "--out", "r", "--json")):
        result = run(*command, code=1)
        assert "energy" in result.stdout
        assert result.stderr == "r/traffic.csv: No space left on device\n"


@pytest.mark.parametrize("command", [MAP, SWEEP])
@pytest.mark.parametrize("option", ["--out", "--report"])
def test_where_nothing_can_be_written_is_said_before_the_work(command, option, monkeypatch):
    def work(*_, **__):
        raise AssertionError

    monkeypatch.setattr(network, "map_workload", work)
    monkeypatch.setattr(execute, "run_sweep", work)
    Path("file").write_text("mine", encoding="utf-8")
    assert run(*command, option, "file/x.html", code=1).stderr == "file: is not a folder\n"


# What is there already


def test_a_sweep_never_replaces_a_run_of_another_kind():
    run(*MAP, "--out", "r")
    before = files_in("r")
    for force in ((), ("--force",)):
        assert "r: holds a run of map; nothing was written" in run(*SWEEP, "--out", "r", *force, code=1).stderr
    assert files_in("r") == before
    run(*SWEEP, "--out", "s")
    assert "s: is no run of map; nothing was written" in run(*MAP, "--out", "s", "--force", code=1).stderr
    assert kind_in("s") == "sweep"


def test_a_map_beside_a_run_gets_a_number_and_replaces_it_only_by_force():
    run(*MAP, "--out", "r")
    before = files_in("r")
    assert "run: r-2\n" in run(*MAP, "--out", "r").stderr
    assert files_in("r") == before
    Path("r/notes.txt").write_text("mine", encoding="utf-8")
    assert "run: r\n" in run(*MAP, "--objective", "latency", "--out", "r", "--force").stderr
    result = json.loads(Path("r/result.json").read_text(encoding="utf-8"))
    assert result["provenance"]["settings"]["objective"] == "latency"
    assert Path("r/notes.txt").read_text(encoding="utf-8") == "mine"


def test_files_that_the_user_put_into_a_sweep_stay():
    run(*SWEEP, "--out", "s")
    Path("s/notes.txt").write_text("mine", encoding="utf-8")
    assert "2 points of an earlier run kept" in run(*SWEEP, "--out", "s").stderr
    assert "2 points" not in run(*SWEEP, "--out", "s", "--force").stderr
    assert Path("s/notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_sweep_of_another_question_is_answered_beside_the_first():
    run(*SWEEP, "--out", "s")
    table = Path("s/sweep.csv").read_bytes()
    Path("other.yaml").write_text(STUDY + "set: {MAC.energy: 2 pJ}\n", encoding="utf-8")
    other = ("sweep", "other.yaml", *SWEEP[2:])
    run(*other, "--out", "fresh")
    said = run(*other, "--out", "s").stderr
    assert "s/points.jsonl: 2 points of other questions or versions left alone\n" in said
    assert "kept" not in said
    assert Path("s/sweep.csv").read_bytes() == Path("fresh/sweep.csv").read_bytes() != table
    assert "2 points of an earlier run kept" in run(*SWEEP, "--out", "s").stderr
    assert Path("s/sweep.csv").read_bytes() == table
    run(*other, "--out", "s", "--force")
    lines = Path("s/points.jsonl").read_text(encoding="utf-8").splitlines()
    assert sum("point" in json.loads(line) for line in lines) == 2


@pytest.mark.parametrize("command", [MAP, SWEEP])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_folder_that_is_no_run_is_refused_before_the_work(command, force):
    Path("f").mkdir()
    Path("f/thesis.tex").write_text("years of work", encoding="utf-8")
    message = "f: exists and is not a run; nothing was written (name a new folder, or none)\n"
    assert run(*command, "--out", "f", *force, code=1).stderr == message
    assert [p.name for p in Path("f").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("command", [MAP, SWEEP])
def test_a_link_to_a_folder_is_followed_and_stays(command):
    Path("real").mkdir()
    Path("link").symlink_to("real")
    run(*command, "--out", "link")
    assert Path("link").is_symlink()
    assert kind_in("real") == kind_in("link") == command[0]


def test_a_journal_that_is_a_pipe_is_refused():
    run(*SWEEP, "--out", "s")
    Path("s/points.jsonl").unlink()
    os.mkfifo("s/points.jsonl")
    run(*SWEEP, "--out", "s", code=1)


def test_a_journal_that_is_a_link_is_not_written_through():
    run(*SWEEP, "--out", "s")
    Path("s/points.jsonl").rename("elsewhere")
    Path("s/points.jsonl").symlink_to("../elsewhere")
    before = Path("elsewhere").read_bytes()
    for force in ((), ("--force",)):
        run(*SWEEP, "--out", "s", *force, code=1)
    assert Path("elsewhere").read_bytes() == before


KILLED = """
import os, signal, sys
from pathlib import Path
real, left = Path.replace, [int(sys.argv.pop(1))]
def replace(self, target):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, target)
Path.replace = Path.rename = replace
from costmodel.cli import main
main()
"""


@pytest.mark.parametrize("steps", [0, 2, 5])
def test_a_kill_while_a_sweep_is_published_loses_no_point(steps):
    run(*SWEEP, "--out", "s")
    table = Path("s/sweep.csv").read_bytes()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(steps), *SWEEP, "--out", "s"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9
    assert "2 points of an earlier run kept" in run(*SWEEP, "--out", "s").stderr
    assert Path("s/sweep.csv").read_bytes() == table


# Names


@pytest.mark.parametrize(
    "name", ["../../escape", "/tmp/escape", "x\\0y", ".hidden", "..", "a/b", "\\u202eabc", "é" * 300]
)
def test_a_sweep_stays_in_runs_whatever_its_name(name, tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    for file in ("small.yaml", "study.yaml"):
        Path(file).rename(inner / file)
    os.chdir(inner)
    text = STUDY.replace("name: tiny", f'name: "{name}"')
    Path("study.yaml").write_text(text, encoding="utf-8")
    before = files_in(tmp_path)
    run(*SWEEP)
    (made,) = (inner / "runs").iterdir()
    assert not made.name.startswith(".")
    assert kind_in(str(made)) == "sweep"
    new = set(files_in(tmp_path)) - set(before)
    assert all(Path(path).is_relative_to(Path("a/b/runs") / made.name) for path in new)


# What a killed process left


def left_by(process: int, place: str) -> Path:
    return Path(place, f".costmodel-{file_name(platform.node())}-{process}-0.tmp")


def test_scratch_of_dead_processes_goes_and_nothing_else():
    run(*SWEEP, "--out", "s")
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    for place in (".", "s"):
        left_by(child, place).mkdir()
        (left_by(child, place) / "sweep.csv").write_text("half", encoding="utf-8")
        left_by(os.getppid(), place).mkdir()
        Path(place, f".{child}.tmp").write_text("mine", encoding="utf-8")
        Path(place, ".costmodel-elsewhere-1-0.tmp").write_text("of another machine", encoding="utf-8")
    left_by(child, "r").parent.mkdir()
    left_by(child, "r").write_text("half a page", encoding="utf-8")
    run(*SWEEP, "--out", "s")
    run("map", "two_level", "small.yaml", "-q", "-j", "1", "--out", "m")
    run("map", "two_level", "small.yaml", "-q", "-j", "1", "--no-run", "--report", "r/page.html")
    kept = {f".{child}.tmp", ".costmodel-elsewhere-1-0.tmp", left_by(os.getppid(), ".").name}
    for place in (".", "s"):
        assert {path.name for path in Path(place).glob(".*")} == kept
    assert {path.name for path in Path("r").iterdir()} == {"page.html"}


# Journals of other versions

OLD = (
    b'{"study": "0123456789abcdef", "version": 3, "costmodel": "0.1.0"}\n'
    b'{"arch": "two_level", "workload": "mm64", "axes": [], "energy_pj": 1.0}\n'
)
NEW = b'{"costmodel sweep": 6, "point": {"question": "x"}, "digest": "0123456789abcdef"}\n'


@pytest.mark.parametrize(("journal", "version"), [(OLD, 3), (NEW, 6)])
@pytest.mark.parametrize("finished", [False, True])
def test_a_journal_of_another_version_is_left_alone_and_said(journal, version, finished):
    if finished:
        run(*SWEEP, "--out", "s")
    Path("s").mkdir(exist_ok=True)
    Path("s/points.jsonl").write_bytes(journal)
    before = {path: path.read_bytes() for path in Path("s").rglob("*") if path.is_file()}
    said = run(*SWEEP, "--out", "s", code=1).stderr
    assert said == (
        f"s/points.jsonl: was written by another version of costmodel (format {version}, not 5), and is left as it is "
        "(--out FOLDER sweeps into another folder; --force begins anew here, and forgets what it holds)\n"
    )
    assert {path: path.read_bytes() for path in Path("s").rglob("*") if path.is_file()} == before
    run(*SWEEP, "--out", "s", "--force")
    assert Path("s/sweep.csv").is_file()


def test_without_a_name_a_sweep_goes_beside_the_journal_of_another_version():
    Path("runs/tiny").mkdir(parents=True)
    Path("runs/tiny/points.jsonl").write_bytes(OLD)
    assert "run: runs/tiny-2\n" in run(*SWEEP).stderr
    assert Path("runs/tiny/points.jsonl").read_bytes() == OLD
