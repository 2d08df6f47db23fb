"""The tables of a run as files that its page holds."""

from __future__ import annotations

import base64

from costmodel.report.run import Run
from costmodel.report.write import csv_files

LIMIT = 300_000
"""Characters of a table that a page holds; a larger one is in the folder of the run."""


def csv_links(run: Run) -> list[tuple[str, str]]:
    """Name and address of every table of a run; the address is empty where the table is too large."""
    return [(name, _address(text) if len(text) <= LIMIT else "") for name, text in csv_files(run).items()]


def _address(text: str) -> str:
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"
