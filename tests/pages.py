"""Pages of docs/ that are run: files in ```yaml blocks (`# NAME.yaml` on top), commands in ```console blocks."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

from click.testing import CliRunner

from costmodel.cli import app

DOCS = Path(__file__).resolve().parent.parent / "docs"


def script(name: str) -> ModuleType:
    """Load a script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look theirs up
    spec.loader.exec_module(module)
    return module


class Page:
    """A page, the files that it shows, and its commands with what it says that they print (`…`: anything)."""

    def __init__(self, name: str) -> None:
        self.text = (DOCS / name).read_text(encoding="utf-8")
        blocks = re.findall(r"^```(\w+)\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)
        self.files = {re.match(r"# (\w+\.yaml)\n", text)[1]: text for language, text in blocks if language == "yaml"}
        console = "".join(text for language, text in blocks if language == "console")
        self.commands = [part.split("\n", 1) for part in re.split(r"^\$ ", console, flags=re.MULTILINE) if part]

    def write(self, folder: Path) -> Path:
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder


def assert_prints(command: str, shown: str) -> None:
    """Run a command of costmodel in this folder, which must print what is shown."""
    program, *words = shlex.split(command)
    assert program == "costmodel"
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.stderr
    pattern = ".*".join(map(re.escape, shown.strip().split("…")))
    printed = "\n".join(line.rstrip() for line in result.stdout.splitlines()).strip()
    assert re.fullmatch(pattern, printed, re.DOTALL), result.stdout
