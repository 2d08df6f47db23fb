"""What a search looked at and put aside, by reason, as a card of the page of its run."""

from __future__ import annotations

from dataclasses import dataclass

from costmodel.mapper.result import Status
from costmodel.report import human
from costmodel.report.page.tables import large
from costmodel.report.page.why import Cause
from costmodel.report.run import Run

MEANINGS = {
    "dominated": "another has the same tiles and costs no more in anything",
    "bound": "no completion can be better than what is known",
    "capacity": "its tiles do not fit",
    "the same mapping again": "it was costed before",
}
"""What the searches call their reasons; others are limits of the hardware and constraints, and say so themselves."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """How an answer was found."""

    told: str
    reasons: tuple[Cause, ...]
    """The largest first."""


def rejected(run: Run) -> Rejected | None:
    """Return what the searches of a run put aside, all together; null where it was not searched."""
    found = run.certificate
    if found is None or not found.evaluated:
        return None
    space = "" if found.mapspace is None else f", of a mapspace of {large(found.mapspace).text}"
    told = f"{human.amount(found.evaluated)} mappings or parts of mappings were costed{space}"
    told += f", in {human.seconds(found.cpu_s)} of CPU time ({found.how})."
    counts = sorted((pair for pair in found.pruned if pair[1]), key=lambda pair: -pair[1])
    total = sum(count for _, count in counts)
    if total:
        told += f" {human.amount(total)} were put aside without a cost"
        searched = all(not s.improvements for s in run.searches)
        whole = searched and found.status is Status.PROVEN
        told += ", each with all that it would have become:" if whole else ":"
    return Rejected(told, tuple(_reason(rule, count, total) for rule, count in counts))


def _reason(rule: str, count: int, total: int) -> Cause:
    return Cause(
        share=count / total,
        percent=human.percent(count / total),
        name=rule,
        text=f"{human.amount(count)}: {MEANINGS[rule]}" if rule in MEANINGS else human.amount(count),
        colour="",
        exact=f"{count:,} candidates",
    )
