"""The wheel holds the YAML, the templates and the marker for type checkers; what it installs finds them by name."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("arch", "workloads", "studies")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed (it is in the dev extra)")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_package(wheel):
    here = {
        f"{prefix}{path.relative_to(ROOT)}"
        for folder, prefix in (("costmodel", ""), *((name, "costmodel/shipped/") for name in SHIPPED))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == here
    assert {"costmodel/py.typed", "costmodel/shipped/arch/eyeriss_v1.yaml"} <= packed


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run Python on what the wheel holds, alone, from another folder."""
    site, folder = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    zipfile.ZipFile(wheel).extractall(site)

    def run(*arguments):
        # -P keeps the current folder off the path; the environment's packages stay.
        command = [sys.executable, "-P", *arguments]
        environment = {"PYTHONPATH": str(site), "PATH": ""}
        done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
        return done.stdout

    run.site, run.folder = site, folder
    return run


def test_shipped_names_resolve_from_the_wheel_alone(installed):
    code = (
        "import costmodel; from costmodel.spec import catalog;"
        "print(costmodel.__file__); print(catalog.load_architecture('eyeriss_v1').name);"
        "print(len(catalog.load_workload('resnet18').einsums))"
    )
    place, name, layers = installed("-c", code).split()
    assert Path(place).is_relative_to(installed.site)
    assert (name, layers) == ("eyeriss_v1", "21")


def test_the_command_line_works_from_the_wheel_alone(installed):
    assert "  pe2d\n" in installed("-m", "costmodel", "list")
    shown = installed("-m", "costmodel", "map", "pe2d", "mm64", "--out", "run", "--quiet")
    assert "optimal: proven" in shown
    installed("-m", "costmodel", "report", "run", "--out", "page.html")
    assert "mm64 on pe2d" in (installed.folder / "page.html").read_text(encoding="utf-8")


def test_the_api_works_from_the_wheel_alone(installed):
    code = (
        "import costmodel as cm;"
        "best = cm.map('pe2d', 'mm64', objective='edp'); print(cm.__file__); print(best.certificate.status.name);"
        "print(cm.evaluate('two_level', 'mm64', mapping='two_level_output_stationary').energy_pj);"
        "print(cm.report(best, 'api.html'), len(best._repr_html_()) > 1000)"
    )
    place, status, energy, page, shown = installed("-c", code).split()
    assert Path(place).is_relative_to(installed.site)
    assert (status, float(energy), page, shown) == ("PROVEN", 4_202_496.0, "api.html", "True")
    assert (installed.folder / "api.html").stat().st_size > 1_000_000


def test_the_wheel_states_its_licence_and_its_script(wheel):
    archive = zipfile.ZipFile(wheel)
    info = next(name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name)
    assert "costmodel = costmodel.cli:main" in archive.read(f"{info}/entry_points.txt").decode()
    assert f"{info}/licenses/LICENSE" in archive.namelist()
