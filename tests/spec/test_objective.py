"""Objectives: one reader, exponents of energy, latency and room."""

import pickle
import re

import numpy as np
import pytest

from costmodel.spec.objective import NAMED, PATTERN, Objective, objective_of
from costmodel.spec.problems import SpecError


@pytest.mark.parametrize(
    ("text", "names", "powers"),
    [
        ("energy", ("energy",), ((1, 0, 0),)),
        ("Capacity", ("capacity",), ((0, 0, 1),)),
        ("ED2P", ("ed2p",), ((1, 2, 0),)),
        ("energy^2 * latency", ("energy^2*latency",), ((2, 1, 0),)),
        ("energy*energy^0.5*capacity", ("energy*energy^0.5*capacity",), ((1.5, 0, 1),)),
        ("energy, latency", ("energy", "latency"), ((1, 0, 0), (0, 1, 0))),
        (("EDP", "capacity"), ("edp", "capacity"), ((1, 1, 0), (0, 0, 1))),
        ("energy,latency,capacity,", ("energy", "latency", "capacity"), ((1, 0, 0), (0, 1, 0), (0, 0, 1))),
    ],
)
def test_what_is_written_is_what_is_meant(text, names, powers):
    aim = objective_of(text)
    assert (aim.names, aim.powers) == (names, powers)
    assert aim.front == (len(names) > 1)
    assert aim.uses_capacity == ("capacity" in str(aim))
    assert objective_of(str(aim)) == objective_of(aim) == pickle.loads(pickle.dumps(aim)) == aim


def test_two_names_of_one_objective_are_one():
    assert objective_of("edp,latency*energy") == objective_of("edp")
    assert not objective_of("energy,energy").front


def test_area_beside_others_orders_no_mappings():
    assert objective_of("energy,area") == objective_of("energy")
    assert objective_of("area,energy,latency") == objective_of("energy,latency")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("area", "area orders designs of a sweep, not mappings: search by energy, latency or capacity"),
        ("area,area", "area orders designs of a sweep, not mappings"),
        ("enrgy", "no such objective: 'enrgy' (did you mean 'energy'?)"),
        ("energy,speed", "no such objective: 'speed'"),
        ("energy^-1", "no such objective: 'energy^-1'"),
        ("energy^0", "objective 'energy^0' is the same for every mapping"),
        ("", "no objective is named"),
        (" , ", "no objective is named"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(SpecError) as caught:
        objective_of(text)
    assert message in str(caught.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(SpecError) as caught:
        objective_of("speed,energy,weight")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("capacity", True),
        ("energy * capacity^0.5", True),
        ("EDP", True),
        ("area", True),
        ("energy^-1", False),
        ("speed", False),
        ("energy,latency", False),
    ],
)
def test_editors_are_told_what_one_objective_is(text, good):
    assert bool(re.match(PATTERN, text)) is good


@pytest.mark.parametrize("name", sorted(NAMED))
def test_editors_know_every_name(name):
    assert re.match(PATTERN, name)


def test_values_are_monomials_of_the_costs():
    aim = objective_of("ed2p,capacity,energy^0.5*capacity")
    energy, latency, capacity = np.array([4.0, 9.0]), np.array([3.0, 2.0]), np.array([8.0, 0.0])
    assert aim.values(energy, latency, capacity).tolist() == [[36.0, 36.0], [8.0, 0.0], [16.0, 0.0]]
    assert aim.first(energy, latency, 0.0).tolist() == [36.0, 36.0]
    assert aim.of_one(4, 3, 8) == (36.0, 8.0, 16.0)
    assert aim.of_one(9, 2, 0) == (36.0, 0.0, 0.0)


def test_the_product_stands_for_the_middle_of_a_front():
    assert objective_of("energy,latency").product == objective_of("edp")
    assert objective_of("edp,latency").product == objective_of("ed2p")
    assert objective_of("capacity").product == objective_of("capacity")
    assert objective_of("energy^0.5,capacity").product == objective_of("energy^0.5*capacity")


def test_costs_are_those_that_matter():
    assert objective_of("edp").costs == ("energy", "latency")
    assert objective_of("capacity,energy").costs == ("energy", "capacity")
    assert objective_of("capacity,energy").each == (objective_of("capacity"), objective_of("energy"))
    assert isinstance(objective_of("edp").each[0], Objective)
