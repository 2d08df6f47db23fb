"""The functions of the API, given names, paths, dicts, what was loaded, and values."""

import json
import typing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from click.testing import CliRunner

import costmodel as cm
from costmodel.api import InfeasibleError, SpecError, Text, ask
from costmodel.api.inputs import Asked
from costmodel.cli import app
from costmodel.mapper.network import Failure, choose, map_workload
from costmodel.mapper.tasks import LostError
from costmodel.report.read import read_run
from costmodel.spec import catalog
from costmodel.spec.load import parse
from costmodel.spec.request import Request

OUTPUT_STATIONARY = "two_level_output_stationary"
FLOWS = ["einsum", "level", "tensor", "flow", "words"]
ACTIONS = ["einsum", "component", "tensor", "action", "count", "energy_pj"]
SMALL = {"name": "small", "ranks": {"M": 4, "N": 6, "K": 8}, "einsums": ["Z[m, n] = A[m, k] * B[k, n]"]}
TWO = {
    "name": "two",
    "ranks": {"M": 4, "N": 6, "K": 8, "P": 10},
    "einsums": [{"einsum": "Y[m, n] = A[m, k] * B[k, n]", "count": 3}, "Z[m, p] = Y[m, n] * C[n, p]"],
}
LEVELS = [
    {"memory": "DRAM", "energy": "100 pJ", "bandwidth": "8 B/cycle"},
    {"memory": "SRAM", "size": "1 KiB", "energy": "2 pJ"},
    {"compute": "MAC", "energy": "0.5 pJ"},
]
STUDY = {"arch": "two_level", "workload": "mm64", "axes": {"Buffer.size": ["256 words", "1024 words"]}}


def content(name, kind):
    return catalog.document(name, kind).data


def file_of(name, kind):
    return catalog.find(name, kind)


def values():
    return catalog.load_pair("two_level", "mm64")


def forms(name, kind, load):
    """One thing as a name, as paths, as a dict and as what was loaded."""
    return [name, file_of(name, kind), str(file_of(name, kind)), content(name, kind), load(name)]


FORMS = list(
    zip(
        forms("two_level", "arch", cm.load_arch),
        forms("mm64", "workload", cm.load_workload),
        forms(OUTPUT_STATIONARY, "mapping", cm.load_mapping),
        strict=True,
    )
)


@pytest.fixture(scope="module")
def cost():
    return cm.evaluate("two_level", "mm64", mapping=OUTPUT_STATIONARY)


@pytest.fixture(scope="module")
def best():
    return cm.map("two_level", TWO, objective="energy,latency,capacity", jobs=1)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---------------------------------------------------------------------------------------------------------------
# What may be given


@pytest.mark.parametrize(("arch", "workload", "mapping"), FORMS, ids=["name", "path", "text", "dict", "loaded"])
def test_evaluate_takes_every_form(arch, workload, mapping, cost):
    found = cm.evaluate(arch, workload, mapping=mapping)
    assert (found.evaluation, found.mappings) == (cost.evaluation, cost.mappings)


def test_evaluate_takes_values(cost):
    architecture, workload = values()
    for mapping in (cost.mapping, cost.mappings, list(cost.mappings)):
        found = cm.evaluate(architecture, workload, mapping=mapping)
        assert found.evaluation == cost.evaluation
        assert found.run.inputs == ()


@pytest.mark.parametrize(("arch", "workload", "mapping"), FORMS, ids=["name", "path", "text", "dict", "loaded"])
def test_map_and_explain_take_every_form(arch, workload, mapping, cost):
    found = cm.map(arch, workload, objective="energy", jobs=1)
    assert (found.energy_pj, str(found.certificate)) == (cost.energy_pj, "optimal: proven")
    said = cm.explain(arch, workload, mapping=mapping, subject="MainMemory.read.A")
    assert said == cm.explain(cost, subject="MainMemory.read.A")


