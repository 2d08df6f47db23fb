"""Formulas of amounts: exact, with units, or an error that says what does not fit."""

import pytest

from costmodel.spec import catalog
from costmodel.spec.amounts import Amount, amount_formula, condition
from costmodel.spec.load import parse
from costmodel.spec.problems import SpecError
from costmodel.sweep.designs import grid

VALUES = {name: Amount.of(value) for name, value in {"PEs.shape.X": 12, "GLB.size": "24 KiB", "area": "3 mm2"}.items()}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 KiB * PEs.shape.X", "24 KiB"),
        ("PEs.shape.X * 2", 24),
        ("(PEs.shape.X + 4) / 3", "5.333333333333333"),
        ("GLB.size / PEs.shape.X", "2 KiB"),
        ("GLB.size / 512 B", 48),
        ("max(GLB.size, 1 MiB)", "1024 KiB"),
        ("floor(GLB.size / 7 KiB) * 7 KiB", "21 KiB"),
        ("64 KiB - 512 B * 2", "63 KiB"),
        ("-PEs.shape.X + 20", 8),
    ],
)
def test_a_formula_is_computed_in_its_units(text, value):
    written = amount_formula(text).value(VALUES).written
    assert str(written) == str(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("GLB.size * GLB.size", "both have a unit"),
        ("GLB.size + 3", "do not measure the same"),
        ("GLB.size + area", "do not measure the same"),
        ("3 / GLB.size", "has no unit"),
    ],
)
def test_units_that_do_not_fit_are_said(text, said):
    with pytest.raises(ValueError, match=said):
        amount_formula(text).value(VALUES)


@pytest.mark.parametrize(
    "text", ["", "2 *", "GLB.size GLB.size", "__import__('os')", "a ** b", "x if y else z", "a[0]"]
)
def test_what_is_no_formula_is_an_error(text):
    with pytest.raises(ValueError, match="is no formula"):
        amount_formula(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("area <= 3 mm2", ""),
        ("PEs.shape.X / 24 >= 50 %", ""),
        ("area < 3000000 um2", "area < 3000000 um2: 3e+06 um2 against 3e+06 um2"),
        ("GLB.size == 2 KiB * PEs.shape.X", ""),
        ("2 cm2 <= area", "2 cm2 <= area: 2 cm2 against 0.03 cm2"),
        ("GLB.size < 512 B * PEs.shape.X", "GLB.size < 512 B * PEs.shape.X: 24576 B against 6144 B"),
        ("PEs.shape.X > 12", "PEs.shape.X > 12: 12 against 12"),
    ],
)
def test_a_condition_says_by_what_it_is_broken(text, said):
    assert condition(text).broken(VALUES) == said


@pytest.mark.parametrize("text", ["area", "1 < area < 3", "area = 3"])
def test_a_condition_compares_two_amounts(text):
    with pytest.raises(ValueError, match="must compare two amounts"):
        condition(text)


