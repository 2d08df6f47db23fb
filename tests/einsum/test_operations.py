import pytest

import costmodel as cm
from costmodel.einsum.notation import parse
from costmodel.einsum.operations import operations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Z[m, n] = A[m, k] * B[k, n]", {"mac": 1}),
        ("Z[m] = A[m, k] * B[k] * C[k]", {"mac": 1}),
        ("Z[m] = 2 * A[m, k] * B[k]", {"mac": 1}),
        ("Z[m] = -A[m, k] * B[k]", {"mac": 1}),
        ("Z[m] = A[m] * B[m]", {"mul": 1}),
        ("Z[m] = A[m] * B[m] + C[m]", {"mul": 1, "add": 1}),
        ("O[m, p] = B[m] + I[c, p + r] * F[m, c, r]", {"mac": 1}),
        ("Z[m] = A[m, k] * B[k] + C[m, k] * D[k]", {"mac": 2}),
        ("Z[m] = A[m, k] - C[m, k]", {"add": 2}),
        ("SD[p] += SN[m, p]", {"add": 1}),
        ("GM[p] max= QK[m, p]", {"max": 1}),
        ("Z[m] min= A[m, k] * B[k]", {"mul": 1, "min": 1}),
        ("Z[m] *= A[m, k]", {"mul": 1}),
        ("SN[m, p] = exp(QK[m, p] - GM[p])", {"exp": 1, "add": 1}),
        ("SD[p] = exp(QK[m, p] - GM[p])", {"exp": 1, "add": 2}),
        ("A[m, p] = SN[m, p] / SD[p]", {"div": 1}),
        ("Z[m] = A[m, k] / B[k]", {"div": 1, "add": 1}),
        ("Z[m] = (A[m, k] + B[k]) * C[k]", {"add": 1, "mac": 1}),
        ("Z[m] = max(A[m], B[m], C[m])", {"max": 2}),
        ("Z[m] = relu(A[m])", {"relu": 1}),
        ("Z[m] = A[m] / sqrt(E)", {"div": 1}),
        ("C[b, h*F + f] = AV[b, h, f]", {"copy": 1}),
        ("Z[m, n] = A[m]", {"copy": 1}),
        ("Z[m] = -A[m]", {"copy": 1}),
        ("RM[0, p] = -inf", {"copy": 1}),
    ],
)
def test_operations_at_each_point(text, expected):
    statement = parse(text)
    written = {v for index in statement.output.indices for v in index.rank_variables}
    found = operations(statement, frozenset(statement.rank_variables) - written)
    assert {o.kind: o.per_point for o in found} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O[p + r] = I[p] * F[r]", {"mac": 12}),
        ("O[p + r] = B[p] + I[p] * F[r]", {"add": 12, "mac": 12}),
        ("O[p + r] = I[p, r]", {"add": 12}),
        ("O[p + r] max= I[p] * F[r]", {"mul": 12, "max": 12}),
        ("O[p + r] = I[p, k] * F[r, k]", {"mac": 24}),
        ("O[p, p + r] = I[p] * F[r]", {"mul": 12}),
        ("O[p*R + r] = I[p] * F[r]", {"mul": 12}),
        ("O[2*p + r] = I[p] * F[r]", {"mac": 12}),
        ("O[3*p + 1] = I[p] * F[0]", {"mul": 4}),
    ],
)
def test_points_that_meet_in_a_word_are_reduced(text, expected):
    ranks = {name: extent for name, extent in {"P": 4, "R": 3, "K": 2}.items() if name.lower() in text}
    workload = {"name": "w", "ranks": ranks, "einsums": [text]}
    (einsum,) = cm.load_workload(workload).value.einsums
    assert einsum.operation_counts == expected
    assert {c.kind: c.count for c in cm.run(workload).answer.execution.operations} == expected
