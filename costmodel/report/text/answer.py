"""What `costmodel map` prints: the verdict, the totals, the loops, where the energy goes, and what would change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.report.nest_text import nest_text
from costmodel.report.text.advice import best_advice_text
from costmodel.report.text.aligned import one_line
from costmodel.report.text.bar import bar
from costmodel.report.text.network import network_text
from costmodel.report.text.totals import energy_by_component
from costmodel.report.verdict import verdict

if TYPE_CHECKING:
    from costmodel.mapper.network import NetworkResult
    from costmodel.report.run import Run


def answer_text(run: Run, result: NetworkResult) -> str:
    """Say the answer of a search in a screen; the loops where there is one nest, the others are in the run folder."""
    parts = [f"{one_line(run.title)}: {verdict(run)}", network_text(result)]
    if len(run.mappings) == 1:
        parts.append(nest_text(run.mappings[0], run.workload))
    if drawn := bar(energy_by_component(result.evaluation)):
        first, legend = drawn.split("\n")
        parts.append(f"energy  {first}\n        {legend}")
    if run.advice is not None and (told := best_advice_text(run.advice)):
        parts.append(told)
    return "\n\n".join(parts)
