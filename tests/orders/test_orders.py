"""Every order of the loops: how many there are, what they cost, and what is refused."""

import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from reference import reference
from strategies import in_two_branches, nest_of, random_case

from costmodel.cli import app
from costmodel.model.evaluate import evaluate
from costmodel.orders.costs import order_costs
from costmodel.orders.stretches import reordered, stretches
from costmodel.orders.tiled import read_tiles, tiled
from costmodel.report.text.orders import orders_of, orders_text
from costmodel.spec import catalog
from costmodel.spec.mapping import Mapping, Spatial, Temporal
from costmodel.spec.problems import SpecError


@pytest.fixture
def gemm():
    architecture, workload = catalog.load_pair("two_level", "mm64")
    return (
        workload,
        architecture,
        tiled(workload.einsums[0], architecture, read_tiles(["m=16,n=16,k=16"], architecture)),
    )


def names(order):
    return "".join(loop.rank_variable for loop in order)


def test_the_case_of_the_lecture(gemm):
    (case,) = reference("lecture.yaml")["orders"]
    costs = order_costs(*gemm)
    energies = {names(a[0]): b.evaluation.energy_pj for b in costs.behaviours for a in b.arrangements}
    others = case["energy_pj"]["others"]
    assert len(energies) == 6
    assert {order: case["energy_pj"].get(order, others) for order in energies} == energies
    assert costs.permutations == 36
    assert all(e.total_points == case["macs"] for e in (b.evaluation for b in costs.behaviours))
    assert [sum(len(b.arrangements) for b in group) for group in costs.costs.values()] == [12, 24]


def test_rows_say_in_words_what_orders_they_stand_for(gemm):
    costs = order_costs(*gemm)
    assert orders_of(costs, costs.own) == ["m n k, n m k", "any"]
    text = orders_text(costs)
    assert "2 distinct costs" in text
    assert "1*  5,029,888  262,144      12  m n k, n m k      any" in text
    assert text.count("\n") < 20


def in_any_order(nest, at):
    """Orders of the loops in time at some places, by brute force: those in which no tile grows inwards."""
    found = set()
    for order in itertools.permutations([nest[place] for place in at]):
        changed = list(nest)
        for place, loop in zip(at, order, strict=True):
            changed[place] = loop
        loops = [node for node in changed if isinstance(node, Temporal | Spatial)]
        if all(x.tile >= y.tile for x, y in itertools.combinations(loops, 2) if x.rank_variable == y.rank_variable):
            found.add(tuple(changed))
    return found


def test_orders_are_all_that_keep_tiles_nested_each_once():
    _, workload = catalog.load_pair("two_level", "mm64")
    nest = nest_of("""
        store A B Z in DRAM
        for m by 16
        for k by 32
        parallel m by 4 across PEs.X
        for n by 16
        for m by 2
        for k by 4
        store Z in RF
        for m by 1
        compute Z on MAC
    """)
    (stretch,) = stretches(nest, workload)
    orders = list(stretch.orders())
    assert names(stretch.loops) == "mknmk"
    assert orders[0] == stretch.loops
    assert stretch.count() == len(orders) == len(set(orders))
    assert {reordered(nest, stretch, order) for order in orders} == in_any_order(nest, stretch.slots)


def test_behaviours_cost_what_the_model_says_of_each_nest():
    seen = Counter()
    for seed in range(400, 440):
        case = random_case(seed)
        costs = order_costs(case.workload, case.architecture, case.mapping, limit=720)
        for behaviour in costs.behaviours:
            last = case.mapping.nest
            for stretch, order in zip(costs.stretches, behaviour.arrangements[-1], strict=True):
                last = reordered(last, stretch, order)
            again = evaluate(case.workload, case.architecture, Mapping(last))
            assert (again.energy_pj, again.latency_cycles) == (
                behaviour.evaluation.energy_pj,
                behaviour.evaluation.latency_cycles,
            )
            assert set(again.traffic_rows) == set(behaviour.evaluation.traffic_rows)
        counted = sum(len(b.arrangements) for b in costs.behaviours) + len(costs.refused)
        assert counted == costs.permutations
        seen[len(costs.behaviours) > 1, bool(len(costs.stretches) > 1)] += 1
    assert len(seen) == 4


