"""``carbonize export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["export"]

_FORMATS = ("extxyz", "xyz", "lammps-data", "cif", "vasp")
_SUFFIX = {"extxyz": ".extxyz", "xyz": ".xyz", "lammps-data": ".data", "cif": ".cif", "vasp": ".vasp"}
_ONE_FRAME = ("lammps-data", "cif", "vasp")


def export(
    source: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a GSD trajectory.")],
    to: Annotated[str, typer.Option("--to", help=f"Format: {', '.join(_FORMATS)}.")] = "extxyz",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to. Default: beside the trajectory."),
    ] = None,
    replica: Annotated[int, typer.Option("--replica", min=0, help="Which replica of a run.")] = 0,
    frame: Annotated[
        str,
        typer.Option(
            "--frame", help="A frame number (negative: from the end), or all. One-frame formats: default -1."
        ),
    ] = "",
) -> None:
    """Write a trajectory in a format that other programs read.

    Each frame carries step, time (ps), temperature (K) and per-atom coordination where the format can.
    """
    from carbonize.errors import InputError
    from carbonize.io.export import export_frames
    from carbonize.io.rundir import RunPaths, load_run

    if to not in _FORMATS:
        raise InputError(f"--to {to}: unknown format (known: {', '.join(_FORMATS)})")
    which = frame or ("-1" if to in _ONE_FRAME else "all")
    if which == "all" and to in _ONE_FRAME:
        raise InputError(f"--to {to} holds one frame; name it with --frame N")
    if source.is_dir():
        load_run(source)
        trajectory = RunPaths(source).trajectory(replica)
        if not trajectory.is_file():
            raise InputError(f"{source}: has no trajectory of replica {replica}")
    else:
        trajectory = source
    number: int | Literal["all"] = "all"
    if which != "all":
        try:
            number = int(which)
        except ValueError:
            raise InputError(f"--frame {which}: expected a number or all") from None
    target = out or trajectory.with_suffix(_SUFFIX[to])
    count = export_frames(trajectory, target, to, number)
    typer.echo(f"{target}: {count} frame{'s' if count != 1 else ''}")
