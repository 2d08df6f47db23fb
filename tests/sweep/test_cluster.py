"""A real Dask cluster: scheduler and workers are processes; one is killed, one run is interrupted."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from commands import run
from fakes import endless_answer, mortal_answer

from costmodel.spec import catalog
from costmodel.sweep import bench, cluster
from costmodel.sweep.errand import answers_to
from costmodel.sweep.execute import run_sweep

distributed = pytest.importorskip("distributed", reason="costmodel[cluster] is not installed")

WORKLOAD = 'name: small\nranks: {M: 4, N: 4, K: 4}\neinsums: ["Z[m, n] = A[m, k] * B[k, n]"]\n'
STUDY = """\
name: tiny
arch: two_level
workload: small.yaml
objective: energy
method: random
trials: 2
bound: false
axes: {MAC.throughput: [1, 2, 4, 8, 16, 32]}
"""


def served(what) -> int:
    """Serve something of Dask in a process of its own, from a folder where nothing is."""
    child = os.fork()
    if child == 0:

        async def serve() -> None:
            async with what() as server:
                await server.finished()

        try:
            asyncio.run(serve())
        finally:
            os._exit(0)
    return child


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """The folder of the workers, and the address of their scheduler."""
    folder = tmp_path_factory.mktemp("there")
    (folder / "deaths").mkdir()
    address = f"tcp://127.0.0.1:{free_port()}"
    here = Path.cwd()
    os.chdir(folder)
    options = {"local_directory": str(folder), "nthreads": 1, "dashboard": False, "host": "127.0.0.1"}
    children = [served(lambda: distributed.Scheduler(host="127.0.0.1", port=int(address[-5:]), dashboard=False))]
    children += [served(lambda: distributed.Worker(address, **options)) for _ in range(2)]
    os.chdir(here)
    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(2)
    yield folder, address
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(WORKLOAD, encoding="utf-8")
    Path("study.yaml").write_text(STUDY, encoding="utf-8")


def test_a_killed_worker_and_an_interrupt_lose_nothing_and_workers_read_no_files(there, monkeypatch):
    folder, address = there
    run("sweep", "study.yaml", "-q", "-j", "1", "--out", "home")
    monkeypatch.setattr(bench, "answers_to", mortal_answer)
    (folder / "deaths" / "0").touch()
    run("sweep", "study.yaml", "-q", "--cluster", address, "--out", "away", "--no-cache")
    assert not list((folder / "deaths").iterdir())
    assert Path("away/sweep.csv").read_bytes() == Path("home/sweep.csv").read_bytes()
    # one worker is left, and it is free again after a search that has no end
    monkeypatch.setattr(bench, "answers_to", endless_answer)
    study = catalog.load_study("study.yaml")
    with cluster.Cluster(address) as other:
        assert len(other.places()) == 1
    stopped = run_sweep(study, executor=cluster.Cluster(address, 1), report=interrupt)
    assert stopped.interrupted
    assert 1 <= len(stopped.outcomes) < 6
    monkeypatch.setattr(bench, "answers_to", answers_to)
    whole = run_sweep(study, executor=cluster.Cluster(address))
    assert [o.energy_pj for o in whole.outcomes] == [o.energy_pj for o in run_sweep(study, jobs=1).outcomes]


def interrupt(event) -> None:
    if event.state == "done":
        os.kill(os.getpid(), signal.SIGINT)


def test_workers_with_another_program_are_refused(there, monkeypatch):
    monkeypatch.setattr(cluster, "program", lambda: "other")
    said = run("sweep", "study.yaml", "-q", "--cluster", there[1], code=1).stderr
    assert re.search(
        rf"^{there[1]}: worker tcp://\S+ has costmodel \S+ \(sources \w+\), Python \S+ \(install the same", said
    )
    assert "as here: costmodel" in said
    assert "sources other" in said


def test_addresses_without_a_scheduler_are_said(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.1)
    for address, what in (
        (f"tcp://127.0.0.1:{free_port()}", "no Dask scheduler answers here"),
        ("x:y", "is no address"),
    ):
        said = run("sweep", "study.yaml", "-q", "--cluster", address, code=1).stderr
        assert said.startswith(f"{address}: {what}")
