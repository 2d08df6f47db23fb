"""The price book: what every word that crosses a boundary, every operation and every cycle costs.

Energy and every limit of latency are linear in the words that cross boundaries. A *meter* counts some of these flows:
it belongs to a component, has a width in bits and a price for each width that has passed. The scalar model, the batch
model, the exact search, the bounds and the explanations all go over the meters of a book, so that a further cost is a
further meter here (``meters``) and nothing else.

Which flow an action charges:

- ``read`` of a memory: the words that its children read, and those that it drains itself (``drain: free``: not those);
- ``write`` of a memory: the words that fill it, and the updates of its children;
- ``hop`` of an array: the words delivered to and collected from each of its children;
- ``enter`` of an array with a network: the words that come to it from above, and that leave it there.

Only words that move are counted, so the first touch of a word costs nothing where it is never read.

Where sums are accumulated, what moves are partial sums, of the width that a level states for them. The last update of
a word finishes it: these words (``last_update``, ``last_drain``, ``last_hop``) are counted among the others, and what
they are narrower is taken off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from costmodel.components.network import Links
from costmodel.model.evaluation import Flow
from costmodel.model.formats import partial_bits, stored_bits
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Level, Memory

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Einsum, Tensor

Moved = Flow | Literal["hop", "last_update", "last_drain", "last_hop"]
"""What may cost something: a flow between two levels, or a hop of an array between them. Those that are the last of
their word are counted there too, and once more by themselves."""
LAST: Mapping[Moved, Moved] = {"update": "last_update", "drain": "last_drain", "hop": "last_hop"}
EXCHANGES = {"": "exchange", "read": "drain", "write": "fill"}
"""Actions of the meters of what a memory exchanges with the one above it, by those of the limits of its ports."""
ENERGY = -1
"""Stands for all meters of energy together, where limits are told by their places."""


class Tap(NamedTuple):
    """A flow that a meter counts."""

    flow: Moved
    at: str
    """The level where its words are counted: reads and updates at the parent, fills and drains at the child."""
    other: str | None = None
    """The level at the other end of the boundary (of hops: the parent); null: whatever it is."""
    through: str | None = None
    """The array that the words have to pass, in whose format they are counted; null: whatever they pass."""


class Meter(NamedTuple):
    """What counts some flows of a component and puts a price on them: pJ, or cycles of one instance."""

    component: str
    action: str
    """``read``, ``write``, ``hop`` …; of a limit that all flows share: empty."""
    unit: Literal["pJ", "cycles"]
    level: str
    """The level of whose instances each has such a meter of its own: a limit is that of the busiest one."""
    taps: tuple[Tap, ...]
    width_bits: float
    """Bits that have to pass for one count: the width of an access or a hop, or what passes in a cycle."""
    price: float
    """Of one count."""

    def amount(self, bits: Any) -> Any:
        """Return the accesses, hops or cycles that bits make; a fraction stays a fraction."""
        return bits / self.width_bits

    def cost(self, bits: Any) -> Any:
        """Return the price of bits that pass, in the meter's unit."""
        return bits / self.width_bits * self.price


class Crossed(Protocol):
    """Words of one tensor across one boundary: integers, or arrays of them (one entry for each mapping)."""

    @property
    def read(self) -> Any: ...
    @property
    def update(self) -> Any: ...
    @property
    def fill(self) -> Any: ...
    @property
    def drain(self) -> Any: ...
    @property
    def last_update(self) -> Any: ...
    @property
    def last_drain(self) -> Any: ...
    @property
    def hops(self) -> Sequence[tuple[str, Any]]:
        """Array → words."""

    @property
    def last_hops(self) -> Sequence[tuple[str, Any]]: ...


