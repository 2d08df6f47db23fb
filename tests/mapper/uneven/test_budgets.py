"""Extents that are large or have many divisors: what is tried before the search proper keeps the budget too."""

import itertools
import math
import tracemalloc

import pytest
from fakes import gemm, network
from timing import within

from costmodel.mapper.divisors import divisor_counts, divisors_of
from costmodel.mapper.network import map_workload
from costmodel.mapper.uneven.enumeration import chains
from costmodel.mapper.uneven.padding import richer
from costmodel.spec import catalog
from costmodel.spec.request import request_of


def slowly(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def test_divisors_are_all_there():
    counts = divisor_counts(1, 301).tolist()
    for n in range(1, 301):
        assert divisors_of(n).tolist() == slowly(n)
        assert counts[n - 1] == len(slowly(n))
    assert divisor_counts(997, 1009).tolist() == [len(slowly(n)) for n in range(997, 1009)]
    assert len(divisors_of(10**12)) == 13 * 13


def test_the_richest_size_is_the_one_with_most_divisors_for_its_padding():
    def one_by_one(extent: int) -> int:
        own = len(slowly(extent))
        sizes = range(extent + 1, extent + max(1, extent // 3) + 1)
        ranked = [(len(slowly(n)) / own * extent / n, -n) for n in sizes if len(slowly(n)) > own]
        return -max(ranked)[1] if ranked else extent

    assert [richer(n) for n in range(1, 130)] == [one_by_one(n) for n in range(1, 130)]


@pytest.mark.parametrize("extent", [2**20, 10**6 + 3, 2**31 - 1, 10**12 + 39])
def test_large_extents_are_padded_quickly_or_not_at_all(extent):
    with within(2.0):
        assert extent <= richer(extent) <= extent * 4 / 3


def test_rows_of_tiles_are_not_built_to_be_thrown_away():
    slots = [(0, "", "", 0)] * 3
    tracemalloc.start()
    found = chains(600, slots)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == math.comb(601, 2)
    assert peak < 100e6
    for extent, sizes in itertools.product((1, 5, 6), itertools.product((0, 2, 3), repeat=2)):
        rows = [(1, a, extent) for a in range(1, extent + 1)]
        allowed = [r for r in rows if all(not s or -(-r[k + 1] // r[k]) <= s for k, s in enumerate(sizes))]
        assert chains(extent, [(0, "A", "X", s) for s in sizes]) == allowed


@pytest.mark.parametrize(("extent", "tiles"), [(2**20, "any"), (10**12, "perfect")])
def test_a_budget_is_kept_for_large_extents(extent, tiles):
    work = network(gemm(extents=(extent, extent, extent)))
    pe2d = catalog.load_architecture("two_level" if tiles == "any" else "pe2d")
    with within(8.0):
        found = map_workload(work, pe2d, request_of(tiles=tiles, budget=2.0), jobs=1)
    assert found.layers
    assert found.certificate.gap is not None
