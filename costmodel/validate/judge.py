"""Cases → rows: ours is made, compared, and held to its tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from costmodel.spec.problems import SpecError
from costmodel.validate.records import Case, CaseGroup, CaseSummary, Judged


def judged(group: CaseGroup, cases: Sequence[Case]) -> Iterator[Judged]:
    """Judge cases of a group one by one, then the summaries all of whose rows are among them.

    Raises SpecError, that names the row, where what makes ours does not fit (any more).
    """
    rows = []
    for case in cases:
        try:
            rows.append(_row(group, case))
        except SpecError as error:
            where = f"{group.name}/{case.name}, {case.quantity}"
            raise SpecError([replace(p, message=f"{where}: {p.message}") for p in error.problems]) from None
        yield rows[-1]
    names = {(case.name, case.quantity) for case in cases}
    for summary in group.summaries:
        compared = [row for row in rows if _is_of(summary, row) and row.error is not None]
        if compared and all((c.name, c.quantity) in names for c in group.cases() if _is_of(summary, c)):
            yield _summary(group, summary, compared)


def _row(group: CaseGroup, case: Case) -> Judged:
    refused = "; ".join(filter(None, (roof.beaten() for roof in case.roofs)))
    plain = None if refused else float(case.ours())
    ours = plain if refused or case.calibrated is None else float(case.calibrated())
    held = plain if case.bounds else ours
    holds = held is not None and case.tolerance.holds(held, case.published)
    return Judged(
        group=group.name,
        name=case.name,
        quantity=case.quantity,
        unit=case.unit,
        published=case.published,
        ours=ours,
        uncalibrated=None if case.calibrated is None else plain,
        tolerance=f"{case.tolerance}{' (uncalibrated)' if case.bounds else ''}",
        status="refused" if refused else "within" if holds else "outside",
        calibration="" if case.calibration is None else str(case.calibration),
        refused=refused,
        source=case.source,
        assumed=case.assumed,
    )


def _is_of(summary: CaseSummary, one: Case | Judged) -> bool:
    return one.quantity == summary.quantity and (not summary.names or one.name in summary.names)


def _summary(group: CaseGroup, summary: CaseSummary, rows: Sequence[Judged]) -> Judged:
    with_it = [row.error for row in rows if row.error is not None]
    without = [row.error_uncalibrated for row in rows if row.error_uncalibrated is not None]
    share = summary.of(with_it)
    return Judged(
        group=group.name,
        name=summary.name,
        quantity=f"{summary.quantity}, {len(with_it)} rows",
        unit="%",
        published=None,
        ours=100 * share,
        uncalibrated=100 * summary.of(without) if without else None,
        tolerance=f"≤ {100 * summary.at_most:g} %",
        status="within" if share <= summary.at_most else "outside",
        source=summary.source,
    )
