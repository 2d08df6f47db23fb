"""Runs made by hand: a GEMM with one mapping, a network of 21 layers with fronts, and a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from costmodel.einsum.algebra import Access, Affine, Einsum, Operation, Role, Tensor, Workload
from costmodel.mapper.front import on_front
from costmodel.mapper.result import Certificate, Improvement, NetworkPoint
from costmodel.model.evaluation import ActionRow, Evaluation, LatencyRow, OccupancyRow, TrafficRow
from costmodel.report.run import (
    DesignPoint,
    EinsumSearch,
    FrontPoint,
    InputFile,
    Provenance,
    Run,
)
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Mapping, Node, Spatial, Storage, Temporal

PROVENANCE = Provenance(
    created="2026-11-21T13:15:00+01:00",
    command="costmodel map eyeriss_like network",
    seed=7,
    settings={"method": "tpe", "objective": "energy,latency", "trials": 2000},
    versions={"costmodel": "0.1.0", "python": "3.11.2"},
    elapsed_s=83.2,
)


def architecture() -> Architecture:
    return Architecture(
        name="eyeriss_like",
        source="made up for tests, after the row-stationary chip",
        technology="65 nm",
        clock_hz=200e6,
        word_bits=16,
        levels=(
            Memory(
                name="DRAM",
                read_pj=200,
                write_pj=200,
                access_bits=16,
                bandwidth_bits_per_cycle=19.2,
                energy_source="a paper",
            ),
            Memory(
                name="GLB",
                capacity_bits=108 * 8192,
                read_pj=6,
                write_pj=6,
                access_bits=16,
                bandwidth_bits_per_cycle=128,
                keep=("input", "output"),
                area_mm2=2.33,
            ),
            Array(name="PEs", shape={"X": 14, "Y": 12}, hop_pj=2, hop_bits=16),
            Memory(name="spad", capacity_bits=520 * 8, read_pj=1, write_pj=1, access_bits=16, area_mm2=0.0347),
            ComputeUnit(name="MAC", energy_pj={"mac": 1.0}),
        ),
    )


def gemm_einsum(
    name: str, m: int, n: int, k: int, *, tensors: tuple[str, str, str] = ("A", "B", "Z"), count: int = 1
) -> Einsum:
    a, b, z = tensors
    shape = {"m": m, "n": n, "k": k}

    def access(tensor: str, *variables: str) -> Access:
        return Access(tensor, tuple(Affine(((v, 1),)) for v in variables))

    def tensor(tensor: str, role: Role, *variables: str) -> Tensor:
        return Tensor(tensor, tuple(v.upper() for v in variables), tuple(shape[v] for v in variables), 16, role)

    return Einsum(
        name=name,
        text=f"{z}[m, n] = {a}[m, k] * {b}[k, n]",
        shape=shape,
        output=access(z, "m", "n"),
        inputs=(access(a, "m", "k"), access(b, "k", "n")),
        tensors={
            a: tensor(a, Role.INPUT, "m", "k"),
            b: tensor(b, Role.WEIGHT, "k", "n"),
            z: tensor(z, Role.OUTPUT, "m", "n"),
        },
        operations=(Operation("mac", 1),),
        count=count,
    )


def nest(einsum: Einsum, tile: int | None = None) -> tuple[Node, ...]:
    b, z = einsum.inputs[1].tensor, einsum.output.tensor
    a = einsum.inputs[0].tensor
    m, n, k = (einsum.shape[v] for v in "mnk")
    return (
        Storage((a, b, z), "DRAM"),
        Temporal("m", min(64, m) if tile is None else tile),
        Storage((a, z), "GLB"),
        Temporal("k", min(16, k)),
        Spatial("n", min(max(8, -(-n // 14)), n), "PEs", "X"),
        Spatial("m", min(8, m), "PEs", "Y"),
        Storage((b,), "spad"),
        Temporal("m", 1),
        Temporal("n", 1),
        Temporal("k", 1),
        Compute(einsum.name, "MAC"),
    )


def rows(einsum: Einsum, scale: int = 1) -> dict[str, tuple[object, ...]]:
    """Plausible counts: every tensor is read ``scale`` times from DRAM."""
    traffic, actions, held = [], [], []
    names = list(einsum.tensors)
    for tensor in einsum.tensors.values():
        written = tensor.name == einsum.output.tensor
        words = tensor.size_words
        holders = [
            "DRAM",
            *(["GLB"] if tensor.role is not Role.WEIGHT else []),
            *(["spad"] if tensor.role is Role.WEIGHT else []),
        ]
        moved = words * scale
        for place, level in enumerate(holders):
            last = place == len(holders) - 1
            flows = {
                "fill": 0 if place == 0 or written else moved,
                "read": (einsum.points // (4 if last else 1) if last else moved) if not written or last else 0,
                "update": (einsum.points // 4 if last else moved) if written else 0,
                "drain": moved if written and place else 0,
            }
            traffic += [
                TrafficRow(einsum.name, level, tensor.name, flow, count) for flow, count in flows.items() if count
            ]
            price = {"DRAM": 200.0, "GLB": 6.0, "spad": 1.0}[level]
            for action, count in (("read", flows["read"] + flows["drain"]), ("write", flows["fill"] + flows["update"])):
                if count:
                    actions.append(ActionRow(einsum.name, level, tensor.name, action, float(count), count * price))
            held.append(OccupancyRow(einsum.name, level, tensor.name, min(words, 128), min(words, 128) * 16))
        if tensor.role is Role.WEIGHT:
            actions.append(ActionRow(einsum.name, "PEs", tensor.name, "hop", float(moved), 2.0 * moved))
    actions.append(ActionRow(einsum.name, "MAC", "", "compute mac", float(einsum.points), 1.0 * einsum.points))
    dram_bits = sum(r.words for r in traffic if r.level == "DRAM") * 16
    glb_bits = sum(r.words for r in traffic if r.level == "GLB") * 16
    latency = (
        LatencyRow(einsum.name, "MAC", einsum.points / 128),
        LatencyRow(einsum.name, "GLB", glb_bits / 128),
        LatencyRow(einsum.name, "DRAM", dram_bits / 19.2),
    )
    assert names
    return {"traffic": tuple(traffic), "actions": tuple(actions), "latency": latency, "held": tuple(held)}


def evaluation(workload: Workload, scale: int = 1) -> Evaluation:
    parts = [rows(e, scale) for e in workload.einsums]

    def gather(key: str) -> tuple[object, ...]:
        return tuple(row for part in parts for row in part[key])

    return Evaluation(
        traffic_rows=gather("traffic"),
        action_rows=gather("actions"),
        latency_rows=gather("latency"),
        occupancy_rows=gather("held"),
        points={e.name: e.points for e in workload.einsums},
        counts={e.name: e.count for e in workload.einsums},
        capacity_bits_by_einsum={e.name: 2048 * (1 + place) for place, e in enumerate(workload.einsums)},
        clock_hz=200e6,
        peak_by_einsum={e.name: 168.0 for e in workload.einsums},
        area_mm2=8.16,
        area_missing=("DRAM", "PEs", "MAC"),
    )


def gemm_run() -> Run:
    einsum = gemm_einsum("Z", 256, 96, 128)
    workload = Workload("gemm", "made up", (einsum,))
    return Run(
        kind="evaluate",
        workloads=(workload,),
        architectures=(architecture(),),
        mappings=(Mapping(nest(einsum), "eyeriss_like", "gemm", "Z"),),
        evaluation=evaluation(workload),
        inputs=(InputFile(role="arch", name="arch.yaml", origin="shipped", text="name: eyeriss_like\nlevels: []\n"),),
        provenance=PROVENANCE,
    )


def network_run(layers: int = 21, points: int = 30, names: Sequence[str] = ()) -> Run:
    einsums = []
    for place in range(layers):
        name = "fc" if place == layers - 1 else f"layer{place // 4 + 1}.{place % 4 // 2}.conv{place % 2 + 1}"
        name = names[place] if names else name
        size = 64 << (place * 4 // layers)
        extents = (1000, 1, 512) if name == "fc" else (size, 3136 // (1 + place // 4) ** 2, size * 9)
        einsums.append(gemm_einsum(name, *extents, tensors=("I", "F", "O"), count=2 if place == 3 else 1))
    workload = Workload("network", "made up, in the shape of a residual network", tuple(einsums))
    total = evaluation(workload, scale=2)
    searches = []
    for place, einsum in enumerate(einsums):
        one = evaluation(Workload("one", "", (einsum,)), scale=2)
        energy, cycles = one.energy_pj / einsum.count, one.latency_cycles / einsum.count
        found = tuple(
            FrontPoint(
                energy_pj=energy * (1 + 0.02 * n),
                latency_cycles=cycles * (1 + 0.6 / (1 + n) - 0.3),
                capacity_bits=2048 * (1 + place) * (1 + n // 2),
                mapping=Mapping(nest(einsum, 8 * (1 + n)), "eyeriss_like", "network", einsum.name),
            )
            for n in range(points)
        )
        certificate = Certificate(
            status=("optimal: proven", "gap", "best found")[place % 3],
            method="tpe",
            mapspace=10 ** (18 + place),
            evaluated=2000,
            pruned=(("GLB capacity", 1200), ("PEs.X only m, p", 77)),
            cpu_s=4.2,
            gap=(0.0, 0.031, None)[place % 3],
        )
        sampled = tuple(
            Improvement(
                trial=1 + 40 * n,
                by=("start", "sample", "climb")[n],
                energy_pj=energy * (1.5, 1.02, 1.0)[n],
                latency_cycles=cycles,
                capacity_bits=2048,
            )
            for n in range(3)
        )
        searches.append(
            EinsumSearch(
                einsum=einsum.name,
                front=found,
                certificate=certificate,
                chosen=1 if points > 1 else 0,
                improvements=sampled,
            )
        )
    whole = tuple(
        NetworkPoint(
            energy_pj=sum(s.front[n].energy_pj for s in searches),
            latency_cycles=sum(s.front[n].latency_cycles for s in searches),
            capacity_bits=max(s.front[n].capacity_bits for s in searches),
            choices=tuple(n for _ in searches),
        )
        for n in range(points)
    )
    return Run(
        kind="map",
        workloads=(workload,),
        architectures=(architecture(),),
        mappings=tuple(s.front[s.chosen or 0].mapping for s in searches),
        evaluation=total,
        searches=tuple(searches),
        network_front=whole,
        certificate=replace(searches[0].certificate, status="best found", gap=None),
        inputs=(
            InputFile(role="workload", name="network.yaml", origin="network.yaml", text="name: network\neinsums: []\n"),
        ),
        provenance=PROVENANCE,
    )


def large_run() -> Run:
    """A hundred Einsums whose names begin alike and are long."""
    parts = ("attention.query_projection", "attention.value_projection", "feed_forward.expand", "feed_forward.project")
    return network_run(100, 3, [f"encoder.layer{n // 4:02d}.{parts[n % 4]}" for n in range(100)])


def room_run() -> Run:
    """A search in which the room used is an objective."""
    run = network_run(layers=3, points=5)
    settings = {**run.provenance.settings, "objective": "energy,latency,capacity"}
    return replace(run, provenance=replace(run.provenance, settings=settings))


def sweep_run() -> Run:
    einsum = gemm_einsum("Z", 256, 96, 128)
    sizes = ["16 KiB", "32 KiB", "64 KiB", "128 KiB", "256 KiB"]
    found = []
    for x in (4, 8, 16, 32):
        for place, size in enumerate(sizes):
            energy = 4e7 / (1 + place) ** 0.4 + 3e5 * x + 9e5 * place**2
            cycles = 3.2e6 / (x * 12) * (1 + 0.5 / (1 + place))
            found.append((x, size, energy, cycles))
    flags = on_front(np.array([(e, c) for _, _, e, c in found])).tolist()
    designs = [
        DesignPoint(
            axes={"PEs.shape.X": x, "GLB.size": size},
            energy_pj=energy,
            latency_cycles=cycles,
            capacity_bits=4096 * x,
            clock_hz=200e6,
            area_mm2=1.0 + 0.1 * x,
            utilisation=0.5,
            pareto=flag,
            mappings=(Mapping(nest(einsum, x), "eyeriss_like", "gemm", "Z"),),
        )
        for (x, size, energy, cycles), flag in zip(found, flags, strict=True)
    ]
    designs.append(
        DesignPoint(axes={"PEs.shape.X": 64, "GLB.size": "8 KiB"}, note="GLB: capacity needs 9,000, has 8,192")
    )
    return Run(
        kind="sweep",
        workloads=(Workload("gemm", "made up", (einsum,)),),
        architectures=(architecture(),),
        design_points=tuple(designs),
        provenance=PROVENANCE,
    )


def infeasible_run() -> Run:
    """A sweep in which nothing fits."""
    notes = ["GLB: capacity needs 9,000, has 8,192"] * 3 + ["PEs: X needs 16, has 8"]
    points = tuple(DesignPoint(axes={"GLB.size": n}, note=note) for n, note in enumerate(notes))
    return replace(sweep_run(), design_points=points)


def hostile_run() -> Run:
    """Every name is an attack on the page."""
    bad = "<img src=x onerror=alert(1)>"
    script = "</script><script>window.broken=1</script>"
    einsum = gemm_einsum(script, 64, 32, 16, tensors=(bad, "B&amp;", "Z'\""))
    workload = Workload(bad, script, (einsum, gemm_einsum(bad, 32, 32, 32)))
    base = architecture()
    hardware = Architecture(name=script, source=bad, clock_hz=200e6, levels=base.levels, technology=bad, word_bits=16)
    mapping = Mapping(nest(einsum), hardware.name, workload.name, einsum.name)
    certificate = Certificate("best found", script, None, 1, ((bad, 1),), 0.1)
    points = tuple(
        FrontPoint(energy_pj=1e6 * n, latency_cycles=1e6 / n, capacity_bits=n, mapping=mapping) for n in (1, 2, 3)
    )
    return Run(
        kind="map",
        workloads=(workload,),
        architectures=(hardware,),
        mappings=(mapping,),
        evaluation=evaluation(workload),
        searches=(EinsumSearch(einsum=einsum.name, front=points, certificate=certificate, chosen=0),),
        certificate=certificate,
        design_points=(
            DesignPoint(axes={bad: script}, energy_pj=1.0, latency_cycles=1.0, mappings=(mapping,)),
            DesignPoint(axes={bad: 3}, energy_pj=2.0, latency_cycles=1.0, mappings=(mapping,)),
        ),
        inputs=(InputFile(role="arch", name="arch.yaml", origin=bad, text=f"name: {script}\n# {bad}\n"),),
        notes=(bad, script),
        provenance=Provenance(created="2026-11-21T13:15:00", command=script, settings={"method": bad}),
    )


def hostile_sweep() -> Run:
    """The same of a sweep."""
    return replace(hostile_run(), kind="sweep", mappings=(), evaluation=None, searches=(), certificate=None)
