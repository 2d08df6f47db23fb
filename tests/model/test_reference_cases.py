"""Counts that other tools publish, reproduced to the integer.

Conventions that differ are settings of the architecture (docs/counting.md); each case says which ones it needs.
`costmodel validate` holds Timeloop's reference runs.
"""

import pytest
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
