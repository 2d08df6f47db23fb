"""The climb: from a mapping move by move, until no move helps; then from another start."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from costmodel.mapper.sample.genes import Genes
from costmodel.mapper.sample.moves import Screen, apply, moves_from
from costmodel.mapper.sample.tried import Tried
from costmodel.spec.objective import Objective

KICK = 4
"""Genes that change where climbing is stuck."""


SCREENED_MOST = 4
"""Promising mappings that are costed by the scalar model before other moves have their turn."""


STALE = 20
"""Climbs in a row without a mapping that is new, after which climbing ends."""


def improve(tried: Tried, limit: int, seed: int) -> Iterator[int]:
    """Improve the best mapping of each objective move by move; yield after each mapping costed.

    Where no move helps, the climb goes on from a constructive mapping or from the best with a few genes changed at
    random, in turn, until so many mappings were costed or nothing new turns up. A front is also climbed by the
    product of its objectives, for a point in its middle. Each climb may use its share of the limit.
    """
    goals = list(tried.aim.each)
    if tried.aim.product.powers[0] not in tried.aim.powers:
        goals.append(tried.aim.product)
    costed = tried.evaluated
    screen = Screen(tried) if tried.encoding.plans.closed else None
    for number, goal in enumerate(goals, 1):
        draw = random.Random(f"{seed} {goal}")  # noqa: S311  no secret depends on it
        until = costed + limit * number // len(goals)
        for _ in _climb_to(tried, screen, goal, until, draw):
            yield tried.evaluated - costed


def _climb_to(tried: Tried, screen: Screen | None, goal: Objective, until: int, draw: random.Random) -> Iterator[None]:
    stale = 0
    climbs = 0
    while stale < STALE:
        genes = tried.start(goal)
        if genes is None or tried.evaluated >= until:
            return
        before = tried.evaluated
        # Every other climb starts from the next constructive mapping, as long as there are any.
        if climbs % 2 and climbs // 2 < len(tried.pool):
            genes = tried.pool[climbs // 2]
        elif climbs:
            genes = _kicked(tried, genes, draw)
        climbs += 1
        for _ in _climb_from(tried, screen, genes, goal, draw):
            if tried.evaluated >= until:
                return
            yield
        stale = stale + 1 if tried.evaluated == before else 0


def _climb_from(
    tried: Tried, screen: Screen | None, genes: Genes, goal: Objective, draw: random.Random
) -> Iterator[None]:
    """Make moves that improve a mapping until none does; yield after each mapping tried."""
    rank = _rank(tried, genes, goal)
    encoding = tried.encoding
    improved = True
    while improved:
        improved = False
        moves = moves_from(encoding, genes)
        if screen is not None:
            for candidate in screen.better(genes, moves, goal, rank[0])[:SCREENED_MOST]:
                reached = _rank(tried, candidate, goal)
                yield
                if reached < rank:
                    genes, rank, improved = candidate, reached, True
                    break
            if improved:
                continue
            moves = [move for move in moves if encoding.genes[move[0][0]].kind != "factor"]
        draw.shuffle(moves)
        for move in moves:
            following = apply(genes, move)
            if following is None:
                continue
            reached = _rank(tried, following, goal)
            yield
            if reached < rank:
                genes, rank, improved = following, reached, True


def _rank(tried: Tried, genes: Genes, goal: Objective) -> tuple[float, ...]:
    """Order mappings by an objective; those that do not fit come last, by how much they miss."""
    verdict = tried.judge(genes)
    return tried.rank(verdict.cost, goal) if verdict.cost is not None else (math.inf, verdict.violation)


def _kicked(tried: Tried, genes: Genes, draw: random.Random) -> Genes:
    changed = list(genes)
    loose = [place for place, gene in enumerate(tried.encoding.genes) if gene.size > 1]
    for place in draw.sample(loose, min(KICK, len(loose))):
        changed[place] = draw.randrange(tried.encoding.genes[place].size)
    return tuple(changed)
