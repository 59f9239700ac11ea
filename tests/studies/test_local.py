"""A study on this machine, killed, moved and stopped, ends where the unbroken one does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from exact.runs import assert_same_end, children, digests, events
from studies.tiny import write_study

import carbonize
from carbonize.config.study import load_study
from carbonize.io.status import run_status
from carbonize.studies.prepare import prepare_study

STUDY = [sys.executable, "-m", "carbonize", "study"]
RUNS = ("short--diamond", "long--diamond")


def silent(_: str) -> None:
    pass


_started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _leave_nothing_running() -> Iterator[None]:
    yield
    for process in _started:
        if process.poll() is None:
            process.kill()  # and its run's process makes a checkpoint and ends
    _started.clear()


def start(file: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*STUDY, str(file), "--out", str(out), "--local", "--no-report", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _started.append(process)
    return process


def wait_until_it_moves(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until a run has made its first steps."""
    until = time.monotonic() + 300
    series = folder / "series.jsonl"
    while time.monotonic() < until and process.poll() is None:
        if series.is_file() and len(series.read_bytes().splitlines()) > 2:
            return
        time.sleep(0.01)


def wait_until_it_goes_on(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until a run that was left has been taken up again (its series exists from before)."""
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        if events(folder, "continued"):
            return
        time.sleep(0.01)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each run of the study run alone."""
    folder = tmp_path_factory.mktemp("unbroken")
    prepare_study(load_study(write_study(folder)), folder / "out", silent)
    for run in RUNS:
        carbonize.run(folder / "out" / "runs" / run / "protocol.yaml", folder / "alone" / run, report=False)
    return folder / "alone"


def test_killed_in_the_middle_it_ends_where_the_unbroken_one_does(unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "a folder with spaces"
    file = write_study(tmp_path)
    process = start(file, out)
    wait_until_it_moves(out / "runs" / RUNS[0], process)
    offspring = children(process.pid)
    assert offspring
    process.kill()
    process.communicate()
    # the run's process makes a checkpoint when its parent is gone
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in offspring):
        assert time.monotonic() < until
        time.sleep(0.05)
    # as long as it is there, nobody may take it for finished
    assert run_status(out / "runs" / RUNS[0])["state"] == "interrupted"
    # moved to another disk meanwhile
    moved = tmp_path / "moved"
    shutil.move(out, moved)
    process = start(file, moved)
    wait_until_it_moves(moved / "runs" / RUNS[1], process)
    # the run's process without a word this time, as for lack of memory
    for pid in children(process.pid):
        os.kill(pid, signal.SIGKILL)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 3, said
    assert f"{RUNS[1]}: its process was killed by SIGKILL" in said
    process = start(file, moved)
    wait_until_it_goes_on(moved / "runs" / RUNS[1], process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 75, said
    assert "1 of 2 runs finished" in said
    assert not children(process.pid)
    last = start(file, moved)
    _, said = last.communicate(timeout=600)
    assert last.returncode == 0, said
    for run in RUNS:
        assert_same_end(unbroken / run, moved / "runs" / run)
        assert digests(unbroken / run) == digests(moved / "runs" / run)
    before = {path: path.stat().st_mtime_ns for path in moved.rglob("*") if path.is_file()}
    again = start(file, moved)
    again.communicate(timeout=600)
    assert again.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in moved.rglob("*") if path.is_file()} == before