def test_beyond_the_limit_stretches_are_permuted_alone(gemm):
    costs = order_costs(*gemm, limit=35)
    assert (costs.together, costs.permutations) == (False, 11)
    assert {names(a[0]) + names(a[1]) for b in costs.behaviours for a in b.arrangements} == {
        *("mnk" + "".join(p) for p in itertools.permutations("mnk")),
        *("".join(p) + "mnk" for p in itertools.permutations("mnk")),
    }
    assert [orders_of(costs, b) for b in costs.behaviours] == [
        ["m n k, n m k", "any"],
        ["m k n, k m n", ""],
        ["n k m, k n m", ""],
    ]
    with pytest.raises(SpecError, match=r"the loops m n k below MainMemory have 6 orders, more than 5 .*--limit 6"):
        order_costs(*gemm, limit=5)


def test_orders_that_break_a_constraint_are_refused_with_the_reason(gemm):
    workload, architecture, mapping = gemm
    strict = replace(architecture, constraints=("order in MainMemory: m, n, k",))
    costs = order_costs(workload, strict, mapping)
    assert len(costs.refused) == 30
    assert "MainMemory: order m, n, k" in costs.refused[0][1]
    assert [names(a[0]) for b in costs.behaviours for a in b.arrangements] == ["mnk"] * 6


def test_stretches_of_branches_name_their_einsums():
    architecture, workload = catalog.load_pair(
        "two_level",
        {
            "name": "w",
            "ranks": {"M": 6, "P": 4, "K": 3},
            "einsums": ["X[m, p] = A[m, k] * B[k, p]", "Y[m, p] = exp(X[m, p])"],
        },
    )
    costs = order_costs(workload, architecture, Mapping(in_two_branches("A B Y")))
    assert [(s.title, s.count()) for s in costs.stretches] == [("below Buffer in X", 6), ("below Buffer in Y", 2)]
    assert costs.permutations == 12


@pytest.mark.parametrize(
    ("tile", "message"),
    [
        ("q=4", "Z has no rank variable 'q'"),
        ("m=65", "Z: a tile of 65 in Buffer, where 64 of m are left"),
        ("Bufer.m=4", "Bufer is no memory of two_level (did you mean 'Buffer'?)"),
        ("MainMemory.m=4", "MainMemory holds whole tensors"),
        ("m=4,m=8", "Buffer.m is given twice"),
        ("m:4", "'m:4' is no tile"),
    ],
)
def test_wrong_tiles_are_told(tile, message):
    result = CliRunner().invoke(app, ["orders", "two_level", "mm64", "--tile", tile])
    assert result.exit_code == 1
    assert message in result.stderr


def test_the_command_prints_one_object_and_writes_a_page(tmp_path):
    page = tmp_path / "orders.html"
    arguments = ["orders", "two_level", "mm64", "--mapping", "two_level_output_stationary", "--report", str(page)]
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0
    (found,) = json.loads(result.stdout)["mappings"]
    assert [stretch["loops"] for stretch in found["stretches"]] == [["for m by 32", "for n by 16"]]
    assert sum(cost["orders"] for cost in found["costs"]) == found["permutations"] == 2
    assert found["operations"] == {"mac": 262_144}
    assert "Orders of mm64 on two_level" in page.read_text()


def test_the_page_of_the_docs_shows_what_the_command_prints():
    text = (Path(__file__).resolve().parents[2] / "docs" / "orders.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```\n\$ costmodel (.*?)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert CliRunner().invoke(app, shown[0].split()).stdout == shown[1]


def test_either_a_mapping_or_tiles_are_asked_for():
    result = CliRunner().invoke(app, ["orders", "two_level", "mm64"])
    assert result.exit_code == 2
    assert "Give either '--mapping' or '--tile'." in result.stderr
