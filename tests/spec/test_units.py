"""Quantities: units, dimensions, bare numbers, and what is refused."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.spec import units
from costmodel.spec.units import Quantity, convert, number_text, parse, split


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("108 KiB", units.SIZE, "884736 b"),
        ("64 kB", units.SIZE, "512000 b"),
        ("1 MB", units.SIZE, "8000000 b"),
        ("1 MiB", units.SIZE, "8388608 b"),
        ("2 GiB", units.SIZE, "17179869184 b"),
        ("512 b", units.SIZE, "512 b"),
        ("512 B", units.SIZE, "4096 b"),
        ("3 kb", units.SIZE, "3000 b"),
        ("3 Kib", units.SIZE, "3072 b"),
        ("16 words", units.SIZE, "16 words"),
        ("1 word", units.SIZE, "1 words"),
        (448, units.SIZE, "448 words"),
        (1e3, units.SIZE, "1000 words"),
        ("448", units.SIZE, "448 words"),
        ("64KiB", units.SIZE, "524288 b"),
        ("  64   KiB ", units.SIZE, "524288 b"),
        (16, units.WIDTH, "16 b"),
        ("2 B", units.WIDTH, "16 b"),
        ("200 MHz", units.FREQUENCY, "200000000 Hz"),
        ("1.2 GHz", units.FREQUENCY, "1200000000 Hz"),
        (2e8, units.FREQUENCY, "200000000 Hz"),
        ("2 pJ", units.ENERGY, "2 pJ"),
        ("0.3 nJ", units.ENERGY, "300 pJ"),
        ("1.1 nJ", units.ENERGY, "1100 pJ"),
        ("20 fJ", units.ENERGY, "0.02 pJ"),
        ("1 uJ", units.ENERGY, "1000000 pJ"),
        ("1 µJ", units.ENERGY, "1000000 pJ"),
        (0.0227, units.ENERGY, "0.0227 pJ"),
        ("480 MB/s", units.BANDWIDTH, "3840000000 b/s"),
        ("1 GiB/s", units.BANDWIDTH, "8589934592 b/s"),
        ("64 b/cycle", units.BANDWIDTH, "64 b/cycle"),
        ("8 B/cycle", units.BANDWIDTH, "64 b/cycle"),
        ("4 words/cycle", units.BANDWIDTH, "4 words/cycle"),
        ("480 MB / s", units.BANDWIDTH, "3840000000 b/s"),
        (4, units.BANDWIDTH, "4 words/cycle"),
        ("0.02 mm2", units.AREA, "0.02 mm2"),
        ("1200 um2", units.AREA, "0.0012 mm2"),
        ("1200 µm²", units.AREA, "0.0012 mm2"),
        ("1 mm^2", units.AREA, "1 mm2"),
        (0.5, units.AREA, "0.5 mm2"),
        ("3 mW", units.POWER, "0.003 W"),
        ("1 /cycle", units.RATE, "1 /cycle"),
        ("0.5/cycle", units.RATE, "0.5 /cycle"),
        ("65 nm", units.LENGTH, "65 nm"),
        ("0.18 um", units.LENGTH, "180 nm"),
        (28, units.LENGTH, "28 nm"),
        ("2 min", units.TIME, "120 s"),
        (90, units.TIME, "90 s"),
        ("-3 pJ", units.ENERGY, "-3 pJ"),
    ],
)
def test_quantities(text, dimension, value):
    assert str(parse(text, dimension)) == value


@pytest.mark.parametrize(
    ("text", "dimension", "message"),
    [
        ("64 pJ", units.SIZE, "must be a size (b, B, kB, KiB, MB, MiB, words), got an energy '64 pJ'"),
        ("64 KiB", units.ENERGY, "must be an energy (fJ, pJ, nJ, uJ, mJ), got a size '64 KiB'"),
        ("64 B/s", units.SIZE, "must be a size (b, B, kB, KiB, MB, MiB, words), got a bandwidth '64 B/s'"),
        ("16 words", units.WIDTH, "must be a width in bits (b, B), got a size '16 words'"),
        ("64 KB", units.SIZE, "KB can be read in two ways: write kB (1000 bytes) or KiB (1024 bytes)"),
        ("64 KB/s", units.BANDWIDTH, "write kB (1000 bytes) or KiB (1024 bytes)"),
        ("64 mb", units.SIZE, "no such unit 'mb', write Mb or MB"),
        ("64 kib", units.SIZE, "no such unit 'kib', write Kib or KiB"),
        ("200 mhz", units.FREQUENCY, "no such unit 'mhz', write MHz"),
        ("1 wrods", units.SIZE, "no such unit 'wrods', did you mean 'words'?"),
        ("3 parsec", units.ENERGY, "no such unit 'parsec', units: fJ, pJ, nJ, uJ, mJ"),
        ("2 pJ/b", units.ENERGY, "an energy is per access: give it in pJ and say `access: 1 b`"),
        ("cheap", units.ENERGY, "must be an energy (fJ, pJ, nJ, uJ, mJ), got 'cheap'"),
        ("", units.ENERGY, "got ''"),
        ("pJ", units.ENERGY, "got 'pJ'"),
        ("1_000 pJ", units.ENERGY, "no such unit '_000 pJ'"),
        ("1,5 pJ", units.ENERGY, "no such unit ',5 pJ'"),
        ("0x10 pJ", units.ENERGY, "no such unit"),
        ("1 2 pJ", units.ENERGY, "no such unit '2 pJ'"),
        (True, units.ENERGY, "got true"),
        (None, units.ENERGY, "got nothing"),
        ([1], units.ENERGY, "got a list"),
        ({"a": 1}, units.ENERGY, "got a map"),
        (float("nan"), units.ENERGY, "got nan"),
        (float("inf"), units.ENERGY, "got inf"),
        ("1e999 pJ", units.ENERGY, "too large"),
        (1e308, units.ENERGY, "too large"),
        (-1e-300, units.ENERGY, "too small"),
        ("1e-999 pJ", units.ENERGY, "too small"),
        ("1e99999 pJ", units.ENERGY, "too large"),
        ("9" * 200, units.ENERGY, "must be an energy"),
    ],
)
def test_what_is_refused_and_why(text, dimension, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(text, dimension)


@pytest.mark.parametrize("dimension", units.DIMENSIONS, ids=lambda d: d.noun)
def test_every_unit_is_read_and_shown_units_exist(dimension):
    assert dimension.bare in dimension.units
    for unit in dimension.units:
        assert parse(f"2 {unit}", dimension).value == 2 * dimension.units[unit][0]
    for unit in dimension.shown.split(", "):
        assert unit in dimension.units


@pytest.mark.parametrize("dimension", units.DIMENSIONS, ids=lambda d: d.noun)
@given(number=st.floats(1e-9, 1e12))
def test_a_quantity_prints_as_it_reads(dimension, number):
    quantity = parse(number, dimension)
    assert float(parse(str(quantity), dimension)) == float(quantity)


@given(st.decimals(0, 10**6, places=6))
def test_numbers_are_exact(number):
    assert parse(f"{number} nJ", units.ENERGY).value == Fraction(number) * 1000


def test_split_keeps_the_unit_as_written():
    assert split("32 KiB") == (32, "KiB")
    assert split(4) == (4, "")
    with pytest.raises(ValueError, match="must be a number with or without a unit"):
        split("x")


def test_convert():
    assert convert(Fraction(1), "MiB", "KiB") == 1024
    assert convert(Fraction(3), "", "") == 3
    assert convert(Fraction(1), "nJ", "pJ") == 1000
    assert convert(Fraction(60), "ns", "s") == Fraction(60, 10**9)  # a latency is held against seconds
    for unit, to in [("KiB", "pJ"), ("KiB", "words"), ("", "KiB"), ("b/s", "b/cycle")]:
        with pytest.raises(ValueError, match="do not measure the same"):
            convert(Fraction(1), unit, to)


def test_number_text():
    assert number_text(Fraction(3)) == "3"
    assert number_text(Fraction(1, 4)) == "0.25"
    assert float(Quantity(Fraction(1, 3), "pJ")) == pytest.approx(1 / 3)
