"""What labels carry across the arrays to come: a row of numbers each."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from costmodel.mapper.lattice.below_choices import Choices
from costmodel.mapper.lattice.labels import Labels, Layout
from costmodel.mapper.lattice.returns import Returns
from costmodel.mapper.lattice.shapes import Floats, Ints
from costmodel.mapper.lattice.sliding import Sliding
from costmodel.mapper.lattice.space import Space
from costmodel.mapper.lattice.tensor_plan import Window


@dataclass(frozen=True)
class Carried:
    """What labels carry across the arrays to come."""

    inputs: Floats
    """(inputs, labels)."""
    kinds: Ints
    to_come: Floats
    """(energy and limits, labels): of nodes above the last array, at the shapes below it."""
    reach: Floats
    """(sliding ranks, labels): how far tiles of neighbouring instances are apart; 1: with nothing in common."""
    passes: Floats
    """(2, labels): ``Passes.least``, in cycles where the array is spread already."""

    def take(self, rows: Ints) -> Carried:
        of_labels = (self.inputs[:, rows], self.kinds[rows], self.to_come[:, rows], self.reach[:, rows])
        return Carried(*of_labels, self.passes[:, rows])

    def times(self, choices: Choices, output: int, rows: Container[int]) -> Floats:
        """Return (labels, choices): some of the inputs times what each is for energy (0) or a limit (1, …)."""
        if self.kind is not None:
            return self._of_kind(self.kind, choices, output, rows)
        found = np.zeros((len(self.kinds), len(choices)))
        term = np.empty_like(found)  # once, for large arrays are dear to allocate
        for k in choices.that_matter[output]:
            if k in rows and self.there[k]:
                np.take(choices.values[:, output, k], self.kinds, axis=0, out=term, mode="clip")
                term *= self.inputs[k][:, None]
                found += term
        return found

    def _of_kind(self, kind: int, choices: Choices, output: int, rows: Container[int]) -> Floats:
        # a matrix product would do, but most inputs are nothing, and libraries spread small ones over all processors
        values, inputs = choices.values[kind, output], self.inputs
        alike, different = (
            [k for k in some if k in rows and self.there[k]] for some in choices.that_count(kind, output)
        )
        same = np.zeros(inputs.shape[1])
        for k in alike:
            same += inputs[k] * values[k, 0]
        found = np.empty((inputs.shape[1], len(choices)))
        found[:] = same[:, None]
        if different:
            term = np.empty_like(found)
            for k in different:
                np.multiply(inputs[k][:, None], values[k], out=term)
                found += term
        return found

    @cached_property
    def there(self) -> list[bool]:
        """(inputs): whether some label carries any of it."""
        there: list[bool] = np.any(self.inputs, axis=1).tolist()
        return there

    @cached_property
    def kind(self) -> int | None:
        """The kind of all labels; null where there are several."""
        kinds = np.unique(self.kinds)
        return int(kinds[0]) if len(kinds) == 1 else None


@dataclass(frozen=True)
class SlidingRank:
    """One rank variable of a window of a sliding tile."""

    slot: int
    window: Window
    rank_variable: int
    coefficient: int


class Inputs:
    """What a label carries: the rows of ``Carried.inputs``."""

    def __init__(self, space: Space, sliding: Sliding, returns: Returns, top: int) -> None:
        self.space, self.sliding, self.returns = space, sliding, returns
        tensors = len(space.tensors)
        self.nodes = [i for i in range(len(space.nodes)) if sliding.segment_of[i] < top]
        self.lasts = sorted({space.nodes[i].tensor for i in self.nodes})
        """Tensors of which an open tile may be the last one that moves."""
        self.reads = range(tensors)
        """Reads of each tensor that wait for their parent."""
        self.updates = tensors
        self.waiting = range(tensors + 1, tensors + 1 + len(sliding.nodes))
        """Words of each sliding tile that wait."""
        self.crossing = range(self.waiting.stop, self.waiting.stop + len(self.nodes))
        """Whether each node is to come."""
        self.one = self.crossing.stop
        self.at_once = frozenset((*self.reads, self.updates, self.one))
        """What waits, but for sliding tiles, and what is paid in any case."""
        windows = [i for i in self.nodes if i in sliding.slot]
        each = len(self.nodes) + len(windows)
        starts = range(self.one + 1, self.one + 1 + each * len(self.lasts), max(1, each))
        self.open = [range(start, start + len(self.nodes)) for start in starts]
        """For each of ``lasts``, if it moves last: words of each tile that is open, at each round anew."""
        self.staying = [dict(zip(windows, range(o.stop, o.stop + len(windows)), strict=True)) for o in self.open]
        """And those of sliding tiles that need not come at each round: whole tensors."""
        self.of_last = [
            [row for row, i in zip(rows, self.nodes, strict=True) if space.nodes[i].tensor == last]
            for last, rows in zip(self.lasts, self.open, strict=True)
        ]
        """For each of ``lasts``: words of its own tiles."""
        self.count = self.one + 1 + each * len(self.lasts)

    def closing(self, place: int) -> range:
        """Return the rows of what is open, if one of ``lasts`` moves last."""
        return range(self.open[place].start, self.open[place].stop + len(self.staying[place]))

    def of(self, labels: Labels, layout: Layout, against: list[list[Floats]]) -> Floats:
        """Return (inputs, labels)."""
        nodes, tensors = self.space.nodes, self.space.tensors
        todo, opened, shape = labels.s[Layout.TODO], labels.s[Layout.OPEN], labels.s[Layout.SHAPE]
        found = np.zeros((self.count, labels.n))
        found[self.reads.start : self.reads.stop] = labels.f[layout.block(layout.reads)]
        found[self.updates] = labels.f[Layout.UPDATES]
        found[self.waiting.start : self.waiting.stop] = labels.f[layout.block(layout.waits)]
        for row, i in zip(self.crossing, self.nodes, strict=True):
            found[row] = (todo & nodes[i].bit) != 0
        found[self.one] = 1.0
        for place, i in enumerate(self.nodes):
            here = (opened & nodes[i].bit) != 0
            if not here.any():
                continue
            t = nodes[i].tensor
            for last, rows, staying in zip(self.lasts, self.open, self.staying, strict=True):
                words = np.where(here, against[last][t][shape], 0.0)
                if i in staying and last != t:
                    tile = labels.s[layout.tile[self.sliding.slot[i]]]
                    share = np.where(here, self.returns.least(i, last)[tile], 0.0)
                    words *= share
                    found[staying[i]] = np.where(here, tensors[t].words * (1 - share), 0.0)
                found[rows[place]] = words
        return found
