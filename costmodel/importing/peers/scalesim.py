"""SCALE-Sim's files: a configuration (.cfg) is a systolic array, a topology (.csv) the products that it runs.

SCALE-Sim unrolls convolutions: what runs is the product of ``pixels × window`` and ``window × filters``, and that is
what the workload holds. Folds become loops over the rows and columns of the array, one pass each.
"""

from __future__ import annotations

import configparser
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from costmodel.importing.peers.findings import ImportFindings
from costmodel.importing.peers.imported import Imported, mapping_of
from costmodel.spec.load import read_text
from costmodel.spec.problems import Marks, Path, Place, Problem, SpecError, did_you_mean

NODE_NM = 45
"""Process that the component library prices, since a simulator has none."""
DRAM = {"class": "dram", "kind": "ddr3", "width": "64 b", "table": "horowitz"}
SRAM = {"class": "sram", "width": "16 b", "table": "cacti"}
REGISTER = {"class": "regfile", "table": "horowitz"}
MAC = {"class": "mac", "table": "horowitz"}
"""What the levels are taken to be made of, as in the shipped ``scalesim_default``."""
SPREAD = {"os": ("output", "M", "N", "K"), "ws": ("weight", "K", "N", "M"), "is": ("input", "K", "M", "N")}
"""Of each dataflow: what stays, the ranks down the rows and across the columns, and the one that streams."""
SENTENCES = {
    "os": ("PEs.rows only ranks of output not of weight", "PEs.columns only ranks of output not of input"),
    "ws": ("PEs.rows only ranks of weight not of output", "PEs.columns only ranks of weight not of input"),
    "is": ("PEs.rows only ranks of input not of output", "PEs.columns only ranks of input not of weight"),
}
"""The same for a search."""
MEMORIES = {
    "A": ("ifmap_SRAM", "ifmapsramszkb"),
    "B": ("filter_SRAM", "filtersramszkb"),
    "Z": ("ofmap_SRAM", "ofmapsramszkb"),
}
"""Of each tensor: what its buffer is called here and in a configuration."""
KEPT = {"A": "input", "B": "weight", "Z": "output"}
ARRAY = {"arrayheight": "ArrayHeight", "arraywidth": "ArrayWidth", "dataflow": "Dataflow"}
"""Keys that must be there, as they are spelled."""
_WITHOUT_EFFECT = {
    **dict.fromkeys(("ifmapoffset", "filteroffset", "ofmapoffset"), "addresses do not bear on counts"),
    **dict.fromkeys(
        ("memorybanks", "readrequestbuffer", "writerequestbuffer"), "requests to DRAM are not simulated one by one here"
    ),
    "timelinearmodel": "a fit to measured times; latency here is cycles over the clock",
}
_SWITCHES = {
    "sparsitysupport": "sparsity: words and operations are those of dense tensors here",
    "ifmapcustomlayout": "layouts in the banks of a buffer, and their conflicts, are not counted here",
    "filtercustomlayout": "layouts in the banks of a buffer, and their conflicts, are not counted here",
    "useramulatortrace": "a trace of DRAM's answers; here DRAM has a bandwidth",
}
"""Keys that change counts when they are true."""
_OF_SWITCHES = {"sparsity": "sparsitysupport", "layout": "layout"}
_CONV_FIELDS = 8
_GEMM_FIELDS = 4


@dataclass(frozen=True)
class _Config:
    """A configuration, by key in small letters."""

    file: str
    values: Mapping[str, str]
    lines: Mapping[str, int]

    def problem(self, key: str, message: str, hint: str = "") -> Problem:
        return Problem(message, self.file, self.lines.get(key, 0), hint=hint)

    @property
    def marks(self) -> Marks:
        places: dict[Path, Place] = {(key,): (line, 1, 0) for key, line in self.lines.items()}
        return Marks(self.file, keys=places, values=places)


