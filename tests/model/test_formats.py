"""Words into bits."""

import numpy as np
import pytest

from costmodel.einsum.algebra import Tensor
from costmodel.model.formats import stored_bits
from costmodel.spec.hardware import Memory

A = Tensor("A", ("M",), (10,), 5, "input")
GLB = Memory(name="GLB", access_bits=64)


@pytest.mark.parametrize("level", [None, GLB])
def test_words_take_the_width_of_their_tensor_whatever_the_access(level):
    assert stored_bits(A, level, 7) == 35
    assert stored_bits(A, level, 0.5) == 2.5
    assert stored_bits(A, level, np.array([0, 1, 2**40])).tolist() == [0, 5, 5 * 2**40]


def test_numbers_of_any_size_stay_exact():
    assert stored_bits(A, GLB, 10**30 + 1) == 5 * 10**30 + 5
    assert stored_bits(A, GLB, np.array([3], dtype=np.int64)).dtype == np.int64
