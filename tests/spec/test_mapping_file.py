"""Mapping files: sentences to nodes and back."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.spec.load import parse, scalar
from costmodel.spec.mapping import Compute, Mapping, Sequence, Spatial, Storage, Temporal
from costmodel.spec.mapping_file import (
    NestMarks,
    dump,
    parse_mappings,
    parse_nest,
    yaml_text,
)
from costmodel.spec.problems import SpecError
from costmodel.spec.sentences import SentenceError, parse_sentence


def load(text):
    return tuple(mapping for mapping, _ in parse_mappings(parse(text, "m.yaml")))


def problems_of(text):
    with pytest.raises(SpecError) as caught:
        load(text)
    return [str(p) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("store A B Z in DRAM", Storage(("A", "B", "Z"), "DRAM")),
        ("store A, B,Z in DRAM", Storage(("A", "B", "Z"), "DRAM")),
        ("for m by 64", Temporal("m", 64)),
        ("  for   m  by 64 ", Temporal("m", 64)),
        ("parallel n by 1 across PEs.X", Spatial("n", 1, "PEs", "X")),
        ("parallel n by 1 across PEs", Spatial("n", 1, "PEs", "")),
        ("compute Z on MAC", Compute("Z", "MAC")),
        ("compute layer1.0.conv-1 on MAC", Compute("layer1.0.conv-1", "MAC")),
        ("for in by 3", Temporal("in", 3)),
        ("store IN in IN", Storage(("IN",), "IN")),
    ],
)
def test_sentences(text, node):
    assert parse_sentence(text) == node
    assert parse_sentence(str(node)) == node


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("", 0, "an empty sentence (known: store, for, parallel, compute)"),
        ("stor A in B", 0, "no such node 'stor' (did you mean 'store'?)"),
        ("loop m by 3", 0, "no such node 'loop'"),
        ("store in B", 6, "expected a tensor before 'in' (the form is: store TENSOR … in LEVEL)"),
        ("store A B", 9, "expected 'in' and a level at the end"),
        ("store A in", 10, "expected a level at the end"),
        ("store", 5, "expected a tensor at the end"),
        ("store A A in B", 8, "'A' is named twice"),
        ("store A[m] in B", 6, "'A[m]' is not the name of a tensor"),
        ("store A in B.C", 11, "expected a level, got 'B.C'"),
        ("for m 64", 6, "expected 'by', got '64'"),
        ("for by 64", 7, "expected 'by', got '64'"),
        ("for m by", 8, "expected the size of the tile at the end"),
        ("for m by x", 9, "the tile must be a whole number, got 'x'"),
        ("for m by 6.4", 9, "the tile must be a whole number, got '6.4'"),
        ("for m by 0", 9, "the tile must be at least 1 and at most 10^12, got 0"),
        ("for m by -4", 9, "the tile must be at least 1 and at most 10^12, got -4"),
        ("for m by 9999999999999", 9, "the tile must be at least 1 and at most 10^12"),
        (f"for m by {'9' * 5000}", 9, "the tile must be a whole number"),
        ("for M=m by 4", 4, "expected a rank variable, got 'M=m'"),
        ("for m by 4 across PEs.X", 11, "nothing may follow here, got 'across'"),
        ("parallel m by 4 over PEs.X", 16, "expected 'across', got 'over'"),
        ("parallel m by 4 across PEs.", 23, "expected ARRAY.DIMENSION, got 'PEs.'"),
        ("parallel m by 4 across PEs.X.Y", 23, "expected ARRAY.DIMENSION, got 'PEs.X.Y'"),
        ("parallel m by 4", 15, "expected 'across' at the end"),
        ("compute Z", 9, "expected 'on' at the end"),
        ("compute Z on MAC now", 17, "nothing may follow here, got 'now'"),
    ],
)
def test_sentences_that_are_wrong_say_where(text, offset, message):
    with pytest.raises(SentenceError, match=re.escape(message)) as caught:
        parse_sentence(text)
    assert caught.value.offset == offset


FUSED = """\
arch: a
workload: w
nest:
- store A B in DRAM
- for m by 8
- sequence:
  - - store X in GLB
    - compute X on MAC
  - - for n by 1
    - sequence:
      - - compute Y on MAC
      - - compute Z on MAC
