"""`costmodel show` of workloads and statements."""

import json
import re

import pytest
from click.testing import CliRunner

from costmodel.cli import app
from costmodel.cli.show import command


def run(*arguments):
    result = CliRunner().invoke(command, arguments, standalone_mode=False, catch_exceptions=False)
    assert result.exception is None
    return result.stdout


def test_a_workload_says_what_it_asks_of_any_machine():
    text = run("bert_base_attention", "--set", "ranks.M=64")
    assert re.search(r"QK +3,145,728 +b=1 h=12 m=64 p=64 +e=64", text)
    assert "Q 64, K 64, QK 64" in text
    assert "in parallel: Q, K, V (stage 1)" in text
    assert "weight              3  1,769,472  1.69 MiB" in text


def test_growth_with_a_rank():
    lines = run("bert_base_attention", "--over", "M=128, 256").splitlines()
    assert lines[0].split() == ["M", "128", "M", "256", "when", "M", "doubles"]
    growing = {line.split()[1]: line.split()[-1] for line in lines if line.startswith("operations")}
    assert (growing["Q"], growing["QK"], growing["SN"]) == ("2", "4", "4")


def test_all_of_it_as_json(tmp_path):
    (tmp_path / "g.yaml").write_text(
        "name: g\nranks: {V: 3, S: V, D: V}\ncoordinates: {G: [[0, 1], [2, 0]]}\neinsums: ['Z[d] = G[s, d] * X[s]']\n"
    )
    path = str(tmp_path / "g.yaml")
    svg = tmp_path / "g.svg"
    asked = ("--latex", "--over", "V=3,6", "--fibertree", "G", "--svg", str(svg))
    shown = json.loads(run(path, *asked, "--json"))
    assert shown["description"]["einsums"][0]["effectual"] == {"operations": {"mac": 2}, "is_exact": True}
    assert shown["latex"] == [r"Z_d^{D=V} = G_{s,d}^{S=V,D} \times X_s"]
    assert shown["over"]["rows"][0]["amounts"] == [9, 36]
    assert shown["fibertrees"]["G"].startswith("G: 2 of 9 words")
    assert "<title>G: 2 of 9 words are not zero</title>" in svg.read_text(encoding="utf-8")
    run(path, "--svg", str(svg))
    assert "<title>g: who needs whom</title>" in svg.read_text(encoding="utf-8")


def test_a_rank_that_layers_have_for_themselves_is_said_to_change_nothing():
    done = CliRunner().invoke(app, ["show", "resnet18", "--over", "C=1,2"])
    assert done.exit_code == 0
    assert "nothing depends on the file's C" in done.stderr
    assert "nothing depends" not in CliRunner().invoke(app, ["show", "gemm", "--over", "M=1,2"]).stderr


def test_a_rank_that_a_formula_defines_may_be_given_instead(tmp_path):
    path = tmp_path / "o.yaml"
    path.write_text("name: o\nranks: {H: 8, R: 3, P: H - R + 1}\neinsums: ['O[p] = I[p + r] * F[r]']\n")
    for asked in (("--over", "P=6,12"), ("--over", "H=8,14"), ("--set", "ranks.R=2", "--over", "P=9,18")):
        shown = json.loads(run(str(path), *asked, "--json"))
        assert shown["over"]["rows"][0]["amounts"] == [18, 36]


def test_a_statement():
    text = run(r"O_{m,p} = \sum_{c,r} I_{c,Up+r} F_{m,c,r}")
    assert "O[m, p] = I[c, U*p + r] * F[m, c, r]" in text
    assert "contracted    c, r" in text
    assert run("Z[m] = A[k, m] * B[k]", "--latex") == "Z_m = A_{k,m} \\times B_k\n"
    shown = json.loads(run("G^{S=6, D=6}", "--json"))["statement"]
    assert shown == {"canonical": "G[S=6, D=6]", "latex": "G^{S=6,D=6}"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pe2d", "--latex"), "no workload"),
        (("Z[m] = A[m]", "--over", "M=1,2"), "go with a statement"),
        (("mm64", "--over", "M"), "RANK=N,N"),
        (("mm64", "--over", "M=1,0"), "RANK=N,N"),
        (("mm64", "--svg", "graph.png"), "not named *.svg"),
    ],
)
def test_what_cannot_be_asked(arguments, message):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_wrong_statement_has_its_place():
    result = CliRunner().invoke(app, ["show", "Z[m = A[m]"])
    assert result.exit_code == 1
    assert result.stderr.startswith("'Z[m = A[m]':5: expected ',' or ']' in the indices of Z")
    result = CliRunner().invoke(app, ["show", "Z[m] = A[m]", "--set", "ranks.M=3"])
    assert result.exit_code == 2
    assert "go with a statement" in result.stderr


def test_sources_tell_alike_kinds_of_operation_in_one_line():
    text = run("nvdla_large", "--sources")
    assert re.search(r"^SDP +compute div exp log .* pow +3.2 pJ +assumed +Horowitz", text, re.MULTILINE)
    assert re.search(r"^SDP +throughput add copy .* where +16 /cycle +assumed", text, re.MULTILINE)
    assert re.search(r"^accumulator +partial sum +32 b +stated", text, re.MULTILINE)
    told = json.loads(run("nvdla_large", "--sources", "--json"))["sources"]
    assert {"compute div", "compute exp"} <= {number["name"] for number in told}
