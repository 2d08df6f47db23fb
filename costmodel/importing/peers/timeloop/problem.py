"""A problem of Timeloop as a workload of one Einsum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.models import PeerModel, name_leftovers
from costmodel.importing.peers.timeloop.formats import ProblemShape, TensorShape
from costmodel.spec.load import describe
from costmodel.spec.problems import Path
from costmodel.spec.validation import validate

ROLES = {"Inputs": "input", "Weights": "weight", "Outputs": "output"}
"""Timeloop's usual names of tensors."""
CNN_LAYER: Mapping[str, Any] = {
    "name": "cnn_layer",
    "dimensions": ["R", "S", "P", "Q", "C", "K", "N"],
    "data_spaces": [
        {"name": "Weights", "projection": [[["C"]], [["K"]], [["R"]], [["S"]]]},
        {
            "name": "Inputs",
            "projection": [
                [["N"]],
                [["C"]],
                [["R", "Wdilation"], ["P", "Wstride"]],
                [["S", "Hdilation"], ["Q", "Hstride"]],
            ],
        },
        {"name": "Outputs", "projection": [[["N"]], [["K"]], [["Q"]], [["P"]]], "read_write": True},
    ],
    "coefficients": [{"name": name, "default": 1} for name in ("Wstride", "Hstride", "Wdilation", "Hdilation")],
}
"""The shape that Timeloop knows by the names ``cnn-layer`` and ``cnn_layer``."""
_KNOWN = {"cnn-layer": CNN_LAYER, "cnn_layer": CNN_LAYER}
_FILE_KEYS = {"shape", "instance", "version", "name"}


class _ShapeFile(PeerModel):
    shape: ProblemShape


Index = Sequence[tuple[str, int]]
"""A coordinate: rank variables with their coefficients."""


@dataclass(frozen=True)
class TimeloopProblem:
    """What is computed."""

    content: dict[str, Any]
    """The workload, as a file holds it."""
    extents: Mapping[str, int]
    """By dimension, as the problem calls it."""
    indices: Mapping[str, Sequence[Index]]
    """Of each tensor: its coordinates, of dimensions as the problem calls them."""
    output: str

    @property
    def tensors(self) -> tuple[str, ...]:
        return tuple(self.indices)

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(self.extents)


def problem_of(section: Section, findings: ImportFindings) -> TimeloopProblem:
    """Read a problem. Raises SpecError."""
    data, marks, at = section.data, section.marks, (section.key,)
    if not isinstance(data, dict):
        findings.refuse(marks, at, f"must be a map with shape and instance, got {describe(data)}")
        findings.check()
    stated = data.get("shape")
    given = _KNOWN.get(stated) if isinstance(stated, str) else stated
    if given is None:
        known = ", ".join(_KNOWN)
        findings.refuse(marks, (*at, "shape"), f"must be a shape or {known}, got {describe(stated)}")
        findings.check()
    shape = validate(_ShapeFile, {"shape": given}, _inside(section)).shape
    if given is stated:
        name_leftovers(shape, data["shape"], (*at, "shape"), marks, findings)
    instance, place = (data["instance"], (*at, "instance")) if "instance" in data else (data, at)
    numbers = _numbers(instance if isinstance(instance, dict) else {}, place, shape, section, findings)
    constants = {one.name: numbers.get(one.name, one.default) for one in shape.coefficients}
    extents = {name: numbers.get(name, 0) for name in shape.dimensions}
    stated_names = {*instance} if isinstance(instance, dict) else set[str]()
    for name in (name for name, extent in extents.items() if extent < 1 and name not in stated_names):
        findings.refuse(marks, place, f"the extent of dimension {name} is not said", f"say `{name}: …`, 1 or more")
    indices = {one.name: _indices(one, n, extents, constants, section, findings) for n, one in enumerate(shape.tensors)}
    written = [one.name for one in shape.tensors if one.written]
    if len(written) != 1:
        message = f"one tensor must be written (read_write: true), got {', '.join(written) or 'none'}"
        findings.refuse(marks, (*at, "shape"), message)
    findings.check()
    return TimeloopProblem(_workload(shape, extents, indices, written[0]), extents, indices, written[0])


def _inside(section: Section) -> Any:
    """The marks of a problem, for what stands in it."""
    marks, length = section.marks, 1
    keys = {path[length:]: at for path, at in marks.keys.items() if path[:length] == (section.key,)}
    values = {path[length:]: at for path, at in marks.values.items() if path[:length] == (section.key,)}
    return replace(marks, keys=keys, values=values, aliases={})


def _numbers(
    instance: Mapping[str, Any], at: Path, shape: ProblemShape, section: Section, findings: ImportFindings
) -> dict[str, int]:
    """Extents and coefficients of an instance; what is neither is named."""
    named = {*shape.dimensions, *(one.name for one in shape.coefficients)}
    found = {}
    for key, value in instance.items():
        if key in _FILE_KEYS or (key == "densities" and not value):
            continue
        if key == "densities":
            message = "densities: words and operations are those of dense tensors here"
            findings.note(section.marks, (*at, key), message, counts=True, key=True)
        elif key not in named:
            message = f"{key!r} is no dimension and no coefficient of the shape, and says nothing"
            findings.note(section.marks, (*at, key), message, key=True)
        elif isinstance(value, int) and not isinstance(value, bool) and value > 0:
            found[key] = value
        else:
            message = f"{key} must be a whole number above 0, got {describe(value)}"
            findings.refuse(section.marks, (*at, key), message)
    return found


def _indices(
    tensor: TensorShape,
    place: int,
    extents: Mapping[str, int],
    constants: Mapping[str, int],
    section: Section,
    findings: ImportFindings,
) -> tuple[Index, ...]:
    at: Path = (section.key, "shape", "data_spaces", place, "projection")
    found = []
    for number, rank in enumerate(tensor.projection):
        terms = []
        for product in rank if isinstance(rank, list) else [[rank]]:
            names = product if isinstance(product, list) else [product]
            loops = [name for name in names if name in extents]
            unknown = [str(name) for name in names if name not in extents and name not in constants]
            if len(loops) != 1 or unknown:
                wrong = f"unknown: {', '.join(unknown)}" if unknown else "must name one dimension"
                findings.refuse(section.marks, (*at, number), f"{tensor.name}: {wrong}")
                continue
            factor = 1
            for name in names:
                factor *= constants.get(name, 1)
            terms.append((loops[0], factor))
        found.append(tuple(terms))
    return tuple(found)


def _workload(
    shape: ProblemShape, extents: Mapping[str, int], indices: Mapping[str, Sequence[Index]], output: str
) -> dict[str, Any]:
    read = [name for name in indices if name != output]
    read.sort(key=lambda name: name == "Weights")
    accesses = {name: f"{name}[{', '.join(map(_sum, indices[name]))}]" for name in indices}
    content: dict[str, Any] = {"name": shape.name or "problem", "ranks": {n.upper(): e for n, e in extents.items()}}
    if "Weights" in read:
        content["weights"] = ["Weights"]
    content["einsums"] = [{"einsum": f"{accesses[output]} = {' * '.join(accesses[name] for name in read)}"}]
    return content


def _sum(index: Index) -> str:
    """Write a coordinate.

    >>> _sum([("P", 2), ("R", 1)])
    '2*p + r'
    """
    ordered = sorted(index, key=lambda term: -term[1])
    return " + ".join(name.lower() if factor == 1 else f"{factor}*{name.lower()}" for name, factor in ordered)
