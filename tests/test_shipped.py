"""The shipped files: all load, name themselves, state their sources, and hold the published numbers."""

import json
import math
import os
from pathlib import Path

import pytest
from asking import map_einsum

from costmodel.einsum.algebra import Role
from costmodel.model.evaluate import evaluate
from costmodel.spec import catalog
from costmodel.spec.computing import units_for
from costmodel.spec.hardware import Architecture, Memory
from costmodel.spec.rules import parse
from costmodel.spec.rules.spatial import Only

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = Path(os.environ.get("COSTMODEL_REFERENCE", ROOT.parent / "shared" / "reference"))


def names(folder):
    return sorted(path.stem for path in (ROOT / folder).glob("*.yaml"))


def reference(name):
    path = REFERENCE / name
    if not path.exists():
        pytest.skip(f"{path} is not here (COSTMODEL_REFERENCE says where the published numbers are)")
    return json.loads(path.read_text(encoding="utf-8"))


def memory(architecture, name) -> Memory:
    level = architecture.level(name)
    assert isinstance(level, Memory)
    return level


def capacity_words(architecture, name, bits):
    return memory(architecture, name).capacity_bits // bits


def peak_macs_per_s(architecture: Architecture) -> float:
    units = (unit for unit in architecture.compute_units if unit.does("mac"))
    per_cycle = sum(architecture.copies(unit.name) * unit.rate_of("mac") for unit in units)
    return architecture.clock_hz * per_cycle


# ---------------------------------------------------------------------------------------------------------------
# Every file


def test_the_catalog_lists_every_file_and_nothing_else():
    shipped = catalog.shipped()
    assert shipped["arch"] == names("arch")
    assert shipped["workload"] == names("workloads")
    assert shipped["study"] == names("studies")
    assert shipped["mapping"] == names("studies/mappings")


@pytest.mark.parametrize("name", names("arch"))
def test_an_architecture_loads_and_prices_every_level_with_a_source(name):
    architecture = catalog.load_architecture(name)
    assert architecture.name == name
    assert architecture.source
    priced = (*architecture.memories, *architecture.compute_units)
    assert [level.name for level in priced if not level.energy_source] == []
    assert all(m.read_pj > 0 and m.write_pj > 0 for m in architecture.memories)


@pytest.mark.parametrize("name", names("arch"))
def test_an_architecture_prices_every_operation_of_every_workload(name):
    for workload in names("workloads"):
        architecture, whole = catalog.load_pair(name, workload)
        assert catalog.not_computed(architecture, whole, None, ()) == []


@pytest.mark.parametrize("name", names("workloads"))
def test_a_workload_loads(name):
    workload = catalog.load_workload(name)
    assert workload.name == name
    assert workload.source
    assert all(einsum.points > 0 for einsum in workload.einsums)


@pytest.mark.parametrize("name", names("studies"))
def test_a_study_loads_and_the_files_that_it_names_exist(name):
    study = catalog.load_study(name)
    assert study.name == name


# ---------------------------------------------------------------------------------------------------------------
# Workloads: multiply-accumulates, layers, weights

MACS = {
    "alexnet": 724_406_816,  # 665,784,864 of them in the convolutions: the 666 M of Eyeriss (ISSCC 2016)
    "vgg16": 15_470_264_320,  # 15.3 G in the convolutions
    "resnet18": 1_814_073_344,  # 1.81 G
    "resnet50": 4_089_184_256,  # 4.09 G
    "mobilenet_v2": 300_774_272,  # 300 M
    "bert_base_embedding": 512 * 30_522 * 768,
    "gemm": 1024**3,
    "fc": 4096 * 512 * 7 * 7,
    "fc_matrix_vector": 4096 * 512 * 7 * 7,
    "fc_batched": 16 * 4096 * 512 * 7 * 7,
}
REFERENCE_NAME = {
    "alexnet": "alexnet_grouped_227",
    "vgg16": "vgg16",
    "resnet18": "resnet18",
    "resnet50": "resnet50_v1.5",
    "mobilenet_v2": "mobilenet_v2_1.0_224",
}


