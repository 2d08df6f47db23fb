"""Killed at any system call, out of disk at any size, two at once: the table is the undisturbed one in the end."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import run
from fakes import mortal_answer

from costmodel.cli import app
from costmodel.spec import catalog
from costmodel.spec.load import parse
from costmodel.sweep import bench
from costmodel.sweep.execute import fingerprint, run_sweep
from costmodel.sweep.journal import Journal, read

WORKLOAD = 'name: small\nranks: {M: 4, N: 4, K: 4}\neinsums: ["Z[m, n] = A[m, k] * B[k, n]"]\n'
STUDY = """\
name: tiny
arch: two_level
workload: small.yaml
objective: energy
method: random
trials: 2
bound: false
axes: {MAC.throughput: [1, 2, 4]}
"""
SWEEP = ("sweep", "study.yaml", "-q", "--jobs", "1")
JOURNAL = Path("s/points.jsonl")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(WORKLOAD, encoding="utf-8")
    Path("study.yaml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def table(name: str) -> bytes:
    return Path(name, "sweep.csv").read_bytes()


@pytest.fixture
def undisturbed(folder):
    run(*SWEEP, "--out", "undisturbed")
    return table("undisturbed")


# Kills of the whole


def steps_before_death(arguments: tuple[str, ...], step: int) -> bool:
    """Run a command in a process that is killed at its ``step``-th call that touches files; whether it got that far."""
    child = os.fork()
    if child == 0:
        left = step

        def count(*_: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def heard(event: str, given: tuple[object, ...]) -> None:
            writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes or event in {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}:
                count()

        def counted(real):
            def call(*given):
                count()
                return real(*given)

            return call

        def half(file: int, content: bytes) -> int:
            """Write half of it, which a system call may do."""
            count()
            return write(file, content[: (len(content) + 1) // 2])

        write, os.write, os.fsync, os.ftruncate = os.write, half, counted(os.fsync), counted(os.ftruncate)
        sys.addaudithook(heard)
        try:
            CliRunner().invoke(app, arguments)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def finished() -> int:
    return len(read(JOURNAL).points)


@pytest.mark.parametrize("earlier", ["nothing", "a cut journal", "a run"])
def test_a_kill_at_any_system_call_loses_no_finished_point(earlier, undisturbed):
    """Every eighth call, from the first on."""
    kill_at_every_call(earlier, undisturbed, 8)


@pytest.mark.long
@pytest.mark.parametrize("earlier", ["nothing", "a cut journal", "a run"])
def test_a_kill_at_every_system_call(earlier, undisturbed):
    assert kill_at_every_call(earlier, undisturbed, 1) >= 50


def kill_at_every_call(earlier: str, undisturbed: bytes, stride: int) -> int:
    kills = 0
    for step in range(0, 1000, stride):
        for file in sorted(Path().glob("s/**/*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        if earlier != "nothing":
            run(*SWEEP, "--out", "s")
        if earlier == "a cut journal":
            JOURNAL.write_bytes(JOURNAL.read_bytes()[:-40])
            Path("s/result.json").unlink()
        before = finished()
        if not steps_before_death((*SWEEP, "--out", "s"), step):
            break
        kills += 1
        kept = finished()
        assert kept >= before
        said = run(*SWEEP, "--out", "s").stderr
        assert f"{kept} point{'s' * (kept != 1)} of an earlier run kept" in said or not kept
        assert table("s") == undisturbed
    return kills


# Deaths of workers


@pytest.fixture
def mortal(monkeypatch):
    monkeypatch.setattr(bench, "answers_to", mortal_answer)
    Path("deaths").mkdir()

    def dig(count: int) -> None:
        for number in range(count):
            Path("deaths", str(number)).touch()

    return dig


def test_a_worker_that_is_killed_costs_no_point(mortal, undisturbed):
    mortal(1)
    run(*SWEEP[:-1], "2", "--out", "s", "--no-cache")
    assert not list(Path("deaths").iterdir())
    assert table("s") == undisturbed


def test_a_point_that_kills_every_worker_is_said_and_the_rest_is_done(mortal, undisturbed):
    mortal(100)
    done = run(*SWEEP[:-1], "2", "--out", "s", "--no-cache", code=4)
    assert done.stderr.count("its worker process died 2 times (out of memory, or stopped?)") == 3
    assert b"died 2 times" in table("s")
    for grave in Path("deaths").iterdir():
        grave.unlink()
    run(*SWEEP, "--out", "s")
    assert table("s") == undisturbed


@pytest.mark.long
def test_fifty_deaths_of_workers(mortal, undisturbed):
    left = 50
    chance = random.Random(0)
    while left > 0:
        some = chance.randint(1, 4)
        left -= some
        mortal(some)
        done = CliRunner().invoke(
            app, (*SWEEP[:-1], "2", "--out", "s", "--no-cache", *(["--force"] * chance.randint(0, 1)))
        )
        assert done.exit_code in {0, 4}
        assert (done.exit_code == 4) == (table("s") != undisturbed)
    run(*SWEEP, "--out", "s")
    assert table("s") == undisturbed


def below(process: int) -> list[int]:
    """The processes that a process has begun, and so on."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text(encoding="ascii").split()]
    return children + [other for child in children for other in below(child)]


