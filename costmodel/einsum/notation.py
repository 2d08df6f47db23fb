"""Einsum notation: text → syntax tree → text.

``Z[m, n] = A[m, k] * B[k, n]``. Names that start with an upper-case letter and are followed by brackets are tensors;
lower-case names inside brackets are rank variables; upper-case names without brackets are constants or, before ``=``
inside brackets, ranks. The grammar::

    statement  = access ("=" | "+=" | "*=" | "max=" | "min=") expression
    expression = product { ("+" | "-") product }
    product    = factor { ("*" | "/") factor }
    factor     = "-" factor | "(" expression ")" | number | CONSTANT | access | function "(" expression {","…} ")"
    access     = TENSOR "[" [ index {"," index} ] "]"
    index      = [ RANK "=" ] [ "-" ] term { ("+" | "-") term }
    term       = (integer | CONSTANT | rank variable) { "*" … }          # at most one rank variable

A tree prints as text that parses to an equal tree. Every error shows the text with a caret below the place. Text
length, nesting and the number of operators are limited, so that no input can exhaust the stack.
"""

from __future__ import annotations

from functools import lru_cache

from costmodel.einsum.functions import FUNCTIONS
from costmodel.einsum.syntax import (
    Binary,
    BinaryOperator,
    Call,
    Constant,
    Expression,
    Index,
    Negative,
    Number,
    Reduction,
    Statement,
    TensorAccess,
    Term,
)
from costmodel.einsum.tokens import SAY_INSTEAD, NotationError, Token, tokens_of
from costmodel.spec.problems import did_you_mean

MAX_CHARACTERS = 4000


MAX_NESTING = 40


MAX_OPERATORS = 100


MAX_INTEGER = 10**12


_REDUCTIONS = "'=', '+=', '*=', 'max=' or 'min='"


