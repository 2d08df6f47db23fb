"""Levels of an architecture file, as they are written: memories, arrays, compute units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field
from pydantic.config import JsonDict

from costmodel.einsum.roles import Stationary
from costmodel.spec.component_value import ArrayComponent, MemoryComponent, UnitComponent
from costmodel.spec.hardware import Accepts, Multicast, Overlapping
from costmodel.spec.quantities import (
    Area,
    BandwidthValue,
    Count,
    Energy,
    Held,
    KindEnergy,
    KindRate,
    Latency,
    Name,
    Power,
    Size,
    Width,
)
from costmodel.spec.validation import OneOrMore, SpecModel, tag

if TYPE_CHECKING:
    from costmodel.components.protocol import LevelKind


class MemoryEnergy(SpecModel):
    """Energy of the two actions of a memory."""

    read: Energy | None = None
    """Of one word that leaves the level (reads and drains), or of one access where ``access`` says how wide that is.
    Needed, unless the level's ``component:`` prices it. E.g. ``200 pJ``, ``0.3 nJ``."""
    write: Energy | None = None
    """Of one word that enters the level (fills and updates), or of one access. Needed, unless the level's
    ``component:`` prices it. E.g. ``200 pJ``."""
    access: Width | None = None
    """Width of the access that the energies refer to; a word of the architecture when absent. Said here or beside
    ``energy:``, not twice. E.g. ``64 b``."""


class Bandwidth(SpecModel):
    """Limits of the ports of one instance. Absent: no limit of its own."""

    read: BandwidthValue | None = None
    """Limit of reads and drains alone; none when absent. E.g. ``80 b/cycle``."""
    write: BandwidthValue | None = None
    """Limit of fills and updates alone; none when absent. E.g. ``64 b/cycle``."""
    total: BandwidthValue | None = None
    """Limit that reads and writes share, beside those of their own; none when absent. E.g. ``480 MB/s``."""


def _both(value: object) -> object:
    """One energy prices reads and writes alike."""
    return value if isinstance(value, (dict, MemoryEnergy)) or value is None else {"read": value, "write": value}


def _shared(value: object) -> object:
    """One bandwidth is shared by reads and writes."""
    return value if isinstance(value, (dict, Bandwidth)) or value is None else {"total": value}


def _one_dimension(value: object) -> object:
    """Read a bare number as an array of one dimension, X."""
    return {"X": value} if isinstance(value, int) and not isinstance(value, bool) else value


ENERGY_HINTS = {
    "memory": "`energy: {read: …, write: …}` or one value for both, 0 says that it costs nothing; or `component: sram`",
    "compute": "`energy: 1 pJ` or one value per kind, `{mac: …, default: …}`, 0 says that it costs nothing; "
    "or `component: mac`",
}
"""What a level that nothing prices has to say."""
_COMMON_HINTS = {
    "class": "say `component: {class: …}`",
    "table": "say `component: {class: …, table: …}`",
    "technology": "of the whole file; a component of another process says `component: {class: …, node: …}`",
    "voltage": "of the whole file; a component at another supply says `component: {class: …, voltage: …}`",
    "name": "the kind of level names it: `memory: GLB`, `array: PEs` or `compute: MAC`",
    "leak": "did you mean 'leakage'?",
    "bypass": "say `keep:` (what is held) or `may_keep:` (what a mapping may hold)",
}


class LevelSpec(SpecModel):
    """What every level may say."""

    source: str = ""
    """Where the numbers of this level come from; that of the architecture when absent. E.g. ``data sheet, table 3``."""
    leakage: Power | None = None
    """Power that one instance draws all the time, idle or not; none when absent. E.g. ``3 mW``."""
    area: Area | None = None
    """Area of one instance; absent means not modelled, and the report names the level as left out. E.g. ``2.33 mm2``,
    ``1600 um2``."""
    instances: Count | None = None
    """Physical copies on the chip, where they are not the product of the arrays above: leakage, area and the peak rate
    count them. E.g. ``4``."""

    key_hints: ClassVar[dict[str, str]] = _COMMON_HINTS


_PRICED: JsonDict = {"anyOf": [{"required": ["energy"]}, {"required": ["component"]}]}
"""For JSON Schemas: one of the two prices a level."""


