"""Architecture files: what each key becomes, and the rules between levels."""

import pytest

from costmodel.einsum.functions import FUNCTIONS
from costmodel.spec.architecture import ArchitectureSpec
from costmodel.spec.catalog import load_architecture
from costmodel.spec.hardware import Array, ComputeUnit, Memory
from costmodel.spec.load import parse
from costmodel.spec.problems import SpecError
from costmodel.spec.quantities import KINDS

SMALL = """\
name: small
levels:
- memory: DRAM
  energy: 100
- memory: GLB
  size: 1 KiB
  energy: {read: 1 pJ, write: 2 pJ}
- array: PEs
  shape: {X: 4, Y: 2}
- compute: MAC
  energy: 1 pJ
"""


def load(text):
    return load_architecture(parse(text, "a.yaml"))


def problems_of(text):
    with pytest.raises(SpecError) as caught:
        load(text)
    return [str(p) for p in caught.value.problems]


def with_level(text, level="GLB"):
    """The small architecture with more keys in one level."""
    head = next(line for line in SMALL.splitlines() if line.endswith(f": {level}"))
    return SMALL.replace(head, f"{head}\n  {text}")


def level(text, name="GLB"):
    return load(with_level(text, name)).level(name)


def test_the_example_of_the_format():
    architecture = load("""\
name: eyeriss_v1
source: Chen et al.
technology: 65 nm
clock: 200 MHz
word: 16 b
levels:
- memory: DRAM
  energy: {read: 200 pJ, write: 200 pJ}
  bandwidth: 480 MB/s
- memory: GLB
  size: 108 KiB
  energy: {read: 6 pJ, write: 7 pJ}
  keep: [input, output]
- array: PEs
  shape: {X: 14, Y: 12}
  hop: 2 pJ
- memory: weight_spad
  size: 448 B
  energy: 1 pJ
  keep: [weight]
- compute: MAC
  energy: 1 pJ
  throughput: 1 /cycle
constraints:
- PEs.X only [p, q, m]
""")
    assert (architecture.name, architecture.technology, architecture.clock_hz) == ("eyeriss_v1", "65 nm", 200e6)
    assert architecture.word_bits == 16
    assert architecture.constraints == ("PEs.X only [p, q, m]",)
    assert architecture.levels == (
        Memory(
            name="DRAM",
            read_pj=200,
            write_pj=200,
            access_bits=16,
            bandwidth_bits_per_cycle=480e6 * 8 / 200e6,
            energy_source="Chen et al.",
        ),
        Memory(
            name="GLB",
            capacity_bits=108 * 1024 * 8,
            read_pj=6,
            write_pj=7,
            access_bits=16,
            keep=("input", "output"),
            energy_source="Chen et al.",
        ),
        Array(name="PEs", shape={"X": 14, "Y": 12}, hop_pj=2, hop_bits=16),
        Memory(
            name="weight_spad",
            capacity_bits=448 * 8,
            read_pj=1,
            write_pj=1,
            access_bits=16,
            keep=("weight",),
            energy_source="Chen et al.",
        ),
        ComputeUnit(
            name="MAC", energy_pj={"default": 1}, throughput_per_cycle={"default": 1}, energy_source="Chen et al."
        ),
    )


def test_what_is_not_said():
    architecture = load(SMALL)
    assert (architecture.clock_hz, architecture.word_bits, architecture.technology) == (1e9, 8, "")
    assert architecture.level("DRAM") == Memory(name="DRAM", read_pj=100, write_pj=100, access_bits=8)
    assert architecture.level("PEs") == Array(name="PEs", shape={"X": 4, "Y": 2})
    assert architecture.level("MAC").rate_of("mac") == 1


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("access: 64 b", "access_bits", 64),
        ("leakage: 3 mW", "leakage_w", 0.003),
        ("area: 1200 um2", "area_mm2", 0.0012),
        ("area: 0", "area_mm2", 0),
        ("instances: 3", "instances", 3),
        ("source: CACTI", "energy_source", "CACTI"),
        ("energy_source: CACTI", "energy_source", "CACTI"),
        ("bandwidth: 4 words/cycle", "bandwidth_bits_per_cycle", 32),
        ("bandwidth: 4", "bandwidth_bits_per_cycle", 32),
        ("bandwidth: 64 b/cycle", "bandwidth_bits_per_cycle", 64),
        ("bandwidth: 2 GB/s", "bandwidth_bits_per_cycle", 16),
        ("bandwidth: {read: 4, write: 8 B/cycle}", "read_bits_per_cycle", 32),
        ("bandwidth: {read: 4, write: 8 B/cycle}", "write_bits_per_cycle", 64),
        ("bandwidth: {read: 4, write: 8, total: 9}", "bandwidth_bits_per_cycle", 72),
        ("keep: input", "keep", ("input",)),
        ("keep: []", "keep", ()),
        ("keep: [A, intermediate]", "keep", ("A", "intermediate")),
        ("may_keep: [weight, output]", "may_keep", ("weight", "output")),
        ("halo: refetch", "halo", "refetch"),
        ("holes: fetch", "holes", "fetch"),
        ("drain: free", "drain", "free"),
        ("double_buffered: true", "usable_bits", 4096),
        ("partial: 32 b", "partial_bits", 32),
    ],
)
def test_keys_of_a_memory(text, field, value):
    assert getattr(level(text), field) == value


