"""What a run counted: words, operations and hops summed up, the cycles that they take, the room that tiles need."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING

from costmodel.model.evaluation import FLOWS, WAITING, Flow, LatencyRow, OccupancyRow, TrafficRow
from costmodel.model.walk.counted import OperationRow, PassRow, PortRow, WalkResult
from costmodel.model.walk.pipeline import overlap_rows
from costmodel.spec.hardware import Array, ComputeUnit, Memory
from costmodel.spec.mapping import Sequence, Storage

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Einsum
    from costmodel.model.walk.run import Run
    from costmodel.model.walk.state import Holder, Instance
    from costmodel.spec.hardware import Architecture, Level
    from costmodel.spec.mapping import Nest


def result(run: Run) -> WalkResult:
    """All that a run counted."""
    holders = list(run.holders.values())
    traffic: Counter[tuple[str, str, str, Flow]] = Counter()
    bits: Counter[tuple[str, str, str, Flow]] = Counter()
    for h in holders:
        for einsum in dict.fromkeys([h.owner, *(einsum for einsum, _, _ in h.words)]):
            traffic.update({(einsum, h.memory.name, h.tensor.name, flow): 0 for flow in FLOWS})
        for (einsum, flow, _), words in h.words.items():
            traffic[einsum, h.memory.name, h.tensor.name, flow] += words
        for (einsum, flow, _), moved in h.bits.items():
            bits[einsum, h.memory.name, h.tensor.name, flow] += moved
    ports = port_rows(run)
    compute = compute_latency(run)
    occupancy = [(h, held(run, *key)) for key, h in run.holders.items()]
    return WalkResult(
        traffic_rows=tuple(TrafficRow(*key, words) for key, words in traffic.items()),
        bits=bits,
        hop_rows=run.hops.rows(),
        enter_rows=run.entered.rows(),
        operation_rows=tuple(OperationRow(*key, count) for key, count in run.operations.items()),
        port_rows=ports,
        pass_rows=tuple(PassRow(*key, passes) for key, passes in run.passes.items()),
        latency_rows=(
            *compute,
            *memory_latency(run.architecture, ports),
            *network_latency(run),
            *waiting(run, compute, ports),
        ),
        occupancy_rows=tuple(
            OccupancyRow(h.owner, h.memory.name, h.tensor.name, n, n * word_bits(run, h)) for h, n in occupancy
        ),
        overlap_rows=overlap_rows(run.nest, run.pipelines, busy(run, compute, ports)),
        compute_steps={einsum: max(steps.values()) for (einsum, _), steps in run.steps.items()},
        level_bits={m.name: room(run, run.nest, m.name, ()) for m in run.architecture.memories},
    )


def port_rows(run: Run) -> tuple[PortRow, ...]:
    """Bits at the ports of the busiest instance of every memory."""
    moved: dict[tuple[str, str], dict[Flow, Counter[Instance]]] = {}
    for h in run.holders.values():
        for (einsum, flow, instance), bits in h.bits.items():
            flows = moved.setdefault((einsum, h.memory.name), {f: Counter() for f in FLOWS})
            if flow != "drain" or h.memory.drain == "charged":
                flows[flow][instance] += bits
    rows = []
    for key, at in moved.items():
        reads, writes = at["read"] + at["drain"], at["update"] + at["fill"]
        columns = (reads, writes, reads + writes, at["read"], at["drain"], at["fill"], at["drain"] + at["fill"])
        rows.append(PortRow(*key, *(max(bits.values(), default=0) for bits in columns)))
    return tuple(rows)


def compute_latency(run: Run) -> list[LatencyRow]:
    """Cycles of the busiest compute instance of every Einsum, with the passes of systolic arrays."""
    found = []
    for (name, unit_name), steps in run.steps.items():
        unit = run.architecture.level(unit_name)
        if not isinstance(unit, ComputeUnit):
            raise TypeError(f"{unit_name} is not a compute unit")
        cycles = max(
            sum(n / unit.rate_of(kind) for kind, n in run.timed[name, unit_name, instance].items())
            for instance in steps
        )
        for array in run.architecture.arrays:
            skew = sum(size - 1 for size in array.shape.values())
            load = rows_of(run, array, run.einsums[name]) if array.systolic in {"weight", "input"} else 0
            if array.overlap == "none":
                cycles += run.passes[name, array.name] * (skew + load)
        found.append(LatencyRow(name, unit_name, cycles))
    return found


def rows_of(run: Run, array: Array, einsum: Einsum) -> int:
    """Rows of a systolic array: partial sums flow down them, so a reduced rank variable is unrolled there."""
    names = {dimension for dimension, v in run.across[einsum.name, array.name] if v in einsum.reduced}
    first = next(iter(array.shape))
    return array.shape[names.pop() or first if len(names) == 1 else first]


def memory_latency(architecture: Architecture, ports: tuple[PortRow, ...]) -> list[LatencyRow]:
    """Cycles of every memory that has a bandwidth."""
    rows = []
    for port in ports:
        memory = architecture.level(port.level)
        if not isinstance(memory, Memory):
            raise TypeError(f"{port.level} is not a memory")
        cycles = [bits / rate for _, bits, rate in (*limits_of(memory, port), *exchanges_of(memory, port))]
        if cycles:
            rows.append(LatencyRow(port.einsum, port.level, max(cycles)))
    return rows


def network_latency(run: Run) -> list[LatencyRow]:
    """Cycles of the network of the outermost array, where it has one."""
    limits = {einsum: network_limits(run, einsum) for einsum in run.einsums}
    array = next(iter(run.architecture.arrays), None)
    return [
        LatencyRow(einsum, array.name, max(bits / rate for _, bits, rate in listed))
        for einsum, listed in limits.items()
        if listed and array
    ]


def network_limits(run: Run, einsum: str) -> list[tuple[str, int, float]]:
    """Bits that enter the network of the outermost array, that it delivers, that may pass its middle; what it can."""
    array = next(iter(run.architecture.arrays), None)
    if array is None or array.network is None:
        return []
    entered, hopped = (
        sum(bits for (name, at, _), bits in moved.items() if (name, at) == (einsum, array.name))
        for moved in (run.entered.bits, run.hops.bits)
    )
    return [
        (f"{array.name} {action}", hopped if action == "deliver" else entered, words * array.network.link_bits)
        for action, words in array.network.words_per_cycle(array.shape).items()
    ]


def limits_of(memory: Memory, port: PortRow) -> list[tuple[str, int, float]]:
    """Bits that pass each port of a memory that has a bandwidth, and that; last those that it may be asked for."""
    limits: tuple[tuple[str, int, float | None], ...] = (
        (memory.name, port.both_bits, memory.bandwidth_bits_per_cycle),
        (f"{memory.name} read", port.read_bits, memory.read_bits_per_cycle),
        (f"{memory.name} write", port.write_bits, memory.write_bits_per_cycle),
    )
    if memory.in_flight_bits is not None:
        answered = memory.in_flight_bits / memory.latency_cycles
        limits = (*limits, (f"{memory.name} in flight", port.asked_bits, answered))
    return [(name, bits, rate) for name, bits, rate in limits if rate is not None]


def exchanges_of(memory: Memory, port: PortRow) -> list[tuple[str, int, float]]:
    """Bits that fill and drain a memory during whose exchanges nothing else goes on, at each port with a bandwidth."""
    exchanges = (
        (f"{memory.name} exchange", port.exchanged_bits, memory.bandwidth_bits_per_cycle),
        (f"{memory.name} drain", port.drained_bits, memory.read_bits_per_cycle),
        (f"{memory.name} fill", port.filled_bits, memory.write_bits_per_cycle),
    )
    return [(name, bits, rate) for name, bits, rate in exchanges if rate is not None and memory.overlap == "none"]


def waiting(run: Run, compute: list[LatencyRow], ports: tuple[PortRow, ...]) -> list[LatencyRow]:
    """What every Einsum takes in all, where an architecture has it wait for transfers or for first words."""
    levels = run.architecture.levels
    at = {(port.einsum, port.level): port for port in ports}
    if not any(first_word(level) or (isinstance(level, Memory) and level.overlap == "none") for level in levels):
        return []
    found = []
    network = next((array.name for array in run.architecture.arrays), "")
    for row in compute:
        cycles = row.cycles
        for level in reversed(levels):
            port = at.get((row.einsum, level.name))
            if isinstance(level, Memory) and port:
                cycles = max([cycles, *(bits / rate for _, bits, rate in limits_of(level, port))])
                cycles += max((bits / rate for _, bits, rate in exchanges_of(level, port)), default=0)
            elif level.name == network:
                cycles = max([cycles, *(bits / rate for _, bits, rate in network_limits(run, row.einsum))])
        above = levels[: run.architecture.index(row.component)]
        found.append(LatencyRow(row.einsum, WAITING, cycles + sum(first_word(level) for level in above)))
    return found


def first_word(level: Level) -> float:
    """Cycles from asking a memory for a word to its arrival; through an array whose passes have no gaps: its skew."""
    if isinstance(level, Array):
        gapless = level.systolic is not None and level.overlap == "all"
        return sum(size - 1 for size in level.shape.values()) if gapless else 0
    return level.latency_cycles if isinstance(level, Memory) else 0


def busy(run: Run, compute: list[LatencyRow], ports: tuple[PortRow, ...]) -> dict[str, dict[str, Fraction]]:
    """Einsum → resource → cycles."""
    found: dict[str, dict[str, Fraction]] = defaultdict(dict)
    for row in compute:
        found[row.einsum][row.component] = Fraction(row.cycles)
    for port in ports:
        memory = run.architecture.level(port.level)
        if isinstance(memory, Memory):
            listed = (*limits_of(memory, port), *exchanges_of(memory, port))
            found[port.einsum] |= {name: Fraction(bits / rate) for name, bits, rate in listed}
    for einsum in run.einsums:
        found[einsum] |= {name: Fraction(bits / rate) for name, bits, rate in network_limits(run, einsum)}
    for row in waiting(run, compute, ports):
        found[row.einsum][f"{row.einsum} {WAITING}"] = Fraction(row.cycles)
    return found


def held(run: Run, place: tuple[int, ...], tensor: str) -> int:
    """Words that the tiles in flight of a storage node take; those of a double-buffered memory have a second place."""
    holder = run.holders[place, tensor]
    tiles = run.pipelines.tiles_at_once(place, holder)
    return max(holder.sizes) * (-(-tiles // 2) if holder.memory.double_buffered else tiles)


def word_bits(run: Run, holder: Holder) -> int:
    """Bits that a word takes: where sums are accumulated in the node, those of a partial sum."""
    accumulating = (run.einsums[e] for e in holder.accesses if run.einsums[e].output.tensor == holder.tensor.name)
    sums = any(e.accumulated for e in accumulating)
    return run.sums.bits(holder.tensor, holder.memory, 1) if sums else holder.tensor.bits


def room(run: Run, nest: Nest, level: str, place: tuple[int, ...]) -> int:
    """Bits that one instance of a level needs: nodes on a path add up, only stages are alive together."""
    bits = 0
    for node in nest:
        if isinstance(node, Storage) and node.level == level:
            for tensor in node.tensors:
                holder = run.holders[place, tensor]
                bits += held(run, place, tensor) * word_bits(run, holder)
        elif isinstance(node, Sequence):
            branches = [room(run, branch, level, (*place, 0, number)) for number, branch in enumerate(node.branches)]
            bits += sum(branches) if node.pipelined else max(branches)
        place = (*place, 0)
    return bits
