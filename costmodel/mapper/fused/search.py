"""The search of the fused nests of a cascade: every group of neighbours, each against what is known without it."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from collections.abc import Mapping as MappingABC

from costmodel.einsum.algebra import Workload
from costmodel.mapper.front import Floats
from costmodel.mapper.fused.fusing import Fusing
from costmodel.mapper.fused.fusion import Fusion
from costmodel.mapper.fused.rounds import Rounds
from costmodel.model.patience import OutOfTimeError
from costmodel.spec.hardware import Architecture
from costmodel.spec.objective import Objective


def fuse(
    workload: Workload,
    architecture: Architecture,
    aim: Objective,
    alone: MappingABC[int, Floats],
    proven: Collection[int],
    constraints: Sequence[str] = (),
    deadline: float | None = None,
    widths: Sequence[int] | None = None,
) -> Fusion:
    """Search all groups of a workload, smaller ones first, and before all those without windows, which take less time.

    ``alone`` has the costs of the front of each Einsum that was mapped by itself, by its place: a group counts where it
    is better than those; ``proven`` are the places where nothing is better. ``widths``: labels of each stage, round by
    round. On Ctrl-C, or when time is up, what was found so far comes back.
    """
    began = time.process_time()
    fusing = Fusing(workload, architecture, aim, constraints, deadline=deadline)
    found = Fusion({}, (), fusing.why)
    able = [g for g in fusing.groups if all(place in alone for place in range(*g.run))]
    costs = {(place, place + 1): front for place, front in alone.items()}
    rounds = Rounds(fusing, able, costs, proven, found, widths)
    try:
        rounds.run()
    except OutOfTimeError:
        found.late = True
    except KeyboardInterrupt:
        found.interrupted = True
    found.bounds = {g.run: rounds.bound(g) for g in able}
    found.evaluated += fusing.labels
    found.cpu_s = time.process_time() - began
    return found
