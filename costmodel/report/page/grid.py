"""Tidy tables → tables of a page, by what their columns hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from costmodel.report import human

ROW_LIMIT = 2000
"""Rows of one table on the page; the CSV of the run holds all."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: what is read, what is sorted by, and the exact value on hover."""

    text: str
    key: float | str
    exact: str = ""
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page."""

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0


def table_of(name: str, title: str, caption: str, frame: pd.DataFrame) -> Table:
    rows = tuple(
        tuple(number(column, value) for column, value in zip(frame.columns, row, strict=True))
        for row in frame.head(ROW_LIMIT).itertuples(index=False)
    )
    columns = tuple(_HEADINGS.get(str(c), str(c)) for c in frame.columns)
    return Table(name, title, caption, columns, rows, max(len(frame) - ROW_LIMIT, 0))


_HEADINGS = {
    "energy_pj": "energy",
    "pj_per_point": "pJ per point",
    "latency_cycles": "cycles",
    "latency_s": "latency",
    "edp": "EDP (pJ·cycles)",
    "edp_j_s": "EDP",
    "area_mm2": "area",
    "power_w": "power",
    "peak_power_w": "peak power",
    "pj_per_mac": "pJ per MAC",
    "times": "× least known",
    "tops_per_w": "TOPS/W",
    "tops_per_mm2": "TOPS/mm²",
    "bits": "size",
    "capacity_bits": "room used",
}


_UNITS = {
    "energy_pj": " pJ",
    "bits": " bits",
    "capacity_bits": " bits",
    "edp": " pJ·cycles",
    "edp_j_s": " J·s",
    "latency_s": " s",
    "power_w": " W",
    "peak_power_w": " W",
}


def number(column: str, value: object) -> Cell:
    """A cell, by what its column holds."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return Cell(human.NOT_MODELLED if column == "area_mm2" else "–", float("-inf"), numeric=True)
    if isinstance(value, (bool, np.bool_)):
        return Cell("yes" if value else "", float(bool(value)))
    if isinstance(value, str):
        return Cell(value, value)
    number = value.item() if hasattr(value, "item") else value
    assert isinstance(number, (int, float))  # noqa: S101  (tables hold text, truth and numbers)
    shown: dict[str, Callable[[float], str]] = {
        "energy_pj": human.joules,
        "latency_s": human.seconds,
        "bits": human.memory,
        "capacity_bits": human.memory,
        "share": human.percent,
        "utilisation": human.percent,
        "edp": lambda v: f"{v:.4g}",
        "edp_j_s": human.joule_seconds,
        "area_mm2": lambda v: f"{human.digits(v)} mm²",
        "pj_per_point": human.digits,
        "times": lambda v: human.digits(v, 4),
        "pj_per_mac": human.digits,
        "power_w": lambda v: human.prefixed(v, "W"),
        "peak_power_w": lambda v: human.prefixed(v, "W"),
        "tops_per_w": human.digits,
        "tops_per_mm2": human.digits,
    }
    show = shown.get(column, human.amount)
    unit = _UNITS.get(column, "")
    return Cell(show(number), float(number), f"{human.exact(number)}{unit}", numeric=True)
