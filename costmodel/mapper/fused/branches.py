"""The branches of each Einsum of a workload, found once for all groups in which it may be."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from costmodel.einsum.algebra import Einsum, Workload
from costmodel.mapper.allowed import Allowed
from costmodel.mapper.canonical import grouped, renamed_mapping
from costmodel.mapper.front import TIE, Incumbents, StrictIncumbents
from costmodel.mapper.fused.group import FusedGroup
from costmodel.mapper.fused.plan import Floats, Ints, Plan, Touched
from costmodel.mapper.lattice import (
    Board,
    Branches,
    Branching,
    Cheapest,
    Setting,
    Settings,
    Space,
    UnsupportedError,
    build,
)
from costmodel.mapper.result import InfeasibleError
from costmodel.model.patience import until
from costmodel.spec.computing import parts_for
from costmodel.spec.hardware import Architecture
from costmodel.spec.mapping import Mapping, Node
from costmodel.spec.objective import COSTS, Objective
from costmodel.spec.rules import parse


class NotFusedError(Exception):
    """An Einsum cannot be a branch of a fused nest, or not of one that is searched."""


@dataclass(frozen=True)
class EinsumPart:
    """An Einsum on one of the compute units that can run it."""

    einsum: Einsum
    space: Space

    @property
    def memory_names(self) -> list[str]:
        """Innermost first."""
        return [m.level.name for m in self.space.memories]

    def node(self, bit: int) -> tuple[str, str]:
        """Return (tensor, memory) of a storage node."""
        plan = next(n for n in self.space.nodes if n.bit == bit)
        return self.space.tensors[plan.tensor].name, self.memory_names[plan.memory]


@dataclass(frozen=True)
class Found:
    """The branches of an Einsum on one unit: those of one that is like it, in its own names."""

    part: EinsumPart
    search: Branching
    branches: Branches

    def nodes(self, number: int) -> list[Node]:
        """Return the nodes of a branch, innermost first."""
        theirs, own = self.search.space, self.part.space
        variables = dict(zip(theirs.names, own.names, strict=True))
        tensors = {a.name: b.name for a, b in zip(theirs.tensors, own.tensors, strict=True)}
        nest = tuple(self.search.nodes(number))
        return list(renamed_mapping(Mapping(nest), variables, tensors, self.part.einsum.name, None).nest)


def parts(einsum: Einsum, architecture: Architecture, constraints: Sequence[str]) -> list[EinsumPart]:
    """Return an Einsum on each unit that runs it. Raises NotFusedError where its branches have no form."""
    if any(a.tensor == einsum.output.tensor for a in einsum.inputs):
        msg = "it reads its own output"
        raise NotFusedError(msg)
    found = []
    for part in parts_for(einsum, architecture):
        rules = parse((*architecture.constraints, *constraints), part, einsum)
        try:
            space = build(Allowed(einsum, part, rules))
        except UnsupportedError as why:
            raise NotFusedError(str(why)) from None
        except InfeasibleError:
            continue
        found.append(EinsumPart(einsum, space))
        if _limits_nests(space):
            msg = "a constraint is about its loops or tiles"
            raise NotFusedError(msg)
    if not found:
        msg = "nothing fits"
        raise NotFusedError(msg)
    return found


def touched(parts: Sequence[EinsumPart]) -> dict[str, Touched]:
    """Return what an Einsum touches of each of its tensors, on whichever unit."""
    plans = [(part.space.names, plan) for part in parts for plan in part.space.tensors]
    return {
        tensor.name: Touched(
            tensor.words,
            frozenset(names[v] for names, plan in plans if plan.name == tensor.name for v in plan.windowed),
        )
        for _, tensor in plans
    }


def _limits_nests(space: Space) -> bool:
    """Whether rules speak of the order of loops, of what is held still, or of tiles, which a shared part would have."""
    allowed = space.allowed
    if allowed.orders or allowed.still or allowed.wanted:
        return True
    return any(allowed.whole(place, tensor) for place, tensor, _ in allowed.below)


Place = tuple[str, FusedGroup]
"""An Einsum in one of its groups."""


class Searcher:
    """The searches of the branches of one Einsum on one unit, for all groups in which it, or one like it, may be."""

    def __init__(self, part: EinsumPart, aim: Objective, settings: MappingABC[Place, Setting]) -> None:
        self.part = part
        each = list(dict.fromkeys(settings.values()))
        self.places = [[place for place, one in settings.items() if one == mine] for mine in each]
        """Of each setting."""
        self.board = Board(part.space, aim, each)
        self.settings = Settings(part.space, self.board.lattice, self.board.completion.above, each)
        self._least: dict[Objective, LeastInSettings] = {}

    def branches(self, judges: Sequence[Incumbents], width: int, deadline: float | None) -> tuple[Branching, Branches]:
        """Find those that may be better than what is known in some setting. Raises OutOfTimeError."""
        search = Branching(self.board, self.settings, judges, width, deadline=deadline)
        with until(deadline):
            return search, search.branches()

    def least(self, aim: Objective) -> LeastInSettings:
        """Return what is known of one objective, of a branch with its part of what is shared."""
        if aim not in self._least:
            self._least[aim] = LeastInSettings(self.board, aim, self.settings.each)
        return self._least[aim]

    def of_settings(self, most: MappingABC[Place, float]) -> Floats:
        """Return the most of some places in each setting; without a place: less than anything."""
        return np.array([max(most.get(place, -np.inf) for place in places) for places in self.places])


class LeastInSettings:
    """What the branches of an Einsum cost at least of one objective in each setting, by passes of growing width."""

    def __init__(self, board: Board, aim: Objective, settings: Sequence[Setting]) -> None:
        self.board, self.aim, self.settings = board, aim, settings
        self.bounds: Floats = np.zeros(len(settings))
        self.judges = [StrictIncumbents(aim) for _ in settings]
        """What was found in each."""

    def rising(self, most: Floats) -> Ints:
        """Return the settings whose bound may rise, as long as it is less than ``most``: more is of no use."""
        found = np.array([judge.values.min(initial=np.inf) for judge in self.judges])
        rows: Ints = np.flatnonzero(self.bounds < np.minimum(found, most) * (1 - TIE))
        return rows

    def widen(self, most: Floats, width: int, deadline: float | None) -> int:
        """Look at the settings whose bound may rise; return how many labels there were. Raises OutOfTimeError.

        ``most``: finite only where the objective is a cost.
        """
        rows = self.rising(most)
        if not len(rows):
            return 0
        mine = [self.settings[k] for k in rows.tolist()]
        judges = [self.judge(k, float(most[k])) for k in rows.tolist()]
        with until(deadline):
            settings = Settings(self.board.space, self.board.lattice, self.board.completion.above, mine)
            search = Cheapest(self.board, settings, judges, width, deadline=deadline)
            self.bounds[rows] = np.maximum(self.bounds[rows], search.least())
        for k, judge in zip(rows.tolist(), judges, strict=True):
            if judge.values.min(initial=np.inf) < most[k]:
                self.judges[k] = judge
        return search.stats.labels

    def judge(self, setting: int, most: float) -> StrictIncumbents:
        """Return what branches are held against in a setting."""
        judge = StrictIncumbents(self.aim)
        judge.add(self.judges[setting].costs, self.judges[setting].items)
        if most < np.inf:
            costs = np.zeros((len(COSTS), 1))
            costs[COSTS.index(self.aim.costs[0])] = max(most, 0.0)
            judge.add(costs, [None])
        return judge


def alike(
    workload: Workload,
    architecture: Architecture,
    constraints: Sequence[str],
    parts: MappingABC[str, Sequence[EinsumPart]],
) -> dict[str, str]:
    """Return Einsum → the first one that differs from it in names only, in all that its searches number."""
    found: dict[str, str] = {}
    leaders: dict[object, str] = {}
    for member in grouped(workload, architecture, constraints):
        name = member.einsum.name
        if name in parts:
            spaces = [part.space for part in parts[name]]
            numbered = tuple(
                (
                    tuple(member.naming.rank_variables.index(v) for v in space.names),
                    tuple(member.naming.tensors.index(t.name) for t in space.tensors),
                    tuple((n.bit, n.tensor, n.memory) for n in space.nodes),
                )
                for space in spaces
            )
            found[name] = leaders.setdefault((member.group, numbered), name)
    return found


def setting(part: EinsumPart, plan: Plan) -> Setting:
    """Return what a group makes of an Einsum.

    An output that stays in the group is not written to the outermost memory. What comes to an input that another Einsum
    of the group writes is of that one; else the Einsums that touch it have equal parts.
    """
    group, names = plan.group, part.space.names
    movable, whole, elsewhere = 0, [], []
    for node in part.space.nodes:
        if part.node(node.bit) not in plan.bit:
            continue
        movable |= node.bit
        tensor, _ = part.node(node.bit)
        if along := plan.whole_along[tensor]:
            whole.append((node.bit, tuple(sorted(names.index(v) for v in along))))
        if tensor == part.einsum.output.tensor:
            if tensor in group.internal:
                elsewhere.append((node.bit, 1.0))
        elif group.writer(tensor) is not None:
            elsewhere.append((node.bit, 0.0))
        elif (count := len(group.touching(tensor))) > 1:
            elsewhere.append((node.bit, 1.0 / count))
    return Setting(tuple(names.index(v) for v in group.shared), movable, tuple(whole), tuple(elsewhere))