"""


def test_one_mapping():
    (mapping,) = load("arch: a\nworkload: w\neinsum: Z\nnest:\n- for m by 1\n- compute Z on MAC\n")
    assert mapping == Mapping((Temporal("m", 1), Compute("Z", "MAC")), "a", "w", "Z")


def test_names_are_optional():
    assert load("nest: [for m by 1]") == (Mapping((Temporal("m", 1),)),)


def test_sequences_nest():
    (mapping,) = load(FUSED)
    inner = Sequence(((Compute("Y", "MAC"),), (Compute("Z", "MAC"),)))
    branches = ((Storage(("X",), "GLB"), Compute("X", "MAC")), (Temporal("n", 1), inner))
    assert mapping.nest == (Storage(("A", "B"), "DRAM"), Temporal("m", 8), Sequence(branches))
    assert dump(mapping) == FUSED


def test_mappings_of_a_network_share_names():
    first, second = load("""\
arch: a
workload: w
mappings:
- {einsum: X, nest: [compute X on MAC]}
- einsum: Y
  arch: b
  nest:
  - compute Y on MAC
""")
    assert (first.arch, first.workload, first.einsum) == ("a", "w", "X")
    assert (second.arch, second.workload, second.einsum) == ("b", "w", "Y")


def test_nodes_have_places():
    ((_, marks),) = parse_mappings(parse(FUSED, "m.yaml"))
    assert marks[(1,)] == ("m.yaml", 5, 3)
    assert marks[(2, 0, 1)] == ("m.yaml", 8, 7)
    assert marks[(2, 1, 1, 1, 0)] == ("m.yaml", 12, 11)
    assert marks[()] == ("m.yaml", 4, 1)
    assert marks.get((9,)) is None
    assert (2, 1, 1, 0, 0) in set(marks)
    assert len(marks) == len(set(marks))
    assert str(marks.problem("is wrong", (1,))) == "m.yaml:5:3: $.nest[1]: is wrong"
    assert str(marks.key_problem("is wrong", "arch")) == "m.yaml:1:7: $.arch: is wrong"


def test_nodes_of_a_network_have_places():
    _, (_, marks) = parse_mappings(
        parse("mappings:\n- nest: [compute X on M]\n- nest:\n  - compute Y on M\n", "m.yaml")
    )
    assert marks[(0,)] == ("m.yaml", 4, 5)


def test_without_a_file_nodes_have_no_places():
    assert NestMarks().get((0,)) is None
    assert len(NestMarks()) == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nest: [for m by 0]", "m.yaml:1:17: $.nest[0]: the tile must be at least 1"),
        ("nest: ['for m by 0']", "m.yaml:1:18: $.nest[0]: the tile must be at least 1"),
        ("nest:\n- for m 3\n", "m.yaml:2:9: $.nest[0]: expected 'by', got '3'"),
        ("nest: []", "m.yaml:1:7: $.nest: nest is empty"),
        ("nest:", "nest is empty"),
        ("nest: 3", "nest must be sentences or lines of loops, got 3"),
        ("nest: [3]", "must be a sentence or a map {sequence: […]}, got 3"),
        ("nest: [[for m by 3]]", "must be a sentence or a map {sequence: […]}, got a list"),
        ("nest: [{seqence: []}]", "got a map (did you mean 'sequence'?)"),
        ("nest: [{sequence: []}]", "sequence must be a list of branches, got an empty list"),
        ("nest: [{sequence: [[for m by 3]], overlap: piped}]", "overlap must be off or pipelined, got 'piped'"),
        ("nest: [{sequence: [[for m by 3]], overlaps: off}]", "got a map (did you mean 'overlap'?)"),
        ("nest: [{sequence: [[]]}]", "a branch must be a list of sentences, got an empty list"),
        ("nest: [{sequence: [for m by 3]}]", "(each branch is a list of its own"),
        ("nest: [{sequence: [[for m by 3]], x: 1}]", "must be a sentence or a map {sequence: […]}, got a map"),
        ("nest: [{sequence: [[{sequence: [[for m]]}]]}]", "$.nest[0].sequence[0][0].sequence[0][0]: expected 'by'"),
        ("nset: [for m by 3]", "no such key 'nset' (did you mean 'nest'?)"),
        ("arch: a", "required key 'nest' (or 'mappings') is missing"),
        ("arch: 3\nnest: [for m by 1]", "m.yaml:1:7: $.arch: arch must be a name, got 3"),
        ("mappings: []", "must be a list of mappings, got an empty list"),
        ("mappings: [3]", "must be a map with the key nest, got 3"),
        ("mappings: [{einsum: Z}]", "$.mappings[0]: required key 'nest' is missing"),
        ("mappings: [{nest: [for m by 1]}]\neinsum: Z", "'einsum' belongs into the entries of 'mappings'"),
        ("mappings: [{nest: [for m by 1], mappings: []}]", "no such key 'mappings'"),
        ("- for m by 1", "a mapping file is a map with the key nest or mappings, got a list"),
    ],
)
def test_files_that_are_wrong_say_where(text, problem):
    assert any(problem in found for found in problems_of(text)), problems_of(text)


def test_a_caret_shows_the_word():
    assert problems_of("nest:\n- for m by 6.5\n")[0].splitlines()[1:] == ["  for m by 6.5", "           ^"]


def test_all_sentences_are_told_at_once():
    assert len(problems_of("nest:\n- for m\n- fo n\n- sequence:\n  - - store A\n  - - compute Z\n")) == 4


def test_sequences_are_not_nested_without_end():
    text = "nest: [" + "{sequence: [[" * 14 + "for m by 1" + "]]}" * 14 + "]"
    assert "sequences are nested more than 12 deep" in problems_of(text)[0]


def test_parse_nest_takes_plain_values():
    assert parse_nest(["for m by 1", {"sequence": [["compute Z on M"]]}]) == (
        Temporal("m", 1),
        Sequence(((Compute("Z", "M"),),)),
    )
    with pytest.raises(SpecError, match=r"^\$\.nest\[0\]: no such node"):
        parse_nest(["fro m by 1"])


# Round trip

names = st.sampled_from(["m", "in", "PEs", "_x1", "GLB", "by", "store", "n_0", "X"])
tensors = st.lists(names.filter(lambda n: n != "in"), min_size=1, max_size=3, unique=True).map(tuple)
einsums = st.sampled_from(["Z", "layer1.0.conv", "a:b", "x#y", "#", "'", '"', "é", "[0]", "{", "&a", "-", "1e3", "on"])
tiles = st.integers(1, 10**12)
leaves = st.one_of(
    st.builds(Storage, tensors, names),
    st.builds(Temporal, names, tiles),
    st.builds(Spatial, names, tiles, names, names | st.just("")),
    st.builds(Compute, einsums, names),
)
nests = st.recursive(
    st.lists(leaves, min_size=1, max_size=5).map(tuple),
    lambda inner: st.tuples(
        leaves,
        st.lists(inner, min_size=1, max_size=3).map(lambda b: Sequence(tuple(b), "pipelined" if len(b) > 1 else "off")),
    ),
    max_leaves=6,
)
texts = st.none() | st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1, max_size=10)
mappings = st.builds(Mapping, nests, texts, texts, texts)


@given(mappings)
def test_what_is_printed_reads_back(mapping):
    assert load(dump(mapping)) == (mapping,)


@settings(max_examples=30)
@given(st.lists(mappings, min_size=1, max_size=4))
def test_what_is_printed_for_a_network_reads_back(several):
    assert load(dump(several)) == tuple(several)


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))))
def test_any_text_is_written_as_yaml(text):
    assert parse(f"- {yaml_text(text)}\n").data == [text]
    assert parse(f"{{a: [{yaml_text(text)}]}}").data == {"a": [text]}


@given(st.text(alphabet="fort mby64,.paelcosuinA", max_size=30))
def test_any_sentence_is_read_or_refused(text):
    try:
        node = parse_sentence(text)
    except SentenceError:
        return
    assert parse_sentence(str(node)) == node


def test_text_that_would_read_as_something_else_is_quoted():
    for text in ["no", "null", "1e3", "010", "true", "", "a: b", "- a", "x #y", "---", "12:30", " a", "a ", "{a}"]:
        read = parse(f"a: {yaml_text(text)}").data["a"]
        assert read == text
    assert yaml_text("no") == "no"
    assert yaml_text("010") == '"010"'
    assert scalar("12:30") == "12:30"


def test_nothing_cannot_be_printed():
    with pytest.raises(ValueError, match="no mapping"):
        dump([])
