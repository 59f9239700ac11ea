"""Options that every ``carbonize build`` has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Out", "Potential", "Seed", "Tolerance"]

Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same structure.")]
Out = Annotated[
    Path,
    typer.Option(
        "--out", "-o", metavar="FILE", help="Structure file; the format follows its ending (.extxyz)."
    ),
]
Potential = Annotated[
    str,
    typer.Option(
        "--potential",
        help="edip, a Tersoff set (tersoff-1989, erhart-albe-2005, lindsay-broido-2010), or nep:FILE.",
    ),
]
Tolerance = Annotated[
    float, typer.Option("--force-tolerance", metavar="EV_A", help="Relax until no force exceeds this (eV/A).")
]
