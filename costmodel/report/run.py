"""A run is a folder: what was asked, what came out, and everything needed to do it again.

==================  ==================================================================================
``result.json``     one versioned object: kind, totals, totals of each Einsum, fronts, certificates,
                    design points, search settings, seed, versions
``workload.json``   the resolved workloads          ``architecture.json``  the resolved architectures
``inputs/``         the files as the user wrote them
``mapping.yaml``    the chosen mappings, to be fed back with ``--mapping``
``traffic.csv``     einsum, level, tensor, flow, words              ⎫ of the chosen mappings, for one
``actions.csv``     einsum, component, tensor, action, count, energy_pj  ⎬ execution of each Einsum;
``latency.csv``     einsum, component, cycles                       ⎪ ``einsums.csv`` says how often
``occupancy.csv``   einsum, level, tensor, words, bits              ⎭ each of them runs
``einsums.csv``     one line of totals for each Einsum (all its executions)
``front.csv``       every point of every front                      (map)
``sweep.csv``       every design point with its axes                (sweep)
==================  ==================================================================================

``einsums.csv``, ``front.csv`` and ``sweep.csv`` repeat ``result.json`` for spreadsheets; they are never read back.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_type_hints

from costmodel.einsum.algebra import Workload
from costmodel.mapper.result import Certificate, MapperResult, NetworkPoint
from costmodel.model.evaluation import ActionRow, Evaluation, LatencyRow, OccupancyRow, TrafficRow
from costmodel.report.codec import MalformedError, Plain, build, expect, plain
from costmodel.report.nest_text import sentences, short_text
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping
from costmodel.spec.objective import AXES, COST_KEYS, Costs, costs_of, vector_of
from costmodel.spec.problems import Problem, SpecError
from costmodel.sweep.designs import DesignCosts, Scalar

FORMAT = "costmodel run"
VERSION = 1
RESULT = "result.json"
INPUTS = "inputs"

Kind = Literal["evaluate", "map", "sweep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One file as the user wrote it."""

    role: Literal["arch", "workload", "mapping", "study"]
    name: str
    """File name inside the run folder; no slashes."""
    origin: str
    """Where it came from: the path, or ``shipped``."""
    text: str

    def __post_init__(self) -> None:
        if Path(self.name).name != self.name or self.name in {"", ".", ".."}:
            raise ValueError(f"must be a file name, got {self.name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How the run was made."""

    created: str
    """Local time, ISO 8601, e.g. ``2026-11-21T13:15:00+01:00``."""
    command: str = ""
    seed: int | None = None
    settings: dict[str, Scalar] = field(default_factory=dict)
    """Of the search: method, objective, trials, overrides …"""
    versions: dict[str, str] = field(default_factory=dict)
    elapsed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint(Costs):
    """One mapping of the front of an Einsum (or of a fused cascade)."""

    mapping: Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class EinsumSearch:
    """What the mapper found for one Einsum. Costs are of one execution."""

    einsum: str
    front: tuple[FrontPoint, ...]
    certificate: Certificate
    chosen: int | None = None
    """Place in ``front`` of the mapping that the run's evaluation uses."""

    @classmethod
    def from_result(cls, result: MapperResult, chosen: int | None = 0) -> EinsumSearch:
        """Keep the totals of each point; the chosen one is kept in full by ``Run.evaluation``."""
        front = tuple(FrontPoint.of(point, mapping=point.mapping) for point in result.front)
        return cls(einsum=result.einsum, front=front, certificate=result.certificate, chosen=chosen)


@dataclass(frozen=True, kw_only=True)
class DesignPoint(DesignCosts):
    """One design of a sweep with the cost of its best mapping."""

    axes: dict[str, Scalar]
    """Axis (``GLB.size``) → value as the study wrote it."""
    pareto: bool = False
    """Whether no other point is at least as good in every objective and better in one."""
    arch: str | None = None
    workload: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that a run folder holds."""

    kind: Kind
    workloads: tuple[Workload, ...]
    """More than one only in a sweep."""
    architectures: tuple[Architecture, ...]
    """The base designs; more than one only in a sweep."""
    mappings: tuple[Mapping, ...] = ()
    """The chosen mappings, in the order of the Einsums."""
    evaluation: Evaluation | None = None
    """Of the chosen mappings; null for a sweep that kept none."""
    searches: tuple[EinsumSearch, ...] = ()
    network_front: tuple[NetworkPoint, ...] = ()
    """Totals of the workload over combinations of the searches' fronts, as ``NetworkResult.front`` has them."""
    certificate: Certificate | None = None
    """What is known about the totals of a mapping search."""
    design_points: tuple[DesignPoint, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    notes: tuple[str, ...] = ()
    """What did not work out, e.g. an Einsum for which nothing fits, or a search cut short."""
    provenance: Provenance

    @property
    def workload(self) -> Workload:
        return self.workloads[0]

    @property
    def architecture(self) -> Architecture:
        return self.architectures[0]

    @property
    def title(self) -> str:
        """``resnet18 on eyeriss_v1``."""
        return f"{', '.join(w.name for w in self.workloads)} on {', '.join(a.name for a in self.architectures)}"

    @property
    def uses_capacity(self) -> bool:
        """Whether the room used is part of an objective, so that it is shown."""
        return "capacity" in str(self.provenance.settings.get("objective", ""))

    def search(self, einsum: str) -> EinsumSearch:
        """The search of that Einsum; KeyError if there was none."""
        for search in self.searches:
            if search.einsum == einsum:
                return search
        raise KeyError(einsum)

    def mapping_of(self, einsum: str) -> Mapping | None:
        """The chosen mapping that computes an Einsum."""
        from costmodel.spec.mapping import einsums_in

        return next((m for m in self.mappings if einsum == m.einsum or einsum in einsums_in(m.nest)), None)


def versions() -> dict[str, str]:
    """Versions of what a result depends on, as installed."""
    from importlib.metadata import PackageNotFoundError, version

    from costmodel import __version__

    found = {"costmodel": __version__, "python": sys.version.split()[0]}
    for package in ("numpy", "optuna", "pandas", "plotly"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


# --- folders ---------------------------------------------------------------------------------------------------


def new_folder(runs: Path, names: Sequence[str], when: datetime) -> Path:
    """A name under ``runs`` that nothing has yet: ``runs/20261121-131500-eyeriss_v1-resnet18``."""
    words = ["".join(c if c.isalnum() or c in "_." else "_" for c in name).strip(".") for name in names]
    return _free(runs / "-".join([when.strftime("%Y%m%d-%H%M%S"), *(w for w in words if w)]))


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run (damaged or not)."""
    return (folder / RESULT).is_file()


def write_run(folder: Path, run: Run, *, replace: bool = False, keep: Sequence[str] = ()) -> Path:
    """Write a run and return its folder, which appears complete or not at all.

    A run that is there already is kept, and the new one gets a number (``name-2``), unless ``replace`` is set; then
    files named by ``keep`` stay in the folder (the journal of a sweep, which is there before the run is).
    Raises SpecError for an existing folder that is not a run and not empty.
    """
    folder = Path(folder)
    foreign = folder.exists() and not is_run(folder)
    if foreign and (not folder.is_dir() or any(item.name not in keep for item in folder.iterdir())):
        message = "exists and is not a run; nothing was written"
        raise SpecError([Problem(message, file=str(folder), hint="name a new folder, or none")])
    files = _files(run)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.parent / f".{folder.name}.{os.getpid()}.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        for name, text in files.items():
            path = scratch / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        for name in keep:
            if replace and (folder / name).is_file():
                shutil.copy2(folder / name, scratch / name)
        return _publish(scratch, folder, replace=replace)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a file that appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_text(text, encoding="utf-8", newline="\n")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _free(folder: Path) -> Path:
    number = 2
    name = folder
    while name.exists():
        name = folder.with_name(f"{folder.name}-{number}")
        number += 1
    return name


def _publish(scratch: Path, folder: Path, *, replace: bool) -> Path:
    if replace and folder.is_dir() and any(folder.iterdir()):
        old = folder.parent / f".{folder.name}.{os.getpid()}.old"
        folder.rename(old)
        scratch.rename(folder)
        shutil.rmtree(old)
        return folder
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    while True:
        target = _free(folder)
        try:
            scratch.rename(target)
        except OSError:
            if not target.exists():  # somebody else may have taken the name in between; anything else is a fault
                raise
        else:
            return target


# --- writing ---------------------------------------------------------------------------------------------------


def _files(run: Run) -> dict[str, str]:
    files = {
        RESULT: _json(result_object(run)),
        "workload.json": _json([plain(w) for w in run.workloads]),
        "architecture.json": _json([plain(a) for a in run.architectures]),
    }
    for name, given in zip(_input_names(run.inputs), run.inputs, strict=True):
        files[f"{INPUTS}/{name}"] = given.text
    if run.evaluation is not None:
        for name, kind, rows in _tables(run.evaluation):
            columns = [f.name for f in fields(kind)]
            files[name] = _csv(columns, ([getattr(row, c) for c in columns] for row in rows))
        records = _einsum_records(run)
        files["einsums.csv"] = _csv(list(records[0]), (list(r.values()) for r in records)) if records else "einsum\n"
    if run.mappings:
        from costmodel.spec.mapping_file import dump

        files["mapping.yaml"] = dump(run.mappings)
    if run.searches:
        files["front.csv"] = _front_csv(run)
    if run.kind == "sweep":
        files["sweep.csv"] = _sweep_csv(run)
    return files


def result_object(run: Run) -> dict[str, Plain]:
    """The content of ``result.json``, also what ``--json`` prints."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": run.kind,
        "title": run.title,
        "totals": _totals(run.evaluation),
        "einsums": plain(_einsum_records(run)),
        "mappings": [_mapping_plain(m) for m in run.mappings],
        "searches": [
            {
                "einsum": search.einsum,
                "chosen": search.chosen,
                "certificate": plain(search.certificate),
                "front": [costs_of(p) | {"mapping": _mapping_plain(p.mapping)} for p in search.front],
            }
            for search in run.searches
        ],
        "network_front": plain(run.network_front),
        "certificate": plain(run.certificate),
        "design_points": [
            {f.name: plain(getattr(d, f.name)) for f in fields(d) if f.name != "mappings"}
            | {"mappings": [_mapping_plain(m) for m in d.mappings]}
            for d in run.design_points
        ],
        "inputs": [
            {"role": i.role, "name": i.name, "origin": i.origin, "file": name}
            for name, i in zip(_input_names(run.inputs), run.inputs, strict=True)
        ],
        "notes": list(run.notes),
        "provenance": plain(run.provenance),
    }


def _input_names(inputs: Sequence[InputFile]) -> list[str]:
    """File names in the folder: two inputs of one name (of different folders) are told apart by a number."""
    names: list[str] = []
    for given in inputs:
        name, number = given.name, 2
        while name.casefold() in {n.casefold() for n in names}:
            path = Path(given.name)
            name = f"{path.stem}-{number}{path.suffix}"
            number += 1
        names.append(name)
    return names


def _totals(evaluation: Evaluation | None) -> Plain:
    if evaluation is None:
        return None
    return {
        "energy_pj": evaluation.energy_pj,
        "latency_cycles": evaluation.latency_cycles,
        "latency_s": evaluation.latency_s,
        "edp": evaluation.edp,
        "capacity_bits": evaluation.capacity_bits,
        "area_mm2": evaluation.area_mm2,
        "area_missing": list(evaluation.area_missing),
        "utilisation": evaluation.utilisation,
        "points": evaluation.total_points,
        "clock_hz": evaluation.clock_hz,
        "peak_per_cycle": evaluation.peak_per_cycle,
    }


def _einsum_records(run: Run) -> list[dict[str, Any]]:
    """Totals of each Einsum over all its executions."""
    evaluation = run.evaluation
    if evaluation is None:
        return []
    energy = dict.fromkeys(evaluation.points, 0.0)
    for row in evaluation.action_rows:
        energy[row.einsum] += row.energy_pj
    return [
        {
            "einsum": name,
            "count": evaluation.counts[name],
            "points": points * evaluation.counts[name],
            "energy_pj": energy[name] * evaluation.counts[name],
            "latency_cycles": evaluation.cycles_by_einsum[name] * evaluation.counts[name],
            "capacity_bits": evaluation.capacity_bits_by_einsum[name],
            "peak_per_cycle": evaluation.peak_by_einsum[name],
            "bottleneck": evaluation.bottlenecks.get(name, ""),
        }
        for name, points in evaluation.points.items()
    ]


def _front_csv(run: Run) -> str:
    names = ["einsum", "point", *COST_KEYS, "chosen", "mapping"]
    rows = [
        [s.einsum, n, *vector_of(p), int(n == s.chosen), short_text(p.mapping.nest)]
        for s in run.searches
        for n, p in enumerate(s.front)
    ]
    return _csv(names, rows)


def _sweep_csv(run: Run) -> str:
    axes = list(dict.fromkeys(axis for d in run.design_points for axis in d.axes))
    names = [*COST_KEYS, "clock_hz", "area_mm2", "utilisation", "pareto", "note"]
    rows = [[d.axes.get(a, "") for a in axes] + [_cell(getattr(d, n)) for n in names] for d in run.design_points]
    return _csv([*axes, *names], rows)


def _cell(value: object) -> object:
    return int(value) if isinstance(value, bool) else "" if value is None else value


def _tables(evaluation: Evaluation) -> tuple[tuple[str, type, Sequence[object]], ...]:
    return (
        ("traffic.csv", TrafficRow, evaluation.traffic_rows),
        ("actions.csv", ActionRow, evaluation.action_rows),
        ("latency.csv", LatencyRow, evaluation.latency_rows),
        ("occupancy.csv", OccupancyRow, evaluation.occupancy_rows),
    )


def _mapping_plain(mapping: Mapping) -> Plain:
    return {
        "arch": mapping.arch,
        "workload": mapping.workload,
        "einsum": mapping.einsum,
        "nest": plain(sentences(mapping.nest)),
    }


def _json(value: Plain) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


# --- reading ---------------------------------------------------------------------------------------------------


def read_run(folder: Path) -> Run:
    """Read a run folder back. Raises SpecError that names the file, and the line where there is one."""
    folder = Path(folder)
    if not is_run(folder):
        what = f"holds no {RESULT}" if folder.is_dir() else "no such folder"
        raise SpecError([Problem(f"not a run: {what}", file=str(folder))])
    path = folder / RESULT
    result = _read_json(path)
    try:
        given = expect(dict, result, "$")
        _check_version(given)
        return _run(folder, given)
    except MalformedError as error:
        raise _damaged(path, error) from error
    except KeyError as error:
        raise SpecError([Problem(f"required key {error} is missing", file=str(path), hint=_HINT)]) from error


def _check_version(given: dict[str, Any]) -> None:
    if given.get("format") != FORMAT:
        raise MalformedError("$.format", f"must be {FORMAT!r}, got {given.get('format')!r}")
    if given.get("version") != VERSION:
        message = f"this costmodel reads version {VERSION}, the folder has {given.get('version')!r}"
        raise MalformedError("$.version", message)


_HINT = "the run folder is damaged; run it again"


def _run(folder: Path, given: dict[str, Any]) -> Run:
    searches = tuple(
        _search(expect(dict, s, f"$.searches[{n}]"), f"$.searches[{n}]")
        for n, s in enumerate(expect(list, given["searches"], "$.searches"))
    )
    return Run(
        kind=build(Kind, given["kind"], "$.kind"),
        workloads=_read_value(folder / "workload.json", tuple[Workload, ...]),
        architectures=_read_value(folder / "architecture.json", tuple[Architecture, ...]),
        mappings=_mappings(given["mappings"], "$.mappings"),
        evaluation=_evaluation(folder, given),
        searches=searches,
        network_front=_network_front(given["network_front"], searches),
        certificate=build(Certificate | None, given["certificate"], "$.certificate"),
        design_points=tuple(
            _design_point(expect(dict, d, f"$.design_points[{n}]"), f"$.design_points[{n}]")
            for n, d in enumerate(expect(list, given["design_points"], "$.design_points"))
        ),
        inputs=_inputs(folder, given["inputs"]),
        notes=build(tuple[str, ...], given["notes"], "$.notes"),
        provenance=build(Provenance, given["provenance"], "$.provenance"),
    )


def _network_front(given: object, searches: tuple[EinsumSearch, ...]) -> tuple[NetworkPoint, ...]:
    points: tuple[NetworkPoint, ...] = build(tuple[NetworkPoint, ...], given, "$.network_front")
    sizes = [len(search.front) for search in searches]
    for n, point in enumerate(points):
        if len(point.choices) != len(sizes) or not all(0 <= c < s for c, s in zip(point.choices, sizes, strict=True)):
            raise MalformedError(f"$.network_front[{n}].choices", "must name one point of the front of each search")
    return points


def _search(given: dict[str, Any], path: str) -> EinsumSearch:
    front = tuple(
        FrontPoint(
            **{
                key: build(axis.kind, p[key], f"{path}.front[{n}].{key}")
                for key, axis in zip(COST_KEYS, AXES, strict=True)
            },
            mapping=_mapping(p["mapping"], f"{path}.front[{n}].mapping"),
        )
        for n, p in enumerate(expect(list, given["front"], f"{path}.front"))
    )
    chosen = build(int | None, given["chosen"], f"{path}.chosen")
    if chosen is not None and not 0 <= chosen < len(front):
        raise MalformedError(f"{path}.chosen", f"the front has {len(front)} points, got {chosen}")
    certificate = build(Certificate, given["certificate"], f"{path}.certificate")
    einsum = expect(str, given["einsum"], f"{path}.einsum")
    return EinsumSearch(einsum=einsum, front=front, certificate=certificate, chosen=chosen)


def _design_point(given: dict[str, Any], path: str) -> DesignPoint:
    point: DesignPoint = build(DesignPoint, {k: v for k, v in given.items() if k != "mappings"}, path)
    values = {f.name: getattr(point, f.name) for f in fields(point)}
    return DesignPoint(**values | {"mappings": _mappings(given["mappings"], f"{path}.mappings")})


def _mappings(given: object, path: str) -> tuple[Mapping, ...]:
    return tuple(_mapping(m, f"{path}[{n}]") for n, m in enumerate(expect(list, given, path)))


def _mapping(given: object, path: str) -> Mapping:
    from costmodel.spec.mapping_file import parse_nest

    value = expect(dict, given, path)
    names = {key: build(str | None, value[key], f"{path}.{key}") for key in ("arch", "workload", "einsum")}
    try:
        nest = parse_nest(expect(list, value["nest"], f"{path}.nest"))
    except SpecError as error:
        raise MalformedError(f"{path}.nest", error.problems[0].message) from error
    return Mapping(nest=nest, **names)


def _evaluation(folder: Path, given: dict[str, Any]) -> Evaluation | None:
    if given["totals"] is None:
        return None
    totals = expect(dict, given["totals"], "$.totals")
    einsums = [expect(dict, e, f"$.einsums[{n}]") for n, e in enumerate(expect(list, given["einsums"], "$.einsums"))]
    counts = {expect(str, e["einsum"], "$.einsums"): expect(int, e["count"], "$.einsums.count") for e in einsums}
    for name, count in counts.items():
        if count < 1:
            raise MalformedError("$.einsums", f"count of {name} must be at least 1, got {count}")
    evaluation = Evaluation(
        traffic_rows=_read_rows(folder / "traffic.csv", TrafficRow),
        action_rows=_read_rows(folder / "actions.csv", ActionRow),
        latency_rows=_read_rows(folder / "latency.csv", LatencyRow),
        occupancy_rows=_read_rows(folder / "occupancy.csv", OccupancyRow),
        points={e["einsum"]: expect(int, e["points"], "$.einsums.points") // counts[e["einsum"]] for e in einsums},
        counts=counts,
        capacity_bits_by_einsum={
            e["einsum"]: expect(int, e["capacity_bits"], "$.einsums.capacity_bits") for e in einsums
        },
        clock_hz=build(float, totals["clock_hz"], "$.totals.clock_hz"),
        peak_by_einsum={
            # a folder of the version before has one peak for all
            e["einsum"]: build(float, e.get("peak_per_cycle", totals["peak_per_cycle"]), "$.einsums.peak_per_cycle")
            for e in einsums
        },
        area_mm2=build(float | None, totals["area_mm2"], "$.totals.area_mm2"),
        area_missing=build(tuple[str, ...], totals["area_missing"], "$.totals.area_missing"),
    )
    checks: tuple[tuple[str, str, Callable[[Evaluation], float]], ...] = (
        ("actions.csv", "energy_pj", lambda e: e.energy_pj),
        ("latency.csv", "latency_cycles", lambda e: e.latency_cycles),
    )
    for name, key, total in checks:
        stated = build(float, totals[key], f"$.totals.{key}")
        try:
            counted = total(evaluation)
        except KeyError as error:
            problem = Problem(f"Einsum {error} is not in {RESULT}", file=str(folder / name), hint=_HINT)
            raise SpecError([problem]) from None
        if not math.isclose(counted, stated, rel_tol=1e-9, abs_tol=1e-9):
            message = f"the rows sum to {key} {counted:,.15g}, {RESULT} says {stated:,.15g}"
            raise SpecError([Problem(message, file=str(folder / name), hint=_HINT)])
    return evaluation


def _inputs(folder: Path, given: object) -> tuple[InputFile, ...]:
    inputs = []
    for place, value in enumerate(expect(list, given, "$.inputs")):
        item = expect(dict, value, f"$.inputs[{place}]")
        name = expect(str, item["file"], f"$.inputs[{place}].file")
        if Path(name).name != name or name in {"", ".", ".."}:
            raise MalformedError(f"$.inputs[{place}].file", f"must be a file name, got {name!r}")
        text = _read_text(folder / INPUTS / name)
        fields_of = {k: v for k, v in item.items() if k != "file"}
        inputs.append(build(InputFile, fields_of | {"text": text}, f"$.inputs[{place}]"))
    return tuple(inputs)


def _read_value(path: Path, kind: object) -> Any:
    try:
        value = build(kind, _read_json(path))
    except MalformedError as error:
        raise _damaged(path, error) from error
    if not value:
        raise SpecError([Problem("must not be empty", file=str(path), hint=_HINT)])
    return value


def _read_rows(path: Path, kind: type) -> tuple[Any, ...]:
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    reader = csv.reader(io.StringIO(_read_text(path), newline=""))
    try:
        header = next(reader, [])
        _check_header(header, names)
        rows = [_row(kind, hints, names, cells) for cells in reader]
    except (ValueError, MalformedError, csv.Error) as error:
        message = error.message if isinstance(error, MalformedError) else str(error)
        raise SpecError([Problem(message, file=str(path), line=max(reader.line_num, 1), hint=_HINT)]) from error
    return tuple(rows)


def _check_header(header: Sequence[str], names: Sequence[str]) -> None:
    if list(header) != list(names):
        raise ValueError(f"the first line must be {','.join(names)}")


def _row(kind: type, hints: dict[str, Any], names: Sequence[str], cells: Sequence[str]) -> object:
    if len(cells) != len(names):
        raise ValueError(f"{len(names)} columns expected, {len(cells)} found")
    return kind(**{n: _parse(hints[n], c) for n, c in zip(names, cells, strict=True)})


def _parse(kind: object, cell: str) -> object:
    if kind is int:
        return int(cell)
    if kind is float:
        value = float(cell)
        if not math.isfinite(value):
            raise ValueError(f"{cell} is not a finite number")
        return int(cell) if cell.lstrip("-").isdigit() else value
    if kind is str:
        return cell
    return build(kind, cell, cell)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SpecError([Problem("the file is missing", file=str(path), hint=_HINT)]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([Problem(f"cannot be read: {error}", file=str(path), hint=_HINT)]) from error


def _read_json(path: Path) -> object:
    try:
        return json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        problem = Problem(f"not JSON: {error.msg}", file=str(path), line=error.lineno, column=error.colno, hint=_HINT)
        raise SpecError([problem]) from error
    except RecursionError as error:
        raise SpecError([Problem("not JSON of a run: nested too deeply", file=str(path), hint=_HINT)]) from error


def _damaged(path: Path, error: MalformedError) -> SpecError:
    return SpecError([Problem(error.message, file=str(path), path=error.path, hint=_HINT)])
