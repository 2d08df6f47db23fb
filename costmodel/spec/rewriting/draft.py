"""A workload that is being rewritten: its statements as trees, what else it says as it was said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from costmodel.einsum import notation
from costmodel.einsum.algebra import Access, Einsum, Tensor, Workload
from costmodel.einsum.syntax import Declaration, Expression, Index, Statement, TensorAccess, Term, changed
from costmodel.spec.declared import declarations
from costmodel.spec.mapping_file import yaml_text
from costmodel.spec.problems import Marks, Problem, SpecError
from costmodel.spec.ranks import Findings, Ranks
from costmodel.spec.workload import resolve
from costmodel.spec.workload_spec import EinsumSpec, WorkloadSpec

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")


@dataclass(frozen=True)
class Line:
    """One Einsum of a draft."""

    name: str
    statement: Statement
    spec: EinsumSpec
    """What the file says about it; its text and its name are those of this line."""

    @property
    def is_layer(self) -> bool:
        """Whether it has ranks of its own, so that a step changes it alone."""
        return self.spec.ranks is not None


@dataclass(frozen=True)
class Draft:
    """A whole workload."""

    spec: WorkloadSpec
    """What the file says, but for values and coordinates; its Einsums are the lines."""
    lines: tuple[Line, ...]
    scope: tuple[str, ...] = field(default=(), compare=False)
    """Names of the Einsums that steps may change."""

    @cached_property
    def workload(self) -> Workload:
        """The draft, resolved. Raises SpecError where a step left something that is no workload."""
        return resolve(self.written)

    def einsum(self, line: Line) -> Einsum:
        return self.workload.einsum(line.name)

    @property
    def open_lines(self) -> tuple[Line, ...]:
        """Einsums that steps may change."""
        return tuple(line for line in self.lines if line.name in self.scope)

    def line(self, name: str) -> Line:
        return next(line for line in self.lines if line.name == name)

    def stated(self, line: Line) -> Mapping[str, int | str]:
        """Ranks and constants that one Einsum can name."""
        return {**self.spec.ranks, **(line.spec.ranks or {})}

    def values(self, line: Line, names: Iterable[str]) -> dict[str, int]:
        """Those of some names that have a value in the ranks of one Einsum."""
        place = [x.name for x in self.lines].index(line.name)
        return Ranks(self.written, Findings(self.written, Marks())).values(place, names)

    def with_lines(self, lines: Iterable[Line], ranks: Mapping[str, int | str] | None = None) -> Draft:
        """Other statements; further ``ranks`` go to the lines that name them, or to the file."""
        lines = tuple(lines)  # first: making them may find the ranks
        if not ranks:
            return replace(self, lines=lines).pruned()
        own = tuple(self._with_ranks(x, lines, ranks) if x.name in self.scope else x for x in lines)
        everyone = {} if all(x.is_layer for x in lines if x.name in self.scope) else ranks
        spec = self.spec.model_copy(update={"ranks": {**self.spec.ranks, **everyone}})
        return replace(self, spec=spec, lines=own).pruned()

    def _with_ranks(self, line: Line, lines: tuple[Line, ...], ranks: Mapping[str, int | str]) -> Line:
        """A layer with what it names of further ranks, and of those of the layers that were one with it."""
        if line.spec.ranks is None:
            return line
        pool: dict[str, int | str] = {}
        for other in lines:
            if other.name in self.scope:
                pool |= other.spec.ranks or {}
        named = closure(names_of(line.statement), {**pool, **ranks})
        kept = {name: extent for name, extent in {**pool, **line.spec.ranks, **ranks}.items() if name in named}
        return replace(line, spec=line.spec.model_copy(update={"ranks": kept}))

    def pruned(self) -> Draft:
        """Without what no Einsum uses any more."""
        specs = {spec.name: spec for spec in self.written.einsums}
        lines = tuple(replace(line, spec=specs[line.name]) for line in self.lines)
        return replace(self, spec=self.written, lines=lines)

    @cached_property
    def written(self) -> WorkloadSpec:
        """What the file of the draft says: nothing that no Einsum uses any more."""
        tensors = {a.tensor for line in self.lines for a in (line.statement.output, *line.statement.inputs)}
        used: set[str] = set()
        einsums: list[EinsumSpec] = []
        for line in self.lines:
            names = closure(names_of(line.statement), self.stated(line))
            used |= names
            own = None if line.spec.ranks is None else {n: e for n, e in line.spec.ranks.items() if n in names}
            inside = {a.tensor for a in (line.statement.output, *line.statement.inputs)}
            weights = line.spec.weights
            update = {
                "einsum": str(line.statement),
                "name": line.name,
                "ranks": own,
                "bits": _kept(line.spec.bits, inside),
                "weights": weights if weights is None else tuple(w for w in weights if w in inside),
            }
            einsums.append(line.spec.model_copy(update=update))
        spec = self.spec
        variables = {v.upper() for line in self.lines for v in line.statement.rank_variables}
        return spec.model_copy(
            update={
                "ranks": {n: e for n, e in spec.ranks.items() if n in used},
                "bits": _kept(spec.bits, tensors) or {},
                "weights": spec.weights if spec.weights is None else tuple(w for w in spec.weights if w in tensors),
                "batch": spec.batch if spec.batch in variables else None,
                "tensors": {name: ranks for name in spec.tensors or {} if (ranks := self._names_of_ranks(name))}
                or None,
                "density": {n: share for n, share in spec.density.items() if n in tensors},
                "einsums": tuple(einsums),
            }
        )

    def _names_of_ranks(self, tensor: str) -> tuple[str, ...]:
        """What all accesses call the ranks of a tensor; empty where one has no name."""
        every = (a for line in self.lines for a in accesses_of(line.statement) if a.tensor == tensor)
        found = {tuple(i.rank or (i.plain or "").upper() for i in access.indices) for access in every}
        return found.pop() if len(found) == 1 and all(map(all, found)) else ()


def draft_of(spec: WorkloadSpec, names: Iterable[str] = ()) -> Draft:
    """Start from a workload; steps change the Einsums of these names, and those that share tensors with them.

    Without names, all that have no ranks of their own; or the only one. Raises SpecError.
    """
    workload = resolve(spec)
    known = {e.name: e for e in workload.einsums}
    lines: list[Line] = []
    for einsum in spec.einsums:
        name = einsum.name or _output(einsum.einsum)
        if name in known:
            lines.append(Line(name, notation.parse(known[name].text), einsum))
    wanted = tuple(names)
    if missing := [name for name in wanted if name not in known]:
        raise SpecError([Problem(f"no Einsum {missing[0]!r}", hint=f"Einsums: {', '.join(known)}")])
    layers = [line.name for line in lines if line.is_layer]
    cascade = tuple(line.name for line in lines if not line.is_layer)
    scope = cascade or (tuple(layers) if len(layers) == 1 else ())
    if wanted:
        scope = (*(name for name in layers if name in wanted), *(cascade if set(wanted) & set(cascade) else ()))
    if not scope:
        message = f"{spec.name} has several layers: say which of them to rewrite"
        raise SpecError([Problem(message, hint=f"--einsum NAME, one of {', '.join(layers)}")])
    declared, ranks = _declared(spec)
    update = {"values": {}, "coordinates": {}, "tensors": declared, "ranks": ranks}
    return Draft(spec.model_copy(update=update), tuple(lines), scope)


def _declared(spec: WorkloadSpec) -> tuple[dict[str, tuple[str, ...]], Mapping[str, int | str]]:
    """Ranks of the tensors that a workload declares; the shapes that it gives there stand with those of ``ranks:``."""
    findings = Findings(spec, Marks())
    entries = ((place, notation.read(einsum.einsum)) for place, einsum in enumerate(spec.einsums))
    found = declarations(findings, {place: entry for place, entry in entries if isinstance(entry, Declaration)})
    ranks = Ranks(spec, findings, found.said).of_all
    return {tensor: tuple(rank.name for rank in declared) for tensor, declared in found.ranks.items()}, ranks


def _output(text: str) -> str:
    found = re.match(r"\W*([A-Za-z][A-Za-z0-9]*)", text)
    return found[1].upper() if found and found[1].islower() else found[1] if found else ""


def name_of(reader: Line, tensor: str) -> str:
    """Name of the Einsum that makes a tensor for another one."""
    return f"{reader.name}.{tensor}" if reader.is_layer else tensor


def names_of(statement: Statement) -> set[str]:
    """Ranks and constants that a statement names."""
    every = (statement.output, *statement.inputs)
    stated = {i.rank for a in every for i in a.indices if i.rank}
    return {v.upper() for v in statement.rank_variables} | set(statement.constants) | stated


def closure(names: set[str], stated: Mapping[str, int | str]) -> set[str]:
    """Names, and those in their formulas."""
    found, pending = set(names), list(names)
    while pending:
        further = set(_NAME.findall(str(stated.get(pending.pop(), "")))) - found
        found |= further
        pending.extend(further)
    return found


def _kept(bits: Mapping[str, int] | None, tensors: set[str]) -> dict[str, int] | None:
    return None if bits is None else {n: b for n, b in bits.items() if n in tensors or not n[0].isupper()}


def tensors_in(draft: Draft) -> dict[str, Tensor]:
    """Tensors of the Einsums that steps may change."""
    found: dict[str, Tensor] = {}
    for line in draft.open_lines:
        found |= draft.einsum(line).tensors
    return found


def each_open(draft: Draft, change: Callable[[Line], Statement], ranks: Mapping[str, int | str] | None = None) -> Draft:
    """Change the statement of every Einsum that may be changed."""
    lines = (replace(x, statement=change(x)) if x.name in draft.scope else x for x in draft.lines)
    return draft.with_lines(lines, ranks)


def accesses_of(statement: Statement) -> tuple[TensorAccess, ...]:
    """The output of a statement, and what it reads."""
    return (statement.output, *statement.inputs)


def is_same(first: Draft, second: Draft) -> bool:
    """Whether two drafts say the same of the same tensors, be it ``P=x + a`` in one and ``a + x`` in the other."""
    return _unspelt(first) == _unspelt(second)


def _unspelt(draft: Draft) -> list[Einsum]:
    """Einsums with the terms of indices, and what a rank without a name is called after, in one order."""

    def written(access: TensorAccess) -> TensorAccess:
        terms = [tuple(sorted(index.terms, key=str)) for index in access.indices]
        return with_indices(
            access, (replace(i, terms=t, rank=None) for i, t in zip(access.indices, terms, strict=True))
        )

    def resolved(access: Access) -> Access:
        return replace(access, indices=tuple(replace(i, terms=tuple(sorted(i.terms))) for i in access.indices))

    def tensor(tensor: Tensor) -> Tensor:
        return replace(tensor, ranks=tuple("+".join(sorted(rank.split("+"))) for rank in tensor.ranks))

    return [
        replace(
            einsum,
            text=str(with_accesses(line.statement, written)),
            output=resolved(einsum.output),
            inputs=tuple(map(resolved, einsum.inputs)),
            tensors={name: tensor(t) for name, t in einsum.tensors.items()},
        )
        for line, einsum in ((line, draft.einsum(line)) for line in draft.lines)
    ]


# ---------------------------------------------------------------------------------------------------------------
# Trees


def with_accesses(statement: Statement, change: Callable[[TensorAccess], TensorAccess]) -> Statement:
    """Change every access of a statement."""

    def node(expression: Expression) -> Expression:
        return change(expression) if isinstance(expression, TensorAccess) else expression

    return replace(statement, output=change(statement.output), expression=changed(statement.expression, node))


def with_indices(access: TensorAccess, indices: Iterable[Index]) -> TensorAccess:
    return replace(access, indices=tuple(indices), tuples=())


def variable_index(variable: str, rank: str | None = None) -> Index:
    """``p``, or ``M=p`` where the rank has another name."""
    return Index((Term((variable,)),), rank if rank != variable.upper() else None)


def scaled(index: Index, *factors: int | str) -> tuple[Term, ...]:
    """The terms of an index times some numbers and constants."""
    kept = tuple(f for f in factors if f != 1)
    return tuple(Term(_ordered((*term.factors, *kept)), term.negative) for term in index.terms if 0 not in term.factors)


def _ordered(factors: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Without the ones that change nothing: ``1*p`` is ``p``."""
    return tuple(f for f in factors if f != 1) or (1,)


