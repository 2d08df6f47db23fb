"""What a component is: a name, parameters, and the figures that follow from their values.

A class of your own needs no more than the four attributes of ``Component``; an installed package offers an instance of
it under the entry point ``costmodel.components``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from costmodel.components.figures import ComponentFigure
from costmodel.spec import units
from costmodel.spec.load import describe
from costmodel.spec.problems import did_you_mean
from costmodel.spec.units import Dimension

LevelKind = Literal["memory", "array", "compute"]
"""Of a level of an architecture."""
Value = float | int | str
"""Of a parameter, in the base unit of what it measures: bits, nm, V, Hz, b/s; a count; one of several words."""
Parameters = Mapping[str, Value]


class ComponentError(ValueError):
    """A component cannot be priced. ``parameter`` is the one that is wrong, empty where it is none."""

    def __init__(self, message: str, parameter: str = "", hint: str = "", within: tuple[str, ...] = ()) -> None:
        self.parameter = parameter
        self.hint = hint
        self.within = within
        """Keys of what the component says that lead to the parameter."""
        self.more: tuple[ComponentError, ...] = ()
        """Further mistakes of the same component."""
        super().__init__(message)

    def at(self, key: str) -> ComponentError:
        """The same of what stands under a key."""
        found = ComponentError(str(self), self.parameter, self.hint, (key, *self.within))
        found.more = tuple(each.at(key) for each in self.more)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a component."""

    means: str
    """What it says, for manuals."""
    measures: Dimension | None = None
    """Null: a count, or one of ``words``."""
    words: tuple[str, ...] = ()
    """What it may say; empty: a number, or free text where ``default`` is text."""
    default: Value | None = None
    """Without it; null: it has to be said, or comes from the level (``size``, ``width``) or the file (``node``)."""
    example: Value | None = None
    """For manuals, as a file writes it; null: the first of ``words``."""

    def read(self, stated: object, word_bits: int) -> Value:
        """Turn what a file says into a value; ValueError says what it must be.

        >>> Parameter(means="room", measures=units.SIZE).read("2 words", 16)
        32
        """
        if self.words:
            if stated not in self.words:
                raise ComponentError(
                    f"must be one of {', '.join(self.words)}, got {describe(stated)}", hint=self._near(stated)
                )
            return str(stated)
        if isinstance(self.default, str):
            if not isinstance(stated, str):
                raise ComponentError(f"must be text, got {describe(stated)}")
            return stated
        if self.measures is not None:
            return self._measured(stated, self.measures, word_bits)
        if isinstance(stated, bool) or not isinstance(stated, int) or stated <= 0:
            raise ComponentError(f"must be a whole number greater than zero, got {describe(stated)}")
        return stated

    def _near(self, stated: object) -> str:
        near = did_you_mean(stated, self.words) if isinstance(stated, str) else ""
        return near if near.startswith("did you mean") else ""

    @staticmethod
    def _measured(stated: object, dimension: Dimension, word_bits: int) -> Value:
        quantity = units.parse(stated, dimension)
        if quantity.value <= 0:
            raise ComponentError(f"must be greater than zero, got {describe(stated)}")
        if quantity.unit in {"b", "words"}:
            bits = quantity.value * (word_bits if quantity.unit == "words" else 1)
            if bits.denominator != 1:
                raise ComponentError(f"must be a whole number of bits, got {describe(stated)}")
            return int(bits)
        return float(quantity)


class Component(Protocol):
    """A class of component."""

    @property
    def name(self) -> str:
        """What ``class:`` says."""

    @property
    def level(self) -> LevelKind:
        """The kind of level that it prices."""

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        """Return what it costs: by action or kind of operation (pJ), and ``area``, ``leakage``, limits.

        Limits are ``bandwidth`` (or ``read_bandwidth``, ``write_bandwidth``) and ``throughput``, of each of its kinds.

        Actions are ``read`` and ``write`` of an access of ``width``, ``hop`` of ``width``, or kinds of operations.
        Every parameter has a value. Raises ComponentError for what no number is known for.
        """


NODE = Parameter(
    means="feature size of the process; `technology:` of the file when absent", measures=units.LENGTH, example="65 nm"
)
VOLTAGE = Parameter(
    means="supply, which energies and leakage follow; `voltage:` of the file when absent, else that of the data set",
    measures=units.VOLTAGE,
    default=0.0,
    example="0.8 V",
)
SIZE = Parameter(means="room; the `size:` of the level", measures=units.SIZE, example="64 KiB")
WIDTH = Parameter(
    means="bits of one access; `access:` of the level, or a word, when absent", measures=units.WIDTH, example="64 b"
)
