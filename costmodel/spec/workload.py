"""Workloads: the file's Einsums, ranks, bit widths and weights, resolved into ``einsum/algebra.py``.

How shapes follow from ``ranks:``
    The extent of rank variable ``m`` is ``ranks: {M: …}``. Where the file has no such rank and every use of the
    variable is ``RANK=m``, it is the shape of that rank. Constants (``U`` in ``U*p + r``) are entries of ``ranks:``
    too. The shape of a tensor's rank is its largest coordinate plus one: ``U*(P - 1) + (R - 1) + 1`` for the window
    ``U*p + r``, ``H*F`` for ``h*F + f``, ``M1 + 1`` for the iterative ``m1 + 1``. ``ranks:`` may state the shape of a
    rank that an access names (``H=U*p + r``); it must have room for every coordinate, and what is touched counts, but
    of a tensor that is declared (``tensors:``) or looked up all of it.

How ranks get their names
    ``RANK=index`` says it; a lone variable gives its upper case; other affine indices take the name that another
    access to the same tensor gives the rank, else the upper-case variables joined by ``+`` (``P+R``).

How an index leaves its tensor
    With ``pad:`` it may, on either side. The shape of the rank is then the one that ``ranks:`` states under the name
    that the access gives it (no more than what is touched counts), else what other indices of the tensor touch.

How tensors are shared
    Einsums share tensors by name (a cascade). Where one Einsum writes ``m`` and another reads ``p + r`` or ``m1 + 1``,
    the tensor has room for both; plain and flattened ranks must agree. A tensor has one producer, or several that
    write different coordinates of a rank (``R[0, p]`` and ``R[m + 1, p]``). An Einsum with ``ranks:`` of its own is a
    layer of a network: a name whose shape, width or producer differs from the earlier use is another tensor there.

How roles follow
    Written and read by another Einsum: intermediate. Written only: output. Not written: weight if ``weights:`` names
    it (a list is complete: what it leaves out is an input). Without a list the role is a guess, and marked so; the
    order of operands plays no part. In Einsums with a batch rank (the one that ``batch:`` names; else B or N, where it
    is the first rank of the output and, somewhere, indexes a tensor that no Einsum writes) what lacks it is a weight.
    In Einsums without one, what multiplies a tensor that an Einsum writes in a reduced product is a weight; where no
    Einsum writes any factor, one is the input and the others are weights (``einsum/operands.py`` says which). A bias
    that is added to such a product is a weight.
    A tensor is a weight if every Einsum that reads it says so.

Words have ``DEFAULT_BITS`` bits where ``bits:`` says nothing. It may name tensors, roles and ``default``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from costmodel.einsum import notation
from costmodel.einsum.algebra import Access, Affine, Einsum, Workload
from costmodel.einsum.coordinates import points_meet
from costmodel.einsum.joined import parts, written_out
from costmodel.einsum.operations import operations, terms
from costmodel.einsum.syntax import Constant, Declaration, Index, Statement, TensorAccess, accesses, nodes
from costmodel.einsum.tokens import NotationError
from costmodel.spec.declared import declarations, with_declared_ranks
from costmodel.spec.flattened import shared_words
from costmodel.spec.lookups import check_distinct, looked_up
from costmodel.spec.nonzeros import nonzero_problems
from costmodel.spec.padding import check_padding
from costmodel.spec.problems import Marks, Path, SpecError, did_you_mean
from costmodel.spec.ranks import Findings, Ranks, Said
from costmodel.spec.tensors import (
    NumberedEinsum,
    Use,
    check_tensor_names,
    check_weights_are_given,
    infer_roles,
    resolve_tensors,
    share,
)
from costmodel.spec.validation import in_order
from costmodel.spec.values import value_problems
from costmodel.spec.workload_spec import MAX_EXTENT, EinsumSpec, WorkloadSpec

_EINSUM_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")


def resolve(spec: WorkloadSpec, marks: Marks | None = None) -> Workload:
    """Put the numbers into the Einsums: shapes, roles, widths, operations.

    Raises SpecError with everything that is wrong with the workload.
    """
    findings = Findings(spec, marks or Marks())
    texts = _texts(findings)
    _check_einsum_names(texts.statements, findings)
    numbered = [_Numbers(place, s, texts, findings).einsum() for place, s in texts.statements.items()]
    _check_unused_ranks(texts, findings)
    if texts.are_whole:
        check_tensor_names(texts.statements, findings)
        check_distinct(texts.statements, findings)
    einsums = [einsum for einsum in numbered if einsum]
    if not texts.are_whole or not texts.fit or len(einsums) < len(texts.statements):
        raise SpecError(in_order(findings.problems))
    shared = share(einsums, findings)
    roles = infer_roles(einsums, shared, spec)
    if not findings.problems:
        check_weights_are_given(einsums, shared, roles, findings)
    if findings.problems:
        raise SpecError(in_order(findings.problems))
    tensors = resolve_tensors(shared, roles, findings)
    if findings.problems:
        raise SpecError(in_order(findings.problems))
    resolved: list[Einsum] = []
    for einsum in einsums:
        output = einsum.output.access
        names = dict.fromkeys(u.access.tensor for u in einsum.inputs)
        names.pop(output.tensor, None)
        found = Einsum(
            name=einsum.spec.name or output.tensor,
            text=str(einsum.statement),
            shape=einsum.shape,
            output=output,
            inputs=_reads(einsum),
            tensors={name: tensors[shared[einsum.place, name]] for name in (*names, output.tensor)},
            operations=(),
            count=einsum.spec.count,
            constants=einsum.constants,
        )
        done = operations(einsum.statement, einsum.reduced, meet=points_meet(found))
        resolved.append(replace(found, operations=done))
        if resolved[-1].limits:
            resolved[-1] = _with_addends(resolved[-1], einsum)
            check_padding(resolved[-1], einsum, findings)
    for name, message, hint in value_problems(spec.values, resolved):
        findings.at(("values", name), message, hint, key=True)
    for path, message, hint in nonzero_problems(spec, resolved):
        findings.at(path, message, hint, key=len(path) == len(("density", "A")))
    if findings.problems:
        raise SpecError(in_order(findings.problems))
    doubts = [
        replace(doubt, excerpt="")
        for einsum in einsums
        for doubt in shared_words(einsum, texts.ranks.stated(einsum.place), findings)
    ]
    return Workload(spec.name, spec.source, tuple(resolved), tuple(map(str, doubts)))


def _with_addends(einsum: Einsum, numbered: NumberedEinsum) -> Einsum:
    """Tell the terms of a sum apart by what they lack: each may leave its tensors by itself."""
    addends = tuple(dict.fromkeys(lacking for _, lacking in terms(numbered.statement, numbered.reduced)))
    if len(addends) == 1:
        return einsum
    return replace(einsum, inputs=tuple(_asked(numbered)), addends=addends)


def _asked(einsum: NumberedEinsum) -> dict[Access, None]:
    """Accesses on the right, each with the reduced rank variables that its term lacks."""
    resolved = {use.written: use.access for use in einsum.inputs}
    return dict.fromkeys(
        replace(resolved[written], at_zero=lacking)
        for term, lacking in terms(einsum.statement, einsum.reduced)
        for written in accesses(term)
    )


def _reads(einsum: NumberedEinsum) -> tuple[Access, ...]:
    """Accesses on the right, each with where it is asked for; one whose points another one covers is dropped."""
    moving = {v for v, extent in einsum.shape.items() if extent > 1}
    found = dict.fromkeys(replace(access, at_zero=access.at_zero & moving) for access in _asked(einsum))
    return tuple(
        access
        for access in found
        if not any(
            (other.tensor, other.indices) == (access.tensor, access.indices) and other.at_zero < access.at_zero
            for other in found
        )
    )


@dataclass(frozen=True)
class _Texts:
    """What the entries of ``einsums:`` say."""

    statements: Mapping[int, Statement]
    """By their place, with joined variables written out and the names of declared ranks."""
    ranks: Ranks
    declared: Collection[str]
    """Tensors whose ranks are declared: those are stored whole."""
    are_whole: bool
    """Whether every entry can be read."""
    fit: bool
    """Whether all do as is declared."""


def _texts(findings: Findings) -> _Texts:
    """Read every entry, and hold it against what is declared."""
    read = {place: _read(place, einsum, findings) for place, einsum in enumerate(findings.spec.einsums)}
    written = {place: found for place, found in read.items() if isinstance(found, Statement)}
    declared = declarations(findings, {place: d for place, d in read.items() if isinstance(d, Declaration)})
    said = [
        (shape.rank, Said(shape.expression, findings.text_path(place), place, shape.offset))
        for place, statement in written.items()
        for shape in statement.shapes
    ]
    ranks = Ranks(findings.spec, findings, [*declared.said, *said])
    statements: dict[int, Statement] = {}
    problems_before = len(findings.problems)
    for place, statement in written.items():
        spelt = written_out(statement, ranks.without_joined(place, statement))
        statements[place] = with_declared_ranks(spelt, place, declared, ranks)
    if not written and None not in read.values():
        findings.at(("einsums",), "no entry computes anything: all declare tensors")
    fit = len(findings.problems) == problems_before
    return _Texts(statements, ranks, declared.ranks.keys(), None not in read.values(), fit)


def _read(place: int, spec: EinsumSpec, findings: Findings) -> Statement | Declaration | None:
    try:
        found = notation.read(spec.einsum)
    except NotationError as error:
        for problem in error.problems:
            findings.at_text(place, error.offset, problem.message, problem.hint)
        return None
    if isinstance(found, Declaration) and spec != EinsumSpec(einsum=spec.einsum):
        findings.at(("einsums", place), f"{found} declares a tensor: it has no name, count, ranks, bits or weights")
    return found


def _check_einsum_names(statements: Mapping[int, Statement], findings: Findings) -> None:
    seen: dict[str, int] = {}
    for place, spec in enumerate(findings.spec.einsums):
        statement = statements.get(place)
        if spec.name is not None and not _EINSUM_NAME.fullmatch(spec.name):
            message = f"Einsum name {spec.name!r} must be letters, digits, '_', '.' and '-', and start with no digit"
            findings.at(("einsums", place, "name"), message)
            continue
        name = spec.name or (statement.output.tensor if statement else None)
        if name in seen:
            path: Path = ("einsums", place, "name") if spec.name else findings.text_path(place)
            message = f"two Einsums are named {name}: einsums[{seen[name]}] and this one"
            hint = "identical layers are one entry with `count:`; others need a `name:` each"
            findings.at(path, message, hint)
        elif name:
            seen[name] = place


def _named_ranks(statement: Statement, stated: Collection[str]) -> set[str]:
    """Entries of ``ranks:`` that a statement speaks of; a joined variable speaks of those that it joins."""
    accesses = (statement.output, *statement.inputs)
    ranks = {index.rank for access in accesses for index in access.indices if index.rank}
    variables = {part for v in statement.rank_variables for part in parts(v, stated) or (v,)}
    return {v.upper() for v in variables} | set(statement.constants) | ranks


def _check_unused_ranks(texts: _Texts, findings: Findings) -> None:
    ranks = texts.ranks
    used: set[str] = set()
    wanting: dict[str, None] = {}
    for place, statement in texts.statements.items():
        stated = ranks.stated(place)
        direct = _named_ranks(statement, stated)
        named = ranks.closure(place, direct)
        used |= named
        wanting.update(dict.fromkeys(name for name in sorted(direct) if name not in stated))
        for name in findings.spec.einsums[place].ranks or {}:
            if name not in named:
                hint = did_you_mean(name, sorted(direct))
                path: Path = ("einsums", place, "ranks", name)
                findings.at(path, f"rank {name} appears nowhere in this Einsum", hint, key=True)
    if texts.are_whole:
        ranks.check_used(frozenset(used), tuple(wanting))


class _Numbers:
    """Puts numbers into one statement."""

    def __init__(self, place: int, statement: Statement, texts: _Texts, findings: Findings) -> None:
        self.place = place
        self.statement = statement
        self.text = findings.spec.einsums[place].einsum
        self.findings = findings
        self.ranks = texts.ranks
        self.declared = texts.declared
        self.stated = self.ranks.stated(place)
        self.values = self.ranks.values(place, sorted(self.ranks.closure(place, _named_ranks(statement, self.stated))))
        self.accesses = (statement.output, *statement.inputs)

    def einsum(self) -> NumberedEinsum | None:
        """The Einsum with its numbers; null where something is wrong, and reported."""
        problems_before = len(self.findings.problems)
        shape = self.shape()
        constants = self.constants()
        if shape is None or constants is None:
            return None
        written = dict.fromkeys(self.statement.inputs)
        inputs = tuple(self.use(access, shape, constants, is_output=False) for access in written)
        output = self.use(self.statement.output, shape, constants, is_output=True)
        moving = {v for use in (*inputs, output) for v in use.access.rank_variables}
        for variable in shape:
            if variable not in moving:
                message = f"rank variable {variable} moves no index: its coefficients add up to 0"
                self.problem(self.offset_of(variable), message)
        if len(self.findings.problems) > problems_before:
            return None
        spec = self.findings.spec.einsums[self.place]
        return NumberedEinsum(self.place, spec, self.statement, shape, constants, inputs, output)

    def problem(self, offset: int, message: str, hint: str = "") -> None:
        self.findings.at_text(self.place, offset, message, hint)

    def offset_of(self, word: str) -> int:
        """Place of the first use of a rank variable or constant in the text."""
        found = [i.offset for a in self.accesses for i in a.indices for t in i.terms if word in t.factors]
        every = nodes(self.statement.expression)
        found += [node.offset for node in every if isinstance(node, Constant) and node.name == word]
        start = min(found, default=0)
        match = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_]| *=)").search(self.text, start)
        return match.start() if match else start

    def shape(self) -> dict[str, int] | None:
        """Extent of every rank variable, in order of appearance."""
        shape: dict[str, int] = {}
        for variable in self.statement.rank_variables:
            name = variable.upper()
            if name in self.values:
                if not self.values[name]:
                    self.ranks.refuse_empty(self.place, name)
                    continue
                shape[variable] = self.values[name]
            elif joined := parts(variable, self.stated):
                extents_of_parts = [self.values.get(part.upper(), 0) for part in joined]
                if all(extents_of_parts):  # else their definitions are wrong, and that is reported
                    shape[variable] = math.prod(extents_of_parts)
            elif name not in self.stated:  # likewise
                extents = self.extents_of_renamed(variable)
                if not extents:
                    message = f"rank {name} of rank variable {variable} has no shape in ranks"
                    self.problem(self.offset_of(variable), message, self.hint_for_shape(variable))
                    continue
                if len(set(extents.values())) > 1:
                    shapes = ", ".join(f"{rank}: {extent}" for rank, extent in extents.items())
                    message = f"rank variable {variable} has two extents ({shapes})"
                    self.problem(self.offset_of(variable), message, f"add {name} to ranks")
                shape[variable] = min(extents.values())
        return shape if len(shape) == len(self.statement.rank_variables) else None

    def extents_of_renamed(self, variable: str) -> dict[str, int]:
        """Shapes of the ranks that a variable runs over, if every use of it is ``RANK=variable``."""
        extents: dict[str, int] = {}
        for access in self.accesses:
            for index in access.indices:
                if variable not in index.rank_variables:
                    continue
                if index.rank is None or index.plain is None:
                    return {}
                if index.rank in self.values:
                    extents[index.rank] = self.values[index.rank]
        return extents

    def constants(self) -> dict[str, int] | None:
        """Value of every constant of the text."""
        names = self.statement.constants
        for name in names:
            if name not in self.stated:
                hint = self.hint_for(name, f"add {name} to ranks; a tensor is written {name}[…], a scalar {name}[]")
                self.problem(self.offset_of(name), f"constant {name} has no value in ranks", hint)
        return {name: self.values[name] for name in names} if all(name in self.values for name in names) else None

    def hint_for_shape(self, variable: str) -> str:
        letters = list(dict.fromkeys(v.upper() for v in variable))
        known = [letter for letter in letters if letter in self.stated]
        hint = f"add {variable.upper()} to ranks"
        if known and variable.isalpha():
            missing = ", ".join(letter for letter in letters if letter not in known)
            return f"{hint}, or {missing} of {', '.join(letters)}, which it may join"
        return self.hint_for(variable.upper(), hint)

    def hint_for(self, name: str, otherwise: str) -> str:
        known = tuple(self.stated)
        return did_you_mean(name, known) if get_close_matches(name, known) else otherwise

    def affine(self, index: Index, shape: Mapping[str, int], constants: Mapping[str, int], rows: int | None) -> Affine:
        """An index in numbers; ``rows`` is the stated extent of its rank."""
        if index.lookup is None:
            return index.affine(constants)
        own = [inner.affine(constants) for inner in index.lookup.indices]
        problem, found = looked_up(index.lookup.tensor, own, shape, self.findings.spec, rows)
        if problem:
            self.problem(index.offset, problem, "`values:` or `distinct:` say which words are looked up")
        return found

    def use(
        self, written: TensorAccess, shape: Mapping[str, int], constants: Mapping[str, int], *, is_output: bool
    ) -> Use:
        indices: list[Affine] = []
        lows: list[int] = []
        extents: list[int] = []
        room: list[int] = []
        for index in written.indices:
            stated = self.values.get(index.rank or "")
            affine = self.affine(index, shape, constants, stated)
            low, high = affine.span(shape)
            padded = self.findings.spec.pad_of(self.place) is not None
            if low < 0 and not padded:
                hint = "coordinates start at 0: shift the tensor, padding included, or say `pad: zero`"
                self.problem(index.offset, f"index {index} of {written.tensor} goes down to {low}", hint)
            if high >= MAX_EXTENT:
                self.problem(index.offset, f"index {index} of {written.tensor} goes up to {high:,}: too large")
            elif high < 0:
                self.problem(index.offset, f"index {index} of {written.tensor} goes up to {high}: it is all outside")
            elif stated is not None and high >= stated and not padded:
                message = f"index {index} of {written.tensor} goes up to {high}: rank {index.rank} must be {high + 1}"
                self.problem(index.offset, message, f"ranks has {index.rank}: {stated}")
            indices.append(affine)
            lows.append(max(low, 0))
            extents.append(min(high + 1, stated) if stated is not None else 0 if low < 0 else high + 1)
            whole = index.lookup is not None or written.tensor in self.declared
            room.append(stated if whole and stated is not None else extents[-1])
        access = Access(written.tensor, tuple(indices))
        return Use(self.place, written, access, tuple(lows), tuple(extents), tuple(room), is_output)
