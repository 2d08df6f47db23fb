"""What follows from the words of the second walk: room, latency and energy, as ``docs/counting.md`` says.

Words have the width of their tensor: it does not know widths of partial sums.
"""

from __future__ import annotations

import math
from collections import defaultdict

from second_walk import SecondWalk

from costmodel.einsum.algebra import Role
from costmodel.spec.hardware import Array, Memory
from costmodel.spec.mapping import Spatial, Temporal


class SecondCost(SecondWalk):
    """Everything that is counted of one mapping."""

    # Room

    def level_bits(self, level):
        """Bits that a level needs: the nodes of one path together, of the branches the largest."""
        held = {holder: words * self.bits[holder.tensor] for (_, holder), words in self.occupancy.items()}
        return max(
            sum(bits for h, bits in held.items() if h.level == level and h.place in [p for p, _ in path])
            for path in self.paths.values()
        )

    # Latency

    def cycles(self, name):
        """Component → cycles of an Einsum."""
        unit = self.paths[name][-1][1].unit
        rate = self.levels[unit].rate_of
        work = defaultdict(float)
        for (einsum, _, kind, instance), done in self.slots.items():
            if einsum == name:
                work[instance] += done / rate(kind)
        above = self.architecture.levels[: self.architecture.index(unit)]
        systolic = [level for level in above if isinstance(level, Array) and level.systolic]
        cycles = {unit: max(work.values()) + sum(self.skew(name, array) for array in systolic)}
        for level in above:
            if isinstance(level, Memory):
                cycles[level.name] = self.memory_cycles(name, level)
        outermost = next((level for level in above if isinstance(level, Array)), None)
        if outermost and outermost.network:
            cycles[outermost.name] = self.network_cycles(name, outermost)
        return cycles

    def network_cycles(self, name, array):
        mine = [(name, array.name, tensor) for tensor in self.bits]
        entering, delivered = (
            sum(counted[key] * self.bits[key[-1]] for key in mine if key in counted)
            for counted in (self.enters, self.hops)
        )
        sizes, ports, width = array.shape.values(), array.network.ports or 1, array.network.link_bits
        topology, instances = array.network.topology, array.fanout
        if topology == "systolic" and array.network.ports is None:
            ports = sum(instances // n for n in sizes)
        words = [ports]
        if topology == "mesh" and max(sizes) > 1:
            words.append(instances / (max(sizes) // 2))
        if topology == "tree" and instances > 1:
            below_root = instances
            while below_root > array.network.radix:
                below_root = math.ceil(below_root / array.network.radix)
            words.append(below_root)
        each = ports if topology == "bus" else 1
        return max(delivered / (each * instances * width), *(entering / (n * width) for n in words))

    def memory_cycles(self, name, memory):
        ports = {"read": defaultdict(int), "write": defaultdict(int), "both": defaultdict(int)}
        for (einsum, level, tensor, flow, instance), words in self.in_instance.items():
            if (einsum, level) == (name, memory.name) and (action := action_of(memory, flow)):
                ports[action][instance] += words * self.bits[tensor]
                ports["both"][instance] += words * self.bits[tensor]
        rates = {
            "read": memory.read_bits_per_cycle,
            "write": memory.write_bits_per_cycle,
            "both": memory.bandwidth_bits_per_cycle,
        }
        return max(max(ports[p].values(), default=0) / rate if rate else 0.0 for p, rate in rates.items())

    def skew(self, name, array):
        """Cycles that a systolic array adds: passes × (skew and load)."""
        einsum = self.workload.einsum(name)
        unrolled = set()
        left = dict(einsum.shape)
        for _, node in self.paths[name]:
            if isinstance(node, Temporal | Spatial):
                v = node.rank_variable
                more = node.tile < left[v]
                left[v] = min(left[v], node.tile)
                if isinstance(node, Spatial) and node.array == array.name and more and v in einsum.reduced:
                    unrolled.add(node.dimension)
        rows = unrolled.pop() if len(unrolled) == 1 else next(iter(array.shape))
        load = 0 if array.systolic == "output" else array.shape[rows]
        return self.passes(name, array) * (sum(n - 1 for n in array.shape.values()) + load)

    def passes(self, name, array):
        """Runs of steps without a change of the stationary operand's tile in the first child of the array."""
        tensor = self.stationary(self.workload.einsum(name), array)
        path = self.paths[name]
        inside = [
            h
            for h in self.windows
            if h.tensor == tensor
            and h.place in [p for p, _ in path]
            and self.architecture.index(h.level) > self.architecture.index(array.name)
        ]
        holder = min(inside, key=lambda h: h.place)
        steps = self.windows[holder]
        found, last = 0, None
        for time in sorted(steps):
            for instance, tile in steps[time].items():
                if all(at == 0 for *_, at in instance):
                    now = (time[: holder.life], tile)
                    found += now != last
                    last = now
        return found

    def stationary(self, einsum, array):
        if array.systolic == "output":
            return einsum.output.tensor
        inputs = [a for a in einsum.inputs if a.tensor != einsum.output.tensor]
        everywhere = [a for a in inputs if not a.at_zero]
        read = {a.tensor for a in everywhere or inputs}
        weights = {t for t in read if einsum.tensors[t].role is Role.WEIGHT}
        if not read or array.systolic == "output":
            return einsum.output.tensor
        if array.systolic == "weight":
            return max(weights or read, key=like_a_weight(einsum, everywhere or inputs).index)
        return min(read - weights or read, key=like_a_weight(einsum, everywhere or inputs).index)

    # All of it

    def table(self):
        """Every number under the key that ``comparison.model_table`` gives it, without zeros."""
        table = {("words", *key): words for key, words in self.words.items()}
        counts = defaultdict(float)
        for (name, level, tensor, flow), words in self.words.items():
            if action := action_of(self.levels[level], flow):
                counts[name, level, tensor, action] += words * self.bits[tensor] / self.levels[level].access_bits
        for (name, array, tensor), words in self.hops.items():
            counts[name, array, tensor, "hop"] = words * self.bits[tensor] / self.levels[array].hop_bits
        for (name, array, tensor), words in self.enters.items():
            if self.levels[array].network:
                counts[name, array, tensor, "enter"] = words * self.bits[tensor] / self.levels[array].hop_bits
        for (name, unit, kind, _), done in self.operations.items():
            counts[name, unit, "", f"compute {kind}"] += done
        for (name, level, tensor, action), count in counts.items():
            table["count", name, level, tensor, action] = count
            table["energy", name, level, tensor, action] = count * self.price(level, action)
        for name in self.paths:
            cycles = self.cycles(name)
            table |= {("cycles", name, component): number for component, number in cycles.items()}
            for level in self.architecture.levels:
                watt = level.leakage_w * self.architecture.copies(level.name)
                longest = max(cycles.values())
                table["count", name, level.name, "", "leak"] = longest if watt else 0.0
                table["energy", name, level.name, "", "leak"] = watt / self.architecture.clock_hz * 1e12 * longest
        for (name, holder), words in self.occupancy.items():
            table["room", name, holder.level, holder.tensor] = words
            table["room in bits", name, holder.level, holder.tensor] = words * self.bits[holder.tensor]
        return {key: number for key, number in table.items() if number}

    def price(self, name, action):
        level = self.levels[name]
        if isinstance(level, Memory):
            return {"read": level.read_pj, "write": level.write_pj}[action]
        if isinstance(level, Array):
            return level.hop_pj * links_of(level, action)
        return level.energy_of(action.removeprefix("compute "))


def action_of(memory, flow):
    """The action that a flow is part of; empty for a drain that is free."""
    if flow == "drain":
        return "read" if memory.drain == "charged" else ""
    return "read" if flow == "read" else "write"


def links_of(array, action):
    """Links of a word that enters an array, or of one of its hops."""
    if array.network is None:
        return 1
    links = array.network.links(array.shape)
    return links.word if action == "enter" else links.instance


def like_a_weight(einsum, accesses):
    """Tensors that are read, from the most like an input to the most like a weight, by what the page lists."""
    written = [v for index in einsum.output.indices for v in index.rank_variables]
    uses = {a.tensor: {v for b in accesses if b.tensor == a.tensor for v in b.rank_variables} for a in accesses}
    shared = set.intersection(*uses.values()) if uses else set()

    def key(t):
        indices = [i.rank_variables for a in accesses if a.tensor == t for i in a.indices]
        window = any(any(v in written for v in i) and any(v not in written for v in i) for i in indices)
        adds = sorted(written.index(v) for v in uses[t] - shared if v in written)
        named = t[0] == "W" or (t[0] == "F" and (t[1:].isdigit() or t == "F"))
        alone = len(uses) == 2 and bool(adds)
        return (0 if window else 1, int(named), int(alone), -len(adds), adds[:1], t)

    return sorted(uses, key=key)