class Charge(NamedTuple):
    """A flow at one end of a boundary, and the meters that count it."""

    flow: Moved
    level: Level
    """In whose format its words are counted."""
    other: str | None
    """The level that has to be at the other end; null: whatever it is."""
    places: list[int]
    """Of the meters in the book."""
    at: str
    """The level where its words are counted."""
    through: str | None
    """The array that they have to pass; null: whatever they pass."""

    def words(self, crossed: Crossed) -> Any:
        """Return the words of this flow; zero where hops are not counted."""
        if self.flow in {"hop", "last_hop"}:
            hops = crossed.hops if self.flow == "hop" else crossed.last_hops
            return sum(words for name, words in hops if name == self.at)
        return getattr(crossed, self.flow)

    def bits(self, tensor: Tensor, words: Any, *, sums: bool) -> Any:
        """Return the bits of words of this flow; of those that are the last, what they are narrower (negative)."""
        if self.flow not in LAST.values():
            return stored_bits(tensor, self.level, words, sums=sums)
        return stored_bits(tensor, self.level, words) - stored_bits(tensor, self.level, words, sums=sums)


class PriceBook:
    """The meters of an architecture."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self.meters = tuple(meters(architecture))
        self._levels = {level.name: (place, level) for place, level in enumerate(architecture.levels)}
        self._above: dict[str, list[Charge]] = {}
        """Parent → what is counted there; likewise of children and of arrays."""
        self._below: dict[str, list[Charge]] = {}
        self._between: dict[str, list[Charge]] = {}
        ends = {"read": self._above, "update": self._above, "fill": self._below, "drain": self._below}
        places: dict[Tap, list[int]] = {}
        for place, meter in enumerate(self.meters):
            for tap in meter.taps:
                if tap not in places:
                    level = self._levels[tap.through or tap.at][1]
                    charge = Charge(tap.flow, level, tap.other, places.setdefault(tap, []), tap.at, tap.through)
                    listed = ends.get(tap.flow, self._between).setdefault(tap.at, [])
                    listed.append(charge)
                    if tap.flow in LAST and partial_bits(charge.level):
                        listed.append(charge._replace(flow=LAST[tap.flow]))
                places[tap].append(place)
        self._charges: dict[tuple[str, str, bool], list[Charge]] = {}
        self._per_word: dict[tuple[Tensor, str, str, bool], list[tuple[Charge, dict[int, float]]]] = {}

    def charges(self, parent: str, child: str, *, sums: bool = False) -> list[Charge]:
        """Return the flows between two levels that some meter counts; the child holds words or computes.

        ``sums``: partial sums cross. What a compute unit then has read is the old value of what it updates, which
        stays where it is held: it passes no array.
        """
        found = self._charges.get((parent, child, sums))
        if found is None:
            found = [c for c in self._above.get(parent, ()) if c.other in (None, child)]
            found += [c for c in self._below.get(child, ()) if c.other in (None, parent)]
            (outer, _), (inner, unit) = self._levels[parent], self._levels[child]
            for array, charges in self._between.items():
                if outer < self._levels[array][0] < inner:
                    found += [c for c in charges if c.other in (None, parent)]
            stays = sums and isinstance(unit, ComputeUnit)
            found = [c for c in found if self._passes(c, outer, inner, stays=stays)]
            self._charges[parent, child, sums] = found
        return found

    def _passes(self, charge: Charge, outer: int, inner: int, *, stays: bool) -> bool:
        """Whether words between two places pass the array that a charge asks for; ``stays``: what is read does not."""
        if charge.through is None:
            return True
        return outer < self._levels[charge.through][0] < inner and not (stays and charge.flow == "read")

    def bits(
        self, tensor: Tensor, parent: str, child: str, crossed: Crossed, *, sums: bool
    ) -> Iterator[tuple[int, Any]]:
        """Yield (place of a meter, bits that it counts) of what crosses one boundary. ``sums``: partial sums do."""
        for charge in self.charges(parent, child, sums=sums):
            bits = charge.bits(tensor, charge.words(crossed), sums=sums)
            for place in charge.places:
                yield place, bits

    def per_word(self, tensor: Tensor, parent: str, child: str, *, sums: bool) -> list[tuple[Charge, dict[int, float]]]:
        """Return what one word of each flow across a boundary costs: energy, and cycles by the place of each limit."""
        key = (tensor, parent, child, sums)
        found = self._per_word.get(key)
        if found is None:
            found = self._per_word[key] = []
            for charge in self.charges(parent, child, sums=sums):
                bits = charge.bits(tensor, 1, sums=sums)
                costs: dict[int, float] = {}
                for place in charge.places:
                    meter = self.meters[place]
                    row = ENERGY if meter.unit == "pJ" else place
                    costs[row] = costs.get(row, 0.0) + meter.cost(bits)
                found.append((charge, {row: cost for row, cost in costs.items() if cost}))
        return found

    def price(
        self,
        row: int,
        tensor: Tensor,
        flow: Moved,
        parent: str,
        child: str,
        array: str | None = None,
        *,
        sums: bool = False,
        stays: bool = False,
    ) -> float:
        """Return what one word of a flow (of hops: of one array) costs across a boundary: ``ENERGY``, or one limit.

        ``stays``: of an old value that is read where it is held, to be updated.
        """
        return sum(
            costs.get(row, 0.0)
            for charge, costs in self.per_word(tensor, parent, child, sums=sums)
            if charge.flow == flow and array in (None, charge.at) and not (stays and charge.through)
        )

    @cached_property
    def energy(self) -> list[int]:
        """Places of the meters of energy."""
        return [place for place, meter in enumerate(self.meters) if meter.unit == "pJ"]

    @cached_property
    def limits(self) -> dict[str, list[int]]:
        """Component → places of its meters of cycles."""
        found: dict[str, list[int]] = {}
        for place, meter in enumerate(self.meters):
            if meter.unit == "cycles":
                found.setdefault(meter.component, []).append(place)
        return found

    @cached_property
    def leaks(self) -> list[tuple[str, float]]:
        """(level, pJ per cycle) of every level that leaks."""
        return leaks(self.architecture)

    def components(self) -> list[str]:
        """Names of the levels, outermost first, and of what else has a meter."""
        names = [level.name for level in self.architecture.levels]
        return list(dict.fromkeys((*names, *(m.component for m in self.meters))))

    def prices_hops(self, arrays: Sequence[str]) -> bool:
        """Whether hops of some of these arrays cost anything."""
        return any(m.price and any(t.flow == "hop" and t.at in arrays for t in m.taps) for m in self.meters)


# What has meters


def meters(architecture: Architecture) -> Iterator[Meter]:
    """Yield all meters of an architecture: energy and limits of each level, outermost first."""
    for level in architecture.levels:
        if isinstance(level, Memory):
            yield from port_energy(level)
            yield from port_limits(level)
            yield from exchange_limits(level)
        elif isinstance(level, Array):
            yield hop_energy(level)
            yield from network_meters(architecture, level)


def _read_taps(memory: Memory) -> tuple[Tap, ...]:
    drained = (Tap("drain", memory.name),) if charges_drain(memory) else ()
    return (Tap("read", memory.name), *drained)


def _write_taps(memory: Memory) -> tuple[Tap, ...]:
    return (Tap("update", memory.name), Tap("fill", memory.name))


def charges_drain(memory: Memory) -> bool:
    """Whether a drain costs the memory that drains a read."""
    return memory.drain == "charged"


def port_energy(memory: Memory) -> tuple[Meter, Meter]:
    """Return the meters of the energy of reads and of writes."""
    name, width = memory.name, memory.access_bits
    return (
        Meter(name, "read", "pJ", name, _read_taps(memory), width, memory.read_pj),
        Meter(name, "write", "pJ", name, _write_taps(memory), width, memory.write_pj),
    )


def port_limits(memory: Memory) -> list[Meter]:
    """Return a meter of cycles for each limit of bandwidth: of the port that all share, of reads, of writes.

    And of what is read, where only so much may be asked for at a time (Little's law).
    """
    name, reads, writes = memory.name, _read_taps(memory), _write_taps(memory)
    in_flight = None if memory.in_flight_bits is None else memory.in_flight_bits / memory.latency_cycles
    stated = (
        ("", reads + writes, memory.bandwidth_bits_per_cycle),
        ("read", reads, memory.read_bits_per_cycle),
        ("write", writes, memory.write_bits_per_cycle),
        ("in flight", (Tap("read", name),), in_flight),
    )
    return [Meter(name, action, "cycles", name, taps, rate, 1.0) for action, taps, rate in stated if rate is not None]


def exchange_limits(memory: Memory) -> Iterator[Meter]:
    """Yield the meters of fills and drains at each port of a memory during whose exchanges nothing else goes on."""
    for port in port_limits(memory) if memory.overlap == "none" else ():
        if port.action in EXCHANGES:
            exchanged = tuple(tap for tap in port.taps if tap.flow in ("fill", "drain"))
            yield port._replace(action=EXCHANGES[port.action], taps=exchanged)


def first_word_cycles(level: Level) -> float:
    """Return how long an Einsum waits for the first word of a memory, or to come through an array without gaps."""
    if isinstance(level, Array):
        gapless = level.systolic is not None and level.overlap == "all"
        return float(skew_cycles(level)) if gapless else 0.0
    return level.latency_cycles if isinstance(level, Memory) else 0.0


def links_of(array: Array) -> Links:
    """Return the links that words take in an array: one for each child where no network is described."""
    return Links(0.0, 1.0) if array.network is None else array.network.links(array.shape)


def hop_energy(array: Array) -> Meter:
    """Return the meter of the energy of hops: of the links that a word takes for each child."""
    price = array.hop_pj * links_of(array).instance
    return Meter(array.name, "hop", "pJ", array.name, (Tap("hop", array.name),), array.hop_bits, price)


def network_meters(architecture: Architecture, array: Array) -> Iterator[Meter]:
    """Yield the meters of a network: the energy of what enters it, and the limits of its links.

    The limits are those of a network that stands in no other array, so that there is one of it: of the links to what is
    above it, of those to the instances, and of the links in the middle, which a part of what enters has to pass.
    """
    if array.network is None:
        return
    name, outside = array.name, architecture.levels[: architecture.index(array.name)]
    entering = _entering(outside, name)
    yield Meter(name, "enter", "pJ", name, entering, array.hop_bits, array.hop_pj * links_of(array).word)
    if any(isinstance(level, Array) for level in outside):
        return
    for action, rate in link_rates(array).items():
        taps = (Tap("hop", name),) if action == "deliver" else entering
        yield Meter(name, action, "cycles", name, taps, rate, 1.0)


def link_rates(array: Array) -> dict[str, float]:
    """Return the bits that a network lets ``enter`` in a cycle, delivers, and lets enter by its middle (``bisect``)."""
    network = array.network
    if network is None:
        return {}
    return {action: float(words * network.link_bits) for action, words in network.words_per_cycle(array.shape).items()}


def _entering(outside: Sequence[Level], array: str) -> tuple[Tap, ...]:
    """Return what comes to an array and leaves it: from the memories above it, or from the array above these."""
    taps: list[Tap] = []
    for level in reversed(outside):
        if isinstance(level, Array):
            return (*taps, Tap("hop", level.name, through=array))
        if isinstance(level, Memory):
            taps += [Tap("read", level.name, through=array), Tap("update", level.name, through=array)]
    return tuple(taps)


# Operations


def operation_pj(unit: ComputeUnit, kind: str) -> float:
    """Return the energy of one operation of a kind."""
    return unit.energy_of(kind)


def operations_per_cycle(unit: ComputeUnit, kind: str) -> float:
    """Return how many operations of a kind one instance performs in a cycle."""
    return unit.rate_of(kind)


def compute_pj(einsum: Einsum, unit: ComputeUnit) -> float:
    """Return the energy of all operations of an Einsum."""
    return sum(count * operation_pj(unit, kind) for kind, count in einsum.operation_counts.items())


def point_cycles(einsum: Einsum, unit: ComputeUnit) -> dict[frozenset[str], float]:
    """Return how long a point keeps a compute instance busy, by the rank variables that have to be 0 there for it."""
    found: dict[frozenset[str], float] = {}
    for o in einsum.operations:
        found[o.at_zero] = found.get(o.at_zero, 0.0) + o.per_point / operations_per_cycle(unit, o.kind)
    return found


def cycles_per_point(einsum: Einsum, unit: ComputeUnit) -> float:
    """Return the cycles that every point of the iteration space keeps a compute instance busy."""
    return point_cycles(einsum, unit).get(frozenset(), 0.0)


def pass_cycles(array: Array, rows: str) -> int:
    """Return what a pass of a systolic array pays for skew and for loading what stays.

    A pass of an R × C array pays R + C − 2 cycles of skew and, where a weight or input stays, R to load it; R is the
    size of the dimension ``rows``, along which partial sums flow. Zero where the array is not systolic.
    Where the next pass is loaded during the present one, passes pay nothing (``first_word_cycles``: the first one).
    (Agrees with SCALE-Sim v3, cycle by cycle, for full and partial passes.)
    """
    if array.systolic is None or array.overlap == "all":
        return 0
    return skew_cycles(array) + (0 if array.systolic == "output" else array.shape[rows])


def skew_cycles(array: Array) -> int:
    """Return how long the far corner of a systolic array waits for what enters at its edges."""
    return sum(size - 1 for size in array.shape.values())


# Leakage


def leakage_w(level: Level) -> float:
    """Return the power that one instance of a level leaks."""
    return level.leakage_w


def leaks(architecture: Architecture) -> list[tuple[str, float]]:
    """Return (level, pJ per cycle) of every level that leaks: of all its physical instances, idle ones too."""
    return [
        (x.name, leakage_w(x) * architecture.copies(x.name) / architecture.clock_hz * 1e12)
        for x in architecture.physical
        if leakage_w(x)
    ]


def leak_pj_per_cycle(architecture: Architecture) -> float:
    """Return what the whole chip leaks in a cycle."""
    return sum(pj for _, pj in leaks(architecture))


# For people


def priced(level: Level) -> bool:
    """Whether a level states an energy. Memories have to, and 0 is a price; of hops it is as good as none."""
    if isinstance(level, ComputeUnit):
        return bool(level.energy_pj)
    return isinstance(level, Memory) or bool(hop_energy(level).price)


def price_text(what: Level | Meter) -> str:
    """Say the prices of a level, or of one meter.

    >>> price_text(Memory(name="GLB", read_pj=2, write_pj=3.5, access_bits=16))
    'read 2 pJ, write 3.5 pJ per 16 b'
    """
    if isinstance(what, Meter):
        return f"{what.action} {what.price:g} pJ per {what.width_bits:g} b"
    if isinstance(what, ComputeUnit):
        return ", ".join(f"{kind} {pj:g} pJ" for kind, pj in what.energy_pj.items())
    if isinstance(what, Array):
        return network_text(what) or price_text(hop_energy(what))
    read, write = port_energy(what)
    return f"read {read.price:g} pJ, write {write.price:g} pJ per {read.width_bits:g} b"


def network_text(array: Array) -> str:
    """Say what connects an array and what its links cost; empty where no network is described."""
    if array.network is None:
        return ""
    return f"{array.network.topology}, {array.hop_pj:.4g} pJ per {array.hop_bits:g} b and link"


def links_text(array: Array) -> str:
    """Say how many links words take, and what links carry; empty where no network is described.

    >>> from costmodel.components.network import Network
    >>> links_text(Array(name="PEs", shape={"X": 4}, network=Network(topology="bus", link_bits=16)))
    'links: 4 a word, 0 an instance; b/cycle: enter 16, deliver 64'
    """
    if array.network is None:
        return ""
    links = links_of(array)
    rates = ", ".join(f"{action} {rate:g}" for action, rate in link_rates(array).items())
    return f"links: {links.word:.4g} a word, {links.instance:.4g} an instance; b/cycle: {rates}"


def drain_text(memory: Memory) -> str:
    """Say that drains are free, where they are."""
    return "" if charges_drain(memory) else "; drains are free here"


def waits_text(memory: Memory) -> str:
    """Say what waits for a memory, where something does.

    >>> waits_text(Memory(name="GLB", overlap="none", latency_cycles=30))
    'first word after 30 cycles, nothing overlaps its exchanges'
    """
    first = f"first word after {memory.latency_cycles:g} cycles" if memory.latency_cycles else ""
    return ", ".join(filter(None, (first, "nothing overlaps its exchanges" if memory.overlap == "none" else "")))
