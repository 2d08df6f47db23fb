"""The component library: published points come back, what lies between follows them, and the rest says so."""

import itertools
import math
import random
import re
import statistics
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from costmodel.components import library
from costmodel.components.figures import ComponentFigure
from costmodel.components.protocol import ComponentError, Parameter
from costmodel.components.sram import COLUMNS, KIB, SramPoint, cacti, surface
from costmodel.components.tables import table
from costmodel.spec.catalog import load_architecture
from costmodel.spec.load import parse
from tests.reference import reference


def figures(name, node=45.0, width=64, size_kib=64.0, **stated):
    around = {"node": node, "width": width, "size": int(size_kib * KIB)}
    return library.priced(library.component(name), stated, around, word_bits=16).figures


def published_srams():
    return [
        SramPoint(
            r["node_nm"], r["width_bits"], r["size_KB"], r["read_pJ"], r["write_pJ"], r["area_mm2"], r["leak_mW"] * 1e-3
        )
        for r in reference("cacti_sram.json")["data"]
    ]


# SRAM


@pytest.mark.parametrize("seed", range(3))
def test_each_held_out_tenth_of_the_published_srams_is_predicted(seed):
    rows = published_srams()
    random.Random(seed).shuffle(rows)
    for fold in range(10):
        held = rows[fold::10]
        known = surface("nine tenths", [row for row in rows if row not in held])
        for column in COLUMNS:
            errors = [
                abs(known.figure(column, r.size_kib, r.width_bits, r.node_nm).value / getattr(r, column) - 1)
                for r in held
            ]
            assert statistics.median(errors) <= 0.10, (fold, column)


def test_the_shipped_points_are_the_published_ones():
    for row in published_srams():
        for column in COLUMNS:
            figure = cacti().figure(column, row.size_kib, row.width_bits, row.node_nm)
            assert figure.basis == "published"
            assert figure.value == pytest.approx(getattr(row, column), rel=1e-3)


@pytest.mark.parametrize("node", [22, 28, 40, 65, 90])
@pytest.mark.parametrize("width", [4, 16, 64, 100, 256, 512, 2048])
def test_twice_the_sram_costs_more_energy_area_and_leakage(node, width):
    """Far from the published ones, too, if it holds one access."""
    sizes = [2.0**power for power in range(-5, 17) if 2.0**power * KIB >= width]
    for size in (*sizes[:-1], 3.0, 100.0, 108.0, 700.0):
        one, two = (figures("sram", node=node, width=width, size_kib=n) for n in (size, 2 * size))
        assert all(two[name].value > one[name].value for name in ("read", "write", "area", "leakage")), size


@pytest.mark.parametrize("node", [22, 28, 45, 65, 90])
def test_beyond_the_published_widths_a_wider_port_costs_more(node):
    for size in (0.25, 0.5, 3.0, 64.0, 1e5):
        for widths in ((2, 4, 8, 16), (256, 300, 512, 1024)):
            costs = [figures("sram", node=node, width=width, size_kib=size) for width in widths]
            for narrow, wide in itertools.pairwise(costs):
                assert all(narrow[name].value < wide[name].value for name in ("read", "write")), (size, widths)
                assert narrow["area"].value <= wide["area"].value


def test_energies_of_a_width_that_was_held_out_are_nearer_to_a_line_than_to_a_power_law():
    rows = published_srams()
    known = surface("16 and 256 b", [row for row in rows if row.width_bits != 64])
    held = [row for row in rows if row.width_bits == 64]
    for column, most in (("read_pj", 0.06), ("write_pj", 0.13), ("area_mm2", 0.04)):
        ends = [[known.figure(column, r.size_kib, width, r.node_nm).value for width in (16, 256)] for r in held]
        line = [known.figure(column, r.size_kib, 64, r.node_nm).value for r in held]
        power = list(map(statistics.geometric_mean, ends))
        off, power_off = (
            statistics.median(abs(found / getattr(row, column) - 1) for found, row in zip(each, held, strict=True))
            for each in (line, power)
        )
        assert off <= min(power_off, most)


