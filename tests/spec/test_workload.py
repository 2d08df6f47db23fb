import pytest
from pydantic import ValidationError
from timing import within

from costmodel.einsum.algebra import Access, Affine, Role
from costmodel.spec.problems import Marks, SpecError
from costmodel.spec.workload import resolve
from costmodel.spec.workload_spec import EinsumSpec, WorkloadSpec


def workload(*einsums, ranks=None, **keys):
    spec = WorkloadSpec.model_validate({"name": "w", "ranks": ranks or {}, "einsums": list(einsums), **keys})
    return resolve(spec)


def problems(*einsums, ranks=None, **keys):
    with pytest.raises(SpecError) as caught:
        workload(*einsums, ranks=ranks, **keys)
    return caught.value.problems


def only_problem(*einsums, ranks=None, **keys):
    (problem,) = problems(*einsums, ranks=ranks, **keys)
    return problem


def pointed_at(problem):
    """The text from the caret on."""
    shown, pointer = problem.excerpt.split("\n")
    return shown[pointer.index("^") :]


def roles(resolved):
    return {name: str(t.role) for einsum in resolved.einsums for name, t in einsum.tensors.items()}


def shapes(resolved):
    return {name: t.shape for einsum in resolved.einsums for name, t in einsum.tensors.items()}


GEMM = "Z[m, n] = A[m, k] * B[k, n]"
CONV = "O[n, m, p, q] = I[n, c, U*p + r, U*q + D*s] * F[m, c, r, s]"
CONV_RANKS = {"N": 1, "M": 4, "C": 3, "P": 7, "Q": 5, "R": 3, "S": 3, "U": 2, "D": 4}


# --- shapes


def test_gemm():
    resolved = workload(GEMM, ranks={"M": 4, "N": 5, "K": 6})
    (einsum,) = resolved.einsums
    assert einsum.name == "Z"
    assert einsum.text == GEMM
    assert list(einsum.shape.items()) == [("m", 4), ("n", 5), ("k", 6)]
    assert einsum.output == Access("Z", (Affine((("m", 1),)), Affine((("n", 1),))))
    assert [a.tensor for a in einsum.inputs] == ["A", "B"]
    assert list(einsum.tensors) == ["A", "B", "Z"]
    assert einsum.tensors["B"].ranks == ("K", "N")
    assert einsum.tensors["B"].shape == (6, 5)
    assert [(o.kind, o.per_point) for o in einsum.operations] == [("mac", 1)]
    assert einsum.count == 1
    assert einsum.points == 120


def test_window_has_room_for_its_largest_coordinate():
    (einsum,) = workload(CONV, ranks=CONV_RANKS).einsums
    assert einsum.tensors["I"].shape == (1, 3, 2 * 6 + 2 + 1, 2 * 4 + 4 * 2 + 1)
    assert einsum.tensors["I"].ranks == ("N", "C", "P+R", "Q+S")
    assert einsum.inputs[0].indices[3] == Affine((("q", 2), ("s", 4)))
    assert einsum.constants == {"U": 2, "D": 4}


def test_named_window_may_be_larger_and_what_is_touched_counts():
    text = "O[p] = I[H=U*p + r] * F[r]"
    (einsum,) = workload(text, ranks={"P": 3, "R": 2, "U": 4, "H": 12}).einsums
    assert einsum.tensors["I"].ranks == ("H",)
    assert einsum.tensors["I"].shape == (10,)


def test_named_window_that_is_too_small_is_refused():
    problem = only_problem("O[p] = I[H=U*p + r] * F[r]", ranks={"P": 3, "R": 2, "U": 4, "H": 9})
    assert problem.message == "index H=U*p + r of I goes up to 9: rank H must be 10"
    assert problem.hint == "ranks has H: 9"
    assert pointed_at(problem).startswith("H=U*p + r]")


def test_aliases_and_products():
    ranks = {"P": "M", "M": 512, "G": "H*F", "H": 12, "F": "2*E", "E": 32}
    (einsum,) = workload("Z[p, m, g] = A[p, m] * B[g, h, f, e]", ranks=ranks).einsums
    assert einsum.shape == {"p": 512, "m": 512, "g": 768, "h": 12, "f": 64, "e": 32}


def test_variable_that_only_renames_a_rank_runs_over_its_shape():
    (einsum,) = workload("Z[M=p] = A[M=p, k]", ranks={"M": 7, "K": 2}).einsums
    assert einsum.shape == {"p": 7, "k": 2}
    assert einsum.tensors["Z"].ranks == ("M",)


def test_flattened_output():
    resolved = workload(
        "C[p, h*F + f] = AV[h, p, f]", "Z[p, d] = C[p, g] * W[g, d]", ranks={"P": 3, "H": 2, "F": 5, "G": "H*F", "D": 4}
    )
    assert shapes(resolved)["C"] == (3, 10)
    assert resolved.einsums[0].tensors["C"].ranks == ("P", "G")


