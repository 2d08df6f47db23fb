"""What is published of fused attention, beside the rows of `costmodel validate`."""

import pytest

from costmodel.validate.flashattention import flash_attention
from costmodel.validate.flat import flat_as_published
from costmodel.validate.fusemax import TOKENS, fusemax


@pytest.mark.parametrize("length", ["1K", "256K", "1M"])
def test_flat_fits_into_its_buffer_with_scores_on_chip_and_with_all_of_them_in_dram(length):
    assert flat_as_published("BERT", TOKENS[length]).room_bits <= 8 << 25


def test_fusemax_has_room_for_4096_tokens():
    assert fusemax("BERT", 4096, "16 MiB") == fusemax("BERT", 4096)


def test_one_pass_moves_words_over_memory_times_a_constant():
    """Θ(N² d² / M) words for M words of room, from d to N·d."""
    length, width = 1024, 32
    found = [flash_attention(length, width, 2**k) for k in range(11)]
    assert found[-1].room_bits > 500 * found[0].room_bits
    constants = [cost.traffic_bytes * cost.room_bits / 8 / (length * width) ** 2 for cost in found]
    assert max(constants) < 2 * min(constants)
