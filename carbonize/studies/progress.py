"""How far the runs of a study are, from their folders alone."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from carbonize.errors import InputError
from carbonize.io.files import read_json
from carbonize.io.lock import LOCK_NAME, lock_owner
from carbonize.io.paths import RunPaths
from carbonize.io.status import last_series_step, run_status
from carbonize.io.study import StudyManifest, StudyRun

__all__ = [
    "FAILURE",
    "forget_failure",
    "glance",
    "note_failure",
    "run_row",
    "settled",
    "steps_of",
    "study_rows",
]

FAILURE = "failure.json"
"""Why a run could not even begin: there is no manifest then that could say it."""

_TAIL_BYTES = 65536


def study_rows(folder: Path, manifest: StudyManifest) -> list[dict[str, Any]]:
    """One row a run of the study, in order; see :func:`run_row`."""
    return [run_row(folder, run) for run in manifest.runs]


def run_row(folder: Path, run: StudyRun) -> dict[str, Any]:
    """How far one run is.

    Returns
    -------
    dict
        ``id``, ``protocol``, ``precursor``, ``potential``, ``folder``; ``state`` ("waiting" before
        it begins, else as in :func:`carbonize.io.status.run_status`); ``step``, ``total_steps``,
        ``progress`` (0 to 1), ``left_s`` (seconds to the end at its present pace, None if it does not
        run or that is unknown), ``replicas`` (as in ``run_status``), ``replicas_failed``, ``message``, ``owner``.
    """
    root = folder / run.folder
    row: dict[str, Any] = {
        "id": run.id,
        "protocol": run.protocol,
        "precursor": run.precursor,
        "potential": run.potential,
        "folder": run.folder,
        "state": "waiting",
        "step": 0,
        "total_steps": 0,
        "progress": 0.0,
        "left_s": None,
        "replicas": [],
        "replicas_failed": 0,
        "message": None,
        "owner": None,
    }
    try:
        if (root / "manifest.json").is_file() or (root / LOCK_NAME).is_file():
            found = run_status(root)
            row |= {
                key: found[key] for key in ("state", "step", "total_steps", "replicas", "message", "owner")
            }
            row["replicas_failed"] = sum(r["state"] == "failed" for r in found["replicas"])
        if row["state"] in ("waiting", "interrupted") and _has_failed(root):
            row |= {"state": "failed", "message": read_json(root / FAILURE).get("message")}
        if not row["total_steps"] and (root / "protocol.yaml").is_file():
            row["total_steps"] = steps_of(root)
    except InputError as err:
        # one damaged folder must not hide how the others are
        row |= {"state": "failed", "message": str(err)}
    if row["total_steps"]:
        row["progress"] = row["step"] / row["total_steps"]
    if row["state"] == "running":
        row["left_s"] = _left_s(RunPaths(root), row["step"], row["total_steps"])
    return row


def glance(folder: Path, run: StudyRun) -> dict[str, Any]:
    """``id``, ``state`` and ``progress`` of a run, without reading its checkpoint: to be called often."""
    paths = RunPaths(folder / run.folder)
    row = {"id": run.id, "state": "waiting", "progress": 0.0}
    try:
        if paths.manifest.is_file():
            manifest = read_json(paths.manifest)
            row["state"] = str(manifest.get("status"))
            done = row["state"] == "finished"
            step = manifest["total_steps"] if done else last_series_step(paths.series)
            row["progress"] = step / max(1, manifest["total_steps"])
    except (InputError, KeyError, TypeError):
        row["state"] = "failed"
    return row


def steps_of(root: Path) -> int:
    """Steps of the protocol in a run folder."""
    from carbonize.config import load_protocol
    from carbonize.schedules import compile_protocol

    return compile_protocol(load_protocol(root / "protocol.yaml"))[0].total_steps


def settled(root: Path, report: bool) -> dict[str, Any] | None:
    """The manifest of a run at which nothing is left to do, else None."""
    paths = RunPaths(root)
    if not paths.manifest.is_file() or lock_owner(root) is not None:
        return None
    manifest = read_json(paths.manifest)
    if manifest.get("status") != "finished" and not manifest.get("ended"):
        return None
    # a kill may have come between the end of the dynamics and these
    if paths.summary.is_file() and not (paths.tracking / "tracking.json").is_file():
        return None
    if report and paths.summary.is_file() and not paths.report.is_file():
        return None
    return manifest


def note_failure(root: Path, code: int, message: str) -> None:
    """Write down why a run ended, unless its manifest says so."""
    from carbonize.io.files import write_atomic

    if (root / "manifest.json").is_file() and read_json(root / "manifest.json").get("status") == "failed":
        return
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    write_atomic(root / FAILURE, json.dumps({"time": now, "exit_code": code, "message": message}) + "\n")


def forget_failure(root: Path) -> None:
    """A new try begins."""
    (root / FAILURE).unlink(missing_ok=True)


def _has_failed(root: Path) -> bool:
    """Whether a failure was written down that nothing has happened since."""
    try:
        noted = (root / FAILURE).stat().st_mtime_ns
    except OSError:
        return False
    manifest = root / "manifest.json"
    return not manifest.exists() or manifest.stat().st_mtime_ns <= noted


def _left_s(paths: RunPaths, step: int, total: int) -> float | None:
    """Seconds to the end at the pace since this session began; None where that cannot be told."""
    try:
        with open(paths.events, "rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            lines = file.read().splitlines()
        for line in reversed(lines):
            row = json.loads(line)
            if row.get("event") in ("started", "continued"):
                began = datetime.datetime.fromisoformat(row["time"])
                seconds = (datetime.datetime.now(datetime.UTC) - began).total_seconds()
                done = step - int(row["step"])
                return round(seconds * (total - step) / done, 1) if done > 0 else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError):
        return None
    return None
