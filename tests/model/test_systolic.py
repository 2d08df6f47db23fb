"""Systolic arrays: cycles and edge reads that SCALE-Sim v3 prints, cycle by cycle."""

import pytest
import yaml
from reference import reference

from costmodel.model.evaluate import evaluate
from costmodel.model.walk import walk
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import parse_nest
from costmodel.spec.rules import parse

DATAFLOWS = {
    "os": ("output", "Z", ["for m by {rows}", "for n by {columns}"], ("m", "n"), "k"),
    "ws": ("weight", "B", ["for k by {rows}", "for n by {columns}"], ("k", "n"), "m"),
    "is": ("input", "A", ["for k by {rows}", "for m by {columns}"], ("k", "m"), "n"),
}


def cost_of(folder, shape, rows, columns, dataflow):
    """One GEMM on an array with a register for what stays, below an unlimited SRAM."""
    stationary, tensor, outer, (down, across), streamed = DATAFLOWS[dataflow]
    arch = {
        "name": "systolic",
        "word": "8 b",
        "levels": [
            {"memory": "SRAM", "energy": 1},
            {"array": "PEs", "shape": {"R": rows, "C": columns}, "systolic": stationary},
            {"memory": "register", "size": "1 words", "energy": 0, "keep": [tensor]},
            {"compute": "MAC", "energy": 1},
        ],
    }
    workload = {
        "name": "gemm",
        "ranks": shape,
        "weights": ["B"],
        "bits": {"default": 8},
        "einsums": ["Z[m, n] = A[m, k] * B[k, n]"],
    }
    (folder / "arch.yaml").write_text(yaml.safe_dump(arch, sort_keys=False))
    (folder / "work.yaml").write_text(yaml.safe_dump(workload))
    extents = {down: shape[down.upper()], across: shape[across.upper()]}
    first = {down: min(rows, extents[down]), across: min(columns, extents[across])}
    loops = [f"for {v} by {first[v]}" for v in (down, across)]
    assert len(loops) == len(outer)
    nest = [
        "store A B Z in SRAM",
        *loops,
        f"parallel {down} by 1 across PEs.R",
        f"parallel {across} by 1 across PEs.C",
        f"store {tensor} in register",
        f"for {streamed} by 1",
        "compute Z on MAC",
    ]
    return evaluate(
        load_workload(folder / "work.yaml"), load_architecture(folder / "arch.yaml"), Mapping(parse_nest(nest))
    )


def test_cycles_and_edge_reads_of_every_run(tmp_path):
    runs = [c for c in reference("systolic_cases.json") if c["kind"] == "gemm"]  # the others do not say their shape
    assert len(runs) >= 20
    compared = 0
    for case in runs:
        rows, columns = case["array"]
        cost = cost_of(tmp_path, {rank: case[rank] for rank in "MNK"}, rows, columns, case["dataflow"])
        assert cost.latency_cycles == case["compute_cycles"], case
        for tensor, key in (("A", "sram_ifmap_reads"), ("B", "sram_filter_reads")):
            if key in case:
                assert cost.words("SRAM", tensor, "read") == case[key], case
                compared += 1
    assert compared >= 30


def ceil(a, b):
    return -(-a // b)


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
@pytest.mark.parametrize("shape", [(4, 4, 4), (17, 5, 9), (1, 30, 7)])
@pytest.mark.parametrize("array", [(4, 4), (3, 5)])
def test_cycles_follow_the_published_formula(dataflow, shape, array, tmp_path):
    m, n, k = shape
    rows, columns = array
    cycles = {
        "os": (rows + columns + k - 2) * ceil(m, rows) * ceil(n, columns),
        "ws": (2 * rows + columns + m - 2) * ceil(k, rows) * ceil(n, columns),
        "is": (2 * rows + columns + n - 2) * ceil(k, rows) * ceil(m, columns),
    }
    cost = cost_of(tmp_path, {"M": m, "N": n, "K": k}, rows, columns, dataflow)
    assert cost.latency_cycles == cycles[dataflow]


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
