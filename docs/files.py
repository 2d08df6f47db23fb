"""Write the tables of docs/files.md and docs/components.md: ``python docs/files.py``, or ``make docs-files``.

A table stands between ``<!-- keys: KIND NAME -->`` (``NAME`` as in ``costmodel schema KIND``), ``<!-- units -->`` or
``<!-- data sets: ACTION of CLASS, KEY VALUE, … -->`` and ``<!-- end -->``. All else is written by hand.
"""

# ruff: noqa: INP001  (a script, not a package)

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from costmodel.components import library
from costmodel.components.protocol import ComponentError
from costmodel.spec import units
from costmodel.spec.schema import schema

PAGES = (Path(__file__).with_suffix(".md"), Path(__file__).with_name("components.md"))
_BLOCK = re.compile(
    r"(<!-- (?:keys: (\w+) (\w+)|units|data sets: (\w+) of (\w+)(.*?)) -->\n).*?(<!-- end -->\n)", re.DOTALL
)
NODES = (65, 45, 7)
_QUANTITY = re.compile(r"(an? [^(]+) \(.*\); a bare number is in (\S+)\.", re.IGNORECASE)
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


def page(text: str) -> str:
    """Return the page with its tables written anew."""

    def block(found: re.Match[str]) -> str:
        head, kind, name, action, component, said, end = found.groups()
        if action:
            stated = dict(pair.strip().split(" ", 1) for pair in said.split(",") if pair)
            rows = data_sets(action, component, stated)
        else:
            rows = keys(described(kind), name) if kind else dimensions()
        return f"{head}\n{table(rows)}\n{end}"

    return _BLOCK.sub(block, text)


@cache
def described(kind: Any) -> dict[str, Any]:
    """The JSON Schema of a kind of file."""
    return schema(kind)


def table(rows: Iterable[Iterable[str]]) -> str:
    """Markdown of rows, the first of which is the head."""
    head, *body = ([cell.replace("|", r"\|") for cell in row] for row in rows)
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *body))


def keys(root: dict[str, Any], name: str) -> Iterator[list[str]]:
    """One row for each key of a map: what it may be, without it, what it means, examples."""
    found = properties(root, name)
    yield ["key", "value", "without it", "meaning", "e.g."]
    needed = found.get("required", ())
    for key, said in sorted(found["properties"].items(), key=lambda item: item[0] not in needed):
        absent = "**error**" if key in needed else default(said)
        examples = "<br>".join(f"`{written(example)}`" for example in said.get("examples", ()))
        yield [f"`{key}`", value(said, root), absent, said.get("description", ""), examples]


def properties(root: dict[str, Any], name: str) -> dict[str, Any]:
    """The map of that title in a schema; StopIteration if there is none."""
    return next(found for title, found in maps(root) if title == name)


def maps(part: Any, title: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every map in a schema that has keys, with its title or that of what it may stand for."""
    if isinstance(part, dict):
        title = part["title"] if isinstance(part.get("title"), str) else title
        if "properties" in part:
            yield title, part
        for inner in part.values():
            yield from maps(inner, title)
    elif isinstance(part, list):
        for inner in part:
            yield from maps(inner, title)


def value(said: dict[str, Any], root: dict[str, Any]) -> str:
    """Say what a value may be."""
    if quantity := _QUANTITY.fullmatch(said.get("description", "")):
        return f"{quantity[1].lower().split(' ', 1)[1]} (bare: {quantity[2]})"
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in said:
            some = [value(part, root) for part in said[choice] if part.get("type") != "null"]
            plain = {"number", "whole number"} if any("(bare: " in text for text in some) else set()
            return " or ".join(dict.fromkeys(text for text in some if text not in plain))
    if "$ref" in said:
        name = said["$ref"].rpartition("/")[2]
        return "map (below)" if "properties" in root["definitions"][name] else value(root["definitions"][name], root)
    if "enum" in said:
        return ", ".join(f"`{word}`" for word in said["enum"])
    if said.get("type") == "array":
        return f"list of {several(value(said['items'], root))}" if "items" in said else "list"
    if said.get("type") == "object":
        inner = said.get("additionalProperties")
        return f"map of {several(value(inner, root))}" if isinstance(inner, dict) and inner else "map"
    kinds = said.get("type", [])
    return " or ".join(_TYPES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)) or "anything"


def several(text: str) -> str:
    """Put what may be in a list or a map in brackets where it is a choice."""
    return f"({text})" if " or " in text or ", " in text else text


def default(said: dict[str, Any]) -> str:
    """Say what holds without a key; a dash where the meaning says it."""
    stated = said.get("default")
    if stated in (None, "", [], {}):
        return "–"
    return f"`{shortest(stated) if isinstance(stated, str) else written(stated)}`"


def shortest(text: str) -> str:
    """Write a quantity in its shortest unit, other text as it is."""
    number, _, unit = text.partition(" ")
    for dimension in units.DIMENSIONS:
        if unit in dimension.units:
            size, base = dimension.units[unit]
            factors = ((name, size / factor) for name, (factor, to) in dimension.units.items() if to == base)
            texts = (f"{units.number_text(Fraction(number) * factor)} {name}" for name, factor in factors)
            return min(texts, key=lambda shown: (len(shown), shown != text))
    return text


def written(example: object) -> str:
    """Write a value in one line of YAML."""
    if isinstance(example, dict):
        return f"{{{', '.join(f'{key}: {written(inner)}' for key, inner in example.items())}}}"
    if isinstance(example, list):
        return f"[{', '.join(map(written, example))}]"
    if isinstance(example, str):
        return json.dumps(example, ensure_ascii=False) if re.search(r"[\[\]{},]|: | #|^[*&!%@]", example) else example
    return json.dumps(example)


def dimensions() -> Iterator[list[str]]:
    """One row for each thing that a number measures."""
    yield ["a number that is", "may have the unit", "bare"]
    for dimension in units.DIMENSIONS:
        names = ", ".join(f"`{unit}`" for unit in dimension.units)
        if dimension is units.BANDWIDTH:
            names = f"that of a size, and `/cycle` or `/s`: {dimension.shown}"
        yield [dimension.noun, names, f"`{dimension.bare}`"]


def data_sets(action: str, name: str, stated: dict[str, str]) -> Iterator[list[str]]:
    """One row for each data set of a class: its energy at some nodes, starred where a range is left."""
    of = library.component(name)
    yield ["`table:`", *(f"{node} nm" for node in NODES), "source"]
    for data_set in of.parameters["table"].words:
        cells, sources = [], []
        for node in NODES:
            try:
                found = library.priced(of, stated | {"table": data_set, "node": f"{node} nm"}, {}).figures[action]
            except ComponentError:
                break
            cells.append(f"{found.value:.3g}{'*' if found.beyond else ''}")
            sources.append(found.source.split(";")[0])
        if cells:
            yield [f"`{data_set}`", *cells, min(sources, key=len)]


if __name__ == "__main__":
    for written_page in PAGES:
        written_page.write_text(page(written_page.read_text(encoding="utf-8")), encoding="utf-8")
