"""The catalog: references, kinds of files, and how cheap it is to ask."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from timing import within

from costmodel.spec import catalog
from costmodel.spec.hardware import Architecture
from costmodel.spec.load import parse, read
from costmodel.spec.problems import SpecError

ROOT = Path(__file__).resolve().parents[2]
ARCH = "name: mine\nlevels:\n- {memory: D, energy: 1}\n- {compute: M, energy: 1}\n"


def problem_of(load, *args, **kwargs):
    with pytest.raises(SpecError) as caught:
        load(*args, **kwargs)
    (problem,) = caught.value.problems
    return str(problem)


def test_shipped_files_are_listed_by_kind():
    shipped = catalog.shipped()
    assert list(shipped) == ["arch", "workload", "mapping", "study"]
    assert "eyeriss_v1" in shipped["arch"]
    assert "resnet18" in shipped["workload"]
    assert all(names == sorted(names) for names in shipped.values())


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, names in catalog.shipped().items() for n in names])
def test_every_shipped_file_loads_as_its_kind(kind, name):
    assert catalog.kind_of(read(catalog.find(name, kind))) == kind
    assert catalog.load(catalog.find(name, kind))[0] == kind


def test_a_shipped_name_is_of_one_kind():
    """`costmodel show NAME` shows one of them."""
    names = Counter(name for names in catalog.shipped().values() for name in names)
    assert [name for name, kinds in names.items() if kinds > 1] == []


def test_a_name_is_a_shipped_file():
    assert catalog.find("eyeriss_v1") == catalog.shipped_root() / "arch" / "eyeriss_v1.yaml"
    assert catalog.load_architecture("eyeriss_v1").name == "eyeriss_v1"


def test_a_shipped_name_wins_over_a_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "eyeriss_v1").write_text(ARCH)
    assert catalog.load_architecture("eyeriss_v1").name == "eyeriss_v1"
    assert catalog.load_architecture("./eyeriss_v1").name == "mine"


def test_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(ARCH)
    (tmp_path / "plain").write_text(ARCH)
    for ref in ("mine.yaml", "./mine.yaml", "plain", tmp_path / "mine.yaml", Path("mine.yaml"), Path("plain")):
        assert catalog.load_architecture(ref).name == "mine"


def test_a_reference_is_tried_beside_the_file_that_holds_it(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "mine.yaml").write_text(ARCH)
    monkeypatch.chdir(tmp_path)
    near = tmp_path / "sub" / "study.yaml"
    assert catalog.find("mine.yaml", "arch", near=near) == tmp_path / "sub" / "mine.yaml"
    assert catalog.load_architecture("mine.yaml", near=near).name == "mine"


def test_a_document_is_a_reference():
    assert isinstance(catalog.load_architecture(parse(ARCH)), Architecture)


@pytest.mark.parametrize(
    ("ref", "kind", "problem"),
    [
        ("eyeris_v1", "arch", "no architecture or path is called 'eyeris_v1' (did you mean 'eyeriss_v1'?)"),
        ("resnet81", "workload", "no workload or path is called 'resnet81' (did you mean 'resnet18'?)"),
        ("resnet18", "arch", "no architecture or path is called 'resnet18'"),
        ("eyeris_v1", None, "no shipped file or path is called 'eyeris_v1' (did you mean 'eyeriss_v1'?)"),
        ("", "arch", "no architecture or path is called ''"),
    ],
)
def test_names_that_nothing_has(ref, kind, problem):
    assert problem in problem_of(catalog.find, ref, kind)


def test_a_missing_path_is_told_by_the_reader(tmp_path):
    assert problem_of(catalog.load_architecture, tmp_path / "a.yaml").endswith("a.yaml: no such file")
    assert "is a folder" in problem_of(catalog.load_architecture, tmp_path)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("levels: []", "arch"),
        ("einsums: []", "workload"),
        ("nest: []", "mapping"),
        ("mappings: []", "mapping"),
        ("arch: a\nworkload: b", "study"),
        ("arch: a\nworkload: b\nnest: []", "mapping"),
        ("axes: {}", "study"),
        ("name: a\nlevles: []", "arch"),
        ("name: a\neinsum: []", "workload"),
        ("arch: a\nobjectve: edp", "study"),
    ],
)
def test_kinds_are_told_by_keys(text, kind):
    assert catalog.kind_of(parse(text)) == kind


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: a", "cannot tell what this file is (it needs one of `levels:`"),
        ("hello, world", "a spec is a map of keys, got 'hello, world'"),
        ("- a", "a spec is a map of keys, got a list"),
        ("null", "a spec is a map of keys, got nothing"),
    ],
)
def test_files_of_no_kind(text, problem):
    assert problem in problem_of(catalog.load, parse(text))


def test_a_file_of_the_wrong_kind_is_refused():
    with pytest.raises(SpecError, match="required key 'einsums' is missing"):
        catalog.load_workload(parse(ARCH))
    with pytest.raises(SpecError, match="a mapping file is a map"):
        catalog.load_mappings(parse("- for m by 1"))


def test_problems_have_the_file_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(ARCH + "clokc: 3\n")
    assert problem_of(catalog.load, "mine.yaml").startswith("mine.yaml:5:1: $.clokc: ")


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


HEAVY = {"numpy", "pandas", "plotly", "optuna", "rich", "jinja2"}


def modules_after(code):
    return set(run(f"import sys; from costmodel.spec import catalog; {code}; print(*sys.modules)").split())


def test_importing_the_catalog_loads_nothing_heavy():
    assert not modules_after("0") & {*HEAVY, "pydantic", "yaml"}


def test_checking_files_loads_nothing_heavy():
    assert not modules_after("catalog.load('eyeriss_v1'); catalog.load('resnet18')") & HEAVY


def long_file(kind):
    """About 4,000 lines."""
    if kind == "arch":
        level = "- memory: L{}\n  size: 3 KiB\n  energy: {{read: 1 pJ, write: 2}}\n  keep: [input]\n  area: 3 um2\n"
        levels = "".join(level.format(i) for i in range(799))
        return f"name: a\nlevels:\n- {{memory: D, energy: 1}}\n{levels}- {{compute: M, energy: 1}}\n"
    if kind == "mapping":
        nest = "  - store A B Z in DRAM\n" + "  - for m by 1\n" * 6 + "  - compute Z on M\n"
        return "mappings:\n" + "".join(f"- einsum: E{i}\n  nest:\n{nest}" for i in range(400))
    if kind == "workload":
        layer = "- einsum: O{}[m, p] = I{}[c, p + r] * F{}[m, c, r]\n  name: layer{}\n  ranks:\n    M: 64\n    P: {}\n"
        return "name: w\nranks: {C: 3, R: 3}\neinsums:\n" + "".join(layer.format(*[i] * 4, i + 8) for i in range(800))
    values = "".join(f"  - {i + 1} words\n" for i in range(3990))
    return f"arch: two_level\nworkload: mm64\naxes:\n  Buffer.size:\n{values}"


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_4000_lines_are_checked_within_a_second(kind, tmp_path):
    path = tmp_path / "long.yaml"
    path.write_text(long_file(kind))
    assert 3900 < long_file(kind).count("\n") < 4450
    assert catalog.load(path)[0] == kind  # once before: what is imported is no cost of the file
    with within(1):
        catalog.load(path)
