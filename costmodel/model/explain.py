"""Why is this number what it is? The derivation of one number of an evaluation, from the nest that made it.

A subject names a number: ``energy``, ``latency``, ``edp``, ``utilisation``, ``area``; of a level ``GLB.energy``,
``GLB.latency``, ``GLB.occupancy``; of a tensor there ``GLB.fill.A`` (or ``read``, ``update``, ``drain``),
``GLB.energy.A``, ``GLB.occupancy.A``, ``PEs.hop.A``; of a compute unit ``MAC.energy``, ``MAC.latency``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from costmodel.einsum.roles import stationary_tensor
from costmodel.model.closed import Modes
from costmodel.model.evaluate import busiest_points, metered, passes, systolic_arrays, systolic_overhead
from costmodel.model.evaluation import ActionRow, Evaluation, Flow, LatencyRow
from costmodel.model.formats import stored_bits
from costmodel.model.meters import (
    Meter,
    PriceBook,
    drain_text,
    hop_energy,
    leakage_w,
    operation_pj,
    operations_per_cycle,
    port_energy,
    price_text,
    priced,
)
from costmodel.model.motion import Motion
from costmodel.model.nest import BoundEinsum, BoundNest, Holder, bind
from costmodel.model.tiles import Event, Loop
from costmodel.model.traffic import (
    Crossing,
    collect_modes,
    cross,
    cross_access,
    deliver_modes,
    holder_motion,
)
from costmodel.spec.hardware import Array, ComputeUnit, Memory
from costmodel.spec.mapping import einsums_in
from costmodel.spec.problems import Problem, SpecError, did_you_mean

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Access, Einsum, Tensor, Workload
    from costmodel.spec.hardware import Architecture, Level
    from costmodel.spec.mapping import Mapping

FLOWS: tuple[str, ...] = get_args(Flow)
TOTALS = ("energy", "latency", "edp", "utilisation", "area")
PASSED = {"": "", "read": "read", "write": "written"}
"""What passed, by the action of a limit."""
EXACT = 2**53
"""Up to here a float holds every integer."""


@dataclass(frozen=True, slots=True)
class Part:
    """One term of a sum."""

    text: str
    """The arithmetic that makes the term, or what it is."""
    value: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """The derivation of one number."""

    subject: str
    value: float
    """Exactly the number that the evaluation shows."""
    unit: str
    headline: str
    """The number as one equation."""
    lines: tuple[str, ...] = ()
    """How it comes about, outermost loop first."""
    parts: tuple[Part, ...] = ()
    """Terms that sum to the value (``latency``: candidates of which it is the largest)."""
    combine: Literal["sum", "max"] = "sum"
    notes: tuple[str, ...] = ()
    """Prices and their sources, bandwidths, and what is not modelled."""

    def __str__(self) -> str:
        lines = [self.headline, *(f"  {line}" for line in self.lines)]
        if self.parts:
            width = max(len(number(x)) for x in (self.value, *(p.value for p in self.parts)))
            lines += [f"  {number(p.value):>{width}}  {p.text}" for p in self.parts]
            if len(self.parts) > 1:
                lines.append(
                    f"  {number(self.value):>{width}}  {'sum' if self.combine == 'sum' else 'largest'}, {self.unit}"
                )
        return "\n".join([*lines, *self.notes])


def number(value: float) -> str:
    """All digits that matter, grouped.

    >>> number(1234567), number(0.5), number(1234.25)
    ('1,234,567', '0.5', '1,234.25')
    """
    if value == int(value) and abs(value) < EXACT:
        return f"{int(value):,}"
    return f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.6g}"


def explain(
    workload: Workload,
    architecture: Architecture,
    mappings: Sequence[Mapping],
    evaluation: Evaluation,
    subject: str,
    einsum: str | None = None,
) -> Explanation:
    """Derive one number of an evaluation of these mappings.

    ``einsum`` restricts it to one Einsum; without it, numbers are those of the whole workload, except that a flow of a
    tensor belongs to the Einsum that moves it.

    Raises:
        SpecError: there is no such number, with what there is.
    """
    return _Explainer(workload, architecture, tuple(mappings), evaluation, einsum).explain(subject)


def subjects(architecture: Architecture, evaluation: Evaluation) -> tuple[str, ...]:
    """Every subject that ``explain`` knows for an evaluation."""
    found: list[str] = list(TOTALS)
    flows = {(r.level, r.tensor, r.flow) for r in evaluation.traffic_rows}
    for name in PriceBook(architecture).components():
        found += [f"{name}.energy"]
        if any(r.component == name for r in evaluation.latency_rows):
            found.append(f"{name}.latency")
        level = next((x for x in architecture.levels if x.name == name), None)
        if isinstance(level, Memory):
            tensors = sorted({t for name, t, _ in flows if name == level.name})
            found += [f"{level.name}.occupancy"] if tensors else []
            for t in tensors:
                found += [f"{level.name}.{flow}.{t}" for flow in FLOWS if (level.name, t, flow) in flows]
                found += [f"{level.name}.energy.{t}", f"{level.name}.occupancy.{t}"]
        if isinstance(level, Array):
            hops = {r.tensor for r in evaluation.action_rows if r.component == level.name and r.action == "hop"}
            found += [f"{level.name}.hop.{t}" for t in sorted(hops)]
    return tuple(found)


@dataclass
class _Explainer:
    workload: Workload
    architecture: Architecture
    mappings: tuple[Mapping, ...]
    evaluation: Evaluation
    einsum: str | None
    _nests: dict[str, BoundNest] = field(default_factory=dict)

    @cached_property
    def book(self) -> PriceBook:
        return PriceBook(self.architecture)

    # What is asked

    def explain(self, subject: str) -> Explanation:
        if self.einsum is not None and self.einsum not in self.evaluation.points:
            known = list(self.evaluation.points)
            raise SpecError([Problem(f"no such Einsum here: {self.einsum!r}", hint=did_you_mean(self.einsum, known))])
        words = subject.split(".")
        if len(words) == 1 and subject in TOTALS:
            return self.total(subject)
        level = next((x for x in self.architecture.levels if x.name == words[0]), None)
        if words[0] not in self.book.components() or len(words) not in (2, 3):
            raise self.unknown(subject)
        tensor = words[2] if len(words) == 3 else None
        if words[1] == "energy":
            return self.component_energy(subject, words[0], tensor)
        if words[1] == "latency" and tensor is None:
            return self.component_latency(subject, words[0])
        if words[1] == "occupancy" and isinstance(level, Memory):
            return self.occupancy(subject, level, tensor)
        if words[1] == "hop" and isinstance(level, Array):
            return self.hops(subject, level, tensor)
        if words[1] in FLOWS and isinstance(level, Memory):
            return self.flow(subject, level, words[1], tensor)
        raise self.unknown(subject)

    def unknown(self, subject: str) -> SpecError:
        known = subjects(self.architecture, self.evaluation)
        first = subject.split(".", maxsplit=1)[0]
        near = [s for s in known if s.split(".")[0] == first] or [s for s in known if s.endswith(subject)] or known
        suggestion = did_you_mean(subject, near)
        return SpecError([Problem(f"no such number: {subject!r}", hint=suggestion or f"known: {', '.join(near)}")])

    def einsums(self) -> list[str]:
        return [self.einsum] if self.einsum is not None else list(self.evaluation.points)

    def times(self, einsum: str) -> str:
        """How often an Einsum runs, for arithmetic: empty for once."""
        count = self.evaluation.counts[einsum]
        return "" if count == 1 else f"{count} × "

    # Totals

    def total(self, subject: str) -> Explanation:
        e = self.evaluation
        if subject == "energy":
            return self.energy()
        if subject == "latency":
            return self.latency()
        if subject == "area":
            return self.area()
        energy, latency = self.energy(), self.latency()
        if subject == "edp":
            value = energy.value * latency.value
            text = f"EDP = {number(energy.value)} pJ × {number(latency.value)} cycles = {value:.6g} pJ·cycles"
            return Explanation(subject, value, "pJ·cycles", text)
        names = self.einsums()
        points, peak = sum(e.points[n] * e.counts[n] for n in names), e.peak_of(names)
        value = points / (latency.value * peak) if latency.value else 0.0
        head = (
            f"utilisation = {points:,} points / ({number(latency.value)} cycles × {number(peak)} per cycle)"
            f" = {100 * value:.4g} %"
        )
        return Explanation(subject, value, "", head, notes=("See `latency` for what the cycles are spent on.",))

    def energy(self) -> Explanation:
        e = self.evaluation
        by_part: dict[tuple[str, str], float] = {}
        for row in e.action_rows:
            if row.einsum in self.einsums():
                key = (row.component, row.action.split(" ")[0])
                by_part[key] = by_part.get(key, 0.0) + row.energy_pj * e.counts[row.einsum]
        parts = tuple(Part(f"{component} {action}", pj) for (component, action), pj in by_part.items())
        value = e.energy_pj if self.einsum is None else sum(p.value for p in parts)
        largest = max(parts, key=lambda p: p.value, default=None)
        lines = []
        if largest is not None and value:
            lines.append(f"{100 * largest.value / value:.1f} % of it is {largest.text}")
        free = self.unpriced()
        notes = (f"not modelled (no energy stated): {', '.join(free)}",) if free else ()
        return Explanation("energy", value, "pJ", f"energy = {number(value)} pJ", tuple(lines), parts, notes=notes)

    def unpriced(self) -> list[str]:
        """Levels that state no energy, hops apart."""
        return [x.name for x in self.architecture.levels if not isinstance(x, Array) and not priced(x)]

    def latency(self) -> Explanation:
        e = self.evaluation
        names = self.einsums()
        if len(names) == 1:
            (name,) = names
            rows = [r for r in e.latency_rows if r.einsum == name]
            cycles = e.cycles_by_einsum[name]
            value = cycles * e.counts[name]
            parts = tuple(Part(f"{self.times(name)}{r.component}", r.cycles * e.counts[name]) for r in rows)
            lines = [f"bottleneck: {e.bottlenecks.get(name, 'none')}; see `{e.bottlenecks.get(name, '')}.latency`"]
            notes = self.unlimited(rows)
            return Explanation(
                "latency", value, "cycles", f"latency = {number(value)} cycles", tuple(lines), parts, "max", notes
            )
        parts = tuple(
            Part(f"{self.times(n)}{n} ({e.bottlenecks.get(n, 'none')})", e.cycles_by_einsum[n] * e.counts[n])
            for n in names
        )
        lines = ["Einsums run one after another; each takes as long as its slowest component"]
        value = e.latency_cycles
        return Explanation("latency", value, "cycles", f"latency = {number(value)} cycles", tuple(lines), parts)

    def unlimited(self, rows: Sequence[object]) -> tuple[str, ...]:
        limited = {getattr(r, "component", "") for r in rows}
        free = [m.name for m in self.architecture.memories if m.name not in limited]
        return (f"no bandwidth stated, so no limit: {', '.join(free)}",) if free else ()

    def area(self) -> Explanation:
        stated = [x for x in self.architecture.levels if x.area_mm2 is not None]
        missing = [x.name for x in self.architecture.levels if x.area_mm2 is None]
        notes = (f"not modelled (no area stated): {', '.join(missing)}",) if missing else ()
        if not stated:
            return Explanation("area", math.nan, "mm2", "area: not modelled, no level states one", notes=notes)
        parts = tuple(
            Part(
                f"{x.name}: {self.architecture.copies(x.name):,} × {number(x.area_mm2 or 0.0)} mm2",
                (x.area_mm2 or 0.0) * self.architecture.copies(x.name),
            )
            for x in stated
        )
        value = self.evaluation.area_mm2 if self.evaluation.area_mm2 is not None else sum(p.value for p in parts)
        return Explanation("area", value, "mm2", f"area = {number(value)} mm2", (), parts, notes=notes)

    # Levels

    def component_energy(self, subject: str, component: str, tensor: str | None) -> Explanation:
        rows = [
            r
            for r in self.evaluation.action_rows
            if r.component == component and r.einsum in self.einsums() and tensor in (None, r.tensor)
        ]
        if tensor is not None and not rows:
            raise self.unknown(subject)
        several = len(self.einsums()) > 1
        parts = []
        for r in rows:
            name = f"{r.einsum}: " if several else ""
            what = " ".join(x for x in (r.tensor, r.action) if x)
            text = f"{name}{what}: {self.times(r.einsum)}{self.priced(r)}"
            parts.append(Part(text, r.energy_pj * self.evaluation.counts[r.einsum]))
        value = sum(p.value for p in parts)
        notes = self.price_notes(component)
        return Explanation(subject, value, "pJ", f"{subject} = {number(value)} pJ", (), tuple(parts), notes=notes)

    def priced(self, row: ActionRow) -> str:
        """The arithmetic of one action."""
        meter = self.meter(row.component, row.action)
        if meter is not None:
            of = "hops" if row.action == "hop" else "accesses"
            return f"{number(row.count)} {of} of {meter.width_bits:g} b × {meter.price:g} pJ"
        level = self.architecture.level(row.component)
        if row.action == "leak":
            copies = f"{self.architecture.copies(level.name):,} × {leakage_w(level):g} W"
            return f"{copies} × {number(row.count)} cycles / {self.evaluation.clock_hz:g} Hz"
        kind = row.action.removeprefix("compute ")
        unit = next(u for u in self.architecture.compute_units if u.name == row.component)
        return f"{number(row.count)} {kind} operations × {operation_pj(unit, kind):g} pJ"

    def meter(self, component: str, action: str) -> Meter | None:
        """The meter of energy of an action; null for operations and leakage."""
        every = (self.book.meters[place] for place in self.book.energy)
        return next((m for m in every if (m.component, m.action) == (component, action)), None)

    def price_notes(self, component: str) -> tuple[str, ...]:
        """The row of the energy table of a component, and where it comes from."""
        level = next((x for x in self.architecture.levels if x.name == component), None)
        if isinstance(level, Memory) and not priced(level):
            return (f"{component} states no energy: not modelled",)
        if isinstance(level, ComputeUnit):
            row = price_text(level) or "no energy stated: not modelled"
        else:
            row = "; ".join(
                price_text(self.book.meters[at])
                for at in self.book.energy
                if self.book.meters[at].component == component
            )
        if isinstance(level, Array):
            meter = hop_energy(level)
            return (f"{component}: {meter.price:g} pJ per {meter.width_bits:g} b and hop",)
        if level is None:
            return (f"{component}: {row}",)
        if isinstance(level, Memory):
            read, write = port_energy(level)
            row = f"read {read.price:g} pJ, write {write.price:g} pJ per access of {read.width_bits:g} b"
            row += f" (read = read + drain, write = fill + update{drain_text(level)})"
        return (f"{component}: {row}", f"source: {level.energy_source or 'stated in the architecture file'}")

    def component_latency(self, subject: str, component: str) -> Explanation:
        e = self.evaluation
        rows = [r for r in e.latency_rows if r.component == component and r.einsum in self.einsums()]
        level = next((x for x in self.architecture.levels if x.name == component), None)
        if not rows:
            if isinstance(level, Memory):
                raise SpecError([Problem(f"{subject}: {component} states no bandwidth, so it limits nothing")])
            raise self.unknown(subject)
        parts = []
        for r in rows:
            how = self.unit_cycles(level, r.einsum) if isinstance(level, ComputeUnit) else self.limit_cycles(r)
            name = f"{r.einsum}: " if len(rows) > 1 else ""
            parts.append(Part(f"{name}{self.times(r.einsum)}{how}", r.cycles * e.counts[r.einsum]))
        value = sum(p.value for p in parts)
        return Explanation(subject, value, "cycles", f"{subject} = {number(value)} cycles", (), tuple(parts))

    def unit_cycles(self, unit: ComputeUnit, einsum: str) -> str:
        bound = self.bound(einsum)
        terms = [
            f"{busiest_points(bound, o.at_zero):,} points{_where_zero(o.at_zero)} in the busiest instance × "
            f"{o.per_point} {o.kind} / {operations_per_cycle(unit, o.kind):g} per cycle"
            for o in bound.einsum.operations
        ]
        for array in systolic_arrays(self.architecture, bound):
            overhead = systolic_overhead(self.architecture, array, bound)
            if overhead:
                runs = passes(self.architecture, array, bound)
                held = stationary_tensor(bound.einsum, array.systolic or "output")
                terms.append(
                    f"{runs:,} passes ({held} stays in {array.name}) × {overhead // runs} cycles of fill and drain"
                )
        return " + ".join(terms)

    def limit_cycles(self, row: LatencyRow) -> str:
        """Where the cycles of a component come from: one of its limits."""
        nest = self.nest(row.einsum)
        places = self.book.limits[row.component]
        bits = dict.fromkeys(places, 0)
        for tensor in self.bound(row.einsum).einsum.tensors:
            for c in self.crossings(row.einsum, tensor):
                for place, more in metered(self.book, nest, c):
                    if place in bits:
                        bits[place] += more
        meters = [self.book.meters[place] for place in places]
        level = self.architecture.level(meters[0].level)
        instances = self.instances(level, row.einsum) if isinstance(level, Memory) else 1
        share = f" / {instances:,} instances" if instances > 1 else ""
        for meter, amount in zip(meters, bits.values(), strict=True):
            if math.isclose(meter.cost(amount / instances), row.cycles, rel_tol=1e-12):
                name = PASSED.get(meter.action, meter.action)
                return f"{amount:,} b {name}{share} / {meter.width_bits:g} b per cycle".replace("  ", " ")
        limits = ", ".join(f"{PASSED.get(m.action) or 'all'} {m.width_bits:g} b per cycle" for m in meters)
        total = " and ".join(
            f"{n:,} b {PASSED.get(m.action) or 'in all'}" for m, n in zip(meters, bits.values(), strict=True)
        )
        total += f" in {instances:,} instances together"
        return f"the busiest instance, which has more to do than the others ({total}), at {limits}"

    def instances(self, level: Memory, einsum: str) -> int:
        """Instances of a level that an Einsum's nest uses."""
        bound = self.bound(einsum)
        most = 1
        for holders in bound.holders.values():
            for h in holders:
                if h.level.name == level.name:
                    most = max(most, _instances(h.loops, len(h.loops), bound.einsum.shape))
        return most

    def occupancy(self, subject: str, level: Memory, tensor: str | None) -> Explanation:
        rows = [
            r
            for r in self.evaluation.occupancy_rows
            if r.level == level.name and r.einsum in self.einsums() and tensor in (None, r.tensor)
        ]
        if not rows:
            raise self.unknown(subject)
        parts = []
        for r in rows:
            holder = self.holder(r.einsum, level.name, r.tensor)
            shape = f" = {tile_text(holder)}" if holder is not None else ""
            width = r.bits // r.words if r.words else 0
            name = f"{r.einsum}: " if len({x.einsum for x in rows}) > 1 else ""
            parts.append(Part(f"{name}{r.tensor}: {r.words:,} words{shape}, {width} b each", float(r.bits)))
        if len({r.einsum for r in rows}) > 1:
            largest: dict[str, float] = {}
            for r in rows:
                largest[r.einsum] = largest.get(r.einsum, 0.0) + r.bits
            parts = [Part(name, bits) for name, bits in largest.items()]
        combine: Literal["sum", "max"] = "max" if len({r.einsum for r in rows}) > 1 else "sum"
        value = sum(p.value for p in parts) if combine == "sum" else max(p.value for p in parts)
        room = (
            f"{level.name} has no size stated: unbounded"
            if level.usable_bits is None
            else f"room in one instance: {level.usable_bits:,} b, {100 * value / level.usable_bits:.3g} % used"
        )
        half = ("double buffered: half of its size is usable",) if level.double_buffered else ()
        head = f"{subject} = {number(value)} b in one instance"
        return Explanation(subject, value, "b", head, (), tuple(parts), combine, (room, *half))

    def hops(self, subject: str, array: Array, tensor: str | None) -> Explanation:
        rows = [
            r
            for r in self.evaluation.action_rows
            if (r.component, r.action) == (array.name, "hop")
            and r.einsum in self.einsums()
            and tensor in (None, r.tensor)
        ]
        if not rows:
            raise self.unknown(subject)
        meter = hop_energy(array)
        parts = []
        for r in rows:
            for c in self.crossings(r.einsum, r.tensor):
                for name, words in c.hops:
                    if name == array.name and words:
                        child = c.child.level.name if c.child is not None else self.bound(r.einsum).unit.name
                        scale = _scale(c.parent.tensor, array, meter)
                        what = f"{words:,} words of {r.tensor} delivered to or collected from {child}{scale}"
                        parts.append(Part(what, meter.amount(stored_bits(c.parent.tensor, array, words))))
        value = sum(r.count for r in rows)
        return Explanation(
            subject,
            value,
            "hops",
            f"{subject} = {number(value)} hops",
            ("one hop per receiver of a word below the array, one per sender on the way up",),
            tuple(parts),
            notes=self.price_notes(array.name),
        )

    # Flows

    def flow(self, subject: str, level: Memory, flow: str, tensor: str | None) -> Explanation:
        rows = [
            r
            for r in self.evaluation.traffic_rows
            if (r.level, r.flow) == (level.name, flow) and r.einsum in self.einsums() and tensor in (None, r.tensor)
        ]
        if not rows:
            raise self.unknown(subject)
        if len(rows) > 1:
            several = len({r.einsum for r in rows}) > 1
            parts = tuple(Part(f"{r.einsum}: {r.tensor}" if several else r.tensor, r.words) for r in rows)
            total = sum(r.words for r in rows)
            return Explanation(
                subject, total, "words", f"{subject} = {total:,} words (one execution of each Einsum)", (), parts
            )
        (row,) = rows
        return self.one_flow(subject, level, flow, row.einsum, row.tensor, row.words)

    def one_flow(self, subject: str, level: Memory, flow: str, einsum: str, tensor: str, words: int) -> Explanation:
        lines: list[str] = []
        parts: list[Part] = []
        heads: list[str] = []
        relevant = [c for c in self.crossings(einsum, tensor) if self.touches(c, level, flow)]
        for c in relevant:
            derivation = _derive(self.architecture, c, flow, self.bound(einsum).unit.name)
            lines += derivation.lines
            parts += derivation.parts
            heads.append(derivation.head)
        count = self.evaluation.counts[einsum]
        often = f" in each of {count} executions of {einsum}" if count != 1 else ""
        if not relevant:
            head = f"{subject} = {words:,} words: {self.no_traffic(level, flow, einsum, tensor)}"
        elif len(heads) == 1:
            head = (
                f"{subject} = {heads[0]} = {words:,} words{often}"
                if heads[0]
                else f"{subject} = {words:,} words{often}"
            )
        else:
            head = f"{subject} = {words:,} words{often}, from {len(heads)} boundaries"
        return Explanation(
            subject,
            words,
            "words",
            head,
            tuple(lines),
            tuple(parts),
            notes=self.flow_price(level, flow, einsum, tensor, words),
        )

    def touches(self, c: Crossing, level: Memory, flow: str) -> bool:
        rises = bool(c.update) or (c.child is not None and c.child.output_like)
        if flow in ("read", "update"):
            return c.parent.level.name == level.name and (flow == "read" or rises)
        return c.child is not None and c.child.level.name == level.name and (flow == "fill" or rises)

    def no_traffic(self, level: Memory, flow: str, einsum: str, tensor: str) -> str:
        holder = self.holder(einsum, level.name, tensor)
        if holder is None:
            return f"{tensor} is not held here"
        if flow in ("fill", "drain") and holder.parent is None:
            return f"{level.name} is the outermost holder of {tensor}: nothing is above it"
        if flow in ("update", "drain") and not holder.output_like:
            return f"{tensor} is only read below {level.name}"
        return "nothing moves"

    def flow_price(self, level: Memory, flow: str, einsum: str, tensor: str, words: int) -> tuple[str, ...]:
        meter = next((m for m in port_energy(level) if any(tap.flow == flow for tap in m.taps)), None)
        if meter is None:
            return (f"energy: {flow}s of {level.name} are free ({flow}: free)",)
        whose = self.workload.einsum(einsum).tensors[tensor]
        energy = meter.cost(stored_bits(whose, level, words))
        scale = _scale(whose, level, meter)
        first = f"energy: {words:,} {meter.action} words{scale} × {meter.price:g} pJ = {number(energy)} pJ"
        return (first, *self.price_notes(level.name))

    # What the nest says

    def nest(self, einsum: str) -> BoundNest:
        found = self._nests.get(einsum)
        if found is None:
            mapping = next((m for m in self.mappings if einsum in einsums_in(m.nest)), None)
            if mapping is None:
                raise SpecError([Problem(f"no mapping computes {einsum}")])
            found = bind(self.workload, self.architecture, mapping)
            self._nests.update(dict.fromkeys(einsums_in(mapping.nest), found))
        return found

    def bound(self, einsum: str) -> BoundEinsum:
        return next(b for b in self.nest(einsum).einsums if b.einsum.name == einsum)

    def crossings(self, einsum: str, tensor: str) -> list[Crossing]:
        """Boundaries of a tensor whose traffic belongs to an Einsum."""
        nest = self.nest(einsum)
        found = [
            cross(self.architecture, h)
            for h in nest.holders
            if h.parent is not None and h.tensor.name == tensor and h.owner.name == einsum
        ]
        if tensor in self.bound(einsum).einsum.tensors:
            bound = self.bound(einsum)
            found += [cross_access(self.architecture, bound, a) for a in bound.einsum.accesses_of(tensor)]
        return found

    def holder(self, einsum: str, level: str, tensor: str) -> Holder | None:
        for h in self.nest(einsum).holders:
            if (h.level.name, h.tensor.name, h.owner.name) == (level, tensor, einsum):
                return h
        return None


