"""What moves through a systolic array is the same along a dimension of it: in evaluations, searches and sizes alike."""

from dataclasses import replace

import exhaustive
import pytest
from asking import map_einsum
from problems import MAC, einsum, gemm

from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice import size as counting
from costmodel.mapper.lattice import space as mapspace
from costmodel.mapper.uneven import enumeration
from costmodel.model.evaluate import evaluate
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Mapping, Spatial
from costmodel.spec.mapping_file import parse_nest
from costmodel.spec.problems import SpecError
from costmodel.spec.rules import parse

GEMM = "Z[m, n] = A[m, k] * B[k, n]"
CONVOLUTION = "O[m, p] = I[p + r] * F[m, r]"
BIAS = "Z[m, n] = C[m, n] + A[m, k] * B[k, n]"


def cost(text, stays, rows, columns):
    """Evaluate a nest that spreads rank variables over the rows and columns of ``systolic4``."""
    ranks = dict.fromkeys({"m", "n", "k", "p", "r"} & set(text), 2)
    workload = load_workload({"name": "w", "ranks": {v.upper(): n for v, n in ranks.items()}, "einsums": [text]})
    architecture = load_architecture("systolic4")
    levels = tuple(replace(x, systolic=stays) if isinstance(x, Array) else x for x in architecture.levels)
    (one,) = workload.einsums
    nest = [f"store {' '.join(one.tensors)} in SRAM"]
    left = dict(ranks)
    for dimension, names in (("rows", rows), ("columns", columns)):
        for v in names:
            left[v] //= 2
            nest.append(f"parallel {v} by {left[v]} across PEs.{dimension}")
    nest += [f"for {v} by 1" for v, n in left.items() if n > 1]
    nest.append(f"compute {one.name} on MAC")
    return evaluate(workload, replace(architecture, levels=levels), Mapping(parse_nest(nest)))


@pytest.mark.parametrize(
    ("text", "stays", "rows", "columns"),
    [
        (GEMM, "output", "m", "n"),
        (GEMM, "output", "n", "m"),
        (GEMM, "weight", "k", "n"),
        (GEMM, "input", "k", "m"),
        (GEMM, "output", "m", ""),  # along the edge
        (GEMM, "weight", "mk", ""),
        (CONVOLUTION, "weight", "r", "m"),
        (CONVOLUTION, "weight", "pr", ""),
        (BIAS, "output", "m", "n"),  # the bias enters with the output
        (BIAS, "weight", "k", "n"),
    ],
)
def test_operands_that_flow_are_costed(text, stays, rows, columns):
    assert cost(text, stays, rows, columns).energy_pj > 0


@pytest.mark.parametrize(
    ("text", "stays", "rows", "columns", "stuck"),
    [
        (GEMM, "output", "k", "n", r"B\[k, n\]"),
        (GEMM, "weight", "m", "n", r"Z\[m, n\]"),
        (GEMM, "weight", "m", "k", r"A\[m, k\]"),
        (GEMM, "input", "k", "n", r"B\[k, n\]"),
        (GEMM, "input", "n", "m", r"Z\[m, n\]"),
        (CONVOLUTION, "weight", "r", "p", r"I\[p \+ r\]"),  # there are no wires along a diagonal
        (CONVOLUTION, "output", "m", "r", r"F\[m, r\]"),
        ("Z[m, n] = A[m, n] * B[n]", "output", "m", "n", r"A\[m, n\]"),
        ("Z[m, n] = X[m, k] * X[n, k]", "output", "k", "n", r"X\[n, k\]"),
    ],
)
def test_an_operand_that_would_have_to_reach_each_instance_is_refused(text, stays, rows, columns, stuck):
    with pytest.raises(SpecError, match=f"{stays} stationary, and {stuck} does not flow through it"):
        cost(text, stays, rows, columns)


