"""Orojenesis: what no mapping can move less than, against the size of one buffer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache, partial

from costmodel import api
from costmodel.validate.data_files import published
from costmodel.validate.records import Case, CaseGroup, at_least, at_most, within

MB = 1_000_000
BYTES = "words of a byte"


def cases() -> Iterator[Case]:
    source = published("orojenesis")["source"]
    yield from _product(source)
    yield Case(
        name="32 products 4096×4096×128",
        quantity="operations per byte",
        published=256,
        ours=lambda: 2 * 32 * 4096**2 * 128 / _least("batched"),
        tolerance=at_most(),
        source=f"{source}: below 256 for K up to 128, whatever the buffer",
        assumed=BYTES,
    )
    yield Case(
        name="32768×4096×16384 into 32768×16384×4096",
        quantity="unfused over fused, 256 MB",
        published=3.7,
        ours=_gain_of_the_pair,
        tolerance=within(0.02),
        source=f"{source}: up to 3.7 × above 256 MB",
        assumed=BYTES,
        slow=True,
    )
    yield from _block(source)


def _product(source: str) -> Iterator[Case]:
    """Bounds of one product: below what a GPU moves, and above what no order of its operations can beat."""
    case = partial(Case, name="4096×4096×4096")
    for where, words, ratio in (("DRAM", 20 * MB, 6.5), ("L2 to L1", 192 * 512, 32.3)):
        yield case(
            quantity=f"{where}, × compulsory",
            published=ratio,
            ours=partial(_over_compulsory, words),
            tolerance=at_most(),
            source=f"{source}: measured on an A100; the bound has to be below",
            assumed="words of 2 B; an L2 of 40 MB, an L1 of 192 KiB",
        )
    for power in (8, 12, 16, 20):
        yield case(
            quantity=f"words, buffer of {2**power:,}",
            published=math.ceil(2 * 4096**3 / math.sqrt(2**power) - 2 * 2**power),
            ours=partial(_least, "product", 2**power),
            tolerance=at_least(),
            source="Smith et al. 2019: any order moves at least 2 MNK/√S − 2 S words (tiles that divide need more)",
        )


def _block(source: str) -> Iterator[Case]:
    """Traffic of the products of a block of GPT-3 6.7B, which follows from both published numbers."""
    for size, ratio, saved in ((50 * MB, 2.5, 4.7e9), (320 * MB, 5.6, 6e9)):
        unfused = saved / (1 - 1 / ratio)
        case = partial(
            Case,
            name=f"GPT-3 6.7B block, {size // MB} MB",
            unit="B",
            source=f"{source}: 16 × 2,048 tokens, fused 2.5 × and 4.7 GB less with 50 MB, 5.6 × and 6 GB from 320 MB",
            assumed=f"{BYTES}, without softmax; unfused = saved / (1 − 1 / ratio), fused = unfused / ratio",
            slow=True,
        )
        ours = partial(_traffic_of_the_block, size)
        yield case(quantity="traffic, unfused", published=unfused, ours=partial(ours, "off"), tolerance=within(0.08))
        yield case(
            quantity="traffic, fused", published=unfused / ratio, ours=partial(ours, "auto"), tolerance=at_most(0.02)
        )


@cache
def _curve(name: str) -> api.CurveResult:
    data = published("orojenesis")
    return api.curve(data["machine"], data[name], "Buffer")


def _least(name: str, words: int | None = None) -> float:
    """Least words of one product with a buffer of so many words; null: as large as it takes."""
    point = _curve(name).curves[0].at(None if words is None else 8 * words)
    return math.inf if point is None else point.traffic_words


def _over_compulsory(words: int) -> float:
    return _least("product", words) / _least("product")


def _gain_of_the_pair() -> float:
    """Words of both products unfused over those fused, with 256 MB."""
    found = _traffic("pair", 256 * MB, "off"), _traffic("pair", 256 * MB, "auto")
    return found[0] / found[1]


def _traffic(name: str, size: int, fuse: str) -> float:
    """Least words of a cascade with a buffer of so many bytes."""
    data = published("orojenesis")
    settings = {"Buffer.size": f"{size} B"}
    return api.map(data["machine"], data[name], objective="energy", fuse=fuse, set=settings, jobs=1).energy_pj


_traffic_of_the_block = partial(_traffic, "block")

GROUP = CaseGroup(
    name="orojenesis",
    title="Orojenesis: least traffic by the size of a buffer",
    about="""
The bound of `costmodel curve` (any tiles that divide, any order, one buffer) against what Orojenesis states in its
text, and against the known lower bound of every order of the operations of a product. What a GPU was measured to move
is above our bound, as it must be. Fused, a block of GPT-3 moves less here than there with 50 MB: the mapper fuses
Q, K and V with the attention, where the templates of the paper have chains. What the tables of the paper's figures say
is not at hand; the rows are what its text says.
""",
    cases=lambda: list(cases()),
)