def test_an_access_is_no_wider_than_a_bank():
    assert figures("sram", width=512, size_kib=1, banks=16)
    with pytest.raises(ComponentError, match="an access of 512 b is more than all of a bank, which holds 256 b"):
        figures("sram", width=512, size_kib=1, banks=32)


def test_between_points_it_says_so_and_beyond_them_it_warns():
    between = figures("sram", node=28.0, size_kib=96)
    assert between["read"].basis == "interpolated"
    assert "between 64 and 108 KiB" in between["read"].source
    assert "between 22 and 32 nm" in between["read"].source
    assert between["read"].beyond == ()
    small = figures("sram", size_kib=0.0625)["read"]
    assert small.basis == "extrapolated"
    assert "`class: regfile` prices small memories" in small.beyond[0]
    fine = figures("sram", node=7.0)
    assert fine["area"].beyond
    assert "leakage" not in fine


def test_banks_cost_their_energy_and_the_wires_to_them():
    whole, banked = figures("sram", node=65.0, size_kib=128), figures("sram", node=65.0, size_kib=128, banks=16)
    bank = figures("sram", node=65.0, size_kib=8)
    assert banked["area"].value == pytest.approx(16 * bank["area"].value)
    wires = 0.121 * (65 / 40) ** (math.log(0.121 / 0.068) / math.log(4)) * 64 * 0.75 * math.sqrt(banked["area"].value)
    assert banked["read"].value == pytest.approx(bank["read"].value + wires)
    assert bank["read"].value < banked["read"].value < whole["read"].value
    assert banked["read"].basis == "assumed"
    assert banked["bandwidth"].value == 16 * 64


def test_a_second_port_makes_an_sram_larger_and_twice_as_wide():
    one, two = figures("sram"), figures("sram", ports=2)
    assert two["area"].value / one["area"].value == pytest.approx((1 + 5 / 14.6) * 1.5)
    assert two["bandwidth"].value == 2 * one["bandwidth"].value


def test_other_data_sets_of_srams_have_their_points_and_no_area():
    assert [figures("sram", size_kib=n, table="horowitz")["read"].value for n in (8, 32, 1024)] == [10, 20, 100]
    assert [figures("sram", node=7.0, size_kib=n, table="tpu_v4i")["read"].value for n in (8, 32, 1024)] == [
        7.5,
        8.5,
        14,
    ]
    normalised = figures("sram", node=65.0, width=16, size_kib=100, table="eyeriss")
    assert normalised["read"].value == pytest.approx(6)
    assert "area" not in normalised


# Arithmetic


@pytest.mark.parametrize(
    ("name", "stated", "node", "energy_pj"),
    [
        ("multiplier", {"format": "int8"}, 45, 0.2),
        ("multiplier", {"format": "fp32"}, 45, 3.7),
        ("adder", {"format": "int16"}, 45, 0.05),
        ("mac", {"format": "int8"}, 45, 0.3),
        ("mac", {"format": "fp16"}, 45, 1.1 + 0.9),
        ("mac", {"format": "int8", "accumulator": "int16", "table": "aladdin"}, 40, 12.68 / 16 + 0.105),
        ("mac", {"format": "bf16", "table": "tpu_v4i"}, 7, 0.21 + 0.38),
        ("mac", {"format": "int16", "table": "eyeriss"}, 65, 1),
        ("exp", {"format": "fp16"}, 45, 6 * 1.5),
        ("divider", {"format": "fp32"}, 45, 5 * 3.7 + 2 * 0.9),
        ("comparator", {"format": "fp16"}, 45, 0.05),
        ("comparator", {"format": "int32", "table": "aladdin"}, 40, 0.02947),
        ("max", {"format": "int32", "table": "aladdin"}, 40, 0.02947 + 32 * 0.009),
        ("adder", {"format": "int8"}, 65, 0.03 * 1.241),
    ],
)
def test_an_operation_costs_what_its_data_set_says(name, stated, node, energy_pj):
    found = figures(name, node=float(node), **stated)
    (energy, *_) = (figure for figure in found.values() if figure.unit == "pJ")
    assert energy.value == pytest.approx(energy_pj)


