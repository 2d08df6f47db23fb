"""What a workload declares about its tensors (``tensors: {A: [K, M], G: [S=V, D=V]}``), and statements held against it.

A declared tensor has those ranks in every statement. An index that is a rank variable alone must be that of the rank:
``C[b, p, f]`` does not read rank G of ``C``, unless ``ranks:`` defines one of F and G to be the other; what is meant to
run over a rank of another name says so (``C[b, p, G=f]``). Any other index has the declared rank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from costmodel.einsum.syntax import Declaration, DeclaredRank, Expression, Index, Statement, TensorAccess, changed
from costmodel.einsum.tokens import NotationError
from costmodel.spec import formulas
from costmodel.spec.problems import Path
from costmodel.spec.ranks import Findings, Ranks, Said

_ENTRY = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*(?:=(.*))?")


@dataclass(frozen=True)
class Declarations:
    """Ranks of declared tensors, and where that is said."""

    ranks: Mapping[str, tuple[DeclaredRank, ...]]
    said: tuple[tuple[str, Said], ...]
    """Shapes that they give."""


def declarations(findings: Findings, entries: Mapping[int, Declaration]) -> Declarations:
    """Gather what ``tensors:`` and the entries of ``einsums:`` declare; problems go to the findings."""
    ranks: dict[str, tuple[DeclaredRank, ...]] = {}
    said: list[tuple[str, Said]] = []
    for tensor, texts in (findings.spec.tensors or {}).items():
        read = [_entry(("tensors", tensor, at), text, findings) for at, text in enumerate(texts)]
        ranks[tensor] = tuple(rank for rank in read if rank)
        for at, rank in enumerate(ranks[tensor]):
            if rank.shape is not None:
                said.append((rank.name, Said(rank.shape, ("tensors", tensor, at))))
    for place, declared in entries.items():
        path = findings.text_path(place)
        if declared.tensor in ranks and ranks[declared.tensor] != declared.ranks:
            findings.at(path, f"{declared.tensor} is declared in two ways", "declare it once")
        ranks[declared.tensor] = declared.ranks
        said += [(r.name, Said(r.shape, path, place, r.offset)) for r in declared.ranks if r.shape is not None]
    return Declarations(ranks, tuple(said))


def _entry(path: Path, text: str, findings: Findings) -> DeclaredRank | None:
    """One rank of a list: ``K``, ``S=V``."""
    found = _ENTRY.fullmatch(text)
    if found is None or not found[1].isupper():
        hint = f"did you mean {text.upper()}?" if found and not found[2] else "write K, or K=X with its shape"
        findings.at(path, f"{text!r} is no rank", hint)
        return None
    if found[2] is None:
        return DeclaredRank(found[1])
    try:
        return DeclaredRank(found[1], formulas.formula(found[2]))
    except NotationError as error:
        (problem,) = error.problems
        findings.at(path, f"shape of rank {found[1]}: {problem.message}", problem.hint)
        return None


def with_declared_ranks(statement: Statement, place: int, declared: Declarations, ranks: Ranks) -> Statement:
    """Give the indices of declared tensors the names of their ranks; what does not fit goes to the findings."""
    if not any(a.tensor in declared.ranks for a in (*statement.inputs, statement.output)):
        return statement

    def named(access: TensorAccess, verb: str) -> TensorAccess:
        if access.tensor not in declared.ranks:
            return access
        indices = _Fit(access, place, declared.ranks[access.tensor], ranks, verb).indices()
        return replace(access, indices=tuple(indices))

    def change(node: Expression) -> Expression:
        return named(node, "read") if isinstance(node, TensorAccess) else node

    output = named(statement.output, "written")
    return replace(statement, output=output, expression=changed(statement.expression, change))


@dataclass(frozen=True)
class _Fit:
    """One access beside the declaration of its tensor."""

    access: TensorAccess
    place: int
    declared: tuple[DeclaredRank, ...]
    ranks: Ranks
    verb: str

    def indices(self) -> Iterator[Index]:
        have, need = len(self.access.indices), len(self.declared)
        if have != need:
            names = ", ".join(rank.name for rank in self.declared)
            message = f"{self.access.tensor} is declared with {need} ranks ({names}) and has {have} indices here"
            self.ranks.findings.at_text(self.place, self.access.offset, message)
            yield from self.access.indices
            return
        for index, rank in zip(self.access.indices, self.declared, strict=True):
            yield self.index(index, rank.name)

    def index(self, index: Index, rank: str) -> Index:
        if index.rank is not None:
            if index.rank != rank:
                message = f"rank {rank} of {self.access.tensor} is named {index.rank} here"
                self.ranks.findings.at_text(self.place, index.offset, message, "one rank has one name")
            return index
        if index.plain is None:
            return replace(index, rank=rank) if index.rank_variables else index
        own = index.plain.upper()
        if own == rank:
            return index
        if not (self.ranks.is_alias(self.place, own, rank) or self.ranks.is_alias(self.place, rank, own)):
            self.refuse(index, index.plain, rank)
            return index
        return replace(index, rank=rank)

    def refuse(self, index: Index, variable: str, rank: str) -> None:
        values = self.ranks.values(self.place, (variable.upper(), rank))
        message = f"rank {rank} of {self.access.tensor} is {self.verb} by {variable}"
        if len(set(values.values())) == 2:
            message += f", and {variable.upper()} is {values[variable.upper()]:,} where {rank} is {values[rank]:,}"
        hint = f"index it by {rank.lower()}, or write {rank}={variable} where {variable} is meant to run over {rank}"
        self.ranks.findings.at_text(self.place, index.offset, message, hint)