def _scale(tensor: Tensor, level: Level, meter: Meter) -> str:
    """How words make accesses or hops, for arithmetic: empty where they are as wide."""
    bits = stored_bits(tensor, level, 1)
    return "" if bits == meter.width_bits else f" × {bits} b / {meter.width_bits:g} b"


# One boundary


@dataclass(frozen=True, slots=True)
class _Derivation:
    head: str
    lines: tuple[str, ...]
    parts: tuple[Part, ...]


def _derive(architecture: Architecture, c: Crossing, flow: str, unit: str) -> _Derivation:
    """How the words of one flow across one boundary come about."""
    start = len(c.parent.loops)
    receiver = c.child.level.name if c.child is not None else unit
    down = deliver_modes(architecture, c.parent.level.name, receiver)
    up = collect_modes(architecture, c.parent.level.name, receiver)
    if c.child is None:
        return _derive_compute(c, flow, down, up, unit)
    alone = len(c.child.loops)
    at_child = flow in ("fill", "drain")
    merged_from = alone if at_child else start
    modes: Modes = () if at_child else (down if flow == "read" else up)
    leaving = flow in ("update", "drain")
    value = {"fill": c.fill, "read": c.read, "update": c.update, "drain": c.drain}[flow]
    events = _events(c.down, merged_from, modes, leaving=leaving)
    lines = [_boundary(c, receiver), *_loop_lines(c, events, leaving=leaving)]
    parts = _event_parts(c, events, merged_from, leaving=leaving)
    moved = sum(whole - kept for _, whole, kept in events)
    tile = c.down.largest()
    word = "drained" if leaving else "asked for"
    head = ""
    alike = c.down.exact and c.down.rigid and all(kept in (0, whole) for _, whole, kept in events)
    if moved == value and moved % tile == 0 and alike:
        tiles = moved // tile
        head = f"{tiles:,} tile{'s' if tiles != 1 else ''} × {tile:,} words"
        lines += _tile_count(c, events, merged_from, tiles)
    if not leaving and c.child.output_like:
        firsts = moved - value
        what = "first touches: nothing is there yet" if firsts else "first touches"
        parts.append(Part(f"− {what} (words {receiver} never had before)", -firsts))
        head = f"{moved:,} {word} − {firsts:,} first touches"
    if not at_child:
        whole_chip = {"read": c.fill, "update": c.drain}[flow]
        lines.append(_merging(c, flow, whole_chip, value))
    return _Derivation(head, tuple(lines), tuple(parts))


