"""What is said beside a result: guessed roles where they decide, prices that stay behind a size."""

import pytest

from costmodel.report.notes import price_notes, role_notes
from costmodel.spec.catalog import load_architecture, load_workload

GUESSED = "name: w\nranks: {M: 4, K: 4}\neinsums:\n- {einsum: 'Z[m] = B[k] * A[k, m]'}\n"


@pytest.fixture
def guessed(tmp_path):
    (tmp_path / "guessed.yaml").write_text(GUESSED)
    return load_workload(tmp_path / "guessed.yaml")


@pytest.mark.parametrize(
    ("arch", "sentences", "decides"),
    [
        ("gemmini", (), True),  # keeps weights apart, and its array holds them still
        ("eyeriss_v1", (), True),
        ("pe2d", (), False),
        ("pe2d", ("weight_stationary",), True),
        ("pe2d", ("output_stationary",), False),
        ("pe2d", ("GLB bypasses weight",), True),
    ],
)
def test_a_guessed_role_is_noted_where_it_decides(guessed, arch, sentences, decides):
    notes = role_notes(guessed, load_architecture(arch), sentences)
    assert [("A (weight)" in note, "B (input)" in note) for note in notes] == [(True, True)] * decides


def test_a_stated_role_is_not_noted(tmp_path):
    (tmp_path / "stated.yaml").write_text(GUESSED + "  weights: [A]\n".replace("  ", ""))
    assert role_notes(load_workload(tmp_path / "stated.yaml"), load_architecture("gemmini")) == []


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["GLB.size=64KiB"], ["GLB"]),
        (["GLB.size=64KiB", "RF.size=1KiB"], ["GLB", "RF"]),
        (["GLB.size=64KiB", "GLB.energy=7 pJ"], []),
        (["GLB.size=32768 words"], []),  # what the file says
        (["GLB.bandwidth=1 words/cycle"], []),
        (["PEs.shape.X=4"], []),  # priced at nothing
    ],
)
def test_prices_that_do_not_follow_a_size_are_noted(overrides, named):
    notes = price_notes(load_architecture("pe2d"), load_architecture("pe2d", overrides))
    assert [note.split()[0] for note in notes] == named