def test_iterative_rank_has_one_coordinate_more():
    resolved = workload("S[m+1] = S[m] + A[m]", ranks={"M": 5})
    (einsum,) = resolved.einsums
    assert einsum.tensors["S"].shape == (6,)
    assert einsum.tensors["S"].ranks == ("M",)
    assert list(einsum.tensors) == ["A", "S"]
    assert roles(resolved) == {"A": "input", "S": "output"}


def test_cascade_keeps_room_for_the_wider_use():
    resolved = workload(
        "X[c, p] = I[k, p] * W[c, k]",
        "O[m, q] = X[c, q + r] * F[m, c, r]",
        ranks={"C": 2, "P": 6, "K": 3, "M": 2, "Q": 6, "R": 3},
    )
    assert shapes(resolved)["X"] == (2, 8)
    assert resolved.einsums[0].tensors["X"] == resolved.einsums[1].tensors["X"]
    assert resolved.einsums[1].tensors["X"].ranks == ("C", "P")


def test_scalars_have_no_ranks():
    resolved = workload("S[] = A[k] * B[k]", "Z[k] = A[k] / S[]", ranks={"K": 4})
    assert shapes(resolved) == {"A": (4,), "B": (4,), "S": (), "Z": (4,)}
    assert resolved.einsums[0].tensors["S"].size_words == 1


def test_same_access_twice_counts_once():
    (einsum,) = workload("Z[m] = A[m, k] * A[m, k] * A[k, m]", ranks={"M": 3, "K": 3}).einsums
    assert len(einsum.inputs) == 2


def test_broadcast_and_initialisation():
    resolved = workload("Z[m, n] = A[m]", "Y[m] = 0", ranks={"M": 3, "N": 2})
    assert resolved.einsums[0].reduced == frozenset()
    assert resolved.einsums[1].inputs == ()


def test_own_ranks_win_over_the_files_also_behind_an_alias():
    entry = {"einsum": "Z[m, p] = A[m, p]", "ranks": {"M": 3}}
    (einsum,) = workload(entry, ranks={"M": 8, "P": "M"}).einsums
    assert einsum.shape == {"m": 3, "p": 3}


def test_alias_of_a_rank_that_only_layers_have():
    layers = [{"einsum": "Z[m, p] = A[m, p]", "name": f"L{m}", "ranks": {"M": m}} for m in (2, 3)]
    resolved = workload(*layers, ranks={"P": "M"})
    assert [e.shape["p"] for e in resolved.einsums] == [2, 3]


# --- cascades and networks

ATTENTION_RANKS = {"B": 1, "H": 12, "M": 512, "P": "M", "D": 768, "E": 64, "F": 64, "G": "H*F"}
ATTENTION = (
    "Q[b, h, p, e] = I[b, p, d] * WQ[d, h, e]",
    "K[b, h, m, e] = I[b, m, d] * WK[d, h, e]",
    "V[b, h, m, f] = I[b, m, d] * WV[d, h, f]",
    "QK[b, h, m, p] = Q[b, h, p, e] * K[b, h, m, e]",
    "GM[b, h, p] max= QK[b, h, m, p]",
    "SN[b, h, m, p] = exp(QK[b, h, m, p] - GM[b, h, p])",
    "SD[b, h, p] += SN[b, h, m, p]",
    "A[b, h, m, p] = SN[b, h, m, p] / SD[b, h, p]",
    "AV[b, h, p, f] = A[b, h, m, p] * V[b, h, m, f]",
    "C[b, p, h*F + f] = AV[b, h, p, f]",
    "Z[b, p, d] = C[b, p, g] * WZ[g, d]",
)


def test_bert_attention():
    resolved = workload(*ATTENTION, ranks=ATTENTION_RANKS, bits={"default": 8, "QK": 16})
    assert [e.name for e in resolved.einsums] == ["Q", "K", "V", "QK", "GM", "SN", "SD", "A", "AV", "C", "Z"]
    found = roles(resolved)
    assert {name for name, role in found.items() if role == "weight"} == {"WQ", "WK", "WV", "WZ"}
    assert {name for name, role in found.items() if role == "input"} == {"I"}
    assert {name for name, role in found.items() if role == "output"} == {"Z"}
    assert resolved.einsum("QK").points == 12 * 512 * 512 * 64
    assert resolved.einsum("SN").tensors["QK"].bits == 16
    assert resolved.einsum("SN").tensors["GM"].bits == 8
    assert [(o.kind, o.per_point) for o in resolved.einsum("SN").operations] == [("exp", 1), ("add", 1)]


