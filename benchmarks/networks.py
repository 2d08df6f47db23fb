"""Whole networks on every machine, distinct layers alone, each at its own least EDP, within a budget or without."""

from __future__ import annotations

import csv
import math
import random
import resource
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from asking import map_einsum

from costmodel.mapper.canonical import grouped, leaders
from costmodel.mapper.network import map_workload
from costmodel.mapper.result import InfeasibleError, Status
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.request import Request

NETWORKS = {
    "alexnet": "AlexNet",
    "resnet18": "ResNet-18",
    "vgg16": "VGG-16",
    "mobilenet_v2": "MobileNet v2",
    "bert_base_layer": "BERT-base layer",
    "flash_attention": "FlashAttention",
    "resnet50": "ResNet-50",
    "gpt3_175b_layer": "GPT-3 175B layer",
    "llama3_8b": "Llama 3 8B layer",
    "llama3_70b": "Llama 3 70B layer",
    "llama3_70b_decode": "Llama 3 70B, a token decoded",
    "mixtral_8x7b": "Mixtral 8x7B layer",
}
"""Workload → what the table calls it."""
SMALL = ("alexnet", "resnet18", "vgg16", "mobilenet_v2", "bert_base_layer", "flash_attention")
"""Those among which ``budgets`` draws."""
MACHINES = {
    "two_level": 10.0,
    "tpu_v1": 10.0,
    "nvdla_large": 10.0,
    "gemmini": 10.0,
    "eyeriss_v1": 10.0,
    "simba_chip": 60.0,
    "pe2d": 60.0,
    "eyeriss_normalized": 60.0,
}
"""Machine → CPU-seconds that a network may take on it."""
STEPS = 3_000_000
"""Of the empty loop that tells how fast the machine is that measures."""


@dataclass(frozen=True)
class Row:
    """One network on one machine."""

    network: str
    machine: str
    edp_pj_s: float
    cpu_s: float
    layers: int
    """Distinct ones."""
    lacking: str
    """What is not proven, or does not fit."""
    loop_s: float
    """CPU-seconds of the empty loop, just before."""


def networks(wanted: list[str], budget_s: float | None, kept: Path | None) -> None:
    """Print each pair as it is measured, then the table of ``docs/mapper.md``.

    ``kept``: a CSV file of pairs that are not measured again, to which new ones are added as they come.
    """
    known = _read(kept)
    print("| | | EDP pJ·s | CPU-s | layers | not proven |\n|---|---|---|---|---|---|")
    for network in NETWORKS:
        for machine in MACHINES:
            asked = all(
                not {*wanted} & {*kind} or name in wanted for name, kind in ((network, NETWORKS), (machine, MACHINES))
            )
            if asked and (network, machine) not in known:
                row = known[network, machine] = measured(network, machine, budget_s)
                _add(kept, row)
                said = (
                    row.network,
                    row.machine,
                    f"{row.edp_pj_s:.4g}",
                    f"{row.cpu_s:.1f}",
                    str(row.layers),
                    row.lacking or "–",
                )
                print(f"| {' | '.join(said)} |", flush=True)
    print(f"\npeak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB\n")
    print(table(list(known.values())))


def table(rows: list[Row]) -> str:
    """Return CPU-seconds by network and machine, what is not proven, and what took longer than it may."""
    of = {(row.network, row.machine): row for row in rows}
    machines = [machine for machine in MACHINES if any(row.machine == machine for row in rows)]
    lines = [f"| CPU-s | layers | {' | '.join(machines)} |", "|---" * (2 + len(machines)) + "|"]
    for network, title in NETWORKS.items():
        mine = [of[network, machine] for machine in machines if (network, machine) in of]
        if mine:
            layers = sorted({row.layers for row in mine})
            counted = f"{layers[0]} to {layers[-1]}" if len(layers) > 1 else str(layers[0])
            cells = [_seconds(of[network, machine].cpu_s) if (network, machine) in of else "" for machine in machines]
            lines.append(f"| {title} | {counted} | {' | '.join(cells)} |")
    lacking = [f"{row.network} on {row.machine}: {row.lacking}" for row in rows if row.lacking]
    slow = [
        f"{row.network} on {row.machine}: {row.cpu_s:.0f} s of {MACHINES[row.machine]:.0f}"
        for row in rows
        if row.cpu_s > MACHINES[row.machine]
    ]
    loops = [row.loop_s for row in rows]
    lines += ["", f"not proven: {'; '.join(lacking) or 'none'}", f"too long: {'; '.join(slow) or 'none'}"]
    lines.append(f"an empty loop of {STEPS:,} steps took {min(loops):.2f} to {max(loops):.2f} s" if loops else "")
    return "\n".join(lines)


