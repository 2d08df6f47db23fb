"""What capacities do to traffic: the least priced words into memories, whatever the tiles, whether they divide or not.

Take one instance of the memories between two arrays and one iteration point z. While z is executed, every tensor t has
a tile in place, and had it for a while: its *epoch*, the execution of a part of the nest, a box of points with the
extents e(t). The tile has Π e(t) words over the rank variables that index t; it serves Π e(t) points per word over the
others. So z's share of the words that arrive is 1 / Π e(t) over the others, and the shares of all points add up to
the traffic. The epochs of the tensors at z are nested in each other, as parts of a nest are, and their tiles are in
the memories together. So no nest has less traffic than

    points · min Σ over nodes price / Π e over the rank variables that do not index the tensor
    such that Σ words · bits ≤ capacity in each memory, and e falls along some order of the nodes.

For each order this is a geometric program: convex in the logarithms of e. Any point and any multipliers of the
capacities give a lower bound of its minimum, by the tangent at that point; mirror descent finds good ones.

Where the memories are below arrays, a delivery may reach several instances: at most those that differ along the rank
variables that do not index the tensor (or lie in its windows). How often each rank variable is spread over each
dimension is a variable of the program as well; it is the same for all tensors.

Of a tensor with windows only the rank variables outside its windows count: an epoch lasts as long as they stay, it
brings each word of the window at least once, and each of these serves so many points at most.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
STEPS = 400
"""Of the mirror descent; more hardly help."""
STEP = 0.25
NODES_MOST = 5
"""Nodes between two arrays whose orders are all looked at; of more there is no bound."""


@dataclass(frozen=True, slots=True)
class Node:
    """One tensor in one memory."""

    tensor: str
    memory: str
    words: tuple[str, ...]
    """Rank variables whose extents give at least the words of a tile."""
    served: tuple[str, ...]
    """Rank variables along which one word serves more points."""
    window_points: int
    """Points that one word serves along windows, at most."""
    room: int
    """Bits of one word there."""
    shared: tuple[str, ...] = ()
    """Rank variables along which instances may share a delivery."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a word costs that arrives at a node: each time, and each time that instances do not share it."""

    each: float
    delivery: float


Spread = tuple[int, frozenset[str]]
"""A dimension of an array: its size, and the rank variables that may lie along it."""


def least_traffic(
    nodes: Sequence[Node],
    prices: Sequence[Price],
    shape: Mapping[str, int],
    capacities: Mapping[str, float],
    spreads: Sequence[Spread] = (),
    *,
    enough: float = 0.0,
) -> float:
    """Return what the words that arrive at nodes cost at least, given the price of one word at each node.

    ``nodes`` of one tensor stand outer level first. What is no more than ``enough`` is not worth finding out: then the
    answer may be anything valid, such as 0.
    """
    if len(nodes) > NODES_MOST or not any(p.each or p.delivery for p in prices):
        return 0.0
    points = math.prod(shape.values())
    names = [v for v, n in shape.items() if n > 1]
    memories = [m for m in dict.fromkeys(n.memory for n in nodes) if math.isfinite(capacities[m])]
    if not memories or not names:
        return 0.0
    bounded = [n for n in nodes if n.memory in memories]
    everything = {
        m: sum(n.room * math.prod(shape[v] for v in n.words) for n in bounded if n.memory == m) for m in memories
    }
    if all(everything[m] <= capacities[m] for m in memories):
        return 0.0  # nothing has to arrive twice
    terms = [(n, p.each, False) for n, p in zip(nodes, prices, strict=True)]
    terms += [(n, p.delivery, True) for n, p in zip(nodes, prices, strict=True)]
    terms = [term for term in terms if term[1] > 0]
    program = _Program(
        cost_node=np.array([nodes.index(n) for n, _, _ in terms]),
        serves=np.array([[v in n.served for v in names] for n, _, _ in terms], dtype=float),
        shares=np.array([[together and v in n.shared for v in names] for n, _, together in terms], dtype=float),
        log_cost=np.array([math.log(p * points / n.window_points) for n, p, _ in terms]),
        fills=np.array([[v in n.words for v in names] for n in nodes], dtype=float),
        log_share=np.array(
            [[math.log(n.room / capacities[m]) if n.memory == m else -math.inf for n in nodes] for m in memories]
        ),
        log_extents=np.log([shape[v] for v in names]),
        orders=np.array(list(_orders(nodes))),
        log_spreads=np.array(
            [[math.log(min(size, shape[v])) if v in allowed else 0.0 for v in names] for size, allowed in spreads]
        ).reshape(-1, len(names)),
    )
    return math.exp(program.minimum(math.log(enough) if enough > 0 else -math.inf))