@pytest.mark.parametrize("v", "mnk")
@pytest.mark.parametrize("stays", ["output", "weight", "input"])
def test_one_rank_variable_on_both_dimensions_never_flows(v, stays):
    nest = ["store A B Z in SRAM", f"parallel {v} by 2 across PEs.rows", f"parallel {v} by 1 across PEs.columns"]
    nest += [*(f"for {w} by 1" for w in "mnk" if w != v), "compute Z on MAC"]
    workload = load_workload({"name": "w", "ranks": {"M": 4, "N": 4, "K": 4}, "einsums": [GEMM], "weights": ["B"]})
    architecture = load_architecture("systolic4")
    levels = tuple(replace(x, systolic=stays) if isinstance(x, Array) else x for x in architecture.levels)
    with pytest.raises(SpecError, match=rf"changes along rows \({v}\) and along columns \({v}\)"):
        evaluate(workload, replace(architecture, levels=levels), Mapping(parse_nest(nest)))
    free = tuple(replace(x, systolic=None) if isinstance(x, Array) else x for x in architecture.levels)
    assert evaluate(workload, replace(architecture, levels=free), Mapping(parse_nest(nest))).energy_pj > 0


def chip(stays):
    levels = (
        Memory(name="M0", read_pj=20, write_pj=20),
        Array(name="A1", shape={"X": 2, "Y": 2}, systolic=stays),
        Memory(name="M1", capacity_bits=16, read_pj=1, write_pj=1, may_keep=("weight", "output")),
        MAC,
    )
    return Architecture(name="chip", levels=levels)


PRODUCT = gemm(2, 4, 2)
WINDOW = einsum("O[m, p]", "I[p+r]", "F[m, r]", weights="F", m=2, p=2, r=4)
SEARCHED = [
    *((PRODUCT, stays) for stays in ("output", "weight", "input")),
    *((WINDOW, stays) for stays in ("output", "weight")),
    (einsum("Z[m, n]", "A[m, n]", "B[n]", m=4, n=2), "output"),
]


@pytest.mark.parametrize(("problem", "stays"), SEARCHED, ids=lambda x: getattr(x, "text", x))
def test_no_search_and_no_size_has_them(problem, stays):
    """All that an enumeration with a rule of its own lists is what the exact search counts and is proven best of."""
    architecture = chip(stays)
    size = exhaustive.size(problem, architecture, 100_000)
    rules = parse((), architecture, problem)
    assert counting.size(mapspace.build(Allowed(problem, architecture, rules))) == size
    assert counting.size(mapspace.build(Allowed(problem, architecture))) > size
    found = map_einsum(problem, architecture, objective="energy,latency")
    assert found.certificate.status == "optimal: proven"
    if size < 2_000:
        expected = [(energy, latency) for energy, latency, _ in exhaustive.front(problem, architecture)]
        assert [(p.energy_pj, p.latency_cycles) for p in found.front] == [pytest.approx(e) for e in expected]


ASKED = {"exact": {}, "any tiles": {"tiles": "any"}, "random": {"method": "random", "trials": 30}}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_every_engine_returns_what_flows(asked):
    still = {"output": {"m", "n"}, "weight": {"k", "n"}, "input": {"m", "k"}}
    for stays, own in still.items():
        found = map_einsum(gemm(4, 6, 4), chip(stays), objective="latency", **asked)
        for point in found.front:
            along = {}
            for node in point.mapping.nest:
                if isinstance(node, Spatial):
                    along.setdefault(node.dimension, set()).add(node.rank_variable)
            assert len(along) < 2 or along["X"] | along["Y"] == own, (stays, point.mapping)


def test_tiles_that_do_not_divide_are_listed_without_them():
    problem, architecture = gemm(3, 2, 3), chip("output")
    rules = parse((), architecture, problem)
    seen = 0
    for skeleton in enumeration.skeletons(Allowed(problem, architecture, rules)):
        tiles = enumeration._combined(Allowed(problem, architecture, rules), skeleton, divide=False)
        across = [k for k, slot in enumerate(skeleton.slots) if slot[3]]
        moving = tiles.steps[:, :, across] > 1
        for tensor in ((0, 2), (2, 1)):  # A[m, k] and B[k, n] of m, n, k
            assert (moving[:, list(tensor)].any(axis=1).sum(axis=1) <= 1).all()
        seen += len(tiles.rows)
    assert seen > 50
