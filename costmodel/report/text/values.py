"""What a run computed, as text: small tensors as tables, large ones in a line, and every step of a trace."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import numpy as np

from costmodel.einsum.algebra import Tensor
from costmodel.einsum.notation import parse
from costmodel.execute.arrays import Array, tensors_of
from costmodel.execute.ask import RunAnswer
from costmodel.execute.execution import Execution
from costmodel.execute.traversal import Visit
from costmodel.report.human import percent
from costmodel.report.text.aligned import table
from costmodel.spec.values import shape_text

SMALL_WORDS = 200
"""Most words of a tensor that is shown as a table."""

SMALL_COLUMNS = 20
"""Most columns of such a table."""

JSON_WORDS = 4096
"""Most words of a tensor whose values stand in JSON."""

ENGINES = {"numpy": "NumPy", "plain": "point by point"}


def run_text(answer: RunAnswer) -> str:
    """Tensors with their ranges and origins, the small ones of them as tables, and the operations."""
    execution = answer.execution
    tensors = tensors_of(execution.workload.einsums)
    columns = ["tensor", "role", "ranks", "shape", "type", "least", "largest", "zeros", "from"]
    rows = (_tensor_cells(tensors[name], array, answer) for name, array in execution.tensors.items())
    parts = [
        f"{execution.workload.name}: {execution.points:,} points ({ENGINES[execution.engine]})",
        table(columns, rows),
        *(tensor_text(tensors[name], array) for name, array in execution.tensors.items() if _is_small(array)),
        operations_text(execution),
    ]
    if answer.same_output:
        parts.append(f"the order of the nest gives the same values: {', '.join(answer.same_output)}")
    return "\n\n".join(parts)


def _is_small(array: Array) -> bool:
    return array.size <= SMALL_WORDS and (array.ndim == 0 or array.shape[-1] <= SMALL_COLUMNS)


def _tensor_cells(tensor: Tensor, array: Array, answer: RunAnswer) -> list[str]:
    kind = "integers" if array.dtype.kind == "i" else "doubles"
    ends = [number(array.min()), number(array.max())]
    zeros = f"{array.size - np.count_nonzero(array):,}"
    origin = answer.given.sources.get(tensor.name, "")
    ranks = ", ".join(tensor.ranks)
    return [tensor.name, tensor.role.value, ranks, shape_text(array.shape), kind, *ends, zeros, origin]


def number(value: object) -> str:
    """Integers whole, doubles with six digits.

    >>> number(np.int64(1234567)), number(np.float64(1 / 3)), number(np.float64("inf"))
    ('1234567', '0.333333', 'inf')
    """
    return str(int(value)) if isinstance(value, int | np.integer) else f"{value:.6g}"


def tensor_text(tensor: Tensor, array: Array) -> str:
    """A tensor as a table, the last rank across; one table for each coordinate of all ranks but the last two."""
    if array.ndim == 0:
        return f"{tensor.name} = {number(array[()])}"
    across = [str(column) for column in range(array.shape[-1])]
    if array.ndim == 1:
        return table([tensor.ranks[0], *across], [[tensor.name, *map(number, array)]])
    parts: list[str] = []
    for outer in itertools.product(*(range(extent) for extent in array.shape[:-2])):
        where = "".join(f", {rank} = {place}" for rank, place in zip(tensor.ranks, outer, strict=False))
        rows = ([str(place), *map(number, row)] for place, row in enumerate(array[outer]))
        parts.append(f"{tensor.name}{where}\n" + table([" \\ ".join(tensor.ranks[-2:]), *across], rows))
    return "\n\n".join(parts)


def operations_text(execution: Execution) -> str:
    """Operations of each Einsum by kind; the effectual ones are those where no tensor that is multiplied is 0."""
    rows = (
        [o.einsum, o.kind, f"{o.count:,}", f"{o.effectual:,}", percent(o.effectual / o.count)]
        for o in execution.operations
    )
    return table(["Einsum", "operation", "count", "effectual", "share"], rows)


def rate_text(execution: Execution) -> str:
    """How long it took, and how many points per second that are."""
    rate = execution.points / max(execution.elapsed_s, 1e-9)
    shown = float(f"{rate:.2g}")
    return f"{execution.points:,} points in {execution.elapsed_s:.3g} s: {shown:,.0f} points per second"


# ---------------------------------------------------------------------------------------------------------------
# Traces


def trace_text(steps: Sequence[Visit], texts: dict[str, str], left_out: int = 0) -> str:
    """Every step in its order: rank variables, computed coordinates, what is read, and what becomes of the output.

    ``texts``: the statement of each Einsum.
    """
    parts = [
        f"{texts[einsum]}"
        + (f"   (term {addend})" if addend != str(parse(texts[einsum]).expression) else "")
        + "\n"
        + table(_trace_columns(steps_there[0], texts[einsum]), map(_trace_cells, steps_there))
        for (einsum, addend), steps_there in _together(steps)
    ]
    if left_out:
        parts.append(f"… {left_out:,} more steps")
    return "\n\n".join(parts)


def _together(steps: Iterable[Visit]) -> Iterator[tuple[tuple[str, str], list[Visit]]]:
    for key, group in itertools.groupby(steps, key=lambda step: (step.einsum, step.addend)):
        yield key, list(group)


def _computed(step: Visit) -> dict[str, tuple[int, int]]:
    """Coordinates that are more than a rank variable → which read and rank they are of."""
    found: dict[str, tuple[int, int]] = {}
    for place, read in enumerate(step.reads):
        for rank, index in enumerate(read.access[read.access.index("[") + 1 : -1].split(", ") if read.word else ()):
            text = index.rpartition("=")[2]
            if text not in step.point:
                found.setdefault(text, (place, rank))
    return found


def _trace_columns(step: Visit, text: str) -> list[str]:
    reads = [read.access for read in step.reads]
    value = [] if [step.addend] == reads else ["value"]
    return ["step", *step.point, *_computed(step), *reads, *value, "", str(parse(text).output)]


def _trace_cells(step: Visit) -> list[str]:
    computed = [str(step.reads[place].word[rank]) for place, rank in _computed(step).values()]
    reads = [number(read.value) for read in step.reads]
    value = [] if [step.addend] == [read.access for read in step.reads] else [number(step.value)]
    point = [str(position) for position in step.point.values()]
    return [str(step.number), *point, *computed, *reads, *value, step.action, number(step.result)]


def run_object(answer: RunAnswer, steps: Sequence[Visit] | None = None) -> dict[str, object]:
    """What `run --json` prints; values are there where a tensor is small, the summary always."""
    execution = answer.execution
    tensors = tensors_of(execution.workload.einsums)
    found: dict[str, object] = {
        "workload": execution.workload.name,
        "engine": execution.engine,
        "points": execution.points,
        "warnings": list(execution.warnings),
        "same_output": list(answer.same_output),
        "operations": [asdict(operation) for operation in execution.operations],
        "tensors": {
            name: {
                "role": tensors[name].role.value,
                "ranks": list(tensors[name].ranks),
                "shape": list(array.shape),
                "type": str(array.dtype),
                "least": json_values(array.min()),
                "largest": json_values(array.max()),
                "zeros": int(array.size - np.count_nonzero(array)),
                "from": answer.given.sources.get(name, ""),
                "values": json_values(array) if array.size <= JSON_WORDS else None,
            }
            for name, array in execution.tensors.items()
        },
    }
    return found if steps is None else found | {"steps": [_step_object(step) for step in steps]}


def _step_object(step: Visit) -> dict[str, object]:
    found = asdict(step) | {"value": _plain(step.value), "result": _plain(step.result)}
    return found | {"reads": [asdict(read) | {"value": _plain(read.value)} for read in step.reads]}


def json_values(array: Array | np.generic) -> object:
    """Values as JSON has them; what is no finite number is text: ``inf``, ``-inf``, ``nan``."""
    return _plain(array.tolist())


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
