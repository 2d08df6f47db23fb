"""Rules on the tiles that a level holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from costmodel.spec.rules.base import Measured, Tile, TileRule, WordingError
from costmodel.spec.rules.finding import Interval


@dataclass(frozen=True, slots=True)
class TileExtent(TileRule):
    """A limit on the extent of a rank variable in the tiles of a level; the whole extent, where that is less."""

    level: str
    rank_variable: str
    relation: Literal["<=", "=="]
    extent: int

    forms: ClassVar = ("LEVEL tile a <= 14", "LEVEL tile a == 14")
    pattern: ClassVar[str] = r"(\w+) tile (\w+) ?(<=|==|=) ?(\d+)"

    @classmethod
    def of(cls, found: re.Match[str]) -> Self:
        extent = int(found[4])
        if extent < 1:
            raise WordingError("a tile has an extent of at least one")
        return cls(found[1], found[2], "<=" if found[3] == "<=" else "==", extent)

    @property
    def limit(self) -> str:
        return f"tile {self.rank_variable} {self.relation} {self.extent}"

    @property
    def rank_variables(self) -> frozenset[str]:
        return frozenset({self.rank_variable})

    def measure(self, tile: Tile) -> Measured | None:
        v = self.rank_variable
        if tile.level != self.level or v not in tile.rank_variables:
            return None
        most = min(self.extent, tile.einsum.shape[v])
        allowed = Interval(most if self.relation == "==" else 1, most)
        return Measured(str(self), tile.extent(v), allowed, frozenset({v}))
