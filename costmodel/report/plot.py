"""One figure of a run as an image: what the optional packages of `plot` are for."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from costmodel.report import pictures
from costmodel.report.folder import write_bytes
from costmodel.spec.problems import Problem, SpecError

if TYPE_CHECKING:
    from costmodel.report.run import Run

TITLE_PX, DEFAULT_PX = 40, 450
"""Height of a title, and of a figure that says none."""
SCALE = 2
"""Dots of a picture for each of the figure, so that it is sharp in print."""


def check_plots(path: Path) -> None:
    """Raise SpecError, before the work, where no image can be made here, as far as can be told."""
    if find_spec("kaleido") is None:
        hint = "pip install 'costmodel[plot]'; the page of a run saves each of its figures without it"
        raise SpecError([Problem("an image of a figure needs the package kaleido", file=str(path), hint=hint)])


def write_plot(path: Path, run: Run) -> Path:
    """Draw the front of a run where it has one, else where its energy goes, and return the path.

    Raises SpecError where there is no browser to draw with.
    """
    from kaleido.errors import ChromeNotFoundError  # type: ignore[import-untyped]
    from plotly.io import to_image

    figure = (pictures.front(run) if len(run.network_front) > 1 else pictures.energy(run)).figure()
    above = TITLE_PX + (figure.layout.margin.t or 0)  # the legend stands right above what is drawn
    height = TITLE_PX + (figure.layout.height or DEFAULT_PX)
    figure.update_layout(title={"text": run.title, "x": 0.5, "y": 1 - 20 / height}, margin={"t": above}, height=height)
    try:
        image = to_image(figure, format=path.suffix[1:].lower(), scale=SCALE)
    except (ChromeNotFoundError, RuntimeError) as error:
        hint = "install chromium or Google Chrome, or say BROWSER_PATH; the page of a run saves its figures without it"
        told = str(error).strip().split("\n", 1)[0] or type(error).__name__
        raise SpecError([Problem(f"no image could be drawn: {told}", file=str(path), hint=hint)]) from error
    write_bytes(path, image)
    return path
