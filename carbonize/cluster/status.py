"""How far the runs of a study are, with what is known of their jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from carbonize.cluster.records import Job, jobs_of, queued_states, submitted_folders
from carbonize.io.study import StudyManifest, StudyRun, is_study, read_study
from carbonize.studies.progress import run_row, study_rows

__all__ = ["cluster_row", "cluster_rows", "has_runs", "study_status"]

_PENDING = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "CONFIGURING")


def has_runs(folder: Path) -> bool:
    """Whether a folder is that of a study, or runs were submitted from it."""
    return is_study(folder) or (not (folder / "manifest.json").exists() and bool(submitted_folders(folder)))


def study_status(folder: Path) -> dict[str, Any]:
    """The state of a study, from its folder, the records of its jobs, and squeue where there is one.

    Returns
    -------
    dict
        ``name``, ``folder``, ``state`` ("finished", "running", "queued", "interrupted", "failed" or
        "waiting"), ``counts`` (runs by state), ``progress`` (0 to 1) and ``runs``: rows as of
        :func:`cluster_rows`.

    Raises
    ------
    InputError
        If there is no study, or a file of it is damaged.
    """
    if is_study(folder):
        manifest = read_study(folder)
    else:
        runs = tuple(StudyRun(f, f, "", "", f, 1) for f in submitted_folders(folder))
        manifest = StudyManifest(folder.resolve().name, 0, 1, runs)
    rows = cluster_rows(folder, manifest)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    busiest = ("running", "queued", "interrupted", "waiting", "failed", "finished")
    return {
        "schema_version": 1,
        "name": manifest.name,
        "folder": str(folder),
        "state": next((state for state in busiest if state in counts), "finished"),
        "counts": counts,
        "progress": sum(row["progress"] for row in rows) / max(1, len(rows)),
        "runs": rows,
    }


def cluster_rows(folder: Path, manifest: StudyManifest) -> list[dict[str, Any]]:
    """Rows of :func:`carbonize.studies.progress.run_row` with ``job``: None, or its ``id``, ``state``,
    ``code``, ``restarts``, ``queue`` (state in the queue, None if gone or unknown) and ``log``."""
    jobs = jobs_of(folder)
    queue = queued_states(list(jobs.values())) if jobs else None
    return [
        _with_job(row, jobs.get(run.folder), queue)
        for run, row in zip(manifest.runs, study_rows(folder, manifest), strict=True)
    ]


def cluster_row(folder: Path, run: StudyRun) -> dict[str, Any]:
    """One such row."""
    job = jobs_of(folder).get(run.folder)
    return _with_job(run_row(folder, run), job, queued_states([job]) if job is not None else None)


def _with_job(row: dict[str, Any], job: Job | None, queue: dict[str, str] | None) -> dict[str, Any]:
    if job is None:
        return {**row, "job": None}
    there = None if queue is None or job.id is None else queue.get(job.id)
    shown = {
        "id": job.id,
        "state": job.state,
        "code": job.code,
        "restarts": job.restarts,
        "queue": there,
        "log": str(job.log),
    }
    state, message = row["state"], row["message"]
    # a run of which nobody holds the lock: its job tells why
    if state in ("waiting", "interrupted"):
        if there is not None:
            state = "queued" if there in _PENDING else "running"
        elif queue is None and job.state in ("submitted", "requeued"):
            state = "queued"  # as far as is known
        elif queue is None and job.state == "running" and state == "waiting":
            state = "running"
        elif job.state == "ended" and job.code not in (0, 75):
            state, message = "failed", job.message
        elif job.state != "ended":
            state = "interrupted"
            message = (
                message or f"its job {job.id} is gone without a word (scancel, time limit or a lost node)"
            )
    return {**row, "state": state, "message": message, "job": shown}
