"""``--set path=value``: where it goes, and what its problems look like."""

import pytest

from costmodel.spec.catalog import load_architecture, load_pair, load_study, load_workload
from costmodel.spec.load import parse
from costmodel.spec.overrides import Override, overrides_of, parse_override
from costmodel.spec.problems import SpecError

ARCH_TEXT = """\
name: a
levels:
- {memory: DRAM, energy: 100}
- {memory: GLB, size: 1 KiB, energy: {read: 1, write: 2}, keep: [input], bandwidth: 4}
- {array: PEs, shape: 8}
- {compute: MAC, energy: 1}
"""
ARCH = parse(ARCH_TEXT, "a.yaml")
WORKLOAD = parse(
    """\
name: w
ranks: {M: 4, N: 5, K: 6}
einsums:
- Z[m, n] = A[m, k] * B[k, n]
- {einsum: "Y[m, n] = exp(Z[m, n])", name: layer.1.exp}
""",
    "w.yaml",
)


def problems_of(load, *args):
    with pytest.raises(SpecError) as caught:
        load(*args)
    return [str(p) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("GLB.size=64KiB", "GLB.size", "64KiB"),
        ("GLB.size = 64 KiB", "GLB.size", "64 KiB"),
        ("ranks.M=128", "ranks.M", 128),
        ("GLB.keep=[input, A]", "GLB.keep", ["input", "A"]),
        ("GLB.energy={read: 1, write: 2}", "GLB.energy", {"read": 1, "write": 2}),
        ("GLB.size=", "GLB.size", None),
        ("GLB.size=null", "GLB.size", None),
        ("x=a=b", "x", "a=b"),
    ],
)
def test_values_are_yaml(text, path, value):
    assert parse_override(text) == Override(path, value)


def test_texts_and_pairs_may_be_mixed():
    assert overrides_of(["a=1", ("b", 2)]) == (Override("a", 1), Override("b", 2))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("GLB.size", "--set GLB.size: must be path=value, e.g. GLB.size=64KiB"),
        ("=3", "--set =3: must be path=value"),
        ("x=[", "--set x=[: not YAML: "),
        ("x=010", "--set x=010: 010 starts with a zero"),
    ],
)
def test_texts_that_are_no_override(text, problem):
    assert problems_of(overrides_of, [text])[0].startswith(problem)


def test_all_bad_texts_are_told():
    assert len(problems_of(overrides_of, ["x", "y=[", "z=1"])) == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("GLB.size=2KiB", lambda a: a.level("GLB").capacity_bits == 2 * 8192),
        ("GLB.size=null", lambda a: a.level("GLB").capacity_bits is None),
        ("GLB.energy.read=3", lambda a: (a.level("GLB").read_pj, a.level("GLB").write_pj) == (3, 2)),
        ("DRAM.energy.read=3", lambda a: (a.level("DRAM").read_pj, a.level("DRAM").write_pj) == (3, 100)),
        ("GLB.bandwidth.read=3", lambda a: a.level("GLB").read_bits_per_cycle == 24),
        ("GLB.bandwidth.read=3", lambda a: a.level("GLB").bandwidth_bits_per_cycle == 32),
        ("DRAM.bandwidth.read=3", lambda a: a.level("DRAM").read_bits_per_cycle == 24),
        ("GLB.keep.0=output", lambda a: a.level("GLB").keep == ("output",)),
        ("GLB.may_keep=weight", lambda a: a.level("GLB").may_keep == ("weight",)),
        ("PEs.shape.X=16", lambda a: a.level("PEs").shape == {"X": 16}),
        ("PEs.shape.Y=2", lambda a: a.level("PEs").shape == {"X": 8, "Y": 2}),
        (
            "MAC.energy.exp=6 pJ",
            lambda a: a.level("MAC").energy_of("exp") == 6 and a.level("MAC").energy_of("mac") == 1,
        ),
        ("MAC.throughput.exp=0.5", lambda a: a.level("MAC").rate_of("exp") == 0.5),
        ("clock=200MHz", lambda a: a.clock_hz == 200e6),
        ("word=16", lambda a: a.word_bits == 16),
        ("levels.1.size=2KiB", lambda a: a.level("GLB").capacity_bits == 2 * 8192),
        ("GLB.memory=L2", lambda a: a.levels[1].name == "L2"),
    ],
)
def test_values_of_an_architecture(text, found):
    assert found(load_architecture(ARCH, [text]))


def test_overrides_do_not_change_the_document():
    before = repr(ARCH.data)
    load_architecture(ARCH, ["GLB.energy.read=3", "DRAM.energy.read=3"])
    assert repr(ARCH.data) == before


def test_what_depends_on_a_rank_follows_it():
    content = {"name": "w", "ranks": {"M": 512, "P": "M", "N": "M / 2"}, "einsums": ["Z[m, p] = A[m, n] * B[n, p]"]}
    workload = load_workload(content, ["ranks.M=4096"])
    assert workload.einsums[0].shape == {"m": 4096, "p": 4096, "n": 2048}


