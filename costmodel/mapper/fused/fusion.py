"""What is known about the fused nests of a workload."""

from __future__ import annotations

from dataclasses import dataclass, field

from costmodel.mapper.result import MappingPoint


@dataclass
class Fusion:
    """What is known about the fused nests of a workload."""

    fronts: dict[tuple[int, int], tuple[MappingPoint, ...]]
    """(first, stop) among the Einsums → mappings that are better than whatever fuses less; of one execution."""
    searched: tuple[tuple[str, ...], ...]
    """Groups, by the names of their Einsums."""
    alone: dict[str, str]
    """Einsum → why it is in no group."""
    bounds: dict[tuple[int, int], float] = field(default_factory=dict)
    """(first, stop) of a group → what the first objective of its fused nests is at least, where they may be better than
    what is known; infinite: they are not."""
    pieces: frozenset[tuple[int, int]] | None = None
    """Groups, and Einsums alone, that the workload may be cut into where all is fused that can be; null: any."""
    between: tuple[tuple[str, str, str], ...] = ()
    """(Einsum, the next one, why they need not be fused) of neighbours, where all was asked to be."""
    hindrances: tuple[tuple[str, int], ...] = ()
    """(Why neighbours are no group, of how many pairs), most of them first, where no Einsums are."""
    bound: float = 0.0
    """Of the first objective of the totals."""
    lacking: tuple[tuple[tuple[str, ...], float], ...] = ()
    """(Einsums, share of the totals) of groups that may still save so much at most, which together hold the bound."""
    evaluated: int = 0
    cpu_s: float = 0.0
    soon: bool = False
    """Whether the search ended when it had good nests, and may find better ones."""
    exact: bool = True
    """Whether nothing was left out that might be better."""
    agrees: bool = True
    """Whether the scalar model has the costs of the search."""
    interrupted: bool = False
    late: bool = False

    @property
    def proven(self) -> bool:
        return self.exact and self.agrees and not self.interrupted and not self.late
