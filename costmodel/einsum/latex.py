r"""Statements as the slides of a lecture write them: ``Z_{m,n} = A_{m,k} \times B_{k,n}``.

What is printed here, ``notation.py`` reads back to an equal statement, shapes included. A rank that is not named after
its variable stands above its tensor, with the ranks beside it (``Q_{p,e}^{M,E}``), and so does a shape
(``QK_{m,p}^{M,P=M}``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from costmodel.einsum.syntax import (
    Binary,
    Call,
    Constant,
    Declaration,
    Expression,
    Index,
    Negative,
    Number,
    Shape,
    Statement,
    TensorAccess,
    Term,
    compact,
    strength,
)

_COMMANDS = frozenset(("exp", "log", "max", "min", "sin", "cos", "tanh"))
"""Functions that LaTeX has a command for."""
_TIMES = r" \times "
_REDUCTIONS = {"max=": r"\max", "min=": r"\min", "*=": r"\prod"}


def latex(statement: Statement | Declaration) -> str:
    r"""Print a statement or a declaration in LaTeX.

    >>> from costmodel.einsum.notation import parse
    >>> print(latex(parse("QK[h, m, p] = Q[h, M=p, e] * K[h, m, e]")))
    QK_{h,m,p} = Q_{h,p,e}^{H,M,E} \times K_{h,m,e}
    >>> print(latex(parse("GM[p] max= QK[m, p] / sqrt(E)")))
    GM_p = \max_m QK_{m,p} / \sqrt{E}
    """
    if isinstance(statement, Declaration):
        ranks = ",".join(_entry(rank.name, rank.shape) for rank in statement.ranks)
        return f"{_name(statement.tensor)}^{{{ranks}}}"
    return _Printer(statement).statement()


class _Printer:
    """Prints one statement; what it says about shapes is printed where its rank comes first."""

    def __init__(self, statement: Statement) -> None:
        self.whole = statement
        self.shape_of: Mapping[str, Shape] = {shape.rank: shape for shape in statement.shapes}
        self.told: set[str] = set()

    def statement(self) -> str:
        left = self.access(self.whole.output)
        right = self.expression(self.whole.expression)
        over = _over(self.whole)
        sign = _REDUCTIONS.get(self.whole.reduction)
        if sign is None or not over:
            return f"{left} {self.whole.reduction} {right}"
        if strength(self.whole.expression) == 1:
            right = f"({right})"
        return f"{left} = {sign}{_script('_', over)} {right}"

    def expression(self, expression: Expression) -> str:
        match expression:
            case TensorAccess():
                return self.access(expression)
            case Number(value):
                return r"\infty" if value == float("inf") else repr(value)
            case Constant(name):
                return _name(name)
            case Negative(inner):
                return f"-{self.bracketed(inner, strength(inner) < strength(expression))}"
            case Call("sqrt", (argument,)):
                return rf"\sqrt{{{self.expression(argument)}}}"
            case Call(function, arguments):
                name = f"\\{function}" if function in _COMMANDS else rf"\operatorname{{{function}}}"
                return f"{name}({', '.join(self.expression(argument) for argument in arguments)})"
            case Binary(operator, left, right):
                own = strength(expression)
                first = self.bracketed(left, strength(left) < own)
                second = self.bracketed(right, strength(right) <= own)
                sign = _TIMES if operator == "*" else f" {operator} "
                return f"{first}{sign}{second}"

    def bracketed(self, expression: Expression, needed: bool) -> str:
        text = self.expression(expression)
        return f"({text})" if needed else text

    def access(self, access: TensorAccess) -> str:
        below = ",".join(access.with_tuples([self.index(index) for index in access.indices], ","))
        bare = access.indices and not access.tensor.endswith("_")  # A\__p would be one name
        text = _name(access.tensor) + (_script("_", [below]) if bare else f"_{{{below}}}")
        above = list(self.above(access))
        return text + (_script("^", above) if any(above) and any(self.needed) else "")

    def index(self, index: Index) -> str:
        return _own(index) + (_index(index) if index.lookup is None else self.access(index.lookup))

    def above(self, access: TensorAccess) -> Iterator[str]:
        """One entry for each index, empty where it has no name."""
        self.needed: list[bool] = []
        for index in access.indices:
            rank = index.rank or (index.plain.upper() if index.plain else None)
            shape = self.shape_of.get(rank or "")
            tells = shape is not None and shape.rank not in self.told
            self.needed.append((index.rank is not None and not _own(index)) or tells)
            if shape is not None and tells:
                self.told.add(shape.rank)
            yield _entry(rank, shape.expression if shape is not None and tells else None) if rank else ""


def _over(statement: Statement) -> list[str]:
    """Rank variables that are reduced, in order of appearance."""
    left = {v for index in statement.output.indices for v in index.rank_variables}
    return [_name(v) for v in statement.rank_variables if v not in left]


def _entry(rank: str | None, shape: Expression | None) -> str:
    name = _name(rank or "")
    return name if shape is None else f"{name}={_name(compact(shape)).replace('*', _TIMES)}"


def _script(sign: str, texts: Iterable[str]) -> str:
    text = ",".join(texts)
    alone = len(text) == 1 and text.isalpha() and text.isupper() == (sign == "^")
    return sign + (text if alone else f"{{{text}}}")


def _own(index: Index) -> str:
    """``M=`` of ``A[M=m]``, which says what would hold without it, and so stands below."""
    return f"{_name(index.rank)}=" if index.rank and index.plain and index.plain.upper() == index.rank else ""


def _index(index: Index) -> str:
    text = ""
    for place, term in enumerate(index.terms):
        text += "-" if term.negative else "+" if place else ""
        text += _term(term)
    return text


def _term(term: Term) -> str:
    return _TIMES.join(_name(str(factor)) for factor in term.factors)


def _name(text: str) -> str:
    return text.replace("_", r"\_")
