"""The exact search over tiles that divide, on the lattice of tile shapes; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.lattice.board import Board
    from costmodel.mapper.lattice.branches import Branches, Branching, Cheapest
    from costmodel.mapper.lattice.exact import map_einsum
    from costmodel.mapper.lattice.numbering import numbered
    from costmodel.mapper.lattice.passes import Progress, widen
    from costmodel.mapper.lattice.read_back import merged
    from costmodel.mapper.lattice.settings import Judges, Setting, Settings
    from costmodel.mapper.lattice.space import Space, build
    from costmodel.mapper.lattice.tensor_plan import UnsupportedError

__all__ = [
    "Board",
    "Branches",
    "Branching",
    "Cheapest",
    "Judges",
    "Progress",
    "Setting",
    "Settings",
    "Space",
    "UnsupportedError",
    "build",
    "map_einsum",
    "merged",
    "numbered",
    "widen",
]

__getattr__ = door(
    __name__,
    {
        "Board": "board",
        "Branches": "branches",
        "Branching": "branches",
        "Cheapest": "branches",
        "Judges": "settings",
        "Progress": "passes",
        "Setting": "settings",
        "Settings": "settings",
        "Space": "space",
        "UnsupportedError": "tensor_plan",
        "build": "space",
        "map_einsum": "exact",
        "map_together": "exact",
        "merged": "read_back",
        "numbered": "numbering",
        "widen": "passes",
    },
)
