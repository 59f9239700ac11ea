"""What the terminal shows while a study runs here."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any

__all__ = ["BarsObserver", "LinesObserver", "make_study_observer"]

_LINE_EVERY_S = 30.0


def make_study_observer(jobs: int) -> Any:
    """One run at a time shows its own progress; of several at once the study has to."""
    return BarsObserver() if jobs > 1 and sys.stderr.isatty() else LinesObserver()


class LinesObserver:
    """Plain lines for logs."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def said(self, message: str) -> None:
        """Print a sentence."""
        print(message, file=sys.stderr, flush=True)

    def looked(self, rows: Sequence[dict[str, Any]]) -> None:
        """Print a line now and then."""
        now = time.monotonic()
        if now - self._last < _LINE_EVERY_S:
            return
        self._last = now
        running = ", ".join(f"{r['id']} {100 * r['progress']:.0f} %" for r in rows if r["state"] == "running")
        self.said(f"{_overall(rows)}; running: {running or 'none'}")

    def ended(self) -> None:
        """Nothing to tidy."""


class BarsObserver:
    """A rich bar for the study, and one for each run in progress."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=_console(),
        )
        self._tasks: dict[str, Any] = {}
        self._progress.start()
        self._all = self._progress.add_task("study", total=1.0)

    def said(self, message: str) -> None:
        """Print a sentence above the bars."""
        self._progress.console.print(message, highlight=False)

    def looked(self, rows: Sequence[dict[str, Any]]) -> None:
        """Move the bars."""
        self._progress.update(self._all, completed=_done(rows), description=_overall(rows))
        for row in rows:
            if row["state"] == "running":
                task = self._tasks.get(row["id"])
                if task is None:
                    task = self._tasks[row["id"]] = self._progress.add_task(row["id"], total=1.0)
                self._progress.update(task, completed=row["progress"])
            elif row["id"] in self._tasks:
                self._progress.remove_task(self._tasks.pop(row["id"]))

    def ended(self) -> None:
        """Close the bars."""
        self._progress.stop()


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)


def _done(rows: Sequence[dict[str, Any]]) -> float:
    return sum(r["progress"] if r["state"] != "failed" else 1.0 for r in rows) / max(1, len(rows))


def _overall(rows: Sequence[dict[str, Any]]) -> str:
    finished = sum(r["state"] == "finished" for r in rows)
    failed = sum(r["state"] == "failed" for r in rows)
    return f"{finished} of {len(rows)} runs finished" + (f", {failed} failed" if failed else "")
