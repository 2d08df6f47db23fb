"""Options that a request gives rise to: one for each of its keys, with its type, range and default."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click

from costmodel.cli.options import memory_option, time_option
from costmodel.spec.methods import METHODS
from costmodel.spec.problems import Marks
from costmodel.spec.problems import Path as Place
from costmodel.spec.request import TRIALS, Request, request_of

Function = TypeVar("Function", bound=Callable[..., Any])

HELP = {
    "objective": "energy, latency, capacity, edp, ed2p, e2dp, a product, or several for a front: energy,latency.",
    "choose": "Point of a front that is shown and used: energy, latency, edp, knee, or its number. [default: the least "
    "product of the objectives, EDP of energy,latency]",
    "method": "How to search.",
    "trials": f"Mappings that a sampler costs. [default: {TRIALS}]",
    "bound": "Hold a sampler's answer against the proven optimum. [default: bound]",
    "tiles": "Tiles that divide the ones above; multiples of the ones below, which may leave something over; or any: "
    "then the answer has a proof where the mapspace is small or the bound is met, and a gap elsewhere.",
    "fuse": "Let neighbouring Einsums share loops and storage where that is better (auto), or "
    "wherever one hands a tensor on that can stay on chip, better or not (all), or map each by itself. "
    "[default: auto where some tensor can stay on chip]",
    "constraints": "Restrict the mapspace, e.g. 'order in GLB: m, k' or weight_stationary (forms: docs/mapper.md). "
    "Repeatable.",
    "jobs": "Worker processes (default: one per core).",
}
READY = {"budget": time_option, "memory": memory_option}
"""Options that other commands have too, or whose text has a unit."""


def request_options(function: Function) -> Function:
    """Add an option for each key of a request; one that is not given comes as null."""
    for key in reversed(Request.model_fields):
        function = READY[key](function) if key in READY else _option(key)(function)
    return function


def request_asked(asked: dict[str, Any]) -> tuple[Request, Marks]:
    """The request that options make, and where each of its values was typed. SpecError with all that is wrong."""
    marks = Marks(overrides=dict(_typed(asked)))
    return request_of(marks, **asked), marks


def _typed(asked: dict[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield the path of a value and the option that gave it."""
    for key, value in asked.items():
        if key == "constraints":
            yield from (((key, at), f"--constraint {shlex.quote(text)}") for at, text in enumerate(value))
        elif isinstance(value, bool):
            yield (key,), f"--{key}" if value else f"--no-{key}"
        elif value is not None:
            yield (key,), f"--{key} {shlex.quote(str(value))}"


def _option(key: str) -> Callable[[Function], Function]:
    field = Request.model_fields[key]
    kinds = _kinds(field.annotation)
    common: dict[str, Any] = {"default": None, "help": HELP.get(key)}
    if key == "method":
        return click.option("--method", type=click.Choice(list(METHODS)), show_default=field.default, **common)
    if key == "objective":
        return click.option("--objective", metavar="NAMES", show_default=",".join(field.default), **common)
    if key == "choose":
        return click.option("--choose", metavar="POINT", **common)
    if key == "constraints":
        return click.option(key, "--constraint", metavar="TEXT", multiple=True, help=HELP[key])
    if bool in kinds:
        return click.option(f"--{key}/--no-{key}", **common)
    if int in kinds:
        least = 0 if key == "seed" else 1
        names = (f"--{key}", "-j") if key == "jobs" else (f"--{key}",)
        shown = str(field.default) if field.default is not None else False
        return click.option(key, *names, type=click.IntRange(least), show_default=shown, **common)
    words = [kind for kind in kinds if isinstance(kind, str)]  # beside which it may be absent
    return click.option(f"--{key}", type=click.Choice(words), show_default=field.default, **common)


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The types, or the words of a Literal, that a value may be."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kinds(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return tuple(kind for member in get_args(annotation) for kind in _kinds(member))
    return get_args(annotation) if origin is Literal else (annotation,)
