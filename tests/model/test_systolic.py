"""Systolic arrays by their published formulas; `costmodel validate` holds them to SCALE-Sim v3, cycle by cycle."""

import pytest
import yaml

from costmodel.model.evaluate import evaluate
from costmodel.model.walk import walk
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import parse_nest
from costmodel.spec.rules import parse
from costmodel.validate.scalesim import systolic_product


def ceil(a, b):
    return -(-a // b)


@pytest.mark.parametrize("stationary", ["output", "weight", "input"])
@pytest.mark.parametrize("shape", [(4, 4, 4), (17, 5, 9), (1, 30, 7)])
@pytest.mark.parametrize("array", [(4, 4), (3, 5)])
def test_cycles_follow_the_published_formula(stationary, shape, array):
    m, n, k = shape
    rows, columns = array
    cycles = {
        "output": (rows + columns + k - 2) * ceil(m, rows) * ceil(n, columns),
        "weight": (2 * rows + columns + m - 2) * ceil(k, rows) * ceil(n, columns),
        "input": (2 * rows + columns + n - 2) * ceil(k, rows) * ceil(m, columns),
    }
    assert systolic_product(stationary, rows, columns, shape).latency_cycles == cycles[stationary]


@pytest.mark.parametrize("stationary", ["input", "weight", "output"])
def test_rules_and_hardware_hold_the_same_tensor_still(tmp_path, stationary):
    """``RM[m1+1, p] = max(RM[m1, p], LM[m1, p])``, M1 4, P 8; LM stays in a register of every PE.

    LM changes there once for each m1, so that LM standing still takes 4 passes; RM, held by no register, changes with
    each of the 32 points. A pass of a 1×1 array costs 1 cycle to load an input or weight, and no skew.
    """
    (tmp_path / "work.yaml").write_text(
        "name: w\nranks: {M1: 4, P: 8}\neinsums:\n- RM[m1+1, p] = max(RM[m1, p], LM[m1, p])\n"
    )
    arch = {
        "name": "systolic",
        "levels": [
            {"memory": "SRAM", "energy": 1},
            {"array": "PEs", "shape": {"R": 1, "C": 1}, "systolic": stationary},
            {"memory": "register", "energy": 0, "keep": ["LM"]},
            {"compute": "MAC", "energy": 1},
        ],
    }
    (tmp_path / "arch.yaml").write_text(yaml.safe_dump(arch, sort_keys=False))
    workload, architecture = load_workload(tmp_path / "work.yaml"), load_architecture(tmp_path / "arch.yaml")
    nest = ["store LM RM in SRAM", "for m1 by 1", "store LM in register", "for p by 1", "compute RM on MAC"]
    mapping = Mapping(parse_nest(nest))
    still = parse([f"{stationary}_stationary"], architecture, workload.einsums[0]).still(workload.einsums[0])
    assert still == ("RM" if stationary == "output" else "LM")
    passes = {"input": 4, "weight": 4, "output": 0}[stationary]
    rows = evaluate(workload, architecture, mapping).latency_rows
    assert {r.component: r.cycles for r in rows}["MAC"] == 32 + passes
    assert {r.component: r.cycles for r in walk(workload, architecture, mapping).latency_rows}["MAC"] == 32 + passes
