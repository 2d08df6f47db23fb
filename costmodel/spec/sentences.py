"""Sentences of a nest: one node each, read word by word."""

from __future__ import annotations

import re

from costmodel.spec.mapping import Compute, Node, Spatial, Storage, Temporal
from costmodel.spec.problems import did_you_mean

MAX_TILE = 10**12

_WORD = re.compile(r"[^\s,]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORMS = {
    "store": "store TENSOR … in LEVEL",
    "for": "for RANK_VARIABLE by TILE",
    "parallel": "parallel RANK_VARIABLE by TILE across ARRAY.DIMENSION",
    "compute": "compute EINSUM on UNIT",
}


class SentenceError(ValueError):
    """A sentence that says no node: ``offset`` is where it goes wrong."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        self.message, self.offset, self.hint = message, offset, hint
        super().__init__(f"{message} ({hint})" if hint else message)


def parse_sentence(text: str) -> Node:
    """Read one sentence; SentenceError where it is wrong.

    >>> parse_sentence("parallel m by 8 across PEs.Y")
    Spatial(rank_variable='m', tile=8, array='PEs', dimension='Y')
    """
    return _Sentence(text).node()


class _Sentence:
    """The words of one sentence, taken from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = [(match[0], match.start()) for match in _WORD.finditer(text)]
        self.next = 0

    def node(self) -> Node:
        if not self.words:
            raise SentenceError("an empty sentence", 0, f"known: {', '.join(_FORMS)}")
        verb, offset = self.words[0]
        self.next = 1
        match verb:
            case "store":
                node: Node = self._store()
            case "for":
                node = Temporal(self._name("a rank variable"), self._tile())
            case "parallel":
                node = self._parallel()
            case "compute":
                einsum = self._word("an Einsum")
                self._keyword("on")
                node = Compute(einsum, self._name("a compute unit"))
            case _:
                hint = did_you_mean(verb, list(_FORMS))
                raise SentenceError(f"no such node {verb!r}", offset, hint)
        if self.next < len(self.words):
            word, offset = self.words[self.next]
            raise SentenceError(f"nothing may follow here, got {word!r}", offset, self._form())
        return node

    def _store(self) -> Storage:
        tensors: list[str] = []
        while True:
            offset = self._offset()
            word = self._word("'in' and a level" if tensors else "a tensor")
            if word == "in" and tensors:
                return Storage(tuple(tensors), self._name("a level"))
            if not _NAME.fullmatch(word):
                raise SentenceError(f"{word!r} is not the name of a tensor", offset, self._form())
            if word == "in":
                raise SentenceError("expected a tensor before 'in'", offset, self._form())
            if word in tensors:
                raise SentenceError(f"{word!r} is named twice", offset)
            tensors.append(word)

    def _parallel(self) -> Spatial:
        rank_variable, tile = self._name("a rank variable"), self._tile()
        self._keyword("across")
        offset = self._offset()
        word = self._word("an array and its dimension")
        array, dot, dimension = word.partition(".")
        if not _NAME.fullmatch(array) or (dot and not _NAME.fullmatch(dimension)):
            raise SentenceError(f"expected ARRAY.DIMENSION, got {word!r}", offset, self._form())
        return Spatial(rank_variable, tile, array, dimension)

    def _tile(self) -> int:
        self._keyword("by")
        offset = self._offset()
        word = self._word("the size of the tile")
        if not re.fullmatch(r"[-+]?[0-9]{1,20}", word):
            raise SentenceError(f"the tile must be a whole number, got {word!r}", offset, self._form())
        if not 1 <= (tile := int(word)) <= MAX_TILE:
            raise SentenceError(f"the tile must be at least 1 and at most 10^12, got {word}", offset)
        return tile

    def _keyword(self, keyword: str) -> None:
        offset = self._offset()
        word = self._word(f"'{keyword}'")
        if word != keyword:
            raise SentenceError(f"expected '{keyword}', got {word!r}", offset, self._form())

    def _name(self, what: str) -> str:
        offset = self._offset()
        word = self._word(what)
        if not _NAME.fullmatch(word):
            raise SentenceError(f"expected {what}, got {word!r}", offset, self._form())
        return word

    def _word(self, what: str) -> str:
        if self.next == len(self.words):
            raise SentenceError(f"expected {what} at the end", len(self.text.rstrip()), self._form())
        word, _ = self.words[self.next]
        self.next += 1
        return word

    def _offset(self) -> int:
        return self.words[self.next][1] if self.next < len(self.words) else len(self.text.rstrip())

    def _form(self) -> str:
        return f"the form is: {_FORMS[self.words[0][0]]}"
