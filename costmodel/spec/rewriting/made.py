"""Tensors that one Einsum makes of another tensor: read their source instead, or be given them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from costmodel.einsum import notation
from costmodel.einsum.syntax import Index, Statement, TensorAccess
from costmodel.einsum.tokens import NotationError
from costmodel.spec.problems import SpecError
from costmodel.spec.rewriting.draft import (
    Draft,
    Line,
    closure,
    is_same,
    name_of,
    names_of,
    substituted,
    with_accesses,
    with_indices,
)
from costmodel.spec.rewriting.step import Step, refuse
from costmodel.spec.workload_spec import EinsumSpec


def inline(draft: Draft, tensor: str) -> Step:
    """Read what a tensor is made of in its place, and do not make it: ``inline T``."""
    sentence = f"inline {tensor}"
    made = [line for line in draft.open_lines if line.statement.output.tensor == tensor]
    if len(made) != 1 or not isinstance(made[0].statement.expression, TensorAccess):
        raise refuse(sentence, f"no Einsum makes {tensor} of the words of another tensor")
    (maker,) = made
    lines: list[Line] = []
    for line in draft.lines:
        if line is maker:
            continue
        reads = line.name in draft.scope and any(a.tensor == tensor for a in line.statement.inputs)
        lines.append(_reading(draft, sentence, line, maker) if reads else line)
    scope = tuple(name for name in draft.scope if name != maker.name)
    after = replace(draft, scope=scope).with_lines(lines)
    return Step(sentence, after, {}, ())


def _reading(draft: Draft, sentence: str, line: Line, maker: Line) -> Line:
    """A line that reads the source of a tensor instead of the tensor; a source that is a weight is one for it."""
    spec = line.spec
    if spec.weights is not None and maker.spec.weights:
        spec = spec.model_copy(update={"weights": tuple(dict.fromkeys((*spec.weights, *maker.spec.weights)))})
    if spec.ranks is not None:  # those of a layer: the source may need more of them than the tensor
        bits = {**(maker.spec.bits or {}), **(spec.bits or {})}
        spec = spec.model_copy(update={"ranks": {**(maker.spec.ranks or {}), **spec.ranks}, "bits": bits or None})
    return replace(line, statement=_inlined(draft, sentence, line, maker), spec=spec)


def _inlined(draft: Draft, sentence: str, line: Line, maker: Line) -> Statement:
    """A statement that reads the source of a tensor instead of the tensor."""
    making, source = maker.statement, maker.statement.expression
    assert isinstance(source, TensorAccess)  # noqa: S101  inline looked
    (access,) = {a for a in line.statement.inputs if a.tensor == making.output.tensor}
    names: dict[str, Index] = {}
    reached: dict[str, Index] = {}
    for made, read in zip(making.output.indices, access.indices, strict=True):
        if made.plain:
            names[made.plain] = read
        elif read.plain:
            reached[read.plain] = made
        else:
            raise refuse(sentence, f"{line.name} reads it as {access}")
    terms = {v: index.terms for v, index in names.items()}

    def spelt(index: Index) -> Index:
        return substituted(index, terms) if index.plain not in names else replace(names[index.plain], rank=index.rank)

    of = with_indices(source, map(spelt, source.indices))
    windows = {v: substituted(made, terms).terms for v, made in reached.items()}

    def other(a: TensorAccess) -> TensorAccess:
        if a == access:
            return of
        if not windows.keys() & {v for index in a.indices for v in index.rank_variables}:
            return a
        tensor = draft.einsum(line).tensors[a.tensor]
        extents = {**draft.einsum(maker).shape, **draft.einsum(line).shape}
        constants = {**draft.einsum(maker).constants, **draft.einsum(line).constants}
        indices: list[Index] = []
        for place, index in enumerate(a.indices):
            new = substituted(index, windows)
            low, high = new.affine(constants).span(extents)
            leaves = low < 0 or high >= tensor.shape[place]
            indices.append(replace(new, rank=tensor.ranks[place]) if leaves and not new.rank else new)
        return with_indices(a, indices)

    return with_accesses(line.statement, other)


def give(draft: Draft, tensor: str) -> Step:
    """Do not make a tensor: it is given, made before (``give T``)."""
    sentence = f"give {tensor}"
    made = [line for line in draft.open_lines if line.statement.output.tensor == tensor]
    if len(made) != 1:
        raise refuse(sentence, f"no Einsum makes {tensor}")
    dropped = _makers(draft, made[0])
    scope = tuple(name for name in draft.scope if name not in {line.name for line in dropped})
    sources = {a.tensor for line in dropped for a in line.statement.inputs}
    lines: list[Line] = []
    for line in draft.lines:
        if line in dropped:
            continue
        weights = line.spec.weights if line.spec.weights is not None else None
        of_weights = weights is not None and any(sources & set(each.spec.weights or ()) for each in dropped)
        if of_weights and weights is not None and any(a.tensor == tensor for a in line.statement.inputs):
            line = replace(line, spec=line.spec.model_copy(update={"weights": (*weights, tensor)}))  # noqa: PLW2901
        lines.append(line)
    spec = draft.spec
    if spec.weights is not None and sources & set(spec.weights):
        spec = spec.model_copy(update={"weights": (*spec.weights, tensor)})
    after = replace(draft, spec=spec, scope=scope).with_lines(lines)
    return Step(sentence, after, {}, _making_again(draft, after, dropped))


def _making_again(draft: Draft, there: Draft, dropped: list[Line]) -> tuple[str, ...]:
    """Sentences that make tensors which are given now; none where they cannot say all that there was."""
    said: list[str] = []
    try:
        for line in dropped:
            reader = _reader(there, line.statement.output.tensor)
            named = closure(names_of(line.statement), draft.stated(line))
            lost = {n: e for n, e in draft.stated(line).items() if n in named and n not in there.stated(reader)}
            name = "" if line.name == name_of(reader, line.statement.output.tensor) else f"{line.name}: "
            ranks = ", ".join(f"{rank}={extent}" for rank, extent in lost.items())
            said.append(f"make {name}{line.statement}" + (f" with {ranks}" if ranks else ""))
            there = make(there, line.name, str(line.statement), lost).after
        return tuple(said) if is_same(there, draft) else ()
    except SpecError:
        return ()


def make(draft: Draft, name: str | None, text: str, ranks: Mapping[str, int | str]) -> Step:
    """Make a tensor that is given by a statement: ``make T[q, s] = I[q + s]``; further ``ranks`` are what it names."""
    named = f" with {', '.join(f'{rank}={extent}' for rank, extent in ranks.items())}" if ranks else ""
    sentence = f"make {f'{name}: ' if name else ''}{text}{named}"
    try:
        statement = notation.parse(text)
    except NotationError as error:
        raise refuse(sentence, str(error)) from None
    tensor = statement.output.tensor
    if any(line.statement.output.tensor == tensor for line in draft.lines):
        raise refuse(sentence, f"an Einsum makes {tensor} already")
    reader = _reader(draft, tensor, sentence)
    sources = tuple(dict.fromkeys(access.tensor for access in statement.inputs))
    spec = EinsumSpec(einsum=text, ranks=reader.spec.ranks, count=reader.spec.count, pad=reader.spec.pad)
    own = (reader.spec.bits or {}).get(tensor)
    bits = dict.fromkeys((tensor, *sources), own) if own and reader.is_layer else None
    weights = None if reader.spec.weights is None else sources if tensor in reader.spec.weights else ()
    spec = spec.model_copy(update={"weights": weights, "bits": bits})
    maker = Line(name or name_of(reader, tensor), statement, spec)
    lines: list[Line] = []
    for line in draft.lines:
        lines += [maker] if line is reader else []
        lines.append(replace(line, spec=_without_weight(line.spec, tensor)) if line.name in draft.scope else line)
    shared = draft.spec.bits.get(tensor)
    whole = draft.spec.model_copy(
        update={
            "weights": _replacing(draft.spec.weights, tensor, sources),
            "bits": {**(dict.fromkeys(sources, shared) if shared else {}), **draft.spec.bits},
        }
    )
    after = replace(draft, spec=whole, scope=(*draft.scope, maker.name)).with_lines(lines, ranks)
    return Step(sentence, after, {}, (f"give {tensor}",))


def _reader(draft: Draft, tensor: str, sentence: str = "") -> Line:
    """The first Einsum that reads a tensor. SpecError where none does."""
    found = [line for line in draft.open_lines if any(a.tensor == tensor for a in line.statement.inputs)]
    if not found:
        raise refuse(sentence, f"no Einsum reads {tensor}")
    return found[0]


def _without_weight(spec: EinsumSpec, tensor: str) -> EinsumSpec:
    return spec.model_copy(update={"weights": _replacing(spec.weights, tensor, ())})


def _replacing(weights: tuple[str, ...] | None, tensor: str, others: tuple[str, ...]) -> tuple[str, ...] | None:
    """Weights with others in the place of one that is made of them."""
    if weights is None or tensor not in weights:
        return weights
    return tuple(dict.fromkeys(x for w in weights for x in (others if w == tensor else (w,))))


def _makers(draft: Draft, maker: Line) -> list[Line]:
    """An Einsum, and those that make what it alone reads."""
    found = [maker]
    for line in found:
        for tensor in {a.tensor for a in line.statement.inputs}:
            makers = [x for x in draft.open_lines if x.statement.output.tensor == tensor]
            readers = [x for x in draft.lines if any(a.tensor == tensor for a in x.statement.inputs)]
            if all(reader in found for reader in readers):
                found += [x for x in makers if x not in found]
    return found
