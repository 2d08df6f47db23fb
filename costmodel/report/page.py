"""Runs → one self-contained HTML page: plotly.js inline once, no network, the same bytes for the same runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from costmodel.report import chart, figures, human, pictures, tables
from costmodel.report.cards import cards, joule_seconds
from costmodel.report.folder import write_text
from costmodel.report.nest_text import nest_lines
from costmodel.report.run import Run
from costmodel.report.text import role_text
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import choice_text, objective_of

if TYPE_CHECKING:
    import jinja2
    import plotly.graph_objects as go

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
TEMPLATES = Path(__file__).parent / "templates"
ROW_LIMIT = 2000
"""Rows of one table on the page; the CSV of the run holds all."""
FRONT_LIMIT = 300
"""Points of one front on the page, evenly spread over it."""
NEST_LIMIT = 400
"""Design points of a sweep whose nests are on the page: those on a front first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: what is read, what is sorted by, and the exact value on hover."""

    text: str
    key: float | str
    exact: str = ""
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page."""

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the page, by the id of its element."""

    id: str
    title: str
    caption: str
    height: int


class Book:
    """Collects what scripts of the page need: figures as JSON, and nests with every line stored once."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}
        self.fronts: dict[str, dict[str, Any]] = {}
        self._same: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._names: dict[tuple[str, ...], int] = {}
        self._lines: dict[tuple[int, str, str, str], int] = {}
        self._nests: dict[tuple[int, ...], int] = {}

    def figure(self, id_: str, title: str, caption: str, figure: go.Figure) -> Figure:
        """Keep a figure and return its place on the page."""
        text = figure.to_json()
        if text in self._seen:  # layers of one shape have the same front
            self._same[id_] = self._seen[text]
        else:
            self._seen[text] = id_
            self.figures[id_] = json.loads(text)
        return Figure(id_, title, caption, int(figure.layout.height))

    def nest(self, mapping: Schedule, run: Run) -> int:
        """Keep a nest of a run and return its number."""
        return self.lines(mapping, next((w for w in run.workloads if w.name == mapping.workload), run.workload))

    def lines(self, mapping: Schedule, workload: Workload) -> int:
        """Keep a nest and return its number."""
        lines = [(n.depth, n.kind, n.text, n.note) for n in nest_lines(mapping, workload)]
        numbers = tuple(self._lines.setdefault(line, len(self._lines)) for line in lines)
        return self._nests.setdefault(numbers, len(self._nests))

    def nests_of(self, names: Sequence[str], mappings: Sequence[Schedule], run: Run) -> list[int]:
        """Keep the nests of one point: the number of their list of names, then the number of each."""
        return [self.group(names), *(self.nest(mapping, run) for mapping in mappings)]

    def group(self, names: Sequence[str]) -> int:
        """Keep a list of names and return its number."""
        return self._names.setdefault(tuple(names), len(self._names))

    def front(self, id_: str, table: pd.DataFrame, nests: Mapping[int, list[int]], points: int) -> None:
        """Keep a front: its figure, and by point what a click shows."""
        self.figure(id_, "", "", figures.front(table))
        facts, start = {}, int(table["point"].iloc[0])
        for row in table.to_dict("records"):
            cost = [human.joules(row["energy_pj"]), human.seconds(row["latency_s"]), f"EDP {joule_seconds(row)}"]
            cost += [f"room used {human.memory(row['capacity_bits'])}"] if "capacity_bits" in row else []
            facts[str(row["point"])] = cost
            start = int(row["point"]) if row["chosen"] else start
        by_point = {str(point): numbers for point, numbers in nests.items()}
        self.fronts[id_] = {"facts": facts, "nests": by_point, "start": start, "points": points}

    def data(self) -> str:
        """All of it as JSON that may stand inside a script element."""
        content = {
            "config": PLOTLY_CONFIG,
            "figures": self.figures,
            "same": self._same,
            "names": list(self._names),
            "fronts": self.fronts,
            "lines": list(self._lines),
            "nests": list(self._nests),
        }
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return (
            text.replace("<", "\\u003c")
            .replace(">", "\\u003e")
            .replace("&", "\\u0026")
            .replace("\u2028", "\\u2028")
            .replace("\u2029", "\\u2029")
        )


def render(*runs: Run) -> str:
    """The page of one run, or of several side by side with a comparison on top."""
    if not runs:
        raise ValueError("a report needs at least one run")
    book = Book()
    articles = [_article(book, run, f"r{place}") for place, run in enumerate(runs)]
    return fill_template(
        "page.html.j2",
        book,
        title=runs[0].title if len(runs) == 1 else f"{len(runs)} runs",
        articles=articles,
        comparison=_comparison(book, runs) if len(runs) > 1 else None,
    )