def test_formats_between_the_published_ones_follow_a_power_law_that_another_source_confirms():
    """At 7 nm a bf16 product costs 0.62 of an fp16 product, a sum 0.69 (TPU v4i)."""
    ratio = {
        name: figures(name, format="bf16")[kind].value / figures(name, format="fp16")[kind].value
        for name, kind in (("multiplier", "mul"), ("adder", "add"))
    }
    assert ratio == {"multiplier": pytest.approx(0.21 / 0.34, rel=0.05), "adder": pytest.approx(0.11 / 0.16, rel=0.05)}
    assert figures("multiplier", format="int16")["mul"].basis == "interpolated"
    assert figures("multiplier", format="fp8")["mul"].beyond
    assert figures("mac", node=7.0)["mac"].beyond


def test_aladdin_has_leakage_and_horowitz_has_none():
    assert figures("mac", node=40.0, table="aladdin")["leakage"].value > 0
    assert "leakage" not in figures("mac")


def test_lanes_give_area_leakage_and_rate_and_cost_no_energy():
    for name in ("adder", "exp"):
        one, many = (figures(name, node=40.0, format="int32", table="aladdin", lanes=lanes) for lanes in (1, 16))
        for figure in ("area", "leakage", "throughput"):
            assert many[figure].value == pytest.approx(16 * one[figure].value)
        energies = [key for key, figure in one.items() if figure.unit == "pJ"]
        assert [many[key] for key in energies] == [one[key] for key in energies]


@pytest.mark.parametrize(
    ("name", "stated", "cycles"),
    [
        ("mac", {}, 1),
        ("exp", {"format": "fp16"}, 6),
        ("exp", {"format": "fp16", "products": 1}, 1),
        ("divider", {"format": "fp32"}, 5),
        ("divider", {"format": "int32"}, 1),
        ("divider", {"format": "fp32", "products": 1}, 1),
    ],
)
def test_what_one_multiplier_does_in_turn_takes_as_many_cycles(name, stated, cycles):
    found = figures(name, **stated)
    assert found["throughput"].value == pytest.approx(1 / cycles)


def test_a_table_look_up_takes_a_product_and_a_sum():
    parts = figures("multiplier", format="int32")["mul"].value + figures("adder", format="int32")["add"].value
    for name, kind in (("exp", "exp"), ("divider", "div")):
        assert figures(name, format="int32", products=1)[kind].value == pytest.approx(parts)


# The rest


def test_small_memories_dram_and_wires():
    spad = figures("regfile", node=65.0, width=16, size_kib=192 * 16 / KIB)
    assert (spad["read"].value, spad["write"].value) == (1.9766, 1.8817)
    assert figures("regfile", width=32, table="horowitz")["read"].value == 1
    register = figures("register", node=40.0, width=16, size_kib=16 / KIB)
    assert (register["read"].value, register["area"].value) == pytest.approx((16 * 0.009, 16 * 5.98e-6))
    fifo = figures("fifo", node=40.0, width=16, size_kib=64 * 16 / KIB)
    assert fifo["write"].value == pytest.approx(16 * 0.009 + 0.25074 * 6 / 32)
    dram = figures("dram", kind="hbm2", channels=2)
    assert (dram["read"].value, dram["bandwidth"].value) == pytest.approx((64 * 3.9, 2 * 1024 * 2e9))
    assert "read" not in figures("dram", kind="ddr5")
    assert figures("wire", node=40.0, width=256, length="10 mm")["hop"].value == pytest.approx(310, rel=0.001)
    assert figures("wire", node=65.0, width=16, table="eyeriss")["hop"].value == 2


def test_a_link_of_a_network_is_a_wire_and_a_router_at_its_node():
    meshed = {"topology": "mesh", "width": 16, "length": "1 mm"}
    at_40, at_10 = (figures("noc", node=node, **meshed)["hop"] for node in (40.0, 10.0))
    assert (at_40.value, at_10.value) == pytest.approx((16 * 0.121, 16 * 0.068), rel=0.001)
    assert "routers cost nothing (assumed)" in at_40.source
    routed = figures("noc", node=40.0, router="2 pJ", **meshed)
    assert routed["hop"].value == pytest.approx(at_40.value + 2)
    assert routed["link_bandwidth"].value == 16
    by_eyeriss = [figures("noc", node=n, topology="bus", width=16, table="eyeriss")["hop"].value for n in (65.0, 45.0)]
    assert by_eyeriss == pytest.approx([2, 2 / 1.241], rel=0.001)


