"""Design points: the whole grid in order, or what a sampler asks for, the same every time."""

from __future__ import annotations

import pytest

from costmodel.spec.problems import SpecError
from costmodel.spec.study import Study
from costmodel.sweep.designs import Design, Grid, asked, grid, size, source_of


def study(**keys) -> Study:
    base = {
        "arch": "two_level",
        "workload": "gemm",
        "axes": {"Buffer.size": ["1 KiB", "2 KiB", "4 KiB"], "MAC.throughput": {"from": 1, "to": 8, "step": "x2"}},
    }
    return Study.model_validate(base | keys)


def cost_of(design: Design) -> tuple[float, ...] | None:
    size_text, rate = (value for _, value in design.axes)
    if size_text == "1 KiB":
        return None
    return (float(size_text.split()[0]) / rate,)


def played(source) -> list[Design]:
    """All that a source gives, each told when nothing more comes."""
    designs, told = [], 0
    while True:
        while (design := source.ask()) is not None:
            designs.append(design)
        if told == len(designs):
            return designs
        source.tell(designs[told], cost_of(designs[told]))
        told += 1


def test_the_grid_runs_through_every_combination_last_axis_fastest():
    points = list(grid(study(arch=["two_level", "pe2d"])))
    assert len(points) == size(study(arch=["two_level", "pe2d"])) == 24
    assert [str(p) for p in points[:3]] == [f"Buffer.size=1 KiB, MAC.throughput={n}" for n in (1, 2, 4)]
    assert {p.arch for p in points[:12]} == {"two_level"}


def test_points_limit_the_grid():
    assert len(played(Grid(study(points=5)))) == asked(study(points=5)) == 5


def test_a_study_without_axes_is_one_point():
    source = source_of(study(axes={}))
    assert (str(source.ask()), source.ask()) == ("gemm on two_level", None)


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2", "cmaes", "qmc"])
def test_a_sampler_asks_for_each_point_once_and_the_same_ones_again(sampler):
    asked_for = study(sampler=sampler, points=9, seed=4)
    first = played(source_of(asked_for))
    assert len(first) == len(set(first)) == 9
    assert first == played(source_of(asked_for))
    assert set(first) <= set(grid(asked_for))


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_sampler_ends_when_the_space_is_exhausted(sampler):
    found = played(source_of(study(sampler=sampler, points=500)))
    assert set(found) == set(grid(study()))


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_what_a_sampler_asks_does_not_depend_on_which_costs_come_first(sampler):
    def in_order(oldest_first):
        source = source_of(study(sampler=sampler, points=11, seed=1))
        designs, running = [], []
        while True:
            while len(running) < 3 and (design := source.ask()) is not None:
                designs.append(design)
                running.append(design)
            if not running:
                return designs
            done = running.pop(0 if oldest_first or len(running) < 3 else 1)
            source.tell(done, cost_of(done))

    assert in_order(oldest_first=True) == in_order(oldest_first=False)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"sampler": "cmaes", "objective": ["energy", "latency"]}, "makes one objective small, not energy, latency"),
        ({"sampler": "gp"}, "sampler 'gp' needs torch (pip install torch)"),
    ],
)
def test_a_sampler_that_cannot_do_what_is_asked_says_so(keys, said, monkeypatch):
    monkeypatch.setattr("costmodel.spec.methods.find_spec", lambda name: None if name == "torch" else name)
    with pytest.raises(SpecError) as error:
        source_of(study(**keys))
    assert said in str(error.value)


def test_keys_tell_designs_apart():
    keys = {design.key for design in grid(study(arch=["two_level", "pe2d"]))}
    assert len(keys) == 24
