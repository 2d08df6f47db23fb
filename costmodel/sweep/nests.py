"""The mappings of a sweep: many designs share them, so each is kept once, under a name that says what it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import parse_nest, sentences


def text_of(record: BaseModel) -> bytes:
    """A record as JSON in one line."""
    return json_line(record.model_dump())


def json_line(content: Any) -> bytes:
    """Anything that JSON knows in one line."""
    return json.dumps(content, ensure_ascii=False).encode(errors="surrogatepass")


def digest(text: bytes) -> str:
    """A short name for a text."""
    return hashlib.sha256(text).hexdigest()[:16]


class KeptMapping(BaseModel):
    """A mapping as a line of a journal keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    arch: str | None
    workload: str | None
    einsum: str | None
    nest: list[Any]
    """As a mapping file has it."""

    @classmethod
    def of(cls, mapping: Mapping) -> Self:
        """Take a mapping down."""
        nest = list(sentences(mapping.nest))
        return cls(arch=mapping.arch, workload=mapping.workload, einsum=mapping.einsum, nest=nest)

    @property
    def mapping(self) -> Mapping:
        """The mapping. Raises SpecError where it is none."""
        return Mapping(parse_nest(self.nest), self.arch, self.workload, self.einsum)


class Nests:
    """Mappings by name; a name is a digest of what the mapping says."""

    def __init__(self) -> None:
        self._names: dict[Mapping, str] = {}
        self._mappings: dict[str, Mapping] = {}
        self._unread: dict[str, KeptMapping] = {}
        """Read from a file, and not needed so far."""

    def add(self, kept: KeptMapping, name: str) -> None:
        """Take in what a file holds."""
        self._unread[name] = kept

    def __getitem__(self, name: str) -> Mapping:
        """The mapping of a name. Raises KeyError where there is none, SpecError where it is no mapping."""
        if name not in self._mappings:
            self._mappings[name] = self._unread[name].mapping
            self._names[self._mappings[name]] = name
        return self._mappings[name]

    def items(self) -> Iterable[tuple[str, Mapping]]:
        """The mappings that have a name, with it."""
        return self._mappings.items()

    def name(self, mapping: Mapping) -> tuple[str, bytes | None]:
        """Return the name of a mapping, and the text that has to be kept of one that is new."""
        known = self._names.get(mapping)
        if known is not None:
            return known, None
        text = text_of(KeptMapping.of(mapping))
        name = digest(text)
        self._names[mapping], self._mappings[name] = name, mapping
        return name, None if name in self._unread else text
