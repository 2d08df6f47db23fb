"""Designs that compute different things do not compete, and what a sweep shows says which is which."""

import json
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from report.samples import sweep_run

from costmodel.cli import app
from costmodel.cli.output import time_left
from costmodel.report import figures, tables
from costmodel.report.page.run import render
from costmodel.report.run import DesignPoint
from costmodel.report.text.sweep import sweep_text

STUDY = """\
name: sizes
arch: pe2d
workload: mm64
objective: [energy, latency]
axes: {ranks.M: [16, 64], PEs.shape.X: [4, 8], GLB.size: [32 KiB, 64 KiB]}
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "sizes.yaml").write_text(STUDY)
    result = CliRunner().invoke(app, ["sweep", str(folder / "sizes.yaml"), "--out", str(folder / "out")])
    assert result.exit_code == 0, result.output
    return result, folder / "out"


def test_designs_that_compute_different_things_do_not_beat_each_other(swept):
    result, folder = swept
    points = json.loads((folder / "result.json").read_text())["design_points"]
    assert [p["operations"] for p in points] == [16 * 64 * 64] * 4 + [64**3] * 4
    assert [p["computes"] for p in points] == ["mm64: ranks.M = 16"] * 4 + ["mm64: ranks.M = 64"] * 4
    # The smaller problem costs less everywhere, and beats none of the larger.
    best = [p["axes"]["ranks.M"] for p in points if p["pareto"]]
    assert set(best) == {16, 64}
    head, *_ = result.stdout.splitlines()
    assert head.split()[:4] == ["ranks.M", "PEs.shape.X", "GLB.size", "operations"]
    assert "* on the front: no other design beats it, of those that compute the same" in result.stdout
    assert (
        (folder / "sweep.csv")
        .read_text()
        .splitlines()[0]
        .startswith("ranks.M,PEs.shape.X,GLB.size,arch,workload,operations")
    )


def test_progress_has_the_units_of_the_table_and_the_time_left(swept):
    result, _ = swept
    lines = [text for text in result.stderr.splitlines() if text.startswith("[")]
    assert len(lines) == 8
    for text in lines:
        energy, latency = re.search(r": ([\d.]+ [µnmp]?J), ([\d.]+ [µnmp]?s), optimal", text).groups()
        assert re.search(rf"{energy} +{latency} ", result.stdout)
    assert all(re.search(r"s, about \d+ (s|min|h) left\] ", text) for text in lines[:-1])
    assert "left" not in lines[-1]


@pytest.mark.parametrize(
    ("passed", "share", "text"),
    [(60.0, 1 / 3, ", about 2 min left"), (1.0, 0, ""), (1.0, 1.0, ""), (7200.0, 0.5, ", about 2 h left")],
)
def test_time_left(passed, share, text):
    assert time_left(passed, share) == text


def test_the_page_counts_designs_and_has_a_front_for_each_computation(swept):
    _, folder = swept
    page = (folder / "report.html").read_text()
    assert "8 designs; " in page
    assert "Least EDP of mm64: ranks.M = 16" in page
    assert "each computation has a front of its own" in page


def designs(*costs: tuple[float, float, bool], **more: str) -> tuple[DesignPoint, ...]:
    return tuple(
        DesignPoint(axes={"X": n}, energy_pj=e, latency_cycles=c, clock_hz=1e9, pareto=best, **more)
        for n, (e, c, best) in enumerate(costs)
    )


def test_a_tile_of_equals_names_a_design_that_no_other_beats():
    run = replace(sweep_run(), design_points=designs((1.0, 9.0, False), (1.0, 5.0, True), (2.0, 4.0, True)))
    page = render(run)
    tile = page[page.index("Least energy") :][:400]
    assert "X 1" in tile
    assert "X 0" not in tile


def test_the_least_edp_counts_seconds_where_clocks_differ():
    slow, fast = designs((1.0, 5.0, True), (1.0, 9.0, True))
    run = replace(sweep_run(), design_points=(slow, replace(fast, clock_hz=4e9)))
    page = render(run)
    tile = page[page.index("Least EDP") :][:400]
    assert "X 1" in tile
    assert 'title="2.25e-09 pJ·s"' in page


def test_equal_designs_are_rings_around_each_other_that_name_each_other():
    run = replace(
        sweep_run(), design_points=designs((1.0, 9.0, True), (1.0, 9.0, True), (1.0, 9.0, True), (3.0, 2.0, True))
    )
    table = tables.sweep(run)
    figure = figures.sweep_scatter(table, tables.energy_latency_front(table), tables.sweep_axes(run), "X").figure()
    drawn = [(trace.marker.size[0], trace.hovertext[0]) for trace in figure.data if trace.customdata]
    sizes = [size for size, _ in drawn]
    assert sizes[0] > sizes[1] > sizes[2] == sizes[3]
    assert "the same costs: X = 1" in drawn[0][1]
    assert "the same costs: X = 0" in drawn[2][1]
    assert "the same" not in drawn[3][1]


def test_the_star_is_explained_where_there_is_one():
    assert "* on the front" in sweep_text(designs((1.0, 9.0, True), (2.0, 9.5, False)))
    assert "*" not in sweep_text(designs((1.0, 9.0, False)))


def test_several_architectures_are_told_apart_on_the_page():
    points = (*designs((1.0, 9.0, True), arch="a"), *designs((2.0, 5.0, True), arch="b"))
    run = replace(sweep_run(), design_points=points)
    assert tables.sweep_axes(run) == ["architecture", "X"]
    assert list(tables.sweep(run)["architecture"]) == ["a", "b"]
