"""The exact search of fused nests: groups of Einsums below shared loops; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.fused.cuts import apart, asked_of, least_over, over_cuts, runs, way_over
    from costmodel.mapper.fused.fusion import Fusion
    from costmodel.mapper.fused.group import could_stay, in_groups, lacks_room, some_could_stay
    from costmodel.mapper.fused.kept import FusedInquiry
    from costmodel.mapper.fused.search import FusedQuery, fuse

__all__ = [
    "FusedInquiry",
    "FusedQuery",
    "Fusion",
    "apart",
    "asked_of",
    "could_stay",
    "fuse",
    "in_groups",
    "lacks_room",
    "least_over",
    "over_cuts",
    "runs",
    "some_could_stay",
    "way_over",
]

__getattr__ = door(
    __name__,
    {
        "FusedInquiry": "kept",
        "FusedQuery": "search",
        "Fusion": "fusion",
        "apart": "cuts",
        "asked_of": "cuts",
        "could_stay": "group",
        "fuse": "search",
        "in_groups": "group",
        "lacks_room": "group",
        "least_over": "cuts",
        "over_cuts": "cuts",
        "runs": "cuts",
        "some_could_stay": "group",
        "way_over": "cuts",
    },
)
