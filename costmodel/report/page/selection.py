"""What the page needs to show a run at any point of its front, and to find a layer in every figure.

Each layer has, for each mapping that a point of the front uses, a *cost*: energies by component, kind of tensor and
action, cycles by component. The scripts add them up. Tiles and mappings are made here, and only shown there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from costmodel.mapper.canonical import grouped
from costmodel.model.evaluation import Evaluation
from costmodel.model.meters import port_energy
from costmodel.report import tables
from costmodel.report.apart import apart
from costmodel.report.figures.colours import QUIET, component_colours, group_colours
from costmodel.report.points import Points
from costmodel.report.roofs import roofs
from costmodel.report.run import EinsumSearch, Run
from costmodel.spec.hardware import Memory


@dataclass
class Numbered:
    """Things by their first appearance."""

    places: dict[Any, int] = field(default_factory=dict)

    def place(self, thing: Any) -> int:
        return self.places.setdefault(thing, len(self.places))


@dataclass(frozen=True)
class PageLayer:
    """One Einsum of a run."""

    name: str
    search: int | None
    """Place of the search that mapped it; null where it was not searched."""
    kind: int
    """Layers of one kind differ in names only, and have the same front."""
    certificate: str


def layers_of(run: Run) -> tuple[PageLayer, ...]:
    """The Einsums of a run, in the order of the workload."""
    evaluation = tables.evaluation_of(run)
    searched = {name: place for place, s in enumerate(run.searches) for name in s.einsums}
    alike = {member.einsum.name: member.group for member in grouped(run.workload, run.architecture)}
    energies = tables.energy(run).groupby("einsum")["energy_pj"].sum().to_dict()
    kinds, found = Numbered(), []
    for name in evaluation.points:
        search = searched.get(name)
        one = None if search is None else run.searches[search]
        cost = _front_key(one) if one else (energies.get(name, 0.0) / evaluation.counts[name],)
        single = one is None or len(one.einsums) == 1
        same = (alike.get(name, name), evaluation.cycles_by_einsum[name] if one is None else 0, cost)
        kind = kinds.place(same if single else name)
        found.append(PageLayer(name, search, kind, str(one.certificate) if one else ""))
    return tuple(found)


def _front_key(search: EinsumSearch) -> tuple[float, ...]:
    return tuple(cost for point in search.front for cost in (point.energy_pj, point.latency_cycles))


class CostList:
    """What layers cost in their mappings, with names as places in lists."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._groups = tables.tensor_groups(run.workload)
        self._widths = {
            (m.component, m.action): m.width_bits
            for roof in roofs(run)
            for m in port_energy(memory_of(run, roof.level))
            if m.action in roof.actions
        }
        self.components, self.groups, self.actions, self.costs = Numbered(), Numbered(), Numbered(), Numbered()
        for name in tables.component_order(run):
            self.components.place(name)
        for group in tables.energy_by_level(run)["group"]:  # in this order they get their colours
            self.groups.place(group)

    def of(self, evaluation: Evaluation, names: Iterable[str]) -> dict[str, int]:
        """Einsum → the place of what one execution of it costs."""
        wanted = dict.fromkeys(names)
        energy: dict[str, dict[tuple[int, int, int], float]] = {name: {} for name in wanted}
        bits: dict[str, dict[int, float]] = {name: {} for name in wanted}
        for row in evaluation.action_rows:
            if row.einsum not in wanted:
                continue
            plain = tables.LEAKAGE if row.action.startswith("leak") else tables.COMPUTE
            group = self._groups.get((row.einsum, row.tensor), row.tensor) or plain
            key = (self.components.place(row.component), self.groups.place(group), self.actions.place(row.action))
            energy[row.einsum][key] = energy[row.einsum].get(key, 0.0) + row.energy_pj
            if width := self._widths.get((row.component, row.action)):
                place = self.components.place(row.component)
                bits[row.einsum][place] = bits[row.einsum].get(place, 0.0) + row.count * width
        cycles: dict[str, list[tuple[int, float]]] = {name: [] for name in wanted}
        for busy in evaluation.latency_rows:
            if busy.einsum in wanted:
                cycles[busy.einsum].append((self.components.place(busy.component), busy.cycles))
        bound = evaluation.bottlenecks
        return {
            name: self.costs.place(
                (
                    tuple((*key, _short(pj)) for key, pj in energy[name].items() if pj),
                    tuple((place, _short(count)) for place, count in cycles[name]),
                    _short(evaluation.cycles_by_einsum[name]),
                    self.components.place(bound[name]) if name in bound else -1,
                    tuple((place, _short(count)) for place, count in sorted(bits[name].items()) if count),
                    evaluation.utilisation_of([name]),
                    evaluation.capacity_bits_by_einsum[name],
                )
            )
            for name in wanted
        }

    def data(self) -> dict[str, Any]:
        """The lists, for the scripts."""
        keys = ("energy", "cycles", "latency", "bound", "bits", "utilisation", "room_bits")
        components = component_colours(list(self.components.places))
        groups = sorted(self.groups.places, key=lambda name: name in {tables.COMPUTE, tables.LEAKAGE})
        colours = group_colours(groups, tables.group_roles(self._run.workload))
        return {
            "workload": self._run.workload.name,
            "clock_hz": self._run.architecture.clock_hz,
            "components": [{"name": n, "colour": components.get(n, QUIET)} for n in self.components.places],
            "groups": [{"name": n, "colour": colours[n]} for n in self.groups.places],
            "actions": list(self.actions.places),
            "costs": [dict(zip(keys, cost, strict=True)) for cost in self.costs.places],
        }


