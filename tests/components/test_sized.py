"""A machine that the library prices whole: what its sizes do, and what its results carry."""

import csv
import itertools
import json
import math
import re
from dataclasses import asdict
from pathlib import Path

import pytest

import costmodel.api as cm
from costmodel.mapper.result import Status
from costmodel.report.run import DesignPoint
from costmodel.spec.catalog import load_architecture

ROOT = Path(__file__).resolve().parents[2]
SIZES = [16 * 2**n for n in range(7)]


def test_a_buffer_has_a_best_size():
    """Of one layer; all of ResNet-18 is a longer test."""
    least = {
        size: cm.map(
            "eyeriss_v1", "resnet18", objective="energy", einsums=["layer3.0.conv1"], set={"GLB.size": f"{size}KiB"}
        )
        for size in (16, 128, 1024)
    }
    assert least[128].energy_pj < min(least[16].energy_pj, least[1024].energy_pj)
    for small, large in itertools.pairwise(least.values()):
        assert small.area_mm2 < large.area_mm2
        assert small.efficiency.tops_per_mm2 != large.efficiency.tops_per_mm2
        assert small.certificate.status == large.certificate.status == Status.PROVEN


@pytest.mark.long
def test_the_page_tells_what_the_study_finds():
    found = cm.sweep("eyeriss_buffer", jobs=1)
    points = {row["GLB.size"].replace("1024 KiB", "1 MiB"): row for row in found.points.to_dict("records")}
    page = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| \**(\d+ [KM]iB)\** \| \**([\d.]+) mJ\** .*\| ([\d.]+) mm2 \| ([\d.]+) \|$", page, re.MULTILINE
    )
    assert len(rows) == len(points) == len(SIZES)
    for size, mj, mm2, tops in rows:
        assert points[size]["energy_pj"] == pytest.approx(float(mj) * 1e9, rel=1e-3)
        assert points[size]["area_mm2"] == pytest.approx(float(mm2), rel=5e-3)
        assert points[size]["tops_per_mm2"] == pytest.approx(float(tops), rel=5e-3)
    assert min(points, key=lambda size: points[size]["energy_pj"]) == "256 KiB"


def test_twice_the_buffer_costs_more_of_everything():
    for small, large in itertools.pairwise(SIZES):
        one, two = (load_architecture("eyeriss_v1", [f"GLB.size={n}KiB"]).level("GLB") for n in (small, large))
        for name in ("read_pj", "write_pj", "area_mm2", "leakage_w"):
            assert getattr(two, name) > getattr(one, name), (small, name)


def test_results_carry_power_and_operations_for_energy_and_area(tmp_path):
    best = cm.map("eyeriss_v1", "mm64", objective="energy")
    macs, found = 64**3, best.efficiency
    assert found.pj_per_mac == pytest.approx(best.energy_pj / macs)
    assert found.power_w == pytest.approx(best.energy_pj * 1e-12 / best.latency_s)
    assert found.tops_per_w == pytest.approx(2 * macs / best.energy_pj)
    assert found.tops_per_mm2 == pytest.approx(2 * macs / best.latency_s / 1e12 / best.area_mm2)
    again = json.loads((best.save(tmp_path / "run") / "result.json").read_text(encoding="utf-8"))["totals"]
    assert {name: again[name] for name in asdict(found)} == asdict(found)


def test_a_report_names_where_areas_and_leakage_come_from(tmp_path):
    found = cm.evaluate("eyeriss_v1", "alexnet", mapping="eyeriss_row_stationary", einsums=["CONV3"])
    page = cm.report(found, tmp_path / "report.html").read_text(encoding="utf-8")
    for number in ("energy", "area", "leakage"):
        assert f"eyeriss_v1, {number} of GLB" in page
    assert "eyeriss_v1, leakage of MAC" not in page  # not known


def test_what_is_not_modelled_leaves_its_efficiency_out():
    free = {
        "name": "free",
        "levels": [{"memory": "D", "energy": 0}, {"compute": "M", "energy": {"mac": 0, "exp": 0}}],
    }
    nothing = cm.map(free, "mm64").efficiency
    assert (nothing.power_w, nothing.pj_per_mac, nothing.tops_per_w, nothing.tops_per_mm2) == (None,) * 4


def test_designs_carry_them_too(tmp_path):
    study = {
        "arch": "eyeriss_v1",
        "workload": "mm64",
        "objective": "energy",
        "axes": {"GLB.size": ["32 KiB", "64 KiB"]},
    }
    found = cm.sweep(study, jobs=1)
    table = found.points
    assert table["tops_per_mm2"].is_monotonic_decreasing
    assert (table["tops_per_w"] * table["energy_pj"]).tolist() == pytest.approx([2 * 64**3] * 2)
    with (found.save(tmp_path / "run") / "sweep.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [float(row["power_w"]) for row in rows] == table["power_w"].tolist()
    assert DesignPoint(axes={}).tops_per_w is None
    assert all(math.isfinite(value) for value in table["pj_per_mac"])