@pytest.mark.parametrize(
    ("name", "stated", "parameter", "message", "hint"),
    [
        ("srm", {}, "class", "no such component 'srm'", "'sram'"),
        ("sram", {"bank": 2}, "bank", "sram has no parameter 'bank'", "'banks'"),
        ("sram", {"banks": 0}, "banks", "must be a whole number greater than zero, got 0", ""),
        ("sram", {"table": "cati"}, "table", "must be one of cacti,", "'cacti'"),
        ("sram", {"table": "horowitz", "banks": 2}, "banks", "prices memories of one bank", "table: cacti"),
        ("wire", {"length": "3 pJ"}, "length", "must be a length", ""),
        ("mac", {"format": "fp61"}, "format", "no such number format 'fp61'", "'fp16'"),
        ("mac", {"format": "fp16", "table": "aladdin"}, "format", "`table: aladdin` has no floating-point", "horowitz"),
        ("max", {"table": "eyeriss"}, "table", "`table: eyeriss` takes sums for free", "horowitz"),
        ("dram", {}, "", "dram needs `kind:`", ""),
        ("dram", {"kind": "hbm3", "table": "horowitz"}, "table", "`table: horowitz` has no hbm3", "hwcomponents"),
        ("wire", {}, "length", "a wire needs its length", "0.5 mm"),
        ("noc", {}, "", "noc needs `topology:`", ""),
        ("noc", {"topology": "mash", "length": 1}, "topology", "must be one of bus, crossbar, tree, mesh", "'mesh'"),
        ("noc", {"topology": "mesh"}, "length", "a noc needs its length", "0.5 mm"),
        ("noc", {"topology": "tree", "length": 1, "radix": 1}, "radix", "a node of a tree has at least 2", ""),
        (
            "noc",
            {"topology": "mesh", "length": 1, "radix": 4},
            "radix",
            "of a tree: `topology: mesh` has none",
            "leave it out",
        ),
        (
            "noc",
            {"topology": "bus", "length": 1, "radix": 2},
            "radix",
            "of a tree: `topology: bus` has none",
            "topology: tree",
        ),
    ],
)
def test_what_cannot_be_priced_names_the_parameter_and_what_to_say(name, stated, parameter, message, hint):
    with pytest.raises(ComponentError) as caught:
        figures(name, **stated)
    assert caught.value.parameter == parameter
    assert message in str(caught.value)
    assert hint in caught.value.hint


# Anchors

TABLE_IV = {
    "size": "100 KiB",
    "width": "16 b",
    "node": "65 nm",
    "energy": "6 pJ",
    "area": "2 mm2",
    "source": "Table IV",
}


def anchored(size_kib=100.0, at_nm=65.0, **said):
    return figures("sram", node=at_nm, width=16, size_kib=size_kib, anchor=TABLE_IV | said)


def test_an_anchor_is_what_a_component_costs_there():
    there, library_s = anchored(), figures("sram", node=65.0, width=16, size_kib=100)
    assert [(there[name].value, there[name].basis, there[name].source) for name in ("read", "write", "area")] == [
        (6, "stated", "Table IV"),
        (6, "stated", "Table IV"),
        (2, "stated", "Table IV"),
    ]
    assert there["leakage"] == library_s["leakage"]
    assert anchored(read="5 pJ")["read"].value == 5
    assert anchored(read="5 pJ")["write"].value == 6


@pytest.mark.parametrize("elsewhere", [{"size_kib": 300.0}, {"at_nm": 28.0}, {"size_kib": 7.0, "at_nm": 40.0}])
def test_from_an_anchor_costs_grow_as_the_library_says(elsewhere):
    known = {"read": 6, "write": 6, "area": 2}
    here = figures("sram", elsewhere.get("at_nm", 65.0), 16, elsewhere.get("size_kib", 100))
    there, found = figures("sram", node=65.0, width=16, size_kib=100), anchored(**elsewhere)
    for name, value in known.items():
        assert found[name].value == pytest.approx(value * here[name].value / there[name].value)
        assert found[name].basis == "scaled"
        assert found[name].source.startswith("Table IV; × ")


