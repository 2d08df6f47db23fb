"""Arithmetic: what operations cost by data set, number format and node, and the units that are made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from costmodel.components.curves import Curve
from costmodel.components.figures import ComponentFigure, Factor, Unit, total
from costmodel.components.formats import NumberFormat, number_format
from costmodel.components.protocol import NODE, VOLTAGE, ComponentError, LevelKind, Parameter, Parameters
from costmodel.components.scaling import Cost, Process, of_table, process, scaled
from costmodel.components.tables import table

Tables = Literal["horowitz", "aladdin", "tpu_v4i", "eyeriss"]
Costs = Mapping[str, ComponentFigure]
"""``energy`` of one operation, and ``area`` and ``leakage`` of what performs it where a source has them."""
_COLUMNS: tuple[tuple[str, Cost, Unit, float], ...] = (
    ("energy_pj", "energy", "pJ", 1.0),
    ("area_um2", "area", "mm2", 1e-6),
    ("leakage_w", "leakage", "W", 1.0),
)
_WHOLE: tuple[str, ...] = ("area", "leakage")
"""What all of a unit has."""
REACH = 2.0
"""How many times narrower or wider than the published formats one may be without a warning."""
FUNCTIONS = ("exp", "log", "sqrt", "rsqrt", "sigmoid", "tanh", "gelu", "silu", "erf", "sin", "cos", "pow")
POLYNOMIAL = 6
"""Products and sums of an exponential, and of other functions alike (FuseMax, MICRO 2024)."""
LANES = "lanes"
RATE = "throughput"
"""The limit of a unit: operations per cycle of each of its kinds."""
SEED_BITS = 8
"""Bits of a reciprocal that a table gives before iterations double them."""


def operation(name: str, what: str, format_name: str, to: Process) -> dict[str, ComponentFigure]:
    """Return what one operation costs by one data set; ``bit`` is the format of a single flip-flop."""
    data = table("arithmetic")[name]
    if what not in data:
        raise ComponentError(f"`table: {name}` has no numbers for this", "table", _having(lambda d: what in d))
    form = NumberFormat("bit", 1, None) if format_name == "bit" else number_format(format_name)
    family = "int" if form.significand is None else "float"
    if family not in data[what]:
        hint = _having(lambda d: family in d.get(what, {}))
        raise ComponentError(f"`table: {name}` has no floating-point numbers, got {form.name}", "format", hint)
    rows = data[what][family]
    place = form.bits if form.significand is None else form.significand
    shown = "b" if form.significand is None else "b of significand"
    found: dict[str, ComponentFigure] = {}
    for column, kind, unit, factor in _COLUMNS:
        if column not in rows:
            continue
        figure = _read(rows, column, place, shown, data["source"], unit)
        found[kind] = scaled(figure.copies(factor), kind, of_table(data), to)
    return found


def _read(
    rows: dict[str, list[float]], column: str, place: float, shown: str, source: str, unit: Unit
) -> ComponentFigure:
    places, values, exponent = rows["bits"], rows[column], rows.get("exponent")
    if values == [0]:
        return ComponentFigure(0.0, unit, source)
    law = float(exponent) if isinstance(exponent, int | float) else None
    curve = Curve(places, values, reach=REACH) if law is None else Curve(places, values, (law, law), math.inf)
    read = curve.at(place, shown)
    if not read.how:
        return ComponentFigure(read.value, unit, source)
    how = f"by the power {law:g} of the width, {read.how}" if law is not None else f"{read.basis} {read.how}"
    beyond = (
        (f"{place:g} {shown} are far from the formats that are published ({source.split(',', maxsplit=1)[0]})",)
        if read.beyond
        else ()
    )
    return ComponentFigure(read.value, unit, f"{source}; {how}", "scaled" if law is not None else read.basis, beyond)


def _having(has: Callable[[Mapping[str, Mapping[str, object]]], bool]) -> str:
    return f"these have: {', '.join(name for name, data in table('arithmetic').items() if has(data))}"


def added(*parts: Costs) -> dict[str, ComponentFigure]:
    """Add up parts of a unit; area and leakage are known where every part has them."""
    kinds = [kind for _, kind, _, _ in _COLUMNS if all(kind in part for part in parts)]
    return {kind: total(part[kind] for part in parts) for kind in kinds}


def _several(costs: Costs, number: int, why: str) -> dict[str, ComponentFigure]:
    """Operations that one piece of hardware does in turn: their energies and times add up, its area is its own."""
    told = f"{number} of them, {why}"
    energy = costs["energy"].times(Factor(number, told, "assumed"))
    rate = ComponentFigure(1 / number, "/cycle", f"{told}, in turn", "assumed")
    return {**costs, "energy": energy} | ({RATE: rate} if number > 1 else {})


# What a unit is made of


def _mac(p: Parameters) -> dict[str, ComponentFigure]:
    form = number_format(str(p["format"]))
    accumulator = str(p["accumulator"]) or ("int32" if form.significand is None else "fp32")
    number_format(accumulator, "accumulator")
    return added(_of(p, "mul"), operation(str(p["table"]), "add", accumulator, process(p)))


def _of(p: Parameters, what: str, format_name: str = "") -> dict[str, ComponentFigure]:
    return operation(str(p["table"]), what, format_name or str(p["format"]), process(p))


def _exp(p: Parameters) -> dict[str, ComponentFigure]:
    number = int(p["products"])
    why = "a polynomial (FuseMax counts 6 MACs)" if number > 1 else "a table look-up and a line between its entries"
    return _several(added(_of(p, "mul"), _of(p, "add")), number, why)


def _divider(p: Parameters) -> dict[str, ComponentFigure]:
    if p["products"]:
        return _exp(p)
    form = number_format(str(p["format"]))
    if form.significand is None:
        return _several(_of(p, "mul"), 1, "an array of as many subtractions as a multiplier has additions")
    steps = max(0, math.ceil(math.log2(form.significand / SEED_BITS)))
    one = _several(_of(p, "mul"), 1 + 2 * steps, f"{steps} Newton steps of two from a reciprocal of {SEED_BITS} b")
    return added(one, _several(_of(p, "add"), steps, "one a step")) | {RATE: one[RATE]} if steps else one


def _comparator(p: Parameters) -> dict[str, ComponentFigure]:
    """Floating-point numbers compare as integers of their bits; without comparators a table subtracts."""
    form = number_format(str(p["format"]))
    has = "compare" in table("arithmetic")[str(p["table"])]
    return _of(p, "compare" if has else "add", f"int{form.bits}")


def _max(p: Parameters) -> dict[str, ComponentFigure]:
    """A comparison, and a register for the larger one where the table has registers."""
    compared = _comparator(p)
    if "store" not in table("arithmetic")[str(p["table"])]:
        return compared
    bit = operation(str(p["table"]), "store", "bit", process(p))
    width = number_format(str(p["format"])).bits
    return added(compared, {kind: figure.copies(width) for kind, figure in bit.items()})


@dataclass(frozen=True, slots=True)
class ArithmeticUnit:
    """A unit that performs some kinds of operation, all at one price, in one or several lanes."""

    name: str
    kinds: tuple[str, ...]
    made_of: Callable[[Parameters], dict[str, ComponentFigure]]
    own: Mapping[str, Parameter] = field(default_factory=dict)
    """Parameters that other units do not have."""
    level: LevelKind = "compute"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return {**_PARAMETERS, **self.own}

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        """Return energies of its kinds; area, leakage and rate of all lanes."""
        costs = self.made_of(parameters)
        if not costs["energy"].value:
            rule = f"`table: {parameters['table']}` takes sums for free: it has no price for {self.name}"
            raise ComponentError(rule, "table", "say `table: horowitz` or `table: aladdin`")
        lanes = int(parameters[LANES])
        found: dict[str, ComponentFigure] = dict.fromkeys(self.kinds, costs["energy"])
        found |= {kind: costs[kind].copies(lanes) for kind in _WHOLE if kind in costs}
        one = costs.get(RATE, ComponentFigure(1.0, "/cycle", "one operation of each lane a cycle (assumed)", "assumed"))
        return found | {RATE: one.copies(lanes)}


_PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "format": Parameter(
            means="number format: int2 to int64, fp8, bf16, fp16, tf32 or fp32; an integer of `word:` when absent",
            default="int8",
            example="bf16",
        ),
        LANES: Parameter(
            means="equal units side by side: area, leakage and operations per cycle are those of all",
            default=1,
            example=16,
        ),
        "node": NODE,
        "voltage": VOLTAGE,
        "table": Parameter(means="data set", words=get_args(Tables), default="horowitz"),
    }
)
_ACCUMULATOR = Parameter(means="format of the sum; int32 or fp32 when absent", default="", example="int16")
_STEPS = Parameter(
    means="products and sums of one division, in turn: 1 of a table look-up with interpolation; when absent, integers "
    "take an array of subtractions, floating-point numbers Newton's iteration",
    default=0,
    example=1,
)
_PRODUCTS = Parameter(
    means="products and sums of one function, in turn: 6 of a polynomial, 1 of a table look-up with interpolation",
    default=POLYNOMIAL,
    example=1,
)
_CHOICES = ("less", "equal", "sign", "where")
"""What a comparison makes; a choice between two words is priced like one (assumed)."""
UNITS = (
    ArithmeticUnit("mac", ("mac",), _mac, {"accumulator": _ACCUMULATOR}),
    ArithmeticUnit("adder", ("add", "copy", "abs", "floor", "ceil", "round"), lambda p: _of(p, "add")),
    ArithmeticUnit("multiplier", ("mul", "square"), lambda p: _of(p, "mul")),
    ArithmeticUnit("divider", ("div",), _divider, {"products": _STEPS}),
    ArithmeticUnit("exp", FUNCTIONS, _exp, {"products": _PRODUCTS}),
    ArithmeticUnit("max", ("max", "min", "relu", *_CHOICES), _max),
    ArithmeticUnit("comparator", ("max", "min", *_CHOICES), _comparator),
)