@dataclass(frozen=True)
class _Product:
    """A product of a topology: ``A[m, k] * B[k, n]``."""

    name: str
    shape: Mapping[str, int]
    """Of M, N and K."""
    count: int = 1


def read(files: Sequence[FilePath], *, values: Mapping[str, str] | None = None, free: bool = False) -> Imported:
    """Read a configuration and topologies of SCALE-Sim. Raises SpecError with all that is wrong."""
    del values  # no templates here
    findings = ImportFindings()
    configs = [file for file in files if file.suffix.lower() == ".cfg"]
    others = [file for file in files if file.suffix.lower() not in {".cfg", ".csv"}]
    if others or len(configs) > 1:
        wrong, message = (
            (others[0], "is neither a .cfg nor a .csv") if others else (configs[1], "is a second configuration")
        )
        raise SpecError([Problem(message, str(wrong), hint="one configuration (.cfg) and topologies (.csv)")])
    config = _config(configs[0]) if configs else None
    layers = [layer for file in files if file.suffix.lower() == ".csv" for layer in _layers(file, findings)]
    findings.check()
    nests = {}
    if config is not None:
        rows, columns, dataflow = _array(config)
        for layer in layers:
            nests[layer.name] = _nest(layer, rows, columns, dataflow, config, findings)
    return Imported(
        tool="SCALE-Sim",
        files=tuple(map(str, files)),
        arch=_architecture(config, findings, free=free) if config else None,
        workload=_workload(files, layers) if layers else None,
        mapping=mapping_of(nests) if nests else None,
        notes=findings.grouped(),
    )


# The configuration


def _config(file: FilePath) -> _Config:
    text = read_text(file)
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [(0, "")])))[0]
        message = f"is no configuration of SCALE-Sim: {str(error).splitlines()[0]}"
        raise SpecError([Problem(message, str(file), line or 0)]) from None
    found = {key: value for section in parser.sections() for key, value in parser.items(section)}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if match := re.match(r"\s*([^#;\[\s][^=:]*?)\s*[=:]", line):
            lines.setdefault(match[1].lower(), number)
    config = _Config(str(file), found, lines)
    problems = []
    for key, spelled in ARRAY.items():
        if key not in found:
            hint = did_you_mean(key, list(found))
            problems.append(config.problem("", f"{spelled} must be said", hint if hint.startswith("did") else ""))
    if problems:
        raise SpecError(problems)
    return config


def _array(config: _Config) -> tuple[int, int, str]:
    dataflow = config.values["dataflow"].strip().lower()
    if dataflow not in SPREAD:
        hint = f"known: {', '.join(SPREAD)}"
        raise SpecError([config.problem("dataflow", f"no such dataflow: {dataflow!r}", hint)])
    return _positive(config, "arrayheight"), _positive(config, "arraywidth"), dataflow


def _positive(config: _Config, key: str) -> int:
    text = config.values[key].strip()
    if not text.isdecimal() or int(text) < 1:
        raise SpecError([config.problem(key, f"{ARRAY.get(key, key)} must be a whole number above 0, got {text!r}")])
    return int(text)


def _architecture(config: _Config, findings: ImportFindings, *, free: bool) -> dict[str, Any]:
    rows, columns, dataflow = _array(config)
    stays = SPREAD[dataflow][0]
    _name_keys(config, findings)

    def priced(component: dict[str, Any]) -> dict[str, Any]:
        return {"energy": "0 pJ"} if free else {"component": component}

    if not free:
        message = f"SCALE-Sim has no energies: the component library prices all levels, at {NODE_NM} nm (assumed)"
        findings.note(config.marks, ("arrayheight",), message)
    levels: list[dict[str, Any]] = [{"memory": "DRAM", **priced(DRAM), "bandwidth": _bandwidth(config)}]
    for tensor, (name, key) in MEMORIES.items():
        level: dict[str, Any] = {"memory": name}
        if key in config.values:
            level |= {"size": f"{_positive(config, key)} KiB", "double_buffered": True}
        levels.append(level | priced(SRAM) | {"bandwidth": {}, "may_keep": [KEPT[tensor]]})
    levels += [
        {"array": "PEs", "shape": {"rows": rows, "columns": columns}, "systolic": stays},
        {"memory": "register", "size": "1 word", **priced(REGISTER), "bandwidth": {}, "keep": [stays]},
        {"compute": "MAC", **priced(MAC)},
    ]
    name = config.values.get("run_name", "").strip() or FilePath(config.file).stem
    around = {} if free else {"technology": f"{NODE_NM} nm"}
    return {"name": name, "word": "8 b", **around, "levels": levels, "constraints": list(SENTENCES[dataflow])}


