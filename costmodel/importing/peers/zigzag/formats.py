"""What ZigZag's YAML may say, as far as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from costmodel.importing.peers.models import Number, PeerModel, Whole, also

_AREAS = "areas have no unit there, and are not imported"
LINKS = {"O": "O", "W": "I2", "I": "I1"}
"""Tensors of a layer → what memories call them, where a mapping says nothing else."""


class Port(PeerModel):
    """A port of a memory, or where the words of one tensor pass."""

    without_effect: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("fh", "tl", "fl", "th", "allocation", "name"),
        "which words pass which port: a level here has one limit for each way",
    )
    type: str = ""
    most: Whole | None = Field(None, validation_alias=also("bandwidth_max"))
    """Bits per cycle."""
    least: Whole | None = Field(None, validation_alias=also("bandwidth_min"))


class ZigMemory(PeerModel):
    """A memory; one for each row, column or unit of the array that it does not serve."""

    without_effect: ClassVar[Mapping[str, str]] = {
        "min_r_granularity": "an access here is a fraction of the port's width",
        "min_w_granularity": "an access here is a fraction of the port's width",
        "area": _AREAS,
    }
    size: Whole
    """In bits."""
    r_bw: Whole | None = None
    w_bw: Whole | None = None
    r_cost: Number | None = None
    """In pJ, of an access as wide as the port."""
    w_cost: Number | None = None
    r_port: Whole = 0
    w_port: Whole = 0
    rw_port: Whole = 0
    latency: Whole = 1
    mem_type: str = "sram"
    auto_cost_extraction: bool = False
    holds: list[str] = Field(validation_alias=also("operands"))
    ports: tuple[Port, ...] = ()
    served: list[str] = Field(validation_alias=also("served_dimensions"))


class ZigArray(PeerModel):
    """The operational array."""

    without_effect: ClassVar[Mapping[str, str]] = {
        "input_precision": "widths are those of the layers",
        **dict.fromkeys(("unit_area", "multiplier_area"), _AREAS),
    }
    dimensions: list[str]
    sizes: list[Whole]
    energy: Number = Field(0, validation_alias=also("unit_energy", "multiplier_energy"))
    """In pJ."""
    is_imc: bool = False


class ZigMachine(PeerModel):
    """An accelerator; memories innermost first."""

    name: str
    memories: dict[str, ZigMemory]
    array: ZigArray = Field(validation_alias=also("operational_array", "multipliers"))


class ZigLayer(PeerModel):
    """A layer of a workload."""

    without_effect: ClassVar[Mapping[str, str]] = {
        "operand_source": "layers are costed one by one, as in ZigZag: their tensors are not linked",
        "time_dim": "no counterpart here",
    }
    id: Whole
    name: str | None = None
    kind: str = Field(validation_alias=also("operator_type"))
    equation: str
    relations: list[str] = Field(default_factory=list, validation_alias=also("dimension_relations"))
    dimensions: list[str] = Field(validation_alias=also("loop_dims"))
    sizes: list[Whole] = Field(validation_alias=also("loop_sizes"))
    bits: dict[str, Whole] = Field(validation_alias=also("operand_precision"))
    windows: list[str] | None = Field(None, validation_alias=also("pr_loop_dims"))
    reach: list[Whole] | None = Field(None, validation_alias=also("pr_loop_sizes"))
    padding: list[list[Whole]] | None = None

    @property
    def called(self) -> str:
        return self.name or f"layer{self.id}"


class ZigMapping(PeerModel):
    """How layers of a name or a kind are mapped."""

    without_effect: ClassVar[Mapping[str, str]] = {
        "core_allocation": "there is one core",
        "spatial_mapping_hint": "about the search, not about the hardware",
    }
    name: str
    spatial: dict[str, list[Any]] | None = Field(None, validation_alias=also("spatial_mapping"))
    links: dict[str, str] = Field(default_factory=lambda: dict(LINKS), validation_alias=also("memory_operand_links"))
    ordering: list[list[Any]] = Field(default_factory=list, validation_alias=also("temporal_ordering"))
    """Innermost first."""


class ZigFile(PeerModel):
    """The sections of a file, each of which may be absent."""

    accelerator: ZigMachine | None = None
    layers: list[ZigLayer] = Field(default_factory=list)
    mappings: list[ZigMapping] = Field(default_factory=list)