def memory_of(run: Run, name: str) -> Memory:
    """A memory of the architecture by its name."""
    return next(memory for memory in run.architecture.memories if memory.name == name)


def _short(value: float) -> float:
    """A number as it is read back from a folder: whole ones without a point."""
    return int(value) if value == int(value) else value


Panel = Callable[[Run, Sequence[str]], Mapping[str, str]]
"""A run, and names of Einsums → of each, the HTML of its mapping."""


def selection(run: Run, points: Points | None, tiles: Callable[[Run], tuple[str, str]], panel: Panel) -> dict[str, Any]:
    """All that the scripts need, as plain values."""
    e, layers, costs = tables.evaluation_of(run), layers_of(run), CostList(run)
    leaders: dict[int, PageLayer] = {}
    for layer in layers:
        leaders.setdefault(layer.kind, layer)
    panels: dict[str, str] = {}
    places: dict[str, dict[int, int]] = {layer.name: {} for layer in layers}
    first = {layer.name for layer in leaders.values()}
    for evaluated, chosen in _states(run, points, layers):
        for name, place in costs.of(tables.evaluation_of(evaluated), chosen).items():
            places[name][chosen[name]] = place
        shown = panel(evaluated, [name for name in chosen if name in first])
        panels |= {f"{name}\n{chosen[name]}": html for name, html in shown.items()}
    htmls = Numbered()
    by_panel = {key: htmls.place(html) for key, html in panels.items()}
    return costs.data() | {
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "search": layer.search,
                "count": e.counts[layer.name],
                "points": e.points[layer.name],
                "certificate": layer.certificate,
                "costs": places[layer.name],
                "panels": {c: by_panel.get(f"{leaders[layer.kind].name}\n{c}") for c in places[layer.name]},
            }
            for layer in layers
        ],
        "panels": list(htmls.places),
        "own": [s.chosen or 0 for s in run.searches],
        "points": [] if points is None else [list(c) for c in points.choices],
        "shown": [] if points is None else list(points.shown),
        "of": len(run.network_front),
        "chosen": None if points is None else points.chosen,
        "tiles": [] if points is None else [tiles(points.at(n)) for n in range(len(points.choices))],
        "room": run.uses_capacity,
    }


def first_panel(chosen: Mapping[str, Any]) -> str:
    """The HTML of the mapping of the first Einsum, as the run has it; empty where there is none."""
    first, own = chosen["layers"][0], chosen["own"]
    place = first["panels"][0 if first["search"] is None else own[first["search"]]]
    return "" if place is None else str(chosen["panels"][place])


def _states(run: Run, points: Points | None, layers: Sequence[PageLayer]) -> Iterator[tuple[Run, dict[str, int]]]:
    """Runs of one mapping, for every mapping in use; of each, Einsum → place of it in the front of its search."""
    if points is None:
        own = [s.chosen or 0 for s in run.searches]
        used = {layer.name: 0 if layer.search is None else own[layer.search] for layer in layers}
        for part in apart(run):
            yield part, {name: used[name] for name in tables.evaluation_of(part).points}
        return
    for (search, choice), evaluation in points.costs.items():
        one = run.searches[search]
        at = replace(run, evaluation=evaluation, mappings=(one.front[choice].mapping,), searches=(one,))
        yield at, dict.fromkeys(one.einsums, choice)
