"""`component:` of a level: the library prices it, what is stated beside it wins, and what is wrong says where."""

import jsonschema
import pytest

from costmodel.spec import catalog
from costmodel.spec.load import parse
from costmodel.spec.problems import SpecError
from costmodel.spec.schema import schema
from costmodel.spec.sources import BY_DEFAULT

CHIP = """\
name: chip
source: a test
technology: 65 nm
clock: 200 MHz
word: 16 b
levels:
- memory: DRAM
  component: {class: dram, kind: lpddr4}
- memory: GLB
  size: 128 KiB   # a power of two
  component: {class: sram, width: 64 b}
- array: PEs
  shape: 16
  component: {class: wire, length: 0.5 mm}
- memory: RF
  size: 192 words
  component: regfile
- compute: MAC
  component: {class: mac, table: aladdin}
"""


def chip(*overrides, text=CHIP):
    return catalog.load_architecture(parse(text, "chip.yaml"), overrides)


def level(name, *overrides):
    return chip(*overrides).level(name)


def sources(*overrides):
    found = catalog.load_sources(parse(CHIP, "chip.yaml"), overrides)
    return {(number.level, number.name): number for number in found}


def test_the_library_prices_what_the_file_does_not():
    glb, rf, mac, pes, dram = (level(name) for name in ("GLB", "RF", "MAC", "PEs", "DRAM"))
    assert glb.access_bits == 64
    assert glb.bandwidth_bits_per_cycle == 64
    assert min(glb.read_pj, glb.write_pj, glb.area_mm2, glb.leakage_w) > 0
    assert "CACTI 7" in glb.energy_source
    assert (rf.read_pj, rf.write_pj, rf.access_bits) == (1.9766, 1.8817, 16)
    assert (rf.read_bits_per_cycle, rf.write_bits_per_cycle) == (16, 16)
    assert list(mac.energy_pj) == ["mac"]
    assert mac.leakage_w > 0
    assert pes.hop_pj > 0
    assert (dram.read_pj, dram.area_mm2) == (16 * 8, 0)
    assert dram.bandwidth_bits_per_cycle == pytest.approx(32 * 4.266e9 / 200e6)


@pytest.mark.parametrize("times", [0.5, 2, 4])
def test_another_size_moves_energy_leakage_and_area(times):
    here, there = level("GLB"), level("GLB", f"GLB.size={128 * times:g}KiB")
    for name in ("read_pj", "write_pj", "leakage_w", "area_mm2"):
        assert (getattr(there, name) > getattr(here, name)) == (times > 1), name


def test_widths_words_nodes_and_formats_move_prices():
    assert level("GLB", "GLB.component.width=256").read_pj > level("GLB").read_pj
    assert level("RF", "word=8").read_pj < level("RF").read_pj
    assert level("MAC", "word=8").energy_pj["mac"] < level("MAC").energy_pj["mac"]
    assert level("MAC", "MAC.component.format=int16") == level("MAC")
    smaller = chip("technology=32nm")
    for name in ("GLB", "RF", "MAC", "PEs"):
        assert smaller.level(name) != chip().level(name)
    assert smaller.level("DRAM") == chip().level("DRAM")


def test_what_is_stated_beside_a_component_wins():
    said = level("GLB", "GLB.energy.read=7pJ", "GLB.area=3", "GLB.bandwidth=100 b/cycle")
    known = level("GLB")
    assert (said.read_pj, said.area_mm2, said.bandwidth_bits_per_cycle) == (7, 3, 100)
    assert (said.write_pj, said.leakage_w, said.access_bits) == (known.write_pj, known.leakage_w, 64)
    assert level("GLB", "GLB.bandwidth={}").bandwidth_bits_per_cycle is None
    per_bit = level("GLB", "GLB.energy=1", "GLB.access=1")
    assert (per_bit.access_bits, per_bit.read_pj, per_bit.area_mm2) == (1, 1, known.area_mm2)
    assert list(level("MAC", "MAC.energy.add=0.5").energy_pj) == ["mac", "add"]
    assert level("MAC", "MAC.energy=2").energy_pj == {"default": 2}
    assert level("PEs", "PEs.hop=3").hop_pj == 3


def test_several_components_make_one_unit():
    both = level("MAC", ("MAC.component", ["mac", {"class": "exp", "format": "fp16"}]))
    alone = [level("MAC", ("MAC.component", of)) for of in ("mac", {"class": "exp", "format": "fp16"})]
    assert both.energy_pj == alone[0].energy_pj | alone[1].energy_pj
    assert both.area_mm2 == pytest.approx(sum(unit.area_mm2 for unit in alone))
    for wrong, problem in (
        (["mac", "epx"], "$.levels[4].component[1].class: no such component 'epx' (did you mean 'exp'?)"),
        (["max", "comparator"], "$.levels[4].component[1]: max and comparator both price max, min"),
        ([], "must be the name of a class"),
    ):
        with pytest.raises(SpecError) as caught:
            chip(("MAC.component", wrong))
        assert problem in str(caught.value)
    with pytest.raises(SpecError):
        chip(("GLB.component", ["sram"]))


