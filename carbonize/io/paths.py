"""Where things are in a run folder."""

from __future__ import annotations

from pathlib import Path

from carbonize.errors import InputError

__all__ = ["RunPaths", "check_run_folder"]


class RunPaths:
    """The files of a run folder."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.protocol = self.root / "protocol.yaml"
        self.manifest = self.root / "manifest.json"
        self.series = self.root / "series.jsonl"
        self.events = self.root / "events.jsonl"
        self.records = self.root / "analysis.jsonl"
        self.analysis = self.root / "analysis.nc"
        self.pores = self.root / "pores.csv"
        self.summary = self.root / "summary.json"
        self.report = self.root / "report.html"
        self.figures = self.root / "figures"
        self.checkpoints = self.root / "checkpoint"
        self.trajectories = self.root / "trajectory"
        self.tracking = self.root / "tracking"

    def trajectory(self, replica: int) -> Path:
        """The GSD file of one replica."""
        return self.trajectories / f"replica-{replica:03d}.gsd"


def check_run_folder(path: Path) -> None:
    """Say what is wrong with a folder that should hold a run.

    Raises
    ------
    InputError
        If there is no such folder or it is not a run folder.
    """
    if not path.exists():
        raise InputError(f"{path}: no such run folder")
    if not path.is_dir():
        raise InputError(f"{path}: is a file, expected a run folder")
    if not (path / "manifest.json").is_file() or not (path / "protocol.yaml").is_file():
        raise InputError(
            f"{path}: not a run folder (no manifest.json and protocol.yaml); carbonize run makes one"
        )