FLASH_ATTENTION = (
    "BQK[m1, m0, p] = Q[e, p] * K[e, m1*M0 + m0]",
    "LM[m1, p] max= BQK[m1, m0, p]",
    "RM[m1+1, p] = max(RM[m1, p], LM[m1, p])",
    "SLN[m1, m0, p] = exp(BQK[m1, m0, p] - RM[m1+1, p])",
    "SLD[m1, p] += SLN[m1, m0, p]",
    "SLNV[f, m1, p] = SLN[m1, m0, p] * V[f, m1*M0 + m0]",
    "PRM[m1, p] = exp(RM[m1, p] - RM[m1+1, p])",
    "SPD[m1, p] = RD[m1, p] * PRM[m1, p]",
    "RD[m1+1, p] = SLD[m1, p] + SPD[m1, p]",
    "SPNV[f, m1, p] = RNV[f, m1, p] * PRM[m1, p]",
    "RNV[f, m1+1, p] = SLNV[f, m1, p] + SPNV[f, m1, p]",
    "AV[f, p] = RNV[f, M1, p] / RD[M1, p]",
)


def test_one_pass_attention():
    resolved = workload(*FLASH_ATTENTION, ranks={"M1": 4, "M0": 128, "P": 512, "E": 64, "F": 32}, weights=[])
    found = shapes(resolved)
    assert found["K"] == (64, 512)
    assert found["RM"] == (5, 512)
    assert found["RNV"] == (32, 5, 512)
    assert found["LM"] == (4, 512)
    names = {role: {n for n, r in roles(resolved).items() if r == role} for role in ("input", "output", "weight")}
    assert names == {"input": {"Q", "K", "V"}, "output": {"AV"}, "weight": set()}
    assert resolved.einsums[-1].constants == {"M1": 4}


def test_start_of_an_iterative_rank_is_a_second_producer_of_other_words():
    resolved = workload(
        {"einsum": "RM[0, p] = -inf", "name": "RM0"}, "RM[m+1, p] = max(RM[m, p], A[m, p])", ranks={"M": 3, "P": 2}
    )
    assert shapes(resolved)["RM"] == (4, 2)
    assert resolved.einsums[0].tensors["RM"] == resolved.einsums[1].tensors["RM"]


def layer(name, **ranks):
    return {"einsum": CONV, "name": name, "ranks": ranks}


def test_layers_of_a_network_have_tensors_of_their_own():
    resolved = workload(
        layer("conv1", M=4, C=3, P=7), layer("conv2", M=8, C=4, P=5), layer("conv3", M=8, C=4, P=5), ranks=CONV_RANKS
    )
    assert [e.tensors["O"].shape for e in resolved.einsums] == [(1, 4, 7, 5), (1, 8, 5, 5), (1, 8, 5, 5)]
    assert roles(resolved) == {"I": "input", "F": "weight", "O": "output"}


def test_layer_that_reads_what_another_wrote_shares_it_if_the_shape_is_the_same():
    resolved = workload(
        {"einsum": "X[n, k] = I[n, c] * W1[c, k]", "ranks": {"C": 3, "K": 4}},
        {"einsum": "Y[n, m] = X[n, k] * W2[k, m]", "ranks": {"K": 4, "M": 2}},
        {"einsum": "O[n, m] = Y[n, k] * W3[k, m]", "ranks": {"K": 5, "M": 2}},
        ranks={"N": 2},
    )
    assert resolved.einsums[0].tensors["X"].role is Role.INTERMEDIATE
    assert resolved.einsums[1].tensors["Y"].role is Role.OUTPUT
    assert resolved.einsums[2].tensors["Y"].role is Role.INPUT
    assert resolved.einsums[2].tensors["Y"].shape == (2, 5)


def test_count_and_name():
    (einsum,) = workload({"einsum": GEMM, "name": "fc", "count": 12}, ranks={"M": 1, "N": 2, "K": 3}).einsums
    assert (einsum.name, einsum.count) == ("fc", 12)


# --- roles and widths


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("Z[m, n] = A[m, k] * B[k, n]", {"B"}),  # N is no batch: it is not the first rank of the output
        ("Z[n, m] = A[m, k] * B[k, n]", {"A"}),
        ("Z[b, m, n] = A[b, m, k] * B[b, k, n]", set()),
        ("Z[b, m] = A[b, m] + C[m]", {"C"}),
        ("O[m, p] = I[c, p+r] * F[m, c, r]", {"F"}),
        ("O[m, p] = C[m] + I[c, p+r] * F[m, c, r]", {"C", "F"}),
        ("Z[m] = A[m] * B[m]", set()),
        ("Z[m] = A[m, k]", set()),
        ("Z[m] = A[m, k] * A[m, k]", set()),
        ("Z[m] = A[m, k] * B[k] + B[m]", {"A"}),
        ("Z[m] = A[m, k] * B[k] + B[k] * A[m, k]", {"A"}),
        ("O[m] = B[k, c] * A[k, c, m]", {"A"}),
        ("O[m, p, q] = E[c, p, q] * G[m, c]", {"G"}),
        ("Q[h, p, e] = I[p, d] * WQ[d, h, e]", {"WQ"}),
        ("Z[h, m, n] = Q[h, m, k] * K[h, k, n]", {"K"}),
        ("Z[m] = D[k] * E[k]", {"E"}),
        ("Z[m, p] = A[m, k] * B[k] * C[k, p]", {"B", "C"}),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_weights_are_inferred_whatever_the_order_of_operands(text, weights, swapped):
    if swapped:
        left, right = text.split(" = ")
        sums = [" * ".join(reversed(term.split(" * "))) for term in right.split(" + ")]
        text = f"{left} = {' + '.join(reversed(sums))}"
    used = {c.upper(): 3 for c in "mnkbcprqhed" if c in text.replace("max", "")}
    assert {n for n, r in roles(workload(text, ranks=used)).items() if r == "weight"} == weights


