"""Two runs side by side, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.report.human import NOT_MODELLED, digits, joule_seconds, joules, memory, percent, seconds
from costmodel.report.text.aligned import one_line, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from costmodel.report.comparison import Comparison, Row, Unit


def compare_all_text(pairs: Sequence[Comparison], names: Sequence[str]) -> str:
    """Every run against the first, one pair below the other."""
    texts = [compare_text(pair, (names[0], name)) for pair, name in zip(pairs, names[1:], strict=True)]
    if len(texts) == 1:
        return texts[0]
    heads = [f"{names[0]} and {name}" for name in names[1:]]
    return "\n\n\n".join(f"== {one_line(head)}\n{text}" for head, text in zip(heads, texts, strict=True))


def compare_text(comparison: Comparison, names: tuple[str, str]) -> str:
    """What differs, then one table of what both computed, with the change from the first to the second."""
    parts = [f"differs: {one_line(difference)}" for difference in comparison.differences]
    text = ["\n".join(parts)] if parts else []
    if not comparison.shared:
        return "\n\n".join([*text, "nothing to compare: no Einsum is the same in both"])
    if not comparison.whole:
        text.append(f"of what both computed: {', '.join(comparison.shared)}")
    rows = ([r.name, quantity(r.first, r.unit), quantity(r.second, r.unit), change_text(r)] for r in comparison.rows)
    return "\n\n".join([*text, table(["", *names, "change"], rows)])


def quantity(value: float | None, unit: Unit) -> str:
    """A number of a comparison, with its unit."""
    if value is None:
        return NOT_MODELLED if unit == "mm2" else ""
    texts: dict[str, Callable[[float], str]] = {
        "pJ": joules,
        "s": seconds,
        "J·s": joule_seconds,
        "b": memory,
        "share": percent,
    }
    shown = texts.get(unit)
    return shown(value) if shown else f"{digits(value)} {unit}"


def change_text(row: Row) -> str:
    """``+12.3 %``; empty where one of the numbers is missing or the first is nothing."""
    return "" if row.change is None else f"{100 * row.change:+.3g} %" if row.change else "0 %"
