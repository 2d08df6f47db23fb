"""SRAM: CACTI's points, and the energies of three other data sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from costmodel.components.curves import Curve, Reading, StraightLine
from costmodel.components.figures import ComponentFigure, Factor, Unit, total, weakest
from costmodel.components.protocol import NODE, SIZE, VOLTAGE, WIDTH, ComponentError, LevelKind, Parameter, Parameters
from costmodel.components.scaling import (
    Process,
    in_proportion,
    logic_factor,
    of_table,
    process,
    scaled,
    sram_area_factor,
    supply_factor,
)
from costmodel.components.tables import bits, nm, table, volts
from costmodel.components.wire import moved

KIB = 1024 * 8
CELL_F = (14.6, 10.0)
"""Height and width of CACTI's cell, in feature sizes."""
PORT_PITCH_F = 5.0
"""Two local wires, which a further port adds to both."""
Column = Literal["read_pj", "write_pj", "area_mm2", "leakage_w"]
COLUMNS: Mapping[Column, tuple[str, Unit]] = {
    "read_pj": ("read", "pJ"),
    "write_pj": ("write", "pJ"),
    "area_mm2": ("area", "mm2"),
    "leakage_w": ("leakage", "W"),
}
"""Of a table of SRAMs: the action that each prices, and its unit."""


class SramPoint(NamedTuple):
    """One published SRAM: one bank with one read/write port."""

    node_nm: float
    width_bits: float
    size_kib: float
    read_pj: float
    write_pj: float
    area_mm2: float
    leakage_w: float


class Ends(NamedTuple):
    """What holds beyond the points, at the first and the last place along each axis."""

    size: tuple[float, float]
    """Exponents."""
    node: tuple[float, float]
    width: tuple[float, float]
    """Shares that are in proportion to the width."""


class Surface(NamedTuple):
    """Published SRAMs, read between: along size and node as power laws, along the width of the port on straight lines.

    An access pays for its row, and for each bit of the port, so energies are linear in the width: a line between
    CACTI's SRAMs with 16 and 256 b is 4 % (reads) and 12 % (writes) above those with 64 b, in the median, and a power
    law 28 and 38 %. Beyond the points each axis has one slope, the mean of the nearest: what is larger or wider never
    costs less for being far away.
    """

    source: str
    nodes: Sequence[float]
    widths: Sequence[float]
    sizes: Sequence[float]
    """In KiB; a curve may lack some."""
    curves: Mapping[tuple[float, float, Column], Curve]
    """(node, width, column) → value by size in KiB."""
    ends: Mapping[Column, Ends]

    def figure(self, column: Column, size_kib: float, width_bits: float, node_nm: float) -> ComponentFigure:
        """Return one number of an SRAM of one bank at a node of at least the smallest that is published."""
        ends = self.ends[column]
        by_width, along_size, along_node = [], None, None
        for width in self.widths:
            reads = [self.curves[node, width, column].at(size_kib, "KiB") for node in self.nodes]
            along_size = reads[0]
            along_node = Curve(self.nodes, [read.value for read in reads], ends.node).at(node_nm, "nm")
            by_width.append(along_node.value)
        along_width = StraightLine(self.widths, by_width, ends.width).at(width_bits, "b")
        steps = [step for step in (along_size, along_node, along_width) if step is not None and step.how]
        told = "; ".join(f"{step.basis} {step.how}" for step in steps)
        source = f"{self.source}; {told}" if told else self.source
        basis = weakest("published", *(step.basis for step in steps))
        return ComponentFigure(along_width.value, COLUMNS[column][1], source, basis, self._beyond(size_kib, steps))

    def _beyond(self, size_kib: float, steps: Sequence[Reading]) -> tuple[str, ...]:
        if not any(step.beyond for step in steps):
            return ()
        hint = ": `class: regfile` prices small memories" if size_kib < self.sizes[0] else ""
        rule = (
            f"{self.sizes[0]:g} KiB to {self.sizes[-1]:g} KiB, {self.widths[0]:g} to {self.widths[-1]:g} b, "
            f"{self.nodes[0]:g} to {self.nodes[-1]:g} nm"
        )
        told = ", ".join(step.how for step in steps if step.beyond)
        return (f"extrapolated {told}: the published SRAMs have {rule}{hint}",)