def _bandwidth(config: _Config) -> dict[str, Any]:
    """DRAM's limit, where the run has one: with ``InterfaceBandwidth: CALC`` nothing stalls."""
    if config.values.get("interfacebandwidth", "").strip().upper() != "USER" or "bandwidth" not in config.values:
        return {}
    words = config.values["bandwidth"].split(",")[0].strip()
    return {"total": f"{words} words/cycle"}


def _name_keys(config: _Config, findings: ImportFindings) -> None:
    """Name what a configuration says that has no counterpart."""
    used = {*ARRAY, "run_name", "interfacebandwidth", "bandwidth", *(key for _, key in MEMORIES.values())}
    for key, value in config.values.items():
        if key in _SWITCHES:
            if value.strip().lower() not in {"false", "0", "no"}:
                findings.note(config.marks, (key,), _SWITCHES[key], of=key, counts=True)
        elif key in _WITHOUT_EFFECT:
            findings.note(config.marks, (key,), _WITHOUT_EFFECT[key], of=key)
        elif key not in used:
            why = "of a switch that is off, or has no counterpart here"
            findings.note(config.marks, (key,), why, of=key)
    if "memorybanks" in config.values and config.values["memorybanks"].strip() not in {"1", ""}:
        findings.note(
            config.marks, ("memorybanks",), "several banks of DRAM count as one of their bandwidth", counts=True
        )
    if config.values.get("interfacebandwidth", "").strip().upper() == "USER":
        message = (
            "SCALE-Sim prefetches in the order of its folds and stalls where a word is late; here the words of DRAM "
            "over its bandwidth are one bound of the cycles"
        )
        findings.note(config.marks, ("interfacebandwidth",), message, counts=True)


# The topology


def _layers(file: FilePath, findings: ImportFindings) -> Iterator[_Product]:
    """Layers of a topology. The first line names the columns; a value more than these is empty."""
    rows = list(csv.reader(read_text(file).splitlines()))
    if len(rows) < 2:
        findings.problems.append(
            Problem("has no layers", str(file), hint="a line that names the columns, then one a layer")
        )
    taken: set[str] = set()
    for number, row in enumerate(rows[1:], start=2):
        fields = [field.strip() for field in row]
        while fields and not fields[-1]:
            fields.pop()
        if not fields:
            continue
        found = _layer(fields, file, number, findings)
        if found is not None:
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", found.name) or f"layer{number}"
            unlike = next(n for n in (name, *(f"{name}.{k}" for k in range(2, len(rows) + 2))) if n not in taken)
            taken.add(unlike)
            yield _Product(unlike, found.shape, found.count)


