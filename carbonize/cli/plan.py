"""``carbonize plan``: what a protocol will do, before it does it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from carbonize.config import RunConfig

__all__ = ["plan"]

_WIDTH, _HEIGHT = 64, 12
_PROSE_WIDTH = 100


def plan(
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL.yaml", help="The protocol.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="T.png", help="Draw T(t) into a picture (PNG, PDF or SVG)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Run the first few hundred steps, to tell the wall time.")
    ] = False,
    like: Annotated[
        Path | None,
        typer.Option("--like", metavar="RUN", help="Tell the wall time from a run made on the same machine."),
    ] = None,
) -> None:
    """Draw the temperature a protocol asks for and say its steps, time and disk space. Runs nothing.

    With an equivalence both clocks are shown: the simulation's and the furnace's. A wall time is told
    only if it was seen somewhere: --measure or --like.
    """
    from carbonize.config import load_protocol
    from carbonize.errors import InputError
    from carbonize.planning import measured_pace, pace_of
    from carbonize.planning import plan as make_plan

    if measure and like is not None:
        raise InputError("--measure and --like: give one of them")
    if out is not None and out.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise InputError(f"--out {out}: expected a name that ends in .png, .pdf or .svg")
    config = load_protocol(protocol)
    pace = None
    if like is not None:
        from carbonize.io.rundir import load_run

        pace = pace_of(load_run(like))
    elif measure:
        pace = measured_pace(config)
    found = make_plan(config, pace)
    if out is not None:
        from carbonize.report.plan_figure import plan_figure

        plan_figure(config, found).savefig(out, dpi=180)
    if as_json:
        import json

        typer.echo(json.dumps(found, indent=1, allow_nan=False))
        return
    for line in _told(config, found):
        typer.echo(line)
    if out is not None:
        typer.echo(f"wrote {out}")


def _told(config: RunConfig, found: dict[str, Any]) -> list[str]:
    from carbonize.report.clocks import laboratory_time, mapping

    lines = [found["name"]]
    for i, schedule in enumerate(found["schedules"]):
        if len(found["schedules"]) > 1:
            lines.append(f"schedule {i}")
        lines += _sketch(schedule, found["time_ps"])
        lines += [f"  {k + 1}. {phrase}" for k, phrase in enumerate(schedule["stages"])]
    said = mapping(config, [s["hottest_K"] for s in found["schedules"]])
    if said:
        lines += ["", *textwrap.wrap(said, _PROSE_WIDTH), ""]
    lines.append(
        f"steps      {found['total_steps']:,} of {found['timestep_fs']:g} fs = {found['time_ps']:g} ps; "
        f"{found['n_atoms']:,} atoms, {found['replicas']} replica(s)"
    )
    lines.append(f"output     {found['frames']} frames and {found['analyses']} analyses of each replica")
    disk = found["disk_bytes"]
    parts = ", ".join(f"{key} {_size(disk[key])}" for key in disk if key != "total")
    lines.append(f"disk       about {_size(disk['total'])} ({parts})")
    wall = found["wall_time"]
    if wall is None:
        lines.append("wall time  not known: --measure times the first steps, --like RUN takes it from a run")
    else:
        lines.append(
            f"wall time  about {laboratory_time(wall['total_s'])} (compilation {laboratory_time(wall['compile_s'])}, "
            f"dynamics {laboratory_time(wall['dynamics_s'])} at {wall['atom_steps_per_s'] / 1e6:.3g} M atom-steps/s, "
            f"from {wall['from']})"
        )
    return lines


def _sketch(schedule: dict[str, Any], last_ps: float) -> list[str]:
    """T(t) in characters, K on the left; the furnace's degrees on the right where there are."""
    import numpy as np

    from carbonize.report.clocks import laboratory_time

    curve = schedule["curve"]
    columns = (np.arange(_WIDTH) + 0.5) / _WIDTH * last_ps
    kelvin = np.interp(columns, curve["time_ps"], curve["temperature_K"])
    top = max(curve["temperature_K"])
    rows = np.clip((kelvin / top * _HEIGHT).astype(int), 0, _HEIGHT - 1)
    celsius = curve.get("laboratory_C")
    order = np.argsort(curve["temperature_K"])
    lines = []
    for row in range(_HEIGHT - 1, -1, -1):
        body = "".join("█" if r == row else "│" if r > row else " " for r in rows).replace("│", "░")
        level = top * (row + 1) / _HEIGHT
        marked = row % 3 == 2
        left = f"{level:6.0f} K " if marked else " " * 9
        right = ""
        if celsius is not None and marked:
            degrees = np.interp(level, np.take(curve["temperature_K"], order), np.take(celsius, order))
            right = f" {degrees:5.0f} °C" if level >= min(curve["temperature_K"]) else ""
        lines.append(f"{left}|{body}|{right}".rstrip())
    ends = f"0{f'{last_ps:g} ps':>{_WIDTH - 1}}"
    if celsius is not None:
        ends += f"   = {laboratory_time(3600.0 * schedule['laboratory']['time_h'])} in the furnace"
    return [*lines, " " * 10 + ends]


def _size(count: float) -> str:
    for unit, length in (("GB", 1e9), ("MB", 1e6)):
        if count >= length:
            return f"{count / length:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"
