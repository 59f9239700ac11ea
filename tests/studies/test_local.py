"""A study on this machine: killed, stopped, with a run that fails, it ends where the unbroken one does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from exact.runs import assert_same_end, children, digests
from studies.tiny import write_protocol, write_study

import carbonize
from carbonize.config.study import load_study
from carbonize.io.status import run_status
from carbonize.studies.prepare import prepare_study

STUDY = [sys.executable, "-m", "carbonize", "study"]
RUNS = ("short--diamond", "long--diamond")


def silent(_: str) -> None:
    pass


def start(file: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*STUDY, str(file), "--out", str(out), "--local", "--no-report", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until_it_moves(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until a run has made its first steps."""
    until = time.monotonic() + 300
    series = folder / "series.jsonl"
    while time.monotonic() < until and process.poll() is None:
        if series.is_file() and len(series.read_bytes().splitlines()) > 2:
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
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    # as long as it is there, nobody may take it for finished
    assert run_status(out / "runs" / RUNS[0])["state"] == "interrupted"
    # moved to another disk meanwhile
    moved = tmp_path / "moved"
    shutil.move(out, moved)
    process = start(file, moved)
    wait_until_it_moves(moved / "runs" / RUNS[1], process)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 75, said
    assert "1 of 2 runs finished" in said
    assert not children(process.pid)
    last = start(file, moved)
    _, said = last.communicate(timeout=300)
    assert last.returncode == 0, said
    for run in RUNS:
        assert_same_end(unbroken / run, moved / "runs" / run)
        assert digests(unbroken / run) == digests(moved / "runs" / run)
    before = {path: path.stat().st_mtime_ns for path in moved.rglob("*") if path.is_file()}
    again = start(file, moved)
    again.communicate(timeout=120)
    assert again.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in moved.rglob("*") if path.is_file()} == before


def test_a_run_that_breaks_down_is_named_and_the_others_go_on(unbroken: Path, tmp_path: Path) -> None:
    write_study(tmp_path)
    write_protocol(tmp_path, "broken", timestep_fs=25.0)
    file = write_study(tmp_path, protocols=["broken.yaml", "short.yaml"])
    process = start(file, tmp_path / "out", "--jobs", "2")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 3, said
    assert "1 of 2 runs failed: broken--diamond: " in said
    assert "Traceback" not in said
    assert digests(tmp_path / "out" / "runs" / RUNS[0]) == digests(unbroken / RUNS[0])
    # it stays failed, and says so again
    process = start(file, tmp_path / "out")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "broken--diamond" in said
    done = subprocess.run(
        [sys.executable, "-m", "carbonize", "status", str(tmp_path / "out"), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = {row["id"]: row for row in json.loads(done.stdout)["runs"]}
    assert rows["broken--diamond"]["state"] == "failed"
    assert rows["broken--diamond"]["replicas_failed"] == 1
    assert rows["broken--diamond"]["message"]
    assert rows[RUNS[0]]["state"] == "finished"


def test_its_child_ends_with_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(write_study(tmp_path, protocols=["long.yaml"]), out)
    wait_until_it_moves(out / "runs" / RUNS[1], process)
    offspring = children(process.pid)
    process.kill()
    process.communicate()
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in offspring):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert run_status(out / "runs" / RUNS[1])["state"] in ("interrupted", "finished")
