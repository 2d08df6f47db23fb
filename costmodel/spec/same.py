"""Values by what they are, not by what they say: to remember what is known of one that has no hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False, slots=True)
class Same(Generic[Value]):
    """Equal to another one of the same object."""

    value: Value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value
