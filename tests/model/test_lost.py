"""An intermediate that nothing holds around its node: no word of it comes back, or from another instance."""

from collections import Counter

import pytest
from strategies import nest_of, random_case, workload_of

from costmodel.model.evaluate import evaluate
from costmodel.model.lost import lost_words
from costmodel.model.nest import bind
from costmodel.model.walk import walk
from costmodel.model.walk.watcher import Watcher
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping
from costmodel.spec.problems import SpecError

MACHINE = Architecture(
    name="a",
    levels=(Memory(name="DRAM"), Array(name="PEs", shape={"X": 8}), Memory(name="L1"), ComputeUnit(name="MAC")),
)
CONSUMER = "Z[p, q] = Y[p + r, q + s] * F[r, s]"
NEST = """
store I F Z in DRAM
{loops}
sequence:
  branch:
    {producer}
    compute Y on MAC
  branch:
    {consumer}
    for r by 1
    for s by 1
    compute Z on MAC
"""


def nest(*loops, inside=()):
    lines = "\n    ".join(inside)
    text = NEST.format(loops="\n".join(loops), producer=lines, consumer=lines)
    return Mapping(nest_of("\n".join(line for line in text.splitlines() if line.strip())))


def cascade():
    """A pixel, and a window of 2 × 2 that ends there."""
    workload = workload_of("Y[p + 1, q + 1] = I[p, q]", CONSUMER, p=4, q=4, r=2, s=2)
    bind(workload, MACHINE, nest("for p by 1", "for q by 1", "store Y in L1"))
    return workload


def test_rows_that_have_left_do_not_come_back():
    workload = cascade()
    with pytest.raises(SpecError, match=r"words of Y come back to L1 .*store Y in L1 further out"):
        evaluate(workload, MACHINE, nest("for p by 1", "for q by 1", "store Y in L1"))
    whole = evaluate(workload, MACHINE, nest("store Y in L1", "for p by 1", "for q by 1"))
    rows = evaluate(workload, MACHINE, nest("for p by 1", "store Y in L1", inside=["for q by 1"]))
    assert whole.energy_pj == rows.energy_pj
    assert {r.words for e in (whole, rows) for r in e.occupancy_rows if r.tensor == "Y"} == {25, 10}


def test_an_instance_has_what_it_made_alone():
    spread = nest("parallel p by 1 across PEs.X", "store Y in L1", inside=["for q by 1"])
    with pytest.raises(SpecError, match="another of its instances"):
        evaluate(cascade(), MACHINE, spread)


class Arrivals(Watcher):
    """Words that come to an instance of a node without a parent, and how often."""

    def __init__(self, outermost):
        self.outermost, self.holders, self.held, self.seen = outermost, {}, {}, {}

    def took(self, holder, instance, tile, arriving, leaving):
        if holder.parent is None and holder.memory.name != self.outermost:
            before = self.held.get((id(holder), instance), frozenset())
            stays = tile == before or holder.memory.halo == "reuse"
            self.holders[id(holder)] = holder
            self.seen.setdefault(id(holder), Counter()).update(tile - before if stays else tile)
            self.held[id(holder), instance] = tile

    def ended(self):
        self.held = {at: tile for at, tile in self.held.items() if self.holders[at[0]].held.get(at[1])}


def losses(seeds):
    """How many random nests have an intermediate that nothing around holds, and in how many it loses words."""
    cases = lost = 0
    for seed in seeds:
        case = random_case(seed, losing=True)
        try:
            bound = bind(case.workload, case.architecture, case.mapping)
        except SpecError:
            continue
        arrivals = Arrivals(case.architecture.levels[0].name)
        walk(case.workload, case.architecture, case.mapping, arrivals)
        again = any(times > 1 for words in arrivals.seen.values() for times in words.values())
        assert again == any(lost_words(bound)), f"seed {seed}"
        cases, lost = cases + bool(arrivals.seen), lost + again
    return cases, lost


def test_the_walk_sees_the_same_words_come_back():
    cases, lost = losses(range(200, 400))
    assert cases > 15
    assert lost > 0


@pytest.mark.long
def test_the_walk_sees_the_same_words_come_back_in_many_nests():
    cases, lost = losses(range(20_000))
    assert cases > 2_000
    assert lost > 20
