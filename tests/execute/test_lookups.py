"""Running what looks words up: both engines, against NumPy."""

import numpy as np
import pytest
from click.testing import CliRunner

from costmodel.cli.show import command
from costmodel.execute.execution import execute
from costmodel.execute.given import given_values
from costmodel.spec.catalog import load_workload
from costmodel.spec.problems import SpecError

EMBEDDING = {
    "name": "w",
    "ranks": {"B": 2, "M": 3, "D": 4, "V": 5, "N": 2},
    "einsums": ["E[b, m, d] = TABLE[V=TOKEN[b, m], d]", "Z[n, b] = TABLE[V=TOKEN[b, m], d] * W[d, n]"],
}


@pytest.mark.parametrize("engine", ["numpy", "plain"])
def test_rows_are_looked_up(engine):
    workload = load_workload(EMBEDDING)
    table, tokens, w = np.arange(20).reshape(5, 4), np.array([[4, 0, 4], [1, 1, 2]]), np.arange(8).reshape(4, 2)
    found = execute(workload, {"TABLE": table, "TOKEN": tokens, "W": w}, engine=engine)
    assert (found["E"] == table[tokens]).all()
    assert (found["Z"] == np.einsum("bmd,dn->nb", table[tokens], w)).all()


@pytest.mark.parametrize("engine", ["numpy", "plain"])
@pytest.mark.parametrize("word", [5, -1, 0.5])
def test_a_word_that_is_no_row(engine, word):
    values = {"TABLE": np.ones((5, 4)), "TOKEN": np.full((2, 3), word), "W": np.ones((4, 2))}
    with pytest.raises(SpecError, match="in TOKEN is no row of 5"):
        execute(load_workload(EMBEDDING), values, engine=engine)


def test_tokens_that_are_not_given_are_those_that_costs_count():
    workload = load_workload({**EMBEDDING, "distinct": {"TOKEN": 2}})
    assert given_values(workload, {}, {}).arrays["TOKEN"].tolist() == [[0, 1, 0], [1, 0, 1]]


def test_a_program_looks_rows_up(tmp_path):
    (tmp_path / "w.yaml").write_text(
        "name: w\nranks: {M: 3, D: 2, V: 5}\nvalues: {TOKEN: [4, 0, 4]}\neinsums: ['E[m, d] = TABLE[V=TOKEN[m], d]']\n"
    )
    (tmp_path / "nest.yaml").write_text(
        "arch: two_level\nworkload: ./w.yaml\nnest: [store TABLE TOKEN E in MainMemory, for m by 1, for d by 1, "
        "store TABLE TOKEN E in Buffer, compute E on MAC]\n"
    )
    for language, words in (("python", "TABLE[int(TOKEN["), ("c", "TABLE[(long)(TOKEN[")):
        shown = CliRunner().invoke(command, [str(tmp_path / "nest.yaml"), "--as", language])
        assert words in shown.stdout, shown.output
