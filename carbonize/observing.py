"""Who is told how a run goes: the terminal, a notebook, nobody."""

from __future__ import annotations

from typing import Any, Protocol

from carbonize.config import RunConfig

__all__ = ["Observer", "SilentObserver"]


class Observer(Protocol):
    """Told about a run as it goes."""

    def said(self, message: str) -> None:
        """One sentence about what happens now."""

    def started(self, config: RunConfig, atoms: int, replicas: int, step: int, total_steps: int) -> None:
        """Dynamics is about to start (or go on) at ``step``."""

    def advanced(self, rows: list[dict[str, Any]], atom_steps: int, seconds: float) -> None:
        """A chunk is done; ``rows`` are the series' new rows."""

    def analysed(self, record: dict[str, Any]) -> None:
        """A frame was analysed."""

    def ended(self) -> None:
        """Dynamics has ended, well or not."""


class SilentObserver:
    """Tells nobody."""

    def said(self, message: str) -> None:
        """Nothing."""

    def started(self, config: RunConfig, atoms: int, replicas: int, step: int, total_steps: int) -> None:
        """Nothing."""

    def advanced(self, rows: list[dict[str, Any]], atom_steps: int, seconds: float) -> None:
        """Nothing."""

    def analysed(self, record: dict[str, Any]) -> None:
        """Nothing."""

    def ended(self) -> None:
        """Nothing."""
