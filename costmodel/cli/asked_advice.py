"""`--advise` of `map`: what would change the answer, beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from costmodel.cli.output import ProgressDisplay, say, watched
from costmodel.spec.problems import SpecError

if TYPE_CHECKING:
    from costmodel.mapper.cache import Cache
    from costmodel.mapper.network import NetworkResult
    from costmodel.report.run import Run

CHEAP_S = 0.5
"""CPU time of a search beside which advice is found unasked: that takes some ten to thirty searches of its kind."""
UNASKED_S, ASKED_S = 10.0, 120.0
"""Time for all changes, unasked and asked."""

advise_option = click.option(
    "--advise/--no-advise",
    default=None,
    help="Find what would change the answer, as `costmodel advise` does. [default: on a terminal, where it is quick]",
)


def advise_wanted(result: NetworkResult, *, advise: bool | None, quiet: bool) -> bool:
    """Whether advice is looked for: asked, or quick while somebody watches."""
    whole = bool(result.layers) and not (result.failures or result.unfinished or result.interrupted)
    if advise is not None or not whole:
        return bool(advise) and whole
    return not quiet and watched() and result.certificate.cpu_s <= CHEAP_S


def with_advice(run: Run, cache: Cache | None, *, jobs: int | None, asked: bool, quiet: bool) -> Run:
    """Return a run with advice; without, and a word, where its inputs are no files that could be changed."""
    from costmodel.report.advising import advised

    budget_s = ASKED_S if asked else UNASKED_S
    with ProgressDisplay(quiet=quiet) as progress:
        try:
            return advised(run, budget_s=budget_s, jobs=jobs, cache=cache, report=progress)
        except SpecError as error:
            say(f"no advice: {error.problems[0].message}")
            return run