class MemorySpec(LevelSpec):
    """A level that stores words."""

    model_config = ConfigDict(json_schema_extra=_PRICED)

    memory: Name
    """Name of the level, unique in the file; the key says that the level stores words. E.g. ``GLB``."""
    size: Size | None = None
    """Room in one instance; unlimited when absent. A word has the width that ``word:`` says. E.g. ``108 KiB``,
    ``448 B``, ``224 words``."""
    energy: Annotated[
        MemoryEnergy | None, BeforeValidator(_both, json_schema_input_type=Energy | MemoryEnergy | None)
    ] = None
    """Of one word that is read and one that is written, or one value for both; 0 says that it costs nothing. Needed,
    unless ``component:`` prices them. E.g. ``6 pJ``, ``{read: 596 pJ, write: 585 pJ}``."""
    component: MemoryComponent | None = None
    """What it is made of, for the component library to price: energies, area, leakage and bandwidth follow its size,
    width and process (docs/components.md). What is stated beside it wins. E.g. ``sram``,
    ``{class: sram, width: 64 b, banks: 27}``, ``{class: dram, kind: lpddr4}``."""
    access: Width | None = None
    """Width of the access that the energies refer to; a word of the architecture when absent. A word of b bits is
    b / ``access`` of an access, a fraction where accesses are wide. E.g. ``64 b``, ``1 b`` (energies per bit)."""
    energy_source: str = ""
    """Where the energies come from; ``source`` when absent. E.g. ``CACTI 7, 256 KiB with a port of 256 b at 32 nm``."""
    bandwidth: Annotated[
        Bandwidth | None, BeforeValidator(_shared, json_schema_input_type=BandwidthValue | Bandwidth | None)
    ] = None
    """Of one instance: one limit that reads and writes share, or a map with limits of each; no limit when absent.
    E.g. ``480 MB/s``, ``8 words/cycle``, ``{read: 80 b/cycle, write: 64 b/cycle}``."""
    keep: OneOrMore[Held] | None = None
    """Roles (``input``, ``output``, ``weight``, ``intermediate``) or names of tensors that are held here; the rest
    passes by. An intermediate is also an output where it is written and an input where it is read. A name may be one of
    another workload, and is noted beside the results of one that does not have it. When absent: all, or
    none beyond ``may_keep`` where that is given. E.g. ``[input, output]``, ``weight``,
    ``[K, V]``."""
    may_keep: OneOrMore[Held] = ()
    """Roles or names of tensors that a mapping may hold here or pass by: the search chooses. E.g. ``[weight]``."""
    halo: Literal["reuse", "refetch"] = "reuse"
    """When the tile of a sliding window moves: ``reuse`` fills its new words only, ``refetch`` all of it.
    E.g. ``refetch``."""
    holes: Literal["skip", "fetch"] = "skip"
    """Words of a tile between those that are used (a stride larger than the window): ``skip`` holds and moves the
    distinct words, ``fetch`` the bounding box. E.g. ``fetch``."""
    drain: Literal["charged", "free"] = "charged"
    """Whether a word that leaves for the level above costs this level a read. E.g. ``free``."""
    double_buffered: bool = False
    """Whether half of the size receives the next tile while the other half is in use: tiles have half the room.
    E.g. ``true``."""
    overlap: Overlapping = "all"
    """What goes on while tiles come to this level and leave it: ``all``, the level's own reads and updates and all that
    is below; ``none``, nothing: what is below waits, and the cycles of fills and drains at this level's ports add up
    with its own, which needs a bandwidth. E.g. ``all``."""
    latency: Latency | None = None
    """Time from asking for a word to its arrival. Every Einsum waits for the first word once, at each memory above its
    compute unit; none when absent. E.g. ``400 ns``, ``30 cycles``."""
    in_flight: Size | None = None
    """What one instance may have been asked for and not yet have sent. Reads then take at least ``latency`` for
    every so many bits (Little's law); no such limit when absent. Needs ``latency``. E.g. ``1 KiB``."""

    partial: Width | None = None
    """Width of a partial sum that is spilled to this level or lives in it; that of the output when absent. An output
    that is finished has its own width. E.g. ``32 b``."""

    kind: ClassVar[LevelKind] = "memory"
    key_hints: ClassVar[dict[str, str]] = _COMMON_HINTS | {
        "capacity": "say `size:`",
        "depth": "say `size:`",
        "width": "say `access:` for the width of the port",
        "read_energy": "say `energy: {read: …, write: …}`",
        "write_energy": "say `energy: {read: …, write: …}`",
        "double_buffer": "did you mean 'double_buffered'?",
    }

    @property
    def level_name(self) -> str:
        return self.memory


