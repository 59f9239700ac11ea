"""What a queue does to a run: kills it at any moment, starts it twice, fills the disk."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from exact.runs import assert_same_end, children, digests, events, small_protocol

from carbonize.io.status import run_status

COMMAND = [sys.executable, "-m", "carbonize", "run"]


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cluster")
    content = small_protocol(folder, replicas=2)
    # long enough to be hit in the middle
    for stage in content["schedule"]:
        stage["duration_ps"] *= 5
    content["output"]["analysis_every_ps"] = 0.25
    content["analysis"] = {"workers": 1}
    path = folder / "protocol.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(scope="module")
def unbroken(protocol: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    subprocess.run(
        [*COMMAND, str(protocol), "--out", str(out), "--no-report"], check=True, capture_output=True
    )
    return out


def _start(protocol: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, str(protocol), "--out", str(out), "--no-report"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for_step(out: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Until the run is at least there, or over."""
    series = out / "series.jsonl"
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        if series.is_file() and len(series.read_bytes().splitlines()) > step // 40 * 2:
            return
        time.sleep(0.01)


def _gone(pids: set[int]) -> bool:
    until = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_killed_at_random_moments_it_ends_as_if_nothing_had_happened(
    protocol: Path, unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    chance = random.Random(11)
    for number, at in ((signal.SIGKILL, 300), (signal.SIGTERM, 900), (signal.SIGKILL, 1300)):
        process = _start(protocol, out)
        _wait_for_step(out, at, process)
        time.sleep(chance.uniform(0, 0.1))
        workers = children(process.pid)
        assert workers
        process.send_signal(number)
        _, said = process.communicate(timeout=300)
        assert process.returncode == (75 if number == signal.SIGTERM else -number), said
        assert run_status(out)["state"] == "interrupted"
        assert _gone(workers)
    finished = _start(protocol, out)
    _, said = finished.communicate(timeout=300)
    assert finished.returncode == 0, said
    assert run_status(out)["state"] == "finished"
    assert digests(out) == digests(unbroken)
    assert_same_end(unbroken, out)


def test_a_second_process_on_one_folder_is_refused_naming_the_first(protocol: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = _start(protocol, out)
    try:
        _wait_for_step(out, 100, first)
        first.send_signal(signal.SIGSTOP)  # it must not finish before the second looks
        second = _start(protocol, out)
        _, said = second.communicate(timeout=300)
        assert second.returncode == 2
        assert f"in use by process {first.pid}" in said
        assert len(said.strip().splitlines()) == 1
    finally:
        first.kill()
        first.communicate()


def test_a_full_disk_is_named_and_what_was_good_is_kept(
    protocol: Path, unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    # more than a checkpoint of 64 atoms, less than the whole trajectory
    command = shlex.join([*COMMAND, str(protocol), "--out", str(out), "--no-report"])
    full = subprocess.Popen(
        ["bash", "-c", f"ulimit -f 40; exec {command}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # programs are taken from the cache, but none is put there: half an entry would be left
        env={**os.environ, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "1e9"},
    )
    _, said = full.communicate(timeout=300)
    assert full.returncode == 3, said
    line = said.strip().splitlines()[-1]
    assert "cannot be written" in line
    assert "at step" in line
    assert "last good checkpoint" in line
    assert "Traceback" not in said
    # with room again it goes on to the same end
    again = _start(protocol, out)
    _, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    assert_same_end(unbroken, out)
    assert events(out, "finished")