def test_what_multiplies_an_intermediate_is_a_weight():
    resolved = workload(
        "X[p, k] = I[p, c] * W1[c, k]", "Y[p, m] = W2[k, m] * X[p, k]", ranks={"P": 2, "K": 3, "C": 4, "M": 5}
    )
    assert roles(resolved) == {"I": "input", "W1": "weight", "X": "intermediate", "W2": "weight", "Y": "output"}


def test_neither_operand_that_einsums_produce_is_a_weight():
    resolved = workload(
        "Q[m, e] = I[m, d] * WQ[d, e]",
        "K[n, e] = I[n, d] * WK[d, e]",
        "S[m, n] = K[n, e] * Q[m, e]",
        ranks={"M": 2, "N": 2, "E": 3, "D": 4},
    )
    assert {n for n, r in roles(resolved).items() if r == "weight"} == {"WQ", "WK"}


def test_a_role_that_the_file_does_not_state_is_a_guess():
    def guessed(*einsums, **more):
        resolved = workload(*einsums, ranks={"M": 1, "N": 1, "K": 1}, **more)
        return {t.name for e in resolved.einsums for t in e.tensors.values() if t.guessed}

    assert guessed(GEMM) == {"A", "B"}
    assert guessed(GEMM, weights=["B"]) == set()
    assert guessed({"einsum": GEMM, "weights": []}) == set()
    assert guessed(GEMM, "Y[m, n] = exp(Z[m, n])") == {"A", "B"}
    assert guessed("Z[m, n, k] = exp(A[m, n, k])") == set()  # there is nothing to choose


def test_listed_weights_are_all_there_are():
    assert roles(workload(GEMM, ranks={"M": 1, "N": 1, "K": 1}, weights=["A"])) == {
        "A": "weight",
        "B": "input",
        "Z": "output",
    }
    assert roles(workload(GEMM, ranks={"M": 1, "N": 1, "K": 1}, weights=[]))["B"] == "input"
    own = {"einsum": GEMM, "weights": ["A", "B"]}
    assert roles(workload(own, ranks={"M": 1, "N": 1, "K": 1}, weights=[]))["A"] == "weight"


def test_batch_may_be_named():
    ranks = {"M": 2, "N": 3, "K": 4}
    assert roles(workload(GEMM, ranks=ranks, batch="N"))["A"] == "weight"
    assert roles(workload(GEMM, ranks=ranks, batch="N"))["B"] == "input"


def test_tensor_that_one_einsum_takes_as_an_input_is_an_input():
    resolved = workload("Z[m] = A[m, k] * B[k]", "Y[m] += A[m, k]", ranks={"M": 2, "K": 3})
    assert roles(resolved) == {"A": "input", "B": "input", "Z": "output", "Y": "output"}


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ({}, (8, 8, 8)),
        (16, (16, 16, 16)),
        ("4 b", (4, 4, 4)),
        ({"default": 16, "Z": 32}, (16, 16, 32)),
        ({"weight": 4, "output": 24}, (8, 4, 24)),
        ({"weight": 4, "B": 5}, (8, 5, 8)),
    ],
)
def test_widths(bits, expected):
    (einsum,) = workload(GEMM, ranks={"M": 1, "N": 1, "K": 1}, bits=bits).einsums
    assert tuple(t.bits for t in einsum.tensors.values()) == expected


def test_own_widths_win():
    entry = {"einsum": GEMM, "bits": {"A": 2}}
    (einsum,) = workload(entry, ranks={"M": 1, "N": 1, "K": 1}, bits={"default": 16, "A": 4}).einsums
    assert (einsum.tensors["A"].bits, einsum.tensors["B"].bits) == (2, 16)


# --- what is wrong


def test_every_problem_is_told_at_once():
    found = problems(
        "Z[m, n = A[m, k]",
        "Y[m] = A[m, k] * B[j]",
        {"einsum": "X[m] = ex(A[m, k])", "name": "Y"},
        ranks={"M": 4, "K": "L", "q": 3},
    )
    messages = [p.message for p in found]
    assert [p.path for p in found] == [
        "$.einsums[0].einsum",
        "$.einsums[2].einsum",
        "$.ranks.q",
        "$.ranks.K",
        "$.einsums[2].name",
        "$.einsums[1].einsum",
    ]
    assert "rank 'q' must be upper case" in messages[2]
    assert "no rank 'L'" in messages[3]


