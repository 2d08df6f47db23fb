"""Designs of other tools, imported: their counts are those that the tools print, and what is left out is named."""

import json

import peer_files
import pytest
import yaml
from commands import run
from reference import reference

import costmodel as cm
from costmodel.importing.peers.reading import read_peer
from costmodel.spec.problems import SpecError
from costmodel.validate.data_files import published

FLOWS = {"reads": "read", "fills": "fill", "updates": "update"}


@pytest.mark.parametrize("name", ["eyeriss_like", "simple_weight_stationary"])
def test_designs_of_timeloop_have_the_words_the_cycles_and_the_energies_that_it_prints(name, tmp_path):
    golden = reference("golden_timeloop.json")[name]
    ours = next(one for one in published("timeloop")["runs"] if one["name"] == name)
    prices = {}
    for level in ours["levels"]:
        energy = level.get("energy")
        if "memory" in level:
            read, write = (float(str(energy[action]).removesuffix(" pJ")) for action in ("read", "write"))
            prices[level["memory"]] = {"read": read, "write": write, "update": write}
        elif "compute" in level:
            prices[level["compute"]] = {"compute": float(energy.removesuffix(" pJ"))}
    table = tmp_path / "ERT.yaml"
    table.write_text(yaml.safe_dump(peer_files.energy_table(prices)))
    found = read_peer("timeloop", [*peer_files.timeloop(tmp_path, name, golden), table])
    cost = cm.evaluate(found.arch, found.workload, mapping=found.mapping)
    for level, tensors in golden["levels"].items():
        for tensor, row in tensors.items():
            instances = row["Utilized instances (max)"]
            for shown, flow in FLOWS.items():
                words = row[f"Scalar {shown} (per-instance)"] * instances
                assert cost.evaluation.words(level, tensor, flow) == words, (level, tensor, flow)
            rows = cost.evaluation.action_rows
            energy_pj = sum(one.energy_pj for one in rows if (one.component, one.tensor) == (level, tensor))
            assert energy_pj == pytest.approx(row["Energy (total)"], rel=1e-5), (level, tensor)
    assert cost.latency_cycles == int(golden["summary"]["Cycles"])
    assert not found.differs


CASES = ("mm64_two_level_os", "mm64_two_level_psum", "conv3x3_two_level_halo", "mm64_pe2d_spatial_mn")


@pytest.mark.parametrize("name", CASES)
def test_cases_of_accelforge_have_its_words_energy_and_cycles(name, tmp_path):
    cases = reference("cases.yaml")
    case = next(one for one in cases["evaluations"] if one["name"] == name)
    found = read_peer("accelforge", peer_files.accelforge(tmp_path, cases, case))
    cost = cm.evaluate(found.arch, found.workload, mapping=found.mapping)
    for level, tensors in case["words"].items():
        for tensor, words in tensors.items() if level != "MAC" else ():
            assert cost.evaluation.words(level, tensor, "read", "drain") == words["read"], (level, tensor)
            assert cost.evaluation.words(level, tensor, "fill", "update") == words["write"], (level, tensor)
    assert (cost.energy_pj, cost.latency_cycles) == (case["energy"], case["latency"])
    assert found.notes == ()


def test_every_run_of_scalesim_has_its_cycles_and_reads(tmp_path):
    """The shapes of convolutions follow from the other numbers of a run (``validate`` has them beside the logs)."""
    logged, shapes = reference("systolic_cases.json"), published("scalesim")["runs"]
    for number, (log, shape) in enumerate(zip(logged, shapes, strict=True)):
        assert log["kind"] == "conv" or [log[rank] for rank in "MNK"] == shape["shape"]
        dataflow = {"os": "output", "ws": "weight", "is": "input"}[log["dataflow"]]
        told = {"array": log["array"], "stationary": dataflow, "shape": shape["shape"]}
        told["convolution"] = log["kind"] == "conv"
        folder = tmp_path / str(number)
        folder.mkdir()
        found = read_peer("scalesim", peer_files.scalesim(folder, told), free=True)
        cost = cm.evaluate(found.arch, found.workload, mapping=found.mapping)
        assert cost.latency_cycles == log["compute_cycles"], log
        for level, tensor, key in (("ifmap_SRAM", "A", "sram_ifmap_reads"), ("filter_SRAM", "B", "sram_filter_reads")):
            assert cost.evaluation.words(level, tensor, "read") == log.get(
                key, cost.evaluation.words(level, tensor, "read")
            )
        assert not found.differs


