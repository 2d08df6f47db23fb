"""The tables of a run as files that its page holds."""

from __future__ import annotations

from costmodel.report.run import Run
from costmodel.report.write import csv_files

LIMIT = 2_000_000
"""Characters of a table that a page holds; a larger one is in the folder of the run."""


def held_tables(run: Run) -> dict[str, str]:
    """Name → text of every table of a run; empty where it is too large."""
    return {name: text if len(text) <= LIMIT else "" for name, text in csv_files(run).items()}
