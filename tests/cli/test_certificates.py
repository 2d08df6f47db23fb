"""What the terminal says of how an answer was found, and of numbers that are nearly equal."""

from dataclasses import replace

from click.testing import CliRunner
from fakes import fake_search, gemm, network, point, two_level

from costmodel.cli import app
from costmodel.mapper.network import map_workload
from costmodel.report.text.network import network_text
from costmodel.spec.request import Request


def test_what_was_searched_otherwise_is_said_with_its_reason():
    def search(einsum, architecture, *_):
        found = fake_search(einsum, architecture, *_)
        if einsum.name == "plain":
            return found
        return replace(
            found, certificate=replace(found.certificate, method="random (unsupported: two systolic arrays)")
        )

    work = network(gemm("plain"), gemm("odd", (2, 2, 2)), gemm("queer", (8, 2, 2)))
    text = network_text(map_workload(work, two_level(), Request(), jobs=1, search_one=search))
    assert "\nodd, queer: random (unsupported: two systolic arrays)\n" in text


def test_the_ends_of_a_front_are_told_apart():
    def search(einsum, architecture, *_):
        found = fake_search(einsum, architecture, *_)
        ends = (point(einsum, architecture, 1e6, 50_001.0, 8), point(einsum, architecture, 1.00004e6, 50_000.0, 8))
        return replace(found, front=ends)

    request = Request(objective=("energy", "latency"))
    text = network_text(map_workload(network(gemm("Z")), two_level(), request, jobs=1, search_one=search))
    assert "front: 2 points from 1 µJ, 50.001 µs to 1.00004 µJ, 50 µs" in text


def test_what_keeps_to_tiles_that_divide_is_said_with_its_reason():
    arguments = ["map", "eyeriss_v1", "conv1d", "--tiles", "multiples", "--no-run"]
    found = CliRunner().invoke(app, arguments)
    assert "optimal: proven (exact (tiles divide: a window))" in found.output
