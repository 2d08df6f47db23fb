"""The tensors of a small workload are drawn on the page of its run, as `costmodel show --fibertree` draws them."""

import re
from dataclasses import replace

import pytest

import costmodel as cm
from costmodel.describe.fiber_picture import fibertrees_svg
from costmodel.describe.fibertree import fibertree
from costmodel.report.page.fibers import fibers_svg
from costmodel.report.page.run import render
from costmodel.report.read import read_run
from costmodel.report.write import write_run

EDGES = [[0, 1], [0, 3], [1, 2], [1, 4], [2, 3], [3, 4], [4, 5], [5, 0]]
GRAPH = {
    "name": "graph",
    "ranks": {"S": 6, "D": 6},
    "coordinates": {"G": EDGES},
    "values": {"A": [1, 0, 2, 3, 0, 5]},
    "einsums": ["N[s] = G[s, d] * A[d]", "E[s] = exp(N[s])"],
}


def run_of(tmp_path, content, **settings):
    """A run that was read back: its page is made of the folder alone."""
    run = cm.map("two_level", content, set=settings).run
    return read_run(write_run(tmp_path / "run", run))


def test_a_page_draws_the_words_that_its_workload_gives(tmp_path):
    run = run_of(tmp_path, GRAPH)
    trees = [
        fibertree("G", ["S", "D"], dict.fromkeys(map(tuple, EDGES)), 36),
        fibertree("A", ["D"], {(0,): 1, (2,): 2, (3,): 3, (5,): 5}, 6),
        *(fibertree(name, ["S"], dict.fromkeys((n,) for n in range(6)), 6) for name in "NE"),
    ]
    assert fibers_svg(run) == fibertrees_svg(trees)
    page = render(run)
    assert fibertrees_svg(trees) in page
    assert 'href="#fibers"' in page
    assert 'href="#needs"' in page


@pytest.mark.parametrize(
    ("content", "settings", "drawn"),
    [
        ("mm64", {}, []),
        ("mm64", {"ranks.M": 4, "ranks.N": 32, "ranks.K": 4}, ["A"]),
        ({**GRAPH, "ranks": {"S": 60, "D": 60}, "values": {}}, {}, ["G", "A", "N", "E"]),
        (GRAPH, {"ranks.S": 7}, ["G", "A", "N", "E"]),
    ],
)
def test_what_is_small_is_drawn_and_nothing_else(tmp_path, content, settings, drawn):
    run = run_of(tmp_path, content, **settings)
    assert re.findall(r"<text[^>]*>(\w+): [\d,]+ of", fibers_svg(run)) == drawn


def test_nothing_is_drawn_where_the_file_is_not_there_or_another_one(tmp_path):
    run = run_of(tmp_path, GRAPH)
    other = replace(run.inputs[1], text=re.sub('"?S"?: 6', "S: 9", run.inputs[1].text))
    for inputs in (), (run.inputs[0],), (run.inputs[0], other):
        assert fibers_svg(replace(run, inputs=inputs)) == ""
