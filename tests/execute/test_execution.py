import itertools
import math

import numpy as np
import pytest

from costmodel.einsum.algebra import Workload
from costmodel.execute import execution
from costmodel.execute.execution import differences
from costmodel.spec.problems import SpecError
from costmodel.spec.workload import resolve
from costmodel.spec.workload_spec import WorkloadSpec


def workload(*einsums, **ranks):
    return resolve(WorkloadSpec(name="w", ranks=ranks, einsums=einsums))


def execute_workload(given, arrays):
    """Run by both engines, which must agree."""
    found = execution.execute(given, arrays)
    plain = execution.execute(given, arrays, engine="plain")
    assert {n: a.dtype for n, a in found.tensors.items()} == {n: a.dtype for n, a in plain.tensors.items()}
    assert differences(found.tensors, plain.tensors, list(plain.tensors)) == []
    assert found.warnings == plain.warnings
    assert found.operations == plain.operations
    return found.tensors


def execute(einsum, arrays):
    return execute_workload(Workload("w", "", (einsum,)), arrays)[einsum.output.tensor]


def run(text, arrays, **ranks):
    return execute(workload(text, **ranks).einsums[0], arrays)


def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape)


def floats(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_matrix_product_is_numpys():
    a, b = integers(3, 4), integers(4, 5, seed=1)
    z = run("Z[m, n] = A[m, k] * B[k, n]", {"A": a, "B": b}, M=3, N=5, K=4)
    assert z.dtype == np.int64
    assert np.array_equal(z, a @ b)


@pytest.mark.parametrize(
    ("text", "subscripts"),
    [
        ("Z[b, m, n] = A[b, m, k] * B[b, k, n]", "bmk,bkn->bmn"),
        ("Z[m] = A[m, k, l] * B[k, l]", "mkl,kl->m"),
        ("Z[] = A[m, k] * B[m, k]", "mk,mk->"),
        ("Z[n, m] = A[m, k] * B[n]", "mk,n->nm"),
        ("Z[k] = A[k, k] * B[k]", "kk,k->k"),
    ],
)
def test_any_product_is_numpys_einsum(text, subscripts):
    sizes = dict(zip("bmnkl", (2, 3, 4, 5, 2), strict=True))
    first, second = subscripts.partition("->")[0].split(",")
    a, b = integers(*(sizes[v] for v in first)), integers(*(sizes[v] for v in second), seed=1)
    ranks = {v.upper(): sizes[v] for v in sizes if v in subscripts}
    assert np.array_equal(run(text, {"A": a, "B": b}, **ranks), np.einsum(subscripts, a, b))


def test_strided_dilated_convolution_with_a_bias_that_is_added_once():
    image, weights, bias = integers(2, 11), integers(3, 2, 3, seed=1), integers(3, seed=2)
    text = "O[m, p] = B[m] + I[c, U*p + D*r] * F[m, c, r]"
    found = run(text, {"I": image, "F": weights, "B": bias}, M=3, C=2, P=4, R=3, U=2, D=2)
    for m, p in itertools.product(range(3), range(4)):
        window = sum(image[c, 2 * p + 2 * r] * weights[m, c, r] for c in range(2) for r in range(3))
        assert found[m, p] == bias[m] + window


def test_each_term_of_a_sum_reduces_over_its_own_variables():
    a, b, c = integers(3, 4), integers(3, 5, seed=1), integers(3, seed=2)
    found = run("Z[m] = A[m, k] - (B[m, l] - C[m])", {"A": a, "B": b, "C": c}, M=3, K=4, L=5)
    assert np.array_equal(found, a.sum(1) - b.sum(1) + c)


@pytest.mark.parametrize(("operator", "reduce"), [("+=", np.sum), ("*=", np.prod), ("max=", np.max), ("min=", np.min)])
def test_reduction_operators(operator, reduce):
    a = integers(3, 4)
    assert np.array_equal(run(f"Z[m] {operator} A[m, k]", {"A": a}, M=3, K=4), reduce(a, axis=1))


def test_flattened_output_is_a_reshape():
    av = integers(2, 3, 4)
    assert np.array_equal(run("C[p, h*F + f] = AV[p, h, f]", {"AV": av}, P=2, H=3, F=4), av.reshape(2, 12))


def test_constants_and_scalars_are_values():
    a = floats(4)
    assert np.allclose(run("Z[m] = A[m] / sqrt(M) + 2 * S[]", {"A": a, "S": np.array(3.0)}, M=4), a / 2 + 6)


@pytest.mark.parametrize(
    ("function", "reference"),
    [
        ("exp", np.exp),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("relu", lambda x: np.maximum(x, 0)),
        ("tanh", np.tanh),
        ("abs", np.abs),
        ("square", np.square),
        ("silu", lambda x: x / (1 + np.exp(-x))),
        ("sin", np.sin),
        ("sign", np.sign),
        ("floor", np.floor),
        ("ceil", np.ceil),
        ("round", np.round),
        ("cos", np.cos),
        ("erf", np.vectorize(math.erf)),
        ("gelu", lambda x: x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2),
    ],
)
def test_functions(function, reference):
    a = floats(5)
    assert np.allclose(run(f"Z[m] = {function}(A[m])", {"A": a}, M=5), reference(a))


@pytest.mark.parametrize(
    ("function", "reference"), [("sqrt", np.sqrt), ("rsqrt", lambda x: 1 / np.sqrt(x)), ("log", np.log)]
)
def test_functions_of_positive_numbers(function, reference):
    a = np.abs(floats(5)) + 0.1
    assert np.allclose(run(f"Z[m] = {function}(A[m])", {"A": a}, M=5), reference(a))


def test_a_choice_by_comparisons():
    a, b = integers(9), integers(9)[::-1].copy()
    chosen = np.where((a < b) | (a == b), a, -np.inf)
    assert np.array_equal(
        run("Z[m] = where(less(A[m], B[m]) + equal(A[m], B[m]), A[m], -inf)", {"A": a, "B": b}, M=9), chosen
    )


def test_iterative_rank_runs_in_order():
    a = integers(5)
    assert np.array_equal(run("S[m+1] = S[m] + A[m]", {"A": a}, M=5), np.concatenate([[0], np.cumsum(a)]))


def test_iterative_rank_starts_from_what_is_given():
    a, start = integers(5), np.array([7, 0, 0, 0, 0, 0])
    found = run("S[m+1] = S[m] + A[m]", {"A": a, "S": start}, M=5)
    assert np.array_equal(found, 7 + np.concatenate([[0], np.cumsum(a)]))
    assert start[1] == 0


def test_what_grows_beyond_a_double_is_warned_of_beside_what_was_infinite_already():
    cascade = workload("B[m] = A[m] * 10", "C[m] = B[m] + 1", "E[m] = exp(B[m])", "L[m] = log(B[m] - B[m])", M=3)
    for engine in ("numpy", "plain"):
        found = execution.execute(cascade, {"A": [1.0e308, 800.0, -1.0]}, engine=engine)
        assert [text.partition(":")[0] for text in found.warnings] == ["B", "E", "L"]
        assert found.warnings[1].startswith("E: 2 of 3 words are inf")


def test_what_a_recurrence_starts_from_is_no_warning_of_its_own():
    start = WorkloadSpec.model_validate(
        {
            "name": "w",
            "ranks": {"M": 3},
            "einsums": [
                {"name": "first", "einsum": "R[0] = -inf"},
                {"name": "next", "einsum": "R[m+1] = max(R[m], A[m])"},
            ],
        }
    )
    found = execution.execute(resolve(start), {"A": np.array([1.0, 3.0, 2.0])})
    assert found.tensors["R"].tolist() == [-np.inf, 1, 3, 3]
    assert found.warnings == ()
    beyond = execution.execute(workload("S[m+1] = S[m] * A[m]", M=3), {"A": [2.0] * 3, "S": [1e308, 0.0, 0.0, 0.0]})
    assert beyond.warnings[0].startswith("S: 3 of 4 words are inf: S[m + 1] = S[m] * A[m]")


def test_einsums_that_need_each_other_iterate_together():
    both = workload("F[m] = S[m] * A[m]", "S[m+1] = F[m] + 1", "Z[] = S[M]", M=4)
    a = integers(4)
    found = execute_workload(both, {"A": a})
    value = 0
    for x in a:
        value = value * x + 1
    assert found["Z"] == value


ATTENTION = (
    "QK[m, p] = Q[e, p] * K[e, m]",
    "GM[p] max= QK[m, p]",
    "SN[m, p] = exp(QK[m, p] - GM[p])",
    "SD[p] += SN[m, p]",
    "A[m, p] = SN[m, p] / SD[p]",
    "AV[f, p] = A[m, p] * V[f, m]",
)
FLASH_ATTENTION = (
    {"einsum": "RM[0, p] = -inf", "name": "RM0"},
    "BQK[m1, m0, p] = Q[e, p] * BK[e, m1, m0]",
    "LM[m1, p] max= BQK[m1, m0, p]",
    "RM[m1+1, p] = max(RM[m1, p], LM[m1, p])",
    "SLN[m1, m0, p] = exp(BQK[m1, m0, p] - RM[m1+1, p])",
    "SLD[m1, p] += SLN[m1, m0, p]",
    "SLNV[f, m1, p] = SLN[m1, m0, p] * BV[f, m1, m0]",
    "PRM[m1, p] = exp(RM[m1, p] - RM[m1+1, p])",
    "SPD[m1, p] = RD[m1, p] * PRM[m1, p]",
    "RD[m1+1, p] = SLD[m1, p] + SPD[m1, p]",
    "SPNV[f, m1, p] = RNV[f, m1, p] * PRM[m1, p]",
    "RNV[f, m1+1, p] = SLNV[f, m1, p] + SPNV[f, m1, p]",
    "AV[f, p] = RNV[f, M1, p] / RD[M1, p]",
)


def test_one_pass_attention_gives_what_three_passes_give():
    q, k, v = floats(4, 3), floats(4, 6, seed=1), floats(5, 6, seed=2)
    three = execute_workload(workload(*ATTENTION, M=6, P=3, E=4, F=5), {"Q": q, "K": k, "V": v})["AV"]
    weights = np.exp(k.T @ q)
    assert np.allclose(three, v @ (weights / weights.sum(0)))
    blocks = {"Q": q, "BK": k.reshape(4, 3, 2), "BV": v.reshape(5, 3, 2)}
    one = execute_workload(workload(*FLASH_ATTENTION, M1=3, M0=2, P=3, E=4, F=5), blocks)["AV"]
    assert np.allclose(one, three)


def test_missing_or_small_array_is_named():
    einsum = workload("Z[m] = A[m, k] * B[k]", M=2, K=3).einsums[0]
    with pytest.raises(SpecError, match="no values for B, of shape 3"):
        execute(einsum, {"A": integers(2, 3)})
    with pytest.raises(SpecError, match=r"values of B have the shape 2, it needs 3 \(K\)"):
        execute(einsum, {"A": integers(2, 3), "B": integers(2)})


def test_space_that_is_too_large_is_refused():
    large = workload("Z[m] = A[k]", M=10_000, K=10_000)
    with pytest.raises(SpecError, match=r"w has 100,000,000 points; .* up to 10,000,000, .*--engine numpy"):
        execution.execute(large, {"A": np.zeros(10_000)}, engine="plain")
    assert execution.execute(large, {"A": np.ones(10_000)})["Z"].tolist() == [10_000] * 10_000


def test_layers_of_a_network_are_not_a_cascade():
    layers = [
        {"einsum": "O[m] = I[k] * F[m, k]", "name": name, "ranks": {"M": m, "K": 4}} for name, m in (("a", 2), ("b", 3))
    ]
    with pytest.raises(SpecError, match="one name for several tensors"):
        execute_workload(workload(*layers), {"I": integers(4), "F": integers(3, 4)})
