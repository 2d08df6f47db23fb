"""The search over tiles that need not divide, and over few that do; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.uneven.bound import floors, lower_bound
    from costmodel.mapper.uneven.exhaustion import exhaust
    from costmodel.mapper.uneven.search import improve, verdict

__all__ = ["exhaust", "floors", "improve", "lower_bound", "verdict"]

__getattr__ = door(
    __name__,
    {"exhaust": "exhaustion", "floors": "bound", "lower_bound": "bound", "improve": "search", "verdict": "search"},
)