def fill_template(name: str, book: Book, **content: object) -> str:
    """Return a page of its own: a template with style, scripts and what the book has collected."""
    from plotly.offline import get_plotlyjs

    return template(name).render(
        **content,
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
        script=(TEMPLATES / "page.js").read_text(encoding="utf-8"),
        plotly=get_plotlyjs(),
        data=book.data(),
    )


def template(name: str) -> jinja2.Template:
    """A template of the package; what it shows is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def write_report(path: Path, *runs: Run) -> Path:
    """Write the page; the file appears complete or not at all."""
    write_text(Path(path), render(*runs))
    return Path(path)


def _article(book: Book, run: Run, prefix: str) -> dict[str, Any]:
    evaluated = run.evaluation is not None
    provenance = run.provenance
    return {
        "prefix": prefix,
        "title": run.title,
        "kind": {"map": "mapping search", "evaluate": "evaluation", "sweep": "design sweep"}[run.kind],
        "created": provenance.created.replace("T", " ")[:16],
        "notes": run.notes,
        "cards": cards(run),
        "energy": _energy_figures(book, run, prefix) if evaluated else [],
        "latency": _latency_figures(book, run, prefix) if evaluated else [],
        "einsums": _einsum_panels(run, prefix) if evaluated else [],
        "front": _front_section(book, run, prefix),
        "sweep": _sweep_section(book, run, prefix),
        "tables": _tables(run, prefix),
        "levels": [_plain_table(f"{prefix}-levels-{n}", a) for n, a in enumerate(run.architectures)],
        "inputs": run.inputs,
        "facts": _facts(run),
        "sources": _sources(run),
    }


# --- figures ---------------------------------------------------------------------------------------------------


def _energy_figures(book: Book, run: Run, prefix: str) -> list[Figure]:
    several = len(tables.evaluation_of(run).points) > 1
    what = "kind of tensor" if several else "tensor"
    found = [
        book.figure(
            f"{prefix}-energy-levels", f"Energy by level and {what}", "Outermost level on top.", pictures.energy(run)
        ),
        book.figure(
            f"{prefix}-energy-icicle",
            "Where the energy goes",
            "Click a part to go into it, the bar on top to come back.",
            pictures.icicle(run),
        ),
    ]
    if several:
        caption = "Over all its executions."
        found.append(
            book.figure(f"{prefix}-energy-einsums", "Energy of each Einsum", caption, pictures.energy_by_einsum(run))
        )
    return found


def _latency_figures(book: Book, run: Run, prefix: str) -> list[Figure]:
    found = []
    if len(tables.evaluation_of(run).points) > 1:
        caption = "Over all its executions."
        found.append(book.figure(f"{prefix}-latency-einsums", "Latency of each Einsum", caption, pictures.latency(run)))
        caption = "Share of the time that each component is busy; the dot marks the bottleneck."
        found.append(book.figure(f"{prefix}-load", "How busy each component is", caption, pictures.load(run)))
    else:
        caption = "Components work at the same time; the slowest decides."
        found.append(
            book.figure(f"{prefix}-latency-components", "Latency by component", caption, pictures.latency(run))
        )
    if len(tables.roofline(run)):
        caption = f"Operations per bit that crosses the ports of {run.architecture.memories[0].name}, as mapped."
        found.append(book.figure(f"{prefix}-roofline", "Roofline", caption, pictures.roofline(run)))
    return found


def _einsum_panels(run: Run, prefix: str) -> list[dict[str, Any]]:
    """What the nest section shows of each Einsum."""
    e = run.evaluation
    assert e is not None  # noqa: S101
    statements = {s.name: s for s in run.workload.einsums}
    totals = {str(r["einsum"]): r for r in tables.einsums(run).to_dict("records")}
    most = max((float(r["energy_pj"]) for r in totals.values()), default=0.0)
    colours = tables.group_roles(run.workload)
    panels = []
    for place, name in enumerate(e.points):
        statement = statements.get(name)
        mapping = run.mapping_of(name)
        row = totals[name]
        roles = colours
        if statement is not None and len(e.points) > 1:
            groups = tables.tensor_groups(run.workload)
            roles = {tensor: groups[name, tensor] for tensor in statement.tensors}
        drawn = chart.memory_chart(run, name, roles)
        certificate = str(row["certificate"])
        panels.append(
            {
                "id": f"{prefix}-e{place}",
                "name": name,
                "count": e.counts[name],
                "text": statement.text if statement else "",
                "shape": ", ".join(f"{v} {n:,}" for v, n in statement.shape.items()) if statement else "",
                "roles": ", ".join(f"{t.name} {role_text(t)}" for t in statement.tensors.values()) if statement else "",
                "energy": human.joules(row["energy_pj"]),
                "energy_exact": f"{human.exact(row['energy_pj'])} pJ",
                "latency": human.seconds(row["latency_cycles"] / e.clock_hz),
                "latency_exact": f"{human.exact(row['latency_cycles'])} cycles",
                "share": row["energy_pj"] / most if most else 0.0,
                "bottleneck": row["bottleneck"],
                "utilisation": human.percent(row["utilisation"]),
                "certificate": certificate,
                "nest": nest_lines(mapping, run.workload) if mapping else (),
                "chart": chart.svg(drawn) if drawn else "",
            }
        )
    return panels


def _front_section(book: Book, run: Run, prefix: str) -> dict[str, Any] | None:
    """Fronts of two points or more with the nests of their points; the whole workload first."""
    options = []
    shown = {s.einsum: _thinned(len(s.front), s.chosen) for s in run.searches}
    if len(run.network_front) > 1 and len(run.searches) > 1:
        id_ = f"{prefix}-front-all"
        table = tables.network_front(run)
        chosen = table.index[table["chosen"]]
        points = _thinned(len(table), int(chosen[0]) if len(chosen) else None)
        names = [s.einsum for s in run.searches]
        nests = {}
        for point in points:
            choices = zip(run.searches, run.network_front[point].choices, strict=True)
            nests[point] = book.nests_of(names, [s.front[c].mapping for s, c in choices], run)
        book.front(id_, table.loc[points], nests, len(table))
        options.append(_option(id_, f"{run.workload.name} (all Einsums)", points, len(table)))
    for place, search in enumerate(run.searches):
        if len(search.front) < 2:
            continue
        id_ = f"{prefix}-front-{place}"
        points = shown[search.einsum]
        nests = {p: book.nests_of([search.einsum], [search.front[p].mapping], run) for p in points}
        book.front(id_, tables.front(run, search).loc[points], nests, len(search.front))
        options.append(_option(id_, search.einsum, points, len(search.front)))
    costs = "energy, latency and room used (its colour)" if run.uses_capacity else "energy and latency"
    hint = f"Every point is the best mapping for some trade of {costs}. Hover for its totals, click for its nest."
    settings = run.provenance.settings
    aim = objective_of(str(settings["objective"])) if "objective" in settings else None
    if aim is not None:
        choose = settings.get("choose")
        rule = choice_text(aim, None if choose is None else str(choose))
        hint = f"{hint} The point that the totals show is chosen by a rule: {rule}."
    return {"id": f"{prefix}-front", "options": options, "hint": hint} if options else None


def _option(id_: str, name: str, points: Sequence[int], of: int) -> dict[str, str]:
    count = f"{of} points" if len(points) == of else f"{len(points)} of {of:,} points"
    return {"id": id_, "name": f"{name} – {count}"}


def _thinned(count: int, keep: int | None) -> list[int]:
    """Places of at most ``FRONT_LIMIT`` points, evenly spread, with the ends and the chosen one."""
    if count <= FRONT_LIMIT:
        return list(range(count))
    places = {round(n * (count - 1) / (FRONT_LIMIT - 1)) for n in range(FRONT_LIMIT)}
    return sorted(places | ({keep} if keep is not None else set()))


def _sweep_section(book: Book, run: Run, prefix: str) -> dict[str, Any] | None:
    if not run.design_points:
        return None
    table = tables.sweep(run)
    front = tables.energy_latency_front(table)
    axes = tables.sweep_axes(run)
    options = []
    shown = sorted(range(len(table)), key=lambda n: (not table["pareto"][n], n not in set(front["point"]), n))
    with_nest = set(shown[:NEST_LIMIT])
    linked = []
    for n, design in enumerate(run.design_points):
        mappings = design.mappings if n in with_nest else ()
        linked.append(book.nests_of([m.einsum or "nest" for m in mappings], mappings, run))
    facts = [
        [*(f"{a} = {r[a]}" for a in axes), human.joules(r["energy_pj"]), human.seconds(r["latency_s"])]
        if pd.notna(r["energy_pj"])
        else [*(f"{a} = {r[a]}" for a in axes), r["note"]]
        for r in table.to_dict("records")
    ]
    best = int(front["point"].iloc[0]) if len(front) else 0
    for place, axis in enumerate(axes or [""]):
        id_ = f"{prefix}-sweep-{place}"
        book.figure(id_, "", "", figures.sweep_scatter(table, front, axes, axis))
        book.fronts[id_] = (
            {"facts": facts, "nests": linked, "start": best, "what": "Design", "points": len(table)}
            if place == 0
            else {"same": f"{prefix}-sweep-0"}
        )
        options.append({"id": id_, "name": f"colour by {axis}" if axis else "designs", "points": len(table)})
    kinds = len(set(table["computes"]))
    hint = "Designs that compute different things do not beat each other: each computation has a front of its own."
    return {"id": f"{prefix}-sweep", "options": options, "hint": hint if kinds > 1 else ""}


def _comparison(book: Book, runs: Sequence[Run]) -> dict[str, Any]:
    table = tables.compare(runs)
    names, energies = [], {}
    for place, run in enumerate(runs):
        if run.evaluation is not None:
            name = f"{place + 1}: {run.title}"
            energies[name] = tables.energy_by_level(run)
            names.append(name)
    order = list(dict.fromkeys(c for run in runs for c in tables.component_order(run)))
    found = []
    if energies:
        found.append(book.figure("compare-energy", "Energy by component", "", figures.compare_bars(energies, order)))
    rows = []
    first = table.iloc[0] if len(table) else None
    for name, row in zip(names, table.to_dict("records"), strict=True):
        cells = [Cell(name, name), Cell(row["created"].replace("T", " ")[:16], row["created"])]
        for column, show in (("energy_pj", human.joules), ("latency_s", human.seconds)):
            ratio = f" ({row[column] / first[column]:.3g}×)" if first is not None and first[column] else ""
            cells.append(Cell(f"{show(row[column])}{ratio}", float(row[column]), f"{row[column]:,.9g}", numeric=True))
        cells.append(Cell(f"{row['edp']:.4g}", float(row["edp"]), f"{row['edp']:,.9g} pJ·cycles", numeric=True))
        cells += [_number("capacity_bits", row["capacity_bits"])] if "capacity_bits" in row else []
        cells.append(_number("area_mm2", row["area_mm2"]))
        cells.append(Cell(human.percent(row["utilisation"]), float(row["utilisation"]), numeric=True))
        rows.append(tuple(cells))
    room = ("room used",) if "capacity_bits" in table else ()
    columns = ("run", "made", "energy", "latency", "EDP (pJ·cycles)", *room, "area", "utilisation")
    return {
        "figures": found,
        "table": Table("compare-totals", "Totals", "Ratios to the first run.", columns, tuple(rows)),
    }


# --- tables ----------------------------------------------------------------------------------------------------


def _tables(run: Run, prefix: str) -> list[Table]:
    found = []
    if run.evaluation is not None:
        once = "Words, over all instances, for one execution of the Einsum."
        found += [
            _table(f"{prefix}-t-einsums", "Einsums", "Totals over all executions.", tables.einsums(run)),
            _table(f"{prefix}-t-energy", "Energy", "Actions over all executions.", tables.energy(run)),
            _table(f"{prefix}-t-traffic", "Traffic", once, run.evaluation.traffic),
            _table(f"{prefix}-t-latency", "Latency", "Busiest instance, over all executions.", tables.latency(run)),
            _table(f"{prefix}-t-occupancy", "Occupancy", "Largest tile in one instance.", tables.occupancy(run)),
        ]
    if run.searches:
        parts = [tables.front(run, s).assign(einsum=s.einsum) for s in run.searches]
        room = ["capacity_bits"] if run.uses_capacity else []
        columns = ["einsum", "point", "energy_pj", "latency_cycles", "edp", *room, "chosen"]
        found.append(_table(f"{prefix}-t-front", "Fronts", "One execution of each Einsum.", pd.concat(parts)[columns]))
        found.append(_search_table(f"{prefix}-t-search", run))
    if run.design_points:
        found.append(_table(f"{prefix}-t-sweep", "Designs", "Every point of the sweep.", _designs_table(run)))
    return found


def _designs_table(run: Run) -> pd.DataFrame:
    """The designs, numbered from 1 as the explorer does; what they compute where that differs."""
    table = tables.sweep(run).assign(point=lambda t: t["point"] + 1).rename(columns={"point": "design"})
    return table if len(set(table["computes"])) > 1 else table.drop(columns="computes")


def _table(name: str, title: str, caption: str, frame: pd.DataFrame) -> Table:
    rows = tuple(
        tuple(_number(column, value) for column, value in zip(frame.columns, row, strict=True))
        for row in frame.head(ROW_LIMIT).itertuples(index=False)
    )
    columns = tuple(_HEADINGS.get(str(c), str(c)) for c in frame.columns)
    return Table(name, title, caption, columns, rows, max(len(frame) - ROW_LIMIT, 0))


_HEADINGS = {
    "energy_pj": "energy",
    "pj_per_point": "pJ per point",
    "latency_cycles": "cycles",
    "latency_s": "latency",
    "edp": "EDP (pJ·cycles)",
    "area_mm2": "area",
    "bits": "size",
    "capacity_bits": "room used",
}


def _number(column: str, value: object) -> Cell:
    """A cell, by what its column holds."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return Cell(human.NOT_MODELLED if column == "area_mm2" else "–", float("-inf"), numeric=True)
    if isinstance(value, (bool, np.bool_)):
        return Cell("yes" if value else "", float(bool(value)))
    if isinstance(value, str):
        return Cell(value, value)
    number = value.item() if hasattr(value, "item") else value
    assert isinstance(number, (int, float))  # noqa: S101  (tables hold text, truth and numbers)
    show = {
        "energy_pj": human.joules,
        "latency_s": human.seconds,
        "bits": human.memory,
        "capacity_bits": human.memory,
        "share": human.percent,
        "utilisation": human.percent,
        "edp": lambda v: f"{v:.4g}",
        "area_mm2": lambda v: f"{human.digits(v)} mm²",
        "pj_per_point": human.digits,
    }.get(column, human.amount)
    units = {"energy_pj": " pJ", "bits": " bits", "capacity_bits": " bits", "edp": " pJ·cycles", "latency_s": " s"}
    unit = units.get(column, "")
    return Cell(show(number), float(number), f"{human.exact(number)}{unit}", numeric=True)


