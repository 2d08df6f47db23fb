"""The designs of a sweep as one table in a file: CSV, or Parquet with a type for each column."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.report import tables
from costmodel.report.folder import check_writable, write_text
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    import pandas as pd

    from costmodel.report.run import Run

KINDS = (".csv", ".parquet")


def check_table(path: Path) -> None:
    """Find out before the work whether a table can be written there. Raises SpecError."""
    if path.suffix not in KINDS:
        raise SpecError([Problem("a table of designs ends in .csv or .parquet", file=str(path))])
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        hint = 'pip install "costmodel[parquet]", or write .csv'
        raise SpecError([Problem("Parquet needs pyarrow", file=str(path), hint=hint)])
    check_writable(path)


def write_table(path: Path, run: Run) -> Path:
    """Write the designs: a row each, numbered from 1, with the columns of ``tables.sweep``."""
    table = _typed(tables.sweep(run).assign(point=lambda t: t["point"] + 1).rename(columns={"point": "design"}))
    if path.suffix == ".csv":
        write_text(path, table.to_csv(index=False, lineterminator="\n"))
    else:
        table.to_parquet(path, index=False)
    return path


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers where a column holds nothing else, text otherwise: an axis may have both."""
    found = table.infer_objects()
    for name in found.columns:
        if found[name].dtype == object:
            known = found[name].dropna()
            numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
            found[name] = found[name].astype("float64" if numeric else "string")
    return found