def _seconds(cpu_s: float) -> str:
    return f"{cpu_s:.1f}" if cpu_s < 10 else f"{cpu_s:.0f}"


def _read(kept: Path | None) -> dict[tuple[str, str], Row]:
    if kept is None or not kept.exists():
        return {}
    with kept.open(encoding="utf-8", newline="") as file:
        rows = [
            Row(
                r["network"],
                r["machine"],
                float(r["edp_pj_s"]),
                float(r["cpu_s"]),
                int(r["layers"]),
                r["lacking"],
                float(r["loop_s"]),
            )
            for r in csv.DictReader(file)
        ]
    return {(row.network, row.machine): row for row in rows}


def _add(kept: Path | None, row: Row) -> None:
    if kept is None:
        return
    fresh = not kept.exists()
    with kept.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)])
        if fresh:
            writer.writeheader()
        writer.writerow(asdict(row))


def measured(network: str, machine: str, budget_s: float | None) -> Row:
    """Map the distinct layers of a network, each for itself."""
    began = time.process_time()
    for _ in range(STEPS):
        pass
    loop_s = time.process_time() - began
    architecture, workload = load_architecture(machine), load_workload(network)
    members = grouped(workload, architecture)
    energy_pj = latency_cycles = 0.0
    lacking: list[str] = []
    began = time.process_time()
    for leader in leaders(members):
        count = sum(m.einsum.count for m in members if m.group == leader.group)
        asked = {} if budget_s is None else {"budget": budget_s}
        try:
            found = map_einsum(replace(leader.einsum, count=1), architecture, objective="edp", **asked)
        except InfeasibleError:
            lacking.append(f"{leader.einsum.name} does not fit")
            continue
        energy_pj += count * found.front[0].energy_pj
        latency_cycles += count * found.front[0].latency_cycles
        if found.certificate.status != Status.PROVEN:
            lacking.append(f"{leader.einsum.name} {found.certificate}")
    spent = time.process_time() - began
    edp = energy_pj * latency_cycles / architecture.clock_hz
    return Row(network, machine, edp, spent, len(leaders(members)), "; ".join(lacking), loop_s)


def budgets(pairs: int, *, cpu: bool = False, seed: int = 0) -> None:
    """Print how long networks take with a budget, and the gaps of their totals and layers, on random pairs."""
    if cpu:
        time.monotonic = time.process_time
    rng = random.Random(seed)  # noqa: S311  no secret depends on it
    order = ("two_level", "eyeriss_v1", "tpu_v1", "nvdla_large", "gemmini", "simba_chip", "pe2d", "eyeriss_normalized")
    print("| | | budget | took | gap of the totals | largest of a layer |\n|---|---|---|---|---|---|")
    worst_s, worst_gap = 0.0, 0.0
    for number in range(pairs):
        network, machine, budget_s = rng.choice(SMALL), rng.choice(order), (2.0, 5.0, 20.0)[number % 3]
        request = Request(objective=("edp",), budget=budget_s, fuse="off")
        found = map_workload(load_workload(network), load_architecture(machine), request, jobs=1 if cpu else None)
        assert not found.failures, found.failures
        assert not found.unfinished, found.unfinished
        certificates = [layer.result.certificate for layer in found.layers]
        gap = max((math.inf if c.gap is None else c.gap) for c in certificates)
        row = (network, machine, f"{budget_s:g} s", f"{found.wall_s:.1f} s", str(found.certificate), f"{gap:.1%}")
        print(f"| {' | '.join(row)} |", flush=True)
        worst_s, worst_gap = max(worst_s, found.wall_s - budget_s), max(worst_gap, gap)
    print(f"\nlargest overrun {worst_s:.1f} s, largest gap {worst_gap:.1%}")
