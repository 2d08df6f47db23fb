"""What words say about tensors."""

import pytest
from problems import einsum

from costmodel.einsum.roles import keeps, stationary_tensor

SUM = einsum("Z[m, n]", "A[m, k]", "B[k, n]", "C[m, n]", "D[n]", weights="BC", m=2, n=2, k=2)


def test_a_role_or_a_name_means_tensors():
    def meant(word):
        return [name for name, tensor in SUM.tensors.items() if keeps((word,), tensor, SUM)]

    assert meant("weight") == ["B", "C"]
    assert meant("input") == ["A", "D"]
    assert meant("output") == ["Z"]
    assert meant("B") == ["B"]
    assert meant("nothing") == []


@pytest.mark.parametrize(("what", "tensor"), [("output", "Z"), ("weight", "B"), ("input", "A")])
def test_the_tensor_that_is_held_still(what, tensor):
    assert stationary_tensor(SUM, what) == tensor


@pytest.mark.parametrize("operands", [("A[m]", "B[n]"), ("B[n]", "A[m]")])
def test_without_weights_or_without_others_the_order_of_operands_decides_nothing(operands):
    plain = einsum("Z[m, n]", *operands, m=2, n=2)
    assert [stationary_tensor(plain, what) for what in ("weight", "input")] == ["B", "A"]
    weights = einsum("Z[m, n]", *operands, weights="AB", m=2, n=2)
    assert [stationary_tensor(weights, what) for what in ("weight", "input")] == ["B", "A"]


@pytest.mark.parametrize("inputs", [("Z[m, n]", "A[m]"), ("A[m]", "Z[m, n]")])
def test_what_is_read_of_the_output_is_no_input(inputs):
    running = einsum("Z[m, n]", *inputs, m=2, n=2)
    assert [stationary_tensor(running, what) for what in ("weight", "input", "output")] == ["A", "A", "Z"]
    alone = einsum("Z[m]", "Z[m]", m=2)
    assert [stationary_tensor(alone, what) for what in ("weight", "input", "output")] == ["Z", "Z", "Z"]


@pytest.mark.parametrize("inputs", [("B[m]", "A[n]", "B[n]"), ("B[n]", "B[m]", "A[n]"), ("A[n]", "B[n]", "B[m]")])
def test_a_tensor_read_twice_is_one_operand_wherever_it_stands(inputs):
    twice = einsum("Z[m, n]", *inputs, m=2, n=2)
    assert [stationary_tensor(twice, what) for what in ("weight", "input")] == ["B", "A"]
