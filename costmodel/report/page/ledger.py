"""The Einsums of a network one below the other, with bars for energy and time: names stand level at any width."""

from __future__ import annotations

from dataclasses import dataclass

from costmodel.report import human, tables
from costmodel.report.figures.colours import QUIET, component_colours
from costmodel.report.page import findings
from costmodel.report.run import Run


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a bar, or a cell of what is busy."""

    share: float
    """Of the longest bar; of a cell: of the time."""
    colour: str
    title: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One Einsum, over all its executions."""

    panel: str
    """The id of the panel with its mapping."""
    name: str
    count: int
    energy_pj: float
    energy: str
    energy_exact: str
    parts: tuple[Piece, ...]
    """Energy by component."""
    latency_cycles: float
    latency: str
    latency_exact: str
    time: Piece
    """Its colour is that of the component that decides."""
    bottleneck: str
    busy: tuple[Piece, ...]
    """A cell per component that takes time."""
    utilisation: float
    used: str
    points: int
    points_text: str
    pj_per_point: float
    pj_text: str
    room_bits: int | None
    room: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """All Einsums of a network, and what the colours mean."""

    caption: str
    colours: tuple[tuple[str, str], ...]
    """Component and colour, outermost first."""
    timed: tuple[str, ...]
    """The components whose load the cells show, in their order."""
    room: bool
    """Whether the room used is an objective, and so shown."""
    certified: bool
    entries: tuple[Entry, ...]


def ledger(run: Run) -> Ledger:
    """The Einsums of a run, in the order of the workload."""
    e = tables.evaluation_of(run)
    order = tables.component_order(run)
    colours = component_colours(order)
    parts = _energy_parts(run, colours)
    busy, timed = _busy(run)
    rows = tables.einsums(run).to_dict("records")
    longest = max((float(r["latency_cycles"]) for r in rows), default=0.0) or 1.0
    entries = []
    for place, r in enumerate(rows):
        latency = human.seconds(r["latency_cycles"] / e.clock_hz)
        bound = f"{latency}, bound by {r['bottleneck']}"
        room = int(r["capacity_bits"]) if "capacity_bits" in r else None
        entries.append(
            Entry(
                panel=f"e{place}",
                name=str(r["einsum"]),
                count=int(r["count"]),
                energy_pj=float(r["energy_pj"]),
                energy=human.joules(r["energy_pj"]),
                energy_exact=f"{human.exact(r['energy_pj'])} pJ",
                parts=parts.get(str(r["einsum"]), ()),
                latency_cycles=float(r["latency_cycles"]),
                latency=latency,
                latency_exact=f"{human.exact(r['latency_cycles'])} cycles",
                time=Piece(float(r["latency_cycles"]) / longest, colours.get(str(r["bottleneck"]), QUIET), bound),
                bottleneck=str(r["bottleneck"]),
                busy=busy.get(str(r["einsum"]), ()),
                utilisation=float(r["utilisation"]),
                used=human.percent(r["utilisation"]),
                points=int(r["points"]),
                points_text=human.amount(r["points"]),
                pj_per_point=float(r["pj_per_point"]),
                pj_text=human.digits(r["pj_per_point"]),
                room_bits=room,
                room="" if room is None else human.memory(room),
                certificate=str(r["certificate"]),
            )
        )
    spent = {piece.title.split(":")[0] for pieces in parts.values() for piece in pieces}
    return Ledger(
        caption=findings.of_einsums(run),
        colours=tuple((name, colours[name]) for name in order if name in spent | {e.bottleneck for e in entries}),
        timed=timed,
        room=run.uses_capacity,
        certified=any(entry.certificate for entry in entries),
        entries=tuple(entries),
    )


def _energy_parts(run: Run, colours: dict[str, str]) -> dict[str, tuple[Piece, ...]]:
    """Einsum → its energy by component, in shares of the largest."""
    table = tables.energy_by_einsum(run).query("energy_pj > 0")
    most = float(table.groupby("einsum")["energy_pj"].sum().max()) if len(table) else 1.0
    found: dict[str, list[Piece]] = {}
    for row in table.to_dict("records"):
        title = f"{row['component']}: {human.joules(row['energy_pj'])}"
        piece = Piece(float(row["energy_pj"]) / most, colours.get(str(row["component"]), QUIET), title)
        found.setdefault(str(row["einsum"]), []).append(piece)
    return {name: tuple(pieces) for name, pieces in found.items()}


def _busy(run: Run) -> tuple[dict[str, tuple[Piece, ...]], tuple[str, ...]]:
    """Einsum → how busy each component is while it runs; and the components, outermost first."""
    table = tables.latency(run)
    timed = tuple(dict.fromkeys(str(name) for name in table["component"]))
    shares = {(r["einsum"], r["component"]): float(r["share"]) for r in table.to_dict("records")}
    names = tables.evaluation_of(run).points
    return {
        name: tuple(
            Piece(share, "", f"{component}: busy {human.percent(share)} of the time")
            for component in timed
            for share in (shares.get((name, component), 0.0),)
        )
        for name in names
    }, timed