def _derive_compute(c: Crossing, flow: str, down: Modes, up: Modes, unit: str) -> _Derivation:
    """Words between the innermost holder and the compute instances: one per access at every step."""
    start, alone = len(c.parent.loops), len(c.down.loops)
    modes = up if c.update else down
    merged = c.down.accesses(start, modes)
    points = c.down.accesses(alone, ())
    tensor = c.parent.tensor.name
    zero = _where_zero(c.access.at_zero if c.access is not None else frozenset())
    lines = [f"{c.parent.level.name} → {unit}: every operation{zero} asks for its word of {tensor}, {points:,} in all"]
    if merged != points:
        factor = number(points / merged)
        how = "spatial reduction" if c.update else "multicast"
        lines.append(f"{how} across {', '.join(n for n, _ in modes)}: {points:,} become {merged:,} ({factor} to one)")
    parts = [Part("words of all steps" if merged == points else f"words of all steps after {_how(c)}", merged)]
    head = f"{merged:,}"
    if flow == "read" and c.update:
        firsts = merged - c.read
        parts[0] = Part("updates, each of which reads the old value first", merged)
        parts.append(Part("− first touches: there is no old value", -firsts))
        head = f"{merged:,} updates − {firsts:,} first touches"
    return _Derivation(
        head if len(parts) > 1 or merged != points else f"{points:,} operations × 1", tuple(lines), tuple(parts)
    )


