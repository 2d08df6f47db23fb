"""Sums of products: matrices, and Einsums as ONNX writes them."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

from costmodel.importing.graph import Operator, without_scales
from costmodel.importing.reading import Importer, NotImportedError, literal
from costmodel.importing.views import AxisDigits, NoDigitsError, View
from costmodel.importing.writing import Loops, copied


def _matmul(importer: Importer, operator: Operator) -> list[View]:
    left, right = (
        importer.view(operator.inputs[0]),
        importer.view(operator.inputs[1], _letters(importer, operator, "KN")),
    )
    return [_product(importer, operator, left, right)]


def _letters(importer: Importer, operator: Operator, letters: str) -> str:
    """Ranks of a matrix that is given."""
    return letters if len(importer.shape(operator.inputs[1])) == 2 else ""


def _product(importer: Importer, operator: Operator, left: View, right: View) -> View:
    """A matrix product; the axes before the last two are shared or repeated, as NumPy does."""
    one_row, one_column = len(left.axes) == 1, len(right.axes) == 1
    left = left.with_axes(((), *left.axes)) if one_row else left
    right = right.with_axes((*right.axes, ())) if one_column else right
    rank = max(len(left.axes), len(right.axes))
    left, right = (view.with_axes(((),) * (rank - len(view.axes)) + view.axes) for view in (left, right))
    try:
        loops = Loops(importer.writer, left, right)
        shared = [loops.axis(a, b) for a, b in zip(left.axes[:-2], right.axes[:-2], strict=True)]
        row, column = loops.axis(left.axes[-2]), loops.axis(right.axes[-1])
        inner = loops.axis(right.axes[-2], left.axes[-1])
    except NoDigitsError:
        left, right = (copied(importer.writer, f"{operator.name}.copy", view) for view in (left, right))
        return _product(importer, operator, left, right)
    text = f"{loops.read(left, *shared, row, inner)} * {loops.read(right, *shared, inner, column)}"
    axes = [*shared, *([] if one_row else [row]), *([] if one_column else [column])]
    return loops.write(operator.name, axes, text)


def _gemm(importer: Importer, operator: Operator) -> list[View]:
    """Gemm: alpha times a product of two matrices, plus beta times what is repeated to its shape."""
    of = operator.attributes.get
    left = importer.view(operator.inputs[0])
    right = importer.view(operator.inputs[1], "NK" if of("transB") else "KN")
    left, right = (
        view.turned((1, 0)) if turn else view for view, turn in ((left, of("transA")), (right, of("transB")))
    )
    bias = operator.input(2)
    added = importer.view(bias, _bias_letters(importer, bias)) if bias and not importer.number(bias) else None
    if added is not None:
        added = added.with_axes(((),) * (2 - len(added.axes)) + added.axes)
    loops = Loops(importer.writer, left, right, *([added] if added else []))
    try:
        row = loops.axis(left.axes[0], *([added.axes[0]] if added else []))
        column = loops.axis(right.axes[1], *([added.axes[1]] if added else []))
        inner = loops.axis(right.axes[0], left.axes[1])
    except NoDigitsError:
        raise NotImportedError("its matrices are split in ways that do not fit") from None
    text = f"{_times(of('alpha', 1.0))}{loops.read(left, row, inner)} * {loops.read(right, inner, column)}"
    if added is not None:
        text = f"{_times(of('beta', 1.0))}{loops.read(added, row, column)} + {text}"
    elif bias and (number := importer.number(bias)) != "0":
        text = f"{_times(of('beta', 1.0))}{number} + {text}"
    return [loops.write(operator.name, [row, column], text)]


def _bias_letters(importer: Importer, name: str) -> str:
    return "MN"[-len(importer.shape(name)) :]


def _times(factor: float) -> str:
    return "" if factor == 1 else f"{literal(factor)} * "


def _einsum(importer: Importer, operator: Operator) -> list[View]:
    """Einsum: one equation, each letter an axis."""
    text = str(operator.attributes["equation"]).replace(" ", "")
    if "." in text:
        raise NotImportedError(f"its equation {text!r} has axes without letters")
    left, _, right = text.partition("->")
    terms = left.split(",")
    if not _:
        right = "".join(c for c in string.ascii_letters if left.count(c) == 1)
    views = [importer.view(name) for name in operator.inputs]
    loops = Loops(importer.writer, *views)
    axes: dict[str, AxisDigits] = {}
    try:
        for letter in dict.fromkeys(right + left.replace(",", "")):
            axes[letter] = loops.axis(*_axes_of(letter, terms, views))
    except NoDigitsError:
        raise NotImportedError("its operands are split in ways that do not fit") from None
    reads = [loops.read(v, *(axes[c] for c in term)) for term, v in zip(terms, views, strict=True)]
    return [loops.write(operator.name, [axes[letter] for letter in right], " * ".join(reads))]


def _axes_of(letter: str, terms: Sequence[str], views: Sequence[View]) -> list[AxisDigits]:
    return [
        view.axes[place] for term, view in zip(terms, views, strict=True) for place, c in enumerate(term) if c == letter
    ]


def _only(*places: int) -> Callable[[Importer, Operator], list[View]]:
    """A product of whole numbers: its operands stand at these places, beside scales and zero points."""
    return lambda importer, operator: _matmul(importer, without_scales(operator, *places))


OPERATORS = {
    "MatMul": _matmul,
    "MatMulInteger": _only(0, 1),
    "QLinearMatMul": _only(0, 3),
    "Gemm": _gemm,
    "Einsum": _einsum,
}
