"""The exact search over tiles that divide, on the lattice of tile shapes; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.lattice.exact import map_einsum
    from costmodel.mapper.lattice.search import Board, Progress, widen
    from costmodel.mapper.lattice.space import UnsupportedError, build

__all__ = ["Board", "Progress", "UnsupportedError", "build", "map_einsum", "widen"]

__getattr__ = door(
    __name__,
    {
        "Board": "search",
        "Progress": "search",
        "UnsupportedError": "space",
        "build": "space",
        "map_einsum": "exact",
        "widen": "search",
    },
)
