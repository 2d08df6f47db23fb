"""Specs that are wrong in one way each: what is said, and where. Nothing but SpecError ever comes out."""

import re

import pytest
from timing import within

from costmodel.model.evaluate import evaluate
from costmodel.model.nest import bind
from costmodel.spec import catalog
from costmodel.spec.problems import SpecError

ARCH = """\
name: small
word: 8 b
levels:
- memory: DRAM
  energy: 100 pJ
- memory: GLB
  size: 64 B
  energy: 1 pJ
- array: PEs
  shape: {X: 4, Y: 2}
- compute: MAC
  energy: 1 pJ
"""
WORKLOAD = """\
name: gemm
ranks: {M: 16, N: 8, K: 4}
einsums:
- Z[m, n] = A[m, k] * B[k, n]
"""
MAPPING = """\
arch: arch.yaml
workload: workload.yaml
einsum: Z
nest:
- store A B Z in DRAM
- for m by 4
- store A in GLB
- parallel n by 2 across PEs.X
- for m by 1
- for n by 1
- for k by 1
- compute Z on MAC
"""


def check(folder):
    """Read what is there, and bind and evaluate the mapping if there is one."""
    architecture, workload = catalog.load_pair(folder / "arch.yaml", folder / "workload.yaml")
    for mapping, marks in catalog.load_mappings_with_marks(folder / "mapping.yaml"):
        bind(workload, architecture, mapping, marks)
        evaluate(workload, architecture, mapping, marks)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arch.yaml").write_text(ARCH)
    (tmp_path / "workload.yaml").write_text(WORKLOAD)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return tmp_path.relative_to(tmp_path)


def problems_of(folder):
    with pytest.raises(SpecError) as caught:
        check(folder)
    return [str(p) for p in caught.value.problems]


def test_without_a_mistake_there_is_no_problem(folder):
    check(folder)


