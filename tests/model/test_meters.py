"""The price book against arithmetic by hand, and everything that reads it against each other: odd widths, all ports."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel.einsum.algebra import Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.lattice.exact import map_einsum
from costmodel.mapper.uneven.bound import lower_bound
from costmodel.model.batch import Template
from costmodel.model.evaluate import evaluate
from costmodel.model.explain import explain, subjects
from costmodel.model.meters import ENERGY, Meter, PriceBook, Tap, leak_pj_per_cycle, meters, pass_cycles
from costmodel.spec.catalog import load_workload
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Memory
from costmodel.spec.mapping import Compute, Mapping, Spatial, Storage, Temporal

DRAM = Memory(name="DRAM", read_pj=100, write_pj=130, access_bits=48, bandwidth_bits_per_cycle=40)
GLB = Memory(
    name="GLB",
    read_pj=7,
    write_pj=11,
    access_bits=20,
    read_bits_per_cycle=24,
    write_bits_per_cycle=9,
    leakage_w=0.25,
    capacity_bits=9000,
)
PES = Array(name="PEs", shape={"X": 4, "Y": 2}, hop_pj=5, hop_bits=12)
RF = Memory(name="RF", read_pj=1, write_pj=2, access_bits=10, leakage_w=0.5, bandwidth_bits_per_cycle=3)
MAC = ComputeUnit(name="MAC", energy_pj={"mac": 3}, throughput_per_cycle={"mac": 0.5})


def machine(**of_rf):
    return Architecture(name="odd", clock_hz=2e9, levels=(DRAM, GLB, PES, replace(RF, **of_rf), MAC))


@pytest.fixture(scope="module")
def gemm() -> Workload:
    return load_workload("mm64", ["ranks.M=8", "ranks.N=4", "ranks.K=6", "bits.A=5", "bits.B=7", "bits.Z=18"])


NEST = Mapping(
    (
        Storage(("A", "B", "Z"), "DRAM"),
        Temporal("k", 2),
        Storage(("A", "B", "Z"), "GLB"),
        Temporal("m", 4),
        Spatial("m", 2, "PEs", "X"),
        Spatial("n", 2, "PEs", "Y"),
        Storage(("Z",), "RF"),
        Temporal("k", 1),
        Storage(("A", "B"), "RF"),
        Temporal("m", 1),
        Temporal("n", 1),
        Compute("Z", "MAC"),
    )
)
BITS = {"A": 5, "B": 7, "Z": 18}
ACTIONS = {"read": ("read", "drain"), "write": ("fill", "update")}


@pytest.mark.parametrize("drain", ["charged", "free"])
def test_an_action_is_so_many_accesses_of_its_width(gemm, drain):
    cost = evaluate(gemm, machine(drain=drain), NEST)
    for level in (DRAM, GLB, RF):
        for tensor, bits in BITS.items():
            for action, price in (("read", level.read_pj), ("write", level.write_pj)):
                flows = [f for f in ACTIONS[action] if f != "drain" or level is not RF or drain == "charged"]
                count = cost.words(level.name, tensor, *flows) * bits / level.access_bits
                (row,) = [
                    r for r in cost.action_rows if (r.component, r.tensor, r.action) == (level.name, tensor, action)
                ]
                assert row.count == pytest.approx(count, rel=1e-14)
                assert row.energy_pj == pytest.approx(count * price, rel=1e-14)
    assert cost.words("RF", "Z", "drain") == 3 * 32  # all of Z, for each third of k


def test_a_hop_is_a_word_of_its_width_below_the_array(gemm):
    cost = evaluate(gemm, machine(), NEST)
    hops = {r.tensor: r for r in cost.action_rows if r.action == "hop"}
    # 8 × 6 words of A for both instances along Y; 4 × 6 of B for both along X, for each half of m; of Z 4 × 8 go up
    # after each third of k, and went down before all but the first
    words = {"A": 2 * 48, "B": 2 * 2 * 24, "Z": 3 * 32 + 2 * 32}
    for tensor, bits in BITS.items():
        assert hops[tensor].count == pytest.approx(words[tensor] * bits / 12, rel=1e-14)
        assert hops[tensor].energy_pj == pytest.approx(words[tensor] * bits / 12 * 5, rel=1e-14)


def test_the_first_touch_of_a_word_is_not_read(gemm):
    cost = evaluate(gemm, machine(), NEST)
    updates = 8 * 4 * 6
    assert cost.words("RF", "Z", "update") == updates
    assert cost.words("RF", "Z", "read") == updates - 32
    assert cost.words("GLB", "Z", "read") == 2 * 32  # back twice, not at first
    assert cost.words("DRAM", "Z", "read") == 0  # Z stays in GLB


@pytest.mark.parametrize("drain", ["charged", "free"])
def test_limits_share_a_port_or_have_their_own(gemm, drain):
    cost = evaluate(gemm, machine(drain=drain), NEST)
    cycles = {r.component: r.cycles for r in cost.latency_rows}

    def bits(level, *flows):
        return sum(cost.words(level, t, *flows) * b for t, b in BITS.items())

    reads = ("read", "drain") if drain == "charged" else ("read",)
    assert cycles["DRAM"] == pytest.approx(bits("DRAM", "read", "update") / 40, rel=1e-14)
    assert cycles["GLB"] == pytest.approx(max(bits("GLB", "read", "drain") / 24, bits("GLB", "fill", "update") / 9))
    assert cycles["RF"] == pytest.approx((bits("RF", *reads) + bits("RF", "fill", "update")) / 4 / 3, rel=1e-14)
    assert cycles["MAC"] == 8 * 4 * 6 / 4 / 0.5


def test_a_separate_port_knows_its_own_flows_only(gemm):
    slow_reads = replace(GLB, read_bits_per_cycle=1.0)
    slow_writes = replace(GLB, write_bits_per_cycle=1.0)
    for level, flows in ((slow_reads, ("read", "drain")), (slow_writes, ("fill", "update"))):
        cost = evaluate(gemm, Architecture(name="odd", levels=(DRAM, level, PES, RF, MAC)), NEST)
        cycles = next(r.cycles for r in cost.latency_rows if r.component == "GLB")
        assert cycles == sum(cost.words("GLB", t, *flows) * b for t, b in BITS.items())


def test_every_physical_instance_leaks_all_the_time(gemm):
    cost = evaluate(gemm, machine(), NEST)
    leaked = {r.component: r.energy_pj for r in cost.action_rows if r.action == "leak"}
    seconds = cost.latency_cycles / 2e9
    assert leaked == {"GLB": pytest.approx(0.25 * seconds * 1e12), "RF": pytest.approx(8 * 0.5 * seconds * 1e12)}
    assert leak_pj_per_cycle(machine(instances=3)) == pytest.approx((0.25 + 3 * 0.5) / 2e9 * 1e12)


@pytest.mark.parametrize(("systolic", "cycles"), [(None, 0), ("output", 4), ("weight", 8), ("input", 8)])
def test_a_pass_pays_skew_and_the_loading_of_what_stays(systolic, cycles):
    assert pass_cycles(replace(PES, systolic=systolic), "X") == cycles
    assert pass_cycles(replace(PES, systolic="weight"), "Y") == 6


def test_a_word_costs_what_its_flow_costs_at_its_end(gemm):
    book = PriceBook(machine(drain="free"))
    z = gemm.einsums[0].tensors["Z"]

    def price(flow, parent, child, array=None):
        return book.price(ENERGY, z, flow, parent, child, array)

    assert price("read", "GLB", "RF") == pytest.approx(18 / 20 * 7)
    assert price("update", "GLB", "RF") == pytest.approx(18 / 20 * 11)
    assert price("fill", "GLB", "RF") == pytest.approx(18 / 10 * 2)
    assert price("drain", "GLB", "RF") == 0
    assert price("drain", "DRAM", "GLB") == pytest.approx(18 / 20 * 7)
    assert price("hop", "GLB", "RF", "PEs") == pytest.approx(18 / 12 * 5)
    assert price("hop", "DRAM", "GLB", "PEs") == 0
    assert price("read", "RF", "MAC") == pytest.approx(18 / 10 * 1)
    assert {m.action: book.price(at, z, "read", "GLB", "RF") for at, m in places(book, "GLB")} == {
        "read": pytest.approx(18 / 24),
        "write": 0,
    }


def places(book, component):
    return [(at, book.meters[at]) for at in book.limits[component]]


@pytest.mark.parametrize("drain", ["charged", "free"])
def test_batch_search_and_bound_agree_with_the_scalar_model(gemm, drain):
    arch = machine(drain=drain)
    template = Template(gemm, arch, NEST)
    rows = np.array([[2, 4, 2, 2, 1, 1, 1], [3, 8, 4, 4, 1, 1, 1], [6, 4, 1, 2, 1, 1, 1], [4, 6, 2, 2, 1, 1, 1]])
    result = template.evaluate(rows)
    for i, row in enumerate(rows):
        cost = evaluate(gemm, arch, template.mapping_of(row))
        assert result.energy_pj[i] == pytest.approx(cost.energy_pj, rel=1e-12)
        assert result.latency_cycles[i] == pytest.approx(cost.latency_cycles, rel=1e-12)
    found = map_einsum(gemm.einsums[0], arch, objective="energy,latency")  # checks each answer by the scalar model
    assert found.certificate.status == "optimal: proven"
    least = lower_bound(Allowed(gemm.einsums[0], arch))
    for point in found.front:
        assert least.energy_pj <= point.energy_pj
        assert least.latency_cycles <= point.latency_cycles
    assert least.energy_pj > 0.5 * min(p.energy_pj for p in found.front)  # and is about some flow, width and price


def test_every_part_of_the_energy_can_be_asked_for(gemm):
    arch = machine()
    cost = evaluate(gemm, arch, NEST)
    for subject in subjects(arch, cost):
        told = explain(gemm, arch, (NEST,), cost, subject)
        if told.parts and told.combine == "sum":
            assert sum(p.value for p in told.parts) == pytest.approx(told.value, rel=1e-12)


@pytest.fixture
def linked(monkeypatch) -> Architecture:
    """The machine with a link between GLB and RF that costs energy and time, known to the price book alone."""
    taps = (Tap("read", "GLB", "RF"), Tap("update", "GLB", "RF"))

    def with_link(architecture):
        yield from meters(architecture)
        yield Meter("link", "pass", "pJ", "GLB", taps, 16, 40.0)
        yield Meter("link", "", "cycles", "GLB", taps, 2, 1.0)

    monkeypatch.setattr("costmodel.model.meters.meters", with_link)
    return machine()


def test_a_further_meter_reaches_everything(gemm, linked):
    cost = evaluate(gemm, linked, NEST)
    passed = {t: cost.words("GLB", t, "read", "update") * b for t, b in BITS.items()}
    assert {r.tensor: r.energy_pj for r in cost.action_rows if r.component == "link"} == {
        t: pytest.approx(bits / 16 * 40) for t, bits in passed.items()
    }
    assert cost.bottlenecks == {"Z": "link"}
    assert cost.latency_cycles == pytest.approx(sum(passed.values()) / 2)
    assert {"link.energy", "link.latency"} <= set(subjects(linked, cost))
    for subject in ("link.energy", "link.energy.A", "link.latency"):
        told = explain(gemm, linked, (NEST,), cost, subject)
        assert sum(p.value for p in told.parts) == pytest.approx(told.value, rel=1e-12)
    book, a = PriceBook(linked), gemm.einsums[0].tensors["A"]
    assert book.price(ENERGY, a, "read", "GLB", "RF") == pytest.approx(5 / 20 * 7 + 5 / 16 * 40)
    assert book.price(ENERGY, a, "read", "GLB", "MAC") == pytest.approx(5 / 20 * 7)  # passes by RF, and so the link
    result = Template(gemm, linked, NEST).evaluate(np.array([[2, 4, 2, 2, 1, 1, 1]]))
    assert result.energy_pj[0] == pytest.approx(cost.energy_pj, rel=1e-12)
    assert result.latency_cycles[0] == pytest.approx(cost.latency_cycles, rel=1e-12)


@pytest.mark.parametrize(("may_keep", "used"), [((), True), (("A", "Z"), False)])
def test_the_search_uses_a_link_where_it_must_only(gemm, linked, may_keep, used):
    keeping = replace(GLB, keep=tuple(t for t in "ABZ" if t not in may_keep), may_keep=may_keep)
    passing = replace(RF, keep=("A", "Z"), may_keep=("B",))
    levels = tuple({"GLB": keeping, "RF": passing}.get(x.name, x) for x in linked.levels)
    arch = replace(linked, levels=levels)
    found = map_einsum(gemm.einsums[0], arch, objective="energy,latency")
    assert found.certificate.status == "optimal: proven"
    least = lower_bound(Allowed(gemm.einsums[0], arch))
    assert least.energy_pj <= min(p.energy_pj for p in found.front)
    assert least.latency_cycles <= min(p.latency_cycles for p in found.front)
    for point in found.front:
        assert any(r.component == "link" for r in point.evaluation.action_rows) == used
