"""What is made small: energy, latency, room used, a product of their powers, or a front of several."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from costmodel.spec.problems import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

Powers = tuple[float, ...]
"""An exponent of each cost, in the order of ``AXES``."""


@dataclass(frozen=True, slots=True)
class CostAxis:
    """One of the costs of a mapping; less is better."""

    name: str
    """As objectives say it."""
    joins: Literal["sum", "most"]
    """The cost of Einsums that run one after another: the sum of theirs, or the most that one of them needs."""
    kind: type[float] = float
    """Of its values: ``int`` where they are whole."""


def _axis(name: str, joins: Literal["sum", "most"], kind: type[float] = float) -> Any:
    return field(metadata={"axis": CostAxis(name, joins, kind)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a mapping, or a combination of mappings, costs: its fields are the axes of cost, here and nowhere else."""

    energy_pj: float = _axis("energy", "sum")
    latency_cycles: float = _axis("latency", "sum")
    capacity_bits: int = _axis("capacity", "most", int)
    """Room that tiles occupy inside the outermost memory; of several Einsums, the most that one needs."""

    @classmethod
    def row(cls, values: Sequence[float]) -> dict[str, Any]:
        """Give the values of a row of costs their keys."""
        return {key: axis.kind(value) for key, axis, value in zip(COST_KEYS, AXES, values, strict=True)}

    @classmethod
    def of(cls, point: Costed, **more: Any) -> Self:
        """Take the costs of something that has them."""
        return cls(**costs_of(point), **more)


COST_KEYS = tuple(f.name for f in fields(Costs))
"""Names of the costs with their units, in order: columns of tables, keys of JSON."""
AXES: tuple[CostAxis, ...] = tuple(f.metadata["axis"] for f in fields(Costs))
COSTS = tuple(axis.name for axis in AXES)
"""Names of the costs, as objectives say them."""


def costs_of(point: Costed) -> dict[str, Any]:
    """Return the costs of something that has them, by key."""
    return {key: getattr(point, key) for key in COST_KEYS}


def vector_of(point: Costed) -> tuple[float, ...]:
    """Return the costs of something that has them, in the order of ``AXES``."""
    return tuple(getattr(point, key) for key in COST_KEYS)


def _powers_of(**exponents: float) -> Powers:
    return tuple(exponents.get(name, 0.0) for name in COSTS)


NAMED: dict[str, Powers] = {
    **{name: _powers_of(**{name: 1.0}) for name in COSTS},
    "edp": _powers_of(energy=1.0, latency=1.0),
    "ed2p": _powers_of(energy=1.0, latency=2.0),
    "e2dp": _powers_of(energy=2.0, latency=1.0),
}
OF_DESIGNS = ("area", "power", "tops/w")
"""Objectives between designs: they order no mappings. Of ``tops/w`` more is better."""
_FACTOR = rf"(?:{'|'.join(COSTS)})(?:\^\d+(?:\.\d+)?)?"
PATTERN = rf"^\s*(?:edp|EDP|ed2p|ED2P|e2dp|E2DP|area|power|tops/w|TOPS/W|{_FACTOR}(?:\s*\*\s*{_FACTOR})*)\s*$"
"""One objective, for the schemas of editors."""


class Costed(Protocol):
    """What has costs: a mapping, an evaluation, the totals of a network, a bound."""

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
        return "capacity" in self.costs

    @property
    def costs(self) -> tuple[str, ...]:
        """Those of ``COSTS`` that an objective depends on."""
        return tuple(name for place, name in enumerate(COSTS) if any(p[place] for p in self.powers))

    @property
    def alone(self) -> str | None:
        """The cost that is asked for, where it is energy or latency and nothing else."""
        return self.names[0] if self.names in (("energy",), ("latency",)) else None

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
        powers = tuple(math.fsum(p[place] for p in self.powers) for place in range(len(COSTS)))
        named = {known: name for name, known in NAMED.items()}
        factors = (f"{name}^{p:g}".removesuffix("^1") for name, p in zip(COSTS, powers, strict=True) if p)
        return Objective((named.get(powers, "*".join(factors)),), (powers,))

    def values(self, *costs: Floats | float) -> Floats:
        """Return one row per objective, given each cost. A cost that no objective depends on may be anything."""
        import numpy as np

        return np.stack([np.asarray(_monomial(p, *costs), dtype=np.float64) for p in self.powers])

    def first(self, *costs: Floats | float) -> Floats:
        """Return the values of the first objective, which gaps are about."""
        value: Floats = _monomial(self.powers[0], *costs)
        return value

    def of(self, point: Costed) -> tuple[float, ...]:
        """Return the value of each objective for one point, in powers of pJ, cycles and bits."""
        return self.of_one(*vector_of(point))

    def of_one(self, *costs: float) -> tuple[float, ...]:
        """Return the value of each objective for one point, in the units that it is given."""
        return tuple(float(_monomial(p, *costs)) for p in self.powers)


def choice_text(aim: Objective, choose: str | None) -> str:
    """Say which point of a front is used; ``choose`` as the request has it.

    >>> choice_text(objective_of("energy,latency"), None), choice_text(objective_of("energy,latency"), "knee")
    ('least EDP', 'the knee')
    """
    if choose is not None and choose.isdecimal():
        return f"number {choose}"
    if choose == "knee":
        return "the knee"
    name = choose or str(aim.product)
    return f"least {name.upper() if name in ('edp', 'ed2p', 'e2dp') else name}"


def objective_of(text: str | Sequence[str] | Objective) -> Objective:
    """Read ``energy,latency`` or a list of names. What orders designs alone is left out beside others.

    Raises SpecError if one is not known, or what orders designs stands alone.

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
        if name in OF_DESIGNS and len(names) > 1:
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
            if name in OF_DESIGNS:
                hint = f"{name} orders designs of a sweep, not mappings: search by energy, latency or capacity"
            return Problem(f"no such objective: {name!r}", path="objective", hint=hint)
        powers[match[1]] += float(match[2] or 1)
    if not any(powers.values()):
        return Problem(f"objective {name!r} is the same for every mapping", path="objective", hint="raise a power")
    return tuple(powers.values())