STUDY = "arch: two_level\nworkload: gemm\naxes: {MAC.throughput: [1, 2]}\n"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("derive: {Buffer.size: 2 KiB * PEs.x}\n", "s.yaml:4:23: $.derive.Buffer.size: 'PEs.x' is stated nowhere"),
        (
            "derive: {MAC.throughput: 3 * 2}\n",
            "s.yaml:3:8: $.axes.MAC.throughput: MAC.throughput does nothing here: `derive:` has MAC.throughput too",
        ),
        (
            "set: {MAC.throughput: 4}\n",
            "s.yaml:4:7: $.set.MAC.throughput: MAC.throughput does nothing here: `axes:` has MAC.throughput too",
        ),
        (
            "set: {Buffer.size: 4}\nderive: {Buffer.size: 2 * MAC.throughput}\n",
            "s.yaml:4:7: $.set.Buffer.size: Buffer.size does nothing here: `derive:` has Buffer.size too",
        ),
        (
            "set: {Buffer.energy.read: 4}\nderive: {Buffer.energy: 2 pJ * MAC.throughput}\n",
            "$.set.Buffer.energy.read: Buffer.energy.read does nothing here: `derive:` has Buffer.energy too",
        ),
        ("derive: {Bufer.size: 2 KiB * MAC.throughput}\n", "nothing is called 'Bufer' (did you mean 'Buffer'?)"),
        (
            "where: [aera <= 3 mm2]\n",
            "s.yaml:4:9: $.where[0]: 'aera' is stated nowhere",
        ),
        ("where: Buffer.size <= 4 mm2\n", "s.yaml:4:8: $.where: Buffer.size <= 4 mm2: 'mm2' and 'words' do not"),
        ("where: [latency <= 3 mm]\n", "s.yaml:4:9: $.where[0]: latency <= 3 mm: 'mm' and 's' do not measure the same"),
        ("derive: {Buffer.size: 2 KiB + MAC.throughput}\n", "s.yaml:4:23: $.derive.Buffer.size: 'no unit' and"),
        ('axes: {MAC.throughput: [1], "Buffer.size, MAC.throughput": [[1, 2]]}\n', "MAC.throughput stands twice"),
        (
            "derive: {Buffer.size: 8 / (MAC.throughput - 2)}\n",
            "s.yaml:4:23: $.derive.Buffer.size: 8 / (MAC.throughput - 2): a division by 0 where MAC.throughput is 2",
        ),
        (
            "set: {Buffer.keep: [input]}\nderive: {Buffer.size: 8 * Buffer.keep}\n",
            "s.yaml:5:23: $.derive.Buffer.size: 8 * Buffer.keep: ",
        ),
        ("where: area\n", "must compare two amounts"),
        ('axes: {"Buffer.size, MAC.throughput": [[1, 2], 3]}\n', "must be a list of 2 values, one for each of"),
    ],
)
def test_what_is_wrong_with_a_study_is_said_with_its_place(more, said):
    text = STUDY if "axes" not in more else STUDY.replace("axes: {MAC.throughput: [1, 2]}\n", "")
    with pytest.raises(SpecError) as error:
        catalog.load_study(parse(text + more, "s.yaml"))
    assert said in str(error.value)


def test_what_is_set_beside_an_axis_of_its_path_is_an_error_from_the_command_line_too():
    with pytest.raises(SpecError, match=r"MAC.throughput does nothing here.*leave one of them out"):
        catalog.load_study(parse(STUDY, "s.yaml"), ["set.MAC.throughput=4"])


def test_a_value_is_set_under_what_an_axis_has_whole_no_more_than_a_value_beside_it():
    study = catalog.load_study(
        parse(STUDY + "set: {Buffer.energy: 4 pJ}\nderive: {Buffer.energy.read: 2 pJ}\n", "s.yaml")
    )
    assert study.set == {"Buffer.energy": "4 pJ"}  # what it says of writes counts


def test_formulas_of_a_mean_use_what_all_its_files_state_alike():
    text = "arch: two_level\nworkload: [gemm, mm64]\nmean: {gemm: 2, mm64: 1}\n"
    derived = "derive: {Buffer.size: Buffer.size * 2}\n"
    study = catalog.load_study(parse(text + derived, "s.yaml"))
    (design,) = grid(study)
    stated = catalog.load_study(parse(text.splitlines()[0] + "\nworkload: gemm\n" + derived, "s.yaml"))
    assert design.axes == tuple(stated.derived(stated.from_files()).items())


def test_formulas_use_what_files_state():
    text = "arch: two_level\nworkload: gemm\naxes: {MAC.throughput: [1, 2]}\nderive: {Buffer.size: Buffer.size * 2}\n"
    study = catalog.load_study(parse(text, "s.yaml"))
    (stated,) = study.from_files().values()
    assert Amount.of(study.derived(study.from_files())["Buffer.size"]).number == 2 * Amount.of(stated).number