def _where_zero(at_zero: frozenset[str]) -> str:
    """Where a term that is not reduced over these rank variables is evaluated."""
    return f" where {', '.join(sorted(at_zero))} {'are' if len(at_zero) > 1 else 'is'} 0" if at_zero else ""


def _how(c: Crossing) -> str:
    return "spatial reduction" if c.update else "multicast"


def _events(moving: Motion, merged_from: int, modes: Modes, *, leaving: bool) -> list[tuple[Event, int, int]]:
    """(event, words of the tiles, words that need not move), which sum to what moves."""
    backwards = leaving and not (moving.exact and moving.rigid)
    edge = Event("end" if backwards else "start", moving.scope)
    found = []
    for event, fresh in [(edge, True), *((e, False) for e in moving.steps())]:
        whole, kept = moving.event_sums(event, merged_from, None, modes, leaving=backwards, fresh=fresh)
        found.append((event, whole, 0 if fresh else kept))
    return found


def _boundary(c: Crossing, receiver: str) -> str:
    words = c.down.largest()
    shape = tile_text(c.child) if c.child is not None else ""
    size = f"{shape} = {words:,}" if shape else f"{words:,}"
    plural = "" if words == 1 else "s"
    return f"{c.parent.level.name} → {receiver}: the tile of {c.parent.tensor.name} has {size} word{plural}"


