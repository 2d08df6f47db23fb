"""Study files: ranges, objectives, and whether what they name exists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.spec.catalog import load_study
from costmodel.spec.load import parse
from costmodel.spec.problems import SpecError
from costmodel.spec.study import MAX_AXIS_VALUES, Study

HEAD = "arch: two_level\nworkload: mm64\n"


def load(text):
    return load_study(parse(HEAD + text, "s.yaml"))


def problems_of(text):
    with pytest.raises(SpecError) as caught:
        load_study(parse(text, "s.yaml"))
    return [str(p) for p in caught.value.problems]


def test_what_is_not_said():
    study = load("")
    assert (study.arch, study.workload) == (("two_level",), ("mm64",))
    assert (study.objective, study.seed, study.sampler) == (("energy",), 0, "grid")
    assert (study.trials, study.budget, study.points, study.einsums) == (None, None, None, None)
    assert (study.axes, study.set, study.constraints, study.design_points) == ({}, {}, (), 1)


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("objective: edp", "objective", ("edp",)),
        ("objective: energy,latency", "objective", ("energy", "latency")),
        ("objective: energy, latency", "objective", ("energy", "latency")),
        ("objective: [energy, area]", "objective", ("energy", "area")),
        ("objective: [edp, capacity]", "objective", ("edp", "capacity")),
        ("method: tpe", "method", "tpe"),
        ("method: tpe\ntrials: 200", "trials", 200),
        ("budget: 2 min", "budget", 120.0),
        ("budget: 30", "budget", 30.0),
        ("seed: 7", "seed", 7),
        ("constraints: ['Buffer keeps A']", "constraints", ("Buffer keeps A",)),
        ("einsums: Z", "einsums", ("Z",)),
        ("sampler: random\npoints: 9", "points", 9),
        ("set: {Buffer.size: 2 KiB, ranks.M: 32}", "set", {"Buffer.size": "2 KiB", "ranks.M": 32}),
    ],
)
def test_keys(text, field, value):
    assert getattr(load(text), field) == value


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("[32 KiB, 64 KiB]", ("32 KiB", "64 KiB")),
        ("[1024, 2 KiB, null]", (1024, "2 KiB", None)),
        ("{from: 4, to: 64, step: x2}", (4, 8, 16, 32, 64)),
        ("{from: 4, to: 63, step: x2}", (4, 8, 16, 32)),
        ("{from: 4, to: 16, step: '*2'}", (4, 8, 16)),
        ("{from: 4, to: 16, step: +4}", (4, 8, 12, 16)),
        ("{from: 4, to: 16, step: 4}", (4, 8, 12, 16)),
        ("{from: 4, to: 4, step: 1}", (4,)),
        ("{from: 32 KiB, to: 1 MiB, step: x4}", ("32 KiB", "128 KiB", "512 KiB")),
        ("{from: 32 KiB, to: 64 KiB, step: +16 KiB}", ("32 KiB", "48 KiB", "64 KiB")),
        ("{from: 32 KiB, to: 64 KiB, step: 16384 B}", ("32 KiB", "48 KiB", "64 KiB")),
        ("{from: 32 KiB, to: 64 KiB, step: 16}", ("32 KiB", "48 KiB", "64 KiB")),
    ],
)
def test_axes(axis, values):
    study = load(f"axes: {{Buffer.size: {axis}}}")
    assert study.axes == {"Buffer.size": values}
    assert study.design_points == len(values)


def test_steps_are_exact():
    study = load("axes: {Buffer.energy: {from: 0.1, to: 1, step: 0.1}}")
    assert study.axes["Buffer.energy"] == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


@given(st.integers(1, 50), st.integers(0, 200), st.integers(1, 20))
def test_ranges_that_add_are_those_of_python(first, span, step):
    axes = Study.model_validate(
        {"arch": "a", "workload": "w", "axes": {"x": {"from": first, "to": first + span, "step": step}}}
    ).axes
    assert axes["x"] == tuple(range(first, first + span + 1, step))


def test_the_grid_is_the_product_of_the_axes():
    assert load("axes: {Buffer.size: [1024, 2048], ranks.M: {from: 4, to: 16, step: x2}}").design_points == 6


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + "objective: latncy", "s.yaml:3:12: $.objective: no such objective: 'latncy' (did you mean"),
        (HEAD + "objectives: edp", "no such key 'objectives' (did you mean 'objective'?)"),
        (HEAD + "method: annealing", "'cmaes', 'random', 'gp' or 'qmc', got 'annealing'"),
        (HEAD + "trials: 0", "must be > 0, got 0"),
        (HEAD + "trials: 1e3", "must be a whole number, got 1000.0"),
        (HEAD + "budget: 3 pJ", "must be a time (ms, s, min, h), got an energy '3 pJ'"),
        (HEAD + "budget: 0", "must be greater than zero, got 0"),
        (HEAD + "seed: -1", "must be >= 0, got -1"),
        (HEAD + "axes: {Buffer.size: 3}", "must be a list of values or a range {from: …, to: …, step: …}, got 3"),
        (HEAD + "axes: {Buffer.size: []}", "an axis must have values, got an empty list"),
        (HEAD + "axes: {Buffer.size: {from: 1, too: 2}}", "no such key 'too' in a range (did you mean 'to'?)"),
        (HEAD + "axes: {Buffer.size: {from: 1, to: 2}}", "a range needs step"),
        (HEAD + "axes: {Buffer.size: {from: 4, to: 2, step: 1}}", "from must not be larger than to, got 4 and 2"),
        (HEAD + "axes: {Buffer.size: {from: 4, to: 8, step: x1}}", "step must multiply by more than 1, got 'x1'"),
        (HEAD + "axes: {Buffer.size: {from: 4, to: 8, step: 0}}", "step must be greater than zero, got 0"),
        (HEAD + "axes: {Buffer.size: {from: 4, to: 8, step: -1}}", "step must be greater than zero, got -1"),
        (HEAD + "axes: {Buffer.size: {from: 0, to: 8, step: x2}}", "from must be greater than zero when step"),
        (HEAD + "axes: {Buffer.size: {from: a, to: 8, step: 1}}", "from must be a number with or without a unit"),
        (HEAD + "axes: {Buffer.size: {from: 1 KiB, to: 8 pJ, step: 1}}", "'pJ' and 'KiB' do not measure the same"),
        (HEAD + "axes: {Buffer.size: {from: 1, to: 1e9, step: 1}}", f"more than {MAX_AXIS_VALUES:,} values"),
        (HEAD + "axes: {Buffer.size: [1 KiB, 64 QB]}", "s.yaml:3:29: $.axes.Buffer.size[1]: must be a size"),
        (HEAD + "axes: {Bufer.size: [1]}", "s.yaml:3:8: $.axes.Bufer.size: nothing is called 'Bufer' (did you"),
        (HEAD + "axes: {Buffer.sise: [1]}", "no such key 'sise' (did you mean 'size'?)"),
        (HEAD + "set: {Buffer.size: 0}", "s.yaml:3:20: $.set.Buffer.size: must be greater than zero, got 0"),
        (HEAD + "set: {ranks.M: 0}", "must be from 1 to"),
        ("arch: two_levle\nworkload: mm64", "s.yaml:1:7: $.arch: two_levle: no architecture or path is called"),
        ("arch: [two_level, pe]\nworkload: mm64", "s.yaml:1:19: $.arch[1]: pe: no architecture or path is called 'pe'"),
        ("arch: two_level\nworkload: mm6", "(did you mean 'mm64'?)"),
        ("arch: two_level\nobjective: edp", "required key 'workload' is missing"),
        ("arch: []\nworkload: mm64", "$.arch: must not be empty"),
        ("arch: [3]\nworkload: mm64", "must be text, got 3"),
        ("arch: [two_level, pe2d]\nworkload: mm64\nset: {Buffer.size: 3}", "pe2d has nothing that is called 'Buffer'"),
        ("arch: ./nowhere.yaml\nworkload: mm64", "no such file"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(text, problem):
    found = problems_of(text)
    assert any(problem in p for p in found), found


def test_files_beside_the_study_are_found(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\nlevels:\n- {memory: D, energy: 1}\n- {compute: M, energy: 1}\n")
    (tmp_path / "study.yaml").write_text("arch: [mine.yaml, two_level]\nworkload: mm64\n")
    study = load_study(tmp_path / "study.yaml")
    assert study.arch == ("mine.yaml", "two_level")  # the same wherever the command runs
    assert study.documents["arch", "mine.yaml"].marks.file == str(tmp_path / "mine.yaml")


def test_problems_of_references_and_keys_are_told_together():
    assert len(problems_of("arch: two_levle\nworkload: mm6\nseed: -1\nmethods: tpe\n")) == 4


def test_a_study_prints_as_it_reads():
    study = load("objective: energy,latency\naxes: {Buffer.size: {from: 1 KiB, to: 4 KiB, step: x2}}\nbudget: 1 min\n")
    assert Study.model_validate(study.model_dump(mode="json", exclude_none=True)) == study
