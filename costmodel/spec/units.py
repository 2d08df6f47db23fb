"""Quantities with units: ``108 KiB``, ``2 pJ``, ``480 MB/s``. Bit ``b`` differs from byte ``B``, ``kB`` from ``KiB``.

A quantity is read once and kept in the base unit of its dimension; the number is exact (a fraction) until someone needs
a float. Bare numbers mean what the key says (words, pJ, cycles …): see ``Dimension.bare``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from costmodel.spec.load import describe
from costmodel.spec.problems import did_you_mean

_NUMBER = re.compile(r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)\s*(.*?)\s*", re.DOTALL)
_MAX_TEXT = 80
_SMALLEST, _LARGEST = Fraction(1, 10**30), Fraction(10**30)

_BITS: dict[str, int] = {"b": 1, "bit": 1, "bits": 1, "B": 8, "byte": 8, "bytes": 8}
for _place, _prefix in enumerate("kMGT", start=1):
    _BITS |= {f"{_prefix}b": 1000**_place, f"{_prefix}B": 8 * 1000**_place}
for _place, _prefix in enumerate("KMGT", start=1):
    _BITS |= {f"{_prefix}ib": 1024**_place, f"{_prefix}iB": 8 * 1024**_place}
_WORDS = {"words": 1, "word": 1}


def _prefixed(unit: str, prefixes: str) -> dict[str, Fraction]:
    powers = {"f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, " ": 0, "k": 3, "M": 6, "G": 9}
    return {f"{prefix.strip()}{unit}": Fraction(10) ** powers[prefix] for prefix in prefixes}


def _scaled(units: dict[str, Fraction], base: str) -> dict[str, tuple[Fraction, str]]:
    """Give each unit its factor to the base unit."""
    return {unit: (factor / units[base], base) for unit, factor in units.items()}


class Dimension(NamedTuple):
    """What a number measures: its units, and what it means without one."""

    noun: str
    units: dict[str, tuple[Fraction, str]]
    """Unit → factor, and the base unit that the factor leads to."""
    bare: str
    """Unit of a number that is written without one."""
    shown: str
    """Units that messages name."""

    @property
    def manual(self) -> str:
        """Say how it is written.

        >>> LENGTH.manual
        'A length (nm, um); a bare number is in nm.'
        """
        return f"{self.noun[:1].upper()}{self.noun[1:]} ({self.shown}); a bare number is in {self.bare}."


def _data(suffix: str = "", *, words: bool = True) -> dict[str, tuple[Fraction, str]]:
    units = {f"{unit}{suffix}": (Fraction(bits), f"b{suffix}") for unit, bits in _BITS.items()}
    return units | ({f"{unit}{suffix}": (Fraction(1), f"words{suffix}") for unit in _WORDS} if words else {})


SIZE = Dimension("a size", _data(), "words", "b, B, kB, KiB, MB, MiB, words")
WIDTH = Dimension("a width in bits", _data(words=False), "b", "b, B")
ENERGY = Dimension("an energy", _scaled(_prefixed("J", "fpnuµμm "), "pJ"), "pJ", "fJ, pJ, nJ, uJ, mJ")
FREQUENCY = Dimension("a frequency", _scaled(_prefixed("Hz", " kMG"), "Hz"), "Hz", "Hz, kHz, MHz, GHz")
BANDWIDTH = Dimension(
    "a bandwidth",
    _data("/cycle") | _data("/s"),
    "words/cycle",
    "b/cycle, B/cycle, words/cycle, B/s, kB/s, MB/s, GB/s, GiB/s, Gb/s",
)
AREA = Dimension(
    "an area",
    {
        f"{unit}{power}": (factor, "mm2")
        for power in ("2", "^2", "²")
        for unit, factor in (
            ("mm", Fraction(1)),
            ("um", Fraction(1, 10**6)),
            ("µm", Fraction(1, 10**6)),
            ("μm", Fraction(1, 10**6)),
            ("nm", Fraction(1, 10**12)),
            ("cm", Fraction(100)),
        )
    },
    "mm2",
    "um2, mm2",
)
POWER = Dimension("a power", _scaled(_prefixed("W", "pnuµμm "), "W"), "W", "nW, uW, mW, W")
RATE = Dimension("a throughput", {"/cycle": (Fraction(1), "/cycle")}, "/cycle", "/cycle")
LENGTH = Dimension("a length", _scaled(_prefixed("m", "nuµμm"), "nm"), "nm", "nm, um")
VOLTAGE = Dimension("a voltage", _scaled(_prefixed("V", "m "), "V"), "V", "mV, V")
TIME = Dimension(
    "a time",
    {
        unit: (Fraction(seconds), "s")
        for unit, seconds in (
            ("s", 1),
            ("min", 60),
            ("h", 3600),
            ("ms", Fraction(1, 1000)),
            ("us", Fraction(1, 10**6)),
        )
    },
    "s",
    "ms, s, min, h",
)
LATENCY = Dimension(
    "a latency",
    {"cycles": (Fraction(1), "cycles"), "cycle": (Fraction(1), "cycles")}
    | {
        unit: (Fraction(1, 10**power), "s")
        for unit, power in (("ps", 12), ("ns", 9), ("us", 6), ("µs", 6), ("ms", 3), ("s", 0))
    },
    "cycles",
    "cycles, ns, us",
)
DIMENSIONS = (SIZE, WIDTH, ENERGY, FREQUENCY, BANDWIDTH, AREA, POWER, RATE, LENGTH, VOLTAGE, TIME, LATENCY)

_AMBIGUOUS = {"KB": "kB (1000 bytes) or KiB (1024 bytes)", "Kb": "kb (1000 bits) or Kib (1024 bits)"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a base unit (b, words, pJ, Hz, b/cycle, b/s, words/cycle, mm2, W, /cycle, nm, V, s, cycles)."""

    value: Fraction
    unit: str

    def __str__(self) -> str:
        return f"{number_text(self.value)} {self.unit}"

    def __float__(self) -> float:
        return float(self.value)


