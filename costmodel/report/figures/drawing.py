"""A figure as plain values in the form of Plotly: what a page stores, and what becomes a ``go.Figure`` elsewhere.

Plotly's own classes check every value as it is set, which costs a page more than all that it counts. Here values are
put together as they are; ``figure()`` has them checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass
class Drawing:
    """Traces and a layout, as they stand in the JSON of Plotly."""

    data: list[dict[str, Any]] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)

    def trace(self, kind: str, **values: Any) -> None:
        """Add a trace of a kind: ``bar``, ``scatter``, ``heatmap``, ``icicle``."""
        self.data.append({"type": kind} | values)

    def note(self, **values: Any) -> None:
        """Add a text at a place."""
        self.layout.setdefault("annotations", []).append(values)

    def lay(self, **values: Any) -> None:
        """Set parts of the layout; what an axis already says stays where the new one says nothing."""
        for key, value in values.items():
            known = self.layout.get(key)
            self.layout[key] = known | value if isinstance(known, dict) and isinstance(value, dict) else value

    def figure(self) -> go.Figure:
        """Return it as a figure of Plotly, every value checked."""
        import plotly.graph_objects as go

        return go.Figure(data=self.data, layout=self.layout)

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps({"data": self.data, "layout": self.layout}, default=listed, ensure_ascii=False)


def listed(value: Any) -> Any:
    """Arrays and numbers of NumPy as plain ones."""
    return value.tolist()
