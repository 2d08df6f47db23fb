"""Rules: sentences that print as they parse, and what is wrong with others, with its place."""

import random
import re
from dataclasses import fields, replace

import pytest

from costmodel.spec.catalog import load_architecture, load_study, load_workload
from costmodel.spec.hardware import Array
from costmodel.spec.problems import Marks, SpecError
from costmodel.spec.rules import Rule, parse, read, sentence_problems
from costmodel.spec.rules.base import WordingError
from costmodel.spec.rules.finding import ANY, Interval, compared
from costmodel.spec.rules.rulebook import REGISTRY
from costmodel.spec.rules.utilisation import Utilisation, working_least

PE2D = load_architecture("pe2d")
CONVOLUTION = load_workload("conv3x3")
GEMM = load_workload("mm64")

SAID = {
    "PEs.X only [p, q, m]": "PEs.X only [m, p, q]",
    "PEs  only [m]": "PEs only [m]",
    "PEs.X only []": "PEs.X only []",
    "PEs.X only ranks of weight": "PEs.X only ranks of weight",
    "PEs.X only ranks of weight not of input": "PEs.X only ranks of weight not of input",
    "PEs.X only ranks of input not of output  outside windows": (
        "PEs.X only ranks of input not of output outside windows"
    ),
    "PEs only ranks of input outside windows": "PEs only ranks of input outside windows",
    "PEs.X at most m 8": "PEs.X at most m 8",
    "PEs exact m 8": "PEs exact m 8",
    "GLB tile p <= 14": "GLB tile p <= 14",
    "GLB tile p==3": "GLB tile p == 3",
    "GLB tile p = 3": "GLB tile p == 3",
    "GLB keeps weight": "GLB keeps weight",
    "GLB bypasses A": "GLB bypasses A",
    "order in GLB: m, k": "order in GLB: m, k",
    "order in GLB:[m k]": "order in GLB: m, k",
    "utilisation >= 50 %": "utilisation >= 50 %",
    "utilization>=0.07": "utilisation >= 7 %",
    "weight_stationary": "weight_stationary",
    "output_stationary": "output_stationary",
    "input_stationary": "input_stationary",
    "row_stationary": "row_stationary",
}


@pytest.mark.parametrize("sentence", SAID)
def test_a_rule_prints_as_it_parses(sentence):
    rule = read(sentence)
    assert str(rule) == SAID[sentence]
    assert read(str(rule)) == rule


@pytest.mark.parametrize("seed", range(200))
def test_any_share_prints_as_it_parses(seed):
    draw = random.Random(seed)
    share = draw.choice([draw.random(), draw.randint(1, 100) / 100, 10 ** -draw.uniform(0, 12)])
    assert read(str(Utilisation(share))) == Utilisation(share)


def test_every_kind_of_rule_is_said_above_and_every_form_of_it_is_read():
    assert {type(read(sentence)) for sentence in SAID} == set(REGISTRY)
    names = {"ARRAY": "PEs", "DIM": "X", "LEVEL": "GLB", "TENSOR": "weight"}
    for kind in REGISTRY:
        assert kind.forms
        for form in kind.forms:
            for word, name in names.items():
                form = form.replace(word, name)  # noqa: PLW2901  the form with names filled in
            assert type(read(form)) is kind


def test_a_sentence_has_one_meaning():
    for sentence in SAID:
        assert sum(kind.read(" ".join(sentence.split())) is not None for kind in REGISTRY) == 1


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("utilisation >= 200 %", "utilisation >= 200 %: more than all instances cannot work"),
        ("utilisation >= 1.01", "more than all instances cannot work"),
        ("PEs.X at most m 0", "m takes at least one instance"),
        ("GLB tile m <= 0", "a tile has an extent of at least one"),
        ("order in GLB: m, n, m", "m is listed twice"),
        ("GLB hold A", "cannot read the constraint 'GLB hold A'"),
    ],
)
def test_what_can_mean_nothing_is_refused_whatever_it_is_about(sentence, message):
    with pytest.raises(WordingError, match=message.replace("%", "%")):
        read(sentence)


def test_the_same_rule_counts_once_and_rules_judge_in_one_order():
    said = ("order in GLB: m, n", "PEs.X only [m]", "PEs.X only  [m]", "GLB keeps A")
    found = parse(said, PE2D, GEMM.einsums[0])
    assert [str(rule) for rule in found.said] == ["PEs.X only [m]", "GLB keeps A", "order in GLB: m, n"]


def test_of_several_limits_the_tightest_holds():
    rules = parse(["PEs.X at most m 8", "PEs.X at most m 4", "PEs.Y only [k]"], PE2D, GEMM.einsums[0])
    assert rules.instances("PEs", "X", "m") == Interval(most=4)
    assert rules.instances("PEs", "X", "n") == ANY
    assert rules.instances("PEs", "Y", "m") == Interval(most=1)
    assert rules.instances("PEs", "", "m") == ANY
    assert parse(["utilisation >= 10 %", "utilisation >= 50%"], PE2D, GEMM.einsums[0]).working_least(256) == 128


@pytest.mark.parametrize(
    ("have", "allowed", "slack", "bound"),
    [
        (8, Interval(most=4), 1.0, 4),
        (2, Interval(most=4), -1.0, None),
        (2, Interval(4, 4), 1.0, 4),
        (16, Interval(4, 4), 2.0, 4),
        (4, Interval(4, 4), 0.0, None),
        (1, Interval(2, 8), 1.0, 2),
        (1, ANY, -1.0, None),
    ],
)
def test_a_limit_says_by_which_power_of_two_it_is_missed(have, allowed, slack, bound):
    found = compared("GLB", "limit", have, allowed, "how")
    assert found.slack == slack
    assert (found.reject.have if found.reject else None) == bound