def macs(workload):
    return sum(
        einsum.points * einsum.count * operation.per_point
        for einsum in workload.einsums
        for operation in einsum.operations
        if operation.kind == "mac"
    )


@pytest.mark.parametrize(("name", "expected"), MACS.items())
def test_multiply_accumulates(name, expected):
    assert macs(catalog.load_workload(name)) == expected


@pytest.mark.parametrize(("name", "key"), REFERENCE_NAME.items())
def test_a_network_has_the_layers_macs_and_weights_that_its_paper_gives(name, key):
    table = reference("workloads_cnn.json")
    workload = catalog.load_workload(name)
    assert [(e.name, e.points) for e in workload.einsums] == [
        (layer["name"], layer["macs"]) for layer in table["layers"][key]
    ]
    assert macs(workload) == table["totals"][key]["total"]
    weights = sum(t.size_words for e in workload.einsums for t in e.tensors.values() if t.role is Role.WEIGHT)
    assert weights == table["totals"][key]["weights"]


@pytest.mark.parametrize("name", [*REFERENCE_NAME, "gemm_family", "fc", "fc_matrix_vector", "fc_batched", "mm64"])
def test_a_layer_has_one_input_one_weight_and_one_output(name):
    for einsum in catalog.load_workload(name).einsums:
        assert sorted(t.role for t in einsum.tensors.values()) == sorted([Role.INPUT, Role.WEIGHT, Role.OUTPUT])


def test_resnet18_has_20_convolutions_and_a_classifier():
    layers = catalog.load_workload("resnet18").einsums
    assert len(layers) == 21
    assert sum("downsample" in layer.name for layer in layers) == 3
    assert layers[0].tensors["I"].shape == (3, 229, 229)  # 2*111 + 7: 224, a border of 3, and 2 of the 3 opposite


def test_the_batch_of_alexnet_can_be_set():
    once, four = catalog.load_workload("alexnet"), catalog.load_workload("alexnet", ("ranks.N=4",))
    assert macs(four) == 4 * macs(once)
    assert four.einsums[0].tensors["F"].size_words == once.einsums[0].tensors["F"].size_words


def test_a_bert_layer_has_the_macs_of_its_dimensions():
    tokens, width, heads, head, feed_forward = 512, 768, 12, 64, 3072
    projections = 4 * tokens * width * width
    attention = 2 * heads * head * tokens * tokens
    assert macs(catalog.load_workload("bert_base_layer")) == projections + attention + 2 * tokens * width * feed_forward


def test_a_gpt3_layer_is_six_gemms():
    workload = catalog.load_workload("gpt3_175b_layer")
    tokens, parameters_per_layer = 2048, 1_811_939_328
    assert len(workload.einsums) == 6
    assert macs(workload) == tokens * parameters_per_layer + 2 * 96 * 128 * tokens**2


def test_a_gpt3_layer_of_another_length_has_keys_and_values_of_that_length_which_are_no_weights():
    workload = catalog.load_workload("gpt3_175b_layer", ["ranks.M=4096"])
    assert macs(workload) == 4096 * 1_811_939_328 + 2 * 96 * 128 * 4096**2
    roles = {e.name: sorted(t.role for t in e.tensors.values()) for e in workload.einsums if e.name in ("QK", "AV")}
    assert roles == {name: [Role.INPUT, Role.INPUT, Role.OUTPUT] for name in ("QK", "AV")}


def test_flash_attention_does_the_work_of_attention_and_its_corrections():
    workload = catalog.load_workload("flash_attention")
    assert macs(workload) == 2 * 12 * 64 * 512 * 512
    exps = {e.name: e.points for e in workload.einsums if any(o.kind == "exp" for o in e.operations)}
    assert exps == {"SLN": 12 * 512 * 512, "PRM": 12 * 4 * 512}
    # Divisions come last, once for each element of the result: the one-pass cascade defers them.
    assert {e.name: e.points for e in workload.einsums if any(o.kind == "div" for o in e.operations)} == {
        "AV": 12 * 512 * 64
    }


