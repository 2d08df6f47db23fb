"""ONNX models as workloads: what they compute is what ONNX says, and nothing is silently left out."""

import builtins
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from commands import run
from onnx_models import TensorProto, compare, helper, model_of, onnx, saved, values_for
from onnx_networks import bert_layer, resnet50

import costmodel.api as cm
from costmodel.importing.importer import import_model
from costmodel.spec import catalog
from costmodel.spec.problems import SpecError
from costmodel.spec.rewriting.draft import workload_yaml

RANDOM = np.random.default_rng(1)


def whole(*shape):
    return RANDOM.integers(-3, 4, shape).astype(float)


def index(*values):
    return np.array(values, dtype=np.int64)


IMAGE = {"X": (2, 4, 7, 8)}
NORM = {"G": whole(4), "B": whole(4), "M": whole(4), "V": abs(whole(4)) + 1}

WINDOWS = {
    "strides and padding": (
        [("Conv", "X F B", "Y", {"pads": [1] * 4, "strides": [2, 2]})],
        {"F": whole(4, 4, 3, 3), "B": whole(4)},
    ),
    "groups and dilation": (
        [("Conv", "X F", "Y", {"pads": [2, 1, 2, 0], "dilations": [2, 1], "group": 2})],
        {"F": whole(6, 2, 3, 3)},
    ),
    "depthwise": ([("Conv", "X F B", "Y", {"group": 4})], {"F": whole(4, 1, 3, 3), "B": whole(4)}),
    "same": (
        [("Conv", "X F B", "Y", {"auto_pad": "SAME_UPPER", "strides": [2, 2]})],
        {"F": whole(4, 4, 3, 2), "B": whole(4)},
    ),
    "one by one": ([("Conv", "X F B", "Y", {"strides": [2, 2]})], {"F": whole(5, 4, 1, 1), "B": whole(5)}),
    "transposed": (
        [("ConvTranspose", "X F B", "Y", {"strides": [2, 2], "pads": [1] * 4, "output_padding": [1, 1]})],
        {"F": whole(4, 3, 3, 3), "B": whole(3)},
    ),
    "normalised": (
        [("Conv", "X F B0", "Z", {"pads": [1] * 4}), ("BatchNormalization", "Z G B M V", "Y", {})],
        {"F": whole(4, 4, 3, 3), "B0": whole(4), **NORM},
    ),
    "a normalisation alone": ([("BatchNormalization", "X G B M V", "Y", {})], NORM),
    "two of them": (
        [("Conv", "X F", "Z", {"pads": [1] * 4}), ("Relu", "Z", "R", {}), ("Conv", "R F", "Y", {"strides": [2, 2]})],
        {"F": whole(4, 4, 3, 3)},
    ),
    "largest": ([("MaxPool", "X", "Y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4})], {}),
    "largest, rounded up": ([("MaxPool", "X", "Y", {"kernel_shape": [3, 2], "strides": [3, 3], "ceil_mode": 1})], {}),
    "average": ([("AveragePool", "X", "Y", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1] * 4})], {}),
    "average with its border": (
        [("AveragePool", "X", "Y", {"kernel_shape": [3, 3], "pads": [1] * 4, "count_include_pad": 1})],
        {},
    ),
    "all of it": (
        [("GlobalAveragePool", "X", "P", {}), ("Flatten", "P", "Q", {}), ("Gemm", "Q W", "Y", {})],
        {"W": whole(4, 3)},
    ),
    "the largest of all": ([("GlobalMaxPool", "X", "Y", {})], {}),
    "instances": ([("InstanceNormalization", "X G B", "Y", {})], {"G": whole(4), "B": whole(4)}),
    "depth to space": ([("DepthToSpace", "X", "Z", {"blocksize": 2}), ("Neg", "Z", "Y", {})], {}),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_windows(name, tmp_path):
    nodes, constants = WINDOWS[name]
    found = compare(model_of([(k, r, w, {**a}) for k, r, w, a in nodes], IMAGE, constants), tmp_path)
    assert found.unknown == ()


def test_groups_of_a_transposed_convolution(tmp_path):
    """The evaluator of ONNX has none, so each group stands by itself there."""
    slid, kernel, bias = {"strides": [2, 1], "pads": [1] * 4}, whole(4, 3, 3, 3), whole(6)
    grouped = model_of(
        [("ConvTranspose", "X F B", "Y", {"group": 2, **slid})], {"X": (2, 4, 5, 4)}, {"F": kernel, "B": bias}
    )
    halves = [("ConvTranspose", f"X{k} F{k} B{k}", f"Y{k}", {**slid}) for k in range(2)]
    apart = model_of(
        [("Split", "X", "X0 X1", {"axis": 1, "num_outputs": 2}), *halves, ("Concat", "Y0 Y1", "Y", {"axis": 1})],
        {"X": (2, 4, 5, 4)},
        {f"{name}{k}": part for name, both in (("F", kernel), ("B", bias)) for k, part in enumerate(np.split(both, 2))},
    )
    assert compare(grouped, tmp_path, reference=apart).unknown == ()


ATTENTION = [
    ("MatMul", "X WQ", "Q", {}),
    ("Reshape", "Q heads", "Q4", {}),
    ("Transpose", "Q4", "QT", {"perm": [0, 2, 1, 3]}),
    ("MatMul", "X WK", "K", {}),
    ("Reshape", "K heads", "K4", {}),
    ("Transpose", "K4", "KT", {"perm": [0, 2, 3, 1]}),
    ("MatMul", "QT KT", "QK", {}),
    ("Div", "QK root", "S", {}),
    ("Softmax", "S", "A", {"axis": -1}),
    ("MatMul", "A QT", "AV", {}),
    ("Transpose", "AV", "C4", {"perm": [0, 2, 1, 3]}),
    ("Reshape", "C4 joined", "C", {}),
    ("MatMul", "C WO", "Z", {}),
    ("Add", "Z X", "Y", {}),
]
ROWS = {"X": (2, 3, 4)}

PRODUCTS = {
    "heads": (
        ATTENTION,
        {"X": (1, 5, 12)},
        {
            **{w: whole(12, 12) / 4 for w in ("WQ", "WK", "WO")},
            "heads": index(0, -1, 3, 4),
            "joined": index(0, 0, 12),
            "root": np.array(2.0),
        },
    ),
    "gemm": (
        [("Gemm", "X F B", "Y", {"transB": 1, "alpha": 0.5, "beta": 2.0})],
        {"X": (3, 4)},
        {"F": whole(5, 4), "B": whole(5)},
    ),
    "broadcast": ([("MatMul", "X W", "Y", {})], {"X": (2, 3, 4, 5), "W": (3, 5, 4)}, {}),
    "a vector": ([("MatMul", "X W", "Y", {})], ROWS, {"W": whole(4)}),
    "einsum": ([("Einsum", "X W", "Y", {"equation": "bme,bpe->bmp"})], {"X": (2, 3, 4), "W": (2, 3, 4)}, {}),
    "softmax": ([("Softmax", "X", "Y", {"axis": 1})], ROWS, {}),
    "its logarithm": ([("LogSoftmax", "X", "Y", {})], ROWS, {}),
    "layer norm": ([("LayerNormalization", "X G B", "Y", {})], ROWS, {"G": whole(4), "B": whole(4)}),
    "taken apart": (
        [
            ("ReduceMean", "X last", "M", {}),
            ("Sub", "X M", "D", {}),
            ("Pow", "D two", "P", {}),
            ("ReduceMean", "P last", "V", {}),
            ("Add", "V small", "VE", {}),
            ("Sqrt", "VE", "S", {}),
            ("Div", "D S", "Y", {}),
        ],
        ROWS,
        {"last": index(-1), "two": np.array(2.0), "small": np.array(1e-5)},
    ),
    "rows": ([("Gather", "T I64", "Y", {"axis": 0})], {"I64": (2, 3)}, {"T": whole(5, 4)}),
    "known rows": ([("Gather", "X i", "Z", {"axis": 1}), ("Neg", "Z", "Y", {})], ROWS, {"i": index(2, 0, 0)}),
    "rows counted from the end": (
        [("Gather", "X i", "Z", {"axis": 1}), ("Gather", "W i", "V", {"axis": 0}), ("MatMul", "Z V", "Y", {})],
        {"X": (3, 5, 4), "W": (7, 4, 3)},
        {"i": index(0, 2, -1)},
    ),
    "the last of them": ([("Gather", "X i", "Z", {"axis": 1}), ("Neg", "Z", "Y", {})], ROWS, {"i": index(-2, -1)}),
    "one row": ([("Gather", "X i", "Z", {"axis": 1}), ("Neg", "Z", "Y", {})], ROWS, {"i": np.array(1)}),
    "behind one another": ([("Concat", "X W", "Z", {"axis": 1}), ("Relu", "Z", "Y", {})], {**ROWS, "W": (2, 2, 4)}, {}),
    # ONNX's own evaluator looks at as many channels as there are images.
    "by the channels around": (
        [("LRN", "X", "Y", {"size": 3, "alpha": 1.5, "beta": 0.75, "bias": 2.0})],
        {"X": (4, 4, 2, 3)},
        {},
    ),
    "by an even number of them": ([("LRN", "X", "Y", {"size": 2, "alpha": 0.5})], {"X": (4, 4, 2, 3)}, {}),
    "groups shuffled and joined": (
        [
            ("Concat", "X W", "Z", {"axis": 1}),
            ("Reshape", "Z split", "A", {}),
            ("Transpose", "A", "B", {"perm": [0, 2, 1, 3, 4]}),
            ("Reshape", "B joined", "C", {}),
            ("Conv", "C F", "D", {"group": 3}),
            ("Concat", "D C", "Y", {"axis": 1}),
        ],
        {"X": (1, 4, 2, 2), "W": (1, 2, 2, 2)},
        {"split": index(1, 3, 2, 2, 2), "joined": index(1, 6, 2, 2), "F": whole(9, 2, 1, 1)},
    ),
    "rows of a table that is as deep as they are many": (
        [("Gather", "T I64", "Y", {"axis": 0})],
        {"I64": (2, 4)},
        {"T": whole(5, 3)},
    ),
    "a border": ([("Pad", "X p", "Z", {}), ("Neg", "Z", "Y", {})], ROWS, {"p": index(0, 1, 0, 0, 0, 2)}),
    "backwards": (
        [("Slice", "X s e a t", "Z", {}), ("Neg", "Z", "Y", {})],
        {"X": (6, 8)},
        {"s": index(5, 1), "e": index(-100, 8), "a": index(0, 1), "t": index(-2, 3)},
    ),
    "thirds": (
        [("Split", "X", "A B C", {"axis": 1, "num_outputs": 3}), ("Mul", "A B", "D", {}), ("Sub", "D C", "Y", {})],
        {"X": (2, 9)},
        {},
    ),
    "unequal pieces of an input": (
        [("Split", "X", "A B", {"axis": 1, "num_outputs": 2}), ("Neg", "A", "Y", {}), ("Exp", "B", "Z", {})],
        {"X": (2, 7)},
        {},
    ),
    "parts of what is given": (
        [
            ("Slice", "X s e a", "A", {}),
            ("Slice", "T s e a", "B", {}),
            ("Mul", "A B", "Y", {}),
        ],
        {"X": (3, 7)},
        {"T": whole(5, 7), "s": index(1, 0), "e": index(2, 4), "a": index(0, 1)},
    ),
    "digits that do not fit": (
        [
            ("Reshape", "X s", "A", {}),
            ("Reshape", "W s", "B", {}),
            ("Add", "A B", "C", {}),
            ("Reshape", "C t", "D", {}),
            ("Exp", "D", "Y", {}),
        ],
        {"X": (2, 3), "W": (3, 2)},
        {"s": index(6), "t": index(3, 2)},
    ),
    "a shape that is computed": (
        [
            ("Shape", "X", "s", {}),
            ("Gather", "s zero", "b", {}),
            ("Unsqueeze", "b first", "bu", {}),
            ("Concat", "bu rest", "t", {"axis": 0}),
            ("Reshape", "X t", "Z", {}),
            ("Neg", "Z", "Y", {}),
        ],
        ROWS,
        {"zero": np.array(0), "first": index(0), "rest": index(-1)},
    ),
    "repeated": (
        [("Expand", "X s", "Z", {}), ("Tile", "Z r", "T", {}), ("Neg", "T", "Y", {})],
        {"X": (2, 1, 4)},
        {"s": index(2, 3, 4), "r": index(1, 1, 2)},
    ),
    "activations": (
        [
            ("Clip", "X low high", "z", {}),
            ("LeakyRelu", "z", "a", {}),
            ("Elu", "a", "b", {}),
            ("HardSigmoid", "b", "c", {}),
            ("Softplus", "c", "d", {}),
            ("Sigmoid", "d", "e", {}),
            ("Reciprocal", "e", "f", {}),
            ("Selu", "f", "g", {}),
            ("Mean", "g X", "h", {}),
            ("Max", "h X", "Y", {}),
        ],
        {"X": (2, 3)},
        {"low": np.array(-2.5), "high": np.array(3.0)},
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_and_views(name, tmp_path):
    nodes, inputs, constants = PRODUCTS[name]
    found = compare(model_of([(k, r, w, {**a}) for k, r, w, a in nodes], inputs, constants), tmp_path)
    assert found.unknown == ()


HEADS = {"Q": (2, 4, 3, 4), "K": (2, 2, 5, 4), "V": (2, 2, 5, 4)}
BY_OTHERS = {
    "attention": ([("Attention", "Q K V", "Y", {"softcap": 2.0})], HEADS, {}),
    "causal attention of groups": ([("Attention", "Q K V", "Y", {"is_causal": 1})], HEADS, {}),
    "attention of a mask": ([("Attention", "Q K V mask", "Y", {})], HEADS, {"mask": whole(3, 5)}),
    "turned by their place": (
        [("RotaryEmbedding", "X C S", "Y", {})],
        {"X": (2, 4, 3, 6)},
        {"C": whole(2, 3, 3), "S": whole(2, 3, 3)},
    ),
    "masked": (
        [
            ("Trilu", "X", "t", {"upper": 0}),
            ("Equal", "X zero", "none", {}),
            ("GreaterOrEqual", "X t", "more", {}),
            ("Less", "X one", "few", {}),
            ("And", "more few", "both", {}),
            ("Not", "both", "other", {}),
            ("Or", "other none", "any", {}),
            ("Where", "any X least", "w", {}),
            ("Shrink", "w", "s", {"bias": 0.5, "lambd": 1.0}),
            ("ThresholdedRelu", "X", "h", {}),
            ("Sign", "h", "g", {}),
            ("Div", "s three", "d", {}),
            ("Round", "d", "r", {}),
            ("Floor", "d", "f", {}),
            ("Sum", "r f g", "Y", {}),
        ],
        {"X": (2, 3, 3)},
        {name: np.array(n, dtype=float) for name, n in (("zero", 0), ("one", 1), ("three", 3), ("least", -2.0))},
    ),
}


@pytest.mark.parametrize("name", BY_OTHERS)
def test_what_onnx_defines_by_other_operators(name, tmp_path):
    nodes, inputs, constants = BY_OTHERS[name]
    model = model_of([(k, r, w, {**a}) for k, r, w, a in nodes], inputs, constants, opset=24)
    assert compare(model, tmp_path, 1e-6).unknown == ()


@pytest.mark.parametrize("form", ["none", "tanh"])
def test_gelu_in_both_forms(form, tmp_path):
    """ONNX takes its constants in 32 bits."""
    compare(model_of([("Gelu", "X", "Y", {"approximate": form})], {"X": (2, 3)}, opset=20), tmp_path, 1e-6)


def test_a_norm_of_root_mean_squares(tmp_path):
    compare(model_of([("RMSNormalization", "X G", "Y", {})], ROWS, {"G": whole(4)}, opset=23), tmp_path)


@pytest.mark.parametrize(
    ("nodes", "inputs", "constants", "opset", "divisions"),
    [
        ([("LayerNormalization", "X G B", "Y", {})], ROWS, {"G": whole(4), "B": whole(4)}, 17, 2),
        ([("InstanceNormalization", "X G B", "Y", {})], IMAGE, {"G": whole(4), "B": whole(4)}, 17, 2),
        ([("GroupNormalization", "X G B", "Y", {"num_groups": 2})], IMAGE, {"G": whole(4), "B": whole(4)}, 21, 2),
        ([("RMSNormalization", "X G", "Y", {})], ROWS, {"G": whole(4)}, 23, 1),
    ],
)
def test_a_norm_takes_its_root_and_its_quotients_at_each_element(nodes, inputs, constants, opset, divisions, tmp_path):
    """As its formula is written, and as docs/files.md says; once per row would do."""
    elements = math.prod(inputs["X"])
    model = model_of(nodes, inputs, constants, opset=opset)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("Y", TensorProto.DOUBLE, inputs["X"]))
    imported = import_model(saved(model, tmp_path))
    found = catalog.load_workload(imported.workload.model_dump(mode="json", exclude_none=True))
    counts = Counter()
    for einsum in found.einsums:
        counts.update(einsum.operation_counts)
    assert (counts["rsqrt"], counts["div"]) == (elements, divisions * elements)


def test_an_old_softmax_reduces_all_axes_from_the_one_that_it_names(tmp_path):
    model = model_of([("Softmax", "X", "Y", {"axis": 1})], ROWS, opset=11)
    found = import_model(saved(model, tmp_path))
    x = values_for(model)["X"]
    ran = cm.run(found.workload.model_dump(mode="json", exclude_none=True), values={found.views["X"].tensor: x})
    numerators = np.exp(x - x.max(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(found.value("Y", ran.tensors), numerators / numerators.sum(axis=(1, 2), keepdims=True))


# ---------------------------------------------------------------------------------------------------------------
# Networks


def network(model, tmp_path, name):
    found = import_model(saved(model, tmp_path, name), ["batch=1"])
    (tmp_path / f"{name}.yaml").write_text(workload_yaml(found.workload), encoding="utf-8")
    return found, catalog.load_workload(str(tmp_path / f"{name}.yaml"))


def macs(workload):
    return sum(einsum.operation_counts.get("mac", 0) for einsum in workload.einsums)


def test_resnet50_has_its_multiplications_and_weights(tmp_path):
    found, workload = network(resnet50(), tmp_path, "resnet50")
    assert found.unknown == ()
    products = [e for e in workload.einsums if any(o.kind == "mac" for o in e.operations)]
    assert sum(e.points for e in products) == 4_089_184_256  # with those that meet the border: 4.09 G, as published
    shipped = catalog.load_workload("resnet50")
    assert sorted(e.points for e in products) == sorted(e.points for e in shipped.einsums)
    kernels = {name: t.size_words for e in products for name, t in e.tensors.items() if t.role == "weight"}
    biases = {name: words for name, words in kernels.items() if name.endswith("_BIAS")}
    assert sum(kernels.values()) - sum(biases.values()) == 25_502_912
    # Each makes what the next one reads: one input, one output, and no name that means two tensors.
    assert {n for e in workload.einsums for n, t in e.tensors.items() if t.role == "input"} == {"IMAGE"}
    assert [n for e in workload.einsums for n, t in e.tensors.items() if t.role == "output"] == ["FC_GEMM"]


def test_a_layer_of_bert_has_the_multiplications_of_its_dimensions(tmp_path):
    found, workload = network(bert_layer(), tmp_path, "bert")
    assert found.unknown == ()
    tokens, width, inner = 512, 768, 3072
    assert macs(workload) == 4 * tokens * width**2 + 2 * tokens**2 * width + 2 * tokens * width * inner
    # Heads are split off and joined by index expressions alone: there is no copy.
    assert all("copy" not in e.operation_counts for e in workload.einsums)


LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
"""Networks that come with onnx, their weights left out."""


def multiplications(model):
    """Those of its convolutions and matrices, by the shapes that ONNX infers."""
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    values = (*graph.input, *graph.value_info, *graph.output)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}
    shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            total += math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])
        elif node.op_type == "Gemm":
            total += math.prod(shapes[node.output[0]]) * shapes[node.input[0]][1]
    return total


@pytest.mark.parametrize("name", ["squeezenet", "bvlc_alexnet", "shufflenet", "inception_v1", "densenet121"])
def test_networks_that_come_with_onnx(name):
    path = LIGHT / f"light_{name}.onnx"
    found = import_model(path)
    assert found.unknown == ()
    workload = catalog.load_workload(found.workload.model_dump(mode="json", exclude_none=True))
    products = [e for e in workload.einsums if any(o.kind == "mac" and not o.at_zero for o in e.operations)]
    windows = [e for e in products if any(t.role == "weight" for t in e.tensors.values())]
    assert sum(e.points for e in windows) == multiplications(onnx.load(str(path)))


def test_quantised_operators_are_those_of_numbers(tmp_path):
    """Scales and zero points are given; words go from one format to another without an Einsum."""
    scale, zero = np.float32(0.5), np.uint8(3)
    given = {"s": scale, "z": zero, "F": np.ones((5, 4, 3, 3), np.uint8), "W": np.ones((8, 6), np.uint8)}
    nodes = [
        ("QuantizeLinear", "X s z", "XQ"),
        ("QLinearConv", "XQ s z F s z s z", "C"),
        ("QLinearMatMul", "C s z W s z s z", "P"),
        ("DequantizeLinear", "P s z", "Y"),
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, read.split(), [made], name=kind) for kind, read, made in nodes],
        "quantised",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, (2, 4, 9, 10))],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, (2, 5, 7, 6))],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in given.items()],
    )
    path = tmp_path / "quantised.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)]), str(path))
    found = import_model(path)
    assert found.unknown == ()
    first, second = (e.einsum for e in found.workload.einsums)
    assert first.count("*") == second.count("*") == 1
    assert "F[" in first
    assert "W[" in second
    assert [e.points for e in catalog.load_workload(found.workload.model_dump(exclude_none=True)).einsums] == [
        2 * 5 * 7 * 8 * 4 * 3 * 3,
        2 * 5 * 7 * 8 * 6,
    ]


