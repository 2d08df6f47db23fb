"""Values from files: safe, their shapes checked before their data is read, every mistake named."""

import io
import pickle
import zipfile

import numpy as np
import pytest

import costmodel as cm
from costmodel.execute.given import given_values
from costmodel.execute.saving import save
from costmodel.spec.nonzeros import Nonzeros
from costmodel.spec.problems import SpecError
from costmodel.spec.workload import resolve
from costmodel.spec.workload_spec import WorkloadSpec

PROBLEM = resolve(WorkloadSpec(name="w", ranks={"M": 2, "K": 3}, einsums=["Z[m] = A[m, k] * B[k]"]))
A = np.arange(6).reshape(2, 3)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def given(*files, literals=None, arrays=None, **options):
    return given_values(PROBLEM, literals or {}, arrays or {}, files, **options)


def test_arrays_win_over_files_and_files_over_literals():
    np.save("a.npy", A)
    np.savez("both.npz", A=A + 1, B=np.ones(3), Z=np.zeros(2), UNKNOWN=np.zeros(9))
    found = given("both.npz", "A=a.npy", literals={"A": ((9,) * 3,) * 2, "B": (1, 2, 3)}, arrays={"B": [4, 5, 6]})
    assert found.arrays["A"].tolist() == A.tolist()
    assert found.arrays["B"].tolist() == [4, 5, 6]
    assert found.sources == {"A": "a.npy", "B": "given"}


def test_random_values_depend_on_the_seed_and_the_name_alone():
    first, again, other = (given(seed=seed).arrays for seed in (1, 1, 2))
    assert np.array_equal(first["A"], again["A"])
    assert not np.array_equal(first["A"], other["A"])
    assert np.array_equal(given(arrays={"A": A}, seed=1).arrays["B"], first["B"])
    assert first["A"].dtype == np.int64
    assert given(random="floats").arrays["A"].dtype == np.float64
    assert given(random="floats").sources["A"] == "random numbers from -1 to 1 (seed 0)"


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int8, np.uint64, bool])
def test_any_real_numbers_are_read(kind):
    np.save("a.npy", np.asfortranarray(A % 2).astype(kind))
    found = given("A=a.npy").arrays["A"]
    assert found.dtype == (np.float64 if kind in (np.float16, np.float32) else np.int64)
    assert found.tolist() == (A % 2).tolist()


def test_what_is_saved_is_read_again(folder):
    values = given().arrays
    save(folder / "out.npz", values)
    assert [p.name for p in folder.iterdir()] == ["out.npz"]
    found = given("out.npz", seed=7)
    assert all(np.array_equal(found.arrays[name], array) for name, array in values.items())


def test_a_start_is_given_to_a_recurrence_alone():
    recurrence = resolve(WorkloadSpec(name="w", ranks={"M": 2}, einsums=["S[m + 1] = S[m] + A[m]", "Z[] = S[M]"]))
    assert given_values(recurrence, {}, {"S": [5, 0, 0]}).arrays["S"].tolist() == [5, 0, 0]
    with pytest.raises(SpecError, match=r"values of Z: an Einsum writes it \(values are given to A, S\)"):
        given_values(recurrence, {}, {"Z": 1})


def npy(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def zipped(name, content):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("A=a.npy", npy(A.T), r"a\.npy: values of A have the shape 3 × 2, it needs 2 × 3 \(M, K\)"),
        ("A=a.npy", npy(A.astype(complex)), "a.npy: values of A must be integers or real numbers, got complex128"),
        ("A=a.npy", npy(np.array([[None] * 3] * 2), allow_pickle=True), "must be integers or real numbers, got object"),
        ("A=a.npy", npy(np.full((2, 3), 2**63, np.uint64)), "values of A are beyond 64-bit integers"),
        ("A=a.npy", npy(A)[:-9], r"a\.npy: cannot be read as \.npy: "),
        ("A=a.npy", b"", r"a\.npy: cannot be read as \.npy: "),
        ("A=a.npy", pickle.dumps(A), r"a\.npy: cannot be read as \.npy: "),
        ("Q=a.npy", npy(A), r"a\.npy: no tensor 'Q'"),
        ("a.npz", zipped("A.npy", npy(A[0])), r"a\.npz: A: values of A have the shape 3, it needs 2 × 3"),
        ("a.npz", zipped("C.npy", npy(A)), r"a\.npz: has no array for any tensor: it has C"),
        ("a.npz", b"no archive", r"a\.npz: cannot be read as \.npz: File is not a zip file"),
        ("a.npy", npy(A), r"values 'a\.npy': write NAME=FILE\.npy, or FILE\.npz"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(folder, file, content, message):
    (folder / file.rpartition("=")[2]).write_bytes(content)
    with pytest.raises(SpecError, match=message):
        given(file)


def test_a_header_that_promises_too_much_is_refused_before_its_data_is_read(folder):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**9)})
    (folder / "a.npz").write_bytes(zipped("A.npy", head.getvalue()))
    with pytest.raises(SpecError, match="values of A have the shape 1000000000 × 1000000000"):
        given("a.npz")


def test_tensors_that_take_too_much_room_are_refused():
    large = resolve(WorkloadSpec(name="w", ranks={"M": 10**6, "K": 10**6}, einsums=["Z[m] = A[m, k]"]))
    with pytest.raises(SpecError, match=r"the tensors of w take 7,450\.6 GiB; a run holds 4 GiB \(use smaller ranks"):
        given_values(large, {}, {})


def test_random_values_are_zero_where_the_workload_says_so():
    """Operations with a zero, as they are described beforehand, are those of the run."""
    points = ((0, 1), (1, 0), (1, 2))
    found = given_values(PROBLEM, {}, {}, nonzeros=Nonzeros({"B": 0.5}, {"A": points})).arrays
    assert tuple(zip(*(axis.tolist() for axis in np.nonzero(found["A"])), strict=True)) == points
    assert np.count_nonzero(found["B"]) == 2
    graph = {"name": "g", "ranks": {"S": 4, "D": 4}, "coordinates": {"G": points}, "einsums": ["Z[s] = G[s, d] * X[d]"]}
    graph["values"] = {"X": [1, 1, 1, 1]}
    ran = cm.run(graph)
    assert ran.answer.execution.operations[0].effectual == 3
    assert not cm.run({**graph, "coordinates": {"G": []}})["Z"].any()
