"""The command line: the only module that prints. Data goes to stdout, talk to stderr.

Exit codes: 0 fine, 1 the input is wrong, 2 usage or internal error, 3 nothing feasible, 4 finished in part,
130 interrupted with what is done saved.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

from costmodel import __version__
from costmodel.spec.problems import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from costmodel.einsum.algebra import Workload
    from costmodel.mapper.curve import BufferCurve
    from costmodel.mapper.network import Event, NetworkResult, SearchOptions
    from costmodel.model.evaluation import Evaluation
    from costmodel.report.run import InputFile, Kind, Run
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Mapping
    from costmodel.spec.mapping_file import NestMarks
    from costmodel.spec.overrides import Kind as SpecKind
    from costmodel.spec.study import Study
    from costmodel.sweep.execute import SweepResult

FINE, WRONG_INPUT, FAULT, INFEASIBLE, PARTIAL, INTERRUPTED = 0, 1, 2, 3, 4, 130
JSON_VERSION = 1
BOUND_S = 10.0
"""CPU time per Einsum for the optimum that a sampler's answer is held against."""
RUNS = Path("runs")
SILENCE_S = 10.0
"""Longest silence of a search that has something to report, where there is no live display."""


# The frame: every way out has an exit code, and no way out shows a traceback


class App(click.Group):
    """A group that turns every exception into a line on stderr and an exit code."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        """Run a command and exit."""
        del prog_name
        extra["standalone_mode"] = False
        given = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in given
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal without µ or × gets a question mark
        try:
            result = super().main([a for a in given if a != "--debug"], "costmodel", **extra)
            code = result if isinstance(result, int) else FINE
            sys.stdout.flush()
        except BrokenPipeError:
            code = _pipe_closed()
        except BaseException as error:
            if debug and not isinstance(error, (SystemExit, click.ClickException)):
                raise
            code = _report_error(error)
        sys.exit(code)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command, or suggest one."""
        command = super().get_command(ctx, cmd_name)
        if command is None and not cmd_name.startswith("-"):
            ctx.fail(f"no such command: {cmd_name!r} ({did_you_mean(cmd_name, self.list_commands(ctx))})")
        return command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List commands in the order of work."""
        del ctx
        return list(self.commands)


def _pipe_closed() -> int:
    """Whoever read us has had enough: that is no error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return FINE


def _report_error(error: BaseException) -> int:
    from costmodel.mapper.result import InfeasibleError

    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAULT
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.ClickException):
        error.show(file=sys.stderr)
        return FAULT
    if isinstance(error, SpecError):
        for problem in error.problems:
            say(str(problem))
        return WRONG_INPUT
    if isinstance(error, InfeasibleError):
        say(str(error))
        return INFEASIBLE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        say("interrupted")
        return INTERRUPTED
    if isinstance(error, OSError) and error.filename is not None:
        say(f"{error.filename}: {error.strerror}")
        return WRONG_INPUT
    text = str(error).split("\n", 1)[0]
    say(f"internal error: {type(error).__name__}{': ' if text else ''}{text} (add --debug for the traceback)")
    return FAULT


def say(text: str) -> None:
    """Talk: a line on stderr."""
    click.echo(text, err=True)


def put(text: str) -> None:
    """Data: text on stdout."""
    click.echo(text)


def put_json(command: str, content: dict[str, Any]) -> None:
    """Data: one versioned object on stdout."""
    head = {"format": f"costmodel {command}", "version": JSON_VERSION, "costmodel": __version__}
    put(json.dumps(head | {k: v for k, v in content.items() if k not in head}, indent=2, ensure_ascii=False))


# Options that commands share

set_option = click.option(
    "overrides",
    "--set",
    metavar="PATH=VALUE",
    multiple=True,
    help="Override one value, e.g. GLB.size=64KiB. Repeatable.",
)
json_option = click.option("as_json", "--json", is_flag=True, help="Print one JSON object instead of text.")
out_option = click.option(
    "out",
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to put the run folder.",
)
report_option = click.option(
    "report",
    "--report",
    metavar="FILE.html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write an HTML report.",
)
mapping_option = click.option(
    "mapping_ref", "--mapping", metavar="FILE", help="Mapping file (or the name of a shipped one)."
)
einsum_option = click.option("einsums", "--einsum", metavar="NAME", multiple=True, help="Only this Einsum. Repeatable.")
quiet_option = click.option("quiet", "-q", "--quiet", is_flag=True, help="No progress on stderr.")


def _quantity(dimension_name: str, to: str) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """Read an option's number with its unit."""

    def read(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        from costmodel.spec import units

        dimension = getattr(units, dimension_name)
        try:
            quantity = units.parse(value, dimension)
            number = float(units.convert(quantity.value, quantity.unit, to))
        except ValueError as error:
            raise click.BadParameter(f"{error} (units: {dimension.shown})") from None
        if number <= 0:
            raise click.BadParameter(f"must be more than 0, got {value}")
        return number

    return read


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="costmodel")
def app() -> None:
    """What an Einsum costs on an accelerator, and the best way to run it.

    NAMES are files or the names of shipped files: `costmodel list`. Add --debug to see the traceback of an internal
    error.
    """