def _layer(fields: Sequence[str], file: FilePath, line: int, findings: ImportFindings) -> _Product | None:
    numbers = [field for field in fields[1:] if field and ":" not in field]
    sparse = [field for field in fields[1:] if ":" in field]
    marks = Marks(str(file), values={(): (line, 1, 0)})
    if len(fields) < _GEMM_FIELDS or _GEMM_FIELDS + 2 < len(fields) < _CONV_FIELDS:
        hint = "name, M, N, K, or name, ifmap height and width, filter height and width, channels, filters, stride"
        findings.refuse(marks, (), f"a layer has {len(fields)} values", hint)
        return None
    if wrong := [field for field in numbers if not field.isdecimal() or int(field) < 1]:
        findings.refuse(marks, (), f"must be a whole number above 0, got {wrong[0]!r}")
        return None
    if any(field.split(":")[0] != field.split(":")[-1] for field in sparse):
        message = "sparsity: words and operations are those of dense tensors here"
        findings.note(marks, (), message, of=fields[0], counts=True)
    sizes = list(map(int, numbers))
    if len(fields) < _CONV_FIELDS:
        return _Product(fields[0], dict(zip("MNK", sizes, strict=False)), sizes[3] if len(sizes) > 3 else 1)
    height, width, tall, wide, channels, filters, stride = sizes[:7]
    if tall > height or wide > width:
        findings.refuse(marks, (), f"the filter of {tall} × {wide} is larger than the ifmap of {height} × {width}")
        return None
    depthwise = "DP" in fields[0]
    pixels = -(-(height - tall + stride) // stride) * -(-(width - wide + stride) // stride)
    window = tall * wide * (1 if depthwise else channels)
    return _Product(fields[0], {"M": pixels, "N": filters, "K": window}, channels if depthwise else 1)


def _workload(files: Sequence[FilePath], layers: Sequence[_Product]) -> dict[str, Any]:
    stem = next(file.stem for file in files if file.suffix.lower() == ".csv")
    einsums = []
    for layer in layers:
        einsum: dict[str, Any] = {"name": layer.name, "einsum": "Z[m, n] = A[m, k] * B[k, n]"}
        einsum |= {"ranks": dict(layer.shape), "weights": ["B"]}
        einsums.append(einsum | ({"count": layer.count} if layer.count > 1 else {}))
    return {"name": stem, "einsums": einsums}


# The mapping


def _nest(
    layer: _Product, rows: int, columns: int, dataflow: str, config: _Config, findings: ImportFindings
) -> list[str]:
    """The folds of a layer: passes over the array, what stays in a register, what streams."""
    stays, down, across, streamed = SPREAD[dataflow]
    tensor = {role: name for name, role in KEPT.items()}[stays]
    tiles = {down: min(rows, layer.shape[down]), across: min(columns, layer.shape[across])}
    folds = [rank for rank in (down, across) if layer.shape[rank] > tiles[rank]]
    body: list[str] = []
    stored: dict[int, list[str]] = {}
    for name, (memory, key) in MEMORIES.items():
        room = int(config.values[key]) * 1024 // 2 if key in config.values else None
        place = _place(name, layer.shape, tiles, folds, room)
        if place is None:
            message = f"not even a pass of its words fits into half of {memory}: they come from DRAM in this mapping"
            findings.note(config.marks, (key,), message, of=layer.name, counts=True)
        else:
            stored.setdefault(place, []).append(f"store {name} in {memory}")
    for place, rank in enumerate([*folds, ""]):
        body += stored.get(place, [])
        if rank:
            body.append(f"for {rank.lower()} by {tiles[rank]}")
    body += [f"parallel {rank.lower()} by 1 across PEs.{axis}" for rank, axis in ((down, "rows"), (across, "columns"))]
    streams = [f"store {tensor} in register", f"for {streamed.lower()} by 1"]
    return ["store A B Z in DRAM", *body, *streams, f"compute {layer.name} on MAC"]


_RANKS = {"A": "MK", "B": "KN", "Z": "MN"}


def _place(
    tensor: str, shape: Mapping[str, int], tiles: Mapping[str, int], folds: Sequence[str], room: int | None
) -> int | None:
    """How many fold loops stand above the storage node of a tensor: as few as leave a tile that fits."""
    for place in range(len(folds) + 1):
        extents = {rank: tiles[rank] if rank in folds[:place] else shape[rank] for rank in shape}
        words = 1
        for rank in _RANKS[tensor]:
            words *= extents[rank]
        if room is None or words <= room:
            return place
    return None