def test_rates_are_those_of_the_components_and_what_is_stated_beside_them_wins():
    unit = [{"class": "adder", "lanes": 16}, {"class": "divider", "lanes": 4}]
    made = ("MAC.component", unit)
    assert level("MAC", made).rate_of("add") == 16
    assert level("MAC", made).rate_of("div") == 4
    assert level("MAC", made, "MAC.throughput.div=2").rate_of("div") == 2
    assert level("MAC", made, "MAC.throughput.div=2").rate_of("add") == 16
    assert level("MAC", made, "MAC.throughput=3").throughput_per_cycle == {"default": 3}
    alike = ("MAC.component", [{"class": "adder", "lanes": 4}, {"class": "divider", "lanes": 4}])
    assert level("MAC", alike).throughput_per_cycle == {"default": 4}
    assert level("MAC").throughput_per_cycle == {"default": 1}


def test_a_class_alone_may_get_parameters_from_outside():
    assert level("RF", "RF.component.table=horowitz").read_pj != level("RF").read_pj


def test_ranges_that_are_left_are_told_and_only_where_they_are_used():
    assert chip().warnings == ()
    (warning,) = chip("GLB.size=64MiB").warnings
    assert warning.startswith("GLB: extrapolated from 16384 to 65536 KiB")
    stated = ["GLB.energy=1", "GLB.area=1", "GLB.leakage=0"]
    assert chip("GLB.size=64MiB", *stated).warnings == ()


def test_every_number_has_a_source():
    found = sources("RF.energy.write=2")
    assert all(number.source for number in found.values())
    assert found["GLB", "size"].source == "a power of two"
    assert found["GLB", "size"].value == 128 * 8192
    assert found["PEs", "shape X"].source == "a test"
    assert (found["GLB", "read"].basis, found["GLB", "read"].per_bits) == ("published", 64)
    assert found["RF", "write"].source == "--set RF.energy.write=2"
    assert found["MAC", "compute mac"].basis == "scaled"
    assert sources()["", "clock"].source == "a test"
    bare = catalog.load_sources(parse("name: a\nlevels: [{memory: D, energy: 1}, {compute: M, energy: 1}]"))
    assert {number.source for number in bare if not number.level} == {BY_DEFAULT}


@pytest.mark.parametrize("name", catalog.shipped()["arch"])
def test_every_number_of_a_shipped_machine_has_a_source(name):
    assert [(n.level, n.name) for n in catalog.load_sources(name) if not n.source] == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("class: sram", "class: srma", "chip.yaml:11:22: $.levels[1].component.class: no such component 'srma'"),
        ("width: 64 b}", "widht: 64}", "chip.yaml:11:28: $.levels[1].component.widht: sram has no parameter 'widht'"),
        ("technology: 65 nm\n", "", "$.levels[1].component: sram needs `node:` (feature size"),
        ("technology: 65 nm", "technology: 65 pJ", "$.technology: must be a length"),
        ("kind: lpddr4", "kind: ddr5", "dram has no energy of read and write here (say `energy: {read: …, write: …}`"),
        ("kind: lpddr4", "kind: ddr33", "chip.yaml:8:34: $.levels[0].component.kind: must be one of ddr3"),
        ("component: regfile", "component: mac", "mac prices no level of this kind (memory) (these do: sram, regfile"),
        ("component: regfile", "component: 3", "must be the name of a class, or a map that has `class:`, got 3"),
        ("component: regfile", "component: {size: 3}", "must be the name of a class, or a map that has `class:`"),
        (
            "kind: lpddr4",
            "kind: lpddr4, voltage: 1 V",
            "has no parameter 'voltage' (its costs follow no supply: that of a DRAM",
        ),
        ("table: aladdin}", "format: fp61}", "no such number format 'fp61' (did you mean 'fp16'?"),
        (
            "table: aladdin}",
            "format: fp16, table: aladdin}",
            "has no floating-point numbers, got fp16 (these have: horowitz",
        ),
        ("size: 128 KiB", "access: 32 b", "sram needs `size:`"),
        ("size: 128 KiB", "size: 1 KiB\n  access: 32 b", "the width of read and write is said twice, here and as"),
        ("  component: regfile", "  energy: {read: 1}", "$.levels[3].energy: required key 'write' is missing"),
        ("  component: regfile\n", "", "$.levels[3]: required key 'energy' is missing"),
        ("table: aladdin}", "table: aladdin}\n  throughput: {add: 2}", "MAC: `energy` prices no add"),
    ],
)
def test_what_is_wrong_says_where_and_what_to_do(old, new, problem):
    assert old in CHIP
    with pytest.raises(SpecError) as caught:
        chip(text=CHIP.replace(old, new))
    assert problem in str(caught.value)


