"""The door of the peers: which tools there are, and how their files are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

from costmodel.importing.peers.imported import Imported, checked
from costmodel.spec.problems import Problem, SpecError, did_you_mean

TOOLS = {
    "timeloop": "costmodel.importing.peers.timeloop.reader",
    "accelforge": "costmodel.importing.peers.accelforge.reader",
    "zigzag": "costmodel.importing.peers.zigzag.reader",
    "scalesim": "costmodel.importing.peers.scalesim",
}
"""Tools, and the module that reads the files of each."""


class PeerReader(Protocol):
    """What reads the files of one tool."""

    def __call__(
        self, files: Sequence[Path], *, values: Mapping[str, str] | None = None, free: bool = False
    ) -> Imported:
        """Read files. Raises SpecError with all that is wrong."""
        ...


def read_peer(
    tool: str, files: Sequence[str | Path], *, values: Mapping[str, str] | None = None, free: bool = False
) -> Imported:
    """Read the architecture, workload and mapping of another tool.

    ``values`` are those of names in templates. With ``free``, what no file prices costs nothing; else the component
    library prices it. Raises SpecError with all that is wrong.
    """
    if tool not in TOOLS:
        raise SpecError([Problem(f"no such tool: {tool!r}", hint=did_you_mean(tool, list(TOOLS)))])
    if not files:
        raise SpecError(
            [Problem("no file is given", hint=f"files of {tool}: those of its architecture, workload, mapping")]
        )
    reader: PeerReader = import_module(TOOLS[tool]).read
    return checked(reader([Path(file) for file in files], values=values, free=free))
