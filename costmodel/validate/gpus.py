"""Measured matrix products of GPUs, with tiles that kernels use and waves of streaming multiprocessors."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache, partial
from typing import Any, NamedTuple

from costmodel.api import evaluate
from costmodel.api.inputs import Settings
from costmodel.spec.catalog import load_architecture
from costmodel.spec.hardware import Array
from costmodel.validate.data_files import published
from costmodel.validate.records import Calibration, Case, CaseGroup, CaseSummary, Roof, at_most, median_error

TILES = tuple(itertools.product((64, 128, 256), repeat=2))[:-1]
"""Rows and columns of the tile of one streaming multiprocessor in kernels of cuBLAS and CUTLASS."""
DEPTH = 32
"""Of a step along k: what is loaded at a time."""
CLOSE, MOST_COSTED = 1.3, 5
"""Tiles that keep tensor cores busy for longer, in shares of the least, are not costed; how many are."""
BITS = 16
SHOWN = "time"
NO_SLOWER = at_most(0.03)


class MeasuredProduct(NamedTuple):
    """Of one product, and the machine that did it."""

    machine: str
    m: int
    n: int
    k: int

    @property
    def name(self) -> str:
        return f"{self.machine}, {self.m} × {self.n} × {self.k}"

    @property
    def flops(self) -> float:
        return 2.0 * self.m * self.n * self.k

    @property
    def least_bytes(self) -> float:
        """Of operands and result, each moved once."""
        return BITS / 8 * (self.m * self.k + self.k * self.n + self.m * self.n)

    @property
    def computes(self) -> bool:
        """Whether the roof of operations is above that of bytes."""
        peaks = published("gpus")["machines"][self.machine]
        return bool(self.flops / float(peaks["flops"]) > self.least_bytes / float(peaks["HBM"]))


class Tiling(NamedTuple):
    """A tile of each streaming multiprocessor, and how many of them work side by side along each side of the result."""

    rows: int
    columns: int
    down: int
    across: int

    def waves(self, shape: MeasuredProduct) -> int:
        return -(-shape.m // (self.rows * self.down)) * -(-shape.n // (self.columns * self.across))

    def nest(self, shape: MeasuredProduct) -> list[str]:
        """Accumulate a tile in registers, with steps along k that come by the L2 and shared memory."""
        rows, columns, depth = published("gpus")["machines"][shape.machine]["tensor_core"]
        m, n, step = min(shape.m, self.rows), min(shape.n, self.columns), min(shape.k, DEPTH)
        warp_m, warp_n = -(-m // 2), -(-n // 2)
        return [
            "store A B Z in HBM",
            f"for m by {min(shape.m, self.rows * self.down)}",
            f"for n by {min(shape.n, self.columns * self.across)}",
            "store Z in L2",
            f"for k by {step}",
            "store A B in L2",
            f"parallel m by {m} across SMs.X",
            f"parallel n by {n} across SMs.X",
            "store A B in shared",
            f"parallel m by {warp_m} across sub_cores.X",
            f"parallel n by {warp_n} across sub_cores.X",
            "store Z in registers",
            f"for k by {min(step, 2 * depth)}",
            "store A B in registers",
            f"for m by {min(warp_m, rows)}",
            f"for n by {min(warp_n, columns)}",
            f"for k by {depth}",
            "parallel m by 1 across tensor_core.rows",
            "parallel n by 1 across tensor_core.columns",
            "parallel k by 1 across tensor_core.depth",
            "compute Z on FMA",
        ]


def tilings(shape: MeasuredProduct, instances: int) -> list[Tiling]:
    """Return the fewest waves of each tile, for those tiles that keep tensor cores busy the shortest."""
    found = []
    for rows, columns in TILES:
        ways = []
        for down in range(1, min(-(-shape.m // rows), instances) + 1):
            across = min(-(-shape.n // columns), instances // down)
            moved = shape.m * -(-shape.n // (columns * across)) + shape.n * -(-shape.m // (rows * down))
            tiling = Tiling(rows, columns, down, across)
            ways.append((tiling.waves(shape) * rows * columns, moved, tiling))
        found.append(min(ways))
    found.sort()
    return [tiling for area, _, tiling in found if area <= CLOSE * found[0][0]][:MOST_COSTED]


@cache
def best(shape: MeasuredProduct) -> tuple[float, Tiling]:
    """Return the fewest milliseconds of all tilings, and the tiling."""
    sms = load_architecture(shape.machine).level("SMs")
    assert isinstance(sms, Array)  # noqa: S101
    return min((milliseconds(shape, tiling), tiling) for tiling in tilings(shape, sms.fanout))


def milliseconds(shape: MeasuredProduct, tiling: Tiling, settings: Settings | None = None) -> float:
    workload: dict[str, Any] = {
        "name": "product",
        "ranks": {"M": shape.m, "N": shape.n, "K": shape.k},
        "bits": {"default": BITS},
        "weights": ["B"],
        "einsums": ["Z[m, n] = A[m, k] * B[k, n]"],
    }
    return 1000 * evaluate(shape.machine, workload, mapping={"nest": tiling.nest(shape)}, set=settings).latency_s


def bound(shape: MeasuredProduct) -> float:
    return best(shape)[0]


def launched(shape: MeasuredProduct) -> float:
    """Return the same with the fixed cost of a call, and the bandwidth that a stream of reads gets."""
    known = published("gpus")["machines"][shape.machine]
    return milliseconds(shape, best(shape)[1], {"HBM.latency": known["launch"], "HBM.bandwidth": known["stream"]})


@cache
def cases() -> tuple[Case, ...]:
    return tuple(_cases())


def _cases() -> Iterator[Case]:
    data = published("gpus")
    for listed in data["rows"]:
        peaks = data["machines"][listed["machine"]]
        launch = Calibration(
            f"HBM at {peaks['stream']}, which BabelStream's fastest kernel gets ({data['stream']}), and launch",
            float(peaks["launch"].split()[0]),
            "us",
            "intercept of the two matrix-vector rows",
        )
        for *sides, measured in listed["ms"]:
            shape = MeasuredProduct(listed["machine"], *sides)
            yield Case(
                name=shape.name,
                quantity=SHOWN,
                unit="ms",
                published=measured,
                ours=partial(bound, shape),
                calibrated=partial(launched, shape),
                calibration=launch,
                tolerance=NO_SLOWER,
                bounds=True,
                source=listed["source"],
                assumed="boost clock; of the usual tiles the one that takes the fewest waves",
                roofs=tuple(roofs(shape, float(peaks["flops"]), float(peaks["HBM"]), measured / 1000)),
                slow=shape.m not in {1, 4096},
            )


def roofs(shape: MeasuredProduct, flops: float, bytes_per_s: float, seconds: float) -> Iterator[Roof]:
    """Yield what a measurement on the machine of a shape cannot beat."""
    yield Roof(name="tensor cores", amount=shape.flops, rate=flops, unit="FLOP", seconds=seconds)
    weights = BITS / 8 * shape.n * shape.k
    yield Roof(name="HBM, weights alone", amount=weights, rate=bytes_per_s, unit="B", seconds=seconds)


def _streaming() -> tuple[str, ...]:
    """Names of the products that are bound by HBM, and by the weights there."""
    return tuple(s.name for s in _shapes() if not s.computes and BITS / 8 * s.n * s.k > s.least_bytes / 2)


def _shapes() -> list[MeasuredProduct]:
    return [MeasuredProduct(r["machine"], *sides) for r in published("gpus")["rows"] for *sides, _ in r["ms"]]


GROUP = CaseGroup(
    name="gpus",
    title="GPUs: measured matrix products on A100 and H100",
    about="""