def test_the_supply_of_the_file_moves_the_chip_and_what_it_does_not_move_is_said():
    here, there = chip(), chip("voltage=0.9")
    assert there.technology == "65 nm at 0.9 V"
    assert there.warnings == ()
    assert there.level("DRAM") == here.level("DRAM")
    for name in ("GLB", "RF"):
        assert there.level(name).read_pj < here.level(name).read_pj
        assert there.level(name).area_mm2 == here.level(name).area_mm2
    assert there.level("GLB").leakage_w == pytest.approx(here.level("GLB").leakage_w * 0.75**5)
    assert "× 0.562 from 1.2 V to 0.9 V" in sources("voltage=0.9")["GLB", "read"].source
    assert level("GLB", "GLB.component.voltage=900 mV") == there.level("GLB")
    stated = CHIP.replace("component: regfile", "energy: 1 pJ").replace("size: 128", "leakage: 1 mW\n  size: 128")
    assert chip("voltage=0.9", text=stated).warnings == (
        "GLB: `voltage:` does not move leakage: at what supply that is, is not known",
        "RF: `voltage:` does not move read, write: at what supply that is, is not known",
    )


def test_all_components_that_are_wrong_are_told_at_once():
    wrong = CHIP.replace("class: sram", "class: srma").replace("component: regfile", "component: regfil")
    with pytest.raises(SpecError) as caught:
        chip(text=wrong.replace("length: 0.5 mm", "length: 0 mm"))
    assert [problem.path for problem in caught.value.problems] == [
        "$.levels[1].component.class",
        "$.levels[2].component.length",
        "$.levels[3].component.class",
    ]


def test_all_that_is_wrong_with_one_component_is_told_at_once():
    with pytest.raises(SpecError) as caught:
        chip(text=CHIP.replace("class: sram", "class: sram, banks: 0, ports: x, tabel: cacti"))
    places = [f"$.levels[1].component.{key}" for key in ("banks", "ports", "tabel")]
    assert [problem.path for problem in caught.value.problems] == places


def test_what_a_replaced_component_has_wrong_is_put_down_to_what_replaced_it():
    with pytest.raises(SpecError) as caught:
        chip("GLB.component=mac")
    assert str(caught.value).startswith("--set GLB.component=mac: $.levels[1].component.class")


def test_editors_know_the_classes_and_their_parameters():
    validator = jsonschema.Draft7Validator(schema("arch"))
    assert list(validator.iter_errors(parse(CHIP).data)) == []
    for old, new in (("width: 64 b", "widht: 64 b"), ("table: aladdin", "table: cacti"), ("regfile", "{width: 3}")):
        assert list(validator.iter_errors(parse(CHIP.replace(old, new)).data))
    own = CHIP.replace("component: regfile", "component: {class: my_latches, ways: 3}")
    assert list(validator.iter_errors(parse(own).data)) == []


# Classes that a file defines

OURS = """\
components:
- class: our_sram
  level: memory
  source: our compiler
  node: 65 nm
  rows:
  - {size: 32 KiB, width: 64 b, read: 4 pJ, write: 5 pJ, area: 0.2 mm2}
  - {size: 128 KiB, width: 64 b, read: 8 pJ, write: 10 pJ, area: 0.8 mm2}
  exponents: {energy: {width: 1}}
- class: our_unit
  level: compute
  source: our synthesis
  rows: [{lanes: 8, mac: 0.5 pJ, area: 800 um2}]
  exponents: {area: {lanes: 1}}
"""
DEFINED = (
    CHIP.replace("levels:", OURS + "levels:")
    .replace("class: sram", "class: our_sram")
    .replace("{class: mac, table: aladdin}", "{class: our_unit, lanes: 16}")
)


