"""Architecture files: what the hardware is, outermost level first; ``resolve`` gives the values the model takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from costmodel.components.protocol import Component
from costmodel.spec import units
from costmodel.spec.component_class import ComponentClass
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Level, Memory
from costmodel.spec.levels import ENERGY_HINTS, AnyLevel, ArraySpec, ComputeSpec, LevelItem, MemorySpec, level_kind
from costmodel.spec.prices import BANDWIDTHS, Around, LevelPrices, prices_of
from costmodel.spec.problems import Marks, Path, Problem, SpecError
from costmodel.spec.quantities import Frequency, Length, Voltage, Width
from costmodel.spec.rules import sentence_problems
from costmodel.spec.units import Quantity
from costmodel.spec.validation import Items, SpecModel, in_order

DEFAULT_WORD_BITS = 8
DEFAULT_CLOCK_HZ = 1e9


class ArchitectureSpec(SpecModel):
    """An architecture file."""

    name: str = Field(min_length=1)
    """What the architecture is called in tables and reports; a file is found by its own name. E.g. ``eyeriss_v1``."""
    source: str = ""
    """Where its numbers come from. E.g. ``Chen et al., JSSC 52(1), 2017``."""
    technology: Length | None = None
    """Feature size of the process, by which components are priced that do not say theirs. E.g. ``65 nm``."""
    voltage: Voltage | None = None
    """Supply of the chip, which energies and leakage of components follow that do not say theirs; those of DRAM, and
    what the file states, do not. Each is at the supply of its data set when absent. E.g. ``0.9 V``."""
    clock: Frequency = Quantity(units.parse(DEFAULT_CLOCK_HZ, units.FREQUENCY).value, "Hz")
    """Cycles per second; one clock for all levels. E.g. ``200 MHz``."""
    word: Width = Quantity(units.parse(DEFAULT_WORD_BITS, units.WIDTH).value, "b")
    """Width that energies "per word", sizes and bandwidths in words refer to, and that of every tensor whose width
    the workload's ``bits:`` leaves open. E.g. ``16 b``."""
    levels: Items[LevelItem] = Field(json_schema_extra={"minItems": 1})
    """Memories, arrays and compute units, outermost first: a memory that holds everything at the top, a compute unit at
    the end. E.g. ``[{memory: DRAM, energy: 200 pJ}, {compute: MAC, energy: 1 pJ}]``."""
    components: Items[ComponentClass] = ()
    """Classes of component that the file defines, for ``component:`` of its levels (docs/components.md).
    E.g. ``[{class: our_sram, level: memory, source: mine, rows: [{size: 8 KiB, read: 2 pJ, write: 2 pJ}]}]``."""
    constraints: Items[str] = ()
    """What the hardware cannot do, as sentences; they hold for every search on this architecture.
    E.g. ``["PEs.X only [p, m]"]``."""

    key_hints: ClassVar[dict[str, str]] = {
        "missing levels": "memories, arrays and compute units, outermost first",
        "frequency": "say `clock:`",
        "node": "say `technology:`",
        "vdd": "say `voltage:`",
        "word_bits": "say `word:`",
    }

    def resolve(self, marks: Marks | None = None) -> Architecture:
        """Put everything in the model's units; SpecError tells all rules that the levels break together."""
        marks = marks or Marks()
        levels, problems = self.priced(marks)
        problems = [*check_levels([_level_head(level) for level in self.levels], marks), *problems]
        if problems:
            raise SpecError(in_order([*problems, *sentence_problems(self.constraints, marks, ("constraints",))]))
        found = Architecture(
            name=self.name,
            source=self.source,
            technology=" at ".join(str(each) for each in (self.technology, self.voltage) if each),
            clock_hz=float(self.clock),
            word_bits=self.around.word_bits,
            levels=tuple(_level(level, prices, self.around) for level, prices in zip(self.levels, levels, strict=True)),
            constraints=self.constraints,
            warnings=tuple(self._warnings(levels)),
        )
        if problems := sentence_problems(self.constraints, marks, ("constraints",), architectures=[found]):
            raise SpecError(in_order(problems))
        return found

    @property
    def around(self) -> Around:
        """What the file says of all levels."""
        node_nm = float(self.technology) if self.technology else None
        volts = float(self.voltage) if self.voltage else None
        return Around(int(self.word.value), self.clock.value, node_nm, volts, self.source)

    def priced(self, marks: Marks) -> tuple[list[LevelPrices], list[Problem]]:
        """Price every level; the problems of all of them."""
        found: list[LevelPrices] = []
        around, problems = self._with_classes(marks)
        if problems:  # levels that use a class which is wrong are not
            return found, problems
        for place, level in enumerate(self.levels):
            at = ("levels", place)
            problems += _room(level, at, around, marks)
            try:
                prices = prices_of(level, at, around, marks)
            except SpecError as error:
                problems += error.problems
                continue
            found.append(prices)
            problems += _waiting(level, prices, at, marks)
            if isinstance(level, ComputeSpec):
                problems += _rated_only(level, prices, at, marks)
        return found, problems

    def _warnings(self, levels: Sequence[LevelPrices]) -> Iterator[str]:
        """Give what is to be told of the levels, once where it is the same of several."""
        for text in dict.fromkeys(text for prices in levels for text in prices.warnings):
            names = [x.level_name for x, prices in zip(self.levels, levels, strict=True) if text in prices.warnings]
            yield f"{', '.join(names)}: {text}"

    def _with_classes(self, marks: Marks) -> tuple[Around, list[Problem]]:
        """What the file says of all levels, with the classes that it defines; what is wrong with these."""
        around = self.around
        classes: dict[str, Component] = {}
        problems: list[Problem] = []
        for place, defined in enumerate(self.components):
            at: Path = ("components", place)
            if defined.component in classes:
                problems.append(marks.problem(f"two classes are called {defined.component!r}", (*at, "class")))
            try:
                classes[defined.component] = defined.resolve(at, around.word_bits, marks)
            except SpecError as error:
                problems += error.problems
        return replace(around, classes=classes), problems


