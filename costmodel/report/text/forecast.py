"""What a sweep will take, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.report.human import seconds

if TYPE_CHECKING:
    from costmodel.sweep.forecast import Forecast


def forecast_text(found: Forecast, jobs: int) -> str:
    """Points, distinct searches, and an estimate of the time, one to a line."""
    lines = [f"points: {found.points:,}" + (f", {found.known:,} of them known" if found.known else "")]
    if found.broken:
        lines.append(f"set aside without a search: {found.broken:,}")
    if found.searches is None:
        return "\n".join([*lines, "searches: not known before (points are chosen, or mapped as a whole)"])
    lines.append(f"distinct searches: {found.searches:,}, {found.answered:,} of them answered by earlier runs")
    if found.cpu_s is None:
        return "\n".join([*lines, "nothing is left to search"])
    about = "at least" if found.longer else "at most"
    time = f"{seconds(found.cpu_s)} of one core, {seconds(found.cpu_s / jobs)} with {jobs} workers"
    made = f"{found.sampled:,} search{'' if found.sampled == 1 else 'es'}"
    why = "some were given up" if found.longer else "an answer may settle others"
    return "\n".join([*lines, f"time: {about} {time} (from {made}; {why})"])
