"""Tidy tables → Plotly figures, one family a room; the page adds the colours of its theme (text, grid, background)."""

from costmodel.report.figures.curves import buffer_curves
from costmodel.report.figures.descent import descent
from costmodel.report.figures.designs import sweep_scatter
from costmodel.report.figures.energy import compare_bars, energy_by_einsum, energy_by_level
from costmodel.report.figures.fronts import front
from costmodel.report.figures.icicle import energy_icicle
from costmodel.report.figures.latency import latency_by_component, latency_by_einsum, load_by_component
from costmodel.report.figures.overlay import overlaid_fronts
from costmodel.report.figures.rooflines import roofline

__all__ = [
    "buffer_curves",
    "compare_bars",
    "descent",
    "energy_by_einsum",
    "energy_by_level",
    "energy_icicle",
    "front",
    "latency_by_component",
    "latency_by_einsum",
    "load_by_component",
    "overlaid_fronts",
    "roofline",
    "sweep_scatter",
]
