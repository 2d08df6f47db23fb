"""DRAM by its kind: energy per bit of several data sets, bandwidth by the rate and the number of its pins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from costmodel.components.figures import ComponentFigure
from costmodel.components.protocol import WIDTH, ComponentError, LevelKind, Parameter, Parameters
from costmodel.components.tables import bits, table
from costmodel.spec import units

KINDS = ("ddr3", "ddr4", "ddr5", "lpddr4", "lpddr5", "gddr6", "hbm2", "hbm2e", "hbm3")


@dataclass(frozen=True, slots=True)
class Dram:
    """Memory off the chip: it takes no area of the chip; what it draws while idle is not known."""

    name: str = "dram"
    level: LevelKind = "memory"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return _PARAMETERS

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        """Return reads and writes of ``width`` and the bandwidth of all channels; of some kinds without energies."""
        kind, width = str(parameters["kind"]), float(parameters["width"])
        pins = table("dram")["pins"][kind]
        rate = float(units.parse(pins["rate"], units.BANDWIDTH).value) * bits(pins["width"])
        told = f"{table('dram')['pins']['source']}: {pins['rate']} on each of {pins['width'].split()[0]} pins"
        channels = int(parameters["channels"])
        figures = {
            "bandwidth": ComponentFigure(channels * rate, "b/s", told),
            "area": ComponentFigure(0.0, "mm2", "off the chip"),
        }
        if energy := _energy(kind, str(parameters["table"]), width):
            figures |= {"read": energy, "write": energy}
        return figures


def _energy(kind: str, name: str, width: float) -> ComponentFigure | None:
    data = table("dram")
    chosen = data["first"].get(kind) if name == "any" else name
    if chosen is None:
        return None
    rows = data["energies"][chosen]
    per_bit = rows["pj_per_bit"].get(kind, rows["pj_per_bit"].get("any"))
    if per_bit is None:
        having = [n for n, each in data["energies"].items() if kind in each["pj_per_bit"]]
        hint = f"these have: {', '.join(having)}" if having else "say `energy:`"
        raise ComponentError(f"`table: {chosen}` has no {kind}", "table", hint)
    return ComponentFigure(per_bit * width, "pJ", rows["source"])


_PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "kind": Parameter(means="standard", words=KINDS),
        "channels": Parameter(
            means="channels, devices or stacks of the width that the standard has", default=1, example=2
        ),
        "width": WIDTH,
        "table": Parameter(
            means="data set; any: the first that has the kind",
            words=("any", "horowitz", "accelergy", "hwcomponents", "tpu_v4i", "eyeriss"),
            default="any",
        ),
    }
)
