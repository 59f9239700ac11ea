"""``carbonize status`` of a study: a table of its runs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import typer

__all__ = ["show_study"]

_WIDEST_MESSAGE = 300


def show_study(folder: Path, as_json: bool) -> None:
    """Print the state of all runs of a study, or one JSON object."""
    from carbonize.cluster.status import study_status

    found = study_status(folder)
    if as_json:
        import json

        typer.echo(json.dumps(found))
        return
    counts = ", ".join(f"{number} {state}" for state, number in found["counts"].items())
    typer.echo(
        f"study       {_printable(found['name'])} ({folder}): {counts or 'no runs'}, {100 * found['progress']:.0f} % done"
    )
    for line in _table(found["runs"]):
        typer.echo(line)
    for row in found["runs"]:
        if row["message"] and row["state"] in ("failed", "interrupted"):
            typer.echo(f"{row['state']}: {_printable(row['id'])}: {_short(_printable(str(row['message'])))}")
    hint = _next(found)
    if hint:
        typer.echo(f"next        {hint}")


def _table(rows: list[dict[str, Any]]) -> list[str]:
    header = ("run", "state", "step", "of", "done", "left", "replicas", "failed", "job")
    cells = [header, *(_cells(row) for row in rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]
    numbers = (2, 3, 4, 5, 6, 7)
    return [
        "  ".join(
            c.rjust(w) if k in numbers else c.ljust(w)
            for k, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    job = row["job"]
    restarts = f", requeued {job['restarts']}x" if job and job["restarts"] else ""
    percent = (
        min(100.0 * row["progress"], 99.9) if row["step"] < row["total_steps"] else 100.0 * row["progress"]
    )
    done = row["state"] == "running" and row["total_steps"] > 0 and row["step"] >= row["total_steps"]
    return (
        _printable(row["id"]),
        "reporting" if done else row["state"],
        f"{row['step']:,}",
        f"{row['total_steps']:,}",
        f"{percent:.1f}%",
        _clock(row["left_s"]),
        str(len(row["replicas"]) or "-"),
        str(row["replicas_failed"]),
        f"{job['id'] or 'submitted'}{restarts}" if job else "-",
    )


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _next(found: dict[str, Any]) -> str:
    counts, folder = found["counts"], shlex.quote(found["folder"])
    if counts.keys() <= {"finished"}:
        return f"carbonize compare {folder} --out {shlex.quote(str(Path(found['folder']) / 'comparison'))}"
    if counts.keys() & {"interrupted", "waiting"}:
        if any(row["job"] for row in found["runs"]):
            return f"carbonize submit {folder} --cluster CLUSTER.yaml goes on with what is unfinished"
        return "carbonize study ... --local again goes on with what is unfinished"
    if "failed" in counts and not counts.keys() & {"running", "queued"}:
        return "carbonize status DIR/runs/ID tells more of a run that failed"
    return ""


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST_MESSAGE else f"{text[: _WIDEST_MESSAGE - 3]}..."


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
