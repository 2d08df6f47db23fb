"""Frozen dataclasses to plain JSON values and back, checked on the way in.

Fields keep their names. Values whose declared type is a union of dataclasses carry their class under ``kind``.
"""

from __future__ import annotations

import math
import types
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from costmodel.spec.hardware import Array, ComputeUnit, Memory

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]

_TAGGED: tuple[type, ...] = (Memory, Array, ComputeUnit)


class MalformedError(Exception):
    """A plain value does not have the declared type; ``path`` is its place in the document."""

    def __init__(self, path: str, message: str) -> None:
        self.path, self.message = path, message
        super().__init__(f"{path}: {message}")


def plain(value: object) -> Plain:
    """A value as JSON knows it; TypeError for what this module cannot read back."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{value} is not a number that JSON can hold")
        return value
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        tag: dict[str, Plain] = {"kind": type(value).__name__} if isinstance(value, _TAGGED) else {}
        return tag | {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"cannot write {type(value).__name__}")


def build(kind: Any, value: object, path: str = "$") -> Any:  # noqa: PLR0911  (one return per kind of type)
    """The value of type ``kind`` that ``plain`` wrote. Raises MalformedError with the place of the first fault."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _build_union(arguments, value, path)
    if origin is Literal:
        return _one_of(arguments, value, path)
    if origin is tuple:
        return _build_tuple(arguments, value, path)
    if origin is not None and issubclass(origin, Mapping):
        items = expect(dict, value, path)
        return {key: build(arguments[1], item, f"{path}.{key}") for key, item in items.items()}
    if isinstance(kind, type) and is_dataclass(kind):
        return _build_dataclass(kind, expect(dict, value, path), path)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(_one_of([member.value for member in kind], value, path))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return expect(kind, value, path)


def _one_of(known: Collection[object], value: object, path: str) -> object:
    if value not in known:
        raise MalformedError(path, f"must be one of {', '.join(map(repr, known))}, got {value!r}")
    return value


def expect(kind: type, value: object, path: str) -> Any:
    """Return the value if it has that JSON type; MalformedError otherwise."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        names = {
            dict: "an object",
            list: "a list",
            str: "text",
            int: "an integer",
            float: "a number",
            bool: "a truth value",
        }
        raise MalformedError(path, f"must be {names.get(kind, kind.__name__)}, got {value!r:.60}")
    return value


def _build_union(arguments: tuple[Any, ...], value: object, path: str) -> object:
    if value is None and type(None) in arguments:
        return None
    choices = [a for a in arguments if a is not type(None)]
    if all(choice in _TAGGED for choice in choices):
        given = expect(dict, value, path)
        by_name = {choice.__name__: choice for choice in choices}
        if given.get("kind") not in by_name:
            raise MalformedError(f"{path}.kind", f"must be one of {', '.join(by_name)}, got {given.get('kind')!r}")
        return _build_dataclass(by_name[given["kind"]], {k: v for k, v in given.items() if k != "kind"}, path)
    if len(choices) == 1:
        return build(choices[0], value, path)
    for choice in choices:
        if isinstance(choice, type) and type(value) is choice:
            return value
    raise MalformedError(
        path, f"must be one of {', '.join(getattr(c, '__name__', str(c)) for c in choices)}, got {value!r:.60}"
    )


def _build_tuple(arguments: tuple[Any, ...], value: object, path: str) -> tuple[Any, ...]:
    items = expect(list, value, path)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(build(arguments[0], item, f"{path}[{place}]") for place, item in enumerate(items))
    if len(items) != len(arguments):
        raise MalformedError(path, f"must have {len(arguments)} items, has {len(items)}")
    return tuple(build(a, i, f"{path}[{n}]") for n, (a, i) in enumerate(zip(arguments, items, strict=True)))


def _build_dataclass(kind: type, given: dict[str, object], path: str) -> object:
    hints = _hints(kind)
    if unknown := sorted(set(given) - set(hints)):
        raise MalformedError(f"{path}.{unknown[0]}", f"no such key in {kind.__name__}")
    values: dict[str, object] = {}
    for field in fields(kind):
        if field.name in given:
            values[field.name] = build(hints[field.name], given[field.name], f"{path}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise MalformedError(f"{path}.{field.name}", "required key is missing")
    try:
        return kind(**values)
    except (ValueError, TypeError) as error:
        raise MalformedError(path, str(error)) from error


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}