def test_map_takes_values(cost):
    assert cm.map(*values(), objective="energy", jobs=1).energy_pj == cost.energy_pj


def test_what_is_given_is_not_changed():
    arch, workload = content("two_level", "arch"), content("mm64", "workload")
    before = json.dumps([arch, workload])
    cm.evaluate(arch, workload, mapping=OUTPUT_STATIONARY, set={"Buffer.size": "2048 words", "ranks.M": 64})
    assert json.dumps([arch, workload]) == before


def test_a_loaded_workload_takes_the_width_of_the_architecture_it_meets():
    assert cm.load_workload("mm64").value.einsums[0].output.tensor == "Z"
    by_name = cm.map("eyeriss_v1", "mm64", objective="energy", jobs=1)
    assert cm.map("eyeriss_v1", cm.load_workload("mm64"), objective="energy", jobs=1).energy_pj == by_name.energy_pj


def test_numbers_of_other_packages_and_tuples_are_numbers_and_lists():
    small = SMALL | {"ranks": {"M": np.int64(4), "N": 6, "K": np.int32(8)}, "einsums": tuple(SMALL["einsums"])}
    assert cm.load_workload(small).value == cm.load_workload(SMALL).value


def test_text_that_looks_like_a_number_stays_text(empty):
    arch = {"name": "1e3", "source": "no", "levels": LEVELS}
    found = cm.map(arch, SMALL, jobs=1)
    assert found.architecture.name == "1e3"
    text = read_run(found.save("run")).inputs[0].text
    assert parse(text).data == arch


# ---------------------------------------------------------------------------------------------------------------
# Options


def test_options_are_the_keys_of_a_request():
    assert set(typing.get_type_hints(Asked)) == set(Request.model_fields)


def test_a_setting_changes_one_value():
    changed = cm.evaluate("two_level", "mm64", mapping=OUTPUT_STATIONARY, set={"MainMemory.energy.read": "50 pJ"})
    again = cm.evaluate("two_level", "mm64", mapping=OUTPUT_STATIONARY, set=["MainMemory.energy.read=50 pJ"])
    loaded = cm.load_arch("two_level", set={"MainMemory.energy.read": "50 pJ"})
    before = cm.evaluate(loaded, "mm64", mapping=OUTPUT_STATIONARY)
    assert changed.energy_pj == again.energy_pj == before.energy_pj == 2_973_696.0
    assert {r.run.provenance.settings["set"] for r in (changed, again, before)} == {"MainMemory.energy.read=50 pJ"}


def test_settings_may_be_numbers_lists_and_text_like_numbers():
    assert cm.load_arch("pe2d", set={"PEs.shape.X": 4, "GLB.keep": ["input"]}).value.levels[2].shape["X"] == 4
    assert cm.load_arch("pe2d", set={"name": "12"}).value.name == "12"


def test_nothing_is_set_in_a_value():
    with pytest.raises(SpecError, match="nothing can be set in a value that was resolved already"):
        cm.map(values()[0], "mm64", set={"Buffer.size": "1 KiB"})


def test_einsums_may_be_picked():
    assert list(cm.map("two_level", TWO, einsums="Z", jobs=1).einsums["einsum"]) == ["Z"]
    assert list(cm.map("two_level", TWO, einsums=["Y"], jobs=1).einsums["einsum"]) == ["Y"]


def test_options_have_units_and_are_kept():
    found = cm.map("two_level", SMALL, budget="60 s", memory="1 GiB", constraints=["order in Buffer: m, k"], jobs=1)
    settings = found.run.provenance.settings
    assert (settings["budget_s"], settings["memory_bytes"]) == (60.0, 2**30)
    assert found.run.provenance.command == (
        "costmodel.map('two_level', 'small', budget='60 s', memory='1 GiB', "
        "constraints=['order in Buffer: m, k'], jobs=1)"
    )


# ---------------------------------------------------------------------------------------------------------------
# What comes back


