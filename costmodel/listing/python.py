"""Nests in plain Python: nested lists, no packages."""

from __future__ import annotations

import keyword

from costmodel.listing.expressions import PYTHON, Language
from costmodel.listing.lines import Listing
from costmodel.listing.walk import LoopStep

_WORDS = "math run filled some flat print range min max abs pow name value shape words"
WORDS = frozenset([*keyword.kwlist, *_WORDS.split()])
"""What no tensor or loop may be called."""

_HELPERS = '''

def filled(value, *shape):
    """Nested lists of one value."""
    return [filled(value, *shape[1:]) for _ in range(shape[0])] if shape else value


def some(words, *shape):
    """Nested lists of the next small integers."""
    return [some(words, *shape[1:]) for _ in range(shape[0])] if shape else next(words)


def flat(value):
    """The words of nested lists in order."""
    return [word for part in value for word in flat(part)] if isinstance(value, list) else [value]
'''


class PythonListing(Listing):
    """A function ``run`` of the inputs, and a main part that calls it."""

    language = Language(PYTHON, "math.inf", "int({})")

    def close(self, depth: int) -> None:
        """Nothing: the indentation says it."""

    def comment(self, text: str) -> str:
        return f"# {text}"

    def statement(self, text: str) -> str:
        return text

    def loop(self, loop: LoopStep) -> str:
        stop = loop.stops[0] if len(loop.stops) == 1 else f"min({', '.join(loop.stops)})"
        bounds = [stop] if loop.start == "0" and loop.tile == 1 else [loop.start, stop]
        step = [str(loop.tile)] if loop.tile > 1 else []
        across = f"  # in parallel across {loop.across}" if loop.across else ""
        return f"for {loop.name} in range({', '.join([*bounds, *step])}):{across}"

    def when(self, conditions: list[tuple[str, int]]) -> str:
        parts = [f"{text} == 0" if extent == 1 else f"0 <= {text} < {extent}" for text, extent in conditions]
        return f"if {' and '.join(parts)}:"

    def text(self) -> str:
        inputs = ", ".join(self.names[name] for name in self.inputs)
        made = [
            f"    {self.names[n]} = filled({', '.join([self.start(n), *_shape(t.shape)])})"
            for n, t in self.outputs.items()
        ]
        returned = ", ".join(f'"{name}": {self.names[name]}' for name in self.outputs)
        given = [
            f"        some((1 + (7 * i + {n}) % 5 for i in range({_size(t.shape)})), {', '.join(_shape(t.shape))}),"
            for n, t in enumerate(self.inputs.values())
        ]
        head = ["import math"] if any("math." in line for line in [*self.lines, *made]) else []
        return "\n".join(
            [
                *('"""' + "\n".join(e.text for e in self.einsums.values()) + '"""').splitlines(),
                *(["", *head] if head else []),
                *_HELPERS.splitlines(),
                "",
                "",
                f"def run({inputs}):",
                *made,
                *self.lines,
                f"    return {{{returned}}}",
                "",
                "",
                'if __name__ == "__main__":',
                "    for name, value in run(",
                *given,
                "    ).items():",
                '        print(name, *(f"{word:g}" for word in flat(value)))',
            ]
        )


def _shape(shape: tuple[int, ...]) -> list[str]:
    """Extents; a scalar is a list of one."""
    return [str(extent) for extent in shape or (1,)]


def _size(shape: tuple[int, ...]) -> str:
    return " * ".join(_shape(shape))
