"""Data to pydantic models: every validation error becomes a problem with its place, the rule and a hint."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, Strict, Tag, ValidationError
from pydantic_core import CoreSchema

from costmodel.spec.load import describe
from costmodel.spec.problems import Marks, Path, Problem, SpecError, did_you_mean

Item = TypeVar("Item")
Items = Annotated[tuple[Item, ...], Strict(strict=False)]
"""A list in the file, a tuple in the model."""


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _OrOne:
    """Tells the JSON Schema that one item may stand for a list of one."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        listed = handler(core_schema)
        return {"anyOf": [listed["items"], listed]}


OneOrMore = Annotated[tuple[Item, ...], Strict(strict=False), BeforeValidator(_as_list), _OrOne()]
"""A list, or one text that stands for a list of one."""


class SpecModel(BaseModel):
    """Base of what a file may say: frozen, no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    key_hints: ClassVar[dict[str, str]] = {}
    """Keys that users expect but that do not exist here → what to write instead."""


Model = TypeVar("Model", bound=BaseModel)

_TYPE_WORDS = {
    "bool": "true or false",
    "dict": "a map",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "mapping": "a map",
    "model": "a map",
    "string": "text",
    "tuple": "a list",
}
_BOUNDS = {
    "greater_than": ("gt", ">"),
    "greater_than_equal": ("ge", ">="),
    "less_than": ("lt", "<"),
    "less_than_equal": ("le", "<="),
}


def validate(model: type[Model], data: object, marks: Marks, *, also: Iterable[Problem] = ()) -> Model:
    """Build a model from the data of a document.

    ``also`` are problems that were found in other ways: SpecError tells all of them together, in the order of the file.
    """
    problems = list(also)
    result: Model | None = None
    if not isinstance(data, dict):
        problems.append(marks.problem(f"a spec is a map of keys, got {describe(data)}", hint="is this a YAML file?"))
    else:
        try:
            result = model.model_validate(data)
        except ValidationError as error:
            problems.extend(problems_of(error, model, data, marks))
    if problems or result is None:
        raise SpecError(in_order(problems))
    return result


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort problems by their place in the file, without repetitions."""
    return sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.column))


def problems_of(error: ValidationError, model: type[BaseModel], data: object, marks: Marks) -> list[Problem]:
    """Translate what pydantic found; ``data`` is what was validated."""
    problems: list[Problem] = []
    choices: dict[tuple[Path, str], list[Problem]] = {}
    for item in error.errors(include_url=False):
        kind = item["type"]
        path = _data_path(item["loc"], data, last_is_key=kind in {"missing", "extra_forbidden"})
        if kind == "missing":
            problems.append(
                marks.problem(
                    f"required key {path[-1]!r} is missing", path[:-1], hint=_missing_hint(model, item["loc"])
                )
            )
        elif kind == "extra_forbidden":
            problems.append(_unknown_key(model, item["loc"], path, marks))
        else:
            message, hint = _message(item)
            problem = marks.problem(message, path, hint=hint)
            problems.append(problem)
            if kind.endswith("_type"):
                choices.setdefault((path, describe(item["input"])), []).append(problem)
    for group in choices.values():
        if len(group) > 1:  # one value, several types that it could have had
            words = [p.message.removeprefix("must be ").partition(", got ")[0] for p in group]
            merged = f"must be {' or '.join(dict.fromkeys(words))}, got {group[0].message.partition(', got ')[2]}"
            first = group[0]
            problems = [p for p in problems if p not in group]
            problems.append(
                Problem(merged, first.file, first.line, first.column, first.path, first.hint, first.excerpt)
            )
    return problems


def _data_path(loc: tuple[int | str, ...], data: object, *, last_is_key: bool) -> Path:
    """Drop from pydantic's ``loc`` what is no key of the data: names of union members and validators."""
    path: list[str | int] = []
    for place, part in enumerate(loc):
        known = isinstance(data, dict) and part in data
        if known and not (isinstance(part, str) and part.startswith(_TAG)):
            data = data[part]  # type: ignore[index]
        elif isinstance(data, (list, tuple)) and isinstance(part, int) and 0 <= part < len(data):
            data = data[part]
        elif not (last_is_key and place == len(loc) - 1):
            continue
        path.append(part)
    return tuple(path)


_TAG = "tag:"


def tag(name: str) -> Tag:
    """Mark a member of a union so that its name is never taken for a key."""
    return Tag(_TAG + name)


_FIXED = {
    "string_too_short": "must not be empty text",
    "too_short": "must not be empty",
}
_MUST = {
    "finite_number": "a finite number",
    "int_from_float": "a whole number",
}


