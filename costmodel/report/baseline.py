"""The run that another one is held against."""

from __future__ import annotations

from pathlib import Path

from costmodel.report.comparison import compare
from costmodel.report.read import read_run
from costmodel.report.run import Run
from costmodel.spec.problems import Problem, SpecError


def read_baseline(folder: Path, run: Run) -> Run:
    """Read a run that computes what another one does. Raises SpecError for one that does not."""
    baseline = read_run(folder)
    if run.evaluation is None or baseline.evaluation is None:
        whose = run.title if run.evaluation is None else baseline.title
        problem = Problem(f"{whose} is a sweep, which has no totals to compare", file=str(folder))
        raise SpecError([problem])
    if not compare(baseline, run).whole:
        hint = "`costmodel compare RUN RUN` compares what two have in common"
        raise SpecError([Problem(f"is no baseline: {run.title} computes something else", file=str(folder), hint=hint)])
    return baseline
