"""Values and stand-ins that several tests share; importable by worker processes too."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
import time

from costmodel.einsum.algebra import Access, Affine, Einsum, Operation, Role, Tensor, Workload
from costmodel.mapper.result import Certificate, InfeasibleError, MapperResult, MappingPoint
from costmodel.model.evaluation import ActionRow, Evaluation, LatencyRow, OccupancyRow, TrafficRow
from costmodel.spec.hardware import Architecture, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Mapping, Storage, Temporal
from costmodel.spec.rules.finding import Reject
from costmodel.sweep.errand import answers_to


def gemm(
    name: str = "Z",
    extents: tuple[int, int, int] = (4, 4, 4),
    *,
    names: str = "ABZ",
    variables: str = "mnk",
    count: int = 1,
    bits: int = 8,
) -> Einsum:
    """Z[m, n] = A[m, k] * B[k, n], with any names."""
    a, b, z = (f"{letter}{name}" if len(name) > 1 else letter for letter in names)
    m, n, k = variables
    shape = dict(zip(variables, extents, strict=True))

    def access(tensor: str, *indices: str) -> Access:
        return Access(tensor, tuple(Affine(((v, 1),)) for v in indices))

    def tensor(tensor: str, role: Role, *indices: str) -> Tensor:
        return Tensor(tensor, tuple(v.upper() for v in indices), tuple(shape[v] for v in indices), bits, role)

    return Einsum(
        name=name,
        text=f"{z}[{m}, {n}] = {a}[{m}, {k}] * {b}[{k}, {n}]",
        shape=shape,
        output=access(z, m, n),
        inputs=(access(a, m, k), access(b, k, n)),
        tensors={
            a: tensor(a, Role.INPUT, m, k),
            b: tensor(b, Role.WEIGHT, k, n),
            z: tensor(z, Role.OUTPUT, m, n),
        },
        operations=(Operation("mac", 1),),
        count=count,
    )


def network(*einsums: Einsum, name: str = "net") -> Workload:
    return Workload(name, "made up", einsums)


def two_level(capacity_bits: int | None = None, **buffer: object) -> Architecture:
    return Architecture(
        name="two",
        levels=(
            Memory(name="DRAM", read_pj=100.0, write_pj=100.0, energy_source="a guess"),
            Memory(name="Buffer", capacity_bits=capacity_bits, read_pj=1.0, write_pj=1.0, **buffer),  # type: ignore[arg-type]
            ComputeUnit(name="MAC", energy_pj={"default": 1.0}),
        ),
    )


def point(
    einsum: Einsum, architecture: Architecture, energy_pj: float, cycles: float, capacity_bits: int = 8
) -> MappingPoint:
    """A mapping with made-up costs."""
    tensors = tuple(einsum.tensors)
    mapping = Mapping(
        (
            Storage(tensors, architecture.levels[0].name),
            *(Temporal(v, 1) for v in einsum.shape),
            Compute(einsum.name, architecture.levels[-1].name),
        ),
        einsum=einsum.name,
    )
    evaluation = Evaluation(
        traffic_rows=tuple(TrafficRow(einsum.name, "DRAM", t, "read", einsum.points) for t in tensors),
        action_rows=(
            ActionRow(einsum.name, "DRAM", tensors[0], "read", 1.0, energy_pj / 2),
            ActionRow(einsum.name, "MAC", "", "compute mac", 1.0, energy_pj / 2),
        ),
        latency_rows=(LatencyRow(einsum.name, "DRAM", cycles), LatencyRow(einsum.name, "MAC", cycles / 2)),
        occupancy_rows=(OccupancyRow(einsum.name, "DRAM", tensors[0], 1, 8),),
        points={einsum.name: einsum.points},
        counts={einsum.name: einsum.count},
        capacity_bits_by_einsum={einsum.name: capacity_bits},
        clock_hz=architecture.clock_hz,
        peak_by_einsum={einsum.name: 1.0},
        area_mm2=None,
        area_missing=(),
    )
    return MappingPoint(mapping, evaluation)


def fake_search(einsum, architecture, options, progress=None) -> MapperResult:
    """Three points whose costs follow from the extents; some extents fail, wait or die."""
    first = next(iter(einsum.shape.values()))
    if first == 13:
        raise InfeasibleError(einsum.name, [("capacity of Buffer", 7)], Reject("Buffer", "capacity", 10, 8, "A 10"))
    if first == 17:
        os._exit(9)
    if first == 19:
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(60)
    if first == 23:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    if first == 29:
        time.sleep(60)
    if progress is not None:
        progress({"best": 1.0})
    size = float(einsum.points)
    front = tuple(
        point(einsum, architecture, size * (1 + i), size * (4 - i) + first, capacity_bits=8 * first * bits)
        for i, bits in enumerate((2, 3, 1))
    )
    certificate = Certificate("optimal: proven", "fake", 10, 5, (("bound", 5),), 0.0, 0.0)
    return MapperResult(einsum.name, front, certificate)


def mortal_answer(errand):
    """Kills its process, before or soon after its work, as long as a grave is open in ``deaths``."""
    for number, grave in enumerate(sorted(pathlib.Path("deaths").iterdir())):
        with contextlib.suppress(FileNotFoundError):
            grave.unlink()
            if number % 2:
                threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGKILL)).start()
                break
            os.kill(os.getpid(), signal.SIGKILL)
    return answers_to(errand)


_ANSWERED: list[str] = []


def endless_answer(errand):
    """Answers once in a process; then only an interrupt ends it."""
    while _ANSWERED:
        time.sleep(0.01)
    _ANSWERED.append(errand.first.einsum.name)
    return answers_to(errand)


def meeting_answer(errand):
    """Notes each call; the first of a process waits for two other ones, and ends the process whose FATE it is."""
    with pathlib.Path("calls").open("a", encoding="utf-8") as calls:
        calls.write(f"{errand.searches[0][0]}\n")
    here = pathlib.Path("met", str(os.getpid()))
    if not here.exists():
        here.touch()
        late_s = time.monotonic() + 60
        while len(list(pathlib.Path("met").iterdir())) < 3 and time.monotonic() < late_s:
            time.sleep(0.01)
        if os.environ["FATE"] == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
    return answers_to(errand)
