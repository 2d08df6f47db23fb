"""Small ONNX models, built in the tests, and what ONNX itself says that they compute."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402

import costmodel.api as cm  # noqa: E402
from costmodel.importing.importer import import_model  # noqa: E402
from costmodel.spec import catalog  # noqa: E402


def model_of(nodes, inputs, constants=None, outputs=("Y",), opset=18):
    """A model of doubles; ``nodes`` are (operator, inputs, outputs, attributes)."""
    made = []
    for place, (kind, reads, writes, attributes) in enumerate(nodes):
        name = attributes.pop("name", f"{kind.lower()}{place}")
        made.append(helper.make_node(kind, reads.split(), writes.split(), name=name, **attributes))
    kind = TensorProto.DOUBLE
    graph = helper.make_graph(
        made,
        "graph",
        [
            helper.make_tensor_value_info(n, TensorProto.INT64 if n.startswith("I64") else kind, s)
            for n, s in inputs.items()
        ],
        [helper.make_tensor_value_info(name, kind, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    return onnx.shape_inference.infer_shapes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]), data_prop=True
    )


def saved(model, folder, name="model"):
    path = folder / f"{name}.onnx"
    onnx.save(model, str(path))
    return path


def values_for(model, seed=0):
    """Random whole numbers for the inputs: what Einsums and ONNX make of them has no rounding to hide behind."""
    random = np.random.default_rng(seed)
    made = {tensor.name for tensor in model.graph.initializer}
    found = {}
    for value in model.graph.input:
        if value.name not in made:
            shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
            whole = value.type.tensor_type.elem_type == TensorProto.INT64
            found[value.name] = random.integers(0, 3, shape) if whole else random.integers(-4, 5, shape).astype(float)
    return found


def compare(model, folder, tolerance=1e-9, reference=None):
    """Import a model and run both; return what was imported. ``reference``: one that computes the same.

    Every tensor has the shape that the model gives to it, in every Einsum.
    """
    found = import_model(saved(model, folder), ())
    feeds = values_for(model)
    expected = dict(
        zip([o.name for o in model.graph.output], ReferenceEvaluator(reference or model).run(None, feeds), strict=True)
    )
    given = {found.views[name].tensor: array for name, array in feeds.items() if name in found.views}
    document = found.workload.model_dump(mode="json", exclude_none=True)
    looked_up = {t for t in given if any(f"={t}[" in einsum.einsum for einsum in found.workload.einsums)}
    document["values"] |= {tensor: given.pop(tensor).tolist() for tensor in looked_up}
    ran = cm.run(document, values={**given, **found.constants})
    extents = {view.tensor: view.extents for view in found.views.values()}
    for einsum in catalog.load_workload(document).einsums:
        assert {n: t.shape for n, t in einsum.tensors.items() if extents.get(n, t.shape) != t.shape} == {}
    for name, array in expected.items():
        np.testing.assert_allclose(found.value(name, ran.tensors), array, rtol=tolerance, atol=tolerance)
    return found