def test_what_grows_from_an_anchor_beyond_the_library_is_extrapolated():
    far = anchored(size_kib=65_536)
    assert far["read"].basis == far["area"].basis == "extrapolated"
    assert any("extrapolated from" in text for text in far["read"].beyond)


def test_an_anchor_of_a_unit_has_its_number_format():
    known = {"format": "int16", "node": "65 nm", "mac": "1 pJ", "source": "the unit"}
    of = [figures("mac", node=65.0, format=name, anchor=known)["mac"].value for name in ("int8", "int16")]
    ratio = (
        figures("mac", node=65.0, format="int8")["mac"].value / figures("mac", node=65.0, format="int16")["mac"].value
    )
    assert of == [pytest.approx(ratio), 1]


def test_what_library_and_anchor_both_leave_is_no_news():
    """Both at 7 nm, beyond the nodes of CACTI: what is known there needs no scaling to it."""
    assert figures("sram", node=7.0, width=16, size_kib=200)["read"].beyond
    assert anchored(200.0, 7.0, node="7 nm")["read"].beyond == ()
    assert anchored(200.0, 7.0)["read"].beyond
    (far,) = anchored(size="1 TiB")["read"].beyond
    assert far.startswith("its anchor: extrapolated from 16384 to")


@pytest.mark.parametrize(
    ("said", "parameter", "message"),
    [
        ({"source": ""}, "", "need a `source:`"),
        ({"table": "cacti"}, "table", "grow by the `table:` of the component"),
        ({"energi": "6 pJ"}, "energi", "no cost 'energi' follows from its class"),
        ({"read": "6 mm2"}, "read", "must be an energy"),
        ({"bandwidth": "6 b/cycle"}, "bandwidth", "no cost 'bandwidth' follows"),
        ({"banks": 0}, "banks", "greater than zero"),
        ({"energy": "-6 pJ"}, "energy", "must not be negative, got '-6 pJ'"),
        ({"area": -1}, "area", "must not be negative"),
        ({"energy": 1e308}, "energy", "too large"),
    ],
)
def test_a_wrong_anchor_names_what_is_wrong(said, parameter, message):
    with pytest.raises(ComponentError) as caught:
        anchored(**said)
    assert (caught.value.parameter, caught.value.within) == (parameter, ("anchor",))
    assert message in str(caught.value)


# Supply


@pytest.mark.parametrize(
    ("name", "stated", "node", "known"),
    [
        ("mac", {"format": "int8"}, 45.0, 0.9),
        ("mac", {"format": "int8"}, 65.0, 0.9),  # carried there at one voltage: it keeps that of its source
        ("mac", {"table": "tpu_v4i"}, 7.0, 0.7),
        ("sram", {}, 65.0, 1.2),
        ("sram", {"table": "horowitz"}, 45.0, 0.9),
        ("regfile", {}, 65.0, 1.1),
        ("register", {}, 45.0, (0.9**0.335 * 1.0**0.665)),
        ("wire", {"length": "1 mm"}, 40.0, 0.9),
        ("noc", {"length": "1 mm", "topology": "bus"}, 10.0, 0.75),
    ],
)
def test_energy_follows_the_square_of_the_supply_from_that_of_its_source(name, stated, node, known):
    there, here = figures(name, node=node, **stated), figures(name, node=node, voltage="0.9 V", **stated)
    moved = {action for action, figure in there.items() if figure.unit in {"pJ", "W"}}
    for action, figure in there.items():
        power = {"pJ": 2, "W": 5}.get(figure.unit, 0)
        assert here[action].value == pytest.approx(figure.value * (0.9 / known) ** power, rel=0.01), action
    assert moved
    at_its_own = figures(name, node=node, voltage=f"{known} V", **stated)
    assert all(at_its_own[action].value == pytest.approx(there[action].value, rel=0.01) for action in moved)


