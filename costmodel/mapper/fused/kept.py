"""Fused nests on disk: a cascade that was searched to its end is not searched again.

An entry is named by the Einsums with their names, the architecture, what is asked, what the Einsums cost by themselves,
and the program. It holds nests and what is known about them; the model costs what is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping as MappingABC
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from costmodel.mapper.cache import Inquiry
from costmodel.mapper.fused.fusion import Fusion
from costmodel.mapper.result import MappingPoint
from costmodel.model.evaluate import evaluate
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import parse_nest, sentences

if TYPE_CHECKING:
    from collections.abc import Collection

    from costmodel.einsum.algebra import Workload
    from costmodel.mapper.cache import Cache, Entry
    from costmodel.mapper.front import Floats
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.request import Request


@dataclass(frozen=True, slots=True)
class FusedInquiry:
    """A cascade, and what is asked of its fused nests."""

    workload: Workload
    architecture: Architecture
    request: Request
    alone: MappingABC[int, Floats]
    """Costs of the front of each Einsum by itself, by its place."""
    proven: Collection[int]
    """Places of those of which nothing is better."""

    @property
    def name(self) -> str:
        """What the entry is called."""
        each = []
        for einsum in self.workload.einsums:
            key, naming = Inquiry(einsum, self.architecture, self.request).named()
            each.append([einsum.name, einsum.count, key, asdict(naming)])
        alone = [[place, costs.tolist()] for place, costs in sorted(self.alone.items())]
        decides = json.dumps([self.request.fuse, each, alone, sorted(self.proven)])
        return hashlib.sha256(decides.encode()).hexdigest()[:16]

    def find(self, cache: Cache) -> Fusion | None:
        """What an earlier search came to; null where there was none, or where there is time to find more."""
        return cache.load(self.name, self._read)

    def keep(self, cache: Cache, found: Fusion) -> None:
        """Write down what a search came to that ended by itself."""
        if not (found.interrupted or found.late):
            cache.save(self.name, self._written(found))

    def _written(self, found: Fusion) -> Entry:
        told: Entry = {key: value for key, value in vars(found).items() if key not in ("fronts", "bounds", "pieces")}
        fronts = [[run, [sentences(point.mapping.nest) for point in points]] for run, points in found.fronts.items()]
        pieces = None if found.pieces is None else sorted(found.pieces)
        rest = {"fronts": fronts, "bounds": list(found.bounds.items()), "pieces": pieces}
        return {"fused": told | rest, "had_time": self.request.budget is not None}

    def _read(self, entry: Entry) -> Fusion | None:
        told: dict[str, Any] = entry["fused"]
        if self.request.budget is not None and not (entry["had_time"] or told["exact"]):
            return None
        once = replace(self.workload, einsums=tuple(replace(e, count=1) for e in self.workload.einsums))
        fronts = {}
        for run, nests in told["fronts"]:
            mappings = (Mapping(parse_nest(n), arch=self.architecture.name, workload=once.name) for n in nests)
            fronts[_run(run)] = tuple(MappingPoint(m, evaluate(once, self.architecture, m)) for m in mappings)
        return Fusion(
            **told
            | {
                "fronts": fronts,
                "bounds": {_run(run): float(bound) for run, bound in told["bounds"]},
                "pieces": None if told["pieces"] is None else frozenset(map(_run, told["pieces"])),
                "searched": tuple(map(tuple, told["searched"])),
                "between": tuple(map(tuple, told["between"])),
                "hindrances": tuple(map(tuple, told["hindrances"])),
                "lacking": tuple((tuple(names), share) for names, share in told["lacking"]),
            }
        )


def _run(places: list[int]) -> tuple[int, int]:
    first, stop = places
    return first, stop
