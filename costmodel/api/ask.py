"""The questions: evaluate, map, sweep, explain; and the page that shows their answers."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.api.inputs import (
    Arch,
    Asked,
    Mapped,
    Settings,
    Work,
    asked_about,
    call_text,
    evaluated,
    texts_of,
)
from costmodel.api.results import CostResult, MapResult, RunResult, SpaceResult
from costmodel.api.text import Text
from costmodel.mapper.cache import Cache, usual_folder
from costmodel.mapper.network import NetworkResult, map_workload
from costmodel.mapper.tasks import LostError
from costmodel.mapper.why import reasons
from costmodel.model.explain import answer
from costmodel.model.explain.subjects import subjects
from costmodel.report.assemble import check_asked, run_of_evaluation, run_of_network
from costmodel.report.assemble_sweep import run_of_sweep, sweep_folder
from costmodel.report.folder import check_writable
from costmodel.report.page.run import write_report
from costmodel.report.read import read_evaluated, read_run
from costmodel.report.run import Run
from costmodel.report.tables import evaluation_of
from costmodel.report.write import write_run
from costmodel.spec import catalog
from costmodel.spec.problems import Marks
from costmodel.spec.request import request_of
from costmodel.sweep.designs import Shard
from costmodel.sweep.execute import fingerprint, run_sweep
from costmodel.sweep.journal import JOURNAL, Journal

if TYPE_CHECKING:
    from typing import Unpack


def evaluate(
    arch: Arch, workload: Work, *, mapping: Mapped, einsums: str | Iterable[str] = (), set: Settings | None = None
) -> CostResult:
    """Cost a workload on an architecture with given mappings.

    ``mapping`` is a name, a path, the content of a mapping file, or mappings such as ``MapResult.mappings``. Einsums
    that none of them computes are not counted: a warning and ``notes`` name them. Raises SpecError.
    """
    settings = texts_of(set)
    question = asked_about(arch, workload, settings, einsums)
    answer = evaluated(question, mapping)
    run = run_of_evaluation(question, answer, call_text("evaluate", arch, workload, einsums=einsums, set=settings))
    _warn(run.notes)
    return CostResult(run)


def map(
    arch: Arch,
    workload: Work,
    *,
    einsums: str | Iterable[str] = (),
    set: Settings | None = None,
    why: bool = False,
    **asked: Unpack[Asked],
) -> MapResult:
    """Find the best mappings of a workload on an architecture.

    Options are those of `costmodel map`: ``objective="energy,latency"``, ``method``, ``budget="60 s"``,
    ``constraints`` … Interrupted, it returns what is done, with a warning. With ``why`` it also searches again without
    each constraint, and ``MapResult.why`` tells what holds each best cost.

    Raises:
        SpecError: the input is wrong; all that is wrong with it.
        InfeasibleError: nothing fits; which limits are in the way, and the nearest miss.
    """
    settings = texts_of(set)
    request = request_of(**asked)
    question = asked_about(arch, workload, settings, einsums)
    check_asked(question, request, Marks())
    result = map_workload(question.workload, question.architecture, request)
    _check_found(result)
    command = call_text("map", arch, workload, einsums=einsums, set=settings, why=why, **asked)
    told = reasons(result.layers, question.workload.einsums, question.architecture, result.request) if why else ()
    run = run_of_network(question, result, command, tuple(told))
    if result.interrupted or result.failures or result.unfinished:
        _warn(run.notes)
    return MapResult(run)


def _check_found(result: NetworkResult) -> None:
    infeasible = [failure.infeasible for failure in result.failures if failure.infeasible is not None]
    if infeasible:
        for other in infeasible[1:]:
            infeasible[0].add_note(str(other))
        raise infeasible[0]
    if not result.layers and result.interrupted:
        raise KeyboardInterrupt
    if not result.layers:
        raise LostError("; ".join(failure.reason for failure in result.failures) or "nothing to map")


def sweep(
    study: catalog.Ref,
    *,
    set: Settings | None = None,
    jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    force: bool = False,
    cache: bool = False,
    shard: str | None = None,
    front_only: bool = False,
) -> SpaceResult:
    """Explore the design space of a study: every point is an architecture with its best mappings.

    Only with ``out`` is anything written: a run folder, with each point as it is finished, so that the same call goes
    on with what is left; ``force`` begins anew. With ``cache`` searches are answered from what `costmodel` keeps of
    earlier ones, and kept there. ``shard="2/8"`` is one of eight parts of the grid; with ``front_only`` designs that
    provably cannot enter the front are set aside. A design that nothing fits is a point with a note. Raises SpecError.
    """
    started = time.monotonic()
    settings = texts_of(set)
    loaded = catalog.load_study(study, settings)
    command = call_text("sweep", study, set=settings)
    part = None if shard is None else Shard.of_text(shard)
    kept = Cache(usual_folder(), warnings.warn) if cache else None
    run_it = partial(run_sweep, jobs=jobs, cache=kept, part=part, front_only=front_only)
    if out is None:
        result = run_it(loaded)
        run = run_of_sweep(loaded, result, settings, command, started)
    else:
        folder = sweep_folder(loaded, "", Path(out), Path(out).parent, force=force)
        with Journal(folder / JOURNAL, fingerprint(loaded), anew=force) as journal:
            result = run_it(loaded, journal)
            run = run_of_sweep(loaded, result, settings, command, started)
            write_run(folder, run, renew=True)
    notes = {outcome.design: outcome.note for outcome in result.outcomes}
    _warn((*run.notes, *(f"{design}: {notes[design]}" for design in result.lost)))
    return SpaceResult(run)


def explain(
    of: CostResult | Arch,
    workload: Work | None = None,
    *,
    mapping: Mapped | None = None,
    subject: str | None = None,
    einsum: str | None = None,
    set: Settings | None = None,
) -> Text:
    """How one number comes about: its loops, tile and refetches, its price and where that comes from.

    ``of`` is a result or the folder of a run, or an architecture, with a workload and a mapping. ``subject`` is a
    number such as ``GLB.fill.A``, ``DRAM.read``, ``GLB.energy``, ``energy`` or ``latency``; without it, all are
    listed. Raises SpecError where there is no such number.
    """
    run = _asked_run(of, workload, mapping, set)
    evaluation = evaluation_of(run)
    if subject is None:
        return Text("\n".join(subjects(run.architecture, evaluation)))
    found = answer.explain(run.workload, run.architecture, run.mappings, evaluation, subject, einsum)
    return Text(found)


def _asked_run(of: CostResult | Arch, workload: Work | None, mapping: Mapped | None, set_: Settings | None) -> Run:
    """The run of a result or a folder, or of an evaluation."""
    if workload is not None and mapping is not None and not isinstance(of, CostResult):
        return evaluate(of, workload, mapping=mapping, set=set_).run
    if workload is not None or mapping is not None or set_ is not None:
        raise TypeError("give a result or a run folder alone, or an architecture, a workload and mapping=")
    if isinstance(of, CostResult):
        return of.run
    if isinstance(of, str | Path):
        return read_evaluated(Path(of))
    raise TypeError(f"give a result of evaluate or map, or a run folder; a {type(of).__name__} needs more")


def report(result: RunResult | str | os.PathLike[str], path: str | os.PathLike[str] = "report.html") -> Path:
    """Write the self-contained HTML page of a result and return its path.

    The folder of a run may stand in the place of a result. Raises SpecError where it cannot be read or the page cannot
    be written.
    """
    check_writable(Path(path))
    return write_report(Path(path), result.run if isinstance(result, RunResult) else read_run(Path(result)))


def _warn(notes: Iterable[str]) -> None:
    for note in notes:
        warnings.warn(note, stacklevel=3)
