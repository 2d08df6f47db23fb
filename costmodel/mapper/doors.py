"""Doors of the wings: names that others may use, loaded when they are asked for.

So a command starts without the searches that it does not use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def door(wing: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package that finds each name in the module of the package that is its home."""

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"{wing} has no {name}")
        return getattr(import_module(f"{wing}.{homes[name]}"), name)

    return find
