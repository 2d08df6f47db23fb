"""Random Einsums, architectures and nests that fit them; a case is a function of one integer seed.

``random_case(seed)`` is plain and fast, so that a hundred thousand cases run; ``cases()`` hands the same cases to
Hypothesis.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st
from problems import in_addends, random_network

from costmodel.einsum.algebra import Access, Affine, Einsum, Operation, Role, Tensor, Workload
from costmodel.model.lost import lost_words
from costmodel.model.nest import bind
from costmodel.model.obedience import broken_rules
from costmodel.spec.hardware import Architecture, Array, ComputeUnit, Level, Memory
from costmodel.spec.mapping import Compute, Mapping, Nest, Node, Sequence, Spatial, Storage, Temporal

MAX_POINTS = 160
MAX_EXTENT = 7


@dataclass(frozen=True)
class Case:
    """A mapping with what it maps."""

    workload: Workload
    architecture: Architecture
    mapping: Mapping

    def __str__(self) -> str:
        lines = [f"{e.name}: {e.text}   {dict(e.shape)}   {_roles(e)}" for e in self.workload.einsums]
        lines += [_shown(level) for level in self.architecture.levels]
        return "\n".join([*lines, *sentences(self.mapping.nest)])


def _roles(einsum: Einsum) -> str:
    return " ".join(f"{t.name}:{t.role}:{t.bits}b" for t in einsum.tensors.values())


def _shown(level: Level) -> str:
    """A level with the fields that are not at their default."""
    plain = type(level)(**({"name": "", "shape": {}} if isinstance(level, Array) else {"name": ""}))
    stated = {k: getattr(level, k) for k in level.__dataclass_fields__ if getattr(level, k) != getattr(plain, k)}
    return f"{type(level).__name__}({', '.join(f'{k}={v!r}' for k, v in stated.items())})"


def sentences(nest: Nest, indent: str = "- ") -> list[str]:
    """A nest as the lines of a mapping file."""
    lines = []
    for node in nest:
        if isinstance(node, Sequence):
            lines.append(f"{indent}sequence:")
            for number, branch in enumerate(node.branches):
                lines.append(f"  {indent}branch {number}:")
                lines += sentences(branch, f"    {indent}")
        else:
            lines.append(f"{indent}{node}")
    return lines


# Writing Einsums and nests by hand, without the parsers that are tested elsewhere


def access(text: str) -> Access:
    """``I[c, 2*p + r - 1]`` with integers for coefficients."""
    name, inside = re.fullmatch(r"\s*(\w+)\[(.*)\]\s*", text).groups()
    return Access(name, tuple(_affine(index) for index in inside.split(",") if index.strip()))


def _affine(text: str) -> Affine:
    terms, constant = [], 0
    for sign, number, v in re.findall(r"([+-]?)\s*(\d*)\s*\*?\s*([A-Za-z]\w*|)", text):
        if not number and not v:
            continue
        value = int(number or 1) * (-1 if sign == "-" else 1)
        if v:
            terms.append((v, value))
        else:
            constant += value
    return Affine(tuple(terms), constant)


def workload_of(
    *statements: str,
    bits: dict[str, int] | None = None,
    roles: dict[str, Role] | None = None,
    kinds: tuple[tuple[str, int], ...] = (("mac", 1),),
    **extents: int,
) -> Workload:
    """Statements like ``Z[m, n] = A[m, k] * B[k, n]``; an Einsum has the name of its output."""
    return _workload([_parsed(s) for s in statements], extents, bits or {}, roles or {}, [kinds for _ in statements])


def _parsed(statement: str) -> tuple[Access, tuple[Access, ...]]:
    left, right = statement.split("=")
    return access(left), tuple(dict.fromkeys(access(text) for text in re.findall(r"\w+\[[^\]]*\]", right)))


def nest_of(text: str) -> Nest:
    """Sentences, one on each line; a ``sequence:`` has its branches below ``branch:`` lines, indented further."""
    lines = [(len(line) - len(line.lstrip()), line.split()) for line in text.splitlines() if line.strip()]
    return _nest(lines)


def in_two_branches(held: str) -> Nest:
    """On two_level: X is made and then read by Y at each step over m, in the Buffer; what is ``held`` is in memory."""
    return nest_of(
        f"""
        store {held} in MainMemory
        for m by 2
        store X in Buffer
        sequence:
          branch:
            store A B in Buffer
            for m by 1
            for p by 1
            for k by 1
            compute X on MAC
          branch:
            for m by 1
            for p by 1
            compute Y on MAC
        """
    )


def _nest(lines: list[tuple[int, list[str]]]) -> Nest:
    nodes: list[Node] = []
    for at, (depth, words) in enumerate(lines):
        match words:
            case ["store", *tensors, "in", level]:
                nodes.append(Storage(tuple(tensors), level))
            case ["for", v, "by", tile]:
                nodes.append(Temporal(v, int(tile)))
            case ["parallel", v, "by", tile, "across", place]:
                nodes.append(Spatial(v, int(tile), *place.split(".")))
            case ["compute", name, "on", unit]:
                nodes.append(Compute(name, unit))
            case ["sequence:"]:
                inside = [line for line in lines[at + 1 :] if line[0] > depth]
                starts = [i for i, line in enumerate(inside) if line == (inside[0][0], ["branch:"])]
                ends = [*starts[1:], len(inside)]
                nodes.append(Sequence(tuple(_nest(inside[a + 1 : b]) for a, b in zip(starts, ends, strict=True))))
                break
            case _:
                raise ValueError(" ".join(words))
    return tuple(nodes)


# Random Einsums


def _workload(
    statements: list[tuple[Access, tuple[Access, ...]]],
    extents: dict[str, int],
    bits: dict[str, int],
    roles: dict[str, Role],
    kinds: list[tuple[tuple[str, int], ...]],
) -> Workload:
    """Resolve statements: shapes are the largest coordinates that are touched, roles as given or inferred."""
    accesses = [a for output, inputs in statements for a in (*inputs, output)]
    written = {output.tensor for output, _ in statements}
    read = {a.tensor for output, inputs in statements for a in inputs if a.tensor != output.tensor}
    tensors = {}
    for name in dict.fromkeys(a.tensor for a in accesses):
        uses = [a for a in accesses if a.tensor == name]
        shape = tuple(
            1
            + max(
                a.indices[rank].constant + sum(max(0, c * (extents[v] - 1)) for v, c in a.indices[rank].terms)
                for a in uses
            )
            for rank in range(len(uses[0].indices))
        )
        role = Role.INPUT if name not in written else Role.INTERMEDIATE if name in read else Role.OUTPUT
        ranks = tuple(f"{name}{i}" for i in range(len(shape)))
        tensors[name] = Tensor(name, ranks, shape, bits.get(name, 8), roles.get(name, role))
    einsums = []
    for (output, inputs), ops in zip(statements, kinds, strict=True):
        own = dict.fromkeys(v for a in (output, *inputs) for i in a.indices for v in i.rank_variables)
        touched = dict.fromkeys([*(a.tensor for a in inputs), output.tensor])
        touched.pop(output.tensor)
        einsums.append(
            Einsum(
                name=output.tensor if output.tensor not in {e.name for e in einsums} else f"{output.tensor}_next",
                text=statement_text(output, inputs),
                shape={v: extents[v] for v in own},
                output=output,
                inputs=inputs,
                tensors={t: tensors[t] for t in (*touched, output.tensor)},
                operations=tuple(Operation(kind, n) for kind, n in ops),
            )
        )
    return Workload("w", "", tuple(einsums))


def statement_text(output: Access, inputs: tuple[Access, ...]) -> str:
    return f"{_text(output)} = {' * '.join(map(_text, inputs))}"


def _text(a: Access) -> str:
    def index(i: Affine) -> str:
        parts = [v if c == 1 else f"{c}*{v}" for v, c in i.terms]
        text = " + ".join([*parts, str(i.constant)] if i.constant or not parts else parts)
        return re.sub(r"^-1\*", "-", text.replace("+ -1*", "- ").replace("+ -", "- "))

    return f"{a.tensor}[{', '.join(index(i) for i in a.indices)}]"


def _plain(*variables: str) -> tuple[Affine, ...]:
    return tuple(Affine(((v, 1),)) for v in variables)


class _Draw:
    """All that is drawn for one case."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.widths = random.Random(f"widths of partial sums {seed}")
        self.states_widths = self.widths.random() < 0.3
        self.networks = random.Random(f"networks {seed}")

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def some(self, items: list[str], least: int, most: int) -> list[str]:
        count = min(len(items), self.rng.randint(least, most))
        return self.rng.sample(items, count)

    # Einsums

    def extents(self, variables: list[str], budget: int) -> dict[str, int]:
        extents = dict.fromkeys(variables, 1)
        for v in self.rng.sample(variables, len(variables)):
            used = 1
            for extent in extents.values():
                used *= extent
            most = min(MAX_EXTENT, budget // used)
            extents[v] = self.rng.randint(1 if most < 2 or self.chance(0.15) else 2, max(1, most))
        return extents

    def index(self, variables: list[str], extents: dict[str, int], spare: list[str]) -> Affine:
        """An index over one to three variables; takes what it uses out of ``variables``, or borrows of ``spare``."""
        v = variables.pop()
        others = [w for w in dict.fromkeys((*variables, *spare)) if w != v]
        if others and self.chance(0.35):
            index = self.sum_of(v, others, extents)
            variables[:] = [w for w in variables if w not in index.rank_variables]
            return index
        plain = Affine(((v, 1),))
        stride = Affine(((v, self.rng.choice([2, 3])),), self.rng.randint(0, 2))
        shift = Affine(((v, 1),), self.rng.randint(1, 2))
        backwards = Affine(((v, -1),), extents[v] - 1)
        return self.rng.choices([plain, stride, shift, backwards], [88, 6, 3, 3])[0]

    def sum_of(self, v: str, others: list[str], extents: dict[str, int]) -> Affine:
        """A window, a flattened pair or a sum of three, never negative."""
        w, *more = others
        if self.chance(0.15):
            return Affine(((v, extents[w]), (w, 1)))
        a, b = self.rng.choice([(1, 1), (1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (2, 3), (3, 2), (1, 3), (1, -1)])
        terms, constant = ((v, a), (w, b)), 0 if b > 0 else extents[w] - 1
        if more and self.chance(0.1):
            terms = (*terms, (more[0], self.rng.randint(1, 3)))
        return Affine(terms, constant)

    def indices(self, variables: list[str], extents: dict[str, int], spare: list[str]) -> tuple[Affine, ...]:
        left, indices = list(variables), []
        while left:
            indices.append(self.index(left, extents, spare))
        if self.chance(0.02):
            indices.append(Affine((), self.rng.randint(0, 2)))
        return tuple(indices)

    def other_way(self, like: tuple[Affine, ...], variables: list[str], extents: dict[str, int]) -> tuple[Affine, ...]:
        """Indices of another access to the same tensor: any rank variables, diagonals, constants, windows."""
        found = []
        for index in like:
            if self.chance(0.25):
                found.append(index)
            elif self.chance(0.1):
                found.append(Affine((), self.rng.randint(0, 3)))
            else:
                found.append(self.index(self.rng.sample(variables, min(2, len(variables))), extents, []))
        self.rng.shuffle(found) if self.chance(0.3) else None
        return tuple(found)

    def statement(
        self, output: str, letters: list[str], variables: list[str], extents: dict[str, int], given: tuple[Access, ...]
    ) -> tuple[Access, tuple[Access, ...]]:
        """One Einsum over the variables; ``given`` are reads that it must contain."""
        inputs = list(given)
        for _ in range(self.rng.randint(0 if given else 1, 3 - len(given) if len(given) < 3 else 0)):
            tensor = letters.pop(0)
            mine = self.some(variables, 1, 3)
            inputs.append(Access(tensor, self.indices(mine, extents, variables if self.chance(0.2) else [])))
            if self.chance(0.06):  # a second access to the same tensor
                shifted = tuple(replace(i, constant=i.constant + self.rng.randint(0, 2)) for i in inputs[-1].indices)
                inputs.append(Access(tensor, shifted))
            for _ in range(self.rng.choices([0, 1, 2], [88, 10, 2])[0]):  # others, by any rank variables
                inputs.append(Access(tensor, self.other_way(inputs[-1].indices, variables, extents)))
        plain = self.chance(0.8)
        kept = self.some(variables, 0 if self.chance(0.1) else 1, 3 if self.chance(0.4) else max(1, len(variables) - 1))
        out = _plain(*kept) if plain else self.indices(kept, extents, [])
        used = {v for i in (*out, *(i for a in inputs for i in a.indices)) for v in i.rank_variables}
        lacking = [v for v in variables if v not in used]
        if lacking:  # every rank variable must be in some index
            last = inputs[-1] if inputs[len(given) :] else None
            if last is not None and sum(a.tensor == last.tensor for a in inputs) == 1:
                inputs[-1] = Access(last.tensor, (*last.indices, *_plain(*lacking)))
            else:
                out = (*out, *_plain(*lacking))
        return Access(output, out), tuple(dict.fromkeys(inputs))

    def kinds(self) -> tuple[tuple[str, int], ...]:
        return self.rng.choice([(("mac", 1),), (("mul", 1),), (("max", 1),), (("exp", 1), ("add", 2)), (("copy", 1),)])

    def single(self) -> Workload:
        if self.chance(0.02):
            return self.finished([(Access("Z", ()), tuple(Access(t, ()) for t in self.some(list("ABC"), 1, 3)))], {})
        variables = list("mnkp")[: self.rng.choice([1, 2, 2, 3, 3, 3, 4])]
        extents = self.extents(variables, MAX_POINTS)
        if self.chance(0.05):
            return self.iterative(variables, extents)
        statement = self.statement("Z", list("ABC"), variables, extents, ())
        return self.finished([statement], extents)

    def iterative(self, variables: list[str], extents: dict[str, int]) -> Workload:
        first, *others = variables
        kept = others[:2]
        before = Access("Z", _plain(first, *kept))
        after = Access("Z", (Affine(((first, 1),), self.rng.randint(1, 2)), *_plain(*kept)))
        return self.finished([(after, (before, Access("A", _plain(*variables))))], extents)

    def initialised(self) -> tuple[Workload, list[str]]:
        """A tensor with two writers: its first row, and the recurrence that goes on from it."""
        extents = {"m": self.rng.randint(1, 4), "p": self.rng.randint(1, 5), "k": self.rng.randint(1, 3)}
        first = Access("Z", (Affine((), 0), *_plain("p")))
        after = Access("Z", (Affine((("m", 1),), 1), *_plain("p")))
        read = (Access("Z", _plain("m", "p")), Access("B", _plain("m", "p", "k")))
        return self.finished([(first, (Access("A", _plain("p")),)), (after, read)], extents), ["p"]

    def same_names(self, workload: Workload) -> Workload:
        """The workload where variables of single Einsums may share a name and differ in extent: k0, k1 → k, k."""
        einsums = []
        for e in workload.einsums:
            new = {v: v[0] for v in e.shape if len(v) == 2 and v[1].isdigit() and self.chance(0.3)}
            new = {v: w for v, w in new.items() if w not in e.shape and list(new.values()).count(w) == 1}

            def rename(a: Access, new: dict[str, str] = new) -> Access:
                indices = (tuple((new.get(v, v), c) for v, c in i.terms) for i in a.indices)
                moved = tuple(map(Affine, indices, (i.constant for i in a.indices)))
                return Access(a.tensor, moved, frozenset(new.get(v, v) for v in a.at_zero))

            shape = {new.get(v, v): n for v, n in e.shape.items()}
            output, inputs = rename(e.output), tuple(map(rename, e.inputs))
            text = statement_text(output, inputs)
            ops = tuple(replace(o, at_zero=frozenset(new.get(v, v) for v in o.at_zero)) for o in e.operations)
            einsums.append(replace(e, shape=shape, output=output, inputs=inputs, operations=ops, text=text))
        return replace(workload, einsums=tuple(einsums))

    def finished(self, statements: list[tuple[Access, tuple[Access, ...]]], extents: dict[str, int]) -> Workload:
        written = {output.tensor for output, _ in statements}
        statements = [self.in_terms(*statement) for statement in self.sharing(statements, written)]
        names = {a.tensor for output, inputs in statements for a in (output, *inputs)}
        bits = {name: self.rng.choice([4, 8, 8, 16]) for name in sorted(names)}
        roles = {name: Role.WEIGHT for name in sorted(names - written) if self.chance(0.3)}
        workload = _workload(statements, extents, bits, roles, [self.kinds() for _ in statements])
        return replace(workload, einsums=tuple(map(self.once_a_word, workload.einsums)))

    def sharing(
        self, statements: list[tuple[Access, tuple[Access, ...]]], written: set[str]
    ) -> list[tuple[Access, tuple[Access, ...]]]:
        """The statements where one may read a tensor that another one reads in its own way."""
        if len(statements) < 2 or not self.chance(0.3):
            return statements
        uses = [(place, a) for place, (_, inputs) in enumerate(statements) for a in inputs if a.tensor not in written]
        pairs = [(a, b) for i, a in uses for j, b in uses if i < j and len(a.indices) == len(b.indices)]
        if not pairs:
            return statements
        first, second = self.rng.choice(pairs)
        return [
            (output, tuple(replace(a, tensor=first.tensor) if a.tensor == second.tensor else a for a in inputs))
            for output, inputs in statements
        ]

    def in_terms(self, output: Access, inputs: tuple[Access, ...]) -> tuple[Access, tuple[Access, ...]]:
        """The statement as a sum of terms: what lacks a reduced rank variable is asked for where that is 0."""
        if not self.chance(0.25):
            return output, inputs
        moving = {v for a in (output, *inputs) for v in a.rank_variables}
        terms: list[list[Access]] = [[], []]
        for a in inputs:
            terms[self.chance(0.4)].append(a)
        found = []
        for term in filter(None, terms):
            lacking = moving - output.rank_variables - {v for a in term for v in a.rank_variables}
            found += [replace(a, at_zero=frozenset(lacking)) for a in term]
        alike = [(a, b) for a in found for b in found if (a.tensor, a.indices) == (b.tensor, b.indices)]
        covered = {a for a, b in alike if b.at_zero < a.at_zero}
        return output, tuple(a for a in dict.fromkeys(found) if a not in covered)

    def once_a_word(self, einsum: Einsum) -> Einsum:
        """The Einsum whose operations may be done where its terms are evaluated."""
        conditions = sorted({a.at_zero for a in einsum.inputs}, key=sorted)
        if not conditions:
            return einsum
        return replace(
            einsum, operations=tuple(replace(o, at_zero=self.rng.choice(conditions)) for o in einsum.operations)
        )

    def workload(self) -> tuple[Workload, list[str]]:
        """A cascade, and the variables over which loops may be shared."""
        if self.chance(0.04):
            return self.initialised()
        workload, shared = self.cascade()
        return self.same_names(workload), shared

    def cascade(self) -> tuple[Workload, list[str]]:
        """Two or three Einsums that pass intermediates on, and the variables over which loops may be shared."""
        rng = self.rng
        common = list("pq")[: rng.randint(1, 2)]
        shared = [v for v in common if not self.chance(0.15)]
        extents = self.extents(common, 16)
        extents["r"] = rng.randint(1, 3)
        statements: list[tuple[Access, tuple[Access, ...]]] = []
        letters = list("ABCDEFG")
        names = "TUZ"[: rng.choice([2, 2, 3])]
        for number, name in enumerate(names):
            own = [f"{x}{number}" for x in self.some(list("kmn"), 0, 2)]
            budget = max(1, MAX_POINTS // 3 // math.prod(extents[v] for v in common))
            extents |= self.extents(own, budget)
            earlier = self.some(list(range(number)), 1, 2) if number else []
            given = tuple(self.reread(statements[i][0], shared, extents) for i in earlier)
            mine = [v for v in common if v in shared or not self.chance(0.2)]
            read = [v for a in given for i in a.indices for v in i.rank_variables]
            variables = list(dict.fromkeys([*mine, *own, *read])) or ["r"]
            output, inputs = self.statement(name, letters, variables, extents, given)
            output = self.following(output, mine, free=name == names[-1], window=number == 0 and self.chance(0.3))
            covered = {v for a in (output, *inputs) for i in a.indices for v in i.rank_variables}
            lacking = [v for v in variables if v not in covered]
            statements.append((Access(name, (*output.indices, *_plain(*lacking))), inputs))
        passed_on = [i for output, _ in statements[:-1] for i in output.indices]
        apart = [v for v in shared if not any(_meet_later(i, v, extents) for i in passed_on)]
        return self.finished(statements, extents), apart

    def following(self, output: Access, common: list[str], *, free: bool, window: bool) -> Access:
        """The output with the common variables in front, so that consumers can follow; ``free`` may reduce some."""
        front = []
        for v in common:
            if window and v == "p":
                front.append(Affine((("p", self.rng.choice([1, 1, 2])), ("r", 1))))
            elif not (free and self.chance(0.3)):
                front.append(Affine(((v, 1),), 1 if self.chance(0.07) else 0))
        rest = [i for i in output.indices if not set(i.rank_variables) & {*common, "r"}]
        return Access(output.tensor, (*front, *rest))

    def reread(self, produced: Access, shared: list[str], extents: dict[str, int]) -> Access:
        """A read of an intermediate that follows its producer along the shared variables."""
        return Access(produced.tensor, tuple(self.reread_index(i, shared, extents) for i in produced.indices))

    def reread_index(self, index: Affine, shared: list[str], extents: dict[str, int]) -> Affine:
        terms = dict(index.terms)
        if set(terms) & set(shared):
            if terms.get("r") and self.chance(0.4):  # a window that may be narrower than what was written
                extents["s"] = min(extents["r"], extents.get("s", 3))
                return Affine(tuple(("s" if v == "r" else v, c) for v, c in index.terms), index.constant)
            return replace(index, constant=self.rng.randint(0, index.constant))
        if len(terms) == 1 and terms.get(index.rank_variables[0]) == 1 and not index.constant and self.chance(0.6):
            (v,) = terms
            extents[f"{v}x"] = self.rng.randint(1, extents[v])
            return Affine(((f"{v}x", 1),))
        return index

    # Architectures

    def architecture(self) -> Architecture:
        rng = self.rng
        inside: list[str] = ["memory"] * rng.randint(0, 3) + ["array"] * rng.choice([0, 1, 1, 2, 2])
        rng.shuffle(inside)
        levels: list[Level] = [self.memory("M0")]
        for number, kind in enumerate(inside, 1):
            levels.append(self.memory(f"M{number}") if kind == "memory" else self.array(f"A{number}"))
        rates = {"default": rng.choice([0.5, 1.0, 2.0, 4.0]), "exp": 0.25}
        prices = rng.choice([{"default": 1.0}, {"default": 0.5, "mac": 2.0, "exp": 4.0}, {"default": 3.0, "max": 0.25}])
        levels.append(ComputeUnit(name="MAC", energy_pj=prices, throughput_per_cycle=rates, **self.physical()))
        if self.chance(0.15):
            priced = {rng.choice(["exp", "default"]): 3.0}
            levels.append(ComputeUnit(name="VEC", energy_pj=priced, throughput_per_cycle={"default": 8.0}))
        return Architecture(name="a", levels=tuple(levels))

    def physical(self) -> dict[str, Any]:
        """What the chip has of a level, and what that leaks."""
        stated = {"instances": self.rng.randint(1, 9)} if self.chance(0.15) else {}
        return {"leakage_w": self.rng.choice([0.0, 0.0, 1e-3]), **stated}

    def memory(self, name: str) -> Memory:
        rng = self.rng
        rates = [None, None, 8.0, 16.0, 64.0]
        return Memory(
            name=name,
            read_pj=float(rng.randint(0, 8)),
            write_pj=float(rng.randint(0, 8)),
            access_bits=rng.choice([8, 16, 32, 64]),
            bandwidth_bits_per_cycle=rng.choice(rates),
            read_bits_per_cycle=rng.choice(rates),
            write_bits_per_cycle=rng.choice(rates),
            halo="refetch" if self.chance(0.15) else "reuse",
            holes="fetch" if self.chance(0.15) else "skip",
            drain="free" if self.chance(0.15) else "charged",
            double_buffered=self.chance(0.15),
            partial_bits=self.partial(),
            **self.physical(),
        )

    def partial(self) -> int | None:
        """The width of partial sums, which some architectures state at some levels."""
        return self.widths.choice([None, 4, 24, 32, 40]) if self.states_widths else None

    def array(self, name: str) -> Array:
        rng = self.rng
        shape = {dimension: rng.randint(1, 4) for dimension in "XY"[: rng.randint(1, 2)]}
        return Array(
            name=name,
            shape=shape,
            hop_pj=float(rng.randint(0, 4)),
            hop_bits=rng.choice([8, 16, 32]),
            network=random_network(self.networks) if self.networks.random() < 0.25 else None,
            multicast=rng.choice(["words", "words", "tiles", "none"]),
            reduce=self.chance(0.7),
            systolic=rng.choice(["output", "weight", "input"]) if self.chance(0.12) else None,
            partial_bits=self.partial(),
            **self.physical(),
        )


# Random nests


@dataclass
class _Place:
    """What is above a place of a growing nest."""

    left: dict[str, dict[str, int]]
    """Einsum → rank variable → extent that is left."""
    phase: int
    """Level of the architecture up to which the nest has come."""
    held: dict[str, int] = field(default_factory=dict)
    """Tensor → innermost level that holds it."""
    used: dict[tuple[str, str], int] = field(default_factory=dict)
    """Array dimension → instances that the loops above need."""

    def copy(self) -> _Place:
        left = {e: dict(x) for e, x in self.left.items()}
        return _Place(left, self.phase, dict(self.held), dict(self.used))


class _DeadEndError(Exception):
    """This draw leads nowhere."""


def _meet_later(index: Affine, v: str, extents: dict[str, int]) -> bool:
    """Whether a word that is written at one value of ``v`` is written at the next ones, too."""
    terms = dict(index.terms)
    step = terms.pop(v, 0)
    return bool(step) and sum(c * (extents[u] - 1) for u, c in terms.items()) >= step


class _Nest:
    """Grows one nest for a workload on an architecture."""

    def __init__(self, draw: _Draw, workload: Workload, architecture: Architecture, shared: list[str]) -> None:
        self.draw, self.rng, self.architecture = draw, draw.rng, architecture
        self.einsums = {e.name: e for e in workload.einsums}
        self.shared = shared
        self.hold = self.rng.choice([0.3, 0.6, 0.8])
        self.loops = self.rng.choice([0.3, 0.8, 1.5])
        self.spread = self.rng.choice([0.6, 1.2])
        self.phases: list[list[Memory] | Array] = []
        for level in architecture.levels:
            if isinstance(level, Memory):
                if self.phases and isinstance(self.phases[-1], list):
                    self.phases[-1].append(level)
                else:
                    self.phases.append([level])
            elif isinstance(level, Array):
                self.phases.append(level)

    def grow(self, names: list[str], place: _Place, *, root: bool = False) -> list[Node]:
        """The nest of some Einsums below a place."""
        nodes: list[Node] = []
        last = len(self.phases) - 1
        if len(names) > 1:
            last = self.rng.randint(place.phase, last)
        stores = [i for i in range(place.phase, last + 1) if isinstance(self.phases[i], list)]
        for phase in range(place.phase, last + 1):
            what = self.phases[phase]
            if isinstance(what, list):
                must = self.linking(names, place) if stores and phase == stores[-1] and len(names) > 1 else []
                nodes += self.stores(names, place, what, must, root=root and phase == 0)
            else:
                nodes += self.spread_out(names, place, what)
        place.phase = max(last, place.phase)
        if len(names) > 1:
            if self.linking(names, place):
                raise _DeadEndError
            parts = self.parts(names)
            branches = tuple(tuple(self.grow(part, place.copy())) for part in parts)
            return [*nodes, Sequence(branches)]
        (name,) = names
        end: list[Node] = [Temporal(v, 1) for v, n in place.left[name].items() if n > 1]
        self.rng.shuffle(end)
        able = [unit.name for unit in self.architecture.compute_units if unit.computes(self.einsums[name])]
        end.append(Compute(name, self.rng.choice(able)))
        if self.draw.chance(0.02):  # a sequence of one branch still ends lives
            return [*nodes, Sequence((tuple(end),))]
        return [*nodes, *end]

    def parts(self, names: list[str]) -> list[list[str]]:
        """How the branches of a sequence share out the Einsums."""
        if len(names) == 3 and self.draw.chance(0.5):
            return [names[:1], names[1:]] if self.draw.chance(0.5) else [names[:2], names[2:]]
        return [[name] for name in names]

    def linking(self, names: list[str], place: _Place) -> list[str]:
        """Intermediates that pass between the Einsums and that nothing above holds yet."""
        written = dict.fromkeys(self.einsums[n].output.tensor for n in names)
        users = [t for n in names for t in self.einsums[n].tensors]
        return [tensor for tensor in written if users.count(tensor) > 1 and tensor not in place.held]

    def stores(
        self, names: list[str], place: _Place, memories: list[Memory], must: list[str], *, root: bool
    ) -> list[Node]:
        """Storage nodes of some memories in a random order, with loops between them."""
        nodes: list[Node] = []
        if root:
            if self.draw.chance(0.03):
                nodes += self.temporal(names, place)
            nodes += self.outermost(names, place)
        for name, memory in self.wanted(names, place, memories, must):
            at = self.architecture.index(memory.name)
            if place.held.get(name, -1) >= at:
                continue  # an inner level came first
            nodes += self.temporal(names, place)
            place.held[name] = at
            if nodes and isinstance(nodes[-1], Storage) and nodes[-1].level == memory.name and self.draw.chance(0.5):
                nodes[-1] = Storage((*nodes[-1].tensors, name), memory.name)
            else:
                nodes.append(Storage((name,), memory.name))
        return [*nodes, *self.temporal(names, place)]

    def outermost(self, names: list[str], place: _Place) -> list[Node]:
        """The outermost memory holds every tensor, but perhaps not the intermediates."""
        tensors = {t.name: t for n in names for t in self.einsums[n].tensors.values()}
        kept = [t.name for t in tensors.values() if t.role is not Role.INTERMEDIATE or self.draw.chance(0.4)]
        place.held |= dict.fromkeys(kept, 0)
        return [Storage(tuple(kept), self.architecture.memories[0].name)] if kept else []

    def wanted(
        self, names: list[str], place: _Place, memories: list[Memory], must: list[str]
    ) -> list[tuple[str, Memory]]:
        """Which tensors the memories of one phase shall hold; ``must`` are held by one of them at least."""
        tensors = dict.fromkeys(t for n in names for t in self.einsums[n].tensors)
        outermost = self.architecture.memories[0]
        wanted = [
            (name, memory)
            for memory in memories
            for name in tensors
            if memory is not outermost and self.draw.chance(self.hold)
        ]
        held = {name for name, _ in wanted} | set(place.held)
        wanted += [(name, self.rng.choice(memories)) for name in must if name not in held]
        self.rng.shuffle(wanted)
        return wanted

    def candidates(self, names: list[str], place: _Place) -> list[str]:
        if len(names) == 1:
            return list(place.left[names[0]])
        return [v for v in self.shared if all(v in place.left[n] for n in names)]

    def tile(self, extent: int) -> int:
        """Any tile; often the whole extent's divisor, sometimes one step."""
        if self.draw.chance(0.08):
            return extent
        if self.draw.chance(0.5):
            return self.rng.choice([d for d in range(1, extent + 1) if extent % d == 0 and (d < extent or extent == 1)])
        return self.rng.randint(1, max(1, extent - 1))

    def temporal(self, names: list[str], place: _Place) -> list[Node]:
        nodes: list[Node] = []
        variables = self.candidates(names, place)
        while variables and self.rng.random() < self.loops / (1 + self.loops):
            v = self.rng.choice(variables)
            extent = place.left[names[0]][v]
            if extent == 1 and self.draw.chance(0.9):
                continue
            tile = self.tile(extent)
            nodes.append(Temporal(v, tile))
            self.cut(names, place, v, tile)
        return nodes

    def cut(self, names: list[str], place: _Place, v: str, tile: int) -> None:
        for name in names:
            place.left[name][v] = tile

    def spread_out(self, names: list[str], place: _Place, array: Array) -> list[Node]:
        """Parallel loops across an array, with loops in time between them."""
        nodes: list[Node] = []
        variables = self.candidates(names, place)
        for dimension, size in array.shape.items():
            for _ in range(2):
                if not variables or not self.draw.chance(0.7 * self.spread):
                    continue
                v = self.rng.choice(variables)
                extent = place.left[names[0]][v]
                room = size // place.used.get((array.name, dimension), 1)
                least = -(-extent // room)
                if least >= extent and self.draw.chance(0.9):
                    continue
                tile = self.rng.randint(least, max(least, extent - 1))
                nodes.append(Spatial(v, tile, array.name, dimension))
                key = (array.name, dimension)
                place.used[key] = place.used.get(key, 1) * -(-extent // tile)
                self.cut(names, place, v, tile)
                nodes += self.temporal(names, place)
        if self.draw.chance(0.5):
            self.rng.shuffle(nodes) if not self.ordered(nodes) else None
        return nodes

    @staticmethod
    def ordered(nodes: list[Node]) -> bool:
        """Whether the order of the loops matters: some variable is split twice."""
        variables = [n.rank_variable for n in nodes if isinstance(n, Temporal | Spatial)]
        return len(variables) != len(set(variables))


def random_case(seed: int, *, losing: bool = False) -> Case:
    """The case of a seed: 60 % single Einsums, 40 % fused cascades; ``losing``: which may lose words, too."""
    for attempt in range(1000):
        draw = _Draw(seed * 1000 + attempt)
        fused = draw.chance(0.4)
        workload, shared = draw.workload() if fused else (draw.single(), [])
        if sum(e.points for e in workload.einsums) > 2 * MAX_POINTS:
            continue
        architecture = draw.architecture()
        left = {e.name: dict(e.shape) for e in workload.einsums}
        names = [e.name for e in workload.einsums]
        try:
            nodes = _Nest(draw, workload, architecture, shared).grow(names, _Place(left, 0), root=True)
        except _DeadEndError:
            continue
        case = Case(workload, architecture, Mapping(tuple(nodes)))
        bound = bind(workload, architecture, case.mapping)
        if not broken_rules(bound) and (losing or not any(lost_words(bound))):  # rules of a recurrence: no others here
            return case
    raise AssertionError(f"no case for seed {seed}")


def padded(workload: Workload, rng: random.Random) -> Workload:
    """The workload with some tensors smaller than what their accesses reach, on either side: points lie outside.

    Either all accesses of a tensor are shifted, or its reads alone. Terms of a sum leave their tensors together or
    apart.
    """
    for _ in range(100):
        einsums = workload.einsums
        for name in dict.fromkeys(t for e in einsums for t in e.tensors):
            if rng.random() < 0.5:
                einsums = _cropped(einsums, name, rng)
        einsums = tuple(in_addends(e) if rng.random() < 0.7 else e for e in einsums)
        inside = (n for e in einsums for n in map(e.points_where_zero, e.addends or (frozenset(),)))
        if any(e.limits for e in einsums) and all(inside):
            return replace(workload, einsums=einsums)
    return workload


def _cropped(einsums: tuple[Einsum, ...], name: str, rng: random.Random) -> tuple[Einsum, ...]:
    tensor = next(e.tensors[name] for e in einsums if name in e.tensors)
    shape = tuple(rng.randint(1, n) if rng.random() < 0.7 else n for n in tensor.shape)
    shifts = [rng.randint(0, n - left) for n, left in zip(tensor.shape, shape, strict=True)]
    all_alike = rng.random() < 0.5

    def moved(a: Access, *, written: bool = False) -> Access:
        if a.tensor != name or (written and not all_alike):
            return a
        pairs = zip(a.indices, shifts, strict=True)
        return replace(a, indices=tuple(replace(i, constant=i.constant - shift) for i, shift in pairs))

    return tuple(
        replace(
            e,
            output=moved(e.output, written=True),
            inputs=tuple(dict.fromkeys(map(moved, e.inputs))),
            tensors={t: replace(x, shape=shape) if t == name else x for t, x in e.tensors.items()},
        )
        for e in einsums
    )


def padded_case(seed: int) -> Case:
    """The case of a seed, padded; rarely as it is, where that leaves no point inside, or loses words."""
    case = random_case(seed)
    within = replace(case, workload=padded(case.workload, random.Random(seed)))
    return case if any(lost_words(bind(within.workload, within.architecture, within.mapping))) else within


def with_one_width(case: Case) -> Case:
    """The case with partial sums as wide as what becomes of them."""
    levels = (x if isinstance(x, ComputeUnit) else replace(x, partial_bits=None) for x in case.architecture.levels)
    return replace(case, architecture=replace(case.architecture, levels=tuple(levels)))


def cases() -> st.SearchStrategy[Case]:
    """The random cases as a Hypothesis strategy."""
    return st.integers(0, 2**32).map(random_case)
