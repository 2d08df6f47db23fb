"""`import costmodel`: few names, loaded when they are used, and nothing else."""

import json
import subprocess
import sys

import pytest

import costmodel
from costmodel import api

NAMES = [
    "load_arch",
    "load_workload",
    "load_mapping",
    "evaluate",
    "map",
    "sweep",
    "explain",
    "report",
    "run",
    "trace",
]


def run(code, **options):
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, **options)
    return json.loads(found.stdout)


def test_the_names_are_these():
    assert sorted(dir(costmodel)) == sorted([*NAMES, "__version__"]) == sorted(costmodel.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_a_function_of_the_api(name):
    assert getattr(costmodel, name) is getattr(api, name)


def test_no_other_name_is_there():
    with pytest.raises(AttributeError, match="'costmodel' has no attribute 'mapp'"):
        costmodel.mapp  # noqa: B018  asking is the test


def test_importing_the_package_loads_nothing_else():
    code = (
        "import json, sys; before = set(sys.modules); import costmodel;"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert run(code) == ["costmodel"]


def test_importing_the_package_takes_no_time():
    code = (
        "import json, time; began = time.process_time(); import costmodel;"
        "print(json.dumps(time.process_time() - began))"
    )
    assert min(run(code) for _ in range(3)) < 0.02


@pytest.mark.parametrize(
    "first",
    [
        "from costmodel.report import human; from costmodel.sweep import designs",
        "",
    ],
)
def test_report_and_sweep_are_functions_whatever_was_imported_before(first):
    code = f"{first}\nimport json, costmodel as cm; print(json.dumps([callable(cm.report), callable(cm.sweep)]))"
    assert run(code) == [True, True]


def test_from_imports_of_the_subpackages_go_on_to_work():
    code = (
        "import json, costmodel as cm; cm.report; from costmodel.report import human; "
        "import importlib; importlib.import_module('costmodel.sweep.designs'); print(json.dumps(human.__name__))"
    )
    assert run(code) == "costmodel.report.human"


def test_a_script_without_a_guard_may_search_with_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import costmodel as cm\n"
        "layers = ['Y[m, n] = A[m, k] * B[k, n]', 'Z[m, p] = Y[m, n] * C[n, p]']\n"
        "workload = {'name': 'two', 'ranks': {'M': 4, 'N': 6, 'K': 8, 'P': 10}, 'einsums': layers}\n"
        "print(cm.map('two_level', workload, jobs=2).certificate)\n"
    )
    found = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (found.stdout, found.stderr, found.returncode) == ("optimal: proven\n", "", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["script.py"]
