"""Tensors that a workload declares, shapes that statements give, and joined rank variables."""

import pytest

from costmodel.spec.catalog import load_workload
from costmodel.spec.problems import SpecError


def workload(*einsums, **keys):
    return load_workload({"name": "w", "einsums": list(einsums), **keys})


def problems(*einsums, **keys):
    with pytest.raises(SpecError) as caught:
        workload(*einsums, **keys)
    return caught.value.problems


def only_problem(*einsums, **keys):
    (problem,) = problems(*einsums, **keys)
    return problem


ATTENTION = {"B": 1, "H": 3, "M": 4, "P": "M", "D": 6, "F": 2, "G": "H*F"}
MERGE = "C[b, p, G=h*F + f] = AV[b, h, p, f]"


def test_declared_ranks_are_those_of_every_statement():
    (einsum,) = workload(
        "O[q] = I[q + s] * F[s]",
        ranks={"Q": 4, "S": 3},
        tensors={"I": ["W"], "F": ["S"]},
    ).einsums
    assert einsum.text == "O[q] = I[W=q + s] * F[s]"
    assert einsum.tensors["I"].ranks == ("W",)


def test_a_shape_in_a_declaration_counts_as_if_ranks_had_it():
    (einsum,) = workload("Z[d] = G[s, d]", ranks={"V": 6}, tensors={"G": ["S=V", "D = V"]}).einsums
    assert einsum.shape == {"d": 6, "s": 6}
    (einsum,) = workload("G^{S=6, D=6}", "Z[d] = G[s, d]").einsums
    assert einsum.shape == {"d": 6, "s": 6}


def test_all_of_a_declared_tensor_is_there_however_much_of_it_is_touched():
    ranks, parts = {"D": 7, "H": 3, "U": 2}, ("A[h] = X[D=h]", {"einsum": "B[h] = X[D=U*h]", "ranks": {"H": 2}})
    first, second = workload(*parts, ranks=ranks, tensors={"X": ["D"]}).einsums
    assert first.tensors["X"] == second.tensors["X"]
    assert first.tensors["X"].shape == (7,)
    first, second = workload(*parts, ranks={**ranks}).einsums
    assert [e.tensors["X"].shape for e in (first, second)] == [(3,), (3,)]


def test_a_declared_tensor_may_be_written_in_parts():
    second = {"name": "second", "einsum": "Z[D=g + H] = B[g]"}
    parts = "Z[D=h] = A[h]", second, {"einsum": "Y[k] = Z[D=k]", "ranks": {"K": 4}}
    einsums = workload(*parts, ranks={"D": 9, "H": 3, "G": 2}, tensors={"Z": ["D"]}).einsums
    assert {e.tensors["Z"] for e in einsums} == {einsums[0].tensors["Z"]}
    assert einsums[0].tensors["Z"].shape == (9,)


@pytest.mark.parametrize(
    ("declared", "ranks", "message"),
    [
        # G by its producer alone, or by a declaration; the last is refused although F and G are equal by chance
        (None, ATTENTION, "rank G of C is read by f, and F is 2 where G is 6"),
        ({"C": ["B", "P", "G"]}, ATTENTION, "rank G of C is read by f, and F is 2 where G is 6"),
        ({"C": ["B", "P", "G"]}, {**ATTENTION, "H": 1}, "rank G of C is read by f"),
    ],
)
def test_a_rank_that_is_read_by_another_variable_is_an_error_and_no_larger_iteration_space(declared, ranks, message):
    keys = {"ranks": ranks} | ({"tensors": declared} if declared else {})
    problem = only_problem(MERGE, "Z[b, p, d] = C[b, p, f] * WZ[g, d]", **keys)
    assert problem.message == message
    assert problem.path == "$.einsums[1].einsum"
    assert problem.hint.startswith(("read it by g", "index it by g"))
    resolved = workload(MERGE, "Z[b, p, d] = C[b, p, g] * WZ[g, d]", **keys)
    assert resolved.einsum("Z").points == 1 * 4 * 6 * ranks["H"] * 2


