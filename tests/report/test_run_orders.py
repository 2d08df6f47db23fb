"""The orders of the loops on the page of a run: those of `costmodel orders`, while there are few of them."""

from strategies import in_two_branches

import costmodel as cm
from costmodel.orders.costs import order_costs
from costmodel.orders.tiled import read_tiles, tiled
from costmodel.report import human
from costmodel.report.page import run_orders as section
from costmodel.report.page.run import render
from costmodel.report.page.run_orders import run_orders
from costmodel.spec.catalog import load_pair
from costmodel.spec.mapping import Mapping


def run_of(tile, **workload):
    architecture, loaded = load_pair("two_level", workload or "mm64")
    mapping = tiled(loaded.einsums[0], architecture, read_tiles([tile], architecture))
    run = cm.evaluate(architecture, loaded, mapping=mapping).run
    return run, order_costs(loaded, architecture, mapping)


def test_a_page_has_what_the_orders_of_its_loops_cost():
    run, costs = run_of("Buffer.m=16,n=16,k=16")
    (shown,) = run_orders(run).costed
    table, words = shown.tables
    assert (
        shown.summary
        == "36 permutations of the loops m n k below MainMemory (6) × m n k below Buffer (6): 2 distinct costs"
    )
    assert [row[1].key for row in table.rows] == [b.evaluation.energy_pj for b in costs.behaviours]
    assert [row[4].key for row in table.rows] == [12, 12, 12]
    read = [row[2:] for row in words.rows if (row[0].text, row[1].text) == ("Buffer", "Z")]
    assert [cell.text for cell in read[0]] == ["524,288", "548,864", "548,864"]
    page = render(run)
    assert page == render(run)
    assert f">{human.joules(6_270_976)}</td>" in page.split('id="orders"')[1]
    assert 'href="#orders"' in page


def test_what_is_too_large_is_left_out_with_the_reason_and_the_command():
    conv = "O[n, m, p, q] = I[n, c, p + r, q + s] * F[m, c, r, s]"
    run, _ = run_of("Buffer.m=1", name="conv", ranks=dict.fromkeys("NMPQCRS", 2), einsums=[conv])
    found = run_orders(run)
    assert (found.costed, found.single) == ((), "")
    assert found.left_out == (("O", "720 orders below Buffer: more than the 120 that a page costs"),)
    assert "costmodel orders two_level conv --mapping …/mapping.yaml" in render(run)


def test_the_most_expensive_come_first_and_of_the_others_there_may_be_none_left(monkeypatch):
    text = ["X[m, n] = A[m, k] * B[k, n]", {"einsum": "Y[l, n] = X[M=k, N=l] * C[k, n]", "count": 3}, "S[n] = D[n]"]
    ranks = {"M": 6, "K": 6, "N": 4, "L": 4}
    architecture, loaded = load_pair("two_level", {"name": "three", "ranks": ranks, "einsums": text})
    mappings = [tiled(e, architecture, read_tiles(["Buffer.n=2"], architecture)) for e in loaded.einsums]
    run = cm.evaluate(architecture, loaded, mapping=mappings).run
    found = run_orders(run)
    assert [one.name for one in found.costed] == ["Y", "X"]
    assert found.single == "S"
    monkeypatch.setattr(section, "MOST", 8)
    found = run_orders(run)
    assert [one.name for one in found.costed] == ["Y"]
    assert found.left_out == (("X", "6 orders below Buffer, after those of what takes more energy: a page costs 8"),)


def test_layers_that_are_alike_are_costed_once():
    layer = {"einsum": "Z[m, n] = A[m, k] * B[k, n]", "ranks": {"M": 6, "K": 4, "N": 4}}
    content = {"name": "layers", "einsums": [{"name": name, **layer} for name in ("one", "two", "three")]}
    architecture, loaded = load_pair("two_level", content)
    tiles = ["Buffer.n=2", "Buffer.n=2", "Buffer.n=4"]
    mappings = [
        tiled(e, architecture, read_tiles([t], architecture)) for e, t in zip(loaded.einsums, tiles, strict=True)
    ]
    found = run_orders(cm.evaluate(architecture, loaded, mapping=mappings).run)
    assert [one.name for one in found.costed] == ["one, two", "three"]


def test_a_count_that_looks_at_many_tiles_is_left_out_and_the_page_is_made(monkeypatch):
    monkeypatch.setattr(section, "PATIENT", 2**30)
    run, _ = run_of("Buffer.m=5,k=3", name="twice", ranks={"M": 16, "K": 8}, einsums=["Z[m] = X[m + k] * X[m + 2*k]"])
    ((name, reason),) = run_orders(run).left_out
    assert (name, "tiles" in reason) == ("Z", True)


def test_a_fused_nest_counts_as_often_as_it_has_einsums(monkeypatch):
    text = ["X[m, p] = A[m, k] * B[k, p]", "Y[m, p] = exp(X[m, p])"]
    architecture, loaded = load_pair("two_level", {"name": "w", "ranks": {"M": 6, "P": 4, "K": 3}, "einsums": text})
    run = cm.evaluate(architecture, loaded, mapping=Mapping(in_two_branches("A B Y"))).run
    assert run_orders(run).costed[0].summary.startswith("12 permutations")
    monkeypatch.setattr(section, "MOST", 23)
    assert run_orders(run).costed[0].summary.startswith("7 permutations")  # each group alone
