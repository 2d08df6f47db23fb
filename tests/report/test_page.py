import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from report import samples
from report.drawn import everything, held

from costmodel.report.page.run import render, write_report
from costmodel.report.points import thinned
from costmodel.report.read import read_run
from costmodel.report.write import csv_files, write_run
from costmodel.spec.catalog import load_workload

PAGES = {
    "gemm": samples.gemm_run,
    "network": samples.network_run,
    "large": samples.large_run,
    "sweep": samples.sweep_run,
    "nothing": samples.infeasible_run,
    "room": samples.room_run,
    "hostile": samples.hostile_run,
    "hostile sweep": samples.hostile_sweep,
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
    return {name: write_report(folder / f"{name}.html", make()) for name, make in PAGES.items()}


def test_the_page_is_built_from_the_folder_alone_and_the_same_run_gives_the_same_bytes(pages, tmp_path):
    assert render(read_run(write_run(tmp_path / "run", samples.room_run()))) == pages["room"].read_text()


def test_a_network_of_21_layers_stays_below_7_mb(pages):
    assert pages["network"].stat().st_size < 7_000_000


def test_plotly_stands_in_the_page_once_and_is_no_module(pages):
    text = pages["gemm"].read_text()
    assert text.count("plotly.js v") == text.count("window.Plotly = Plotly;") == 1
    assert "function(root, factory)" not in text


def test_nothing_is_uploaded_and_nothing_loaded(pages):
    text = pages["gemm"].read_text()
    config = held(text)["config"]
    assert (config["displaylogo"], config["showSendToCloud"], config["plotlyServerURL"]) == (False, False, "")
    loads = [(t, a) for t, a in Tags(text).tags if a.get("src") or t in {"iframe", "object", "embed"}]
    links = [a["href"] for t, a in Tags(text).tags if "href" in a]
    assert loads == []
    assert all(link.startswith(("#", "data:")) for link in links)


def test_names_cannot_become_markup(pages):
    for name, scripts in (("hostile", 3), ("hostile sweep", 2)):
        text = pages[name].read_text()
        packed = held(text)
        pieces = [*packed.get("later", ()), *((packed.get("selection") or {}).get("panels", ()))]
        assert pieces or name == "hostile sweep"
        tags = Tags(text + "".join(pieces)).tags
        assert not [t for t, _ in tags if t == "img"]
        assert not [a for _, a in tags if any(key.startswith("on") for key in a)]
        assert len([t for t, _ in tags if t == "script"]) == scripts


def test_every_id_is_unique_and_every_link_arrives(pages):
    for path in pages.values():
        tags = Tags(path.read_text()).tags
        ids = [a["id"] for _, a in tags if "id" in a]
        assert len(ids) == len(set(ids))
        targets = {a["href"][1:] for _, a in tags if a.get("href", "").startswith("#")}
        assert targets <= set(ids)


def test_who_needs_whom_is_drawn_of_a_cascade(pages):
    run = samples.gemm_run()
    page = render(replace(run, workloads=(*run.workloads, load_workload("flash_attention"))))
    (drawn,) = re.findall(r"<svg [^>]*>\n<title>flash_attention: who needs whom</title>.*?</svg>", page, re.DOTALL)
    assert drawn.count("<g>") == 12
    assert 'href="#needs"' in page
    assert "who needs whom" not in pages["gemm"].read_text()


def test_room_is_shown_where_it_is_an_objective(pages):
    text = pages["room"].read_text() + "".join(held(pages["room"].read_text())["later"])
    assert 'title="6,144 b"' in text
    assert "energy, latency and room used (its colour)" in text
    assert text.count("room used</") > 1
    assert "room used" not in pages["network"].read_text().replace("room used or", "")


def test_what_a_search_put_aside_is_told_by_reason(pages):
    text = pages["network"].read_text()
    told = text[text.index('id="search"') : text.index('id="tables"')]
    assert "2,000 mappings or parts of mappings were costed, of a mapspace of 1e+18, in 4.2 s" in told
    assert "1,277 were put aside" in told
    assert [re.sub(r"\s+", " ", share) for share in re.findall(r"<b>([^<]*)</b>", told)] == ["94 %", "6.03 %"]
    assert 'id="search"' not in pages["gemm"].read_text()


def test_headlines_carry_exact_numbers(pages):
    text = pages["gemm"].read_text()
    energy = samples.gemm_run().evaluation.energy_pj
    assert f'title="{energy:,.0f} pJ"' in text
    assert "8.16 mm²" in text


def test_layers_of_one_shape_share_their_front(pages):
    data = held(pages["network"].read_text())
    assert len([f for f in data["fronts"] if f.startswith("front-")]) == 22
    assert all(figure in data["figures"] for figure in data["same"].values())
    assert len(data["same"]) > 5


@pytest.mark.parametrize(("count", "keep"), [(1, 0), (300, None), (301, 7), (5000, 4321)])
def test_long_fronts_are_thinned_but_keep_what_matters(count, keep):
    places = thinned(count, keep, 300)
    assert places == sorted(set(places))
    assert {0, count - 1} | ({keep} - {None}) <= set(places)
    assert len(places) <= 301
    assert count > 300 or places == list(range(count))


# --- in a browser ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def opened(browser, pages):
    """Pages that are open, by name; in the end there must have been no word on a console and no request but files."""
    found = {}
    yield found
    for name, (page, said, asked) in found.items():
        page.wait_for_timeout(150)
        assert said == [], name
        assert [url for url in asked if url != pages[name].as_uri() and not url.startswith(("data:", "blob:"))] == []
        page.close()


@pytest.fixture
def visit(browser, pages, opened):
    """Go to a page, which is opened once; its width is that of a screen, its theme light."""

    def go(name):
        if name not in opened:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            said, asked = [], []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(pages[name].as_uri())
            until(page, "document.documentElement.dataset.ready === 'yes'")
            opened[name] = page, said, asked
        page = opened[name][0]
        page.set_viewport_size({"width": 1280, "height": 1000})
        page.emulate_media(color_scheme="light")
        return page

    return go


def until(page, expression):
    """Wait for the page, which lets no test poll by itself (its policy forbids eval)."""
    for _ in range(1200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"still not so after half a minute: {expression}")


def resize(page, width):
    """Give a page another width, and wait until its figures have followed."""
    page.set_viewport_size({"width": width, "height": 844})
    follows = "plot => Math.abs(plot._fullLayout.width - plot.clientWidth) < 2"
    until(page, f"[...document.querySelectorAll('.js-plotly-plot')].every({follows})")


@pytest.mark.parametrize("name", PAGES)
def test_pages_open_in_silence_and_fit(visit, name):
    page = visit(name)
    if name == "network":  # idle, it draws what nobody has scrolled to
        assert page.locator(".figure").count() > 3
        until(page, "document.querySelectorAll('.figure:not(.js-plotly-plot)').length === 0")
        assert page.evaluate("scrollY") == 0
    everything(page)
    for width in (2560, 390):
        resize(page, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.broken") is None
    assert page.locator("img").count() == 0
    assert page.locator(".plotlyjsicon, [data-title*='cloud' i], [data-title*='studio' i]").count() == 0


TEXTS = """() => [...document.querySelectorAll('.js-plotly-plot')].map(plot => {
  const box = plot.getBoundingClientRect();
  const of = selector => [...plot.querySelectorAll(selector)].map(text => {
    const r = text.getBoundingClientRect();
    return [text.textContent, r.left - box.left, r.top - box.top, r.right - box.left, r.bottom - box.top];
  }).filter(text => text[3] > text[1]);
  const axes = ['.xtick text', '.ytick text', '.legendtext'].map(of);
  return { id: plot.id, width: box.width, height: box.height, axes };
})"""
NAMES = """() => [...document.querySelectorAll('#t-einsums tbody tr')].map(row => {
  const name = row.cells[0].querySelector('a');
  const shown = name.getBoundingClientRect(), room = row.cells[1].getBoundingClientRect();
  return { text: name.innerText, clear: shown.right <= room.left + 1 && shown.height > 0 };
})"""
NAMED = """() => {
  let all = 0, named = 0;
  for (const slice of document.querySelectorAll('#energy-icicle .slice')) {
    const box = slice.querySelector('.surface').getBoundingClientRect(), text = slice.querySelector('.slicetext');
    all += box.width * box.height;
    named += text && text.textContent && text.getBoundingClientRect().width > 0 ? box.width * box.height : 0;
  }
  return named / all;
}"""


def overlaps(texts):
    """Pairs of texts whose boxes meet."""
    return [
        (a[0], b[0])
        for a, b in itertools.combinations(texts, 2)
        if min(a[3], b[3]) - max(a[1], b[1]) > 1 and min(a[4], b[4]) - max(a[2], b[2]) > 1
    ]


def test_a_hundred_einsums_are_legible_at_any_width(visit):
    page = visit("large")
    everything(page)
    page.locator("#merge").uncheck()
    names = list(samples.large_run().evaluation.points)
    for width in (1440, 390):
        resize(page, width)
        for plot in page.evaluate(TEXTS):
            for texts in plot["axes"]:
                assert overlaps(texts) == [], plot["id"]
                cut = [
                    t for t in texts if t[1] < -1 or t[2] < -1 or t[3] > plot["width"] + 1 or t[4] > plot["height"] + 1
                ]
                assert cut == [], plot["id"]
        rows = page.evaluate(NAMES)
        assert [row["text"] for row in rows] == names
        assert all(row["clear"] for row in rows)
        assert page.evaluate(NAMED) > 0.85
        options = page.locator(".chooser option").all_text_contents()
        assert [option.split(" ")[0] for option in options] == names


def test_the_navigation_stays_and_says_where_the_reader_is(visit):
    page = visit("large")
    page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")

    def box(selector):
        return page.evaluate(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")

    for width in (1440, 390):
        resize(page, width)
        for section in ("why", "nests", "inputs"):
            page.evaluate(f"location.hash = '#{section}'")
            until(page, f"document.querySelector('nav [aria-current]')?.hash === '#{section}'")
            nav, link = box("nav"), box("nav [aria-current]")
            assert nav["top"] == 0
            assert nav["height"] < 50
            assert nav["left"] - 1 <= link["left"] < link["right"] <= width
            assert box(f"#{section} h2")["top"] >= nav["bottom"]


def test_a_finger_on_a_figure_scrolls_the_page_and_a_tap_chooses_a_point(browser, pages):
    phone = {"width": 390, "height": 844}
    context = browser.new_context(viewport=phone, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(pages["network"].as_uri())
    until(page, "document.documentElement.dataset.ready === 'yes'")
    finger = context.new_cdp_session(page)
    page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    for figure in ("energy-levels", "energy-icicle", "roofline", "front-plot"):
        page.evaluate(f"document.getElementById('{figure}').scrollIntoView({{ block: 'center' }})")
        before = page.evaluate("scrollY")
        for step in range(12):
            kind = "touchMove" if step else "touchStart"
            point = {"x": 200, "y": 450 - 20 * step}
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        until(page, f"scrollY > {before + 100}")
    page.touchscreen.tap(*centre(page, "#front-plot", 20))
    until(page, "document.querySelector('#fronts .side h3').textContent !== 'Point 2 of 30'")
    context.close()


def test_a_sweep_in_which_nothing_is_feasible_says_why(visit):
    page = visit("nothing")
    text = page.locator("#aside").text_content()
    assert re.search(r"3 designs\s*GLB: capacity needs 9,000, has 8,192", text)
    assert re.search(r"1 design\s*PEs: X needs 16, has 8", text)
    assert page.locator("#sweeps").count() == 0


def centre(page, selector, point=0):
    """Middle of one marker of a figure, on the screen."""
    page.locator(selector).scroll_into_view_if_needed()
    marker = page.locator(f"{selector} .scatterlayer .points path").nth(point)
    marker.scroll_into_view_if_needed()
    box = marker.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_hover_shows_totals_and_the_mapping(visit):
    page = visit("network")
    page.locator("#fronts select").first.select_option("front-3")
    page.wait_for_timeout(200)
    page.mouse.move(*centre(page, "#front-plot", 4))
    page.wait_for_selector("#front-plot .hoverlayer text")
    text = page.locator("#front-plot .hoverlayer").text_content()
    assert re.search(r"[\d.]+ [mµ]J", text)
    assert "DRAM[I F O]" in text


def test_hover_on_energy_shows_the_exact_number(visit):
    page = visit("gemm")
    page.locator("#energy-levels").scroll_into_view_if_needed()
    bar = page.locator("#energy-levels .bars .point path").first
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#energy-levels .hoverlayer text")
    assert "6,553,600 pJ" in page.locator("#energy-levels .hoverlayer").text_content()


def test_a_click_on_a_point_of_a_front_shows_its_nest(visit):
    page = visit("network")
    page.locator("#fronts select").first.select_option("front-3")
    page.wait_for_timeout(200)
    nest = page.locator("#fronts .side .nest")
    seen = set()
    for point in (3, 20):
        x, y = centre(page, "#front-plot", point)
        page.mouse.move(x, y)
        page.mouse.click(x, y)
        page.wait_for_timeout(200)
        title = page.locator("#fronts .side h3").text_content()
        number = int(re.fullmatch(r"Point (\d+) of 30", title)[1])
        assert f"by {8 * number}" in nest.text_content()
        assert "compute layer1.1.conv2 on MAC" in nest.text_content()
        seen.add(number)
    assert len(seen) == 2


def test_a_point_of_the_network_front_shows_the_nest_of_any_einsum(visit):
    page = visit("network")
    page.locator("#fronts select").first.select_option("front-all")
    picker = page.locator("#fronts .which select")
    picker.select_option(label="fc")
    assert "compute fc on MAC" in page.locator("#fronts .side .nest").text_content()


def test_what_is_selected_on_one_view_of_designs_is_selected_on_all(visit):
    page = visit("sweep")
    chosen = page.locator("#selected")
    assert chosen.text_content() == "20 of 20 designs selected"
    page.locator("#parallel").scroll_into_view_if_needed()
    box = page.locator("#parallel").bounding_box()
    drag = (box["x"] + 46, box["y"] + box["height"] - 12, box["y"] + box["height"] * 0.6)
    page.mouse.move(*drag[:2])
    page.mouse.down()
    page.mouse.move(drag[0], drag[2])
    page.mouse.up()
    until(page, "document.querySelectorAll('#designs tbody tr').length === 10")
    assert chosen.text_content() == "10 of 20 designs selected"
    rows = page.locator("#designs tbody tr").all_text_contents()
    assert {row for row in rows if "4" in row or "8" in row} == set(rows)
    assert page.locator("#heat-map td[style]").count() == 10
    page.locator("#designs tbody button").first.click()
    assert "compute Z on MAC" in page.locator("#sweeps .side .nest").text_content()
    until(page, "document.querySelector('#designs tr[aria-current]') !== null")
    page.locator("#clear").click()
    until(page, "document.querySelectorAll('#designs tbody tr').length === 20")
    page.locator("#scatter").scroll_into_view_if_needed()
    spot = page.locator("#scatter").bounding_box()
    page.mouse.move(spot["x"] + 80, spot["y"] + 30)
    page.mouse.down()
    page.mouse.move(spot["x"] + spot["width"] * 0.5, spot["y"] + spot["height"] - 45)
    page.mouse.up()
    until(page, "document.querySelectorAll('#designs tbody tr').length < 20")
    fewer = page.locator("#designs tbody tr").count()
    assert 0 < fewer < 20
    assert chosen.text_content() == f"{fewer} of 20 designs selected"


def test_einsums_are_chosen_from_the_list_the_buttons_and_the_table(visit):
    page = visit("network")
    shown = page.locator("#nests .panel:visible h3")
    page.locator(".chooser select").select_option("20")
    assert shown.text_content() == "fc"
    page.locator(".chooser button[data-step='1']").click()
    assert shown.text_content() == "layer1.0.conv1"
    page.locator("#t-einsums").get_by_role("link", name="layer3.1.conv2").click()
    # A link changes the address, and of that the page is told a moment later.
    selected = "document.querySelector('.chooser select').selectedOptions[0].textContent"
    until(page, f"{selected}.startsWith('layer3.1.conv2')")
    assert shown.text_content() == "layer3.1.conv2"


def test_a_table_can_be_had_from_the_page(visit):
    page = visit("network")
    with page.expect_download() as found:
        page.locator("a[download='front.csv']").click()
    assert found.value.path().read_text() == csv_files(samples.network_run())["front.csv"]


def test_rows_come_when_a_table_is_opened_by_a_link_to_it(visit):
    page = visit("network")
    assert page.locator("#t-search tbody tr").count() == 0
    page.evaluate("location.hash = '#t-search'")
    until(page, "document.querySelectorAll('#t-search tbody tr').length === 21")
    page.evaluate("location.hash = ''")


def test_tables_sort_by_number(visit):
    page = visit("network")
    table = page.locator("#t-einsums")
    heading = table.locator("th", has_text="energy").locator("button")
    for direction in ("ascending", "descending"):
        heading.click()
        keys = [float(k) for k in table.locator("tbody td:nth-child(2)").evaluate_all("x => x.map(c => c.dataset.key)")]
        assert keys == sorted(keys, reverse=direction == "descending")
        assert table.locator(f"th[aria-sort={direction}]").text_content() == "energy"


def test_the_theme_follows_the_reader(visit):
    page = visit("gemm")
    ink = "getComputedStyle(document.querySelector('#energy-levels .ytick text')).fill"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    assert page.evaluate(ink) != light
