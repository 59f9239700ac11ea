"""``carbonize study``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["study"]


def study(
    file: Annotated[
        Path,
        typer.Argument(metavar="STUDY.yaml", help="Which protocols on which precursors, how many replicas."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Study folder. Default: runs/<name of the study>."),
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Run it on this machine, to its end.")] = False,
    slurm: Annotated[
        bool, typer.Option("--slurm", help="Submit its runs to Slurm, as carbonize submit.")
    ] = False,
    cluster: Annotated[
        Path | None,
        typer.Option("--cluster", metavar="CLUSTER.yaml", help="With --slurm: account, partition, time, ..."),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", "-j", metavar="N", min=1, help="With --local: so many runs at once, sharing the cores."
        ),
    ] = 1,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what the runs would be (and show the job script); write nothing."
        ),
    ] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Leave out the runs' report.html.")] = False,
) -> None:
    """Run every protocol of a study on every precursor, with the same random numbers.

    The study file has name, protocols (paths), precursors (paths or build specs), replicas, seed and,
    if wanted, potentials. Its folder gets study.json, the precursors, and an ordinary run folder for
    each run, with all replicas in one program. Replica k of a precursor has the same start and seed
    under every protocol, so that differences are paired.

    The command can be given again: it goes on with what is unfinished and leaves the rest alone.
    Without --local or --slurm the folder is only made. Exit code 3: runs failed (the others have
    ended); 75: interrupted.

    Example: carbonize study workflows/studies/quick.yaml --out runs/quick --local
    """
    from carbonize.config.study import load_study
    from carbonize.errors import InputError

    if local and slurm:
        raise InputError("--local and --slurm: give one of them")
    if cluster is not None and not slurm:
        raise InputError("--cluster belongs to --slurm")
    if jobs > 1 and not local:
        raise InputError("--jobs belongs to --local")
    content = load_study(file)
    folder = out if out is not None else Path("runs") / content.name
    if dry_run:
        _show(content, folder, cluster, slurm, not no_report)
        return
    from carbonize.cli.xla import use_compilation_cache
    from carbonize.stopping import Stop
    from carbonize.studies.prepare import prepare_study

    if slurm:
        from carbonize.cluster.submit import check_slurm

        check_slurm()
    use_compilation_cache()
    with Stop(_say) as stop:
        manifest = prepare_study(content, folder, _say)
        stop.obey()
    typer.echo(
        f"study {content.name}: {len(content.protocols)} protocol(s) x {len(content.precursors)} precursor(s)"
        + (f" x {len(content.potentials)} potential(s)" if content.potentials else "")
        + f" = {len(manifest.runs)} run(s) of {manifest.replicas} replica(s) in {folder}"
    )
    if local:
        _run_here(folder, manifest, jobs, not no_report)
        result = shlex.quote(str(folder / "comparison"))
        typer.echo(
            f"all runs have finished; next: carbonize compare {shlex.quote(str(folder))} --out {result}"
        )
    elif slurm:
        from carbonize.cli.submit import submit_study

        submit_study(folder, cluster, report=not no_report)
    else:
        place = shlex.quote(str(folder))
        typer.echo(f"next: carbonize study {shlex.quote(str(file))} --out {place} --local")
        typer.echo(f"or:   carbonize submit {place} --cluster cluster.yaml")


def _run_here(folder: Path, manifest: Any, jobs: int, report: bool) -> None:
    import sys

    from carbonize.cli.study_progress import make_study_observer
    from carbonize.studies.local import run_study

    observer = make_study_observer(jobs)
    try:
        run_study(folder, manifest, [sys.executable, "-m", "carbonize.cli.study_run"], observer, jobs, report)
    finally:
        observer.ended()


def _show(content: Any, folder: Path, cluster: Path | None, slurm: bool, report: bool) -> None:
    from carbonize.schedules import compile_protocol
    from carbonize.studies.plan import manifest_of, plan

    runs = plan(content)
    typer.echo(
        f"study {content.name}, in {folder}: {len(runs)} run(s), seed {content.seed}; nothing is written"
    )
    for planned in runs:
        dynamics = planned.config.dynamics
        steps = compile_protocol(planned.config)[0].total_steps
        typer.echo(
            f"  {planned.run.id}: {planned.run.replicas} replica(s), {planned.run.potential}, {steps:,} steps of "
            f"{dynamics.timestep_fs:g} fs, {steps * dynamics.timestep_fs / 1000:g} ps, seed {dynamics.seed}"
        )
    if slurm:
        from carbonize.cli.submit import show_script
        from carbonize.cluster.submit import tasks_of

        show_script(folder, tasks_of(manifest_of(content, runs)), cluster, report)


def _say(message: str) -> None:
    typer.echo(message, err=True)
