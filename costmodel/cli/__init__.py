"""The command line: arguments in, text out. Data goes to stdout, talk to stderr."""

from costmodel.cli.frame import app, main

__all__ = ["app", "main"]