def _message(item: Any) -> tuple[str, str]:
    """Message and hint of one of pydantic's errors."""
    kind, value, context = item["type"], item["input"], item.get("ctx", {})
    got = f"got {describe(value)}"
    base = kind.removesuffix("_type").removesuffix("_attributes")
    hint = ""
    if kind == "value_error":
        message, hint = _split_hint(str(context["error"]))
    elif kind == "one_key_of":
        message, hint = _one_key(str(item["msg"]), value, context["keys"])
    elif kind == "literal_error":
        message, hint = f"must be {context['expected']}, {got}", _near_literal(value, str(context["expected"]))
    elif kind in _BOUNDS:
        name, sign = _BOUNDS[kind]
        message = f"must be {sign} {context[name]}, {got}"
    elif kind in _FIXED:
        message = _FIXED[kind]
    elif kind in _MUST or base in _TYPE_WORDS:
        message = f"must be {_MUST.get(kind) or _TYPE_WORDS[base]}, {got}"
        hint = "quote it to mean text" if base == "string" and isinstance(value, (int, float)) else ""
    else:
        message = f"{item['msg'][:1].lower()}{item['msg'][1:]}, {got}"
    return message, hint


def _near_literal(value: object, expected: str) -> str:
    words = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    hint = did_you_mean(value, words) if isinstance(value, str) else ""
    return hint if hint.startswith("did you mean") else ""


def _one_key(rule: str, value: object, keys: list[str]) -> tuple[str, str]:
    if not isinstance(value, dict):
        return f"{rule}; got {describe(value)}", ""
    found = [key for key in keys if key in value]
    if found:
        return f"{rule}; got {' and '.join(found)}", ""
    hints = (did_you_mean(key, keys) for key in value if isinstance(key, str))
    return rule, next((hint for hint in hints if hint.startswith("did")), "")


HINT = " ;; "
"""Stands between the message of a ValueError and its hint, in errors that validators raise."""


def _split_hint(text: str) -> tuple[str, str]:
    message, _, hint = text.partition(HINT)
    return message, hint


def _unknown_key(model: type[BaseModel], loc: tuple[int | str, ...], path: Path, marks: Marks) -> Problem:
    key = str(path[-1])
    models = _models_at(model, loc[:-1])
    for candidate in models:
        if key in (hints := getattr(candidate, "key_hints", {})):
            return marks.problem(f"no such key {key!r}", path, hint=hints[key], key=True)
    allowed = list(dict.fromkeys(name for candidate in models for name in keys_of(candidate)))
    return marks.problem(f"no such key {key!r}", path, hint=did_you_mean(key, allowed), key=True)


def _missing_hint(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    for candidate in _models_at(model, loc[:-1]):
        hint = getattr(candidate, "key_hints", {}).get(f"missing {loc[-1]}")
        if hint:
            return str(hint)
    return ""


def keys_of(model: type[BaseModel]) -> list[str]:
    """Keys that a map of this model may have."""
    return [info.alias or name for name, info in model.model_fields.items()]


def _models_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """Models that the map at a place could be."""
    found: list[Any] = [model]
    for part in loc:
        found = [inner for annotation in found for inner in _step(annotation, part)]
    return [m for annotation in found for m in _plain_models(annotation)]


def _step(annotation: Any, part: int | str) -> list[Any]:
    """Annotations that one item of ``loc`` leads to; a name of a union member or a validator stays where it is."""
    stepped: list[Any] = []
    stay = False
    for member in _members(annotation):
        if isinstance(part, str) and part.startswith(_TAG):
            stay = True
        if isinstance(member, type) and issubclass(member, BaseModel):
            by_key = {info.alias or name: info.annotation for name, info in member.model_fields.items()}
            if part in by_key:
                stepped.append(by_key[str(part)])
            elif part == member.__name__:
                stepped.append(member)
        elif isinstance(part, int) and get_origin(member) in {list, tuple}:
            stepped.append(get_args(member)[0])
        elif isinstance(part, str) and get_args(member) and get_origin(member) not in {list, tuple}:
            stepped.append(get_args(member)[-1])
    if stay:
        return _members(annotation, only_tag=str(part))
    return stepped or [annotation]


def _members(annotation: Any, only_tag: str = "") -> list[Any]:
    """Unfold Annotated and unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        tags = [m.tag for m in metadata if isinstance(m, Tag)]
        if only_tag and tags and only_tag not in tags:
            return []
        return _members(inner, only_tag)
    if origin in {Union, types.UnionType}:
        return [m for member in get_args(annotation) for m in _members(member, only_tag)]
    return [annotation]


def _plain_models(annotation: Any) -> list[type[BaseModel]]:
    return [m for m in _members(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]
