"""The search over tiles that need not divide; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.uneven.bound import lower_bound
    from costmodel.mapper.uneven.search import enumerated, improve, verdict

__all__ = ["enumerated", "improve", "lower_bound", "verdict"]

__getattr__ = door(__name__, {"lower_bound": "bound", "enumerated": "search", "improve": "search", "verdict": "search"})
