"""Why the best mapping costs what it does, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.report.human import exact, joules, percent
from costmodel.report.text.aligned import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.mapper.reasons import LeftOut, Paid, Why


def why_text(reasons: Sequence[Why]) -> str:
    """Each Einsum: what its cost is made of, beside what any mapping pays, and what each constraint costs."""
    return "\n\n".join(one_text(why) for why in reasons)


def one_text(why: Why) -> str:
    """The parts of energy and latency, and the constraints, of one Einsum."""
    energy, latency = why.energy_pj, why.latency_cycles
    head = f"latency {exact(latency.spent)} cycles, held by {held_by(why)}"
    parts = [
        f"{why.einsum}: why its least {why.objective} is what it is",
        f"energy {joules(energy.spent)}; any mapping takes at least {joules(energy.least)}{_of(energy)}",
        _indented(
            table(
                ["part", "spent", "share", "at least"],
                ([p.name, joules(p.spent), percent(p.spent / energy.spent), joules(p.least)] for p in why.energy),
            )
        ),
        f"{head}; any mapping takes at least {_cycles(latency.least)}{_of(latency)}",
        _indented(
            table(
                ["component", "cycles", "share", "at least"],
                ([p.name, exact(p.spent), percent(p.spent / latency.spent), _cycles(p.least)] for p in why.cycles),
            )
        ),
    ]
    if why.constraints:
        parts.append(f"constraints, each left out and {why.objective} searched again")
        rows = ([left.constraint, gain_text(left)] for left in why.constraints)
        parts.append(_indented(table(["without", "gain"], rows)))
    return "\n".join(parts)


def held_by(why: Why) -> str:
    """Name the component that decides the latency, and what holds the least latency of any mapping.

    >>> from costmodel.mapper.reasons import Paid, Why
    >>> one, other = Paid("DRAM", 20.0, 8.0), Paid("MAC", 10.0, 10.0, computes=True)
    >>> held_by(Why("Z", "edp", (), Paid("energy", 1.0, 1.0), (one, other), Paid("latency", 20.0, 10.0), ()))
    'the bandwidth of DRAM (of any mapping: MAC)'
    """
    decides, floor = why.cycles[0], max(why.cycles, key=lambda part: part.least)
    what = decides.name if decides.computes else f"the bandwidth of {decides.name}"
    return what if floor.name == decides.name else f"{what} (of any mapping: {floor.name})"


def gain_text(left: LeftOut) -> str:
    """What leaving a constraint out gains.

    >>> from costmodel.mapper.reasons import LeftOut
    >>> [gain_text(LeftOut("", *gain)) for gain in ((0.25, 0.25), (0.0, 0.0), (0.1, 0.25), (0.0, 0.3))]
    ['25 % less', 'nothing', '10 to 25 % less', 'at most 30 % less']
    """
    if left.proven:
        return f"{percent(left.most)} less" if left.most else "nothing"
    most = percent(left.most)
    return f"{percent(left.gain).removesuffix(' %')} to {most} less" if left.gain else f"at most {most} less"


def _of(part: Paid) -> str:
    return f" ({percent(part.least / part.spent)})" if part.spent else ""


def _cycles(cycles: float) -> str:
    return exact(round(cycles)) if cycles >= 1 else exact(cycles)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
