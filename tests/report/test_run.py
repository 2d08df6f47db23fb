import csv
import dataclasses
import errno
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report import samples

from costmodel.mapper.front import on_front
from costmodel.mapper.result import Certificate, MapperResult, MappingPoint
from costmodel.report.folder import check_writable, claim, is_run, new_folder, write_text
from costmodel.report.read import read_run
from costmodel.report.run import EinsumSearch, InputFile, Run
from costmodel.report.write import result_object, write_run
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Compute, Mapping, Sequence, Storage, Temporal
from costmodel.spec.problems import SpecError

RUNS = {
    "evaluate": samples.gemm_run,
    "map": samples.network_run,
    "map with room": samples.room_run,
    "sweep": samples.sweep_run,
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_run_reads_back_as_it_was_written(kind, tmp_path):
    run = RUNS[kind]()
    assert read_run(write_run(tmp_path / "run", run)) == run


def test_a_folder_of_a_version_before_improvements_reads(tmp_path):
    folder = write_run(tmp_path / "run", samples.network_run(layers=2, points=2))
    content = json.loads((folder / "result.json").read_text())
    assert all(search.pop("improvements") for search in content["searches"])
    (folder / "result.json").write_text(json.dumps(content))
    assert [search.improvements for search in read_run(folder).searches] == [(), ()]


def test_the_same_run_gives_the_same_bytes(tmp_path):
    first = write_run(tmp_path / "a", samples.network_run(points=3))
    second = write_run(tmp_path / "b", samples.network_run(points=3))
    names = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(second) for p in second.rglob("*") if p.is_file())
    assert all((first / n).read_bytes() == (second / n).read_bytes() for n in names)


def test_a_fused_mapping_reads_back(tmp_path):
    run = samples.gemm_run()
    branch = (Temporal("m", 1), Compute("Z", "MAC"))
    fused = Mapping((Storage(("A",), "DRAM"), Sequence((branch, (*branch[:1], Compute("Y", "MAC"))))), "a", "gemm")
    run = dataclasses.replace(run, mappings=(fused,))
    assert read_run(write_run(tmp_path / "run", run)).mappings == (fused,)


def test_tables_are_tidy_and_result_is_one_versioned_object(tmp_path):
    folder = write_run(tmp_path / "run", samples.network_run(points=2))
    with (folder / "traffic.csv").open() as file:
        assert next(csv.reader(file)) == ["einsum", "level", "tensor", "flow", "words"]
    with (folder / "einsums.csv").open() as file:
        rows = list(csv.DictReader(file))
    result = json.loads((folder / "result.json").read_text())
    assert (result["format"], result["version"], result["kind"]) == ("costmodel run", 1, "map")
    assert sum(float(r["energy_pj"]) for r in rows) == pytest.approx(result["totals"]["energy_pj"], rel=1e-12)
    assert result["provenance"]["seed"] == 7


def test_the_mapping_file_can_be_fed_back(tmp_path):
    import yaml

    from costmodel.spec.mapping_file import parse_nest

    run = samples.gemm_run()
    document = yaml.safe_load((write_run(tmp_path / "run", run) / "mapping.yaml").read_text())
    assert parse_nest(document["nest"]) == run.mappings[0].nest


def test_an_existing_run_is_never_overwritten_unasked(tmp_path):
    run = samples.gemm_run()
    assert write_run(tmp_path / "run", run).name == "run"
    assert write_run(tmp_path / "run", samples.sweep_run()).name == "run-2"
    assert write_run(tmp_path / "run", run).name == "run-3"
    assert read_run(tmp_path / "run") == run
    assert read_run(tmp_path / "run-2").kind == "sweep"


def test_a_run_is_renewed_in_place_and_nothing_else_is_touched(tmp_path):
    folder = write_run(tmp_path / "run", samples.network_run(layers=2, points=2))
    (folder / "notes.txt").write_text("mine")
    assert claim(folder, "map", renew=True) == folder
    other = dataclasses.replace(samples.gemm_run(), kind="map")
    assert write_run(folder, other, renew=True) == folder
    assert read_run(folder) == other
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "front.csv").exists()
    assert not list((folder / "inputs").glob("network.yaml"))
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_run_of_another_kind_is_never_replaced(tmp_path):
    folder = write_run(tmp_path / "run", samples.gemm_run())
    for attempt in (
        lambda: claim(folder, "sweep", renew=True),
        lambda: write_run(folder, samples.sweep_run(), renew=True),
    ):
        with pytest.raises(SpecError, match="is no run of sweep; nothing was written"):
            attempt()
    assert read_run(folder) == samples.gemm_run()


