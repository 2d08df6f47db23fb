"""The page of buffer-size curves: the figure, the tables, and what a reader does with them in a browser."""

import re
from dataclasses import replace

import pytest
from problems import PE2D, TWO_LEVEL, einsum, gemm
from report.drawn import held
from strategies import workload_of

from costmodel.einsum.algebra import Workload
from costmodel.mapper.cascade_curve import cascade_curve
from costmodel.mapper.curve import buffer_curve
from costmodel.report import figures
from costmodel.report.curves import curve_table
from costmodel.report.curves import curves_of as drawn_of
from costmodel.report.page.curve import render_curves, write_curves

FACTS = [("made", "2025-01-01T00:00:00+00:00"), ("command", "costmodel curve two_level w Buffer --out curves.html")]


def workload(**einsums):
    return Workload("w", "", tuple(replace(e, name=name) for name, e in einsums.items()))


ONE = workload(Z=gemm(64, 64, 64))
THREE = workload(a=gemm(8, 4, 8), b=gemm(16, 16, 4), c=gemm(8, 4, 8))
HOSTILE = Workload("<img src=x onerror=alert(1)>", "", (replace(gemm(4, 4, 4), name="</script><b>Z"),))


def curves_of(work, architecture=TWO_LEVEL, level="Buffer"):
    return [buffer_curve(e, architecture, level) for e in work.einsums]


def page_of(work, architecture=TWO_LEVEL, level="Buffer"):
    memory = architecture.level(level)
    return render_curves(curves_of(work, architecture, level), work, memory, architecture.name, FACTS)


def figure_of(work, architecture=TWO_LEVEL, level="Buffer"):
    table = curve_table(drawn_of(curves_of(work, architecture, level), None, work, alike=True))
    return figures.buffer_curves(
        table, level, architecture.memories[0].name, architecture.level(level).capacity_bits
    ).figure()


def test_the_figure_has_a_falling_staircase_with_all_corners():
    (curve,) = curves_of(ONE)
    figure = figure_of(ONE)
    corners = figure.data[-1]
    assert list(corners.x) == [p.capacity_bits / 8 for p in curve.points]
    assert list(corners.y) == [p.traffic_bits / 8 for p in curve.points]
    assert list(corners.customdata) == list(range(len(curve.points)))
    assert figure.data[1].line.shape == "hv"
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert "(bytes)" in figure.layout.xaxis.title.text
    assert "(bytes)" in figure.layout.yaxis.title.text
    assert not figure.layout.showlegend


def test_the_capacity_stands_upright_and_the_compulsory_traffic_lies_flat():
    figure = figure_of(ONE)
    (upright,) = figure.layout.shapes
    assert (upright.x0, upright.x1) == (1024, 1024)
    assert set(figure.data[0].y) == {3 * 64 * 64}
    assert {a.text for a in figure.layout.annotations} == {"compulsory: 12 KiB", "Buffer: 1 KiB"}
    levels = (TWO_LEVEL.levels[0], replace(TWO_LEVEL.levels[1], capacity_bits=None), TWO_LEVEL.levels[2])
    assert not figure_of(ONE, replace(TWO_LEVEL, levels=levels)).layout.shapes


def test_hover_tells_the_corner_and_the_nest_that_attains_it():
    (text,) = [x for x in figure_of(ONE).data[-1].hovertext if "529 B" in x]
    assert "28 KiB (28,672 words) between MainMemory and Buffer" in text
    assert "2.33 × compulsory" in text
    assert "MainMemory[A B Z]" in text


def test_equal_curves_are_drawn_once_and_every_einsum_has_a_row():
    figure = figure_of(THREE)
    assert [t.name for t in figure.data if t.mode == "lines" and t.showlegend is None] == ["a and 1 alike", "b"]
    assert figure.layout.showlegend
    page = page_of(THREE)
    standing = page[page.index('id="curve-standing"') :]
    assert all(f"<td>{name}</td>" in standing for name in "abc")


def test_the_start_is_the_corner_where_the_level_is():
    front = held(page_of(ONE))["fronts"]["curve"]
    assert front["titles"][str(front["start"])] == "Z: 529 B or more"
    assert "2.33 × compulsory" in front["facts"][str(front["start"])]