def test_of_a_recurrent_layer_its_products_are_missing(tmp_path):
    nodes = [("LSTM", "X W R", "L", {"hidden_size": 4}), ("Neg", "L", "Y", {})]
    found = import_model(
        saved(model_of(nodes, {"X": (6, 2, 3)}, {"W": whole(1, 16, 3), "R": whole(1, 16, 4)}), tmp_path)
    )
    (layer,) = found.unknown
    assert (layer.words, layer.operations) == (6 * 2 * 4, 6 * 2 * 4 * 4 * (3 + 4))


def test_what_is_made_of_weights_alone_is_a_weight(tmp_path):
    nodes = [("Hardmax", "F", "G", {}), ("Gemm", "X G", "Y", {})]
    model = model_of(nodes, {"X": (3, 4)}, {"F": whole(4, 5)})
    found = import_model(saved(model, tmp_path))
    assert found.unknown == ()
    (einsum,) = catalog.load_workload(found.workload.model_dump(mode="json", exclude_none=True)).einsums
    assert [name for name, tensor in einsum.tensors.items() if tensor.role == "weight"] == ["T_G"]


@pytest.mark.parametrize(("make", "name"), [(resnet50, "resnet50"), (bert_layer, "bert")])
def test_an_imported_network_is_mapped_in_one_command(make, name, tmp_path, monkeypatch):
    """One layer of each kind, so that the test is short; the names of rank variables are those of the constraints."""
    monkeypatch.chdir(tmp_path)
    network(make(), tmp_path, name)
    einsums = {
        "resnet50": ["layer4.2.conv2.Conv.product", "layer4.2.Add"],
        "bert": ["up.MatMul", "softmax.Softmax.exp"],
    }
    asked = [word for einsum in einsums[name] for word in ("--einsum", einsum)]
    answer = run("map", "eyeriss_v1", f"{name}.yaml", *asked, "--json", "-q", "--jobs", 1, "--out", "run")
    assert "optimal: proven" in answer.stdout
    assert (tmp_path / "run" / "report.html").exists()