def _loop_lines(c: Crossing, events: list[tuple[Event, int, int]], *, leaving: bool) -> list[str]:
    """One line per loop above the tile: what it does to it."""
    tensor = c.parent.tensor.name
    moves = {event.loop: (whole, kept) for event, whole, kept in events if event.kind == "step"}
    indexing = {v for g in c.down.groups for v in g.rank_variables}
    movers = [at for at, (whole, kept) in moves.items() if kept < whole]
    lines = []
    for at, loop in enumerate(c.down.loops):
        if loop.rank_variable in c.down.frozen:
            stated = c.child.loops[at] if c.child is not None else loop
            asked = f"{tensor} is asked for{_where_zero(frozenset((loop.rank_variable,)))}"
            lines.append(f"`{_sentence(stated)}` costs nothing: {asked}, once for each output word")
            continue
        steps = _steps(c.down.loops, at, c.down.extents)
        text = f"`{_sentence(loop)}` ({steps} step{'s' if steps != 1 else ''})"
        index = loop.rank_variable in indexing
        inner = next((m for m in movers if m > at), None)
        if steps == 1:
            does = "is not a loop"
        elif loop.spatial:
            does = f"gives {steps} instances {'their own tile' if index else f'the same tile of {tensor}'}"
        elif at < c.down.scope:
            does = "is outside the sequence: every step starts the branch, and the level, afresh"
        elif index and at in movers:
            whole, kept = moves[at]
            does = "moves the tile" if not kept else f"slides the tile: {kept:,} of {whole:,} words stay"
        elif inner is not None:
            inside = f"`for {c.down.loops[inner].rank_variable}` inside it"
            does = f"does not index {tensor}: {inside} {'takes' if leaving else 'brings'} each tile"
            does += f" {'away' if leaving else 'back'} {steps} times"
        else:
            does = f"does not index {tensor} and nothing inside it moves the tile: costs nothing"
        lines.append(f"{text} {does}")
    return lines