def parse(value: object, dimension: Dimension) -> Quantity:
    """Read a quantity; ValueError says what it must be.

    >>> str(parse("108 KiB", SIZE)), str(parse(448, SIZE)), str(parse("0.3 nJ", ENERGY))
    ('884736 b', '448 words', '300 pJ')
    """
    number, unit = split(value, dimension)
    factor, base = _unit(unit or dimension.bare, dimension, value)
    return Quantity(number * factor, base)


def split(value: object, dimension: Dimension | None = None) -> tuple[Fraction, str]:
    """Split ``"108 KiB"`` into its number and its unit ("" without one); ValueError if there is no number."""
    must = f"must be {dimension.noun} ({dimension.shown})" if dimension else "must be a number with or without a unit"
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{must}, got {describe(value)}")  # noqa: TRY004 (pydantic collects ValueErrors)
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value) if len(value) <= _MAX_TEXT else None
        if match is None:
            raise ValueError(f"{must}, got {describe(value)}")
        number, unit = Fraction(match[1]), match[2]
    elif math.isfinite(value):
        number, unit = Fraction(repr(value)), ""
    else:
        raise ValueError(f"{must}, got {value}")
    if number and not _SMALLEST <= abs(number) <= _LARGEST:
        raise ValueError(f"{must}, got {describe(value)}, which is too {'large' if abs(number) > 1 else 'small'}")
    return number, " ".join(unit.split()).replace(" / ", "/").replace("/ ", "/").replace(" /", "/")


def convert(number: Fraction, unit: str, to: str) -> Fraction:
    """Convert between units of one dimension; an empty unit fits itself only. ValueError if they do not fit.

    >>> convert(Fraction(1), "MiB", "KiB")
    Fraction(1024, 1)
    """
    if unit == to:
        return number
    for dimension in DIMENSIONS:
        if unit in dimension.units and to in dimension.units:
            (factor, base), (to_factor, to_base) = dimension.units[unit], dimension.units[to]
            if base == to_base:
                return number * factor / to_factor
    raise ValueError(f"{unit or 'no unit'!r} and {to or 'no unit'!r} do not measure the same")


def number_text(value: Fraction) -> str:
    """Print a number so that it reads back the same where decimals can say it.

    >>> number_text(Fraction(884736)), number_text(Fraction(1, 8))
    ('884736', '0.125')
    """
    return str(value.numerator) if value.denominator == 1 else repr(float(value))


def _unit(unit: str, dimension: Dimension, value: object) -> tuple[Fraction, str]:
    found = dimension.units.get(unit)
    if found is not None:
        return found
    got = f"got {describe(value)}"
    for ambiguous, choice in _AMBIGUOUS.items():
        if unit == ambiguous or unit.startswith(f"{ambiguous}/"):
            raise ValueError(f"{got}: {ambiguous} can be read in two ways: write {choice}")
    other = _dimension_of(unit)
    if other is not None:
        raise ValueError(f"must be {dimension.noun} ({dimension.shown}), got {other} {describe(value)}")
    if dimension is ENERGY and "/" in unit:
        raise ValueError(f"{got}: an energy is per access: give it in pJ and say `access: 1 b` for energies per bit")
    same = [known for known in dimension.units if known.lower() == unit.lower()]
    if same:
        hint = f"write {' or '.join(same)}"
    else:
        near = did_you_mean(unit, list(dimension.units))
        hint = near if near.startswith("did you mean") else f"units: {dimension.shown}"
    raise ValueError(f"must be {dimension.noun}, {got}: no such unit {unit!r}, {hint}")


@cache
def _dimension_of(unit: str) -> str | None:
    return next((d.noun for d in DIMENSIONS if unit in d.units), None)