# ---------------------------------------------------------------------------------------------------------------
# What is said


def test_what_is_not_known_is_named_with_its_share_and_given(tmp_path, monkeypatch):
    nodes = [("Relu", "X", "A", {}), ("Hardmax", "A", "B", {"name": "/odd/Hardmax"}), ("Neg", "B", "Y", {})]
    saved(model_of(nodes, {"X": (2, 3)}), tmp_path)
    monkeypatch.chdir(tmp_path)
    answer = run("import", "onnx", "model.onnx", "--out", "model.yaml", code=4)
    assert (
        "model.onnx: node '/odd/Hardmax' (Hardmax, number 2) is not imported: no such operator is known here. T_B is "
        "given in its place: 6 words, so at least 33.3 % of the operations are missing"
    ) in answer.stderr
    text = (tmp_path / "model.yaml").read_text(encoding="utf-8")
    assert "= -T_B[" in text
    assert "# model.onnx: node '/odd/Hardmax'" in text


@pytest.mark.parametrize(("settings", "batch"), [(["batch=5"], 5), (["X.0=5"], 5)])
@pytest.mark.parametrize("stated", ["values", "outputs"])
def test_what_another_domain_makes_has_the_shape_that_the_model_states(stated, settings, batch, tmp_path):
    nodes = [
        helper.make_node("Relu", ["X"], ["A"], name="relu"),
        helper.make_node("Odd", ["A"], ["B"], name="odd", domain="of.ours"),
        helper.make_node("MatMul", ["B", "W"], ["Y"], name="product"),
    ]
    value = helper.make_tensor_value_info("B", TensorProto.DOUBLE, ["batch", 4])
    open_one = helper.make_tensor_value_info("Y", TensorProto.DOUBLE, ["rows", "columns"])
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["batch", 6])],
        [open_one, value] if stated == "outputs" else [open_one],
        [onnx.numpy_helper.from_array(whole(4, 3), "W")],
        value_info=[value] if stated == "values" else [],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("of.ours", 1)]
    found = import_model(saved(helper.make_model(graph, opset_imports=opsets), tmp_path), settings)
    assert [(one.kind, one.words, one.tensors) for one in found.unknown] == [("of.ours.Odd", batch * 4, ("T_B",))]
    relu, product = catalog.load_workload(found.workload.model_dump(mode="json", exclude_none=True)).einsums
    assert (relu.points, product.points) == (batch * 6, batch * 4 * 3)


