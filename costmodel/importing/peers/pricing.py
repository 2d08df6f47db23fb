"""Who prices what a peer's file gives no energy for: classes of component, and the process of the chip."""

from __future__ import annotations

import re
from typing import Any

BY_LIBRARY = "no energies are given: the component library prices it"
FREE: dict[str, Any] = {"energy": "0 pJ"}
DEFAULT_NODE_NM = 45
_CLASSES = (
    (r"dram|ddr|hbm", "dram"),
    (r"mac|multiplier", "mac"),
    (r"regfile|smartbuffer_?rf|\brf\b|reg(ister)?$|reg_storage|^storage$", "regfile"),
    (r"sram|smartbuffer", "sram"),
)
"""Classes of Accelergy and hwcomponents, in small letters → ours."""
_DRAMS = ("lpddr5", "lpddr4", "gddr6", "hbm2e", "hbm3", "hbm2", "ddr5", "ddr4", "ddr3")


def component_of(kind: str, *more: str) -> dict[str, Any] | None:
    """The component that a class names, for the library to price; null where it names none that is known.

    >>> component_of("smartbuffer_SRAM"), component_of("DRAM", "LPDDR4")
    ({'class': 'sram'}, {'class': 'dram', 'kind': 'lpddr4'})
    """
    named = kind.lower()
    found = next((ours for pattern, ours in _CLASSES if re.search(pattern, named)), None)
    if found is None:
        return None
    if found != "dram":
        return {"class": found}
    said = " ".join([named, *map(str.lower, more)])
    return {"class": "dram", "kind": next((name for name in _DRAMS if name in said), "ddr3")}


def clock_text(hertz: float) -> str:
    """A clock with its unit.

    >>> clock_text(1e9), clock_text(200e6), clock_text(1.0)
    ('1 GHz', '200 MHz', '1 Hz')
    """
    for unit, of in (("GHz", 1e9), ("MHz", 1e6), ("kHz", 1e3)):
        if hertz >= of:
            return f"{hertz / of:.12g} {unit}"
    return f"{hertz:.12g} Hz"