def surface(source: str, rows: Sequence[SramPoint]) -> Surface:
    """Put published points in order; every node has every width."""
    axes = zip(*((row.node_nm, row.width_bits, row.size_kib) for row in rows), strict=True)
    nodes, widths, sizes = (sorted(set(places)) for places in axes)
    curves = {}
    for node in nodes:
        for width in widths:
            some = sorted((r for r in rows if (r.node_nm, r.width_bits) == (node, width)), key=lambda r: r.size_kib)
            for column in COLUMNS:
                curves[node, width, column] = Curve([r.size_kib for r in some], [getattr(r, column) for r in some])
    inside = Surface(source, nodes, widths, sizes, curves, {})
    ends = {column: _ends(inside, column) for column in COLUMNS}
    known = {key: curve._replace(exponents=ends[key[2]].size) for key, curve in curves.items()}
    return inside._replace(curves=known, ends=ends)


def _ends(known: Surface, column: Column) -> Ends:
    """Return the mean slopes of published SRAMs at the ends of each axis; along size and width nothing falls."""
    nodes, widths = known.nodes, known.widths
    by_kind = {(node, width): known.curves[node, width, column] for node in nodes for width in widths}
    values = {kind: [curve.at(size).value for size in known.sizes] for kind, curve in by_kind.items()}
    along_nodes = [zip(*(values[node, width] for node in nodes), strict=True) for width in widths]
    along_widths = [zip(*(values[node, width] for width in widths), strict=True) for node in nodes]
    by_size = [curve.outer for curve in by_kind.values()]
    by_node = [Curve(nodes, each).outer for some in along_nodes for each in some]
    by_width = [StraightLine(widths, each).outer for some in along_widths for each in some]
    size, node, width = ([fmean(end) for end in zip(*each, strict=True)] for each in (by_size, by_node, by_width))
    return Ends((max(size[0], 0.0), max(size[1], 0.0)), (node[0], node[1]), (max(width[0], 0.0), max(width[1], 0.0)))


@cache
def cacti() -> Surface:
    """Return the points of CACTI 7 that come with the package."""
    return surface(table("cacti")["source"], cacti_points())


def cacti_points() -> list[SramPoint]:
    """Return them one by one: by node, then width of the port, then size."""
    data = table("cacti")
    sizes = [bits(text) / KIB for text in data["sizes"]]
    return [
        SramPoint(nm(point["node"]), bits(point["width"]), *numbers)
        for point in data["points"]
        for numbers in zip(sizes, *(point[column] for column in COLUMNS), strict=True)
    ]


@cache
def _supply(node_nm: float) -> float:
    """Return the supply of CACTI's SRAMs at a node, in V; below its nodes that of the smallest."""
    data = table("cacti")
    nodes, supplies = [nm(text) for text in data["nodes"]], [volts(text) for text in data["voltages"]]
    return Curve(nodes, supplies).at(max(node_nm, nodes[0])).value


def one_bank(column: Column, size_kib: float, width_bits: float, to: Process) -> ComponentFigure | None:
    """Return one number of a bank by CACTI; null where none is known."""
    figure = _at_node(column, size_kib, width_bits, to.nm)
    if figure is None or column == "area_mm2":
        return figure
    what: Literal["energy", "leakage"] = "leakage" if column == "leakage_w" else "energy"
    return figure.times(supply_factor(what, Process(to.nm, _supply(to.nm)), to))


def _at_node(column: Column, size_kib: float, width_bits: float, node_nm: float) -> ComponentFigure | None:
    """Return one number at CACTI's supply, scaled to a node smaller than all of its."""
    known = cacti()
    smallest = known.nodes[0]
    if node_nm >= smallest:
        return known.figure(column, size_kib, width_bits, node_nm)
    if column == "leakage_w":
        return None
    figure = known.figure(column, size_kib, width_bits, smallest)
    as_area = column == "area_mm2"
    factor = sram_area_factor(smallest, node_nm) if as_area else logic_factor("energy", smallest, node_nm)
    why = f"SRAM is scaled from {smallest:g} to {node_nm:g} nm: its energy as logic, its area as bit cells"
    return figure.times(factor._replace(basis="extrapolated", beyond=(why,)))


Tables = Literal["cacti", "horowitz", "tpu_v4i", "eyeriss"]


