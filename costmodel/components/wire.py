"""Wires: energy per bit and millimetre, nearly the same at every node; or what a hop costs whatever its length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from costmodel.components.curves import Curve
from costmodel.components.figures import ComponentFigure
from costmodel.components.protocol import NODE, VOLTAGE, WIDTH, ComponentError, LevelKind, Parameter, Parameters
from costmodel.components.scaling import Process, in_proportion, of_table, process, scaled, supply_factor
from costmodel.components.tables import bits, nm, table, volts
from costmodel.spec import units

REACH = 2.0
"""How many times smaller or larger than the published nodes one may be without a warning: capacitance stays."""


@cache
def _per_bit_mm() -> tuple[str, Curve, Curve]:
    """Source, energy and supply by node."""
    rows = table("storage")["wire"]["keckler"]
    nodes, supplies = [nm(text) for text in rows["nodes"]][::-1], [volts(text) for text in rows["voltages"]][::-1]
    return rows["source"], Curve(nodes, rows["pj_per_bit_mm"][::-1], reach=REACH), Curve(nodes, supplies)


def moved(width_bits: float, length_mm: float, to: Process) -> ComponentFigure:
    """Return what it costs to move some bits over a distance.

    >>> round(moved(256, 10, Process(40)).value)
    310
    """
    source, energies, supplies = _per_bit_mm()
    read = energies.at(to.nm, "nm")
    beyond = (f"wires at {to.nm:g} nm are far from those published, 10 and 40 nm",) if read.beyond else ()
    told = f"{source}; {read.basis} {read.how}" if read.how else source
    figure = ComponentFigure(read.value * width_bits * length_mm, "pJ", told, read.basis, beyond)
    return figure.times(supply_factor("energy", Process(to.nm, supplies.at(to.nm).value), to))


@dataclass(frozen=True, slots=True)
class Wire:
    """What connects an instance of an array to what is above it: energy of a hop."""

    name: str = "wire"
    level: LevelKind = "array"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return _PARAMETERS

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        return {"hop": link(self.name, parameters)}


def link(of: str, parameters: Parameters) -> ComponentFigure:
    """Return what ``width`` bits cost over a link; ComponentError where its length is needed and not said."""
    width, to = float(parameters["width"]), process(parameters)
    if parameters["table"] == "keckler":
        if not parameters["length"]:
            raise ComponentError(
                f"a {of} needs its length", "length", "say `length: 0.5 mm`, from one instance to the next"
            )
        return moved(width, float(parameters["length"]) * 1e-6, to)
    rows = table("storage")["wire"]["eyeriss"]
    hop = ComponentFigure(rows["hop_pj"], "pJ", rows["source"])
    return scaled(hop.times(in_proportion(width, bits(rows["width"]))), "energy", of_table(rows), to)


LENGTH = Parameter(means="of one hop", measures=units.LENGTH, default=0.0, example="0.5 mm")
TABLE = Parameter(means="data set", words=("keckler", "eyeriss"), default="keckler")
_PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "length": LENGTH,
        "width": WIDTH,
        "node": NODE,
        "voltage": VOLTAGE,
        "table": TABLE,
    }
)