def test_a_shape_that_follows_from_the_inputs_wins_over_one_that_is_stated(tmp_path):
    """Exporters leave shapes of the batch that they saw."""
    graph = helper.make_graph(
        [helper.make_node("Relu", ["X"], ["A"], name="relu"), helper.make_node("Neg", ["A"], ["Y"], name="neg")],
        "graph",
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["batch", 6])],
        [helper.make_tensor_value_info("Y", TensorProto.DOUBLE, [1, 6])],
        value_info=[helper.make_tensor_value_info("A", TensorProto.DOUBLE, ["unseen", 6])],
    )
    path = saved(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), tmp_path)
    assert import_model(path, ["batch=8"]).graph.shapes["Y"] == (8, 6)


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        (
            [("Hardmax", "X", "Y", {"name": "odd"})],
            "none of its operators is supported: Hardmax ('odd'): no such operator is known here",
        ),
        (
            [
                ("Transpose", "X", "Z", {"perm": [1, 0]}),
                ("Hardmax", "Z", "A", {"name": "odd"}),
                ("Sinh", "A", "B", {"name": "curve"}),
                ("Hardmax", "B", "Y", {"name": "again"}),
            ],
            (
                "none of its operators that compute something is supported: Hardmax ('odd', 'again'): no such operator "
                "is known here; Sinh ('curve'): no such operator is known here"
            ),
        ),
        ([("Transpose", "X", "Y", {"perm": [1, 0]})], "nothing in it is an Einsum: it only moves words"),
    ],
    ids=["one", "all but what moves words", "none"],
)
def test_a_model_without_an_einsum_says_why(nodes, problem, tmp_path):
    path = saved(model_of(nodes, {"X": (2, 3)}), tmp_path)
    with pytest.raises(SpecError) as caught:
        import_model(path)
    assert [str(found) for found in caught.value.problems] == [f"{path}: {problem}"]


