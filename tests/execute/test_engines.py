"""The two engines give the same values: on random Einsums, in random orders, and where numbers end."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import padded_case, random_case, statement_text

from costmodel.execute import vectorised
from costmodel.execute.ask import RunQuestion, run
from costmodel.execute.execution import execute
from costmodel.execute.given import given_values
from costmodel.execute.nest_order import schedules_of
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import NestMarks, parse_nest
from costmodel.spec.problems import SpecError
from costmodel.spec.workload import resolve
from costmodel.spec.workload_spec import WorkloadSpec


def workload(*einsums, **ranks):
    return resolve(WorkloadSpec(name="w", ranks=ranks, einsums=einsums))


def equal(first, second):
    assert list(first.tensors) == list(second.tensors)
    for name, array in first.tensors.items():
        assert array.dtype == second[name].dtype == np.int64
        assert np.array_equal(array, second[name]), name


def values_of(problem, seed=0):
    """Random integers, a third of them zeros."""
    found = given_values(problem, {}, {}, seed=seed).arrays
    return {name: array * (array % 3 != 0) for name, array in found.items()}


@settings(max_examples=80)
@given(st.integers(0, 10**6), st.sampled_from([random_case, padded_case]))
def test_many_orders_give_the_same_output(seed, make):
    """Both engines, in the order of the text and in that of a random nest, with zeros skipped and without."""
    case = make(seed)
    if make is padded_case:  # it changes accesses, and leaves the text
        assume(not any(e.output.tensor in {a.tensor for a in e.inputs} for e in case.workload.einsums))
        einsums = tuple(
            replace(
                e,
                text=statement_text(e.output, e.inputs),  # one product: no term has points of its own
                inputs=tuple(replace(a, at_zero=frozenset()) for a in e.inputs),
            )
            for e in case.workload.einsums
        )
        case = replace(case, workload=replace(case.workload, einsums=einsums))
    values = values_of(case.workload, seed)
    expected = execute(case.workload, values)
    schedules = schedules_of(((case.mapping, NestMarks()),), case.workload)
    plain = execute(case.workload, values, engine="plain")
    equal(plain, expected)
    assert plain.operations == expected.operations
    for engine in ("plain", "numpy"):
        equal(execute(case.workload, values, engine=engine, schedules=schedules), expected)
    equal(execute(case.workload, values, engine="plain", skip_zeros=True), expected)


def test_blocks_change_nothing(monkeypatch):
    """Arrays of no more than eight words on the way: every box is halved many times."""
    problem = workload(
        "O[m, p, q] = B[m] + I[c, 2*p + r, q + s] * F[m, c, r, s] * S[c]",
        "L[p] max= O[m, p, q] - A[m]",
        "D[p] = square(O[m, p, q]) * L[p]",
        M=3,
        C=4,
        P=3,
        Q=5,
        R=3,
        S=2,
    )
    values = values_of(problem)
    whole = execute(problem, values)
    monkeypatch.setattr(vectorised, "BLOCK_WORDS", 8)
    equal(execute(problem, values), whole)
    equal(execute(problem, values, engine="plain"), whole)


def test_integers_beyond_doubles_are_exact_and_those_beyond_words_are_refused():
    problem = workload("Z[] = A[k] * B[k]", K=3)
    values = {"A": [2**30 - 1, 5, -7], "B": [2**30 - 3, 3, 2]}
    exact = (2**30 - 1) * (2**30 - 3) + 15 - 14
    assert exact > 2**53
    for engine in ("numpy", "plain"):
        assert execute(problem, values, engine=engine)["Z"] == exact
        with pytest.raises(SpecError, match="Z: values may be beyond 64-bit integers"):
            execute(problem, {"A": [2**32] * 3, "B": [2**32] * 3}, engine=engine)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_doubles_are_equal_up_to_the_rounding_of_their_sums(seed):
    """The error of a sum of n products is at most n units in the last place of the sum of their magnitudes."""
    problem = workload("Z[m, n] = A[m, k] * B[k, n] * C[m, k]", M=3, N=4, K=50)
    values = given_values(problem, {}, {}, random="floats", seed=seed).arrays
    found, plain = (execute(problem, values, engine=engine)["Z"] for engine in ("numpy", "plain"))
    magnitudes = np.abs(values["A"] * values["C"]) @ np.abs(values["B"])
    assert (np.abs(found - plain) <= 2 * 52 * np.finfo(float).eps * magnitudes).all()


@pytest.mark.parametrize("engine", ["numpy", "plain"])
@pytest.mark.parametrize(
    ("text", "values", "expected", "warning"),
    [
        ("Z[m] = exp(A[m])", [1000, 0, -1000], [np.inf, 1, 0], "Z: 1 of 3 words are inf: Z[m] = exp(A[m]) is beyond"),
        ("Z[m] = log(A[m])", [0, -1, 1], [-np.inf, np.nan, 0], "Z: 1 of 3 words are inf and 1 of 3 words are nan: "),
        ("Z[m] = A[m] / A[m]", [0, 2, -2], [np.nan, 1, 1], "Z: 1 of 3 words are nan: "),
        ("Z[m] = rsqrt(A[m])", [0, 4, 1], [np.inf, 0.5, 1], "Z: 1 of 3 words are inf: "),
        ("Z[m] = sigmoid(A[m])", [1000, 0, -1000], [1, 0.5, 0], ""),
        ("Z[m] = gelu(A[m])", [1000, 0, -1000], [1000, 0, 0], ""),
        ("Z[m] = -inf * A[m]", [1, 2, -2], [-np.inf, -np.inf, np.inf], ""),
        ("Z[m] max= A[m] - inf * A[m]", [1, 2, 0], [-np.inf, -np.inf, np.nan], "Z: 1 of 3 words are nan: "),
    ],
)
def test_numbers_end_as_in_ieee_754_and_a_warning_names_the_einsum(engine, text, values, expected, warning):
    found = execute(workload(text, M=3), {"A": values}, engine=engine)
    assert np.array_equal(found["Z"], np.array(expected, float), equal_nan=True)
    assert [w.startswith(warning) for w in found.warnings] == [True] * bool(warning)


def test_what_is_not_finite_is_told_where_it_begins():
    chain = workload("S[m] = exp(A[m])", "T[m] = S[m] + 1", "U[m] = T[m] - T[m]", M=2)
    found = execute(chain, {"A": [1000.0, 0.0]})
    assert [text.partition(":")[0] for text in found.warnings] == ["S", "U"]


def test_effectual_operations_of_the_adjacency_matrix_of_the_slides():
    edges = [[0, 1], [0, 3], [1, 2], [1, 4], [2, 3], [3, 4], [4, 5], [5, 0]]
    adjacent = np.zeros((6, 6), int)
    adjacent[tuple(np.transpose(edges))] = 1
    for engine in ("numpy", "plain"):
        found = execute(workload("D[v] = A[v, w] * X[w]", V=6, W=6), {"A": adjacent, "X": np.ones(6)}, engine=engine)
        assert found["D"].tolist() == [2, 2, 1, 1, 1, 1]
        assert [(o.kind, o.count, o.effectual) for o in found.operations] == [("mac", 36, 8)]


def test_zeros_annihilate_sums_only():
    """A bias is one addend of its own; a maximum needs its zeros."""
    values = {"A": [[0, 2], [3, 0]], "B": [0, 1]}
    problem = workload("Z[m] = B[m] + A[m, k] * A[m, k]", "Y[m] max= A[m, k] - 4", "X[m] = -B[m]", M=2, K=2)
    for engine, skip in (("numpy", False), ("plain", False), ("plain", True)):
        found = execute(problem, values, engine=engine, skip_zeros=skip)
        assert [found[name].tolist() for name in "ZYX"] == [[4, 10], [-2, -1], [0, -1]]
        counts = {(o.einsum, o.kind): (o.count, o.effectual) for o in found.operations}
        assert counts == {("Z", "mac"): (4, 2), ("Y", "add"): (4, 4), ("Y", "max"): (4, 4), ("X", "copy"): (2, 1)}


# ---------------------------------------------------------------------------------------------------------------
# Orders


RECURRENCE = workload({"einsum": "Z[0] = A[]", "name": "start"}, "Z[m + 1] = Z[m] * B[m, k]", M=3, K=2)


def question(problem, nest, **options):
    mappings = ((Mapping(parse_nest(nest)), NestMarks()),)
    return RunQuestion(workload=problem, literals={}, arrays={}, mappings=mappings, **options)


@pytest.mark.parametrize("engine", ["numpy", "plain"])
def test_an_order_that_a_recurrence_allows_gives_its_values(engine):
    answer = run(question(RECURRENCE, ["for m by 1", "for k by 1", "compute Z on MAC"], engine=engine))
    assert answer.same_output == ("Z",)


def test_an_order_that_reads_what_is_not_finished_is_refused():
    with pytest.raises(SpecError, match=r"the order of the nest gives other values: Z\[\d\] is .* not finished"):
        run(question(RECURRENCE, ["for k by 1", "for m by 1", "compute Z on MAC"], engine="plain"))


@pytest.mark.parametrize(
    ("nest", "message"),
    [
        (["for m by 2", "compute Z on MAC"], "rank variable m is not brought down to 1: 2 are left"),
        (["for x by 1", "compute Z on MAC"], r"for x by 1: unknown rank variable 'x' \(known: k, m\)$"),
        (["for m by 1", "for k by 1", "compute Z on MAC", "for k by 1"], "for k by 1: nothing may follow"),
        (["for m by 1", "for k by 1", "compute Y on MAC"], "the mapping computes Y, and no Einsum of w"),
    ],
)
def test_a_nest_that_leaves_points_out_is_refused(nest, message):
    with pytest.raises(SpecError, match=message):
        run(question(workload("Z[m] = A[m, k]", M=4, K=2), nest))


def test_an_unknown_einsum_in_a_cascade_is_told_alone():
    problem = workload("Z[m] = A[m, k]", "Y[n] = Z[n]", M=4, K=2, N=4)
    branches = [["for m by 1", "for k by 1", "compute Z on MAC"], ["for n by 1", "compute Q on MAC"]]
    with pytest.raises(SpecError, match=r"^[^\n]*compute Q on MAC: unknown Einsum 'Q'[^\n]*$"):
        run(question(problem, [{"sequence": branches}]))


def test_tiles_need_not_divide_and_instances_take_turns():
    nest = ["for k by 3", "parallel m by 2 across PEs.X", "for k by 1", "store A in B", "for m by 1"]
    problem = workload("Z[m] = A[m, k]", M=3, K=4)
    steps = []
    answer = run(question(problem, [*nest, "compute Z on MAC"], engine="plain"), steps.append)
    assert answer.same_output == ("Z",)
    assert [(s.point["m"], s.point["k"]) for s in steps[:6]] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    assert [(s.point["m"], s.point["k"]) for s in steps[6:]] == [(2, 0), (2, 1), (2, 2), (0, 3), (1, 3), (2, 3)]


# Padding: what lies outside of a tensor


def padded(statement, pad, **ranks):
    return resolve(WorkloadSpec(name="w", ranks=ranks, einsums=(statement,), pad=pad))


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(1, 3))
def test_a_padded_convolution_is_that_of_the_input_with_a_border(extent, kernel, stride, dilation, pad):
    """In either engine, and in the order of a nest."""
    reach = dilation * (kernel - 1) + 1
    assume(extent + 2 * pad >= reach)
    assume(any(0 <= stride * p - pad < extent for p in range(-(-pad // stride) + 1)))  # else no point may be inside
    steps = (extent + 2 * pad - reach) // stride + 1
    assume(steps > -(-pad // stride))
    ranks = {"C": 2, "P": steps, "Q": steps, "R": kernel, "S": kernel, "U": stride, "D": dilation, "PAD": pad}
    text = "O[p, q] = I[c, H=U*p + D*r - PAD, W=U*q + D*s - PAD] * F[c, r, s]"
    problem = padded(text, "zero", H=extent, W=extent, **ranks)
    full = workload(
        "O[p, q] = I[c, U*p + D*r, U*q + D*s] * F[c, r, s]", **{k: v for k, v in ranks.items() if k != "PAD"}
    )
    rng = np.random.default_rng(extent + 10 * kernel)
    image, kernels = rng.integers(-4, 5, (2, extent, extent)), rng.integers(-4, 5, (2, kernel, kernel))
    _, height, width = problem.einsums[0].tensors["I"].shape
    bordered = np.pad(image, ((0, 0), (pad, pad), (pad, pad)))
    _, rows, columns = full.einsums[0].tensors["I"].shape
    expected = execute(full, {"I": bordered[:, :rows, :columns].copy(), "F": kernels})["O"]
    values = {"I": image[:, :height, :width].copy(), "F": kernels}
    nest = "store I F O in M\nfor r by 1\nfor p by 2\nfor c by 1\nfor q by 1\nfor p by 1\nfor s by 1\ncompute O on X"
    order = schedules_of(((Mapping(parse_nest(nest.split("\n"))), NestMarks()),), problem)
    for engine in ("numpy", "plain"):
        for schedules in (None, order):
            found = execute(problem, values, engine=engine, schedules=schedules)
            assert np.array_equal(found["O"], expected)
            (count,) = found.operations
            assert count.count == problem.einsums[0].points_inside
            assert count.effectual <= count.count


@pytest.mark.parametrize("engine", ["numpy", "plain"])
def test_a_maximum_is_taken_of_what_is_inside(engine):
    problem = padded("O[p] max= I[H=2*p + r - PAD]", "skip", H=4, P=3, R=3, PAD=1)
    found = execute(problem, {"I": np.array([-5, -3, -8, -7])}, engine=engine)
    assert found["O"].tolist() == [-3, -3, -7]


@pytest.mark.parametrize("engine", ["numpy", "plain"])
def test_what_is_written_outside_is_dropped_and_what_nothing_writes_is_zero(engine):
    problem = padded("O[H=2*p + r - PAD] = I[p] * F[r]", "zero", H=4, P=2, R=3, PAD=1)
    found = execute(problem, {"I": np.array([1, 10]), "F": np.array([1, 2, 3])}, engine=engine)
    assert found["O"].tolist() == [2, 13, 20, 30]
    problem = padded("O[p] = I[H=p - 2*PAD] * F[]", "zero", H=1, P=4, PAD=1)
    assert execute(problem, {"I": np.array([7]), "F": np.array(2)}, engine=engine)["O"].tolist() == [0, 0, 14, 0]
