"""Values to a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from costmodel.execute.arrays import Arrays


def save(path: Path, arrays: Arrays) -> Path:
    """Write an ``.npz`` with an array for each tensor, which a later run can read; it takes its place when whole."""
    named: dict[str, Any] = dict(arrays)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as stream:
            np.savez(stream, **named)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    return path