def test_rank_without_a_shape():
    problem = only_problem("Z[m] = A[m, kk]", ranks={"M": 4})
    assert problem.message == "rank KK of rank variable kk has no shape in ranks"
    assert problem.hint == "add KK to ranks"
    assert pointed_at(problem) == "kk]"


def test_misspelt_rank():
    found = problems("Z[m] = A[m, k_in]", ranks={"M": 4, "KIN": 3})
    assert found[0].message == "rank K_IN of rank variable k_in has no shape in ranks"
    assert found[0].hint == "did you mean 'KIN'?"
    assert found[1].message == "rank KIN appears in no Einsum"
    assert found[1].hint == "did you mean 'K_IN'?"


def test_constant_without_a_value():
    problem = only_problem("O[p] = I[U*p + r] * F[r]", ranks={"P": 3, "R": 2})
    assert problem.message == "constant U has no value in ranks"
    assert pointed_at(problem).startswith("U*p")


def test_rank_of_an_einsum_that_it_does_not_use():
    problem = only_problem({"einsum": "Z[m] = A[m]", "ranks": {"M": 3, "N": 4}})
    assert (problem.path, problem.message) == ("$.einsums[0].ranks.N", "rank N appears nowhere in this Einsum")


FROM_1 = "rank M must be from 1 to 1,000,000,000,000"


@pytest.mark.parametrize(
    ("ranks", "message"),
    [
        ({"M": "K", "K": "M"}, "rank K is defined by itself: K → M → K"),
        ({"M": "M"}, "rank M is defined by itself: M → M"),
        ({"M": "K", "K": "2+k"}, "rank K: '2+k' is no formula: 'k' is no rank or constant: those are upper case"),
        ({"M": "K", "K": "2+"}, "rank K: '2+' is no formula: expected a number, rank or constant, found the end"),
        ({"M": "K / 0"}, "rank M divides by 0: K / 0 = 2 / 0"),
        ({"M": "K*L", "K": 2}, "rank M is K*L, and there is no rank 'L'"),
        ({"M": "K*K", "K": 10**7}, f"{FROM_1} (a constant from 0), K*K = 10000000*10000000 is 100,000,000,000,000"),
        ({"M": "K - 3"}, f"{FROM_1} (a constant from 0), K - 3 = 2 - 3 is -1"),
        ({"M": 0}, f"{FROM_1}, got 0"),
        ({"M": "0*K", "K": 2}, f"{FROM_1}, 0*K is not"),
    ],
)
def test_definitions_that_have_no_value(ranks, message):
    assert only_problem("Z[m] = A[m, k]", ranks={**ranks, "K": ranks.get("K", 2)}).message == message


@pytest.mark.parametrize(
    ("sizes", "formula", "extent"),
    [
        ({"I": 4, "K": 2, "PAD": 0, "S": 1}, "(I - K + 2*PAD) / S + 1", 3),
        ({"I": 8, "K": 2, "PAD": 0, "S": 1}, "(I - K + 2*PAD) / S + 1", 7),
        ({"I": 224, "K": 7, "PAD": 3, "S": 2}, "floor((I - K + 2*PAD) / S) + 1", 112),
        ({"I": 224, "K": 7, "PAD": 3, "S": 2}, "ceil((I - K + 2*PAD) / S) + 1", 113),
        ({"C": 512, "H": 7, "W": "H"}, "C*H*W", 25088),
        ({"N": 12}, "max(N / 3, 2) * -(1 - N / 6)", 4),
    ],
)
def test_a_shape_is_a_formula_of_ranks_and_constants(sizes, formula, extent):
    (einsum,) = workload("Z[p] = A[p]", ranks={**sizes, "P": formula}).einsums
    assert einsum.shape == {"p": extent}


def test_a_formula_that_comes_to_no_whole_number_shows_the_arithmetic():
    sizes = {"I": 224, "K": 7, "PAD": 3, "S": 2}
    problem = only_problem("Z[p] = A[p]", ranks={**sizes, "P": "(I - K + 2*PAD) / S + 1"})
    assert problem.path == "$.ranks.P"
    assert problem.message == "rank P is no whole number: (I - K + 2*PAD) / S + 1 = (224 - 7 + 2*3) / 2 + 1 = 112.5"
    assert problem.hint == "rounded down: floor((I - K + 2*PAD) / S) + 1, which is 112; or ceil(…)"


def test_a_formula_is_computed_for_each_layer():
    ranks = {"P": "(H - R) / U + 1", "R": 3, "U": 1}
    layers = [{"einsum": "O[p] = I[U*p + r] * F[r]", "name": f"L{h}", "ranks": {"H": h}} for h in (8, 16)]
    layers.append({"einsum": "O[p] = I[U*p + r] * F[r]", "name": "strided", "ranks": {"H": 9, "U": 2}})
    assert [e.shape["p"] for e in workload(*layers, ranks=ranks).einsums] == [6, 14, 4]
    layers.append({"einsum": "O[p] = I[U*p + r] * F[r]", "name": "bad", "ranks": {"H": 10, "U": 2}})
    assert "(10 - 3) / 2 + 1 = 4.5" in only_problem(*layers, ranks=ranks).message


