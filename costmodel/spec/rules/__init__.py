"""Sentences that restrict the mapspace: what the hardware cannot do, or what a study forbids.

    PEs.X only [p, q, m]        rank variables that may be spread over a dimension (``PEs only […]``: over all)
    PEs.X only ranks of weight not of input             those that index one tensor (by role or name) and not the other
    PEs.X at most m 8           largest number of instances along a dimension that one rank variable takes
    PEs.X exact m 8             exactly that many
    GLB tile p <= 14            extent of p in every tile that GLB holds (of tensors indexed by p); also ``==``
    GLB keeps weight            by role or name; ``GLB bypasses weight`` forbids it
    order in GLB: m, k          order of the loops in time directly below GLB, outermost first; see ``order.py``
    utilisation >= 50 %         share of the compute instances that work
    weight_stationary           also output_, input_ and row_stationary, see ``dataflow.py``

A rank variable that an Einsum does not have is no error of a rule: one architecture serves many Einsums.

Each sentence is a class (``base.py`` says what it has to offer); the order of the modules below is the order in which
rules judge a mapping.
"""

from __future__ import annotations

from costmodel.spec.rules import spatial, tiles, holding, utilisation, dataflow, order  # isort: skip  registers rules
from costmodel.spec.rules.base import REGISTRY, Rule
from costmodel.spec.rules.rulebook import Rules, parse, read, wording_problems

__all__ = ["REGISTRY", "Rule", "Rules", "parse", "read", "wording_problems"]