def test_a_declared_rank_is_read_by_a_variable_whose_rank_is_defined_to_be_it():
    resolved = workload(
        "QK[m, p] = Q[p, e] * K[m, e]",
        ranks={"M": 4, "P": "M", "E": 3},
        tensors={"Q": ["M", "E"], "K": ["M", "E"]},
    )
    assert resolved.einsums[0].text == "QK[m, p] = Q[M=p, e] * K[m, e]"
    resolved = workload("Z[f] = C[G=f]", ranks={"F": 2, "G": 6}, tensors={"C": ["G"]})
    assert resolved.einsums[0].shape == {"f": 2}


TEXT = "$.einsums[0].einsum"


@pytest.mark.parametrize(
    ("einsum", "tensors", "path", "message", "hint"),
    [
        ("Z[m] = A[m, k]", {"A": ["K", "M"]}, TEXT, "rank K of A is read by m, and M is 4 where K is 3", "by k"),
        ("Z[m] = A[m, k]", {"Z": ["K"]}, TEXT, "rank K of Z is written by m, and M is 4 where K is 3", "by k"),
        ("Z[m] = A[m, k]", {"A": ["M"]}, TEXT, "A is declared with 1 ranks (M) and has 2 indices here", ""),
        ("Z[m] = A[m, X=k]", {"A": ["M", "K"]}, TEXT, "rank K of A is named X here", "one name"),
        ("Z[m] = A[m, k]", {"AA": ["M"]}, "$.tensors.AA", "no tensor 'AA'", "did you mean 'A'?"),
        ("Z[m] = A[m, k]", {"A": ["m", "K"]}, "$.tensors.A[0]", "'m' is no rank", "did you mean M?"),
        ("Z[m] = A[m, k]", {"A": ["M", "K=4"]}, "$.tensors.A[1]", "rank K has the shape 4 here and 3 in `ranks:`", ""),
        ("Z[m] = A[m, k]", {"A": ["M", "K=M*"]}, "$.tensors.A[1]", "shape of rank K: expected a number, rank or", ""),
        ("Z[m] = A[m, k]", {"A": ["M", "K=L"]}, "$.tensors.A[1]", "rank K is L, and there is no rank 'L'", ""),
    ],
)
def test_what_does_not_fit_its_declaration(einsum, tensors, path, message, hint):
    found = problems(einsum, ranks={"M": 4, "K": 3}, tensors=tensors)
    problem = next(p for p in found if p.path == path)
    assert message in problem.message
    assert hint in problem.hint


def test_shapes_above_a_tensor_count_for_the_whole_cascade():
    resolved = workload(
        r"QK_{m,p}^{M,P=M} = Q_{p,e}^{M,E} \times K_{m,e}",
        r"SN_{m,p} = \exp(QK_{m,p})",
        r"SD_p = \sum SN_{m,p}",
        r"A_{m,p} = SN_{m,p} / SD_p",
        r"AV_{p,f} = A_{m,p} \times V_{m,f}",
        r"C_{p,h \times F+f}^{P,G=H \times F} = AV_{p,f} \times S_h",
        ranks={"M": 4, "E": 3, "F": 2, "H": 5},
    )
    assert [e.shape.get("p") for e in resolved.einsums] == [4] * 6
    assert resolved.einsum("QK").tensors["Q"].ranks == ("M", "E")
    assert resolved.einsum("C").tensors["C"].shape == (4, 10)
    assert resolved.einsum("C").text == "C[p, G=h*F + f] = AV[p, f] * S[h]"


def test_shapes_that_contradict_each_other():
    problem = only_problem("Z_m^{M=4} = A_m", "Y_m^{M=5} = Z_m")
    assert problem.message == "rank M has the shape 5 here and 4 elsewhere"
    assert problem.path == "$.einsums[1].einsum"
    problem = only_problem("Z_m^{M=4} = A_m", ranks={"M": "N", "N": 3})
    assert problem.message == "rank M has the shape 4 here and N = 3 in `ranks:`"