def test_long_chain_of_aliases_is_refused_rather_than_followed():
    ranks = {f"M{i}": f"M{i + 1}" for i in range(3000)} | {"M3000": 4}
    assert "aliases" in problems("Z[m0] = A[m0]", ranks=ranks)[0].message


def test_tensor_with_two_shapes():
    problem = only_problem("Z[m] = A[m, k]", "Y[k] = Z[k]", ranks={"M": 4, "K": 3})
    assert problem.message == "Z is used with two shapes: its rank 1 (k) is 3 here and 4 in Z[m]"
    assert pointed_at(problem) == "k]"


def test_flattened_rank_must_have_the_shape_of_its_consumer():
    problem = only_problem("C[p, h*F + f] = AV[h, p, f]", "Z[p] = C[p, g]", ranks={"P": 3, "H": 2, "F": 5, "G": 9})
    assert "its rank 2 (g) is 9 here and 10 in C[p, h*F + f]" in problem.message


def test_part_of_a_rank_is_read_by_naming_it():
    resolved = workload("Z[m] = A[m, k]", "Y[k] = Z[M=k]", ranks={"M": 4, "K": 3})
    assert shapes(resolved)["Z"] == (4,)


def test_tensor_with_two_numbers_of_ranks():
    problem = only_problem("Z[m] = A[m, k]", "Y[m] = Z[m, k]", ranks={"M": 4, "K": 3})
    assert problem.message == "Z has 2 ranks here and 1 in Z[m]"


def test_rank_with_two_names():
    problem = only_problem("Z[m] = A[X=m, k] * A[Y=m, k]", ranks={"M": 4, "K": 3})
    assert problem.message == "rank 1 of A is named Y here and X before"


def test_negative_coordinate():
    problem = only_problem("O[p] = I[p + r - 1] * F[r]", ranks={"P": 4, "R": 3})
    assert problem.message == "index p + r - 1 of I goes down to -1"
    assert "padding" in problem.hint


def test_index_that_goes_down_but_not_below_zero_is_fine():
    resolved = workload("Z[m] = A[M - 1 - m]", ranks={"M": 4})
    assert shapes(resolved)["A"] == (4,)
    assert resolved.einsums[0].tensors["A"].ranks == ("M",)


def test_variable_that_cancels():
    problem = only_problem("Z[m] = A[m, k - k]", ranks={"M": 4, "K": 3})
    assert problem.message == "rank variable k moves no index: its coefficients add up to 0"


def test_two_einsums_of_one_name():
    found = problems(GEMM, GEMM, ranks={"M": 4, "N": 3, "K": 2})
    assert found[0].message == "two Einsums are named Z: einsums[0] and this one"
    assert "count:" in found[0].hint


def test_two_producers():
    problem = only_problem(GEMM, {"einsum": GEMM, "name": "again"}, ranks={"M": 4, "N": 3, "K": 2})
    assert problem.message == "Z is written by einsums[0] already"


def test_two_producers_of_different_coordinates_are_a_concatenation():
    resolved = workload(
        {"einsum": "C[p] = A[p]", "name": "low"},
        {"einsum": "C[p + P] = B[p]", "name": "high"},
        "Z[q] = C[q]",
        ranks={"P": 3, "Q": 6},
    )
    assert shapes(resolved)["C"] == (6,)


@pytest.mark.parametrize("high", ["C[p + 2]", "C[2*p]", "C[2*p + 1]", "C[7 - p]"])
def test_a_second_producer_whose_range_overlaps_is_refused(high):
    """Interleaved words, too: what is compared is the range of coordinates."""
    low = {"einsum": "C[2*p] = A[p]" if "2*p" in high else "C[p] = A[p]", "name": "low"}
    problem = only_problem(low, {"einsum": f"{high} = B[p]", "name": "high"}, ranks={"P": 6})
    assert problem.message == "C is written by einsums[0] already"


def test_producers_that_are_apart_along_one_rank_may_overlap_along_another():
    low, high = ({"einsum": f"C[p{by}, m] = {of}[p, m]", "name": of} for by, of in (("", "A"), (" + P", "B")))
    assert shapes(workload(low, high, ranks={"P": 3, "M": 2}))["C"] == (6, 2)
    problem = only_problem(low, high, {"einsum": "C[p + 5, m] = D[p, m]", "name": "D"}, ranks={"P": 3, "M": 2})
    assert problem.message == "C is written by einsums[1] already"


@pytest.mark.parametrize(
    ("einsums", "where"),
    [(("Z[m] = Z[m] + A[m]",), "here"), (("Y[m] = Z[m]", "Z[m] = A[m]"), "by einsums[1]")],
)
def test_read_before_it_is_written(einsums, where):
    problem = only_problem(*einsums, ranks={"M": 4})
    assert problem.message == f"Z is read before it is written ({where})"
    assert "R[m+1]" in problem.hint


