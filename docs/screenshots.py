"""Take every picture of the README and of these pages: ``python docs/screenshots.py``, or ``make screenshots``.

Each is made from the command that the gallery names, run here in a folder of its own.
"""

# ruff: noqa: INP001  (a script, not a package)

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

DOCS = Path(__file__).parent
SMALL = "--set ranks.M=4 --set ranks.N=4 --set ranks.K=4"
DRAWN = "document.querySelectorAll('.figure:not(.js-plotly-plot)').length === 0"
READY = f"document.documentElement.dataset.ready === 'yes' && {DRAWN}"

LONGEST_S = 60
"""A page is drawn by then, on any machine."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture, the commands that make its page, and what is pressed before it is taken."""

    name: str
    commands: tuple[str, ...]
    page: str
    height: int
    width: int = 1280
    keys: tuple[str, ...] = ()
    dark: bool = False


PICTURES = (
    Picture(
        name="report.png",
        commands=("map eyeriss_v1 resnet18 --objective energy,latency --out run",),
        page="run/report.html",
        height=1960,
    ),
    Picture(
        name="gallery_gemm.png",
        commands=("map pe2d mm64 --objective energy,latency --out run",),
        page="run/report.html",
        height=1600,
    ),
    Picture(
        name="gallery_attention.png",
        commands=("map two_level bert_base_attention --set ranks.M=128 --objective energy --out run",),
        page="run/report.html",
        height=1600,
        dark=True,
    ),
    Picture(
        name="gallery_sweep.png",
        commands=("sweep pe_array_sweep --out run",),
        page="run/report.html",
        height=1600,
    ),
    Picture(
        name="gallery_compare.png",
        commands=(
            "map pe2d conv3x3 --objective edp --out one",
            "map pe2d conv3x3 --objective edp --tiles multiples --out two",
            "compare one two --report page.html",
        ),
        page="page.html",
        height=1200,
    ),
    Picture(
        name="gallery_curve.png",
        commands=("curve two_level mm64 Buffer --out page.html",),
        page="page.html",
        height=1000,
    ),
    Picture(
        name="trace.png",
        commands=(
            f"trace systolic4_weight mm64 --mapping systolic4_weight_stationary {SMALL} --seed 0 --report page.html",
        ),
        page="page.html",
        height=1000,
        keys=("ArrowRight",) * 8,
    ),
)


def main(names: list[str]) -> None:
    """Take the pictures of these names, or all."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is needed to take pictures")
    if unknown := set(names) - {picture.name for picture in PICTURES}:
        sys.exit(f"no such picture: {', '.join(sorted(unknown))}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for picture in PICTURES:
            if not names or picture.name in names:
                with tempfile.TemporaryDirectory() as folder:
                    make(picture, Path(folder))
                    page = browser.new_page(
                        viewport={"width": picture.width, "height": picture.height},
                        color_scheme="dark" if picture.dark else "light",
                    )
                    take(picture, page, Path(folder), DOCS / picture.name)
                    page.close()
        browser.close()


def make(picture: Picture, folder: Path) -> None:
    """Run the commands of a picture."""
    costmodel = Path(sys.executable).with_name("costmodel")
    for command in picture.commands:
        subprocess.run([str(costmodel), *command.split()], cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


def take(picture: Picture, page: Page, folder: Path, file: Path) -> None:
    """Open the page, press the keys, wait for the figures and save what is seen in a file."""
    page.goto((folder / picture.page).as_uri())
    wait(page)
    for key in picture.keys:
        page.keyboard.press(key)
    page.wait_for_timeout(500)  # what a theme or a chart fades in
    page.screenshot(path=file)


def wait(page: Page) -> None:
    """Wait until all figures are drawn, asking from outside: the page's policy lets nothing be evaluated inside."""
    end = time.monotonic() + LONGEST_S
    while not page.evaluate(READY):
        if time.monotonic() > end:
            sys.exit(f"{page.url} is not drawn after {LONGEST_S} s")
        page.wait_for_timeout(25)


if __name__ == "__main__":
    main(sys.argv[1:])
