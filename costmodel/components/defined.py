"""Components that a file defines: what they cost at one point and by which powers it grows, or at several points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from costmodel.components.curves import Curve
from costmodel.components.figures import ComponentFigure, Factor, Unit
from costmodel.components.protocol import NODE, LevelKind, Parameter, Parameters
from costmodel.components.scaling import logic_factor

_UNITS: Mapping[str, Unit] = {"area": "mm2", "leakage": "W"}
"""Of what is no energy."""


@dataclass(frozen=True, slots=True)
class DefinedComponent:
    """A class of a file."""

    name: str
    level: LevelKind
    source: str
    own: Mapping[str, Parameter]
    """What its costs depend on, besides the node."""
    rows: tuple[tuple[Mapping[str, float], Mapping[str, float]], ...]
    """(values of the parameters, costs) of each point, in order of ``along``."""
    along: str
    """The parameter in which the points differ; empty of one point."""
    exponents: Mapping[str, Mapping[str, float]]
    """``energy``, ``area`` or ``leakage`` → parameter → the power by which the cost grows with it."""
    node_nm: float | None = None
    """Of the process; null: costs do not follow it."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return self.own if self.node_nm is None else {**self.own, "node": NODE}

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        """Return the costs that every point has, from the points and the powers."""
        return {name: self._figure(name, parameters) for name in self.rows[0][1]}

    def _figure(self, name: str, parameters: Parameters) -> ComponentFigure:
        unit = _UNITS.get(name, "pJ")
        figure = self._between(name, unit, parameters)
        first = self.rows[0][0]
        for key, power in self.exponents.get(name if name in _UNITS else "energy", {}).items():
            ratio = float(parameters[key]) / first[key]
            if ratio != 1 and power:
                why = f"× {ratio**power:.3g} by the power {power:g} of {key}"
                figure = figure.times(Factor(ratio**power, why, "scaled"))
        if self.node_nm is None:
            return figure
        return figure.times(
            logic_factor("area" if unit == "mm2" else "energy", self.node_nm, float(parameters["node"]))
        )

    def _between(self, name: str, unit: Unit, parameters: Parameters) -> ComponentFigure:
        """Return a cost at the place along the points."""
        if not self.along:
            return ComponentFigure(self.rows[0][1][name], unit, self.source)
        curve = Curve([place[self.along] for place, _ in self.rows], [costs[name] for _, costs in self.rows])
        read = curve.at(float(parameters[self.along]), f"({self.along})")
        beyond = (f"`class: {self.name}` is extrapolated {read.how}",) if read.beyond else ()
        told = f"{self.source}; {read.basis} {read.how}" if read.how else self.source
        return ComponentFigure(read.value, unit, told, read.basis, beyond)
