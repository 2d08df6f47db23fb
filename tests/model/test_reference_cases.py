"""Counts that other tools publish, reproduced to the integer.

Conventions that differ are settings of the architecture (docs/counting.md); each case says which ones it needs.
"""

import pytest
import yaml
from reference import REFERENCE, case_files, reference

from costmodel.model.evaluate import evaluate
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import parse_nest

CASES = ("mm64_two_level_os", "mm64_two_level_psum", "conv3x3_two_level_halo", "mm64_pe2d_spatial_mn")


@pytest.mark.parametrize("name", CASES)
def test_accelforge_cases_agree_in_every_word(name, tmp_path):
    """AccelForge's counts, confirmed by hand; our defaults: halo reuse, holes skip, drain charged, multicast words."""
    cases = reference("cases.yaml")
    case = next(c for c in cases["evaluations"] if c["name"] == name)
    paths = case_files(tmp_path, cases)
    workload, architecture = load_workload(paths[case["workload"]]), load_architecture(paths[case["arch"]])
    cost = evaluate(workload, architecture, Mapping(parse_nest(case["nest"])))
    for level, tensors in case["words"].items():
        if level == "MAC":
            assert cost.total_points == tensors["compute"]
            continue
        for tensor, words in tensors.items():
            assert cost.words(level, tensor, "read", "drain") == words["read"], (level, tensor)
            assert cost.words(level, tensor, "fill", "update") == words["write"], (level, tensor)
    assert cost.energy_pj == case["energy"]
    assert cost.latency_cycles == case["latency"]


def test_no_case_of_the_reference_is_forgotten():
    assert sorted(c["name"] for c in reference("cases.yaml")["evaluations"]) == sorted(CASES)


CONV1 = {
    "name": "conv1",
    "ranks": {"C": 3, "M": 32, "P": 112, "Q": 112, "R": 3, "S": 3, "U": 2},
    "bits": {"default": 8},
    "weights": ["Weights"],
    "einsums": ["Outputs[m, p, q] = Inputs[c, U*p + r, U*q + s] * Weights[m, c, r, s]"],
}

# Timeloop does not charge a drain to the child, refetches a window unless a single sliding loop moves it, and shares
# only whole equal tiles within one network.
EYERISS_LIKE = {
    "name": "eyeriss_like",
    "word": "8 b",
    "levels": [
        {"memory": "DRAM", "energy": 0, "drain": "free"},
        {"memory": "shared_glb", "energy": 0, "drain": "free", "halo": "refetch", "keep": ["input", "output"]},
        {"array": "columns", "shape": {"X": 14}, "multicast": "tiles"},
        {"array": "PEs", "shape": {"Y": 12}, "multicast": "tiles"},
        {"memory": "ifmap_spad", "energy": 0, "drain": "free", "halo": "refetch", "keep": ["input"]},
        {"memory": "weights_spad", "energy": 0, "drain": "free", "keep": ["weight"]},
        {"memory": "psum_spad", "energy": 0, "drain": "free", "keep": ["output"]},
        {"compute": "mac", "energy": 0},
    ],
}
EYERISS_NEST = """
store Weights Inputs Outputs in DRAM
for p by 14
for q by 56
for m by 8
store Inputs Outputs in shared_glb
for p by 1
for q by 14
parallel q by 1 across columns.X
parallel c by 1 across PEs.Y
parallel s by 1 across PEs.Y
store Inputs in ifmap_spad
store Weights in weights_spad
for r by 1
store Outputs in psum_spad
for m by 1
compute Outputs on mac
"""

# One sliding loop innermost at DRAM: Timeloop counts true differences, as `halo: reuse` does.
WEIGHT_STATIONARY = {
    "name": "weight_stationary",
    "word": "8 b",
    "levels": [
        {"memory": "DRAM", "energy": 0, "drain": "free"},
        {"memory": "shared_glb", "energy": 0, "drain": "free"},
        {"array": "PEs", "shape": {"Y": 256}, "multicast": "tiles"},
        {"memory": "pe_spad", "energy": 0, "keep": ["weight"]},
        {"memory": "weight_reg", "energy": 0, "keep": ["weight"]},
        {"memory": "input_activation_reg", "energy": 0, "drain": "free", "keep": ["input"]},
        {"memory": "output_activation_reg", "energy": 0, "drain": "free", "keep": ["output"]},
        {"compute": "mac", "energy": 0},
    ],
}
WEIGHT_STATIONARY_NEST = """
store Weights Inputs Outputs in DRAM
for q by 8
store Weights Inputs Outputs in shared_glb
for s by 1
for p by 56
for m by 4
parallel m by 1 across PEs.Y
parallel c by 1 across PEs.Y
store Weights in pe_spad
for r by 1
for q by 4
for p by 28
store Weights in weight_reg
for p by 1
for q by 1
store Inputs in input_activation_reg
store Outputs in output_activation_reg
compute Outputs on mac
"""


@pytest.mark.parametrize(
    ("name", "arch", "nest"),
    [
        ("eyeriss_like", EYERISS_LIKE, EYERISS_NEST),
        ("simple_weight_stationary", WEIGHT_STATIONARY, WEIGHT_STATIONARY_NEST),
    ],
)
def test_timeloop_goldens_agree_in_every_word(name, arch, nest, tmp_path):
    golden = reference("golden_timeloop.json")[name]
    for file, document in (("arch.yaml", arch), ("work.yaml", CONV1)):
        (tmp_path / file).write_text(yaml.safe_dump(document))
    cost = evaluate(
        load_workload(tmp_path / "work.yaml"),
        load_architecture(tmp_path / "arch.yaml"),
        Mapping(parse_nest(nest.strip().split("\n"))),
    )
    assert cost.total_points == int(golden["summary"]["Computes"])
    assert cost.latency_cycles == int(golden["summary"]["Cycles"])
    assert f"{100 * cost.utilisation:.2f}%" == golden["summary"]["Utilization"]
    compared = 0
    for level, tensors in golden["levels"].items():
        for tensor, counts in tensors.items():
            instances = counts["Utilized instances (max)"]
            for flow, key in (("read", "reads"), ("fill", "fills"), ("update", "updates")):
                expected = int(counts[f"Scalar {key} (per-instance)"] * instances)
                assert cost.words(level, tensor, flow) == expected, (level, tensor, flow)
                compared += 1
    assert compared >= 21


@pytest.mark.parametrize(
    ("name", "level", "tensor", "flow", "words"),
    [
        ("cascade_two_ways", "Main", "X", "read", 16),
        ("gram_search_exploits", "Main", "X", "read", 840),
        ("dcgan_rows_on_pes", "MainMemory", "Y", "update", 256 * 18 * 18),
    ],
)
def test_cases_of_tensors_that_are_met_twice_or_written_through_windows(name, level, tensor, flow, words):
    """Worked out by hand; the same nests with their sums are in ``test_accesses.py``."""
    nest = reference(f"faults/counts/{name}/mapping.yaml")["nest"]
    folder = REFERENCE / "faults" / "counts" / name
    workload, architecture = load_workload(folder / "workload.yaml"), load_architecture(folder / "arch.yaml")
    assert evaluate(workload, architecture, Mapping(parse_nest(nest))).words(level, tensor, flow) == words
