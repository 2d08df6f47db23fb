"""Advice on ten small runs: every change is asked again by its own command, and the stated gain is the gain."""

import json
import shlex
from pathlib import Path

import pytest
from commands import run

TINY = """\
name: tiny
clock: 500 MHz
word: 8 b
levels:
- {memory: DRAM, energy: 100 pJ, bandwidth: {read: 6 b/cycle, write: 8 b/cycle}}
- {memory: GLB, size: 48 B, energy: 4 pJ, bandwidth: 5 words/cycle}
- {array: PEs, shape: {X: 3, Y: 2}, hop: 0.5 pJ}
- {memory: RF, size: 8 B, energy: 1 pJ, keep: [output, weight]}
- {compute: MAC, energy: 1 pJ}
"""
PRICED = """\
name: priced
technology: 45 nm
word: 8 b
levels:
- {memory: DRAM, component: {class: dram, kind: lpddr4}, bandwidth: 1 GB/s}
- {memory: GLB, size: 1 KiB, component: {class: sram, width: 32 b}}
- {array: PEs, shape: 2, multicast: none, reduce: false}
- {memory: RF, size: 16 B, component: regfile, double_buffered: true}
- {compute: MAC, component: {class: mac, format: int8}}
constraints: ["PEs.X only [m]"]
"""
PLAIN = """\
name: plain
levels:
- {memory: DRAM, energy: 100 pJ, bandwidth: 2}
- {memory: Buffer, size: 40 B, energy: 1 pJ, halo: refetch, overlap: none, bandwidth: 2 words/cycle}
- {compute: MAC, energy: 1 pJ}
"""
GEMM = 'name: gemm\nranks: {M: 8, N: 6, K: 4}\nweights: [B]\neinsums: ["Z[m, n] = A[m, k] * B[k, n]"]\n'
CONV = """\
name: conv
ranks: {M: 4, C: 3, P: 7, R: 3}
einsums: ["O[m, p] = I[c, p + r] * F[m, c, r]"]
"""
TWO = """\
name: two
ranks: {M: 6, N: 4, K: 5, L: 3}
einsums:
- {einsum: "Y[m, n] = A[m, k] * B[k, n]", count: 2}
- {einsum: "Z[m, l] = C[m, n] * D[n, l]", count: 3}
"""
CASCADE = """\
name: cascade
ranks: {M: 4, N: 4, K: 4, L: 2}
weights: [B, D]
einsums: ["Y[m, n] = A[m, k] * B[k, n]", "Z[m, l] = Y[m, n] * D[n, l]"]
"""
NEST = """\
arch: plain
einsum: Z
nest: [store A B Z in DRAM, for m by 2, store A Z in Buffer, for n by 1, store B in Buffer, for k by 1, for m by 1, \
compute Z on MAC]
"""
FILES = {
    "tiny.yaml": TINY,
    "priced.yaml": PRICED,
    "plain.yaml": PLAIN,
    "gemm.yaml": GEMM,
    "conv.yaml": CONV,
    "two.yaml": TWO,
    "cascade.yaml": CASCADE,
    "nest.yaml": NEST,
}
TEN = {
    "gemm": "tiny.yaml gemm.yaml",
    "window": "tiny.yaml conv.yaml --objective latency --constraint 'PEs.X only [m, c]'",
    "components": "priced.yaml gemm.yaml",
    "front": "plain.yaml conv.yaml --objective energy,latency --choose knee --set Buffer.size=64",
    "layers": "tiny.yaml two.yaml --einsum Z --einsum Y --objective ed2p",
    "cascade": "plain.yaml cascade.yaml --objective energy --fuse off",
    "fused": "plain.yaml cascade.yaml --fuse auto --set ranks.M=2 --set ranks.K=2 --set ranks.N=2",
    "sampled": "tiny.yaml gemm.yaml --method random --trials 20 --seed 3 --no-bound",
    "room": "plain.yaml gemm.yaml --objective energy*capacity --tiles multiples --set ranks.M=7",
    "given": "plain.yaml gemm.yaml --mapping nest.yaml",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text, encoding="utf-8")


def typed(command: str, *more: str) -> dict:
    """What a command prints as JSON when it is typed as it stands, searched anew."""
    first, *words = shlex.split(command)
    assert first == "costmodel"
    anew = ("--no-run", "--no-cache", "-q", "--jobs", "1") if words[0] == "map" else ()
    return json.loads(run(*words, *anew, *more, "--json").stdout)


@pytest.mark.parametrize("name", TEN)
def test_the_stated_gain_is_the_gain(name):
    words = shlex.split(TEN[name])
    told = json.loads(run("advise", *words, "-q", "--jobs", "1", "--json").stdout)
    old = typed(shlex.join(["costmodel", "evaluate" if "--mapping" in words else "map", *words]))["totals"]
    assert told["before"]["energy_pj"] == pytest.approx(old["energy_pj"], rel=1e-12)
    assert told["gains"]
    assert told["untried"] == []
    for advice in told["gains"] + told["nothing"]:
        asked = typed(advice["command"])
        new, gain, costs = asked["totals"], advice["gain"], advice["costs"]
        if costs is None:  # a bound said so
            assert advice in told["nothing"]
            assert objective(told, new) >= objective(told, old) * (1 - 1e-9)
            continue
        for key in ("energy_pj", "latency_cycles", "clock_hz", "area_mm2"):
            assert costs[key] == (None if new[key] is None else pytest.approx(new[key], rel=1e-12))
        for measure, key in (("energy", "energy_pj"), ("latency", "latency_s"), ("area", "area_mm2")):
            assert gain[measure] == (None if old[key] is None else pytest.approx(1 - new[key] / old[key], abs=1e-9))
        edps = [totals["energy_pj"] * totals["latency_s"] for totals in (new, old)]
        assert gain["edp"] == pytest.approx(1 - edps[0] / edps[1], abs=1e-9)
        assert gain["objective"] == pytest.approx(1 - objective(told, new) / objective(told, old), abs=1e-9)
        better = gain["objective"] > 1e-9 or (
            gain["objective"] > -1e-9 and max(gain["energy"], gain["area"] or 0) > 1e-9
        )
        assert better == (advice in told["gains"])
        if asked["certificate"] is not None:
            assert advice["proven"] == (asked["certificate"]["status"] == "optimal: proven")


def objective(told: dict, totals: dict) -> float:
    """The objective, with latency in seconds."""
    powers = {"edp": (1, 1, 0), "energy": (1, 0, 0), "latency": (0, 1, 0), "ed2p": (1, 2, 0)}
    powers["energy*capacity"] = (1, 0, 1)
    energy, latency, room = powers[told["objective"]]
    return totals["energy_pj"] ** energy * totals["latency_s"] ** latency * totals["capacity_bits"] ** room
