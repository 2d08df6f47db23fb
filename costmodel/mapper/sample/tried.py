"""What was tried: verdicts on mappings by their canonical nests, and the best of them.

Mappings that cost the same share one canonical nest and are evaluated once.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from costmodel.einsum.algebra import Workload
from costmodel.mapper.front import pareto
from costmodel.mapper.result import Found, Improvement, InfeasibleError, LeastSoFar
from costmodel.mapper.sample.encoding import Encoding
from costmodel.mapper.sample.genes import Genes
from costmodel.mapper.sample.steps import Plan
from costmodel.model.deliveries import TooManyTilesError
from costmodel.model.evaluate import OverCapacityError, evaluate_bound
from costmodel.model.nest import bind
from costmodel.model.patience import OutOfTimeError, until
from costmodel.spec.objective import Objective
from costmodel.spec.rules.finding import Finding, Reject

if TYPE_CHECKING:
    from costmodel.model.evaluation import Evaluation
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.mapping import Mapping


SLOW_S = 0.05
"""CPU seconds of an evaluation that is worth keeping."""


FEW = 3
"""Mappings that fit, fewer of which are next to nothing."""
GRACE_S, FEW_S = 1.0, 0.02
"""Seconds that a search whose time is up goes on where no mapping has fitted yet, and where few have."""


class Cost:
    """Energy, latency and room of one mapping that fits."""

    __slots__ = ("capacity_bits", "energy_pj", "latency_cycles")

    def __init__(self, energy_pj: float, latency_cycles: float, capacity_bits: int) -> None:
        self.energy_pj = energy_pj
        self.latency_cycles = latency_cycles
        self.capacity_bits = capacity_bits


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about one canonical mapping: its cost, or why it has none."""

    cost: Cost | None
    findings: tuple[Finding, ...]

    @property
    def violation(self) -> float:
        return sum(finding.slack for finding in self.findings if finding.slack > 0)

    @property
    def rejects(self) -> Iterator[Reject]:
        return (finding.reject for finding in self.findings if finding.reject is not None)