def test_upper_case_rank_variable_of_an_input():
    problem = only_problem("Z[m] = A[m, K]", ranks={"M": 4, "K": 2})
    assert problem.message == "'K' in the indices of A is a constant: rank variables are lower case"
    assert problem.hint == "did you mean k?"


def test_names_are_checked_although_shapes_are_wrong_too():
    found = problems(GEMM, ranks={"M": 1, "N": 1}, bits={"AA": 8}, weights=["C"], batch="X")
    assert [p.path for p in found] == ["$.einsums[0].einsum", "$.bits.AA", "$.weights[0]", "$.batch"]


@pytest.mark.parametrize(
    ("keys", "path", "message", "hint"),
    [
        ({"bits": {"AA": 8}}, "$.bits.AA", "no tensor 'AA'", "did you mean 'A'?"),
        ({"weights": ["BB"]}, "$.weights[0]", "no tensor 'BB'", "did you mean 'B'?"),
        ({"weights": ["Z"]}, "$.weights[0]", "Z is written by an Einsum: it is output, not weight", ""),
        ({"batch": "X"}, "$.batch", "no rank variable runs over rank 'X'", "known: K, M, N"),
    ],
)
def test_names_that_mean_nothing(keys, path, message, hint):
    problem = only_problem(GEMM, ranks={"M": 1, "N": 1, "K": 1}, **keys)
    assert (problem.path, problem.message, problem.hint) == (path, message, hint)


def test_tensor_with_two_widths():
    cascade = ("Z[m] = A[m, k]", {"einsum": "Y[m] = Z[m]", "bits": {"Z": 4}})
    problem = only_problem(*cascade, ranks={"M": 4, "K": 3})
    assert problem.message == "Z has 4 bits here and 8 in einsums[0]"


@pytest.mark.parametrize("value", [-3, 1.5, True, None, [4], 10**13])
def test_shapes_are_positive_integers(value):
    with pytest.raises(ValidationError) as caught:
        WorkloadSpec.model_validate({"name": "w", "ranks": {"M": value}, "einsums": ["Z[m] = A[m]"]})
    (error,) = caught.value.errors()
    assert error["loc"] == ("ranks", "M")
    assert "must be" in error["msg"]


def test_unknown_keys_and_empty_lists_are_refused():
    with pytest.raises(ValidationError):
        WorkloadSpec.model_validate({"name": "w", "einsums": []})
    with pytest.raises(ValidationError):
        WorkloadSpec.model_validate({"name": "w", "einsums": [{"einsum": GEMM, "rank": {}}]})


def test_problem_in_a_file_points_into_the_text():
    marks = Marks(file="w.yaml", values={("einsums",): (3, 1, 0), ("einsums", 0): (4, 3, 0)})
    spec = WorkloadSpec(name="w", ranks={"M": 1}, einsums=(EinsumSpec(einsum="Z[m] = A[m"),))
    with pytest.raises(SpecError) as caught:
        resolve(spec, marks)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == ("w.yaml", 4, 13)
    assert problem.path == "$.einsums[0]"


def test_schema_lets_an_einsum_be_text_or_a_map():
    schema = WorkloadSpec.model_json_schema()
    kinds = [option.get("type") for option in schema["$defs"]["EinsumSpec"]["anyOf"]]
    assert kinds == ["string", "object"]


@pytest.mark.parametrize("own", [False, True])
def test_thousands_of_einsums_resolve_quickly(own):
    ranks = {f"M{i}": i + 1 for i in range(2000)}
    extra = {"ranks": {"K": 3}} if own else {}
    einsums = [{"einsum": f"Z{i}[m{i}] = A[m{i}, k] * B[k]", "weights": ["B"], **extra} for i in range(2000)]
    if not own:
        einsums = [{**e, "einsum": e["einsum"].replace("A[", f"A{i}[")} for i, e in enumerate(einsums)]
    with within(5):
        workload(*einsums, ranks=ranks if own else {**ranks, "K": 3})


# --- padding


PADDED = "O[p] = I[H=2*p + r - PAD] * F[r]"


def test_an_index_may_leave_its_tensor_where_the_file_says_so():
    ranks = {"H": 8, "P": 4, "R": 3, "PAD": 1}
    (einsum,) = workload(PADDED, ranks=ranks, pad="zero").einsums
    assert einsum.tensors["I"].shape == (8,)
    assert (einsum.points, einsum.points_inside, dict(einsum.operation_counts)) == (12, 11, {"mac": 11})
    problem = only_problem(PADDED, ranks=ranks)
    assert "goes down to -1" in problem.message
    assert "`pad: zero`" in problem.hint


def test_an_einsum_may_be_padded_alone():
    entry = {"einsum": PADDED, "pad": "skip"}
    (padded, plain) = workload(entry, "Y[p] = O[p]", ranks={"H": 8, "P": 4, "R": 3, "PAD": 1}).einsums
    assert padded.limits
    assert not plain.limits