def test_a_folder_that_is_not_a_run_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for renew in (False, True):
        with pytest.raises(SpecError, match="exists and is not a run; nothing was written"):
            claim(tmp_path, "map", renew=renew)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_where_nothing_can_be_written_is_said_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpecError, match="file: is not a folder"):
        claim(tmp_path / "file" / "run", "map", renew=False)


def test_a_pipe_or_a_device_is_no_place_for_a_report(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(SpecError, match="is neither a file nor a folder"):
            check_writable(path)


def test_a_link_to_a_folder_is_followed_and_stays(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    place = claim(tmp_path / "link", "map", renew=False)
    assert write_run(place, samples.gemm_run()) == tmp_path / "real"
    assert (tmp_path / "link").is_symlink()
    assert read_run(tmp_path / "link") == samples.gemm_run()


def test_a_full_disk_names_the_file(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_run(tmp_path / "run", samples.gemm_run())
    assert caught.value.filename == str(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="No space left") as caught:
        write_text(tmp_path / "report.html", "")
    assert caught.value.filename == str(tmp_path / "report.html")


def test_an_empty_folder_may_become_a_run(tmp_path):
    (tmp_path / "run").mkdir()
    assert write_run(tmp_path / "run", samples.gemm_run()) == tmp_path / "run"
    assert is_run(tmp_path / "run")


def test_a_write_that_fails_leaves_nothing(tmp_path):
    broken = dataclasses.replace(samples.gemm_run(), notes=(float("nan"),))
    with pytest.raises(TypeError, match="JSON"):
        write_run(tmp_path / "run", broken)
    assert list(tmp_path.iterdir()) == []


def test_an_input_cannot_leave_the_folder(tmp_path):
    with pytest.raises(ValueError, match="must be a file name"):
        InputFile(role="arch", name="../x.yaml", origin="", text="")


def test_inputs_of_one_name_are_all_kept(tmp_path):
    inputs = tuple(InputFile(role="arch", name="a.yaml", origin=where, text=where) for where in ("here", "there"))
    folder = write_run(tmp_path / "run", dataclasses.replace(samples.gemm_run(), inputs=inputs))
    assert sorted(p.name for p in (folder / "inputs").iterdir()) == ["a-2.yaml", "a.yaml"]
    assert read_run(folder).inputs == inputs


def test_new_folders_are_named_after_time_and_inputs(tmp_path):
    when = datetime(2026, 11, 21, 13, 15, 0)  # noqa: DTZ001
    names = ["eyeriss_v1", "../resnet 18"]
    first = new_folder(tmp_path, names, when)
    assert first == tmp_path / "20261121-131500-eyeriss_v1-_resnet_18"
    first.mkdir()
    assert new_folder(tmp_path, names, when).name == f"{first.name}-2"


def test_text_is_replaced_whole(tmp_path):
    write_text(tmp_path / "a" / "report.html", "one")
    write_text(tmp_path / "a" / "report.html", "two")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["report.html"]
    assert (tmp_path / "a" / "report.html").read_text() == "two"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def without_searches(path: Path) -> None:
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "searches"}))


def strip_levels(path: Path) -> None:
    (architecture,) = json.loads(path.read_text())
    path.write_text(json.dumps([architecture | {"levels": architecture["levels"][2:]}]))


