"""What is made small: energy, latency, room used, a product of their powers, or a front of several."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from costmodel.spec.problems import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Powers = tuple[float, float, float]
"""Exponents of energy, latency and capacity."""
COSTS = ("energy", "latency", "capacity")
"""What a mapping costs: pJ, cycles, and the bits that its tiles occupy inside the outermost memory."""
NAMED: dict[str, Powers] = {
    "energy": (1.0, 0.0, 0.0),
    "latency": (0.0, 1.0, 0.0),
    "capacity": (0.0, 0.0, 1.0),
    "edp": (1.0, 1.0, 0.0),
    "ed2p": (1.0, 2.0, 0.0),
    "e2dp": (2.0, 1.0, 0.0),
}
AREA = "area"
"""Depends on the architecture alone: an objective between designs, the same for all mappings of one."""
_FACTOR = rf"(?:{'|'.join(COSTS)})(?:\^\d+(?:\.\d+)?)?"
PATTERN = rf"^\s*(?:edp|EDP|ed2p|ED2P|e2dp|E2DP|area|{_FACTOR}(?:\s*\*\s*{_FACTOR})*)\s*$"
"""One objective, for the schemas of editors."""


class Costed(Protocol):
    """What has the three costs: a mapping, an evaluation, the totals of a network, a bound."""

    @property
    def energy_pj(self) -> float: ...

    @property
    def latency_cycles(self) -> float: ...

    @property
    def capacity_bits(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Objective:
    """One monomial energy^a · latency^b · capacity^c, or several that span a front; smaller is better."""

    names: tuple[str, ...]
    """As written, in lower case and without spaces."""
    powers: tuple[Powers, ...]
    """Of each name."""

    def __str__(self) -> str:
        return ",".join(self.names)

    @property
    def front(self) -> bool:
        """Whether the answer is a front, not one optimum."""
        return len(self.names) > 1

    @property
    def uses_capacity(self) -> bool:
        return any(capacity for _, _, capacity in self.powers)

    @property
    def costs(self) -> tuple[str, ...]:
        """Those of ``COSTS`` that an objective depends on."""
        return tuple(name for place, name in enumerate(COSTS) if any(p[place] for p in self.powers))

    @property
    def each(self) -> tuple[Objective, ...]:
        """The objectives one by one."""
        return tuple(Objective((name,), (powers,)) for name, powers in zip(self.names, self.powers, strict=True))

    @property
    def product(self) -> Objective:
        """The product of all: least at one point in the middle of a front, whatever the units.

        >>> str(objective_of("energy,latency").product), str(objective_of("edp,capacity").product)
        ('edp', 'energy*latency*capacity')
        """
        energy, latency, capacity = (math.fsum(p[place] for p in self.powers) for place in range(len(COSTS)))
        powers = (energy, latency, capacity)
        named = {known: name for name, known in NAMED.items()}
        factors = (f"{name}^{p:g}".removesuffix("^1") for name, p in zip(COSTS, powers, strict=True) if p)
        return Objective((named.get(powers, "*".join(factors)),), (powers,))

    def values(self, energy: Floats, latency: Floats, capacity: Floats | float) -> Floats:
        """Return one row per objective. A cost that no objective depends on may be anything."""
        import numpy as np

        return np.stack([np.asarray(_monomial(p, energy, latency, capacity), dtype=np.float64) for p in self.powers])

    def first(self, energy: Floats, latency: Floats, capacity: Floats | float) -> Floats:
        """Return the values of the first objective, which gaps are about."""
        value: Floats = _monomial(self.powers[0], energy, latency, capacity)
        return value

    def of(self, point: Costed) -> tuple[float, ...]:
        """Return the value of each objective for one point, in powers of pJ, cycles and bits."""
        return self.of_one(point.energy_pj, point.latency_cycles, point.capacity_bits)

    def of_one(self, energy: float, latency: float, capacity: float) -> tuple[float, ...]:
        """Return the value of each objective for one point, in the units that it is given."""
        return tuple(float(_monomial(p, energy, latency, capacity)) for p in self.powers)


def objective_of(text: str | Sequence[str] | Objective) -> Objective:
    """Read ``energy,latency`` or a list of names. Area beside others is left out: it orders no mappings.

    Raises SpecError if one is not known, or area stands alone.

    >>> objective_of("Energy^2 * latency, area").names, objective_of(["edp", "latency*energy"]).powers
    (('energy^2*latency',), ((1.0, 1.0, 0.0),))
    """
    if isinstance(text, Objective):
        return text
    listed = text.split(",") if isinstance(text, str) else text
    names = tuple(dict.fromkeys(part.replace(" ", "").lower() for part in listed if part.strip()))
    if not names:
        raise SpecError([Problem("no objective is named", path="objective", hint=did_you_mean("", list(NAMED)))])
    found: dict[Powers, str] = {}
    problems = []
    for name in names:
        if name == AREA and len(names) > 1:
            continue
        powers = _powers(name)
        if isinstance(powers, Problem):
            problems.append(powers)
        else:
            found.setdefault(powers, name)
    if problems:
        raise SpecError(problems)
    return Objective(tuple(found.values()), tuple(found))


def _monomial(powers: Powers, *costs: Any) -> Any:
    """Multiply powers of costs; what has no power is not looked at."""
    value: Any = None
    for cost, power in zip(costs, powers, strict=True):
        if power:
            factor = cost if power == 1.0 else cost**power
            value = factor if value is None else value * factor
    return value


def _powers(name: str) -> Powers | Problem:
    if name in NAMED:
        return NAMED[name]
    powers = dict.fromkeys(COSTS, 0.0)
    for factor in name.split("*"):
        match = re.fullmatch(rf"({'|'.join(COSTS)})(?:\^(\d+(?:\.\d+)?))?", factor)
        if match is None:
            hint = did_you_mean(name, list(NAMED))
            if not hint.startswith("did you mean"):
                hint = f"{hint}, or a product such as energy^2*latency"
            if name == AREA:
                hint = "area does not depend on the mapping: search by energy, latency or capacity"
            return Problem(f"no such objective: {name!r}", path="objective", hint=hint)
        powers[match[1]] += float(match[2] or 1)
    if not any(powers.values()):
        return Problem(f"objective {name!r} is the same for every mapping", path="objective", hint="raise a power")
    return powers["energy"], powers["latency"], powers["capacity"]
