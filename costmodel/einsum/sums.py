r"""Sums as they are written: a ``\sum`` in front of a term says what is implied, and is held against it."""

from __future__ import annotations

from dataclasses import dataclass

from costmodel.einsum.accesses import AccessReader
from costmodel.einsum.commands import PRODUCTS, SUM, WITHIN
from costmodel.einsum.syntax import Expression, Statement, addends, rank_variables
from costmodel.einsum.tokens import NotationError, Token


@dataclass(frozen=True, slots=True)
class Sum:
    r"""One ``\sum`` as written."""

    sign: Token
    stated: tuple[str, ...] | None
    """Rank variables that it names; null if none."""
    term: Expression


class SumReader(AccessReader):
    """Reads expressions in which terms may be sums."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.sums: list[Sum] = []
        self.may_sum = False
        """Whether a term of the right side starts here."""

    def product(self) -> Expression:
        r"""A term: in front of it may stand a ``\sum``."""
        may_sum, self.may_sum = self.may_sum, False
        sums: list[tuple[Token, tuple[str, ...] | None]] = []
        while self.at(SUM):
            if not may_sum:
                raise self.misplaced_sum()
            self.count_operator()
            sign = self.take()
            sums.append((sign, self.variables_below(sign)))
        self.may_sum = may_sum and self.is_bracketed_term
        term = super().product()
        if sums:
            named = [v for _, stated in sums for v in stated or ()]
            complete = all(stated is not None for _, stated in sums)
            self.sums.append(Sum(sums[0][0], tuple(named) if complete else None, term))
        self.may_sum = may_sum
        return term

    @property
    def is_bracketed_term(self) -> bool:
        """Whether a pair of brackets follows in which a whole term stands: nothing multiplies or divides it."""
        if not self.at("(", "{"):
            return False
        depth = 0
        for place, token in enumerate(self.tokens[self.place :], self.place):
            depth += (token.text in {"(", "[", "{"}) - (token.text in {")", "]", "}"})
            if depth == 0:
                return self.tokens[place + 1].text in {"+", "-", ")", "}", ";", ""}
        return False

    def factor(self) -> Expression:
        if self.at(SUM, PRODUCTS):
            raise self.misplaced_sum()
        return super().factor()

    def misplaced_sum(self) -> NotationError:
        written = self.text[self.next.offset : self.next.end]
        hint = "write it first, or make what is summed an Einsum of its own: S[m] += A[m, k]"
        return self.error(f"{written} stands in front of a term of the right side only", hint)

    def variables_below(self, sign: Token) -> tuple[str, ...] | None:
        r"""Rank variables that a ``\sum`` names: ``_k``, ``_{m,k}``, ``_{k=0}^{K-1}``, ``_{k \in K}``."""
        above = self.limit_in_front()
        if not self.at("_"):
            return None
        self.take()
        braces = self.at("{")
        if braces:
            self.take()
        found: list[str] = []
        start = True
        while start or self.at(","):
            if not start:
                self.take()
            start = False
            token = self.take()
            if not token.is_rank_variable:
                message = f"expected a rank variable below {self.text[sign.offset : sign.end]}, found {token}"
                raise self.error(message, r"as in \sum_{k}", token)
            found.append(token.text)
            self.limits(token)
            if not braces:
                break
        if braces:
            if not self.at("}"):
                raise self.error(f"expected ',' or '}}', found {self.next}", r"as in \sum_{m,k}")
            self.take()
        if self.at("^"):
            self.upper_limit(found[-1])
        elif above is not None:
            below, self.place = self.place, above
            self.upper_limit(found[-1])
            self.place = below
        return tuple(found)

    def limit_in_front(self) -> int | None:
        """Pass by an upper limit that is written before the lower one; where it stands."""
        start = self.place
        if not self.at("^"):
            return None
        while not self.ended and not self.at("_"):
            self.take()
        return start

    def limits(self, variable: Token) -> None:
        """Pass by ``=0`` and ``∈ K``: a sum runs over the whole rank."""
        if self.at("="):
            self.take()
            token = self.take()
            if token.text != "0":
                hint = f"coordinates start at 0: write {variable.text}=0"
                raise self.error(f"{variable.text} starts at {token.text}", hint, token)
        elif self.at(WITHIN):
            self.take()
            token = self.take()
            if token.text != variable.text.upper():
                hint = f"write {variable.text} \\in {variable.text.upper()}"
                raise self.error(f"a sum over {variable.text} runs over its whole rank, not {token}", hint, token)

    def upper_limit(self, variable: str) -> None:
        """Pass by ``^{K-1}``."""
        self.take()
        rank = variable.upper()
        expected = ["{", rank, "-", "1", "}"]
        if [token.text for token in self.tokens[self.place : self.place + len(expected)]] != expected:
            message = f"a sum over {variable} runs over its whole rank, from 0 to {rank}-1"
            raise self.error(message, f"write ^{{{rank}-1}}, or leave the limits out")
        self.place += len(expected)

    def check_sum(self, found: Sum, statement: Statement) -> None:
        """Hold a sum against what is implied: over the rank variables of its term that are not on the left."""
        left = {v for index in statement.output.indices for v in index.rank_variables}
        implied = [v for v in statement.rank_variables if v in rank_variables(found.term) - left]
        written = self.text[found.sign.offset : found.sign.end]
        if statement.reducer == "+":
            self.check_added_once(found, implied)
        elif found.sign.text == SUM:
            raise self.error(f"{written} beside {statement.reduction!r}", "an Einsum has one reduction", found.sign)
        if not implied and not found.stated:
            message = f"{written} sums nothing: every rank variable of {found.term} is on the left"
            raise self.error(message, "leave it out, or take what is summed off the left", found.sign)
        if found.stated is None or set(found.stated) == set(implied):
            return
        here = f"{{{','.join(implied)}}}"
        nearest = f"write {written}_{here}" if implied else f"leave {written} out"
        for variable in found.stated:
            if variable in left:
                message = f"{written} over {variable}, which is on the left: {statement.output} keeps it"
                raise self.error(message, nearest, found.sign)
            if variable not in implied:
                raise self.error(f"{written} over {variable}, which {found.term} does not have", nearest, found.sign)
        missing = ", ".join(v for v in implied if v not in found.stated)
        message = f"{written} does not name {missing}, and {found.term} is reduced over it: it is not on the left"
        raise self.error(message, nearest, found.sign)

    def check_added_once(self, found: Sum, implied: list[str]) -> None:
        r"""Refuse ``\sum_k (A_k + B_m)``: a term that lacks k is added once, and the sum would add it K times."""
        for _, term in addends(found.term):
            lacking = [v for v in implied if v not in rank_variables(term)]
            if lacking:
                message = f"{term} has no {lacking[0]}: it is added once, and not at every {lacking[0]}"
                raise self.error(message, "write it outside of the sum", found.sign)
