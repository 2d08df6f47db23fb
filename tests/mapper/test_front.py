"""Fronts in any number of objectives, against their definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.mapper.front import TIE, Incumbents, StrictIncumbents, pareto
from costmodel.spec.objective import objective_of


def rows(columns):
    return st.lists(st.tuples(*[st.integers(0, 4)] * columns), min_size=1, max_size=25)


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_no_other_row_beats_stays_once(columns, data):
    """Two columns more decide between equal rows, and then the place."""
    listed = data.draw(rows(columns + 2))
    costs, ties = [row[:columns] for row in listed], [row[columns:] for row in listed]

    def beats(other, one):
        if costs[other] == costs[one]:
            return (ties[other], other) < (ties[one], one)
        return all(a <= b for a, b in zip(costs[other], costs[one], strict=True))

    want = [n for n in range(len(listed)) if not any(beats(other, n) for other in range(len(listed)) if other != n)]
    found = pareto(np.array(costs, dtype=float), np.array(ties, dtype=float)).tolist()
    assert sorted(found) == want
    assert found == sorted(found, key=lambda n: costs[n])


def test_sums_in_another_order_are_the_same_number():
    more = 1 + TIE / 10
    costs = np.array([[1.0 * more, 2.0, 5.0], [1.0, 2.0 * more, 5.0], [1.0, 2.0, 5.0 * more]])
    assert pareto(costs).tolist() == [0]
    assert pareto(costs, np.array([[3.0], [2.0], [1.0]])).tolist() == [2]
    assert pareto(costs[:, :2], np.array([[3.0], [2.0], [2.0 * more]])).tolist() == [1]


def test_no_rows_have_no_front():
    assert pareto(np.empty((0, 3))).tolist() == []


def test_what_is_faster_than_all_that_is_known_is_not_beaten_whatever_its_energy():
    for kind in (Incumbents, StrictIncumbents):
        known = kind(objective_of("latency"))
        known.add(np.array([[5.0], [22.0], [0.0]]), ["slow"])
        energy, latency = np.full(3, 9.0), np.array([19.0, 22.0, 25.0])
        assert known.beaten(energy, latency, np.zeros(3)).tolist() == [False, True, True]


@given(rows(2), rows(2))
@settings(max_examples=60, deadline=None)
def test_what_is_no_better_in_the_objectives_is_no_better_in_their_product(known, asked):
    incumbents = Incumbents(objective_of("edp,energy,latency"))
    incumbents.add(1.0 + np.array([(*row, 0) for row in known], dtype=float).T, known)
    one = 1.0 + np.array([(*row, 0) for row in asked], dtype=float).T
    want = [any(k[0] <= row[0] and k[1] <= row[1] for k in known) for row in asked]
    assert incumbents.beaten(*one).tolist() == want
