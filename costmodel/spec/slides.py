"""A workload in LaTeX: one line for each entry, with the shapes that ``ranks:`` defines by other ranks."""

from __future__ import annotations

from dataclasses import replace

from costmodel.einsum import notation
from costmodel.einsum.latex import latex
from costmodel.einsum.syntax import Shape, Statement
from costmodel.spec import formulas
from costmodel.spec.workload_spec import EinsumSpec, WorkloadSpec


def slides(spec: WorkloadSpec) -> list[str]:
    """Print every entry; what is said about a shape is said where its rank comes first, and once."""
    told: set[str] = set()
    return [_line(einsum, spec, told) for einsum in spec.einsums]


def _line(einsum: EinsumSpec, spec: WorkloadSpec, told: set[str]) -> str:
    found = notation.read(einsum.einsum)
    if not isinstance(found, Statement):
        return latex(found)
    shapes = {shape.rank: shape for shape in found.shapes}
    own = einsum.ranks or {}
    for access in (found.output, *found.inputs):
        for index in access.indices:
            rank = index.rank or (index.plain.upper() if index.plain else "")
            stated = {**spec.ranks, **own}.get(rank)
            if isinstance(stated, str) and (rank not in told or rank in own):
                shapes.setdefault(rank, Shape(rank, formulas.formula(stated)))
                told.add(rank)
    told.update(shapes)
    return latex(replace(found, shapes=tuple(shapes.values())))
