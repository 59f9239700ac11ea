"""A run folder, opened for looking."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from carbonize.config import RunConfig, load_protocol
from carbonize.errors import InputError
from carbonize.io.files import read_json, read_json_lines
from carbonize.io.paths import RunPaths, check_run_folder
from carbonize.io.results import analysis_dataset, series_dataset
from carbonize.io.trajectory import TrajectoryReader

__all__ = ["Run", "RunPaths", "load_run"]


class Run:
    """A run folder, opened for looking. Everything is read when first asked for.

    Attributes
    ----------
    path
        The folder.
    protocol
        The resolved protocol.
    manifest
        Versions, device, seed, status, timings.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.paths = RunPaths(path)
        self.manifest: dict[str, Any] = _manifest(self.paths.manifest)
        self.protocol: RunConfig = load_protocol(self.paths.protocol)

    @cached_property
    def series(self) -> Any:
        """:class:`xarray.Dataset` over (replica, sample): temperature and energies, units in attributes."""
        rows = list(read_json_lines(self.paths.series))
        if not rows:
            raise InputError(
                f"{self.paths.series}: has no rows; the run has not got far, or the file was lost"
            )
        return series_dataset(rows)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """Analysis records as written: replica, step, time_ps, temperature_K, frame."""
        return list(read_json_lines(self.paths.records))

    @cached_property
    def analysis(self) -> Any:
        """:class:`xarray.Dataset` over (replica, frame, pore_class, probe), units in attributes."""
        if self.paths.analysis.is_file():
            import xarray as xr

            try:
                with xr.open_dataset(self.paths.analysis, engine="h5netcdf") as data:
                    return data.load()
            except (OSError, ValueError) as err:
                raise InputError(f"{self.paths.analysis}: cannot be read: {err}") from None
        return analysis_dataset(self.records, {"name": self.protocol.name})

    @cached_property
    def summary(self) -> dict[str, Any]:
        """First and last frame side by side."""
        return read_json(self.paths.summary)

    @cached_property
    def tracking(self) -> dict[str, Any] | None:
        """tracking.json: the life of the pores; None if they were not followed."""
        path = self.paths.tracking / "tracking.json"
        return read_json(path) if path.is_file() else None

    @cached_property
    def trajectories(self) -> dict[int, TrajectoryReader]:
        """The trajectory of every replica, by its number."""
        found = sorted(self.paths.trajectories.glob("replica-*.gsd"))
        return {int(p.stem.removeprefix("replica-")): TrajectoryReader(p) for p in found}

    @property
    def trajectory(self) -> Sequence[Any]:
        """The first replica's frames as :class:`ase.Atoms`."""
        if not self.trajectories:
            raise InputError(f"{self.path}: the run has no trajectory yet")
        return self.trajectories[min(self.trajectories)]

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.manifest.get('status')})"


def _manifest(path: Path) -> dict[str, Any]:
    """manifest.json, with the counts that everybody takes from it made sure of."""
    manifest = read_json(path)
    for key in ("n_atoms", "replicas", "step", "total_steps"):
        value = manifest.get(key, 0)
        if value is not None and (type(value) is not int or value < 0):
            raise InputError(f"{path}: {key} is {value!r}, expected a number; the file is damaged")
    if not isinstance(manifest.get("failed") or {}, dict):
        raise InputError(f"{path}: failed is {manifest['failed']!r}, expected a mapping; the file is damaged")
    return manifest


def load_run(path: str | Path) -> Run:
    """Open a run folder.

    Parameters
    ----------
    path
        A folder written by ``carbonize run``.

    Returns
    -------
    Run
        With ``series`` and ``analysis`` (xarray), ``trajectory`` (ASE atoms), ``manifest``,
        ``protocol``, ``summary``.

    Raises
    ------
    InputError
        If there is no such folder or it is not a run folder.
    """
    path = Path(path)
    check_run_folder(path)
    return Run(path)