@pytest.mark.parametrize(
    ("nodes", "constants", "problem"),
    [
        (
            [("Gather", "X i", "Y", {"axis": 1})],
            {"i": index(0, 3, -1)},
            "node 'gather0' (Gather, number 1): 3 in its indices 'i' is no row of 3 (rows are -3 to 2)",
        ),
        (
            [("Gather", "X i", "Z", {"axis": 0}), ("Neg", "Z", "Y", {})],
            {"i": np.array(-3)},
            "node 'gather0' (Gather, number 1): -3 in its indices 'i' is no row of 2 (rows are -2 to 1)",
        ),
        (
            [("Gather", "T i", "Z", {"axis": 0}), ("Mul", "X Z", "Y", {})],
            {"T": whole(3), "i": index(0, 3, 1)},
            "node 'gather0' (Gather, number 1) cannot be computed: index 3 is out of bounds for axis 0 with size 3",
        ),
    ],
    ids=["rows", "one row", "of a constant"],
)
def test_a_row_that_is_none_is_a_fault_of_the_model(nodes, constants, problem, tmp_path):
    path = saved(model_of([(k, r, w, {**a}) for k, r, w, a in nodes], {"X": (2, 3)}, constants), tmp_path)
    with pytest.raises(SpecError) as caught:
        import_model(path)
    assert [str(found) for found in caught.value.problems] == [f"{path}: {problem}"]


