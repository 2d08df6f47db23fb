"""The environment of the commands is the one that was tested: everything is pinned, with hashes."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def wanted(*extras: str) -> set[str]:
    """The packages that the project names, with those of the extras that these extras name themselves."""
    lines = [*PROJECT["dependencies"], *(x for extra in extras for x in PROJECT["optional-dependencies"][extra])]
    own = [line for line in lines if line.startswith("costmodel[")]
    inner = wanted(*(extra for line in own for extra in line[len("costmodel[") : -1].split(","))) if own else set()
    return inner | {re.split(r"[<>=! \[]", line)[0].lower().replace("_", "-") for line in lines if line not in own}


def pinned(name: str) -> dict[str, list[str]]:
    """Package → hashes of a lock."""
    blocks = re.split(r"\n(?=\w)", (ROOT / "locks" / name).read_text(encoding="utf-8"))
    lines = [block for block in blocks if re.match(r"[\w.-]+==", block)]
    return {block.split("==")[0]: re.findall(r"--hash=sha256:[0-9a-f]{64}", block) for block in lines}


@pytest.mark.parametrize(("name", "extras"), [("user.txt", ("build",)), ("dev.txt", ("build", "dev"))])
def test_every_package_is_pinned_with_hashes(name, extras):
    found = pinned(name)
    assert wanted(*extras) <= set(found)
    assert all(found.values())


def test_the_commands_install_from_the_locks_alone():
    recipes = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target, lock in (("user", "user.txt"), ("dev", "dev.txt")):
        recipe = recipes.split(f"$(VENV)/{target}: locks/{lock}")[1].split("\n\n")[0]
        assert f"--require-hashes --requirement locks/{lock}" in recipe
        assert "--no-deps" in recipe