@pytest.mark.long
def test_twenty_kills_of_workers_and_parent_at_random_moments(undisturbed):
    chance = random.Random(0)
    for _ in range(20):
        command = [sys.executable, "-m", "costmodel", *SWEEP[:-1], "2", "--out", "s", "--no-cache"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as sweep:
            with suppress(subprocess.TimeoutExpired):
                sweep.wait(chance.uniform(0.5, 4.0))
            victims = [sweep.pid, *below(sweep.pid)]
            with suppress(ProcessLookupError):
                os.kill(chance.choice(victims), signal.SIGKILL)
            assert sweep.wait() in {0, 4, -signal.SIGKILL}
    run(*SWEEP, "--out", "s")
    assert table("s") == undisturbed


# A full disk


@contextmanager
def largest_file(size: int):
    """No file may become larger, as if the disk were full then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


SIZES = (0, 1, 700, 1500, 4000, 20_000)


def test_a_full_disk_loses_no_point(undisturbed):
    page = Path("undisturbed/report.html").stat().st_size
    assert page == max(p.stat().st_size for p in Path("undisturbed").rglob("*") if p.is_file())
    for size in (*SIZES, page * 9 // 10):
        with largest_file(size):
            done = CliRunner().invoke(app, (*SWEEP, "--out", f"s{size}"))
        assert done.exit_code == 1
        assert done.stderr.splitlines()[-1].endswith(": File too large")
        assert done.stderr.splitlines()[-1].startswith(f"s{size}/")
        kept = len(read(Path(f"s{size}/points.jsonl")).points)
        said = run(*SWEEP, "--out", f"s{size}").stderr
        assert f"{kept} point" in said or not kept
        assert table(f"s{size}") == undisturbed


MAP = ("map", "two_level", "small.yaml", "-q", "--jobs", "1", "--method", "random", "--trials", "2", "--no-bound")


def files_in(folder: str) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def test_a_full_disk_leaves_the_run_that_was_there():
    run(*MAP, "--out", "r")
    Path("r/report.html").unlink()
    before = files_in("r")
    whole = {"r/report.html: File too large"}  # by then the run is there
    for size in SIZES:
        with largest_file(size):
            done = CliRunner().invoke(app, (*MAP, "--objective", "latency", "--out", "r", "--force"))
        last = done.stderr.splitlines()[-1]
        assert (done.exit_code, last.startswith("r/"), last.endswith(": File too large")) == (1, True, True)
        assert "energy" in done.stdout
        assert (files_in("r") == before) == (last not in whole)


def untimed(text: str) -> str:
    return re.sub(r"[0-9.e-]+ CPU-s", "", text)


@pytest.mark.parametrize(
    "command",
    [
        (*MAP, "--out", "new"),
        (*MAP, "--no-run", "--report", "x.html"),
        ("curve", "two_level", "small.yaml", "Buffer", "--out", "x.html"),
        ("compare", "r", "r", "--report", "x.html"),
        ("evaluate", "two_level", "small.yaml", "--mapping", "r/mapping.yaml", "--out", "new"),
    ],
)
def test_what_cannot_be_kept_is_shown_all_the_same(command):
    run(*MAP, "--out", "r")
    shown = run(*command).stdout
    with largest_file(300):
        done = CliRunner().invoke(app, [word.replace("new", "newer").replace("x.", "y.") for word in command])
    assert done.exit_code == 1
    assert done.stderr.endswith(": File too large\n")
    assert untimed(done.stdout) == untimed(shown)
    assert not Path("newer").exists()
    assert not Path("y.html").exists()
    assert not list(Path().glob(".*"))


def test_a_study_is_saved_before_the_search_or_not_at_all():
    with largest_file(10):
        done = CliRunner().invoke(app, (*MAP, "--no-run", "--save-study", "saved.yaml"))
    assert (done.exit_code, done.stderr) == (1, "saved.yaml: File too large\n")
    assert not Path("saved.yaml").exists()


def test_a_study_is_saved_over_nothing_but_a_study():
    for _ in range(2):
        run(*MAP, "--no-run", "--save-study", "saved.yaml")
    before = Path("small.yaml").read_bytes()
    said = run(*MAP, "--no-run", "--save-study", "small.yaml", code=1).stderr
    assert said.startswith("small.yaml: exists and is not a study; nothing was written")
    assert Path("small.yaml").read_bytes() == before


# Two at once


def test_two_sweeps_of_one_folder_are_told_apart():
    study = catalog.load_study(parse(STUDY, "study.yaml"))
    with Journal(JOURNAL, fingerprint(study)) as journal:
        for force in ((), ("--force",)):
            said = run(*SWEEP, "--out", "s", *force, code=1).stderr
            assert said.startswith("s/points.jsonl: another process sweeps here (wait for its end")
        assert run_sweep(study, journal, jobs=1).resumed == 0
    assert "3 points of an earlier run kept" in run(*SWEEP, "--out", "s").stderr


def test_two_searches_of_one_folder_are_both_kept():
    children = []
    for _ in range(2):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                CliRunner().invoke(app, (*MAP, "--out", "r"))
            finally:
                os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    assert files_in("r")["traffic.csv"] == files_in("r-2")["traffic.csv"]
