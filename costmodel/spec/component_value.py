"""``component:`` of a level: a class of the component library, alone or with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from costmodel.spec.load import describe
from costmodel.spec.quantities import quantity_schema

if TYPE_CHECKING:
    from costmodel.components.protocol import LevelKind, Parameter


@dataclass(frozen=True, eq=False)
class ComponentOf:
    """How a component is read from a file, and described in a JSON Schema: for ``Annotated``.

    What its parameters may be is said by its class, where it is priced.
    """

    level: LevelKind
    """The kind of level that it prices."""

    def read(self, value: object) -> Mapping[str, object] | tuple[Mapping[str, object], ...]:
        if self.level == "compute" and isinstance(value, (list, tuple)) and value:
            return tuple(self._one(each) for each in value)
        return self._one(value)

    @staticmethod
    def _one(value: object) -> Mapping[str, object]:
        if isinstance(value, str):
            return {"class": value}
        if isinstance(value, Mapping) and isinstance(value.get("class"), str):
            return dict(value)
        raise ValueError(f"must be the name of a class, or a map that has `class:`, got {describe(value)}")

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Of classes that come with the package all parameters; others may have any."""
        from costmodel.components import anchor
        from costmodel.components.library import OWN

        own = [of for of in OWN.values() if of.level == self.level]
        maps: list[dict[str, Any]] = [
            {
                "type": "object",
                "title": of.name,
                "required": ["class"],
                "properties": {
                    "class": {"const": of.name, "description": "What it is.", "examples": [of.name]},
                    **{key: parameter_schema(parameter) for key, parameter in of.parameters.items()},
                    anchor.KEY: {"type": "object", "description": anchor.MEANS, "examples": [anchor.example(of)]},
                },
                "additionalProperties": False,
            }
            for of in own
        ]
        named = {"^class$": {"type": "string", "not": {"enum": sorted(OWN)}}}
        other = {"type": "object", "required": ["class"], "patternProperties": named}
        one = [{"type": "string", "minLength": 1}, *maps, other]
        several = [{"type": "array", "minItems": 1, "items": {"anyOf": one}}] if self.level == "compute" else []
        return {"anyOf": [*one, *several]}


def parameter_schema(parameter: Parameter) -> dict[str, Any]:
    """Describe what a parameter may be."""
    if parameter.words:
        said: dict[str, Any] = {"enum": list(parameter.words)}
    elif parameter.measures is not None:
        said = quantity_schema(parameter.measures)
    else:
        said = {"type": "string"} if isinstance(parameter.default, str) else {"type": "integer", "minimum": 1}
    means = f"{parameter.means[:1].upper()}{parameter.means[1:]}."
    example = parameter.example or next(iter(parameter.words), "")
    said |= {"description": means} | ({"default": parameter.default} if parameter.default else {})
    return said | ({"examples": [example]} if example else {})


MemoryComponent = Annotated[Mapping[str, object], ComponentOf("memory")]
ArrayComponent = Annotated[Mapping[str, object], ComponentOf("array")]
UnitComponent = Annotated[Mapping[str, object] | tuple[Mapping[str, object], ...], ComponentOf("compute")]
