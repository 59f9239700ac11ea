"""On a real Slurm: an array with a job that is interrupted twice and one that fails; every job has its card."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from exact.runs import assert_same_end, digests
from slurm.real_slurm import RealSlurm, missing
from studies.tiny import write_protocol, write_study

import carbonize
from carbonize.cli.app import main
from carbonize.config.study import load_study
from carbonize.studies.prepare import prepare_study

_reason = missing()
pytestmark = pytest.mark.skipif(_reason is not None, reason=str(_reason))

LONG, BROKEN = "runs/long--diamond", "runs/long--lost"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSlurm]:
    found = RealSlurm(tmp_path_factory.mktemp("slurm"))
    before = {key: os.environ.get(key) for key in found.environment}
    try:
        found.start()
        os.environ.update(found.environment)
        yield found
    finally:
        found.stop()
        for key, value in before.items():
            os.environ.pop(key, None) if value is None else os.environ.update({key: value})


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one run that is long enough to be hit and one that cannot begin."""
    folder = tmp_path_factory.mktemp("study")
    write_study(folder)
    shutil.copy(folder / "diamond.extxyz", folder / "lost.extxyz")
    path = write_protocol(folder, "long", 20.0)
    content = yaml.safe_load(path.read_text())
    # a checkpoint only when it is asked for
    content["output"] = {"frame_every_ps": 0.25, "analysis_every_ps": 2.0, "checkpoint_every_min": 60}
    path.write_text(yaml.safe_dump(content))
    file = write_study(folder, protocols=["long.yaml"], precursors=["diamond.extxyz", "lost.extxyz"])
    out = folder / "a folder with spaces"
    prepare_study(load_study(file), out, lambda _: None)
    (out / "precursors" / "lost.extxyz").unlink()
    return out


@pytest.fixture(scope="module")
def unbroken(study: Path) -> Path:
    """The long run, run alone; its program is in the cache then."""
    carbonize.run(study / LONG / "protocol.yaml", study.parent / "alone", report=False)
    return study.parent / "alone"


def cluster_file(folder: Path, **keys: Any) -> Path:
    path = folder / "cluster.yaml"
    shown = "env | grep -E '^(CUDA_VISIBLE_DEVICES|SLURM_JOB_GPUS)=' > \"$here/card-$SLURM_ARRAY_TASK_ID\""
    path.write_text(yaml.safe_dump({"cpus": 1, "memory": "1G", "time": "30", "setup": [shown], **keys}))
    return path


