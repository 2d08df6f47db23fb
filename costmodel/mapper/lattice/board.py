"""The tables that all passes of a search share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from costmodel.mapper.lattice.completion import Completion
from costmodel.mapper.lattice.dominance import Dominance
from costmodel.mapper.lattice.labels import History, Layout
from costmodel.mapper.lattice.leftover import Leftover, resting
from costmodel.mapper.lattice.loops_between import Gaps
from costmodel.mapper.lattice.settings import Setting, least_elsewhere
from costmodel.mapper.lattice.settlement import Combinations
from costmodel.mapper.lattice.shapes import Lattice
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import Space
from costmodel.spec.objective import Objective


class Board:
    """What all passes of one search share: the tables."""

    def __init__(self, space: Space, aim: Objective, settings: Sequence[Setting] = ()) -> None:
        """``settings``: none where the Einsum is mapped by itself."""
        self.space, self.aim = space, aim
        windows = sum(1 for n in space.nodes if space.tensors[n.tensor].windows)
        self.rooms = [m for m, plan in enumerate(space.memories[:-1]) if math.isfinite(plan.room)]
        self.layout = Layout(
            arrays=len(space.arrays),
            windows=windows,
            orders=len(space.allowed.orders),
            limits=len(space.prices.segments),
            rooms=len(self.rooms),
            tensors=len(space.tensors),
            resting=resting(space),
            counting=aim.costs if settings and timeless(space, aim) else (*aim.costs, "latency"),
        )
        self.lattice = Lattice(space, {v for setting in settings for v in setting.shared})
        self.leftover = Leftover(space, self.lattice, self.layout)
        self.history = History()
        self.combinations = Combinations(space, self.layout)
        self.sliding = Sliding(space, self.lattice, self.layout, self.combinations, self.history)
        elsewhere = least_elsewhere(settings)
        self.completion = Completion(space, self.lattice, self.layout, self.combinations, self.sliding, elsewhere)
        self.gaps = Gaps(space, self.lattice, self.layout, self.sliding)
        self.dominance = Dominance(space, self.lattice, self.layout, self.combinations, self.gaps)


def timeless(space: Space, aim: Objective) -> bool:
    """Whether cycles matter to no objective."""
    return "latency" not in aim.costs and not space.leak_pj_per_cycle
