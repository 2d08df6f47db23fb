"""Architecture files: what the hardware is, outermost level first; ``resolve`` gives the values the model takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, PlainSerializer, PlainValidator
from pydantic import WithJsonSchema as JsonSchema

from costmodel.einsum.functions import KINDS as OPERATIONS
from costmodel.einsum.roles import Stationary
from costmodel.spec import units
from costmodel.spec.hardware import Accepts, Architecture, Array, ComputeUnit, Level, Memory, Multicast
from costmodel.spec.load import describe
from costmodel.spec.problems import Marks, Problem, SpecError, did_you_mean
from costmodel.spec.rules import sentence_problems
from costmodel.spec.units import Dimension, Quantity
from costmodel.spec.validation import HINT, Items, OneOrMore, SpecModel, in_order, tag

DEFAULT_WORD_BITS = 8
DEFAULT_CLOCK_HZ = 1e9
ROLES = ("input", "output", "weight", "intermediate")
KINDS = ("default", *OPERATIONS)
"""Kinds of operations that prices and rates may name."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


# ---------------------------------------------------------------------------------------------------------------
# Values


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"must be a name (letters, digits, _), got {describe(text)}")
    return text


def _held(text: str) -> str:
    """Check a role or tensor name of ``keep``: tensors start with an upper-case letter, so typos in roles show."""
    _name(text)
    if text not in ROLES and not text[0].isupper():
        near = did_you_mean(text, ROLES)
        raise ValueError(f"no such role {text!r}{HINT}{near}; tensors start with an upper-case letter")
    return text


def _quantity(dimension: Dimension, *, zero: bool, value: object) -> Quantity:
    quantity = value if isinstance(value, Quantity) else units.parse(value, dimension)
    if quantity.value < 0 or (quantity.value == 0 and not zero):
        rule = "must not be negative" if zero else "must be greater than zero"
        raise ValueError(f"{rule}, got {describe(value)}")
    return quantity


def _whole(dimension: Dimension, value: object) -> Quantity:
    """Check that bits or words are whole."""
    quantity = _quantity(dimension, zero=False, value=value)
    if quantity.value.denominator != 1:
        raise ValueError(
            f"must be a whole number of {'bits' if quantity.unit == 'b' else quantity.unit}, got {value!r}"
        )
    return quantity


def _json(dimension: Dimension, *, zero: bool) -> JsonSchema:
    spelt = "|".join(re.escape(unit) for unit in sorted(dimension.units, key=len, reverse=True))
    number = {"type": "number", "minimum": 0} if zero else {"type": "number", "exclusiveMinimum": 0}
    pattern = rf"^\s*[0-9.]+([eE][-+]?[0-9]+)?\s*({spelt})?\s*$"
    text = {"type": "string", "pattern": pattern, "description": dimension.manual}
    return JsonSchema({"anyOf": [number, text]})


_as_text = PlainSerializer(str, return_type=str)

Name = Annotated[str, AfterValidator(_name), JsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
Held = Annotated[str, AfterValidator(_held)]
Size = Annotated[Quantity, PlainValidator(partial(_whole, units.SIZE)), _json(units.SIZE, zero=False), _as_text]
Width = Annotated[Quantity, PlainValidator(partial(_whole, units.WIDTH)), _json(units.WIDTH, zero=False), _as_text]
Energy = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.ENERGY, zero=True, value=v)),
    _json(units.ENERGY, zero=True),
    _as_text,
]
Rate = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.RATE, zero=False, value=v)),
    _json(units.RATE, zero=False),
    _as_text,
]
BandwidthValue = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.BANDWIDTH, zero=False, value=v)),
    _json(units.BANDWIDTH, zero=False),
    _as_text,
]
Power = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.POWER, zero=True, value=v)),
    _json(units.POWER, zero=True),
    _as_text,
]
Area = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.AREA, zero=True, value=v)),
    _json(units.AREA, zero=True),
    _as_text,
]
Frequency = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.FREQUENCY, zero=False, value=v)),
    _json(units.FREQUENCY, zero=False),
    _as_text,
]
Length = Annotated[
    Quantity,
    PlainValidator(lambda v: _quantity(units.LENGTH, zero=False, value=v)),
    _json(units.LENGTH, zero=False),
    _as_text,
]
Count = Annotated[int, Field(gt=0, le=10**9)]