def _tile_count(c: Crossing, events: list[tuple[Event, int, int]], merged_from: int, tiles: int) -> list[str]:
    """The number of tiles as a product over loops, where it is one."""
    movers = [event.loop for event, whole, kept in events if event.kind == "step" and kept < whole]
    loops = c.down.loops
    factors = []
    for at, loop in enumerate(loops):
        steps = _steps(loops, at, c.down.extents)
        if steps > 1 and (at < merged_from if loop.spatial else at <= max(movers, default=-1)):
            factors.append((steps, f"{steps} ({'parallel' if loop.spatial else 'for'} {loop.rank_variable})"))
    if len(factors) < 2 or math.prod(steps for steps, _ in factors) != tiles:
        return []
    return [f"{tiles:,} tiles = {' × '.join(text for _, text in factors)}"]


def _event_parts(c: Crossing, events: list[tuple[Event, int, int]], merged_from: int, *, leaving: bool) -> list[Part]:
    parts = []
    loops = c.down.loops
    merged = merged_from < len(loops) and any(x.spatial for x in loops[merged_from:])
    for event, whole, kept in events:
        moved = whole - kept
        if event.kind == "step" and moved == 0:
            continue
        if event.kind == "step":
            happens = _transitions(c.down, event.loop)
            text = f"`for {loops[event.loop].rank_variable}` steps"
        else:
            happens = _lives(c.down)
            text = f"the {'last' if leaving else 'first'} tile{' of each run of the branch' if happens > 1 else ''}"
        copies = _instances(loops, merged_from, c.down.extents)
        times = happens * copies
        after = " after merging the instances" if merged else ""
        if c.down.exact and c.down.rigid and times and moved % times == 0:
            where = f" × {copies:,} instances" if copies > 1 else ""
            text += f": {happens:,} time{'s' if happens != 1 else ''}{where} × {moved // times:,} words{after}"
        elif kept:
            text += f": {whole:,} words of the new tiles − {kept:,} that are there already{after}"
        else:
            text += f": {whole:,} words{'' if c.down.exact else ' in all (tiles differ: they do not divide)'}{after}"
        parts.append(Part(text, moved))
    return parts


