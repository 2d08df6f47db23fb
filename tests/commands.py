"""A command of the command line as a test gives it."""

from __future__ import annotations

from click.testing import CliRunner, Result

from costmodel.cli import app


def run(*arguments: object, code: int = 0) -> Result:
    """Run a command in this process; it must end with ``code`` and without a traceback."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, f"{result.exit_code}\n{result.stdout}\n{result.stderr}"
    assert "Traceback" not in result.output
    return result