ZIGZAG = """
name: small
memories:
  rf_w: {size: 64, r_bw: 8, w_bw: 8, r_cost: 0.1, w_cost: 0.1, r_port: 1, w_port: 1, latency: 1, operands: [I2],
    served_dimensions: []}
  rf_o: {size: 256, r_bw: 16, w_bw: 16, r_cost: 0.2, w_cost: 0.2, r_port: 2, w_port: 2, latency: 1, operands: [O],
    served_dimensions: [D2]}
  sram: {size: 65536, r_bw: 128, w_bw: 64, r_cost: 16, w_cost: 8, rw_port: 1, latency: 1, operands: [I1, O],
    served_dimensions: [D1, D2]}
  dram: {size: 10000000000, r_bw: 64, w_bw: 64, r_cost: 700, w_cost: 750, rw_port: 1, latency: 1,
    operands: [I1, I2, O], served_dimensions: [D1, D2]}
operational_array: {unit_energy: 0.04, dimensions: [D1, D2], sizes: [8, 4]}
"""
ZIGZAG_LAYERS = """
- id: 7
  operator_type: Conv
  equation: O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]
  dimension_relations: [ix=1*ox+1*fx, iy=1*oy+1*fy]
  loop_dims: [B, K, C, OY, OX, FY, FX]
  loop_sizes: [1, 16, 8, 12, 12, 3, 3]
  pr_loop_dims: [IX, IY]
  pr_loop_sizes: [12, 12]
  padding: [[1, 1], [1, 1]]
  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}
"""
ZIGZAG_MAPPING = """
- name: default
  spatial_mapping: {D1: ["K, 8"], D2: ["C, 4"]}
  temporal_ordering: [[OX, 12], [FX, 3], [FY, "*"], [C, 2], [OY, 12], [K, "*"]]
"""


def test_an_order_of_loops_of_zigzag_becomes_a_nest_with_tensors_where_they_fit(tmp_path):
    """Worked out by hand: outputs stay in ``rf_o`` while their windows are summed, rows of filters in ``rf_w``."""
    files = []
    for name, text in (("hw", ZIGZAG), ("layers", ZIGZAG_LAYERS), ("mapping", ZIGZAG_MAPPING)):
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text(text)
    found = read_peer("zigzag", files)
    assert found.mapping == {
        "mappings": [
            {
                "einsum": "layer7",
                "nest": [
                    "store I O W in dram",
                    "store I O in sram",
                    "for k by 8",
                    "for oy by 1",
                    "parallel k by 1 across D1.X",
                    "store O in rf_o",
                    "for c by 4",
                    "for fy by 1",
                    "parallel c by 1 across D2.X",
                    "store W in rf_w",
                    "for fx by 1",
                    "for ox by 1",
                    "compute layer7 on MAC",
                ],
            }
        ]
    }
    cost = cm.evaluate(found.arch, found.workload, mapping=found.mapping)
    assert cost.evaluation.words("rf_o", "O", "drain") == 16 * 12 * 12
    assert cost.evaluation.words("dram", "I", "read") == 8 * 12 * 12
    sram = found.arch["levels"][1]
    assert (sram["energy"], sram["access"]) == ({"read": "16 pJ", "write": "16 pJ"}, "128 b")


TEMPLATE = """
{% set WORDS = WORDS | default(64) %}
{% assert WORDS > 1, "too few words" %}
arch:
  nodes:
  - &main !Memory
    name: Main
    actions: [{name: read, energy: 1e-12}, {name: write, energy: 2e-12}]
  - !Memory
    <<: *main
    name: Buffer
    size: {{ WORDS }} * 8
    tensors: {keep: input | output, may_keep: ~Intermediates & ~output}
    frobs: 3
  - !Compute
    name: MAC
    actions: [{name: compute, energy: 1e-12, latency: 1 / 200e6}]
"""


