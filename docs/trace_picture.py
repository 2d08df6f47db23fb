"""Take the picture of docs/trace.md: ``python docs/trace_picture.py [docs/trace.png]``."""

# ruff: noqa: INP001  (a script, not a package)

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from costmodel.report.page.trace import write_traces
from costmodel.spec import catalog
from costmodel.trace.record import trace
from costmodel.trace.valued import valued

WIDTH, HEIGHT, STEP, SEED = 1280, 1000, 9, 0
SETTINGS = ("ranks.M=4", "ranks.N=4", "ranks.K=4")
MAPPING = "systolic4_weight_stationary"


def main(picture: Path) -> None:
    """Draw a weight-stationary 4 × 4 × 4 GEMM on a 4 × 4 array and save how one of its cycles looks."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is needed to take the picture")
    architecture, workload = catalog.load_pair("systolic4_weight", "mm64", SETTINGS)
    found = trace(workload, architecture, catalog.load_mappings(MAPPING)[0])
    command = (
        f"costmodel trace systolic4_weight mm64 --mapping {MAPPING} --set {' --set '.join(SETTINGS)} --seed {SEED}"
    )
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        values = {MAPPING: valued(found, {}, seed=SEED)}
        page_file = write_traces(Path(folder) / "trace.html", {MAPPING: found}, command, values, show_values=True)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(page_file.as_uri())
        for _ in range(STEP - 1):
            page.keyboard.press("ArrowRight")
        page.wait_for_timeout(500)
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) == 2 else "docs/trace.png"))
