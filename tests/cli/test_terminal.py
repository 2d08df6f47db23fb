"""Names cannot move the cursor, turn text around or forge a message."""

import json
from pathlib import Path

import pytest
from commands import run

from costmodel.cli.output import line, visible

HOSTILE = "\x1b]0;title\x07\x1b[2J\u202egnp.\u2066\x9b31m\u2028x"
WORKLOAD = f"""\
name: {json.dumps(HOSTILE)}
ranks: {{M: 4}}
einsums:
- "Z[m] = A[m]"
"""


def is_plain(text: str) -> bool:
    return all(c in "\n\t" or c.isprintable() for c in text)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("esc.yaml").write_text(WORKLOAD, encoding="utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "esc.yaml"),
        ("check", "esc.yaml", "--json"),
        ("show", "esc.yaml"),
        ("show", "esc.yaml", "--json"),
        ("map", "two_level", "esc.yaml", "--jobs", "1"),
    ],
)
def test_a_hostile_name_is_shown_escaped(arguments):
    result = run(*arguments)
    assert is_plain(result.stdout)
    assert is_plain(result.stderr)
    assert "title" in result.stdout + result.stderr or arguments[0] == "map"


def test_what_is_printed_as_json_is_what_was_read():
    shown = json.loads(run("show", "esc.yaml", "--json").stdout)
    assert shown["workload"]["name"] == HOSTILE


def test_a_hostile_argument_is_shown_escaped():
    for arguments, code in (((HOSTILE,), 2), (("check", HOSTILE), 1), (("map", "a", "b", "--method", HOSTILE), 2)):
        assert is_plain(run(*arguments, code=code).stderr)


def test_a_key_forges_no_message():
    forged = "\x1b[31mbad\nother.yaml:1:1: forged"
    Path("key.yaml").write_text(WORKLOAD + f"{json.dumps(forged)}: 1\n", encoding="utf-8")
    lines = run("check", "key.yaml", code=1).stderr.splitlines()
    assert [text.split(":")[0] for text in lines] == ["key.yaml", "key.yaml"]
    assert r"\x1b[31mbad\nother.yaml" in lines[0]


def test_a_name_begins_no_line():
    text = WORKLOAD.replace(json.dumps(HOSTILE), json.dumps("a\nb.yaml:1:1: forged"))
    Path("name.yaml").write_text(text + json.dumps("source") + ': "c\\nd.yaml:1:1: forged"\n', encoding="utf-8")
    shown = run("show", "name.yaml").stdout.splitlines() + run("check", "name.yaml").stdout.splitlines()
    assert sum("forged" in text for text in shown) == 3
    assert not [text for text in shown if text.startswith(("b.yaml", "d.yaml"))]


def test_letters_and_signs_of_any_script_stay():
    text = "µJ × 10³ — naïve 中文 עברית 🙂\n\tend"
    assert visible(text) == text
    assert line(text) == text.replace("\n", "\\n").replace("\t", "\\t")
