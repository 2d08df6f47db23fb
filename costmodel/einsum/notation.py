r"""Einsum notation: text → syntax tree → text.

``Z[m, n] = A[m, k] * B[k, n]``. Names that start with an upper-case letter and are followed by brackets are tensors;
lower-case names inside brackets are rank variables; upper-case names without brackets are constants or, before ``=``
inside brackets, ranks. ``accesses.py`` has the grammar of a tensor and its indices, ``arithmetic.py`` that of what is
computed with them::

    statement   = access ("=" | "+=" | "*=" | "max=" | "min=") expression [ ";" ]
    declaration = TENSOR "[" RANK [ "=" shape ] { "," … } "]"

The spelling of LaTeX is read as well: ``Z_{m,n} = A_{m,k} \times B_{k,n}``. A ``\sum`` stands in front of its term and
says what is implied: the rank variables that are on the right only; it is held against them. ``GM_p = \max_m QK_{m,p}``
is ``GM[p] max= QK[m, p]``, and ``\prod`` is ``*=``.

A tree prints as text that parses to an equal tree. Every error shows the text with a caret below the place. Text
length, nesting and the number of operators are limited, so that no input can exhaust the stack.
"""

from __future__ import annotations

from functools import lru_cache

from costmodel.einsum.accesses import RankAbove
from costmodel.einsum.commands import ARROW, PRODUCTS, SAY_INSTEAD, SUM, WITHIN
from costmodel.einsum.sums import Sum, SumReader
from costmodel.einsum.syntax import (
    Declaration,
    DeclaredRank,
    Expression,
    Reduction,
    Statement,
    TensorAccess,
    rank_variables,
)
from costmodel.einsum.tokens import NotationError, Token

MAX_CHARACTERS = 4000

_REDUCTIONS = "'=', '+=', '*=', 'max=' or 'min='"


@lru_cache(maxsize=1024)
def parse(text: str) -> Statement:
    r"""Parse one statement.

    >>> str(parse("O[m,p]=I[c,U*p+r]*F[m,c,r]"))
    'O[m, p] = I[c, U*p + r] * F[m, c, r]'
    >>> str(parse(r"$O_{m,p} = \sum I_{c,Up+r} \times F_{m,c,r}$"))
    'O[m, p] = I[c, U*p + r] * F[m, c, r]'

    Raises NotationError, a SpecError with one problem whose excerpt shows the place.
    """
    found = read(text)
    if isinstance(found, Declaration):
        message = f"{found} declares a tensor and computes nothing"
        raise NotationError(text, 0, message, "write an Einsum such as Z[m, n] = A[m, k] * B[k, n]")
    return found


@lru_cache(maxsize=1024)
def read(text: str) -> Statement | Declaration:
    """Parse a statement, or the declaration of a tensor: ``G[S=V, D=V]``, ``G^{S=V, D=V}``; raise as it does."""
    if len(text) > MAX_CHARACTERS:
        message = f"an Einsum of {len(text):,} characters is longer than {MAX_CHARACTERS:,}"
        raise NotationError(text, MAX_CHARACTERS, message, "split it into several statements")
    return _StatementReader(text).statement()


