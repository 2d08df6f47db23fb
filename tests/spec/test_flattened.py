"""Warnings about flattened ranks in which two coordinates share a word."""

import pytest
from click.testing import CliRunner

from costmodel.cli import app
from costmodel.spec.catalog import load_workload
from costmodel.spec.load import parse


def warnings(ranks: str, text: str) -> tuple[str, ...]:
    return load_workload(parse(f"name: w\nranks: {{{ranks}}}\neinsums: ['{text}']\n")).warnings


def test_a_coefficient_of_the_wrong_rank_is_warned_of_with_its_place():
    (warning,) = warnings("M: 3, CHW: 8, N: 2", "O[m, n] = F[M*m + chw] * I[chw, n]")
    assert warning.startswith("3:24: $.einsums[0]: M*m + chw of F has 14 words for 24 values of (m, chw)")
    assert "CHW*m + chw gives each its own" in warning


@pytest.mark.parametrize(
    ("ranks", "text"),
    [
        ("M: 3, C: 2, H: 2, W: 2, N: 2", "O[m, n] = F[3*m + chw] * I[chw, n]"),
        ("M: 3, C: 2, H: 2, W: 2, N: 2", "O[m, n] = F[m*3 + chw] * I[chw, n]"),
        ("M: 3, C: 2, H: 2, W: 2, N: 2", "O[m, n] = F[4*m + chw] * I[chw, n]"),
        ("M: 3, C: 2, H: 2, W: 2, N: 2", "O[m, n] = F[C*m + chw] * I[chw, n]"),
    ],
)
def test_a_coefficient_beside_joined_ranks_is_warned_of(ranks, text):
    (warning,) = warnings(ranks, text)
    assert "some coordinates share a word" in warning


@pytest.mark.parametrize(
    ("ranks", "text"),
    [
        ("M: 3, CHW: 8, N: 2", "O[m, n] = F[8*m + chw] * I[chw, n]"),
        ("M: 3, CHW: 8, N: 2", "O[m, n] = F[CHW*m + chw] * I[chw, n]"),
        ("H: 4, F: 8", "C[h*F + f] = AV[h, f]"),
        ("P: 6, R: 3", "O[p] = I[p + r] * F[r]"),
        ("P: 6, R: 3, U: 2", "O[p] = I[U*p + r] * F[r]"),
        ("P: 6, R: 3", "O[p] = I[R*p + r] * F[r]"),
        ("P: 6, R: 3", "O[p] = I[2*p + r] * F[r]"),
        ("H: 4, R: 4, U: 2", "Y[U*h + r] = I[h] * K[r]"),
        ("M: 8, C: 4", "O[m] = F[M*m + c] * I[c]"),
        ("M: 3, C: 2, H: 2, W: 2, N: 2", "O[m, n] = F[8*m + chw] * I[chw, n]"),
    ],
)
def test_windows_and_flattenings_that_fit_are_not(ranks, text):
    assert warnings(ranks, text) == ()


@pytest.mark.parametrize("offset", ["", " - 1", " + 2"])
@pytest.mark.parametrize(("outputs", "filters"), [(2, 3), (3, 2), (3, 3), (5, 3), (3, 8)])
def test_no_stride_or_dilation_makes_a_window_a_flattening(outputs, filters, offset):
    for stride in range(1, 5):
        for dilation in range(1, 5):
            for p, r in [("p", "r"), ("oy", "fy"), ("h", "kh")]:
                ranks = f"{p.upper()}: {outputs}, {r.upper()}: {filters}, X: 40"
                text = f"O[{p}] = I[X={stride}*{p} + {dilation}*{r}{offset}] * F[{r}]"
                padded = f"name: w\nranks: {{{ranks}}}\neinsums: [{{einsum: '{text}', pad: zero}}]\n"
                assert load_workload(parse(padded)).warnings == ()
                if offset != " - 1":
                    assert warnings(ranks, text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "O[p1, p0] = I[p1*P0 + p0 + r] * F[r]",
        "O[p1, p0] = I[U*P0*p1 + U*p0 + r - 1] * F[r]",
        "O[p1, p0] = I[p1*P0 + p0 + U*r] * F[r]",
    ],
)
def test_a_window_over_a_flattened_rank_is_not(text):
    ranks = "P1: 2, P0: 4, R: 3" + (", U: 2" if "U" in text else "")
    text = text.replace("I[", "I[X=")
    file = f"name: w\nranks: {{{ranks}, X: 30}}\neinsums: [{{einsum: '{text}', pad: zero}}]\n"
    assert load_workload(parse(file)).warnings == ()


@pytest.mark.parametrize(
    ("coefficients", "words", "variables"), [("p1*P1 + p0", 8, "p1, p0, r"), ("p1*P0 + 2*p0", 6, "p1, p0")]
)
def test_a_wrong_flattening_below_a_window_is_warned_of(coefficients, words, variables):
    (warning,) = warnings("P1: 2, P0: 4, R: 3", f"O[p1, p0] = I[{coefficients} + r] * F[r]")
    assert f"has {words} words for" in warning
    assert f"values of ({variables})" in warning


@pytest.fixture
def doubtful(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("name: f\nranks: {M: 3, CHW: 8, N: 2}\neinsums:\n- O[m, n] = F[M*m + chw] * I[chw, n]\n")
    return str(path)


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_warning_is_no_error(command, doubtful):
    done = CliRunner().invoke(app, [command, doubtful])
    assert done.exit_code == 0
    assert f"warning: {doubtful}:4:15: $.einsums[0]: M*m + chw of F" in done.stderr


def test_a_warning_stands_beside_the_result(doubtful):
    done = CliRunner().invoke(app, ["map", "two_level", doubtful, "--no-run", "--quiet"])
    assert done.exit_code == 0
    assert f"note: {doubtful}:4:15: $.einsums[0]: M*m + chw of F" in done.stdout
