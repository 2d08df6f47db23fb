"""Write a run as the files of its folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from costmodel.model.evaluation import ActionRow, Evaluation, LatencyRow, OccupancyRow, OverlapRow, TrafficRow
from costmodel.report.codec import Plain, plain
from costmodel.report.folder import create, fill, is_run, kind_of, write_text
from costmodel.report.nest_text import short_text
from costmodel.report.result import (
    ADVICE,
    ARCHITECTURES,
    EINSUMS,
    FRONT,
    INPUTS,
    MAPPING,
    OVERLAP,
    RESULT,
    SWEEP,
    WORKLOADS,
    AdviceContent,
    EinsumTotals,
    InputRecord,
    Result,
    Totals,
)
from costmodel.report.run import DesignPoint, InputFile, Run
from costmodel.spec.mapping_file import dump
from costmodel.spec.objective import COST_KEYS, vector_of
from costmodel.spec.problems import Problem, SpecError
from costmodel.sweep.nests import Nests


def write_run(folder: Path, run: Run, *, renew: bool = False) -> Path:
    """Write a run and return its folder, as ``claim`` has given it.

    A new folder appears complete or not at all; if its name was taken meanwhile, it gets a number. With ``renew`` the
    files are written into the folder that is there, one by one.
    """
    if renew and is_run(folder) and kind_of(folder) != run.kind:
        raise SpecError([Problem(f"is no run of {run.kind}; nothing was written", file=str(folder))])
    inside = folder.is_dir() and (renew or not any(folder.iterdir()))
    return fill(folder, _files(run)) if inside else create(folder, _files(run))


def write_advice(folder: Path, run: Run) -> Path:
    """Write what would change a run beside what its folder holds; return the file."""
    path = folder / ADVICE
    write_text(path, _files(run)[ADVICE])
    return path


def _files(run: Run) -> dict[str, str]:
    files = {
        RESULT: _json(result_object(run)),
        WORKLOADS: _json(plain(run.workloads)),
        ARCHITECTURES: _json(plain(run.architectures)),
    }
    if run.advice is not None:
        files[ADVICE] = _json(plain(AdviceContent(advice=run.advice)))
    for name, given in zip(_input_names(run.inputs), run.inputs, strict=True):
        files[f"{INPUTS}/{name}"] = given.text
    files |= csv_files(run)
    if run.mappings:
        files[MAPPING] = dump(run.mappings)
    return files


def csv_files(run: Run) -> dict[str, str]:
    """The tables of a run, as they stand in its folder."""
    files = {}
    if run.evaluation is not None:
        files["traffic.csv"] = _table(TrafficRow, run.evaluation.traffic_rows)
        files["actions.csv"] = _table(ActionRow, run.evaluation.action_rows)
        files["latency.csv"] = _table(LatencyRow, run.evaluation.latency_rows)
        if run.evaluation.overlap_rows:
            files[OVERLAP] = _table(OverlapRow, run.evaluation.overlap_rows)
        files["occupancy.csv"] = _table(OccupancyRow, run.evaluation.occupancy_rows)
        files[EINSUMS] = _table(EinsumTotals, _einsum_totals(run.evaluation))
    if run.searches:
        files[FRONT] = _front_csv(run)
    if run.kind == "sweep":
        files[SWEEP] = _sweep_csv(run)
    return files


def result_object(run: Run) -> dict[str, Plain]:
    """The content of ``result.json``, also what ``--json`` prints."""
    nests = Nests()
    named = [[nests.name(mapping)[0] for mapping in point.mappings] for point in run.design_points]
    result = Result(
        kind=run.kind,
        title=run.title,
        totals=_totals(run.evaluation),
        einsums=_einsum_totals(run.evaluation),
        mappings=run.mappings,
        searches=run.searches,
        network_front=run.network_front,
        certificate=run.certificate,
        design_points=(),
        design_mappings=dict(nests.items()),
        inputs=tuple(
            InputRecord(role=given.role, name=given.name, origin=given.origin, file=name)
            for name, given in zip(_input_names(run.inputs), run.inputs, strict=True)
        ),
        notes=run.notes,
        why=run.why,
        provenance=run.provenance,
    )
    content = {field.name: plain(getattr(result, field.name)) for field in fields(result)}
    content["design_points"] = [_design(p, names) for p, names in zip(run.design_points, named, strict=True)]
    return content


def _design(point: DesignPoint, mappings: list[str]) -> Plain:
    """A design point with the names of its mappings."""
    return plain({f.name: mappings if f.name == "mappings" else getattr(point, f.name) for f in fields(point)})


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


def _totals(evaluation: Evaluation | None) -> Totals | None:
    if evaluation is None:
        return None
    return Totals(
        energy_pj=evaluation.energy_pj,
        latency_cycles=evaluation.latency_cycles,
        latency_s=evaluation.latency_s,
        edp=evaluation.edp,
        capacity_bits=evaluation.capacity_bits,
        area_mm2=evaluation.area_mm2,
        area_missing=evaluation.area_missing,
        utilisation=evaluation.utilisation,
        points=evaluation.total_points,
        clock_hz=evaluation.clock_hz,
        peak_per_cycle=evaluation.peak_per_cycle,
        **asdict(evaluation.efficiency),
    )


def _einsum_totals(evaluation: Evaluation | None) -> tuple[EinsumTotals, ...]:
    if evaluation is None:
        return ()
    energy = dict.fromkeys(evaluation.points, 0.0)
    for row in evaluation.action_rows:
        energy[row.einsum] += row.energy_pj
    return tuple(
        EinsumTotals(
            einsum=name,
            count=evaluation.counts[name],
            points=points * evaluation.counts[name],
            energy_pj=energy[name] * evaluation.counts[name],
            latency_cycles=evaluation.cycles_by_einsum[name] * evaluation.counts[name],
            capacity_bits=evaluation.capacity_bits_by_einsum[name],
            bottleneck=evaluation.bottlenecks.get(name, ""),
            peak_per_cycle=evaluation.peak_by_einsum[name],
        )
        for name, points in evaluation.points.items()
    )


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
    names = ["arch", "workload", "operations", *COST_KEYS, "clock_hz", "area_mm2", "utilisation"]
    names += ["power_w", "pj_per_mac", "tops_per_w", "tops_per_mm2", "peak_power_w", "pareto", "note"]
    rows = [[d.axes.get(a, "") for a in axes] + [_cell(getattr(d, n)) for n in names] for d in run.design_points]
    return _csv([*axes, *names], rows)


def _cell(value: object) -> object:
    return int(value) if isinstance(value, bool) else "" if value is None else value


def _table(kind: type, rows: Iterable[object]) -> str:
    """One line for each row; the columns are the fields."""
    columns = [field.name for field in fields(kind)]
    return _csv(columns, ([_whole(getattr(row, column)) for column in columns] for row in rows))


def _whole(value: object) -> object:
    """A whole number without a point, as it is read back."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _json(value: Plain) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()