def test_totals_and_tables_are_those_of_the_command_line(cost):
    shown = CliRunner().invoke(app, ["evaluate", "two_level", "mm64", "--mapping", OUTPUT_STATIONARY, "--json"])
    said = json.loads(shown.stdout)
    for key in ("energy_pj", "latency_cycles", "latency_s", "edp", "utilisation", "capacity_bits", "area_mm2"):
        assert getattr(cost, key) == said["totals"][key]
    tables = {"traffic": cost.traffic, "actions": cost.energy, "latency": cost.latency, "occupancy": cost.occupancy}
    for name, table in tables.items():
        assert table.to_dict("records") == said["tables"][name]
    assert (list(cost.traffic), list(cost.energy)) == (FLOWS, ACTIONS)
    assert (list(cost.latency), list(cost.occupancy)) == (
        ["einsum", "component", "cycles"],
        ["einsum", "level", "tensor", "words", "bits"],
    )
    assert cost.certificate is None


def test_a_table_is_the_readers_own(cost):
    table = cost.traffic
    table.loc[0, "words"] = -1
    assert cost.traffic["words"].min() >= 0


def test_totals_count_every_execution(best):
    assert best.energy_pj == pytest.approx(best.einsums["energy_pj"].sum())
    per_execution = best.energy.groupby("einsum")["energy_pj"].sum()
    counts = best.einsums.set_index("einsum")["count"]
    assert dict(counts) == {"Y": 3, "Z": 1}
    assert best.energy_pj == pytest.approx((per_execution * counts).sum())


def test_the_front_has_mappings_that_cost_what_it_says(best):
    assert len(best.front) > 1
    for row in best.front.to_dict("records"):
        found = cm.evaluate("two_level", TWO, mapping=best.mappings_at(row["point"]))
        assert found.energy_pj == pytest.approx(row["energy_pj"])
        assert (found.latency_cycles, found.capacity_bits) == (row["latency_cycles"], row["capacity_bits"])


def test_the_front_of_one_einsum_has_its_mappings():
    front = cm.map("two_level", SMALL, objective="energy,capacity", jobs=1).front
    assert len(front) > 1
    assert front["mapping"].str.contains("Buffer").any()


def test_loops_are_shown_as_they_are(best, cost):
    assert isinstance(cost.nest, str)
    assert repr(cost.nest) == str(cost.nest)
    assert cost.nest.startswith("store A B Z in MainMemory")
    assert best.nest.count("compute ") == 2
    with pytest.raises(ValueError, match="there are 2 mappings"):
        best.mapping  # noqa: B018  asking is the test


@pytest.mark.parametrize("name", ["energy", "icicle", "energy_by_einsum", "latency", "load", "roofline", "front"])
def test_every_figure_is_drawn(best, name):
    assert isinstance(best.figure(name), go.Figure)


def test_map_tells_why_where_asked(best):
    told = cm.map("two_level", "mm64", constraints=["output_stationary"], jobs=1, why=True)
    assert told.why.startswith("Z: why its least edp is what it is")
    assert "output_stationary" in told.why.partition("each left out")[2]
    with pytest.raises(ValueError, match="why=True"):
        _ = best.why


def test_figures_by_default(best, cost):
    assert best.figure() == best.figure("front")
    assert cost.figure() == cost.figure("energy")
    with pytest.raises(ValueError, match="did you mean 'energy'"):
        cost.figure("enery")


def test_a_notebook_sees_totals_and_loops_and_no_scripts(best, cost):
    for result in (best, cost):
        shown = result._repr_html_()
        assert "Energy" in shown
        assert "compute Z on MAC" in shown
        assert "<script" not in shown
    assert "optimal: proven" in best._repr_html_()
    hostile = cm.map({"name": "<script>x", "levels": LEVELS}, SMALL, jobs=1)
    assert "<script" not in hostile._repr_html_()


