"""The library: the classes of the package and those of installed packages; from what a file says to figures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from costmodel.components.arithmetic import UNITS
from costmodel.components.dram import Dram
from costmodel.components.figures import ComponentFigure
from costmodel.components.protocol import Component, ComponentError, Value
from costmodel.components.sram import Sram
from costmodel.components.storage import Fifo, Register, RegisterFile
from costmodel.components.wire import Wire
from costmodel.spec.problems import did_you_mean

ENTRY_POINTS = "costmodel.components"
OWN: Mapping[str, Component] = {
    component.name: component for component in (Sram(), RegisterFile(), Register(), Fifo(), Dram(), *UNITS, Wire())
}
"""Class → component of the package."""


@cache
def installed() -> Mapping[str, Component]:
    """Return the components that installed packages offer, by class; a class of the package keeps its name."""
    found: dict[str, Component] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        component: Component = entry.load()
        if component.name not in OWN:
            found[component.name] = component
    return found


def component(name: object) -> Component:
    """Return a component by its class; ComponentError if there is none."""
    if isinstance(name, str) and name in OWN:
        return OWN[name]
    known = {**OWN, **installed()}
    if isinstance(name, str) and name in known:
        return known[name]
    hint = did_you_mean(str(name), list(known))
    raise ComponentError(f"no such component {str(name)!r}", "class", hint)


def priced(
    name: object, stated: Mapping[str, object], around: Mapping[str, Value], *, word_bits: int = 8
) -> Mapping[str, ComponentFigure]:
    """Return the figures of a component.

    ``stated`` is what a file says of it, ``around`` what the level and the file say anyway (``size``, ``width``,
    ``node``), in base units. ComponentError names the first parameter that is wrong or missing.
    """
    of = component(name)
    for key in stated:
        if key not in of.parameters:
            hint = did_you_mean(key, list(of.parameters))
            raise ComponentError(f"{of.name} has no parameter {key!r}", key, hint)
    values: dict[str, Value] = {}
    for key, parameter in of.parameters.items():
        if key in stated:
            values[key] = _read(key, stated, of, word_bits)
        elif key in around:
            values[key] = around[key]
        elif parameter.default is not None:
            values[key] = parameter.default
        else:
            raise ComponentError(f"{of.name} needs `{key}:`", "", parameter.means)
    return of.actions(values)


def _read(key: str, stated: Mapping[str, object], of: Component, word_bits: int) -> Value:
    try:
        return of.parameters[key].read(stated[key], word_bits)
    except ValueError as error:
        hint = error.hint if isinstance(error, ComponentError) else ""
        raise ComponentError(str(error), key, hint) from None
