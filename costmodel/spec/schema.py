"""JSON Schemas of the files, for editors: draft-07, which the YAML language server reads.

pydantic describes the models in the 2020-12 dialect, without the manuals that stand under the fields; both are put
right here.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from typing import Any

from pydantic import BaseModel

from costmodel.spec.overrides import Kind

DIALECT = "http://json-schema.org/draft-07/schema#"
_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_TILE = "[0-9]+"
_NAMED = {"properties", "$defs", "patternProperties"}
"""Keywords whose keys are names."""
_DATA = {"default", "const", "enum", "examples"}
"""Keywords whose values are data."""


def schema(kind: Kind) -> dict[str, Any]:
    """JSON Schema of one kind of file: ``arch``, ``workload``, ``mapping`` or ``study``."""
    if kind == "mapping":
        return {"$schema": DIALECT, **_mapping()}
    from costmodel.spec.architecture import ArchitectureSpec
    from costmodel.spec.study import Study
    from costmodel.spec.workload import WorkloadSpec

    models: dict[Kind, type[BaseModel]] = {"arch": ArchitectureSpec, "workload": WorkloadSpec, "study": Study}
    model = models[kind]
    modern = model.model_json_schema(by_alias=True)
    manuals = {m.__name__: _manuals(m) for m in _models_of(model)}
    for name, definition in {model.__name__: modern, **modern.get("$defs", {})}.items():
        for key, text in manuals.get(name, {}).items():
            if key in definition.get("properties", {}):
                definition["properties"][key]["description"] = text
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


def _models_of(model: type[BaseModel]) -> set[type[BaseModel]]:
    """A model and all models of its module and its bases' modules; names are unique among them."""
    found: set[type[BaseModel]] = {model}
    module = inspect.getmodule(model)
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, BaseModel):
            found.add(value)
    return found


def _manuals(model: type[BaseModel]) -> dict[str, str]:
    """Key → the text that stands under the field in the source."""
    texts: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if not issubclass(cls, BaseModel) or cls is BaseModel:
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        body = definition.body if isinstance(definition, ast.ClassDef) else []
        for field, text in itertools.pairwise(body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(manual))):
                    texts[name] = " ".join(manual.replace("``", "`").split())
    return texts


def _mapping() -> dict[str, Any]:
    """Schema of mapping files, which no pydantic model reads."""
    text = {"type": "string", "minLength": 1}
    names = {
        "arch": {**text, "description": "Architecture that the mapping was made for."},
        "workload": {**text, "description": "Workload that the mapping was made for."},
        "einsum": {**text, "description": "Einsum that the nest computes."},
    }
    nest = {"$ref": "#/definitions/nest"}
    entry = {
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
            "mappings": {"type": "array", "minItems": 1, "items": entry, "description": "One mapping for each Einsum."},
        },
        "oneOf": [{"required": ["nest"]}, {"required": ["mappings"]}],
        "additionalProperties": False,
        "definitions": {
            "nest": {
                "type": "array",
                "minItems": 1,
                "items": {"$ref": "#/definitions/node"},
                "description": "Nodes, outermost first.",
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
                        "type": "object",
                        "properties": {"sequence": {"type": "array", "minItems": 1, "items": nest}},
                        "required": ["sequence"],
                        "additionalProperties": False,
                        "description": "Branches that run one after another, one nest each.",
                    },
                ]
            },
        },
    }


def _sentence(pattern: str, example: str) -> dict[str, Any]:
    return {"type": "string", "pattern": rf"^\s*{pattern}\s*$", "description": f"`{example}`"}
