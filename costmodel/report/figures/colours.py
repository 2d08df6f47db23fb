"""Colours of figures: a hue per role, a series for components, a scale for numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from costmodel.report.tables import COMPUTE, LEAKAGE

ROLE_COLOURS = {"input": "#5b8ec4", "weight": "#d9a441", "output": "#4fa58f"}


ROLE_SHADES = {
    "input": ("#5b8ec4", "#8fb4dc", "#3f6c9c", "#7d8fd0"),
    "weight": ("#d9a441", "#e6c583", "#b07f24", "#cf8a5b"),
    "output": ("#4fa58f", "#8accba", "#357a69", "#7bb26a"),
    "intermediate": ("#a878b8", "#cda9d6", "#7d5590", "#c77f9f"),
}


NEUTRAL_COLOURS = {COMPUTE: "#8a93a3", LEAKAGE: "#c2c8d1"}


SERIES = ("#3e6a94", "#5fa3b5", "#8bbf9f", "#d9b45f", "#d98a5f", "#b0668a", "#7d78b5", "#8a93a3", "#6f8f4f", "#a98467")


ACCENT = "#d1495b"


QUIET = "#a9b2be"


SCALE = ((0.0, "#3a6a9a"), (0.35, "#4f9aa8"), (0.65, "#a7c686"), (1.0, "#e8b04b"))
"""Dark to light, readable on white and on near-black."""


def group_colours(groups: Sequence[str], roles: Mapping[str, str]) -> dict[str, str]:
    """A colour for each group of ``tables.energy``: a hue per role, a shade per tensor of that role.

    Shades go by the order of ``roles``: a tensor has one colour in all figures, whatever they show of the others.
    """
    used = dict.fromkeys(ROLE_SHADES, 0)
    shaded: dict[str, str] = {}
    for group, role in {**roles, **{g: g for g in groups if g not in roles}}.items():
        if role in ROLE_SHADES:
            shades = ROLE_SHADES[role]
            shaded[group] = shades[used[role] % len(shades)]
            used[role] += 1
    colours: dict[str, str] = {}
    for group in groups:
        other = SERIES[len(colours) % len(SERIES)]
        colours[group] = NEUTRAL_COLOURS.get(group) or shaded.get(group) or other
    return colours


def component_colours(order: Sequence[str]) -> dict[str, str]:
    """A colour for each component, outermost first."""
    return {name: SERIES[place % len(SERIES)] for place, name in enumerate(order)}


def blend(place: float) -> str:
    """A colour of ``SCALE``, 0 to 1."""
    for (low, first), (high, second) in pairwise(SCALE):
        if place <= high:
            t = (place - low) / (high - low)
            a, b = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (first, second))
            return "#" + "".join(f"{round(x + (y - x) * t):02x}" for x, y in zip(a, b, strict=True))
    return SCALE[-1][1]


def ink(colour: str) -> str:
    """Near-black or white, whichever is easier to read on a colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#10151c" if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else "#ffffff"
