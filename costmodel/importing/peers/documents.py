"""The YAML files of other tools: tags and merge keys, several files as one, templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from costmodel.spec.load import Document, describe, parse, read_text, scalar
from costmodel.spec.problems import Marks, Path, Problem, SpecError, did_you_mean

TAG = "!"
"""Key under which a map keeps its tag."""
MERGES = ("<<", "<<<")
"""Keys whose maps are merged into the one around them; Timeloop's ``<<<`` goes into maps within maps."""
NAMES_OF_KINDS = {"arch", "architecture", "input", "parsed-processed-input", "workload", "problem", "top"}
TEMPLATE = re.compile(r"\{\{|\{%")


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one top-level key of a file."""

    key: str
    data: Any
    marks: Marks

    @property
    def document(self) -> dict[str, Any]:
        """The section as a file that holds nothing else: its marks are those of the whole file."""
        return {self.key: self.data}

    @property
    def stem(self) -> str:
        """The name of its file, or of the folder where that says no more than what kind of file it is."""
        file = FilePath(self.marks.file)
        stem = file.name.split(".")[0]
        return file.resolve().parent.name if stem in NAMES_OF_KINDS else stem


def read_foreign(file: FilePath, values: Mapping[str, str] | None = None) -> Document:
    """Read a YAML file of another tool; a template is rendered first, with ``values`` for its names.

    Raises SpecError with all that is wrong.
    """
    text = read_text(file)
    found = TEMPLATE.search(re.sub(r"(?m)#.*$", "", text))
    if found:
        text = _rendered(file, text, values or {})
    document = parse(text, str(file), foreign=True)
    return replace(document, data=_merged(document.data, document.marks, ()))


def sections(documents: Iterable[Document], known: Mapping[str, str]) -> dict[str, Section]:
    """Top-level keys of several files, as if they were one; ``known`` says what each is.

    Raises SpecError for files without a known key, and for what two files say.
    """
    found: dict[str, Section] = {}
    problems: list[Problem] = []
    for document in documents:
        marks = document.marks
        if not isinstance(document.data, dict):
            hint = f"a map with {', '.join(known)}"
            problems.append(marks.problem(f"is no file of this tool: got {describe(document.data)}", hint=hint))
            continue
        if not known.keys() & document.data.keys():
            hint = next((h for k in document.data if (h := did_you_mean(k, list(known))).startswith("did")), "")
            keys = ", ".join(map(str, document.data)) or "nothing"
            problems.append(marks.problem(f"none of {', '.join(known)} stands here, but {keys}", hint=hint))
        for key, value in document.data.items():
            if key in found:
                file, line, _ = found[key].marks.at((key,), key=True)
                problems.append(
                    marks.problem(f"{key!r} is said twice", (key,), hint=f"first in {file}:{line}", key=True)
                )
            else:
                found[key] = Section(key, value, marks)
    if problems:
        raise SpecError(problems)
    return found


def listed(document: Document, key: str) -> Section:
    """A file that is one list, as a section of that name; places keep their lines."""
    marks = document.marks

    def moved(paths: Mapping[Path, Any]) -> dict[Path, Any]:
        return {(key, *path): value for path, value in paths.items()}

    aliases = {(key, *path): (key, *of) for path, of in marks.aliases.items()}
    return Section(
        key, document.data, replace(marks, keys=moved(marks.keys), values=moved(marks.values), aliases=aliases)
    )


def _merged(data: Any, marks: Marks, path: Path) -> Any:
    """Put the maps of merge keys into the maps around them; what these say themselves wins."""
    if isinstance(data, list):
        return [_merged(item, marks, (*path, place)) for place, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    own: dict[str, Any] = {key: _merged(value, marks, (*path, key)) for key, value in data.items() if key not in MERGES}
    for merge in MERGES:
        given = data.get(merge, [])
        for one in reversed(given if isinstance(given, list) else [given]):
            if not isinstance(one, dict):
                raise SpecError([marks.problem(f"{merge} must name a map, got {describe(one)}", (*path, merge))])
            below: dict[str, Any] = _merged(one, marks, (*path, merge))
            own = _over(below, own, deep=merge == "<<<")
    return own


def _over(below: dict[str, Any], above: dict[str, Any], *, deep: bool) -> dict[str, Any]:
    """Two maps as one; ``above`` wins."""
    found = dict(below)
    for key, value in above.items():
        inner = found.get(key)
        if deep and isinstance(inner, dict) and isinstance(value, dict):
            found[key] = _over(inner, value, deep=True)
        else:
            found[key] = value
    return found


def _rendered(file: FilePath, text: str, values: Mapping[str, str]) -> str:
    """The text that a template makes; ``values`` are read as YAML reads them."""
    from costmodel.importing.peers.templates import rendered  # loads Jinja2

    given = {}
    for name, value in values.items():
        try:
            given[name] = scalar(value)
        except ValueError as error:
            raise SpecError([Problem(f"--set {name}: {error}", str(file))]) from None
    return rendered(file, text, given)
