"""What a network counts, on a mesh of 4 × 4: the example of docs/counting.md by hand, its limits, and the search."""

from dataclasses import replace

import pytest
from asking import map_einsum
from problems import gemm

from costmodel.components.network import Network
from costmodel.einsum.algebra import Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.uneven.bound import lower_bound
from costmodel.model.evaluate import evaluate
from costmodel.model.explain.answer import explain
from costmodel.spec.decisive import family_of
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Mapping, Spatial, Storage, Temporal

MESH = Network(topology="mesh", link_bits=8)
WORKLOAD = Workload("w", "", (gemm(4, 4, 4),))
ACROSS = (Storage(("A", "B", "Z"), "DRAM"), Spatial("m", 1, "PEs", "X"), Spatial("n", 1, "PEs", "Y"))
STATIONARY = Mapping((*ACROSS, Storage(("Z",), "RF"), Temporal("k", 1), Storage(("A", "B"), "RF"), Compute("E", "MAC")))
STRAIGHT = Mapping((*ACROSS, Temporal("k", 1), Compute("E", "MAC")))


def machine(network: Network = MESH, **said) -> Architecture:
    levels = (
        Memory(name="DRAM", read_pj=1, write_pj=1),
        Array(name="PEs", shape={"X": 4, "Y": 4}, hop_pj=5, network=network, **said),
        Memory(name="RF", may_keep=("input", "weight", "output"), read_pj=1, write_pj=1),
        ComputeUnit(name="MAC"),
    )
    return Architecture(name="connected", levels=levels)


def test_words_that_enter_and_words_that_are_delivered_take_links():
    """48 words enter or leave, 144 are delivered or collected; 3.2 and 0.8 links of each."""
    cost = evaluate(WORKLOAD, machine(), STATIONARY)
    rows = {(r.action, r.tensor): (r.count, r.energy_pj) for r in cost.action_rows if r.component == "PEs"}
    assert rows == {
        **{("enter", t): (16, pytest.approx(16 * 3.2 * 5)) for t in "ABZ"},
        **{("hop", t): (64, pytest.approx(64 * 0.8 * 5)) for t in "AB"},
        ("hop", "Z"): (16, pytest.approx(16 * 0.8 * 5)),
    }
    assert sum(pj for _, pj in rows.values()) / 5 == pytest.approx(268.8)
    assert {r.component: r.cycles for r in cost.latency_rows} == {"PEs": 48, "MAC": 4}
    told = explain(WORKLOAD, machine(), (STATIONARY,), cost, "PEs.latency")
    assert "384 b that enter or leave / 8 b per cycle" in told.parts[0].text


@pytest.mark.parametrize(
    ("network", "said", "cycles"),
    [
        (replace(MESH, ports=16), {}, 144 / 16),  # one link to each instance
        (replace(MESH, ports=16), {"multicast": "none"}, 144 / (2 * 4)),  # half of what enters passes the middle
        (Network(topology="crossbar", ports=48, link_bits=8), {}, 144 / 16),
        (Network(topology="bus", ports=3, link_bits=8), {}, 48 / 3),
        (Network(topology="tree", radix=4, link_bits=16), {}, 48 / 2),
        (Network(topology="systolic", link_bits=8), {}, 144 / 16),
        (MESH, {"multicast": "none"}, 144),
    ],
)
def test_the_link_that_is_busiest_limits_a_network(network, said, cycles):
    cost = evaluate(WORKLOAD, machine(network, **said), STATIONARY)
    assert {r.component: r.cycles for r in cost.latency_rows}["PEs"] == cycles


def test_an_old_value_that_is_updated_in_place_enters_nothing():
    """Sums in the outermost memory: the MACs send all 64 updates to it, and what these read passes no array."""
    cost = evaluate(WORKLOAD, machine(), STRAIGHT)
    assert cost.words("DRAM", "Z", "read") == 64 - 16
    entered = {r.tensor: r.count for r in cost.action_rows if (r.component, r.action) == ("PEs", "enter")}
    assert entered == {"A": 16, "B": 16, "Z": 64}


@pytest.mark.parametrize("topology", ["bus", "mesh"])
def test_the_front_is_proven_and_no_bound_exceeds_it(topology):
    architecture = machine(replace(MESH, topology=topology))
    found = map_einsum(WORKLOAD.einsums[0], architecture, objective="energy,latency")
    assert found.certificate.status == "optimal: proven"
    least = lower_bound(Allowed(WORKLOAD.einsums[0], architecture))
    assert all(least.energy_pj <= p.energy_pj and least.latency_cycles <= p.latency_cycles for p in found.front)


def test_a_larger_network_is_no_machine_that_only_allows_more():
    """Its links are longer ways: what was proven on a smaller array says nothing of it."""
    plain, connected = (family_of(x, arrays=True) for x in (machine(None), machine()))
    assert len(plain.limits) == len(connected.limits) + len({"X", "Y"})
