"""Rows as words: what text, Markdown and the page have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from costmodel.report import human
from costmodel.validate.records import Judged

COLUMNS = ("row", "quantity", "published", "ours", "error", "without calibration", "tolerance", "")


def cells(row: Judged) -> tuple[str, ...]:
    """The cells of a row, by ``COLUMNS``."""
    return (
        row.name,
        row.quantity,
        "" if row.published is None else quantity(row.published, row.unit),
        "refused" if row.ours is None else quantity(row.ours, row.unit),
        signed(row.error),
        _uncalibrated(row),
        row.tolerance,
        "" if row.status == "within" else row.status.upper(),
    )


def _uncalibrated(row: Judged) -> str:
    if row.uncalibrated is None:
        return ""
    return quantity(row.uncalibrated, row.unit) if row.published is None else signed(row.error_uncalibrated)


def quantity(value: float, unit: str) -> str:
    """A number with its unit: counts with all digits, all else with four.

    >>> quantity(1234567.0, "B"), quantity(2402.8, "MB"), quantity(0.0123456, "s"), quantity(98.7654, "%")
    ('1,234,567 B', '2,403 MB', '0.01235 s', '98.77 %')
    """
    whole = (value == int(value) and abs(value) < 1e15) or abs(value) >= 1000
    return f"{value:,.0f} {unit}".rstrip() if whole else f"{human.digits(value, 4)} {unit}".rstrip()


def signed(share: float | None) -> str:
    """An error in per cent, with its sign.

    >>> signed(0.01234), signed(-0.5), signed(-6.6e-6), signed(1e-12), signed(0.0), signed(None)
    ('+1.2 %', '-50.0 %', '-0.00066 %', '≈ 0', '0', '')
    """
    if share is None:
        return ""
    if abs(share) < 1e-6:
        return "≈ 0" if share else "0"
    if abs(share) >= 0.001:
        return f"{100 * share:+.1f} %"
    return f"{'-' if share < 0 else '+'}{human.digits(100 * abs(share), 2)} %"


def verdict(rows: Sequence[Judged]) -> str:
    """How many rows there are, and how many of them are not within their tolerance."""
    outside, refused = (sum(row.status == status for row in rows) for status in ("outside", "refused"))
    said = f"{outside:,} outside of tolerance" if outside else "all within tolerance"
    return f"{len(rows):,} row{'s' if len(rows) != 1 else ''}, {said}" + (f", {refused:,} refused" if refused else "")


def notes(rows: Sequence[Judged]) -> Iterator[tuple[str, str]]:
    """What has to be said beside a table: kinds of notes (``source``, ``assumed`` …) and their texts.

    A text that is not for all rows begins with the names of those that it is for.
    """
    kinds = {
        "source": [row.source for row in rows],
        "assumed": [row.assumed for row in rows],
        "calibration": [row.calibration for row in rows],
        "refused": [row.refused and f"{row.quantity}: {row.refused}" for row in rows],
    }
    everybody = {row.name for row in rows if row.published is not None}
    for kind, texts in kinds.items():
        for text in dict.fromkeys(filter(None, texts)):
            named = dict.fromkeys(row.name for row, said in zip(rows, texts, strict=True) if said == text)
            yield kind, text if everybody <= set(named) else f"{_some(list(named))}: {text}"


def _some(names: list[str]) -> str:
    """Names of rows, or the first and last of many."""
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} … {names[-1]} ({len(names)} rows)"
