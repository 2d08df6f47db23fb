"""`toeplitz:` of a workload: convolutions as matrix products, before anything is mapped."""

import pytest

import costmodel as cm
from costmodel.api import SpecError, transform
from costmodel.report.contest import computed_by
from costmodel.spec import catalog
from costmodel.sweep.designs import grid

LAYERS = {
    "name": "w",
    "einsums": [
        {
            "name": name,
            "einsum": "O[m, p] = I[c, p + r] * F[m, c, r]",
            "ranks": {"C": 2, "M": m, "P": 4, "R": 3},
            "weights": ["F"],
        }
        for name, m in (("conv1", 3), ("conv2", 5))
    ]
    + [{"name": "fc", "einsum": "Z[m] = A[k] * W[m, k]", "ranks": {"M": 4, "K": 6}}],
}


def texts(toeplitz):
    return {e.name: e.text for e in cm.load_workload(LAYERS | {"toeplitz": toeplitz}).value.einsums}


def test_all_convolutions_or_those_that_are_named_become_matrix_products():
    as_they_stand = texts("none")
    assert list(as_they_stand) == ["conv1", "conv2", "fc"]
    assert as_they_stand == {e.name: e.text for e in cm.load_workload(LAYERS).value.einsums}
    everything = texts("input")
    assert list(everything) == ["conv1.T", "conv1", "conv2.T", "conv2", "fc"]
    assert everything["conv1"] == everything["conv2"] == "O[m, p] = T[p, cr] * F[m, cr]"
    assert list(texts(["conv2"])) == ["conv1", "conv2.T", "conv2", "fc"]
    mixed = texts({"conv1": "given input", "conv2": "kernel"})
    assert list(mixed) == ["conv1", "conv2.K", "conv2", "fc"]
    assert mixed["conv1"] == "O[m, p] = T[p, cr] * F[m, cr]"
    assert mixed["conv2"] == "O[mp] = I[cw] * K[mp, cw]"


@pytest.mark.parametrize("form", ["input", "kernel"])
def test_a_product_of_matrices_that_reads_a_rank_by_its_parts_is_no_convolution(form):
    """``h*F + f`` reads each word of the rank once: nothing is repeated, and nothing would be gained."""
    ranks = {"P": 6, "R": 3, "H": 2, "F": 3, "G": 5}
    einsums = ["O[p] = I[p + r] * K[r]", "Z[g] = O[h*F + f] * W[h, f, g]"]
    content = {"name": "w", "ranks": ranks, "einsums": einsums}
    asked = cm.load_workload({**content, "toeplitz": form}).value
    assert [e.name for e in asked.einsums] == ["T" if form == "input" else "K1", "O", "Z"]
    assert asked.einsum("Z").text == "Z[g] = O[h*F + f] * W[h, f, g]"
    assert transform(content, f"toeplitz {form}").yaml.count("einsum:") == 3


def test_a_kernel_that_is_given_is_a_weight_and_a_given_input_none():
    given = cm.load_workload(LAYERS | {"toeplitz": {"conv1": "given input", "conv2": "given kernel"}}).value
    assert [given.einsum(name).tensors[tensor].role for name, tensor in (("conv1", "T"), ("conv2", "K"))] == [
        "input",
        "weight",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"toeplitz": ["conv3"]}, r"\$\.toeplitz\.conv3: no Einsum 'conv3' \(did you mean 'conv"),
        ({"toeplitz": ["fc"]}, r"\$\.toeplitz: toeplitz input fc: no Einsum reads a tensor through windows"),
        ({"toeplitz": "im2col"}, r"\$\.toeplitz"),
        (
            {"toeplitz": "input", "values": {"W": [[0] * 6] * 4}},
            r"\$\.toeplitz: values are those of the workload as",
        ),
    ],
)
def test_what_cannot_be_done_is_told_where_it_is_asked(content, message):
    with pytest.raises(SpecError, match=message):
        cm.load_workload(LAYERS | content)


