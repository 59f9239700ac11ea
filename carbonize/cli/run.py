"""``carbonize run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from carbonize.errors import InputError

__all__ = ["run"]


def run(
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL.yaml", help="What to run.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Run folder. Default: runs/<name of the protocol>."),
    ] = None,
    replica: Annotated[
        int | None,
        typer.Option(
            "--replica", metavar="K", help="Run only replica K of the batch: the very history it has there."
        ),
    ] = None,
    replicas: Annotated[
        str | None,
        typer.Option(
            "--replicas",
            metavar="N|auto",
            help="How many replicas, instead of dynamics.replicas; auto: as many as the device holds.",
        ),
    ] = None,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Leave out report.html and its pictures.")
    ] = False,
) -> None:
    """Run an annealing protocol to its end.

    Writes a run folder: trajectory (opens in OVITO), temperature and energies, bonding and pores
    along the way (analysis.nc, pores.csv), a summary and a report.html to look at.

    The command can be given again: an unfinished run goes on from its last checkpoint, a finished
    one is left alone. SIGTERM, SIGINT (Ctrl-C) and SIGUSR1 end it after the current chunk of steps
    with a checkpoint and exit code 75. A replica that breaks down is stopped and named, the others
    go on, and the exit code is 3.
    """
    from carbonize.cli.progress import make_observer
    from carbonize.cli.xla import mend_compilation_cache, use_compilation_cache
    from carbonize.config import load_protocol
    from carbonize.running import run as run_protocol

    config = load_protocol(protocol)
    use_compilation_cache()
    mend_compilation_cache()
    result = run_protocol(
        config, out, make_observer(), report=not no_report, replica=replica, replicas=_count(replicas)
    )
    typer.echo(f"run folder: {result.path}")
    if result.paths.report.is_file():
        typer.echo(f"report:     {result.paths.report}")


def _count(text: str | None) -> int | Literal["auto"] | None:
    if text is None or text == "auto":
        return text
    try:
        return int(text)
    except ValueError:
        raise InputError(f"--replicas {text}: expected a whole number or auto") from None