# Looking at inputs


@app.command()
@click.argument("refs", metavar="FILE|NAME...", nargs=-1, required=True)
@set_option
@json_option
def check(refs: tuple[str, ...], overrides: tuple[str, ...], *, as_json: bool) -> int:
    """Check any file: architecture, workload, mapping or study."""
    outcomes: list[dict[str, Any]] = []
    for ref in refs:
        try:
            kind, name = _checked(ref, overrides)
            outcomes.append({"file": ref, "kind": kind, "name": name, "problems": ()})
        except SpecError as error:
            outcomes.append({"file": ref, "kind": "", "name": "", "problems": error.problems})
    for outcome in outcomes:
        for problem in outcome["problems"]:
            say(str(problem))
    if as_json:
        from dataclasses import asdict

        files = [o | {"ok": not o["problems"], "problems": [asdict(p) for p in o["problems"]]} for o in outcomes]
        put_json("check", {"files": files})
        return WRONG_INPUT if any(o["problems"] for o in outcomes) else FINE
    for outcome in outcomes:
        if outcome["problems"]:
            say(f"{outcome['file']}: {_plural(len(outcome['problems']), 'problem')}")
        else:
            put(f"{outcome['file']}: fine ({outcome['kind']} {outcome['name']})")
    return WRONG_INPUT if any(o["problems"] for o in outcomes) else FINE


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _checked(ref: str, overrides: tuple[str, ...]) -> tuple[str, str]:
    """Load a file whole; its kind and what it holds. SpecError if it is wrong."""
    from costmodel.spec import catalog

    document = catalog.document(ref)
    kind = catalog.kind_of(document)
    if overrides:
        document = catalog.document(document, kind, overrides)
    if kind == "arch":
        architecture = catalog.load_architecture(document)
        return kind, f"{architecture.name}: {_plural(len(architecture.levels), 'level')}"
    if kind == "workload":
        workload = catalog.load_workload(document)
        return kind, f"{workload.name}: {_plural(len(workload.einsums), 'Einsum')}"
    if kind == "study":
        study = catalog.load_study(document)
        return kind, f"{study.name or ref}: {_plural(study.design_points, 'design point')}"
    pairs = catalog.load_mappings_with_marks(document)
    return kind, f"of {_plural(len(pairs), 'nest')}{_bound(ref, pairs)}"


def _bound(ref: str, pairs: tuple[tuple[Mapping, NestMarks], ...]) -> str:
    """Check mappings against the architecture and the workload that they name, where these can be found."""
    from costmodel.model.nest import bind
    from costmodel.spec import catalog

    problems: list[Problem] = []
    checked: dict[tuple[str, str], tuple[Architecture, Workload]] = {}
    for mapping, marks in pairs:
        if mapping.arch is None or mapping.workload is None:
            continue
        names = (mapping.arch, mapping.workload)
        try:
            if names not in checked:
                checked[names] = (
                    catalog.load_architecture(names[0], near=ref),
                    catalog.load_workload(names[1], near=ref),
                )
        except SpecError:
            say(f"{ref}: not checked against {names[0]} and {names[1]}, which are not found here")
            return ""
        try:
            bind(checked[names][1], checked[names][0], mapping, marks)
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return "".join(f", fits {workload} on {arch}" for arch, workload in checked)


@app.command()
@click.argument("ref", metavar="NAME")
@set_option
@click.option(
    "workload_ref", "--workload", metavar="NAME", help="For a mapping: the workload that gives its loops their ranges."
)
@json_option
def show(ref: str, overrides: tuple[str, ...], workload_ref: str | None, *, as_json: bool) -> int:
    """Show an architecture, a workload or a mapping."""
    from costmodel.report import text
    from costmodel.report.codec import plain
    from costmodel.spec import catalog

    document = catalog.document(ref)
    kind = catalog.kind_of(document)
    document = catalog.document(document, kind, overrides)
    content: Any
    if kind == "arch":
        architecture = catalog.load_architecture(document)
        shown, content = text.architecture_text(architecture), plain(architecture)
    elif kind == "workload":
        workload = catalog.load_workload(document)
        shown, content = text.workload_text(workload), plain(workload)
    elif kind == "mapping":
        from costmodel.report.nest_text import nest_text, sentences

        mappings = catalog.load_mappings(document)
        shapes = _workload_of(ref, mappings, workload_ref)
        titles = [" ".join(x for x in (m.workload, m.einsum, f"on {m.arch}" if m.arch else "") if x) for m in mappings]
        shown = "\n\n".join(
            f"{title}\n{nest_text(m, shapes)}" if title else nest_text(m, shapes)
            for title, m in zip(titles, mappings, strict=True)
        )
        content = [
            {"arch": m.arch, "workload": m.workload, "einsum": m.einsum, "nest": sentences(m.nest)} for m in mappings
        ]
    else:
        study = catalog.load_study(document)
        content = study.model_dump(mode="json")
        shown = "\n".join(f"{key}: {value}" for key, value in content.items() if value not in (None, "", [], {}))
    if as_json:
        put_json("show", {"kind": kind, kind: content})
    else:
        put(shown)
    return FINE


