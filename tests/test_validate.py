"""Published numbers against the model: every row within its tolerance, and the page as the command makes it."""

import csv
import io
import json

import pytest
from commands import run
from pages import DOCS
from report.drawn import held

import costmodel as cm
from costmodel.validate import gemmini, gpus, groups
from costmodel.validate.groups import NAMES, asked
from costmodel.validate.judge import judged
from costmodel.validate.markdown import markdown, section
from costmodel.validate.records import EXACT, Calibration, Case, CaseGroup, CaseSummary, Roof, mean_error, within

PAGE = DOCS / "validation.md"


@pytest.mark.parametrize("name", NAMES)
def test_fast_rows_are_within_their_tolerance_and_stand_on_the_page(name):
    ((group, cases),) = asked([name], fast=True) or [(groups.group(name), [])]
    rows = list(judged(group, cases))
    assert [(row.key, row.quantity, row.error) for row in rows if row.status == "outside"] == []
    if len(cases) == len(group.cases()):
        assert section(group, rows) in PAGE.read_text(encoding="utf-8")


@pytest.mark.long
def test_the_page_is_what_the_command_makes():
    found = [(group, list(judged(group, cases))) for group, cases in asked([], fast=False)]
    assert [(row.key, row.quantity, row.error) for _, rows in found for row in rows if row.status == "outside"] == []
    assert PAGE.read_text(encoding="utf-8") == markdown(found)


def of(name, published, made, **more):
    return Case(
        **{"name": name, "quantity": "words", "published": published, "ours": lambda: made, "source": "S"}
        | {"tolerance": within(0.1)}
        | more
    )


@pytest.fixture
def shown(monkeypatch):
    """Have the command show these cases alone."""

    def show(*cases, summaries=()):
        one = CaseGroup(name="one", title="T", about="A.", cases=lambda: cases, summaries=summaries)
        monkeypatch.setattr(groups, "NAMES", ("one",))
        monkeypatch.setattr(groups, "group", {"one": one}.__getitem__)

    return show


def test_a_row_that_leaves_its_tolerance_is_told_and_ends_with_1(shown):
    shown(of("near", 100, 109), of("far", 100, 111))
    result = run("validate", code=1)
    assert [line.split() for line in result.stdout.splitlines() if line.startswith(("near", "far"))] == [
        ["near", "words", "100", "109", "+9.0", "%", "±", "10", "%"],
        ["far", "words", "100", "111", "+11.0", "%", "±", "10", "%", "OUTSIDE"],
    ]
    assert "2 rows, 1 outside of tolerance" in result.stdout
    assert "far" not in run("validate", "--only", "one/near").stdout


def test_a_summary_is_held_to_its_limit_where_all_its_rows_are_run(shown):
    summary = CaseSummary(name="mean", quantity="words", of=mean_error, at_most=0.02)
    shown(of("a", 100, 101), of("b", 100, 105, slow=True), summaries=(summary,))
    assert "mean" not in run("validate", "--fast").stdout
    rows = json.loads(run("validate", "--json", code=1).stdout)["rows"]
    assert [(row["name"], row["status"]) for row in rows] == [("a", "within"), ("b", "within"), ("mean", "outside")]
    assert rows[-1]["ours"] == pytest.approx(3)


def test_a_calibration_is_named_and_both_errors_are_told(shown):
    calibration = Calibration("start of a pass", 21, "cycles", "a fit")
    shown(of("a", 100, 70, calibrated=lambda: 98, calibration=calibration, tolerance=within(0.05)))
    (row,) = csv.DictReader(io.StringIO(run("validate", "--csv").stdout))
    assert (row["error"], row["error_uncalibrated"]) == (str(98 / 100 - 1), str(70 / 100 - 1))
    assert row["calibration"] == "start of a pass: 21 cycles (a fit)"


def test_a_bound_may_be_left_by_its_calibration_alone(shown):
    calibration = Calibration("start", 21, "cycles", "a fit")
    more = {"calibrated": lambda: 120, "calibration": calibration, "bounds": True, "tolerance": within(0.1)}
    shown(of("a", 100, 95, **more), of("b", 100, 85, **more))
    lines = {line[0]: line for line in run("validate", code=1).stdout.splitlines() if line[:2] in {"a ", "b "}}
    assert "± 10 % (uncalibrated)" in lines["a"]
    assert [name for name, line in lines.items() if "OUTSIDE" in line] == ["b"]


