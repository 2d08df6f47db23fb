"""Operators that only move words: views where index expressions can say it, copies where they cannot."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from costmodel.importing.graph import Operator
from costmodel.importing.reading import Importer, NotImportedError
from costmodel.importing.views import AxisDigit, Spot, View, size
from costmodel.importing.writing import Loops, copied
from costmodel.spec.workload_spec import Pad


def _same(importer: Importer, operator: Operator) -> list[View]:
    return [importer.view(operator.inputs[0])]


def reshaped(importer: Importer, operator: Operator, view: View, shape: Sequence[int]) -> View:
    """Another shape: a view, or a view of a copy where digits do not fit."""
    found = view.reshaped(shape)
    if found is None:
        flat = copied(importer.writer, f"{operator.name}.copy", _one_axis(view))
        found = flat.reshaped(shape)
    if found is None:
        raise NotImportedError(f"its shape {tuple(shape)} cannot be read from {view.shape}")
    return found


def _one_axis(view: View) -> View:
    return view.with_axes((tuple(part for axis in view.axes for part in axis),))


def _reshape(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    wanted = importer.whole_numbers(operator, 1, "shape") or []
    if not operator.attributes.get("allowzero"):
        wanted = [view.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    known = math.prod(n for n in wanted if n != -1)
    return [reshaped(importer, operator, view, [math.prod(view.shape) // known if n == -1 else n for n in wanted])]


def _flatten(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    axis = operator.attributes.get("axis", 1) % (len(view.axes) + 1)
    shape = (math.prod(view.shape[:axis]), math.prod(view.shape[axis:]))
    return [reshaped(importer, operator, view, shape)]


def _transpose(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    return [view.turned(operator.attributes.get("perm") or reversed(range(len(view.axes))))]


def _squeeze(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    stated = importer.whole_numbers(operator, 1, "axes")
    gone = {i for i, n in enumerate(view.shape) if n == 1} if stated is None else {a % len(view.axes) for a in stated}
    for axis in sorted(gone, reverse=True):
        view = view.at(axis, 0)
    return [view]


def _unsqueeze(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    stated = importer.whole_numbers(operator, 1, "axes") or []
    rank = len(view.axes) + len(stated)
    new, axes = {axis % rank for axis in stated}, iter(view.axes)
    return [view.with_axes(() if place in new else next(axes) for place in range(rank))]


def _slice(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    starts = importer.whole_numbers(operator, 1, "starts") or []
    ends = importer.whole_numbers(operator, 2, "ends") or []
    axes = importer.whole_numbers(operator, 3, "axes") or list(range(len(starts)))
    steps = importer.whole_numbers(operator, 4, "steps") or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        place = axis % len(view.axes)
        taken = range(view.shape[place])[slice(start, end, step)]
        view = sliced(importer, operator, view, place, taken)
    return [view]


def sliced(importer: Importer, operator: Operator, view: View, axis: int, taken: range) -> View:
    """Some coordinates of an axis."""
    if not taken:
        raise NotImportedError("nothing is left of its input")
    found = view.sliced(axis, taken.start, taken.step, len(taken))
    if found is None:
        whole = copied(importer.writer, f"{operator.name}.copy", view)
        found = whole.sliced(axis, taken.start, taken.step, len(taken))
    return found or view


def _split(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    axis = operator.attributes.get("axis", 0) % len(view.axes)
    whole, pieces = view.shape[axis], len(operator.outputs)
    share = -(-whole // pieces)
    stated = importer.whole_numbers(operator, 1, "split")
    extents = stated or [min(share, whole - share * i) for i in range(pieces)]
    ends = list(itertools.accumulate(extents))
    ranges = [range(end - extent, end) for end, extent in zip(ends, extents, strict=True)]
    importer.nothing |= {name for name, taken in zip(operator.outputs, ranges, strict=True) if not taken}
    return [sliced(importer, operator, view, axis, taken) if taken else view for taken in ranges]


def _expand(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    wanted = importer.whole_numbers(operator, 1, "shape") or []
    rank = max(len(wanted), len(view.axes))
    axes = ((),) * (rank - len(view.axes)) + view.axes
    asked = [1] * (rank - len(wanted)) + wanted
    return [
        view.with_axes(
            _repeated(axis, n) if size(axis) == 1 and n > 1 else axis for axis, n in zip(axes, asked, strict=True)
        )
    ]


def _repeated(axis: tuple[AxisDigit, ...], times: int) -> tuple[AxisDigit, ...]:
    """An axis that is read again and again: its first digit leads nowhere."""
    return (AxisDigit(times, ""), *(part for part in axis if part.extent > 1)) if times > 1 else axis


def _tile(importer: Importer, operator: Operator) -> list[View]:
    view = importer.view(operator.inputs[0])
    repeats = importer.whole_numbers(operator, 1, "repeats") or []
    return [view.with_axes(_repeated(axis, n) for axis, n in zip(view.axes, repeats, strict=True))]


def _resize(importer: Importer, operator: Operator) -> list[View]:
    """Resize, where each word is only repeated a whole number of times."""
    view = importer.view(operator.inputs[0])
    wanted = importer.graph.shapes.get(operator.outputs[0], ())
    mode = operator.attributes.get("mode", "nearest")
    steps = [n // m for n, m in zip(wanted, view.shape, strict=True)] if len(wanted) == len(view.shape) else []
    if mode != "nearest" or [n * m for n, m in zip(steps, view.shape, strict=False)] != list(wanted) or not steps:
        raise NotImportedError(f"mode {mode!r} from {view.shape} to {wanted or 'an unknown shape'} repeats no words")
    return [view.with_axes((*a, AxisDigit(n, "")) if n > 1 else a for a, n in zip(view.axes, steps, strict=True))]


def _depth_to_space(importer: Importer, operator: Operator) -> list[View]:
    view, block = importer.view(operator.inputs[0]), operator.attributes["blocksize"]
    batch, depth, height, width = view.shape
    less = depth // block**2
    if operator.attributes.get("mode", "DCR") == "DCR":
        shape, order = (batch, block, block, less, height, width), (0, 3, 4, 1, 5, 2)
    else:
        shape, order = (batch, less, block, block, height, width), (0, 1, 4, 2, 5, 3)
    turned = reshaped(importer, operator, view, shape).turned(order)
    return [reshaped(importer, operator, turned, (batch, less, height * block, width * block))]


def _space_to_depth(importer: Importer, operator: Operator) -> list[View]:
    view, block = importer.view(operator.inputs[0]), operator.attributes["blocksize"]
    batch, depth, height, width = view.shape
    shape = (batch, depth, height // block, block, width // block, block)
    turned = reshaped(importer, operator, view, shape).turned((0, 3, 5, 1, 2, 4))
    return [reshaped(importer, operator, turned, (batch, depth * block**2, height // block, width // block))]


def _concat(importer: Importer, operator: Operator) -> list[View]:
    """Each piece is copied to its place; one alone stays where it is."""
    views = [importer.view(name) for name in operator.inputs if name not in importer.nothing]
    if len(views) == 1:
        return views
    axis = operator.attributes["axis"] % len(views[0].axes)
    extent, start = sum(view.shape[axis] for view in views), 0
    made: View | None = None
    for view in views:
        made = copied(importer.writer, operator.name, view, {axis: (start, extent)}, made)
        start += view.shape[axis]
    return [made] if made else []


def _pad(importer: Importer, operator: Operator) -> list[View]:
    """Zeros around a tensor: it is copied into them."""
    view = importer.view(operator.inputs[0])
    pads = importer.whole_numbers(operator, 1, "pads") or []
    stated = importer.whole_numbers(operator, 3, "axes") or list(range(len(view.axes)))
    value = importer.number(operator.input(2)) if operator.input(2) else literal_zero(operator)
    mode = operator.attributes.get("mode", "constant")
    if mode != "constant" or value != "0":
        raise NotImportedError(f"it pads by {mode if mode != 'constant' else value}, not by zeros")
    half = len(stated)
    sides = {axis % len(view.axes): (pads[i], pads[half + i]) for i, axis in enumerate(stated)}
    for axis, (low, high) in sides.items():
        taken = range(max(-low, 0), view.shape[axis] + min(high, 0))
        view = sliced(importer, operator, view, axis, taken)
    return [_grown(importer, operator, view, {a: (max(low, 0), max(high, 0)) for a, (low, high) in sides.items()})]


def _grown(importer: Importer, operator: Operator, view: View, sides: Mapping[int, tuple[int, int]]) -> View:
    """An Einsum over the larger shape, whose points outside of the input do nothing."""
    view = importer.flat(f"{operator.name}.copy", view, [axis for axis, side in sides.items() if side != (0, 0)])
    loops = Loops(importer.writer, view)
    axes, read = [], []
    for place, axis in enumerate(view.axes):
        low, high = sides.get(place, (0, 0))
        like = axis[0] if len(axis) == 1 else AxisDigit(1, "D")
        axes.append(
            loops.axis((AxisDigit(size(axis) + low + high, like.rank, like.of),)) if low + high else loops.axis(axis)
        )
        read.append(Spot(((axes[-1][0], 1),), -low) if low + high else axes[-1])
    pad: Pad | None = "zero" if any(low + high for low, high in sides.values()) else None
    return loops.write(operator.name, axes, loops.read(view, *read), pad=pad)


def literal_zero(operator: Operator) -> str:
    return "0" if float(operator.attributes.get("value", 0.0)) == 0 else "a number"


def _gather(importer: Importer, operator: Operator) -> list[View]:
    """Rows that are looked up; where it is known which, a view if they stand at equal distances."""
    data, given = operator.inputs[:2]
    view = importer.view(data, "VD" if len(importer.shape(data)) == 2 else "")
    axis = operator.attributes.get("axis", 0) % len(view.axes)
    indices = importer.rows(operator, given, view.shape[axis])
    array = importer.constant(indices)
    if array is not None:
        places = [int(n) for n in array.reshape(-1)]
        if array.ndim == 0:
            return [view.at(axis, places[0])]
        steps = {b - a for a, b in itertools.pairwise(places)} or {1}
        if array.ndim == 1 and len(steps) == 1 and (step := steps.pop()):
            stop = places[-1] + (1 if step > 0 else -1)
            return [sliced(importer, operator, view, axis, range(places[0], stop, step))]
    if indices not in importer.graph.inputs and array is None:
        raise NotImportedError(f"its indices ({indices!r}) are computed while the model runs")
    return [_looked_up(importer, operator, importer.flat(f"{operator.name}.copy", view, [axis]), axis, indices)]


def _looked_up(importer: Importer, operator: Operator, view: View, axis: int, indices: str) -> View:
    table = importer.view(indices)
    loops = Loops(importer.writer, view, table)
    outer = [loops.axis(a) for a in view.axes[:axis]]
    found = [loops.axis(a) for a in table.axes]
    inner = [loops.axis(a) for a in view.axes[axis + 1 :]]
    row = view.axes[axis][0]
    loops.looked_up[row] = loops.read(table, *found)
    read = loops.read(view, *outer, Spot(((row, 1),)), *inner)
    return loops.write(operator.name, [*outer, *found, *inner], read)


OPERATORS = {
    **dict.fromkeys(("Identity", "Dropout", "Cast", "CastLike", "StopGradient"), _same),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), _same),  # another format of the same words
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Split": _split,
    "Expand": _expand,
    "Tile": _tile,
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Concat": _concat,
    "Pad": _pad,
    "Gather": _gather,
}
