"""What the models of the peers' formats have in common: numbers as formulas, and keys that say nothing here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from costmodel.einsum.tokens import NotationError
from costmodel.importing.peers.documents import TAG
from costmodel.importing.peers.findings import ImportFindings
from costmodel.spec.formulas import formula, names, value
from costmodel.spec.load import describe
from costmodel.spec.problems import Marks, Path

INFINITE = {"inf", "float('inf')", "infinity"}


class PeerModel(BaseModel):
    """A map in a file of another tool; keys that are not known are kept, and named in the end."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)

    without_effect: ClassVar[Mapping[str, str]] = {}
    """Keys that say nothing about what is counted here → why."""
    tag: str = Field("", alias=TAG)
    """Its YAML tag, as ``Component`` of ``!Component``."""


def value_of(given: object) -> float:
    """Compute a number or a formula of numbers (``1024*16``, ``1 / (8 * 614e9)``); ``inf`` is one, too.

    >>> value_of("512 * 32"), value_of("inf")
    (16384.0, inf)

    Raises ValueError, which says what is no number.
    """
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return float(given)
    if not isinstance(given, str):
        raise ValueError(f"must be a number, got {describe(given)}")  # noqa: TRY004  pydantic takes it as a finding
    if given.strip().lower() in INFINITE:
        return math.inf
    try:
        read = formula(given.strip())
    except NotationError:
        raise ValueError(f"must be a number or a formula of numbers, got {given!r}") from None
    if named := names(read):
        raise ValueError(f"must be a number: {given!r} uses {', '.join(named)}")
    try:
        return float(value(read, {}))
    except ZeroDivisionError:
        raise ValueError(f"must be a number: {given!r} divides by 0") from None


def _number(given: object) -> object:
    return value_of(given) if isinstance(given, str) else given


Number = Annotated[float, BeforeValidator(_number)]
"""A number or a formula of numbers."""
Whole = Annotated[int, BeforeValidator(lambda given: _whole(_number(given)))]
"""A whole number, which a formula may make."""


def _whole(given: object) -> object:
    return int(given) if isinstance(given, float) and given.is_integer() else given


def also(*spellings: str) -> AliasChoices:
    """Spellings of one key, of which a file has one."""
    return AliasChoices(*spellings)


def name_leftovers(
    model: PeerModel, data: Mapping[str, Any], path: Path, marks: Marks, findings: ImportFindings
) -> None:
    """Name every key of a map, and of the maps in it, that the model does not know."""
    for key in model.model_extra or ():
        if key != "version":
            why = model.without_effect.get(key, "no counterpart here")
            findings.note(marks, (*path, key), why, of=key, key=True)
    for name, info in type(model).model_fields.items():
        choices = info.validation_alias
        spelled = list(map(str, choices.choices)) if isinstance(choices, AliasChoices) else [info.alias or name, name]
        for key in [key for key in spelled if key in data][:1]:
            _below(getattr(model, name), data[key], (*path, key), marks, findings)


def _below(found: object, data: Any, path: Path, marks: Marks, findings: ImportFindings) -> None:
    """Go on with the models in a value; a value that was made of another form has no places of its own."""
    if isinstance(found, PeerModel) and isinstance(data, Mapping):
        name_leftovers(found, data, path, marks, findings)
    elif isinstance(found, (list, tuple)) and isinstance(data, list) and len(found) == len(data):
        for place, (one, item) in enumerate(zip(found, data, strict=True)):
            _below(one, item, (*path, place), marks, findings)
    elif isinstance(found, Mapping) and isinstance(data, Mapping):
        for key, one in found.items():
            if key in data:
                _below(one, data[key], (*path, key), marks, findings)
