"""Designs as architectures and workloads: what was read once is not read again."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from costmodel.mapper.network import NetworkPlan, plan_of
from costmodel.spec import catalog
from costmodel.spec.problems import SpecError
from costmodel.spec.request import einsum_of
from costmodel.sweep.designs import Design, overrides

if TYPE_CHECKING:
    from collections.abc import Sequence

    from costmodel.einsum.algebra import Workload
    from costmodel.spec.hardware import Architecture
    from costmodel.spec.load import Document
    from costmodel.spec.overrides import Kind
    from costmodel.spec.study import Study

WORKLOADS = 64
"""That are remembered, of the axes that lead into them."""


def document_of(study: Study, kind: Kind, ref: str) -> Document:
    """What a study names, as it was read with the study."""
    return study.documents.get((kind, ref)) or catalog.document(ref, kind)


def joined(study: Study, workloads: Sequence[Workload]) -> Workload:
    """The workloads of a mean as one: all runs of each, one after the other."""
    einsums = []
    for place, (ref, workload) in enumerate(zip(study.workload, workloads, strict=True)):
        same = [other.name for other in workloads].count(workload.name) > 1
        prefix = re.sub(r"\W", "_", f"{workload.name}{place if same else ''}")
        runs = study.mean[ref]
        einsums += [replace(e, name=f"{prefix}_{e.name}", count=e.count * runs) for e in workload.einsums]
    warnings = tuple(dict.fromkeys(text for workload in workloads for text in workload.warnings))
    sources = "; ".join(dict.fromkeys(workload.source for workload in workloads if workload.source))
    names = [f"{study.mean[ref]} {workload.name}" for ref, workload in zip(study.workload, workloads, strict=True)]
    return replace(workloads[0], name=" + ".join(names), source=sources, einsums=tuple(einsums), warnings=warnings)


class Resolver:
    """Gives the plans of the designs of a study. Raises OSError where a file that a value names cannot be read."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._workloads: OrderedDict[str, Workload] = OrderedDict()

    @property
    def one_workload(self) -> bool:
        """Whether all designs compute the same: no axis leads into the workload."""
        study = self.study
        if len(study.computations) > 1:
            return False
        arch = document_of(study, "arch", study.arch[0])
        paths = [(path, None) for path in (*study.columns, *study.derive)]
        works = [document_of(study, "workload", ref) for ref in study.workload]
        return not any(catalog.share(paths, arch, work)[1] for work in works)

    def plan(self, design: Design) -> NetworkPlan:
        """What mapping a design takes. Raises SpecError where its values make no architecture or no workload."""
        architecture, workload = self._pair(design)
        return plan_of(workload, architecture, self.study.asking(jobs=None))

    def _pair(self, design: Design) -> tuple[Architecture, Workload]:
        changes = overrides(self.study, design)
        if not self.study.mean:
            return self._loaded(design.arch, design.workload, changes)
        pairs = [self._loaded(design.arch, ref, changes) for ref in self.study.workload]
        return pairs[0][0], joined(self.study, [workload for _, workload in pairs])

    def _loaded(self, arch_ref: str, ref: str, changes: list[tuple[str, Any]]) -> tuple[Architecture, Workload]:
        arch = document_of(self.study, "arch", arch_ref)
        work = document_of(self.study, "workload", ref)
        own, others = catalog.share(changes, arch, work)
        try:
            architecture = catalog.load_architecture(arch, own)
        except SpecError:
            architecture, _ = catalog.load_pair(arch, work, changes)  # with what is wrong in the workload too
        if "lower" in work.data or any(path == "lower" for path, _ in others):
            return architecture, self._asked(catalog.load_pair(arch, work, changes)[1])
        key = json.dumps([ref, others, architecture.word_bits], default=str)
        if key not in self._workloads:
            self._workloads[key] = self._asked(catalog.load_pair(architecture, work, others)[1])
            if len(self._workloads) > WORKLOADS:
                self._workloads.popitem(last=False)
        self._workloads.move_to_end(key)
        return architecture, self._workloads[key]

    def _asked(self, workload: Workload) -> Workload:
        """The Einsums that the study asks for."""
        if self.study.einsums is None:
            return workload
        return replace(workload, einsums=tuple(einsum_of(workload, name) for name in self.study.einsums))
