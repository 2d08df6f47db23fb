"""Arguments that are wrong: refused before the work, with the argument, the rule and a hint."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from costmodel.cli import app
from costmodel.mapper import network

MAP = ("map", "two_level", "mm64", "--no-run", "-q", "-j", "1")


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


@pytest.fixture(autouse=True)
def no_search(monkeypatch, tmp_path):
    """What is wrong is said before anything is searched."""

    def searched(*_: object, **__: object) -> None:
        raise AssertionError("searched")

    monkeypatch.setattr(network, "run_tasks", searched)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("curve", "two_level", "mm64", "Bufer"), "LEVEL: two_level has no memory 'Bufer' (did you mean 'Buffer'?)"),
        (("curve", "two_level", "mm64", "MAC"), "LEVEL: two_level has no memory 'MAC' (known: Buffer)"),
        (
            ("curve", "two_level", "mm64", "MainMemory"),
            (
                "LEVEL: MainMemory is the outermost memory of two_level: nothing is above it "
                "(levels with a memory above: Buffer)"
            ),
        ),
        (
            ("explain", "two_level", "mm64", "Bufer.fill"),
            "SUBJECT: no such number: 'Bufer.fill': there is no 'Bufer' (did you mean 'Buffer'?)",
        ),
        (
            ("explain", "two_level", "mm64", "Buffer.fil.A"),
            "SUBJECT: no such number: 'Buffer.fil.A': there is no 'fil' (did you mean 'fill'?)",
        ),
        (
            ("explain", "two_level", "mm64", "Buffer.fill.Q"),
            "SUBJECT: no such number: 'Buffer.fill.Q': there is no 'Q' (known: A, B, Z)",
        ),
        (
            ("explain", "two_level", "mm64", "waiting"),
            "SUBJECT: no such number: 'waiting' (did you mean 'waiting.latency'?)",
        ),
        (("explain", "two_leve", "mm64"), "no architecture or path is called 'two_leve' (did you mean 'two_level'?)"),
        (
            ("explain", "gone", "energy"),
            "gone: not a run: no such folder (a run is a folder that evaluate, map or sweep wrote)",
        ),
        (("explain", "two_level", "mm64", "enrgy"), "SUBJECT: no such number: 'enrgy' (did you mean 'energy'?)"),
        (
            ("explain", "two_level", "mm64", "Buffer"),
            "SUBJECT: no such number: 'Buffer' (did you mean 'Buffer.energy'?)",
        ),
        (
            (*MAP, "--constraint", "Buffer keps A"),
            (
                "--constraint 'Buffer keps A':8: $.constraints[0]: cannot read the constraint 'Buffer keps A': "
                "expected '.', only, at, exact, tile, keeps or bypasses, got 'keps' (did you mean 'keeps'?)\n"
                "  Buffer keps A\n         ^"
            ),
        ),
        (
            (*MAP, "--constraint", "Buffer keeps A", "--constraint", "Buffer keeps Q"),
            (
                "--constraint 'Buffer keeps Q': $.constraints[1]: Buffer keeps Q: no Einsum has a tensor Q "
                "(known: A, B, Z)"
            ),
        ),
        (
            (*MAP, "--constraint", "order in Buffer: m, x"),
            (
                "--constraint 'order in Buffer: m, x': $.constraints[0]: order in Buffer: m, x: no Einsum has a rank "
                "variable x (known: m, n, k)"
            ),
        ),
        (
            (*MAP, "--constraint", "Bufer keeps A"),
            (
                "--constraint 'Bufer keeps A': $.constraints[0]: Bufer keeps A: Bufer is no memory "
                "(did you mean 'Buffer'?)"
            ),
        ),
        (
            (*MAP, "--objective", "enrgy"),
            "--objective enrgy: $.objective: no such objective: 'enrgy' (did you mean 'energy'?)",
        ),
        ((*MAP, "--seed", "9" * 12), f"--seed {'9' * 12}: $.seed: must be < 4294967296, got {'9' * 12}"),
        ((*MAP, "--einsum", "Y"), "mm64 has no Einsum 'Y' (known: Z)"),
        (
            ("map", "mm64", "two_level"),
            "no architecture or path is called 'mm64' (the workload mm64 is of another kind)",
        ),
    ],
)
def test_a_wrong_value_has_a_place_and_a_hint(arguments, said):
    done = run(*arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"{said}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*MAP, "--out", "r"), "--no-run and --out contradict each other"),
        (("map", "two_level", "mm64", "--force"), "--force replaces the run in a folder: name it with --out"),
        (
            ("evaluate", "two_level", "mm64", "--mapping", "two_level_output_stationary", "--force"),
            "--force replaces the run in a folder: name it with --out",
        ),
        (("map", "two_level", "mm64", "--out", ""), "Invalid value for '--out': must not be empty"),
        ((*MAP, "--report", ""), "Invalid value for '--report': must not be empty"),
        ((*MAP, "--save-study", ""), "Invalid value for '--save-study': must not be empty"),
        (("report", ""), "': must not be empty"),
        (("compare", "", ""), "': must not be empty"),
        ((*MAP, "--memory", "0"), "must be a size such as 2 GiB, greater than zero, got '0'"),
        ((*MAP, "--memory", "3 words"), "must be a size such as 2 GiB, greater than zero, got '3 words'"),
        ((*MAP, "--budget", "-1"), "must be greater than zero, got '-1'"),
        ((*MAP, "--budget", "nan"), "must be a time (ms, s, min, h), got 'nan'"),
        ((*MAP, "--set", "Buffer.size=\udcff"), "argument 9 is not text in UTF-8: Buffer.size=\\udcff"),
        ((*MAP, "--fuse", "atuo"), "Invalid value for '--fuse': 'atuo' is not one of 'off', 'auto', 'all'.\n"),
        (("check", "\udcff.yaml"), "argument 2 is not text in UTF-8: \\udcff.yaml"),
    ],
)
def test_a_command_that_means_nothing_is_a_usage_error(arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not list(Path().iterdir())


def test_bytes_that_are_no_text_are_refused_as_arguments():
    command = [sys.executable, "-m", "costmodel", "check", b"\xff.yaml"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (2, b"Error: argument 2 is not text in UTF-8: \\udcff.yaml\n")


def test_a_bare_number_is_bytes_as_in_a_study(monkeypatch):
    monkeypatch.undo()
    assert run(*MAP, "--memory", "100000000").exit_code == 0


def test_an_einsum_named_twice_counts_once(monkeypatch):
    monkeypatch.undo()
    once, twice = (run(*MAP, *["--einsum", "Z"] * times) for times in (1, 2))
    assert cpu(once.stdout) == cpu(twice.stdout)


def test_a_point_that_the_front_does_not_have_is_said(monkeypatch):
    monkeypatch.undo()
    done = run(*MAP, "--objective", "energy,latency", "--choose", "99")
    assert done.stderr == "point 99 of the front is asked for, and it has 1: its last is used\n"


def cpu(text: str) -> str:
    return re.sub(r"[0-9.e-]+ CPU-s", "", text)
