"""Files of other tools without the terminal."""

from __future__ import annotations

from pathlib import Path

from costmodel.api.inputs import Settings, texts_of
from costmodel.importing.peers.imported import Imported
from costmodel.importing.peers.reading import read_peer


def import_from(tool: str, *files: str | Path, set: Settings | None = None, free: bool = False) -> Imported:
    """Read the architecture, workload and mapping of another tool: ``evaluate`` takes them as they are.

    ``tool`` is ``timeloop``, ``accelforge``, ``zigzag`` or ``scalesim``; ``set`` gives values to names in templates;
    with ``free``, what no file prices costs nothing. ``.notes`` of what is returned names what has no counterpart.
    Raises SpecError.
    """
    pairs = (text.partition("=") for text in texts_of(set))
    return read_peer(tool, files, values={name.strip(): value for name, _, value in pairs}, free=free)
