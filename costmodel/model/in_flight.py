"""Tiles that a pipeline has at once: what is handed from stage to stage is needed by several of its iterations."""

from __future__ import annotations

from costmodel.model.iterations import iterations
from costmodel.model.nest import BoundNest, Holder, Pipeline


def tiles_at_once(nest: BoundNest, holder: Holder) -> int:
    """Return how many tiles of a holder are in flight; those of a double-buffered memory have a second one anyway."""
    found = next((p for p in nest.pipelines if p.path[:-1] == holder.path[:-1]), None)
    tiles = 1 if found is None else _tiles(found, holder)
    return -(-tiles // 2) if holder.level.double_buffered else tiles


def _lag(pipeline: Pipeline, holder: Holder) -> int:
    """Return how many stages lie between the first that touches the tensor of a holder and the last."""
    names = {e.name for e in holder.einsums}
    touching = [at for at, stage in enumerate(pipeline.stages) if not names.isdisjoint(stage)]
    return touching[-1] - touching[0]


def _tiles(pipeline: Pipeline, holder: Holder) -> int:
    """Count the iterations in flight from the first stage that touches the tensor to the last, and their tiles."""
    shape = pipeline.shape
    used = {v for e in holder.einsums for a in e.accesses_of(holder.tensor.name) for v in a.rank_variables}
    moving = [
        at
        for at, loop in enumerate(holder.loops)
        if at >= pipeline.scope and not loop.spatial and loop.rank_variable in used
        if max(iterations(holder.loops[: at + 1], at, shape)) > 1
    ]
    if not moving:
        return 1
    inside = moving[-1] + 1
    stays = min(iterations(pipeline.loops, inside, shape))
    taken = max(iterations(pipeline.loops[:inside], pipeline.scope, shape))
    return min(1 + -(-_lag(pipeline, holder) // stays), taken)
