"""``--set GLB.size=64KiB``: change one value of a document before it is checked.

A path starts with a key of the file, or with the name of a level or Einsum, and goes on with keys and positions:
``clock``, ``GLB.size``, ``GLB.energy.read``, ``PEs.shape.X``, ``ranks.M``, ``conv1.count``, ``constraints.0``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from costmodel.spec.load import Document, describe, parse
from costmodel.spec.problems import Path, Problem, SpecError, did_you_mean

Kind = Literal["arch", "workload", "mapping", "study"]
Overrides = Iterable["str | tuple[str, object]"]
"""``path=value`` texts, or pairs of a path and a raw value as it would stand in the file."""

_LEVEL_KEYS = ("memory", "array", "compute")
_WHOLE_KEYS = ("axes", "set", "derive")
"""Maps of a study whose keys have dots of their own."""
_UNFOLDED: dict[str, tuple[str, ...]] = {
    "shape": ("X",),
    "bandwidth": ("total",),
    "throughput": ("default",),
    "bits": ("default",),
    "component": ("class",),
}
"""Keys whose single value stands for a map with these keys (energies: see ``_unfold``)."""


@dataclass(frozen=True, slots=True)
class Override:
    """One value to change."""

    path: str
    value: Any

    def __str__(self) -> str:
        value = self.value if isinstance(self.value, (str, int, float)) else describe(self.value)
        return f"--set {self.path}={value}"


def parse_override(text: str) -> Override:
    """Read ``path=value``; the value is YAML.

    >>> parse_override("GLB.keep=[input, output]")
    Override(path='GLB.keep', value=['input', 'output'])
    """
    path, equals, value = text.partition("=")
    path = path.strip()
    if not equals or not path:
        raise SpecError([Problem("must be path=value, e.g. GLB.size=64KiB", f"--set {text}")])
    try:
        data = parse(value).data if value.strip() else None
    except SpecError as error:
        raise SpecError([replace(p, file=f"--set {text}", line=0, column=0) for p in error.problems]) from None
    return Override(path, data)


def overrides_of(overrides: Overrides) -> tuple[Override, ...]:
    """Read texts and pairs alike; SpecError tells all that cannot be read."""
    found: list[Override] = []
    problems: list[Problem] = []
    for item in overrides:
        if isinstance(item, tuple):
            found.append(Override(*item))
            continue
        try:
            found.append(parse_override(item))
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return tuple(found)


def names_in(data: object, kind: Kind) -> dict[str, int]:
    """Names that a path may start with besides keys: levels or Einsums, with their places in the list."""
    names: dict[str, int] = {}
    if not isinstance(data, dict):
        return names
    if kind == "arch":
        for place, level in enumerate(_list(data.get("levels"))):
            if isinstance(level, dict):
                names |= {level[key]: place for key in _LEVEL_KEYS if isinstance(level.get(key), str)}
    elif kind == "workload":
        for place, einsum in enumerate(_list(data.get("einsums"))):
            text = einsum.get("einsum") if isinstance(einsum, dict) else einsum
            name = einsum.get("name") if isinstance(einsum, dict) else None
            if name is None and isinstance(text, str):
                name = _output(text)
            if isinstance(name, str):
                names.setdefault(name, place)
    return names


def _output(text: str) -> str | None:
    """The tensor that a statement writes; null where it is none that can be read."""
    from costmodel.einsum.notation import read
    from costmodel.einsum.syntax import Statement
    from costmodel.einsum.tokens import NotationError

    try:
        found = read(text)
    except NotationError:
        return None
    return found.output.tensor if isinstance(found, Statement) else None


def belongs(path: str, data: object, kind: Kind, keys: Iterable[str]) -> bool:
    """Tell whether a path starts with a key, a level or an Einsum of this document."""
    return path.split(".", maxsplit=1)[0] in keys or _name_of(path, names_in(data, kind)) is not None


def unknown(override: Override, known: Iterable[str]) -> Problem:
    """Say that no document has the first part of a path."""
    first = override.path.split(".")[0]
    return Problem(f"nothing is called {first!r}", str(override), hint=did_you_mean(first, list(dict.fromkeys(known))))


def apply(document: Document, overrides: Overrides, kind: Kind, keys: Iterable[str]) -> Document:
    """Put values into a copy of the data; their problems then show the override instead of a line.

    ``keys`` are those of the model of this kind. SpecError tells all paths that lead nowhere.
    """
    todo = overrides_of(overrides)
    if not todo:
        return document
    keys = list(keys)
    if not isinstance(document.data, dict):
        return document
    data = _copy(document.data)
    places: dict[Path, str] = {}
    problems: list[Problem] = []
    for override in todo:
        start = _start(override, data, kind, keys)
        if isinstance(start, Problem):
            problems.append(start)
            continue
        reached = _put(data, *start, override)
        if isinstance(reached, Problem):
            problems.append(reached)
        else:
            places[reached] = str(override)
    if problems:
        raise SpecError(problems)
    marks = replace(document.marks, overrides={**document.marks.overrides, **places})
    return Document(data, marks, document.text)


def stated(path: str, data: object, kind: Kind, keys: Iterable[str]) -> Any:
    """Return what a document states at a path; null where that is nothing."""
    start = _start(Override(path, None), data, kind, list(keys)) if isinstance(data, dict) else None
    if start is None or isinstance(start, Problem):
        return None
    found: Any = data
    parent: Any = None
    key: str | int = ""
    for part in (*start[0], *start[1]):
        if not isinstance(found, (dict, list)):
            found = _unfold(key, found, parent)
        step = _step(found, part)
        if step is None or (isinstance(found, dict) and step not in found):
            return None
        parent, key, found = found, step, found[step]
    return found


def _start(override: Override, data: dict[str, Any], kind: Kind, keys: list[str]) -> tuple[Path, list[str]] | Problem:
    """Split a path into a known place and the rest."""
    names = names_in(data, kind)
    name = _name_of(override.path, names)
    if name is not None:
        rest = override.path[len(name) + 1 :].split(".") if len(override.path) > len(name) else []
        if not rest or not all(rest):
            return Problem(f"say which value of {name} to set, e.g. {name}.{_example(kind)}", str(override))
        return ("levels" if kind == "arch" else "einsums", names[name]), rest
    parts = override.path.split(".")
    if not all(parts):
        return Problem("the path has an empty part", str(override))
    if parts[0] not in keys:
        return unknown(override, [*names, *keys])
    if kind == "study" and parts[0] in _WHOLE_KEYS and len(parts) > 1:
        parts = [parts[0], ".".join(parts[1:])]
    return (), parts


def _example(kind: Kind) -> str:
    return "size=64KiB" if kind == "arch" else "count=2"


def _name_of(path: str, names: Iterable[str]) -> str | None:
    """Longest name that a path starts with; names of Einsums may have dots."""
    fitting = [name for name in names if path == name or path.startswith(f"{name}.")]
    return max(fitting, key=len, default=None)


def _put(data: Any, path: Path, rest: list[str], override: Override) -> Path | Problem:
    """Go down to a value and replace it; return where it stands."""
    last = rest[-1]
    reached: list[str | int] = []
    for part in (*path, *rest[:-1]):
        step = _step(data, part)
        if step is None:
            return _no_way(override, part, data)
        if isinstance(data, dict):
            data.setdefault(step, {})
        if not isinstance(data[step], (dict, list)):
            data[step] = _unfold(step, data[step], data)
        data = data[step]
        reached.append(step)
    step = _step(data, last)
    if step is None:
        return _no_way(override, last, data)
    data[step] = _copy(override.value)  # the next override may reach into it
    return (*reached, step)


def _step(data: object, part: str | int) -> str | int | None:
    """Return the key or position that one part of a path means; null where there is none."""
    if isinstance(data, dict):
        return str(part)
    if isinstance(data, list) and str(part).isdecimal() and int(part) < len(data):
        return int(part)
    return None


def _no_way(override: Override, part: str | int, data: object) -> Problem:
    return Problem(f"there is no {str(part)!r} in {describe(data)}", str(override))


def _unfold(key: str | int, value: Any, parent: Any) -> Any:
    """Write a single value as the map that it stands for, so that one part of it can be set."""
    if isinstance(parent, list) and isinstance(value, str):
        return {"einsum": value}
    if value is None:
        return {}
    if key == "energy":
        names: tuple[str, ...] = ("default",) if "compute" in parent else ("read", "write")
        return dict.fromkeys(names, value)
    return dict.fromkeys(_UNFOLDED[str(key)], value) if str(key) in _UNFOLDED else value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _copy(value: Any) -> Any:
    """Copy data so that values which an alias shared are each their own."""
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value