class MemoryEnergy(SpecModel):
    """Energy of the two actions of a memory."""

    read: Energy
    """Of one word that leaves the level (reads and drains), or of one access where ``access`` says how wide that is.
    E.g. ``200 pJ``, ``0.3 nJ``."""
    write: Energy
    """Of one word that enters the level (fills and updates), or of one access. E.g. ``200 pJ``."""
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
    return value if isinstance(value, (dict, MemoryEnergy)) else {"read": value, "write": value}


def _shared(value: object) -> object:
    """One bandwidth is shared by reads and writes."""
    return value if isinstance(value, (dict, Bandwidth)) or value is None else {"total": value}


def _default_kind(value: object) -> object:
    """One value holds for every kind of operation."""
    return value if isinstance(value, Mapping) else {"default": value}


def _one_dimension(value: object) -> object:
    """Read a bare number as an array of one dimension, X."""
    return {"X": value} if isinstance(value, int) and not isinstance(value, bool) else value


def _kinds(prices: Mapping[str, Quantity]) -> Mapping[str, Quantity]:
    for kind in prices:
        if kind not in KINDS:
            raise ValueError(f"no such kind of operation {kind!r}{HINT}{did_you_mean(kind, KINDS)}")
    if not prices:
        raise ValueError("must not be empty")
    return prices


KindEnergy = Annotated[
    dict[str, Energy],
    AfterValidator(_kinds),
    BeforeValidator(_default_kind, json_schema_input_type=Energy | dict[str, Energy]),
]
KindRate = Annotated[
    dict[str, Rate],
    AfterValidator(_kinds),
    BeforeValidator(_default_kind, json_schema_input_type=Rate | dict[str, Rate]),
]


# ---------------------------------------------------------------------------------------------------------------
# Levels

