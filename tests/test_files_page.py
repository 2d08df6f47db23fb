"""docs/files.md: its tables are those of the models, its examples are read, its commands print what it shows."""

import json
import re
import shlex
from functools import cache, partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from pages import script

from costmodel.cli import app
from costmodel.components.library import OWN
from costmodel.einsum import notation
from costmodel.model.evaluate import combine, evaluate
from costmodel.spec import catalog, units
from costmodel.spec.hardware import Array, Memory
from costmodel.spec.load import parse
from costmodel.spec.problems import Marks, SpecError
from costmodel.spec.quantities import KINDS
from costmodel.spec.rules import rulebook
from costmodel.spec.study import Study
from costmodel.spec.validation import keys_of, validate
from costmodel.spec.workload_spec import WorkloadSpec

ROOT = Path(__file__).resolve().parent.parent
PAGE, COMPONENTS = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("files.md", "components.md"))
FORMS = rulebook.forms()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
FILES = {
    found[1] if (found := re.match(r"# (\w+\.yaml)\n", text)) else f"block_{place}.yaml": text
    for place, (language, text) in enumerate(BLOCKS)
    if language == "yaml"
}
DRAM, MAC = {"memory": "DRAM", "energy": 1}, {"compute": "MAC", "energy": 1}
NODE = {"name": "a", "technology": "45 nm"}
NEST = ["for m by 1", "compute Z on MAC"]


@cache
def generator():
    return script("files")


