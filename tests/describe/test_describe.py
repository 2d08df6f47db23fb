"""What a workload says of itself, against numbers that can be counted by hand and those of the lecture."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.describe.cascade import describe, role_totals
from costmodel.describe.facts import einsum_facts
from costmodel.describe.fiber_picture import fibertrees_svg
from costmodel.describe.growth import growth
from costmodel.describe.picture import graph_svg
from costmodel.describe.words import tree_of
from costmodel.einsum.algebra import Role
from costmodel.einsum.notation import parse
from costmodel.spec.catalog import latex_of, load_nonzeros, load_values, load_workload
from costmodel.spec.nonzeros import Nonzeros
from costmodel.spec.problems import SpecError

EDGES = [[0, 1], [0, 3], [1, 2], [1, 4], [2, 3], [3, 4], [4, 5], [5, 0]]
GRAPH = {
    "name": "graph",
    "ranks": {"V": 6},
    "tensors": {"G": ["S=V", "D=V"]},
    "coordinates": {"G": EDGES},
    "einsums": ["Z[d] = G[s, d] * X[s]", "DEG[s] = G[s, d]"],
}


def facts_of(*einsums, nonzeros=None, **keys):
    workload = load_workload({"name": "w", "einsums": list(einsums), **keys})
    return [einsum_facts(einsum, nonzeros or Nonzeros()) for einsum in workload.einsums]


def test_a_matrix_product():
    (facts,) = facts_of("Z[m, n] = A[m, k] * B[k, n]", ranks={"M": 4, "N": 5, "K": 6})
    assert (facts.points, facts.uncontracted, facts.contracted) == (120, {"m": 4, "n": 5}, {"k": 6})
    assert facts.operations == {"mac": 120}
    assert {use.tensor: (use.words, use.uses, use.reuse) for use in facts.tensors} == {
        "A": (24, 120, 5),  # once for each n
        "B": (30, 120, 4),
        "Z": (20, 120, 6),
    }
    assert facts.operations_per_byte == 120 / (24 + 30 + 20)


def test_a_window_and_a_bias():
    (facts,) = facts_of("O[p] = B[p] + I[p + r] * F[r]", ranks={"P": 4, "R": 3})
    reuse = {use.tensor: use.reuse for use in facts.tensors}
    assert reuse == {"B": 1, "I": 12 / 6, "F": 4, "O": 3}  # a bias is asked for once for each word of the output


# --- the lecture's numbers


def test_totals_of_an_encoder_layer():
    totals = {total.role: total.words for total in role_totals(load_workload("bert_base_layer"))}
    assert totals[Role.WEIGHT] == 4 * 768 * 768 + 2 * 768 * 3072 + 512 * 768 + 4 * 768 == 7474176
    assert totals[Role.INTERMEDIATE] == 20854784


def test_projections_grow_with_the_sequence_and_attention_with_its_square():
    grown = growth("M", [512, 1024], lambda n: load_workload("bert_base_layer", [("ranks.M", n)]))
    rows = {(row.what, row.of): row for row in grown.rows}
    projections = [rows["operations", name] for name in ("Q", "K", "V")]
    attention = [rows["operations", name] for name in ("QK", "AV")]
    assert sum(row.amounts[0] for row in projections) == 905969664
    assert sum(row.amounts[0] for row in attention) == 402653184
    assert [row.doubling for row in projections] == [2, 2, 2]
    assert [row.doubling for row in attention] == [4, 4]
    assert rows["words", "weight"].amounts[1] - rows["words", "weight"].amounts[0] == 512 * 768  # positions alone


def test_gpt3_at_4096():
    workload = load_workload("gpt3_175b_layer", ["ranks.M=4096"])
    assert workload.einsum("QK").points == workload.einsum("AV").points == 206158430208


@pytest.mark.parametrize(
    ("ranks", "macs"),
    [
        # ViT-B/16: 224 × 224 in patches of 16; AST: 128 × 1024 in patches of 16 with stride 10, one channel
        ({"H": 224, "W": 224, "R": 16, "S": 16, "U": 16, "C": 3, "D": 768}, 115605504),
        ({"H": 128, "W": 1024, "R": 16, "S": 16, "U": 10, "C": 1, "D": 768}, 238288896),
    ],
)
def test_patch_embeddings(ranks, macs):
    shapes = {"P": "floor((H - R) / U) + 1", "Q": "floor((W - S) / U) + 1"}
    (facts,) = facts_of(r"E_{d,p,q} = I_{c,Up+r,Uq+s} \times F_{d,c,r,s}", ranks={**ranks, **shapes})
    assert facts.operations == {"mac": macs}


# --- zeros


def test_an_adjacency_matrix_has_8_effectual_operations_of_36():
    found = describe(load_workload(GRAPH), load_nonzeros(GRAPH))
    assert found.nonzero_words == {"G": 8}
    assert [facts.operations for facts in found.einsums] == [{"mac": 36}, {"add": 36}]
    assert [facts.effectual.operations for facts in found.einsums] == [{"mac": 8}, {"add": 8}]
    assert all(facts.effectual.is_exact for facts in found.einsums)
    rows = [sum(1 for edge in EDGES if edge[0] == s) for s in range(6)]
    assert rows == [2, 2, 1, 1, 1, 1]


def test_an_adjacency_matrix_as_a_tree_of_fibers():
    drawn = str(tree_of("G", load_workload(GRAPH), load_nonzeros(GRAPH), {}))
    assert drawn.splitlines() == [
        "G: 8 of 36 words are not zero",
        "S 0 ── D 1",
        "       └ 3",
        "  1 ── D 2",
        "       └ 4",
        "  2 ── D 3",
        "  3 ── D 4",
        "  4 ── D 5",
        "  5 ── D 0",
    ]


def test_values_say_what_is_zero_and_stand_in_the_tree():
    content = {
        "name": "w",
        "ranks": {"M": 2, "K": 3},
        "values": {"A": [[0, 2, 0], [1.5, 0, 4]], "B": [1, 1, 1]},
        "einsums": ["Z[m] = A[m, k] * B[k]"],
    }
    nonzeros = load_nonzeros(content)
    assert nonzeros.coordinates == {"A": ((0, 1), (1, 0), (1, 2))}
    found = describe(load_workload(content), nonzeros)
    assert found.einsums[0].effectual.operations == {"mac": 3}
    drawn = str(tree_of("A", load_workload(content), nonzeros, load_values(content)))
    assert drawn.splitlines()[1:] == ["M 0 ── K 1: 2", "  1 ── K 0: 1.5", "       └ 2: 4"]


def test_a_density_is_expected():
    (facts,) = facts_of(
        "Z[m, n] = A[m, k] * B[k, n]",
        ranks={"M": 4, "N": 4, "K": 4},
        nonzeros=Nonzeros({"A": 0.5, "B": 0.25}),
    )
    assert facts.effectual.operations == {"mac": 8}
    assert not facts.effectual.is_exact
    workload = load_workload({**GRAPH, "coordinates": {}, "density": {"G": 0.25}})
    assert describe(workload, Nonzeros({"G": 0.25})).nonzero_words == {"G": 9}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_effectual_operations_are_those_of_a_plain_count(seed):
    random = np.random.default_rng(seed)
    sizes = dict(zip("MNKR", (int(n) for n in random.integers(1, 5, size=4)), strict=True))
    a, b = (random.random((sizes["M"] + sizes["R"], sizes["K"])) < 0.4, random.random((sizes["K"], sizes["N"])) < 0.6)
    (facts,) = facts_of(
        "Z[m, n] = A[m + r, k] * B[k, n]",
        ranks=sizes,
        nonzeros=Nonzeros(coordinates={"A": _points(a[:-1]), "B": _points(b)}),
    )
    plain = sum(
        a[m + r, k] and b[k, n]
        for m in range(sizes["M"])
        for n in range(sizes["N"])
        for k in range(sizes["K"])
        for r in range(sizes["R"])
    )
    assert facts.effectual.operations == {"mac": plain}


def test_points_outside_of_a_padded_tensor_do_nothing():
    content = {
        "name": "w",
        "ranks": {"H": 3, "P": 3, "R": 3},
        "pad": "zero",
        "coordinates": {"F": [[0], [2]]},
        "einsums": ["O[p] = I[H=p + r - 1] * F[r]"],
    }
    (facts,) = describe(load_workload(content), load_nonzeros(content)).einsums
    assert facts.points == facts.operations["mac"] == 7
    assert facts.effectual.operations == {"mac": 4}  # 2 for each end of the filter


def test_the_embedding_of_three_tokens_has_2304_words_and_no_multiplication():
    ranks, tokens = {"M": 3, "D": 768, "V": 30522}, [7592, 2088, 999]
    (facts,) = facts_of("E_{m,d} = TABLE_{TOKEN_m,d}^{V,D}", ranks=ranks, values={"TOKEN": tokens})
    assert {use.tensor: use.words for use in facts.tensors} == {"TABLE": 2304, "TOKEN": 3, "E": 2304}
    assert facts.operations == {"copy": 2304}
    (facts,) = facts_of("E[m, d] = TABLE[V=TOKEN[m], d]", ranks=ranks, values={"TOKEN": [5, 7, 5]})
    assert {use.tensor: use.words for use in facts.tensors}["TABLE"] == 2 * 768


def _points(marks):
    return tuple(tuple(int(c) for c in point) for point in np.argwhere(marks))


@pytest.mark.parametrize(
    ("keys", "path", "message"),
    [
        ({"density": {"X": 0.5}}, "$.density.X", "no tensor 'X'"),
        ({"density": {"A": 0}}, "$.density.A", "must be > 0"),
        ({"density": {"A": 1.5}}, "$.density.A", "must be <= 1"),
        ({"coordinates": {"A": [[0, 3]]}}, "$.coordinates.A[0]", "[0, 3] is no point of A (M 2 × K 3)"),
        ({"coordinates": {"A": [[0, 1], [0]]}}, "$.coordinates.A[1]", "[0] is no point of A"),
        ({"coordinates": {"A": [[0, 1]]}, "density": {"A": 0.5}}, "$.coordinates.A", "a density and coordinates"),
        ({"coordinates": {"B": [[1]]}, "values": {"B": [1, 0, 1]}}, "$.coordinates.B", "B has values"),
    ],
)
def test_what_is_said_wrong_about_zeros(keys, path, message):
    with pytest.raises(SpecError) as caught:
        load_workload({"name": "w", "ranks": {"M": 2, "K": 3}, "einsums": ["Z[m] = A[m, k] * B[k]"], **keys})
    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message


def test_a_tree_that_is_too_large():
    with pytest.raises(SpecError, match="a tree is drawn of up to 200"):
        tree_of("A", load_workload("mm64"), Nonzeros(), {})
    with pytest.raises(SpecError, match="no tensor 'C'"):
        tree_of("C", load_workload("mm64"), Nonzeros(), {})


# --- who needs whom


def test_queries_keys_and_values_may_run_in_parallel():
    graph = describe(load_workload("bert_base_attention")).graph
    assert graph.stages[0] == ("Q", "K", "V")
    assert {node.einsum: (node.static, node.dynamic) for node in graph.nodes if node.einsum in {"Q", "QK", "AV"}} == {
        "Q": (("WQ",), ("I",)),
        "QK": ((), ("Q", "K")),  # neither stays the same from input to input
        "AV": ((), ("A", "V")),
    }
    assert [(n.writer, n.reader) for n in graph.needs][:3] == [("Q", "QK"), ("K", "QK"), ("QK", "GM")]


def test_a_step_of_an_iteration_needs_the_one_before():
    needs = describe(load_workload("flash_attention")).graph.needs
    assert {(n.writer, n.reader) for n in needs if n.is_iterative} == {("RM", "RM"), ("RD", "SPD"), ("RNV", "SPNV")}


def test_layers_of_a_network_that_share_nothing_are_one_stage():
    assert len(describe(load_workload("gemm_family")).graph.stages) == 1


@pytest.mark.parametrize("name", ["bert_base_attention", "flash_attention", "mm64", "resnet18"])
def test_the_picture_has_a_box_for_each_einsum_and_an_arrow_for_each_need(name):
    graph = describe(load_workload(name)).graph
    root = ET.fromstring(graph_svg(graph, "<title> & more"))
    space = "{http://www.w3.org/2000/svg}"
    boxes = root.findall(f"{space}g")
    assert [box[0].text.partition(":")[0] for box in boxes] == [node.einsum for node in graph.nodes]
    written = {need.tensor for need in graph.needs}
    given = sum(tensor not in written for node in graph.nodes for tensor in node.dynamic)
    assert len(root.findall(f"{space}path")) == len(graph.needs) + given
    width, height = (float(root.get(side)) for side in ("width", "height"))
    corners = [(float(b[1].get("x")), float(b[1].get("y"))) for b in boxes]
    assert len(set(corners)) == len(corners)
    assert all(0 < x < width and 0 < y < height for x, y in corners)


def test_a_tree_of_fibers_as_a_picture_has_a_cell_for_each_coordinate_and_a_line_to_each_fiber_and_value():
    graph = tree_of("G", load_workload(GRAPH), load_nonzeros(GRAPH), {})
    content = {
        "name": "w",
        "ranks": {"M": 2, "K": 2},
        "values": {"A": [[0, 2500], [0, 0]]},
        "einsums": ["Z[m] = A[m, k]"],
    }
    sparse = tree_of("A", load_workload(content), load_nonzeros(content), load_values(content))
    root = ET.fromstring(fibertrees_svg([graph, sparse]))
    space = "{http://www.w3.org/2000/svg}"
    words = [text.text for text in root.findall(f"{space}text")]
    assert words[:3] == ["G: 8 of 36 words are not zero", "S", "D"]
    assert words[-2:] == ["1", "2500"]
    assert len(root.findall(f"{space}path")) == 6 + 1 + 1
    cells = root.findall(f"{space}rect")[1:]
    assert len(cells) == 6 + 8 + 1 + 1
    width, height = (float(root.get(side)) for side in ("width", "height"))
    assert all(0 < float(c.get("x")) < width and 0 < float(c.get("y")) < height for c in cells)
    places = {(c.get("x"), c.get("y")) for c in cells}
    assert len(places) == len(cells)


# --- in LaTeX


def test_a_workload_prints_as_slides_and_reads_back_equal():
    content = {
        "name": "w",
        "ranks": {"M": 4, "P": "M", "B": 1, "H": 2, "F": 3, "G": "H*F", "E": 2},
        "einsums": [
            "QK[b, h, m, p] = Q[b, h, M=p, e] * K[b, h, m, e]",
            "C[b, p, G=h*F + f] = QK[b, h, m, p] * V[m, f]",
        ],
    }
    lines = latex_of(content)
    assert lines == [
        r"QK_{b,h,m,p}^{B,H,M,P=M} = Q_{b,h,p,e}^{B,H,M,E} \times K_{b,h,m,e}",
        r"C_{b,p,h \times F+f}^{B,P,G=H \times F} = QK_{b,h,m,p} \times V_{m,f}",
    ]
    plain = {rank: n for rank, n in content["ranks"].items() if rank not in "PG"}
    again = load_workload({"name": "w", "ranks": plain, "einsums": lines})
    assert again == load_workload(content)


def test_every_shipped_cascade_reads_back_from_latex():
    for name in ("bert_base_layer", "flash_attention", "bert_base_attention", "conv1d"):
        workload = load_workload(name)
        assert [str(parse(line)) for line in latex_of(name)] == [einsum.text for einsum in workload.einsums]
