"""Run Einsums by their operational definition: walk the iteration space, compute, and reduce into the output.

This is what a statement *means*, slow and plain, for tests and for students. At each point of the iteration space the
right-hand side gives a value; the first value that reaches a word of the output is stored there, every later one is
reduced into it. Terms of a sum that is reduced by ``+`` each walk their own rank variables, so that a bias is added
once. Words that nothing writes are 0; so is the start of an iterative rank, unless its array is given.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from costmodel.einsum import notation
from costmodel.einsum.algebra import Einsum, Workload
from costmodel.einsum.functions import FUNCTIONS
from costmodel.einsum.syntax import (
    Binary,
    Call,
    Constant,
    Expression,
    Index,
    Negative,
    Number,
    TensorAccess,
    addends,
    nodes,
    rank_variables,
)

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]
    Arrays = Mapping[str, Array]

MAX_POINTS = 10_000_000
"""Largest iteration space that is walked."""

Point = Mapping[str, int]
Value = Callable[[Point], Any]

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "max": max,
    "min": min,
}


def execute(einsum: Einsum, arrays: Arrays) -> Array:
    """Output of one Einsum; ``arrays`` holds what it reads, one array per tensor.

    An output that the Einsum also reads (an iterative rank) starts from its array, if there is one.
    Raises ValueError where an array is missing or too small, or the iteration space is too large to walk.
    """
    held = _held(einsum, arrays)
    variable = _iterative_variable((einsum,)) if einsum.output.tensor in {a.tensor for a in einsum.inputs} else None
    _run_group((einsum,), variable, held)
    return held[einsum.output.tensor]


def execute_workload(workload: Workload, arrays: Arrays) -> dict[str, Array]:
    """Every tensor of a cascade, the given ones included; ``arrays`` holds those that no Einsum writes.

    Einsums that need each other's output through an iterative rank run together, one iteration at a time.
    Raises ValueError as ``execute`` does, and where a name stands for different tensors (the layers of a network).
    """
    tensors: dict[str, object] = {}
    for einsum in workload.einsums:
        for name, tensor in einsum.tensors.items():
            if tensors.setdefault(name, tensor) != tensor:
                raise ValueError(f"{name} stands for several tensors: execute the Einsums one by one")
    held: dict[str, Array] = dict(arrays)
    for group, variable in _groups(workload.einsums):
        for einsum in group:
            held.update(_held(einsum, held, ignoring={e.output.tensor for e in group}))
        _run_group(group, variable, held)
    return held


def _held(einsum: Einsum, arrays: Arrays, ignoring: set[str] | None = None) -> dict[str, Array]:
    """Arrays of the tensors of an Einsum: inputs checked, the output fresh or where it starts from."""
    import numpy as np

    held: dict[str, Array] = {}
    for access in einsum.inputs:
        name, shape = access.tensor, einsum.tensors[access.tensor].shape
        if name == einsum.output.tensor or name in (ignoring or set()):
            continue
        if name not in arrays:
            raise ValueError(f"no array for {name}, of shape {shape}")
        found = np.shape(arrays[name])
        if len(found) != len(shape) or any(have < need for have, need in zip(found, shape, strict=True)):
            raise ValueError(f"array {name} has shape {found}, needs {shape}")
        held[name] = np.asarray(arrays[name])
    output = einsum.output.tensor
    shape = einsum.tensors[output].shape
    if output in arrays:
        held[output] = np.array(arrays[output])
        if held[output].shape != shape:
            raise ValueError(f"array {output} has shape {held[output].shape}, needs {shape}")
    else:
        whole = _is_exact(einsum) and all(np.issubdtype(array.dtype, np.integer) for array in held.values())
        held[output] = np.zeros(shape, dtype=np.int64 if whole else np.float64)
    return held


def _is_exact(einsum: Einsum) -> bool:
    """Whether integers in give integers out."""
    every = nodes(notation.parse(einsum.text).expression)
    return not any(
        (isinstance(node, Binary) and node.operator == "/")
        or (isinstance(node, Call) and not FUNCTIONS[node.function].whole)
        or (isinstance(node, Number) and isinstance(node.value, float))
        for node in every
    )


# ---------------------------------------------------------------------------------------------------------------
# Order: which Einsums run together


def _groups(einsums: tuple[Einsum, ...]) -> Iterator[tuple[tuple[Einsum, ...], str | None]]:
    """Einsums in an order that respects who needs what; a group of several, or of one that reads itself, iterates."""
    writers: dict[str, set[int]] = {}
    for place, einsum in enumerate(einsums):
        writers.setdefault(einsum.output.tensor, set()).add(place)
    needs = [set().union(*(writers.get(a.tensor, set()) for a in einsum.inputs)) for einsum in einsums]
    reach = [_reachable(place, needs) for place in range(len(einsums))]
    done: set[int] = set()
    while len(done) < len(einsums):
        for place in range(len(einsums)):
            members = sorted({place} | {p for p in reach[place] if place in reach[p]})
            outside = set().union(*(needs[p] for p in members)) - set(members)
            if place not in done and outside <= done:
                group = tuple(einsums[p] for p in members)
                yield group, _iterative_variable(group) if place in reach[place] else None
                done |= set(members)
                break


def _reachable(start: int, needs: list[set[int]]) -> set[int]:
    found: set[int] = set()
    pending = list(needs[start])
    while pending:
        place = pending.pop()
        if place not in found:
            found.add(place)
            pending.extend(needs[place])
    return found


def _iterative_variable(group: tuple[Einsum, ...]) -> str:
    """The rank variable that a group of Einsums iterates over: some output is a step ahead on it."""
    for einsum in group:
        for index in einsum.output.indices:
            if index.constant > 0 and len(index.terms) == 1:
                variable = index.terms[0][0]
                if all(variable in e.shape for e in group):
                    return variable
    names = ", ".join(e.name for e in group)
    raise ValueError(f"{names} need each other's outputs, and no rank is iterative")


# ---------------------------------------------------------------------------------------------------------------
# The walk


def _run_group(group: tuple[Einsum, ...], variable: str | None, held: dict[str, Array]) -> None:
    import numpy as np

    for einsum in group:
        if einsum.points > MAX_POINTS:
            raise ValueError(f"{einsum.name} has {einsum.points:,} points; the executor walks up to {MAX_POINTS:,}")
    touched = {e.name: np.zeros(held[e.output.tensor].shape, dtype=bool) for e in group}
    if variable is None:
        for einsum in group:
            _run(einsum, einsum.shape, {}, held, touched[einsum.name])
        return
    for step in range(max(einsum.shape[variable] for einsum in group)):
        for einsum in group:
            if step < einsum.shape[variable]:
                rest = {v: extent for v, extent in einsum.shape.items() if v != variable}
                _run(einsum, rest, {variable: step}, held, touched[einsum.name])


def _run(einsum: Einsum, shape: Mapping[str, int], fixed: Point, held: dict[str, Array], touched: Array) -> None:
    """Walk the points of ``shape``, with some rank variables fixed; reduce into the output."""
    statement = notation.parse(einsum.text)
    output = held[einsum.output.tensor]
    location = _coordinates(statement.output.indices, einsum.constants)
    reducer: Literal["+", "*", "max", "min"] = statement.reducer
    terms = addends(statement.expression) if reducer == "+" else ((False, statement.expression),)
    written = {v for index in statement.output.indices for v in index.rank_variables}
    for minus, term in terms:
        value = _value(term, einsum.constants, held)
        walked = [v for v in shape if v in written or v in rank_variables(term)]
        for position in itertools.product(*(range(shape[v]) for v in walked)):
            point = {**fixed, **dict(zip(walked, position, strict=True))}
            where = location(point)
            result = -value(point) if minus else value(point)
            output[where] = _OPERATORS[reducer](output[where].item(), result) if touched[where] else result
            touched[where] = True


def _coordinates(indices: tuple[Index, ...], constants: Mapping[str, int]) -> Callable[[Point], tuple[int, ...]]:
    affines = [index.affine(constants) for index in indices]
    return lambda point: tuple(a.constant + sum(c * point[v] for v, c in a.terms) for a in affines)


def _value(expression: Expression, constants: Mapping[str, int], held: Mapping[str, Array]) -> Value:
    """The function from a point to the value of an expression."""
    match expression:
        case Number(number):
            return lambda _: number
        case Constant(name):
            constant = constants[name]
            return lambda _: constant
        case TensorAccess(tensor, indices):
            array, location = held[tensor], _coordinates(indices, constants)
            return lambda point: array[location(point)].item()
        case Negative(inner):
            positive = _value(inner, constants, held)
            return lambda point: -positive(point)
        case Call(function, arguments):
            apply = FUNCTIONS[function].apply
            values = [_value(argument, constants, held) for argument in arguments]
            return lambda point: apply(*(value(point) for value in values))
        case Binary(operator, left, right):
            combine = _OPERATORS[operator]
            first, second = _value(left, constants, held), _value(right, constants, held)
            return lambda point: combine(first(point), second(point))