class _StatementReader(SumReader):
    """Reads one statement."""

    # -- statements

    def statement(self) -> Statement | Declaration:
        self.check_no_transform()
        if self.ended:
            raise self.error("the Einsum is empty", "write one such as Z[m, n] = A[m, k] * B[k, n]")
        declared = self.declaration_above()
        if declared is not None:
            return declared
        output = self.output()
        if self.ended and (self.shapes or self.declares(output)):
            return self.declaration_of(output)
        reduction, expression = self.right_side(self.reduction(output))
        if self.at(";") or (self.at(",", ".") and self.ahead(1).kind == "end"):
            self.take()
        if not self.ended:
            raise self.unexpected_after_expression()
        self.check_case()
        statement = Statement(output, reduction, expression, tuple(self.shapes))
        self.check_lone_constants(statement)
        self.check_lower_case(statement)
        for found in self.sums:
            self.check_sum(found, statement)
        return statement

    def output(self) -> TensorAccess:
        """The left side; in LaTeX, a name alone is a scalar."""
        token = self.next
        if self.is_lecture and token.is_tensor and self.ahead(1).text in {"=", "+="}:
            self.upper.add(token.text)
            self.take()
            return TensorAccess(token.text, (), token.offset)
        return self.access("the output tensor")

    def right_side(self, reduction: Reduction) -> tuple[Reduction, Expression]:
        """What is computed, and by what it is reduced where a sign in front says so."""
        sign = self.next
        names: dict[str, Reduction] = {"max": "max=", "min": "min=", PRODUCTS: "*="}
        is_function = sign.kind == "name" and self.ahead(1).text != "_" and self.has_arguments
        if not self.is_lecture or sign.text not in names or is_function:
            self.may_sum = True
            return reduction, self.expression()
        if reduction != "=":
            hint = f"write one, as in Z[m] {names[sign.text]} A[m, k]"
            raise self.error(f"a second reduction beside {reduction!r}", hint)
        self.take()
        stated = self.variables_below(sign)
        inner = self.expression_of_reduction()
        self.sums.append(Sum(sign, stated, inner))
        return names[sign.text], inner

    @property
    def has_arguments(self) -> bool:
        """Whether several arguments in brackets follow the next name: it is a function."""
        if self.ahead(1).text != "(":
            return False
        depth = 0
        for token in self.tokens[self.place + 1 :]:
            depth += (token.text in {"(", "[", "{"}) - (token.text in {")", "]", "}"})
            if depth == 0:
                return False
            if depth == 1 and token.text == ",":
                return True
        return True

    def expression_of_reduction(self) -> Expression:
        inner = self.product()
        if self.at("+", "-"):
            hint = "put what is reduced in brackets, or make it an Einsum of its own"
            raise self.error(f"a reduction takes all of the right side, and {self.next} stands beside it", hint)
        return inner

    # -- declarations

    def declaration_above(self) -> Declaration | None:
        r"""``G^{S=V, D=V}`` or ``G \in \mathbb{R}^{S \times D}`` alone."""
        token = self.next
        if token.is_tensor and self.ahead(1).text == WITHIN and self.ahead(3).text == "^":
            self.take()
            self.take()
        elif not (token.is_tensor and self.ahead(1).text == "^" and "=" not in self.outside_braces()):
            return None
        if any(t.text == "_" for t in self.tokens):
            return None
        self.take()
        self.take()
        ranks = self.above(token)
        if not self.ended:
            raise self.error(f"expected the end, found {self.next}")
        return Declaration(token.text, tuple(self.declared(token, entry) for entry in ranks))

    def outside_braces(self) -> list[str]:
        depth, found = 0, []
        for token in self.tokens:
            depth += (token.text in {"{", "["}) - (token.text in {"}", "]"})
            if depth == 0:
                found.append(token.text)
        return found

    def declared(self, tensor: Token, entry: RankAbove) -> DeclaredRank:
        if entry.rank is None:
            message = f"a rank of {tensor.text} has no name"
            raise NotationError(self.text, entry.offset, message, "each is written RANK or RANK=shape")
        return DeclaredRank(entry.rank, entry.shape, entry.offset)

    def declares(self, access: TensorAccess) -> bool:
        """Whether ``G[S, D=V]`` stands alone: every index is a rank, or a rank and its shape."""
        return bool(access.indices) and all(
            i.lone_constant if i.rank is None else not i.rank_variables for i in access.indices
        )

    def declaration_of(self, access: TensorAccess) -> Declaration:
        """What an access alone says about its tensor."""
        self.check_case()
        shapes = {shape.rank: shape.expression for shape in self.shapes}
        ranks: list[DeclaredRank] = []
        for index in access.indices:
            if index.rank is not None and not index.rank_variables:
                bare = type(index)(index.terms, None, index.offset)
                ranks.append(DeclaredRank(index.rank, bare.expression, index.offset))
                continue
            rank = index.rank or index.lone_constant or (index.plain.upper() if index.plain else None)
            if rank is None:
                message = f"index {index} of {access.tensor} names no rank"
                raise NotationError(self.text, index.offset, message, "a rank is declared as RANK or RANK=shape")
            ranks.append(DeclaredRank(rank, shapes.get(rank), index.offset))
        return Declaration(access.tensor, tuple(ranks))

    # -- reductions

    def reduction(self, output: TensorAccess) -> Reduction:
        token = self.next
        if token.kind == "name" and token.text in {"max", "min"} and self.ahead(1).text == "=":
            self.take()
            self.take()
            return "max=" if token.text == "max" else "min="
        if self.is_lecture and token.text in {"+", "*"} and self.ahead(1).text == "=":
            self.take()
            self.take()
            return "+=" if token.text == "+" else "*="
        if token.kind == "sign":
            match token.text:
                case "=" | "+=" | "*=":
                    self.take()
                    return token.text
                case "-=" | "/=":
                    raise self.error(f"{token.text!r} is no reduction", f"a reduction is one of {_REDUCTIONS}")
        if token.text == "]":
            raise self.error("']' without '['")
        raise self.error(f"expected {_REDUCTIONS} after {output}, found {token}")

    # -- checks

    def check_no_transform(self) -> None:
        for token in self.tokens:
            if token.kind == "sign" and token.text == ARROW:
                before, after = self.text[: token.offset].strip(" $"), self.text[token.end :].strip(" $")
                message = f"'{before} -> {after}' is a transform, which changes a shape, and no Einsum"
                raise self.error(message, "`costmodel transform` flattens, partitions and swaps ranks", token)

    def check_lone_constants(self, statement: Statement) -> None:
        """Refuse ``Z[M] = A[m]``: an upper-case name alone in an index is nearly always meant as a rank variable."""
        variables = statement.rank_variables
        for index in statement.output.indices:
            if index.lookup is not None:
                message = f"{statement.output} is written where {index.lookup} says: that is no Einsum"
                raise NotationError(self.text, index.offset, message, "look words up on the right side only")
        for access in (statement.output, *statement.inputs):
            for index in access.indices:
                name = index.lone_constant
                if name and (access is statement.output or name.lower() in variables):
                    message = f"{name!r} in the indices of {access.tensor} is a constant: rank variables are lower case"
                    raise NotationError(self.text, index.offset, message, f"did you mean {name.lower()}?")

    def check_lower_case(self, statement: Statement) -> None:
        r"""Refuse ``QK_m / \sqrt{d_k}``: beside tensors in upper case, d_k is meant as a constant."""
        if not self.upper:
            return
        written = {token.offset: token for token in self.lower}
        for access in statement.inputs:
            others = [a for a in (statement.output, *statement.inputs) if a.offset != access.offset]
            elsewhere = {v for other in others for v in rank_variables(other)}
            own = list(dict.fromkeys(v for index in access.indices for v in index.rank_variables))
            if (token := written.get(access.offset)) is not None and own and elsewhere.isdisjoint(own):
                message = f"{token.text} in lower case would be a tensor, and alone be indexed by {', '.join(own)}"
                constant = f"{access.tensor}_{'_'.join(own)}".upper()
                raise self.error(message, f"a constant is written {constant}, a tensor {access.tensor}", token)

    def unexpected_after_expression(self) -> NotationError:
        token = self.next
        if token.text in {"]", ")"}:
            return self.error(f"{token.text!r} closes nothing", "brackets must pair up")
        if token.text in {"=", "==", "+=", "*=", "-=", "/="}:
            return self.error(f"a second {token.text!r}", "one statement per entry")
        if token.text == ",":
            return self.error("expected an operator or the end, found ','", "one statement per entry")
        if token.text in {SUM, PRODUCTS}:
            return self.misplaced_sum()
        hint = SAY_INSTEAD.get(token.text, "a product is written with '*'")
        return self.error(f"expected an operator or the end, found {token}", hint)
