"""Sweeps foretold, in parts, and joined."""

import json
from pathlib import Path

import pytest
from commands import run

STUDY = """\
name: tiny
arch: two_level
workload: small.yaml
objective: [energy, latency]
axes: {Buffer.size: [2, 8, 64], MAC.throughput: [1, 2]}
"""
WORKLOAD = 'name: small\nranks: {M: 4, N: 4, K: 4}\neinsums: ["Z[m, n] = A[m, k] * B[k, n]"]\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(WORKLOAD, encoding="utf-8")
    Path("study.yaml").write_text(STUDY, encoding="utf-8")


def sweep(*arguments, **options):
    return run("sweep", "study.yaml", "-q", "--jobs", "1", *arguments, **options)


def test_shards_joined_are_the_whole():
    sweep("--out", "whole")
    for number in (1, 2, 3, 4):
        sweep("--shard", f"{number}/4", "--out", f"part{number}", code=3 if number == 1 else 0)
    assert "no point falls to this part of the study" in sweep("--shard", "1/8", "--out", "part5").stderr
    run("merge", "study.yaml", *(f"part{n}" for n in (4, 2, 5, 3, 1)), "--out", "joined")
    assert Path("joined/sweep.csv").read_bytes() == Path("whole/sweep.csv").read_bytes()


def test_what_shards_lack_is_said_and_done():
    sweep("--out", "whole")
    sweep("--shard", "2/2")
    assert Path("runs/tiny-2of2").is_dir()
    said = run("merge", "study.yaml", "runs/tiny-2of2", "--out", "joined", code=4).stderr
    assert "3 points missing: costmodel sweep study.yaml --out joined goes on with them" in said
    assert "3 points of an earlier run kept" in sweep("--out", "joined").stderr
    assert Path("joined/sweep.csv").read_bytes() == Path("whole/sweep.csv").read_bytes()


@pytest.mark.parametrize("asked", ["0/2", "3/2", "1", "a/b"])
def test_a_shard_is_one_of_some(asked):
    assert "must be i/n with i from 1 to n, such as 2/8" in sweep("--shard", asked, code=2).stderr


def test_what_a_sampler_chooses_has_no_shards():
    said = sweep("--shard", "1/2", "--set", "sampler=tpe", code=1).stderr
    assert "only a grid has shards" in said


def test_points_of_another_study_are_not_joined():
    sweep("--out", "other", "--set", "objective=energy")
    said = run("merge", "study.yaml", "other", "--out", "joined", code=1).stderr
    assert said.startswith("other/points.jsonl: holds no point of this study")
    assert not Path("joined").exists()


def test_a_dry_run_counts_and_writes_nothing():
    (told := json.loads(run("sweep", "study.yaml", "--dry-run", "--json").stdout)).pop("cpu_s")
    counted = {key: told[key] for key in ("points", "known", "broken", "searches", "answered", "sampled")}
    assert counted == {"points": 6, "known": 0, "broken": 0, "searches": 6, "answered": 0, "sampled": 6}
    assert not Path("runs").exists()
    sweep("--shard", "2/2", "--out", "s")
    again = run("sweep", "study.yaml", "--dry-run", "--out", "s").stdout
    assert "points: 6, 3 of them known" in again
    assert "distinct searches: 3, 3 of them answered by earlier runs" in again
    assert "not known before" in run("sweep", "study.yaml", "--dry-run", "--set", "sampler=tpe").stdout
