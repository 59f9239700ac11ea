"""What became of submitted runs: from the records that jobs leave, and the queue where it can be asked."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from carbonize.errors import InputError
from carbonize.io.files import read_json

__all__ = ["FOLDER", "Job", "jobs_of", "queued_states", "submitted_folders"]

FOLDER = "slurm"
_TAIL_BYTES = 65536
_PATIENCE_S = 20.0


@dataclasses.dataclass(frozen=True)
class Job:
    """The newest job of a run.

    Attributes
    ----------
    id
        Of the array task, for example "17_2"; None if sbatch has not answered yet.
    state
        "submitted" before it began, then "running", "requeued" or "ended", as the job itself noted.
    code
        Exit code where it has ended.
    message
        Why it ended, if not well.
    restarts
        How often it was requeued.
    log
        Its output.
    """

    id: str | None
    state: str
    code: int | None
    message: str | None
    restarts: int
    log: Path


def submissions(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The submissions of a folder, oldest first."""
    places = [p for p in (folder / FOLDER).glob("[0-9]*") if p.name.isdigit()]
    found = []
    for place in sorted(places, key=lambda p: int(p.name)):
        try:
            data = read_json(place / "submission.json")
        except InputError:
            continue  # it is being submitted, or was refused
        if isinstance(data.get("folders"), list):
            found.append((place, data))
    return found


def submitted_folders(folder: Path) -> list[str]:
    """Run folders, relative to ``folder``, that were submitted from it, in order, each once."""
    return list(dict.fromkeys(str(f) for _, data in submissions(folder) for f in data["folders"]))


def jobs_of(folder: Path) -> dict[str, Job]:
    """The newest job of each run folder (relative to ``folder``)."""
    found: dict[str, Job] = {}
    for place, data in submissions(folder):
        for number, run in enumerate(data["folders"]):
            found[str(run)] = _job(place, data, number)
    return found


def queued_states(jobs: Sequence[Job]) -> dict[str, str] | None:
    """State in the queue (PENDING, RUNNING, ...) of each job that is there; None if that cannot be asked."""
    arrays = sorted({job.id.partition("_")[0] for job in jobs if job.id is not None})
    if not arrays or shutil.which("squeue") is None:
        return None
    command = ["squeue", "--noheader", "--array", "--format=%i|%T", f"--jobs={','.join(arrays)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        # of a single job that is gone it says so by failing
        return {} if "Invalid job id" in done.stderr else None
    return dict(line.split("|", 1) for line in done.stdout.splitlines() if "|" in line)


def _job(place: Path, data: dict[str, Any], number: int) -> Job:
    array = data.get("job_id")
    log = place / f"{number}.log"
    name = f"{array}_{number}" if array is not None else None
    try:
        record = read_json(place / f"{number}.json")
    except InputError:
        return Job(name, "submitted", None, None, 0, log)
    code, restarts = record.get("code"), record.get("restarts")
    state = str(record.get("state"))
    message = str(record.get("message") or "") or None
    if state == "ended" and code not in (0, 75) and message is None:
        message = _last_error(log) or f"its job ended with exit code {code}; see {log}"
    return Job(
        str(record.get("job") or name),
        state,
        code if type(code) is int else None,
        message,
        restarts if type(restarts) is int else 0,
        log,
    )


def _last_error(log: Path) -> str | None:
    """The last complaint in a log."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return None
    prefix = "carbonize: error: "
    found = next((line for line in reversed(lines) if line.startswith(prefix)), None)
    return found.removeprefix(prefix) if found is not None else None


def write_submission(place: Path, job_id: str | None, folders: Sequence[str]) -> None:
    """Note what a submission consists of."""
    from carbonize.io.files import write_atomic

    write_atomic(
        place / "submission.json", json.dumps({"job_id": job_id, "folders": list(folders)}, indent=1) + "\n"
    )
