"""Worker processes: order, errors, deaths, and that none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pool_tasks
import pytest

from carbonize.analysis.pool import Pool, WorkerDied, available_cores, ordered_map, worker_count
from carbonize.errors import CarbonizeError, InputError


def gone(pid: int, within_s: float = 10.0) -> bool:
    """Whether a process ends in time (one that nobody has waited for counts as ended)."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="module")
def pool():
    with Pool(1) as started:
        yield started


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_items(jobs):
    numbers = range(9)
    assert list(ordered_map(pool_tasks.square, iter(numbers), jobs)) == [n * n for n in numbers]
    waits = [0.3, 0.0, 0.1, 0.0]
    assert list(ordered_map(pool_tasks.slowly, waits, jobs)) == waits


def test_no_more_than_twice_as_many_items_as_jobs_are_taken_ahead():
    taken = []

    def source():
        for number in range(30):
            taken.append(number)
            yield number

    for done, result in enumerate(ordered_map(pool_tasks.square, source(), 2)):
        assert result == done**2
        assert len(taken) <= done + 4


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_refusal_keeps_its_type_and_words_and_comes_in_its_turn(jobs):
    results = ordered_map(pool_tasks.fail_at_three, range(9), jobs)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match=r"^number 3 is not wanted$"):
        next(results)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_item_that_cannot_be_had_is_told_after_the_results_before_it(jobs):
    def source():
        yield from (1, 2, 3)
        raise InputError("frame 3 is damaged")

    results = ordered_map(pool_tasks.square, source(), jobs)
    assert [next(results) for _ in range(3)] == [1, 4, 9]
    with pytest.raises(InputError, match="frame 3 is damaged"):
        next(results)


def test_an_error_that_cannot_travel_is_told_by_its_name(pool):
    with pytest.raises(RuntimeError, match="OddError: odd"):
        pool.submit(pool_tasks.raise_odd, 0).result()


def test_a_dead_worker_is_an_error_that_names_the_item():
    results = ordered_map(pool_tasks.die_at_three, range(9), 2, name=lambda n: f"x.gsd, frame {n}")
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(CarbonizeError, match=r"^x\.gsd, frame 3: .*killed by SIGKILL.*--jobs$"):
        next(results)


def test_the_dead_take_with_them_only_what_they_had_begun():
    with Pool(2) as pool:
        futures = [pool.submit(pool_tasks.die_at_three, n) for n in range(6)]
        with pytest.raises(WorkerDied):
            futures[3].result()
        assert [f.result() for f in futures if f is not futures[3]] == [0, 1, 2, 4, 5]
        assert not pool.broken
        pool.submit(pool_tasks.die_at_three, 3).exception()
        deadline = time.monotonic() + 10
        while not pool.broken and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(WorkerDied, match="no worker process is left"):
            pool.submit(pool_tasks.square, 2).result()


def test_workers_have_one_thread_no_jax_and_a_standard_output_of_their_own(pool):
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"]
    told = pool.submit(pool_tasks.surroundings, names).result()
    assert told["threads"] == dict.fromkeys(names, "1")
    assert not told["jax"]
    assert told["session"] != os.getsid(0)


def test_what_no_worker_has_begun_can_be_taken_back(pool):
    first = pool.submit(pool_tasks.slowly, 0.3)
    second = pool.submit(pool_tasks.square, 2)
    assert second.cancel()
    assert first.result() == 0.3
    assert pool.submit(pool_tasks.square, 3).result() == 9


def test_a_map_that_is_given_up_leaves_no_process():
    results = ordered_map(pool_tasks.own_pid, range(20), 2)
    pids = {next(results), next(results)}
    results.close()
    assert all(gone(pid) for pid in pids)


def test_workers_are_started_only_for_work():
    with Pool(5) as pool:
        assert pool.submit(pool_tasks.square, 2).result() == 4
        assert len(pool.pids) == 1


def test_the_number_of_jobs_is_checked():
    assert worker_count(0) == available_cores() >= 1
    with pytest.raises(InputError, match="--jobs -1"):
        list(ordered_map(pool_tasks.square, [1], -1))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_however_the_parent_ends_its_workers_end_too(number, tmp_path):
    path = tmp_path / "pid"
    # no guard of __name__: the script must not be run again by the worker
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import signal, sys
        # a shell that starts a command in the background has it ignore this one
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        from carbonize.analysis.pool import ordered_map
        import pool_tasks
        list(ordered_map(pool_tasks.write_pid_and_sleep, [{str(path)!r}], 2))
        """)
    )
    root = str(Path(__file__).resolve().parents[2])
    parent = subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": root}
    )
    until = time.monotonic() + 60
    while not (path.exists() and path.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    pid = int(path.read_text())
    parent.send_signal(number)
    parent.wait(timeout=60)
    assert gone(pid)
