"""What a run is said to be bound by, what its peak is lost to, and what crosses a boundary more than once."""

import re
from dataclasses import replace

import pytest
from report import samples

import costmodel as cm
from costmodel.report import reasons
from costmodel.report.page.run import render
from costmodel.report.read import read_run
from costmodel.report.verdict import verdict
from costmodel.report.write import csv_files, write_run

RATES = {"read": "512 b/cycle", "write": "64 b/cycle"}
GLB = {"memory": "GLB", "size": "4 KiB", "energy": "6 pJ", "bandwidth": RATES}
ARCH = {
    "name": "small",
    "clock": "1 GHz",
    "word": "8 b",
    "levels": [
        {"memory": "DRAM", "energy": "200 pJ", "bandwidth": "8 b/cycle"},
        GLB,
        {"array": "PEs", "shape": {"X": 14, "Y": 12}},
        {"memory": "RF", "size": "64 B", "energy": "1 pJ"},
        {"compute": "MAC", "energy": "1 pJ"},
    ],
}
WORK = {"name": "gemm", "ranks": {"M": 64, "N": 12, "K": 16}, "einsums": ["Z[m, n] = A[m, k] * B[k, n]"]}
NEST = {
    "arch": "small",
    "einsum": "Z",
    "nest": [
        "store A B Z in DRAM",
        "for m by 32",
        "store A B Z in GLB",
        "for n by 3",
        "for k by 8",
        "parallel m by 4 across PEs.X",
        "parallel n by 1 across PEs.Y",
        "store A B Z in RF",
        "for m by 1",
        "for k by 1",
        "compute Z on MAC",
    ],
}


@pytest.fixture(scope="module")
def run():
    return cm.evaluate(ARCH, WORK, mapping=NEST).run


def test_what_the_peak_is_lost_to_sums_to_all_of_the_time(run):
    """8 of 14 and 3 of 12 instances work: (1 − 24/168) of the time at work is lost; the rest waits for a port."""
    e = run.evaluation
    asked = reasons.question(run)
    shares = {s.kind: s for s in reasons.where_the_peak_goes(asked, ["Z"])}
    assert set(shares) == {"useful", "idle", "waits"}
    assert shares["useful"].share == pytest.approx(e.utilisation, rel=1e-12)
    assert sum(s.cycles for s in shares.values()) == pytest.approx(e.latency_cycles)
    computing = 64 * 12 * 16 / 24
    assert shares["idle"].cycles == pytest.approx(computing * (1 - 24 / 168))
    assert shares["waits"].cycles == pytest.approx(e.latency_cycles - computing)
    assert shares["waits"].where == e.bottlenecks["Z"]
    assert shares["idle"].text == (
        "24 of 168 MAC at work: 8 of 14 along PEs.X (m is 32, which 14 does not divide); "
        "3 of 12 along PEs.Y (n is only 3)"
    )


def test_what_comes_back_comes_as_often_as_its_words_say(run):
    """A lacks n: from the GLB each of its tiles comes once for each of 4 steps of n."""
    e, asked = run.evaluation, reasons.question(run)
    told = {(r.tensor, r.parent): r for r in (x.returning for x in reasons.what_comes_back(asked, ["Z"], {}))}
    assert (told["A", "GLB"].times, told["A", "GLB"].loops) == (4, (("for n by 3", 4),))
    assert e.words("GLB", "A", "read") == 4 * 64 * 16
    assert ("A", "DRAM") not in told  # once: m moves it
    assert str(told["A", "GLB"]) == "A comes from GLB to RF 4 times: `for n by 3`"


def test_the_verdict_names_the_port_the_peak_and_the_proof(run):
    assert verdict(run) == "Bound by DRAM bandwidth, 3.69 % of the peak; 76.8 % of the energy is DRAM."
    for read, write, port in ((512, 2, "GLB write bandwidth"), (2, 512, "GLB → PEs bandwidth")):
        glb = {**GLB, "bandwidth": {"read": f"{read} b/cycle", "write": f"{write} b/cycle"}}
        levels = [{**ARCH["levels"][0], "bandwidth": "4096 b/cycle"}, glb, *ARCH["levels"][2:]]
        assert verdict(cm.evaluate({**ARCH, "levels": levels}, WORK, mapping=NEST).run).startswith(f"Bound by {port}, ")
    network = samples.network_run(layers=4, points=2)
    assert verdict(network).endswith("; the best found, without a proof.")
    gap = replace(network, certificate=network.searches[1].certificate)
    assert verdict(gap).endswith("; within 3.1 % of the optimum.")


def test_the_page_derives_its_numbers_copies_its_mapping_and_holds_its_tables(run, tmp_path):
    page = render(read_run(write_run(tmp_path / "run", run)))
    derived = dict(re.findall(r'<template data-of="([^"]*)">([^<]*)</template>', page))
    assert set(re.findall(r'data-ask="([^"]*)"', page)) <= set(derived)
    assert derived["GLB.read.A"].startswith("GLB.read.A = 128 tiles × 32 words = 4,096 words\n")
    assert "- for n by 3\n" in re.findall(r'data-copy="(arch: small[^"]*)"', page)[0]
    assert sorted(re.findall(r'download="([^"]*)"', page)) == sorted(csv_files(run))
    assert "PEs: 24 of 168 at work" in page


def test_a_baseline_says_how_totals_differ(run):
    slower = cm.evaluate({**ARCH, "clock": "500 MHz"}, WORK, mapping=NEST).run
    page = render(slower, run)
    changes = re.findall(r"<h2>([^<]*)</h2><p[^>]*>[^<]*</p><p class=\"change\">([^<]*)</p>", page)
    assert dict(changes) == {
        "Energy": "as the baseline",
        "Latency": "+100 %",
        "EDP": "+100 %",
        "Utilisation": "as the baseline",
        "pJ per MAC": "as the baseline",
        "Power": "−50 %",
        "TOPS/W": "as the baseline",
    }


def test_the_ski_slope_is_on_the_page_and_says_what_the_size_costs(run):
    page = render(run)
    (caption,) = re.findall(r'id="slope-card">\s*<figcaption><h3>[^<]*</h3><p>([^<]*)</p>', page)
    words = run.evaluation.words("DRAM", "A", "read") + run.evaluation.words("DRAM", "B", "read")
    words += run.evaluation.words("DRAM", "Z", "read", "update")
    assert caption.startswith(
        f"This mapping moves {words:,} words across DRAM. With all tensors in one GLB of 4 KiB, 1,984 "
    )
    assert "have to: 1 × what is compulsory" in caption  # A 1,024, B 192 and Z 768 words fit