def substituted(index: Index, new: Mapping[str, tuple[Term, ...]]) -> Index:
    """Put sums of terms in the place of rank variables."""
    terms: list[Term] = []
    for term in index.terms:
        variable = term.rank_variable
        if variable is None or variable not in new:
            terms.append(term)
            continue
        others = tuple(f for f in term.factors if f != variable)
        terms += [Term(_ordered((*others, *p.factors)), term.negative != p.negative) for p in new[variable]]
    return replace(index, terms=tuple(terms))


# ---------------------------------------------------------------------------------------------------------------
# YAML


def workload_yaml(spec: WorkloadSpec, comments: Iterable[str] = ()) -> str:
    """Write a workload file, with lines of comment before it."""
    lines = [f"# {text}".rstrip() for text in comments]
    lines.append(f"name: {yaml_text(spec.name)}")
    if spec.source:
        lines.append(f"source: {json.dumps(spec.source, ensure_ascii=False)}")
    for key in ("ranks", "tensors", "bits", "weights", "batch", "pad", "values", "distinct", "density", "coordinates"):
        value = getattr(spec, key)
        if value is not None and (value or key == "weights") and value != {}:
            lines.append(f"{key}: {flow_text(value)}")
    lines.append("einsums:")
    for einsum in spec.einsums:
        stated: dict[str, Any] = {"name": einsum.name, "einsum": einsum.einsum}
        for key in ("ranks", "bits", "weights", "pad"):
            if (value := getattr(einsum, key)) is not None:
                stated[key] = value
        if einsum.count != 1:
            stated["count"] = einsum.count
        lines.append(f"- {flow_text(stated)}")
    return "\n".join(lines) + "\n"


def flow_text(value: object) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow_text(v)}" for key, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow_text, value)) + "]"
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z0-9_.]+", value) and yaml_text(value) == value
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(str(value), repr(value))
    return str(value)