def test_no_more_of_a_padded_rank_counts_than_is_touched():
    (einsum,) = workload(PADDED, ranks={"H": 9, "P": 4, "R": 3, "PAD": 1}, pad="zero").einsums
    assert einsum.tensors["I"].shape == (8,)


def test_a_tensor_that_is_written_reaches_as_far_as_it_is_written():
    cascade = ("X[p] = A[p]", "Z[p] = X[p + r - PAD] * F[r]")
    (_, einsum) = workload(*cascade, ranks={"P": 5, "R": 3, "PAD": 1}, pad="zero").einsums
    assert einsum.tensors["X"].shape == (5,)
    assert einsum.points_inside == 13


def test_a_padded_tensor_has_to_reach_somewhere():
    problem = only_problem("O[p] = I[p + r - PAD] * F[r]", ranks={"P": 4, "R": 3, "PAD": 1}, pad="zero")
    assert "nothing says how far I reaches" in problem.message
    assert pointed_at(problem).startswith("p + r - PAD]")


@pytest.mark.parametrize(
    ("statement", "pad", "message"),
    [
        ("O[p] max= I[H=p + r - PAD]", "zero", "that 0 would do something here"),
        ("O[p] max= I[H=p + r - PAD]", "skip", None),
        ("O[p] = exp(I[H=p + r - PAD]) * F[r]", "zero", "that 0 would do something here"),
        ("O[p] = -I[H=p + r - PAD] * exp(F[r])", "zero", None),
        ("O[p] = I[H=p + r - PAD] / F[r]", "zero", None),
        ("O[p] = F[r] / I[H=p + r - PAD]", "zero", "that 0 would do something here"),
        ("O[H=p + r - PAD] = exp(I[p]) * F[r]", "zero", None),
        ("O[p] = B[p] + I[H=p + r - PAD] * F[r]", "zero", None),
        ("O[p] = exp(B[p]) + I[H=p + r - PAD] * F[r]", "zero", None),
        ("O[p] = 2 - exp(I[H=p + r - PAD]) * F[r]", "zero", "that 0 would do something here"),
        ("O[p] = B[H=p - PAD] + I[H=p + r - PAD] * F[r]", "skip", None),
        ("O[p] = I[H=p + r - PAD] * F[r] + G[p] * F[r]", "skip", "leave their tensors at different points"),
        ("O[p] = I[H=p + r - PAD] * F[r] - J[H=p + r - PAD] * F[r]", "zero", None),
        ("O[p] = B[p] + I[H=p + r - 6*PAD] * F[r]", "zero", "it is all outside"),
        ("O[p] = I[H=p + r - 6*PAD] * F[r]", "zero", "it is all outside"),
    ],
)
def test_what_pad_may_be_said_of(statement, pad, message):
    ranks = {"H": 4, "P": 4, "R": 3, "PAD": 1}
    if message is None:
        assert workload(statement, ranks=ranks, pad=pad).einsums[0].limits
    else:
        assert message in only_problem(statement, ranks=ranks, pad=pad).message


def test_an_einsum_with_all_points_outside_is_refused():
    statement = "O[p] = I[H=p + r - PAD] * J[K=p - r + 2*PAD]"
    ranks = {"H": 1, "K": 1, "P": 2, "R": 1, "PAD": 1}
    assert "no point is inside" in only_problem(statement, ranks=ranks, pad="zero").message


@pytest.mark.parametrize(
    ("formula", "message", "hint"),
    [
        ("H // 2", "'//' is no operator", "floor(a / b)"),
        ("H^2", "expected an operator or the end, found '^'", "H*H"),
        ("(H", "found the end", "not closed"),
    ],
)
def test_a_formula_that_cannot_be_read_is_the_only_thing_that_is_wrong(formula, message, hint):
    problem = only_problem("O[p] = I[p]", ranks={"P": formula, "H": 8})
    assert message in problem.message
    assert hint in problem.hint


def test_an_einsum_with_ranks_of_its_own_reads_a_part_where_it_names_the_rank():
    """What an Einsum writes stays one tensor: an index that names the rank may read less of it."""
    parts = {"einsum": "Y[p] = X[H=2*p]", "ranks": {"P": 3}}
    found = workload("X[h] = A[h]", parts, "Z[p] = B[p]", ranks={"H": 7, "P": 9})
    assert [e.tensors["X"].role for e in found.einsums[:2]] == [Role.INTERMEDIATE] * 2
    assert found.einsums[1].tensors["X"].shape == (7,)


def test_einsums_with_ranks_of_their_own_write_parts_of_one_tensor():
    first = {"einsum": "Y[H=p] = A[p]", "ranks": {"P": 2}}
    second = {"name": "behind", "einsum": "Y[H=p + 2] = B[p]", "ranks": {"P": 3}}
    found = workload(first, second, "Z[h] = Y[h]", "C[p] = D[p]", ranks={"H": 5, "P": 1})
    assert {e.tensors["Y"].shape for e in found.einsums[:3]} == {(5,)}
    assert found.einsums[2].tensors["Y"].role is Role.INTERMEDIATE
