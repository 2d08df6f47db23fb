"""The syntax tree of an Einsum, and how it prints. Offsets are places in the text; no comparison looks at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from costmodel.einsum.algebra import Affine

Reduction = Literal["=", "+=", "*=", "max=", "min="]


BinaryOperator = Literal["+", "-", "*", "/"]


@dataclass(frozen=True)
class Term:
    """A product inside an index: ``U*p``, ``p``, ``2``; negative after a minus."""

    factors: tuple[int | str, ...]
    """Integers, constants (upper case) and at most one rank variable (lower case), as written."""
    negative: bool = False

    @cached_property
    def rank_variable(self) -> str | None:
        return next((f for f in self.factors if isinstance(f, str) and f[0].islower()), None)

    @cached_property
    def constants(self) -> tuple[str, ...]:
        return tuple(f for f in self.factors if isinstance(f, str) and f[0].isupper())

    def __str__(self) -> str:
        return "*".join(str(f) for f in self.factors)


@dataclass(frozen=True)
class Index:
    """One index of an access, affine or looked up, with the rank's name where the text states it."""

    terms: tuple[Term, ...]
    rank: str | None = None
    offset: int = field(default=0, compare=False, repr=False)
    lookup: TensorAccess | None = None
    """The access whose words are the coordinates (``TOKEN[m]`` of ``TABLE[TOKEN[m], d]``), in place of terms."""

    @cached_property
    def rank_variables(self) -> tuple[str, ...]:
        """In order, each once."""
        if self.lookup is not None:
            return tuple(dict.fromkeys(v for index in self.lookup.indices for v in index.rank_variables))
        return tuple(dict.fromkeys(v for term in self.terms if (v := term.rank_variable)))

    @cached_property
    def plain(self) -> str | None:
        """The rank variable, where the index is nothing but one."""
        if len(self.terms) != 1 or self.terms[0].negative or len(self.terms[0].factors) != 1:
            return None
        return self.terms[0].rank_variable

    @cached_property
    def lone_constant(self) -> str | None:
        """The constant, where the index is nothing but one."""
        if len(self.terms) != 1 or self.terms[0].negative or len(self.terms[0].factors) != 1:
            return None
        return next(iter(self.terms[0].constants), None)

    def affine(self, constants: Mapping[str, int]) -> Affine:
        """Put the values of the constants in; KeyError names the one that has none. Of no index that is looked up."""
        total = 0
        coefficients: dict[str, int] = {}
        for term in self.terms:
            value = -1 if term.negative else 1
            for factor in term.factors:
                if isinstance(factor, int):
                    value *= factor
                elif factor[0].isupper():
                    value *= constants[factor]
            variable = term.rank_variable
            if variable is None:
                total += value
            else:
                coefficients[variable] = coefficients.get(variable, 0) + value
        return Affine(tuple((v, c) for v, c in coefficients.items() if c), total)

    @property
    def expression(self) -> Expression:
        """The same as a value: ``H*F`` of an index that has no rank variable."""
        total: Expression | None = None
        for term in self.terms:
            product: Expression | None = None
            for factor in term.factors:
                value = Number(factor) if isinstance(factor, int) else Constant(factor, self.offset)
                product = value if product is None else Binary("*", product, value)
            if product is not None and total is None:
                total = Negative(product) if term.negative else product
            elif product is not None and total is not None:
                total = Binary("-" if term.negative else "+", total, product)
        return total or Number(0)

    def __str__(self) -> str:
        text = f"{self.rank}=" if self.rank else ""
        if self.lookup is not None:
            return f"{text}{self.lookup}"
        for place, term in enumerate(self.terms):
            if place == 0:
                text += f"-{term}" if term.negative else str(term)
            else:
                text += f" - {term}" if term.negative else f" + {term}"
        return text