def _workload_of(ref: str, mappings: tuple[Mapping, ...], workload_ref: str | None) -> Workload | None:
    """The workload that gives loops their ranges: the one asked for, or the one the mapping names if it is found."""
    from costmodel.spec import catalog

    arches = {m.arch for m in mappings}
    arch_ref = arches.pop() if len(arches) == 1 else None
    names = {m.workload for m in mappings}
    if workload_ref is None and (len(names) != 1 or None in names):
        return None
    try:
        wanted = workload_ref if workload_ref is not None else catalog.find(str(names.pop()), "workload", near=ref)
        if arch_ref is not None:
            return catalog.load_pair(catalog.find(arch_ref, "arch", near=ref), wanted)[1]
        return catalog.load_workload(wanted)
    except SpecError:
        if workload_ref is not None:
            raise
        return None


@app.command("list")
@json_option
def list_shipped(*, as_json: bool) -> int:
    """List shipped files by kind."""
    from costmodel.spec import catalog

    shipped = catalog.shipped()
    if as_json:
        put_json("list", {"shipped": shipped})
    else:
        put(
            "\n\n".join(
                "\n".join((f"{kind}:", *(f"  {name}" for name in names))) for kind, names in shipped.items() if names
            )
        )
    return FINE


@app.command("schema")
@click.argument("kind", type=click.Choice(["arch", "workload", "mapping", "study"]))
def schema_(kind: SpecKind) -> int:
    """Print the JSON Schema of a kind of file, for editors."""
    from costmodel.spec.schema import schema

    put(json.dumps(schema(kind), indent=2, ensure_ascii=False))
    return FINE


# Costs of one mapping


@app.command()
@click.argument("arch")
@click.argument("workload")
@mapping_option
@einsum_option
@set_option
@json_option
@out_option
@report_option
def evaluate(
    arch: str,
    workload: str,
    mapping_ref: str | None,
    einsums: tuple[str, ...],
    overrides: tuple[str, ...],
    out: Path | None,
    report: Path | None,
    *,
    as_json: bool,
) -> int:
    """Cost of WORKLOAD on ARCH with the mappings of a file: totals and every table."""
    question = _question(arch, workload, overrides, einsums)
    mappings, evaluation = _evaluated(question, mapping_ref)
    run = _run(question, "evaluate", mappings, evaluation, inputs=[("mapping", str(mapping_ref))])
    if as_json:
        from costmodel.report.codec import plain
        from costmodel.report.run import result_object

        tables = {
            "traffic": plain(evaluation.traffic_rows),
            "actions": plain(evaluation.action_rows),
            "latency": plain(evaluation.latency_rows),
            "occupancy": plain(evaluation.occupancy_rows),
        }
        put_json("evaluate", result_object(run) | {"tables": tables})
    else:
        from costmodel.report.text import evaluation_text

        put(evaluation_text(evaluation))
    _keep_run(run, out, report)
    return FINE


@app.command()
@click.argument("words", metavar="RUN | ARCH WORKLOAD [SUBJECT]", nargs=-1, required=True)
@mapping_option
@click.option("einsum", "--einsum", metavar="NAME", help="The number of this Einsum only.")
@set_option
@json_option
def explain(
    words: tuple[str, ...], mapping_ref: str | None, einsum: str | None, overrides: tuple[str, ...], *, as_json: bool
) -> int:
    """How one number comes about: its loops, tile and refetches, its price and where that comes from.

    SUBJECT is a number such as GLB.fill.A, DRAM.read, GLB.energy, energy or latency; without it, all are listed.
    Numbers are those of a run folder, or of WORKLOAD on ARCH with --mapping FILE.
    """
    from costmodel.model.explain import explain as derive
    from costmodel.model.explain import subjects

    if mapping_ref is not None:
        if len(words) not in (2, 3):
            raise click.UsageError("with --mapping, give ARCH WORKLOAD and the number to explain")
        question = _question(words[0], words[1], overrides, ())
        workload, architecture = question.workload, question.architecture
        mappings, evaluation = _evaluated(question, mapping_ref)
    else:
        if len(words) > 2:
            raise click.UsageError("give a run folder and the number to explain, or add --mapping FILE")
        from costmodel.report.run import read_run

        run = read_run(Path(words[0]))
        if run.evaluation is None:
            raise SpecError(
                [Problem("holds no evaluation to explain", file=words[0], hint="explain runs of evaluate or map")]
            )
        workload, architecture, mappings, evaluation = run.workload, run.architecture, run.mappings, run.evaluation
    named = 2 if mapping_ref is not None else 1
    if len(words) == named:
        known = subjects(architecture, evaluation)
        if as_json:
            put_json("explain", {"subjects": known})
        else:
            put("\n".join(known))
        return FINE
    explanation = derive(workload, architecture, mappings, evaluation, words[named], einsum)
    if as_json:
        from dataclasses import asdict

        put_json("explain", asdict(explanation))
    else:
        put(str(explanation))
    return FINE


