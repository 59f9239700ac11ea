"""``carbonize report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["report"]


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, as carbonize run writes it.")],
) -> None:
    """Build report.html of a run again, with its figures and pictures.

    Works on unfinished runs too: the page then says how far the run is.
    """
    from carbonize.report.page import write_report

    typer.echo(f"report: {write_report(run)}")
