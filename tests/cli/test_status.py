"""``carbonize status``: how far a run is, told from its folder while it goes and after it was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carbonize.cli.app import main
from carbonize.errors import InputError
from carbonize.io.checkpoint import read_newest_checkpoint, state_sha256, write_checkpoint
from carbonize.io.lock import RunLock
from carbonize.io.status import run_status

TOTAL = 1000


def folder(
    root: Path, status: str = "running", step: int | None = 400, replicas: int = 2, **more: Any
) -> Path:
    """A run folder with a checkpoint at ``step``; ``more`` goes into the manifest."""
    root.mkdir(exist_ok=True)
    (root / "protocol.yaml").write_text("name: small\n")
    manifest = {
        "schema_version": 1,
        "name": "small",
        "status": status,
        "message": None,
        "n_atoms": 4,
        "replicas": replicas,
        "step": 0,
        "total_steps": TOTAL,
        "timestep_fs": 0.5,
        **more,
    }
    (root / "manifest.json").write_text(json.dumps(manifest))
    if step is not None:
        checkpoint(root, step, replicas)
    return root


def checkpoint(root: Path, step: int, count: int = 2, **header: Any) -> Path:
    rng = np.random.default_rng(step)
    return write_checkpoint(
        root / "checkpoint",
        positions=rng.normal(size=(count, 4, 3)),
        momenta=rng.normal(size=(count, 4, 3)),
        keys=rng.integers(0, 2**32, (count, 2), dtype=np.uint32),
        cells=np.repeat(5.0 * np.eye(3)[None], count, axis=0),
        thermostat=np.zeros((count, 0)),
        numbers=np.full(4, 6, np.int32),
        step=step,
        **header,
    )


def series(root: Path, steps: list[int], tail: str = "") -> None:
    rows = "".join(json.dumps({"step": s, "replica": r}) + "\n" for s in steps for r in range(2))
    (root / "series.jsonl").write_text(rows + tail)


def states(found: dict[str, Any]) -> list[tuple[int, str, int]]:
    return [(row["id"], row["state"], row["step"]) for row in found["replicas"]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run ``carbonize status`` and return exit code, output and error output."""

    def run(*arguments: Any) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["carbonize", "status", *(str(a) for a in arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        output = capfd.readouterr()
        return int(left.value.code or 0), output.out, output.err

    return run


def test_a_finished_run_has_the_digests_of_its_last_checkpoint(tmp_path: Path) -> None:
    root = folder(tmp_path / "run", "finished", step=TOTAL)
    found = run_status(root)
    assert (found["state"], found["step"], found["total_steps"]) == ("finished", TOTAL, TOTAL)
    assert states(found) == [(0, "finished", TOTAL), (1, "finished", TOTAL)]
    last = read_newest_checkpoint(root / "checkpoint")
    assert last is not None
    for k, row in enumerate(found["replicas"]):
        assert row["state_sha256"] == state_sha256(last.positions[k], last.momenta[k], last.keys[k])
    assert (found["time_ps"], found["total_ps"], found["n_atoms"]) == (0.5, 0.5, 4)


def test_a_running_run_is_as_far_as_its_newest_whole_row(tmp_path: Path) -> None:
    root = folder(tmp_path / "run")
    series(root, [0, 400, 450], tail='{"step": 500, "rep')
    with RunLock(root):
        found = run_status(root)
    assert (found["state"], found["step"], found["killed"]) == ("running", 450, False)
    assert found["owner"]["pid"] == os.getpid()
    assert states(found) == [(0, "running", 450), (1, "running", 450)]
    assert found["checkpoint"]["step"] == 400


def test_of_a_long_series_only_the_end_is_read(tmp_path: Path) -> None:
    root = folder(tmp_path / "run")
    with open(root / "series.jsonl", "wb") as file:
        file.truncate(10**10)  # a hole: nothing of it is on disk
        file.seek(0, os.SEEK_END)
        file.write(b'\n{"step": 777, "replica": 0}\n')
    with RunLock(root):
        start = time.perf_counter()
        assert run_status(root)["step"] == 777
        assert time.perf_counter() - start < 0.5


def test_running_without_a_live_owner_means_killed(tmp_path: Path) -> None:
    root = folder(tmp_path / "run")
    series(root, [0, 400, 450])
    found = run_status(root)
    assert (found["state"], found["step"], found["killed"]) == ("interrupted", 400, True)
    assert states(found) == [(0, "interrupted", 400), (1, "interrupted", 400)]
    assert found["owner"] is None


def test_a_run_that_was_interrupted_and_goes_on_is_running(tmp_path: Path) -> None:
    root = folder(tmp_path / "run", "interrupted")
    assert run_status(root)["state"] == "interrupted"
    assert not run_status(root)["killed"]
    with RunLock(root):
        assert run_status(root)["state"] == "running"


def test_without_a_checkpoint_the_digests_are_null(tmp_path: Path) -> None:
    found = run_status(folder(tmp_path / "run", "failed", step=None, replicas=3, message="wild"))
    assert (found["state"], found["step"], found["message"]) == ("failed", 0, "wild")
    assert [row["state_sha256"] for row in found["replicas"]] == [None] * 3
    assert states(found) == [(k, "failed", 0) for k in range(3)]
    assert states(run_status(folder(tmp_path / "two", step=None, replica_ids=[5]))) == [(5, "interrupted", 0)]


FAULT = {"1": {"step": 120, "message": "runaway temperature"}}


def test_a_failed_replica_is_frozen_while_the_others_go_on(tmp_path: Path) -> None:
    root = folder(tmp_path / "run", step=None)
    checkpoint(root, 400, failed=FAULT)
    with RunLock(root):
        assert states(run_status(root)) == [(0, "running", 400), (1, "failed", 120)]
    found = run_status(root)
    assert found["state"] == "interrupted"
    assert states(found) == [(0, "interrupted", 400), (1, "failed", 120)]
    assert found["replicas"][1]["message"] == "runaway temperature"
    assert found["replicas"][1]["state_sha256"] is not None


@pytest.mark.parametrize(("step", "others"), [(TOTAL, "finished"), (400, "interrupted")])
def test_when_some_failed_the_others_are_finished_or_can_go_on(
    tmp_path: Path, step: int, others: str
) -> None:
    root = folder(tmp_path / "run", "failed", step=None, failed=FAULT)
    checkpoint(root, step, failed=FAULT)
    assert states(run_status(root)) == [(0, others, step), (1, "failed", 120)]


def test_a_failure_that_only_the_manifest_knows_counts_too(tmp_path: Path) -> None:
    root = folder(tmp_path / "run", "failed", step=100, failed=FAULT)
    assert states(run_status(root)) == [(0, "interrupted", 100), (1, "failed", 120)]


def test_a_replica_that_was_never_good_has_no_digest(tmp_path: Path) -> None:
    root = folder(tmp_path / "run", step=None)
    checkpoint(root, 400, failed={"1": {"step": 0, "message": "m", "never_good": True}})
    digests = [row["state_sha256"] for row in run_status(root)["replicas"]]
    assert digests[0] is not None
    assert digests[1] is None


def test_the_numbers_of_the_replicas_are_those_of_the_run(tmp_path: Path) -> None:
    root = folder(tmp_path / "run", step=None)
    checkpoint(root, 400, count=1, replicas=[7])
    assert states(run_status(root)) == [(7, "interrupted", 400)]


def test_a_damaged_newest_checkpoint_is_told_and_the_one_before_counts(tmp_path: Path) -> None:
    root = folder(tmp_path / "run", step=300)
    checkpoint(root, 400).write_bytes(b"half")
    found = run_status(root)
    assert found["step"] == found["checkpoint"]["step"] == 300
    assert len(found["damaged"]) == 1
    (root / "checkpoint" / "step-000000000300.npz").write_bytes(b"")
    found = run_status(root)
    assert (found["step"], found["checkpoint"], len(found["damaged"])) == (0, None, 2)
    assert [row["state_sha256"] for row in found["replicas"]] == [None, None]


def test_a_run_that_prepares_its_start_structure_is_running(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        found = run_status(tmp_path)
        assert (found["state"], found["step"], found["replicas"]) == ("running", 0, [])
    (tmp_path / ".lock").write_text("{}")
    assert run_status(tmp_path)["state"] == "interrupted"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 99}, "another carbonize"),
        ({"schema_version": None}, "another carbonize"),
        ({"status": "dreaming"}, "unknown status 'dreaming'"),
        ({"status": ["running"]}, "unknown status"),
        ({"total_steps": "many"}, "total_steps"),
        ({"total_steps": True}, "total_steps"),
        ({"replicas": 10**12}, "replicas"),
    ],
)
def test_a_folder_of_another_version_or_with_nonsense_is_one_line(
    tmp_path: Path, command: Callable[..., Any], change: dict[str, Any], message: str
) -> None:
    root = folder(tmp_path / "run", step=None)
    manifest = json.loads((root / "manifest.json").read_text())
    (root / "manifest.json").write_text(json.dumps({**manifest, **change}))
    code, out, err = command(root)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err


