"""Layers of ZigZag as a workload: each has ranks and widths of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.zigzag.formats import ZigLayer
from costmodel.spec.problems import Path

_EQUATION = re.compile(r"(\w)((?:\[\w+\])+)\s*(\+?=)\s*(\w)((?:\[\w*\])+)\s*([*+])\s*(\w)((?:\[\w*\])+)")
_RELATION = re.compile(r"(\w+)\s*=\s*(?:(\w+)\s*\*\s*)?(\w+)\s*\+\s*(?:(\w+)\s*\*\s*)?(\w+)")


def workload_of(name: str, layers: Sequence[ZigLayer], section: Section, findings: ImportFindings) -> dict[str, Any]:
    """Make a workload of layers."""
    einsums = []
    for place, layer in enumerate(layers):
        path = (section.key, place)
        if len(layer.dimensions) != len(layer.sizes):
            message = f"{len(layer.dimensions)} loop_dims have {len(layer.sizes)} loop_sizes"
            findings.refuse(section.marks, (*path, "loop_sizes"), message)
            continue
        entry = _einsum(layer, path, section, findings)
        if entry is not None:
            einsums.append(entry)
    findings.check()
    return {"name": name, "einsums": einsums}


def _einsum(layer: ZigLayer, path: Path, section: Section, findings: ImportFindings) -> dict[str, Any] | None:
    match = _EQUATION.fullmatch(layer.equation.replace(" ", ""))
    if match is None:
        hint = "such as O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]"
        findings.refuse(section.marks, (*path, "equation"), f"is no equation: {layer.equation!r}", hint)
        return None
    windows = _windows(layer, path, section, findings)
    ranks = {name.upper(): size for name, size in zip(layer.dimensions, layer.sizes, strict=True)}
    padded = _padded(layer, windows, path, section, findings)
    output, written, _, *right = match.groups()
    sign, sides = right[2], [(right[0], right[1]), (right[3], right[4])]
    read = [(tensor, indices) for tensor, indices in sides if layer.bits.get(tensor, 1)]
    if len(read) < len(sides):
        message = "an operand without bits is none: the layer sums what it reads"
        findings.note(section.marks, (*path, "operand_precision"), message, of=layer.called)
    formula = f" {sign} ".join(_access(tensor, indices, windows) for tensor, indices in sorted(read))
    bits = {tensor: layer.bits[tensor] for tensor, _ in read if tensor in layer.bits}
    bits[output] = layer.bits.get("O_final", layer.bits.get("O", 8))
    entry: dict[str, Any] = {"name": layer.called, "einsum": f"{_access(output, written, {})} = {formula}"}
    entry |= {"ranks": ranks | padded, "bits": bits, "weights": ["W"] if any(t == "W" for t, _ in read) else []}
    return entry | ({"pad": "zero"} if padded else {})


def _windows(layer: ZigLayer, path: Path, section: Section, findings: ImportFindings) -> dict[str, str]:
    """What stands in the place of a dimension that others make: ``ix`` → ``2*ox + fx``."""
    found = {}
    for number, text in enumerate(layer.relations):
        match = _RELATION.fullmatch(text.strip())
        if match is None:
            message = f"is no relation of dimensions: {text!r}"
            findings.refuse(section.marks, (*path, "dimension_relations", number), message, "such as ix=2*ox+1*fx")
            continue
        name, *terms = match.groups()
        pairs = [(terms[0], terms[1]), (terms[2], terms[3])]
        texts = [variable if factor in {None, "1"} else f"{factor}*{variable}" for factor, variable in pairs]
        found[name] = " + ".join(texts)
    return found


def _padded(
    layer: ZigLayer, windows: dict[str, str], path: Path, section: Section, findings: ImportFindings
) -> dict[str, int]:
    """Ranks of inputs whose border is padding, with how far the input reaches; their indices step back by it."""
    if not layer.padding or not any(any(pair) for pair in layer.padding):
        return {}
    dimensions, reach = layer.windows or [], layer.reach or []
    if not len(layer.padding) == len(dimensions) == len(reach):
        message = "padding without pr_loop_dims and pr_loop_sizes for each: the border counts as words of the input"
        findings.note(section.marks, (*path, "padding"), message, of=layer.called, counts=True)
        return {}
    found = {}
    for name, size, pair in zip(dimensions, reach, layer.padding, strict=True):
        if any(pair) and name.lower() in windows:
            windows[name.lower()] = f"{name.upper()}={windows[name.lower()]} - {pair[0]}"
            found[name.upper()] = size
    return found


def _access(tensor: str, indices: str, windows: Mapping[str, str]) -> str:
    """``O[b][k]`` as ``O[b, k]``, with windows in their places."""
    named = [name.lower() for name in re.findall(r"\[(\w+)\]", indices)]
    return f"{tensor}[{', '.join(windows.get(name, name) for name in named)}]"
