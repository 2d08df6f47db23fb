"""Reads an ONNX model: its nodes in order, shapes, and every value that does not depend on an input."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costmodel.spec.problems import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    Values = NDArray[Any]

BY_OTHERS = (
    *("Attention", "LinearAttention", "RotaryEmbedding", "CausalConvWithState", "SwiGLU"),
    *("Celu", "Shrink", "ThresholdedRelu", "MeanVarianceNormalization", "ReduceLogSumExp"),
)
"""Operators that are read as the others by which ONNX defines them."""
FOLDED_WORDS = 1 << 24
"""What nodes without inputs make of larger tensors is not computed here: they are read as any other."""
WITHOUT_ONNX = "reading ONNX models needs the package onnx, which is not installed"


@dataclass(frozen=True, slots=True)
class Operator:
    """A node of the graph."""

    kind: str
    """``Conv``; with its domain where that is another one than that of ONNX (``com.microsoft.FusedConv``)."""
    name: str
    place: int
    """Its number in the graph, from 1."""
    inputs: tuple[str, ...]
    """Names of values; empty where an optional one is left out."""
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int

    def input(self, place: int) -> str:
        """The name of an input; empty where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else ""

    def __str__(self) -> str:
        """Which one it is, in a message."""
        return f"node {self.name!r} ({self.kind}, number {self.place})"


def without_scales(operator: Operator, *places: int) -> Operator:
    """Return an operator of whole numbers as the one of numbers: its operands alone, which stand at these places.

    What a word is scaled by is no product with another tensor, and no traffic to speak of.
    """
    return replace(operator, inputs=tuple(operator.input(place) for place in places))


@dataclass
class Graph:
    """A model whose shapes are known."""

    file: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operators: list[Operator]
    shapes: dict[str, tuple[int, ...]]
    constants: dict[str, Values]
    weights: set[str]
    """Values that no input changes, those without an array here (external data) too."""
    uses: Counter[str] = field(default_factory=Counter)
    """How often each value is read, outputs of the graph included."""


def read_model(path: Path, settings: Iterable[str] = ()) -> Graph:
    """Read a model; ``settings`` (``batch=8``, ``input.0=8``) say how large open dimensions are.

    Raises SpecError with all that is wrong.
    """
    onnx = _onnx()
    model, elsewhere = _loaded(path)
    model = onnx.inliner.inline_local_functions(model)
    _set_dimensions(model, path, settings)
    model = _inferred(model)
    return _folded(_by_others(model), path, elsewhere)


def open_dimensions(path: Path) -> frozenset[str]:
    """Return what the dimensions of a model's inputs are called (``batch``, ``input.0``). Raises SpecError."""
    model, _ = _loaded(path)
    return frozenset(name for value in _inputs(model) for names in _dimensions(value) for name in names)