# ---------------------------------------------------------------------------------------------------------------
# Architectures: what the papers say


def test_eyeriss_v1_is_the_chip():
    chip = catalog.load_architecture("eyeriss_v1")
    assert peak_macs_per_s(chip) == 33.6e9
    assert memory(chip, "GLB").capacity_bits == 27 * 512 * 64 == 108 * 1024 * 8
    spads = {name: capacity_words(chip, name, 16) for name in ("ifmap_spad", "weight_spad", "psum_spad")}
    assert spads == {"ifmap_spad": 12, "weight_spad": 224, "psum_spad": 24}
    assert chip.copies("MAC") == chip.copies("psum_spad") == 168
    # The paper's 181.5 KB of SRAM are the buffer and the filter spads; the other two spads are registers.
    assert memory(chip, "GLB").capacity_bits + 168 * 224 * 16 == 181.5 * 1024 * 8
    assert memory(chip, "DRAM").bandwidth_bits_per_cycle * chip.clock_hz / 8 == pytest.approx(480e6)


def test_the_energies_of_both_eyeriss_files_have_the_published_ratios():
    for name, register_file in (("eyeriss_v1", "weight_spad"), ("eyeriss_normalized", "RF")):
        chip = catalog.load_architecture(name)
        mac = chip.compute_units[-1].energy_of("mac")
        levels = [memory(chip, level) for level in (register_file, "GLB", "DRAM")]
        assert [level.read_pj * 16 / level.access_bits / mac for level in levels] == [1, 6, 200]
        assert chip.arrays[0].hop_pj / mac == 2


def test_tpu_v1():
    tpu = catalog.load_architecture("tpu_v1")
    assert 2 * peak_macs_per_s(tpu) == pytest.approx(92e12, rel=0.01)
    assert memory(tpu, "unified_buffer").capacity_bits == 24 * 2**20 * 8
    assert memory(tpu, "weight_fifo").capacity_bits == 4 * 256 * 256 * 8
    assert capacity_words(tpu, "accumulators", memory(tpu, "accumulators").partial_bits) == 4096 * 256
    dram = memory(tpu, "DRAM")
    assert dram.bandwidth_bits_per_cycle * tpu.clock_hz / 8 == pytest.approx(34e9)
    # The ridge of the roofline: about 1350 multiply-accumulates per byte of weights.
    assert peak_macs_per_s(tpu) / 34e9 == pytest.approx(1350, rel=0.01)


def test_nvdla_large():
    nvdla = catalog.load_architecture("nvdla_large")
    assert nvdla.copies("MAC") == 2048
    assert 2 * peak_macs_per_s(nvdla) == pytest.approx(4.1e12, rel=0.01)
    assert memory(nvdla, "convolution_buffer").capacity_bits == 16 * 512 * 64 * 8
    assert memory(nvdla, "DRAM").bandwidth_bits_per_cycle == 64 * 8


def test_simba_chip():
    simba = catalog.load_architecture("simba_chip")
    assert simba.copies("MAC") == 16 * 8 * 8
    assert simba.copies("weight_buffer") == 16
    assert 2 * peak_macs_per_s(simba) == pytest.approx(4e12, rel=0.03)
    kib = {name: memory(simba, name).capacity_bits / 8192 for name in ("GLB", "weight_buffer", "input_buffer")}
    assert kib == {"GLB": 64, "weight_buffer": 32, "input_buffer": 8}
    assert capacity_words(simba, "accumulation_buffer", memory(simba, "accumulation_buffer").partial_bits) == 1024


