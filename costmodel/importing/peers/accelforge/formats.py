"""What AccelForge's YAML may say, as far as it is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from costmodel.importing.peers.models import Number, PeerModel, Whole

_SEARCH = "about the search, not about the hardware"
_LIBRARY = "for hwcomponents; energies here are those of the file, or of the component library"


class ForgeAction(PeerModel):
    """What one action of a component costs."""

    name: str
    energy: Number | None = None
    """In J."""
    latency: Number | None = None
    """In s."""
    throughput: Number | None = None
    """Actions per second."""
    bits_per_action: Number | None = None
    energy_scale: Number = 1
    latency_scale: Number = 1


class Fan(PeerModel):
    """A dimension of copies."""

    without_effect: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("min_usage", "loop_bounds", "usage_scale", "reuse", "power_gateable"), _SEARCH
    )
    name: str
    fanout: Whole
    may_reuse: Any = "All"
    """Tensors of which copies may share words."""


class HeldTensors(PeerModel):
    """What a memory holds."""

    without_effect: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("tile_shape", "no_refetch_from_above", "no_resend_to_below", "tensor_order_options"), _SEARCH
    ) | {"force_memory_hierarchy_order": _SEARCH, "back": _SEARCH}
    keep: Any = None
    may_keep: Any = None


class ForgeNode(PeerModel):
    """A node of an architecture."""

    without_effect: ClassVar[Mapping[str, str]] = {"extra_attributes_for_component_model": _LIBRARY}
    name: str = ""
    component_class: str | None = None
    size: Any = math.inf
    """In bits: a number, a formula of numbers, or one of the Einsum, which is none here."""
    leak_power: Number | None = None
    area: Number | None = None
    """In square metres."""
    energy_scale: Number = 1
    latency_scale: Number = 1
    area_scale: Number = 1
    leak_power_scale: Number = 1
    bits_per_action: Number | None = None
    total_latency: Any = None
    actions: tuple[ForgeAction, ...] = ()
    tensors: HeldTensors | None = None
    spatial: tuple[Fan, ...] = ()
    nodes: tuple[ForgeNode, ...] = ()
    enabled: Any = True


class ForgeArch(PeerModel):
    """An architecture, outermost node first."""

    name: str = ""
    nodes: tuple[ForgeNode, ...]
    extra_attributes_for_all_component_models: dict[str, Any] = Field(default_factory=dict)


class ForgeAccess(PeerModel):
    """A tensor of an Einsum."""

    without_effect: ClassVar[Mapping[str, str]] = {"persistent": "all of a workload's inputs come from outside here"}
    name: str
    projection: list[Any] | dict[str, Any]
    """Rank variables, or by rank what indexes it."""
    output: bool = False


def _statement(given: object) -> object:
    return {"einsum": given} if isinstance(given, str) else given


class ForgeEinsum(PeerModel):
    """An Einsum: a statement, or its accesses one by one."""

    name: str = ""
    einsum: str | None = None
    tensor_accesses: tuple[ForgeAccess, ...] = ()
    iteration_space_shape: list[str] | dict[str, str] = Field(default_factory=list)
    rank_sizes: dict[str, Whole] = Field(default_factory=dict)
    renames: Any = None
    n_instances: Whole = 1
    is_copy_operation: Any = False


class ForgeWorkload(PeerModel):
    """Einsums that may share tensors."""

    without_effect: ClassVar[Mapping[str, str]] = {
        "persistent_tensors": "all of a workload's inputs come from outside here",
    }
    name: str = ""
    iteration_space_shape: dict[str, str] = Field(default_factory=dict)
    rank_sizes: dict[str, Whole] = Field(default_factory=dict)
    bits_per_value: dict[str, Whole] = Field(default_factory=dict)
    densities: Any = None
    n_instances: Whole = 1
    einsums: list[Annotated[ForgeEinsum, BeforeValidator(_statement)]]


class ForgeStep(PeerModel):
    """A node of a mapping."""

    without_effect: ClassVar[Mapping[str, str]] = {"persistent": "all of a workload's inputs come from outside here"}
    tensors: list[str] | str = ""
    component: str = ""
    rank_variable: str = ""
    tile_shape: Whole | None = None
    name: str | int = ""
    einsum: str = ""
    nodes: tuple[ForgeStep, ...] = ()


class ForgeMapping(PeerModel):
    """A mapping, outermost node first."""

    nodes: tuple[ForgeStep, ...]


class ForgeFile(PeerModel):
    """The sections of a file, each of which may be absent."""

    arch: ForgeArch | None = None
    workload: ForgeWorkload | None = None
    mapping: ForgeMapping | None = None
