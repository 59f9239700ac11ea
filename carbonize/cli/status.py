"""``carbonize status``."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["status"]

_MOST_REPLICAS = 32  # more are counted, and only the failed ones shown


def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A run folder, or a study's.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how far a run is, or each run of a study, and what to do next.

    Works while the run goes on, and changes nothing in its folder. Jobs of Slurm are known from
    what they leave in the folder, and from squeue where there is one.
    """
    from carbonize.cluster.status import has_runs
    from carbonize.io.status import run_status

    if has_runs(folder):
        from carbonize.cli.study_status import show_study

        show_study(folder, as_json)
        return

    found = run_status(folder)
    if as_json:
        import json

        typer.echo(json.dumps(found))
        return
    for label, text in _lines(found):
        typer.echo(f"{label:<11} {_printable(text)}".rstrip())


def _lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each line."""
    from carbonize.io.lock import describe_owner

    state, owner = found["state"], found["owner"]
    lines = [("run", f"{found['name']} ({found['folder']})" if found["name"] else found["folder"])]
    if state == "running":
        lines.append(("state", f"running, {describe_owner(owner)}{_last_work(found)}"))
    elif found["killed"]:
        lines.append(("state", "interrupted (its process ended without a word)"))
    else:
        lines.append(("state", state))
    total = found["total_steps"]
    if not total:
        lines.append(("progress", "none yet: the start structure was being prepared"))
        return lines + ([("next", _next(found))] if state != "running" else [])
    lines.append(
        (
            "progress",
            f"{_percent(found['step'], total)}, step {found['step']:,} of {total:,}, "
            f"{found['time_ps']:g} of {found['total_ps']:g} ps",
        )
    )
    last = found["checkpoint"]
    lines.append(("checkpoint", f"step {last['step']:,}, {_when(last['written'])}" if last else "none"))
    lines += [("damaged", text) for text in found["damaged"]]
    lines += _replica_lines(found["replicas"])
    if found["message"]:
        lines.append(("message", str(found["message"])))
    lines.append(("next", _next(found)))
    return [(label, text) for label, text in lines if text]


def _last_work(found: dict[str, Any]) -> str:
    """What a run still does when its last step is made."""
    if not found["total_steps"] or found["step"] < found["total_steps"]:
        return ""
    return "; the dynamics is done, the last analyses and the report are being written"


def _replica_lines(replicas: list[dict[str, Any]]) -> list[tuple[str, str]]:
    failed = [row for row in replicas if row["state"] == "failed"]
    if len(replicas) == 1 and not failed:
        return []
    lines = []
    shown = replicas
    if len(replicas) > _MOST_REPLICAS:
        shown = failed
        lines.append(("replicas", f"{len(replicas)}, of which {len(failed)} failed"))
    for row in shown:
        text = f"{row['state']}, step {row['step']:,}"
        if row.get("message"):
            text += f": {row['message']}"
        lines.append((f"replica {row['id']}", text))
    return lines


def _next(found: dict[str, Any]) -> str:
    state, folder = found["state"], Path(found["folder"])
    if state == "interrupted":
        return "run the same command again to continue"
    if state == "failed":
        return f"change what the message names; {folder / 'events.jsonl'} tells what happened before"
    if state == "finished":
        report = folder / "report.html"
        return f"open {report}" if report.is_file() else f"carbonize report {folder}"
    return ""


def _percent(step: int, total: int) -> str:
    # never 100 % before the end
    return f"{min(100.0 * step / total, 99.9) if step < total else 100.0:.1f}%"


def _when(written: str | None) -> str:
    """A time as it stands, and how long ago that is."""
    if written is None:
        return "at an unknown time"
    then = datetime.datetime.fromisoformat(written)
    seconds = max(0.0, (datetime.datetime.now(datetime.UTC) - then).total_seconds())
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= length:
            return f"{written} ({seconds / length:.0f} {unit} ago)"
    return f"{written} ({seconds:.0f} s ago)"


def _printable(text: str) -> str:
    """One line, whatever a run folder's files may hold."""
    return "".join(c if c.isprintable() else " " for c in text)
