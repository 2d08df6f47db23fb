"""The animation of a trace, in a real browser: it plays, steps and scrubs, and ends at the counts of the model."""

import re

import numpy as np
import pytest
from reference import reference
from strategies import in_two_branches, nest_of, workload_of

from costmodel.execute.made import Stated
from costmodel.model.evaluate import evaluate
from costmodel.report.page.trace import render_traces, scene, write_traces
from costmodel.spec import catalog
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Mapping
from costmodel.trace.record import trace
from costmodel.trace.valued import valued

TWO_LEVEL = catalog.load_architecture("two_level")
CONV = workload_of("O[q] = I[q + s] * F[s]", q=12, s=3)
SIMPLE = "store I F O in MainMemory\nfor q by 1\nstore O F in Buffer\nfor s by 1\nstore I in Buffer\ncompute O on MAC"
COMPLEX = """
store I F O in MainMemory
for q by 4
store I O in Buffer
for s by 1
store F in Buffer
for q by 1
compute O on MAC
"""
DATAFLOWS = {
    "output": ("m", "n", "Z", "k"),
    "weight": ("k", "n", "B", "m"),
}


def systolic(stationary, m=4, n=4, k=4):
    """A GEMM on a systolic array of 4 × 4, with a register for what stays."""
    down, across, tensor, streamed = DATAFLOWS[stationary]
    architecture = Architecture(
        name="systolic",
        levels=(
            Memory(name="SRAM"),
            Array(name="PEs", shape={"R": 4, "C": 4}, systolic=stationary),
            Memory(name="register"),
            ComputeUnit(name="MAC"),
        ),
    )
    extents = {"m": m, "n": n, "k": k}
    nest = [
        "store A B Z in SRAM",
        *(f"for {v} by 4" for v in (down, across) if extents[v] > 4),
        f"parallel {down} by 1 across PEs.R",
        f"parallel {across} by 1 across PEs.C",
        f"store {tensor} in register",
        f"for {streamed} by 1",
        "compute Z on MAC",
    ]
    return workload_of("Z[m, n] = A[m, k] * B[k, n]", **extents), architecture, Mapping(nest_of("\n".join(nest)))


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page of traces; afterwards there must have been no word on the console and no request but the file."""
    opened = []

    def go(*questions, width=1440):
        traces = {f"nest {number}": trace(*question) for number, question in enumerate(questions)}
        path = write_traces(tmp_path / "trace.html", traces, "costmodel trace …")
        page = browser.new_page(viewport={"width": width, "height": 900})
        said, asked = [], []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        opened.append((page, said, asked))
        return page

    yield go
    for page, said, asked in opened:
        assert said == []
        assert len([url for url in asked if not url.startswith(("data:", "blob:"))]) == 1
        page.close()


def conv(nest):
    return CONV, TWO_LEVEL, Mapping(nest_of(nest))


def counts_shown(page, stage=0):
    """(level, tensor, flow) → the number that stands on the page."""
    rows = page.locator(f"#stage-{stage} .counts tbody tr").all()
    found = {}
    for row in rows:
        level, tensor, *numbers = row.locator("td").all_text_contents()
        for flow, number in zip(("fill", "read", "update", "drain"), numbers, strict=True):
            found[level, tensor, flow] = int(number.replace(",", "").replace("–", "0"))
    return found


def counts_of_the_model(question):
    rows = evaluate(*question).traffic_rows
    return {(row.level, row.tensor, row.flow): row.words for row in rows}


def test_the_end_shows_the_counts_of_the_model(visit):
    question = conv(COMPLEX)
    page = visit(question)
    assert {*counts_shown(page).values()} != {0}
    page.keyboard.press("End")
    assert counts_shown(page) == counts_of_the_model(question)
    assert "done" in page.locator("#where").text_content()


def test_steps_go_there_and_back(visit):
    page = visit(conv(SIMPLE))
    first = counts_shown(page)
    assert first["Buffer", "F", "fill"] == 3
    page.keyboard.press("ArrowRight")
    page.locator("#next").click()
    assert page.locator("#where").text_content() == "3 of 36"
    assert page.locator(".now .point").text_content() == "q 0s 2"
    assert page.locator(".nest .line.turned").count() == 1
    third = counts_shown(page)
    assert third["Buffer", "I", "fill"] == 3
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    assert counts_shown(page) == third
    page.locator("#back").click()
    page.keyboard.press("ArrowLeft")
    assert counts_shown(page) == first
    page.keyboard.press("ArrowLeft")
    assert page.locator("#where").text_content() == "1 of 36"


def test_the_slider_goes_to_any_step(visit):
    page = visit(conv(SIMPLE))
    page.locator("#scrub").fill("20")
    scrubbed = counts_shown(page), page.locator(".now").text_content()
    page.keyboard.press("Home")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert (counts_shown(page), page.locator(".now").text_content()) == scrubbed


def test_it_plays_to_the_end_and_stops(visit):
    question = conv(SIMPLE)
    page = visit(question)
    page.locator("#speed").select_option("25")
    page.locator("#play").click()
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    page.locator("#where", has_text="done").wait_for()
    assert page.locator("#play").get_attribute("aria-label") == "Play"
    assert counts_shown(page) == counts_of_the_model(question)


def test_space_plays_and_pauses(visit):
    page = visit(conv(SIMPLE))
    page.keyboard.press(" ")
    page.locator("#where", has_text="2 of 36").wait_for()
    page.keyboard.press(" ")
    assert page.locator("#play").get_attribute("aria-pressed") == "false"


def test_two_nests_run_side_by_side(visit):
    questions = conv(SIMPLE), conv(COMPLEX)
    page = visit(*questions)
    boxes = [page.locator(f"#stage-{n}").bounding_box() for n in range(2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert [page.locator(f"#stage-{n} .now .point").text_content() for n in range(2)] == ["q 1s 1", "q 0s 1"]
    page.keyboard.press("End")
    assert [counts_shown(page, n) for n in range(2)] == [counts_of_the_model(question) for question in questions]


@pytest.mark.parametrize(
    ("stationary", "shape", "cycles"),
    [("output", {}, 10), ("weight", {}, 14), ("weight", {"m": 9, "n": 1}, 19), ("output", {"m": 8, "n": 6}, 40)],
)
def test_a_systolic_array_takes_the_cycles_of_the_model(visit, stationary, shape, cycles):
    question = systolic(stationary, **shape)
    page = visit(question)
    assert page.locator("#where").text_content() == f"1 of {cycles}"
    assert evaluate(*question).latency_cycles == cycles
    done = set()
    for _ in range(cycles):
        done |= {
            tuple(x)
            for x in page.evaluate(
                "[...document.querySelectorAll('[data-point]')].map((pe) => [pe.dataset.pe, pe.dataset.point])"
            )
        }
        page.keyboard.press("ArrowRight")
    assert len({point for _, point in done}) == len(done) == question[0].einsums[0].points
    page.keyboard.press("End")
    assert counts_shown(page) == counts_of_the_model(question)


def test_the_cycles_are_those_of_the_lecture():
    shapes = {"GEMM 4x4x4 on 4x4": {}, "article's 9x4 times 4x1 on 4x4": {"m": 9, "n": 1}}
    for case in reference("lecture.yaml")["systolic"]:
        found = scene(trace(*systolic(case["stationary"], **shapes[case["what"]])))
        assert sum(first >= 0 for _, first, _, _ in found["ticks"]) == case["cycles"]


def test_words_move_from_cell_to_cell(visit):
    """Weights enter row by row, an activation passes a column in each cycle, a partial sum a row."""
    page = visit(systolic("weight"))
    ways = {"A[1,2]": [], "B[0,1]": [], "Z[1,2]": []}
    for _ in range(14):
        for word, way in ways.items():
            way += [seen.get_attribute("data-at") for seen in page.locator(f'[data-word="{word}"]').all()]
        page.keyboard.press("ArrowRight")
    assert ways["B[0,1]"][:4] == ["-2,1", "-1,1", "0,1", "0,1"]
    assert ways["A[1,2]"] == ["2,-2", "2,-1", "2,0", "2,1", "2,2", "2,3"]
    assert ways["Z[1,2]"] == ["0,2", "1,2", "2,2", "3,2", "4,2", "5,2"]


@pytest.mark.parametrize("width", [1440, 800, 390])
def test_pages_fit(visit, width):
    nest = """
    store I W O in MainMemory
    for m by 2
    store I W O in GLB
    parallel p by 1 across PEs.X
    parallel r by 1 across PEs.Y
    store W in RF
    for q by 1
    store I O in RF
    for c by 1
    for s by 1
    for m by 1
    compute O on MAC
    """
    workload = workload_of("O[m, p, q] = I[c, p + r, q + s] * W[m, c, r, s]", m=4, c=2, p=6, q=5, r=3, s=3)
    question = workload, catalog.load_architecture("pe2d"), Mapping(nest_of(nest))
    page = visit(question, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".playback").bounding_box()["width"] > 0.9 * width - 32
    page.keyboard.press("PageDown")
    assert page.locator(".array .pe.on").count() == 18
    page.keyboard.press("End")
    assert counts_shown(page) == counts_of_the_model(question)


def test_branches_of_a_cascade_follow_one_another(visit):
    workload = workload_of("X[m, p] = A[m, k] * B[k, p]", "Y[m, p] = X[m, p] * C[m]", m=4, p=2, k=2)
    question = workload, TWO_LEVEL, Mapping(in_two_branches("A B C Y"))
    page = visit(question)
    page.locator("#scrub").fill("9")
    assert page.locator(".now .point").text_content() == "m 0p 0Y"
    page.keyboard.press("End")
    totals = {}
    for row in evaluate(*question).traffic_rows:
        key = (row.level, row.tensor, row.flow)
        totals[key] = totals.get(key, 0) + row.words
    assert counts_shown(page) == totals


def test_the_page_loads_nothing_and_names_cannot_become_markup():
    found = trace(*conv(SIMPLE))
    text = render_traces({"<img src=x onerror=alert(1)>": found}, "costmodel trace '</script>'")
    assert "<img" not in text
    assert text.count("</script>") == 2
    assert not re.search(r'<(?:script|img|iframe|link)[^>]+(?:src|href)="(?!data:)', text)
    assert scene(found) == scene(trace(*conv(SIMPLE)))


def test_a_page_needs_a_trace():
    with pytest.raises(ValueError, match="at least one"):
        render_traces({}, "")


# Values


def shown_in(page, tensor):
    """The numbers that stand in the grid of a tensor, in the order of its cells."""
    texts = page.locator(f".tensor[data-tensor='{tensor}'] svg text.value").all_text_contents()
    return [int(text.replace("−", "-")) if text else None for text in texts]


@pytest.fixture
def open_valued(browser, tmp_path):
    def go(question, **given):
        found = trace(*question)
        values = {"nest": valued(found, Stated(workload=found.workload), **given)}
        path = write_traces(tmp_path / "valued.html", {"nest": found}, "costmodel trace …", values)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    return go


@pytest.mark.parametrize("stationary", ["output", "weight"])
def test_values_move_from_cell_to_cell(open_valued, stationary):
    """What leaves a weight-stationary array below is the finished word; a stationary output is one in the end."""
    a, b = np.arange(16).reshape(4, 4) - 5, np.arange(16).reshape(4, 4)[::-1] - 7
    page = open_valued(systolic(stationary), arrays={"A": a, "B": b})
    product = a @ b
    assert page.locator("#values").is_checked()
    left = {}
    for _ in range(20):
        for word in page.locator(".word.outside").all():
            name, value = word.get_attribute("data-word"), word.get_attribute("data-value")
            if name.startswith("Z"):
                left[name] = int(value)
        page.keyboard.press("ArrowRight")
    if stationary == "weight":
        finished = {f"Z[{m},{n}]": product[m, n] for m in range(4) for n in range(4)}
        del finished["Z[3,3]"]  # it leaves with the last cycle
        assert left == finished
    assert shown_in(page, 2) == product.ravel().tolist()
    assert shown_in(page, 0) == a.ravel().tolist()
    page.keyboard.press("Home")
    if stationary == "output":  # the first product is there, others are not
        assert shown_in(page, 2) == [a[0, 0] * b[0, 0], *[None] * 15]


def test_a_switch_and_a_key_show_coordinates_or_values(open_valued):
    page = open_valued(systolic("output"), seed=3)
    assert not page.locator("#values").is_checked()  # nobody gave any
    word = page.locator(".word text").first
    assert word.text_content() == "0,0"
    page.keyboard.press("v")
    assert page.locator("#values").is_checked()
    assert word.text_content() != "0,0"
    page.locator("#values").click()
    assert word.text_content() == "0,0"
    assert shown_in(page, 0) == [None] * 16
    assert "random integers from -9 to 9 (seed 3)" in page.locator(".sources").text_content()


def test_partial_sums_follow_the_steps_there_and_back(open_valued):
    page = open_valued(conv(SIMPLE), arrays={"I": list(range(14)), "F": [1, 10, 100]})
    seen = []
    for _ in range(4):
        seen.append(shown_in(page, 2)[:2])
        page.keyboard.press("ArrowRight")
    assert seen == [[0, None], [10, None], [210, None], [210, 1]]
    page.keyboard.press("End")
    assert shown_in(page, 2) == [q + 10 * (q + 1) + 100 * (q + 2) for q in range(12)]
    for _ in range(2):
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert shown_in(page, 2)[:2] == [10, None]