@lru_cache(maxsize=1024)
def parse(text: str) -> Statement:
    """Parse one statement.

    >>> str(parse("O[m,p]=I[c,U*p+r]*F[m,c,r]"))
    'O[m, p] = I[c, U*p + r] * F[m, c, r]'

    Raises NotationError, a SpecError with one problem whose excerpt shows the place.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"an Einsum of {len(text):,} characters is longer than {MAX_CHARACTERS:,}"
        raise NotationError(text, MAX_CHARACTERS, message, "split it into several statements")
    return _Parser(text).statement()


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.place = 0
        self.nesting = 0
        self.operators = 0

    # -- helpers

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    @property
    def ended(self) -> bool:
        return self.next.kind == "end"

    @property
    def after_next(self) -> Token:
        return self.tokens[min(self.place + 1, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.next
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def at(self, *signs: str) -> bool:
        return self.next.kind == "sign" and self.next.text in signs

    def error(self, message: str, hint: str = "", token: Token | None = None) -> NotationError:
        token = token or self.next
        return NotationError(self.text, token.offset, message, hint or SAY_INSTEAD.get(token.text, ""))

    def unclosed(self, bracket: Token) -> str:
        return f"the {bracket.text!r} at character {bracket.offset + 1} is not closed"

    def enter(self) -> None:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self.error(f"nested more than {MAX_NESTING} deep", "split it into several statements")

    def count_operator(self) -> None:
        self.operators += 1
        if self.operators > MAX_OPERATORS:
            raise self.error(f"more than {MAX_OPERATORS} operators and functions", "split it into several statements")

    # -- grammar

    def statement(self) -> Statement:
        if self.ended:
            raise self.error("the Einsum is empty", "write one such as Z[m, n] = A[m, k] * B[k, n]")
        output = self.access("the output tensor")
        reduction = self.reduction(output)
        expression = self.expression()
        if not self.ended:
            raise self.unexpected_after_expression()
        statement = Statement(output, reduction, expression)
        self.check_lone_constants(statement)
        return statement

    def check_lone_constants(self, statement: Statement) -> None:
        """Refuse ``Z[M] = A[m]``: an upper-case name alone in an index is nearly always meant as a rank variable."""
        variables = statement.rank_variables
        for access in (statement.output, *statement.inputs):
            for index in access.indices:
                name = index.lone_constant
                if name and (access is statement.output or name.lower() in variables):
                    message = f"{name!r} in the indices of {access.tensor} is a constant: rank variables are lower case"
                    raise NotationError(self.text, index.offset, message, f"did you mean {name.lower()}?")

    def reduction(self, output: TensorAccess) -> Reduction:
        token = self.next
        if token.kind == "name" and token.text in {"max", "min"} and self.after_next.text == "=":
            self.take()
            self.take()
            return "max=" if token.text == "max" else "min="
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

    def unexpected_after_expression(self) -> NotationError:
        token = self.next
        if token.text in {"]", ")"}:
            return self.error(f"{token.text!r} closes nothing", "brackets must pair up")
        if token.text in {"=", "==", "+=", "*=", "-=", "/="}:
            return self.error(f"a second {token.text!r}", "one statement per entry")
        if token.text == ",":
            return self.error("expected an operator or the end, found ','", "one statement per entry")
        hint = SAY_INSTEAD.get(token.text, "a product is written with '*'")
        return self.error(f"expected an operator or the end, found {token}", hint)

    def expression(self) -> Expression:
        left = self.product()
        while self.at("+", "-"):
            self.count_operator()
            operator: BinaryOperator = "+" if self.take().text == "+" else "-"
            left = Binary(operator, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.factor()
        while self.at("*", "/"):
            self.count_operator()
            operator: BinaryOperator = "*" if self.take().text == "*" else "/"
            left = Binary(operator, left, self.factor())
        return left

    def factor(self) -> Expression:
        token = self.next
        if self.at("-"):
            self.count_operator()
            self.take()
            return Negative(self.factor())
        if self.at("("):
            return self.group()
        if token.kind == "number":
            return self.number()
        if token.kind == "name":
            return self.named()
        if token.kind == "end":
            raise self.error("expected a tensor, number or function, found the end")
        raise self.error(f"expected a tensor, number or function, found {token}")

    def group(self) -> Expression:
        bracket = self.take()
        self.enter()
        inner = self.expression()
        if not self.at(")"):
            raise self.error(f"expected an operator or ')', found {self.next}", self.unclosed(bracket))
        self.take()
        self.nesting -= 1
        return inner

    def number(self) -> Number:
        token = self.take()
        value = float(token.text)
        if value == float("inf"):
            raise self.error(f"number {token.text} is too large", "infinity is written inf", token)
        if self.next.kind == "name" and self.next.offset == token.offset + len(token.text):
            raise self.error(f"expected an operator after {token.text}", f"write {token.text}*{self.next.text}")
        if not token.text.isdigit():
            return Number(value)
        if value > MAX_INTEGER:
            raise self.error(f"integer {token.text[:20]} is larger than {MAX_INTEGER:,}", "write it as 1e15", token)
        return Number(int(token.text))

    def named(self) -> Expression:
        token, after = self.next, self.after_next.text
        if after == "(":
            return self.call()
        if after == "[":
            return self.access("a tensor")
        if token.text == "inf":
            self.take()
            return Number(float("inf"))
        if token.is_constant:
            self.take()
            return Constant(token.text, token.offset)
        if token.is_tensor:
            hint = f"a scalar is written {token.text}[]"
            raise self.error(f"expected '[' after tensor {token.text}", hint, self.after_next)
        if token.text in FUNCTIONS:
            raise self.error(f"expected '(' after function {token.text}", "", self.after_next)
        hint = "rank variables stand inside brackets only"
        raise self.error(f"{token.text!r} is neither a tensor nor a constant", hint)

    def call(self) -> Call:
        token = self.take()
        if token.text not in FUNCTIONS:
            hint = did_you_mean(token.text.lower(), tuple(FUNCTIONS))
            if token.is_tensor and token.text.lower() not in FUNCTIONS:
                hint = f"the indices of a tensor stand in square brackets: {token.text}[…]"
            raise self.error(f"unknown function {token.text!r}", hint, token)
        self.count_operator()
        bracket = self.take()
        self.enter()
        arguments: list[Expression] = []
        while not self.at(")"):
            arguments.append(self.expression())
            if self.at(","):
                self.take()
            elif not self.at(")"):
                raise self.error(f"expected ',' or ')' in {token.text}(…), found {self.next}", self.unclosed(bracket))
        self.take()
        self.nesting -= 1
        least, most = FUNCTIONS[token.text].least, FUNCTIONS[token.text].most
        if not least <= len(arguments) <= most:
            need = str(least) if least == most else f"{least} to {most}"
            raise self.error(f"{token.text} takes {need} argument{'s' * (most > 1)}, found {len(arguments)}", "", token)
        return Call(token.text, tuple(arguments))

    def access(self, what: str) -> TensorAccess:
        token = self.next
        if token.kind != "name":
            raise self.error(f"expected {what}, found {token}", "a tensor is written NAME[index, …], as in Z[m, n]")
        if not token.is_tensor:
            fixed = token.text[:1].upper() + token.text[1:]
            raise self.error(f"tensor {token.text!r} must start with an upper-case letter", f"did you mean {fixed}?")
        self.take()
        if not self.at("["):
            hint = f"a scalar is written {token.text}[]" if not self.at("(") else "indices stand in square brackets"
            raise self.error(f"expected '[' after {token.text}, found {self.next}", hint)
        bracket = self.take()
        indices: list[Index] = []
        while not self.at("]"):
            if indices:
                if not self.at(","):
                    raise self.error_in_index(token, bracket)
                self.take()
            elif self.at(","):
                raise self.error("expected an index, found ','")
            indices.append(self.index(token, bracket))
        self.take()
        return TensorAccess(token.text, tuple(indices), token.offset)

    def error_in_index(self, tensor: Token, bracket: Token) -> NotationError:
        token, before = self.next, self.tokens[self.place - 1]
        hint = ""
        if before.kind == "number" and token.kind == "name":
            hint = f"write {before.text}*{token.text}"
        elif token.kind in {"name", "number"}:
            hint = "indices are separated by ','"
        elif token.kind == "end" or token.text in {"[", "=", ")"}:
            hint = self.unclosed(bracket)
        elif token.text == "(":
            hint = "an index has no brackets: write 2*p + 2*r"
        elif token.text == "/":
            hint = "an index is a sum of rank variables times integers"
        return self.error(f"expected ',' or ']' in the indices of {tensor.text}, found {token}", hint)

    def index(self, tensor: Token, bracket: Token) -> Index:
        first = self.next
        rank = None
        if first.kind == "name" and self.after_next.text == "=":
            if not first.is_constant:
                if self.tokens[min(self.place + 3, len(self.tokens) - 1)].text in {"[", "("}:
                    self.take()
                    raise self.error_in_index(tensor, bracket)
                raise self.error(f"rank {first.text!r} must be upper case", f"did you mean {first.text.upper()}=?")
            rank = first.text
            self.take()
            self.take()
        terms: list[Term] = []
        negative = self.at("-")
        if negative:
            self.take()
        while True:
            terms.append(self.term(tensor, bracket, negative=negative))
            if not self.at("+", "-"):
                return Index(tuple(terms), rank, first.offset)
            self.count_operator()
            negative = self.take().text == "-"

    def term(self, tensor: Token, bracket: Token, *, negative: bool) -> Term:
        factors: list[int | str] = []
        while True:
            token = self.next
            if token.kind == "number":
                factors.append(self.integer())
            elif token.is_rank_variable:
                if any(isinstance(f, str) and f[0].islower() for f in factors):
                    hint = "an index is affine: use a constant"
                    raise self.error(f"{token.text!r} multiplies another rank variable", hint)
                factors.append(self.take().text)
            elif token.is_constant:
                factors.append(self.take().text)
            else:
                raise self.error_in_term(tensor, bracket)
            if not self.at("*"):
                return Term(tuple(factors), negative)
            self.count_operator()
            self.take()

    def integer(self) -> int:
        token = self.take()
        if not token.text.isdigit():
            raise self.error(f"an index is made of integers, found {token.text}", "", token)
        if len(token.text) > len(str(MAX_INTEGER)) or int(token.text) > MAX_INTEGER:
            raise self.error(f"integer {token.text[:20]} is larger than {MAX_INTEGER:,}", "", token)
        return int(token.text)

    def error_in_term(self, tensor: Token, bracket: Token) -> NotationError:
        token = self.next
        if token.kind == "name":
            return self.error(f"rank variable {token.text!r} must be lower case", f"did you mean {token.text.lower()}?")
        hint = ""
        if token.kind == "end" or token.text in {"=", "["}:
            hint = self.unclosed(bracket)
        elif token.text == "(":
            hint = "an index has no brackets: write 2*p + 2*r"
        return self.error(f"expected an index of {tensor.text}, found {token}", hint)