@pytest.mark.parametrize(
    ("file", "right", "wrong", "problem"),
    [
        pytest.param(
            "arch.yaml", "  size: 64 B", "  colour: red\n  size: 64 B",
            "arch.yaml:7:3: $.levels[1].colour: no such key 'colour' (known: source, leakage, area,",
            id="unknown key",
        ),
        pytest.param(
            "arch.yaml", "  size: 64 B", "  szie: 64 B",
            "arch.yaml:7:3: $.levels[1].szie: no such key 'szie' (did you mean 'size'?)",
            id="typo in a key",
        ),
        pytest.param(
            "workload.yaml", "einsums:", "weights: [b]\neinsums:",
            "'b'",
            id="typo in a tensor of a workload",
        ),
        pytest.param(
            "mapping.yaml", "store A in GLB", "store Q in GLB",
            "mapping.yaml:7:3: store Q in GLB: unknown tensor 'Q' (known: A, B, Z)",
            id="unknown tensor",
        ),
        pytest.param(
            "arch.yaml", "  energy: 1 pJ\n- array", "- array",
            "arch.yaml:6:3: $.levels[1]: required key 'energy' is missing (`energy: {read: …, write: …}`",
            id="missing energy",
        ),
        pytest.param(
            "workload.yaml", ", K: 4", "",
            "workload.yaml:4:",
            id="undefined rank",
        ),
        pytest.param(
            "arch.yaml", "memory: GLB", "memory: DRAM",
            "arch.yaml:6:11: $.levels[1].memory: two levels are called 'DRAM' (first at line 4)",
            id="duplicate level name",
        ),
        pytest.param(
            "arch.yaml", "64 B", "0 KiB",
            "arch.yaml:7:9: $.levels[1].size: must be greater than zero, got '0 KiB'",
            id="size of zero",
        ),
        pytest.param(
            "arch.yaml", "64 B", "-64 B",
            "arch.yaml:7:9: $.levels[1].size: must be greater than zero, got '-64 B'",
            id="negative size",
        ),
        pytest.param(
            "arch.yaml", "compute: MAC", "compute: MAC\n  throughput: 0 /cycle",
            "arch.yaml:12:15: $.levels[3].throughput: must be greater than zero, got '0 /cycle'",
            id="throughput of zero",
        ),
        pytest.param(
            "arch.yaml", "compute: MAC", "compute: MAC\n  throughput: -1",
            "arch.yaml:12:15: $.levels[3].throughput: must be greater than zero, got -1",
            id="negative throughput",
        ),
        pytest.param(
            "workload.yaml", "A[m, k]", "A[m, k",
            "workload.yaml:4:",
            id="unbalanced bracket in an Einsum",
        ),
        pytest.param(
            "mapping.yaml", "store A in GLB", "store A in GBL",
            "mapping.yaml:7:3: store A in GBL: unknown level 'GBL' (did you mean 'GLB'?)",
            id="unknown level",
        ),
        pytest.param(
            "mapping.yaml", "for k by 1", "for kk by 1",
            "mapping.yaml:11:3: for kk by 1: unknown rank variable 'kk' (did you mean 'k'?)",
            id="unknown rank variable",
        ),
        pytest.param(
            "mapping.yaml", "for m by 1", "for m by 8",
            "mapping.yaml:9:3: for m by 8: the tile 8 is larger than what is left of m: 4",
            id="tile larger than what is left",
        ),
        pytest.param(
            "mapping.yaml", "- for k by 1\n", "",
            "mapping.yaml:11:3: compute Z on MAC: rank variable k is not brought down to 1: 4 are left",
            id="rank variable not brought down to 1",
        ),
        pytest.param(
            "mapping.yaml", "- store A B Z in DRAM\n- for m by 4\n- store A in GLB\n",
            "- store B Z in DRAM\n- for m by 4\n- store A in GLB\n- store A in DRAM\n",
            "mapping.yaml:8:3: store A in DRAM: A is stored in GLB, an inner level, above this node",
            id="storage in the wrong order",
        ),
        pytest.param(
            "mapping.yaml", "parallel n by 2", "parallel n by 1",
            "mapping.yaml:8:3: parallel n by 1 across PEs.X: PEs.X has 4 instances, the loop needs 8",
            id="parallel loop larger than the array",
        ),
        pytest.param(
            "mapping.yaml", "- for m by 4\n- store A in GLB", "- store A Z in GLB\n- for m by 4",
            "mapping.yaml:6:3: GLB is over capacity: A 64 × 8 b + Z 128 × 8 b = 1,536 b, there is room for 512 b",
            id="over capacity",
        ),
        pytest.param(
            "arch.yaml", "shape: {X: 4, Y: 2}", "shape: [4, 2]",
            "arch.yaml:10:10: $.levels[2].shape: must be a map, got a list",
            id="a list where a map belongs",
        ),
        pytest.param(
            "arch.yaml", "64 B", "large",
            "arch.yaml:7:9: $.levels[1].size: must be a size (b, B, kB, KiB, MB, MiB, words), got 'large'",
            id="text where a size belongs",
        ),
        pytest.param("arch.yaml", ARCH, "", "arch.yaml:1:1: is empty", id="empty file"),
        pytest.param("arch.yaml", ARCH, "\x7fELF\x00\x01\x02", "arch.yaml:1:5: is a binary file", id="binary file"),
        pytest.param(
            "arch.yaml", ARCH, "int main() {\n  return 0;\n}\n",
            "arch.yaml:1:",
            id="a file that is not YAML",
        ),
        pytest.param(
            "arch.yaml", "  shape: {X: 4, Y: 2}", "  shape: &shape {X: *shape}",
            "arch.yaml:10:21: alias *shape stands inside what it stands for: recursive aliases are not allowed",
            id="recursive alias",
        ),
        pytest.param(
            "arch.yaml", "  size: 64 B", "  size: 64 B\n  size: 32 B",
            "arch.yaml:8:3: key 'size' appears twice (first at line 7)",
            id="duplicate key",
        ),
        pytest.param(
            "arch.yaml", "X: 4", "X: 04",
            "arch.yaml:10:14: 04 starts with a zero: write 4, or quote it to mean text",
            id="octal trap",
        ),
        pytest.param(
            "mapping.yaml", "for k by 1", "for k 1",
            "mapping.yaml:11:9: $.nest[6]: expected 'by', got '1' (the form is: for RANK_VARIABLE by TILE)",
            id="sentence without its word",
        ),
        pytest.param(
            "mapping.yaml", "compute Z on MAC", "compute Y on MAC",
            "mapping.yaml:12:3: compute Y on MAC: unknown Einsum 'Y'",
            id="unknown Einsum",
        ),
        pytest.param(
            "mapping.yaml", "on MAC", "on MCA",
            "mapping.yaml:12:3: compute Z on MCA: unknown compute unit 'MCA' (did you mean 'MAC'?)",
            id="unknown compute unit",
        ),
        pytest.param(
            "mapping.yaml", "PEs.X", "PEs.Z",
            "mapping.yaml:8:3: parallel n by 2 across PEs.Z: PEs has no dimension 'Z'",
            id="unknown dimension",
        ),
    ],
)  # fmt: skip
def test_one_mistake(folder, file, right, wrong, problem):
    text = (folder / file).read_text()
    assert right in text
    (folder / file).write_text(text.replace(right, wrong, 1))
    found = problems_of(folder)
    assert len(found) == 1, found  # and nothing that merely follows from it
    assert problem in found[0]
    assert "Traceback" not in found[0]


