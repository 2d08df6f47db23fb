import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from report import samples

from costmodel.report.page.explorers import _thinned
from costmodel.report.page.run import render, write_report
from costmodel.report.read import read_run
from costmodel.report.write import write_run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
PAGES = {
    "gemm": (samples.gemm_run,),
    "network": (samples.network_run,),
    "sweep": (samples.sweep_run,),
    "room": (samples.room_run,),
    "hostile": (samples.hostile_run,),
    "compare": (samples.gemm_run, samples.sweep_run, samples.gemm_run),
}


class Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {name: write_report(folder / f"{name}.html", *(make() for make in makes)) for name, makes in PAGES.items()}


def test_the_same_run_gives_the_same_bytes(pages):
    assert render(samples.network_run()) == pages["network"].read_text()


def test_the_page_is_built_from_the_folder_alone(pages, tmp_path):
    assert render(read_run(write_run(tmp_path / "run", samples.network_run()))) == pages["network"].read_text()


def test_a_network_of_21_layers_stays_below_7_mb(pages):
    assert pages["network"].stat().st_size < 7_000_000


def test_plotly_stands_in_the_page_once_however_many_runs(pages):
    text = pages["compare"].read_text()
    assert text.count("plotly.js v") == pages["gemm"].read_text().count("plotly.js v") == 1


def test_nothing_is_uploaded_and_nothing_loaded(pages):
    text = pages["gemm"].read_text()
    assert '"displaylogo":false' in text
    assert '"showSendToCloud":false' in text
    assert '"plotlyServerURL":""' in text
    loads = [(t, a) for t, a in Tags(text).tags if a.get("src") or t in {"iframe", "object", "embed"}]
    links = [a["href"] for t, a in Tags(text).tags if "href" in a]
    assert loads == []
    assert all(link.startswith(("#", "data:")) for link in links)


def test_names_cannot_become_markup(pages):
    tags = Tags(pages["hostile"].read_text()).tags
    assert not [t for t, _ in tags if t == "img"]
    assert not [a for _, a in tags if any(key.startswith("on") for key in a)]
    assert len([t for t, _ in tags if t == "script"]) == 3


def test_every_id_is_unique_and_every_link_arrives(pages):
    for path in pages.values():
        tags = Tags(path.read_text()).tags
        ids = [a["id"] for _, a in tags if "id" in a]
        assert len(ids) == len(set(ids))
        targets = {a["href"][1:] for _, a in tags if a.get("href", "").startswith("#")}
        assert targets <= set(ids)


def test_room_is_shown_where_it_is_an_objective(pages):
    text = pages["room"].read_text()
    assert 'title="6,144 b"' in text
    assert "energy, latency and room used (its colour)" in text
    assert text.count("room used</") > 1
    assert "room used" not in pages["network"].read_text().replace("room used or", "")


def test_headlines_carry_exact_numbers(pages):
    text = pages["gemm"].read_text()
    energy = samples.gemm_run().evaluation.energy_pj
    assert f'title="{energy:,.0f} pJ"' in text
    assert "8.16 mm²" in text


def test_layers_of_one_shape_share_their_front(pages):
    text = pages["network"].read_text()
    data = json.loads(re.search(r'<script type="application/json" id="report-data">(.*)</script>', text)[1])
    assert len([f for f in data["fronts"] if "-front-" in f]) == 22
    assert all(figure in data["figures"] for figure in data["same"].values())
    assert len(data["same"]) > 5


@pytest.mark.parametrize(("count", "keep"), [(1, 0), (300, None), (301, 7), (5000, 4321)])
def test_long_fronts_are_thinned_but_keep_what_matters(count, keep):
    places = _thinned(count, keep)
    assert places == sorted(set(places))
    assert {0, count - 1} | ({keep} - {None}) <= set(places)
    assert len(places) <= 301
    assert count > 300 or places == list(range(count))


def test_a_page_needs_a_run():
    with pytest.raises(ValueError, match="at least one run"):
        render()