def _merging(c: Crossing, flow: str, below: int, above: int) -> str:
    names = [x.array for x in c.down.loops[len(c.parent.loops) :] if x.array is not None]
    names = list(dict.fromkeys(names))
    child = c.child.level.name if c.child is not None else "compute"
    word = "filled" if flow == "read" else "drained"
    if not names or below == above:
        return f"{child}: {below:,} words {word}, one for each here"
    how = "multicast" if flow == "read" else "spatial reduction"
    ratio = f"{below / above:.4g}" if above else "0"
    return f"{how} across {', '.join(names)}: {above:,} words serve {below:,} words {word} in {child} ({ratio} to one)"


def tile_text(holder: Holder) -> str:
    """The largest tile of a holder as a product over ranks, or the union of one for each way it is accessed.

    A rank that is indexed by a sum shows the rank variables of its window.
    """
    left: dict[str, int] = {}
    for einsum in holder.einsums:
        for v, extent in einsum.shape.items():
            left.setdefault(v, extent)
    for loop in holder.loops:
        left[loop.rank_variable] = min(left.get(loop.rank_variable, loop.tile), loop.tile)
    accesses = dict.fromkeys(a for e in holder.einsums for a in e.accesses_of(holder.tensor.name))
    images = dict.fromkeys(
        " × ".join(_extent_text(access, rank, left) for rank in range(len(access.indices))) or "1"
        for access in accesses
    )
    return " ∪ ".join(images)