def test_shipped_convolutions_are_all_rearranged():
    network = cm.load_workload("resnet18", set={"toeplitz": "input"}).value
    assert len(network.einsums) == 41
    direct = cm.load_workload("resnet18").value
    macs = [sum(e.operation_counts.get("mac", 0) for e in w.einsums) for w in (direct, network)]
    assert macs[0] == macs[1]


def test_designs_that_differ_in_the_form_compute_the_same_and_compete():
    study = catalog.load_study("toeplitz_vs_direct")
    designs = [design for design in grid(study) if design.arch == "eyeriss_v1"]
    none, rearranged, given = computed_by(study, designs)
    assert none.name == rearranged.name == given.name == "resnet18"
    assert none.operations == given.operations < rearranged.operations


# What an array accepts

ARRAY = {
    "name": "a",
    "levels": [
        {"memory": "DRAM", "energy": 100},
        {"array": "mesh", "shape": {"rows": 4, "columns": 4}, "systolic": "weight", "accepts": "gemm"},
        {"memory": "register", "size": 8, "energy": 1},
        {"compute": "MAC", "energy": 1},
    ],
}
CONV = {"name": "conv", "ranks": {"M": 3, "C": 2, "P": 4, "R": 3}, "einsums": ["O[m, p] = I[c, p + r] * F[m, c, r]"]}


def test_an_array_for_matrices_refuses_a_convolution_and_says_what_makes_it_fit():
    message = (
        r"O: mesh accepts matrix products alone, and I is read through windows \(--lower makes a matrix product of it"
    )
    with pytest.raises(SpecError, match=message):
        cm.map(ARRAY, CONV, objective="energy")
    nest = [*(f"for {v} by 1" for v in "mpcr"), "compute O on MAC"]
    with pytest.raises(SpecError, match=r"compute O on MAC: mesh accepts matrix products alone"):
        cm.evaluate(ARRAY, CONV, mapping={"nest": ["store I F O in DRAM", *nest]})
    lowered = cm.map(ARRAY, CONV, objective="energy", set={"toeplitz": "given input"})
    assert str(lowered.certificate) == "optimal: proven"
    strided = CONV | {"einsums": ["O[m, p] = I[c, 2*p] * F[m, c]"], "ranks": {"M": 3, "C": 2, "P": 4}}
    with pytest.raises(SpecError, match="I is read through windows"):
        cm.map(ARRAY, strided, objective="energy")


def test_it_takes_matrix_products_and_what_is_no_product():
    chain = {
        "name": "chain",
        "ranks": {"M": 4, "N": 4, "K": 4},
        "einsums": ["Z[m, n] = A[m, k] * B[k, n]", "Y[m, n] = relu(Z[m, n])"],
    }
    assert len(cm.map(ARRAY, chain, objective="energy").mappings) == 2


def test_a_unit_outside_the_array_takes_the_convolution():
    levels = [ARRAY["levels"][0], {"compute": "VEC", "energy": 5}, *ARRAY["levels"][1:]]
    found = cm.map(ARRAY | {"levels": levels}, CONV, objective="energy")
    assert "compute O on VEC" in str(found.nest)


def test_an_einsum_that_nothing_computes_is_told_where_it_stands(tmp_path):
    multiplies = ARRAY | {"levels": [*ARRAY["levels"][:3], {"compute": "MAC", "energy": {"mac": 1}}]}
    file = tmp_path / "w.yaml"
    file.write_text(
        "name: w\ntoeplitz: input\neinsums:\n"
        "- {name: conv, einsum: 'O[m, p] = I[c, p + r] * F[m, c, r]', ranks: {M: 2, C: 2, P: 2, R: 2}}\n"
        "- {name: relu, einsum: 'Y[m] = relu(X[m])', ranks: {M: 2}}\n"
    )
    with pytest.raises(SpecError) as told:
        cm.map(multiplies, file, objective="energy")
    assert [(p.line, p.message.partition(":")[0]) for p in told.value.problems] == [(2, "conv.T"), (5, "relu")]
