"""Small memories: register files, single registers, FIFOs of registers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from costmodel.components.arithmetic import operation
from costmodel.components.curves import Curve
from costmodel.components.figures import ComponentFigure, total
from costmodel.components.protocol import NODE, SIZE, VOLTAGE, WIDTH, LevelKind, Parameter, Parameters
from costmodel.components.scaling import in_proportion, of_table, process, scaled
from costmodel.components.tables import bits, table


@dataclass(frozen=True, slots=True)
class RegisterFile:
    """A small memory of registers or latches that reads one word and writes one in a cycle."""

    name: str = "regfile"
    level: LevelKind = "memory"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return _FILE

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        """Return reads and writes of ``width``, area and bandwidth; leakage is not known."""
        size, width, to = float(parameters["size"]), float(parameters["width"]), process(parameters)
        rows = table("storage")["regfile"][str(parameters["table"])]
        figures = {
            action: scaled(
                _access(rows, f"{action}_pj", size / width).times(in_proportion(width, bits(rows["width"]))),
                "energy",
                of_table(rows),
                to,
            )
            for action in ("read", "write")
        }
        space = table("storage")["regfile"]["area"]
        area = ComponentFigure(space["um2_per_bit"] * size * 1e-6, "mm2", space["source"], "assumed")
        figures["area"] = scaled(area, "area", of_table(space), to)
        return figures | _one_of_each(width)


def _access(rows: dict[str, Any], column: str, words: float) -> ComponentFigure:
    """Energy of the width that a source has; one without writes charges them as reads, one without depths all alike."""
    values = rows.get(column, rows["read_pj"])
    if "words" not in rows:
        return ComponentFigure(values[0], "pJ", rows["source"])
    read = Curve(rows["words"], values, reach=2.0).at(words, "words")
    beyond = (f"{words:g} words: the published register files have 12 to 192",) if read.beyond else ()
    told = f"{rows['source']}; {read.basis} {read.how}" if read.how else str(rows["source"])
    return ComponentFigure(read.value, "pJ", told, read.basis, beyond)


def _one_of_each(width: float) -> dict[str, ComponentFigure]:
    limit = ComponentFigure(width, "b/cycle", "one word a cycle (assumed)", "assumed")
    return {"read_bandwidth": limit, "write_bandwidth": limit}


@dataclass(frozen=True, slots=True)
class Register:
    """Flip-flops, without what chooses among several."""

    name: str = "register"
    level: LevelKind = "memory"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return _REGISTER

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        """Return reads and writes of ``width``, and the area of ``size``; leakage and limits are not known."""
        width = float(parameters["width"])
        bit = operation("aladdin", "store", "bit", process(parameters))
        access = bit["energy"].copies(width)
        return {"read": access, "write": access, "area": bit["area"].copies(float(parameters["size"]))}


@dataclass(frozen=True, slots=True)
class Fifo:
    """A queue of registers with a counter at each end."""

    name: str = "fifo"
    level: LevelKind = "memory"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return _REGISTER

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        width, size = (float(parameters[name]) for name in ("width", "size"))
        bit = operation("aladdin", "store", "bit", process(parameters))
        pointer = max(1, math.ceil(math.log2(max(size / width, 2))))
        counter = operation("aladdin", "count", f"int{max(pointer, 2)}", process(parameters))
        access = total((bit["energy"].copies(width), counter["energy"]))
        area = total((bit["area"].copies(size), counter["area"].copies(2)))
        return {"read": access, "write": access, "area": area} | _one_of_each(width)


_REGISTER: Mapping[str, Parameter] = MappingProxyType({"size": SIZE, "width": WIDTH, "node": NODE, "voltage": VOLTAGE})
_FILE: Mapping[str, Parameter] = MappingProxyType(
    {
        **_REGISTER,
        "table": Parameter(means="data set", words=("accelergy", "horowitz", "eyeriss"), default="accelergy"),
    }
)
