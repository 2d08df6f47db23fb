"""Lines of a program, put one item of a nest after another; what each language says in its own way is left open."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

from costmodel.einsum.algebra import Einsum, Tensor
from costmodel.execute.program import Addend, Program, Reducer
from costmodel.listing.expressions import Language
from costmodel.listing.walk import Item, LoopStep, Names, Remark, Work, affine_text, guards, overwrites
from costmodel.spec.loops import update_text

START: Mapping[Reducer, float] = {"+": 0, "*": 1, "max": -math.inf, "min": math.inf}
"""What an output holds before anything is reduced into it."""


class Listing(ABC):
    """A program that grows. Loops stand one step further in than what is around them."""

    language: Language

    def __init__(
        self, names: Names, einsums: Mapping[str, Einsum], inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
    ) -> None:
        self.names, self.einsums, self.inputs, self.outputs = names, einsums, inputs, outputs
        self.lines: list[str] = []

    def put(self, item: Item) -> None:
        """Print one item of a nest."""
        self.close(item.depth)
        match item:
            case Remark():
                self.add(item.depth, self.comment(item.text))
            case LoopStep():
                self.add(item.depth, self.loop(item))
            case Work():
                self.work(item)

    def add(self, depth: int, text: str) -> None:
        self.lines.append("    " * (depth + 1) + text)

    def work(self, work: Work) -> None:
        """Every addend under what it waits for."""
        einsum = work.program.einsum
        if len(work.program.addends) > 1 or einsum.limits:
            self.add(work.depth, self.comment(update_text(einsum)))
        for addend in work.program.addends:
            conditions = guards(addend, work.names)
            if conditions:
                self.add(work.depth, self.when(conditions))
            self.add(work.depth + bool(conditions), self.update(work, addend))

    def update(self, work: Work, addend: Addend) -> str:
        """One statement: assign, or reduce into what is there."""
        einsum, reducer = work.program.einsum, work.program.reducer
        value = self.language.expression(addend.expression, work.program, work.names, self.names)
        indices = [affine_text(index, work.names) for index in einsum.output.indices]
        where = self.language.access(self.names[einsum.output.tensor], indices)
        if overwrites(einsum):
            return self.statement(f"{where} = {value}")
        if reducer in {"+", "*"}:
            return self.statement(f"{where} {'-' if addend.negative else reducer}= {value}")
        return self.statement(f"{where} = {self.language.call(reducer, [where, value])}")

    def start(self, tensor: str) -> str:
        """What a written tensor holds at first."""
        reducers = {
            Program(e).reducer for e in self.einsums.values() if e.output.tensor == tensor and not overwrites(e)
        }
        return self.language.number(START[reducers.pop()] if len(reducers) == 1 else 0)

    @abstractmethod
    def close(self, depth: int) -> None:
        """End loops that are not around what comes next."""

    @abstractmethod
    def comment(self, text: str) -> str: ...

    @abstractmethod
    def statement(self, text: str) -> str: ...

    @abstractmethod
    def loop(self, loop: LoopStep) -> str: ...

    @abstractmethod
    def when(self, conditions: list[tuple[str, int]]) -> str:
        """The head of what is done where expressions lie in [0, extent)."""

    @abstractmethod
    def text(self) -> str:
        """All of the program."""