def test_the_shipped_gemmini_is_no_slower_than_its_rtl():
    """DOSA's tiles of three layers: one that is bound by its passes, one by the bus, one of a single tile."""
    listed = gemmini.published("gemmini")["rows"]
    for *sizes, measured in listed[:: len(listed) // 2]:
        layer = gemmini.TiledLayer(*sizes)
        room = {
            "scratchpad.size": f"{16 * layer.scratchpad_rows} B",
            "accumulator.size": f"{64 * layer.accumulator_rows} B",
        }
        ours = cm.evaluate("gemmini", layer.workload, mapping={"nest": layer.nest}, set=room).latency_cycles
        assert layer.least_cycles <= ours <= measured, layer.name


def test_a_measurement_that_beats_its_machine_is_refused_with_the_arithmetic(shown):
    """65,536 keys and values of 32 heads of 128 words of 2 B are 1.07 GB: 0.527 ms at 2,039 GB/s."""
    kv = Roof(name="HBM", amount=2 * 65536 * 32 * 128 * 2, rate=2.039e12, unit="B", seconds=0.4e-3)
    shown(of("decode", 0.4, None, roofs=(kv,)), of("words", 4, 4, tolerance=EXACT))
    result = run("validate")
    told = " ".join(result.stdout.split())
    assert "HBM: 1.07374e+09 B at 2.039e+12 B/s take 0.000526602 s, 0.0004 s are said" in told
    assert "2 rows, all within tolerance, 1 refused" in result.stdout


def test_a_row_that_cannot_be_made_is_named(shown):
    shown(of("a", 1, 1, ours=lambda: cm.load_workload("mm64", set={"ranks.M": -1})))
    assert "one/a, words: " in run("validate", code=1).stderr


def test_rows_that_are_not_there_are_named_with_what_is_near():
    assert (
        "no group of rows is called 'scalsim' (did you mean 'scalesim'?)"
        in run("validate", "--only", "scalsim", code=1).stderr
    )
    said = run("validate", "--only", "eyeriss/CONV1", code=1).stderr
    assert "begins with 'CONV1' (there are: AlexNet CONV1; VGG-16 CONV1-1; VGG-16 CONV1-2)" in said
    said = run("validate", "--fast", "--only", "dataflows", code=1).stderr
    assert "all rows of dataflows that are asked for are slow (leave out --fast)" in said
    assert "no row of scalesim begins with 'outputs'" in run("validate", "--only", "scalesim/outputs", code=1).stderr


def test_a_page_is_html_or_markdown(shown, tmp_path):
    shown(of("a", 100, 105), of("b", 100, 80))
    assert "neither *.html nor *.md" in run("validate", "--out", tmp_path / "page.txt", code=2).stderr
    run("validate", "--out", tmp_path / "page.html", code=1)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "ours / published" in json.dumps(held(page))
    assert "2 rows, 1 outside of tolerance" in page
    run("validate", "--out", tmp_path / "page.md", code=1)
    assert "| a | words | 100 | 105 | +5.0 % | ± 10 % |" in (tmp_path / "page.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("seconds", "beaten"), [(0.06583e-3, []), (0.06582e-3, ["HBM, weights alone: 1.34218e+08 B at 2.039e+12 B/s"])]
)
def test_a_product_that_is_said_to_stream_weights_faster_than_its_memory_is_refused(seconds, beaten):
    """8192 × 8192 weights of 16 bits are 134,217,728 B: 65.83 us of an A100's 2039 GB/s."""
    found = [
        roof.beaten() for roof in gpus.roofs(gpus.MeasuredProduct("a100", 1, 8192, 8192), 311.9e12, 2039e9, seconds)
    ]
    assert [text.split(" take ")[0] for text in found if text] == beaten


def test_a_wave_is_a_rectangle_of_tiles():
    """4096 × 4096 in tiles of 128 × 256 is 32 × 16 of them; 12 × 9 work at a time: 3 × 2 waves."""
    tiling = gpus.Tiling(128, 256, 12, 9)
    assert tiling.waves(gpus.MeasuredProduct("a100", 4096, 4096, 4096)) == 3 * 2
