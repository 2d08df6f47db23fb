"""The loader: YAML 1.2 scalars, marks, and every kind of file that is not a spec."""

import contextlib
import json
import os
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from timing import within

from costmodel.spec import load
from costmodel.spec.catalog import find
from costmodel.spec.load import describe, parse, read, scalar
from costmodel.spec.problems import SpecError


def problems_of(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(text, "a.yaml")
    return [str(p) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("0", 0),
        ("-7", -7),
        ("+12", 12),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e3", 1000.0),
        ("1E-12", 1e-12),
        (".5", 0.5),
        ("5.", 5.0),
        ("0.25", 0.25),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2017-01-01", "2017-01-01"),
        ("0b11", "0b11"),
        ("1.2.3", "1.2.3"),
        ("-", "-"),
        ("+", "+"),
        (".", "."),
        ("x2", "x2"),
        ("+4 KiB", "+4 KiB"),
        ("=", "="),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(text, value):
    found = scalar(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("010", "010 starts with a zero: write 10"),
        ("-007", "-007 starts with a zero: write -7"),
        ("00", "00 starts with a zero: write 0"),
        ("01.5", "01.5 starts with a zero: write 1.5"),
        (".inf", "not a number that can be used"),
        ("-.Inf", "not a number that can be used"),
        (".nan", "not a number that can be used"),
        ("1e999", "too large"),
        ("9" * 5000, "too many digits"),
        ("0x" + "f" * 5000, "too many digits"),
    ],
)
def test_numbers_that_are_traps_are_refused(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        scalar(text)
    assert len(problems_of(f"a: {text}")) == 1


def test_quotes_make_text():
    assert parse("""{a: '010', b: "1e3", c: 'true', d: '~'}""").data == {"a": "010", "b": "1e3", "c": "true", "d": "~"}


def test_keys_are_text_as_written():
    assert parse("{no: 1, 010: 2, 1e3: 3, true: 4}").data == {"no": 1, "010": 2, "1e3": 3, "true": 4}


def test_marks_of_keys_and_values():
    document = parse("name: a\nlevels:\n- memory: 'GLB'\n  size: 3\n- {array: X}\n", "a.yaml")
    marks = document.marks
    assert marks.at(("levels", 0, "size")) == ("a.yaml", 4, 9)
    assert marks.at(("levels", 0, "size"), key=True) == ("a.yaml", 4, 3)
    assert marks.at(("levels", 0)) == ("a.yaml", 3, 3)
    assert marks.at(("levels", 1, "array")) == ("a.yaml", 5, 11)
    assert marks.problem("x", ("levels", 0, "memory"), offset=2).column == 11 + 1 + 2


def test_folded_text_has_no_columns_inside():
    marks = parse("a: >\n  one\n  two\nb: one\n  two\n").marks
    assert marks.problem("x", ("a",), offset=5).column == 4
    assert marks.problem("x", ("b",), offset=5).column == 4


def test_aliases_stand_for_values_and_lead_to_their_places():
    document = parse("a: &x {size: 1}\nb: *x\nc: [*x, *x]\n", "a.yaml")
    assert document.data == {"a": {"size": 1}, "b": {"size": 1}, "c": [{"size": 1}, {"size": 1}]}
    assert document.marks.at(("c", 1, "size")) == ("a.yaml", 1, 14)


def test_a_recursive_alias_is_refused():
    assert problems_of("a: &x\n  b: *x") == [
        "a.yaml:2:6: alias *x stands inside what it stands for: recursive aliases are not allowed"
    ]
    assert "recursive" in problems_of("&x [*x]")[0]


def test_aliases_that_explode_are_refused_at_once():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with within(1):
        (problem,) = problems_of("\n".join(lines))
        assert "more than 400,000 values" in problem


def test_an_alias_without_anchor():
    assert problems_of("a: *x") == ["a.yaml:1:4: alias *x has no anchor &x before it"]


def test_duplicate_keys_are_all_told():
    assert problems_of("a: 1\nb: {c: 1, c: 2}\na: 3") == [
        "a.yaml:2:11: key 'c' appears twice (first at line 2)",
        "a.yaml:3:1: key 'a' appears twice (first at line 1)",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "a: !mine 3",
        "!!set {a}",
        "a: !!str 3",
        "!!omap [a: 1]",
        "a: !!binary aGk=",
        "a: !<tag:yaml.org,2002:int> 3",
    ],
)
def test_tags_are_refused(text):
    assert any("tags are not allowed" in p for p in problems_of(text))


def test_merge_keys_are_refused():
    assert "merge keys (<<) do not exist" in problems_of("a: &a {x: 1}\nb: {<<: *a}")[0]


@pytest.mark.parametrize("text", ["? [a, b]\n: 1", "{? {a: 1} : 2}", "a: &k b\n? *k\n: 1"])
def test_keys_must_be_plain(text):
    assert "keys must be plain words" in problems_of(text)[0]


def test_a_second_document_is_refused():
    assert problems_of("a: 1\n---\nb: 1")[0].startswith("a.yaml:2:1: a second document starts here")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but a comment\n", "   \n"])
def test_an_empty_file(text):
    assert problems_of(text) == ["a.yaml:1:1: is empty"]


def test_deep_nesting_is_refused():
    assert "nested more than 50 levels" in problems_of("[" * 200 + "]" * 200)[0]
    # Some releases of PyYAML stop in the scanner, before any event reaches us: the limit and the place are theirs.
    (problem,) = problems_of("[" * 100_000)
    assert re.search(r"nested more than 50 levels|maximum nesting depth", problem)
    assert re.match(r"a\.yaml:1:\d+: ", problem)
    assert "nested more than 50 levels" in problems_of("\n".join(f"{' ' * i}a:" for i in range(100)))[0]


def test_the_pieces_of_a_file_with_many_errors_are_told_together():
    assert len(problems_of("a: 010\nb: !x 1\nc: 1\nc: 2\n")) == 3


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a: b: c", "1:5", 'quote text that contains ": ", or check the indentation'),
        ("a:\n\t- b", "2:1", "indent with spaces, not tabs"),
        ("{a: K[b, c] = D}", "1:6", "inside { } and [ ], quote"),
        ("a: [1, 2\nb: 3", "2:2", "inside { } and [ ], quote"),
        ("a: @b", "1:4", "quote text that starts with @"),
        ("a: 'b", "1:6", ""),
        ("a:\n b: 1\nc\n", "3:1", "a key needs ': ' behind it"),
    ],
)
def test_syntax_errors_show_the_line_with_a_caret(text, place, hint):
    (problem,) = problems_of(text)
    assert problem.startswith(f"a.yaml:{place}: not YAML: ")
    assert hint in problem
    assert problem.endswith("^")


