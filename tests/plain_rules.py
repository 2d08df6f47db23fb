"""What constraint sentences mean for a mapping, the plain way: the judge of ``mapper/obey.py``.

Shares nothing with it. For mappings whose tiles divide.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from typing import NamedTuple

from second_cost import like_a_weight

from costmodel.einsum.algebra import Einsum, Role
from costmodel.spec.hardware import Architecture, Array, Memory
from costmodel.spec.mapping import Mapping, Spatial, Storage, Temporal


class Loop(NamedTuple):
    place: int
    node: Temporal | Spatial
    steps: int


def loops_of(mapping: Mapping, problem: Einsum) -> list[Loop]:
    left = dict(problem.shape)
    found = []
    for place, node in enumerate(mapping.nest):
        if isinstance(node, Temporal | Spatial):
            found.append(Loop(place, node, left[node.rank_variable] // node.tile))
            left[node.rank_variable] = node.tile
    return found


def times_of(mapping: Mapping, problem: Einsum) -> list[Loop]:
    return [x for x in loops_of(mapping, problem) if isinstance(x.node, Temporal) and x.steps > 1]


def nodes_of(mapping: Mapping) -> list[tuple[int, str, str]]:
    """(place, level, tensor) of what is stored."""
    return [(k, n.level, t) for k, n in enumerate(mapping.nest) if isinstance(n, Storage) for t in n.tensors]


def indexing(problem: Einsum, tensor: str) -> set[str]:
    return {v for a in problem.accesses_of(tensor) for v in a.rank_variables}


def means(word: str, tensor: str, problem: Einsum) -> bool:
    weight = problem.tensors[tensor].role is Role.WEIGHT
    if word == "output":
        return tensor == problem.output.tensor
    if word in ("input", "weight"):
        return weight == (word == "weight") and tensor in {a.tensor for a in problem.inputs}
    return word == tensor


def obeys(sentence: str, mapping: Mapping, problem: Einsum, architecture: Architecture) -> bool:
    """Whether a mapping obeys one sentence."""
    if sentence.startswith("order in"):
        return orders(sentence, mapping, problem)
    if sentence.endswith("stationary"):
        return stays(sentence.removesuffix("_stationary"), mapping, problem, architecture)
    if sentence.startswith("utilisation"):
        share = int(sentence.split()[2]) / 100
        instances = math.prod(n for a in architecture.arrays for n in a.shape.values())
        return working(mapping, problem) / instances >= share
    if " tile " in sentence:
        return tiles(sentence, mapping, problem)
    if found := re.match(r"(\w+) (keeps|bypasses) (\w+)$", sentence):
        level, verb, word = found.groups()
        held = {t for _, where, t in nodes_of(mapping) if where == level}
        meant = {t for t in problem.tensors if means(word, t, problem)}
        return meant <= held if verb == "keeps" else not meant & held
    return spatial(sentence, mapping, problem)


def working(mapping: Mapping, problem: Einsum) -> int:
    return math.prod(x.steps for x in loops_of(mapping, problem) if isinstance(x.node, Spatial))


def spatial(sentence: str, mapping: Mapping, problem: Einsum) -> bool:
    place, what = sentence.split(" ", 1)
    array, _, dimension = place.partition(".")
    here = [
        (x.node.rank_variable, x.steps)
        for x in loops_of(mapping, problem)
        if isinstance(x.node, Spatial) and x.node.array == array and dimension in ("", x.node.dimension)
    ]
    words = re.findall(r"\w+", what)
    if words[0] == "only":
        return all(v in words[1:] for v, _ in here)
    v, number = words[-2], int(words[-1])
    used = math.prod(n for w, n in here if w == v)
    return used <= number if words[0] == "at" else used == number


def tiles(sentence: str, mapping: Mapping, problem: Einsum) -> bool:
    level, _, v, relation, number = sentence.split()
    for place, where, tensor in nodes_of(mapping):
        if where == level and v in indexing(problem, tensor):
            inside = [x.steps for x in loops_of(mapping, problem) if x.place > place and x.node.rank_variable == v]
            extent, limit = math.prod(inside), min(int(number), problem.shape[v])
            if extent > limit or (relation == "==" and extent != limit):
                return False
    return True


def orders(sentence: str, mapping: Mapping, problem: Einsum) -> bool:
    """No two listed loops without a storage node between them, below one of the level, stand in the other order."""
    level, *listed = re.findall(r"\w+", sentence.removeprefix("order in"))
    for outer, inner in itertools.combinations(times_of(mapping, problem), 2):
        between = mapping.nest[outer.place : inner.place]
        above = [n for n in mapping.nest[: outer.place] if isinstance(n, Storage)]
        names = (outer.node.rank_variable, inner.node.rank_variable)
        if above[-1].level != level or any(isinstance(n, Storage) for n in between) or not set(names) <= set(listed):
            continue
        if listed.index(names[0]) > listed.index(names[1]):
            return False
    return True


def held_still(role: str, problem: Einsum) -> str:
    """The tensor that an ``output_``, ``weight_`` or ``input_stationary`` dataflow or array holds."""
    read = [a for a in problem.inputs if a.tensor != problem.output.tensor]
    inputs = like_a_weight(problem, [a for a in read if not a.at_zero] or read)
    if role == "output" or not read:
        return problem.output.tensor
    if role == "weight":
        return max(inputs, key=lambda t: (means("weight", t, problem), inputs.index(t)))
    return min(inputs, key=lambda t: (means("weight", t, problem), inputs.index(t)))


def chained(across: dict[tuple[str, str], set[str]], problem: Einsum) -> bool:
    """Whether no rank variable is spread along which the output is read a step after it is written."""
    steps = {
        v
        for read in problem.inputs
        if read.tensor == problem.output.tensor
        for here, there in zip(problem.output.indices, read.indices, strict=True)
        if here.terms == there.terms and len(here.terms) == 1
        for v, coefficient in here.terms
        if abs(here.constant - there.constant) == abs(coefficient)
    }
    return not any(steps & spread for spread in across.values())


def flow(across: dict[tuple[str, str], set[str]], problem: Einsum, architecture: Architecture) -> bool:
    """Whether all that moves through a systolic array is the same along one of its dimensions (or there is one alone).

    ``across``: (array, dimension) → rank variables that are spread there. A bias enters with the output.
    """
    for array in architecture.arrays:
        if array.systolic is None:
            continue
        for access in problem.accesses:
            once = access.at_zero and access.rank_variables <= problem.output.rank_variables
            if access.tensor == held_still(array.systolic, problem) or once:
                continue
            changing = [d for d in array.shape if across.get((array.name, d), set()) & access.rank_variables]
            if len(changing) > 1 and len(changing) == len(array.shape):
                return False
    return True


def stays(role: str, mapping: Mapping, problem: Einsum, architecture: Architecture) -> bool:
    """Each tile of the tensor comes once to the innermost memory that may hold it: no loop brings it back."""
    tensor = held_still(role, problem)
    able = [m.name for m in architecture.memories[1:] if may_hold(m, tensor, problem)]
    if not able:
        return True
    place, level, _ = [node for node in nodes_of(mapping) if node[2] == tensor][-1]
    if level != able[-1]:
        return False
    above = [x for x in times_of(mapping, problem) if x.place < place]
    seen = [
        tuple(k for k, x in zip(at, above, strict=True) if x.node.rank_variable in indexing(problem, tensor))
        for at in itertools.product(*(range(x.steps) for x in above))
    ]
    arrivals = [tile for tile, _ in itertools.groupby(seen)]
    return len(arrivals) == len(set(arrivals))


def may_hold(memory: Memory, tensor: str, problem: Einsum) -> bool:
    listed = (*(memory.keep or ()), *memory.may_keep)
    everything = memory.keep is None and not memory.may_keep
    return everything or any(means(word, tensor, problem) for word in listed)


def sentences(rng: random.Random, problem: Einsum, architecture: Architecture) -> list[str]:
    """Some of every kind."""
    names = list(problem.shape)
    level = rng.choice(architecture.memories).name
    found = [
        f"{level} tile {rng.choice(names)} {rng.choice(['<=', '=='])} {rng.choice([1, 2, 3, 100])}",
        "weight_stationary",
        "output_stationary",
        "input_stationary",
    ]
    found += [order(rng, problem, memory.name) for memory in architecture.memories]
    if len(architecture.memories) > 1:
        word = rng.choice(["weight", "input", "output", *problem.tensors])
        found.append(f"{architecture.memories[-1].name} {rng.choice(['keeps', 'bypasses'])} {word}")
    for array in architecture.levels:
        if isinstance(array, Array):
            place = rng.choice([array.name, *(f"{array.name}.{d}" for d in array.shape)])
            found += [
                f"{place} only [{', '.join(rng.sample(names, rng.randint(1, len(names))))}]",
                f"{place} at most {rng.choice(names)} {rng.choice([1, 2])}",
                f"{place} exact {rng.choice(names)} {rng.choice([1, 2])}",
                f"utilisation >= {rng.choice([25, 50, 100])} %",
            ]
    return found


def order(rng: random.Random, problem: Einsum, level: str) -> str:
    names = list(problem.shape)
    listed = ", ".join(rng.sample(names, rng.randint(min(2, len(names)), len(names))))
    return rng.choice([f"order in {level}: {listed}", f"order in {level}: [{listed}]"])