def test_an_einsum_is_named_by_its_output_however_it_is_spelled():
    content = {"name": "w", "ranks": {"M": 4}, "einsums": ["A^{M}", "Z_{m} = A_{m}", "y[m] = z[m]"]}
    workload = load_workload(content, ["Z.count=3", "Y.count=5"])
    assert [(e.name, e.count) for e in workload.einsums] == [("Z", 3), ("Y", 5)]


def test_a_value_that_aliases_share_changes_in_one_place():
    document = parse("name: a\nlevels:\n- memory: D\n  energy: &e {read: 1, write: 1}\n- memory: G\n  energy: *e\n"
                     "- {compute: M, energy: 1}\n")  # fmt: skip
    architecture = load_architecture(document, ["G.energy.read=5"])
    assert [architecture.level(name).read_pj for name in "DG"] == [1, 5]


def test_later_overrides_win():
    assert load_architecture(ARCH, ["GLB.size=1", "GLB.size=2"]).level("GLB").capacity_bits == 16


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ranks.M=128", lambda w: w.einsum("Z").shape["m"] == 128),
        ("Z.count=3", lambda w: w.einsum("Z").count == 3),
        ("layer.1.exp.count=3", lambda w: w.einsum("layer.1.exp").count == 3),
        ("bits.Z=16", lambda w: w.einsum("Z").tensors["Z"].bits == 16),
        ("name=v", lambda w: w.name == "v"),
    ],
)
def test_values_of_a_workload(text, found):
    assert found(load_workload(WORKLOAD, [text]))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("GBL.size=1", "--set GBL.size=1: nothing is called 'GBL' (did you mean 'GLB'?)"),
        ("clokc=1", "--set clokc=1: nothing is called 'clokc' (did you mean 'clock'?)"),
        ("GLB=1", "--set GLB=1: say which value of GLB to set, e.g. GLB.size=64KiB"),
        ("GLB.=1", "say which value of GLB to set"),
        ("GLB..size=1", "say which value of GLB to set"),
        ("clock.x=1", "there is no 'x' in '1 GHz'"),
        ("GLB.keep.7=input", "there is no '7' in a list"),
        ("GLB.keep.x=input", "there is no 'x' in a list"),
        ("GLB.size.x.y=1", "there is no 'x' in '1 KiB'"),
        ("GLB.sise=1", "--set GLB.sise=1: $.levels[1].sise: no such key 'sise' (did you mean 'size'?)"),
        ("GLB.size=0", "--set GLB.size=0: $.levels[1].size: must be greater than zero, got 0"),
        ("GLB.size=64 pJ", "got an energy '64 pJ'"),
        ("GLB.energy.red=3", "--set GLB.energy.red=3: $.levels[1].energy.red: no such key 'red'"),
        ("PEs.shape.X=0", "must be > 0, got 0"),
        ("GLB.memory=DRAM", "two levels are called 'DRAM'"),
    ],
)
def test_overrides_that_lead_nowhere(text, problem):
    found = problems_of(load_architecture, parse(f"clock: 1 GHz\n{ARCH_TEXT}", "a.yaml"), [text])
    assert any(problem in p for p in found), found


def test_a_pair_shares_its_overrides():
    architecture, workload = load_pair(ARCH, WORKLOAD, ["GLB.size=2KiB", "ranks.M=7", "Z.count=2"])
    assert architecture.level("GLB").capacity_bits == 16384
    assert (workload.einsum("Z").shape["m"], workload.einsum("Z").count) == (7, 2)


def test_a_pair_tells_the_problems_of_both():
    assert problems_of(load_pair, ARCH, WORKLOAD, ["GBL.size=2KiB", "rnks.M=7"]) == [
        "--set GBL.size=2KiB: nothing is called 'GBL' (did you mean 'GLB'?)",
        "--set rnks.M=7: nothing is called 'rnks' (did you mean 'ranks'?)",
    ]
    assert len(problems_of(load_pair, ARCH, WORKLOAD, ["GLB.size=0", "ranks.M=0"])) == 2


def test_values_of_a_study():
    document = parse("arch: two_level\nworkload: mm64\naxes: {Buffer.size: [1 KiB]}\n")
    study = load_study(
        document, ["seed=3", "axes.Buffer.size=[2 KiB, 4 KiB]", "axes.ranks.M=[1, 2]", "set.clock=1 MHz"]
    )
    assert study.seed == 3
    assert study.axes == {"Buffer.size": ("2 KiB", "4 KiB"), "ranks.M": (1, 2)}
    assert study.set == {"clock": "1 MHz"}


def test_a_value_that_is_set_stays_as_it_was():
    shape = {"X": 4, "Y": 2}
    changed = load_architecture(ARCH, [("PEs.shape", shape), ("PEs.shape.X", 8)])
    assert changed.arrays[0].shape == {"X": 8, "Y": 2}
    assert shape == {"X": 4, "Y": 2}