def test_gemmini():
    gemmini = catalog.load_architecture("gemmini")
    assert gemmini.copies("MAC") == 256
    assert memory(gemmini, "scratchpad").capacity_bits == 256 * 1024 * 8
    assert capacity_words(gemmini, "accumulator", memory(gemmini, "accumulator").partial_bits) == 16384
    assert memory(gemmini, "DRAM").bandwidth_bits_per_cycle == 128


def test_tpu_v4i():
    tpu = catalog.load_architecture("tpu_v4i")
    assert 2 * peak_macs_per_s(tpu) == pytest.approx(138e12, rel=0.01)
    mib = {name: memory(tpu, name).capacity_bits / 2**23 for name in ("CMEM", "VMEM")}
    assert (mib, tpu.copies("VMEM")) == ({"CMEM": 128, "VMEM": 4}, 4)
    hbm = memory(tpu, "HBM")
    assert hbm.bandwidth_bits_per_cycle * tpu.clock_hz / 8 == pytest.approx(614e9)
    assert 250 <= hbm.read_pj <= 450
    assert memory(tpu, "CMEM").read_pj == pytest.approx(14 * math.sqrt(128), rel=0.005)
    assert memory(tpu, "VMEM").read_pj == 14 * math.sqrt(4)


def test_a_block_of_gpt3_runs_on_tpu_v4i_whole():
    tpu = catalog.load_architecture("tpu_v4i")
    products = {"Q", "K", "V", "QK", "AV", "Z", "FF1", "FF2"}
    for einsum in catalog.load_workload("gpt3_6p7b").einsums:
        assert [unit.name for unit in units_for(einsum, tpu)] == ["MAC" if einsum.name in products else "VPU"]


WITH_A_VECTOR_UNIT = ("tpu_v1", "tpu_v4i", "nvdla_large", "gemmini", "simba_chip")
IN_THE_MIDST = (
    "eyeriss_v1",
    "eyeriss_v2",
    "nvdla_small",
    "diannao",
    "shidiannao",
    "scalesim_default",
    "edge_tpu",
    "ascend",
)
"""Their vector unit stands above memories of other tensors, too."""


@pytest.mark.parametrize("name", WITH_A_VECTOR_UNIT + IN_THE_MIDST)
def test_matrix_products_run_on_the_array_and_all_else_beside_it(name):
    chip = catalog.load_architecture(name)
    ran = {e.name: [unit.name for unit in units_for(e, chip)] for e in catalog.load_workload("bert_base_layer").einsums}
    (beside,) = (unit.name for unit in chip.compute_units if unit.name != "MAC")
    products = {"Q", "K", "V", "QK", "AV", "Z", "FF1", "FF2"}
    assert ran == {einsum: ["MAC" if einsum in products else beside] for einsum in ran}
    if name in WITH_A_VECTOR_UNIT:
        below = chip.levels[chip.index(beside) :]
        assert [level.keep for level in below if isinstance(level, Memory)] == [("weight",)]


@pytest.mark.parametrize("name", WITH_A_VECTOR_UNIT)
def test_a_layer_norm_fits_and_is_proven(name):
    chip = catalog.load_architecture(name)
    found = map_einsum(catalog.load_workload("bert_base_layer").einsum("LN1"), chip, objective="edp")
    assert found.certificate.status == "optimal: proven"


def test_the_textbook_machines():
    two_level, pe2d = catalog.load_architecture("two_level"), catalog.load_architecture("pe2d")
    assert [(m.read_pj, m.write_pj, m.capacity_bits, m.bandwidth_bits_per_cycle) for m in two_level.memories] == [
        (100, 100, None, 4 * 8),
        (1, 1, 1024 * 8, None),
    ]
    assert [(m.read_pj, m.write_pj, m.capacity_bits, m.bandwidth_bits_per_cycle) for m in pe2d.memories] == [
        (200, 200, None, 8 * 8),
        (6, 6, 32768 * 8, 32 * 8),
        (1, 1, 64 * 8, None),
    ]
    assert math.prod(pe2d.arrays[0].shape.values()) == 64
    assert {m.access_bits for m in (*two_level.memories, *pe2d.memories)} == {8}