def test_a_whole_workload_is_drawn_first_and_a_click_shows_what_is_fused():
    work = workload_of("Y[m, n] = A[m, k] * B[k, n]", "Z[m, p] = Y[m, n] * C[n, p]", m=16, k=8, n=8, p=8)
    whole = cascade_curve(work, TWO_LEVEL, "Buffer", fuse="auto")
    page = render_curves(whole.einsums, work, TWO_LEVEL.level("Buffer"), "two_level", FACTS, whole)
    data = held(page)
    lines = [t["name"] for t in data["figures"]["curve"]["data"] if t["mode"] == "lines" and t.get("name")]
    assert lines == ["whole workload, unfused", "whole workload, fused", "Y and 1 alike"]
    front = data["fronts"]["curve"]
    last = len(whole.unfused.points) + len(whole.fused.points) - 1
    assert front["titles"][str(last)] == "whole workload, fused: 137 B or more"
    assert front["facts"][str(last)][1] == "384 words"
    assert front["start"] == last
    assert [len(front["nests"][str(k)]) for k in (0, last)] == [3, 2]
    assert "1.67 × as much" in page


def test_a_level_without_room_says_so():
    levels = (TWO_LEVEL.levels[0], replace(TWO_LEVEL.levels[1], capacity_bits=16), TWO_LEVEL.levels[2])
    assert "nothing fits" in page_of(ONE, replace(TWO_LEVEL, levels=levels))


def test_a_curve_that_is_not_proven_says_so():
    (curve,) = curves_of(ONE)
    level = TWO_LEVEL.level("Buffer")
    text = render_curves([replace(curve, proven=False)], ONE, level, "two_level", FACTS)
    assert "best found, not proven, for want of time: Z" in text


def test_names_cannot_become_markup():
    page = page_of(HOSTILE)
    assert "<img" not in page
    assert page.count("</script>") == 3
    assert "<img" not in "".join(held(page)["later"])


def test_nothing_is_loaded_and_the_same_curves_give_the_same_bytes(tmp_path):
    (curve,) = curves_of(ONE)
    level = TWO_LEVEL.level("Buffer")
    path = write_curves(tmp_path / "new" / "curves.html", [curve], ONE, level, "two_level", FACTS)
    assert path.read_text(encoding="utf-8") == render_curves([curve], ONE, level, "two_level", FACTS)
    assert not re.search(r'<(?:script|img|iframe|link)[^>]+(?:src|href)="(?!data:)', path.read_text(encoding="utf-8"))


def test_a_page_needs_a_curve():
    with pytest.raises(ValueError, match="at least one"):
        render_curves([], ONE, TWO_LEVEL.level("Buffer"), "two_level", FACTS)


# In a browser


@pytest.mark.parametrize(("name", "width"), [("several", 1280), ("hostile", 390), ("windows", 390)])
def test_the_page_opens_in_silence_and_a_click_on_a_corner_shows_its_nest(browser, tmp_path, name, width):
    windows = workload(O=einsum("O[m, p]", "I[c, p+r]", "F[m, c, r]", weights="F", m=8, c=4, p=14, r=3))
    text = {
        "several": lambda: page_of(THREE),
        "hostile": lambda: page_of(HOSTILE),
        "windows": lambda: page_of(windows, PE2D, "GLB"),
    }[name]()
    path = tmp_path / "curves.html"
    path.write_text(text, encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 1000})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("#curve-plot .scatterlayer .points path", timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    marker = page.locator("#curve-plot .scatterlayer .points path").first
    marker.scroll_into_view_if_needed()
    box = marker.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#curve-plot .hoverlayer text")
    assert "operations per byte" in page.locator("#curve-plot .hoverlayer").text_content()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "or more" in page.locator(".side h3").text_content()
    assert "compute" in page.locator(".side .nest").text_content()
    page.set_viewport_size({"width": 2560 if width > 390 else 1280, "height": 1000})
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
    assert said == []
    assert [url for url in asked if url != path.as_uri() and not url.startswith(("data:", "blob:"))] == []
    page.close()
