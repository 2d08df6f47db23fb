"""Networks of arrays: what a link costs, by its wire and router; how many are taken follows from the array's shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from costmodel.components.figures import ComponentFigure, Factor, total
from costmodel.components.network import TOPOLOGIES, Network, Topology
from costmodel.components.protocol import NODE, VOLTAGE, WIDTH, ComponentError, LevelKind, Parameter, Parameters
from costmodel.components.wire import LENGTH, TABLE, link
from costmodel.spec import units

_ROUTED = ("tree", "mesh")
"""Topologies with a router at each link."""
LEAST_RADIX = 2
_RATE = "a link carries its width once in a cycle, one way or the other (assumed)"


@dataclass(frozen=True, slots=True)
class Noc:
    """A network between an array and what is above it: energy of a link, and what a link carries in a cycle."""

    name: str = "noc"
    level: LevelKind = "array"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return _PARAMETERS

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        if parameters["radix"] and parameters["topology"] != "tree":
            hint = "leave it out, or say `topology: tree`"
            raise ComponentError(
                f"it is the children of a node of a tree: `topology: {parameters['topology']}` has none", "radix", hint
            )
        if parameters["radix"] and int(parameters["radix"]) < LEAST_RADIX:
            raise ComponentError(f"a node of a tree has at least {LEAST_RADIX} children", "radix")
        hop = link(self.name, parameters)
        if parameters["router"]:
            hop = total([hop, ComponentFigure(float(parameters["router"]), "pJ", "`router:` of the file", "stated")])
        elif parameters["topology"] in _ROUTED and parameters["table"] == "keckler":
            hop = hop.times(Factor(1.0, "routers cost nothing (assumed)", "assumed"))
        return {"hop": hop, "link_bandwidth": ComponentFigure(float(parameters["width"]), "b/cycle", _RATE, "assumed")}


def network_of(parameters: Parameters) -> Network:
    """Return the network that the parameters of a ``noc`` describe."""
    return Network(
        topology=cast("Topology", parameters["topology"]),
        radix=int(parameters["radix"]) or LEAST_RADIX,
        ports=int(parameters["ports"]) or None,
        link_bits=int(parameters["width"]),
    )


_PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "topology": Parameter(means="how instances are connected", words=TOPOLOGIES, example="tree"),
        "length": LENGTH,
        "width": WIDTH,
        "node": NODE,
        "voltage": VOLTAGE,
        "table": TABLE,
        "router": Parameter(
            means="energy of a router for each link and `width`; nothing when absent",
            measures=units.ENERGY,
            default=0.0,
            example="0.5 pJ",
        ),
        "ports": Parameter(
            means="links to what is above: words that may enter or leave in a cycle; 1 when absent, of a systolic "
            "array one for each row and column; more than there are instances carry nothing more, except on a bus",
            default=0,
            example=4,
        ),
        "radix": Parameter(
            means="children of each node of a tree, 2 when absent; of no other topology", default=0, example=4
        ),
    }
)
