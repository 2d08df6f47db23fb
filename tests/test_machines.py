"""The shipped machines: what each number of them comes from, and that prices follow what they are made of."""

import re
from pathlib import Path

import pytest

import costmodel.api as cm
from costmodel.einsum.roles import keeps
from costmodel.spec import catalog
from costmodel.spec.computing import units_for
from costmodel.spec.load import read

ROOT = Path(__file__).resolve().parent.parent
FILES = {path.stem: read(path).data for path in sorted((ROOT / "arch").glob("*.yaml"))}
TEXTBOOK = sorted(name for name, data in FILES.items() if not any("component" in level for level in data["levels"]))
"""Machines whose prices are what is published, or chosen: none follows a size."""
MADE = sorted(set(FILES) - set(TEXTBOOK))
DIES = sorted(name for name in MADE if any("area" in level for level in FILES[name]["levels"] if "array" in level))
"""Machines whose area is known of the die alone."""
PRICES = {"pJ", "mm2", "W"}


def components(name, *classes):
    """Levels of a machine that are made of a class, with their place."""
    for level in FILES[name]["levels"]:
        said = level.get("component", {})
        of = said if isinstance(said, str) else said["class"] if isinstance(said, dict) and said else ""
        if of in classes:
            yield level["memory"], level


def test_only_textbook_machines_state_their_prices_and_only_of_gpus_the_die_alone_is_known():
    assert TEXTBOOK == ["eyeriss_normalized", "pe2d", "systolic4", "systolic4_weight", "two_level"]
    assert DIES == ["a100", "h100_sxm", "v100"]


def test_the_page_tells_of_every_machine_and_its_data_sets():
    page = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
    section = page[page.index("## The machines") : page.index("## How large a buffer")]
    told = {name: row for row in section.splitlines() for name in re.findall(r"`(\w+)`", row[: row.find("|", 1)])}
    assert sorted(told) == sorted(FILES)
    for name in MADE:
        text = (ROOT / "arch" / f"{name}.yaml").read_text(encoding="utf-8")
        used = set(re.findall(r"table: (\w+)", text)) - {"eyeriss"}
        assert used <= set(re.findall(r"`(\w+)`", told[name])), name


@pytest.mark.parametrize("name", FILES)
def test_every_number_has_a_source_and_every_price_its_own(name):
    numbers = catalog.load_sources(name)
    assert [(n.level, n.name) for n in numbers if not n.source] == []
    of_the_file = [(n.level, n.name) for n in numbers if n.unit in PRICES and n.source == FILES[name]["source"]]
    assert of_the_file == []


@pytest.mark.parametrize("name", MADE)
def test_every_level_has_all_of_its_numbers(name):
    found = {(n.level, n.name.split()[0]) for n in catalog.load_sources(name)}
    for key in ("clock", "word", "technology"):
        assert ("", key) in found
    for place, level in enumerate(FILES[name]["levels"]):
        if "memory" in level:
            needed = {"read", "write"} | ({"size"} if place else set()) | (set() if name in DIES else {"area"})
        elif "array" in level:
            needed = {"shape"}
        else:
            needed = {"compute", "throughput"}
        lacking = needed - {number for of, number in found if of == next(iter(level.values()))}
        assert not lacking, level


@pytest.mark.parametrize("name", MADE)
def test_twice_the_sram_costs_more_energy_and_area_wherever_there_is_one(name):
    here = catalog.load_architecture(name)
    srams = [level for _, level in components(name, "sram")]
    for memory, said in components(name, "sram", "regfile"):
        bits = here.level(memory).capacity_bits
        there = catalog.load_architecture(name, [f"{memory}.size={2 * bits} b"])
        one, two = here.level(memory), there.level(memory)
        if name not in DIES and said.get("area") is None:
            assert two.area_mm2 > one.area_mm2, memory
        if said in srams and "size" not in said["component"]:  # else an access is one to a part of that size
            assert two.read_pj > one.read_pj, memory
            assert two.write_pj > one.write_pj, memory
            assert two.leakage_w > one.leakage_w or one.leakage_w == 0, memory
        others = [level for level in here.levels if level.name != memory]
        assert others == [level for level in there.levels if level.name != memory]


@pytest.mark.parametrize("name", MADE)
def test_another_node_moves_all_prices_but_those_off_the_chip(name):
    node = float(str(FILES[name]["technology"]).split()[0])
    here, there = catalog.load_architecture(name), catalog.load_architecture(name, [f"technology={0.9 * node} nm"])
    for one, two in zip(here.memories[1:], there.memories[1:], strict=True):
        assert two.read_pj < one.read_pj, one.name
        assert not one.area_mm2 or two.area_mm2 < one.area_mm2, one.name
    for one, two in zip(here.compute_units, there.compute_units, strict=True):
        assert all(two.energy_pj[kind] < one.energy_pj[kind] for kind in one.energy_pj), one.name


@pytest.mark.parametrize("name", FILES)
def test_a_machine_warns_of_nothing_as_it_is_shipped(name):
    assert catalog.load_architecture(name).warnings == ()


TRANSFORMERS = {
    name for name in catalog.shipped()["workload"] if re.search("attention|bert|gpt|llama|mixtral|vit|ast", name)
}


def simplest(einsum, machine):
    """The nest of an Einsum that takes the least room: every loop outside, one word of a tensor wherever it is kept."""
    unit = units_for(einsum, machine)[0]
    outermost, *inner = machine.part(unit.name).memories
    nest = [f"store {' '.join(einsum.tensors)} in {outermost.name}", *(f"for {v} by 1" for v in einsum.shape)]
    for memory in inner:
        names = memory.keep if memory.keep is not None or memory.may_keep else tuple(einsum.tensors)
        kept = [tensor.name for tensor in einsum.tensors.values() if keeps(names or (), tensor, einsum)]
        nest += [f"store {' '.join(kept)} in {memory.name}"] if kept else []
    return {"einsum": einsum.name, "nest": [*nest, f"compute {einsum.name} on {unit.name}"]}


@pytest.mark.parametrize("name", sorted(set(FILES) - {"systolic4", "systolic4_weight"}))
@pytest.mark.parametrize(
    "transformer",
    [
        "bert_base_layer",
        *(pytest.param(one, marks=pytest.mark.long) for one in sorted(TRANSFORMERS - {"bert_base_layer"})),
    ],
)
def test_a_transformer_runs_on_every_machine_whole(name, transformer):
    """One Einsum of each kind: its operations, and the roles of what it reads."""
    machine, workload = catalog.load_pair(name, transformer)
    kinds = {
        (tuple(o.kind for o in einsum.operations), tuple(t.role for t in einsum.tensors.values())): einsum.name
        for einsum in workload.einsums
    }
    mappings = [simplest(workload.einsum(einsum), machine) for einsum in kinds.values()]
    found = cm.evaluate(machine, workload, mapping={"mappings": mappings}, einsums=sorted(kinds.values()))
    assert set(found.latency["einsum"]) == set(kinds.values())
    assert found.energy_pj > 0
