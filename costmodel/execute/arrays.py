"""Arrays of a run: those that are given, checked against their tensors, and fresh ones for what is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from costmodel.einsum.algebra import Einsum, Tensor
from costmodel.execute.program import Program
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.values import shape_problem, shape_text

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]


def tensors_of(einsums: Iterable[Einsum]) -> dict[str, Tensor]:
    """Every tensor by its name.

    Raises SpecError where a name stands for different tensors, as in the layers of a network.
    """
    found: dict[str, Tensor] = {}
    writers: dict[str, Einsum] = {}
    several: dict[str, None] = {}
    for einsum in einsums:
        for name, tensor in einsum.tensors.items():
            if found.setdefault(name, tensor) != tensor:
                several[name] = None
        name = einsum.output.tensor
        if name in writers and _meet(writers[name], einsum):
            several[name] = None
        writers.setdefault(name, einsum)
    if several:
        message = f"{', '.join(several)}: one name for several tensors, as in the layers of a network"
        raise SpecError([Problem(message, hint="run its Einsums one by one: --einsum NAME")])
    return found


def _meet(first: Einsum, second: Einsum) -> bool:
    """Whether the words that two Einsums write overlap on every rank."""
    ranges = [[index.span(e.shape) for index in e.output.indices] for e in (first, second)]
    return all(a[0] <= b[1] and b[0] <= a[1] for a, b in zip(*ranges, strict=False))


def checked(array: object, tensor: Tensor, einsums: Iterable[Einsum], where: str = "") -> Array:
    """An array as 64-bit integers or doubles, of the shape of its tensor; ``where`` is the file that it comes from.

    Raises SpecError where the shape or the type is another.
    """
    found = np.asarray(array)
    if wrong := shape_problem(found.shape, tensor, einsums):
        raise SpecError([Problem(wrong, where)])
    return _as_number(tensor.name, found, where)


def _as_number(name: str, found: Array, where: str) -> Array:
    if found.dtype.kind == "f" and found.dtype.itemsize <= np.dtype(np.float64).itemsize:
        return np.asarray(found, dtype=np.float64, order="C")
    if found.dtype.kind in "biu":
        if found.dtype == np.uint64 and found.size and found.max() > np.iinfo(np.int64).max:
            raise SpecError([Problem(f"values of {name} are beyond 64-bit integers", file=where)])
        return np.asarray(found, dtype=np.int64, order="C")
    message = f"values of {name} must be integers or real numbers of up to 64 bits, got {found.dtype}"
    raise SpecError([Problem(message, file=where)])


def allocate(programs: Iterable[Program], given: Arrays) -> dict[str, Array]:
    """Every tensor of some Einsums: inputs as they are given, outputs fresh, or as they are given to start from.

    Raises SpecError where an array is missing or has another shape.
    """
    programs = tuple(programs)
    einsums = tuple(p.einsum for p in programs)
    tensors = tensors_of(einsums)
    written = {e.output.tensor for e in einsums}
    held: dict[str, Array] = {}
    missing: list[Problem] = []
    for name, tensor in tensors.items():
        if name in given:
            held[name] = checked(given[name], tensor, einsums)
        elif name not in written:
            missing.append(Problem(f"no values for {name}, of shape {shape_text(tensor.shape)}"))
    if missing:
        raise SpecError(missing)
    whole = _whole(programs, held)
    for name in written:
        kind = np.int64 if name in whole else np.float64
        held[name] = held[name].astype(kind) if name in held else np.zeros(tensors[name].shape, kind)
    return held


def _whole(programs: tuple[Program, ...], given: Arrays) -> set[str]:
    """Written tensors that hold integers: every Einsum that writes them makes integers of integers."""
    whole = {p.einsum.output.tensor for p in programs}
    whole -= {name for name in whole if name in given and given[name].dtype.kind == "f"}
    while True:
        floats = {
            p.einsum.output.tensor
            for p in programs
            if not p.keeps_integers
            or any(
                a.tensor not in whole and (a.tensor not in given or given[a.tensor].dtype.kind == "f")
                for a in p.einsum.inputs
            )
        }
        if not floats & whole:
            return whole
        whole -= floats