def test_a_prompt_sees_one_line(best, cost):
    assert repr(cost) == "<mm64 on two_level: 4.2 µJ, 262 µs>"
    assert repr(best).endswith("optimal: proven>")
    assert str(cost).startswith("energy")


def test_nothing_is_written_that_is_not_asked_for(empty):
    result = cm.map("two_level", SMALL, jobs=1)
    result._repr_html_()
    result.figure()
    cm.explain(result, subject="energy")
    cm.sweep(STUDY, jobs=1)
    assert list(empty.iterdir()) == []


# ---------------------------------------------------------------------------------------------------------------
# Keeping


def test_what_is_saved_is_a_run_that_reads_back(best, cost, empty):
    for result in (best, cost):
        folder = result.save("run")
        again = read_run(folder)
        assert again == result.run
    assert folder == Path("run-2")
    assert cost.save("run-2", force=True) == Path("run-2")
    assert (empty / "run" / "inputs" / "workload.yaml").is_file()
    assert [file.origin for file in read_run(empty / "run").inputs] == ["shipped", "given"]
    with pytest.raises(SpecError, match="is no run of evaluate"):
        cost.save("run", force=True)


def test_the_command_line_goes_on_with_what_is_saved(cost, empty):
    folder = cost.save("run")
    shown = CliRunner().invoke(app, ["explain", str(folder), "MainMemory.read.A"])
    assert shown.stdout.rstrip("\n") == cm.explain(folder, subject="MainMemory.read.A")
    shown = CliRunner().invoke(app, ["evaluate", "two_level", "mm64", "--mapping", f"{folder}/mapping.yaml", "--json"])
    assert json.loads(shown.stdout)["totals"]["energy_pj"] == cost.energy_pj


def test_a_report_is_the_page_of_a_result_or_a_folder(best, cost, empty):
    page = cm.report(best, "one.html")
    assert (page, "two on two_level" in page.read_text(encoding="utf-8")) == (Path("one.html"), True)
    assert "mm64 on two_level" in cm.report(cost.save("run")).read_text(encoding="utf-8")
    assert sorted(path.name for path in empty.iterdir()) == ["one.html", "report.html", "run"]
    with pytest.raises(SpecError, match=r"nothing.*(no such|not a run)"):
        cm.report("nothing")


# ---------------------------------------------------------------------------------------------------------------
# Explaining


def test_explain_lists_what_it_knows(cost):
    listed = cm.explain(cost).splitlines()
    assert {"energy", "latency", "MainMemory.read.A", "Buffer.energy"} <= set(listed)
    assert isinstance(cm.explain(cost, subject="energy"), Text)
    assert cm.explain(cost, subject="energy")._repr_html_().startswith("<pre>energy = ")


def test_explain_says_what_it_does_not_know(cost):
    with pytest.raises(SpecError, match="Bufer"):
        cm.explain(cost, subject="Bufer.read.A")
    with pytest.raises(TypeError, match=r"alone, or an architecture, a workload and mapping="):
        cm.explain(cost, "mm64")
    with pytest.raises(TypeError, match="a dict needs more"):
        cm.explain(content("two_level", "arch"))


def test_a_sweep_has_no_number_to_explain(empty):
    space = cm.sweep(STUDY, jobs=1)
    with pytest.raises(TypeError, match="a SpaceResult needs more"):
        cm.explain(space)
    with pytest.raises(SpecError, match="run: holds no evaluation to explain"):
        cm.explain(space.save("run"))


# ---------------------------------------------------------------------------------------------------------------
# Sweeping


