"""Operators whose inputs are read through windows: convolutions, transposed ones, pooling."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from costmodel.importing.graph import Operator, without_scales
from costmodel.importing.norms import divided
from costmodel.importing.reading import Importer, NotImportedError
from costmodel.importing.views import AxisDigit, AxisDigits, Spot, View, size, splits
from costmodel.importing.writing import Loops, copied
from costmodel.spec.workload_spec import Pad

PLACES, TAPS, DATA = {1: "P", 2: "PQ", 3: "ZPQ"}, {1: "R", 2: "RS", 3: "TRS"}, {1: "H", 2: "HW", 3: "DHW"}
"""Ranks of outputs, windows and inputs, by how many dimensions they slide in."""


@dataclass(frozen=True, slots=True)
class WindowSlide:
    """How a window slides along one axis: output ``p`` sees ``stride·p + dilation·r - before``."""

    extent: int
    """Of the input."""
    taps: int
    stride: int
    dilation: int
    before: int
    after: int
    outputs: int

    @property
    def inside(self) -> list[int]:
        """Taps of each output that are in the input, or in what pads it."""
        reach = range(-self.before, self.extent + self.after)
        seen = (
            [self.stride * p + self.dilation * r - self.before for r in range(self.taps)] for p in range(self.outputs)
        )
        return [sum(place in reach for place in places) for places in seen]

    @property
    def in_data(self) -> list[int]:
        """Taps of each output that are in the input."""
        seen = (
            [self.stride * p + self.dilation * r - self.before for r in range(self.taps)] for p in range(self.outputs)
        )
        return [sum(0 <= place < self.extent for place in places) for places in seen]

    def spot(self, output: AxisDigits, tap: AxisDigits) -> Spot:
        terms = [(part, self.stride) for part in output] + [(part, self.dilation) for part in tap]
        return Spot(tuple(terms), -self.before)


def _windows(operator: Operator, data: Sequence[int], taps: Sequence[int]) -> list[WindowSlide]:
    """How the windows of an operator slide over the last axes of its input."""
    of, n = operator.attributes.get, len(taps)
    strides, dilations = of("strides", [1] * n), of("dilations", [1] * n)
    pads, automatic = of("pads", [0] * 2 * n), of("auto_pad", "NOTSET")
    found = []
    for axis, (extent, r, u, d) in enumerate(zip(data, taps, strides, dilations, strict=True)):
        reach = d * (r - 1) + 1
        before, after = (pads[axis], pads[n + axis]) if automatic == "NOTSET" else (0, 0)
        if automatic.startswith("SAME"):
            total = max((-(-extent // u) - 1) * u + reach - extent, 0)
            before, after = (
                (total // 2, total - total // 2) if automatic == "SAME_UPPER" else (total - total // 2, total // 2)
            )
        steps = extent + before + after - reach
        outputs = (-(-steps // u) if of("ceil_mode") else steps // u) + 1
        if of("ceil_mode") and (outputs - 1) * u >= extent + before:  # a window that begins behind the end is none
            outputs -= 1
        found.append(WindowSlide(extent, r, u, d, before, after, outputs))
    return found


def _leaves(windows: Sequence[WindowSlide]) -> bool:
    return any(
        w.before > 0 or w.stride * (w.outputs - 1) + w.dilation * (w.taps - 1) - w.before >= w.extent for w in windows
    )


def _slid(importer: Importer, operator: Operator, view: View, windows: Sequence[WindowSlide]) -> View:
    """The input, whose sliding axes are digits alone, and whole ranks where windows leave them."""
    first = len(view.axes) - len(windows)
    axes = [first + i for i, window in enumerate(windows) if len(view.axes[first + i]) > 1 or _leaves([window])]
    return importer.flat(f"{operator.name}.copy", view, axes)


def _new(loops: Loops, extent: int, letter: str, of: str = "") -> AxisDigits:
    return (loops.part(extent, letter, of),) if extent > 1 else ()


def _places(loops: Loops, extents: Sequence[int]) -> list[AxisDigits]:
    """Variables of the output: its rows are rows of what reads it."""
    n = len(extents)
    return [_new(loops, m, letter, of) for m, letter, of in zip(extents, PLACES[n], DATA[n], strict=True)]


def _conv(importer: Importer, operator: Operator) -> list[View]:
    """Conv: groups are the leading digit of the channels of both sides."""
    n = len(importer.shape(operator.inputs[1])) - 2
    if n not in PLACES:
        raise NotImportedError(f"it slides in {n} dimensions")
    view, kernel = importer.view(operator.inputs[0]), importer.view(operator.inputs[1], "MC" + TAPS[n])
    windows = _windows(operator, view.shape[2:], kernel.shape[2:])
    view = _slid(importer, operator, view, windows)
    groups = operator.attributes.get("group", 1)
    if groups > 1 and not splits(view.axes[1], (groups, view.shape[1] // groups)):
        view = copied(importer.writer, f"{operator.name}.copy", view)
    loops = Loops(importer.writer, view, kernel)
    batch = loops.axis(view.axes[0])
    group, outputs, inputs = _channels(loops, view.axes[1], kernel, groups)
    places = _places(loops, [w.outputs for w in windows])
    taps = [loops.axis(axis) for axis in kernel.axes[2:]]
    slid = [w.spot(p, r) for w, p, r in zip(windows, places, taps, strict=True)]
    text = (
        f"{loops.read(view, batch, (*group, *inputs), *slid)} * {loops.read(kernel, (*group, *outputs), inputs, *taps)}"
    )
    axes = [batch, (*group, *outputs), *places]
    bias, leaves = operator.input(2), _leaves(windows)
    if not bias:
        return [loops.write(operator.name, axes, text, pad="zero" if leaves else None)]
    added = importer.view(bias, "M")
    if not leaves:
        return [loops.write(operator.name, axes, f"{loops.read(added, axes[1])} + {text}")]
    return [_plus(importer, operator, loops.write(f"{operator.name}.product", axes, text, pad="zero"), added)]


def _plus(importer: Importer, operator: Operator, product: View, bias: View) -> View:
    """A bias of each channel, as an Einsum of its own: beside padding, a sum of both has no closed form."""
    aligned = bias.with_axes((bias.axes[0], *((),) * (len(product.axes) - 2)))
    return importer.together(operator.name, [product, aligned], "{} + {}".format)


def _channels(loops: Loops, data: AxisDigits, kernel: View, groups: int) -> tuple[AxisDigits, AxisDigits, AxisDigits]:
    """Variables of groups, output channels and input channels of a group."""
    outputs = size(kernel.axes[0]) // groups
    if groups == 1:
        made = tuple(loops.part(p.extent, p.rank, "C" if p.rank == "M" else p.of) for p in kernel.axes[0])
        return (), made, loops.axis(kernel.axes[1], data)
    alone = outputs == 1 and size(data) == groups
    group = (loops.part(groups, "G", "C" if alone else ""),)
    return group, _new(loops, outputs, "M"), _new(loops, size(data) // groups, "K")


def _conv_transpose(importer: Importer, operator: Operator) -> list[View]:
    """ConvTranspose: input ``p`` is added to output ``stride·p + dilation·r - before``."""
    n = len(importer.shape(operator.inputs[1])) - 2
    groups, of = operator.attributes.get("group", 1), operator.attributes.get
    view, kernel = importer.view(operator.inputs[0]), importer.view(operator.inputs[1], "CM" + TAPS.get(n, "R" * n))
    wanted = importer.graph.shapes.get(operator.outputs[0])
    if n not in PLACES or wanted is None or of("auto_pad", "NOTSET") != "NOTSET":
        raise NotImportedError("automatic padding, or more than three dimensions of a transposed convolution")
    if groups > 1 and not splits(view.axes[1], (groups, view.shape[1] // groups)):
        view = copied(importer.writer, f"{operator.name}.copy", view)
    strides, dilations, pads = of("strides", [1] * n), of("dilations", [1] * n), of("pads", [0] * 2 * n)
    if of("output_shape"):
        raise NotImportedError("its padding follows from the output_shape that it states")
    reach = [
        (m - 1) * u + (r - 1) * d - low
        for m, u, r, d, low in zip(view.shape[2:], strides, kernel.shape[2:], dilations, pads, strict=False)
    ]
    if any(high + 1 < extent for high, extent in zip(reach, wanted[2:], strict=True)):
        raise NotImportedError("its last rows are padding alone")
    loops = Loops(importer.writer, view, kernel)
    batch, made_each = loops.axis(view.axes[0]), loops.axis(kernel.axes[1])
    group = (loops.part(groups, "G"),) if groups > 1 else ()
    inputs = (*group, *_new(loops, view.shape[1] // groups, "K")) if group else loops.axis(kernel.axes[0], view.axes[1])
    outputs = (*group, *made_each)
    steps = [loops.axis(axis) for axis in view.axes[2:]]
    taps = [loops.axis(axis) for axis in kernel.axes[2:]]
    text = f"{loops.read(view, batch, inputs, *steps)} * {loops.read(kernel, inputs, made_each, *taps)}"
    made = [(AxisDigit(extent, letter, letter),) for extent, letter in zip(wanted[2:], DATA[n], strict=True)]
    ranks = [part for axis in (batch, outputs, *made) for part in axis]
    slid = zip(strides, dilations, pads, steps, taps, strict=False)
    spots = [Spot(((part, 1),)) for axis in (batch, outputs) for part in axis]
    spots += [Spot((*((p, u) for p in step), *((r, d) for r in tap)), -before) for u, d, before, step, tap in slid]
    bias = operator.input(2)
    name = f"{operator.name}.product" if bias else operator.name
    found = loops.write_at(name, (batch, outputs, *made), ranks, spots, text, pad="zero")
    return [_plus(importer, operator, found, importer.view(bias, "M")) if bias else found]


def _only(*places: int) -> Callable[[Importer, Operator], list[View]]:
    """A convolution of whole numbers: its operands stand at these places, beside scales and zero points."""
    return lambda importer, operator: _conv(importer, without_scales(operator, *places))


def _pool(importer: Importer, operator: Operator, reduce: str) -> tuple[View, list[WindowSlide]]:
    view = importer.view(operator.inputs[0])
    taps = operator.attributes["kernel_shape"]
    n = len(taps)
    if n not in PLACES:
        raise NotImportedError(f"it slides in {n} dimensions")
    windows = _windows(operator, view.shape[2:], taps)
    view = _slid(importer, operator, view, windows)
    loops = Loops(importer.writer, view)
    batch, channels = loops.axis(view.axes[0]), loops.axis(view.axes[1])
    places = _places(loops, [w.outputs for w in windows])
    steps = [_new(loops, w.taps, letter) for w, letter in zip(windows, TAPS[n], strict=True)]
    slid = [w.spot(p, r) for w, p, r in zip(windows, places, steps, strict=True)]
    name = operator.name if reduce == "max=" else f"{operator.name}.sum"
    pad: Pad | None = "skip" if _leaves(windows) else None
    text = loops.read(view, batch, channels, *slid)
    return loops.write(name, [batch, channels, *places], text, reduce=reduce, pad=pad), windows


def _max_pool(importer: Importer, operator: Operator) -> list[View]:
    if len([name for name in operator.outputs if name and importer.graph.uses[name]]) > 1:
        raise NotImportedError("it says where the largest words stand")
    return [_pool(importer, operator, "max=")[0]]


def _average_pool(importer: Importer, operator: Operator) -> list[View]:
    """AveragePool: a sum, and a division by what each window has inside."""
    total, windows = _pool(importer, operator, "+=")
    counts = [w.inside if operator.attributes.get("count_include_pad") else w.in_data for w in windows]
    if all(len(set(along)) == 1 for along in counts):
        return [divided(importer, operator.name, total, size([AxisDigit(along[0], "") for along in counts]))]
    import numpy as np

    table = np.array([float(np.prod(n)) for n in itertools.product(*counts)]).reshape([len(n) for n in counts])
    inside = importer.made(f"{operator.name}.inside", table, PLACES[len(counts)])
    return [importer.together(operator.name, [total, inside], "{} / {}".format)]


OPERATORS = {
    "Conv": _conv,
    "ConvInteger": _only(0, 1),
    "QLinearConv": _only(0, 3, 8),
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
}
