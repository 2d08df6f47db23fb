"""Tensors with their indices, as they are written: ``A[m, k]``, ``a[m][k]``, ``A_{m,k}`` and ``Q_{p,e}^{M,E}``.

The grammar, where an index is the same in every spelling::

    access     = TENSOR "[" indices "]" { "[" index "]" }               # o[n][m], as C spells it
               | TENSOR [ "_" below ] [ "^" above ]                     # either may come first
    below      = variable | digit | "{" indices "}"
    above      = RANK | "{" [ RANK [ "=" shape ] ] { "," … } "}"        # names the ranks that are indexed, in order
    indices    = [ ( index | tuple ) { "," … } ]
    tuple      = "(" ( index | tuple ) "," ( index | tuple ) … ")"       # it stays one in print
    index      = [ RANK "=" ] ( [ "-" ] term { ("+" | "-") term } | access )    # an access is looked up
    term       = (integer | CONSTANT | rank variable) { "*" … }         # at most one rank variable

``Up`` is ``U*p``. What stands above gives the name of a rank where it differs from the index's own (``Q_p^M`` is
``Q[M=p]``), and may give its shape: ``QK_{m,p}^{M,P=M}`` says that P has the shape of M, as ``QK_{m,P=M}`` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from costmodel.einsum.arithmetic import MAX_INTEGER, ArithmeticReader
from costmodel.einsum.commands import SAY_INSTEAD
from costmodel.einsum.functions import FUNCTIONS, Function
from costmodel.einsum.syntax import Call, Constant, Expression, Index, Number, Shape, TensorAccess, Term, accesses
from costmodel.einsum.tokens import NotationError, Token

_SCALED = re.compile(r"([A-Z][A-Z0-9_]*?)([a-z][a-z0-9_]*)")
"""A constant and the rank variable that it multiplies, without a sign between them."""


_BELOW = re.compile(r"([A-Z][A-Za-z0-9_]*)_([a-z][a-z0-9]*)")
"""A tensor with one rank variable below it, inside of braces."""


_NO_FUNCTIONS = {
    "sum": "what is not on the left is added up as it is: leave sum(…) out",
    "softmax": "a softmax is a cascade: max, exp, sum and division, as in `costmodel show bert_base_attention`",
}
"""What is often written as a function, and how it is said."""


@dataclass(frozen=True, slots=True)
class RankAbove:
    """One entry of what stands above a tensor: the name of a rank, and its shape if that is said; null where empty."""

    rank: str | None
    shape: Expression | None
    offset: int


class AccessReader(ArithmeticReader):
    """Reads expressions of tensors."""

    wanted = "a tensor, number or function"

    def __init__(self, text: str, functions: Mapping[str, Function] = FUNCTIONS) -> None:
        super().__init__(text, functions)
        self.lower: list[Token] = []
        """Tensors that are spelled in lower case, as C does."""
        self.upper: set[str] = set()
        """Names of those that are not."""
        self.is_c = False
        """Whether an index has brackets of its own."""
        self.shapes: list[Shape] = []
        """What the text says about shapes."""

    def named(self) -> Expression:
        token, after = self.next, self.ahead(1)
        if token.text == "e" and after.text == "^":
            return self.power_of_e()
        is_command = self.text[token.offset] == "\\" and token.text.lower() in self.functions  # \text{ReLU}
        if after.text == "(" and (token.text in self.functions or not self.is_lecture or is_command):
            return self.call()
        if after.text == "[" or (after.text in {"_", "^"} and token.text not in self.functions):
            return self.access("a tensor")
        if token.text == "inf":
            self.take()
            return Number(float("inf"))
        if token.is_constant:
            self.take()
            return Constant(token.text, token.offset)
        if token.is_tensor:
            hint = f"a scalar is written {token.text}[]"
            raise self.error(f"expected '[' after tensor {token.text}", hint, after)
        if token.text in self.functions:
            return self.call()
        inside = "rank variables stand inside brackets only"
        written = self.text[token.offset : token.end]
        is_letter = written[0] == "\\" or not written.isascii()
        hint = _NO_FUNCTIONS.get(token.text, f"a constant is written {token.text.upper()}" if is_letter else inside)
        raise self.error(f"{token.text!r} is neither a tensor nor a constant", hint)

    def power_of_e(self) -> Call:
        """``e^{x}``, which is exp(x)."""
        self.count_operator()
        self.take()
        self.take()
        if not self.at("{"):
            raise self.error(f"expected '{{' above e, found {self.next}", "write exp(x)")
        return Call("exp", (self.group(),))

    def near_function(self, token: Token) -> str:
        if token.text in _NO_FUNCTIONS:
            return _NO_FUNCTIONS[token.text]
        if token.is_tensor and token.text.lower() not in self.functions:
            return f"the indices of a tensor stand in square brackets: {token.text}[…]"
        return super().near_function(token)

    # -- one access

    def access(self, what: str) -> TensorAccess:
        token = self.next
        if token.kind != "name":
            raise self.error(f"expected {what}, found {token}", "a tensor is written NAME[index, …], as in Z[m, n]")
        name = self.tensor_name(token)
        self.take()
        if self.at("_", "^"):
            return self.scripted(name, token)
        if not self.at("["):
            hint = f"a scalar is written {name}[]" if not self.at("(", "{") else SAY_INSTEAD["{"]
            raise self.error(f"expected '[' after {token.text}, found {self.next}", hint)
        indices, tuples = self.indices(token)
        is_c = len(indices) == 1
        while self.at("["):
            further, more_tuples = self.indices(token)
            indices += further
            is_c = is_c and len(further) == 1
            tuples += more_tuples
            if not is_c or tuples:
                hint = f"write {token.text}[n][m] or {name}[n, m]"
                raise self.error("in C each index has brackets of its own", hint, token)
            self.is_c = True
        return TensorAccess(name, tuple(indices), token.offset, tuple(tuples))

    def tensor_name(self, token: Token) -> str:
        """The name in its canonical spelling."""
        if token.is_tensor:
            self.upper.add(token.text)
            return token.text
        self.lower.append(token)
        return token.text[:1].upper() + token.text[1:]

    def check_case(self) -> None:
        """Refuse a tensor in lower case, unless all are (or the text is C or LaTeX) and no two become one."""
        for token in self.lower:
            fixed = token.text[:1].upper() + token.text[1:]
            if fixed in self.upper:
                raise self.error(f"tensors {token.text} and {fixed} would be one", "give one another name", token)
            if self.upper and not (self.is_c or self.is_lecture):
                message = f"tensor {token.text!r} must start with an upper-case letter"
                raise self.error(message, f"did you mean {fixed}?", token)

    def indices(self, tensor: Token) -> tuple[list[Index], list[tuple[int, int]]]:
        """What stands in brackets, and where it has tuples."""
        bracket = self.take()
        closing = "]" if bracket.text == "[" else "}"
        indices: list[Index] = []
        tuples: list[tuple[int, int]] = []
        while not self.at(closing):
            if indices:
                if not self.at(","):
                    raise self.error_in_index(tensor, bracket)
                self.take()
            elif self.at(","):
                raise self.error("expected an index, found ','")
            if self.at("{") and bracket.text == "{":  # braces around an index, or around all of them
                found, more = self.indices(tensor)
                indices += found
                tuples += [(start + len(indices) - len(found), end + len(indices) - len(found)) for start, end in more]
            elif self.at("("):
                found, more = self.tuple_of_indices(tensor, bracket, len(indices))
                indices += found
                tuples += more
            else:
                indices.append(self.index(tensor, bracket))
        self.take()
        return indices, tuples

    def tuple_of_indices(self, tensor: Token, bracket: Token, start: int) -> tuple[list[Index], list[tuple[int, int]]]:
        """Indices of a tuple, and where it and those inside of it stand; the first is index ``start`` of all."""
        opening = self.take()
        found: list[Index] = []
        inner: list[tuple[int, int]] = []
        parts = 0
        while not parts or self.at(","):
            if parts:
                self.take()
            parts += 1
            if not self.at("("):
                found.append(self.index(tensor, bracket))
                continue
            with self.inside():
                more, deeper = self.tuple_of_indices(tensor, bracket, start + len(found))
            found += more
            inner += deeper
        if not self.at(")"):
            if parts == 1:
                raise self.error_in_index(tensor, bracket)
            raise self.error(f"expected ',' or ')', found {self.next}", self.unclosed(opening))
        if parts == 1:
            message = f"expected ',' in the tuple of {tensor.text}, found ')'"
            raise self.error(message, "an index has no brackets: write 2*p + 2*r; a tuple has several indices: (i, j)")
        self.take()
        return found, [(start, start + len(found)), *inner]

    # -- one index

    def index(self, tensor: Token, bracket: Token) -> Index:
        first = self.next
        rank = self.rank_before_index(tensor, bracket)
        if (lookup := self.lookup()) is not None:
            return Index((), rank, first.offset, lookup)
        terms: list[Term] = []
        negative = self.at("-")
        if negative:
            self.take()
        while True:
            terms.append(self.term(tensor, bracket, negative=negative))
            if not self.at("+", "-"):
                break
            self.count_operator()
            negative = self.take().text == "-"
        index = Index(tuple(terms), rank, first.offset)
        if rank and bracket.text == "{" and not index.rank_variables:  # P=M says the shape of P, which p indexes
            self.shapes.append(Shape(rank, replace(index, rank=None).expression, first.offset))
            return Index((Term((rank.lower(),)),), None, first.offset)
        return index

    def lookup(self) -> TensorAccess | None:
        """``TOKEN[m]``, ``TOKEN_m`` or ``TOKEN_{b,m}`` in place of an index; null where there is none."""
        token = self.next
        if token.kind != "name":
            return None
        below = _BELOW.fullmatch(token.text) if self.is_lecture else None
        if below is not None:
            self.take()
            self.upper.add(below[1])
            return TensorAccess(below[1], (Index((Term((below[2],)),), None, token.offset),), token.offset)
        if self.ahead(1).text != "[" and not (self.is_lecture and self.ahead(1).text == "_"):
            return None
        with self.inside():
            return self.access("a tensor")

    def rank_before_index(self, tensor: Token, bracket: Token) -> str | None:
        first = self.next
        if first.kind != "name" or self.ahead(1).text != "=":
            return None
        if not first.is_constant:
            if self.ahead(3).text in {"[", "("}:
                self.take()
                raise self.error_in_index(tensor, bracket)
            raise self.error(f"rank {first.text!r} must be upper case", f"did you mean {first.text.upper()}=?")
        self.take()
        self.take()
        return first.text

    def term(self, tensor: Token, bracket: Token, *, negative: bool) -> Term:
        factors: list[int | str] = []
        while True:
            factors += self.factors_of_term(tensor, bracket, has_variable=any(_is_variable(f) for f in factors))
            side_by_side = bracket.text == "{" and (self.next.kind == "name" or self.next.text == "{")
            if not self.at("*") and not side_by_side:
                return Term(tuple(factors), negative)
            self.count_operator()
            if self.at("*"):
                self.take()

    def factors_of_term(self, tensor: Token, bracket: Token, *, has_variable: bool) -> list[int | str]:
        token = self.next
        if token.kind == "number":
            return [self.integer()]
        if token.is_constant:
            return [self.take().text]
        scaled = _SCALED.fullmatch(token.text) if token.kind == "name" else None
        if not token.is_rank_variable and (scaled is None or scaled[1].lower() == scaled[2]):
            raise self.error_in_term(tensor, bracket)
        if has_variable:
            hint = "an index is affine: what multiplies one is a constant; indices are separated by ','"
            raise self.error(f"{token.text!r} multiplies another rank variable", hint)
        self.take()
        return [token.text] if scaled is None else [scaled[1], scaled[2]]

    def integer(self) -> int:
        token = self.take()
        if not token.text.isdigit():
            raise self.error(f"an index is made of integers, found {token.text}", "", token)
        if len(token.text) > len(str(MAX_INTEGER)) or int(token.text) > MAX_INTEGER:
            raise self.error(f"integer {token.text[:20]} is larger than {MAX_INTEGER:,}", "", token)
        return int(token.text)

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
        elif token.text == "_":
            hint = r"a rank variable has no index of its own: write m0, or m\_0"
        closing = "]" if bracket.text == "[" else "}"
        return self.error(f"expected ',' or {closing!r} in the indices of {tensor.text}, found {token}", hint)

    def error_in_term(self, tensor: Token, bracket: Token) -> NotationError:
        token = self.next
        if token.kind == "name":
            scaled = re.fullmatch(r"([a-z]+[0-9]*)([A-Z]+)", token.text)
            hint = f"write {scaled[2]}*{scaled[1]}" if scaled else f"did you mean {token.text.lower()}?"
            return self.error(f"rank variable {token.text!r} must be lower case", hint)
        hint = ""
        if token.kind == "end" or token.text in {"=", "["}:
            hint = self.unclosed(bracket)
        elif token.text == "(":
            hint = "an index has no brackets: write 2*p + 2*r"
        return self.error(f"expected an index of {tensor.text}, found {token}", hint)

    # -- what stands below and above

    def scripted(self, name: str, token: Token) -> TensorAccess:
        below: tuple[list[Index], list[tuple[int, int]]] | None = None
        above: list[RankAbove] | None = None
        while self.at("_", "^"):
            script = self.take()
            if (below if script.text == "_" else above) is not None:
                where = "below" if script.text == "_" else "above"
                raise self.error(f"{token.text} has two scripts {where} it", "several stand in braces", script)
            if script.text == "_":
                below = self.below(token)
            else:
                above = self.above(token)
        if below is None:
            above = above or []
            variables = ",".join((entry.rank or "?").lower() for entry in above)
            message = f"{token.text} has ranks above it and no indices"
            raise self.error(message, f"write {token.text}_{{{variables}}} with them", token)
        indices, tuples = below
        if above is not None:
            indices = self.with_names(token, indices, above)
        return TensorAccess(name, tuple(indices), token.offset, tuple(tuples))

    def below(self, tensor: Token) -> tuple[list[Index], list[tuple[int, int]]]:
        if self.at("{"):
            return self.indices(tensor)
        token = self.take()
        written = self.text[token.offset : token.end]
        if token.kind not in {"name", "number"}:
            message = f"expected an index below {tensor.text}, found {token}"
            raise self.error(message, f"several indices stand in braces, as in {tensor.text}_{{m,k}}", token)
        if len(written) > 1 and written[0] != "\\":
            message = f"{tensor.text}_{token.text} is {tensor.text}_{token.text[0]} and {token.text[1:]} in LaTeX"
            apart = ",".join(token.text)
            raise self.error(message, f"write {tensor.text}_{{{token.text}}} or {tensor.text}_{{{apart}}}", token)
        if not token.is_rank_variable and token.kind != "number":
            message = f"rank variable {token.text!r} must be lower case"
            raise self.error(message, f"did you mean {token.text.lower()}?", token)
        factor: int | str = int(token.text) if token.kind == "number" else token.text
        return [Index((Term((factor,)),), None, token.offset)], []

    def above(self, tensor: Token) -> list[RankAbove]:
        """The entries above a tensor."""
        if not self.at("{"):
            return [self.entry_above(tensor, may_say_shape=False)]
        bracket = self.take()
        entries: list[RankAbove] = []
        while True:
            empty = self.at(",", "}")
            entries.append(RankAbove(None, None, self.next.offset) if empty else self.entry_above(tensor))
            if self.at("}"):
                self.take()
                return entries
            if not self.at(",", "*"):  # `A^{K \times M}` names two ranks, too
                message = f"expected ',' or '}}' above {tensor.text}, found {self.next}"
                raise self.error(message, self.unclosed(bracket))
            self.take()

    def entry_above(self, tensor: Token, *, may_say_shape: bool = True) -> RankAbove:
        token = self.take()
        if not token.is_constant:
            message = f"ranks stand above {tensor.text}, each as RANK or RANK=shape, not {token}"
            raise self.error(message, self.hint_above(tensor, token), token)
        shape = None
        if may_say_shape and self.at("="):
            self.take()
            start = self.next
            shape = self.expression()
            if any(True for _ in accesses(shape)):
                raise self.error("a shape is made of numbers, ranks and constants", "", start)
        return RankAbove(token.text, shape, token.offset)

    def hint_above(self, tensor: Token, token: Token) -> str:
        """What is often written above a tensor, and how it is said."""
        if token.kind == "name":
            return f"did you mean {token.text.upper()}?"
        if token.kind == "number" and self.at("*", ","):
            return f"each rank has a name: {tensor.text}^{{K={token.text},…}}"
        if token.kind == "number" or token.text == "-":
            return f"a power is written pow({tensor.text}[…], {token.text if token.kind == 'number' else '-1'})"
        if token.text == "(":
            return f"a step is an index of its own, as in {tensor.text}_{{i+1,m}}"
        return SAY_INSTEAD[r"\top"]

    def with_names(self, tensor: Token, indices: list[Index], above: list[RankAbove]) -> list[Index]:
        """Give the indices the names of the ranks above, and keep what those say about shapes."""
        if len(above) != len(indices):
            message = f"{tensor.text} has {len(indices)} below it and {len(above)} above: each index has its rank"
            hint = "in the order of the indices, empty where nothing is said"
            match above:
                case [RankAbove("T", None)]:
                    hint = SAY_INSTEAD[r"\top"]
                case [RankAbove(str(rank), None)]:
                    hint = f"{hint}; a tensor of another name is written {tensor.text}{rank}"
            raise self.error(message, hint, tensor)
        named: list[Index] = []
        for index, entry in zip(indices, above, strict=True):
            if entry.rank is None:
                named.append(index)
                continue
            if index.rank not in {None, entry.rank}:
                message = f"rank {index.rank} of {tensor.text} is named {entry.rank} above it"
                raise NotationError(self.text, entry.offset, message, "one rank has one name")
            if entry.shape is not None:
                self.shapes.append(Shape(entry.rank, entry.shape, entry.offset))
            own = index.plain is not None and index.plain.upper() == entry.rank
            named.append(index if own else replace(index, rank=entry.rank))
        return named


def _is_variable(factor: int | str) -> bool:
    return isinstance(factor, str) and factor[0].islower()
