"""Row-stationary mappings in the letters of the Eyeriss papers, and what they cost on the shipped chip."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import ceil, prod

from costmodel import api
from costmodel.api.results import CostResult
from costmodel.einsum.algebra import Einsum

CHIP = "eyeriss_v1"
COLUMNS = 14
"""PEs of the chip in a row."""
WORD_B = 2


class EyerissLayer:
    """A convolutional layer on the chip.

    ``letters``: n inputs at a time; in a PE, p filters and q channels; r and t sets of PEs with other channels and
    other filters; m filters and e rows of outputs in the GLB.
    """

    def __init__(self, network: str, batch: int, layer: str, letters: Mapping[str, int]) -> None:
        self._network, self._layer, self._letters = network, layer, dict(letters)
        self._batch = {"ranks.N": batch}

    @cached_property
    def cost(self) -> CostResult:
        """What it costs."""
        return self._evaluated(self._batch)

    @property
    def einsum(self) -> Einsum:
        return self.cost.workload.einsum(self._layer)

    @property
    def active_pes(self) -> int:
        """PEs at work in a full pass: operations a cycle of a layer that is a single one."""
        one = {"P": self._letters["e"], "C": self._letters["q"] * self._letters["r"]}
        one["M"] = self._letters["p"] * self._letters["t"]
        found = self._evaluated({"ranks.N": 1} | {f"{self._layer}.ranks.{rank}": size for rank, size in one.items()})
        (cycles,) = (row.cycles for row in found.evaluation.latency_rows if row.component == "MAC")
        return round(found.evaluation.total_points / cycles)

    @property
    def passes(self) -> int:
        """Processing passes: how often the PEs take new filters."""
        letters, shape = self._letters, self.einsum.shape
        tiles = {
            "n": letters["n"],
            "g": 1,
            "p": letters["e"],
            "m": letters["p"] * letters["t"],
            "c": letters["q"] * letters["r"],
        }
        return prod(ceil(shape[v] / tile) for v, tile in tiles.items() if v in shape)

    def processing_ms(self, ramp_up_cycles: float = 0.0) -> float:
        """Milliseconds without those that wait for DRAM, as the paper has it; passes begin with so many cycles."""
        cycles = {row.component: row.cycles for row in self.cost.evaluation.latency_rows if row.component != "DRAM"}
        cycles["MAC"] += self.passes * ramp_up_cycles
        return 1e3 * max(cycles.values()) / self.cost.architecture.clock_hz

    @property
    def glb_mb(self) -> float:
        """Accesses of the GLB in MB: inputs to the array; partial sums in, out, and out to DRAM in the end."""
        words = self.cost.evaluation.words
        return 1e-6 * WORD_B * (words("GLB", "I", "read") + words("GLB", "O", "read", "update", "drain"))

    def dram_mb(self, shares: Mapping[str, float] | None = None) -> float:
        """Accesses of the DRAM in MB; ``shares``: what a code leaves of tensors."""
        words, left = self.cost.evaluation.words, shares or {}
        return 1e-6 * WORD_B * sum(words("DRAM", t, "read", "update") * left.get(t, 1.0) for t in "IFO")

    def _evaluated(self, settings: Mapping[str, int]) -> CostResult:
        work = api.load_workload(self._network, set=settings)
        return api.evaluate(
            CHIP, work, mapping={"nest": self._nest(work.value.einsum(self._layer))}, einsums=self._layer
        )

    def _nest(self, einsum: Einsum) -> list[str]:
        n, e, m, p, q, r, t = (self._letters[letter] for letter in "nempqrt")
        shape = einsum.shape
        across = "X" if t * e <= COLUMNS else "Y"
        spatial = [
            (t > 1, f"parallel m by {p} across PEs.{across}"),
            (r > 1, f"parallel c by {q} across PEs.Y"),
            (e > COLUMNS, f"parallel p by {COLUMNS} across PEs.Y"),
        ]
        return [
            "store I F O in DRAM",
            *(["for g by 1"] if "g" in shape else []),
            f"for n by {min(n, shape['n'])}",
            f"for p by {e}",
            f"for m by {min(m, shape['m'])}",
            "store O in GLB",
            f"for c by {q * r}",
            "store I in GLB",
            f"for m by {p * t}",
            *(text for needed, text in spatial if needed),
            "parallel p by 1 across PEs.X",
            "parallel r by 1 across PEs.Y",
            "store F in weight_spad",
            "for n by 1",
            "for q by 1",
            "store I in ifmap_spad",
            "store O in psum_spad",
            "for c by 1",
            "for s by 1",
            "for m by 1",
            f"compute {einsum.name} on MAC",
        ]
