"""The exact search of fused nests: groups of Einsums below shared loops; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.fused.cuts import apart, least_over, over_cuts
    from costmodel.mapper.fused.search import Fusion, asked_of, fuse

__all__ = ["Fusion", "apart", "asked_of", "fuse", "least_over", "over_cuts"]

__getattr__ = door(
    __name__,
    {
        "Fusion": "search",
        "apart": "cuts",
        "asked_of": "search",
        "fuse": "search",
        "least_over": "cuts",
        "over_cuts": "cuts",
    },
)
