"""A page as a person uses it: a point of the front and a layer are chosen, and everything on the page follows."""

import math
import re
from dataclasses import replace

import pytest
from report.drawn import everything

import costmodel as cm
from costmodel.report.page.comparison import write_comparison
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
    "ranks": {"M": 8, "K": 8, "N": 8, "J": 8, "L": 12},
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


TILES = "document.querySelector('#totals').innerText"
BARS = "JSON.stringify([...document.querySelectorAll('[data-figure]')].map(f => f.data.map(t => [t.x, t.y, t.values])))"


def told(page, what):
    return page.evaluate(what)


def test_a_link_leads_to_a_point_and_a_layer_and_survives_a_reload(page, run):
    for _ in range(2):
        energy = run.network_front[2].energy_pj
        assert f"{energy:,.0f} pJ" in page.locator("#totals .headline").first.get_attribute("title")
        assert page.locator("#chosen output").text_content() == f"Point 3 of {len(run.network_front)} of the front · C"
        assert page.locator(".panel h3").text_content() == "C"
        assert page.locator("#fronts .side h3").text_content().startswith("Point 3 of ")
        page.reload(timeout=120_000)
        page.wait_for_selector("html[data-ready]", timeout=120_000)


def test_the_keyboard_goes_from_point_to_point_and_the_page_follows(page, run):
    page.locator("#chosen [data-does=point]").click()
    everything(page)
    own = told(page, TILES), told(page, BARS)
    slider = page.locator("#fronts input[type=range]")
    slider.focus()
    seen = set()
    used = next(n for n, p in enumerate(run.network_front) if p.choices == tuple(s.chosen for s in run.searches))
    for key in ("Home", "ArrowRight", "End"):
        page.keyboard.press(key)
        named = re.search(r"point=(\d+)", page.evaluate("location.hash"))
        point = run.network_front[int(named[1]) - 1 if named else used]
        assert f"{point.energy_pj:,.0f} pJ" in page.locator("#totals .headline").first.get_attribute("title")
        total = page.evaluate("document.querySelector('#energy-icicle').data[0].values[0]")
        assert math.isclose(total * 1e12, point.energy_pj, rel_tol=1e-9)
        assert slider.get_attribute("aria-valuetext").startswith("Point ")
        seen.add((told(page, TILES), told(page, BARS), page.locator(".panel .nest").first.inner_text()))
    assert len(seen) == 3
    if page.locator("#chosen [data-does=point]").is_visible():
        page.locator("#chosen [data-does=point]").click()
    assert (told(page, TILES), told(page, BARS)) == own


DOTS = """document.querySelector('#roofline').data.filter((trace) => trace.meta?.decides)
    .flatMap(({ customdata, marker }) => customdata.map((name, n) => [name, marker.size[n]]))"""


def test_a_layer_that_is_chosen_anywhere_is_chosen_everywhere(page):
    if page.locator("#chosen [data-does=layer]").is_visible():
        page.locator("#chosen [data-does=layer]").click()
    everything(page)
    page.locator("#t-einsums tbody tr").nth(1).click()
    assert page.evaluate("location.hash").endswith("layer=B")
    assert page.locator(".panel h3").text_content() == "B"
    page.evaluate("document.querySelector('#t-energy').closest('details').open = true")
    assert page.locator("#t-energy tr.chosen td:first-child").first.text_content() == "B"
    dots = page.evaluate(DOTS)
    large = max(size for _, size in dots)
    assert {name for name, size in dots if size == large} == {"B"}
    assert {name for name, _ in dots} > {"B"}


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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_screen_reader_finds_nothing_serious(page, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=theme)
    found = axe.run(page).response["violations"]
    serious = {v["id"]: v["nodes"][0]["html"][:200] for v in found if v["impact"] in {"serious", "critical"}}
    assert serious == {}


def test_three_runs_of_which_two_are_unlike_stand_on_one_page(browser, run, tmp_path):
    other = cm.map("pe2d", "mm_rect", objective="energy").run
    half = cm.map(MACHINE, CHAIN, objective="energy").run
    path = write_comparison(tmp_path / "three.html", [run, half, other], [HOSTILE[:60], "half", "other"])
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(path.as_uri(), timeout=120_000)
    page.wait_for_selector("html[data-ready]", timeout=120_000)
    everything(page)
    fronts = page.evaluate(
        "document.querySelector('#compare-fronts').data.filter(t => t.mode === 'markers').map(t => t.x.length ?? 0)"
    )
    assert len(fronts) == 3
    assert "nothing" in page.locator("#pair-2").inner_text()
    assert page.evaluate("window.broken") is None
    for width in (390, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
