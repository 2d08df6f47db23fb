"""Shipped fused mappings: they compute what the cascade computes, and what lies between stays on the chip."""

import numpy as np
import pytest

import costmodel.api as cm
from costmodel.model.evaluate import evaluate
from costmodel.spec import catalog

FUSED = {
    "flat_attention": ("HBM", {"Q", "K", "V", "AV"}),
    "flash_attention_blocks": ("HBM", {"Q", "K", "V", "AV"}),
    "fusemax_blocks": ("MainMemory", {"Q", "K", "V", "AV"}),
    "fusemax_pipelined": ("DRAM", {"Q", "K", "V", "AV"}),
    "flat_pipelined": ("DRAM", {"Q", "K", "V", "AV"}),
    "two_convolutions_rows": ("MainMemory", {"I", "F1", "F2", "O2"}),
}
AGAIN = {
    "fusemax_blocks": {"K": 64, "V": 64},  # no room for all keys of a head, and 8 queries at a time
    "flat_pipelined": {"Q": 2, "K": 2, "V": 2},  # streamed past outputs of 256 x 256
}
"""How often words come that do not come once."""


def evaluated(name, overrides=()):
    (mapping,) = catalog.load_mappings(name)
    architecture, workload = catalog.load_pair(mapping.arch, mapping.workload, overrides)
    return workload, evaluate(workload, architecture, mapping)


@pytest.mark.parametrize("name", FUSED)
def test_what_lies_between_never_leaves_the_chip(name):
    outermost, outside = FUSED[name]
    workload, evaluation = evaluated(name)
    moved = {row.tensor for row in evaluation.traffic_rows if row.level == outermost}
    assert moved == outside
    sizes = {t: tensor.size_words for e in workload.einsums for t, tensor in e.tensors.items() if t in outside}
    again = AGAIN.get(name, {})
    for tensor, words in sizes.items():
        flow = "update" if tensor in {"AV", "O2"} else "read"
        came = evaluation.words(outermost, tensor, flow)
        assert came == (words * again.get(tensor, 1))


@pytest.mark.parametrize("name", FUSED)
def test_a_fused_nest_computes_what_the_cascade_computes(name):
    """In the order of the nest, whatever runs where: every tensor, and so the output, is the same."""
    (mapping,) = catalog.load_mappings(name)
    small = {} if name == "two_convolutions_rows" else {"ranks.H": 1}
    values = {}
    if mapping.workload == "flash_attention":
        values["RM"] = np.zeros((1, 5, 512))
        values["RM"][:, 0] = -np.inf
    ran = cm.run(mapping.workload, mapping=name, set=small, values=values, random="floats")
    assert np.isfinite(ran["O2" if "O2" in ran else "AV"]).all()
    assert "the order of the nest gives the same values" in str(ran)


def test_fused_attention_costs_less_than_moving_its_scores():
    """Einsum by Einsum, each tensor of scores leaves for HBM where it is made and comes back wherever it is read."""
    workload, fused = evaluated("flat_attention")
    hbm = catalog.load_architecture("tpu_v4i").level("HBM")
    scores = {"QK", "S", "SN", "A"}
    words = sum(t.size_words for e in workload.einsums for name, t in e.tensors.items() if name in scores)
    assert words == 10 * 12 * 512 * 512
    assert fused.energy_pj < 0.3 * words * 16 / hbm.access_bits * hbm.read_pj


def test_a_line_buffer_holds_three_rows():
    _, evaluation = evaluated("two_convolutions_rows")
    held = {row.tensor: row.words for row in evaluation.occupancy_rows if row.level == "GLB"}
    assert held["O1"] == 16 * 3 * 34
    assert held["I"] == 16 * 3 * 36
