"""The search over tiles that need not divide; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.uneven.search import improve

__all__ = ["improve"]

__getattr__ = door(__name__, {"improve": "search"})
