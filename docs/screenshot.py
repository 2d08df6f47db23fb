"""Take the picture of the report that the README shows: ``python docs/screenshot.py RUN_FOLDER [docs/report.png]``."""

# ruff: noqa: INP001  (a script, not a package)

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from costmodel.report.page.run import write_report
from costmodel.report.read import read_run

WIDTH, HEIGHT = 1280, 1960


def main(run: Path, picture: Path) -> None:
    """Open the report of a run in headless Chromium and save its upper part."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is needed to take the picture")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = write_report(Path(folder) / "report.html", read_run(run))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(page_file.as_uri())
        page.wait_for_function("document.querySelectorAll('.figure:not(.js-plotly-plot)').length === 0")
        page.wait_for_timeout(500)
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) == 3 else "docs/report.png"))