def change_einsum(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    workloads = json.loads(path.read_text())
    change(workloads[0]["einsums"][0])
    path.write_text(json.dumps(workloads))


DAMAGE = {
    "truncated result": ("result.json", lambda p: p.write_text(p.read_text()[:400]), "not JSON"),
    "result not UTF-8": ("result.json", lambda p: p.write_bytes(b"\xff\xfe{"), "cannot be read"),
    "result nested": ("result.json", lambda p: p.write_text("[" * 200_000), "not JSON"),
    "result a list": ("result.json", lambda p: p.write_text("[]"), "must be an object"),
    "other format": ("result.json", lambda p: edit(p, "costmodel run", "other run"), "must be 'costmodel run'"),
    "newer version": ("result.json", lambda p: edit(p, '"version": 1', '"version": 2'), "reads version 1"),
    "room": (
        "result.json",
        lambda p: edit(p, '"capacity_bits": 2048', '"capacity_bits": "2 KiB"'),
        "must be a valid integer",
    ),
    "kind": (
        "result.json",
        lambda p: edit(p, '"kind": "map"', '"kind": "mop"'),
        "must be 'evaluate', 'map'",
    ),
    "missing key": (
        "result.json",
        without_searches,
        "required key 'searches' is missing",
    ),
    "chosen": ("result.json", lambda p: edit(p, '"chosen": 1', '"chosen": 99'), "the front has 3 points, got 99"),
    "choices": (
        "result.json",
        lambda p: edit(p, '"choices": [\n    0', '"choices": [\n    77'),
        "one point of the front",
    ),
    "certificate": ("result.json", lambda p: edit(p, '"optimal: proven"', '"trust me"'), "must be 'optimal: proven', "),
    "sentence": ("result.json", lambda p: edit(p, '"for m by', '"whilst m by'), "whilst"),
    "input path": ("result.json", lambda p: edit(p, '"file": "network.yaml"', '"file": "../x"'), "must be a file name"),
    "table missing": ("traffic.csv", lambda p: p.unlink(), "the file is missing"),
    "header": ("traffic.csv", lambda p: edit(p, "einsum,level", "einsum,memory"), "the first line must be"),
    "column": ("actions.csv", lambda p: p.write_text(p.read_text() + "a,b\n"), "6 columns expected, 2 found"),
    "not a number": ("latency.csv", lambda p: p.write_text(p.read_text() + "fc,MAC,soon\n"), "soon"),
    "not finite": ("latency.csv", lambda p: p.write_text(p.read_text() + "fc,MAC,inf\n"), "a finite number"),
    "flow": ("traffic.csv", lambda p: edit(p, ",read,", ",leak,"), "must be 'fill', 'read'"),
    "fraction of a word": ("traffic.csv", lambda p: p.write_text(p.read_text() + "fc,GLB,I,read,1.5\n"), "1.5"),
    "sum": (
        "actions.csv",
        lambda p: p.write_text(p.read_text() + "fc,GLB,I,read,1,1e9\n"),
        "the rows sum to energy_pj",
    ),
    "unknown action": ("actions.csv", lambda p: edit(p, ",write,", ",wr]ite,"), "has no action 'wr]ite'"),
    "unknown component": ("actions.csv", lambda p: edit(p, ",GLB,", ",GBL,"), "GBL of "),
    "unknown Einsum": ("actions.csv", lambda p: p.write_text(p.read_text() + "X,GLB,I,read,1,1\n"), "Einsum 'X'"),
    "input missing": ("inputs/network.yaml", lambda p: p.unlink(), "the file is missing"),
    "workload": (
        "workload.json",
        lambda p: edit(p, '"role": "weight"', '"role": "ballast"'),
        "must be 'input'",
    ),
    "an index too few": (
        "workload.json",
        lambda p: change_einsum(p, lambda e: e["inputs"][0]["indices"].pop()),
        "one for each rank of",
    ),
    "an extent too few": (
        "workload.json",
        lambda p: change_einsum(p, lambda e: next(iter(e["tensors"].values()))["shape"].pop()),
        "must have an extent for each rank",
    ),
    "no workload": ("workload.json", lambda p: p.write_text("[]"), "must not be empty"),
    "level kind": (
        "architecture.json",
        lambda p: edit(p, '"kind": "Memory"', '"kind": "Cloud"'),
        "must be one of 'Memory'",
    ),
    "level key": ("architecture.json", lambda p: edit(p, '"read_pj"', '"reed_pj"'), "no such key"),
    "no clock": ("result.json", lambda p: edit(p, '"clock_hz": 200000000.0', '"clock_hz": 0'), "more than 0"),
    "no peak": ("result.json", lambda p: edit(p, '"peak_per_cycle": ', '"peak_per_cycle": 0, "was": '), "no such key"),
    "negative": (
        "result.json",
        lambda p: edit(p, '"capacity_bits": 2048', '"capacity_bits": -1'),
        "least 0, got -1",
    ),
    "beyond floats": ("result.json", lambda p: edit(p, '"count": 1', '"count": 1' + "0" * 400), "less than 10^50"),
    "beyond integers": ("result.json", lambda p: edit(p, '"count": 1', '"count": 1' + "0" * 5000), "too long"),
    "not a number at all": ("result.json", lambda p: edit(p, '"energy_pj": ', '"energy_pj": NaN, "was": '), "finite"),
    "negative cost": ("actions.csv", lambda p: p.write_text(p.read_text() + "fc,GLB,I,read,1,-5\n"), "at least 0"),
    "infinite cost": ("actions.csv", lambda p: p.write_text(p.read_text() + "fc,GLB,I,read,1,1e999\n"), "finite"),
    "no shape": ("architecture.json", lambda p: edit(p, '"X": 14', '"X": 0'), "more than 0"),
    "negative energy": ("architecture.json", lambda p: edit(p, '"read_pj": 200', '"read_pj": -200'), "at least 0"),
    "no levels": ("architecture.json", strip_levels, "must be a memory"),
    "a foreign Einsum": ("result.json", lambda p: edit(p, '"einsum": "fc"', '"einsum": "x"'), "is no Einsum of"),
    "a pipe": ("traffic.csv", lambda p: (p.unlink(), os.mkfifo(p)), "is not a regular file"),
    "a link": ("traffic.csv", lambda p: (p.unlink(), p.symlink_to("/dev/zero")), "is a link, which is not followed"),
    "a linked result": ("result.json", lambda p: (p.unlink(), p.symlink_to("/dev/zero")), "is a link"),
    "a linked input": ("inputs/network.yaml", lambda p: (p.unlink(), p.symlink_to("/etc/hosts")), "is a link"),
    "level type": (
        "architecture.json",
        lambda p: edit(p, '"read_pj": 200', '"read_pj": "cheap"'),
        "a valid number",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_says_which_file(damage, tmp_path):
    name, harm, message = DAMAGE[damage]
    folder = write_run(tmp_path / "run", samples.network_run(layers=3, points=3))
    harm(folder / name)
    with pytest.raises(SpecError) as caught:
        read_run(folder)
    problem = caught.value.problems[0]
    assert problem.file == str(folder / name)
    assert message in problem.message


def test_a_damaged_line_is_numbered(tmp_path):
    folder = write_run(tmp_path / "run", samples.gemm_run())
    path = folder / "latency.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], "Z,GLB,soon", *lines[2:]]) + "\n")
    with pytest.raises(SpecError) as caught:
        read_run(folder)
    assert caught.value.problems[0].line == 3


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_what_is_not_a_run_is_said(place, tmp_path):
    with pytest.raises(SpecError, match="not a run"):
        read_run(tmp_path / place)


def test_a_search_keeps_the_totals_of_each_point():
    run = samples.gemm_run()
    point = MappingPoint(run.mappings[0], run.evaluation)
    result = MapperResult("Z", (point,), Certificate("optimal: proven", "exact", 10, 10, (), 0.1, 0.0))
    search = EinsumSearch.from_result(result)
    assert (search.front[0].energy_pj, search.chosen) == (run.evaluation.energy_pj, 0)
    assert search.front[0].capacity_bits == run.evaluation.capacity_bits == 2048


def test_the_front_keeps_what_nothing_beats():
    costs = [(3, 1), (1, 3), (2, 2), (2, 3), (3, 3), (2, 2)]
    beaten = [any(all(a <= b for a, b in zip(y, x, strict=True)) and y != x for y in costs) for x in costs]
    assert on_front(np.array(costs, dtype=float)).tolist() == [not b for b in beaten]


def test_the_printed_object_is_json_with_units_in_its_keys():
    result = json.loads(json.dumps(result_object(samples.gemm_run())))
    assert {"energy_pj", "latency_cycles", "latency_s", "area_mm2"} <= set(result["totals"])


def test_a_run_knows_its_parts():
    run = samples.network_run(points=2)
    assert run.title == "network on eyeriss_like"
    assert run.mapping_of("fc") is run.mappings[-1]
    assert run.mapping_of("nothing") is None
    assert run.search("fc").einsum == "fc"
    assert isinstance(run.architecture, Architecture)
    with pytest.raises(KeyError):
        run.search("nothing")
    assert isinstance(run, Run)
