"""Advice about a run. Its inputs are read again, so that a folder, a result in Python and a new search are alike."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.advice.base import Base
from costmodel.advice.judge import advise
from costmodel.mapper.result import Status
from costmodel.report.codec import Plain, plain
from costmodel.report.result import INPUTS, MAPPING
from costmodel.spec import catalog
from costmodel.spec.load import Document, parse
from costmodel.spec.problems import Problem, SpecError
from costmodel.spec.request import Request, einsum_of, request_of_settings

if TYPE_CHECKING:
    from costmodel.advice.advice import Advice, Advised
    from costmodel.advice.trials import Report
    from costmodel.mapper.cache import Cache
    from costmodel.report.run import InputFile, Run

IMPORTED = ".onnx.yaml"
"""How the origin of a workload ends that was imported: extents that were set are in it."""


def advised(
    run: Run,
    folder: Path | None = None,
    *,
    budget_s: float | None = None,
    jobs: int | None = None,
    cache: Cache | None = None,
    report: Report | None = None,
) -> Run:
    """Return a run with advice. ``folder``: where it is kept, for commands to name what is there.

    Raises SpecError for a sweep, for a run that is not whole, and where its inputs do not give what ran.
    """
    base = base_of(run, folder)
    return replace(run, advice=advise(base, budget_s=budget_s, jobs=jobs, cache=cache, report=report))


def base_of(run: Run, folder: Path | None = None) -> Base:
    """What advice is about. Raises SpecError as ``advised``."""
    if run.evaluation is None:
        raise SpecError([Problem("advice is about runs of map and evaluate", file=str(folder or run.title))])
    given = {item.role: item for item in run.inputs}
    arch, work = (_document(given.get(role)) for role in ("arch", "workload"))
    settings = run.provenance.settings
    overrides = _settable(str(settings.get("set", "")), arch, work)
    names = [e.name for e in run.workload.einsums]
    mapped = [name for name in names if name in run.evaluation.points]
    if run.kind == "map" and mapped != names:
        missing = ", ".join(name for name in names if name not in mapped)
        raise SpecError([Problem(f"no mapping of {missing}: advice is about whole answers", file=run.title)])
    searched = run.kind == "map"
    base = Base(
        arch=arch,
        workload_document=work,
        arch_ref=_ref(given.get("arch"), run.architecture.name, folder),
        workload_ref=_ref(given.get("workload"), run.workload.name, folder),
        overrides=overrides,
        einsums=tuple(mapped),
        request=request_of_settings(settings, run.provenance.seed) if searched else Request(fuse="off"),
        architecture=run.architecture,
        workload=replace(run.workload, einsums=tuple(e for e in run.workload.einsums if e.name in mapped)),
        evaluation=run.evaluation,
        proven=not searched or (run.certificate is not None and run.certificate.status == Status.PROVEN),
        mappings=() if searched else run.mappings,
        mapping_ref="" if searched else _mapping_ref(given.get("mapping"), folder),
    )
    return _checked(base)


def advice_object(found: Advised) -> dict[str, Plain]:
    """Advice as ``--json`` prints it: as ``advice.json`` holds it, with the shares that are gained."""

    def one(advice: Advice) -> dict[str, Plain]:
        shares: dict[str, Plain] = {name: found.gain(advice, name) for name in ("energy", "latency", "edp", "area")}
        own: dict[str, Plain] = {field.name: plain(getattr(advice, field.name)) for field in fields(advice)}
        return own | {"gain": {"objective": found.gain(advice), **shares}}

    whole: dict[str, Plain] = {field.name: plain(getattr(found, field.name)) for field in fields(found)}
    return whole | {"gains": [one(a) for a in found.gains], "nothing": [one(a) for a in found.nothing]}


def _document(given: InputFile | None) -> Document | None:
    return None if given is None else parse(given.text, given.origin)


def _ref(given: InputFile | None, name: str, folder: Path | None) -> str:
    """How a command names an input: a shipped file or the user's, if it still says the same, or the copy in the run."""
    if given is None:
        return name
    ref = Path(given.name).stem if given.origin == "shipped" else given.origin
    if _says(ref, given.text) or folder is None:
        return ref if given.origin != "given" else given.name
    return str(folder / INPUTS / given.name)


def _mapping_ref(given: InputFile | None, folder: Path | None) -> str:
    if folder is not None:
        return str(folder / MAPPING)
    return MAPPING if given is None else _ref(given, "", None)


def _says(ref: str, text: str) -> bool:
    try:
        return catalog.document(ref).text == text
    except SpecError:
        return False


def _settable(joined: str, arch: Document | None, work: Document | None) -> tuple[str, ...]:
    """What was set of the files, in single texts; extents of an imported model are in its workload already."""
    found: list[str] = []
    for part in joined.split("; ") if joined else ():
        if "=" in part or not found:
            found.append(part)
        else:  # of a value that has the separator in it
            found[-1] += f"; {part}"
    if work is None or not work.marks.file.endswith(IMPORTED):
        return tuple(found)
    return tuple(one for one in found if _belongs(one, arch, work))


def _belongs(setting: str, arch: Document | None, work: Document) -> bool:
    try:
        catalog.share((setting,), arch, work)
    except SpecError:
        return False
    return True


def _checked(base: Base) -> Base:
    """Raise SpecError where the inputs do not give what ran; where all Einsums were asked for, none need be named."""
    if base.arch is None or base.workload_document is None:
        return base
    architecture, whole = catalog.load_pair(base.arch, base.workload_document, base.overrides)
    wanted = tuple(einsum_of(whole, name) for name in base.einsums)
    if architecture != base.architecture or wanted != base.workload.einsums:
        message = "its inputs do not give what ran, so changes of them could not be compared with it"
        raise SpecError([Problem(message, file=base.arch_ref, hint="map it again")])
    return replace(base, einsums=() if wanted == whole.einsums else base.einsums)