MAPS = {
    (kind, title): found for kind in catalog.KINDS for title, found in generator().maps(generator().described(kind))
}
KEYS = [(*place, key) for place, found in MAPS.items() for key in found["properties"]]
EXAMPLES = [
    (kind, title, key, place)
    for (kind, title), found in MAPS.items()
    for key, said in found["properties"].items()
    for place in range(len(said.get("examples", ())))
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def section(title):
    return re.search(rf"^##+ {title}\n(.*?)(?=^##+ |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]


def rows(text):
    """Cells of the rows of hand-written tables, without the heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row, below in zip(cells, [*cells[1:], [""]], strict=True) if "---" not in (row[0], below[0])]


# ---------------------------------------------------------------------------------------------------------------
# Keys


def test_the_tables_are_those_of_the_models():
    assert [generator().page(page) for page in (PAGE, COMPONENTS)] == [PAGE, COMPONENTS], "run `make docs-files`"


@pytest.mark.parametrize(("kind", "title"), MAPS)
def test_every_map_has_a_table(kind, title):
    assert f"<!-- keys: {kind} {title} -->" in (COMPONENTS if title in {*OWN, "ComponentClass"} else PAGE)


@pytest.mark.parametrize(("kind", "title", "key"), KEYS)
def test_every_key_has_a_meaning_and_an_example(kind, title, key):
    said = MAPS[kind, title]["properties"][key]
    assert said.get("description"), f"write what {key} means under its field"
    assert said.get("examples"), f"end what stands under {key} with an example: E.g. ``…``."


STUDY = {"arch": "eyeriss_v1", "workload": "alexnet", "seed": 0}
MEANT = {"mean": {"workload": ["resnet18", "mobilenet_v2"]}}
"""Key of a study → what its example is of."""
AROUND = {
    "ArchitectureSpec": lambda said: {"name": "a", "levels": [DRAM, {"array": "PEs", "shape": 2}, MAC]} | said,
    "MemorySpec": lambda said: NODE | {"levels": [DRAM | {"size": "8 KiB", "latency": "9 ns"} | said, MAC]},
    "MemoryEnergy": lambda said: {"name": "a", "levels": [DRAM | {"energy": {"read": 1, "write": 1} | said}, MAC]},
    "Bandwidth": lambda said: {"name": "a", "levels": [DRAM | {"bandwidth": said}, MAC]},
    "ArraySpec": lambda said: NODE | {"levels": [DRAM, {"array": "PEs", "shape": 2} | said, MAC]},
    "ComputeSpec": lambda said: NODE | {"levels": [DRAM, MAC | said]},
    "WorkloadSpec": lambda said: {"name": "w", "einsums": ["Z[m] = A[m]"]} | said,
    "EinsumSpec": lambda said: {"name": "w", "einsums": [{"einsum": "Z[m] = A[m]"} | said]},
    "Mapping": lambda said: said if "mappings" in said else {"nest": NEST} | said,
    "Entry": lambda said: {"mappings": [{"nest": NEST} | said]},
    "Fused": lambda said: {"nest": [{"sequence": [NEST]} | said]},
    "Study": lambda said: STUDY | MEANT.get(next(iter(said)), {}) | said,
}
"""Name of a map → a whole file around some keys of it."""
LEVELS = {"memory": DRAM | {"size": "8 KiB"}, "array": {"array": "PEs", "shape": 2}, "compute": MAC}


def around_component(title, said):
    """A file with a component in a level that states no price of its own."""
    of = OWN[title]
    needed = {"dram": {"kind": "ddr4"}, "wire": {"length": 1}, "noc": {"topology": "tree", "length": 1}}.get(title, {})
    levels = {kind: dict(level) for kind, level in LEVELS.items()}
    levels[of.level].pop("energy", None)
    levels[of.level]["component"] = {"class": title} | needed | said
    return {"name": "a", "technology": 45, "levels": list(levels.values())}


OURS = {"class": "ours", "level": "memory", "source": "a test", "rows": [{"size": 8, "width": 8, "area": 1}]}
AROUND |= {
    "ComponentClass": lambda said: NODE | {"components": [OURS | {"node": "45 nm"} | said], "levels": [DRAM, MAC]}
}
AROUND |= {title: partial(around_component, title) for title in OWN}


def read(kind, data):
    """Read a file as far as it can be without the rest of what it names."""
    document = parse(json.dumps(data, ensure_ascii=False))
    if kind == "workload":
        return validate(WorkloadSpec, document.data, Marks())
    found, loaded = catalog.load(document)
    assert found == kind
    return loaded


@pytest.mark.parametrize(("kind", "title", "key", "place"), [e for e in EXAMPLES if e[1] != "Range"])
def test_every_example_is_read(kind, title, key, place):
    data = AROUND[title]({key: MAPS[kind, title]["properties"][key]["examples"][place]})
    try:
        read(kind, data)
    except SpecError:  # a key that means something to the other kind of search alone
        assert kind == "study"
        assert read(kind, data | {"method": "nsga2"} if key != "choose" else data | {"objective": "energy,latency"})
    if key == "einsum" and kind == "workload":
        notation.parse(data["einsums"][0]["einsum"])


@pytest.mark.parametrize("place", range(3))
def test_examples_of_ranges_are_read_together(place):
    said = MAPS["study", "Range"]["properties"]
    axis = {key: dict(enumerate(found["examples"])).get(place, found["examples"][0]) for key, found in said.items()}
    study = read("study", {"arch": "two_level", "workload": "alexnet", "axes": {"Buffer.size": axis}})
    assert len(study.axes["Buffer.size"]) > 2


def test_every_kind_of_operation_is_named():
    named = re.findall(r"`(\w+)`", re.search(r"The kinds of operation: (.*?\.) ", PAGE)[1])
    assert named == [kind for kind in KINDS if kind != "default"]


# ---------------------------------------------------------------------------------------------------------------
# Blocks


@pytest.mark.parametrize("name", FILES)
def test_a_block_of_yaml_is_a_file_that_is_fine(folder, name):
    result = CliRunner().invoke(app, ["check", name])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{name}: fine")
    assert "not checked against" not in result.stderr


def test_the_studies_say_every_key():
    studies = [parse(text).data for text in FILES.values() if catalog.kind_of(parse(text)) == "study"]
    assert {key for study in studies for key in study} == set(keys_of(Study))


def commands():
    for language, text in BLOCKS:
        if language == "console":
            yield from (part.split("\n", 1) for part in re.split(r"^\$ ", text, flags=re.MULTILINE) if part)


@pytest.mark.parametrize(("command", "shown"), list(commands()))
def test_a_command_prints_what_is_shown(folder, command, shown):
    program, *words = shlex.split(command)
    assert program == "costmodel"
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    pattern = ".*".join(map(re.escape, shown.strip().split("…")))
    assert re.fullmatch(pattern, result.stdout.strip(), re.DOTALL), result.stdout


def test_the_editor_comment_names_the_schema_of_its_block():
    (block,) = (text for text in FILES.values() if "yaml-language-server" in text)
    assert f"$schema={catalog.kind_of(parse(block))}.schema.json" in block


# ---------------------------------------------------------------------------------------------------------------
# Tables and numbers that are written by hand


@pytest.mark.parametrize(("written", "value"), [row[:2] for row in rows(section("How YAML is read"))])
def test_yaml_is_read_as_the_table_says(written, value):
    if value == "error":
        with pytest.raises(SpecError):
            parse(written.strip("`"))
    else:
        found, expected = parse(written.strip("`")).data, json.loads(value.strip("`"))
        assert (found, type(found)) == (expected, type(expected))


def test_numbers_are_read_as_the_text_says():
    text = section("Numbers and units")
    assert "`size: 448` is 448 words, `energy: 2` is 2 pJ" in text
    assert (str(units.parse(448, units.SIZE)), str(units.parse(2, units.ENERGY))) == ("448 words", "2 pJ")
    assert "`kB` (1000 bytes) is not `KiB` (1024); `KB` is an error" in text
    assert [units.parse(f"1 {unit}", units.SIZE).value for unit in ("kB", "KiB")] == [8 * 1000, 8 * 1024]
    with pytest.raises(ValueError, match="two ways"):
        units.parse("1 KB", units.SIZE)


def test_every_form_of_a_constraint_is_in_the_table_and_its_example_is_one():
    table = [[cell.strip("`") for cell in row] for row in rows(section("Constraints"))]
    assert set(FORMS) <= {form for form, *_ in table}
    architecture, workload = catalog.load_pair("pe2d", "conv3x3")
    for form, example, _ in table:
        einsum = workload.einsums[0]
        assert rulebook.parse([example], architecture, einsum) != rulebook.parse([], architecture, einsum)
        fixed = re.findall(r"[a-z_]{2,}|[<>=]+|%", form)
        assert [word for word in re.findall(r"[a-z_]{2,}|[<>=]+|%", example) if word in fixed] == fixed


@pytest.mark.parametrize("text", [row[0].strip("`") for row in rows(section("Values that are set from outside"))])
def test_a_value_can_be_set_as_the_table_says(text):
    assert catalog.load_pair("eyeriss_v1", "alexnet", [text]) != catalog.load_pair("eyeriss_v1", "alexnet")


def test_sentences_of_mappings_are_those_of_the_parser():
    from costmodel.spec.sentences import _FORMS, parse_sentence

    sentences = [row[0].strip("`") for row in rows(section("Mappings").split("<!--")[0])]
    assert sentences.pop() == "sequence:"
    assert [text.split()[0] for text in sentences] == list(_FORMS)
    assert [str(parse_sentence(text)) for text in sentences] == sentences


def test_compute_units_stand_where_the_table_says(folder):
    architecture = catalog.load_architecture("two_units.yaml")
    section_rows = [row for row in rows(section("Compute units")) if len(row) == 4]
    assert [row[0].strip("`") for row in section_rows] == [unit.name for unit in architecture.compute_units]
    for name, instances, made_by, served_by in section_rows:
        unit = name.strip("`")
        above = architecture.levels[: architecture.index(unit)]
        assert int(instances) == architecture.copies(unit)
        assert made_by == (", ".join(x.name for x in above if isinstance(x, Array)) or "–")
        assert served_by == ", ".join(x.name for x in above if isinstance(x, Memory))


def test_numbers_in_the_text(folder):
    architecture, workload = catalog.load_pair("two_units.yaml", "chain.yaml")
    evaluation, fused = (
        combine([evaluate(workload, architecture, mapping) for mapping in catalog.load_mappings(file)])
        for file in ("separate.yaml", "fused.yaml")
    )
    points, cycles = evaluation.points["S"], int(evaluation.cycles_by_einsum["S"])
    rate = architecture.level("VEC").rate_of("exp")
    text = f"{points:,} exponentials in {cycles} cycles are {points / cycles:.3g} per cycle"
    assert f"{text}, {100 * points / cycles / rate:.3g} % of {rate:.0f}." in PAGE
    read = {r.words for r in fused.traffic_rows if (r.level, r.tensor, r.flow) == ("DRAM", "B", "read")}
    assert read == {2048}
    assert workload.einsum("Z").tensors["B"].size_words == 512
    first, middle, scores = catalog.load_workload("layers.yaml").einsums
    assert middle.count == 4
    assert f"{middle.points:,} multiplications that counts four times: {4 * middle.points:,}" in PAGE
    assert first.tensors["I"].shape[-1] == 34
    assert first.tensors["I"] != middle.tensors["I"]
    assert [scores.tensors[name].role for name in "QK"] == ["input", "input"]
    assert scores.tensors["S"].bits == 32
