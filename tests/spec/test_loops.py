"""Nests as lines of loops: what they say, that what is printed reads as the same, and where they are wrong."""

import pytest
from click.testing import CliRunner
from strategies import random_case

from costmodel.cli import app
from costmodel.model.evaluate import evaluate
from costmodel.spec import catalog
from costmodel.spec.load import parse
from costmodel.spec.loops import read_loops
from costmodel.spec.mapping import Compute, Sequence, Spatial, Storage, Temporal
from costmodel.spec.mapping_file import dump, parse_mappings
from costmodel.spec.problems import SpecError


def load(text):
    return parse_mappings(parse(text, "m.yaml"))


def test_what_is_printed_reads_as_the_same_mapping():
    """With the ranges of its workload, whose check they pass, and without any."""
    fused = spread = 0
    for seed in range(900, 980):
        case = random_case(seed)
        for einsums in ({e.name: e for e in case.workload.einsums}, {}):
            text = dump(case.mapping, einsums)
            ((mapping, marks),) = load(text)
            assert mapping == case.mapping, text
            evaluate(case.workload, case.architecture, mapping, marks)
        fused += "sequence:" in text
        spread += "parallel-for" in text
    assert min(fused, spread) > 5


def test_several_mappings_are_read_back():
    mappings = [random_case(seed).mapping for seed in range(3)]
    assert [mapping for mapping, _ in load(dump(mappings, {}))] == mappings


@pytest.mark.parametrize(
    ("line", "node"),
    [
        ("for m in [0, M):", Temporal("m", 1)),
        ("for m in [0, 64) by 16:", Temporal("m", 16)),
        ("for m in [0:4)  by 16", Temporal("m", 16)),
        ("for m by 16", Temporal("m", 16)),
        ("for m in range(M):", Temporal("m", 1)),
        ("for m in range(0, 64, 16):", Temporal("m", 16)),
        ("parallel-for n in range(0, N, 4) across PEs.X:", Spatial("n", 4, "PEs", "X")),
        ("parallel-for n in [0, 16) across PEs.X:", Spatial("n", 1, "PEs", "X")),
        ("parallel n in [0:2) by 8 across PEs", Spatial("n", 8, "PEs", "")),
        ("store A, B in GLB  # tiles", Storage(("A", "B"), "GLB")),
        ("compute layer1.0.conv-1 on MAC", Compute("layer1.0.conv-1", "MAC")),
    ],
)
def test_lines(line, node):
    found = read_loops(f"{line}\n  compute Z on MAC" if isinstance(node, Temporal | Spatial) else line)
    assert found.faults == ()
    assert found.nest[0] == node


def test_what_show_prints_of_a_nest_is_read_too():
    """``show`` without a form counts tiles, and names the branches."""
    text = """
    store A B in DRAM  # A 8: 8 B
    for m in [0:2)  by 4
      sequence
        branch 1: X
          for m in [0:4)  by 1
            compute X on MAC
        branch 2: Y
          compute Y on MAC
    """
    found = read_loops(text)
    assert found.faults == ()
    inner = Sequence(((Temporal("m", 1), Compute("X", "MAC")), (Compute("Y", "MAC"),)))
    assert found.nest == (Storage(("A", "B"), "DRAM"), Temporal("m", 4), inner)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("for m in [0, 4:\n  compute Z on MAC", "m.yaml:2:3: 'for m in [0, 4' is no loop (the form is: for VARIABLE"),
        ("for m in 0..63:\n  compute Z on MAC", "m.yaml:2:3: 'for m in 0..63' is no loop (the form is: for VARIABLE"),
        ("for m in range(1, 4):\n  compute Z on MAC", "m.yaml:2:3: 'for m in range(1, 4)' is no loop"),
        ("for m in range(0, K, 2):\n  compute Z on MAC", "m.yaml:2:21: a range ends with a number, or M for all of m"),
        ("for m in range(0, M, 2) by 4:\n  compute Z on MAC", "m.yaml:2:3: 'for m in range(0, M, 2) by 4' is no"),
        ("for m in [0, 4) off 2:\n  compute Z on MAC", "m.yaml:2:3: 'for m in [0, 4) off 2' is no loop"),
        ("for m in [0, X):\n  compute Z on MAC", "m.yaml:2:16: a range ends with a number, or M for all of m, got 'X'"),
        ("for m in [0, 4):\ncompute Z on MAC", "m.yaml:2:3: the body of a loop stands below it, indented"),
        ("for m by 1:\n  compute Z on MAC\nfor n by 1", "m.yaml:4:3: nothing may follow here (lines after a sequence"),
        ("store A in GLB\n    for m by 1", "m.yaml:3:7: is indented further than its block"),
        ("sequence:\n  compute Z on MAC", "m.yaml:3:5: expected a branch, got 'compute Z on MAC'"),
        ("sequence:\n  branch:", "m.yaml:3:5: a branch is empty"),
        ("store A on GLB", "m.yaml:2:17: expected 'in' and a level at the end"),
    ],
)
def test_lines_that_are_wrong_say_where(lines, problem):
    text = "nest: |\n" + "".join(f"  {line}\n" for line in lines.splitlines())
    with pytest.raises(SpecError) as caught:
        load(text)
    assert any(str(found).startswith(problem) for found in caught.value.problems), str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "for m in [0, M) by 32",
            "for m in [0, 60) by 32",
            "6:3: $.nest[1]: the range of m ends with 60, where 64 of it are left",
        ),
        (
            "for m in [0, 32)",
            "for m in [0, M)",
            "13:11: $.nest[8]: the range of m ends with M, where 32 of it",
        ),
        (
            "for n in [0, N) by 16",
            "for n in [0:3) by 16",
            "7:5: $.nest[2]: the range of n ends with 3, where 64 of it are left, in 4",
        ),
    ],
)
@pytest.mark.parametrize("command", ["evaluate", "run", "check"])
def test_a_range_that_is_wrong_is_an_error_where_the_shapes_are_known(tmp_path, old, new, problem, command):
    text = CliRunner().invoke(app, ["show", "two_level_output_stationary", "--as", "loops"]).stdout
    assert old in text
    path = tmp_path / "lines.yaml"
    path.write_text(text.replace(old, new))
    arguments = {
        "evaluate": ["evaluate", "two_level", "mm64", "--mapping", str(path)],
        "run": ["run", "mm64", "--mapping", str(path)],
        "check": ["check", str(path)],
    }[command]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert f"{path}:{problem}" in result.stderr


def test_what_is_printed_fits_other_shapes(tmp_path):
    """Whole ranges stand as names, so that a shape may be set that the tiles allow."""
    text = CliRunner().invoke(app, ["show", "two_level_output_stationary", "--as", "loops"]).stdout
    assert "for k in [0, K):" in text
    (tmp_path / "lines.yaml").write_text(text)
    shapes = ["--set", "ranks.M=32", "--set", "ranks.N=48", "--set", "ranks.K=4"]
    arguments = ["evaluate", "two_level", "mm64", "--mapping", str(tmp_path / "lines.yaml"), *shapes]
    assert CliRunner().invoke(app, arguments).exit_code == 0


def test_show_as_loops_is_the_shipped_mapping(tmp_path):
    for name in catalog.shipped()["mapping"]:
        text = CliRunner().invoke(app, ["show", name, "--as", "loops"]).stdout
        (tmp_path / "again.yaml").write_text(text)
        assert catalog.load_mappings(tmp_path / "again.yaml") == catalog.load_mappings(name)
        assert " in [0, " in text
