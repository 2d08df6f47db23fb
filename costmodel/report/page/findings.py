"""What a figure shows, said in a sentence: the caption of each figure of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from costmodel.mapper.result import NetworkPoint
from costmodel.model.evaluation import WAITING
from costmodel.report import human, roofs, tables
from costmodel.report.run import FrontPoint, Run


def of_levels(run: Run) -> str:
    """Which components take the most energy."""
    sums = tables.energy(run).groupby("component")["energy_pj"].sum()
    parts = _largest({str(name): float(pj) for name, pj in sums.items()}, 2)
    return f"{_and([f'{name} takes {human.percent(share)}' for name, share in parts])} of the energy." if parts else ""


def of_parts(run: Run) -> str:
    """Which tensor at which component takes the most energy."""
    sums = tables.energy_by_level(run).set_index(["component", "group"])["energy_pj"]
    parts = _largest({" › ".join(map(str, key)): float(pj) for key, pj in sums.items()}, 1)  # type: ignore[call-overload]
    largest = f"The largest part is {parts[0][0]}: {human.percent(parts[0][1])}. " if parts else ""
    return f"{largest}Click a part to go into it, the bar on top to come back."


def of_einsums(run: Run) -> str:
    """How few of the Einsums take half of the energy, and which takes the most."""
    table = tables.einsums(run)
    parts = _largest(dict(zip(table["einsum"], table["energy_pj"].astype(float), strict=True)), len(table))
    if not parts:
        return ""
    half = sum(reached < 0.5 for reached in accumulate(share for _, share in parts)) + 1
    name, share = parts[0]
    return f"{name} costs the most: {human.percent(share)}. {half} of {len(table)} Einsums take half of the energy."


def of_time(run: Run) -> str:
    """What decides the latency."""
    shares = tables.bottleneck_shares(run)
    parts = [f"{name} decides {human.percent(share)}" for name, share in shares.items() if share]
    more = f", {len(parts) - 3} more the rest" if len(parts) > 3 else ""
    decided = f"{_and(parts[:3])} of the time{more}. " if parts else ""
    waits = f" {WAITING}: operations, with what nothing overlaps, one after another." if shares.get(WAITING) else ""
    return f"{decided}Components work at the same time; the slowest decides.{waits}"


def of_roofline(run: Run) -> str:
    """Which roofs the Einsums are near, and how many a memory binds."""
    table = roofs.intensities(run)
    bound = table[table["bottleneck"] == table["level"]]["einsum"].nunique()
    count = table["einsum"].nunique()
    if count == 1:
        told = "A memory binds it" if bound else "No memory binds it"
    else:
        told = f"A memory binds {bound} of {count} Einsums" if bound else f"No memory binds any of {count} Einsums"
    return f"{told}. Full dots stand below the roof of what binds them, rings below the others."


def of_front(points: Sequence[FrontPoint | NetworkPoint]) -> str:
    """What the frugal end of a front saves, and what that costs."""
    fast, frugal = min(points, key=lambda p: p.latency_cycles), min(points, key=lambda p: p.energy_pj)
    saved = 1 - frugal.energy_pj / fast.energy_pj if fast.energy_pj else 0.0
    slower = frugal.latency_cycles / fast.latency_cycles - 1 if fast.latency_cycles else 0.0
    than = f"{human.percent(saved)} less energy and {human.percent(slower)} more time"
    return f"The most frugal takes {than} than the fastest."


def _largest(amounts: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    """The largest amounts with their shares of the sum."""
    total = sum(amounts.values())
    ordered = sorted(amounts.items(), key=lambda item: -item[1])[:count]
    return [(name, amount / total) for name, amount in ordered if amount] if total else []


def _and(parts: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``.

    >>> _and(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
