"""Operators that reduce axes: sums, means, softmax, normalisations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from costmodel.importing.graph import Operator
from costmodel.importing.reading import Importer, NotImportedError, literal
from costmodel.importing.views import Spot, View
from costmodel.importing.writing import Loops


def reduced(
    importer: Importer, name: str, view: View, axes: Iterable[int], formula: str = "{}", reduce: str = "+="
) -> View:
    """An Einsum that reduces axes of a value; they stay, with extent 1."""
    loops, gone = Loops(importer.writer, view), set(axes)
    kept = {place: loops.axis(axis) for place, axis in enumerate(view.axes) if place not in gone}
    over = {place: loops.axis(axis) for place, axis in enumerate(view.axes) if place in gone}
    read = loops.read(view, *((kept | over)[place] for place in range(len(view.axes))))
    axes_left = [kept.get(place, ()) for place in range(len(view.axes))]
    return loops.write(name, axes_left, formula.format(read), reduce=reduce)


def divided(importer: Importer, name: str, view: View, by: int) -> View:
    return importer.together(name, [view], lambda total: f"{total} / {by}") if by != 1 else view


def _reduce(formula: str = "{}", by: str = "+=", after: str = "") -> Callable[[Importer, Operator], list[View]]:
    def write(importer: Importer, operator: Operator) -> list[View]:
        view = importer.view(operator.inputs[0])
        axes = _axes(importer, operator, len(view.axes))
        if not axes:
            return [view]
        name = f"{operator.name}.sum" if after else operator.name
        found = reduced(importer, name, view, axes, formula, by)
        if after == "mean":
            found = divided(importer, operator.name, found, math.prod(view.shape[a] for a in axes))
        elif after:
            found = importer.together(operator.name, [found], after.format)
        if not operator.attributes.get("keepdims", 1):
            for axis in sorted(axes, reverse=True):
                found = found.at(axis, 0)
        return [found]

    return write


def _axes(importer: Importer, operator: Operator, rank: int) -> list[int]:
    stated = importer.whole_numbers(operator, 1, "axes")
    if not stated:
        return [] if operator.attributes.get("noop_with_empty_axes") else list(range(rank))
    return sorted({axis % rank for axis in stated})


def _global_pool(by: str) -> Callable[[Importer, Operator], list[View]]:
    def write(importer: Importer, operator: Operator) -> list[View]:
        view = importer.view(operator.inputs[0])
        axes = range(2, len(view.axes))
        if by == "max=":
            return [reduced(importer, operator.name, view, axes, "{}", by)]
        total = reduced(importer, f"{operator.name}.sum", view, axes)
        return [divided(importer, operator.name, total, math.prod(view.shape[2:]))]

    return write


def _softmax(importer: Importer, operator: Operator) -> list[View]:
    """Softmax in three passes: the largest, the numerators and their sum, the division."""
    view, name = importer.view(operator.inputs[0]), operator.name
    rank = len(view.axes)
    axis = operator.attributes.get("axis", 1 if operator.opset < 13 else -1) % rank
    axes = range(axis, rank) if operator.opset < 13 else [axis]
    largest = reduced(importer, f"{name}.max", view, axes, "{}", "max=")
    if operator.kind == "LogSoftmax":
        less = importer.together(f"{name}.less", [view, largest], "{} - {}".format)
        total = reduced(importer, f"{name}.sum", less, axes, "exp({})")
        return [importer.together(name, [less, total], "{} - log({})".format)]
    above = importer.together(f"{name}.exp", [view, largest], "exp({} - {})".format)
    total = reduced(importer, f"{name}.sum", above, axes)
    return [importer.together(name, [above, total], "{} / {}".format)]


def _normalised(
    importer: Importer, name: str, view: View, axes: Sequence[int], epsilon: float, scale: Sequence[View]
) -> View:
    """Mean, deviation, variance, result: scaled and shifted by views aligned at the last axes."""
    words, small = math.prod(view.shape[axis] for axis in axes), literal(epsilon)
    total = reduced(importer, f"{name}.sum", view, axes)
    apart = importer.together(f"{name}.deviation", [view, total], lambda x, s: f"{x} - {s} / {words}")
    squares = reduced(importer, f"{name}.squares", apart, axes, "square({})")
    return importer.together(name, [apart, squares, *scale], lambda d, v, *more: _scaled(d, v, words, small, more))


def _scaled(value: str, squares: str, words: int, epsilon: str, more: Sequence[str]) -> str:
    text = f"{value} * rsqrt({squares} / {words} + {epsilon})"
    gain, bias = (*more, "", "")[:2]
    return f"{text}{f' * {gain}' if gain else ''}{f' + {bias}' if bias else ''}"


def _layer_norm(importer: Importer, operator: Operator) -> list[View]:
    _one_output(importer, operator)
    view = importer.view(operator.inputs[0])
    axis = operator.attributes.get("axis", -1) % len(view.axes)
    scale = [importer.view(name) for name in operator.inputs[1:3] if name]
    axes = range(axis, len(view.axes))
    return [_normalised(importer, operator.name, view, axes, operator.attributes.get("epsilon", 1e-5), scale)]


def _rms_norm(importer: Importer, operator: Operator) -> list[View]:
    _one_output(importer, operator)
    view, name = importer.view(operator.inputs[0]), operator.name
    axes = range(operator.attributes.get("axis", -1) % len(view.axes), len(view.axes))
    words, small = math.prod(view.shape[a] for a in axes), literal(operator.attributes.get("epsilon", 1e-5))
    squares = reduced(importer, f"{name}.squares", view, axes, "square({})")
    scale = [importer.view(one) for one in operator.inputs[1:2] if one]
    return [importer.together(name, [view, squares, *scale], lambda x, s, *more: _scaled(x, s, words, small, more))]


def _one_output(importer: Importer, operator: Operator) -> None:
    if any(name and importer.graph.uses[name] for name in operator.outputs[1:]):
        raise NotImportedError("its mean or deviation is read")


def _instance_norm(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    scale = [_of_channels(importer.view(name, "C"), len(view.axes)) for name in operator.inputs[1:3]]
    axes = range(2, len(view.axes))
    return [_normalised(importer, operator.name, view, axes, operator.attributes.get("epsilon", 1e-5), scale)]


def _of_channels(view: View, rank: int) -> View:
    """A value of each channel, aligned with a tensor whose second axis is the channels."""
    return view.with_axes((*view.axes, *((),) * (rank - 2)))


def _group_norm(importer: Importer, operator: Operator) -> list[View]:
    """GroupNormalization: the channels of a group as an axis of their own."""
    view, groups = importer.view(operator.inputs[0]), operator.attributes["num_groups"]
    channels = view.shape[1]
    split = view.reshaped((view.shape[0], groups, channels // groups, *view.shape[2:]))
    scale = [importer.view(name, "C").reshaped((groups, channels // groups)) for name in operator.inputs[1:3]]
    if split is None or None in scale or operator.opset < 21:
        raise NotImportedError("its groups are no digits of the channels, or it is older than opset 21")
    aligned = [_of_channels(one, len(split.axes) - 1) for one in scale if one]
    axes = range(2, len(split.axes))
    found = _normalised(importer, operator.name, split, axes, operator.attributes.get("epsilon", 1e-5), aligned)
    return [found.with_axes((found.axes[0], (*found.axes[1], *found.axes[2]), *found.axes[3:]))]


def _batch_norm(importer: Importer, operator: Operator) -> list[View]:
    """BatchNormalization of an inference: a factor and a summand of each channel, which are computed here."""
    if operator.attributes.get("training_mode"):
        raise NotImportedError("it is in training mode")
    parameters = [importer.constant(name) for name in operator.inputs[1:5]]
    view = importer.view(operator.inputs[0])
    if any(array is None for array in parameters):
        raise NotImportedError("its parameters are not in the model")
    scale, shift, mean, variance = (array for array in parameters if array is not None)
    factor = scale / (variance + operator.attributes.get("epsilon", 1e-5)) ** 0.5
    rank = len(view.axes)
    gain = _of_channels(importer.made(f"{operator.name}.scale", factor, "C"), rank)
    bias = _of_channels(importer.made(f"{operator.name}.shift", shift - mean * factor, "C"), rank)
    return [importer.together(operator.name, [view, gain, bias], "{} * {} + {}".format)]


def _response_norm(importer: Importer, operator: Operator) -> list[View]:
    """LRN: each word by a power of the squares in the channels around it."""
    view, of, name = importer.view(operator.inputs[0]), operator.attributes.get, operator.name
    near, small = operator.attributes["size"], literal(of("bias", 1.0))
    share, power = literal(of("alpha", 1e-4) / near), literal(of("beta", 0.75))
    view = importer.flat(f"{name}.copy", view, [1])
    if not view.axes[1]:
        return [importer.together(name, [view], lambda x: f"{x} / pow({small} + {share} * square({x}), {power})")]
    loops = Loops(importer.writer, view)
    axes = [loops.axis(axis) for axis in view.axes]
    around = Spot(((axes[1][0], 1), (loops.part(near, "L"), 1)), -((near - 1) // 2))
    squares = f"square({loops.read(view, axes[0], around, *axes[2:])})"
    total = loops.write(f"{name}.squares", axes, squares, reduce="+=", pad="skip")
    return [importer.together(name, [view, total], lambda x, s: f"{x} / pow({small} + {share} * {s}, {power})")]


OPERATORS = {
    "ReduceSum": _reduce(),
    "ReduceMean": _reduce(after="mean"),
    "ReduceMax": _reduce(by="max="),
    "ReduceMin": _reduce(by="min="),
    "ReduceProd": _reduce(by="*="),
    "ReduceSumSquare": _reduce("square({})"),
    "ReduceL1": _reduce("abs({})"),
    "ReduceL2": _reduce("square({})", after="sqrt({})"),
    "ReduceLogSum": _reduce(after="log({})"),
    "GlobalAveragePool": _global_pool("+="),
    "GlobalMaxPool": _global_pool("max="),
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "SimplifiedLayerNormalization": _rms_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "BatchNormalization": _batch_norm,
    "LRN": _response_norm,
}
