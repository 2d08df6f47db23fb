"""Read a run folder back. Whoever made it: links are not followed, and nothing is believed unchecked."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from costmodel.advice.advice import Advised
from costmodel.einsum.algebra import Einsum, Workload
from costmodel.model.actions import actions_known
from costmodel.model.evaluation import (
    FILL_AND_DRAIN,
    ActionRow,
    Evaluation,
    LatencyRow,
    OccupancyRow,
    OverlapRow,
    TrafficRow,
)
from costmodel.report.folder import is_run, not_a_run, read_text
from costmodel.report.numbers import faults
from costmodel.report.record import ADVICE_FILE, ARCHITECTURES_FILE, RESULT_FILE, ROWS, WORKLOADS_FILE
from costmodel.report.result import ADVICE, ARCHITECTURES, INPUTS, OVERLAP, RESULT, WORKLOADS, InputRecord, Result
from costmodel.report.run import InputFile, Run
from costmodel.spec.hardware import Architecture
from costmodel.spec.problems import Problem, SpecError, path_text

Value = TypeVar("Value")
HINT = "the run folder is damaged; run it again"


def read_evaluated(folder: Path) -> Run:
    """Read the folder of a run that holds an evaluation. Raises SpecError as ``read_run``, and for a sweep."""
    run = read_run(folder)
    if run.evaluation is None:
        hint = "explain runs of evaluate or map"
        raise SpecError([Problem("holds no evaluation to explain", file=str(folder), hint=hint)])
    return run


def read_run(folder: Path) -> Run:
    """Read a run folder. Raises SpecError that names the file, and the line where there is one."""
    if not is_run(folder):
        raise not_a_run(folder, RESULT)
    path = folder / RESULT
    text = read_text(path, HINT)
    data = _parse(path, text)
    _check_version(path, data)
    result = _decode(path, text, data, RESULT_FILE)
    workloads = _values(folder / WORKLOADS, WORKLOADS_FILE)
    _check_einsums(folder / WORKLOADS, workloads)
    architectures = _values(folder / ARCHITECTURES, ARCHITECTURES_FILE)
    evaluation = _evaluation(folder, result, workloads[0])
    if evaluation is not None:
        _check_actions(folder / "actions.csv", evaluation.action_rows, architectures[0])
    return Run(
        kind=result.kind,
        workloads=workloads,
        architectures=architectures,
        mappings=result.mappings,
        evaluation=evaluation,
        searches=result.searches,
        network_front=result.network_front,
        certificate=result.certificate,
        design_points=result.design_points,
        inputs=tuple(_input(folder, given) for given in result.inputs),
        notes=result.notes,
        why=result.why,
        advice=_advice(folder / ADVICE),
        provenance=result.provenance,
    )


def _advice(path: Path) -> Advised | None:
    """What was found that would change the run; null where nobody has looked."""
    if not os.path.lexists(path):
        return None
    text = read_text(path, HINT)
    return _decode(path, text, _parse(path, text), ADVICE_FILE).advice


def _check_version(path: Path, data: object) -> None:
    if not isinstance(data, dict):
        raise SpecError([_problem(path, "$", f"must be an object, got {_shown(data)}")])
    if data.get("format") != Result.format:
        raise SpecError([_problem(path, "$.format", f"must be {Result.format!r}, got {_shown(data.get('format'))}")])
    if data.get("version") != Result.version:
        message = f"this costmodel reads version {Result.version}, the folder has {_shown(data.get('version'))}"
        raise SpecError([_problem(path, "$.version", message)])


def _values(path: Path, adapter: TypeAdapter[tuple[Value, ...]]) -> tuple[Value, ...]:
    text = read_text(path, HINT)
    values = _decode(path, text, _parse(path, text), adapter)
    if not values:
        raise SpecError([_problem(path, "$", "must not be empty")])
    return values


def _check_einsums(path: Path, workloads: tuple[Workload, ...]) -> None:
    """Every Einsum has the tensors and the extents of what it accesses, and an index for each of their ranks."""
    for number, workload in enumerate(workloads):
        for place, einsum in enumerate(workload.einsums):
            for key, message in _faults_of(einsum):
                raise SpecError([_problem(path, f"$[{number}].einsums[{place}].{key}", message)])


def _faults_of(einsum: Einsum) -> Iterator[tuple[str, str]]:
    """Yield what is damaged of an Einsum, with its key."""
    accesses = (einsum.output, *einsum.inputs)
    variables = {v for access in accesses for v in access.rank_variables | access.at_zero}
    for key, needed, there in (
        ("tensors", {access.tensor for access in accesses}, einsum.tensors),
        ("shape", variables, einsum.shape),
    ):
        for missing in sorted(needed - there.keys()):
            yield key, f"{missing!r}, which the Einsum accesses, is missing"
    for name, tensor in einsum.tensors.items():
        if len(tensor.shape) != len(tensor.ranks):
            yield f"tensors.{name}.shape", f"must have an extent for each rank, got {list(tensor.shape)}"
    for key, access in (("output", einsum.output), *((f"inputs[{n}]", a) for n, a in enumerate(einsum.inputs))):
        ranks = len(einsum.tensors[access.tensor].ranks)
        if len(access.indices) != ranks:
            yield f"{key}.indices", f"must be {ranks}, one for each rank of {access.tensor}, got {len(access.indices)}"


def _evaluation(folder: Path, result: Result, workload: Workload) -> Evaluation | None:
    totals = result.totals
    if totals is None:
        return None
    known = {einsum.name for einsum in workload.einsums}
    if strange := [e.einsum for e in result.einsums if e.einsum not in known]:
        raise SpecError([_problem(folder / RESULT, "$.einsums", f"{strange[0]!r} is no Einsum of {workload.name}")])
    places = {einsum.einsum: at for at, einsum in enumerate(result.einsums)}
    evaluation = Evaluation(
        traffic_rows=_rows(folder / "traffic.csv", TrafficRow, places),
        action_rows=_rows(folder / "actions.csv", ActionRow, places),
        latency_rows=_rows(folder / "latency.csv", LatencyRow, places),
        occupancy_rows=_rows(folder / "occupancy.csv", OccupancyRow, places),
        points={e.einsum: e.points // e.count for e in result.einsums},
        counts={e.einsum: e.count for e in result.einsums},
        capacity_bits_by_einsum={e.einsum: e.capacity_bits for e in result.einsums},
        clock_hz=totals.clock_hz,
        peak_by_einsum={e.einsum: e.peak_per_cycle or totals.peak_per_cycle for e in result.einsums},
        area_mm2=totals.area_mm2,
        area_missing=totals.area_missing,
        overlap_rows=_overlap_rows(folder / OVERLAP, places),
    )
    for name, key, counted, stated in (
        ("actions.csv", "energy_pj", evaluation.energy_pj, totals.energy_pj),
        ("latency.csv", "latency_cycles", evaluation.latency_cycles, totals.latency_cycles),
    ):
        if not math.isclose(counted, stated, rel_tol=1e-9, abs_tol=1e-9):
            message = f"the rows sum to {key} {counted:,.15g}, {RESULT} says {stated:,.15g}"
            raise SpecError([Problem(message, file=str(folder / name), hint=HINT)])
    return evaluation


def _check_actions(path: Path, rows: Sequence[ActionRow], architecture: Architecture) -> None:
    """Every row is an action of a component of the architecture."""
    known = actions_known(architecture)
    for line, row in enumerate(rows, 2):
        if (row.component, row.action) not in known:
            message = f"{row.component} of {architecture.name} has no action {row.action!r}"
            raise SpecError([Problem(message, file=str(path), line=line, hint=HINT)])


def _overlap_rows(path: Path, places: Mapping[str, int]) -> tuple[OverlapRow, ...]:
    """What pipelined sequences take; a run without any has no such file."""
    if not path.is_file():
        return ()
    rows = _rows(path, OverlapRow, places)
    sequences: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if places.get(row.last, -1) < places[row.einsum]:
            message = f"Einsum {row.last!r} does not follow {row.einsum!r} in {RESULT}"
            raise SpecError([Problem(message, file=str(path), hint=HINT)])
        sequences.setdefault((row.einsum, row.last), set()).add(row.resource)
    for (first, last), resources in sequences.items():
        if FILL_AND_DRAIN not in resources or len(resources) == 1:
            message = f"{first} … {last} must have a row {FILL_AND_DRAIN!r} and rows of what is busy"
            raise SpecError([Problem(message, file=str(path), hint=HINT)])
    return rows


def _input(folder: Path, given: InputRecord) -> InputFile:
    text = read_text(folder / INPUTS / given.file, HINT)
    return InputFile(role=given.role, name=given.name, origin=given.origin, text=text)


def _rows(path: Path, kind: type[Value], einsums: Container[str]) -> tuple[Value, ...]:
    """The rows of a table, each of one of the Einsums."""
    columns = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    reader = csv.reader(io.StringIO(read_text(path, HINT), newline=""))
    rows = []
    try:
        _check_header(next(reader, []), columns)
        rows = [_row(kind, columns, cells, einsums) for cells in reader]
    except ValidationError as error:
        last = error.errors(include_url=False)[-1]  # of a number, what it is not even as a fraction
        message = f"{last['loc'][0]} {_message(last)}"
        raise SpecError([Problem(message, file=str(path), line=reader.line_num, hint=HINT)]) from error
    except (ValueError, csv.Error) as error:
        raise SpecError([Problem(str(error), file=str(path), line=max(reader.line_num, 1), hint=HINT)]) from error
    return tuple(rows)


def _check_header(cells: list[str], columns: list[str]) -> None:
    if cells != columns:
        raise ValueError(f"the first line must be {','.join(columns)}")


def _row(kind: type[Value], columns: list[str], cells: list[str], einsums: Container[str]) -> Value:
    if len(cells) != len(columns):
        raise ValueError(f"{len(columns)} columns expected, {len(cells)} found")
    row: Any = ROWS[kind].validate_strings(dict(zip(columns, cells, strict=True)))
    if row.einsum not in einsums:
        raise ValueError(f"Einsum {row.einsum!r} is not in {RESULT}")
    for place, message in faults(row, ""):
        raise ValueError(f"{place.removeprefix('.')} {message}")
    value: Value = row
    return value


def _parse(path: Path, text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        problem = Problem(f"not JSON: {error.msg}", file=str(path), line=error.lineno, column=error.colno, hint=HINT)
        raise SpecError([problem]) from error
    except RecursionError as error:
        raise SpecError([Problem("not JSON of a run: nested too deeply", file=str(path), hint=HINT)]) from error
    except ValueError as error:  # an integer of thousands of digits
        raise SpecError([Problem("not JSON of a run: a number is too long", file=str(path), hint=HINT)]) from error


def _decode(path: Path, text: str, data: object, adapter: TypeAdapter[Value]) -> Value:
    """The value that a document holds; ``data`` is the same document, for the places of what is wrong."""
    try:
        value = adapter.validate_json(text)
    except ValidationError as error:
        problems = [_problem_of(path, item, data) for item in error.errors(include_url=False)]
        raise SpecError(list(dict.fromkeys(problems))) from error
    if problems := [_problem(path, place, message) for place, message in faults(value)]:
        raise SpecError(problems)
    return value


def _problem_of(path: Path, item: Any, data: object) -> Problem:
    """What pydantic found; its ``loc`` names members of unions besides keys."""
    places: list[str | int] = []
    for part in item["loc"]:
        if (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        ):
            data = data[part]
            places.append(part)
    if item["type"] in {"missing", "missing_argument"}:
        return _problem(path, path_text(tuple(places)), f"required key {item['loc'][-1]!r} is missing")
    return _problem(path, path_text(tuple(places)), _message(item))


def _message(item: Any) -> str:
    """The rule and what was found, in our words."""
    match item["type"]:
        case "value_error":
            return str(item["ctx"]["error"])
        case "unexpected_keyword_argument" | "extra_forbidden":
            return "no such key"
        case "union_tag_invalid":
            return f"kind must be one of {item['ctx']['expected_tags']}, got {item['ctx']['tag']!r:.60}"
        case _:
            text = str(item["msg"]).replace("Input should be", "must be", 1)
            return f"{text[:1].lower()}{text[1:]}, got {_shown(item['input'])}"


def _shown(value: object) -> str:
    return f"{value!r:.60}"


def _problem(path: Path, place: str, message: str) -> Problem:
    return Problem(message, file=str(path), path=place, hint=HINT)
