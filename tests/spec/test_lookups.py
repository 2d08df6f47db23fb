"""Words that are looked up: which rows they lead to, and what is wrong with them."""

import pytest

from costmodel.einsum.algebra import Affine
from costmodel.spec.catalog import load_workload
from costmodel.spec.problems import SpecError

RANKS = {"M": 4, "D": 2, "V": 9}
EMBED = "E[m, d] = TABLE[V=TOKEN[m], d]"


def workload(*einsums, **keys):
    return load_workload({"name": "w", "ranks": RANKS, "einsums": list(einsums), **keys})


def table_of(*einsums, **keys):
    access = workload(*einsums, **keys).einsums[0].inputs[0]
    return access.indices[0]


def test_values_say_which_rows():
    assert table_of(EMBED, values={"TOKEN": [8, 3, 8, 0]}) == Affine((("m", 1),), 0, (8, 3, 8, 0))


def test_without_values_rows_come_in_turn():
    assert table_of(EMBED, distinct={"TOKEN": 3}).table == (0, 1, 2, 0)
    assert table_of(EMBED).table == (0, 1, 2, 3)
    assert table_of(EMBED, ranks={**RANKS, "V": 2}).table == (0, 1, 0, 1)


def test_several_ranks_and_offsets_of_what_is_looked_up():
    content = {"ranks": {**RANKS, "B": 2}, "values": {"TOKEN": [[0, 1, 2, 3, 4], [5, 6, 7, 8, 0]]}}
    index = table_of("E[b, m, d] = TABLE[V=TOKEN[b, m + 1], d]", **content)
    assert (index.terms, index.constant) == ((("b", 5), ("m", 1)), 1)
    assert [index.at({"b": b, "m": m}) for b in range(2) for m in range(4)] == [1, 2, 3, 4, 6, 7, 8, 0]


def test_the_table_is_stored_whole_and_is_a_weight():
    (einsum,) = workload(EMBED, values={"TOKEN": [8, 3, 8, 0]}).einsums
    table = einsum.tensors["TABLE"]
    assert (table.ranks, table.shape, table.role) == (("V", "D"), (9, 2), "weight")
    assert einsum.tensors["TOKEN"].role == "input"
    (einsum,) = workload("E[m, d] = TABLE[TOKEN[m], d]", ranks={"M": 4, "D": 2}).einsums
    assert (einsum.tensors["TABLE"].ranks, einsum.tensors["TABLE"].shape) == (("TOKEN", "D"), (4, 2))


@pytest.mark.parametrize(
    ("einsum", "keys", "message"),
    [
        (EMBED, {"values": {"TOKEN": [8, 3, 9, 0]}}, "9 in the values of TOKEN is no row of 9"),
        (EMBED, {"values": {"TOKEN": [8, 3, -1, 0]}}, "-1 in the values of TOKEN is no row of 9"),
        (EMBED, {"values": {"TOKEN": [8, 3, 0.5, 0]}}, "0.5 in the values of TOKEN is no row of 9"),
        (EMBED, {"values": {"TOKEN": [8, 3]}}, "values of TOKEN have the shape 2, it needs 4 (M)"),
        (EMBED, {"distinct": {"TOKEN": 10}}, "TOKEN has 10 different words, and there are 9 rows to look up"),
        (EMBED, {"distinct": {"TABLE": 2}}, "nothing is looked up by 'TABLE'"),
        (EMBED, {"distinct": {"TOKEN": 2}, "values": {"TOKEN": [0, 1, 2, 3]}}, "TOKEN has values, which say how many"),
        ("E[V=TOKEN[m], d] = A[m, d]", {}, "E[V=TOKEN[m], d] is written where TOKEN[m] says: that is no Einsum"),
    ],
)
def test_what_is_wrong_with_a_lookup(einsum, keys, message):
    with pytest.raises(SpecError) as caught:
        workload(einsum, **keys)
    assert any(message in problem.message for problem in caught.value.problems)
