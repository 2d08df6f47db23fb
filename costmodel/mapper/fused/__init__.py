"""The exact search of fused nests: groups of Einsums below shared loops; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.fused.cuts import apart, asked_of, least_over, over_cuts, runs
    from costmodel.mapper.fused.fusion import Fusion
    from costmodel.mapper.fused.group import in_groups
    from costmodel.mapper.fused.search import fuse

__all__ = ["Fusion", "apart", "asked_of", "fuse", "in_groups", "least_over", "over_cuts", "runs"]

__getattr__ = door(
    __name__,
    {
        "Fusion": "fusion",
        "apart": "cuts",
        "asked_of": "cuts",
        "fuse": "search",
        "in_groups": "group",
        "least_over": "cuts",
        "over_cuts": "cuts",
        "runs": "cuts",
    },
)