def _orders(nodes: Sequence[Node]) -> Iterator[tuple[int, ...]]:
    """Yield orders of nodes, outermost first, that keep those of one tensor in place."""
    for order in itertools.permutations(range(len(nodes))):
        if all(nodes[a].tensor != nodes[b].tensor or a < b for a, b in itertools.combinations(order, 2)):
            yield order


@dataclass(frozen=True)
class _Program:
    """The geometric program, for all orders at once."""

    cost_node: npt.NDArray[np.int64]
    """The node of each term of the cost."""
    serves: Floats
    """(term, rank variable): 1 where its extent divides the cost."""
    shares: Floats
    """(term, rank variable): 1 where its instances divide the cost."""
    log_cost: Floats
    fills: Floats
    """(node, rank variable): 1 where its extent takes room."""
    log_share: Floats
    """(memory, node): of one word in the capacity."""
    log_extents: Floats
    orders: npt.NDArray[np.int64]
    """(order, place): nodes, outermost first."""
    log_spreads: Floats
    """(dimension, rank variable): instances, where it has the dimension alone."""

    def minimum(self, enough: float) -> float:
        """Return a lower bound of the logarithm of the cost, over all orders."""
        count, nodes = self.orders.shape
        place = np.argsort(self.orders, axis=1)
        owner = np.eye(nodes)[self.cost_node]
        # an extent that falls along the places is a mixture of steps: whole down to a place, one from there on
        weights = np.full((count, len(self.log_extents), nodes + 1), 1 / (nodes + 1))
        parts = np.full((count, *self.log_spreads.shape), 1 / max(1, self.log_spreads.shape[1]))
        multipliers = np.full((count, len(self.log_share)), 0.5)
        best = np.full(count, -math.inf)
        for step in range(STEPS):
            at_place = (_tails(weights) * self.log_extents[:, None]).transpose(0, 2, 1)
            logs = np.take_along_axis(at_place, place[:, :, None], axis=1)
            spread = (parts * self.log_spreads).sum(axis=1)
            served = (self.serves * logs[:, self.cost_node]).sum(axis=2) + spread @ self.shares.T
            cost, cost_slope = _log_sum(self.log_cost - served)
            room, room_slope = _log_sum(self.log_share[None] + (self.fills * logs).sum(axis=2)[:, None, :])
            slope = np.einsum("omn,om->on", room_slope, multipliers)[:, :, None] * self.fills
            slope = slope - np.einsum("ot,tn,tv->onv", cost_slope, owner, self.serves)
            slope = np.take_along_axis(slope, self.orders[:, :, None], axis=1)
            along = np.concatenate([np.zeros((count, 1, slope.shape[2])), np.cumsum(slope, axis=1)], axis=1)
            along = along.transpose(0, 2, 1) * self.log_extents[:, None]
            across = -(cost_slope @ self.shares)[:, None, :] * self.log_spreads
            # the tangent of a convex function is below it, and least in a corner
            tangent = cost + (multipliers * room).sum(axis=1) + _descent(weights, along) + _descent(parts, across)
            best = np.maximum(best, tangent)
            fits = (room <= 0).all(axis=1)
            if fits.any() and cost[fits].min() <= enough:
                break
            rate = STEP / math.sqrt(1 + step / 20)
            weights, parts = _stepped(weights, along, rate), _stepped(parts, across, rate)
            multipliers = np.clip(multipliers * np.exp(np.clip(0.3 * rate * room, -1, 1)), 1e-6, 50)
        return float(best.min())


def _descent(weights: Floats, slope: Floats) -> Floats:
    """Return how far a linear function falls from a point to the best corner of the simplices (the last axis)."""
    if not slope.size:
        return np.zeros(len(weights))
    found: Floats = (slope.min(axis=2) - (slope * weights).sum(axis=2)).sum(axis=1)
    return found


def _stepped(weights: Floats, slope: Floats, rate: float) -> Floats:
    """Take a step of the mirror descent."""
    if not slope.size:
        return weights
    moved = weights * np.exp(-rate * (slope - slope.min(axis=2, keepdims=True))) + 1e-12
    found: Floats = moved / moved.sum(axis=2, keepdims=True)
    return found


def _tails(weights: Floats) -> Floats:
    """Return the weight of all steps beyond each place."""
    found: Floats = np.cumsum(weights[:, :, ::-1], axis=2)[:, :, ::-1][:, :, 1:]
    return found


def _log_sum(terms: Floats) -> tuple[Floats, Floats]:
    """Return the logarithm of a sum of exponentials, and its slope along each term."""
    most = terms.max(axis=-1, keepdims=True)
    parts = np.exp(terms - most)
    total = parts.sum(axis=-1, keepdims=True)
    return (most + np.log(total))[..., 0], parts / total
