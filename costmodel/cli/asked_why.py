"""`--why` of `map` and `explain`: the searches behind it, with a line for each on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.cli.output import say

if TYPE_CHECKING:
    from costmodel.mapper.network import NetworkResult
    from costmodel.mapper.reasons import Why
    from costmodel.report.assemble import Question


def searched_why(question: Question, result: NetworkResult, *, quiet: bool) -> tuple[Why, ...]:
    """Say why the answers are what they are; what Ctrl-C leaves is left out, with a word."""
    from costmodel.mapper.why import reasons

    found: list[Why] = []
    told = (lambda _: None) if quiet else say
    try:
        for one in reasons(result.layers, question.workload.einsums, question.architecture, result.request, told):
            found += [one]
    except KeyboardInterrupt:
        say("interrupted: not all reasons were found")
    return tuple(found)