CASCADE = """\
name: cascade
ranks: {I: 5, K: 4}
einsums:
- Y[i, k] = A[i, k] * B[i, k]
- Z[i, k] = 2 * Y[i, k]
"""
SEQUENCE = """\
nest:
- store A B Z in DRAM
- store Y in GLB
- for i by 1
- sequence:
  - - for k by 1
    - compute Y on MAC
  - - for k by 1
    - compute Z on MAC
"""


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("compute Z", "compute Q", "mapping.yaml:9:7: compute Q on MAC: unknown Einsum 'Q' (known: Y, Z)"),
        ("    - compute Z on MAC\n", "", "mapping.yaml:8:5: the nest does not end in a compute or sequence node"),
        ("compute Z", "compute Y", "mapping.yaml:9:7: compute Y on MAC: Einsum Y is computed more than once"),
        (
            "    - compute Y on MAC\n",
            "    - compute Y on MAC\n    - for k by 1\n",
            "8:7: for k by 1: nothing may follow",
        ),
        ("for i by 1", "for z by 1", "mapping.yaml:4:3: for z by 1: unknown rank variable 'z' (known: i, k)"),
        ("for i by 1", "for i by 9", "mapping.yaml:4:3: for i by 9: the tile 9 is larger than what is left of i: 5"),
        ("for i by 1", "parallel i by 1 across PE.X", "parallel i by 1 across PE.X: unknown array 'PE'"),
        ("store Y in GLB", "store YY in GLB", "mapping.yaml:3:3: store YY in GLB: unknown tensor 'YY'"),
        ("store Y in GLB", "store Y in GLBB", "mapping.yaml:3:3: store Y in GLBB: unknown level 'GLBB'"),
        ("store Y in GLB", "store Y in MAC", "mapping.yaml:3:3: store Y in MAC: MAC does not store"),
    ],
)
def test_what_follows_from_one_mistake_in_a_cascade_is_not_told(folder, right, wrong, problem):
    assert right in SEQUENCE
    (folder / "workload.yaml").write_text(CASCADE)
    (folder / "mapping.yaml").write_text(SEQUENCE.replace(right, wrong, 1))
    (found,) = problems_of(folder)
    assert problem in found


def test_what_does_not_follow_is_told_beside_it(folder):
    (folder / "workload.yaml").write_text(CASCADE)
    wrong = SEQUENCE.replace("store Y in GLB", "store Y in GLBB").replace("store A B Z", "store A Z")
    (folder / "mapping.yaml").write_text(wrong.replace("- for k by 1\n    - compute Z", "- compute Z"))
    level, a, k = problems_of(folder)
    assert "unknown level 'GLBB'" in level
    assert "B is stored nowhere" in a
    assert "rank variable k is not brought down to 1" in k


def test_a_rank_variable_of_another_einsum_is_not_unknown(folder):
    (folder / "workload.yaml").write_text(
        CASCADE.replace("K: 4", "K: 4, J: 3").replace("2 * Y[i, k]", "C[j] * Y[i, k]")
    )
    wrong = SEQUENCE.replace("A B Z", "A B C Z").replace(
        "- - for k by 1\n    - compute Y", "- - for j by 1\n    - compute Y"
    )
    (folder / "mapping.yaml").write_text(wrong)
    assert "for j by 1: no Einsum below has the rank variable j (known: i, k)" in problems_of(folder)[0]


def test_an_undefined_rank_is_named(folder):
    (folder / "workload.yaml").write_text(WORKLOAD.replace(", K: 4", ""))
    assert any(re.search(r"\bK\b", p) for p in problems_of(folder))


def test_an_unbalanced_bracket_is_shown_with_a_caret(folder):
    (folder / "workload.yaml").write_text(WORKLOAD.replace("A[m, k]", "A[m, k"))
    (problem,) = problems_of(folder)
    line, caret = problem.splitlines()[-2:]
    assert line.strip() == "Z[m, n] = A[m, k * B[k, n]"
    assert caret.strip() == "^"


def test_a_file_of_100_mb_is_refused_without_reading_it(folder):
    with (folder / "arch.yaml").open("wb") as file:
        file.truncate(100 * 10**6)
    with within(0.5):
        assert problems_of(folder) == ["arch.yaml: is too large: 95.4 MiB; a spec has at most 4 MiB"]


def test_problems_of_both_files_are_told_together(folder):
    (folder / "arch.yaml").write_text(ARCH.replace("64 B", "0").replace("X: 4", "X: 0"))
    (folder / "workload.yaml").write_text(WORKLOAD.replace("M: 16", "M: 0"))
    assert {p.split(":")[0] for p in problems_of(folder)} == {"arch.yaml", "workload.yaml"}


def test_problems_of_a_nest_are_told_together(folder):
    text = (
        MAPPING.replace("store A in GLB", "store Q in GLB").replace("for m by 1", "for mm by 1").replace("MAC", "MCA")
    )
    (folder / "mapping.yaml").write_text(text)
    found = problems_of(folder)
    assert [p.split(" ")[0] for p in found][:3] == ["mapping.yaml:7:3:", "mapping.yaml:9:3:", "mapping.yaml:12:3:"]