def carbonize_main(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["carbonize", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def wait_for(done: Callable[[], object], what: str, seconds: float = 300.0) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def steps(folder: Path) -> int:
    """Step of the newest series row."""
    series = folder / "series.jsonl"
    lines = series.read_text().splitlines() if series.is_file() else []
    return json.loads(lines[-1])["step"] if lines else 0


def test_an_array_goes_on_by_itself_and_its_failures_are_reported(
    slurm: RealSlurm,
    study: Path,
    unbroken: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def status() -> dict[str, dict[str, Any]]:
        capsys.readouterr()
        assert carbonize_main(monkeypatch, "status", study, "--json") == 0
        return {row["folder"]: row for row in json.loads(capsys.readouterr().out)["runs"]}

    def records() -> dict[str, Any]:
        path = study / "slurm" / "1" / "0.json"
        return json.loads(path.read_text()) if path.is_file() else {}

    words = ("submit", study, "--cluster", cluster_file(study.parent), "--no-report")
    assert carbonize_main(monkeypatch, *words) == 0
    assert "submitted job 1: 2 run(s)" in capsys.readouterr().out
    wait_for(lambda: steps(study / LONG) >= 500 or records().get("state") == "ended", "the first steps")
    assert records()["state"] == "running", (study / "slurm" / "1" / "0.log").read_text()
    assert status()[LONG]["state"] == "running"
    assert status()[LONG]["job"]["queue"] == "RUNNING"

    # what the time limit does: USR1 to the batch shell alone
    slurm.command("scancel", "--batch", "--signal=USR1", "1_0", check=True)
    wait_for(lambda: slurm.states().get("1_0") == "PENDING", "the requeue")
    assert records()["state"] == "requeued"
    row = status()[LONG]
    assert row["state"] == "queued"
    first = row["step"]
    assert 0 < first < row["total_steps"]
    # preemption: Slurm ends the job with TERM and queues it again itself
    wait_for(lambda: steps(study / LONG) >= first + 500, "steps after the first restart")
    slurm.command("scontrol", "requeue", "1_0", check=True)
    wait_for(lambda: records().get("restarts") == 2, "the second restart")
    wait_for(lambda: records()["state"] == "ended", "the end")
    wait_for(lambda: slurm.states().get("1_0") == "COMPLETED", "Slurm's word for the end")

    rows = status()
    assert rows[LONG]["state"] == "finished"
    assert rows[LONG]["job"]["restarts"] == 2
    log = (study / "slurm" / "1" / "0.log").read_text()
    assert "stopped by SIGUSR1" in log
    assert log.count("continuing at step") == 2
    assert digests(study / LONG) == digests(unbroken)
    assert_same_end(study / LONG, unbroken)

    broken = rows[BROKEN]
    assert broken["state"] == "failed"
    assert (broken["job"]["state"], broken["job"]["code"]) == ("ended", 2)
    assert "lost.extxyz: no such file" in broken["message"]
    assert "JobState=FAILED" in slurm.command("scontrol", "show", "job", "1_1")
    assert "ExitCode=2:0" in slurm.command("scontrol", "show", "job", "1_1")
    assert carbonize_main(monkeypatch, "status", study) == 0
    table = capsys.readouterr().out
    assert "requeued 2x" in table
    assert "failed: long--lost: " in table

    # each with a card
    for k in (0, 1):
        lines = (study / "slurm" / "1" / f"card-{k}").read_text().splitlines()
        found = dict(line.split("=") for line in lines)
        assert found["CUDA_VISIBLE_DEVICES"] == found["SLURM_JOB_GPUS"]
        assert found["CUDA_VISIBLE_DEVICES"] in ("0", "1")


def test_a_refusal_of_slurm_is_one_line(
    slurm: RealSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare_study(load_study(write_study(tmp_path)), tmp_path / "out", lambda _: None)
    cluster = cluster_file(tmp_path, partition="nowhere")
    assert carbonize_main(monkeypatch, "submit", tmp_path / "out", "--cluster", cluster) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Slurm refused the job" in said
    assert "invalid partition" in said.lower()


def test_two_jobs_at_once_have_different_cards(slurm: RealSlurm, tmp_path: Path) -> None:
    from carbonize.cluster.script import Task
    from carbonize.cluster.submit import submit_tasks
    from carbonize.config.cluster import ClusterConfig

    fake = tmp_path / "fake"
    fake.write_text('#!/bin/bash\necho "$CUDA_VISIBLE_DEVICES" > "$4.card"\n'
                    "for i in $(seq 600); do [ -f together ] && exit 0; sleep 0.1; done; exit 1\n")  # fmt: skip
    fake.chmod(0o755)
    cluster = ClusterConfig(cpus=1, time="5", command=str(fake))
    job = submit_tasks(tmp_path, [Task("p", f"run-{k}") for k in range(3)], cluster, "cards")
    cards = [tmp_path / f"run-{k}.card" for k in range(3)]
    wait_for(lambda: sum(card.is_file() and bool(card.read_text()) for card in cards) >= 2, "two jobs")
    # the third waits for a card
    assert sorted(card.read_text().strip() for card in cards if card.is_file()) == ["0", "1"]
    assert (
        sum(state == "RUNNING" for name, state in slurm.states().items() if name.startswith(f"{job}_")) == 2
    )
    (tmp_path / "together").touch()
    wait_for(lambda: all(card.is_file() for card in cards), "the third job")
