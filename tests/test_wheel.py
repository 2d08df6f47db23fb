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


def test_shipped_names_resolve_from_the_wheel_alone(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import costmodel; from costmodel.spec import catalog;"
        "print(costmodel.__file__); print(catalog.load_architecture('eyeriss_v1').name);"
        "print(len(catalog.load_workload('resnet18').einsums))"
    )
    # -P keeps the current folder off the path; the environment's packages stay.
    run = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    place, name, layers = run.stdout.split()
    assert Path(place).is_relative_to(tmp_path)
    assert (name, layers) == ("eyeriss_v1", "21")


def test_the_wheel_states_its_licence_and_its_script(wheel):
    archive = zipfile.ZipFile(wheel)
    info = next(name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name)
    assert "costmodel = costmodel.cli:main" in archive.read(f"{info}/entry_points.txt").decode()
    assert f"{info}/licenses/LICENSE" in archive.namelist()