def _loaded(path: Path) -> tuple[onnx.ModelProto, set[str]]:
    """Return a model that was checked, and its weights whose data are in other files."""
    onnx = _onnx()
    import google.protobuf.message  # what ONNX files are written in; comes with onnx

    if not path.is_file():
        raise SpecError([Problem("no such file", file=str(path), hint="an ONNX model: MODEL.onnx")])
    try:
        model = onnx.load(str(path), load_external_data=False)
        elsewhere = _apart(model)
        onnx.checker.check_model(onnx.shape_inference.infer_shapes(model))
    except (
        google.protobuf.message.DecodeError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        text = str(error).strip().split("\n", 1)[0]
        raise SpecError([Problem(f"is no valid ONNX model: {text}", file=str(path))]) from None
    return model, elsewhere


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Inputs that are no weights."""
    made = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in made]


def _dimensions(value: onnx.ValueInfoProto) -> list[list[str]]:
    """What each dimension of an input is called."""
    shape = value.type.tensor_type.shape.dim
    return [[n for n in (f"{value.name}.{axis}", one.dim_param) if n] for axis, one in enumerate(shape)]


def _apart(model: onnx.ModelProto) -> set[str]:
    """Weights whose data are in other files: here they are inputs of known shape."""
    from onnx import helper

    apart = [tensor for tensor in model.graph.initializer if tensor.data_location == tensor.EXTERNAL]
    for tensor in apart:
        model.graph.initializer.remove(tensor)
    known = {value.name for value in model.graph.input}
    new = [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in apart if t.name not in known]
    model.graph.input.extend(new)
    return {tensor.name for tensor in apart}


def _onnx() -> Any:
    try:
        import onnx
        import onnx.checker
        import onnx.inliner
        import onnx.shape_inference
    except ImportError:
        raise SpecError([Problem(WITHOUT_ONNX, hint="pip install 'costmodel[onnx]'")]) from None
    return onnx


def _set_dimensions(model: onnx.ModelProto, path: Path, settings: Iterable[str]) -> None:
    """Give every open dimension of the inputs its extent."""
    graph = model.graph
    inputs = _inputs(model)
    wanted = _extents(path, settings)
    used: set[str] = set()
    named: dict[str, int] = {}  # an open dimension by its name, wherever the model states it
    known: dict[str, None] = {}
    problems = []
    for value in inputs:
        shape = value.type.tensor_type.shape.dim
        for axis, (dimension, names) in enumerate(zip(shape, _dimensions(value), strict=True)):
            stated, fixed = next((name for name in names if name in wanted), ""), dimension.dim_value
            used.add(stated)
            if fixed > 0:
                if wanted.get(stated, fixed) != fixed:
                    message = f"--set {stated}={wanted[stated]}: the model fixes axis {axis} of input {value.name!r}"
                    problems.append(Problem(f"{message} at {fixed}", file=str(path)))
                continue
            known[names[-1]] = None
            if stated:
                named |= {dimension.dim_param: wanted[stated]} if dimension.dim_param else {}
                dimension.dim_value = wanted[stated]
            else:
                message = f"axis {axis} of input {value.name!r} is open: {names[-1]}"
                problems.append(Problem(message, file=str(path), hint=f"say --set {names[-1]}=N"))
    for name in wanted.keys() - used:
        hint = did_you_mean(name, tuple(known)) if known else "its inputs have no open dimension"
        problems.append(Problem(f"--set {name}: no input has such a dimension", file=str(path), hint=hint))
    if problems:
        raise SpecError(problems)
    for value in (*graph.value_info, *graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param in named:
                dimension.dim_value = named[dimension.dim_param]


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    """Infer all shapes from those of the inputs; what the model states counts where that leads nowhere."""
    from onnx import shape_inference

    stated: dict[str, onnx.TypeProto] = {}
    for value in (*model.graph.value_info, *model.graph.output):
        if _shape(value) is not None:
            stated[value.name] = type(value.type)()
            stated[value.name].CopyFrom(value.type)
        value.type.tensor_type.ClearField("shape")
    model = shape_inference.infer_shapes(model, data_prop=True)
    lost = [v for v in (*model.graph.value_info, *model.graph.output) if v.name in stated and _shape(v) is None]
    for value in lost:
        value.type.CopyFrom(stated[value.name])
    return shape_inference.infer_shapes(model, data_prop=True) if lost else model


def _by_others(model: onnx.ModelProto) -> onnx.ModelProto:
    """Put the other operators in the place of those that are defined by them."""
    from onnx import defs, helper, inliner, shape_inference

    opsets = {entry.domain: entry.version for entry in model.opset_import}
    found = [node for node in model.graph.node if node.op_type in BY_OTHERS and not node.domain]
    for node in found:  # the definition does not know the defaults of what it is defined for
        stated = {attribute.name for attribute in node.attribute}
        known = defs.get_schema(node.op_type, opsets.get("", 1), "").attributes
        node.attribute.extend(a.default_value for n, a in known.items() if n not in stated and a.default_value.name)
    if not found:
        return model
    typed = {value.name for value in (*model.graph.input, *model.graph.value_info)}
    weights = (tensor for tensor in model.graph.initializer if tensor.name not in typed)
    model.graph.value_info.extend(helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in weights)
    called = [("", name) for name in {node.op_type for node in found}]
    model = inliner.inline_selected_functions(model, called, exclude=False, inline_schema_functions=True)
    return shape_inference.infer_shapes(model, data_prop=True)


def _extents(path: Path, settings: Iterable[str]) -> dict[str, int]:
    found = {}
    for setting in settings:
        match = re.fullmatch(r"\s*(.+?)\s*=\s*([0-9]+)\s*", setting)
        if match is None or int(match[2]) < 1:
            message = f"--set {setting}: must be the name of an open dimension, '=' and its extent"
            raise SpecError([Problem(message, file=str(path), hint="such as --set batch=8")])
        found[match[1]] = int(match[2])
    return found


def _folded(model: onnx.ModelProto, path: Path, elsewhere: set[str]) -> Graph:
    """Compute what does not depend on an input, and keep the other nodes."""
    from onnx import numpy_helper

    graph = model.graph
    values = (*graph.input, *graph.value_info, *graph.output)
    shapes = {value.name: shape for value in values if (shape := _shape(value)) is not None}
    constants: dict[str, Values] = {}
    for tensor in graph.initializer:
        shapes[tensor.name] = tuple(tensor.dims)
        constants[tensor.name] = numpy_helper.to_array(tensor)
    made = {*constants, *elsewhere}
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    opsets = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    kept, weights = [], set(made)
    for place, node in enumerate(graph.node, start=1):
        operator = _operator(node, place, opsets)
        if _foldable(node, constants, shapes, types):
            try:
                folded = _evaluated(model, node, constants, shapes, types)
            except (IndexError, ValueError) as error:  # the checker does not look at values
                problem = Problem(f"{operator} cannot be computed: {error}", file=str(path))
                raise SpecError([problem]) from None
            constants |= folded
            shapes |= {name: array.shape for name, array in folded.items()}
            weights |= folded.keys()
            continue
        if operator.inputs and all(name in weights for name in operator.inputs if name):
            weights |= {*operator.outputs}
        kept.append(operator)
    found = Graph(
        file=str(path),
        name=path.stem,
        inputs=tuple(value.name for value in graph.input if value.name not in made),
        outputs=tuple(value.name for value in graph.output),
        operators=kept,
        shapes=shapes,
        constants=constants,
        weights=weights,
    )
    return _without_batch_norms(_counted(found))


def _counted(graph: Graph) -> Graph:
    uses = Counter(name for operator in graph.operators for name in operator.inputs if name)
    uses.update(graph.outputs)
    graph.uses = uses
    return graph


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...] | None:
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        return None
    extents = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
    return extents if all(n > 0 for n in extents) else None


def _operator(node: onnx.NodeProto, place: int, opsets: Mapping[str, int]) -> Operator:
    from onnx import helper

    domain = "" if node.domain in {"", "ai.onnx"} else f"{node.domain}."
    attributes = {a.name: _plain(helper.get_attribute_value(a)) for a in node.attribute}
    return Operator(
        kind=f"{domain}{node.op_type}",
        name=node.name or f"{node.op_type}{place}",
        place=place,
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        attributes=attributes,
        opset=opsets.get(node.domain or "ai.onnx", 1),
    )


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _foldable(
    node: onnx.NodeProto,
    constants: Mapping[str, Values],
    shapes: Mapping[str, tuple[int, ...]],
    types: Mapping[str, int],
) -> bool:
    if node.op_type == "Shape" and not node.domain:
        return node.input[0] in shapes
    names = [name for name in node.input if name]
    if node.op_type == "CastLike" and types.get(names[1]):
        names = names[:1]
    if node.domain not in {"", "ai.onnx"} or any(name not in constants for name in names):
        return False
    if node.op_type.startswith("Random") or any(a.HasField("g") for a in node.attribute):
        return False
    words = [constants[name].size for name in names]
    words += [constants[names[0]].prod() if node.op_type == "ConstantOfShape" and constants[names[0]].size else 0]
    return max((int(n) for n in words), default=0) <= FOLDED_WORDS


def _evaluated(
    model: onnx.ModelProto,
    node: onnx.NodeProto,
    constants: Mapping[str, Values],
    shapes: Mapping[str, tuple[int, ...]],
    types: Mapping[str, int],
) -> dict[str, Values]:
    """What one node makes of constants, by the reference evaluator of ONNX."""
    import numpy as np
    from onnx import TensorProto, helper
    from onnx.reference import ReferenceEvaluator

    feeds = {name: constants[name] for name in node.input if name in constants}
    if node.op_type == "Shape":
        feeds = {node.input[0]: np.broadcast_to(np.float32(0), shapes[node.input[0]])}
    if node.op_type == "CastLike":
        feeds[node.input[1]] = np.zeros((), helper.tensor_dtype_to_np_dtype(types[node.input[1]]))
    inputs = [
        helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in feeds.items()
    ]
    outputs = [helper.make_tensor_value_info(n, TensorProto.UNDEFINED, None) for n in node.output if n]
    alone = helper.make_model(helper.make_graph([node], "folded", inputs, outputs), opset_imports=model.opset_import)
    found = ReferenceEvaluator(alone).run(None, feeds)
    return dict(zip([n for n in node.output if n], map(np.asarray, found), strict=True))


def _without_batch_norms(graph: Graph) -> Graph:
    """Put a batch normalisation into the convolution before it, where nothing else reads that."""
    makers = {output: operator for operator in graph.operators for output in operator.outputs}
    operators = {operator.place: operator for operator in graph.operators}
    for norm in graph.operators:
        conv = makers.get(norm.inputs[0]) if norm.kind == "BatchNormalization" else None
        if conv is None or conv.kind != "Conv" or graph.uses[conv.outputs[0]] > 1:
            continue
        bias = conv.input(2)
        names = (conv.inputs[1], *norm.inputs[1:5], *([bias] if bias else []))
        if any(name not in graph.constants for name in names):
            continue
        kernel, scale, shift, mean, variance, *before = (graph.constants[name] for name in names)
        factor = scale / (variance + norm.attributes.get("epsilon", 1e-5)) ** 0.5
        new = {
            f"{conv.inputs[1]}.folded": kernel * factor.reshape(-1, *(1,) * (kernel.ndim - 1)),
            f"{bias or conv.inputs[1] + '.bias'}.folded": ((before[0] if before else 0) - mean) * factor + shift,
        }
        graph.constants |= new
        graph.shapes |= {name: array.shape for name, array in new.items()}
        graph.weights |= new.keys()
        operators[conv.place] = replace(conv, inputs=(conv.inputs[0], *new), outputs=norm.outputs[:1])
        del operators[norm.place]
    graph.operators = list(operators.values())
    return _counted(graph)