def test_a_checkpoint_of_an_older_format_is_named(tmp_path: Path, command: Callable[..., Any]) -> None:
    root = folder(tmp_path / "run", step=None)
    (root / "checkpoint").mkdir()
    header = np.frombuffer(json.dumps({"format": 1, "step": 5}).encode(), np.uint8)
    np.savez(root / "checkpoint" / "step-000000000005.npz", header=header)
    code, _, err = command(root, "--json")
    assert code == 2
    assert "an older carbonize (format 1" in err


@pytest.mark.parametrize("what", ["missing", "file", "empty", "pipe"])
def test_what_is_no_run_folder_is_refused(tmp_path: Path, what: str) -> None:
    place = tmp_path / "place"
    if what == "file":
        place.write_text("x")
    elif what != "missing":
        place.mkdir()
    if what == "pipe":
        os.mkfifo(place / "manifest.json")
    with pytest.raises(InputError, match="run folder"):
        run_status(place)


def test_json_is_one_object_with_the_promised_keys(tmp_path: Path, command: Callable[..., Any]) -> None:
    code, out, err = command(folder(tmp_path / "run"), "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert {"state", "step", "total_steps", "replicas"} <= found.keys()
    assert {"id", "state", "step", "state_sha256"} <= found["replicas"][0].keys()


def test_the_lines_say_what_to_do_next(tmp_path: Path, command: Callable[..., Any]) -> None:
    root = folder(tmp_path / "run", step=None, replicas=1)
    checkpoint(root, 400, count=1)
    code, out, _ = command(root)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == f"run         small ({root})"
    assert lines[1] == "state       interrupted (its process ended without a word)"
    assert lines[2] == "progress    40.0%, step 400 of 1,000, 0.2 of 0.5 ps"
    assert lines[3].startswith("checkpoint  step 400, 20")
    assert lines[3].endswith("s ago)")
    assert lines[4] == "next        run the same command again to continue"
    assert len(lines) == 5


def test_after_the_last_step_it_says_what_is_still_to_do(tmp_path: Path, command: Callable[..., Any]) -> None:
    root = folder(tmp_path / "run", step=TOTAL)
    with RunLock(root):
        assert "the dynamics is done, the last analyses and the report" in command(root)[1]
    early = folder(tmp_path / "early", step=400)
    with RunLock(early):
        assert "the dynamics is done" not in command(early)[1]


def test_failed_replicas_have_a_line_each_with_their_message(
    tmp_path: Path, command: Callable[..., Any]
) -> None:
    root = folder(tmp_path / "run", "failed", step=None, message="replica 1: wild\x1b[31m\nred", failed=FAULT)
    checkpoint(root, TOTAL, failed=FAULT)
    _, out, _ = command(root)
    assert "replica 0   finished, step 1,000\n" in out
    assert "replica 1   failed, step 120: runaway temperature\n" in out
    assert "message     replica 1: wild [31m red\n" in out
    assert "events.jsonl" in out


def test_it_loads_no_heavy_library_and_changes_nothing(tmp_path: Path) -> None:
    root = folder(tmp_path / "run")
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*")}
    code = (
        "import sys\nfrom carbonize.io.status import run_status\n"
        f"run_status({str(root)!r})\n"
        "print([m for m in ('jax', 'pydantic', 'ase', 'scipy', 'xarray', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert {p: p.stat().st_mtime_ns for p in root.rglob("*")} == before
