"""Budgets are kept within one evaluation, too."""

import time

import pytest
from strategies import nest_of
from timing import within

from costmodel.einsum.algebra import Workload
from costmodel.mapper.engines import search
from costmodel.model.evaluate import evaluate
from costmodel.model.patience import OutOfTimeError, until
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.load import parse
from costmodel.spec.mapping import Mapping
from costmodel.spec.request import Request


def test_an_evaluation_ends_when_the_time_is_up():
    (einsum,) = load_workload(
        parse("name: w\nranks: {C: 4, H: 64, R: 8}\neinsums: ['Y[h + r] = I[c, h] * K[c, r]']\n")
    ).einsums
    nest = """
    store I K Y in MainMemory
    store I K Y in GLB
    for h by 4
    parallel h by 1 across PEs.X
    for r by 1
    store Y in RF
    for c by 1
    compute Y on MAC
    """
    made = Workload("w", "", (einsum,))
    mapping = Mapping(nest_of(nest))
    assert evaluate(made, load_architecture("pe2d"), mapping).words("MainMemory", "Y", "update") == 71
    with until(time.monotonic() - 1), pytest.raises(OutOfTimeError):
        evaluate(made, load_architecture("pe2d"), mapping)


def test_a_search_of_written_windows_keeps_its_budget():
    """One evaluation of some of these mappings would take seconds."""
    text = "Y[m, 2*h + r, 2*w + s] = I[c, h, w] * K[c, m, r, s]"
    made = load_workload(parse(f"name: w\nranks: {{C: 512, M: 256, H: 8, W: 8, R: 4, S: 4}}\neinsums: ['{text}']\n"))
    with within(4.0):
        found = search(made.einsums[0], load_architecture("pe2d"), Request(budget=1.0))
    assert found.certificate.gap is not None