@pytest.mark.parametrize("form", ["dict", "path", "text"])
def test_sweep_takes_every_form(form, empty):
    (empty / "study.yaml").write_text(json.dumps(STUDY), encoding="utf-8")
    study = {"dict": STUDY, "path": Path("study.yaml"), "text": "study.yaml"}[form]
    space = cm.sweep(study, jobs=1)
    assert list(space.points["Buffer.size"]) == ["256 words", "1024 words"]
    assert list(space.points["energy_pj"]) == [
        cm.map("two_level", "mm64", objective="energy", set={"Buffer.size": size}, jobs=1).energy_pj
        for size in ("256 words", "1024 words")
    ]
    assert list(space.front["Buffer.size"]) == ["1024 words"]
    assert isinstance(space.figure(), go.Figure)
    assert "1024 words" in space._repr_html_()
    assert repr(space).startswith(
        "<sweep of mm64 on two_level: 2 designs, 2 feasible, 1 on the front; Buffer has another"
    )
    assert space.mappings_at(1)[0].einsum == "Z"


def test_a_shipped_study_is_found_by_its_name():
    axes = {"axes": {"PEs.shape.X": [2]}}
    space = cm.sweep("pe_array_sweep", set=axes | {"workload": "mm64", "objective": "energy"}, jobs=1)
    assert space.points.shape[0] == 1


def test_a_sweep_goes_on_where_it_is_kept(empty):
    first = cm.sweep(STUDY, jobs=1, out="sizes")
    assert (empty / "sizes" / "points.jsonl").is_file()
    longer = STUDY | {"axes": {"Buffer.size": ["256 words", "1024 words", "512 words"]}}
    again = cm.sweep(longer, jobs=1, out="sizes")
    assert len(again.points) == 3
    assert list(again.points["energy_pj"][:2]) == list(first.points["energy_pj"])
    assert read_run(empty / "sizes").design_points == again.run.design_points
    other = cm.sweep(STUDY | {"tiles": "any"}, jobs=1, out="sizes")
    assert len(other.points) == 2  # points of another question stay beside its own
    assert (empty / "sizes" / "points.jsonl").read_text(encoding="utf-8").count('"point": ') == 3 + 2


def test_a_sweep_that_nothing_fits_says_why():
    space = cm.sweep(STUDY | {"axes": {"Buffer.size": ["2 words"]}}, jobs=1)
    assert pd.isna(space.points["energy_pj"][0])
    assert "no mapping fits" in space.points["note"][0]
    assert "no mapping fits" in space._repr_html_()
    with pytest.raises(ValueError, match="no design is feasible"):
        space.figure()


# ---------------------------------------------------------------------------------------------------------------
# What goes wrong


def test_a_dict_with_mistakes_is_told_as_a_file_is():
    arch = {
        "name": "a",
        "levels": [{"memory": "DRAM", "energy": 1, "bandwith": 8}, {"compute": "M", "energy": "cheap"}],
    }
    with pytest.raises(SpecError) as caught:
        cm.map(arch, {"name": "w", "einsums": ["Z[m] = A[m"], "ranks": {"M": 4}})
    lines = str(caught.value).splitlines()
    assert lines[0] == "$.levels[0].bandwith: no such key 'bandwith' (did you mean 'bandwidth'?)"
    assert lines[1] == "$.levels[1].energy: must be an energy (fJ, pJ, nJ, uJ, mJ), got 'cheap'"
    assert any(line.startswith("$.einsums[0]") for line in lines)


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}, np.zeros(3)])
def test_a_dict_that_no_file_could_say_is_refused(value):
    with pytest.raises(SpecError, match="the content cannot be read"):
        cm.load_arch({"name": "a", "clock": value, "levels": LEVELS})


def test_a_mistake_in_a_mapping_names_its_place():
    mapping = {"einsum": "Z", "nest": ["store A B Z in MainMemory", "for m at 32", "compute Z on MAC"]}
    with pytest.raises(SpecError, match=r"^\$\.nest\[1\]: "):
        cm.evaluate("two_level", "mm64", mapping=mapping)


def test_unknown_names_have_a_hint():
    with pytest.raises(SpecError, match=r"no architecture or path is called 'two_levels'.*did you mean 'two_level'"):
        cm.map("two_levels", "mm64")
    with pytest.raises(SpecError, match="did you mean 'objective'"):
        cm.map("two_level", "mm64", objectives="energy")


