"""``carbonize submit``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["show_script", "submit", "submit_study"]


def submit(
    targets: Annotated[
        list[Path],
        typer.Argument(metavar="STUDY_DIR|PROTOCOL.yaml...", help="A study folder, or protocol files."),
    ],
    cluster: Annotated[
        Path | None,
        typer.Option(
            "--cluster",
            metavar="CLUSTER.yaml",
            help="Account, partition, time, modules, container, gpus, ...; default: one GPU, the rest Slurm's.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="For protocols: run folders are DIR/<name>. Default: runs."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the job script; submit nothing.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Leave out the runs' report.html.")] = False,
) -> None:
    """Submit the runs of a study, or protocols, to Slurm as one array.

    Two minutes before its time limit a job makes a checkpoint and queues again, and after preemption
    Slurm does; either way the run goes on by itself where it was. Given again, the command submits
    what is unfinished and not in the queue. carbonize status DIR shows all runs.

    Example: carbonize submit runs/quick --cluster workflows/slurm/cluster.yaml
    """
    from carbonize.errors import InputError
    from carbonize.io.study import is_study

    folders = [target for target in targets if target.is_dir()]
    if folders and len(targets) > 1:
        raise InputError(f"{folders[0]}: is a folder; submit one study at a time, or several protocol files")
    if folders:
        if out is not None:
            raise InputError("--out belongs to protocols; a study has its folder")
        if not is_study(folders[0]):
            raise InputError(f"{folders[0]}: not a study folder (no study.json); carbonize study makes one")
        submit_study(folders[0], cluster, dry_run, not no_report)
    else:
        _submit_protocols(targets, out if out is not None else Path("runs"), cluster, dry_run, not no_report)


def submit_study(folder: Path, cluster: Path | None, dry_run: bool = False, report: bool = True) -> None:
    """Submit what is unfinished of a study and not in the queue."""
    from carbonize.cluster.status import cluster_rows
    from carbonize.cluster.submit import check_slurm, tasks_of
    from carbonize.io.study import read_study

    if not dry_run:
        check_slurm()
    manifest = read_study(folder)
    rows = cluster_rows(folder, manifest)
    open_tasks = [
        task for task, row in zip(tasks_of(manifest), rows, strict=True) if _can_be_submitted(folder, row)
    ]
    _submit(folder, open_tasks, rows, manifest.name, cluster, dry_run, report)


def show_script(folder: Path, tasks: Sequence[Any], cluster: Path | None, report: bool) -> None:
    """Print the job script."""
    from carbonize.cluster.script import render_script
    from carbonize.config.cluster import load_cluster

    typer.echo(
        render_script(tasks, load_cluster(cluster), folder.resolve().name, "slurm/1", report), nl=False
    )


def _submit_protocols(
    files: Sequence[Path], out: Path, cluster: Path | None, dry_run: bool, report: bool
) -> None:
    from carbonize.cluster.script import Task
    from carbonize.cluster.status import cluster_row
    from carbonize.cluster.submit import check_slurm
    from carbonize.config import load_protocol
    from carbonize.errors import InputError
    from carbonize.io.files import check_folder
    from carbonize.io.study import StudyRun

    names: dict[str, Path] = {}
    for file in files:
        name = load_protocol(file).name
        if name in names:
            raise InputError(f"{names[name]} and {file}: are both named {name!r}; give one another name")
        names[name] = file
    if "slurm" in names:
        raise InputError(
            f"{names['slurm']}: a run named slurm would lie where the jobs' records go; rename it"
        )
    if not dry_run:
        check_slurm()
    check_folder(out)
    rows, tasks = [], []
    for name, file in names.items():
        row = cluster_row(out, StudyRun(name, name, "", "", name, 1))
        rows.append(row)
        if _can_be_submitted(out, row):
            tasks.append(Task(str(file.resolve()), name))
    _submit(out, tasks, rows, next(iter(names)), cluster, dry_run, report)


def _can_be_submitted(folder: Path, row: dict[str, Any]) -> bool:
    from carbonize.studies.progress import settled

    return row["state"] not in ("finished", "running", "queued") and not settled(
        folder / row["folder"], False
    )


def _submit(
    folder: Path,
    tasks: Sequence[Any],
    rows: Sequence[dict[str, Any]],
    name: str,
    cluster: Path | None,
    dry_run: bool,
    report: bool,
) -> None:
    from carbonize.cluster.submit import submit_tasks
    from carbonize.config.cluster import load_cluster

    config = load_cluster(cluster)
    if dry_run:
        if tasks:
            show_script(folder, tasks, cluster, report)
        else:
            typer.echo("nothing to submit")
        return
    others = len(rows) - len(tasks)
    if not tasks:
        typer.echo(f"nothing to submit: all {others} run(s) have ended, are running or in the queue")
    else:
        job = submit_tasks(folder, tasks, config, name, report)
        left_out = f" ({others} have ended, are running or in the queue)" if others else ""
        typer.echo(f"submitted job {job}: {len(tasks)} run(s){left_out}")
    typer.echo(f"next: carbonize status {folder}")