# Searches


METHODS = ("exact", "tpe", "nsga2", "random", "cmaes", "gp", "qmc")
time_option = click.option(
    "budget",
    "--budget",
    metavar="TIME",
    callback=_quantity("TIME", "s"),
    help="Stop searching after this long, e.g. 60s.",
)
memory_option = click.option(
    "memory",
    "--memory",
    metavar="SIZE",
    callback=_quantity("SIZE", "b"),
    help="Most memory that the search may use, e.g. 2GiB.",
)
jobs_option = click.option(
    "jobs", "--jobs", "-j", type=click.IntRange(1), help="Worker processes (default: one per core)."
)


@app.command("map")
@click.argument("arch")
@click.argument("workload")
@click.option("--method", type=click.Choice(METHODS), default="exact", show_default=True, help="How to search.")
@click.option(
    "--objective",
    default="edp",
    show_default=True,
    metavar="NAMES",
    help="energy, latency, capacity, edp, ed2p, e2dp, a product, or several for a front: energy,latency.",
)
@click.option(
    "--trials", type=click.IntRange(1), default=2000, show_default=True, help="Mappings that a sampler tries."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@time_option
@memory_option
@click.option(
    "--bound/--no-bound", default=True, help="Hold a sampler's answer against the proven optimum. [default: bound]"
)
@click.option(
    "constraints",
    "--constraint",
    metavar="TEXT",
    multiple=True,
    help="Restrict the mapspace, e.g. 'order in GLB: m, k' or weight_stationary (forms: docs/mapper.md). Repeatable.",
)
@click.option(
    "--tiles",
    type=click.Choice(["perfect", "any"]),
    default="perfect",
    show_default=True,
    help="Tiles that divide the ones above, or any: then the answer has a proof where the mapspace is small or the "
    "bound is met, and a gap elsewhere.",
)
@einsum_option
@jobs_option
@set_option
@json_option
@out_option
@click.option("--no-run", is_flag=True, help="Write no run folder.")
@report_option
@click.option(
    "--save-study",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Save this command as a study.",
)
@quiet_option
def map_(
    arch: str,
    workload: str,
    method: str,
    objective: str,
    trials: int,
    seed: int,
    budget: float | None,
    memory: float | None,
    constraints: tuple[str, ...],
    tiles: Literal["perfect", "any"],
    einsums: tuple[str, ...],
    jobs: int | None,
    overrides: tuple[str, ...],
    out: Path | None,
    report: Path | None,
    save_study: Path | None,
    *,
    bound: bool,
    as_json: bool,
    no_run: bool,
    quiet: bool,
) -> int:
    """Find the best mappings of WORKLOAD on ARCH."""
    from costmodel.mapper.network import SearchOptions, map_workload
    from costmodel.spec.objective import objective_of

    options = SearchOptions(
        method=method,
        objective=objective_of(objective),
        trials=trials,
        seed=seed,
        constraints=constraints,
        budget_s=budget,
        memory_bytes=None if memory is None else int(memory) // 8,
        bound_s=BOUND_S if bound else None,
        tiles=tiles,
    )
    question = _question(arch, workload, overrides, einsums)
    if save_study is not None:
        _save_study(save_study, question, options)
    with _progress(quiet=quiet) as progress:
        result = map_workload(question.workload, question.architecture, options, jobs=jobs, report=progress)
    for failure in result.failures:
        say(failure.reason)
    if result.unfinished:
        say(f"not searched: {', '.join(result.unfinished)}")
    run = _run_of_network(question, result)
    if as_json:
        from costmodel.report.run import result_object

        put_json("map", result_object(run))
    elif result.layers:
        from costmodel.report.text import network_text

        put(network_text(result))
    if result.layers:
        _keep_run(run, out, report, folder=not no_run)
    if result.interrupted:
        say("interrupted: what was done is kept")
        return INTERRUPTED
    if any(failure.infeasible for failure in result.failures):
        return INFEASIBLE
    return PARTIAL if result.failures or result.unfinished else FINE


@app.command()
@click.argument("arch")
@click.argument("workload")
@click.argument("level")
@einsum_option
@time_option
@set_option
@json_option
@click.option(
    "page",
    "--out",
    metavar="FILE.html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the curves on a page of their own, with the nest of each corner.",
)
def curve(
    arch: str,
    workload: str,
    level: str,
    einsums: tuple[str, ...],
    budget: float | None,
    overrides: tuple[str, ...],
    page: Path | None,
    *,
    as_json: bool,
) -> int:
    """Least traffic to LEVEL from the memory above it, as a function of the size of LEVEL.

    LEVEL is taken alone: one instance that holds every tensor, below an unbounded memory, with tiles that divide.
    Each row is the least capacity with which less has to move. With --out the curves are drawn.
    """
    from costmodel.mapper.curve import buffer_curve
    from costmodel.mapper.lattice.space import UnsupportedError
    from costmodel.report.nest_text import sentences
    from costmodel.report.text import curve_text

    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise click.BadParameter(f"{page} is not named *.html", param_hint="--out")
    question = _question(arch, workload, overrides, einsums)
    shown: list[dict[str, Any]] = []
    curves = []
    for place, einsum in enumerate(question.workload.einsums):
        try:
            found = buffer_curve(einsum, question.architecture, level, budget_s=budget)
        except UnsupportedError as error:
            raise SpecError([Problem(f"{einsum.name} has no buffer-size curve: {error}")]) from None
        curves.append(found)
        if as_json:
            points = [
                {
                    "capacity_bits": p.capacity_bits,
                    "traffic_words": p.traffic_words,
                    "traffic_bits": p.traffic_bits,
                    "nest": sentences(p.nest),
                }
                for p in found.points
            ]
            shown.append({"einsum": einsum.name, "above": found.above, "proven": found.proven, "points": points})
        else:
            size = next(m.capacity_bits for m in question.architecture.memories if m.name == level)
            put(("\n" if place else "") + curve_text(found, einsum, size))
    if as_json:
        put_json("curve", {"level": level, "curves": shown})
    if page is not None:
        _write_curves(page, curves, question, level)
    return FINE


@app.command()
@click.argument("study_ref", metavar="STUDY")
@set_option
@jobs_option
@json_option
@out_option
@report_option
@quiet_option
def sweep(
    study_ref: str,
    overrides: tuple[str, ...],
    jobs: int | None,
    out: Path | None,
    report: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    """Explore the design space of STUDY: every point is an architecture with its best mapping.

    Finished points are saved as they come; the same command again does what is left.
    """
    from costmodel.report.run import result_object, write_run
    from costmodel.report.text import sweep_text
    from costmodel.spec import catalog
    from costmodel.sweep.execute import JOURNAL, run_sweep

    started = time.monotonic()
    study = catalog.load_study(study_ref, overrides)
    folder = _sweep_folder(study, study_ref) if out is None else out
    with _progress(quiet=quiet) as progress:
        result = run_sweep(study, folder / JOURNAL, jobs=jobs, report=progress)
    if result.resumed:
        say(f"{_plural(result.resumed, 'point')} of an earlier run kept")
    for design in result.lost:
        say(f"{design}: its worker process died (out of memory?)")
    run = _run_of_sweep(study, study_ref, result, overrides, started)
    if as_json:
        put_json("sweep", result_object(run))
    elif run.design_points:
        put(sweep_text(run.design_points, room=run.uses_capacity))
    write_run(folder, run, replace=True, keep=(JOURNAL,))
    say(f"run: {folder}")
    if any(point.feasible for point in run.design_points):
        _write_report(report or folder / "report.html", run)
    if result.interrupted:
        say("interrupted: the same command goes on with what is left")
        return INTERRUPTED
    if not any(point.feasible for point in run.design_points):
        for point in run.design_points:
            say(f"{point.axes}: {point.note}")
        return INFEASIBLE
    return PARTIAL if result.lost else FINE


def _sweep_folder(study: Study, ref: str) -> Path:
    """The folder of an earlier run of the same question, or a new one."""
    from costmodel.sweep.execute import JOURNAL, holds

    name = study.name or Path(ref).stem
    number = 1
    while True:
        folder = RUNS / (name if number == 1 else f"{name}-{number}")
        if not folder.exists() or holds(folder / JOURNAL, study):
            return folder
        number += 1


def _run_of_sweep(study: Study, ref: str, result: SweepResult, overrides: tuple[str, ...], started: float) -> Run:
    from datetime import datetime

    from costmodel.report.run import DesignPoint, Provenance, Run, pareto_flags, versions
    from costmodel.spec import catalog

    objectives = study.objective if len(study.objective) > 1 else ("energy", "latency", "area")
    if all(o.area_mm2 is None for o in result.outcomes):
        objectives = tuple(name for name in objectives if name != "area")
    front: set[str] = set()
    for workload in study.workload:  # costs of different workloads do not compare
        costs = [(o.design.key, o.costs(objectives)) for o in result.outcomes if o.design.workload == workload]
        feasible = [(key, cost) for key, cost in costs if cost is not None]
        flags = pareto_flags([cost for _, cost in feasible])
        front |= {key for (key, _), flag in zip(feasible, flags, strict=True) if flag}
    points = tuple(
        DesignPoint(
            axes=dict(o.design.axes),
            energy_pj=o.energy_pj,
            latency_cycles=o.latency_cycles,
            capacity_bits=o.capacity_bits,
            clock_hz=o.clock_hz,
            area_mm2=o.area_mm2,
            utilisation=o.utilisation,
            pareto=o.design.key in front,
            mappings=o.mappings,
            note=o.note or ("" if o.certificate == "optimal: proven" else o.certificate),
            arch=o.design.arch,
            workload=o.design.workload,
        )
        for o in result.outcomes
    )
    settings: dict[str, Any] = {
        "method": study.method,
        "objective": ",".join(study.objective),
        "sampler": study.sampler,
        "points": len(points),
    }
    if overrides:
        settings["set"] = "; ".join(overrides)
    inputs = [
        _input("study", ref),
        *(_input("arch", a) for a in study.arch),
        *(_input("workload", w) for w in study.workload),
    ]
    architectures, workloads = [], []
    for kind, refs in (("arch", study.arch), ("workload", study.workload)):
        for each in refs:
            pair = catalog.load_pair(
                each if kind == "arch" else study.arch[0],
                each if kind == "workload" else study.workload[0],
                list(study.set.items()),
            )
            if kind == "arch":
                architectures.append(pair[0])
            else:
                workloads.append(pair[1])
    return Run(
        kind="sweep",
        workloads=tuple(workloads),
        architectures=tuple(architectures),
        design_points=points,
        inputs=_distinct(inputs),
        notes=("the sweep was interrupted",) if result.interrupted else (),
        provenance=Provenance(
            created=datetime.now().astimezone().isoformat(timespec="seconds"),
            command=_command(),
            seed=study.seed,
            settings=settings,
            versions=versions(),
            elapsed_s=round(time.monotonic() - started, 3),
        ),
    )


# Run folders


@app.command("report")
@click.argument("folders", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "out",
    "-o",
    "--out",
    metavar="FILE.html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Default: RUN/report.html.",
)
def report_(folders: tuple[Path, ...], out: Path | None) -> int:
    """Build one self-contained HTML page from run folders."""
    from costmodel.report.run import read_run

    runs = [read_run(folder) for folder in folders]
    _write_report(out or folders[0] / "report.html", *runs)
    return FINE


@app.command()
@click.argument("first", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("second", metavar="RUN", type=click.Path(path_type=Path))
@json_option
@report_option
def compare(first: Path, second: Path, report: Path | None, *, as_json: bool) -> int:
    """Compare two runs: totals, components, Einsums."""
    from costmodel.report.run import read_run, result_object
    from costmodel.report.text import compare_text

    runs = (read_run(first), read_run(second))
    for folder, run in zip((first, second), runs, strict=True):
        if run.evaluation is None:
            hint = "compare runs of evaluate or map; `costmodel report` shows several sweeps on one page"
            raise SpecError([Problem("holds no evaluation to compare", file=str(folder), hint=hint)])
    if as_json:
        put_json("compare", {"runs": [result_object(run) for run in runs]})
    else:
        put(compare_text(runs[0], runs[1], (first.name, second.name)))
    if report is not None:
        _write_report(report, *runs)
    return FINE


# From references to values, from values to folders


@dataclass(frozen=True)
class _Question:
    """What was asked: the values, and the references they came from."""

    arch_ref: str
    workload_ref: str
    overrides: tuple[str, ...]
    architecture: Architecture
    workload: Workload
    """With the Einsums that are asked for."""
    einsums: tuple[str, ...]
    """Names of all its Einsums."""
    started: float


def _question(arch: str, workload: str, overrides: tuple[str, ...], einsums: tuple[str, ...]) -> _Question:
    from costmodel.spec import catalog

    started = time.monotonic()
    architecture, whole = catalog.load_pair(arch, workload, overrides)
    names = tuple(e.name for e in whole.einsums)
    if einsums:
        from costmodel.model.explain import einsum_of

        whole = replace(whole, einsums=tuple(einsum_of(whole, name) for name in einsums))
    return _Question(arch, workload, overrides, architecture, whole, names, started)


def _evaluated(question: _Question, mapping_ref: str | None) -> tuple[tuple[Mapping, ...], Evaluation]:
    """Evaluate the mappings of a file; Einsums without a mapping are named on stderr."""
    from costmodel.model.evaluate import combine
    from costmodel.model.evaluate import evaluate as cost
    from costmodel.spec import catalog
    from costmodel.spec.mapping import einsums_in

    if mapping_ref is None:
        raise click.UsageError("Missing option '--mapping'.")
    wanted = [e.name for e in question.workload.einsums]
    pairs = catalog.load_mappings_with_marks(mapping_ref)
    known = {name for mapping, _ in pairs for name in einsums_in(mapping.nest)}
    # Names that the workload does not have stay in: the model says where they stand.
    left_out = set(question.einsums) - set(wanted)
    chosen = [(mapping, marks) for mapping, marks in pairs if set(einsums_in(mapping.nest)) - left_out]
    if not chosen:
        names = ", ".join(sorted(known)) or "nothing"
        problem = Problem(
            f"maps {names}, none of which is asked for", file=mapping_ref, hint=f"asked for: {', '.join(wanted)}"
        )
        raise SpecError([problem])
    evaluations: list[Evaluation] = []
    problems: list[Problem] = []
    for mapping, marks in chosen:
        try:
            evaluations.append(cost(question.workload, question.architecture, mapping, marks))
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    if left := [name for name in wanted if name not in known]:
        say(f"no mapping in {mapping_ref}, so not counted: {', '.join(left)}")
    return tuple(mapping for mapping, _ in chosen), combine(evaluations)


def _run(
    question: _Question,
    kind: Kind,
    mappings: tuple[Mapping, ...],
    evaluation: Evaluation | None,
    *,
    inputs: Sequence[tuple[str, str]] = (),
    **more: Any,
) -> Run:
    from datetime import datetime

    from costmodel.report.run import Provenance, Run, versions

    options: SearchOptions | None = more.pop("options", None)
    settings: dict[str, Any] = {} if options is None else _settings(options)
    if question.overrides:
        settings["set"] = "; ".join(question.overrides)
    provenance = Provenance(
        created=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=_command(),
        seed=None if options is None else options.seed,
        settings=settings,
        versions=versions(),
        elapsed_s=round(time.monotonic() - question.started, 3),
    )
    files = [("arch", question.arch_ref), ("workload", question.workload_ref), *inputs]
    return Run(
        kind=kind,
        workloads=(question.workload,),
        architectures=(question.architecture,),
        mappings=mappings,
        evaluation=evaluation,
        inputs=_distinct([_input(role, ref) for role, ref in files]),
        provenance=provenance,
        **more,
    )


def _run_of_network(question: _Question, result: NetworkResult) -> Run:
    from costmodel.report.run import NetworkPoint, Search

    notes = [failure.reason for failure in result.failures]
    if result.unfinished:
        notes.append(f"not searched: {', '.join(result.unfinished)}")
    if result.interrupted:
        notes.append("the search was interrupted")
    if result.front_gap:
        notes.append(
            f"the front of the totals is thinned: every point is within {100 * result.front_gap:.2g} % of one shown"
        )
    return _run(
        question,
        "map",
        result.mappings,
        result.evaluation if result.layers else None,
        options=result.options,
        searches=tuple(Search.from_result(layer.result, layer.chosen) for layer in result.layers),
        network_front=tuple(
            NetworkPoint(
                energy_pj=p.energy_pj,
                latency_cycles=p.latency_cycles,
                capacity_bits=p.capacity_bits,
                choices=p.choices,
            )
            for p in result.front
        ),
        certificate=result.certificate if result.layers else None,
        notes=tuple(notes),
    )


def _settings(options: SearchOptions) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "method": options.method,
        "objective": str(options.objective),
        "tiles": options.tiles,
    }
    if options.method != "exact":
        settings["trials"] = options.trials
    if options.budget_s is not None:
        settings["budget_s"] = options.budget_s
    if options.memory_bytes is not None:
        settings["memory_bytes"] = options.memory_bytes
    if options.constraints:
        settings["constraints"] = "; ".join(options.constraints)
    return settings


def _command() -> str:
    return shlex.join(["costmodel", *sys.argv[1:]])


def _input(role: Any, ref: str) -> InputFile:
    """A file as the user wrote it."""
    from costmodel.report.run import InputFile
    from costmodel.spec import catalog

    path = catalog.find(ref, role)
    origin = "shipped" if ref in catalog.shipped().get(role, ()) else str(path)
    return InputFile(role=role, name=path.name, origin=origin, text=path.read_text(encoding="utf-8"))


def _distinct(files: Sequence[InputFile]) -> tuple[InputFile, ...]:
    """Give every file a name of its own."""
    taken: set[str] = set()
    kept = []
    for file in dict.fromkeys(files):
        name, number = file.name, 2
        while name in taken:
            name = f"{Path(file.name).stem}-{number}{Path(file.name).suffix}"
            number += 1
        taken.add(name)
        kept.append(replace(file, name=name))
    return tuple(kept)


def _keep_run(run: Run, out: Path | None, report: Path | None, *, folder: bool | None = None) -> None:
    """Write the run folder (always if one is named) and the report, and say where they are."""
    from costmodel.report.run import new_folder, write_run

    written: Path | None = None
    if out is not None or folder:
        if out is None:
            from datetime import datetime

            out = new_folder(RUNS, [run.architecture.name, run.workload.name], datetime.now().astimezone())
        written = write_run(out, run)
        say(f"run: {written}")
        if run.mappings:
            say(f"mappings: {written / 'mapping.yaml'}")
    if report is not None:
        _write_report(report, run)
    elif written is not None:
        _write_report(written / "report.html", run)


def _write_report(path: Path, *runs: Run) -> None:
    from costmodel.report.page import write_report

    say(f"report: {write_report(path, *runs)}")


def _write_curves(path: Path, curves: Sequence[BufferCurve], question: _Question, level: str) -> None:
    from datetime import datetime

    from costmodel.report.curve_page import write_curves
    from costmodel.report.run import versions

    memory = next(m for m in question.architecture.memories if m.name == level)
    facts = [
        ("made", datetime.now().astimezone().isoformat(timespec="seconds")),
        ("command", _command()),
        ("architecture", question.arch_ref),
        ("workload", question.workload_ref),
        *((f"{name} version", number) for name, number in versions().items()),
    ]
    written = write_curves(path, curves, question.workload, memory, question.architecture.name, facts)
    say(f"report: {written}")


def _save_study(path: Path, question: _Question, options: SearchOptions) -> None:
    """Write the question as a study that asks the same."""
    from costmodel.report.run import write_text
    from costmodel.spec import catalog
    from costmodel.spec.load import parse

    study: dict[str, Any] = {
        "name": path.stem,
        "arch": _reference(question.arch_ref, path),
        "workload": _reference(question.workload_ref, path),
    }
    study["objective"] = list(options.objective.names)
    study |= {"method": options.method, "seed": options.seed}
    if options.method != "exact":
        study["trials"] = options.trials
    if options.budget_s is not None:
        study["budget"] = f"{options.budget_s:g} s"
    if options.memory_bytes is not None:
        study["memory"] = options.memory_bytes
    if options.tiles != "perfect":
        study["tiles"] = options.tiles
    if options.constraints:
        study["constraints"] = list(options.constraints)
    if question.overrides:
        study["set"] = dict(override.split("=", 1) for override in question.overrides)
    if len(question.workload.einsums) != len(question.einsums):
        study["einsums"] = [e.name for e in question.workload.einsums]
    from costmodel.spec.mapping_file import yaml_text

    lines = []
    for key, value in study.items():
        if isinstance(value, list):
            lines.append(f"{key}: [{', '.join(yaml_text(str(item)) for item in value)}]")
        elif isinstance(value, dict):
            lines += [f"{key}:", *(f"  {k}: {v}" for k, v in value.items())]
        else:
            lines.append(f"{key}: {value if isinstance(value, int) else yaml_text(str(value))}")
    content = "\n".join(lines) + "\n"
    catalog.load_study(parse(content, str(path)))
    write_text(path, content)
    say(f"study: {path}")


def _reference(ref: str, study: Path) -> str:
    """A reference that means the same beside the study."""
    from costmodel.spec import catalog

    path = catalog.find(ref)
    if any(ref in names for names in catalog.shipped().values()) or path.is_absolute():
        return ref
    return os.path.relpath(path, study.parent)


# Progress


class _Progress:
    """Progress on stderr: a live display on a terminal, plain lines elsewhere, nothing when quiet."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live: Any = None
        self._task: Any = None
        self._done = 0
        self._started = self._said = time.monotonic()

    def __enter__(self) -> Callable[[Event], None] | None:
        if self._quiet:
            return None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
            self._live = Progress(*columns, console=Console(stderr=True), transient=True)
            self._live.start()
        return self.tell

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, event: Event) -> None:
        """Show one step."""
        ended = event.state in ("done", "infeasible", "interrupted")
        self._done += ended
        text = _event_text(event).removeprefix(f"{event.einsum}: ")
        text = f"{event.einsum}: {text}"
        if self._live is None:
            now = time.monotonic()
            if ended or (event.state == "progress" and now - self._said >= SILENCE_S):
                self._said = now
                say(f"[{self._done}/{event.groups}, {now - self._started:.1f} s] {text}")
            return
        if self._task is None:
            self._task = self._live.add_task("", total=event.groups)
        self._live.update(self._task, completed=self._done, total=event.groups, description=text)


def _event_text(event: Event) -> str:
    from costmodel.mapper.result import MapperResult

    if isinstance(event.detail, MapperResult):
        return f"{event.detail.certificate}, {_plural(len(event.detail.front), 'mapping')}"
    if event.state == "infeasible":
        return "nothing fits"
    return event.state if event.detail is None else str(event.detail)


def _progress(*, quiet: bool) -> _Progress:
    return _Progress(quiet=quiet)


def main() -> NoReturn:
    """Entry point."""
    app.main()
    raise AssertionError
