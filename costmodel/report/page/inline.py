"""A run as a piece of a page, for notebooks: headline, tables and loops, without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.report import tables
from costmodel.report.cards import cards
from costmodel.report.nest_text import nest_text
from costmodel.report.page.template import template
from costmodel.report.run import Run
from costmodel.report.verdict import verdict

if TYPE_CHECKING:
    import pandas as pd

ROWS = 60
"""Rows of a table that are shown."""


def inline_html(run: Run) -> str:
    """A run as HTML that may stand among other things."""
    return template("inline.html.j2").render(
        title=run.title,
        notes=run.notes,
        verdict=verdict(run) if run.evaluation is not None else "",
        cards=cards(run),
        table=_table(_rows(run)),
        nests=[("fused" if m.einsum is None else m.einsum, nest_text(m, run.workload)) for m in run.mappings],
    )


def _rows(run: Run) -> pd.DataFrame | None:
    """The designs of a sweep, or the Einsums where there are several."""
    if run.evaluation is None:
        return tables.sweep(run)
    return tables.einsums(run) if len(run.evaluation.points) > 1 else None


def _table(rows: pd.DataFrame | None) -> str:
    if rows is None:
        return ""
    return str(rows.to_html(index=False, border=0, max_rows=ROWS, float_format="{:,.4g}".format, na_rep=""))
