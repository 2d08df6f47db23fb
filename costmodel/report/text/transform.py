"""What a rewriting did, as text."""

from __future__ import annotations

from collections.abc import Sequence

from costmodel.report.human import percent
from costmodel.report.text.aligned import table
from costmodel.spec.rewriting.sentences import back_from
from costmodel.spec.rewriting.step import Step
from costmodel.transform.facts import Arranged, Facts, TensorFact
from costmodel.transform.proof import Proof


def transform_text(steps: Sequence[Step], facts: Facts, proof: Proof) -> str:
    """The steps, tensors before and after, operations, what was proven, and the way back."""
    rows = [_cells(fact) for fact in facts.tensors]
    back = back_from(steps)
    lines = [
        f"steps: {'; '.join(step.sentence for step in steps)}",
        table(["tensor", "before", "after", "words", ""], rows),
        f"operations: {_operations(facts)}",
        f"values: {proof_text(proof)}",
        f"back: {'; '.join(back) or 'no sentence makes again what is given now'}",
    ]
    return "\n".join(lines)


def _cells(fact: TensorFact) -> list[str]:
    shapes = (_shape(fact.ranks, fact.shape), _shape(fact.new_ranks, fact.new_shape))
    return [fact.name, *shapes, f"{fact.words:,}", arranged_text(fact.arranged, fact.words) if fact.arranged else ""]


def _shape(ranks: tuple[str, ...] | None, shape: tuple[int, ...] | None) -> str:
    if ranks is None or shape is None:
        return "–"
    return " × ".join(f"{rank} {extent}" for rank, extent in zip(ranks, shape, strict=True)) or "()"


def arranged_text(arranged: Arranged, words: int) -> str:
    """How often words are repeated, and how many are zeros."""
    parts = [f"{arranged.repetition:.4g} times the words of {arranged.source}"]
    if arranged.nonzeros < words:
        share = percent(arranged.nonzeros / words)
        parts.append(f"{arranged.nonzeros:,} of {words:,} hold one ({share}), the others are 0")
    return "; ".join(parts)


def _operations(facts: Facts) -> str:
    kinds = dict.fromkeys((*facts.operations, *facts.new_operations))
    told = []
    for kind in kinds:
        before, after = facts.operations.get(kind, 0), facts.new_operations.get(kind, 0)
        told.append(f"{before:,} {kind}" if before == after else f"{before:,} → {after:,} {kind}")
    return ", ".join(told)


def proof_text(proof: Proof) -> str:
    """What was found equal."""
    if proof.too_large:
        return f"not compared: {proof.too_large} are too large to run (smaller ranks: --set)"
    how = "random integers, exactly" if proof.exact else "random numbers, up to rounding"
    return f"{', '.join(proof.tensors)} equal on {how} (seed {proof.seed})"
