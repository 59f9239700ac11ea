"""``carbonize compare-experiment``: a simulated carbon beside a measured one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from carbonize.errors import InputError

__all__ = ["compare_experiment"]


def compare_experiment(
    source: Annotated[
        Path, typer.Argument(metavar="RUN|FILE", help="A run folder (its last frames), or a structure file.")
    ],
    xrd: Annotated[
        Path | None,
        typer.Option(
            "--xrd",
            metavar="CSV",
            help="Measured powder pattern: 2 theta in degrees (or q_1_A), intensity, error.",
        ),
    ] = None,
    saxs: Annotated[
        Path | None,
        typer.Option(
            "--saxs",
            metavar="CSV",
            help="Measured small-angle curve: q in 1/A (or q_1_nm), intensity, error.",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table", metavar="YAML", help="Measured quantities, one a line: d002_A: [3.78, 0.02]."
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="DIR", help="Folder for comparison.json, comparison.html and PNG files."
        ),
    ] = Path("comparison"),
    frame: Annotated[int, typer.Option("--frame", metavar="N", help="Which frame; -1 is the last.")] = -1,
    wavelength: Annotated[
        float,
        typer.Option(
            "--wavelength", metavar="A", help="Of the X-rays of --xrd, in A; Cu K-alpha if not given."
        ),
    ] = 1.5406,
    polarised: Annotated[
        bool,
        typer.Option(
            "--polarisation/--no-polarisation",
            help="Whether the measured pattern still has the polarisation factor.",
        ),
    ] = True,
) -> None:
    """Lay a simulated carbon over measured X-ray curves and numbers.

    Scales the simulated curves to the measured ones with a background, gives R factors, and a table of simulated,
    measured and their difference in units of the uncertainty, beside published medians of hard carbons.
    """
    from carbonize.experiment.compare import ALWAYS, compare, write_comparison
    from carbonize.experiment.curve_files import read_curve
    from carbonize.experiment.simulated import simulate_measurement
    from carbonize.experiment.table_file import MeasuredTable, read_table

    if xrd is None and saxs is None and table is None:
        raise InputError("nothing measured was given: name at least one of --xrd, --saxs and --table")
    if not 0.1 <= wavelength <= 10:
        raise InputError(f"--wavelength {wavelength:g}: give it in A, between 0.1 and 10")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; give a folder")
    if (out / "comparison.nc").exists():
        raise InputError(f"--out {out}: holds a comparison of protocols; give another folder")
    measured = {
        kind: read_curve(path, kind == "xrd", wavelength)
        for kind, path in (("xrd", xrd), ("saxs", saxs))
        if path is not None
    }
    quantities = (
        read_table(table) if table is not None else MeasuredTable(None, source.stem or "sample", None, {})
    )
    if sys.stderr.isatty():
        print("computing the curves of the simulated structures ...", file=sys.stderr)
    simulated = simulate_measurement(source, frame, [*quantities.values, *ALWAYS], polarised)
    comparison = compare(simulated, quantities, measured)
    written = write_comparison(comparison, out)
    _print(comparison.document)
    typer.echo(f"wrote {', '.join(str(path) for path in written)}")


def _print(document: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    from carbonize.experiment.page import shown

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, 140))
    grid = Table(box=None, padding=(0, 2, 0, 2), header_style="bold")
    for place, head in enumerate(
        ("quantity", "simulated", "measured", "difference", "in uncertainties", "published median")
    ):
        grid.add_column(head, justify="left" if place == 0 else "right")
    for row in document["rows"]:
        text = shown(row)
        grid.add_row(
            *(text[k] for k in ("name", "simulated", "measured", "difference", "sigma", "published"))
        )
    console.print(grid)
    for kind, curve in document["curves"].items():
        console.print(
            f"  {kind}: R {curve['R']:.3f}, weighted R {curve['Rw']:.3f} ({curve['points']} points, "
            f"q {curve['q_range'][0]:.3g} to {curve['q_range'][1]:.3g} 1/Å)"
        )
    for reason in dict.fromkeys(row["reason"] for row in document["rows"] if row["reason"]):
        console.print(f"  {reason}", style="dim")
