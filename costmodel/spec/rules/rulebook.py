"""The rules of one search: read from sentences, bound to one Einsum, asked by all who compile or judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from inspect import isabstract
from typing import TypeVar

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.einsum.tokens import excerpt
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Nest
from costmodel.spec.problems import Marks, Path, Problem, SpecError, did_you_mean
from costmodel.spec.rules import dataflow, holding, order, spatial, tiles, utilisation
from costmodel.spec.rules.base import Measured, Rule, Sentence, Tile, WordingError
from costmodel.spec.rules.finding import ANY, Finding, Interval, Span
from costmodel.spec.rules.finished import FinishedNest
from costmodel.spec.rules.flow import flows
from costmodel.spec.rules.recurrence import recurrences
from costmodel.spec.rules.wording import mismatch

Kind = TypeVar("Kind", bound=Rule)

REGISTRY: tuple[type[Sentence], ...] = tuple(
    kind
    for module in (spatial, tiles, holding, utilisation, dataflow, order)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Sentence) and kind.__module__ == module.__name__
    if not isabstract(kind)
)
"""Every kind of rule, in the order in which they judge."""


@dataclass(frozen=True)
class Rules:
    """All constraints of one search for one Einsum."""

    said: tuple[Rule, ...] = ()
    """What the sentences mean for the Einsum, each rule once, in the order in which they judge."""

    def of(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """Return the rules of one kind."""
        return tuple(rule for rule in self.said if isinstance(rule, kind))

    def instances(self, array: str, dimension: str, rank_variable: str) -> Interval:
        """Return how many instances a rank variable may take along a dimension (empty: along all of an array)."""
        found = ANY
        for rule in self.said:
            mine = rule.instances(array, dimension, rank_variable)
            found = found if mine is None else found & mine
        return found

    def spans(self, array: str) -> tuple[Span, ...]:
        """Return along how many dimensions of an array some rank variables may lie together."""
        return tuple(dict.fromkeys(span for rule in self.said for span in rule.spans(array)))

    def measures(self, tile: Tile) -> list[Measured]:
        """Return what is limited of a tile."""
        return [measured for rule in self.said if (measured := rule.measure(tile)) is not None]

    def orders_below(self, level: str) -> list[tuple[str, ...]]:
        """Return the orders in which loops in time directly below a level stand."""
        return [order for rule in self.said if (order := rule.order_below(level))]

    def still(self, einsum: Einsum) -> str | None:
        """Return the tensor that is held still."""
        return next((tensor for rule in self.said if (tensor := rule.still(einsum)) is not None), None)

    def working_least(self, instances: int) -> int:
        """Return how many of so many compute instances have to work."""
        return utilisation.working_least(self.share_at_work, instances)

    @cached_property
    def share_at_work(self) -> float:
        """The share of the compute instances that have to work."""
        return max((rule.share_at_work for rule in self.said), default=0.0)

    def findings(self, nest: Nest, einsum: Einsum, architecture: Architecture) -> tuple[Finding, ...]:
        """Return every limit and how a nest stands to it, in an order that does not depend on the nest."""
        if not self.said:
            return ()
        finished = FinishedNest.of(nest, einsum, architecture)
        return tuple(finding for rule in self.said for finding in rule.findings(finished))


def parse(sentences: Sequence[str], architecture: Architecture, einsum: Einsum) -> Rules:
    """Read constraint sentences for one Einsum, and add what no sentence says: its recurrences, the flow of operands.

    Raises SpecError with every sentence that is wrong. Of a part of a chip, what they say about levels that stand idle
    is passed over.
    """
    said, problems = _read_all(sentences, architecture, ())
    if problems:
        raise SpecError(problems)
    used = (rule for rule in said if not rule.stands_idle(architecture))
    bound = (meant for rule in used for meant in rule.bind(einsum, architecture, said))
    # an architecture and a study may say the same
    ordered = sorted(dict.fromkeys(bound), key=lambda rule: REGISTRY.index(type(rule)))
    return Rules((*ordered, *unsaid(architecture, einsum)))


def unsaid(architecture: Architecture, einsum: Einsum) -> tuple[Rule, ...]:
    """Return the rules that no sentence says: what a recurrence asks for, and what flows through systolic arrays."""
    return (*recurrences(einsum), *flows(einsum, architecture))


@lru_cache(maxsize=1024)
def read(sentence: str) -> Sentence:
    """Return the rule that a sentence says, whatever it is about.

    Raises WordingError.

    >>> str(read("PEs.X  only [q,p]"))
    'PEs.X only [p, q]'
    """
    text = " ".join(sentence.split())
    try:
        found = next((rule for kind in REGISTRY if (rule := kind.read(text)) is not None), None)
    except WordingError as error:
        raise WordingError(f"{text}: {error.message}", error.hint) from None
    if found is not None:
        return found
    wrong = mismatch(sentence, forms())
    raise WordingError(f"cannot read the constraint {text!r}: {wrong.message}", wrong.hint, wrong.offset)


def names_in(sentences: Sequence[str]) -> frozenset[str]:
    """Return the rank variables and tensors that sentences name. Raises SpecError with every sentence that is wrong."""
    said, problems = _read_all(sentences, None, ())
    if problems:
        raise SpecError(problems)
    return frozenset[str]().union(*(rule.rank_variables | rule.words for rule in said))


def forms() -> list[str]:
    """Return the forms of all sentences."""
    return [form for kind in REGISTRY for form in kind.forms]


def sentence_problems(
    sentences: Sequence[str],
    marks: Marks,
    path: Path,
    *,
    architectures: Sequence[Architecture] = (),
    workloads: Sequence[Workload] = (),
) -> list[Problem]:
    """Say what is wrong with the sentences at a path of a document, as far as it can be known.

    Each has to fit every architecture, beside what that says itself. Where workloads are given, rank variables and
    tensors are those of one of them.
    """
    problems = _read_all(sentences, None, (), marks, path)[1]
    for architecture in architectures:
        mine = tuple(sentences) == architecture.constraints
        own: Sequence[Sentence] = () if mine else _read_all(architecture.constraints, None, ())[0]
        problems += _read_all(sentences, architecture, own, marks, path)[1]
    if workloads:
        problems += _strangers(sentences, workloads, marks, path)
    return list(dict.fromkeys(problems))


def _read_all(
    sentences: Sequence[str],
    architecture: Architecture | None,
    before: Sequence[Sentence],
    marks: Marks | None = None,
    path: Path = (),
) -> tuple[list[Sentence], list[Problem]]:
    """Read sentences after others; with what is wrong with each, and with two of them together."""
    said: list[Sentence] = []
    problems: list[Problem] = []
    for place, sentence in enumerate(sentences):
        text = " ".join(sentence.split())
        found: list[Problem] = []
        try:
            rule = read(sentence)
        except WordingError as error:
            problems.append(_unreadable(sentence, error, marks or Marks(), (*path, place)))
        else:
            wrong = [
                *(rule.misfits(architecture) if architecture is not None else ()),
                *rule.clashes([*before, *said]),
            ]
            found += (replace(p, message=f"{text}: {p.message}") for p in wrong)
            said.append(rule)
        problems += [p if marks is None else marks.problem(p.message, (*path, place), hint=p.hint) for p in found]
    return said, problems


def _unreadable(sentence: str, error: WordingError, marks: Marks, path: Path) -> Problem:
    if error.offset is None:
        return marks.problem(error.message, path, hint=error.hint)
    shown = excerpt(sentence, error.offset)
    problem = marks.problem(error.message, path, hint=error.hint, excerpt=shown, offset=error.offset)
    # what stands in an option has no line, but columns
    return problem if problem.line or not problem.file else replace(problem, column=error.offset + 1)


def _strangers(sentences: Sequence[str], workloads: Sequence[Workload], marks: Marks, path: Path) -> Iterator[Problem]:
    """Yield names that no Einsum of any workload has."""
    einsums = [e for w in workloads for e in w.einsums]
    variables = list(dict.fromkeys(v for e in einsums for v in e.shape))
    tensors = list(dict.fromkeys(name for e in einsums for name in e.tensors))
    roles = {"input", "output", "weight", "intermediate"}
    for place, sentence in enumerate(sentences):
        try:
            rule = read(sentence)
        except WordingError:
            continue
        yield from (
            marks.problem(f"{rule}: {message}", (*path, place), hint=did_you_mean(name, known))
            for message, name, known in _unknown(rule, variables, tensors, roles)
        )


def _unknown(
    rule: Sentence, variables: list[str], tensors: list[str], roles: Iterable[str]
) -> Iterator[tuple[str, str, list[str]]]:
    for name in sorted(rule.rank_variables - {*variables}):
        yield f"no Einsum has a rank variable {name}", name, variables
    for name in sorted(rule.words - {*tensors, *roles}):
        yield f"no Einsum has a tensor {name}", name, tensors
