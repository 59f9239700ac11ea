"""``carbonize track``: the life of every pore of a run or a trajectory."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carbonize.cli.analyze import _assignments, _atomic_text

if TYPE_CHECKING:
    from carbonize.config.models import AnalysisConfig

__all__ = ["track"]


def track(
    source: Annotated[
        Path,
        typer.Argument(metavar="RUN|TRAJECTORY", help="A run folder, or a file with frames: GSD or ASE's."),
    ],
    replica: Annotated[
        int | None, typer.Option("--replica", min=0, help="One replica of a run. Default: all.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Where to write. Default: RUN/tracking, or TRAJECTORY-tracking.",
        ),
    ] = None,
    json_out: Annotated[
        str | None,
        typer.Option("--json", metavar="OUT|-", help="tracking.json to a file as well; '-' prints only it."),
    ] = None,
    every: Annotated[int, typer.Option("--every", min=1, metavar="N", help="Look at every Nth frame.")] = 1,
    on: Annotated[
        str, typer.Option("--on", help="frame: as written; averaged: mean positions over --window frames.")
    ] = "frame",
    window: Annotated[
        int, typer.Option("--window", min=1, metavar="N", help="Frames that are averaged, an odd number.")
    ] = 5,
    radius: Annotated[
        list[str] | None,
        typer.Option(
            "--radius", metavar="EL=A", help="Hard-sphere radius of an element in A. May be repeated."
        ),
    ] = None,
    probe: Annotated[
        list[str] | None,
        typer.Option(
            "--probe", metavar="NAME=A", help="Probe diameter in A, added or replaced. May be repeated."
        ),
    ] = None,
    persistence: Annotated[
        float | None,
        typer.Option(
            "--persistence", metavar="A", help="Smallest rise of a pore's clearance above its saddle."
        ),
    ] = None,
    hold: Annotated[
        int | None,
        typer.Option("--hold", min=1, metavar="N", help="Frames that a change must last. Default: 3."),
    ] = None,
    hysteresis: Annotated[
        float | None,
        typer.Option(
            "--hysteresis",
            min=0.0,
            metavar="A",
            help="So far beyond a limit counts fully. Default: 0.1 or more.",
        ),
    ] = None,
    gap: Annotated[
        int | None,
        typer.Option(
            "--gap", min=0, metavar="N", help="A pore away for at most N frames was never gone. Default: 2."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes to survey frames with.")] = 1,
) -> None:
    """Follow every pore through time: born, merged, split, died, closed to a probe.

    Writes pore_tracks.csv, pore_events.csv, pore_lives.csv, pore_flows.csv and tracking.json.
    A run's own protocol gives radii, probes, limits and hysteresis; options replace them.
    """
    from carbonize.config.models import AnalysisConfig
    from carbonize.errors import InputError
    from carbonize.tracking.settings import Settings
    from carbonize.tracking.track import track_run

    if on not in ("frame", "averaged"):
        raise InputError(f"--on {on}: expected frame or averaged")
    if window % 2 == 0:
        raise InputError(f"--window {window}: expected an odd number of frames")
    if source.is_dir():
        from carbonize.io.rundir import load_run

        run = load_run(source)
        base, folder = run.protocol.analysis, out or run.paths.tracking
        trajectories: dict[int, Iterable[Any]] = {k: v for k, v in run.trajectories.items() if len(v)}
        if not trajectories:
            raise InputError(f"{source}: the run has no trajectory yet")
        if replica is not None:
            if replica not in trajectories:
                raise InputError(f"{source}: has no trajectory of replica {replica}")
            trajectories = {replica: trajectories[replica]}
    else:
        if replica is not None:
            raise InputError("--replica goes with a run folder; a trajectory is one replica")
        base, folder = AnalysisConfig(), out or source.with_name(f"{source.stem}-tracking")
        trajectories = {0: _FileFrames(source)}
    analysis = _changed(base, radius, probe, persistence, hold, hysteresis, gap)
    settings = Settings(analysis, on, window if on == "averaged" else 1, every)
    with contextlib.ExitStack() as stack:
        copy = stack.enter_context(_atomic_text(json_out, source)) if json_out not in (None, "-") else None
        watch = stack.enter_context(_progress())
        found = track_run(trajectories, folder, str(source), settings, jobs, watch)
        if copy is not None:
            copy.write(json.dumps(found, indent=1, allow_nan=False) + "\n")
    if json_out == "-":
        sys.stdout.write(json.dumps(found, indent=1, allow_nan=False) + "\n")
        return
    from carbonize.tracking.words import told

    for line in told(found):
        typer.echo(line)
    typer.echo(f"wrote {folder}")


class _FileFrames:
    """The frames of a file, read anew each time they are gone through."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Any]:
        from carbonize.io.frames import read_frames

        return (atoms for _, atoms in read_frames(self._path))


def _changed(
    base: AnalysisConfig,
    radius: list[str] | None,
    probe: list[str] | None,
    persistence: float | None,
    hold: int | None,
    hysteresis: float | None,
    gap: int | None,
) -> AnalysisConfig:
    """The settings with what the options replace."""
    from carbonize.analysis.frame import check_probes
    from carbonize.analysis.radii import element_radii
    from carbonize.errors import InputError

    radii = {**base.radii_A, **_assignments("--radius", radius)}
    element_radii(radii, radii)
    probes = check_probes({**base.probes_A, **_assignments("--probe", probe)})
    if persistence is not None and not 0 <= persistence < 1e6:
        raise InputError(f"--persistence {persistence}: expected zero or more, in A")
    if hysteresis is not None and not 0 <= hysteresis < 1e6:
        raise InputError(f"--hysteresis {hysteresis}: expected zero or more, in A")
    steady = {"hold_frames": hold, "hysteresis_A": hysteresis, "gap_frames": gap}
    return base.model_copy(
        update={
            "radii_A": radii,
            "probes_A": probes,
            "persistence_A": base.persistence_A if persistence is None else persistence,
            "tracking": base.tracking.model_copy(update={k: v for k, v in steady.items() if v is not None}),
        }
    )


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int], None] | None]:
    """A spinner and a count on standard error, if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("following pores, {task.completed:.0f} frames done"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("track", total=None)
        yield lambda done: progress.update(task, completed=done)
