"""A padded Einsum with its border stored: a neighbour that has no edges, and the same mappings."""

from __future__ import annotations

from dataclasses import replace

from costmodel.einsum.algebra import Access, Einsum, Workload
from costmodel.mapper.obey import violations
from costmodel.mapper.result import MapperResult, MappingPoint
from costmodel.model.evaluate import OverCapacityError, evaluate
from costmodel.spec.hardware import Architecture
from costmodel.spec.rules import Rules


def bordered(einsum: Einsum) -> Einsum:
    """Return the Einsum whose tensors hold all that it touches: what is outside is a border, at coordinates from 0 on.

    Every mapping of it is one of the padded Einsum, at no more cost and in no more room.
    """
    spans = {
        name: [
            [index.span(einsum.shape) for index in ranks]
            for ranks in zip(*(a.indices for a in einsum.accesses_of(name)), strict=True)
        ]
        for name in einsum.tensors
    }
    lows = {name: [min(0, *(low for low, _ in rank)) for rank in ranks] for name, ranks in spans.items()}

    def moved(access: Access) -> Access:
        pairs = zip(access.indices, lows[access.tensor], strict=True)
        return replace(access, indices=tuple(replace(i, constant=i.constant - low) for i, low in pairs))

    tensors = {
        name: replace(
            tensor,
            shape=tuple(
                max(n, *(high + 1 for _, high in rank)) - low
                for n, rank, low in zip(tensor.shape, spans[name], lows[name], strict=True)
            ),
        )
        for name, tensor in einsum.tensors.items()
    }
    inputs = tuple(map(moved, einsum.inputs))
    return replace(einsum, output=moved(einsum.output), inputs=inputs, tensors=tensors, addends=())


def without_border(found: MapperResult, einsum: Einsum, architecture: Architecture, rules: Rules) -> list[MappingPoint]:
    """Return what the mappings that were found for the bordered Einsum cost the padded one, if rules allow them."""
    workload = Workload(einsum.name, "", (einsum,))
    points = []
    for point in found.front:
        if not violations(point.mapping, einsum, architecture, rules):
            try:
                points.append(MappingPoint(point.mapping, evaluate(workload, architecture, point.mapping)))
            except OverCapacityError:  # a rule on tiles or a hole that is fetched may be told in another way
                continue
    return points
