"""JSON Schemas of the files, for editors: draft-07, which the YAML language server reads.

pydantic describes the models in the 2020-12 dialect, without the manuals that stand under the fields; both are put
right here. A manual may end with examples of values as they stand in a file: E.g. ``108 KiB``, ``[input, output]``.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from costmodel.spec.load import parse
from costmodel.spec.overrides import Kind
from costmodel.spec.units import Quantity

DIALECT = "http://json-schema.org/draft-07/schema#"
_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_TILE = "[0-9]+"
_NAMED = {"properties", "$defs", "patternProperties"}
"""Keywords whose keys are names."""
_DATA = {"default", "const", "enum", "examples"}
"""Keywords whose values are data."""
_EXAMPLES = re.compile(r"\s*E\.g\. (``.+``(?: \([^`]+\))?)\.$", re.DOTALL)


def schema(kind: Kind) -> dict[str, Any]:
    """JSON Schema of one kind of file: ``arch``, ``workload``, ``mapping`` or ``study``."""
    if kind == "mapping":
        return {"$schema": DIALECT, **_mapping()}
    from costmodel.spec.architecture import ArchitectureSpec
    from costmodel.spec.study import Study
    from costmodel.spec.workload_spec import WorkloadSpec

    models: dict[Kind, type[BaseModel]] = {"arch": ArchitectureSpec, "workload": WorkloadSpec, "study": Study}
    model = models[kind]
    modern = model.model_json_schema(by_alias=True)
    manuals = {m.__name__: _manuals(m) for m in _models_of(model)}
    for name, definition in {model.__name__: modern, **modern.get("$defs", {})}.items():
        for properties in _properties(definition):
            for key, said in properties.items():
                said.update(manuals.get(name, {}).get(key, {}))
    return {"$schema": DIALECT, **draft7(modern)}


def draft7(modern: Any) -> Any:
    """Translate a schema from the 2020-12 dialect.

    >>> draft7({"$defs": {"A": {"prefixItems": [{}], "items": False}}})
    {'definitions': {'A': {'items': [{}], 'additionalItems': False}}}
    >>> draft7({"$ref": "#/$defs/A", "title": "x"})
    {'title': 'x', 'allOf': [{'$ref': '#/definitions/A'}]}
    """
    if isinstance(modern, list):
        return [draft7(item) for item in modern]
    if not isinstance(modern, dict):
        return modern
    renamed: dict[str, str] = {"$defs": "definitions"}
    if "prefixItems" in modern:
        renamed |= {"prefixItems": "items", "items": "additionalItems"}
    old: dict[str, Any] = {}
    for key, value in modern.items():
        if key in _NAMED:
            inner: Any = {name: draft7(part) for name, part in value.items()}
        elif key in _DATA:
            inner = value
        else:
            inner = value.replace("#/$defs/", "#/definitions/") if key == "$ref" else draft7(value)
        old[renamed.get(key) or key] = inner
    old.pop("discriminator", None)  # OpenAPI's
    if "$ref" in old and len(old) > 1:  # draft-07 ignores what stands beside a reference
        old["allOf"] = [{"$ref": old.pop("$ref")}]
    return old


def manual(text: str) -> dict[str, Any]:
    """Split the text under a field into what it means and examples.

    >>> manual("Room of ``GLB``. E.g. ``108 KiB``, ``224``.")
    {'description': 'Room of `GLB`.', 'examples': ['108 KiB', 224]}
    """
    found = _EXAMPLES.search(text)
    means = " ".join((text[: found.start()] if found else text).replace("``", "`").split())
    written = re.findall(r"``(.+?)``", found[1], re.DOTALL) if found else []
    return {"description": means} | ({"examples": [parse(value).data for value in written]} if written else {})


def _properties(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the keys of a map, or of each map that may stand in its place."""
    for choice in (definition, *definition.get("anyOf", ())):
        if "properties" in choice:
            yield choice["properties"]


