"""Hand runs to Slurm as one array."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from carbonize.cluster.records import FOLDER, write_submission
from carbonize.cluster.script import Task, render_script
from carbonize.config.cluster import ClusterConfig
from carbonize.errors import CarbonizeError, DependencyError, InputError
from carbonize.io.files import make_folder, make_subfolder, write_atomic
from carbonize.io.study import StudyManifest

__all__ = ["check_slurm", "submit_tasks", "tasks_of"]

_PATIENCE_S = 120.0


def check_slurm() -> None:
    """Make sure that there is an sbatch.

    Raises
    ------
    DependencyError
        If not.
    """
    if shutil.which("sbatch") is None:
        raise DependencyError(
            "sbatch was not found: this machine cannot submit to Slurm; log in to the cluster's login node "
            "(and load its slurm module), or run here: carbonize study STUDY.yaml --local"
        )


def tasks_of(manifest: StudyManifest) -> list[Task]:
    """The runs of a study as tasks, relative to its folder."""
    return [Task(f"{run.folder}/protocol.yaml", run.folder) for run in manifest.runs]


def submit_tasks(
    folder: Path, tasks: Sequence[Task], cluster: ClusterConfig, name: str, report: bool = True
) -> str:
    """Submit an array from ``folder``; script, logs and records go to ``slurm/N`` in it.

    Returns
    -------
    str
        The array's job id.

    Raises
    ------
    DependencyError
        If there is no sbatch.
    InputError
        If Slurm refuses, or the folder's disk takes no more.
    CarbonizeError
        If sbatch does not answer as it should.
    """
    check_slurm()
    try:
        make_folder(folder)
        make_subfolder(folder / FOLDER)
        place = _new_place(folder / FOLDER)
        here = f"{FOLDER}/{place.name}"
        write_atomic(place / "job.sh", render_script(tasks, cluster, name, here, report))
        # a job may begin before sbatch has returned
        write_submission(place, None, [task.folder for task in tasks])
    except CarbonizeError as err:
        # nothing has begun: the folder is the user's choice, like the account
        raise InputError(f"{err}; free space, or choose another folder") from None
    try:
        job_id = _sbatch(folder, f"{here}/job.sh")
    except BaseException:
        (place / "submission.json").unlink(missing_ok=True)
        raise
    write_submission(place, job_id, [task.folder for task in tasks])
    return job_id


def _new_place(parent: Path) -> Path:
    number = 1 + max((int(p.name) for p in parent.iterdir() if p.name.isdigit()), default=0)
    while True:
        place = parent / str(number)
        try:
            place.mkdir()
            return place
        except FileExistsError:
            number += 1
        except OSError as err:
            raise CarbonizeError(f"{place}: cannot be written: {err.strerror or err}") from None


def _sbatch(folder: Path, script: str) -> str:
    try:
        done = subprocess.run(
            ["sbatch", "--parsable", script], cwd=folder, capture_output=True, text=True, timeout=_PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        raise CarbonizeError(
            f"sbatch did not answer within {_PATIENCE_S:.0f} s; see with squeue --me whether the job was taken"
        ) from None
    except OSError as err:
        raise CarbonizeError(f"sbatch cannot be run: {err.strerror or err}") from None
    said = " ".join(done.stderr.split()).replace("sbatch: error: ", "")
    if done.returncode != 0:
        raise InputError(
            f"Slurm refused the job: {said or f'sbatch ended with code {done.returncode}'}; "
            f"mend the cluster file and submit again (the script is {folder / script})"
        )
    job_id = done.stdout.strip().partition(";")[0]
    if not job_id.isdigit():
        raise CarbonizeError(f"sbatch answered {done.stdout.strip()!r} instead of a job id; see squeue --me")
    return job_id
