"""CPU time that may be spent, on machines of any speed."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

NOMINAL_S = 0.06
"""CPU seconds of ``loop`` on the machine that limits were set on."""


def loop() -> float:
    """Return the CPU seconds of steps that make and look up small objects, as what is timed does."""
    began = time.process_time()
    for _ in range(4):
        found = {(i, str(i)): [i] for i in range(20_000)}
        assert all(found[i, str(i)] for i in range(20_000))
    return time.process_time() - began


@contextmanager
def within(cpu_s: float) -> Iterator[None]:
    """Fail if the block takes more CPU time than this; a machine that is slower or shared gets more, in proportion."""
    gc.collect()
    gc.freeze()  # to walk over what earlier tests left is no cost of the block
    try:
        before = loop()
        began = time.process_time()
        yield
        spent = time.process_time() - began
    finally:
        gc.unfreeze()
    allowed = cpu_s * max(1.0, before / NOMINAL_S, loop() / NOMINAL_S)
    assert spent < allowed, f"{spent:.2f} CPU-s, at most {allowed:.2f}"