# ---------------------------------------------------------------------------------------------------------------
# Mappings: the published ones fit the published machines


def evaluated(name, overrides=()):
    (mapping,) = catalog.load_mappings(name)
    architecture, workload = catalog.load_pair(mapping.arch, mapping.workload, overrides)
    return evaluate(workload, architecture, mapping)


@pytest.mark.parametrize("name", names("studies/mappings"))
def test_a_mapping_evaluates(name):
    assert evaluated(name).energy_pj > 0


def test_row_stationary_fits_the_spads_of_eyeriss_to_the_word():
    """CONV3 of AlexNet, batch 4: 16 filters and 4 channels per PE, 64 output channels in the buffer (JSSC 2017)."""
    evaluation = evaluated("eyeriss_row_stationary", ("ranks.N=4",))
    words = {(row.level, row.tensor): row.words for row in evaluation.occupancy_rows}
    assert words["ifmap_spad", "I"] == 4 * 3  # all of its 12 words
    assert words["weight_spad", "F"] == 16 * 4 * 3  # of 224
    assert words["psum_spad", "O"] == 16  # of 24
    assert words["GLB", "O"] == 4 * 64 * 13 * 13
    assert (words["GLB", "O"] + words["GLB", "I"]) * 2 <= 100 * 1024  # what the chip has for both
    (mac,) = (row for row in evaluation.latency_rows if row.component == "MAC")
    assert evaluation.total_points / mac.cycles == 156  # of 168 PEs, as in the paper
    # Every filter word leaves DRAM once; the inputs come back for each block of 64 output channels.
    assert evaluation.words("DRAM", "F", "read") == 384 * 256 * 9
    assert evaluation.words("DRAM", "I", "read") == 384 / 64 * 4 * 256 * 15 * 15
    assert evaluation.words("DRAM", "O", "update") == 4 * 384 * 13 * 13


def test_the_array_of_tpu_v1_takes_the_cycles_of_a_weight_stationary_array():
    evaluation = evaluated("tpu_weight_stationary")
    (mac,) = (row for row in evaluation.latency_rows if row.component == "MAC")
    rows = columns = 256
    assert mac.cycles == (2 * rows + columns + 1024 - 2) * (1024 // rows) * (1024 // columns)
    assert evaluation.words("weight_register", "B", "fill") == 1024 * 1024  # each weight is loaded once
    assert evaluation.bottlenecks == {"Z": "DRAM"}


def test_output_stationary_reaches_the_optimum_of_the_textbook_machine():
    evaluation = evaluated("two_level_output_stationary")
    assert (evaluation.energy_pj, evaluation.latency_cycles) == (4_202_496, 262_144)


@pytest.mark.parametrize("name", names("arch"))
def test_the_constraints_of_an_architecture_can_be_read_for_any_einsum(name):
    architecture = catalog.load_architecture(name)
    for workload in ("gemm", "resnet18", "bert_base_attention"):
        for einsum in catalog.load_workload(workload).einsums:
            rules = parse(architecture.constraints, architecture, einsum)
            assert len(rules.of(Only)) == len(architecture.constraints) or workload == "bert_base_attention"


@pytest.mark.parametrize(
    ("workload", "rows", "columns"), [("gemm", "k", "n"), ("resnet18", "crs", "m"), ("fc", "chw", "m")]
)
def test_a_weight_stationary_array_adds_up_along_rows_and_spreads_filters_over_columns(workload, rows, columns):
    tpu = catalog.load_architecture("tpu_v1")
    rules = parse(tpu.constraints, tpu, catalog.load_workload(workload).einsums[0])
    assert {only.dimension: only.rank_variables for only in rules.of(Only)} == {
        "rows": set(rows),
        "columns": set(columns),
    }
