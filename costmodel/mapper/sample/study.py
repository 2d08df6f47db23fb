"""Optuna: a study whose trials are vectors of genes, asked and told in batches of a fixed size."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from costmodel.mapper.sample.encoding import Encoding
from costmodel.mapper.sample.genes import Genes
from costmodel.mapper.sample.tried import Cost, Tried, Verdict
from costmodel.model.deliveries import TooManyTilesError
from costmodel.model.formats import stored_bits
from costmodel.spec.methods import Method

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

TINY = 1e-30
"""Stands for a cost of zero under a logarithm."""


def sample(tried: Tried, method: Method, trials: int, seed: int, report: Callable[[int], None]) -> None:
    """Run a study of so many trials, the first of them constructive."""
    import optuna

    encoding = tried.encoding
    distributions = _distributions(encoding, method)
    if not distributions:
        return
    population = max(10, min(50, trials // 8))
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(
                directions=["minimize"] * (1 if method.single else len(tried.aim.names)),
                sampler=_sampler(method, seed, population, len(distributions)),
            )
            for genes in tried.pool[: max(1, trials // 4)]:
                study.enqueue_trial(_params(encoding, genes, method))
            bound = _told(tried, _worst(tried), method)
            batch = _batch(method, population, len(distributions))
            done = 0
            while done < trials and tried.evaluated < trials:
                size = min(batch, trials - done, trials - tried.evaluated)
                _batch_of_trials(tried, study, distributions, size, bound, method)
                done += size
                report(done)
                tried.in_time()
    finally:
        optuna.logging.set_verbosity(before)


def _worst(tried: Tried) -> Cost:
    """Return about the worst that there is: a mapping without any reuse. It may break a rule, but fits in least room.

    Where its words take too long to count, the worst of each cost that is known.
    """
    try:
        worst = tried.evaluation(tried.encoding.decode(tried.encoding.smallest))
        return Cost(worst.energy_pj, worst.latency_cycles, _most_room(tried))
    except TooManyTilesError:
        known = [cost for _, cost in tried.costed()] or [Cost(1 / TINY, 1 / TINY, 0)]
        return Cost(max(c.energy_pj for c in known), max(c.latency_cycles for c in known), _most_room(tried))


def _most_room(tried: Tried) -> int:
    """Bits that tiles can occupy at most."""
    einsum, architecture = tried.encoding.plans.einsum, tried.architecture
    everything = sum(stored_bits(t, None, t.size_words) for t in einsum.tensors.values())
    return sum(
        architecture.copies(m.name) * min(everything, everything if m.usable_bits is None else m.usable_bits)
        for m in architecture.memories[1:]
    )


def _batch_of_trials(
    tried: Tried,
    study: Study,
    distributions: dict[str, BaseDistribution],
    size: int,
    bound: Sequence[float],
    method: Method,
) -> None:
    """Ask for a batch, cost it, tell it."""
    asked: list[tuple[Trial, Verdict]] = []
    for _ in range(size):
        trial = study.ask(distributions)
        asked.append((trial, tried.judge(_genes(tried.encoding, trial.params, method))))
    for trial, verdict in asked:
        for finding in verdict.findings:
            trial.set_constraint(finding.limit, finding.slack)
        if verdict.cost is not None:
            values = _told(tried, verdict.cost, method)
        else:
            # A sampler that knows no constraints sees a mapping that does not fit behind all that do.
            values = [value + 1.0 + verdict.violation for value in bound]
        study.tell(trial, values)


def _told(tried: Tried, cost: Cost, method: Method) -> list[float]:
    """Return what the sampler is told: logarithms, so that distances mean ratios; their sum for one objective."""
    values = [math.log2(max(value, TINY)) for value in tried.aim.of(cost)]
    return [sum(values)] if method.single else values


def _sampler(method: Method, seed: int, population: int, dimensions: int) -> BaseSampler:
    from optuna import samplers

    if method.name == "tpe":
        return samplers.TPESampler(seed=seed)
    if method.name == "nsga2":
        return samplers.NSGAIISampler(seed=seed, population_size=population)
    if method.name == "cmaes":
        popsize = _batch(method, population, dimensions)
        return samplers.CmaEsSampler(seed=seed, popsize=popsize, warn_independent_sampling=False)
    if method.name == "gp":
        return samplers.GPSampler(seed=seed, deterministic_objective=True)
    if method.name == "qmc":
        return samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)
    return samplers.RandomSampler(seed=seed)


def _batch(method: Method, population: int, dimensions: int) -> int:
    """Trials asked for before any is told: fixed per method, since the answer depends on it."""
    if method.name == "nsga2":
        return population
    if method.name == "cmaes":
        return 4 + int(3 * math.log(dimensions + 1))
    return {"tpe": 8, "gp": 4}.get(method.name, 32)


def _distributions(encoding: Encoding, method: Method) -> dict[str, BaseDistribution]:
    """One distribution per gene with a choice: its values without an order, or a part of [0, 1] for each of them.

    CMA-ES takes its step from the narrowest range, so all ranges are the same.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return {
        gene.name: FloatDistribution(0.0, 1.0) if method.vector else CategoricalDistribution(range(gene.size))
        for gene in encoding.genes
        if gene.size > 1
    }


def _params(encoding: Encoding, genes: Genes, method: Method) -> dict[str, Any]:
    return {
        gene.name: (value + 0.5) / gene.size if method.vector else value
        for gene, value in zip(encoding.genes, genes, strict=True)
        if gene.size > 1
    }


def _genes(encoding: Encoding, params: dict[str, Any], method: Method) -> Genes:
    if not method.vector:
        return tuple(params.get(gene.name, 0) for gene in encoding.genes)
    return tuple(min(int(params.get(gene.name, 0.0) * gene.size), gene.size - 1) for gene in encoding.genes)