def _room(level: AnyLevel, at: Path, around: Around, marks: Marks) -> list[Problem]:
    """Rules between the numbers of a memory."""
    problems: list[Problem] = []
    if not isinstance(level, MemorySpec):
        return problems
    if level.size is not None and (bits := around.bits(level.size)) < around.word_bits:
        rule = f"{level.memory}: size is smaller than a word: {bits} b of {around.word_bits} b"
        problems.append(marks.problem(rule, (*at, "size")))
    if level.access is not None and level.energy is not None and level.energy.access is not None:
        problems.append(marks.problem("`access` is said twice, here and in `energy`", (*at, "access"), key=True))
    if level.in_flight is not None and not (level.latency and around.cycles(level.latency)):
        hint = "say `latency:`, the time from asking for a word to its arrival"
        rule = f"{level.memory}: `in_flight` needs a `latency` above 0"
        problems.append(marks.problem(rule, (*at, "in_flight"), hint=hint))
    return problems


def _waiting(level: AnyLevel, prices: LevelPrices, at: Path, marks: Marks) -> list[Problem]:
    """Refuse what makes others wait for transfers that take no time, and gaps between passes of what has none."""
    if isinstance(level, MemorySpec) and level.overlap == "none" and not set(BANDWIDTHS) & set(prices.numbers):
        rule = f"{level.memory}: `overlap: none` needs a bandwidth: without one, tiles come and leave in no time"
        return [marks.problem(rule, (*at, "overlap"), hint="say `bandwidth:`")]
    if isinstance(level, ArraySpec) and level.overlap == "all" and level.systolic is None:
        rule = f"{level.array}: `overlap: all` is about the passes of a systolic array, and this is none"
        return [marks.problem(rule, (*at, "overlap"), hint="say `systolic:`, or leave it out")]
    return []


def _level(level: AnyLevel, prices: LevelPrices, around: Around) -> Level:
    common: dict[str, Any] = {
        "name": level.level_name,
        "leakage_w": prices.value("leakage") or 0.0,
        "leakage_source": prices.source("leakage"),
        "area_mm2": prices.value("area"),
        "area_source": prices.source("area"),
        "instances": level.instances,
    }
    if isinstance(level, ArraySpec):
        return Array(
            shape=dict(level.shape),
            hop_pj=prices.value("hop") or 0.0,
            hop_bits=prices.access_bits,
            network=prices.network,
            multicast=level.multicast,
            reduce=level.reduce,
            partial_bits=_bits(level.partial),
            systolic=level.systolic,
            overlap=level.overlap,
            accepts=level.accepts,
            **common,
        )
    source = prices.energy_source or level.source or around.source
    if isinstance(level, ComputeSpec):
        return ComputeUnit(
            energy_pj=prices.operations,
            energy_source=source,
            throughput_per_cycle=prices.rates | {kind: float(rate) for kind, rate in (level.throughput or {}).items()},
            **common,
        )
    shared, reads, writes = (prices.value(name) for name in BANDWIDTHS)
    return Memory(
        capacity_bits=around.bits(level.size) if level.size else None,
        read_pj=prices.value("read") or 0.0,
        write_pj=prices.value("write") or 0.0,
        access_bits=prices.access_bits,
        energy_source=source,
        bandwidth_bits_per_cycle=shared,
        read_bits_per_cycle=reads,
        write_bits_per_cycle=writes,
        keep=level.keep,
        may_keep=level.may_keep,
        halo=level.halo,
        holes=level.holes,
        drain=level.drain,
        double_buffered=level.double_buffered,
        partial_bits=_bits(level.partial),
        overlap=level.overlap,
        latency_cycles=around.cycles(level.latency) if level.latency else 0.0,
        in_flight_bits=around.bits(level.in_flight) if level.in_flight else None,
        **common,
    )


def _bits(width: Quantity | None) -> int | None:
    return int(width.value) if width is not None else None


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
    kinds = [level_kind(level) for level in levels]
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
        problems.extend(_unpriced(level, key, ("levels", place), marks))
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


def _unpriced(level: Mapping[str, Any], kind: str, at: Path, marks: Marks) -> Iterator[Problem]:
    """Find energies that neither the file nor a component says; what is no map is left to the validation."""
    if kind not in ENERGY_HINTS or level.get("component") is not None:
        return
    energy, missing = level.get("energy"), "required key {!r} is missing"
    if energy is None:
        yield marks.problem(missing.format("energy"), at, hint=ENERGY_HINTS[kind])
    elif kind == "memory" and isinstance(energy, Mapping):
        for action in ("read", "write"):
            if energy.get(action) is None:
                yield marks.problem(missing.format(action), (*at, "energy"))


def _rated_only(level: ComputeSpec, prices: LevelPrices, at: Path, marks: Marks) -> list[Problem]:
    """Refuse rates of operations that the unit does not price: it would do them for nothing, or not at all."""
    rated = [kind for kind in level.throughput or () if kind != "default" and kind not in prices.operations]
    if "default" in prices.operations or not rated:
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


def _level_head(level: AnyLevel) -> dict[str, Any]:
    head: dict[str, Any] = {level.kind: level.level_name}
    if not isinstance(level, ArraySpec):
        head |= {"energy": level.energy and dict(level.energy), "component": level.component}
    if isinstance(level, MemorySpec):
        head |= {"keep": level.keep, "may_keep": level.may_keep}
    return head