# --- joined variables


def test_a_joined_variable_has_the_product_of_the_shapes_that_it_joins():
    (einsum,) = workload("Z_{ij} = A_{ij} × B_{ij}", ranks={"I": 3, "J": 4}).einsums
    assert einsum.shape == {"ij": 12}
    assert einsum.text == "Z[ij] = A[ij] * B[ij]"
    (einsum,) = workload("O_{m,pq} = T_{pq,crs} × F_{m,crs}", ranks=dict.fromkeys("MPQCRS", 2)).einsums
    assert einsum.shape == {"m": 2, "pq": 4, "crs": 8}


def test_a_tuple_is_two_ranks_and_stays_a_tuple_in_print():
    (einsum,) = workload("Z_{(i,j)} = A_{(i,j)} × B_{(i,j)}", ranks={"I": 3, "J": 4}).einsums
    assert einsum.shape == {"i": 3, "j": 4}
    assert einsum.text == "Z[(i, j)] = A[(i, j)] * B[(i, j)]"


@pytest.mark.parametrize("own", [{}, {"PQ": "P*Q", "CRS": "C*R*S"}])
def test_a_joined_variable_is_written_out_beside_what_it_joins(own):
    ranks = {"P": 2, "Q": 3, "C": 2, "R": 2, "S": 2, "M": 2, **own}
    resolved = workload("T[pq, crs] = I[c, p + r, q + s]", "O[m, pq] = T[pq, crs] * F[m, crs]", ranks=ranks)
    assert resolved.einsums[0].text == "T[PQ=p*Q + q, CRS=c*R*S + r*S + s] = I[c, p + r, q + s]"
    assert resolved.einsums[0].points == 2 * 3 * 2 * 2 * 2
    assert resolved.einsums[0].tensors["T"].shape == (6, 8)
    assert resolved.einsums[1].shape == {"m": 2, "pq": 6, "crs": 8}


def test_joined_variables_that_share_one_are_written_out():
    (einsum,) = workload("Z_{mn} = A_{mk} × B_{kn}", ranks={"M": 2, "N": 3, "K": 4}).einsums
    assert einsum.text == "Z[MN=m*N + n] = A[MK=m*K + k] * B[KN=k*N + n]"
    assert einsum.shape == {"m": 2, "n": 3, "k": 4}


def test_a_joined_variable_with_a_rank_of_its_own_is_a_variable():
    (einsum,) = workload("Z[mn, n] = A[mn, m]", ranks={"M": 2, "N": 3, "MN": 7}).einsums
    assert einsum.shape == {"mn": 7, "n": 3, "m": 2}


def test_a_joined_variable_that_joins_what_is_not_there():
    problem = only_problem("Z[m, c, h] = A[m, chw]", ranks={"M": 2, "C": 3, "H": 4})
    assert problem.message == "rank CHW of rank variable chw has no shape in ranks"
    assert problem.hint == "add CHW to ranks, or W of C, H, W, which it may join"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (r"Z_m = A_m \times B_m", r"\times is a sign and 'imes' here (in double quotes"),
        (r"Z_m = \frac{A_m}{B_m}", r"\frac is a sign and 'rac' here (in double quotes"),
        (r"Z_m = \exp(A_m)", r"\exp is a sign and 'xp' here (in double quotes"),
        (r"Z_m = \sum A_{m,k}", "found unknown escape character (in double quotes"),
    ],
)
def test_commands_in_double_quotes(text, message, tmp_path):
    (tmp_path / "w.yaml").write_text(f'name: w\nranks: {{M: 2, K: 3}}\neinsums:\n- "{text}"\n')
    with pytest.raises(SpecError) as caught:
        load_workload(tmp_path / "w.yaml")
    assert message in str(caught.value)


def test_a_workload_that_computes_nothing():
    problem = only_problem("G^{S=6,D=6}")
    assert problem.message == "no entry computes anything: all declare tensors"
