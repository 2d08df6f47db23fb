"""The links that words take, by the formulas, against routes that are walked link by link on small arrays."""

import itertools
import math
import random
from statistics import fmean

import pytest

from costmodel.components.network import Network

SHAPES = [(1,), (2,), (6,), (9,), (2, 2), (4, 4), (3, 5), (8, 2), (2, 3, 4)]


def formula(topology, shape, receivers, **said):
    links = Network(topology=topology, link_bits=8, **said).links(dict(zip("XYZ", shape, strict=False)))
    return links.word + links.instance * receivers


def places(shape):
    return list(itertools.product(*(range(n) for n in shape)))


def steps(start, end):
    """The links from a router to another one, dimension by dimension."""
    at = list(start)
    for d, target in enumerate(end):
        while at[d] != target:
            before = tuple(at)
            at[d] += 1 if target > at[d] else -1
            yield before, tuple(at)


def mesh(block):
    """The links to a block of routers: to its nearest corner, and from there to each by the shortest way."""
    corner = tuple(map(min, zip(*block, strict=True)))
    origin = (0,) * len(corner)
    return {("above", origin), *steps(origin, corner)} | {link for place in block for link in steps(corner, place)}


def tree(leaves, radix, instances):
    """The links to some leaves, each known by its lower end: (height, number)."""
    found = {("root", 0)} if instances == 1 else set()
    for leaf in leaves:
        height, number, width = 0, leaf, instances
        while width > 1:
            found.add((height, number))
            height, number, width = height + 1, number // radix, -(-width // radix)
    return found


def blocks(shape, sides):
    """The blocks of some sides that tile a shape."""
    starts = itertools.product(*(range(0, n, side) for n, side in zip(shape, sides, strict=True)))
    return [
        [tuple(map(sum, zip(start, at, strict=True))) for at in itertools.product(*map(range, sides))]
        for start in starts
    ]


def sides_of(shape):
    """Every way to cut a shape into equal blocks."""
    return itertools.product(*([side for side in range(1, n + 1) if n % side == 0] for n in shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_word_for_one_instance_of_a_mesh_or_for_all_takes_what_its_route_has(shape):
    one = fmean(len(mesh([place])) for place in places(shape))
    assert formula("mesh", shape, 1) == pytest.approx(one)
    assert formula("mesh", shape, math.prod(shape)) == pytest.approx(len(mesh(places(shape))))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mesh_never_takes_fewer_links_for_a_block_than_its_routes(shape):
    for sides in sides_of(shape):
        walked = fmean(len(mesh(block)) for block in blocks(shape, sides))
        found = formula("mesh", shape, math.prod(sides))
        assert walked <= found * (1 + 1e-12) <= 1.4 * walked
        if len(shape) == 1:  # a row: right for every block
            assert found == pytest.approx(walked)


@pytest.mark.parametrize("radix", [2, 3, 4])
@pytest.mark.parametrize("instances", [1, 2, 6, 9, 16, 27])
def test_a_tree_takes_the_links_between_its_root_and_its_leaves(instances, radix):
    def found(receivers):
        return formula("tree", (instances,), receivers, radix=radix)

    assert found(1) == pytest.approx(fmean(len(tree([leaf], radix, instances)) for leaf in range(instances)))
    assert found(instances) == pytest.approx(len(tree(range(instances), radix, instances)))
    subtree = 1
    while instances % subtree == 0 and subtree <= instances:
        starts = range(0, instances, subtree)
        walked = fmean(len(tree(range(at, at + subtree), radix, instances)) for at in starts)
        assert walked <= found(subtree) * (1 + 1e-12) <= 1.4 * walked
        subtree *= radix


@pytest.mark.parametrize("shape", SHAPES)
def test_a_bus_and_a_crossbar_take_the_same_for_any_instances(shape):
    rng, every = random.Random(0), places(shape)
    for ports in (1, 3):
        for _ in range(10):
            block = rng.sample(every, rng.randint(1, len(every)))
            row = {("row", column) for column in every}
            columns = {(place, port) for place in block for port in range(ports)}
            assert formula("crossbar", shape, len(block), ports=ports) == len(row | columns)
            assert formula("bus", shape, len(block), ports=ports) == len(row)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_a_square_systolic_array_takes_the_links_along_its_lines(n):
    down = [set(steps((-1, column), (row, column))) for row, column in places((n, n))]
    assert formula("systolic", (n, n), 1) == pytest.approx(fmean(map(len, down)))  # what stays is loaded
    along = set(steps((0, -1), (0, n - 1)))
    assert formula("systolic", (n, n), n) == pytest.approx(len(along))  # what moves passes a line
    assert formula("systolic", (n,), n) == pytest.approx(n)


@pytest.mark.parametrize(("rows", "columns"), [(4, 8), (3, 5), (16, 2)])
def test_what_moves_through_any_systolic_array_takes_a_link_an_instance_and_way(rows, columns):
    """At each step, one word for each row goes along it, and one for each column."""
    lines = [*([columns] * rows), *([rows] * columns)]
    found = sum(formula("systolic", (rows, columns), length) for length in lines)
    assert found == pytest.approx(2 * rows * columns)


@pytest.mark.parametrize("shape", [(2,), (4,), (5,), (4, 4), (8, 2), (2, 6), (3, 3)])
def test_what_may_enter_a_mesh_fills_the_links_in_its_middle(shape):
    """Of one word for each instance, those for the far half pass the middle: over as many links as there are."""
    longest = max(range(len(shape)), key=shape.__getitem__)
    start = shape[longest] - shape[longest] // 2  # of the far half
    pairs = itertools.combinations(places(shape), 2)
    links = [pair for pair in pairs if sum(abs(x - y) for x, y in zip(*pair, strict=True)) == 1]
    middle = sum((a[longest] < start) != (b[longest] < start) for a, b in links)
    passing = sum(place[longest] >= start for place in places(shape))
    rates = Network(topology="mesh", ports=99, link_bits=8).words_per_cycle(dict(zip("XY", shape, strict=False)))
    assert rates == {"enter": 99, "deliver": math.prod(shape), "bisect": math.prod(shape) / (passing / middle)}


@pytest.mark.parametrize(("instances", "radix"), [(16, 2), (9, 3), (6, 2), (5, 4), (2, 4)])
def test_what_may_enter_a_tree_fills_the_links_below_its_root(instances, radix):
    every = tree(range(instances), radix, instances)
    top = max(height for height, _ in every)
    rates = Network(topology="tree", radix=radix, link_bits=8).words_per_cycle({"X": instances})
    assert rates["bisect"] == sum(height == top for height, _ in every)


def test_rows_and_columns_of_a_systolic_array_have_a_link_each_and_buses_deliver_to_all():
    def rates(topology, **said):
        return Network(topology=topology, link_bits=8, **said).words_per_cycle({"X": 4, "Y": 3})

    assert rates("systolic") == {"enter": 7, "deliver": 12}
    assert rates("bus", ports=2) == {"enter": 2, "deliver": 24}
    assert rates("crossbar", ports=2) == {"enter": 2, "deliver": 12}
