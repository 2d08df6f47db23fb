"""The library: the classes of the package and those of installed packages; from what a file says to figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import NamedTuple

from costmodel.components import anchor
from costmodel.components.arithmetic import UNITS
from costmodel.components.dram import Dram
from costmodel.components.figures import ComponentFigure
from costmodel.components.noc import Noc
from costmodel.components.protocol import Component, ComponentError, LevelKind, Parameters, Value
from costmodel.components.scaling import process, supply_factor
from costmodel.components.sram import Sram
from costmodel.components.storage import Fifo, Register, RegisterFile
from costmodel.components.wire import Wire
from costmodel.spec.problems import did_you_mean

ENTRY_POINTS = "costmodel.components"
OWN: Mapping[str, Component] = {
    component.name: component
    for component in (Sram(), RegisterFile(), Register(), Fifo(), Dram(), *UNITS, Wire(), Noc())
}
"""Class → component of the package."""
UNSUPPLIED = "its costs follow no supply: that of a DRAM is fixed by its standard, of other classes it is not known"


class Priced(NamedTuple):
    """A component with the values of all its parameters, and what it costs."""

    component: Component
    values: Parameters
    figures: Mapping[str, ComponentFigure]


@cache
def installed() -> Mapping[str, Component]:
    """Return the components that installed packages offer, by class; a class of the package keeps its name."""
    from importlib.metadata import entry_points

    found: dict[str, Component] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        component: Component = entry.load()
        if component.name not in OWN:
            found[component.name] = component
    return found


def component(
    name: object, level: LevelKind | None = None, defined: Mapping[str, Component] = MappingProxyType({})
) -> Component:
    """Return a component by its class, one that stands in a kind of level; ComponentError if there is none.

    ``defined`` are those of a file.
    """
    known = {**OWN, **defined}
    if name not in known:
        known |= installed()
    fitting = [each for each, of in known.items() if level in (None, of.level)]
    if not isinstance(name, str) or name not in known:
        raise ComponentError(f"no such component {str(name)!r}", "class", did_you_mean(str(name), fitting))
    if name not in fitting:
        hint = f"these do: {', '.join(fitting)}"
        raise ComponentError(f"{name} prices no level of this kind ({level})", "class", hint)
    return known[name]


def priced(of: Component, stated: Mapping[str, object], around: Mapping[str, Value], *, word_bits: int = 8) -> Priced:
    """Return what a component costs.

    ``stated`` is what a file says of it, ``around`` what the level and the file say anyway (``size``, ``width``,
    ``node``, ``format``), in base units. ComponentError names the parameters that are wrong or missing.
    """
    said = {key: value for key, value in stated.items() if key != anchor.KEY}
    values = _values(of, said, around, word_bits)
    figures = _finite(of, values)
    if anchor.KEY in stated:
        try:
            known = anchor.read(stated[anchor.KEY], of)
            same = {key: values[key] for key, parameter in of.parameters.items() if parameter.words}
            at = _values(of, known.parameters, same, word_bits)
            here, there = (_finite(of, _unsupplied(each)) for each in (values, at))
            grown = anchor.anchored(known, here, there)
            figures = {**figures, **{name: _supplied(figure, at, values) for name, figure in grown.items()}}
        except ComponentError as error:
            raise error.at(anchor.KEY) from None
    return Priced(of, values, figures)


def _unsupplied(values: Parameters) -> Parameters:
    """Return what a component says, at the supplies of the data sets."""
    return {**values, "voltage": 0.0} if values.get("voltage") else values


def _supplied(figure: ComponentFigure, at: Parameters, to: Parameters) -> ComponentFigure:
    """Return a cost that an anchor names at the supply of the component; an anchor that says none is at the nominal."""
    if not to.get("voltage") or figure.unit not in {"pJ", "W"}:
        return figure
    return figure.times(supply_factor("energy" if figure.unit == "pJ" else "leakage", process(at), process(to)))


def _values(
    of: Component, stated: Mapping[str, object], around: Mapping[str, Value], word_bits: int
) -> dict[str, Value]:
    """Return the values of all parameters; ComponentError names those that are wrong or missing."""
    wrong: list[ComponentError] = []
    for key in stated:
        if key not in of.parameters:
            hint = UNSUPPLIED if key == "voltage" else did_you_mean(key, list(of.parameters))
            wrong.append(ComponentError(f"{of.name} has no parameter {key!r}", key, hint))
    values: dict[str, Value] = {}
    for key, parameter in of.parameters.items():
        if key in stated:
            try:
                values[key] = _read(key, stated, of, word_bits)
            except ComponentError as error:
                wrong.append(error)
        elif key in around:
            values[key] = around[key]
        elif parameter.default is not None:
            values[key] = parameter.default
        else:
            wrong.append(ComponentError(f"{of.name} needs `{key}:`", "", parameter.means))
    if wrong:
        first, *more = wrong
        first.more = tuple(more)
        raise first
    return values


def _finite(of: Component, values: Parameters) -> Mapping[str, ComponentFigure]:
    try:
        figures = _of_package(of.name, *values.items()) if OWN.get(of.name) is of else of.actions(values)
    except OverflowError:
        figures = {}
    if not figures or not all(math.isfinite(figure.value) and figure.value >= 0 for figure in figures.values()):
        hint = "sizes, widths and powers are far from anything that is built"
        raise ComponentError(f"no finite costs of {of.name} follow from its parameters", "", hint)
    return figures


@lru_cache(maxsize=4096)
def _of_package(name: str, *values: tuple[str, Value]) -> Mapping[str, ComponentFigure]:
    """Return the costs of a component of the package; a sweep asks for the same ones in each of its designs."""
    return MappingProxyType(OWN[name].actions(dict(values)))


def _read(key: str, stated: Mapping[str, object], of: Component, word_bits: int) -> Value:
    try:
        return of.parameters[key].read(stated[key], word_bits)
    except ValueError as error:
        hint = error.hint if isinstance(error, ComponentError) else ""
        raise ComponentError(str(error), key, hint) from None
