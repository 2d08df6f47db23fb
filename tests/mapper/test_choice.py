"""The point of a front that is used: by its name, its number, or the least product."""

import numpy as np
import pytest

from costmodel.mapper.choice import chosen_place
from costmodel.mapper.network import map_workload
from costmodel.spec.catalog import load_pair
from costmodel.spec.objective import objective_of
from costmodel.spec.problems import SpecError
from costmodel.spec.request import request_of

# Energy, latency, room. EDP: 80, 63, 70, 90; distances from the best of both, of 8 pJ and 14 cycles: 1, 0.53, 0.41, 1.
FRONT = np.array([(4.0, 20.0, 1.0), (7.0, 9.0, 1.0), (7.0, 10.0, 2.0), (12.0, 6.0, 1.0)])


@pytest.mark.parametrize(
    ("choose", "place"),
    [("energy", 0), ("latency", 3), ("edp", 1), ("knee", 1), ("1", 0), ("3", 2), ("4", 3), ("9", 3)],
)
def test_a_point_by_its_rule(choose, place):
    assert chosen_place(choose, objective_of("energy,latency"), FRONT) == place


def test_the_knee_is_not_the_least_product():
    # From 0 to 1 each: (0, 1), (0.5, 0.1), (1, 0); products 100, 60.5, 11.
    front = np.array([(1.0, 100.0, 0.0), (5.5, 11.0, 0.0), (10.0, 1.1, 0.0)])
    aim = objective_of("energy,latency")
    assert [chosen_place(rule, aim, front) for rule in ("knee", "edp")] == [1, 2]


def test_of_equals_the_one_with_the_least_product():
    front = np.array([(5.0, 9.0, 1.0), (5.0, 7.0, 2.0)])
    assert chosen_place("energy", objective_of("energy,latency,capacity"), front) == 0
    assert chosen_place("energy", objective_of("energy,latency"), front) == 1


@pytest.mark.parametrize("einsums", [1, 2])
def test_totals_and_mappings_are_of_the_chosen_point(einsums):
    architecture, workload = load_pair("eyeriss_v1", "gemm_family" if einsums == 2 else "mm64")
    workload = type(workload)(workload.name, workload.source, workload.einsums[:einsums])
    results = {
        choose: map_workload(workload, architecture, request_of(objective="energy,latency", choose=choose), jobs=1)
        for choose in (None, "energy", "latency", "edp", "1")
    }
    front = results[None].front
    assert len(front) > 1
    for choose, result in results.items():
        assert result.front == front
        cost = result.evaluation
        if choose in ("energy", "1"):
            assert cost.energy_pj == pytest.approx(min(p.energy_pj for p in front), rel=1e-12)
        if choose == "latency":
            assert cost.latency_cycles == pytest.approx(min(p.latency_cycles for p in front), rel=1e-12)
        if choose in ("edp", None):
            least = min(p.energy_pj * p.latency_cycles for p in front)
            assert cost.energy_pj * cost.latency_cycles == pytest.approx(least, rel=1e-12)
        assert front[result.chosen].choices == tuple(layer.chosen for layer in result.layers)


@pytest.mark.parametrize("choose", ["fast", "0", "-1", 0, 1.5, True, ""])
def test_what_names_no_point_is_an_error(choose):
    with pytest.raises(SpecError, match=r"must be one of energy, latency, edp, knee, or the number of a point"):
        request_of(objective="energy,latency", choose=choose)


def test_one_objective_has_no_front_to_choose_from():
    with pytest.raises(SpecError, match=r"one objective \(edp\) has one answer"):
        request_of(objective="edp", choose="knee")
