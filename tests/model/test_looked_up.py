"""Words that are looked up (``TABLE[TOKEN[m], d]``): counts of the model and of the walk, and searches."""

import random
from dataclasses import replace

import pytest
from comparison import difference
from strategies import random_case

from costmodel.einsum.algebra import Workload

CASES = 200


def with_lookups(case, seed):
    """The same case with words of its inputs looked up by random tables; null where no index can be."""
    chosen = random.Random(seed)
    written = {e.output.tensor for e in case.workload.einsums}
    reads = [a for e in case.workload.einsums for a in e.inputs if a.tensor not in written]
    extents = {}
    for e in case.workload.einsums:
        extents.update({v: max(n, extents.get(v, 1)) for v, n in e.shape.items()})
    tables, shapes = {}, {}
    for access in reads:
        for index in access.indices:
            low, high = index.span(extents)
            if low < 0 or chosen.random() < 0.3 or index in tables:
                continue
            rows = chosen.randint(1, high + 2)
            tables[index] = replace(index, table=tuple(chosen.randrange(rows) for _ in range(high + 1)))
    if not tables:
        return None

    def looked_up(access):
        return replace(access, indices=tuple(tables.get(index, index) for index in access.indices))

    def accesses(found):
        return tuple(access if access.tensor in written else looked_up(access) for access in found)

    einsums = [replace(e, inputs=accesses(e.inputs)) for e in case.workload.einsums]
    for e in einsums:
        for a in e.inputs:
            reach = tuple(index.span(e.shape)[1] + 1 for index in a.indices)
            shapes[a.tensor] = tuple(map(max, shapes.get(a.tensor, reach), reach))
    tensors = {
        name: replace(t, shape=shapes[name]) if name in shapes and name not in written else t
        for e in einsums
        for name, t in e.tensors.items()
    }
    einsums = [replace(e, tensors={name: tensors[name] for name in e.tensors}) for e in einsums]
    return replace(case, workload=Workload(case.workload.name, "", tuple(einsums)))


@pytest.mark.parametrize("start", range(0, CASES, 100))
def test_the_model_equals_the_walk(start):
    compared = 0
    for seed in range(start, start + 100):
        case = with_lookups(random_case(seed), seed)
        if case is not None:
            compared += 1
            assert difference(case) == {}, f"seed {seed}\n{case}"
    assert compared > 50
