"""A study is checked with the files that it names; every problem has a place."""

from pathlib import Path

import pytest

from costmodel.spec.catalog import load_study
from costmodel.spec.load import read
from costmodel.spec.problems import SpecError

GEMM = "name: g\nranks: {M: 4, N: 4, K: 4}\neinsums:\n- {einsum: 'Z[m, n] = A[m, k] * B[k, n]', weights: [B]}\n"
ARCH = (
    "name: a\nlevels:\n- {memory: D, energy: 1}\n- {memory: GLB, size: 1 KiB, energy: 1}\n- {compute: C, energy: 1}\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("gemm.yaml").write_text(GEMM)
    Path("arch.yaml").write_text(ARCH)


def problems(**keys):
    study = {"arch": "arch.yaml", "workload": "gemm.yaml", "objective": "energy"} | keys
    Path("study.yaml").write_text("".join(f"{key}: {value}\n" for key, value in study.items()))
    try:
        load_study("study.yaml")
    except SpecError as error:
        return [f"{p.file}:{p.line}:{p.column}: {p.message}" for p in error.problems]
    return []


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({}, []),
        ({"einsums": "Z"}, []),
        ({"arch": "gemm.yaml"}, ["study.yaml:1:7: gemm.yaml is a file of another kind: workload, not architecture"]),
        (
            {"workload": "[gemm.yaml, arch.yaml]"},
            ["study.yaml:2:23: arch.yaml is a file of another kind: architecture, not workload"],
        ),
        ({"einsums": "[Z, Nope]"}, ["study.yaml:4:14: gemm.yaml has no Einsum 'Nope'"]),
        ({"einsums": "Nope"}, ["study.yaml:4:10: gemm.yaml has no Einsum 'Nope'"]),
        ({"workload": "[gemm.yaml, mm64]", "einsums": "[Y]"}, 2),
        ({"arch": "text.yaml"}, 1),
    ],
)
def test_what_a_study_names_is_what_it_takes_it_for(keys, found):
    Path("text.yaml").write_text("only text\n")
    said = problems(**keys)
    assert (len(said) if isinstance(found, int) else said) == found
    assert all(text.startswith("study.yaml:") for text in said)


def test_what_is_wrong_in_a_file_that_a_study_names_is_said_with_its_place_there():
    Path("arch.yaml").write_text(ARCH.replace("size: 1 KiB", "sise: 1 KiB"))
    assert [text[:18] for text in problems()] == ["arch.yaml:4:17: no"]
    assert len(problems(axes="{GLB.bandwidth: [1 B/s, 2 B/s]}")) == 1  # once, not for every value


def test_what_an_axis_or_an_override_puts_right_is_right():
    Path("arch.yaml").write_text(ARCH.replace("1 KiB", "never"))
    assert len(problems()) == 1
    assert problems(set="{GLB.size: 1 KiB}") == []
    assert problems(axes="{GLB.size: [1 KiB, 2 KiB]}") == []


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", (1, 1)),
        (b"# a comment\n", (1, 1)),
        (b"name: x\nfoo: \0bar", (2, 6)),
        ("é: é\nfoo: é\x01bar".encode(), (2, 7)),
        ("é: é\nfoo: é\ufffe".encode(), (2, 7)),
        ("é: é\nfoo: é".encode() + b"\xff", (2, 7)),
        (b"\xef\xbb\xbfname: \xff", (1, 7)),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_place(content, place):
    Path("bad.yaml").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read(Path("bad.yaml"))
    assert [(p.line, p.column) for p in caught.value.problems] == [place]