# --- in a browser ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine to open the page with")
    api = pytest.importorskip("playwright.sync_api", reason="playwright drives chromium; it is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, pages):
    """Open a page; afterwards there must have been no word on the console and no request but the file."""
    opened = []

    def go(name, width=1280):
        page = browser.new_page(viewport={"width": width, "height": 1000})
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(pages[name].as_uri())
        page.wait_for_function("document.querySelectorAll('.figure:not(.js-plotly-plot)').length === 0")
        opened.append((page, said, asked, pages[name].as_uri()))
        return page

    yield go
    for page, said, asked, uri in opened:
        page.wait_for_timeout(150)
        assert said == []
        assert [url for url in asked if url != uri and not url.startswith(("data:", "blob:"))] == []
        page.close()


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("name", PAGES)
def test_pages_open_in_silence_and_fit(visit, name, width):
    page = visit(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.broken") is None
    assert page.locator("img").count() == 0
    assert page.locator(".plotlyjsicon, [data-title*='cloud' i], [data-title*='studio' i]").count() == 0


def centre(page, selector, point=0):
    """Middle of one marker of a figure, on the screen."""
    marker = page.locator(f"{selector} .scatterlayer .points path").nth(point)
    marker.scroll_into_view_if_needed()
    box = marker.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_hover_shows_totals_and_the_mapping(visit):
    page = visit("network")
    page.locator("#r0-fronts select").first.select_option("r0-front-3")
    page.wait_for_timeout(200)
    page.mouse.move(*centre(page, "#r0-front-plot", 4))
    page.wait_for_selector("#r0-front-plot .hoverlayer text")
    text = page.locator("#r0-front-plot .hoverlayer").text_content()
    assert re.search(r"[\d.]+ [mµ]J", text)
    assert "DRAM[I F O]" in text


def test_hover_on_energy_shows_the_exact_number(visit):
    page = visit("gemm")
    bar = page.locator("#r0-energy-levels .bars .point path").first
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#r0-energy-levels .hoverlayer text")
    assert "6,553,600 pJ" in page.locator("#r0-energy-levels .hoverlayer").text_content()


def test_a_click_on_a_point_of_a_front_shows_its_nest(visit):
    page = visit("network")
    page.locator("#r0-fronts select").first.select_option("r0-front-3")
    page.wait_for_timeout(200)
    nest = page.locator("#r0-fronts .side .nest")
    seen = set()
    for point in (3, 20):
        x, y = centre(page, "#r0-front-plot", point)
        page.mouse.move(x, y)
        page.mouse.click(x, y)
        page.wait_for_timeout(200)
        title = page.locator("#r0-fronts .side h4").text_content()
        number = int(re.fullmatch(r"Point (\d+) of 30", title)[1])
        assert f"by {8 * number}" in nest.text_content()
        assert "compute layer1.1.conv2 on MAC" in nest.text_content()
        seen.add(number)
    assert len(seen) == 2


def test_a_point_of_the_network_front_shows_the_nest_of_any_einsum(visit):
    page = visit("network")
    picker = page.locator("#r0-fronts .which select")
    picker.select_option(label="fc")
    assert "compute fc on MAC" in page.locator("#r0-fronts .side .nest").text_content()


def test_a_click_on_a_design_shows_its_nest(visit):
    page = visit("sweep")
    x, y = centre(page, "#r0-sweep-plot", 2)
    page.mouse.click(x, y)
    page.wait_for_timeout(200)
    assert "compute Z on MAC" in page.locator("#r0-sweeps .side .nest").text_content()
    assert "PEs.shape.X = 4" in page.locator("#r0-sweeps .side .facts").text_content()
    page.locator("#r0-sweeps select").first.select_option(label="colour by GLB.size")
    page.wait_for_timeout(200)
    assert "GLB.size = 64 KiB" in page.locator("#r0-sweep-plot .legend").text_content()


def test_einsums_are_chosen_from_the_list_by_mouse_and_key(visit):
    page = visit("network")
    page.get_by_role("tab", name="fc").click()
    assert page.locator("#r0-nests .panel:visible h3").text_content() == "fc"
    page.keyboard.press("ArrowDown")
    assert page.locator("#r0-nests .panel:visible h3").text_content() == "layer1.0.conv1"


def test_tables_sort_by_number(visit):
    page = visit("network")
    table = page.locator("#r0-t-einsums")
    heading = table.locator("th", has_text="energy").locator("button")
    for direction in ("ascending", "descending"):
        heading.click()
        keys = [float(k) for k in table.locator("tbody td:nth-child(4)").evaluate_all("x => x.map(c => c.dataset.key)")]
        assert keys == sorted(keys, reverse=direction == "descending")
        assert table.locator(f"th[aria-sort={direction}]").text_content() == "energy"


def test_the_theme_follows_the_reader(visit):
    page = visit("gemm")
    ink = "getComputedStyle(document.querySelector('#r0-energy-levels .ytick text')).fill"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    assert page.evaluate(ink) != light