@pytest.mark.parametrize(
    ("size", "bits"), [("1024", 16384), ("1024 words", 16384), ("1024 b", 1024), ("1 kB", 8000), ("1e3", 16000)]
)
def test_bare_sizes_are_words_of_the_architecture(size, bits):
    architecture = load("word: 16\n" + SMALL.replace("1 KiB", size))
    assert architecture.level("GLB").capacity_bits == bits


def test_the_access_width_may_stand_beside_the_energies():
    text = SMALL.replace("write: 2 pJ", "write: 2 pJ, access: 64 b")
    assert load(text).level("GLB").access_bits == 64


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("hop: 2 pJ", "hop_pj", 2),
        ("access: 64", "hop_bits", 64),
        ("multicast: none", "multicast", "none"),
        ("reduce: false", "reduce", False),
        ("partial: 24 b", "partial_bits", 24),
        ("systolic: weight", "systolic", "weight"),
        ("leakage: 1", "leakage_w", 1),
    ],
)
def test_keys_of_an_array(text, field, value):
    assert getattr(level(text, "PEs"), field) == value


def test_a_bare_shape_is_one_dimension():
    assert load(SMALL.replace("{X: 4, Y: 2}", "8")).level("PEs").shape == {"X": 8}


def test_operations_are_priced_and_rated_by_kind():
    prices = "energy: {mac: 1 pJ, exp: 6 pJ, default: 2}\n  throughput: {exp: 0.25}"
    mac = load(SMALL.replace("energy: 1 pJ", prices)).level("MAC")
    assert [mac.energy_of(kind) for kind in ("mac", "exp", "add")] == [1, 6, 2]
    assert [mac.rate_of(kind) for kind in ("mac", "exp")] == [1, 0.25]


def test_every_function_of_an_einsum_can_be_priced():
    assert set(FUNCTIONS) <= set(KINDS)


def test_zero_energy_can_be_said():
    assert load(SMALL.replace("energy: 100", "energy: 0")).level("DRAM").read_pj == 0


def test_a_compute_unit_may_hang_off_an_outer_level():
    text = SMALL.replace("- array: PEs", "- compute: vector\n  energy: 3\n- array: PEs")
    architecture = load(text)
    assert [u.name for u in architecture.compute_units] == ["vector", "MAC"]
    assert (architecture.copies("vector"), architecture.copies("MAC")) == (1, 8)