def test_a_class_of_the_file_lies_between_its_points_and_grows_by_its_powers():
    glb = chip(text=DEFINED).level("GLB")
    assert (glb.read_pj, glb.write_pj, glb.area_mm2, glb.access_bits) == (8, 10, 0.8, 64)
    between = chip("GLB.size=64 KiB", "GLB.component.width=128", text=DEFINED).level("GLB")
    assert between.read_pj == pytest.approx(2 * 4 * 2**0.5)
    assert between.area_mm2 == pytest.approx(0.4)
    unit = chip(text=DEFINED).level("MAC")
    assert (unit.energy_pj, unit.area_mm2) == ({"mac": 0.5}, pytest.approx(0.0016))
    scaled = chip("technology=45nm", text=DEFINED).level("GLB")
    assert scaled.read_pj == pytest.approx(8 / 1.241)
    assert scaled.area_mm2 == pytest.approx(0.8 / 1.5)
    supplied = DEFINED.replace("node: 65 nm", "node: 65 nm\n  voltage: 1 V")
    assert chip("voltage=0.9", text=supplied).level("GLB").read_pj == pytest.approx(8 * 0.81)
    told = chip("voltage=0.9", text=DEFINED).warnings  # classes that say no supply
    assert [text.split(":")[0] for text in told] == ["GLB", "MAC"]


NOC = "PEs.component={class: noc, length: 0.5 mm, topology: mesh}"


@pytest.mark.parametrize(
    ("topology", "ports", "idle"),
    [("mesh", 16, False), ("mesh", 17, True), ("crossbar", 100_000, True), ("tree", 17, True), ("bus", 17, False)],
)
def test_ports_that_no_instance_can_take_words_from_are_warned_of(topology, ports, idle):
    warnings = chip(NOC, f"PEs.component.topology={topology}", f"PEs.component.ports={ports}").warnings
    said = f"PEs: `ports: {ports:,}`, and a single link leads to each of its 16 instances: the rest is idle"
    assert warnings == ((said,) if idle else ())
    assert chip(NOC, f"PEs.component.topology={topology}").warnings == ()


def test_a_radix_of_what_is_no_tree_is_refused_with_its_place():
    assert chip(NOC, "PEs.component.topology=tree", "PEs.component.radix=4").level("PEs").network.radix == 4
    assert chip(NOC, "PEs.component.topology=tree").level("PEs").network.radix == 2
    with pytest.raises(
        SpecError, match=r"\$\.levels\[2\]\.component\.radix: .* of a tree: `topology: mesh` has none \(leave it out"
    ):
        chip(NOC, "PEs.component.radix=4")


def test_a_class_of_the_file_names_its_source_and_warns_beyond_its_points():
    found = {(n.level, n.name): n for n in catalog.load_sources(parse(DEFINED), ["GLB.size=64KiB"])}
    assert found["GLB", "read"].source.startswith("our compiler; interpolated between")
    assert found["MAC", "area"].source == "our synthesis; × 2 by the power 1 of lanes"
    (warning,) = chip("GLB.size=1MiB", text=DEFINED).warnings
    assert warning.startswith("GLB: `class: our_sram` is extrapolated")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("class: our_sram\n", "class: sram\n", "chip.yaml:7:10: $.components[0].class: the library has a class 'sram'"),
        ("size: 32 KiB", "size: 32 pJ", "chip.yaml:12:12: $.components[0].rows[0].size: must be a size"),
        ("read: 4 pJ", "read: 0 pJ", "$.components[0].rows[0].read: must be greater than zero"),
        (", read: 4 pJ", "", "$.components[0].rows[1]: every point names the same parameters and costs as the first"),
        ("size: 128 KiB, width: 64", "size: 128 KiB, width: 32", "points must differ in one parameter"),
        ("size: 128 KiB, width", "size: 32 KiB, width", "points must differ in one parameter, each from each"),
        ("{energy: {width: 1}}", "{energy: {size: 1}}", "size has no power: the points differ in it"),
        ("{energy: {width: 1}}", "{energy: {width: 1e9}}", "$.components[0].exponents.energy.width: must be <= 10"),
        ("{lanes: 1}", "{lnes: 1}", "lnes has no power: no point names it"),
        ("[{lanes: 8, mac: 0.5 pJ, area: 800 um2}]", "[{lanes: 8}]", "$.components[1].rows[0]: a point has no costs"),
        ("lanes: 16}", "lane: 16}", "our_unit has no parameter 'lane' (did you mean 'lanes'?)"),
        ("class: our_sram, width", "class: our_srm, width", "no such component 'our_srm' (did you mean 'our_sram'?)"),
        ("  source: our compiler\n", "", "$.components[0]: required key 'source' is missing"),
        ("class: our_unit\n", "class: our_sram\n", "two classes are called 'our_sram'"),
    ],
)
def test_what_is_wrong_with_a_class_of_the_file(old, new, problem):
    assert old in DEFINED
    with pytest.raises(SpecError) as caught:
        chip(text=DEFINED.replace(old, new, 1))
    assert problem in str(caught.value)


def test_costs_beyond_all_bounds_are_refused():
    steep = DEFINED.replace("size: 128 KiB, width", "size: 262145 b, width")
    with pytest.raises(SpecError) as caught:
        chip("GLB.size=1TiB", text=steep)
    assert "no finite costs of our_sram follow from its parameters" in str(caught.value)
