"""A mapping of AccelForge as a nest: node by node the same, since its tiles are those that loops hand down."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from costmodel.importing.peers.accelforge.einsums import output_of
from costmodel.importing.peers.accelforge.formats import ForgeStep
from costmodel.importing.peers.accelforge.machine import ForgedMachine
from costmodel.importing.peers.documents import Section
from costmodel.importing.peers.findings import ImportFindings
from costmodel.spec.problems import Path, did_you_mean

_BRANCHES = {"Sequential": "off", "Pipeline": "pipelined"}


@dataclass(frozen=True)
class _Above:
    """A loop, or a storage node, that stands above."""

    variable: str = ""
    stored: tuple[str, ...] = ()


class _Writer:
    def __init__(
        self, machine: ForgedMachine, workload: Mapping[str, Any], section: Section, findings: ImportFindings
    ) -> None:
        self.machine, self.section, self.findings = machine, section, findings
        statements = [einsum["einsum"] for einsum in workload["einsums"]]
        self.einsums = [one.get("name") or output_of(one["einsum"]) for one in workload["einsums"]]
        self.variables = {
            name: set(re.findall(r"[a-z]\w*", inside))
            for statement in statements
            for name, inside in re.findall(r"([A-Za-z]\w*)\s*\[([^\]]*)\]", statement)
        }

    def nest(self, steps: Sequence[ForgeStep], at: Path, above: Sequence[_Above] = ()) -> list[Any]:
        found: list[Any] = []
        stack = list(above)
        for place, step in enumerate(steps):
            path = (*at, place)
            if step.tag in _BRANCHES:
                found.append(self.branches(step, path, stack))
            elif step.tag == "Nested":
                found += self.nest(step.nodes, (*path, "nodes"), stack)
            elif step.tag == "Storage":
                tensors = tuple(step.tensors) if isinstance(step.tensors, list) else (step.tensors,)
                self.known(step.component, self.machine.memories, (*path, "component"))
                for tensor in tensors:
                    self.known(tensor, sorted(self.variables), (*path, "tensors"))
                self.check_refetches(tensors, stack, path)
                stack.append(_Above(stored=tensors))
                found.append(f"store {' '.join(tensors)} in {step.component}")
            elif step.tag in {"Temporal", "Spatial"}:
                found += self.loop(step, path)
                if step.tag == "Temporal":
                    stack.append(_Above(variable=step.rank_variable.lower()))
            elif step.tag == "Compute":
                found.append(self.compute(step, path))
            elif step.tag == "Toll":
                message = "passes words on at no cost here (Toll)"
                self.findings.note(self.section.marks, path, message, of=step.component)
            elif step.tag != "Reservation":
                hint = "known: Storage, Temporal, Spatial, Compute, Sequential, Pipeline, Nested, Toll"
                self.findings.refuse(
                    self.section.marks, path, f"!{step.tag or ' without a tag'} cannot be said here", hint
                )
        return found

    def branches(self, step: ForgeStep, path: Path, above: Sequence[_Above]) -> dict[str, Any]:
        branches = []
        for place, one in enumerate(step.nodes):
            inner = (*path, "nodes", place)
            steps = one.nodes if one.tag == "Nested" else (one,)
            branches.append(self.nest(steps, (*inner, "nodes") if one.tag == "Nested" else inner, above))
        found: dict[str, Any] = {"sequence": branches}
        return found | ({"overlap": "pipelined"} if step.tag == "Pipeline" else {})

    def loop(self, step: ForgeStep, path: Path) -> list[str]:
        if step.tile_shape is None:
            hint = "say `tile_shape:`, the tile that the loop hands down"
            self.findings.refuse(
                self.section.marks, path, f"a loop over {step.rank_variable or 'nothing'} without a tile", hint
            )
            return []
        variables = sorted(set().union(*self.variables.values()))
        self.known(step.rank_variable.lower(), variables, (*path, "rank_variable"))
        text = f"{step.rank_variable.lower()} by {step.tile_shape}"
        if step.tag == "Temporal":
            return [f"for {text}"]
        array = self.machine.arrays.get(step.component)
        if array is None:
            hint = did_you_mean(step.component, list(self.machine.arrays))
            self.findings.refuse(
                self.section.marks, (*path, "component"), f"{step.component or 'no component'} is no array", hint
            )
            return []
        return [f"parallel {text} across {array}.{step.name}"]

    def compute(self, step: ForgeStep, path: Path) -> str:
        self.known(step.einsum, self.einsums, (*path, "einsum"))
        self.known(step.component, self.machine.units, (*path, "component"))
        return f"compute {step.einsum} on {step.component}"

    def known(self, given: str, names: Sequence[str], path: Path) -> None:
        """Refuse a name that no other file has."""
        if given not in names:
            hint = did_you_mean(given, list(names))
            self.findings.refuse(self.section.marks, path, f"unknown: {given or 'nothing'}", hint)

    def check_refetches(self, tensors: Sequence[str], above: Sequence[_Above], path: Path) -> None:
        """Name the tensors that come back there and stay here: those below a loop that does not move them."""
        for tensor in tensors:
            for one in reversed(above):
                if tensor in one.stored or one.variable in self.variables.get(tensor, set()):
                    break
                if one.variable:
                    message = (
                        f"{tensor} stands below `for {one.variable}`, which does not move it: AccelForge fetches it at "
                        "each step; here it stays"
                    )
                    self.findings.note(self.section.marks, path, message, counts=True)
                    break


def nest_of(
    steps: Sequence[ForgeStep],
    machine: ForgedMachine,
    workload: Mapping[str, Any],
    section: Section,
    findings: ImportFindings,
) -> list[Any]:
    """Make a nest of the nodes of a mapping."""
    return _Writer(machine, workload, section, findings).nest(steps, (section.key, "nodes"))
