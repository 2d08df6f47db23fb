"""The order of loops that an Einsum asks for which reads its own output."""

import pytest
from asking import map_einsum

from costmodel.execute.ask import RunQuestion, run
from costmodel.model.evaluate import evaluate
from costmodel.spec.catalog import load_architecture, load_workload
from costmodel.spec.mapping import Mapping
from costmodel.spec.mapping_file import NestMarks, parse_nest
from costmodel.spec.problems import SpecError

RNN = ("H[t + 1, n] = H[t, k] * W[k, n]", {"T": 3, "N": 2, "K": "N"})
FAR = ("H[t + 2, n] = H[t, n] * W[t, k]", {"T": 4, "N": 2, "K": 2})
CHAINS = ("H[t + 1, n] = H[t, n] * W[t, n]", {"T": 3, "N": 2})


def workload_of(einsum):
    text, ranks = einsum
    return load_workload({"name": "w", "ranks": ranks, "einsums": [text]})


def mapping(loops):
    return Mapping(parse_nest(["store H W in MainMemory", *loops, "compute H on MAC"]))


@pytest.mark.parametrize(
    ("einsum", "loops"),
    [
        (RNN, ["for k by 1", "for t by 1", "for n by 1"]),
        (RNN, ["for n by 1", "for k by 1", "for t by 1"]),
        (RNN, ["for t by 2", "for n by 1", "for t by 1", "for k by 1"]),
        (FAR, ["for k by 1", "for t by 2", "for t by 1", "for n by 1"]),
    ],
)
def test_what_is_read_too_early_is_refused(einsum, loops):
    with pytest.raises(SpecError, match=r"H is finished along t before it is read: the loop over \w stands outside"):
        evaluate(workload_of(einsum), load_architecture("two_level"), mapping(loops))


@pytest.mark.parametrize(
    ("einsum", "loops"),
    [
        (RNN, ["for t by 1", "for k by 1", "for n by 1"]),
        (FAR, ["for t by 2", "for k by 1", "for t by 1", "for n by 1"]),
        (CHAINS, ["for n by 1", "for t by 1"]),
    ],
)
def test_what_is_read_in_time_is_costed_and_gives_its_values(einsum, loops):
    workload, nest = workload_of(einsum), mapping(loops)
    assert evaluate(workload, load_architecture("two_level"), nest).energy_pj > 0
    tensor = workload.einsums[0].tensors["H"]
    start = {"H": [[1] * tensor.shape[1]] * tensor.shape[0]}
    answer = run(RunQuestion(workload=workload, literals={}, arrays=start, mappings=((nest, NestMarks()),)))
    assert answer.same_output == ("H",)


@pytest.mark.parametrize(
    ("einsum", "loops"),
    [
        (CHAINS, ["parallel t by 2 across PEs.X", "for t by 1", "for n by 1"]),
        (CHAINS, ["for n by 1", "parallel t by 1 across PEs.X"]),
        (FAR, ["parallel t by 1 across PEs.X", "for k by 1", "for n by 1"]),
        (FAR, ["parallel t by 2 across PEs.Y", "parallel t by 1 across PEs.X", "for k by 1", "for n by 1"]),
    ],
)
def test_what_other_instances_make_meanwhile_is_not_there(einsum, loops):
    with pytest.raises(SpecError, match=r"before it is read: instances have \d steps of t at once"):
        evaluate(workload_of(einsum), load_architecture("pe2d"), mapping(loops))


def test_instances_share_what_lies_between_writing_and_reading():
    loops = ["for t by 2", "parallel t by 1 across PEs.X", "for k by 1", "for n by 1"]
    assert evaluate(workload_of(FAR), load_architecture("pe2d"), mapping(loops)).latency_cycles == 2 * 2 * 2


def test_steps_that_are_never_read_have_no_order():
    """What is written lies between what is read."""
    workload = workload_of(("H[2*t + 1, n] = H[2*t, n] * W[t, n]", {"T": 4, "N": 2}))
    loops = ["parallel t by 1 across PEs.X", "for n by 1"]
    assert evaluate(workload, load_architecture("pe2d"), mapping(loops)).energy_pj > 0


def test_the_best_mapping_spreads_chains_and_no_recurrence():
    (einsum,) = workload_of(CHAINS).einsums
    found = map_einsum(einsum, load_architecture("pe2d"), objective="latency")
    assert found.certificate.status == "optimal: proven"
    assert found.front[0].latency_cycles == 3


def test_the_best_mapping_keeps_to_the_recurrence():
    (einsum,) = workload_of(RNN).einsums
    found = map_einsum(einsum, load_architecture("two_level"), objective="energy")
    loops = [str(node) for node in found.front[0].mapping.nest if str(node).startswith("for")]
    assert loops[0] == "for t by 1"
    assert found.certificate.status == "optimal: proven"
