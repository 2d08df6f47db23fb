"""What may be held where, and what is allowed where: the mapspace that all engines read."""

import itertools
import random
from dataclasses import replace

import plain_rules
import pytest
from problems import PE2D, TWO_LEVEL, gemm, random_architecture, random_einsum

from costmodel.mapper.allowed import Allowed
from costmodel.mapper.divisors import divisors_of
from costmodel.mapper.holding import holding
from costmodel.mapper.result import InfeasibleError
from costmodel.spec.hardware import Memory
from costmodel.spec.rules import Rules, parse

GEMM = gemm(8, 8, 4)


def allowed(*sentences, architecture=PE2D, problem=GEMM):
    return Allowed(problem, architecture, parse(sentences, architecture, problem))


def with_glb(**changes):
    levels = [replace(x, **changes) if isinstance(x, Memory) and x.name == "GLB" else x for x in PE2D.levels]
    return replace(PE2D, levels=tuple(levels))


def test_what_an_architecture_says_of_a_memory():
    choice = with_glb(keep=("output",), may_keep=("weight",))
    problem = replace(GEMM, tensors={n: replace(t, role="weight") if n == "B" else t for n, t in GEMM.tensors.items()})
    found = Allowed(problem, choice)
    glb = choice.index("GLB")
    assert [found.holding[glb, t] for t in ("A", "B", "Z")] == ["no", "choice", "yes"]
    assert found.chain("A") == {0: "yes", choice.index("RF"): "yes"}
    assert found.chain("B") == {0: "yes", glb: "choice", choice.index("RF"): "yes"}
    assert {(t, answer) for place, t, answer in found.below if place == glb} == {("B", "choice"), ("Z", "yes")}


@pytest.mark.parametrize("seed", range(60))
def test_rules_on_holding_against_all_choices(seed):
    """A tensor is held, or not, as the architecture leaves it and all rules want it: tried one by one."""
    rng = random.Random(seed)
    problem, architecture = random_einsum(rng), random_architecture(rng)
    memories = dict(enumerate(architecture.levels))
    memories = {place: x for place, x in memories.items() if isinstance(x, Memory)}
    words = ["input", "output", "weight", *problem.tensors]
    said = [
        (rng.choice(architecture.memories[1:] or architecture.memories).name, rng.random() < 0.5, rng.choice(words))
        for _ in range(rng.randint(0, 3))
    ]
    said = [(level, keeps or level == architecture.memories[0].name, word) for level, keeps, word in said]
    rules = parse([f"{level} {'keeps' if k else 'bypasses'} {w}" for level, k, w in said], architecture, problem)

    def possible(memory, tensor):
        listed = memory.keep is not None and any(plain_rules.means(w, tensor, problem) for w in memory.keep)
        wishes = {k for level, k, w in said if level == memory.name and plain_rules.means(w, tensor, problem)}
        outermost = memory is architecture.memories[0]
        states = [True] if outermost or listed else [True, False]
        if not plain_rules.may_hold(memory, tensor, problem) and not outermost:
            states = [False]
        free = memory.keep is not None or memory.may_keep
        return [s for s in states if wishes <= {s} and (wishes or free or s)]

    expected = {(p, t): possible(m, t) for p, m in memories.items() for t in problem.tensors}
    if not all(expected.values()):
        with pytest.raises(InfeasibleError):
            holding(problem, memories, rules)
        return
    found = holding(problem, memories, rules)
    names = {"yes": [True], "no": [False], "choice": [True, False]}
    assert {at: names[answer] for at, answer in found.items()} == expected


def test_the_outermost_memory_holds_what_it_does_not_list():
    outermost = replace(PE2D.levels[0], keep=("output",))
    found = Allowed(GEMM, replace(PE2D, levels=(outermost, *PE2D.levels[1:])))
    assert {found.holding[0, t] for t in GEMM.tensors} == {"yes"}


def test_two_rules_that_want_both_leave_nothing():
    for order in itertools.permutations(["GLB keeps A", "GLB bypasses input"]):
        with pytest.raises(InfeasibleError, match="GLB"):
            allowed(*order)


def test_the_outermost_memory_holds_everything_whole():
    with pytest.raises(InfeasibleError, match="MainMemory tile m <= 4"):
        allowed("MainMemory tile m <= 4")
    assert allowed("MainMemory tile m <= 8", "MainMemory tile k == 100").rules.said


def test_levels_inside_of_the_unit_are_none_of_its():
    found = allowed()
    assert [x.name for x in found.levels] == ["MainMemory", "GLB", "PEs", "RF"]
    assert [found.segment_of(place) for place in found.memories] == [0, 0, 1]
    assert found.instances == 64
    assert Allowed(GEMM, TWO_LEVEL).instances == 1


def test_what_may_be_spread():
    found = allowed("PEs.X only [m, n]", "PEs.X at most m 3", "PEs exact n 2", "PEs.Y at most k 1")
    (array,) = found.arrays.values()
    assert [found.along(array, "X", v).most for v in "mnk"] == [3, 8, 1]
    assert [v for v in "mnk" if found.open_to(array, "X", v)] == ["m", "n"]
    assert [v for v in "mnk" if found.open_to(array, "Y", v)] == ["m", "n"]
    assert (found.over(array, "n").least, found.over(array, "n").most) == (2, 2)
    assert found.asked == ((array, "", "n", 2),)
    over_all = allowed("PEs at most k 1")
    assert not over_all.open_to(array, "X", "k")
    assert (over_all.over(array, "k").most, over_all.over(array, "m").most) == (1, array.fanout)


def test_which_rank_variables_a_rule_wants_somewhere():
    assert allowed("GLB tile m <= 2", "PEs.X only [m]", "output_stationary").wanted == frozenset()
    assert allowed("GLB tile m == 2").wanted == {"m"}
    assert allowed("order in RF: k, zz").wanted == {"k"}


def test_what_order_and_stillness_are_asked():
    found = allowed("order in GLB: m, k", "order in MainMemory: n, m")
    assert found.orders == (("MainMemory", ("n", "m")), ("GLB", ("m", "k")))
    assert (found.still, found.ordered) == (None, True)
    assert allowed("weight_stationary").still == "B"
    assert not Allowed(GEMM, PE2D, Rules()).ordered


def test_divisors():
    assert [divisors_of(n).tolist() for n in (1, 12, 13, 49)] == [[1], [1, 2, 3, 4, 6, 12], [1, 13], [1, 7, 49]]
