"""What the terminal shows while a run goes on.

A terminal gets a bar with temperature, bonding, speed and time left; a file or a pipe
gets one plain line a picosecond or so.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from carbonize.config import RunConfig

__all__ = ["BarObserver", "LineObserver", "make_observer"]


def make_observer() -> Any:
    """A bar where standard error is a terminal, else plain lines."""
    return BarObserver() if sys.stderr.isatty() else LineObserver()


class _Speed:
    """Steps per second since dynamics began, without compilation; time left with everything."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.atom_steps = 0
        self._first: tuple[float, int] | None = None

    def add(self, atom_steps: int, seconds: float) -> None:
        self.atom_steps += atom_steps
        self.seconds += seconds

    def text(self, atoms: int, timestep_fs: float) -> str:
        """Steps, atom-steps and simulated time (of every replica) per time of day."""
        if self.seconds <= 0:
            return ""
        rate = self.atom_steps / self.seconds
        steps = rate / atoms
        ns_day = steps * timestep_fs * 1e-6 * 86400
        return f"{steps:.0f} steps/s, {rate / 1e6:.2f} M atom-steps/s, {ns_day:.2f} ns/day"

    def left(self, step: int, total_steps: int) -> str:
        """Wall-clock time to the end at the pace since the first call."""
        now = time.monotonic()
        if self._first is None:
            self._first = (now, step)
            return ""
        began, first = self._first
        if step <= first:
            return ""
        seconds = round((now - began) * (total_steps - step) / (step - first))
        return f", {seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} left"


class LineObserver:
    """Plain lines for logs."""

    def __init__(self) -> None:
        self._speed = _Speed()
        self._bonding = ""
        self._last = 0.0

    def said(self, message: str) -> None:
        """Print a sentence."""
        print(message, file=sys.stderr, flush=True)

    def started(self, config: RunConfig, atoms: int, replicas: int, step: int, total_steps: int) -> None:
        """Print what starts."""
        self._atoms = atoms * replicas
        self._timestep_fs = config.dynamics.timestep_fs
        self._total = total_steps
        total_ps = total_steps * self._timestep_fs / 1000
        self.said(f"{config.name}: {atoms} atoms, {replicas} replica(s), {total_ps:g} ps")

    def advanced(self, rows: list[dict[str, Any]], atom_steps: int, seconds: float) -> None:
        """Print a line, but not more than one every few seconds."""
        self._speed.add(atom_steps, seconds)
        row = rows[0]
        now = time.monotonic()
        left = self._speed.left(row["step"], self._total)
        if now - self._last < 2.0 and row["step"] < self._total:
            return
        self._last = now
        self.said(
            f"  {row['time_ps']:9.3f} ps  {100 * row['step'] / self._total:5.1f} %  "
            f"T {row['temperature_K']:6.0f} K (target {row['target_K']:6.0f})  "
            f"E {row['potential_eV_per_atom']:8.4f} eV/atom  {self._bonding}"
            f"{self._speed.text(self._atoms, self._timestep_fs)}{left}"
        )

    def analysed(self, record: dict[str, Any]) -> None:
        """Remember the bonding for the next line."""
        self._bonding = _bonding(record)

    def ended(self) -> None:
        """Nothing to tidy."""


class BarObserver:
    """A rich progress bar."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._progress: Any = None
        self._status: Any = None
        self._speed = _Speed()
        self._bonding = ""

    def said(self, message: str) -> None:
        """Show a sentence, with a spinner while it is what happens."""
        self._stop_status()
        if self._progress is not None:
            self._progress.console.print(message)
            return
        self._status = self._console.status(message)
        self._status.start()

    def started(self, config: RunConfig, atoms: int, replicas: int, step: int, total_steps: int) -> None:
        """Open the bar."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._stop_status()
        self._atoms = atoms * replicas
        self._timestep_fs = config.dynamics.timestep_fs
        total_ps = total_steps * self._timestep_fs / 1000
        self._console.print(f"{config.name}: {atoms} atoms, {replicas} replica(s), {total_ps:g} ps")
        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:3.0f} %"),
            TextColumn("{task.fields[now]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._progress.start()
        self._task = self._progress.add_task("", total=total_steps, completed=step, now="")

    def advanced(self, rows: list[dict[str, Any]], atom_steps: int, seconds: float) -> None:
        """Move the bar."""
        self._speed.add(atom_steps, seconds)
        row = rows[0]
        now = (
            f"{row['time_ps']:.2f} ps  {row['temperature_K']:.0f} K  {self._bonding}"
            f"{self._speed.text(self._atoms, self._timestep_fs)}"
        )
        self._progress.update(self._task, completed=row["step"], now=now)

    def analysed(self, record: dict[str, Any]) -> None:
        """Remember the bonding for the bar."""
        self._bonding = _bonding(record)

    def ended(self) -> None:
        """Close the bar."""
        self._stop_status()
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _stop_status(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def _bonding(record: dict[str, Any]) -> str:
    bonding = record["frame"].get("bonding") or {}
    sp2 = bonding.get("sp2")
    return "" if sp2 is None else f"sp2 {100 * sp2:.0f} %  "
