r"""Expressions of numbers, constants and functions: what formulas of ranks and the right side of an Einsum share.

The grammar::

    expression = product { ("+" | "-") product }
    product    = factor { ("*" | "/") factor }
    factor     = "-" factor | "(" expression ")" | number | CONSTANT | function "(" expression {","…} ")"
               | "\frac" "{" expression "}" "{" expression "}"

In a text that is spelled as LaTeX, braces group as brackets do, a function takes what follows it without brackets
(``\exp x``), and what stands side by side is multiplied. Nesting and the number of operators are limited, so that no
input can exhaust the stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from costmodel.einsum.commands import FRACTION, SAY_INSTEAD
from costmodel.einsum.functions import Function
from costmodel.einsum.syntax import Binary, BinaryOperator, Call, Constant, Expression, Negative, Number
from costmodel.einsum.tokens import NotationError, Token, is_lecture, tokens_of
from costmodel.spec.problems import did_you_mean

MAX_NESTING = 40
MAX_OPERATORS = 100
MAX_INTEGER = 10**12


class ArithmeticReader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str, functions: Mapping[str, Function]) -> None:
        self.text = text
        self.functions = functions
        self.tokens = tokens_of(text)
        self.is_lecture = is_lecture(text, self.tokens)
        self.place = 0
        self.nesting = 0
        self.operators = 0

    # -- tokens

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    @property
    def ended(self) -> bool:
        return self.next.kind == "end"

    def ahead(self, steps: int) -> Token:
        """The token so many steps after the next one."""
        return self.tokens[min(self.place + steps, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.next
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def at(self, *signs: str) -> bool:
        return self.next.kind == "sign" and self.next.text in signs

    # -- what is wrong

    def error(self, message: str, hint: str = "", token: Token | None = None) -> NotationError:
        token = token or self.next
        return NotationError(self.text, token.offset, message, hint or SAY_INSTEAD.get(token.text, ""))

    def unclosed(self, bracket: Token) -> str:
        return f"the {bracket.text!r} at character {bracket.offset + 1} is not closed"

    @contextmanager
    def inside(self) -> Iterator[None]:
        """One level of nesting."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            raise self.error(f"nested more than {MAX_NESTING} deep", "split it into several statements")
        yield
        self.nesting -= 1

    def count_operator(self) -> None:
        self.operators += 1
        if self.operators > MAX_OPERATORS:
            raise self.error(f"more than {MAX_OPERATORS} operators and functions", "split it into several statements")

    # -- grammar

    def expression(self) -> Expression:
        left = self.product()
        while self.at("+", "-"):
            self.count_operator()
            operator: BinaryOperator = "+" if self.take().text == "+" else "-"
            left = Binary(operator, left, self.product())
        return left

    def product(self) -> Expression:
        left = self.factor()
        while self.at("*", "/") or self.at_side_by_side:
            self.count_operator()
            operator: BinaryOperator = "/" if self.at("/") else "*"
            if self.at("*", "/"):
                self.take()
            left = Binary(operator, left, self.factor())
        return left

    @property
    def at_side_by_side(self) -> bool:
        """Whether a factor follows without an operator."""
        return self.is_lecture and (self.at("(", "{", FRACTION) or self.next.kind == "name")

    def factor(self) -> Expression:
        token = self.next
        if self.at("-"):
            self.count_operator()
            self.take()
            return Negative(self.factor())
        if self.at("(") or (self.is_lecture and self.at("{")):
            return self.group()
        if self.at(FRACTION):
            return self.fraction()
        if token.kind == "number":
            return self.number()
        if token.kind == "name":
            return self.named()
        raise self.error(f"expected {self.wanted}, found {token}")

    wanted = "a number, rank or constant"
    """What an expression is made of."""

    def group(self) -> Expression:
        bracket = self.take()
        closing = ")" if bracket.text == "(" else "}"
        with self.inside():
            inner = self.expression()
        if not self.at(closing):
            raise self.error(f"expected an operator or {closing!r}, found {self.next}", self.unclosed(bracket))
        self.take()
        return inner

    def fraction(self) -> Binary:
        self.count_operator()
        self.take()
        parts: list[Expression] = []
        for part in ("above", "below"):
            if not self.at("{"):
                message = f"expected '{{' with what stands {part} the line, found {self.next}"
                raise self.error(message, r"a fraction is written \frac{A_m}{B_m}")
            parts.append(self.group())
        return Binary("/", *parts)

    def number(self) -> Number:
        token = self.take()
        value = float(token.text)
        if value == float("inf"):
            raise self.error(f"number {token.text} is too large", "infinity is written inf", token)
        if not self.is_lecture and self.next.kind == "name" and self.next.offset == token.end:
            raise self.error(f"expected an operator after {token.text}", f"write {token.text}*{self.next.text}")
        if not token.text.isdigit():
            return Number(value)
        if value > MAX_INTEGER:
            raise self.error(f"integer {token.text[:20]} is larger than {MAX_INTEGER:,}", "write it as 1e15", token)
        return Number(int(token.text))

    def named(self) -> Expression:
        """A constant or a function."""
        token = self.next
        if token.text in self.functions or self.ahead(1).text == "(":
            return self.call()
        if not token.is_constant:
            raise self.error(f"{token.text!r} is no rank or constant: those are upper case")
        self.take()
        return Constant(token.text, token.offset)

    def call(self) -> Call:
        token = self.take()
        if self.text[token.offset] == "\\":  # of \text{ReLU}
            token = replace(token, text=token.text.lower())
        if token.text not in self.functions:
            raise self.error(f"unknown function {token.text!r}", self.near_function(token), token)
        self.count_operator()
        arguments = self.arguments(token)
        least, most = self.functions[token.text].least, self.functions[token.text].most
        if not least <= len(arguments) <= most:
            need = str(least) if least == most else f"{least} to {most}"
            message = f"{token.text} takes {need} argument{'s' * (most > 1)}, found {len(arguments)}"
            hint = f"a reduction is written Z[m] {token.text}= A[m, k]" if token.text in {"max", "min"} else ""
            raise self.error(message, hint, token)
        return Call(token.text, tuple(arguments))

    def near_function(self, token: Token) -> str:
        return did_you_mean(token.text.lower(), tuple(self.functions))

    def arguments(self, function: Token) -> list[Expression]:
        if not self.at("("):
            if not self.is_lecture or self.ended:
                raise self.error(f"expected '(' after function {function.text}")
            if self.at("_"):
                raise self.error(f"{function.text} takes nothing below it", "to base 2: log(x) / log(2)")
            with self.inside():
                return [self.factor()]
        if function.text == "sqrt" and self.text[self.next.offset] == "[":
            raise self.error("only square roots are read", "the third root of x is pow(x, 1 / 3)")
        bracket = self.take()
        arguments: list[Expression] = []
        with self.inside():
            while not self.at(")"):
                arguments.append(self.expression())
                if self.at(","):
                    self.take()
                elif not self.at(")"):
                    message = f"expected ',' or ')' in {function.text}(…), found {self.next}"
                    raise self.error(message, self.unclosed(bracket))
        self.take()
        return arguments