def test_a_rate_needs_a_price():
    text = SMALL.replace("energy: 1 pJ", "energy: {mac: 1, exp: 0}\n  throughput: {default: 2, exp: 0.25}")
    mac = load(text).level("MAC")
    assert [mac.does(kind) for kind in ("mac", "exp", "add")] == [True, True, False]
    assert [mac.rate_of(kind) for kind in ("mac", "exp")] == [2, 0.25]
    bare = load(SMALL.replace("energy: 1 pJ", "energy: {mac: 1}\n  throughput: 4")).level("MAC")
    assert [bare.does(kind) for kind in ("mac", "exp")] == [True, False]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (
            SMALL.replace("energy: 1 pJ", "energy: {mac: 1}") + "  throughput: {mac: 1, exp: 0.25, add: 2}\n",
            "throughput.exp: MAC: `energy` prices no exp, add (say `exp:`, `add:` or `default:` in `energy:`; 0 says",
        ),
        (SMALL.replace("1 KiB", "0"), "a.yaml:6:9: $.levels[1].size: must be greater than zero, got 0"),
        (SMALL.replace("1 KiB", "-3"), "a.yaml:6:9: $.levels[1].size: must be greater than zero, got -3"),
        (SMALL.replace("1 KiB", "0.3"), "must be a whole number of words, got 0.3"),
        (SMALL.replace("1 KiB", "0.5 b"), "must be a whole number of bits, got '0.5 b'"),
        (SMALL.replace("1 KiB", "4 b"), "a.yaml:6:9: $.levels[1].size: GLB: size is smaller than a word: 4 b of 8 b"),
        (SMALL.replace("1 KiB", "no"), "must be a size (b, B, kB, KiB, MB, MiB, words), got 'no'"),
        (SMALL.replace("X: 4", "X: 0"), "a.yaml:9:14: $.levels[2].shape.X: must be > 0, got 0"),
        (SMALL.replace("X: 4", "X: -4"), "must be > 0, got -4"),
        (SMALL.replace("X: 4", "X: 4.5"), "must be a whole number, got 4.5"),
        (SMALL.replace("X: 4", "X: '4'"), "must be a whole number, got '4'"),
        (SMALL.replace("{X: 4, Y: 2}", "{}"), "must not be empty"),
        (SMALL.replace("{X: 4, Y: 2}", "[4, 2]"), "must be a map, got a list"),
        (SMALL.replace("  shape: {X: 4, Y: 2}\n", ""), "required key 'shape' is missing"),
        (SMALL.replace("  energy: 100\n", ""), "a.yaml:3:3: $.levels[0]: required key 'energy' is missing"),
        (SMALL.replace("read: 1 pJ, ", ""), "a.yaml:7:11: $.levels[1].energy: required key 'read' is missing"),
        (SMALL.replace("read: 1 pJ", "red: 1 pJ"), "no such key 'red' (did you mean 'read'?)"),
        (SMALL.replace("  energy: 1 pJ\n", ""), "$.levels[3]: required key 'energy' is missing"),
        (SMALL + "  throughput: 0\n", "a.yaml:12:15: $.levels[3].throughput: must be greater than zero, got 0"),
        (SMALL + "  throughput: -1 /cycle\n", "must be greater than zero, got '-1 /cycle'"),
        (SMALL.replace("energy: 100", "energy: -1"), "must not be negative, got -1"),
        (SMALL.replace("energy: 1 pJ", "energy: {}"), "must not be empty"),
        (SMALL.replace("energy: 1 pJ", "energy: {maac: 1}"), "no such kind of operation 'maac' (did you mean 'mac'?)"),
        (SMALL.replace("memory: GLB", "memory: DRAM"), "two levels are called 'DRAM' (first at line 3)"),
        (SMALL.replace("array: PEs", "array: MAC"), "two levels are called 'MAC' (first at line 8)"),
        (SMALL.replace("memory: GLB", "memory: my GLB"), "must be a name (letters, digits, _), got 'my GLB'"),
        (SMALL.replace("memory: GLB", "memory: 3"), "must be text, got 3 (quote it to mean text)"),
        (SMALL.replace("memory: GLB", "memroy: GLB"), "and only one of them (did you mean 'memory'?)"),
        (SMALL.replace("memory: GLB", "memory: GLB\n  array: G"), "only one of them; got memory and array"),
        (SMALL.replace("- memory: DRAM\n  energy: 100\n", "- 7\n"), "only one of them; got 7"),
        (SMALL.replace("memory: DRAM\n  energy: 100", "array: A\n  shape: 2"), "the first level must be a memory"),
        (SMALL.replace("- compute: MAC\n", "- memory: MAC\n"), "the last level must be a compute unit"),
        (SMALL[: SMALL.index("levels")] + "levels: []\n", "a.yaml:2:9: $.levels: must not be empty"),
        (SMALL[: SMALL.index("levels")] + "levels: {}\n", "must be a list, got an empty map"),
        (SMALL[: SMALL.index("levels")], "required key 'levels' is missing (memories, arrays"),
        (SMALL.replace("name: small\n", ""), "required key 'name' is missing"),
        (SMALL.replace("name: small", "name: ''"), "must not be empty text"),
        (SMALL.replace("name: small", "name: 3"), "must be text, got 3"),
        (SMALL + "clock: 0\n", "must be greater than zero, got 0"),
        (SMALL + "clock: fast\n", "must be a frequency (Hz, kHz, MHz, GHz), got 'fast'"),
        (SMALL + "word: 0\n", "must be greater than zero"),
        (SMALL + "technology: small\n", "must be a length (nm, um), got 'small'"),
        (SMALL + "constraints: 3\n", "must be a list, got 3"),
        (SMALL + "constraints: [3]\n", "must be text, got 3"),
        (SMALL + "clokc: 1\n", "a.yaml:12:1: $.clokc: no such key 'clokc' (did you mean 'clock'?)"),
        (with_level("capacity: 3"), "no such key 'capacity' (say `size:`)"),
        (with_level("component: {class: sram}"), "$.levels[1].component: sram needs `node:` (feature size"),
        (with_level("enrgy: 3"), "no such key 'enrgy' (did you mean 'energy'?)"),
        (with_level("energy: 3", "PEs"), "no such key 'energy' (say `hop:`"),
        (with_level("keep: [inputs]"), "no such role 'inputs' (did you mean 'input'?"),
        (with_level("keep: [psums]"), "no such role 'psums' (known: input, output, weight, intermediate"),
        (with_level("keep: [3]"), "must be text, got 3"),
        (with_level("keep: [input]\n  may_keep: [input]"), "['input'] cannot be in both keep and may_keep"),
        (with_level("halo: refech"), "must be 'reuse' or 'refetch', got 'refech' (did you mean 'refetch'?)"),
        (with_level("double_buffered: yes"), "must be true or false, got 'yes'"),
        (with_level("reduce: 1", "PEs"), "must be true or false, got 1"),
        (with_level("instances: 0"), "must be > 0, got 0"),
        (with_level("leakage: -1"), "must not be negative, got -1"),
        (with_level("area: 3 W"), "must be an area (um2, mm2), got a power '3 W'"),
        (with_level("bandwidth: 3 B"), "got a size '3 B'"),
        (with_level("bandwidth: {raed: 3}"), "no such key 'raed' (did you mean 'read'?)"),
        (with_level("bandwidth: 0"), "must be greater than zero"),
        (with_level("access: 64").replace("{read: 1 pJ,", "{access: 8, read: 1 pJ,"), "`access` is said twice"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(wrong, problem):
    assert any(problem in found for found in problems_of(wrong)), problems_of(wrong)


def test_all_problems_are_told_at_once_in_the_order_of_the_file():
    found = problems_of("""\
nam: x
clock: 3 pJ
levels:
- array: A
  shape: {X: 0}
- memory: D
  enrgy: 3
- memory: D
  size: big
  energy: {read: 1, wrte: 2}
  halo: rfetch
- compute: M
  energy: cheap
  throughput: -1
""")
    assert [problem.split(" ")[0] for problem in found] == [
        "a.yaml:1:1:",
        "a.yaml:1:1:",
        "a.yaml:2:8:",
        "a.yaml:4:3:",
        "a.yaml:5:14:",
        "a.yaml:6:3:",
        "a.yaml:7:3:",
        "a.yaml:8:11:",
        "a.yaml:9:9:",
        "a.yaml:10:11:",
        "a.yaml:10:21:",
        "a.yaml:11:9:",
        "a.yaml:13:11:",
        "a.yaml:14:15:",
    ]


def test_a_spec_prints_as_it_reads():
    document = parse(
        "clock: 200 MHz\nword: 16 b\n" + with_level("bandwidth: {read: 3, total: 1 GB/s}\n  keep: [input]")
    )
    spec = ArchitectureSpec.model_validate(document.data)
    again = ArchitectureSpec.model_validate(spec.model_dump(mode="json", exclude_none=True))
    assert again == spec
    assert again.resolve() == spec.resolve()


def test_a_spec_can_be_built_in_python():
    spec = ArchitectureSpec.model_validate(
        {
            "name": "a",
            "levels": [{"memory": "D", "energy": 1}, {"memory": "D", "energy": 1}, {"compute": "M", "energy": 1}],
        }
    )
    with pytest.raises(SpecError, match="two levels are called 'D'"):
        spec.resolve()


def test_a_spec_is_frozen():
    spec = ArchitectureSpec.model_validate(parse(SMALL).data)
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"