def test_a_long_line_is_cut_around_the_caret():
    (problem,) = problems_of("a: [" + "x, " * 10_000 + "}")
    assert max(len(line) for line in problem.splitlines()) < 200


def test_control_characters_are_refused():
    assert problems_of("a: 1\nb: \x01") == [
        "a.yaml:2:4: not YAML: the character #x0001 is not allowed (is this a text file?)"
    ]


# Files


def file_problem(path) -> str:
    with pytest.raises(SpecError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    return str(problem)


def test_a_file(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("name: é", encoding="utf-8")
    assert read(path).data == {"name": "é"}
    assert read(str(path)).marks.file == str(path)


def test_a_byte_order_mark_is_no_content(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: a\r\nb: 1\r\n")
    assert read(path).data == {"name": "a", "b": 1}


def test_a_missing_file_names_what_is_near(tmp_path):
    (tmp_path / "eyeriss.yaml").write_text("a: 1")
    assert file_problem(tmp_path / "eyeris.yaml").endswith("no such file (did you mean 'eyeriss.yaml'?)")
    assert "no folder" in file_problem(tmp_path / "nowhere" / "a.yaml")


def test_a_folder(tmp_path):
    assert "is a folder" in file_problem(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "is not a regular file" in file_problem(tmp_path / "pipe.yaml")


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with within(0.1):
        assert "is too large: 95.4 MiB; a spec has at most 4 MiB" in file_problem(path)


def test_a_binary_file(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\x7fELF\x00\x01\x02\xff")
    assert "is a binary file" in file_problem(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf_16_is_named(tmp_path, encoding):
    path = tmp_path / "a.yaml"
    path.write_bytes("name: a".encode(encoding))
    assert "not YAML in UTF-8" in file_problem(path)


def test_a_file_that_is_not_utf_8(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes("name: a\nsource: Müller".encode("latin-1"))
    assert f"{path}:2:10: is not UTF-8 text: byte 0xfc" in file_problem(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a: 1")
    path.chmod(0)
    assert "cannot be read: Permission denied" in file_problem(path)


@pytest.mark.parametrize("name", ["a\0b.yaml", "x" * 5000])
def test_names_that_no_file_can_have(name):
    with pytest.raises(SpecError):
        read(name)


# Against other readers

_texts = st.text(alphabet=st.characters(max_codepoint=0xFFFF, exclude_categories=("C",)), max_size=12)
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


@given(_values)
def test_json_reads_as_json(value):
    assert parse(json.dumps(value)).data == value


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_cleanly(text):
    with contextlib.suppress(SpecError):
        parse(text, "a.yaml")


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused_cleanly(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "a.yaml"
    path.write_bytes(content)
    with contextlib.suppress(SpecError):
        read(path)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,?~ \n\t01.", max_size=40))
def test_text_full_of_syntax_is_read_or_refused_cleanly(text):
    with contextlib.suppress(SpecError):
        parse(text, "a.yaml")


@pytest.mark.parametrize("name", ["eyeriss_v1", "simba_chip", "bert_base_layer"])
def test_both_parsers_of_pyyaml_give_the_same(name, monkeypatch):
    path = find(name)
    first = read(path)
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert read(path) == first


def test_describe_is_short():
    assert len(describe("x" * 1000)) <= 60
    assert describe([]) == "an empty list"
    assert describe(True) == "true"


def test_4000_lines_are_read_quickly():
    text = "levels:\n" + "".join(
        f"- memory: L{i}\n  size: 3 KiB\n  energy: 1 pJ\n  keep: [input]\n" for i in range(1000)
    )
    with within(0.5):
        assert len(parse(text).data["levels"]) == 1000


def test_the_limits_are_those_that_the_messages_say():
    assert (load.MAX_BYTES, load.MAX_DEPTH, load.MAX_VALUES) == (4 * 2**20, 50, 400_000)