def test_templates_are_rendered_merge_keys_merged_and_unknown_keys_named_with_their_place(tmp_path):
    file = tmp_path / "machine.yaml"
    file.write_text(TEMPLATE)
    found = json.loads(run("import", "accelforge", file, "--set", "WORDS=32", "--json").stdout)
    assert found["arch"]["clock"] == "200 MHz"
    buffer = found["arch"]["levels"][1]
    assert buffer["energy"] == {"read": "1 pJ", "write": "2 pJ"}
    assert (buffer["size"], buffer["keep"], buffer["may_keep"]) == ("256 b", ["input", "output"], ["weight"])
    assert [note["text"] for note in found["notes"]] == [f"{file}:14:5: frobs: no counterpart here"]
    assert "too few words" in run("import", "accelforge", file, "--set", "WORDS=1", code=1).stderr
    file.write_text(TEMPLATE.replace("{{ WORDS }} * 8", "weight.bits if weight else 0"))
    talk = run("import", "accelforge", file, code=4).stderr
    assert f"counts can differ: {file}:12:11: Buffer: a size that depends on the Einsum is none here" in talk


def test_what_is_written_can_be_evaluated_and_is_not_replaced_unasked(tmp_path):
    files = []
    for name, text in (("hw", ZIGZAG), ("layers", ZIGZAG_LAYERS), ("mapping", ZIGZAG_MAPPING)):
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text(text)
    out = tmp_path / "out"
    talk = run("import", "zigzag", *files, "--out", out, code=4).stderr
    assert "counts can differ: " in talk
    written = [out / f"{name}.yaml" for name in ("arch", "workload", "mapping")]
    shown = json.loads(run("evaluate", *written[:2], "--mapping", written[2], "--json").stdout)["totals"]
    found = read_peer("zigzag", files)
    cost = cm.evaluate(found.arch, found.workload, mapping=found.mapping)
    assert shown["energy_pj"] == cost.energy_pj
    assert run("import", "zigzag", *files, "--out", out, code=1).stderr.count("exists already") == 3
    run("import", "zigzag", *files, "--out", out, "--force", code=4)


TIMELOOP = """
variables: {version: 0.4, global_cycle_seconds: 2e-9, technology: 32nm}
architecture:
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {datawidth: 8}}
  - !Container {name: PE, spatial: {meshX: 4}}
  - !Component {name: RF, class: regfile, attributes: {depth: 64, width: 8}}
  - !Component {name: mac, class: intmac}
problem:
  shape:
    dimensions: [M, K]
    data_spaces:
    - {name: A, projection: [[[M]], [[K]]]}
    - {name: B, projection: [[[K]]]}
    - {name: Z, projection: [[[M]]], read_write: true}
  instance: {M: 8, K: 6}
mapping:
- {target: DRAM, type: temporal, factors: M=2 K=3, permutation: KM}
- {target: PE, type: spatial, factors: M4 K1, permutation: MK}
- {target: RF, type: temporal, factors: [K=2], permutation: [K, M]}
"""
BAD = {
    "timeloop": (
        ("M=2 K=3", "M=3 K=3", "18:3", "the factors of M make 12, and M is 8"),
        ("permutation: KM", "permutation: K", "18:3", "the permutation does not have M"),
        ("target: RF", "target: R", "20:12", "no such level: 'R' (did you mean 'RF'?)"),
        ("type: temporal", "type: temperal", "18:24", "no such type: 'temperal'"),
        ("PE, type: spatial", "RF, type: spatial", "19:3", "there is no array below RF"),
        ("depth: 64", "depth: many", "7:63", "must be a number or a formula of numbers, got 'many'"),
        ("class: regfile", "class: quantum", "7:5", "no energies are known of class 'quantum'"),
        ("!Container", "!Kontainer", "6:5", "no such kind of node: !Kontainer"),
        ("[[[K]]]}", "[[[J]]]}", "14:30", "B: unknown: J"),
        (", read_write: true", "", "11:5", "one tensor must be written"),
        ("K: 6", "K: six", "16:23", "K must be a whole number above 0, got 'six'"),
        ("mapping:", "mappings: 3\nmapping: [", "19:1", "not YAML"),
    ),
    "accelforge": (
        ("keep: input | output", "keep: inputs", "13:14", "'inputs' is no tensor"),
        ("!Compute", "!Fork", "15:5", "!Fork cannot be said here"),
        ("{{ WORDS }} * 8", "{{ WORDZ }} * 8", "", "needs a value: 'WORDZ' is undefined (say --set NAME=VALUE)"),
        ("{% assert", "{% asert", "3", "is not read: Encountered unknown tag 'asert'"),
        ("arch:", "archs:", "4:1", "none of arch, workload, mapping stands here, but archs (did you mean 'arch'?)"),
    ),
    "zigzag": (
        ("[D2]}", "[D3]}", "7:24", "no such dimension: D3"),
        ("sizes: [8, 4]", "sizes: [8]", "2:1", "2 dimensions have 1 sizes"),
        (
            "unit_energy",
            "is_imc: true, unit_energy",
            "12:29",
            "computing inside a memory cannot be said",
        ),
        ("memories:", "memory:", "1:1", "is no accelerator, workload or mapping of ZigZag"),
    ),
    "scalesim": (
        ("ArrayHeight: 8", "ArrayHeight: 8.5", "5", "ArrayHeight must be a whole number above 0, got '8.5'"),
        ("Dataflow : os", "Dataflow : rs", "12", "no such dataflow: 'rs' (known: os, ws, is)"),
        ("ArrayWidth: 8", "ArrayWith: 8", "", "ArrayWidth must be said (did you mean 'arraywith'?)"),
        ("[general]", "general", "1", "is no configuration of SCALE-Sim"),
    ),
}