@dataclass(frozen=True, slots=True)
class TensorAccess:
    """``A[m, k]``; a scalar is ``S[]``."""

    tensor: str
    indices: tuple[Index, ...]
    offset: int = field(default=0, compare=False, repr=False)
    tuples: tuple[tuple[int, int], ...] = ()
    """Where indices are written as one tuple, ``Z[(i, j), k]``: first and one past the last, as in a slice; a tuple
    comes before those inside of it. What is computed is the same."""

    def __str__(self) -> str:
        return f"{self.tensor}[{', '.join(self.with_tuples([str(i) for i in self.indices], ', '))}]"

    def with_tuples(self, texts: list[str], between: str) -> list[str]:
        """Texts of the indices, with those of a tuple in brackets."""

        def shown(first: int, last: int, tuples: tuple[tuple[int, int], ...]) -> list[str]:
            found: list[str] = []
            for start, stop in tuples:
                if start >= first:
                    inner = tuple(t for t in tuples if start <= t[0] and t[1] <= stop and t != (start, stop))
                    found += [*texts[first:start], f"({between.join(shown(start, stop, inner))})"]
                    first = stop
            return found + texts[first:last]

        return shown(0, len(texts), self.tuples)


@dataclass(frozen=True, slots=True)
class Number:
    """A literal, never negative: ``2``, ``0.5``, ``1e-05``, ``inf``."""

    value: int | float

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the workload used as a value: ``QK[m, p] / sqrt(E)``."""

    name: str
    offset: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Negative:
    """``-A[m]``."""

    inner: Expression

    def __str__(self) -> str:
        return f"-{_bracketed(self.inner, strength(self.inner) < strength(self))}"


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    function: str
    arguments: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(str(a) for a in self.arguments)})"


@dataclass(frozen=True, slots=True)
class Binary:
    """``left + right``; operators of one strength group from the left."""

    operator: BinaryOperator
    left: Expression
    right: Expression

    def __str__(self) -> str:
        own = strength(self)
        left = _bracketed(self.left, strength(self.left) < own)
        right = _bracketed(self.right, strength(self.right) <= own)
        return f"{left} {self.operator} {right}"


Expression = TensorAccess | Number | Constant | Negative | Call | Binary


@dataclass(frozen=True, slots=True)
class Shape:
    """What a text says about the shape of a rank: ``P=M``."""

    rank: str
    expression: Expression
    offset: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DeclaredRank:
    """One rank of a declared tensor, with its shape if that is said."""

    name: str
    shape: Expression | None = None
    offset: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return self.name if self.shape is None else f"{self.name}={compact(self.shape)}"


@dataclass(frozen=True, slots=True)
class Declaration:
    """The ranks of a tensor: ``G[S=V, D=V]``."""

    tensor: str
    ranks: tuple[DeclaredRank, ...]

    def __str__(self) -> str:
        return f"{self.tensor}[{', '.join(str(rank) for rank in self.ranks)}]"


@dataclass(frozen=True)
class Statement:
    """One Einsum as written."""

    output: TensorAccess
    reduction: Reduction
    expression: Expression
    shapes: tuple[Shape, ...] = field(default=(), compare=False)
    """Shapes that the text says beside what it computes; the canonical form leaves them to ``ranks:``."""

    @property
    def reducer(self) -> Literal["+", "*", "max", "min"]:
        """What folds the points that meet in one word; a plain ``=`` sums."""
        names: dict[str, Literal["+", "*", "max", "min"]] = {"*=": "*", "max=": "max", "min=": "min"}
        return names.get(self.reduction, "+")

    @cached_property
    def inputs(self) -> tuple[TensorAccess, ...]:
        """Accesses on the right, in order, repeated ones included."""
        return tuple(accesses(self.expression))

    @cached_property
    def rank_variables(self) -> tuple[str, ...]:
        """In order of first appearance, the left-hand side first."""
        found = (v for access in (self.output, *self.inputs) for index in access.indices for v in index.rank_variables)
        return tuple(dict.fromkeys(found))

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """Names of the constants used in indices or as values, in order of first appearance."""
        names: dict[str, None] = {}
        for access in (self.output, *self.inputs):
            for index in access.indices:
                for term in index.terms:
                    names.update(dict.fromkeys(term.constants))
        names.update(dict.fromkeys(c.name for c in nodes(self.expression) if isinstance(c, Constant)))
        return tuple(names)

    def __str__(self) -> str:
        return f"{self.output} {self.reduction} {self.expression}"


def compact(formula: Expression) -> str:
    """A formula as it is written in ``ranks:``: ``(H + 2*PAD - R) / U + 1``."""
    return str(formula).replace(" * ", "*")


def nodes(expression: Expression) -> Iterator[Expression]:
    """Every node of an expression, from left to right, outer before inner."""
    yield expression
    for child in children(expression):
        yield from nodes(child)


def children(expression: Expression) -> tuple[Expression, ...]:
    """Operands of a node, left to right."""
    match expression:
        case Negative(inner):
            return (inner,)
        case Call(_, arguments):
            return arguments
        case Binary(_, left, right):
            return (left, right)
        case _:
            return ()


def changed(expression: Expression, change: Callable[[Expression], Expression]) -> Expression:
    """Change every node of an expression, the inner ones first."""
    match expression:
        case TensorAccess(_, indices) if any(index.lookup for index in indices):
            return change(replace(expression, indices=tuple(_with_changed_lookup(i, change) for i in indices)))
        case Negative(inner):
            return change(Negative(changed(inner, change)))
        case Call(function, arguments):
            return change(Call(function, tuple(changed(argument, change) for argument in arguments)))
        case Binary(operator, left, right):
            return change(Binary(operator, changed(left, change), changed(right, change)))
        case _:
            return change(expression)


def _with_changed_lookup(index: Index, change: Callable[[Expression], Expression]) -> Index:
    lookup = None if index.lookup is None else changed(index.lookup, change)
    return replace(index, lookup=lookup) if isinstance(lookup, TensorAccess) else index


def accesses(expression: Expression) -> Iterator[TensorAccess]:
    """Accesses of an expression, from left to right; those that are looked up after the one that they lead into."""
    for node in nodes(expression):
        if isinstance(node, TensorAccess):
            yield node
            for index in node.indices:
                if index.lookup is not None:
                    yield from accesses(index.lookup)


def addends(expression: Expression) -> tuple[tuple[bool, Expression], ...]:
    """Split a sum into its terms, each with whether it is subtracted.

    >>> from costmodel.einsum.notation import parse
    >>> [(minus, str(term)) for minus, term in addends(parse("Z[m] = A[m] - (B[m] - C[m])").expression)]
    [(False, 'A[m]'), (True, 'B[m]'), (False, 'C[m]')]
    """
    match expression:
        case Binary("+", left, right):
            return (*addends(left), *addends(right))
        case Binary("-", left, right):
            return (*addends(left), *((not minus, term) for minus, term in addends(right)))
        case Negative(inner):
            return tuple((not minus, term) for minus, term in addends(inner))
        case _:
            return ((False, expression),)


def factors(expression: Expression) -> tuple[Expression, ...]:
    """Split a product into its factors; signs are dropped.

    >>> from costmodel.einsum.notation import parse
    >>> [str(f) for f in factors(parse("Z[m] = 2 * -A[m] * exp(B[m])").expression)]
    ['2', 'A[m]', 'exp(B[m])']
    """
    match expression:
        case Binary("*", left, right):
            return (*factors(left), *factors(right))
        case Negative(inner):
            return factors(inner)
        case _:
            return (expression,)


def rank_variables(expression: Expression) -> frozenset[str]:
    """Rank variables of all accesses of an expression."""
    return frozenset(v for a in accesses(expression) for i in a.indices for v in i.rank_variables)


def strength(expression: Expression) -> int:
    """How tightly the outermost operator of an expression binds: sums 1, products 2, signs 3, all else 4."""
    match expression:
        case Binary("+" | "-"):
            return 1
        case Binary():
            return 2
        case Negative():
            return 3
        case _:
            return 4


def _bracketed(expression: Expression, needed: bool) -> str:
    return f"({expression})" if needed else str(expression)