def _models_of(annotation: Any) -> set[type[BaseModel]]:
    """The models that a type names, and those that their fields name; names are unique among them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        named = [field.annotation for field in annotation.model_fields.values()]
        return {annotation}.union(*map(_models_of, named))
    return set[type[BaseModel]]().union(*map(_models_of, get_args(annotation)))


def _manuals(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """Key → what the text that stands under the field in the source says."""
    texts: dict[str, dict[str, Any]] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, BaseModel) or cls is BaseModel:
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        body = definition.body if isinstance(definition, ast.ClassDef) else []
        for key, below in itertools.pairwise(body):
            match key, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    texts[name] = manual(text)
    for name, field in model.model_fields.items():
        if isinstance(field.default, Quantity):
            texts[name]["default"] = str(field.default)
        if field.alias and name in texts:
            texts[field.alias] = texts.pop(name)
    return texts


def _mapping() -> dict[str, Any]:
    """Schema of mapping files, which no pydantic model reads."""
    names = {
        key: {"type": "string", "minLength": 1, **manual(text)}
        for key, text in (
            ("arch", "Architecture that the mapping was made for; `check` holds it against this one. E.g. ``pe2d``."),
            ("workload", "Workload that the mapping was made for. E.g. ``mm64``."),
            ("einsum", "Einsum that the nest computes. E.g. ``Z``."),
        )
    }
    nodes = (
        "Nodes, outermost first: sentences, and maps `sequence:`; or the lines of its loops as text. "
        "E.g. ``[for m by 1, compute Z on MAC]``."
    )
    lines = {"type": "string", "pattern": r"\S"}
    nest = {"anyOf": [{"$ref": "#/definitions/nest"}, lines], **manual(nodes)}
    entry = {
        "title": "Entry",
        "type": "object",
        "properties": {**names, "nest": nest},
        "required": ["nest"],
        "additionalProperties": False,
    }
    return {
        "title": "Mapping",
        "description": "Schedules, one nest for each Einsum or one for a cascade.",
        "type": "object",
        "properties": {
            **names,
            "nest": nest,
            "mappings": {
                "type": "array",
                "minItems": 1,
                "items": entry,
                **manual(
                    "Instead of `nest:`: one mapping for each Einsum, with its `nest:` and `einsum:` and, where they "
                    "differ, `arch:` and `workload:`. E.g. ``[{einsum: Z, nest: [for m by 1, compute Z on MAC]}]``."
                ),
            },
        },
        "oneOf": [{"required": ["nest"]}, {"required": ["mappings"]}],
        "additionalProperties": False,
        "definitions": {
            "nest": {
                "type": "array",
                "minItems": 1,
                "items": {"$ref": "#/definitions/node"},
            },
            "node": {
                "anyOf": [
                    _sentence(rf"store\s+{_NAME}([\s,]+{_NAME})*\s+in\s+{_NAME}", "store A B in GLB"),
                    _sentence(rf"for\s+{_NAME}\s+by\s+{_TILE}", "for m by 64"),
                    _sentence(
                        rf"parallel\s+{_NAME}\s+by\s+{_TILE}\s+across\s+{_NAME}(\.{_NAME})?",
                        "parallel n by 1 across PEs.X",
                    ),
                    _sentence(rf"compute\s+\S+\s+on\s+{_NAME}", "compute Z on MAC"),
                    {
                        "title": "Fused",
                        "type": "object",
                        "properties": {
                            "sequence": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"$ref": "#/definitions/nest"},
                                **manual(
                                    "Branches, a nest each, that run in turn at every step of the loops above. "
                                    "E.g. ``[[compute Y on MAC], [compute Z on MAC]]``."
                                ),
                            },
                            "overlap": {
                                "enum": ["off", "pipelined"],
                                "default": "off",
                                **manual(
                                    "Whether the branches run one after another, or as stages of a pipeline: each on "
                                    "another step of the loops above. E.g. ``pipelined``."
                                ),
                            },
                        },
                        "required": ["sequence"],
                        "additionalProperties": False,
                    },
                ]
            },
        },
    }


def _sentence(pattern: str, example: str) -> dict[str, Any]:
    return {"type": "string", "pattern": rf"^\s*{pattern}\s*$", "description": f"`{example}`"}
