"""A study that processes share: all is done, nothing twice, whoever dies; what is found is the same as alone."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import run
from fakes import meeting_answer

from costmodel.cli import app
from costmodel.spec import catalog
from costmodel.sweep import bench, shared
from costmodel.sweep.designs import at
from costmodel.sweep.errand import answers_to
from costmodel.sweep.execute import fingerprint, run_sweep
from costmodel.sweep.shared import Shared
from costmodel.sweep.storage import reached

WORKLOAD = 'name: small\nranks: {M: 4, N: 4, K: 4}\neinsums: ["Z[m, n] = A[m, k] * B[k, n]"]\n'
STUDY = """\
name: tiny
arch: two_level
workload: small.yaml
objective: [energy, latency]
method: random
trials: 2
bound: false
axes: {MAC.throughput: [1, 2, 4, 8], Buffer.size: [4 KiB, 8 KiB, 16 KiB]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(WORKLOAD, encoding="utf-8")
    Path("study.yaml").write_text(STUDY, encoding="utf-8")


def loaded(*changes: str):
    return catalog.load_study("study.yaml", changes)


def joined(where: str, *changes: str, ahead: int = 1) -> Shared:
    study = loaded(*changes)
    return Shared(study, fingerprint(study), where, ahead)


# A file


@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_two_who_share_a_study_choose_each_design_once(sampler):
    said = f"sampler={sampler}"
    alone = {outcome.design: outcome.energy_pj for outcome in run_sweep(loaded(), jobs=1).outcomes}
    with joined("s.journal", said) as one, joined("s.journal", said) as other:
        first, second = one.ask(), other.ask()
        assert first != second
        assert one.ask() is None  # it has enough
        assert list(one.others()) == []
    # both gave back what they had
    with joined("s.journal", said, ahead=2) as third:
        result = run_sweep(loaded(said), jobs=1, part=third)
    assert {outcome.design: outcome.energy_pj for outcome in result.outcomes} == alone
    assert third.done == 12
    with joined("s.journal", said) as late:
        known = run_sweep(loaded(said), jobs=1, part=late)
    assert (late.done, len(known.outcomes), known.searches.distinct) == (0, 12, 0)


def test_designs_are_chosen_by_chance_where_a_sampler_proposes_what_is_taken(monkeypatch):
    monkeypatch.setattr(shared, "proposed", lambda study, _trial: at(study, {}))
    study = loaded("sampler=tpe", "axes={MAC.throughput: [1, 2, 4]}")
    with Shared(study, fingerprint(study), "s.journal", 1) as alone:
        assert len(run_sweep(study, jobs=1, part=alone).outcomes) == 3


def test_a_design_that_ends_two_processes_is_lost_and_said(monkeypatch):
    def fatal(errand):
        if errand.first.architecture.level("MAC").throughput_per_cycle["default"] == 4:
            raise MemoryError
        return answers_to(errand)

    monkeypatch.setattr(bench, "answers_to", fatal)
    done = run("worker", "study.yaml", "--storage", "s.journal", "-j", "1", "-q", code=4)
    assert "9 points done here, 12 points in all" in done.stderr
    said = run("sweep", "study.yaml", "--storage", "s.journal", "-j", "1", "-q", code=4).stderr
    assert said.count("(out of memory, or stopped?)") == 3


def test_what_an_interrupt_leaves_is_done_by_others_at_once(monkeypatch):
    calls = []

    def interrupted(errand):
        calls.append(errand)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return answers_to(errand)

    monkeypatch.setattr(bench, "answers_to", interrupted)
    assert (
        "2 points done here" in run("worker", "study.yaml", "--storage", "s.journal", "-j", "1", "-q", code=130).stderr
    )
    monkeypatch.setattr(bench, "answers_to", answers_to)
    run("sweep", "study.yaml", "--storage", "s.journal", "-j", "1", "-q", "--out", "away")
    run("sweep", "study.yaml", "-j", "1", "-q", "--out", "home", "--no-cache")
    assert Path("away/sweep.csv").read_bytes() == Path("home/sweep.csv").read_bytes()


def test_what_cannot_be_shared_is_said(tmp_path):
    run("worker", "study.yaml", "--storage", "s.journal", "-j", "1", "-q")
    other = ("--set", "axes={MAC.throughput: [1]}")
    said = run("worker", "study.yaml", *other, "--storage", "s.journal", code=1).stderr
    assert said.startswith("s.journal: another study 'tiny' is shared here: other files, axes or objectives")
    for lines in ('{"op_code": 0', '{"op_code":0}\n5\n', "no json\n", "5", "name: mine\n"):
        Path("bad.journal").write_text(lines, encoding="utf-8")
        assert (
            "bad.journal: is no journal of Optuna, or damaged"
            in run("worker", "study.yaml", "--storage", "bad.journal", code=1).stderr
        )
        if not lines.startswith('{"op_code"'):  # it is somebody's file
            assert Path("bad.journal").read_text(encoding="utf-8") == lines
    said = run("worker", "study.yaml", "--storage", "postgresql://me:secret@127.0.0.1:1/x", code=1).stderr
    assert said.startswith("postgresql://me:***@127.0.0.1:1/x: connection")
    said = run("worker", "study.yaml", "--storage", "nosuch://me:secret@h/x", code=1).stderr
    assert said.startswith("nosuch://me:***@h/x: no database is called 'nosuch' (such as postgresql://")
    assert "secret" not in said
    with pytest.raises(OSError, match="mine"), reached("mine"):
        raise OSError(errno.ENOSPC, "no space left")
    for option in ("--storage", "--cluster"):
        assert "must not be empty" in run("sweep", "study.yaml", option, "", code=2).stderr
    for what, why in (("study.yaml", "is a file"), (".", "holds no points.jsonl"), ("nosuch", "no such folder")):
        assert f"{what}: not a run: {why}" in run("merge", "study.yaml", what, code=1).stderr
    assert "no --shard" in run("sweep", "study.yaml", "--share", "--shard", "1/2", code=2).stderr


# PostgreSQL


def server() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found:
        pytest.skip("no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql")
    return found[-1].parent


@pytest.fixture
def database():
    """The address of a database of our own, with a password; its server runs as nobody who may do much."""
    binaries, folder = server(), Path(tempfile.mkdtemp())  # the folders of pytest are for nobody else
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    os.chown(folder, user.pw_uid, user.pw_gid)

    def command(name: str, *arguments: str) -> None:
        whole = [binaries / name, "--pgdata=data", *arguments]
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
        subprocess.run(whole, cwd=folder, check=True, stdout=subprocess.DEVNULL, **who)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = folder / "password"
    secret.write_text("p@ss/word", encoding="utf-8")
    new = ["--no-sync", "--auth=scram-sha-256", "--username=costmodel", f"--pwfile={secret}", "--no-locale"]
    command("initdb", *new, "--encoding=UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    command("pg_ctl", "--log=log", "--wait", "--options", options, "start")
    yield f"postgresql://costmodel:p%40ss%2Fword@127.0.0.1:{port}/postgres"
    command("pg_ctl", "--mode=immediate", "stop")
    shutil.rmtree(folder)


def test_three_workers_share_a_database_and_one_is_killed(database, monkeypatch):
    run("sweep", "study.yaml", "-q", "-j", "1", "--out", "home")
    monkeypatch.setattr(shared, "BEAT_S", 0.5)
    monkeypatch.setattr(shared, "SILENT_S", 4.0)
    monkeypatch.setattr(bench, "answers_to", meeting_answer)
    monkeypatch.setenv("COSTMODEL_STORAGE", database)
    Path("met").mkdir()
    children = []
    for number in range(3):
        children.append(os.fork())
        if children[-1] == 0:
            os.environ["FATE"] = "dies" if number == 0 else "lives"
            try:
                done = CliRunner().invoke(app, ("worker", "study.yaml", "-q", "-j", "1", "--no-cache"))
                Path(f"said{number}").write_text(done.stderr, encoding="utf-8")
            finally:
                os._exit(0)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert ends == [-signal.SIGKILL, 0, 0]
    said = [Path(f"said{number}").read_text(encoding="utf-8") for number in (1, 2)]
    assert sum(int(text.split()[0]) for text in said) == 12
    assert all("12 points in all" in text for text in said)
    calls = Counter(Path("calls").read_text(encoding="utf-8").splitlines())
    assert sorted(calls.values()) == [1] * 11 + [2]  # that of the one that died
    monkeypatch.setattr(bench, "answers_to", answers_to)
    monkeypatch.setattr(sys, "argv", ["costmodel", "sweep", "study.yaml", "--storage", database])
    run("sweep", "study.yaml", "-q", "-j", "1", "--storage", database, "--out", "away", "--no-cache")
    assert Path("away/sweep.csv").read_bytes() == Path("home/sweep.csv").read_bytes()
    kept = b"".join(path.read_bytes() for path in Path("away").rglob("*") if path.is_file())
    assert b"postgresql://costmodel:***@127.0.0.1" in kept
    assert b"ss%2Fword" not in kept
