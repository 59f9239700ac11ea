"""What a run writes while it goes: series rows, trajectory frames, analysis records, events."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
import time
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

import carbonize
from carbonize.config import RunConfig
from carbonize.errors import CarbonizeError, SimulationError
from carbonize.io.files import (
    append_json_line,
    cut_json_lines,
    read_json_lines,
    sync_file,
    write_atomic,
)
from carbonize.io.frames import atoms_from_gsd
from carbonize.io.results import analysis_dataset, pores_csv, summary
from carbonize.io.rundir import RunPaths
from carbonize.io.trajectory import TrajectoryWriter, make_frame, set_coordination
from carbonize.observing import Observer
from carbonize.schedules import Schedule
from carbonize.units import density_g_cm3

__all__ = ["Recorder", "Stopwatch", "now", "output_steps"]


def now() -> str:
    """The present time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def output_steps(interval_ps: float, timestep_fs: float) -> int:
    """An output interval in whole steps, at least one.

    >>> output_steps(0.25, 0.5)
    500
    """
    return max(1, round(1000.0 * interval_ps / timestep_fs))


class Stopwatch:
    """Adds up the wall-clock time (s) of named parts.

    >>> watch = Stopwatch()
    >>> with watch("sleeping"):
    ...     pass
    >>> list(watch.seconds)
    ['sleeping']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[tuple[str, float]] = []

    def __call__(self, name: str) -> Stopwatch:
        self._running.append((name, time.perf_counter()))
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        name, begin = self._running.pop()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin


@dataclasses.dataclass
class Recorder:
    """Writes one run's live files.

    Attributes
    ----------
    config, paths, schedules
        The run; one schedule a replica.
    symbols, masses_amu
        Per atom.
    replicas
        Numbers of the replicas in the batch, in its order.
    observer, watch
        Told about analyses; times the parts.
    """

    config: RunConfig
    paths: RunPaths
    schedules: Sequence[Schedule]
    symbols: list[str]
    masses_amu: np.ndarray
    replicas: list[int]
    observer: Observer
    watch: Stopwatch

    def __post_init__(self) -> None:
        output, timestep_fs = self.config.output, self.config.dynamics.timestep_fs
        self.frame_steps = output_steps(output.frame_every_ps, timestep_fs)
        self.analysis_steps = output_steps(output.analysis_every_ps, timestep_fs)
        self._mass = float(np.sum(self.masses_amu))
        self._writers: list[TrajectoryWriter] = []

    def start(self) -> None:
        """Empty live files for a new run."""
        for path in (self.paths.series, self.paths.records, self.paths.events):
            write_atomic(path, "")
        self.paths.trajectories.mkdir(exist_ok=True)
        self.event("started", 0)
        self._writers = [TrajectoryWriter(self.paths.trajectory(r)) for r in self.replicas]

    def resume(self, step: int, failed: Collection[str] = ()) -> None:
        """Drop everything that was written after ``step`` and go on from there.

        ``failed`` are the replicas (numbers as text) that write no more. Frames that should be
        there and are not (a machine that lost power) become an event.
        """
        cut_json_lines(self.paths.series, step)
        cut_json_lines(self.paths.records, step)
        self.event("continued", step)
        self._writers = [TrajectoryWriter(self.paths.trajectory(r), resume_at=step) for r in self.replicas]
        due = max(step // n * n for n in (self.frame_steps, self.analysis_steps))
        for replica, writer in zip(self.replicas, self._writers, strict=True):
            if str(replica) not in failed and due not in writer.steps:
                message = f"replica {replica}: the trajectory has no frame of step {due}: frames were lost"
                self.event("frames_lost", step, replica=replica, message=message)
                self.observer.said(message)

    def close(self) -> None:
        """Close the trajectories."""
        for writer in self._writers:
            writer.close()

    def event(self, kind: str, step: int, **details: Any) -> None:
        """One line in events.jsonl."""
        append_json_line(self.paths.events, {"time": now(), "event": kind, "step": step, **details})

    def sync(self) -> None:
        """Force what was written to the disk: a checkpoint must not be ahead of it."""
        files = [self.paths.series, self.paths.records, self.paths.events]
        for path in [*files, *(self.paths.trajectory(r) for r in self.replicas)]:
            if path.exists():
                sync_file(path)

    def record(self, state: Any, report: Any, active: np.ndarray) -> list[dict[str, Any]]:
        """Series rows of this step, and frames and analyses where they are due; returns the rows.

        Replicas that stand still (``active`` false) are left out.
        """
        step = int(state.step)
        rows = {int(k): self._row(int(k), step, report) for k in np.flatnonzero(active)}
        for row in rows.values():
            append_json_line(self.paths.series, row)
        analyse = step == self.schedules[0].total_steps or step % self.analysis_steps == 0
        if analyse or step % self.frame_steps == 0:
            positions, cells = np.asarray(state.positions, float), np.asarray(state.cells, float)
            for k, row in rows.items():
                self._frame(positions[k], cells[k], row, self._writers[k], analyse)
        return list(rows.values())

    def _row(self, k: int, step: int, report: Any) -> dict[str, Any]:
        count = len(self.symbols)
        potential, kinetic, bath = (
            float(e[k]) / count for e in (report.potential_eV, report.kinetic_eV, report.bath_eV)
        )
        # no step lies behind the first row: its means are its values
        mean_K = report.mean_temperature_K if step else report.temperature_K
        mean_GPa = report.mean_pressure_GPa if step else report.pressure_GPa
        return {
            "step": step,
            "time_ps": round(step * self.config.dynamics.timestep_fs / 1000.0, 9),
            "replica": self.replicas[k],
            "target_K": self.schedules[k].temperature_K(step),
            "temperature_K": float(report.temperature_K[k]),
            "mean_temperature_K": float(mean_K[k]),
            "potential_eV_per_atom": potential,
            "kinetic_eV_per_atom": kinetic,
            # the work of a barostat is not counted
            "conserved_eV_per_atom": (
                None if self.config.dynamics.barostat is not None else potential + kinetic + bath
            ),
            "pressure_GPa": float(report.pressure_GPa[k]),
            "mean_pressure_GPa": float(mean_GPa[k]),
            "density_g_cm3": density_g_cm3(self._mass, float(report.volume_A3[k])),
        }

    def finish(self) -> None:
        """The files that stand at the end: analysis.nc, pores.csv, summary.json."""
        records = list(read_json_lines(self.paths.records))
        attributes = {"name": self.config.name, "carbonize_version": carbonize.__version__}
        # made in memory: the HDF5 library crashes at exit when a file of its own meets a full disk
        netcdf = io.BytesIO()
        analysis_dataset(records, attributes).to_netcdf(netcdf, engine="h5netcdf")
        write_atomic(self.paths.analysis, netcdf.getvalue())
        write_atomic(self.paths.pores, pores_csv(records))
        text = json.dumps(summary(records, self.config.name, "finished"), indent=1) + "\n"
        write_atomic(self.paths.summary, text)
        self.event("finished", self.schedules[0].total_steps)

    def _frame(
        self,
        positions: np.ndarray,
        cell: np.ndarray,
        row: dict[str, Any],
        writer: TrajectoryWriter,
        analyse: bool,
    ) -> None:
        from carbonize.analysis.bonding import coordination

        scalars = {key: row[key] for key in ("time_ps", "temperature_K", "target_K")}
        frame = make_frame(positions, cell, self.symbols, self.masses_amu, row["step"], scalars)
        # what is analysed is what is written: the numbers can be had again from the trajectory
        atoms = atoms_from_gsd(frame)
        with self.watch("analyze_s"):
            set_coordination(frame, coordination(atoms, self.config.analysis.bond_cutoff_A))
        with self.watch("write_s"):
            writer.append(frame)
        if analyse:
            self._analyse(atoms, row)

    def _analyse(self, atoms: Any, row: dict[str, Any]) -> None:
        from carbonize.analysis.frame import analyze

        settings = self.config.analysis
        common: dict[str, Any] = {
            "radii": settings.radii_A,
            "probes": settings.probes_A,
            "bond_cutoff_A": settings.bond_cutoff_A,
            "persistence_A": settings.persistence_A,
            "class_limits": settings.class_limits_A,
        }
        with self.watch("analyze_s"):
            try:
                frame = analyze(atoms, what=["bonding", "pores"], **common)
            except CarbonizeError as err:
                # a frame that cannot be analysed must not end a run of days
                self.event("analysis_failed", row["step"], replica=row["replica"], message=str(err))
                frame = self._bonding_only(atoms, row, common)
        keys = ("replica", "step", "time_ps", "temperature_K", "target_K")
        record = {**{k: row[k] for k in keys}, "frame": frame}
        append_json_line(self.paths.records, record)
        self.observer.analysed(record)

    def _bonding_only(self, atoms: Any, row: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
        from carbonize.analysis.frame import analyze

        try:
            return analyze(atoms, what=["bonding"], **settings)
        except CarbonizeError as err:
            # not even bonds can be counted: atoms sit on each other, and the dynamics is to blame
            raise SimulationError(
                f"replica {row['replica']}: the structure of step {row['step']} ({row['time_ps']:g} ps) has "
                f"broken down: {err}; make dynamics.timestep_fs smaller, or relax the start structure"
            ) from None
