"""Where the energy goes, as a tree to go into."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from costmodel.report import human
from costmodel.report.figures.colours import component_colours, group_colours, ink
from costmodel.report.figures.parts import PJ, finish, label


def energy_icicle(table: pd.DataFrame, roles: Mapping[str, str], order: Sequence[str], root: str) -> go.Figure:
    """Energy from the whole to Einsum, component, tensor and action; a click goes into a part.

    ``table``: einsum, component, tensor, group, action, energy_pj. A single Einsum has no level of its own.
    """
    table = table[table["energy_pj"] > 0]
    several = len(set(table["einsum"])) > 1
    keys = (["einsum"] if several else []) + ["component", "group", "action"]
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
            shade = {"einsum": {}, "component": by_component, "group": by_group, "action": by_group}[column]
            colours.append(shade.get(str(parts[-2]) if column == "action" else name, "#93a1b1"))
            texts.append(_share(" › ".join(map(str, parts)), float(value), total))
    figure = go.Figure(
        go.Icicle(
            ids=ids,
            labels=labels,
            parents=parents,
            values=np.array(values) * PJ,
            branchvalues="total",
            marker={"colors": colours, "line": {"width": 1, "color": "rgba(255,255,255,0.65)"}},
            texttemplate="%{label} %{percentRoot:.3~p}" if several else "%{label}<br>%{percentRoot:.3~p}",
            textfont={"size": 12},
            insidetextfont={"color": [ink(colour) for colour in colours]},
            hovertext=texts,
            hoverinfo="text",
            tiling={"orientation": "h", "pad": 0},
            maxdepth=3 if several else 4,
            leaf={"opacity": 1},
            sort=False,
            pathbar={"thickness": 20},
        )
    )
    figure.update_layout(uniformtext={"minsize": 10, "mode": "hide"})
    return finish(figure, height=520 if several else 360, margin={"l": 2, "r": 2, "t": 26, "b": 2})


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