def _extent_text(access: Access, rank: int, left: dict[str, int]) -> str:
    index = access.indices[rank]
    if not index.terms:
        return "1"
    if len(index.terms) == 1:
        v, _ = index.terms[0]
        return f"{v} {left[v]}"
    shown = " + ".join(v if a == 1 else f"{a}*{v}" for v, a in index.terms)
    inside = ", ".join(f"{v} {left[v]}" for v, _ in index.terms)
    return f"[{shown} with {inside}]"


def _sentence(loop: Loop) -> str:
    if loop.array is None:
        return f"for {loop.rank_variable} by {loop.tile}"
    return f"parallel {loop.rank_variable} by {loop.tile} across {loop.array}.{loop.dimension}"


def _steps(loops: Sequence[Loop], at: int, extents: object) -> int:
    left = dict(extents)[loops[at].rank_variable]  # type: ignore[call-overload]
    for loop in loops[:at]:
        if loop.rank_variable == loops[at].rank_variable:
            left = min(left, loop.tile)
    return -(-int(left) // loops[at].tile)


def _instances(loops: Sequence[Loop], until: int, extents: object) -> int:
    return math.prod(_steps(loops, at, extents) for at in range(until) if loops[at].spatial)


def _lives(moving: Motion) -> int:
    return math.prod(
        _steps(moving.loops, at, moving.extents) for at in range(moving.scope) if not moving.loops[at].spatial
    )


def _transitions(moving: Motion, at: int) -> int:
    """How often a loop steps on, over all positions of the loops in time around it."""
    outside = [_steps(moving.loops, k, moving.extents) for k in range(at) if not moving.loops[k].spatial]
    return math.prod(outside) * (_steps(moving.loops, at, moving.extents) - 1)


def einsum_of(workload: Workload, name: str) -> Einsum:
    """The Einsum of that name; SpecError with a hint if there is none."""
    known = [e.name for e in workload.einsums]
    if name not in known:
        raise SpecError([Problem(f"no such Einsum: {name!r}", hint=did_you_mean(name, known))])
    return workload.einsum(name)


__all__ = ["Explanation", "Part", "einsum_of", "explain", "holder_motion", "number", "subjects", "tile_text"]
