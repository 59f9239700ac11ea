"""A queue of analyses: the results of doing them one after the other, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from carbonize import analyze
from carbonize.analysis import frame
from carbonize.analysis.beside import AnalysesBeside, Job, Outcome, analyse
from carbonize.config.models import AnalysisConfig
from carbonize.errors import CarbonizeError

BOTH = ("bonding", "pores")


def job(number: int) -> Job:
    atoms = bulk("C", "diamond", a=5.0, cubic=True)
    atoms.rattle(0.3, seed=number)
    return Job(atoms, AnalysisConfig(), BOTH)


class Desk:
    """An empty queue, and the deaths that it was told of."""

    def __init__(self, workers: int, most_waiting: int = 100) -> None:
        self.deaths: list[tuple[Any, str]] = []
        self.queue = AnalysesBeside(
            workers, most_waiting, lambda key, message: self.deaths.append((key, message))
        )

    def all(self) -> dict[Any, Outcome]:
        """What is still waiting, when it is done."""
        found = {}
        while len(self.queue):
            self.queue.help()
            found.update(self.queue.finished())
        return found


@pytest.fixture
def desk():
    made: list[Desk] = []

    def make(*arguments: int) -> Desk:
        made.append(Desk(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.queue.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_the_results_are_those_of_the_public_function_in_the_order_of_submission(desk, workers: int) -> None:
    here = desk(workers)
    here.queue.warm_up()
    for number in range(6):
        here.queue.submit(number, job(number))
    found = here.all()
    assert list(found) == list(range(6))
    for number, outcome in found.items():
        assert outcome.frame == analyze(job(number).atoms)
        assert outcome.failures == ()
    assert not here.deaths


def test_a_worker_takes_the_work_over(desk) -> None:
    here = desk(1)
    here.queue.submit(0, job(0))
    found: dict[Any, Outcome] = {}
    until = time.monotonic() + 60
    while not found and time.monotonic() < until:  # without helping
        time.sleep(0.01)
        found.update(here.queue.finished())
    assert found[0].beside
    assert found[0].frame == analyze(job(0).atoms)


def test_a_full_queue_is_helped_and_never_grows(desk) -> None:
    here = desk(1, 3)
    for number in range(10):
        here.queue.submit(number, job(number))
        assert len(here.queue._unfinished()) <= 3
    found = here.all()
    assert list(found) == list(range(10))
    # the worker needs a second to start: until then what does not fit is done here
    assert any(not outcome.beside for outcome in found.values())


def test_the_death_of_a_worker_costs_no_result(desk) -> None:
    here = desk(1)
    here.queue.submit(0, job(0))
    while not here.queue._waiting[0][2].done():
        time.sleep(0.01)
    [pid] = here.queue.pids
    os.kill(pid, signal.SIGSTOP)  # so that it is killed before it is done
    for number in (1, 2):
        here.queue.submit(number, job(number))
    os.kill(pid, signal.SIGKILL)
    here.queue._waiting[1][2].exception()
    here.queue.submit(3, job(3))
    until = time.monotonic() + 60  # a thread starts the next worker when its turn comes
    while not here.queue.pids and time.monotonic() < until:
        time.sleep(0.01)
    assert here.queue.pids
    assert here.queue.pids != [pid]
    found = here.all()
    assert list(found) == [0, 1, 2, 3]
    assert all(outcome.frame == analyze(job(n).atoms) for n, outcome in found.items())
    assert (1, "the process that worked on it was killed by SIGKILL, as when memory runs out") in here.deaths


def test_where_workers_die_again_and_again_no_more_are_started(desk) -> None:
    here = desk(1)
    killed = set()
    for number in range(6):
        here.queue.submit(number, job(number))
        for pid in here.queue.pids:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        result = here.queue._waiting[-1][2]
        if not isinstance(result, Outcome):
            result.exception()
            while here.queue._pool is not None and not here.queue._pool.broken:
                time.sleep(0.01)
    assert len(killed) == 3
    assert list(here.all()) == list(range(6))


def test_a_worker_that_cannot_be_started_is_told_and_done_without(
    desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk(1)
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    here.queue.warm_up()
    here.queue.submit(0, job(0))
    assert here.all()[0].frame == analyze(job(0).atoms)
    [(key, message)] = here.deaths
    assert key is None
    assert "cannot be started" in message


def test_what_fails_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def picky(atoms: Atoms, what: Any, **_: Any) -> dict[str, Any]:
        tried.append(tuple(what))
        if "psd" in what:
            raise MemoryError("much")
        if "pores" in what:
            raise CarbonizeError("no tessellation")
        return {"index": 0, "bonding": {}}

    monkeypatch.setattr(frame, "analyze", picky)
    outcome = analyse(Job(bulk("C"), AnalysisConfig(), ("bonding", "pores", "psd")))
    assert tried == [("bonding", "pores", "psd"), ("bonding", "pores"), ("bonding",)]
    assert outcome.failures == ("MemoryError: much", "no tessellation")
    assert not outcome.broken
    assert outcome.frame == {"index": 0, "bonding": {}}


def test_a_structure_that_is_none_is_called_broken() -> None:
    heap = Atoms("C2", positions=np.zeros((2, 3)), cell=[8, 8, 8], pbc=True)
    outcome = analyse(Job(heap, AnalysisConfig(), BOTH))
    assert outcome.broken
    assert outcome.frame == {"index": 0, "n_atoms": 2}
    assert "overlap" in outcome.failures[-1]


def test_settings_of_a_protocol_reach_the_analysis() -> None:
    settings = AnalysisConfig(
        bond_cutoff_A=8.0, radii_A={"C": 1.5}, probes_A={"He": 2.4}, radius_uncertainty_A=0.1
    )
    found = analyse(Job(bulk("C", "sc", a=8.0), settings, BOTH)).frame
    assert found["bonding"]["mean_coordination"] == 6.0
    assert list(found["pores"]["probes"]) == ["He"]
    assert found["pores"]["largest_free_sphere_A"] == pytest.approx(8 * 2**0.5 - 3.0, abs=1e-5)
    assert found["pores"]["radius_uncertainty"]["delta_A"] == 0.1
