"""What the scripts of a page need: figures as plain values, nests with every line stored once, rows of tables."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from costmodel.report import figures, human
from costmodel.report.cards import edp_text
from costmodel.report.figures.drawing import Drawing, listed
from costmodel.report.nest_text import nest_lines
from costmodel.report.run import Run
from costmodel.report.tables import FrontRow

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.spec.mapping import Mapping as Schedule


PLOTLY_CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "showEditInChartStudio": False,
    "plotlyServerURL": "",
    "responsive": True,
    "displayModeBar": "hover",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the page, by the id of its element."""

    id: str
    title: str
    caption: str
    height: int
    table: str = ""
    """The id of the table that has its numbers."""


class Book:
    """Collects what scripts of the page need: figures as JSON, and nests with every line stored once."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}
        self.fronts: dict[str, dict[str, Any]] = {}
        self.selection: dict[str, Any] | None = None
        """What is chosen on the page, and what follows from it."""
        self.files: dict[str, str] = {}
        """Tables that can be had from the page."""
        self._later: list[str] = []
        self._same: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._names: dict[tuple[str, ...], int] = {}
        self._lines: dict[tuple[int, str, str, str], int] = {}
        self._nests: dict[tuple[int, ...], int] = {}
        self._known: dict[tuple[str, Schedule], int] = {}

    def figure(self, id_: str, title: str, caption: str, figure: Drawing, table: str = "") -> Figure:
        """Keep a figure and return its place on the page."""
        text = figure.text()
        if text in self._seen:  # layers of one shape have the same front
            self._same[id_] = self._seen[text]
        else:
            self._seen[text] = id_
            self.figures[id_] = {"data": figure.data, "layout": figure.layout}
        return Figure(id_, title, caption, int(figure.layout["height"]), table)

    def nest(self, mapping: Schedule, run: Run) -> int:
        """Keep a nest of a run and return its number."""
        return self.lines(mapping, next((w for w in run.workloads if w.name == mapping.workload), run.workload))

    def lines(self, mapping: Schedule, workload: Workload) -> int:
        """Keep a nest and return its number."""
        key = (workload.name, mapping)
        if key not in self._known:  # a mapping stands in the front of its Einsum and in that of the workload
            lines = [(n.depth, n.kind, n.text, n.note) for n in nest_lines(mapping, workload)]
            numbers = tuple(self._lines.setdefault(line, len(self._lines)) for line in lines)
            self._known[key] = self._nests.setdefault(numbers, len(self._nests))
        return self._known[key]

    def nests_of(self, names: Sequence[str], mappings: Sequence[Schedule], run: Run) -> list[int]:
        """Keep the nests of one point: the number of their list of names, then the number of each."""
        return [self.group(names), *(self.nest(mapping, run) for mapping in mappings)]

    def group(self, names: Sequence[str]) -> int:
        """Keep a list of names and return its number."""
        return self._names.setdefault(tuple(names), len(self._names))

    def front(self, id_: str, rows: Sequence[FrontRow], nests: Mapping[int, list[int]], points: int) -> None:
        """Keep a front: its figure, and by point what a click shows."""
        self.figure(id_, "", "", figures.front(rows))
        facts, start = {}, int(rows[0]["point"])
        for row in rows:
            cost = [human.joules(row["energy_pj"]), human.seconds(row["latency_s"]), f"EDP {edp_text(row)}"]
            cost += [f"room used {human.memory(row['capacity_bits'])}"] if "capacity_bits" in row else []
            facts[str(row["point"])] = cost
            start = int(row["point"]) if row["chosen"] else start
        by_point = {str(point): numbers for point, numbers in nests.items()}
        self.fronts[id_] = {"facts": facts, "nests": by_point, "start": start, "points": points}

    def later(self, html: str) -> int:
        """Keep a piece of the page that is shown on demand, and return its number."""
        self._later.append(str(html))
        return len(self._later) - 1

    def data(self) -> str:
        """All of it, packed."""
        content = {
            "config": PLOTLY_CONFIG,
            "figures": self.figures,
            "same": self._same,
            "fronts": self.fronts,
            "selection": self.selection,
            "files": self.files,
            "later": self._later,
            **self.kept,
        }
        return packed(content)

    @property
    def kept(self) -> dict[str, list[Any]]:
        """Lists of names, lines, and nests as the numbers of their lines."""
        return {"names": list(self._names), "lines": list(self._lines), "nests": list(self._nests)}

    @property
    def size(self) -> int:
        """Lines of all nests."""
        return sum(map(len, self._nests))


def packed(content: object) -> str:
    """Plain values as text of a page, a twentieth as long as their JSON; the same values give the same text."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=listed)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()