def test_area_orders_no_mappings():
    with pytest.raises(SpecError, match="area orders designs of a sweep, not mappings"):
        cm.map("two_level", "mm64", objective="area")


def test_what_does_not_fit_is_said():
    with pytest.raises(InfeasibleError, match="Y: no mapping fits: capacity") as caught:
        cm.map("two_level", TWO, set={"Buffer.size": "2 words"}, jobs=1)
    assert caught.value.__notes__[0].startswith("Z: no mapping fits")
    with pytest.raises(SpecError, match="Buffer is over capacity"):
        cm.evaluate("two_level", "mm64", mapping=OUTPUT_STATIONARY, set={"Buffer.size": 256})


def ended(monkeypatch, **changes):
    """Let the search end as if it had been stopped."""
    search = ask.map_workload
    monkeypatch.setattr(ask, "map_workload", lambda *given: choose(replace(search(*given), front=(), **changes)))


def test_an_interrupted_search_returns_what_is_done(monkeypatch):
    done = map_workload(catalog.load_workload(TWO), catalog.load_architecture("two_level"), jobs=1).layers[:1]
    ended(monkeypatch, layers=done, unfinished=("Z",), interrupted=True)
    with pytest.warns(UserWarning) as caught:  # noqa: PT030  all of them are looked at
        found = cm.map("two_level", TWO, jobs=1)
    assert [str(w.message) for w in caught] == ["not searched: Z", "the search was interrupted"]
    assert {w.filename for w in caught} == {__file__}
    assert list(found.einsums["einsum"]) == ["Y"]
    assert "not searched: Z; the search was interrupted" in repr(found)


def test_a_search_without_an_answer_is_an_error(monkeypatch):
    ended(monkeypatch, layers=(), unfinished=("Y", "Z"), interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        cm.map("two_level", TWO, jobs=1)


def test_a_lost_search_is_an_error(monkeypatch):
    ended(monkeypatch, layers=(), failures=(Failure("Z", 0, "Z: its worker process died", None),))
    with pytest.raises(LostError, match="Z: its worker process died"):
        cm.map("two_level", SMALL, jobs=1)


def test_an_einsum_that_no_unit_computes_is_refused_with_its_place():
    with pytest.raises(SpecError, match=r"^\$\.einsums\[0\]: "):
        cm.map({"name": "a", "levels": [LEVELS[0], {"compute": "V", "energy": {"exp": 1}}]}, SMALL)


@pytest.mark.parametrize("setting", [{"Z.name": "Q"}, {"ranks.M": 4}])
def test_its_place_is_found_where_values_were_set(setting):
    exponents = {"name": "a", "levels": [LEVELS[0], {"compute": "V", "energy": {"exp": 1}}]}
    ranks = {rank: size for rank, size in SMALL["ranks"].items() if f"ranks.{rank}" not in setting}
    with pytest.raises(SpecError, match=r"^\$\.einsums\[0\]: (Q|Z): no unit of a computes it"):
        cm.map(exponents, SMALL | {"ranks": ranks}, set=setting)


def test_einsums_without_a_mapping_are_named(cost):
    workload = {"name": "mm64", "ranks": {"M": 64, "N": 64, "K": 64}}
    workload["einsums"] = ["Z[m, n] = A[m, k] * B[k, n]", "Y[m, n] = Z[m, k] * C[k, n]"]
    with pytest.warns(UserWarning, match="no mapping, so not counted: Y") as caught:
        found = cm.evaluate("two_level", workload, mapping=OUTPUT_STATIONARY)
    assert caught[0].filename == __file__
    assert found.notes == ("no mapping, so not counted: Y",)
    assert "not counted: Y" in repr(found)
    assert "not counted: Y" in found._repr_html_()
    assert found.energy_pj == cost.energy_pj
