"""Architecture files: what the hardware is, outermost level first; ``resolve`` gives the values the model takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from costmodel.spec import units
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Level, Memory
from costmodel.spec.levels import LEVEL_KEYS, ArraySpec, Bandwidth, ComputeSpec, LevelItem, MemorySpec, level_kind
from costmodel.spec.problems import Marks, Problem, SpecError
from costmodel.spec.quantities import Frequency, Length, Width
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
    key = next(key for key in LEVEL_KEYS if hasattr(level, key))
    head: dict[str, Any] = {key: level.level_name}
    if isinstance(level, MemorySpec):
        head |= {"keep": level.keep, "may_keep": level.may_keep}
    return head