@dataclass(frozen=True, slots=True)
class Sram:
    """A memory of one or several banks; an access goes to one of them, and over wires to the port of the whole."""

    name: str = "sram"
    level: LevelKind = "memory"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return _PARAMETERS

    def actions(self, parameters: Parameters) -> Mapping[str, ComponentFigure]:
        """Return reads and writes of an access, area, leakage and bandwidth.

        Data sets other than CACTI's have energies alone, of one bank: area and leakage are not known.
        """
        banks, ports, width = (int(parameters[name]) for name in ("banks", "ports", "width"))
        bank_kib, node = float(parameters["size"]) / KIB / banks, process(parameters)
        if float(parameters["size"]) < width * banks:
            rule = f"an access of {width} b is more than all of a bank, which holds {bank_kib * KIB:g} b"
            raise ComponentError(rule, "width", "a narrower port, a larger `size:` or fewer `banks:`")
        if parameters["table"] != "cacti":
            for name, number in (("banks", banks), ("ports", ports)):
                if number != 1:
                    rule = f"`table: {parameters['table']}` prices memories of one bank with one port"
                    raise ComponentError(rule, name, f"leave `{name}:` out, or say `table: cacti`")
            return _other(str(parameters["table"]), bank_kib, width, node)
        found = {name: one_bank(column, bank_kib, width, node) for column, (name, _) in COLUMNS.items()}
        figures = {name: figure for name, figure in found.items() if figure is not None}
        if banks > 1:
            figures |= {name: figures[name].copies(banks) for name in ("area", "leakage") if name in figures}
            wires = bank_wires(figures["area"].value, width, node)
            figures |= {name: total((figures[name], wires)) for name in ("read", "write")}
        if ports > 1:
            figures = {name: figure.times(_more_ports(ports, name)) for name, figure in figures.items()}
        figures["bandwidth"] = port_bandwidth(banks * ports * width)
        return figures


def _more_ports(ports: int, name: str) -> Factor:
    """Return what further ports make of a number: each takes two wires along both sides of the cell, as in CACTI."""
    taller, wider = (1 + PORT_PITCH_F * (ports - 1) / side for side in CELL_F)
    value = taller * wider if name in {"area", "leakage"} else math.sqrt(taller * wider)
    why = f"× {value:.3g} for {ports} ports (assumed: cells grow by two wires a port, energy as their side)"
    return Factor(value, why, "assumed")


def bank_wires(area_mm2: float, width_bits: int, to: Process) -> ComponentFigure:
    """Return what an access pays from a bank to the port, in the middle of an edge of a square of all banks.

    That is three quarters of the side on average, along both axes together.
    """
    length_mm = 0.75 * math.sqrt(area_mm2)
    wires = moved(width_bits, length_mm, to)
    why = f"{length_mm:.3g} mm to the bank (assumed: 3/4 of the side of a square of all banks)"
    return ComponentFigure(wires.value, "pJ", f"{wires.source}, {why}", "assumed", wires.beyond)


def port_bandwidth(bits_per_cycle: int) -> ComponentFigure:
    """Return the limit of ports that take one access a cycle each, shared by reads and writes."""
    return ComponentFigure(bits_per_cycle, "b/cycle", "one access of each bank a cycle (assumed)", "assumed")


@cache
def _stated(name: str) -> tuple[str, Process, float, Curve | StraightLine]:
    """Source, process, width and energy by size of another data set."""
    rows = table("storage")["sram"][name]
    sizes = [bits(text) / KIB for text in rows["sizes"]]
    law: Curve | StraightLine = Curve(sizes, rows["read_pj"], reach=2.0)
    if name == "eyeriss":  # its rule: a straight line, and nothing costs less than its smallest memory
        law = StraightLine(sizes, rows["read_pj"], reach=2.0)
        law = law._replace(shares=(0.0, law.outer[1]))
    return rows["source"], of_table(rows), bits(rows["width"]), law


def _other(name: str, size_kib: float, width: int, to: Process) -> Mapping[str, ComponentFigure]:
    source, known, of_bits, law = _stated(name)
    beyond: tuple[str, ...] = ()
    read = law.at(size_kib, "KiB")
    if read.beyond:
        beyond = (f"{size_kib:g} KiB are far from the memories of `table: {name}`",)
    told = f"{source}; {read.basis} {read.how}".rstrip() if read.how else source
    energy = ComponentFigure(read.value, "pJ", told, read.basis, beyond)
    energy = scaled(energy.times(in_proportion(width, of_bits)), "energy", known, to)
    return {"read": energy, "write": energy, "bandwidth": port_bandwidth(width)}


_PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "size": SIZE,
        "width": WIDTH,
        "banks": Parameter(means="equal parts, of which an access uses one", default=1, example=16),
        "ports": Parameter(means="read/write ports of each bank", default=1, example=2),
        "node": NODE,
        "voltage": VOLTAGE,
        "table": Parameter(means="data set", words=get_args(Tables), default="cacti"),
    }
)
