"""The walk: run a nest point by point and count every word that moves. Slow, plain, and the definition.

Nothing here is computed in closed form. Loops are loops, tiles are Python sets of coordinates, every instance of every
storage node keeps the set it holds, and a count is the size of a set that moved. ``docs/counting.md`` says what is
counted; this package says it again in a form that runs. It shares no formula with the fast model, which must give
the same integers (``tests/model/test_against_walk.py``).

How to read it: ``Run.run`` executes the nest, ``Run.take_tiles`` moves words in and out of one storage node,
``Run.compute`` performs one step of one Einsum, ``Run.deliver`` and ``Run.collect`` cross the arrays. A
``Watcher`` is told of all of it as it happens. What is counted is summed up in ``result.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from costmodel.model.walk.result import result
from costmodel.model.walk.run import Run
from costmodel.model.walk.watcher import Watcher
from costmodel.spec.mapping import einsums_in

if TYPE_CHECKING:
    from costmodel.einsum.algebra import Workload
    from costmodel.model.walk.counted import WalkResult
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Mapping


def walk(
    workload: Workload, architecture: Architecture, mapping: Mapping, watcher: Watcher | None = None
) -> WalkResult:
    """Execute the nest of a mapping once and count.

    The mapping must be one that fits the workload and the architecture; the fast model checks that. What the walk
    itself cannot execute raises ValueError. Time and memory grow with the number of iteration points.
    """
    einsums = {name: workload.einsum(name) for name in einsums_in(mapping.nest)}
    return result(Run(einsums, architecture, mapping.nest, watcher or Watcher()))
