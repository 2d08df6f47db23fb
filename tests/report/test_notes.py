"""What is said beside a result: guessed roles where they decide, prices that stay behind a size, unknown names."""

import pytest
from click.testing import CliRunner
from commands import run

from costmodel.cli import app
from costmodel.report.notes import keep_notes, price_notes, role_notes
from costmodel.spec.catalog import load_architecture, load_workload

GUESSED = "name: w\nranks: {M: 4, K: 4}\neinsums:\n- {einsum: 'Z[m] = B[k] * A[k, m]'}\n"


@pytest.fixture
def guessed(tmp_path):
    (tmp_path / "guessed.yaml").write_text(GUESSED)
    return load_workload(tmp_path / "guessed.yaml")


@pytest.mark.parametrize(
    ("arch", "sentences", "decides"),
    [
        ("gemmini", (), True),  # keeps weights apart, and its array holds them still
        ("eyeriss_v1", (), True),
        ("pe2d", (), False),
        ("pe2d", ("weight_stationary",), True),
        ("pe2d", ("output_stationary",), False),
        ("pe2d", ("GLB bypasses weight",), True),
    ],
)
def test_a_guessed_role_is_noted_where_it_decides(guessed, arch, sentences, decides):
    notes = role_notes(guessed, load_architecture(arch), sentences)
    assert [("A (weight)" in note, "B (input)" in note) for note in notes] == [(True, True)] * decides


def test_a_stated_role_is_not_noted(tmp_path):
    (tmp_path / "stated.yaml").write_text(GUESSED + "  weights: [A]\n".replace("  ", ""))
    assert role_notes(load_workload(tmp_path / "stated.yaml"), load_architecture("gemmini")) == []


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["GLB.size=64KiB"], ["GLB"]),
        (["GLB.size=64KiB", "RF.size=1KiB"], ["GLB", "RF"]),
        (["GLB.size=64KiB", "GLB.energy=7 pJ"], []),
        (["GLB.size=32768 words"], []),  # what the file says
        (["GLB.bandwidth=1 words/cycle"], []),
        (["PEs.shape.X=4"], []),  # priced at nothing
    ],
)
def test_prices_that_do_not_follow_a_size_are_noted(overrides, named):
    notes = price_notes(load_architecture("pe2d"), load_architecture("pe2d", overrides))
    assert [note.split()[0] for note in notes] == named


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("Buffer.keep=[FOO]", "Buffer: `keep` names FOO, no role and no tensor of mm64 (its tensors: A, B, Z)"),
        (
            "Buffer.keep=[A, FOO, BAR]",
            "Buffer: `keep` names FOO, BAR, no role and no tensor of mm64 (its tensors: A, B, Z)",
        ),
        ("Buffer.keep=[AA]", "Buffer: `keep` names AA, no role and no tensor of mm64 (did you mean 'A'?)"),
        ("Buffer.may_keep=[Y]", "Buffer: `may_keep` names Y, no role and no tensor of mm64 (its tensors: A, B, Z)"),
        ("Buffer.keep=[A, input, output, weight, intermediate]", None),
    ],
)
def test_a_name_that_no_tensor_has_is_noted(override, said):
    notes = keep_notes([load_workload("mm64")], load_architecture("two_level", [override]))
    assert notes == ([] if said is None else [said])


def test_a_name_of_one_of_several_workloads_is_known(guessed):
    machine = load_architecture("two_level", ["Buffer.keep=[Z, K]"])
    (note,) = keep_notes([guessed, load_workload("mm64")], machine)
    assert "Buffer: `keep` names K, no role and no tensor of w + mm64" in note
    assert keep_notes([guessed, load_workload("mm64")], load_architecture("two_level", ["Buffer.keep=[Z]"])) == []


def test_unknown_names_are_noted_beside_a_mapping_and_a_sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "`keep` names FOO, no role and no tensor of mm64"
    for arguments in (["two_level", "mm64", "--no-run"], ["two_level", "mm64", "--no-run", "--einsum", "Z"]):
        done = CliRunner().invoke(app, ["map", *arguments, "--quiet", "--set", "Buffer.keep=[A, FOO]"])
        assert name in done.stdout
    study = "name: s\narch: two_level\nworkload: mm64\nobjective: energy\naxes: {Buffer.size: [4KiB, 8KiB]}\n"
    (tmp_path / "s.yaml").write_text(study + "set: {Buffer.keep: [A, FOO]}\n")
    assert name in CliRunner().invoke(app, ["sweep", "s.yaml", "--quiet"]).stdout


MACHINE = """
name: priced
technology: 45 nm
word: 16 b
levels:
- {memory: DRAM, component: {class: dram, kind: lpddr4, width: 64 b}}
- {memory: GLB, size: 4 KiB, component: {class: sram, width: 64 b}}
- {compute: MAC, energy: 1 pJ}
"""


def test_a_sweep_notes_what_is_extrapolated_at_any_of_its_designs(tmp_path):
    (tmp_path / "priced.yaml").write_text(MACHINE)
    (tmp_path / "small.yaml").write_text(
        "name: small\nranks: {M: 4, K: 4}\neinsums:\n- {einsum: 'Z[m] = A[k, m] * B[k]'}\n"
    )
    study = tmp_path / "study.yaml"
    for sizes, noted in (("1 KiB, 32 MiB, 4 KiB", True), ("1 KiB, 8 KiB, 4 KiB", False)):
        axes = f"axes: {{GLB.size: [{sizes}]}}"
        study.write_text(f"name: study\narch: priced.yaml\nworkload: small.yaml\nobjective: energy\n{axes}\n")
        told = run("sweep", study, "--jobs", "1", "--out", tmp_path / f"run{noted}").output
        assert ("GLB: extrapolated from 16384 to 32768 KiB" in told) == noted


def test_areas_of_other_parts_are_noted_where_they_compete(tmp_path):
    (tmp_path / "priced.yaml").write_text(MACHINE.replace("energy: 1 pJ", "component: {class: mac}"))
    (tmp_path / "small.yaml").write_text(GUESSED)
    study = tmp_path / "study.yaml"
    for table, other in (("horowitz", "of all; of GLB.component.table=horowitz, without GLB"), ("cacti", "")):
        axes = f"axes: {{GLB.component.table: [cacti, {table}]}}" if other else "axes: {GLB.size: [4 KiB, 8 KiB]}"
        study.write_text(f"name: study\narch: priced.yaml\nworkload: small.yaml\nobjective: energy\n{axes}\n")
        told = run("sweep", study, "--jobs", "1", "--out", tmp_path / f"run_{table}").output
        assert ("areas are not of the same parts, so they do not compare" in told) == bool(other)
        assert other in told
        chosen = ("map", tmp_path / "priced.yaml", tmp_path / "small.yaml", "--set", f"GLB.component.table={table}")
        run(*chosen, "--out", tmp_path / table)
    told = run("compare", tmp_path / "cacti", tmp_path / "horowitz").output
    assert "parts without an area: none in the first, GLB in the second" in told
    assert "parts without" not in run("compare", tmp_path / "cacti", tmp_path / "cacti").output
