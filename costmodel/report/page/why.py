"""Why a run takes what it takes, as cards of its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from costmodel.model.explain.asked import Questioned
from costmodel.report import human, reasons
from costmodel.report.reasons import USEFUL, PeakShare, Reason

COLOURS = {"useful": "#3e6a94", "idle": "#e69f00", "uneven": "#f0d590", "passes": "#8d6fb0", "waits": "#d1495b"}
WAITED = ("#d1495b", "#b5364a", "#e58794", "#8f2738")
"""Of what is waited for, one after the other."""
NAMES = {"idle": "idle", "uneven": "uneven work", "passes": "fill and drain", "waits": "waiting"}
SHOWN = 8
"""Causes that are told of one kind."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One line of a card: a share, its name, and the reason."""

    share: float
    percent: str
    name: str
    text: str
    colour: str
    exact: str
    einsum: str = ""
    """Where it costs the most, if there are several."""
    others: int = 0
    """How many more Einsums have it."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """Causes of the time, which sum to all of it, and of the energy, which do not."""

    time: tuple[Cause, ...]
    energy: tuple[Cause, ...]


def why(asked: Questioned, einsums: Sequence[str], groups: Mapping[tuple[str, str], str]) -> Reasons:
    """Why some Einsums take what they take; ``groups``: (Einsum, tensor) → its kind."""
    several = len(einsums) > 1
    peak = reasons.where_the_peak_goes(asked, einsums)
    back = reasons.what_comes_back(asked, einsums, groups)
    colours = iter(WAITED * len(peak))
    return Reasons(
        time=tuple(_of_time(share, next(colours) if share.kind == "waits" else "", several=several) for share in peak),
        energy=tuple(_of_energy(reason, several=several) for reason in back[:SHOWN]),
    )


def _of_time(share: PeakShare, colour: str, *, several: bool) -> Cause:
    if share.kind == USEFUL:
        name, text = "useful", "every instance computes"
    elif share.kind == "waits":
        name, text = f"waits for {share.where}", share.text
    else:
        name, text = f"{share.where} {NAMES[share.kind]}", share.text
    return Cause(
        share=share.share,
        percent=human.percent(share.share),
        name=name,
        text="" if text == name else text,
        colour=colour or COLOURS[share.kind],
        exact=f"{human.exact(share.cycles)} cycles",
        einsum=share.einsum if several else "",
        others=share.einsums - 1,
    )


def _of_energy(reason: Reason, *, several: bool) -> Cause:
    r = reason.returning
    return Cause(
        share=reason.share,
        percent=human.percent(reason.share),
        name=f"{r.parent} → {r.child}" if not r.leaving else f"{r.child} ⇄ {r.parent}",
        text=str(r),
        colour="",
        exact=f"{human.exact(reason.extra_pj)} pJ beyond crossing once",
        einsum=r.einsum if several else "",
        others=reason.einsums - 1,
    )
