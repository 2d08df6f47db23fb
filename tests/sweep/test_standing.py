"""The front so far and its hypervolume."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.mapper.front import on_front
from costmodel.sweep.standing import Standing, dominated

costs = st.integers(1, 3).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 4)] * n), min_size=1, max_size=12))


@given(costs)
def test_the_front_is_that_of_all_points(points):
    standing = Standing()
    for point in points:
        standing.add(tuple(map(float, point)))
    every = np.array(points, dtype=float)
    assert set(standing.front) == {tuple(point) for point in every[on_front(every)]}


@given(costs)
def test_a_hypervolume_is_counted_in_cells(points):
    cells = itertools.product(range(4), repeat=len(points[0]))
    counted = sum(any(all(a <= b for a, b in zip(p, cell, strict=True)) for p in points) for cell in cells)
    scaled = [tuple(x / 4 for x in point) for point in points]
    assert dominated(scaled) == pytest.approx(counted / 4 ** len(points[0]))


def test_points_without_costs_are_none():
    standing = Standing()
    for point in (None, (1.0, float("inf")), (1.0, 2.0), (2.0, 1.0), (3.0, 3.0)):
        standing.add(point)
    assert str(standing) == "front 2, hypervolume 0.750"


def test_what_is_printed_follows_every_point():
    points, standing = [(2.0, 2.0), (1.0, 4.0), (3.0, 3.0), (4.0, 5.0), (1.5, 1.5)], Standing()
    for count, point in enumerate(points, start=1):
        standing.add(point)
        fresh = Standing()
        for earlier in points[:count]:
            fresh.add(earlier)
        assert [str(standing) for _ in range(2)] == [str(fresh)] * 2
