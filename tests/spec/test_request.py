"""The request: one set of defaults, keys that a method does not understand, and what is derived from it."""

from typing import get_args

import pytest

from costmodel.mapper.engines import ENGINES
from costmodel.spec.catalog import load_study
from costmodel.spec.load import parse
from costmodel.spec.methods import METHODS, MethodName
from costmodel.spec.problems import SpecError
from costmodel.spec.request import TRIALS, Request, request_of
from costmodel.spec.study import Study


def test_every_method_is_registered_once_and_has_a_search():
    assert get_args(MethodName) == tuple(METHODS) == tuple(ENGINES)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"trials": 5}, "$.trials: method 'exact' has no use for trials (leave trials out, or choose a method that"),
        ({"method": "tpe", "memory": "1 GiB"}, "$.memory: method 'tpe' has no use for memory"),
        ({"method": "random", "tiles": "any"}, "$.tiles: method 'random' has no use for tiles"),
        ({"method": "random", "fuse": "auto"}, "$.fuse: method 'random' has no use for fuse"),
        ({"tiles": "any", "fuse": "auto"}, "$.fuse: fused nests are searched over perfect tiles (leave tiles out"),
        ({"method": "magic"}, "must be 'exact', 'tpe'"),
        ({"budget": 0}, "must be greater than zero"),
    ],
)
def test_what_a_method_has_no_use_for_is_an_error_with_a_hint(options, problem):
    with pytest.raises(SpecError) as caught:
        request_of(**options)
    assert problem in str(caught.value)


def test_a_study_says_where_such_a_key_stands():
    with pytest.raises(SpecError) as caught:
        load_study(parse("arch: two_level\nworkload: mm64\nmethod: exact\ntrials: 300\n", "s.yaml"))
    assert "s.yaml:4:9: $.trials: method 'exact' has no use for trials" in str(caught.value)


def test_what_is_off_asks_for_nothing():
    assert request_of(bound=False, tiles="perfect", trials=None).method == "exact"


def test_settings_are_one_value_per_key_with_its_unit():
    request = request_of(objective="energy,latency", budget="2 min", memory="1 KiB", constraints=["a", "b"], jobs=3)
    assert request.settings() == {
        "objective": "energy,latency",
        "method": "exact",
        "budget_s": 120.0,
        "memory_bytes": 1024,
        "tiles": "perfect",
        "constraints": "a; b",
    }
    assert request_of(method="tpe").settings()["trials"] == TRIALS


@pytest.mark.parametrize(
    "options", [{}, {"method": "tpe", "trials": 7, "bound": False, "seed": 3}, {"tiles": "any", "budget": 5}]
)
def test_what_a_request_states_asks_the_same(options):
    request = request_of(**options)
    assert request_of(**request.stated()) == request


def test_every_key_but_those_without_effect_decides_the_fingerprint():
    other = {
        "objective": ("energy",),
        "method": "tpe",
        "trials": 5,
        "choose": "knee",
        "budget": 1.0,
        "memory": 10,
        "bound": False,
        "tiles": "any",
        "fuse": "auto",
        "seed": 1,
        "constraints": ("x",),
        "jobs": 2,
    }
    assert set(other) == set(Request.model_fields)
    same = {
        key for key, value in other.items() if Request().asking(**{key: value}).fingerprint() == Request().fingerprint()
    }
    assert same == Request.without_effect == {"jobs"}


def test_a_study_asks_for_a_request():
    study = load_study(parse("arch: two_level\nworkload: mm64\nseed: 4\nobjective: edp\n", "s.yaml"))
    assert study.asking() == Request(seed=4, fuse="off"), "designs share the searches of layers alone"
    assert list(Study.model_fields)[:5] == ["name", "source", "arch", "workload", "einsums"]
