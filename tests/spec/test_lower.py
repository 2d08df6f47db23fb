"""``--lower``: convolutions become matrix products where hardware accepts nothing else, and nowhere else."""

import json

import pytest
from commands import run

import costmodel as cm
from costmodel.api import SpecError

ARCH = """\
name: gemm_only
levels:
- {memory: DRAM, energy: 100}
- {array: mesh, shape: {rows: 4, columns: 4}, systolic: weight, accepts: gemm}
- {memory: register, size: 1 words, energy: 1, keep: [weight]}
- {compute: MAC, energy: 1}
"""
WORK = """\
name: net
einsums:
- {name: conv, einsum: 'O[m, p] = I[c, 2*p + r] * F[m, c, r]', ranks: {M: 4, C: 2, P: 4, R: 3}, weights: [F]}
- {name: thin, einsum: 'O[m, p] = I[c, 2*p] * F[m, c]', ranks: {M: 4, C: 2, P: 4}, weights: [F]}
- {name: fc, einsum: 'Z[m] = A[HW=h*W + w] * G[m, h, w]', ranks: {M: 4, H: 2, W: 3, HW: H*W}, weights: [G]}
"""
LOWERED = ["conv.T", "conv", "thin.T", "thin", "fc"]


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gemm_only.yaml").write_text(ARCH)
    (tmp_path / "net.yaml").write_text(WORK)


def einsums(*arguments):
    found = json.loads(run("map", *arguments, "--objective", "energy", "--no-run", "--quiet", "--json").stdout)
    return [row["einsum"] for row in found["einsums"]]


def test_what_is_refused_is_lowered_and_nothing_else():
    refused = run("map", "gemm_only.yaml", "net.yaml", "--no-run", code=1).stderr
    assert "net.yaml:3:3" in refused
    assert "net.yaml:4:3" in refused
    assert "--lower makes a matrix product of it" in refused
    assert "fc" not in refused  # a flattened rank is no window
    assert einsums("gemm_only.yaml", "net.yaml", "--lower") == LOWERED
    assert einsums("two_level", "net.yaml", "--lower") == ["conv", "thin", "fc"]


def test_a_workload_may_say_it_and_forms_that_it_names_win():
    work = cm.load_workload("net.yaml").document.data | {"lower": True, "toeplitz": {"conv": "given kernel"}}
    found = cm.map("gemm_only.yaml", work, objective="energy")
    assert [m.einsum for m in found.mappings] == ["conv", "thin.T", "thin", "fc"]
    (alone,) = cm.load_workload(work | {"toeplitz": "none"}).value.einsums[:1]
    assert alone.name == "conv"  # without hardware nothing is refused


def test_mappings_of_what_is_lowered_are_evaluated_and_explained(tmp_path):
    out = tmp_path / "run"
    run("map", "gemm_only.yaml", "net.yaml", "--lower", "--objective", "energy", "--out", out, "--quiet")
    nests = sorted(out.glob("mapping*.yaml"))
    shown = json.loads(run("evaluate", "gemm_only.yaml", "net.yaml", "--lower", "--mapping", nests[0], "--json").stdout)
    assert sorted({row["einsum"] for row in shown["einsums"]}) == sorted(LOWERED)
    asked = ("explain", "gemm_only.yaml", "net.yaml", "DRAM.read.T", "--einsum", "conv", "--mapping", nests[0])
    assert "DRAM.read.T" in run(*asked, "--lower").stdout
    assert "--lower makes a matrix product" in run(*asked[:-2], "--mapping", nests[0], code=1).stderr
    again = json.loads((out / "result.json").read_text())
    assert "lower=true" in json.dumps(again["provenance"])


def test_a_study_lowers_on_the_machines_that_need_it(tmp_path):
    (tmp_path / "study.yaml").write_text("arch: [gemm_only.yaml, two_level]\nworkload: net.yaml\nobjective: energy\n")
    assert "--lower" in run("sweep", "study.yaml", "--quiet", code=1).stderr
    run("sweep", "study.yaml", "--lower", "--quiet", "--out", "s", "--jobs", 1)
    points = json.loads((tmp_path / "s" / "result.json").read_text())["design_points"]
    assert [len(p["mappings"]) for p in points] == [5, 3]
    run("map", "gemm_only.yaml", "net.yaml", "--lower", "--no-run", "--save-study", "saved.yaml", "--quiet")
    assert "lower: true" in (tmp_path / "saved.yaml").read_text()


def test_what_is_no_convolution_stays_refused():
    work = {"name": "w", "ranks": {"P": 4, "R": 2}, "einsums": ["O[p] = I[p + r] * F[r] * G[p]"]}
    with pytest.raises(SpecError, match="I is read through windows"):
        cm.map("gemm_only.yaml", work, objective="energy", set={"lower": True})
