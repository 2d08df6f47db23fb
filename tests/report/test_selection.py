"""A page as a person uses it: a point of the front and a layer are chosen, and everything on the page follows."""

import math
from dataclasses import replace

import pytest

import costmodel as cm
from costmodel.report.page.run import write_report
from costmodel.report.points import points_of
from costmodel.report.read import read_run
from costmodel.report.write import write_run

HOSTILE = (
    "</script><img src=x onerror=window.broken=1>'\"&amp; \N{GREEK SMALL LETTER PI}\N{RIGHT-TO-LEFT OVERRIDE}"
    + "n" * 10_000
)
MACHINE = {
    "name": "little",
    "clock": "1 GHz",
    "word": "8 b",
    "levels": [
        {"memory": "DRAM", "energy": "100 pJ", "bandwidth": "4 B/cycle"},
        {"memory": "GLB", "size": "1 KiB", "energy": "5 pJ", "bandwidth": "4 B/cycle"},
        {"array": "PEs", "shape": {"X": 4, "Y": 4}, "hop": "100 pJ"},
        {"memory": "RF", "size": "16 B", "energy": "1 pJ"},
        {"compute": "MAC", "energy": "1 pJ"},
    ],
}
CHAIN = {
    "name": "chain",
    "source": HOSTILE,
    "ranks": {"M": 16, "K": 16, "N": 16, "J": 16, "L": 24},
    "einsums": ["A[m, n] = X[m, k] * V[k, n]", "B[m, j] = A[m, n] * W[n, j]", "C[m, l] = B[m, j] * U[j, l]"],
}


@pytest.fixture(scope="module")
def run():
    return cm.map(MACHINE, CHAIN, objective="energy,latency,capacity").run


def test_a_run_at_its_own_point_is_the_run(run):
    points = points_of(run)
    assert points.at(points.shown.index(points.chosen)) == run
    for place, point in zip(points.shown[::20], range(0, len(points.shown), 20), strict=True):
        at = points.at(point).evaluation
        assert math.isclose(at.energy_pj, run.network_front[place].energy_pj, rel_tol=1e-12)
        assert math.isclose(at.latency_cycles, run.network_front[place].latency_cycles, rel_tol=1e-12)


def test_points_of_a_folder_that_another_version_made_cannot_be_chosen(run):
    first = run.searches[0]
    other = replace(first, front=tuple(replace(p, energy_pj=p.energy_pj * 1.01) for p in first.front))
    assert "another version made it; run it again" in points_of(replace(run, searches=(other, *run.searches[1:])))


@pytest.fixture(scope="module")
def page(browser, run, tmp_path_factory):
    """The page of the folder of a run, opened at a layer and a point."""
    folder = write_run(tmp_path_factory.mktemp("run") / "chain", run)
    path = write_report(folder / "report.html", read_run(folder))
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on(
        "request",
        lambda request: said.append(request.url) if not request.url.startswith(("file:", "data:", "blob:")) else None,
    )
    page.goto(f"{path.as_uri()}#point=3&layer=C", timeout=120_000)
    page.wait_for_selector("html[data-ready]", timeout=120_000)
    yield page
    assert said == []
    page.close()


def test_a_link_leads_to_a_point_and_a_layer_and_survives_a_reload(page, run):
    for _ in range(2):
        energy = run.network_front[2].energy_pj
        assert f"{energy:,.0f} pJ" in page.locator("#totals .headline").first.get_attribute("title")
        assert page.locator("#chosen output").text_content() == f"Point 3 of {len(run.network_front)} of the front · C"
        assert page.locator(".panel h3").text_content() == "C"
        assert page.locator("#fronts .side h3").text_content().startswith("Point 3 of ")
        page.reload(timeout=120_000)
        page.wait_for_selector("html[data-ready]", timeout=120_000)


def test_tables_are_searched_and_sorted(page):
    box = page.locator("[data-searches=t-energy]")
    page.evaluate("document.querySelector('#t-energy').closest('details').open = true")
    box.fill("glb read")
    rows = page.locator("#t-energy tbody tr:visible")
    texts = rows.all_inner_texts()
    assert texts
    assert all("GLB" in text and "read" in text for text in texts)
    box.fill("")
    assert page.locator("#t-energy tbody tr:visible").count() > len(texts)
