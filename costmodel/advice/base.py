"""What advice is about: the files and the question behind a run, what it costs, and what can be changed in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from costmodel.advice.advice import AdviceCosts, costs_after
from costmodel.advice.command import command_of
from costmodel.mapper.network import NetworkPlan, fuse_of, plan_of
from costmodel.spec import catalog
from costmodel.spec.hardware import Architecture, Memory
from costmodel.spec.methods import METHODS
from costmodel.spec.request import Fuse, einsum_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from costmodel.einsum.algebra import Workload
    from costmodel.model.evaluation import Evaluation
    from costmodel.spec.load import Document
    from costmodel.spec.mapping import Mapping as Schedule
    from costmodel.spec.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that may be done otherwise."""

    about: str
    """What is changed: of changes of one thing, those are left out that a smaller one does as well."""
    title: str
    settings: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the request with other values."""
    amount: float = 0.0
    """How much of it: of changes of one thing, less is better."""
    spares: bool = False
    """Whether it may save area, or energy, without a better objective: then no bound on that ends it."""
    searches: bool = False
    """Of mappings that were given: whether the best ones are searched instead."""


@dataclass(frozen=True)
class Base:
    """A run, as far as advice needs it."""

    arch: Document | None
    """Null where a value was given: then nothing of it can be changed."""
    workload_document: Document | None
    arch_ref: str
    """How a command names the architecture."""
    workload_ref: str
    overrides: tuple[str, ...]
    einsums: tuple[str, ...]
    """Names of those that are asked for; none: all."""
    request: Request
    architecture: Architecture
    workload: Workload
    evaluation: Evaluation
    proven: bool
    mappings: tuple[Schedule, ...] = ()
    """Those that were given, to be costed as they are; none where they were searched."""
    mapping_ref: str = ""

    @property
    def objective(self) -> str:
        """By which changes are compared: one objective, or of a front that by which its point was chosen."""
        if self.request.choose in {"energy", "latency", "edp"}:
            return str(self.request.choose)
        return str(self.request.aim.product)

    @property
    def costs(self) -> AdviceCosts:
        return costs_after(self.evaluation, self.architecture)

    @property
    def layered(self) -> bool:
        """Whether each Einsum is searched alone, to its end, so that searches can be shared among changes."""
        return METHODS[self.request.method].proves and self.request.budget is None and self.fuse == "off"

    @cached_property
    def fuse(self) -> Fuse:
        """Whether Einsums are fused in the answer."""
        return fuse_of(self.request, self.workload, self.architecture)

    @cached_property
    def levels(self) -> dict[str, dict[str, Any]]:
        """What the file says of each level, with what was set, by name."""
        if self.arch is None:
            return {}
        own = catalog.share(self.overrides, self.arch, self.workload_document)[0]
        data = catalog.document(self.arch, "arch", own).data
        return {next(level[k] for k in ("memory", "array", "compute") if k in level): level for level in data["levels"]}

    @property
    def inner(self) -> list[Memory]:
        """Memories on the chip whose lines in the file are known."""
        return [memory for memory in self.architecture.memories[1:] if memory.name in self.levels]

    def occupied_bits(self, level: str, evaluation: Evaluation | None = None) -> int:
        """Room that tiles take in one instance of a level at most."""
        taken: dict[str, int] = {}
        for row in (evaluation or self.evaluation).occupancy_rows:
            if row.level == level:
                taken[row.einsum] = taken.get(row.einsum, 0) + row.bits
        return max(taken.values(), default=0)

    def pair(self, change: Change) -> tuple[Architecture, Workload]:
        """The hardware and the Einsums with a change. Raises SpecError where it makes none."""
        if not change.settings:
            return self.architecture, self.workload
        given = (self.arch or self.architecture, self.workload_document or self.workload)
        architecture, whole = catalog.load_pair(*given, (*self.overrides, *change.settings))
        wanted = tuple(einsum_of(whole, name) for name in self.einsums) or whole.einsums
        return architecture, replace(whole, einsums=wanted)

    def plan(self, change: Change) -> NetworkPlan:
        """What mapping with a change takes. Raises SpecError as ``pair``."""
        architecture, workload = self.pair(change)
        return plan_of(workload, architecture, self.request.asking(**{"jobs": None, **change.options}))

    def command(self, change: Change) -> str:
        """What is typed to have a change costed."""
        settings = (*self.overrides, *change.settings)
        mapping = "" if change.searches else self.mapping_ref
        request = self.request.asking(**change.options)
        return command_of(self.arch_ref, self.workload_ref, settings, self.einsums, request, mapping)
