"""Values to plain JSON. ``record.py`` reads them back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum

from costmodel.spec.hardware import Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping as Schedule
from costmodel.spec.mapping_file import sentences

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


def plain(value: object) -> Plain:
    """A value as JSON knows it; TypeError for what has no such form.

    Fields keep their names. A level of an architecture carries its class under ``kind``; a nest is its sentences.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{value} is not a number that JSON can hold")
        return value
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, frozenset):
        return [plain(item) for item in sorted(value)]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Schedule):
        names: dict[str, Plain] = {"arch": value.arch, "workload": value.workload, "einsum": value.einsum}
        return names | {"nest": plain(sentences(value.nest))}
    if is_dataclass(value) and not isinstance(value, type):
        kind: dict[str, Plain] = (
            {"kind": type(value).__name__} if isinstance(value, (Memory, Array, ComputeUnit)) else {}
        )
        return kind | {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"cannot write {type(value).__name__}")