def test_an_anchor_is_at_its_own_supply_or_the_nominal_one():
    stated = anchored(voltage="1 V")
    assert stated["read"] == anchored()["read"]  # who says no supply has that of the anchor
    at = {"voltage": "0.9 V"}
    lower = figures("sram", 65.0, 16, 100, anchor=TABLE_IV | {"voltage": "1 V"}, **at)
    assert lower["read"].value == pytest.approx(6 * 0.81)
    assert lower["area"].value == 2
    assert lower["leakage"].value == pytest.approx(stated["leakage"].value * (0.9 / 1.2) ** 5)
    unknown = figures("sram", 65.0, 16, 100, anchor=TABLE_IV, **at)["read"]
    assert (unknown.value, unknown.basis) == (pytest.approx(6 * (0.9 / 1.1) ** 2), "assumed")
    assert "× 0.669 from 1.1 V (nominal, assumed) to 0.9 V" in unknown.source


@pytest.mark.parametrize(("volts", "warns"), [(0.82, True), (0.83, False), (1.32, False), (1.33, True)])
def test_far_from_the_nominal_supply_it_warns(volts, warns):
    assert bool(figures("mac", node=65.0, voltage=volts)["mac"].beyond) == warns


def test_an_anchor_needs_all_that_its_costs_depend_on_and_what_grows():
    for said, message in (
        ("6 pJ", "must be a map"),
        ({"size": "1 KiB", "source": "s", "energy": 1}, "needs `width:`"),
        ({"size": "1 KiB", "width": 16, "node": 65, "source": "s"}, "it names no costs"),
    ):
        with pytest.raises(ComponentError, match=message):
            figures("sram", anchor=said)
    with pytest.raises(ComponentError, match="no cost 'area' follows"):
        figures("sram", table="horowitz", anchor=TABLE_IV)
    with pytest.raises(ComponentError, match="no area here to tell how it grows"):
        figures("dram", kind="lpddr4", anchor={"width": 64, "area": 1, "source": "s"})


# All of them


def test_every_figure_of_every_class_has_a_source_and_a_positive_value():
    wire = {"length": "1 mm"}
    needed = {"dram": {"kind": "ddr4"}, "wire": wire, "noc": {"topology": "mesh", **wire}}
    for name, component in library.OWN.items():
        words = component.parameters["table"].words if "table" in component.parameters else (None,)
        for data_set in words:
            stated = needed.get(name, {}) | ({"table": data_set} if data_set else {})
            try:
                found = figures(name, size_kib=1.0, **stated)
            except ComponentError as error:
                assert error.hint  # noqa: PT017  a data set without the operation says which have it
                continue
            assert all(f.source and (f.value > 0 or f.source == "off the chip") for f in found.values()), (
                name,
                data_set,
            )


def test_every_table_of_the_package_names_its_sources():
    def with_numbers(data):
        if isinstance(data, dict):
            if any(str(key).endswith(("_pj", "_um2", "pj_per_bit_mm", "pj_per_bit")) for key in data):
                yield data
            for inner in data.values():
                yield from with_numbers(inner)

    assert all("source" in rows for name in ("storage", "dram", "scaling") for rows in with_numbers(table(name)))
    assert all(rows["source"] for rows in table("arithmetic").values())


def test_an_installed_package_offers_components(monkeypatch):
    class Adc:
        name = "adc"
        level = "memory"
        parameters = {"bits": Parameter(means="resolution", default=8)}  # noqa: RUF012

        def actions(self, parameters):
            return {
                "read": ComponentFigure(0.1 * 2 ** parameters["bits"], "pJ", "a test"),
                "write": ComponentFigure(0, "pJ", "a test"),
            }

    entry = SimpleNamespace(load=Adc)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [entry] if group == "costmodel.components" else [])
    library.installed.cache_clear()
    assert library.priced(library.component("adc", "memory"), {"bits": 4}, {}).figures["read"].value == pytest.approx(
        1.6
    )
    library.installed.cache_clear()


def test_the_examples_of_the_page_work():
    page = (Path(__file__).resolve().parents[2] / "docs" / "components.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(yaml|python)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert [load_architecture(parse(text)).warnings for kind, text in blocks if kind == "yaml"] == [()] * 5
    (code,) = (text for kind, text in blocks if kind == "python")
    there = {}
    exec(code, there)
    found = library.priced(there["Latches"](), {"ways": 2}, {"size": 100}).figures["read"]
    assert (found.value, found.source) == (pytest.approx(0.4), "our own measurement, 2025")
