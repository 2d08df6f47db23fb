"""Machines on which not everything overlaps, made of random ones."""

from __future__ import annotations

import random
from dataclasses import replace

from costmodel.spec.hardware import Architecture, Array, Memory


def waiting(rng: random.Random, architecture: Architecture) -> Architecture:
    """Some of the memories with a bandwidth exchange tiles alone, some are late, some passes follow without a gap."""
    levels = [
        waiting_memory(rng, x, outermost=not place)
        if isinstance(x, Memory)
        else replace(x, overlap=rng.choice(["all", "none"]))
        if isinstance(x, Array) and x.systolic
        else x
        for place, x in enumerate(architecture.levels)
    ]
    return replace(architecture, levels=tuple(levels))


RATES = ("bandwidth_bits_per_cycle", "read_bits_per_cycle", "write_bits_per_cycle")


def waiting_memory(rng: random.Random, memory: Memory, *, outermost: bool) -> Memory:
    said = {name: getattr(memory, name) for name in RATES}
    if not any(said.values()) and rng.random() < 0.7:
        said[rng.choice(RATES)] = float(rng.choice([4, 8, 32]))
    if any(said.values()) and not outermost and rng.random() < 0.7:
        said["overlap"] = "none"
    if rng.random() < 0.4:
        said |= {"latency_cycles": float(rng.choice([1, 4, 20])), "in_flight_bits": rng.choice([None, 16, 64])}
    return replace(memory, **said)
