"""A point at which costs of a component are known: it has them there, and the library says how they grow from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from costmodel.components.figures import ComponentFigure, Factor, Unit, weakest
from costmodel.components.protocol import Component, ComponentError
from costmodel.spec import units
from costmodel.spec.problems import did_you_mean

KEY = "anchor"
"""What says it, in `component:`."""
MEANS = "Costs that are known at some values of its parameters, and their `source`; elsewhere they grow from there."
_OTHERS: Mapping[str, tuple[units.Dimension, Unit]] = MappingProxyType(
    {"area": (units.AREA, "mm2"), "leakage": (units.POWER, "W")}
)


def example(of: Component) -> dict[str, object]:
    """Return an anchor of a class, for manuals."""
    needed = {key: each.example for key, each in of.parameters.items() if not each.default and each.example}
    return {**needed, "energy": "6 pJ", "source": "ISCA 2016, Table IV"}


class Anchor(NamedTuple):
    """What a file says of a known point."""

    source: str
    parameters: Mapping[str, object]
    costs: Mapping[str, object]
    """By name of a figure, or ``energy``."""


def read(said: object, of: Component) -> Anchor:
    """Tell parameters from costs; ComponentError if it is no map, or names no source or no costs."""
    if not isinstance(said, Mapping):
        shown = (f'{key}: "{value}"' if "," in str(value) else f"{key}: {value}" for key, value in example(of).items())
        raise ComponentError("must be a map of parameters, costs and a source", hint=f"{{{', '.join(shown)}}}")
    parameters = {key: value for key, value in said.items() if key in of.parameters}
    costs = {key: value for key, value in said.items() if key not in of.parameters and key != "source"}
    source = said.get("source")
    if not isinstance(source, str) or not source:
        raise ComponentError("costs that are known need a `source:`", hint="say where they are from")
    if "table" in parameters:
        raise ComponentError("costs grow by the `table:` of the component", "table", "leave it out here")
    if not costs:
        raise ComponentError("it names no costs", hint="say `energy:`, `area:`, or some of what the class prices")
    return Anchor(source, parameters, costs)


def anchored(
    anchor: Anchor, here: Mapping[str, ComponentFigure], there: Mapping[str, ComponentFigure]
) -> dict[str, ComponentFigure]:
    """Return what an anchor says that a component costs.

    ``here`` is what the library says for the component, ``there`` what it says for the anchor, at one supply.
    ComponentError for a cost that the library has no number of.
    """
    return dict(_known(anchor, here, there))


def _known(
    anchor: Anchor, here: Mapping[str, ComponentFigure], there: Mapping[str, ComponentFigure]
) -> Iterator[tuple[str, ComponentFigure]]:
    energies = [name for name, figure in here.items() if figure.unit == "pJ"]
    for key in sorted(anchor.costs, key=lambda key: key != "energy"):
        names = energies if key == "energy" else [key]
        dimension, unit = _OTHERS.get(key, (units.ENERGY, "pJ"))
        for name in names:
            if name not in here or here[name].unit != unit:
                raise ComponentError(f"no cost {name!r} follows from its class", key, _nearest(key, here))
            if not there[name].value:
                rule = f"the library has no {name} here to tell how it grows"
                raise ComponentError(rule, key, "say it beside `component:`")
            yield name, _grown(_value(key, anchor, dimension), unit, anchor.source, here[name], there[name])


def _value(key: str, anchor: Anchor, dimension: units.Dimension) -> float:
    try:
        value = float(units.parse(anchor.costs[key], dimension))
    except ValueError as error:
        raise ComponentError(str(error), key) from None
    if value < 0:
        raise ComponentError(f"must not be negative, got {anchor.costs[key]!r}", key)
    return value


def _grown(value: float, unit: Unit, source: str, here: ComponentFigure, there: ComponentFigure) -> ComponentFigure:
    figure = ComponentFigure(value, unit, source, "stated")
    ratio = here.value / there.value
    if ratio == 1:
        return figure
    beyond = (
        *(text for text in here.beyond if text not in there.beyond),
        *(f"its anchor: {text}" for text in there.beyond if text not in here.beyond),
    )
    further = (one.basis for one, other in ((here, there), (there, here)) if set(one.beyond) - set(other.beyond))
    basis = weakest("scaled", *further)
    return figure.times(Factor(ratio, f"× {ratio:.3g} from the anchor by {here.source}", basis, beyond))


def _nearest(key: str, here: Mapping[str, ComponentFigure]) -> str:
    known = ["energy", *(name for name, figure in here.items() if figure.unit in {"pJ", "mm2", "W"})]
    return did_you_mean(key, known)
