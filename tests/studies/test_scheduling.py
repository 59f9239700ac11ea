"""Which run is done when, and what is said of those that fail: with programs that stand for runs."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from carbonize.errors import Interrupted, SimulationError
from carbonize.io.lock import RunLock
from carbonize.io.study import StudyManifest, StudyRun
from carbonize.studies.local import run_study
from carbonize.studies.progress import run_row

# does what the name of its folder says; began and ended times go to a file beside the folders
FAKE = """\
import json, os, signal, sys, time
from pathlib import Path
folder, fd = Path(sys.argv[-3]), int(sys.argv[-2])
log = folder.parent.parent / "log"

def say(word):
    with open(log, "a") as file:
        file.write(f"{word} {folder.name}\\n")

def manifest(status, **more):
    content = {"schema_version": 2, "name": "fake", "status": status, "total_steps": 10, "replicas": 1, **more}
    (folder / "manifest.json").write_text(json.dumps(content))

def end(code, message=""):
    say("ended")
    os.write(fd, json.dumps({"code": code, "message": message}).encode())
    sys.exit(code)

def term(*_):
    manifest("interrupted")
    end(75, "stopped by SIGTERM at step 5 of 10")

signal.signal(signal.SIGTERM, term)
say("began")
kind = folder.name.split("-")[0]
if kind == "breaks":
    manifest("failed", ended=True, message="it was too hot", failed={"0": {"step": 5, "message": "too hot"}})
    end(3, "it was too hot")
if kind == "refused":
    end(2, "no such file")
if kind == "killed" and not (folder / "once").exists():
    (folder / "once").touch()
    os.kill(os.getpid(), signal.SIGKILL)
if kind == "slow":
    manifest("running")
    time.sleep(60)
until = time.monotonic() + 60
while kind == "pair" and log.read_text().count("began") < 2 and time.monotonic() < until:
    time.sleep(0.02)
time.sleep(0.2)
manifest("finished", ended=True)
end(0)
"""

PROTOCOL = """\
name: fake
structure: {kind: random, atoms: 10, density_g_cm3: 1}
schedule: [{kind: hold, temperature_K: 300, duration_ps: 0.005}]
"""


class Told:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.looks: list[Sequence[dict[str, Any]]] = []

    def said(self, message: str) -> None:
        self.lines.append(message)

    def looked(self, rows: Sequence[dict[str, Any]]) -> None:
        self.looks.append(rows)


class Bench:
    """A study folder of fake runs."""

    def __init__(self, root: Path, *names: str) -> None:
        self.root = root
        self.fake = root / "fake.py"
        self.fake.write_text(FAKE)
        runs = tuple(StudyRun(name, name, "p", "edip", f"runs/{name}", 1) for name in names)
        self.manifest = StudyManifest("fake", 1, 1, runs)
        for run in runs:
            (root / run.folder).mkdir(parents=True)
            (root / run.folder / "protocol.yaml").write_text(PROTOCOL)

    def run(self, jobs: int = 1) -> Told:
        told = Told()
        run_study(self.root, self.manifest, [sys.executable, "-S", str(self.fake)], told, jobs)
        return told

    def log(self) -> list[str]:
        path = self.root / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def row(self, number: int) -> dict[str, Any]:
        return run_row(self.root, self.manifest.runs[number])


def test_runs_go_one_after_the_other_and_only_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "a", "b", "c")
    told = bench.run()
    assert bench.log() == ["began a", "ended a", "began b", "ended b", "began c", "ended c"]
    assert "run 2 of 3, b (1 finished, about 0:00:0" in "\n".join(told.lines)
    bench.run()
    assert bench.log() == []


def test_jobs_run_at_the_same_time(tmp_path: Path) -> None:
    names = ["pair-1", "pair-2", "c"]
    bench = Bench(tmp_path, *names)
    told = bench.run(jobs=2)
    log = bench.log()
    assert {line.split()[0] for line in log[:2]} == {"began"}
    assert sorted(log) == sorted(f"{word} {name}" for word in ("began", "ended") for name in names)
    assert told.looks
    assert (tmp_path / "logs" / "c.txt").is_file()


def test_failures_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "breaks", "refused", "killed", "fine")
    with pytest.raises(SimulationError) as caught:
        bench.run()
    said = str(caught.value)
    assert "3 of 4 runs failed" in said
    assert "breaks: it was too hot" in said
    assert "refused: no such file" in said
    assert "killed: its process was killed by SIGKILL" in said
    assert "\n" not in said
    states = [bench.row(k)["state"] for k in range(4)]
    assert states == ["failed", "failed", "failed", "finished"]
    assert [bench.row(k)["message"] for k in (0, 1)] == ["it was too hot", "no such file"]
    assert bench.row(0)["replicas_failed"] == 1
    bench.log()
    # what has ended is not tried again, the rest is
    with pytest.raises(SimulationError, match="2 of 4 runs failed"):
        bench.run()
    assert bench.log() == ["began refused", "ended refused", "began killed", "ended killed"]
    assert bench.row(2)["state"] == "finished"


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_stops_the_run_in_progress_with_a_checkpoint(tmp_path: Path, sign: signal.Signals) -> None:
    bench = Bench(tmp_path, "a", "slow", "c")

    def send() -> None:
        until = time.monotonic() + 60
        while bench.row(1)["state"] == "waiting" and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(os.getpid(), sign)

    sender = threading.Thread(target=send)
    sender.start()
    with pytest.raises(Interrupted, match=f"stopped by {sign.name} with 1 of 3 runs finished"):
        bench.run()
    sender.join()
    assert bench.log() == ["began a", "ended a", "began slow", "ended slow"]
    assert bench.row(1)["state"] == "interrupted"


def test_a_run_that_another_process_works_on_is_waited_for_not_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "a", "b")
    lock = RunLock(tmp_path / "runs" / "a")
    lock.acquire()
    until = time.monotonic() + 60

    def release() -> None:
        while not (tmp_path / "runs" / "b" / "manifest.json").exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        finished = json.loads((tmp_path / "runs" / "b" / "manifest.json").read_text())
        (tmp_path / "runs" / "a" / "manifest.json").write_text(json.dumps(finished))
        lock.release()

    other = threading.Thread(target=release)
    other.start()
    told = bench.run()
    other.join()
    assert bench.log() == ["began b", "ended b"]
    assert sum("waiting for 1 run(s) that others work on: process" in line for line in told.lines) == 1