class ArraySpec(LevelSpec):
    """A spatial array of what is below it."""

    array: Name
    """Name of the array, unique in the file; it makes copies of every level below it in the list. E.g. ``PEs``."""
    shape: Annotated[
        dict[Name, Count],
        Field(min_length=1),
        BeforeValidator(_one_dimension, json_schema_input_type=int | dict[Name, Count]),
    ]
    """Size of each dimension, by a name of your choice; a bare number is one dimension, X. E.g. ``{X: 14, Y: 12}``,
    ``16``."""
    hop: Energy | None = None
    """Energy of moving one word (or ``access``) to or from one child, in a network (``noc``) over one link; nothing
    when absent. E.g. ``2 pJ``."""
    component: ArrayComponent | None = None
    """What connects it, for the component library to price hops; a ``noc`` says how, and limits what passes
    (docs/components.md). What is stated beside it wins. E.g. ``{class: wire, length: 0.3 mm}``."""
    access: Width | None = None
    """Width that ``hop`` refers to; a word of the architecture when absent. E.g. ``64 b``."""
    multicast: Multicast = "words"
    """What one read of the level above serves several children with: any word that they share (``words``), whole equal
    tiles alone (``tiles``), or nothing: every child is served by a read of its own (``none``). E.g. ``tiles``."""
    reduce: bool = True
    """Whether updates of one word that arrive from several children together become one. E.g. ``false``."""
    partial: Width | None = None
    """Width of a partial sum on its way through the array; that of the output when absent. E.g. ``32 b``."""
    systolic: Stationary | None = None
    """Which tensor stays in place in a systolic array (``output``, ``weight`` or ``input``): every pass then pays its
    fill and drain in cycles. The first dimension counts the rows, the second the columns. Not systolic when absent.
    E.g. ``weight``."""
    overlap: Overlapping = "none"
    """Of a systolic array: ``all``, what stays next is loaded during the present pass and passes follow each other
    without a gap, so that an Einsum pays the skew once; ``none``, every pass pays its fill and drain. E.g. ``none``."""
    accepts: Accepts | None = None
    """What the array can multiply. ``gemm``: matrices alone; an Einsum that multiplies what it reads through windows (a
    convolution) is refused, unless ``--lower`` (``lower:`` or ``toeplitz:`` of the workload) makes a matrix product of
    it. Anything when absent.
    E.g. ``gemm``."""

    kind: ClassVar[LevelKind] = "array"
    key_hints: ClassVar[dict[str, str]] = _COMMON_HINTS | {
        "energy": "say `hop:` for the energy of moving a word",
        "fanout": "say `shape:`",
        "size": "say `shape:`",
    }

    @property
    def level_name(self) -> str:
        return self.array


class ComputeSpec(LevelSpec):
    """What performs operations."""

    model_config = ConfigDict(json_schema_extra=_PRICED)

    compute: Name
    """Name of the unit, unique in the file; the key says that the level performs operations. E.g. ``MAC``."""
    energy: KindEnergy | None = None
    """Of one operation: one value for every kind, or one per kind, with ``default`` for the rest; 0 says that it costs
    nothing. It says what the unit does: only the kinds that are named, where there is no ``default``, and those of its
    ``component:``. Needed where there is none. E.g. ``1 pJ``, ``{mac: 0.2 pJ, add: 0.05 pJ}``,
    ``{exp: 10 pJ, default: 1 pJ}``."""
    component: UnitComponent | None = None
    """What it is made of, for the component library to price: energies, area and leakage follow its number format and
    process (docs/components.md). What is stated beside it wins; an ``energy`` that prices every kind wins over all.
    Several in a list make one unit that does what each of them does. E.g. ``mac``,
    ``{class: mac, format: int8, accumulator: int32}``, ``[mac, adder, exp]``."""
    energy_source: str = ""
    """Where the energies come from; ``source`` when absent. E.g. ``int8 multiply at 45 nm (Horowitz, ISSCC 2014)``."""
    throughput: KindRate | None = None
    """Operations per cycle of one instance: one value, or one per kind, with ``default`` for the rest; 1, or as
    many as its ``component:`` has lanes, when absent.
    Of what ``energy`` prices: a kind that is rated has a price too. E.g. ``1 /cycle``, ``{mac: 4, exp: 0.25}``."""

    kind: ClassVar[LevelKind] = "compute"
    key_hints: ClassVar[dict[str, str]] = _COMMON_HINTS | {
        "access": "the energy of an operation does not depend on a width",
        "size": "did you mean `instances:` or an `array:` above?",
        "bandwidth": "say `throughput:`",
    }

    @property
    def level_name(self) -> str:
        return self.compute


AnyLevel = MemorySpec | ArraySpec | ComputeSpec
LEVEL_KEYS = ("memory", "array", "compute")


def level_kind(value: object) -> str | None:
    """Tell what a level is by the key that names it."""
    if not isinstance(value, Mapping):
        return next((f"tag:{key}" for key in LEVEL_KEYS if hasattr(value, key)), None)
    named = [key for key in LEVEL_KEYS if key in value]
    return f"tag:{named[0]}" if len(named) == 1 else None


LevelItem = Annotated[
    Annotated[MemorySpec, tag("memory")] | Annotated[ArraySpec, tag("array")] | Annotated[ComputeSpec, tag("compute")],
    Discriminator(
        level_kind,
        custom_error_type="one_key_of",
        custom_error_message="a level has one of the keys memory, array, compute, and only one of them",
        custom_error_context={"keys": list(LEVEL_KEYS)},
    ),
]
