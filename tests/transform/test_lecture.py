"""The transforms of the lecture and of the article on the Toeplitz transform, with their numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import costmodel as cm
from costmodel.api import SpecError, transform
from costmodel.cli import app
from costmodel.spec import catalog
from costmodel.spec.rewriting.draft import draft_of
from costmodel.spec.rewriting.sentences import rewrite
from costmodel.transform.facts import facts

CONV = "O[n, m, p, q] = I[n, c, p + r, q + s] * F[m, c, r, s]"


def workload(einsum, **ranks):
    return {"name": "w", "ranks": ranks, "einsums": [einsum]}


def made(result, name):
    return next(fact for fact in result.answer.facts.tensors if fact.name == name)


def shapes(result):
    return {fact.name: fact.new_shape for fact in result.answer.facts.tensors}


def test_both_forms_of_the_article():
    """A 4 × 4 input and a 2 × 2 kernel."""
    article = workload("O[p, q] = I[p + r, q + s] * F[r, s]", P=3, Q=3, R=2, S=2)
    rearranged = transform(article, "toeplitz input")
    assert shapes(rearranged) == {"I": (4, 4), "F": (4,), "O": (9,), "T": (9, 4)}
    kernel = transform(article, "toeplitz kernel")
    assert shapes(kernel) == {"I": (16,), "F": (2, 2), "O": (9,), "K": (9, 16)}
    assert (made(kernel, "K").arranged.nonzeros, made(kernel, "K").words) == (36, 144)
    assert "36 of 144 hold one (25 %), the others are 0" in str(kernel)
    assert rearranged.answer.proof.exact
    assert kernel.answer.proof.exact


@pytest.mark.parametrize(("n", "t", "o"), [(1, (4, 8), (2, 4)), (2, (8, 8), (2, 8))])
def test_channels_filters_and_a_batch(n, t, o):
    found = transform(workload(CONV, N=n, C=2, M=2, P=2, Q=2, R=2, S=2), "toeplitz input")
    assert (shapes(found)["T"], shapes(found)["F"], shapes(found)["O"]) == (t, (2, 8), o)
    assert made(found, "T").new_ranks == ("PQN", "CRS")
    assert "O[m, pqn] = T[pqn, crs] * F[m, crs]" in found.yaml


def test_matrices_of_the_slides():
    slides = workload("O[p, q] = I[p + r, q + s] * F[r, s]", P=2, Q=2, R=2, S=2)
    found = transform(slides, "toeplitz input")
    values = {"F": [[1, 2], [3, 4]], "I": [[1, 2, 3], [4, 5, 6], [7, 8, 9]]}
    given = {name: np.array(array) for name, array in values.items()}
    ran = cm.run(found.workload, values=found.carry(given))
    assert ran["T"].tolist() == [[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]
    assert found.bring_back("O", ran["O"]).tolist() == [[37, 47], [67, 77]]
    one = transform(workload("O[q] = I[q + s] * F[s]", Q=4, S=3), "toeplitz input")
    ran = cm.run(one.workload, values={"F": [1, 2, 3], "I": [1, 2, 3, 4, 5, 6]})
    assert ran["T"].T.tolist() == [[1, 2, 3, 4], [2, 3, 4, 5], [3, 4, 5, 6]]
    assert ran["O"].tolist() == [14, 20, 26, 32]


def test_a_change_of_variables_walks_the_input_and_reads_the_kernel_by_a_difference():
    found = transform("conv3x3", "let h = p + r for r", "let w = q + s for s")
    assert "O[m, p, q] = I[c, h, w] * F[m, c, R=h - p, S=w - q]" in found.yaml
    assert found.answer.facts.new_operations == found.answer.facts.operations == {"mac": 903168}
    assert found.answer.proof.exact
    assert found.back == ["let s = w - q for w", "let r = h - p for h"]
    strided = workload("O[q] = I[2*q + s] * F[s]", Q=4, S=3)
    assert "O[q] = I[w] * F[S=w - 2*q]" in transform(strided, "let w = 2*q + s for s").yaml
    with pytest.raises(SpecError, match="q must be in 2\\*q \\+ s once, without a factor"):
        transform(strided, "let w = 2*q + s for q")


def test_repetition_of_the_input():
    found = transform("conv3x3", "toeplitz input")
    assert (made(found, "T").words, made(found, "I").words) == (28224, 4096)
    assert made(found, "T").arranged.repetition == 6.890625
    assert "6.891 times the words of I" in str(found)


def test_a_fully_connected_layer_is_a_matrix_times_a_vector_and_with_a_batch_a_matrix():
    start = draft_of(catalog.load_workload_spec("fc"))
    one = facts(start, rewrite(start, ["matrix"]))
    assert {t.name: t.new_shape for t in one.tensors} == {"I": (25088,), "F": (4096, 25088), "O": (4096,)}
    assert one.new_operations == {"mac": 102760448}
    layer = workload("O[n, m] = I[n, c, h, w] * F[m, c, h, w]", N=16, M=4096, C=512, H=7, W=7)
    start = draft_of(catalog.load_workload_spec(layer))
    several = facts(start, rewrite(start, ["flatten C, H, W"]))
    assert {t.name: t.new_shape for t in several.tensors} == {"I": (16, 25088), "F": (4096, 25088), "O": (16, 4096)}
    assert several.new_operations == {"mac": 16 * 102760448}
    small = workload("O[n, m] = I[n, c, h, w] * F[m, c, h, w]", N=16, M=8, C=4, H=7, W=7)
    assert transform(small, "matrix").answer.proof.exact


def test_groups_stay_and_depthwise_layers_have_vectors():
    grouped = workload("O[g, m, p] = I[g, c, 2*p + r] * F[g, m, c, r]", G=2, M=3, C=2, P=4, R=3)
    assert shapes(transform(grouped, "toeplitz input"))["T"] == (2, 4, 6)
    depthwise = transform("mobilenet_v2", "toeplitz input", einsums="ir1.dw")
    assert shapes(depthwise) == {"I": (32, 114, 114), "F": (32, 9), "O": (32, 12544), "T": (32, 12544, 9)}


def test_padding_is_zeros_of_the_matrices():
    padded = workload("O[p, q] = I[H=p + r - PAD, W=q + s - PAD] * F[r, s]", H=3, W=3, P="H", Q="W", R=3, S=3, PAD=1)
    found = transform(padded | {"pad": "zero"}, "toeplitz input")
    assert (made(found, "T").arranged.nonzeros, made(found, "T").words) == (49, 81)
    kernel = transform(padded | {"pad": "zero"}, "toeplitz kernel", "give K")
    assert shapes(kernel)["K"] == (9, 9)
    whole, wide, *_ = kernel.back
    assert whole == "make K[pq, HW=h*W + w] = KW[pq, h, w]"
    assert wide.startswith("make KW[")


def test_an_uneven_partition_adds_zeros():
    found = transform("mm64", "partition K by 24", "swap B: N, K1, K0")
    assert shapes(found)["B"] == (64, 3, 24)
    assert found.answer.facts.new_operations == {"mac": 64 * 64 * 72}
    assert found.back == ["swap B: K1, K0, N", "flatten K1, K0 as K", "resize K to 64"]


def test_attention_is_partitioned_as_flash_attention_is():
    small = ["ranks.M=32", "ranks.D=24", "ranks.H=2", "ranks.E=6", "ranks.F=12", "ranks.J=16"]
    found = transform("bert_base_layer", "partition M by 8", set=small)
    assert "QK[b, h, m1, m0, p1, p0] = Q[b, h, p1, p0, e] * K[b, h, m1, m0, e]" in found.yaml
    assert "LN2" in found.answer.proof.tensors


# The command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["transform", *arguments])
    assert result.exit_code == code, result.output
    return result


def test_the_new_workload_is_a_file_that_leads_on_and_back(folder):
    Path("w.yaml").write_text(
        "name: w\nbits: {F: 4}\nranks: {Q: 4, S: 3}\nvalues: {F: [1, 2, 3], I: [1, 2, 3, 4, 5, 6]}\n"
        "weights: [F]\neinsums: ['O[q] = I[q + s] * F[s]']\n"
    )
    text = run("w.yaml", "toeplitz kernel", "--out", "k.yaml").stdout
    assert text.startswith("steps: toeplitz kernel\n")
    assert Path("k.yaml").read_text().startswith("# steps: toeplitz kernel\n")
    assert CliRunner().invoke(app, ["check", "k.yaml"]).exit_code == 0
    assert cm.run("k.yaml")["O"].tolist() == [14, 20, 26, 32]
    assert {t.name: t.bits for t in cm.load_workload("k.yaml").value.einsums[1].tensors.values()}["K"] == 4
    Path("back.yaml").write_text(run("k.yaml", "inline K").stdout)
    assert cm.load_workload("back.yaml").value.einsums == cm.load_workload("w.yaml").value.einsums
    answer = json.loads(run("w.yaml", "toeplitz kernel", "--json").stdout)
    assert (answer["back"], answer["proof"]["exact"]) == (["inline K"], True)


def test_what_is_said_about_zeros_follows():
    sparse = workload("Z[m] = A[m, k] * B[k]", M=2, K=4) | {
        "density": {"B": 0.5},
        "coordinates": {"A": [[0, 1], [1, 2]]},
    }
    found = transform(sparse, "swap A: K, M", "partition K by 2").answer.workload
    assert found.density == {"B": 0.5}
    assert found.coordinates == {"A": ((0, 1, 0), (1, 0, 1))}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet18", "toeplitz input"], "resnet18 has several layers: say which of them to rewrite"),
        (["mm64", "toeplitz input"], "no Einsum reads a tensor through windows"),
        (["mm64", "matrix"], "Z is a product of matrices already"),
        (["mm64", "flaten M, N"], "'flaten M, N' is no step (did you mean 'flatten'?)"),
        (["mm64", "flatten M N to K"], "is no step (write flatten RANK, RANK, … [as RANK])"),
        (["mm64", "let w = m + q for q"], "no Einsum has the rank variables m, q"),
        (["mm64", "let k = m + n for n"], "Z has a rank variable k already"),
        (["mm64", "partition J by 2"], "no rank variable runs over J"),
        (["mm64", "partition M by 65"], "the tile must be from 1 to 64"),
        (["mm64", "swap A: M, N"], "the ranks of A are M, K"),
        (["mm64", "flatten M, N, K"], "no tensor has these ranks one after another"),
        (["mm64", "split M into A=3, B=4"], "has 64, not 12"),
        (["conv3x3", "give T"], "no Einsum makes T"),
    ],
)
def test_a_step_that_cannot_be_taken_says_why(arguments, message):
    assert message in run(*arguments, code=1).stderr


def test_what_is_too_large_to_run_is_not_claimed_to_be_equal():
    found = transform("resnet18", "toeplitz kernel", einsums="layer1.0.conv1")
    assert "not compared: " in str(found)
    assert not found.answer.proof.tensors


def test_values_that_differ_are_an_error():
    with pytest.raises(SpecError, match="gives other values"):
        transform(workload("X[m] max= A[m, k]", M=8, K=3), "partition K by 2")


# What the rearranged input costs

FUSED = """
- store I F O in MainMemory
- store I F O T in Buffer
- sequence:
  - [for p by 1, for s by 1, compute T on MAC]
  - [for p by 1, for s by 1, compute O on MAC]
"""
THROUGH_MEMORY = {
    "mappings": [
        {
            "einsum": "T",
            "nest": [
                "store I T in MainMemory",
                "store I in Buffer",
                "for p by 1",
                "for s by 1",
                "compute T on MAC",
            ],
        },
        {
            "einsum": "O",
            "nest": [
                "store T F O in MainMemory",
                "store F O in Buffer",
                "for p by 1",
                "for s by 1",
                "compute O on MAC",
            ],
        },
    ]
}


def test_the_repeated_input_on_the_fly_in_a_buffer_and_in_memory(folder):
    direct = workload("O[p] = I[p + s] * F[s]", P=4, S=3)
    nest = ["store I F O in MainMemory", "store I F O in Buffer", "for p by 1", "for s by 1", "compute O on MAC"]
    assert cm.evaluate("two_level", direct, mapping={"nest": nest}).energy_pj == 1369
    rearranged = transform(direct, "toeplitz input").workload
    Path("fused.yaml").write_text(f"nest:{FUSED}")
    assert cm.evaluate("two_level", rearranged, mapping="fused.yaml").energy_pj == 1405
    assert cm.evaluate("two_level", rearranged, mapping=THROUGH_MEMORY).energy_pj == 3781
