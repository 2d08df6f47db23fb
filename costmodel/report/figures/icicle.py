"""Where the energy goes, as a tree to go into: every part that is drawn has room for its name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from costmodel.report import human
from costmodel.report.figures.colours import component_colours, group_colours, ink
from costmodel.report.figures.drawing import Drawing
from costmodel.report.figures.parts import PJ, finish, label, told

HEIGHT = 560
"""Pixels of the tree of a network."""
LINE = 18 / HEIGHT
"""Share of the whole that has room for a line of text."""


def energy_icicle(
    table: pd.DataFrame,
    roles: Mapping[str, str],
    order: Sequence[str],
    root: str,
    how: Mapping[tuple[str, ...], Sequence[str]] | None = None,
) -> Drawing:
    """Energy from the whole to component, tensor and action; a click goes into a part.

    ``table``: einsum, component, tensor, group, action, energy_pj. Of a network the last level are the Einsums; those
    too small for a line of text are one part together. ``how``: as ``tables.energy_how`` gives it, shown on hover.
    """
    table = table[table["energy_pj"] > 0]
    several = len(set(table["einsum"])) > 1
    keys = ["component", "group", "einsum" if several else "action"]
    place = {name: n for n, name in enumerate(order)}
    keys_of = table["component"].map(lambda name: place.get(name, len(place)))
    table = table.assign(place=keys_of).sort_values("place", kind="stable")
    table = _folded(table) if several else table
    by_component = component_colours(order)
    by_group = group_colours(list(dict.fromkeys(table["group"])), roles)
    total = float(table["energy_pj"].sum())
    ids, labels, parents, values, colours, texts = (
        ["[]"],
        [label(root)],
        [""],
        [total],
        ["#7b8794"],
        [_share(root, total, total)],
    )
    for depth in range(1, len(keys) + 1):
        sums = table.groupby(keys[:depth], sort=False)["energy_pj"].sum()
        for key, value in sums.items():
            parts = key if isinstance(key, tuple) else (key,)
            column, name = keys[depth - 1], str(parts[-1])
            if column == "action" and len(table[_matches(table, keys[:-1], parts[:-1])]["action"].unique()) < 2:
                continue  # an only child says nothing new
            ids.append(_node_id(parts))
            parents.append(_node_id(parts[:-1]))
            labels.append(label(name))
            values.append(float(value))
            shade = by_component if column == "component" else by_group
            colours.append(shade.get(str(parts[1]) if depth == len(keys) else name, "#93a1b1"))
            more = told((how or {}).get(tuple(map(str, parts)), ()))
            texts.append(_share(" › ".join(map(str, parts)), float(value), total) + more)
    figure = Drawing()
    figure.trace(
        "icicle",
        ids=ids,
        labels=labels,
        parents=parents,
        values=np.array(values) * PJ,
        branchvalues="total",
        marker={"colors": colours, "line": {"width": 1, "color": "rgba(255,255,255,0.65)"}},
        texttemplate="%{label} %{percentRoot:.3~p}",
        textfont={"size": 11},
        insidetextfont={"color": [ink(colour) for colour in colours]},
        hovertext=texts,
        hoverinfo="text",
        tiling={"orientation": "h", "pad": 0},
        maxdepth=4,
        leaf={"opacity": 1},
        sort=False,
        pathbar={"thickness": 20},
    )
    figure.lay(uniformtext={"minsize": 10, "mode": "hide"})
    return finish(figure, height=HEIGHT if several else 360, margin={"l": 2, "r": 2, "t": 26, "b": 2})


def _share(name: str, value: float, total: float) -> str:
    share = human.percent(value / total) if total else "0 %"
    return f"<b>{label(name)}</b><br>{human.joules(value)} ({share})<br>{human.exact(value)} pJ"


def _node_id(parts: Sequence[object]) -> str:
    return json.dumps([str(p) for p in parts])


def _matches(table: pd.DataFrame, columns: Sequence[str], values: Sequence[object]) -> pd.Series:
    keep = pd.Series(data=True, index=table.index)
    for column, value in zip(columns, values, strict=True):
        keep &= table[column] == value
    return keep


def _folded(table: pd.DataFrame) -> pd.DataFrame:
    """Einsums by size; of each component and group, those without room for a name are one part: ``41 others``."""
    sums = table.groupby(["component", "group", "einsum"], sort=False)["energy_pj"].sum().reset_index()
    sums = sums.assign(small=sums["energy_pj"] < LINE * float(sums["energy_pj"].sum()))
    small = sums.groupby(["component", "group"])["small"].transform("sum")
    others = small < sums.groupby(["component", "group"])["small"].transform("size")
    together = [f"{n} {'others' if o else 'Einsums'}" for n, o in zip(small, others, strict=True)]
    folds = sums["small"] & (small > 1)
    sums = sums.assign(einsum=sums["einsum"].where(~folds, together), folds=folds)
    parts = {key: n for n, key in enumerate(dict.fromkeys(zip(table["component"], table["group"], strict=True)))}
    sums = sums.assign(place=[parts[key] for key in zip(sums["component"], sums["group"], strict=True)])
    return sums.sort_values(["place", "folds", "energy_pj"], ascending=[True, True, False], kind="stable")
