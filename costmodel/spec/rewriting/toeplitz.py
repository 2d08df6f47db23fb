"""Convolutions as matrix products: the input with repeated data, or the kernel with zeros (Toeplitz matrices)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from costmodel.einsum.syntax import Expression, Index, Statement, TensorAccess, addends, changed, factors
from costmodel.spec.computing import windows_of
from costmodel.spec.rewriting.draft import (
    Draft,
    Line,
    name_of,
    tensors_in,
    variable_index,
    with_indices,
)
from costmodel.spec.rewriting.flatten import flatten, joined_name
from costmodel.spec.rewriting.layout import swap
from costmodel.spec.rewriting.step import Step, refuse
from costmodel.spec.workload_spec import EinsumSpec

Form = Literal["input", "kernel"]

WINDOW_RANKS = "DHW"
"""Names that the ranks below a window get, the last one last."""


@dataclass(frozen=True)
class Convolution:
    """A product of two tensors that is summed, one of them read through windows."""

    line: Line
    image: TensorAccess
    """What is read through windows."""
    filters: TensorAccess
    groups: tuple[str, ...]
    """Rank variables of all three tensors."""
    columns: tuple[str, ...]
    """Of the filters and the output alone, in the order of the output: filters."""
    rows: tuple[str, ...]
    """Of the image and the output alone, those in windows first: positions and images."""
    added: tuple[str, ...]
    """Of the image and the filters, in the order of the filters: what is added up."""
    alone: tuple[str, ...]
    """Of the image alone."""


def convolution(draft: Draft, name: str | None, sentence: str) -> Convolution:
    """Find the one convolution of a draft, or the Einsum of a name as one. Raises SpecError."""
    lines = [line for line in draft.open_lines if name is None or line.name == name]
    found = [line for line in lines if any(_windows(a) for a in line.statement.inputs)]
    if not found:
        raise refuse(sentence, "no Einsum reads a tensor through windows", "`matrix` flattens what has none")
    if len(found) > 1:  # a flattened rank that is read by its parts is one of a product of matrices
        found = [line for line in found if windows_of(draft.einsum(line))] or found
    if len(found) > 1:
        raise refuse(sentence, f"{', '.join(x.name for x in found)} are convolutions", f"say one: {sentence} NAME")
    (line,) = found
    statement = line.statement
    products = [
        [f for f in factors(term) if isinstance(f, TensorAccess)]
        for _, term in addends(statement.expression)
        if any(_windows(f) for f in factors(term) if isinstance(f, TensorAccess))
    ]
    pair = products[0] if products else []
    if statement.reducer != "+" or len(products) != 1 or len(pair) != 2 or sum(map(_windows, pair)) != 1:
        raise refuse(sentence, f"{line.name} is no sum of products of an image and filters")
    image, filters = sorted(pair, key=_windows, reverse=True)
    return _sorted(line, image, filters)


def is_convolution(line: Line) -> bool:
    """Whether an Einsum is a sum of products of two tensors, one of them read through windows."""
    pairs = [
        [f for f in factors(term) if isinstance(f, TensorAccess)] for _, term in addends(line.statement.expression)
    ]
    return line.statement.reducer == "+" and any(len(pair) == 2 and sum(map(_windows, pair)) == 1 for pair in pairs)


def _windows(access: TensorAccess) -> bool:
    return any(_is_window(index) for index in access.indices)


def _is_window(index: Index) -> bool:
    """Whether it is more than a rank variable: several, a stride, a border."""
    return bool(index.rank_variables) and index.plain is None


def _variables(access: TensorAccess) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v for index in access.indices for v in index.rank_variables))


def _sorted(line: Line, image: TensorAccess, filters: TensorAccess) -> Convolution:
    left, read, weights = _variables(line.statement.output), _variables(image), _variables(filters)
    moving = {v for index in image.indices if _is_window(index) for v in index.rank_variables}
    rows = [v for v in left if v in read and v not in weights]
    return Convolution(
        line,
        image,
        filters,
        groups=tuple(v for v in left if v in read and v in weights),
        columns=tuple(v for v in left if v in weights and v not in read),
        rows=(*(v for v in rows if v in moving), *(v for v in rows if v not in moving)),
        added=tuple(v for v in weights if v in read and v not in left),
        alone=tuple(v for v in read if v not in left and v not in weights),
    )


# ---------------------------------------------------------------------------------------------------------------
# The two forms


def toeplitz(draft: Draft, form: Form, name: str | None = None) -> list[Step]:
    """Make a convolution a matrix product.

    ``input``: T[pqn, crs] repeats the words of the image that several windows read. ``kernel``: K[mpq, chw] repeats the
    filters, and has zeros everywhere else; the image is flattened.
    """
    sentence = f"toeplitz {form}" + (f" {name}" if name else "")
    found = convolution(draft, name, sentence)
    return _input(draft, found, sentence) if form == "input" else _kernel(draft, found, sentence)


def matrix(draft: Draft, name: str | None = None) -> list[Step]:
    """Make a product without windows one of matrices: ``O[m] = I[c, h, w] * F[m, c, h, w]`` has ``chw`` then."""
    sentence = "matrix" + (f" {name}" if name else "")
    lines = [line for line in draft.open_lines if name is None or line.name == name]
    if len(lines) != 1:
        raise refuse(sentence, f"{draft.spec.name} has {len(lines)} Einsums", "say one: matrix NAME")
    pair = [f for f in factors(lines[0].statement.expression) if isinstance(f, TensorAccess)]
    if lines[0].statement.reducer != "+" or len(pair) != 2 or any(map(_windows, pair)):
        raise refuse(sentence, f"{lines[0].name} is no sum of products of two tensors", "`toeplitz input` for windows")
    conv = _sorted(lines[0], *pair)
    orders = {
        lines[0].statement.output.tensor: (*conv.groups, *conv.rows, *conv.columns),
        conv.image.tensor: (*conv.groups, *conv.alone, *conv.rows, *conv.added),
        conv.filters.tensor: (*conv.groups, *conv.columns, *conv.added),
    }
    runs = (conv.rows, conv.columns, conv.added)
    if all(len(run) < 2 for run in runs):
        raise refuse(sentence, f"{lines[0].name} is a product of matrices already")
    return _arranged(draft, conv, orders, runs)


def _input(draft: Draft, conv: Convolution, sentence: str) -> list[Step]:
    tensor = _free(draft, "T")
    whole = _access(tensor, (*conv.groups, *conv.alone, *conv.rows, *conv.added))
    product = _replaced(conv.line.statement, {conv.image: whole})
    making = [(tensor, Statement(whole, "=", conv.image))]
    start = _introduce(draft, sentence, conv, making, product, conv.image.tensor)
    orders = {
        conv.line.statement.output.tensor: (*conv.groups, *conv.columns, *conv.rows),
        conv.filters.tensor: (*conv.groups, *conv.columns, *conv.added),
    }
    return [start, *_arranged(start.after, conv, orders, (conv.rows, conv.added, conv.columns))]


def _kernel(draft: Draft, conv: Convolution, sentence: str) -> list[Step]:
    tensor = _free(draft, "K")
    below = _below(draft, conv)
    image = [below.get(place) or index.plain or "" for place, index in enumerate(conv.image.indices)]
    reached = dict(zip(image, conv.image.indices, strict=True))
    moving = {v for place in below for v in conv.image.indices[place].rank_variables}
    positions = tuple(v for v in conv.rows if v in moving)
    images = tuple(v for v in conv.rows if v not in moving)
    inside = tuple(v for v in image if v not in conv.groups and v not in images)
    if len(inside) > 1:
        _check_whole(draft, conv, below, sentence)
    outer = (*conv.groups, *conv.columns, *positions)
    spread = tuple(replace(reached[v], rank=None) if v in below.values() else variable_index(v) for v in inside)
    scattered = (*map(variable_index, outer), *spread)
    making = [(tensor, Statement(TensorAccess(tensor, scattered), "=", conv.filters))]
    if draft.einsum(conv.line).limits:  # a scattered index that leaves its tensor cannot be flattened
        wide = _free(draft, "KW")
        whole = (replace(reached[v], rank=v.upper()) if v in below.values() else variable_index(v) for v in inside)
        reaching = (*map(variable_index, outer), *whole)
        making = [(wide, Statement(TensorAccess(wide, reaching), "=", conv.filters))]
        making.append((tensor, Statement(_access(tensor, (*outer, *inside)), "=", _access(wide, (*outer, *inside)))))
    ranks = draft.einsum(conv.line).tensors[conv.image.tensor].ranks
    written = _written_ranks(draft, conv)
    # a rank that a window reads and nothing names is one of its own now: that of `2*p` is not P
    stated = {place: conv.image.indices[place].rank or written.get(place) for place in below}
    named = (stated.get(place, rank) for place, rank in enumerate(ranks))
    read = with_indices(conv.image, map(variable_index, image, named))
    product = _replaced(conv.line.statement, {conv.image: read, conv.filters: _access(tensor, (*outer, *inside))})
    further = {v.upper(): _reached(draft, conv, place) for place, v in below.items()}
    start = _introduce(draft, sentence, conv, making, product, conv.filters.tensor, further)
    orders = {
        conv.line.statement.output.tensor: (*conv.groups, *images, *conv.columns, *positions),
        conv.image.tensor: (*conv.groups, *images, *inside),
    }
    return [start, *_arranged(start.after, conv, orders, ((*conv.columns, *positions), inside))]


def _below(draft: Draft, conv: Convolution) -> dict[int, str]:
    """Ranks of the image that windows read → the rank variable that runs over them in its stead."""
    places = [place for place, index in enumerate(conv.image.indices) if _is_window(index)]
    taken = {*conv.line.statement.rank_variables, *(name.lower() for name in draft.stated(conv.line))}
    found: dict[int, str] = {}
    shape = draft.einsum(conv.line).tensors[conv.image.tensor].shape
    written = _written_ranks(draft, conv)
    named = {place: conv.image.indices[place].rank or written.get(place) for place in places}
    whole = {place: rank for place, rank in named.items() if _reached(draft, conv, place) == shape[place]}
    usual = ("w", "hw", "dhw")[len(places) - 1] if len(places) <= 3 else "x" * len(places)
    for place, name in zip(places, usual, strict=True):
        stated = whole.get(place)
        if stated and stated.lower() not in conv.line.statement.rank_variables:
            found[place] = stated.lower()
            continue
        free = next(n for n in (name, *(f"{name}{k}" for k in range(1, 100))) if n not in {*taken, *found.values()})
        found[place] = free
    return found


def _check_whole(draft: Draft, conv: Convolution, below: Iterable[int], sentence: str) -> None:
    """Refuse windows that reach a part of a rank: what it flattens is all of it."""
    image = draft.einsum(conv.line).tensors[conv.image.tensor]
    for place in below:
        if (reached := _reached(draft, conv, place)) < image.shape[place]:
            rank = f"the {image.shape[place]} in rank {image.ranks[place]} of {image.name}"
            part = f"{conv.line.name} reads {reached} of {rank}"
            raise refuse(sentence, f"{part}: a part is not flattened", "`toeplitz input` takes it as it is")


def _written_ranks(draft: Draft, conv: Convolution) -> dict[int, str]:
    """Ranks of the image that the Einsum which makes it names; none of one that is given."""
    for line in draft.lines:
        if line.statement.output.tensor == conv.image.tensor:
            ranks = draft.einsum(line).tensors[conv.image.tensor].ranks
            return {place: rank for place, rank in enumerate(ranks) if rank.isidentifier()}
    return {}


def _reached(draft: Draft, conv: Convolution, place: int) -> int:
    """How far windows read a rank of the image: all of it, or a part."""
    einsum = draft.einsum(conv.line)
    _, high = conv.image.indices[place].affine(einsum.constants).span(einsum.shape)
    return min(high + 1, einsum.tensors[conv.image.tensor].shape[place])


# ---------------------------------------------------------------------------------------------------------------
# Parts


def _access(tensor: str, variables: tuple[str, ...]) -> TensorAccess:
    return TensorAccess(tensor, tuple(map(variable_index, variables)))


def _replaced(statement: Statement, new: dict[TensorAccess, TensorAccess]) -> Statement:
    """Put other accesses in the place of some that are read."""

    def node(expression: Expression) -> Expression:
        return new.get(expression, expression) if isinstance(expression, TensorAccess) else expression

    return replace(statement, expression=changed(statement.expression, node))


def _free(draft: Draft, name: str) -> str:
    """A name that no tensor has."""
    taken = {a.tensor for line in draft.lines for a in (line.statement.output, *line.statement.inputs)}
    return next(n for n in (name, *(f"{name}{k}" for k in range(1, 10_000))) if n not in taken)


def _introduce(
    draft: Draft,
    sentence: str,
    conv: Convolution,
    making: list[tuple[str, Statement]],
    product: Statement,
    source: str,
    ranks: dict[str, int] | None = None,
) -> Step:
    """Einsums that make further tensors, before the one that reads them."""
    line = conv.line
    stated = line.spec.weights
    lines: list[Line] = []
    for each in draft.lines:
        if each.name != line.name:
            lines.append(each)
            continue
        for name, statement in making:
            reads = {access.tensor for access in statement.inputs}
            weights = None if stated is None else tuple(w for w in stated if w in reads)
            spec = EinsumSpec(einsum=str(statement), ranks=line.spec.ranks, count=line.spec.count, pad=line.spec.pad)
            own = _bits(line.spec.bits, draft, line, source)
            bits = dict.fromkeys((name, *sorted(reads)), own) if own and line.is_layer else None
            spec = spec.model_copy(update={"weights": weights, "bits": bits})
            lines.append(Line(name_of(line, name), statement, spec))
        spec = line.spec
        own = _bits(line.spec.bits, draft, line, source)
        if own and line.is_layer:
            spec = spec.model_copy(update={"bits": {**(spec.bits or {}), making[-1][0]: own}})
        lines.append(replace(line, statement=product, spec=spec))
    scope = (*draft.scope, *(name_of(line, name) for name, _ in making))
    opened = replace(draft, scope=scope)
    shared = _bits(draft.spec.bits, draft, line, source)
    if shared and not line.is_layer:
        bits = {**draft.spec.bits, **{name: shared for name, _ in making}}
        opened = replace(opened, spec=draft.spec.model_copy(update={"bits": bits}))
    after = opened.with_lines(lines, ranks)
    return Step(sentence, after, {}, tuple(f"inline {name}" for name, _ in reversed(making)))


def _bits(bits: dict[str, int] | None, draft: Draft, line: Line, tensor: str) -> int | None:
    """Width that the file gives a tensor, by its name or its role."""
    role = draft.einsum(line).tensors[tensor].role
    return next((bits[key] for key in (tensor, role.value) if bits and key in bits), None)


def _windowed(draft: Draft, conv: Convolution, run: tuple[str, ...]) -> bool:
    """Whether another Einsum reads the output through windows along one of these rank variables: they stay ranks."""
    output = draft.line(conv.line.name).statement.output
    return any(
        written.plain in run and _is_window(read)
        for line in draft.open_lines
        for access in line.statement.inputs
        if access.tensor == output.tensor and line.name != conv.line.name
        for written, read in zip(output.indices, access.indices, strict=True)
    )


def _arranged(
    draft: Draft, conv: Convolution, orders: dict[str, tuple[str, ...]], runs: tuple[tuple[str, ...], ...]
) -> list[Step]:
    """Order ranks by the rank variables that index them, and flatten runs of them."""
    steps: list[Step] = []
    here = draft
    for tensor, variables in orders.items():
        line = here.line(conv.line.name)
        access = next(a for a in (line.statement.output, *line.statement.inputs) if a.tensor == tensor)
        ranks = tensors_in(here)[tensor].ranks
        by_variable = {index.plain: rank for index, rank in zip(access.indices, ranks, strict=True)}
        if set(by_variable) != set(variables):
            raise refuse("matrix", f"{access} is indexed by more than rank variables")
        if (order := tuple(by_variable[v] for v in variables)) != ranks:
            steps.append(swap(here, tensor, order))
            here = steps[-1].after
    for run in runs:
        if len(run) > 1 and not _windowed(here, conv, run):
            names = [v.upper() for v in run]
            steps.append(flatten(here, names, joined_name(names)))
            here = steps[-1].after
    return steps