bf16 (fp16) products that were measured, on the shipped `a100` and `h100_sxm`, by the tiles that kernels use: each
streaming multiprocessor makes a tile of 64 to 256 by 64 to 256, accumulated in registers, and as many tiles as there
are multiprocessors make a wave, a rectangle of the result. Tiles and waves that do not divide leave multiprocessors
idle, which gives the steps of the measured times. The machines are roofs: boost clock, published bandwidths,
everything overlapped. So without calibration a product is never slower here than measured (3 % are allowed for
clocks), and the error says what kernels and memories leave. Two numbers explain most of it (`--set "HBM.latency=5.6
us" --set "HBM.bandwidth=1750 GB/s"`). The fixed cost of a call, a latency of HBM, is fitted to two rows: small
products are little else. And no kernel gets the published bandwidth: one that only reads gets 1.75 of 2.04 TB/s on an
A100 and 3.18 of 3.35 on an H100, as others measured. With both, streamed weights are within 6.4 % in the median.
Measured steps that are larger (192 and 1024 rows, where a
kernel was chosen that pads) are not modelled. Every measurement is held against two roofs of its own machine:
operations, and the weights at the bandwidth of HBM.
""",
    cases=cases,
    summaries=(
        CaseSummary(
            name="median, bound by tensor cores",
            quantity=SHOWN,
            of=median_error,
            at_most=0.15,
            names=tuple(s.name for s in _shapes() if s.computes),
        ),
        CaseSummary(
            name="median, weights streamed",
            quantity=SHOWN,
            of=median_error,
            at_most=0.15,
            names=_streaming(),
        ),
    ),
)
