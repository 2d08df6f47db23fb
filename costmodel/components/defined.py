"""Components that a file defines: what they cost at one point and by which powers it grows, or at several points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from costmodel.components.curves import Curve
from costmodel.components.figures import ComponentFigure, Factor, Unit
from costmodel.components.protocol import NODE, VOLTAGE, LevelKind, Parameter, Parameters
from costmodel.components.scaling import Cost, Process, process, scaled

_UNITS: Mapping[str, Unit] = {"area": "mm2", "leakage": "W"}
"""Of what is no energy."""
_SCALES: Mapping[str, Cost] = {"pJ": "energy", "mm2": "area", "W": "leakage"}


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
    source_process: Process | None = None
    """Of its points; null: costs do not follow it. Without a supply they do not follow that."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        if self.source_process is None:
            return self.own
        return {**self.own, "node": NODE} | ({"voltage": VOLTAGE} if self.source_process.volts else {})

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
        if self.source_process is None:
            return figure
        return scaled(figure, _SCALES[unit], self.source_process, process({"voltage": 0.0, **parameters}))

    def _between(self, name: str, unit: Unit, parameters: Parameters) -> ComponentFigure:
        """Return a cost at the place along the points."""
        if not self.along:
            return ComponentFigure(self.rows[0][1][name], unit, self.source)
        curve = Curve([place[self.along] for place, _ in self.rows], [costs[name] for _, costs in self.rows])
        read = curve.at(float(parameters[self.along]), f"({self.along})")
        beyond = (f"`class: {self.name}` is extrapolated {read.how}",) if read.beyond else ()
        told = f"{self.source}; {read.basis} {read.how}" if read.how else self.source
        return ComponentFigure(read.value, unit, told, read.basis, beyond)
