"""`costmodel run`: the values of the lectures, on the terminal, as JSON and as files."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import costmodel as cm
from costmodel.cli import app

CONV1D = {"name": "conv", "ranks": {"Q": 4, "S": 3}, "values": {"F": [1, 2, 3], "I": [1, 2, 3, 4, 5, 6]}}
SLIDES = {
    "name": "slides",
    "ranks": {"P": 2, "Q": 2, "R": 2, "S": 2},
    "values": {"F": [[1, 2], [3, 4]], "I": [[1, 2, 3], [4, 5, 6], [7, 8, 9]]},
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(content, *einsums):
    Path("w.yaml").write_text(json.dumps(content | {"einsums": list(einsums)}), encoding="utf-8")
    return "w.yaml"


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["run", *map(str, arguments)])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def values(*arguments):
    """Tensor → values, by both engines."""
    plain, fast = (
        json.loads(run(*arguments, "--engine", engine, "--json").stdout)["tensors"] for engine in ("plain", "numpy")
    )
    assert plain == fast
    return {name: tensor["values"] for name, tensor in plain.items()}


# The lectures


def test_one_dimensional_convolution():
    assert values(written(CONV1D, "O[q] = I[q + s] * F[s]"))["O"] == [14, 20, 26, 32]


def test_toeplitz_matrix_and_the_order_of_its_points():
    found = run(written(CONV1D, "T[q, s] = I[q + s]", "O[q] = T[q, s] * F[s]"), "--trace", "--json")
    answer = json.loads(found.stdout)
    assert answer["tensors"]["T"]["values"] == [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]]
    assert answer["tensors"]["O"]["values"] == [14, 20, 26, 32]
    points = [[*s["point"].values(), s["reads"][0]["word"][0]] for s in answer["steps"] if s["einsum"] == "T"]
    assert points == [
        *([0, 0, 0], [0, 1, 1], [0, 2, 2], [1, 0, 1], [1, 1, 2], [1, 2, 3]),
        *([2, 0, 2], [2, 1, 3], [2, 2, 4], [3, 0, 3], [3, 1, 4], [3, 2, 5]),
    ]


def test_two_dimensional_convolution():
    toeplitz = "T[p, q, r, s] = I[p + r, q + s]"
    found = values(written(SLIDES, "O[p, q] = I[p + r, q + s] * F[r, s]", toeplitz))
    assert found["O"] == [[37, 47], [67, 77]]
    rows = np.reshape(found["T"], (4, 4)).tolist()
    assert rows == [[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]


def test_zero_padding_is_neither_multiplied_nor_stored():
    ranks = {"H": 3, "W": 3, "P": "H", "Q": "W", "R": 3, "S": 3, "PAD": 1}
    given = {"I": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "F": [[1] * 3] * 3}
    content = {"name": "padded", "ranks": ranks, "pad": "zero", "values": given}
    einsum = "O[p, q] = I[H=p + r - PAD, W=q + s - PAD] * F[r, s]"
    assert values(written(content, einsum))["O"] == [[12, 21, 16], [27, 45, 33], [24, 39, 28]]
    answer = json.loads(run("w.yaml", "--json").stdout)
    assert answer["operations"] == [{"einsum": "O", "kind": "mac", "count": 49, "effectual": 49}]
    assert answer["tensors"]["I"]["shape"] == [3, 3]


def test_the_exponential_of_a_large_number_is_infinite_and_a_warning_names_the_einsum():
    result = run(written({"name": "w", "ranks": {"M": 2}, "values": {"A": [0, 1000]}}, "SN[m] = exp(A[m])"))
    assert re.search(r"^M   0  1\nSN  1  inf$", result.stdout, re.MULTILINE)
    assert "warning: SN: 1 of 2 words are inf: SN[m] = exp(A[m]) is beyond the range of a double" in result.stderr


# The command


def test_a_trace_is_a_table_of_what_is_read_assigned_and_reduced():
    found = run(written(CONV1D, "O[q] = I[q + s] * F[s]"), "--trace").stdout
    assert found.startswith(
        "O[q] = I[q + s] * F[s]\n"
        "step  q  s  q + s  I[q + s]  F[s]  value          O[q]\n"
        "   1  0  0      0         1     1      1  assign     1\n"
        "   2  0  1      1         2     2      4  reduce     5\n"
        "   3  0  2      2         3     3      9  reduce    14\n"
    )


def test_a_trace_says_how_many_steps_it_leaves_out():
    assert "\n… 3,096 more steps\n" in run("mm64", "--set", "ranks.M=1", "--trace").stdout


def test_terms_of_a_sum_are_traced_on_their_own_and_zeros_are_skipped():
    content = {"name": "w", "ranks": {"M": 1, "K": 2}, "values": {"A": [[0, 3]], "B": [5]}}
    found = run(written(content, "Z[m] = B[m] - A[m, k]"), "--trace", "--skip-zeros").stdout
    first, second = found.split("\n\n")[:2]
    assert first.splitlines()[0] == "Z[m] = B[m] - A[m, k]   (term B[m])"
    assert [line.split()[-2:] for line in first.splitlines()[2:]] == [["assign", "5"]]
    assert [line.split()[-2:] for line in second.splitlines()[2:]] == [["skip", "5"], ["reduce", "2"]]


def test_values_are_saved_and_given():
    run("mm64", "--seed", 3, "--out", "all.npz", "-q")
    with np.load("all.npz", allow_pickle=False) as saved:
        assert np.array_equal(saved["Z"], saved["A"] @ saved["B"])
        np.save("a.npy", 2 * saved["A"])
        run("mm64", "--values", "all.npz", "--values", "A=a.npy", "--out", "twice.npz")
        with np.load("twice.npz", allow_pickle=False) as twice:
            assert np.array_equal(twice["Z"], 2 * saved["Z"])


def test_an_order_gives_the_same_output():
    nest = "two_level_output_stationary"
    assert "the order of the nest gives the same values: Z" in run("mm64", "--mapping", nest).stdout
    assert (
        "the order of the nest gives the same values: Z"
        in run("mm64", "--mapping", nest, "--set", "ranks.M=48", "--set", "ranks.K=3", "--engine", "plain").stdout
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet18"], "one name for several tensors, as in the layers of a network (run its Einsums one by one"),
        (["bert_base_layer", "--engine", "plain"], "4,048,551,936 points; the plain traversal walks up to 10,000,000"),
        (["mm64", "--einsum", "Y"], "no Einsum 'Y'"),
        (["mm64", "--mapping", "eyeriss_row_stationary"], "the mapping computes CONV3, and no Einsum of mm64"),
        (["mm64", "--values", "no.npz"], "no.npz: No such file"),
        (["mm64", "--out", "a.yaml/x.npz"], "a.yaml: is not a folder"),
    ],
)
def test_what_is_wrong_is_told(arguments, message):
    Path("a.yaml").touch()
    assert message in run(*arguments, code=1).stderr


def test_a_warning_about_the_workload_is_a_warning_about_its_values():
    wrong = {"name": "w", "ranks": {"M": 3, "CHW": 8}}
    assert "some coordinates share a word" in run(written(wrong, "O[m] = I[chw] * F[M*m + chw]")).stderr


def test_values_of_a_workload_are_checked_with_it():
    Path("w.yaml").write_text(
        "name: w\nranks: {M: 2}\nvalues:\n  A: [1, 2, 3]\n  B: [[1], [2, 3]]\n  C: [yes]\n  D: 4\n"
        "einsums: ['Z[m] = A[m]']\n"
    )
    result = CliRunner().invoke(app, ["check", "w.yaml"])
    assert result.exit_code == 1
    assert "w.yaml:5:6: $.values.B: lists must be equally long: entry 1 has the shape (2,)" in result.stderr
    assert "w.yaml:6:6: $.values.C: must be a number or a list of numbers, got 'yes'" in result.stderr
    Path("w.yaml").write_text("name: w\nranks: {M: 2}\nvalues: {A: [1, 2, 3], D: 4}\neinsums: ['Z[m] = A[m]']\n")
    result = CliRunner().invoke(app, ["check", "w.yaml"])
    assert "w.yaml:3:10: $.values.A: values of A have the shape 3, it needs 2 (M)" in result.stderr
    assert "w.yaml:3:24: $.values.D: no tensor 'D'" in result.stderr


def test_one_layer_of_an_encoder_at_its_real_shape_takes_seconds_and_little_memory():
    code = (
        "import json, resource, costmodel as cm; found = cm.run('bert_base_layer', random='floats');"
        "used = resource.getrusage(resource.RUSAGE_SELF);"
        "print(json.dumps([found['LN2'].shape, found.answer.execution.points, used.ru_utime, used.ru_maxrss]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shape, points, cpu_s, kib = json.loads(done.stdout)
    assert shape == [1, 512, 768]
    assert points == 4_048_551_936
    assert cpu_s < 20  # two cores for ten seconds; it takes four
    assert kib < 2 * 2**20


# From Python


def test_the_same_from_python():
    problem = CONV1D | {"einsums": ["O[q] = I[q + s] * F[s]"]}
    found = cm.run(problem, values={"F": [1, 0, 0]}, trace=True)
    assert found["O"].tolist() == [1, 2, 3, 4]
    assert list(found) == ["I", "F", "O"]
    assert found.operations.to_dict("records") == [{"einsum": "O", "kind": "mac", "count": 12, "effectual": 4}]
    assert len(found.trace.splitlines()) == 2 + 12
    assert found.save("v.npz") == Path("v.npz")
    assert cm.run(cm.load_workload(problem), files=["v.npz"])["O"].tolist() == [1, 2, 3, 4]
    assert cm.run(cm.load_workload("mm64").value, mapping="two_level_output_stationary").answer.same_output == ("Z",)
    with pytest.raises(ValueError, match="go point by point"):
        cm.run(problem, trace=True, engine="numpy")


def test_python_warns_where_values_leave_the_numbers():
    with pytest.warns(UserWarning, match="Z: 1 of 2 words are inf"):
        cm.run({"name": "w", "ranks": {"M": 2}, "einsums": ["Z[m] = exp(A[m])"]}, values={"A": [1000, 0]})
