"""Rows as text for a terminal, as CSV and as plain values for JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from textwrap import fill
from typing import Any

from costmodel.report.text.aligned import table
from costmodel.validate.records import CaseGroup, Judged
from costmodel.validate.view import COLUMNS, cells, notes

WIDTH = 120
"""Of notes below a table, in characters."""
FIELDS = (
    *("group", "name", "quantity", "unit", "published", "ours", "error", "uncalibrated", "error_uncalibrated"),
    *("tolerance", "status", "calibration", "refused", "source", "assumed"),
)


def group_text(group: CaseGroup, rows: Sequence[Judged]) -> str:
    """The table of a group, with what has to be said below it."""
    said = [fill(f"{kind}: {text}", WIDTH, initial_indent="  ", subsequent_indent="    ") for kind, text in notes(rows)]
    return "\n".join([f"{group.name}: {group.title}", "", table(COLUMNS, map(cells, rows)), "", *said])


def csv_text(rows: Sequence[Judged]) -> str:
    """All fields of all rows."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row_object(row) for row in rows)
    return out.getvalue()


def row_object(row: Judged) -> dict[str, Any]:
    """All fields of a row, and its errors."""
    content = asdict(row) | {"error": row.error, "error_uncalibrated": row.error_uncalibrated}
    return {name: content[name] for name in FIELDS}
