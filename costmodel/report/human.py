"""Numbers for people: an SI prefix and three digits. The exact number belongs next to it, on hover."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

NOT_MODELLED = "not modelled"
FAINT = 1e-6
"""A share below which only that is said of it."""

_PREFIXES = tuple(
    (10.0 ** (12 - 3 * place), prefix) for place, prefix in enumerate(("T", "G", "M", "k", "", *"mµnpfa"))
)


def digits(value: float, figures: int = 3) -> str:
    """Three significant digits, or as many as asked for, and all before the point; never in exponent form.

    >>> digits(12.345), digits(999.7), digits(2.0), digits(15604.2)
    ('12.3', '1,000', '2', '15,604')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, figures - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def prefixed(value: float, unit: str, *, smallest: float = 1e-12, figures: int = 3) -> str:
    """A value in SI units with the prefix that leaves one to three digits before the point.

    >>> prefixed(0.0032, "J"), prefixed(1_500_000, "B"), prefixed(0, "s")
    ('3.2 mJ', '1.5 MB', '0 s')
    """
    for scale, prefix in _PREFIXES:
        if abs(value) >= scale * 0.9995 or scale <= smallest:
            text = digits(value / scale, figures) if value else "0"
            return f"{text} {prefix if value else ''}{unit}".rstrip()
    return f"{value:g} {unit}"


def joules(energy_pj: float, figures: int = 3) -> str:
    """Energy.

    >>> joules(3.2e9)
    '3.2 mJ'
    """
    return prefixed(energy_pj * 1e-12, "J", figures=figures)


def joule_seconds(edp: float) -> str:
    """Energy times time, in joules and seconds.

    >>> joule_seconds(3.2e-6)
    '3.2 µJ·s'
    """
    return prefixed(edp, "J·s", smallest=1e-18)


def seconds(latency_s: float, figures: int = 3) -> str:
    """Time.

    >>> seconds(0.0123)
    '12.3 ms'
    """
    return prefixed(latency_s, "s", figures=figures)


def duration(wait_s: float) -> str:
    """Time that somebody waits.

    >>> duration(0.702), duration(95.0), duration(1530.0), duration(20_000.0)
    ('702 ms', '95 s', '25.5 min', '5.56 h')
    """
    for size, unit in ((3600, "h"), (60, "min")):
        if wait_s >= 2 * size:
            return f"{digits(wait_s / size)} {unit}"
    return seconds(wait_s)


def told_apart(values: Sequence[float], text: Callable[[float, int], str]) -> list[str]:
    """Texts of numbers, with as many digits as it takes to tell different ones apart.

    >>> told_apart([2.4201e6, 2.4204e6], joules), told_apart([1.0, 1.0], seconds)
    (['2.4201 µJ', '2.4204 µJ'], ['1 s', '1 s'])
    """
    for figures in range(3, 17):
        texts = [text(value, figures) for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def memory(size_bits: float) -> str:
    """Size of a memory in bytes with binary prefixes (bits below one byte).

    >>> memory(108 * 1024 * 8), memory(192), memory(4), memory(8_000_000_000_000)
    ('108 KiB', '24 B', '4 b', '931 GiB')
    """
    if size_bits % 8 and size_bits < 8 * 1024:
        return f"{size_bits:g} b"
    size = size_bits / 8
    for prefix in ("", "Ki", "Mi", "Gi"):
        if size < 1024:
            return f"{digits(size)} {prefix}B"
        size /= 1024
    return f"{digits(size)} TiB"


def amount(value: float) -> str:
    """A count: exact below ten thousand, with an SI prefix from there on.

    >>> amount(9216), amount(1_234_567), amount(0.5)
    ('9,216', '1.23 M', '0.5')
    """
    if abs(value) < 10_000:
        return f"{value:,}" if isinstance(value, int) else f"{int(value):,}" if value == int(value) else digits(value)
    return prefixed(float(value), "", smallest=1.0)


def exact(value: float) -> str:
    """All digits, grouped.

    >>> exact(1234567), exact(2.5)
    ('1,234,567', '2.5')
    """
    if isinstance(value, int) or (math.isfinite(value) and value == int(value)):
        return f"{int(value):,}"
    return f"{value:,.6f}".rstrip("0").rstrip(".") if abs(value) >= 1 else f"{value:.6g}"


def percent(share: float) -> str:
    """A share of one.

    >>> percent(0.4567), percent(0.00012), percent(1), percent(3e-33)
    ('45.7 %', '0.012 %', '100 %', '< 0.0001 %')
    """
    if 0.0 < share < FAINT:
        return f"< {100 * FAINT:.4f} %"
    return f"{digits(100 * share)} %" if share else "0 %"


def some(names: Sequence[str], most: int) -> str:
    """So many names and how many more there are; one that would be left alone is named, too.

    >>> some("abc", 2), some("abcd", 2)
    ('a, b, c', 'a, b and 2 more')
    """
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"
