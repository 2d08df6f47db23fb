"""From one process to another: logic by Stillmaker and Baas, SRAM below CACTI's nodes by its bit cell; by supply."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from costmodel.components.curves import Curve
from costmodel.components.figures import ComponentFigure, Factor, weakest
from costmodel.components.protocol import Parameters
from costmodel.components.tables import nm, table, volts

TRUSTED_RATIO = 3.5
"""Between nodes that are further apart, numbers that follow by scaling are warned of: at 7 nm, those of 45 nm come to a
third of what is published there (TPU v4i)."""
Cost = Literal["energy", "leakage", "area"]
"""What scales in a way of its own."""


class Process(NamedTuple):
    """What a number holds for, or is asked for: a feature size and a supply."""

    nm: float
    volts: float = 0.0
    """0: of a source, not stated, so the nominal one of the node; of what is asked for, that of the source."""


def process(parameters: Parameters) -> Process:
    """Return the process that a component says."""
    return Process(float(parameters["node"]), float(parameters["voltage"]))


@cache
def _logic(what: Literal["energy", "area"]) -> Curve:
    rows = table("scaling")["logic"]
    nodes, factors = [nm(text) for text in rows["nodes"]], rows[what]
    return Curve(nodes[::-1], factors[::-1])


@cache
def _cell() -> Curve:
    rows = table("scaling")["sram"]
    nodes, areas = [nm(text) for text in rows["nodes"]], rows["cell_um2"]
    return Curve(nodes[::-1], areas[::-1])


def logic_factor(what: Literal["energy", "area"], from_nm: float, to_nm: float) -> Factor:
    """Return what turns the energy (or leakage) or the area of logic at one node into that at another.

    >>> round(logic_factor("energy", 45, 65).value, 3)
    1.241
    """
    if from_nm == to_nm:
        return Factor(1.0)
    ends = [_logic(what).at(node) for node in (from_nm, to_nm)]
    value = ends[1].value / ends[0].value
    law = "Stillmaker and Baas 2017" + ("" if what == "area" else ", 0.8 V")
    why = f"× {value:.3g} from {from_nm:g} to {to_nm:g} nm ({law})"
    beyond = []
    if any(end.beyond for end in ends):
        beyond.append(f"logic is scaled to {to_nm:g} nm; the scaling law holds from 130 to 7 nm")
    elif max(from_nm / to_nm, to_nm / from_nm) > TRUSTED_RATIO:
        beyond.append(f"logic is scaled from {from_nm:g} to {to_nm:g} nm, which are far apart")
    return Factor(value, why, weakest("scaled", *(end.basis for end in ends if end.beyond)), tuple(beyond))


def supply_factor(what: Literal["energy", "leakage"], source: Process, to: Process) -> Factor:
    """Return what turns a number at the supply of its source into that at the supply of ``to``, whatever the node.

    Laws between nodes compare them at one voltage: a number that was scaled stays at the supply of its source.

    >>> round(supply_factor("energy", Process(45, 0.9), Process(65, 0.8)).value, 3)
    0.79
    """
    if not to.volts:
        return Factor(1.0)
    rules = table("scaling")["voltage"]
    known = source.volts or nominal(source.nm)
    value = (to.volts / known) ** rules[what]["power"]
    here = f"{known:.3g} V{'' if source.volts else ' (nominal, assumed)'}"
    why = f"× {value:.3g} from {here} to {to.volts:g} V ({rules[what]['law']})" if value != 1 else ""
    usual, (least, most) = nominal(to.nm), rules["reach"]
    beyond: tuple[str, ...] = ()
    if not least * usual <= to.volts <= most * usual:
        told = f"{least * usual:.3g} to {most * usual:.3g} V, nominal {usual:.3g} V"
        beyond = (f"{to.volts:g} V at {to.nm:g} nm are far from the supplies for which the law holds: {told}",)
    return Factor(value, why, "scaled" if source.volts else "assumed", beyond)


@cache
def nominal(node_nm: float) -> float:
    """Return the nominal supply of a node, in V."""
    rows = table("scaling")["voltage"]
    return (
        Curve([nm(text) for text in rows["nodes"]][::-1], [volts(text) for text in rows["nominal"]][::-1])
        .at(node_nm)
        .value
    )


def scaled(figure: ComponentFigure, what: Cost, source: Process, to: Process) -> ComponentFigure:
    """Return what a number of logic becomes in another process; leakage follows the node as energy does."""
    if what == "area":
        return figure.times(logic_factor("area", source.nm, to.nm))
    return figure.times(logic_factor("energy", source.nm, to.nm)).times(supply_factor(what, source, to))


def of_table(rows: Mapping[str, Any]) -> Process:
    """Return the process of a data set."""
    return Process(nm(rows["node"]), volts(rows["voltage"]) if "voltage" in rows else 0.0)


def sram_area_factor(from_nm: float, to_nm: float) -> Factor:
    """Return what turns the area of an SRAM at one node into that at a smaller one, 22 nm and below."""
    ends = [_cell().at(node) for node in (from_nm, to_nm)]
    value = ends[1].value / ends[0].value
    return Factor(value, f"× {value:.3g} from {from_nm:g} to {to_nm:g} nm as the area of bit cells", "extrapolated")


def in_proportion(width_bits: float, published_bits: float) -> Factor:
    """Return what turns the energy of one width into that of another where a source has one width only."""
    if width_bits == published_bits:
        return Factor(1.0)
    why = f"in proportion to the width, {width_bits:g} of {published_bits:g} b (assumed)"
    return Factor(width_bits / published_bits, why, "assumed")
