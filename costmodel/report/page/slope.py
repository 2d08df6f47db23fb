"""The ski-slope on the page of a run: what a larger or smaller buffer would make of the traffic into it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from costmodel.einsum.algebra import Einsum
from costmodel.mapper.curve import BufferCurve, lattice_curve
from costmodel.mapper.divisors import divisors_of
from costmodel.report import figures, human, tables
from costmodel.report.curves import curve_table, shown_einsum
from costmodel.report.page.book import Book, Figure
from costmodel.report.run import Run
from costmodel.spec.hardware import Memory
from costmodel.spec.mapping import einsums_in
from costmodel.spec.problems import SpecError

LIMIT, SLIDING = 15_000, 3_000
"""Tile shapes of an Einsum that a page searches, and of one with a window, where each takes several times as long.
At most some 2 CPU-s. `costmodel curve` searches any."""


def slope_figure(book: Book, run: Run) -> Figure | None:
    """The curve of the Einsum that takes the most energy of those that are small enough and mapped by themselves.

    Null where there is none, or no memory is of limited size.
    """
    memory = next((m for m in run.architecture.memories[1:] if m.capacity_bits is not None), None)
    if memory is None:
        return None
    for einsum in _candidates(run):
        curve = _curve(run, einsum, memory)
        if curve is not None and len(curve.points) > 1:
            table = curve_table([shown_einsum(curve, einsum)])
            drawn = figures.buffer_curves(table, memory.name, curve.above, memory.capacity_bits)
            title = f"{memory.name}: least traffic by size, {einsum.name}"
            return book.figure("slope", title, _finding(run, einsum, curve, memory), drawn)
    return None


def _candidates(run: Run) -> Iterator[Einsum]:
    statements = {e.name: e for e in run.workload.einsums}
    rows = tables.einsums(run).sort_values("energy_pj", ascending=False, kind="stable")
    for name in rows["einsum"]:
        mapping, einsum = run.mapping_of(name), statements.get(name)
        if mapping is None or einsum is None or len(einsums_in(mapping.nest)) > 1:
            continue
        slides = any(len(i.terms) > 1 for a in einsum.accesses for i in a.indices)
        shapes = math.prod(len(divisors_of(extent)) for extent in einsum.shape.values())
        if shapes <= (SLIDING if slides else LIMIT):
            yield einsum


def _curve(run: Run, einsum: Einsum, memory: Memory) -> BufferCurve | None:
    try:
        return lattice_curve(einsum, run.architecture, memory.name)
    except SpecError:  # the memory serves another unit
        return None


def _finding(run: Run, einsum: Einsum, curve: BufferCurve, memory: Memory) -> str:
    """What the size that is there costs, what the mapping moves, and how the curve is to be read."""
    here, least = curve.at(memory.capacity_bits), curve.points[-1]
    words = sum(
        row.words
        for row in tables.evaluation_of(run).traffic_rows
        if (row.einsum, row.level) == (einsum.name, curve.above) and row.flow in {"read", "update"}
    )
    found = f"This mapping moves {human.amount(words)} words across {curve.above}. "
    if here is not None:
        times = human.digits(here.traffic_words / least.traffic_words) if least.traffic_words else "1"
        size = human.memory(memory.capacity_bits or 0)
        found += f"With all tensors in one {memory.name} of {size}, {human.amount(here.traffic_words)} have to: "
        found += f"{times} × what is compulsory. "
    enough = human.memory(least.capacity_bits)
    return f"{found}From {enough} on each word has to move only once. Hover a corner for its mapping."
