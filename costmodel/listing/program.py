"""Nests as programs, with what they need around the loops to run and to print what they compute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from costmodel.einsum.algebra import Workload
from costmodel.execute.arrays import tensors_of
from costmodel.listing import c, python
from costmodel.listing.walk import walked
from costmodel.spec.mapping import Mapping, einsums_in

Kind = Literal["python", "c"]


def program(kind: Kind, mappings: Iterable[Mapping], workload: Workload) -> str:
    """A program that runs some nests one after another.

    As it stands it computes on small integers and prints what is written: one line for each tensor, its name and its
    words in order. Raises SpecError where a name stands for different tensors.
    """
    nests = [mapping.nest for mapping in mappings]
    einsums = {name: workload.einsum(name) for nest in nests for name in einsums_in(nest)}
    tensors = tensors_of(einsums.values())
    written = {einsum.output.tensor for einsum in einsums.values()}
    words = python.WORDS if kind == "python" else c.WORDS
    used = set(words) | {v for einsum in einsums.values() for v in einsum.shape}
    names: dict[str, str] = {}
    for tensor in tensors:
        names[tensor] = tensor
        while names[tensor] in used:
            names[tensor] += "_"
        used.add(names[tensor])
    listing = (python.PythonListing if kind == "python" else c.CListing)(
        names,
        einsums,
        {name: tensor for name, tensor in tensors.items() if name not in written},
        {name: tensor for name, tensor in tensors.items() if name in written},
    )
    taken = words | set(names.values())
    for nest in nests:
        for item in walked(nest, einsums, taken):
            listing.put(item)
    return listing.text()