_NO_LIBRARY = "no component library prices this yet: say `energy:` (and `area:`, `leakage:`)"
_COMMON_HINTS = {
    "component": _NO_LIBRARY,
    "class": _NO_LIBRARY,
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


class MemorySpec(LevelSpec):
    """A level that stores words."""

    memory: Name
    """Name of the level, unique in the file; the key says that the level stores words. E.g. ``GLB``."""
    size: Size | None = None
    """Room in one instance; unlimited when absent. A word has the width that ``word:`` says. E.g. ``108 KiB``,
    ``448 B``, ``224 words``."""
    energy: Annotated[MemoryEnergy, BeforeValidator(_both, json_schema_input_type=Energy | MemoryEnergy)]
    """Of one word that is read and one that is written, or one value for both; 0 says that it costs nothing.
    E.g. ``6 pJ``, ``{read: 596 pJ, write: 585 pJ}``."""
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
    passes by. An intermediate is also an output where it is written and an input where it is read. When absent: all, or
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

    key_hints: ClassVar[dict[str, str]] = _COMMON_HINTS | {
        "missing energy": "`energy: {read: …, write: …}` or one value for both; 0 says that it costs nothing",
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
    """Energy of moving one word (or ``access``) to or from one child; nothing when absent. E.g. ``2 pJ``."""
    access: Width | None = None
    """Width that ``hop`` refers to; a word of the architecture when absent. E.g. ``64 b``."""
    multicast: Multicast = "words"
    """What one read of the level above serves several children with: any word that they share (``words``), whole equal
    tiles alone (``tiles``), or nothing: every child is served by a read of its own (``none``). E.g. ``tiles``."""
    reduce: bool = True
    """Whether updates of one word that arrive from several children together become one. E.g. ``false``."""
    systolic: Stationary | None = None
    """Which tensor stays in place in a systolic array (``output``, ``weight`` or ``input``): every pass then pays its
    fill and drain in cycles. The first dimension counts the rows, the second the columns. Not systolic when absent.
    E.g. ``weight``."""
    accepts: Accepts | None = None
    """What the array can multiply. ``gemm``: matrices alone; an Einsum that multiplies what it reads through windows (a
    convolution) is refused, unless ``--lower`` (``lower:`` or ``toeplitz:`` of the workload) makes a matrix product of
    it. Anything when absent.
    E.g. ``gemm``."""

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

    compute: Name
    """Name of the unit, unique in the file; the key says that the level performs operations. E.g. ``MAC``."""
    energy: KindEnergy
    """Of one operation: one value for every kind, or one per kind, with ``default`` for the rest; 0 says that it costs
    nothing. It says what the unit does: only the kinds that are named, where there is no ``default``. E.g. ``1 pJ``,
    ``{mac: 0.2 pJ, add: 0.05 pJ}``, ``{exp: 10 pJ, default: 1 pJ}``."""
    energy_source: str = ""
    """Where the energies come from; ``source`` when absent. E.g. ``int8 multiply at 45 nm (Horowitz, ISSCC 2014)``."""
    throughput: KindRate | None = None
    """Operations per cycle of one instance: one value, or one per kind, with ``default`` for the rest; 1 when absent.
    Of what ``energy`` prices: a kind that is rated has a price too. E.g. ``1 /cycle``, ``{mac: 4, exp: 0.25}``."""

    key_hints: ClassVar[dict[str, str]] = _COMMON_HINTS | {
        "missing energy": "`energy: 1 pJ` or one value per kind, `{mac: …, default: …}`; 0 says that it costs nothing",
        "access": "the energy of an operation does not depend on a width",
        "size": "did you mean `instances:` or an `array:` above?",
        "bandwidth": "say `throughput:`",
    }

    @property
    def level_name(self) -> str:
        return self.compute


_LEVEL_KEYS = ("memory", "array", "compute")


def _level_kind(value: object) -> str | None:
    """Tell what a level is by the key that names it."""
    if not isinstance(value, Mapping):
        return next((f"tag:{key}" for key in _LEVEL_KEYS if hasattr(value, key)), None)
    named = [key for key in _LEVEL_KEYS if key in value]
    return f"tag:{named[0]}" if len(named) == 1 else None


LevelItem = Annotated[
    Annotated[MemorySpec, tag("memory")] | Annotated[ArraySpec, tag("array")] | Annotated[ComputeSpec, tag("compute")],
    Discriminator(
        _level_kind,
        custom_error_type="one_key_of",
        custom_error_message="a level has one of the keys memory, array, compute, and only one of them",
        custom_error_context={"keys": list(_LEVEL_KEYS)},
    ),
]


class ArchitectureSpec(SpecModel):
    """An architecture file."""

    name: str = Field(min_length=1)
    """What the architecture is called in tables and reports; a file is found by its own name. E.g. ``eyeriss_v1``."""
    source: str = ""
    """Where its numbers come from. E.g. ``Chen et al., JSSC 52(1), 2017``."""
    technology: Length | None = None
    """Feature size of the process: told, not computed with. E.g. ``65 nm``."""
    clock: Frequency = Quantity(units.parse(DEFAULT_CLOCK_HZ, units.FREQUENCY).value, "Hz")
    """Cycles per second; one clock for all levels. E.g. ``200 MHz``."""
    word: Width = Quantity(units.parse(DEFAULT_WORD_BITS, units.WIDTH).value, "b")
    """Width that energies "per word", sizes and bandwidths in words refer to, and that of every tensor whose width
    the workload's ``bits:`` leaves open. E.g. ``16 b``."""
    levels: Items[LevelItem] = Field(json_schema_extra={"minItems": 1})
    """Memories, arrays and compute units, outermost first: a memory that holds everything at the top, a compute unit at
    the end. E.g. ``[{memory: DRAM, energy: 200 pJ}, {compute: MAC, energy: 1 pJ}]``."""
    constraints: Items[str] = ()
    """What the hardware cannot do, as sentences; they hold for every search on this architecture.
    E.g. ``["PEs.X only [p, m]"]``."""

    key_hints: ClassVar[dict[str, str]] = {
        "missing levels": "memories, arrays and compute units, outermost first",
        "frequency": "say `clock:`",
        "node": "say `technology:`",
        "word_bits": "say `word:`",
    }

    def resolve(self, marks: Marks | None = None) -> Architecture:
        """Put everything in the model's units; SpecError tells all rules that the levels break together."""
        marks = marks or Marks()
        problems = [*check_levels([_level_head(level) for level in self.levels], marks), *self._numbers(marks)]
        if problems:
            raise SpecError(in_order([*problems, *sentence_problems(self.constraints, marks, ("constraints",))]))
        found = Architecture(
            name=self.name,
            source=self.source,
            technology=str(self.technology) if self.technology else "",
            clock_hz=float(self.clock),
            word_bits=self.word_bits,
            levels=tuple(self._level(level) for level in self.levels),
            constraints=self.constraints,
        )
        if problems := sentence_problems(self.constraints, marks, ("constraints",), architectures=[found]):
            raise SpecError(in_order(problems))
        return found

    @property
    def word_bits(self) -> int:
        return int(self.word.value)

    def _numbers(self, marks: Marks) -> list[Problem]:
        """Rules between the numbers of one level."""
        problems: list[Problem] = []
        for place, level in enumerate(self.levels):
            at = ("levels", place)
            if isinstance(level, ComputeSpec):
                problems += _rated_only(level, at, marks)
            if not isinstance(level, MemorySpec):
                continue
            if level.size is not None and (bits := self._bits(level.size)) < self.word_bits:
                rule = f"{level.memory}: size is smaller than a word: {bits} b of {self.word_bits} b"
                problems.append(marks.problem(rule, (*at, "size")))
            if level.access is not None and level.energy.access is not None:
                problems.append(
                    marks.problem("`access` is said twice, here and in `energy`", (*at, "access"), key=True)
                )
        return problems

    def _bits(self, size: Quantity) -> int:
        return int(size.value) * (self.word_bits if size.unit == "words" else 1)

    def _per_cycle(self, bandwidth: Quantity | None) -> float | None:
        """Bits per cycle."""
        if bandwidth is None:
            return None
        amount, per = bandwidth.unit.split("/")
        bits = bandwidth.value * (self.word_bits if amount == "words" else 1)
        return float(bits / self.clock.value) if per == "s" else float(bits)

    def _level(self, level: MemorySpec | ArraySpec | ComputeSpec) -> Level:
        common: dict[str, Any] = {
            "name": level.level_name,
            "leakage_w": float(level.leakage or 0),
            "area_mm2": float(level.area) if level.area is not None else None,
            "instances": level.instances,
        }
        if isinstance(level, ArraySpec):
            return Array(
                shape=dict(level.shape),
                hop_pj=float(level.hop or 0),
                hop_bits=int(level.access.value) if level.access else self.word_bits,
                multicast=level.multicast,
                reduce=level.reduce,
                systolic=level.systolic,
                accepts=level.accepts,
                **common,
            )
        source = level.energy_source or level.source or self.source
        if isinstance(level, ComputeSpec):
            return ComputeUnit(
                energy_pj={kind: float(price) for kind, price in level.energy.items()},
                energy_source=source,
                throughput_per_cycle={kind: float(rate) for kind, rate in (level.throughput or {}).items()},
                **common,
            )
        access = level.access or level.energy.access or self.word
        bandwidth = level.bandwidth or Bandwidth()
        return Memory(
            capacity_bits=self._bits(level.size) if level.size else None,
            read_pj=float(level.energy.read),
            write_pj=float(level.energy.write),
            access_bits=int(access.value),
            energy_source=source,
            bandwidth_bits_per_cycle=self._per_cycle(bandwidth.total),
            read_bits_per_cycle=self._per_cycle(bandwidth.read),
            write_bits_per_cycle=self._per_cycle(bandwidth.write),
            keep=level.keep,
            may_keep=level.may_keep,
            halo=level.halo,
            holes=level.holes,
            drain=level.drain,
            double_buffered=level.double_buffered,
            **common,
        )


# ---------------------------------------------------------------------------------------------------------------
# Rules between levels, on the data as it was written: they can be told beside the problems inside the levels.


def check_levels(levels: object, marks: Marks) -> list[Problem]:
    """Find what is wrong between levels: order, names, tensors that are kept and may be kept.

    ``levels`` is the raw list of the file; entries that are no levels are left to the validation.
    """
    if not isinstance(levels, (list, tuple)):
        return []
    problems: list[Problem] = []
    if not levels:
        problems.append(marks.problem("must not be empty: a memory first, a compute unit last", ("levels",)))
    kinds = [_level_kind(level) for level in levels]
    if kinds and kinds[0] in {"tag:array", "tag:compute"}:
        problems.append(marks.problem("the first level must be a memory: it holds every tensor", ("levels", 0)))
    if kinds and kinds[-1] in {"tag:memory", "tag:array"}:
        rule, why = "the last level must be a compute unit", "what stands below all units serves none"
        problems.append(marks.problem(rule, ("levels", len(kinds) - 1), hint=why))
    first: dict[str, int] = {}
    for place, (level, kind) in enumerate(zip(levels, kinds, strict=True)):
        if kind is None:
            continue
        key = kind.removeprefix("tag:")
        name = level[key]
        if not isinstance(name, str):
            continue
        if name in first:
            line = marks.at(("levels", first[name]))[1]
            where = f"first at line {line}" if line else f"first as level {first[name]}"
            problems.append(marks.problem(f"two levels are called {name!r}", ("levels", place, key), hint=where))
        else:
            first[name] = place
        problems.extend(_kept_twice(level, ("levels", place), marks))
    return problems


def _rated_only(level: ComputeSpec, at: tuple[str, int], marks: Marks) -> list[Problem]:
    """Refuse rates of operations that the unit does not price: it would do them for nothing, or not at all."""
    rated = [kind for kind in level.throughput or () if kind != "default" and kind not in level.energy]
    if "default" in level.energy or not rated:
        return []
    rule = f"{level.compute}: `energy` prices no {', '.join(rated)}"
    hint = f"say {', '.join(f'`{kind}:`' for kind in rated)} or `default:` in `energy:`; 0 says that it costs nothing"
    return [marks.problem(rule, (*at, "throughput", rated[0]), key=True, hint=hint)]


def _kept_twice(level: Mapping[str, Any], at: tuple[str, int], marks: Marks) -> list[Problem]:
    keep, may_keep = level.get("keep"), level.get("may_keep")
    sets = [[v] if isinstance(v, str) else v if isinstance(v, (list, tuple)) else [] for v in (keep, may_keep)]
    both = [name for name in sets[0] if name in sets[1]]
    if not both:
        return []
    return [marks.problem(f"{both} cannot be in both keep and may_keep", (*at, "may_keep"))]


def _level_head(level: MemorySpec | ArraySpec | ComputeSpec) -> dict[str, Any]:
    key = next(key for key in _LEVEL_KEYS if hasattr(level, key))
    head: dict[str, Any] = {key: level.level_name}
    if isinstance(level, MemorySpec):
        head |= {"keep": level.keep, "may_keep": level.may_keep}
    return head
