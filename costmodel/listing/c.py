"""Nests in C: arrays of doubles, the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Mapping

from costmodel.einsum.algebra import Einsum, Tensor
from costmodel.listing.expressions import C, Language
from costmodel.listing.lines import Listing
from costmodel.listing.walk import LoopStep, Names

_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long main register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
run fill same show printf puts exp log sqrt tanh erf sin cos pow fmax fmin fabs j0 j1 jn y0 y1 yn gamma signgam div abs
remainder index time NULL EOF BUFSIZ FILE NAN INFINITY
"""
WORDS = frozenset(_WORDS.split())
"""What no tensor or loop may be called: words of the language and names of its library."""

_HELPERS = """
static void fill(double *words, long count, int number) {
    for (long i = 0; i < count; ++i) words[i] = 1 + (7 * i + number) % 5;
}

static void same(double *words, long count, double value) {
    for (long i = 0; i < count; ++i) words[i] = value;
}

static void show(const char *name, const double *words, long count) {
    printf("%s", name);
    for (long i = 0; i < count; ++i) printf(" %g", words[i]);
    puts("");
}
"""


class CListing(Listing):
    """Static arrays, a function ``run`` that fills those that are written, and a ``main`` that calls it."""

    language = Language(C, "INFINITY", "(long)({})", floating=True)

    def __init__(
        self, names: Names, einsums: Mapping[str, Einsum], inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
    ) -> None:
        super().__init__(names, einsums, inputs, outputs)
        self.open: list[int] = []

    def close(self, depth: int) -> None:
        """End loops that are not around what comes next."""
        while self.open and self.open[-1] >= depth:
            self.add(self.open.pop(), "}")

    def comment(self, text: str) -> str:
        return f"/* {text} */"

    def statement(self, text: str) -> str:
        return f"{text};"

    def loop(self, loop: LoopStep) -> str:
        self.open.append(loop.depth)
        name = loop.name
        goes_on = " && ".join(f"{name} < {stop}" for stop in loop.stops)
        step = f"++{name}" if loop.tile == 1 else f"{name} += {loop.tile}"
        across = f"  /* in parallel across {loop.across} */" if loop.across else ""
        return f"for (int {name} = {loop.start}; {goes_on}; {step}) {{{across}"

    def when(self, conditions: list[tuple[str, int]]) -> str:
        parts = [f"{x} == 0" if extent == 1 else f"{x} >= 0 && {x} < {extent}" for x, extent in conditions]
        return f"if ({' && '.join(parts)})"

    def text(self) -> str:
        self.close(0)
        tensors = {**self.inputs, **self.outputs}
        arrays = [self.language.access(self.names[n], [str(x) for x in t.shape or (1,)]) for n, t in tensors.items()]
        starts = [f"    same((double *){self.names[n]}, {_size(t)}, {self.start(n)});" for n, t in self.outputs.items()]
        fills = [
            f"    fill((double *){self.names[n]}, {_size(t)}, {number});"
            for number, (n, t) in enumerate(self.inputs.items())
        ]
        shows = [f'    show("{n}", (double *){self.names[n]}, {_size(t)});' for n, t in self.outputs.items()]
        return "\n".join(
            [
                *(f"/* {einsum.text} */" for einsum in self.einsums.values()),
                "#include <math.h>",
                "#include <stdio.h>",
                "",
                f"static double {', '.join(arrays)};",
                *_HELPERS.splitlines(),
                "",
                "static void run(void) {",
                *starts,
                *self.lines,
                "}",
                "",
                "int main(void) {",
                *fills,
                "    run();",
                *shows,
                "    return 0;",
                "}",
            ]
        )


def _size(tensor: Tensor) -> int:
    return math.prod(tensor.shape)
