"""What Timeloop's YAML may say, as far as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from costmodel.importing.peers.models import Number, PeerModel, Whole, also

_ENERGY = "for Accelergy; energies here are those of the ERT, or of the component library"
_SEARCH = "about the search, not about the hardware"


class Attributes(PeerModel):
    """Attributes of a component, those of the containers around it included."""

    without_effect: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("n_banks", "multiplier_width", "adder_width", "n_rdwr_ports", "n_ports"), _ENERGY),
        **dict.fromkeys(("has_power_gating", "power_gated_at", "update_fifo_depth", "num_ports", "num_banks"), _ENERGY),
        "min_utilization": _SEARCH,
        "allow_overbooking": "about sparse tensors; here a tile must fit",
    }
    depth: Whole | None = Field(None, validation_alias=also("depth", "memory_depth"))
    """Rows of ``width`` bits."""
    entries: Whole | None = None
    """Words."""
    size_kb: Number | None = Field(None, validation_alias=also("sizeKB", "size_kb"))
    width: Whole | None = Field(None, validation_alias=also("width", "memory_width"))
    """Bits of one access."""
    word_bits: Whole | None = Field(None, validation_alias=also("datawidth", "word-bits", "word_bits"))
    block: Whole | None = Field(None, validation_alias=also("block-size", "block_size"))
    """Words of one access."""
    cluster: Whole = Field(1, validation_alias=also("cluster-size", "cluster_size"))
    """Neighbouring instances that share an access."""
    read: Number | None = Field(None, validation_alias=also("read_bandwidth", "read-bandwidth"))
    """Words per cycle, as the next two."""
    write: Number | None = Field(None, validation_alias=also("write_bandwidth", "write-bandwidth"))
    shared: Number | None = Field(None, validation_alias=also("shared_bandwidth", "bandwidth"))
    buffers: Number = Field(1, validation_alias=also("multiple_buffering", "multiple-buffering"))
    instances: Whole | None = None
    mesh_x: Whole | None = Field(None, validation_alias=also("meshX", "mesh-X", "mesh_x"))
    mesh_y: Whole | None = Field(None, validation_alias=also("meshY", "mesh-Y", "mesh_y"))
    reduces: bool = Field(True, validation_alias=also("reduction_supported", "reduction-supported"))
    multicasts: bool = Field(True, validation_alias=also("multicast_supported", "multicast-supported"))
    technology: str | int | float | None = None
    dram: str = Field("", validation_alias=also("type"))
    """Kind of a DRAM."""
    cycle_s: Number | None = Field(None, validation_alias=also("global_cycle_seconds"))

    def over(self, outer: Attributes) -> Attributes:
        """These, and what the attributes around them say beside them."""
        own = {name: getattr(self, name) for name in self.model_fields_set if name in type(self).model_fields}
        return outer.model_copy(update=own)


class Variables(PeerModel):
    """What holds for the whole of an architecture."""

    technology: str | int | float | None = None
    cycle_s: Number | None = Field(None, validation_alias=also("global_cycle_seconds"))


class Directive(PeerModel):
    """What is said of one level, in a mapping or as a constraint."""

    without_effect: ClassVar[Mapping[str, str]] = {"spread": _SEARCH, "no_iteration_over_dataspaces": _SEARCH}
    target: str = ""
    type: str = ""
    factors: Any = None
    permutation: Any = None
    split: Whole | None = None
    """How many loops of the permutation, from the innermost, run along X; the others run along Y."""
    keep: Any = None
    keep_only: Any = None
    bypass: Any = None


class NodeLimits(PeerModel):
    """The constraints beside a node of version 0.4."""

    tensors: Directive | None = Field(None, validation_alias=also("dataspace", "data_space", "datatype", "bypass"))
    temporal: Directive | None = None
    spatial: Directive | None = None


class Mesh(PeerModel):
    """How many copies a node makes of itself and what is in it."""

    x: Whole = Field(1, validation_alias=also("meshX", "mesh-X"))
    y: Whole = Field(1, validation_alias=also("meshY", "mesh-Y"))


class TreeNode(PeerModel):
    """A node of a tree: a component or a container of version 0.4, a subtree or a component of earlier ones."""

    without_effect: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("required_actions", "subclass", "area_scale", "energy_scale", "power_gated_at"), _ENERGY),
    }
    name: str = ""
    kind: str = Field("", validation_alias=also("class", "technology_class"))
    attributes: Attributes = Attributes()
    spatial: Mesh | None = None
    limits: NodeLimits | None = Field(None, validation_alias=also("constraints"))
    nodes: tuple[TreeNode, ...] = ()
    local: tuple[TreeNode, ...] = ()
    subtree: tuple[TreeNode, ...] = ()
    enabled: Any = True


class Flat(Attributes):
    """A level of version 0.1, whose attributes stand beside its name."""

    without_effect: ClassVar[Mapping[str, str]] = {
        **Attributes.without_effect,
        "vector-access-energy": "energies here are those of the ERT",
    }
    name: str = "MAC"
    kind: str = Field("", validation_alias=also("class"))


class Tree(PeerModel):
    """An architecture of any version."""

    name: str = ""
    attributes: Attributes = Attributes()
    nodes: tuple[TreeNode, ...] = ()
    subtree: tuple[TreeNode, ...] = ()
    storage: tuple[Flat, ...] = ()
    """Version 0.1: innermost first."""
    arithmetic: Flat | None = None


class Coefficient(PeerModel):
    """A coefficient of an index."""

    name: str
    default: Whole = 1


class TensorShape(PeerModel):
    """A tensor of a problem."""

    name: str
    projection: list[Any]
    """For each rank, a sum of products of names."""
    written: bool = Field(False, validation_alias=also("read-write", "read_write"))


class ProblemShape(PeerModel):
    """The loops of a problem, and how tensors are indexed."""

    name: str = ""
    dimensions: list[str]
    tensors: list[TensorShape] = Field(validation_alias=also("data_spaces", "data-spaces", "dataspaces"))
    coefficients: tuple[Coefficient, ...] = ()


class Action(PeerModel):
    """What one action costs."""

    without_effect: ClassVar[Mapping[str, str]] = {
        "arguments": "the costliest row of an action is taken, as Timeloop does"
    }
    name: str
    energy: Number


class EnergyTable(PeerModel):
    """The actions of one component."""

    name: str
    actions: list[Action]


class EnergyTables(PeerModel):
    """An ERT."""

    tables: list[EnergyTable]
