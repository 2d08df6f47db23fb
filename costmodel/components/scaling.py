"""From one process to another: logic by Stillmaker and Baas, SRAM below CACTI's nodes by its bit cell."""

from __future__ import annotations

from functools import cache
from typing import Literal

from costmodel.components.curves import Curve
from costmodel.components.figures import Factor, weakest
from costmodel.components.tables import nm, table

TRUSTED_RATIO = 3.5
"""Between nodes that are further apart, numbers that follow by scaling are warned of: at 7 nm, those of 45 nm come to a
third of what is published there (TPU v4i)."""


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
