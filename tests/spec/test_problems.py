"""Problems print as file:line:column: path: rule (hint); marks find the nearest place."""

import pytest

from costmodel.spec.problems import Marks, Problem, SpecError, did_you_mean, path_text

MARKS = Marks(
    "a.yaml",
    keys={("levels",): (2, 1, 0)},
    values={(): (1, 1, 0), ("levels",): (3, 3, 0), ("levels", 0): (3, 5, 0), ("levels", 0, "keep"): (4, 9, 1)},
    aliases={("levels", 1): ("levels", 0)},
    overrides={("clock",): "--set clock=0"},
)


def test_a_problem_prints_everything_it_knows():
    problem = Problem("must be a size", "a.yaml", 3, 9, "$.levels[0].size", "write KiB", "  size: x\n        ^")
    assert str(problem) == "a.yaml:3:9: $.levels[0].size: must be a size (write KiB)\n  size: x\n        ^"


def test_a_problem_prints_nothing_that_it_does_not_know():
    assert str(Problem("is empty", "a.yaml")) == "a.yaml: is empty"
    assert str(Problem("is wrong")) == "is wrong"


def test_an_error_shows_all_problems():
    assert str(SpecError([Problem("one"), Problem("two")])) == "one\ntwo"


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        (("levels", 0), False, ("a.yaml", 3, 5)),
        (("levels",), True, ("a.yaml", 2, 1)),
        (("levels", 0, "size"), False, ("a.yaml", 3, 5)),  # not written: the level it is missing from
        (("levels", 1, "keep"), False, ("a.yaml", 4, 9)),  # through an alias
        (("clock",), False, ("--set clock=0", 0, 0)),
        (("name",), False, ("a.yaml", 1, 1)),
    ],
)
def test_marks_find_the_nearest_place(path, key, place):
    assert MARKS.at(path, key=key) == place


def test_an_offset_counts_behind_the_opening_quote():
    assert MARKS.problem("x", ("levels", 0, "keep"), offset=3).column == 9 + 1 + 3


def test_an_offset_does_not_move_a_place_that_is_only_near():
    assert MARKS.problem("x", ("levels", 0, "size"), offset=3).column == 5


def test_without_a_file_a_problem_shows_its_path():
    assert str(Marks().problem("is wrong", ("levels", 1, "size"))) == "$.levels[1].size: is wrong"


def test_path_text():
    assert path_text(()) == "$"
    assert path_text(("nest", 3, "sequence", 0)) == "$.nest[3].sequence[0]"


def test_did_you_mean_lists_what_is_known_when_nothing_is_near():
    assert did_you_mean("xyz", ["GLB", "DRAM"]) == "known: GLB, DRAM"
    assert did_you_mean("xyz", []) == ""