@dataclass
class Tried:
    """Every mapping that was tried, by its canonical nest."""

    encoding: Encoding
    workload: Workload
    architecture: Architecture
    aim: Objective
    known: dict[Plan, Verdict] = field(default_factory=dict)
    genes: dict[Plan, Genes] = field(default_factory=dict)
    """Genes of each mapping that fits."""
    nearest: tuple[float, Genes] | None = None
    """By how much the nearest miss misses, and its genes."""
    pool: list[Genes] = field(default_factory=list)
    """Constructive mappings that fit, best first."""
    judged: int = 0
    """Vectors of genes whose mapping was asked about, known ones too."""
    fitted: int = 0
    """Those of them whose mapping fits."""
    deadline: float = math.inf
    """On the clock of ``time.monotonic``."""
    began: float = field(default_factory=time.monotonic)
    """On the same clock."""
    slow: dict[Mapping, Evaluation] = field(default_factory=dict)
    """What took long, so that it is not done again."""
    by: Found = "start"
    """What asks now."""
    improvements: list[Improvement] = field(default_factory=list)
    least: LeastSoFar = field(default_factory=LeastSoFar)

    def fill_pool(self, found: Iterable[Genes]) -> None:
        """Cost constructive mappings and put those that fit in order: the best of each objective, then the next."""
        costs = [(genes, verdict.cost) for genes in found if (verdict := self.judge(genes)).cost is not None]
        rows = [
            [genes for genes, cost in sorted(costs, key=lambda item: self.rank(item[1], goal))]
            for goal in self.aim.each
        ]
        plans: dict[Plan, Genes] = {}
        for turn in zip(*rows, strict=True):
            for genes in turn:
                plans.setdefault(self.encoding.plan(genes), genes)
        self.pool = list(plans.values())

    def judge(self, genes: Genes) -> Verdict:
        """Return the verdict on a vector of genes, from memory where its mapping is known.

        Raises OutOfTimeError where it is not and the time is up, or is before it is counted.
        """
        plan = self.encoding.plan(genes)
        self.judged += 1
        verdict = self.known.get(plan)
        if verdict is None:
            self.in_time()
            with until(self.last_moment):
                verdict = self._judge(plan)
            self.known[plan] = verdict
            if verdict.cost is not None:
                self.genes[plan] = genes
                if self.least.lowered(self.aim.of(verdict.cost)):
                    self.improvements.append(Improvement.of(verdict.cost, trial=self.evaluated, by=self.by))
            elif self.nearest is None or verdict.violation < self.nearest[0]:
                self.nearest = (verdict.violation, genes)
        self.fitted += verdict.cost is not None
        return verdict

    def in_time(self) -> None:
        """Raise OutOfTimeError if the time is up."""
        if time.monotonic() > self.last_moment:
            raise OutOfTimeError

    @property
    def last_moment(self) -> float:
        """When the time is up: a little later where next to nothing has fitted."""
        if not self.genes:
            return self.deadline + GRACE_S
        if len(self.genes) >= FEW:
            return self.deadline
        return max(self.deadline, self.began) + FEW_S

    def _judge(self, plan: Plan) -> Verdict:
        findings = self.encoding.limits.findings(plan)
        lenient = findings
        if any(finding.slack > 0 for finding in findings):
            lenient = self.encoding.limits.leniently(findings, plan)
            if any(finding.slack > 0 for finding in lenient):
                return Verdict(None, findings)
        try:
            evaluation = self.evaluation(self.encoding.plans.mapping(plan))
        except OverCapacityError:
            return Verdict(None, findings)
        except TooManyTilesError as error:
            how = "of a tensor that is accessed in ways that move apart, or of a written window"
            reject = Reject("model", "tiles told one by one", error.tiles, error.most, how)
            worst = Finding(findings[0].limit, 1.0, reject) if findings else Finding("tiles", 1.0, reject)
            return Verdict(None, (worst, *findings[1:]))
        return Verdict(Cost(evaluation.energy_pj, evaluation.latency_cycles, evaluation.capacity_bits), lenient)

    def evaluation(self, mapping: Mapping) -> Evaluation:
        known = self.slow.get(mapping)
        if known is None:
            began = time.process_time()
            known = evaluate_bound(bind(self.workload, self.architecture, mapping))
            if time.process_time() - began > SLOW_S:
                self.slow[mapping] = known
        return known

    @property
    def evaluated(self) -> int:
        return len(self.genes)

    def rank(self, cost: Cost, goal: Objective) -> tuple[float, ...]:
        """Order by an objective; ties by energy, then latency, then room."""
        return (*goal.of(cost), cost.energy_pj, cost.latency_cycles, cost.capacity_bits)

    def costed(self) -> Iterator[tuple[Plan, Cost]]:
        for plan in self.genes:
            cost = self.known[plan].cost
            if cost is not None:
                yield plan, cost

    def best(self, goal: Objective) -> tuple[Plan, Cost] | None:
        """Return the best mapping so far; the first found of equals."""
        return min(self.costed(), key=lambda item: self.rank(item[1], goal), default=None)

    def start(self, goal: Objective) -> Genes | None:
        """Return the genes of the best mapping so far, of the nearest miss if nothing fits."""
        best = self.best(goal)
        if best is not None:
            return self.genes[best[0]]
        return self.nearest[1] if self.nearest is not None else None

    def front(self) -> list[Plan]:
        """Return the mappings that no other is at least as good as in everything; the first found of equals."""
        plans, found = zip(*self.costed(), strict=True)
        costs = np.array([(c.energy_pj, c.latency_cycles, c.capacity_bits) for c in found], dtype=np.float64)
        return [plans[place] for place in pareto(self.aim.values(*costs.T).T, costs)]

    def infeasible(self, *, proven: bool = False) -> InfeasibleError:
        """Say which limits killed the mappings that were tried, which came nearest, and whether none is left."""
        tally = Counter(f"{r.level}: {r.limit}" for verdict in self.known.values() for r in verdict.rejects)
        nearest = min(self.known.values(), key=lambda verdict: verdict.violation, default=None)
        reject = None
        if nearest is not None:
            worst = max(nearest.findings, key=lambda finding: finding.slack, default=None)
            reject = worst.reject if worst is not None else None
        return InfeasibleError(self.encoding.plans.einsum.name, tally.most_common(), reject, proven)
