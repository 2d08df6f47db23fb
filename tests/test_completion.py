"""Completion in shells: commands that are loaded when asked for, options, and the names of shipped files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from costmodel.cli import app
from costmodel.cli.frame import COMMANDS
from costmodel.spec import catalog

ANY = [name for names in catalog.shipped().values() for name in names]
SHIPPED = catalog.shipped()


def completions(*words):
    """What the last word may become, and whether it may be a file."""
    *before, incomplete = words
    found = ShellComplete(app, {}, "costmodel", "_COSTMODEL_COMPLETE").get_completions(before, incomplete)
    return [item.value for item in found if item.type == "plain"], any(item.type == "file" for item in found)


def test_commands_complete_without_being_run():
    assert completions("") == (list(COMMANDS), False)
    assert completions("ma") == (["map"], False)


@pytest.mark.parametrize("command", COMMANDS)
def test_options_of_every_command_complete(command):
    assert "--help" in completions(command, "--")[0]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        *(((command, ""), SHIPPED["arch"]) for command in ("map", "evaluate", "curve", "explain")),
        *(((command, "pe2d", ""), SHIPPED["workload"]) for command in ("map", "evaluate", "curve", "explain")),
        *(((command, "pe2d", "mm64", "--mapping", ""), SHIPPED["mapping"]) for command in ("evaluate", "explain")),
        *(((command, ""), SHIPPED["workload"]) for command in ("run", "transform")),
        (("sweep", ""), SHIPPED["study"]),
        (("show", "two_level_output_stationary", "--workload", ""), SHIPPED["workload"]),
        *((words, list(dict.fromkeys(ANY))) for words in (("show", ""), ("check", ""), ("check", "pe2d", ""))),
    ],
)
def test_names_of_shipped_files_complete_beside_files(words, names):
    assert completions(*words) == (names, True)


def test_only_names_that_begin_so_complete():
    assert completions("map", "eye") == (["eyeriss_normalized", "eyeriss_v1", "eyeriss_v2"], True)
    assert completions("map", "./eye") == ([], True)
    assert completions("explain", "pe2d", "mm64", "") == ([], False)
    assert completions("map", "pe2d", "mm64", "--method", "ns") == (["nsga2"], False)


def test_after_a_command_that_does_not_exist_nothing_breaks_the_line(capsys):
    assert completions("mpa", "ma") == (["map"], False)
    assert capsys.readouterr() == ("", "")


def test_bash_completes():
    script = """
        eval "$(_COSTMODEL_COMPLETE=bash_source costmodel)"
        compopt() { :; }  # is for bash while it completes
        COMP_WORDS=(costmodel map eye) COMP_CWORD=2
        _costmodel_completion costmodel eye map
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["eyeriss_normalized", "eyeriss_v1", "eyeriss_v2"]
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_guide_says_how_to_turn_it_on(shell):
    page = (Path(__file__).resolve().parent.parent / "docs" / "files.md").read_text(encoding="utf-8")
    assert f"_COSTMODEL_COMPLETE={shell}_source costmodel" in page
    environment = os.environ | {"_COSTMODEL_COMPLETE": f"{shell}_source"}
    program = [sys.executable, "-m", "costmodel"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert f"_COSTMODEL_COMPLETE={shell}_complete" in done.stdout
