"""The exact search over tiles that divide, on the lattice of tile shapes; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.lattice.board import Board
    from costmodel.mapper.lattice.exact import map_einsum
    from costmodel.mapper.lattice.passes import Progress, widen
    from costmodel.mapper.lattice.space import build
    from costmodel.mapper.lattice.tensor_plan import UnsupportedError

__all__ = ["Board", "Progress", "UnsupportedError", "build", "map_einsum", "widen"]

__getattr__ = door(
    __name__,
    {
        "Board": "board",
        "Progress": "passes",
        "UnsupportedError": "tensor_plan",
        "build": "space",
        "map_einsum": "exact",
        "widen": "passes",
    },
)
