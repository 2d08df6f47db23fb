"""Values of tensors that a workload file gives: numbers, or lists of them, as deep as the tensor has ranks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from costmodel.einsum.algebra import Einsum, Tensor
from costmodel.spec.problems import did_you_mean

Values = int | float | tuple["Values", ...]
"""A number is a scalar, or a word of a tensor."""


def values_of(given: object) -> Values:
    """Numbers in lists, as tuples; ValueError where they are no box of numbers.

    >>> values_of([[1, 2], [3, 4.5]])
    ((1, 2), (3, 4.5))
    """
    if isinstance(given, int | float) and not isinstance(given, bool):
        return given
    if not isinstance(given, list | tuple) or not given:
        raise ValueError(f"must be a number or a list of numbers, got {given!r}")
    parts = tuple(values_of(part) for part in given)
    shapes = [shape_of(part) for part in parts]
    for place, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(f"lists must be equally long: entry {place} has the shape {shape}, entry 0 {shapes[0]}")
    return parts


def shape_of(values: Values) -> tuple[int, ...]:
    """Extents, the outermost list first; ``()`` for a number."""
    return (len(values), *shape_of(values[0])) if isinstance(values, tuple) else ()


def shape_text(shape: tuple[int, ...]) -> str:
    """``3 × 4``; that of a scalar is ``()``."""
    return " × ".join(map(str, shape)) or "()"


def shape_problem(shape: tuple[int, ...], tensor: Tensor, einsums: Iterable[Einsum]) -> str:
    """Say why values of some shape are none for a tensor; empty where they are.

    A rank that some Einsum reads by more than a lone rank variable (a window, a stride) may have room for more than is
    read.
    """
    wider = {
        place
        for einsum in einsums
        for access in einsum.accesses_of(tensor.name)
        for place, index in enumerate(access.indices)
        if len(index.terms) != 1 or index.terms[0][1] != 1 or index.constant
    }
    fits = len(shape) == len(tensor.shape) and all(
        have == need or (have > need and place in wider)
        for place, (have, need) in enumerate(zip(shape, tensor.shape, strict=True))
    )
    if fits:
        return ""
    ranks = f" ({', '.join(tensor.ranks)})" if tensor.ranks else ""
    return f"values of {tensor.name} have the shape {shape_text(shape)}, it needs {shape_text(tensor.shape)}{ranks}"


def value_problems(values: Mapping[str, Values], einsums: Iterable[Einsum]) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with values, as name, message and hint: tensors that are not there, and other shapes."""
    einsums = tuple(einsums)
    for name, given in values.items():
        tensors = dict.fromkeys(e.tensors[name] for e in einsums if name in e.tensors)
        if not tensors:
            known = sorted({tensor for e in einsums for tensor in e.tensors})
            yield name, f"no tensor {name!r}", did_you_mean(name, known)
            continue
        problems = [shape_problem(shape_of(given), tensor, einsums) for tensor in tensors]
        if all(problems):
            yield name, problems[0], "a list for each rank, the first rank outermost"
