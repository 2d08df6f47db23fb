"""Operators that do the same at every point: sums and products with broadcasting, activations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from costmodel.importing.graph import Operator
from costmodel.importing.reading import Importer, NotImportedError, literal
from costmodel.importing.views import View

NO_LIMITS = {literal(-math.inf), literal(math.inf)}


def pointwise(
    importer: Importer, operator: Operator, formula: Callable[..., str], inputs: Sequence[str] = ()
) -> list[View]:
    """An Einsum of the inputs, word by word; constants of one word are written as numbers."""
    names = [name for name in inputs or operator.inputs if name]
    numbers = [importer.number(name) for name in names]
    if all(numbers):
        raise NotImportedError("it is computed from numbers alone")
    views = [importer.view(name) for name, number in zip(names, numbers, strict=True) if not number]

    def filled(*accesses: str) -> str:
        read = iter(accesses)
        return formula(*(number or next(read) for number in numbers))

    return [importer.together(operator.name, views, filled)]


def _of(formula: Callable[..., str]) -> Callable[[Importer, Operator], list[View]]:
    return lambda importer, operator: pointwise(importer, operator, formula)


def _joined(sign: str) -> Callable[[Importer, Operator], list[View]]:
    return _of(lambda *read: f" {sign} ".join(read))


def _folded(function: str) -> Callable[[Importer, Operator], list[View]]:
    return _of(lambda *read: f"{function}({', '.join(read)})" if len(read) > 1 else read[0])


def _with(default: dict[str, float], formula: Callable[..., str]) -> Callable[[Importer, Operator], list[View]]:
    """An activation with numbers of its own, as attributes."""

    def write(importer: Importer, operator: Operator) -> list[View]:
        numbers = [literal(float(operator.attributes.get(name, value))) for name, value in default.items()]
        return pointwise(importer, operator, lambda x: formula(x, *numbers), operator.inputs[:1])

    return write


def _clip(importer: Importer, operator: Operator) -> list[View]:
    """Clip: limits are attributes in old models, inputs in newer ones; each may be left out."""
    limits = []
    for place, name in ((1, "min"), (2, "max")):
        stated = operator.attributes.get(name)
        given = operator.input(place)
        text = literal(float(stated)) if stated is not None else importer.number(given) if given else None
        if given and text is None:
            raise NotImportedError(f"its {name} is computed while the model runs")
        limits.append(None if text in NO_LIMITS else text)
    low, high = limits

    def formula(x: str) -> str:
        inner = f"max({x}, {low})" if low else x
        return f"min({inner}, {high})" if high else inner

    return pointwise(importer, operator, formula, operator.inputs[:1])


def _power(importer: Importer, operator: Operator) -> list[View]:
    """Pow: a square is one; a root, too."""
    exponent = importer.number(operator.inputs[1])
    special = {"2": "square({})", "0.5": "sqrt({})", "1": "{}", "(-0.5)": "rsqrt({})"}
    if exponent in special:
        return pointwise(importer, operator, special[exponent].format, operator.inputs[:1])
    return pointwise(importer, operator, "pow({}, {})".format)


def _gelu(importer: Importer, operator: Operator) -> list[View]:
    if operator.attributes.get("approximate", "none") == "none":
        return pointwise(importer, operator, "gelu({})".format)
    root = literal(math.sqrt(2 / math.pi))
    return pointwise(
        importer, operator, lambda x: f"{x} * 0.5 * (1 + tanh({root} * ({x} + 0.044715 * {x} * {x} * {x})))"
    )


def _mean(importer: Importer, operator: Operator) -> list[View]:
    return pointwise(importer, operator, lambda *read: f"({' + '.join(read)}) / {len(read)}")


def _triangle(importer: Importer, operator: Operator) -> list[View]:
    """Trilu: what is left of each matrix on one side of a diagonal."""
    import numpy as np

    shape, side = importer.shape(operator.inputs[0]), np.triu if operator.attributes.get("upper", 1) else np.tril
    diagonal = importer.constant(operator.input(1)) if operator.input(1) else np.zeros(1, int)
    if diagonal is None:
        raise NotImportedError("its diagonal is computed while the model runs")
    kept = importer.made(f"{operator.name}.kept", side(np.ones(shape[-2:]), int(diagonal.reshape(-1)[0])), "MN")
    return [importer.together(operator.name, [importer.view(operator.inputs[0]), kept], "where({1}, {0}, 0)".format)]


def _where(importer: Importer, operator: Operator) -> list[View]:
    """Where: a choice that is known is none."""
    condition, *choices = operator.inputs
    known = importer.constant(condition)
    if known is not None and known.size and (known == known.flat[0]).all():
        chosen = choices[0] if known.flat[0] else choices[1]
        if importer.shape(chosen) == importer.graph.shapes.get(operator.outputs[0]):
            return [importer.view(chosen)]
    return pointwise(importer, operator, "where({}, {}, {})".format)


TRUTHS = {
    "Less": "less({0}, {1})",
    "LessOrEqual": "1 - less({1}, {0})",
    "Greater": "less({1}, {0})",
    "GreaterOrEqual": "1 - less({0}, {1})",
    "Equal": "equal({0}, {1})",
    "IsNaN": "1 - equal({0}, {0})",
    "Not": "equal({0}, 0)",
    "And": "where({0}, {1}, 0)",
    "Or": "where({0}, 1, {1})",
    "Xor": "abs({0} - {1})",
}
"""What is true or not, as 1 or 0."""

OPERATORS = {
    **{name: _of(formula.format) for name, formula in TRUTHS.items()},
    "Where": _where,
    "Trilu": _triangle,
    "Add": _joined("+"),
    "Sub": _joined("-"),
    "Mul": _joined("*"),
    "Div": _joined("/"),
    "Sum": _joined("+"),
    "Mean": _mean,
    "Max": _folded("max"),
    "Min": _folded("min"),
    "Pow": _power,
    "Clip": _clip,
    "Gelu": _gelu,
    "Neg": _of("-{}".format),
    "Reciprocal": _of("1 / {}".format),
    **{
        name: _of(f"{name.lower()}({{}})".format)
        for name in ("Exp", "Log", "Sqrt", "Tanh", "Relu", "Erf", "Sin", "Cos", "Abs", "Sign", "Floor", "Ceil", "Round")
    },
    "Sigmoid": _of("sigmoid({})".format),
    "Swish": _with({"alpha": 1.0}, "{0} * sigmoid({1} * {0})".format),
    "Softplus": _of("log(1 + exp({}))".format),
    "Softsign": _of("{0} / (1 + abs({0}))".format),
    "Mish": _of("{0} * tanh(log(1 + exp({0})))".format),
    "HardSwish": _of("{0} * max(0, min(1, {0} / 6 + 0.5))".format),
    "HardSigmoid": _with({"alpha": 0.2, "beta": 0.5}, "max(0, min(1, {0} * {1} + {2}))".format),
    "LeakyRelu": _with({"alpha": 0.01}, "max({0}, 0) + {1} * min({0}, 0)".format),
    "Elu": _with({"alpha": 1.0}, "max({0}, 0) + {1} * (exp(min({0}, 0)) - 1)".format),
    "Selu": _with(
        {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
        "{2} * (max({0}, 0) + {1} * (exp(min({0}, 0)) - 1))".format,
    ),
    "PRelu": _of("max({0}, 0) + {1} * min({0}, 0)".format),
}