def _search_table(name: str, run: Run) -> Table:
    rows = []
    for s in run.searches:
        c = s.certificate
        pruned = "; ".join(f"{rule}: {human.amount(count)}" for rule, count in c.pruned)
        space = Cell("not counted", -1.0, numeric=True) if c.mapspace is None else _big(c.mapspace)
        rows.append(
            (
                Cell(s.einsum, s.einsum),
                Cell(str(c), str(c)),
                Cell(c.method, c.method),
                space,
                _number("evaluated", c.evaluated),
                Cell(f"{len(s.front)}", float(len(s.front)), numeric=True),
                Cell(f"{human.digits(c.cpu_s)} s", c.cpu_s, numeric=True),
                Cell(pruned, pruned),
            )
        )
    columns = ("einsum", "certificate", "method", "mapspace", "costed", "front", "CPU time", "pruned")
    return Table(name, "EinsumSearch", "How each answer was found.", columns, tuple(rows))


def _big(value: int) -> Cell:
    text = (
        f"{value:,}" if value < 1_000_000 else f"{float(value):.3g}" if value < 10**300 else f"10^{len(str(value)) - 1}"
    )
    return Cell(text, float(min(value, 10**300)), f"{value:,}" if value < 10**300 else "", numeric=True)


def _plain_table(name: str, architecture: Architecture) -> Table:
    frame = tables.levels(architecture)
    rows = tuple(
        tuple(Cell(str(v), v if isinstance(v, int) else str(v)) for v in row) for row in frame.itertuples(index=False)
    )
    about = ", ".join(p for p in (architecture.technology, f"clock {human.prefixed(architecture.clock_hz, 'Hz')}") if p)
    return Table(name, architecture.name, f"{about}, {architecture.word_bits}-bit words", tuple(frame.columns), rows)


def _facts(run: Run) -> list[tuple[str, str]]:
    p = run.provenance
    facts = [("made", p.created), ("command", p.command)]
    facts.append(("seed", "none" if p.seed is None else str(p.seed)))
    facts += [(key, str(value)) for key, value in p.settings.items()]
    if p.elapsed_s is not None:
        facts.append(("elapsed", human.seconds(p.elapsed_s)))
    facts += [(f"{name} version", number) for name, number in p.versions.items()]
    return [(key, value) for key, value in facts if value]


def _sources(run: Run) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    named = [(a.name, a.source) for a in run.architectures] + [(w.name, w.source) for w in run.workloads]
    for name, source in named:
        found.setdefault((name, source or "no source stated"))
    for architecture in run.architectures:
        for level in architecture.levels:
            if source := getattr(level, "energy_source", ""):
                found.setdefault((f"{architecture.name}, energy of {level.name}", source))
    return list(found)
