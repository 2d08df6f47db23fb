"""Programs of nests: they run, and compute what the nest computes in its order."""

import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from strategies import nest_of, random_case

from costmodel.cli import app
from costmodel.einsum.functions import FUNCTIONS
from costmodel.execute.execution import execute
from costmodel.execute.nest_order import schedules_of
from costmodel.listing.expressions import PYTHON, C
from costmodel.listing.program import program
from costmodel.spec import catalog
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import NestMarks

COMPILER = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def workload_of(*einsums, pad=None, **ranks):
    padding = {} if pad is None else {"pad": pad}
    return catalog.load_workload({"name": "w", "ranks": ranks, **padding, "einsums": list(einsums)})


def values_of(workload):
    """What programs compute on as they stand."""
    tensors = {t.name: t for e in workload.einsums for t in e.tensors.values()}
    written = {e.output.tensor for e in workload.einsums}
    given = [t for t in tensors.values() if t.name not in written]
    return {
        t.name: np.array([1 + (7 * i + place) % 5 for i in range(math.prod(t.shape))]).reshape(t.shape)
        for place, t in enumerate(given)
    }


def expected(workload, mapping):
    schedules = schedules_of(((mapping, NestMarks()),), workload)
    return execute(workload, values_of(workload), engine="plain", schedules=schedules)


def run_python(text, workload):
    names = {}
    exec(compile(text, "nest.py", "exec"), names)
    return names["run"](*(array.tolist() if array.shape else [array.item()] for array in values_of(workload).values()))


def printed(arrays, workload):
    """What a program prints."""
    written = {e.output.tensor for e in workload.einsums}
    tensors = dict.fromkeys(t for e in workload.einsums for t in e.tensors if t in written)
    return "".join(f"{name} {' '.join(f'{x:g}' for x in arrays[name].ravel().tolist())}\n" for name in tensors)


def run_c(text, folder):
    (folder / "nest.c").write_text(text)
    command = [COMPILER, "-O1", "-Wall", "-Werror", "-o", folder / "nest", folder / "nest.c", "-lm"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return subprocess.run([folder / "nest"], check=True, capture_output=True, text=True).stdout


def test_python_computes_what_the_nest_computes():
    for seed in range(2_000, 2_150):
        case = random_case(seed)
        text = program("python", [case.mapping], case.workload)
        found, right = run_python(text, case.workload), expected(case.workload, case.mapping)
        for name, words in found.items():
            assert np.array_equal(np.array(words).reshape(right[name].shape), right[name]), f"{seed}\n{text}"


@pytest.mark.skipif(COMPILER is None, reason="no C compiler on this machine")
def test_c_computes_what_the_nest_computes(tmp_path):
    for seed in range(3_000, 3_012):
        case = random_case(seed)
        text = program("c", [case.mapping], case.workload)
        assert run_c(text, tmp_path) == printed(expected(case.workload, case.mapping), case.workload), seed


CASES = {
    "bias": (
        workload_of("O[m] = B[m] + I[k] * F[m, k]", M=5, K=4),
        "store B I F O in M\nfor m by 2\nfor k by 3\nfor m by 1\nfor k by 1\ncompute O on MAC",
    ),
    "padding": (
        workload_of("O[p] = I[H=p + r - 1] * F[r]", pad="zero", H=5, P=5, R=3),
        "store I F O in M\nfor r by 1\nfor p by 2\nfor p by 1\ncompute O on MAC",
    ),
    "maximum": (
        workload_of("O[p] max= I[p + r] - 9", P=4, R=3),
        "store I O in M\nfor r by 1\nfor p by 1\ncompute O on MAC",
    ),
    "functions": (
        workload_of("O[m] = exp(A[m] / 4) + max(A[m], B[m], 2) - 2 * (B[m] - sigmoid(-A[m]))", M=4),
        "store A B O in M\nfor m by 1\ncompute O on MAC",
    ),
    "choices": (
        workload_of(
            "O[m] = where(less(A[m], B[m]), A[m], -3) + equal(A[m], B[m]) + sign(round(B[m] / 4))",
            M=4,
        ),
        "store A B O in M\nfor m by 1\ncompute O on MAC",
    ),
    "recurrence": (
        workload_of("R[i + 1, p] = max(R[i, p], A[i, p])", I=3, P=2),
        "store A R in M\nfor i by 1\nfor p by 1\ncompute R on MAC",
    ),
    "names": (
        workload_of("INFINITY[if] = None[if] * True[if, in]", IF=3, IN=2),
        "store INFINITY None True in M\nfor in by 1\nfor if by 1\ncompute INFINITY on MAC",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_programs_of_uncommon_einsums(name, tmp_path):
    workload, nest = CASES[name]
    mapping = Mapping(nest_of(nest))
    right = expected(workload, mapping)
    (tmp_path / "nest.py").write_text(program("python", [mapping], workload))
    result = subprocess.run([sys.executable, tmp_path / "nest.py"], check=True, capture_output=True, text=True)
    assert result.stdout == printed(right, workload)
    if COMPILER is not None:
        assert run_c(program("c", [mapping], workload), tmp_path) == result.stdout


def test_every_function_has_a_form_in_every_language():
    assert [name for name in FUNCTIONS if not (PYTHON[name] and C[name])] == []


def test_loops_end_where_tiles_are_cut_off():
    workload = workload_of("Z[m] = A[m] * B[m]", M=10)
    mapping = Mapping(nest_of("store A B Z in D\nfor m by 4\nfor m by 3\nfor m by 1\ncompute Z on MAC"))
    text = program("python", [mapping], workload)
    assert "for m2 in range(0, 10, 4):" in text
    assert "for m1 in range(m2, min(m2 + 4, 10), 3):" in text
    assert "for m in range(m1, min(m1 + 3, m2 + 4, 10)):" in text


@pytest.mark.parametrize("form", ["python", "c"])
def test_the_command_prints_a_program(form):
    result = CliRunner().invoke(app, ["show", "two_level_output_stationary", "--as", form])
    assert result.exit_code == 0
    assert "Z[m][n] += A[m][k] * B[k][n]" in result.stdout


def test_a_program_needs_the_workload(tmp_path):
    (tmp_path / "nest.yaml").write_text("nest: [store A Z in DRAM, for m by 1, compute Z on MAC]")
    result = CliRunner().invoke(app, ["show", str(tmp_path / "nest.yaml"), "--as", "c"])
    assert result.exit_code == 1
    assert "--as c needs the workload that the mapping is for (name it: --workload NAME)" in result.stderr
    assert CliRunner().invoke(app, ["show", "mm64", "--as", "c"]).exit_code == 2
