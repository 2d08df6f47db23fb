"""The search by samplers over vectors of genes; others use what its door names."""

from typing import TYPE_CHECKING

from costmodel.mapper.doors import door

if TYPE_CHECKING:
    from costmodel.mapper.sample.search import search_einsum

__all__ = ["search_einsum"]

__getattr__ = door(__name__, {"search_einsum": "search"})