@pytest.mark.parametrize("tool", BAD)
def test_bad_files_are_refused_with_their_place(tool, tmp_path):
    good = {
        "timeloop": TIMELOOP,
        "accelforge": TEMPLATE,
        "zigzag": ZIGZAG,
        "scalesim": peer_files.SCALESIM_CONFIG.format(rows=8, columns=8, dataflow="os"),
    }[tool]
    file = tmp_path / ("x.cfg" if tool == "scalesim" else "x.yaml")
    file.write_text(good)
    found = read_peer(tool, [file])
    assert tool != "timeloop" or (found.arch["clock"], found.arch["technology"]) == ("500 MHz", "32 nm")
    for old, new, place, message in BAD[tool]:
        assert old in good
        file.write_text(good.replace(old, new, 1))
        with pytest.raises(SpecError) as caught:
            read_peer(tool, [file])
        told = str(caught.value)
        assert told.startswith(f"{file}:{place}"), (old, told)
        assert message in told, (old, told)


def test_names_that_a_mapping_of_accelforge_has_alone_are_refused(tmp_path):
    """Beside them: the tensor that AccelForge fetches again below a loop that does not move it is named."""
    workload = (
        "workload: {rank_sizes: {M: 4, K: 6}, einsums: [{einsum: 'Z[m] = A[m, k] * B[k]', renames: {weight: A}}]}\n"
    )
    steps = [
        "- !Storage {tensors: [A, B, Z], component: Main}",
        "- !Temporal {rank_variable: m, tile_shape: 1}",
        "- !Storage {tensors: [A, B, Z], component: Buffer}",
        "- !Temporal {rank_variable: k, tile_shape: 1}",
        "- !Compute {einsum: Z, component: MAC}",
    ]
    files = [tmp_path / "machine.yaml", tmp_path / "work.yaml", tmp_path / "mapping.yaml"]
    files[0].write_text(TEMPLATE)
    files[1].write_text(workload)
    files[2].write_text("\n".join(["mapping:", "  nodes:", *(f"  {step}" for step in steps)]))
    found = read_peer("accelforge", files)
    assert cm.evaluate(found.arch, found.workload, mapping=found.mapping).evaluation.words("Main", "B", "read") == 6
    (note,) = (note for note in found.notes if note.counts)
    assert str(note).startswith(f"{files[2]}:5:5: B stands below `for m`, which does not move it")
    for old, new, line in (
        ("Buffer", "Bufer", 5),
        ("B, Z], component: B", "C, Z], component: B", 5),
        (": k", ": n", 6),
    ):
        files[2].write_text("\n".join(["mapping:", "  nodes:", *(f"  {step.replace(old, new)}" for step in steps)]))
        with pytest.raises(SpecError, match=f"{files[2]}:{line}:.*unknown: "):
            read_peer("accelforge", files)


def test_topologies_of_scalesim_say_which_line_is_wrong(tmp_path):
    file = tmp_path / "net.csv"
    file.write_text("Layer, M, N, K,\nfc, 4, 5,\nok, 4, 5, 6,\nconv, 2, 2, 3, 3, 1, 1, 1,\nfc, a, 5, 6,\n")
    with pytest.raises(SpecError) as caught:
        read_peer("scalesim", [file])
    assert [(p.line, p.message) for p in caught.value.problems] == [
        (2, "a layer has 3 values"),
        (4, "the filter of 3 × 3 is larger than the ifmap of 2 × 2"),
        (5, "must be a whole number above 0, got 'a'"),
    ]