def test_shares_of_instances_are_not_rounded_up_for_want_of_digits():
    assert working_least(0.07, 100) == 7
    assert working_least(0.071, 100) == 8


def test_a_rule_is_a_frozen_value():
    for sentence in SAID:
        rule = read(sentence)
        assert isinstance(rule, Rule)
        assert replace(rule, **{f.name: getattr(rule, f.name) for f in fields(rule)}) == rule
        assert hash(read(sentence)) == hash(rule)


# Where they are read

ARCH = """\
name: test
levels:
- memory: DRAM
  energy: 1 pJ
- memory: GLB
  energy: 1 pJ
- array: PEs
  shape: {X: 4}
- compute: MAC
  energy: 1 pJ
constraints:
"""


UNREAD = "cannot read the constraint '{}': expected {}, got {}"


def test_an_architecture_says_which_of_its_constraints_are_wrong_and_where(tmp_path):
    file = tmp_path / "arch.yaml"
    file.write_text(
        ARCH
        + "- PEs.X only [m]\n- PEs.Z only [m]\n- 'order in GBL: m, n'\n- utilisation >= 200 %\n-   nonsense here\n"
        + "- weight_stationary\n- output_stationary\n- DRAM bypasses A\n"
    )
    with pytest.raises(SpecError) as caught:
        load_architecture(file)
    texts = [(p.line, p.column, p.message) for p in caught.value.problems]
    assert texts == [
        (13, 3, "PEs.Z only [m]: PEs has no dimension Z"),
        (14, 3, "order in GBL: m, n: GBL is no memory"),
        (15, 3, "utilisation >= 200 %: more than all instances cannot work"),
        (16, 14, UNREAD.format("nonsense here", "'.', only, at, exact, tile, keeps or bypasses", "'here'")),
        (18, 3, "output_stationary: the dataflow is weight_stationary already"),
        (19, 3, "DRAM bypasses A: DRAM is the outermost memory, which holds every tensor"),
    ]
    assert {p.path for p in caught.value.problems} == {f"$.constraints[{k}]" for k in (1, 2, 3, 4, 6, 7)}


def test_a_study_says_which_names_none_of_its_workloads_has(tmp_path):
    file = tmp_path / "study.yaml"
    said = ["PEs.X only [m, j]", "GLB keeps Q", "GLB keeps weight", "GBL tile m <= 4", "row_stationary", "what"]
    file.write_text(
        "arch: pe2d\nworkload: mm64\nobjective: energy\nconstraints:\n" + "".join(f"- {text}\n" for text in said)
    )
    with pytest.raises(SpecError) as caught:
        load_study(file)
    assert [(p.line, p.message) for p in caught.value.problems] == [
        (5, "PEs.X only [j, m]: no Einsum has a rank variable j"),
        (6, "GLB keeps Q: no Einsum has a tensor Q"),
        (8, "GBL tile m <= 4: GBL is no memory"),
        (10, UNREAD.format("what", "'.', only, at, exact, tile, keeps or bypasses", "its end")),
    ]


def test_a_study_may_not_contradict_the_dataflow_of_its_architecture():
    fixed = replace(PE2D, constraints=("weight_stationary",))
    assert sentence_problems(["weight_stationary"], Marks(), (), architectures=[fixed]) == []
    found = sentence_problems(["output_stationary"], Marks(), (), architectures=[fixed])
    assert [p.message for p in found] == ["output_stationary: the dataflow is weight_stationary already"]


def test_a_rank_variable_that_an_einsum_lacks_is_passed_over():
    rules = parse(["PEs.X at most zz 2", "GLB tile zz <= 2"], PE2D, GEMM.einsums[0])
    assert rules.instances("PEs", "X", "m") == ANY


def test_what_each_dimension_of_an_array_may_take():
    def only(sentence):
        return {str(rule) for rule in parse([sentence], PE2D, CONVOLUTION.einsums[0]).said}

    assert only("PEs only [m]") == {"PEs.X only [m]", "PEs.Y only [m]"}
    assert only("PEs.X only ranks of weight not of input") == {"PEs.X only [m]"}
    assert only("PEs.X only ranks of input not of output") == {"PEs.X only [c, r, s]"}
    assert only("PEs.X only ranks of nothing") == set()


@pytest.mark.parametrize(
    ("statement", "reduced"),
    [
        ("O[m, p, q] = I[c, p + r, q + s] * F[m, c, r, s]", "c"),
        ("O[c, p] = I[c, p + r] * F[c, r]", ""),  # a depthwise layer reduces its window alone
        ("O[m, p] = I[c, 3*p + r] * F[m, c, r]", "c, r"),  # windows side by side do not slide
        ("O[m] = I[c, h, w] * F[m, c, h, w]", "c, h, w"),
        ("Z[b, p, h, e] = X[b, M=p, d] * W[d, h, e]", "d"),
        ("AV[h, m1, f] = A[h, m1, m0] * V[h, M=m1*M0 + m0, f]", "m0"),
    ],
)
def test_what_is_reduced_outside_windows(statement, reduced):
    ranks = {name.upper(): 3 if name in "rs" else 4 for name in re.findall(r"\b[a-z]\w*", statement)}
    (einsum,) = load_workload({"name": "w", "ranks": ranks, "einsums": [statement]}).einsums
    (rule,) = parse(["PEs.X only ranks of input not of output outside windows"], PE2D, einsum).said
    assert str(rule) == f"PEs.X only [{reduced}]"
    assert isinstance(PE2D.level("PEs"), Array)
