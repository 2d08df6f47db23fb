"""The operators of ONNX that are known, each with what writes its Einsums."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from costmodel.importing import moving, norms, pointwise, products, windows
from costmodel.importing.graph import Operator
from costmodel.importing.reading import Importer
from costmodel.importing.views import View

OPERATORS: Mapping[str, Callable[[Importer, Operator], list[View]]] = {
    **moving.OPERATORS,
    **pointwise.OPERATORS,
    **products.OPERATORS,
    **windows.OPERATORS,
    **norms.OPERATORS,
}
"""By name: from the reader of the graph and the operator to views of its outputs."""
