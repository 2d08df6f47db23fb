"""Networks of arrays: how many links a word takes, and how many words links carry. docs/counting.md has the formulas.

A link leads from one instance to the next. A word that enters a network (or leaves it at the same end) takes so many
links, and some more for each instance that gets it (or adds to it). Both numbers follow from the shape: they are right
for a word for one instance, on average over all, and for one that all instances get.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Topology = Literal["bus", "crossbar", "tree", "mesh", "systolic"]
TOPOLOGIES: tuple[Topology, ...] = get_args(Topology)


class Links(NamedTuple):
    """Links that words take: those of one word are ``word + instance · instances that get it``."""

    word: float
    """For each word that enters."""
    instance: float
    """For each instance that it is delivered to."""

    @classmethod
    def through(cls, one: float, every: float, instances: int) -> Links:
        """Return those of a topology where a word for one instance takes ``one`` link, for all instances ``every``.

        >>> Links.through(2.5, 4, 4)
        Links(word=2.0, instance=0.5)
        """
        if instances == 1:
            return cls(one, 0.0)
        more = (every - one) / (instances - 1)
        return cls(one - more, more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What connects the instances of an array."""

    topology: Topology
    radix: int = 2
    """Children of each node of a tree."""
    ports: int | None = None
    """Links between it and what is above it; null: 1, of a systolic array one for each row and each column."""
    link_bits: int
    """Bits that a link carries in a cycle, one way or the other."""

    def links(self, shape: Mapping[str, int]) -> Links:
        """Return the links that words take in an array of a shape.

        >>> Network(topology="mesh", link_bits=16).links({"X": 4, "Y": 4})
        Links(word=3.2, instance=0.8)
        """
        return _LINKS[self.topology](self, tuple(shape.values()))

    def words_per_cycle(self, shape: Mapping[str, int]) -> dict[str, float]:
        """Return how many words of a link's width may ``enter`` in a cycle, and be ``deliver``-ed.

        And, where there is a middle to pass, how many may enter of which a part has to pass it (``bisect``).

        >>> Network(topology="mesh", ports=16, link_bits=16).words_per_cycle({"X": 4, "Y": 4})
        {'enter': 16, 'deliver': 16, 'bisect': 8.0}
        """
        sizes, instances = shape.values(), math.prod(shape.values())
        lines = sum(instances // n for n in sizes) if self.topology == "systolic" else 1
        ports = lines if self.ports is None else self.ports
        rates: dict[str, float] = {"enter": ports, "deliver": instances * (ports if self.topology == "bus" else 1)}
        far = max(sizes) // 2
        if self.topology == "mesh" and far:  # so many of the largest size pass as many links as the others make
            rates["bisect"] = instances / far
        elif self.topology == "tree" and instances > 1:
            rates["bisect"] = self.tree_levels(instances)[-1]
        return rates

    def idle_ports(self, shape: Mapping[str, int]) -> bool:
        """Whether more links lead to what is above than to the instances; a further bus leads to each of them.

        >>> Network(topology="mesh", ports=17, link_bits=16).idle_ports({"X": 4, "Y": 4})
        True
        """
        return self.topology != "bus" and (self.ports or 1) > math.prod(shape.values())

    def meaning(self) -> str:
        """Say how links are counted, for lists of sources."""
        return f"{self.topology}: {_MEANINGS[self.topology]} (docs/counting.md, Networks)"

    def tree_levels(self, leaves: int) -> list[int]:
        """Return the links at each height of a tree, the lowest first.

        >>> Network(topology="tree", link_bits=16).tree_levels(6)
        [6, 3, 2]
        """
        found: list[int] = []
        while leaves > 1:
            found.append(leaves)
            leaves = -(-leaves // self.radix)
        return found or [1]


def _bus(_: Network, shape: tuple[int, ...]) -> Links:
    return Links(float(math.prod(shape)), 0.0)


def _crossbar(network: Network, shape: tuple[int, ...]) -> Links:
    return Links(float(math.prod(shape)), float(network.ports or 1))


def _tree(network: Network, shape: tuple[int, ...]) -> Links:
    levels = network.tree_levels(math.prod(shape))
    return Links.through(len(levels), sum(levels), math.prod(shape))


def _mesh(_: Network, shape: tuple[int, ...]) -> Links:
    return Links.through(1 + sum((n - 1) / 2 for n in shape), math.prod(shape), math.prod(shape))


def _systolic(_: Network, shape: tuple[int, ...]) -> Links:
    return Links(len(shape) / sum(1 / n for n in shape) / 2, 0.5)


_LINKS: Mapping[Topology, Callable[[Network, tuple[int, ...]], Links]] = {
    "bus": _bus,
    "crossbar": _crossbar,
    "tree": _tree,
    "mesh": _mesh,
    "systolic": _systolic,
}
_MEANINGS: Mapping[Topology, str] = {
    "bus": "a word goes past every instance",
    "crossbar": "a word takes its row past every column, and the column of each instance that gets it",
    "tree": "from the root down to the instances",
    "mesh": "from a corner by the shortest way, on average over all instances",
    "systolic": "from an edge along a row or a column, on average over all instances",
}