def test_open_dimensions_are_asked_for_and_set(tmp_path):
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("Relu", ["x"], ["y"], name="relu")],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "length", 4])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "length", 4])],
        )
    )
    path = saved(model, tmp_path)
    with pytest.raises(SpecError) as caught:
        import_model(path, ["bach=8"])
    said = [str(problem) for problem in caught.value.problems]
    assert said == [
        f"{path}: axis 0 of input 'x' is open: batch (say --set batch=N)",
        f"{path}: axis 1 of input 'x' is open: length (say --set length=N)",
        f"{path}: --set bach: no input has such a dimension (did you mean 'batch'?)",
    ]
    with pytest.raises(SpecError) as caught:
        import_model(path, ["batch=8", "x.1=2", "x.2=9", "rows=3"])
    assert [str(problem) for problem in caught.value.problems] == [
        f"{path}: --set x.2=9: the model fixes axis 2 of input 'x' at 4",
        f"{path}: --set rows: no input has such a dimension (known: batch, length)",
    ]
    assert import_model(path, ["batch=8", "x.1=2"]).workload.ranks == {"B": 8, "M": 2, "D": 4}


def test_a_file_that_is_no_model_is_an_error_in_a_line(tmp_path, monkeypatch):
    (tmp_path / "model.onnx").write_bytes(b"no model at all")
    monkeypatch.chdir(tmp_path)
    answer = run("import", "onnx", "model.onnx", code=1)
    assert answer.stderr.startswith("model.onnx: is no valid ONNX model")


