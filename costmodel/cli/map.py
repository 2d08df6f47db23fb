"""`costmodel map`: the search for the best mappings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from costmodel.cli.keep import command_line, keep_run
from costmodel.cli.options import (
    einsum_option,
    jobs_option,
    json_option,
    memory_option,
    out_option,
    quiet_option,
    report_option,
    set_option,
    time_option,
)
from costmodel.cli.output import FINE, INFEASIBLE, INTERRUPTED, PARTIAL, Progress, put, put_json, say

METHODS = ("exact", "tpe", "nsga2", "random", "cmaes", "gp", "qmc")
BOUND_S = 10.0
"""CPU time per Einsum for the optimum that a sampler's answer is held against."""


@click.command("map")
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
def command(
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
    from costmodel.report.assemble import question_of, run_of_network
    from costmodel.report.run import write_text
    from costmodel.report.study_text import study_text
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
    question = question_of(arch, workload, overrides, einsums)
    if save_study is not None:
        write_text(save_study, study_text(question, options, save_study))
        say(f"study: {save_study}")
    with Progress(quiet=quiet) as progress:
        result = map_workload(question.workload, question.architecture, options, jobs=jobs, report=progress)
    for failure in result.failures:
        say(failure.reason)
    if result.unfinished:
        say(f"not searched: {', '.join(result.unfinished)}")
    run = run_of_network(question, result, command_line())
    if as_json:
        from costmodel.report.run import result_object

        put_json("map", result_object(run))
    elif result.layers:
        from costmodel.report.text import network_text

        put(network_text(result))
    if result.layers:
        keep_run(run, out, report, folder=not no_run)
    if result.interrupted:
        say("interrupted: what was done is kept")
        return INTERRUPTED
    if any(failure.infeasible for failure in result.failures):
        return INFEASIBLE
    return PARTIAL if result.failures or result.unfinished else FINE
