"""docs/python.md: every block of code runs, and what stands below it is what it shows."""

import re
from pathlib import Path

from pages import script

import costmodel

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def written_anew():
    return script("python").page(PAGE)


def test_every_block_runs_and_shows_what_the_page_says():
    assert PAGE.count("```python") > 10
    assert written_anew() == PAGE, "run `make docs-files`"


def test_the_page_has_every_function():
    functions = [name for name in costmodel.__all__ if name != "__version__"]
    assert [name for name in functions if not re.search(rf"\bcm\.{name}\(|`{name}`", PAGE)] == []


def test_the_lines_of_the_readme_run(tmp_path, monkeypatch):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    assert len(block.splitlines()) == 5
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(block, names)
    assert (tmp_path / "report.html").stat().st_size > 100_000
    assert str(names["best"].certificate) == "optimal: proven"