def test_without_the_package_one_message_says_how_to_get_it(tmp_path, monkeypatch):
    path = saved(model_of([("Relu", "X", "Y", {})], ROWS), tmp_path)
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.partition(".")[0] == "onnx":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        SpecError, match=r"needs the package onnx, which is not installed \(pip install 'costmodel\[onnx\]'\)"
    ):
        import_model(path)


def test_constants_are_written_for_run(tmp_path, monkeypatch):
    model = model_of([("Gemm", "X F B", "Y", {"transB": 1})], {"X": (3, 100)}, {"F": whole(5, 100), "B": whole(5)})
    saved(model, tmp_path)
    monkeypatch.chdir(tmp_path)
    run("import", "onnx", "model.onnx", "--out", "m.yaml", "--values", "m.npz")
    assert set(np.load(tmp_path / "m.npz")) == {"T_F", "T_B"}
    run("run", "m.yaml", "--values", "m.npz", "--out", "all.npz")
    ran = np.load(tmp_path / "all.npz")
    np.testing.assert_allclose(ran["GEMM0"], ran["T_X"] @ ran["T_F"].T + ran["T_B"])


GEMM = [("MatMul", "X F", "Z", {}), ("Relu", "Z", "Y", {})]


def test_a_model_is_mapped_in_one_command(tmp_path):
    model = saved(model_of(GEMM, {"X": ("batch", 8)}, {"F": whole(8, 4)}), tmp_path, "layer")
    file, asked = tmp_path / "layer.yaml", ("--no-run", "--no-cache", "--quiet", "--json", "--set", "Buffer.size=1 KiB")
    run("import", "onnx", model, "--set", "batch=4", "--out", file)
    there = json.loads(run("map", "two_level", model, "--set", "batch=4", *asked).stdout)
    assert there["totals"] == json.loads(run("map", "two_level", file, *asked).stdout)["totals"]
    mapped = cm.map("two_level", model, set={"batch": 4, "Buffer.size": "1 KiB"})
    assert mapped.energy_pj == cm.map("two_level", cm.load_workload(model, set={"batch": 4}), set=asked[-1]).energy_pj
    assert mapped.energy_pj == there["totals"]["energy_pj"]
    with pytest.raises(SpecError, match="open: batch"):
        cm.load_workload(model)
    refused = run(
        "map", "two_level", model, "--set", "batch=4", "--no-run", "--save-study", tmp_path / "s.yaml", code=1
    )
    assert "a study reads a workload from a file (costmodel import onnx" in refused.stderr


def test_what_a_mapped_model_lacks_is_said(tmp_path):
    model = saved(model_of([*GEMM, ("Hardmax", "Y", "T", {})], {"X": (4, 8)}, {"F": whole(8, 4)}, ("T",)), tmp_path)
    done = run("map", "two_level", model, "--no-run", "--no-cache", "--quiet", code=4)
    assert "(Hardmax, number 3) is not imported" in done.stdout
    assert any("(Hardmax, number 3)" in line for line in cm.load_workload(model).missing)
