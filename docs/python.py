"""Run the code of docs/python.md and write what it shows below: ``python docs/python.py``, or ``make docs-files``."""

# ruff: noqa: INP001  (a script, not a package)

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import tempfile
from pathlib import Path

PAGE = Path(__file__).parent / "python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n.*?^```\n)?", re.DOTALL | re.MULTILINE)


def page(text: str) -> str:
    """The page with every block of code run, one after another, in a folder of its own."""
    names: dict[str, object] = {"__name__": "docs"}
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return BLOCK.sub(lambda found: block(found[1], names), text)
        finally:
            os.chdir(before)


def block(code: str, names: dict[str, object]) -> str:
    """A block, and what it shows: as at a prompt, the value of its last line counts."""
    shown = io.StringIO()
    statements = ast.parse(code).body
    last = statements.pop() if isinstance(statements[-1], ast.Expr) else None
    with contextlib.redirect_stdout(shown):
        exec(compile(ast.Module(statements, []), "python.md", "exec"), names)  # noqa: S102  that is the use of it
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "python.md", "eval"), names)  # noqa: S307  as above
            if value is not None:
                print(repr(value))  # noqa: T201
    lines = [line.rstrip() for line in shown.getvalue().rstrip().splitlines()]
    output = "".join(f"{line}\n" for line in lines)
    return f"```python\n{code}```\n" + (f"\n```text\n{output}```\n" if output else "")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
