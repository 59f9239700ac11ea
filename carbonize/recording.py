"""What a run writes while it goes: series rows, trajectory frames, analysis records, events."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

import carbonize
from carbonize.analysis.beside import AnalysesBeside, Job, Outcome
from carbonize.config import RunConfig
from carbonize.errors import InputError, SimulationError
from carbonize.io.files import (
    append_json_line,
    cut_json_lines,
    read_json_lines,
    sync_file,
    write_atomic,
)
from carbonize.io.gsd_frames import atoms_from_gsd
from carbonize.io.results import analysis_dataset, pores_csv, summary
from carbonize.io.rundir import RunPaths
from carbonize.io.trajectory import TrajectoryReader, TrajectoryWriter, make_frame, set_coordination
from carbonize.observing import Observer
from carbonize.schedules import Schedule
from carbonize.units import density_g_cm3

__all__ = ["Recorder", "Stopwatch", "now", "output_steps"]

_SCALARS = ("time_ps", "temperature_K", "target_K")


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
    stopping
        Whether the process is to end soon: what is not begun then is left to the continued run.
    relax
        From a replica's number and a frame to its inherent structure and how that was found, for
        ``analysis.on: inherent``.
    """

    config: RunConfig
    paths: RunPaths
    schedules: Sequence[Schedule]
    symbols: list[str]
    masses_amu: np.ndarray
    replicas: list[int]
    observer: Observer
    watch: Stopwatch
    stopping: Callable[[], bool] = lambda: False
    relax: Callable[[int, Any], tuple[Any, dict[str, Any]]] | None = None

    def __post_init__(self) -> None:
        output, timestep_fs = self.config.output, self.config.dynamics.timestep_fs
        self.frame_steps = output_steps(output.frame_every_ps, timestep_fs)
        self.analysis_steps = output_steps(output.analysis_every_ps, timestep_fs)
        self._mass = float(np.sum(self.masses_amu))
        self._writers: list[TrajectoryWriter] = []
        self._window_steps = output_steps(self.config.analysis.averaging_ps, timestep_fs)
        self._step = 0
        self._records_end = self._left_undone = False
        # per replica the latest frames, as many as an average is made of
        self._latest: list[deque[Any]] = [deque() for _ in self.replicas]
        workers = self.config.analysis.workers
        self.analyses = AnalysesBeside(workers, 2 * max(workers, len(self.replicas)), self._worker_died)

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

    def catch_up(self, step: int) -> None:
        """Analyse the frames up to ``step`` that the process before had not finished, from the trajectories."""
        last = max(
            ((r["step"], self.replicas.index(r["replica"])) for r in read_json_lines(self.paths.records)),
            default=(-1, -1),
        )
        due = [
            (s, place)
            for place, writer in enumerate(self._writers)
            for s in writer.steps
            if self._is_due(s) and (s, place) > last
        ]
        begin = min([step, *(s for s, _ in due)])
        if self.config.analysis.on == "averaged":
            begin -= self._window_steps
        elif not due:
            return
        readers = [TrajectoryReader(self.paths.trajectory(r)) for r in self.replicas]
        for s in sorted({s for writer in self._writers for s in writer.steps if s >= begin}):
            for place, writer in enumerate(self._writers):
                if s in writer.steps:
                    atoms = readers[place][writer.steps.index(s)]
                    self._keep(place, atoms)
                    if (s, place) in due:
                        self._hand_over(place, atoms)

    def collect(self) -> None:
        """Write the records of the analyses that are done, in their order."""
        if self._records_end:
            return
        # what breaks this off costs a record: the ones behind it must wait for it, in the continued run
        self._records_end = True
        for about, outcome in self.analyses.finished():
            self._write_record(about, outcome)
        self._records_end = False

    def finish_analyses(self) -> bool:
        """Do what is left of the analyses; ends early, with False, where the process is to stop."""
        with self.watch("analyze_s"):
            self.collect()
            while len(self.analyses) and not self.stopping():
                self.analyses.help()
                self.collect()
        return not self._left_undone and not len(self.analyses)

    def close(self) -> None:
        """Close the trajectories and end the workers; analyses that are done are still recorded."""
        try:
            self.collect()
        finally:
            self.analyses.close()
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
        step = self._step = int(state.step)
        rows = {int(k): self._row(int(k), step, report) for k in np.flatnonzero(active)}
        for row in rows.values():
            append_json_line(self.paths.series, row)
        analyse = self._is_due(step)
        if analyse or step % self.frame_steps == 0:
            positions, cells = np.asarray(state.positions, float), np.asarray(state.cells, float)
            written = [(k, self._write_frame(k, positions[k], cells[k], row)) for k, row in rows.items()]
            # all frames before the first analysis: whatever ends this process then, they are there
            for k, atoms in written:
                self._keep(k, atoms)
                if analyse:
                    self._hand_over(k, atoms)
        self.collect()
        return list(rows.values())

    def _is_due(self, step: int) -> bool:
        return step == self.schedules[0].total_steps or step % self.analysis_steps == 0

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
        attributes = {
            "name": self.config.name,
            "carbonize_version": carbonize.__version__,
            "on": self.config.analysis.on,
        }
        # made in memory: the HDF5 library crashes at exit when a file of its own meets a full disk
        netcdf = io.BytesIO()
        analysis_dataset(records, attributes).to_netcdf(netcdf, engine="h5netcdf")
        write_atomic(self.paths.analysis, netcdf.getvalue())
        write_atomic(self.paths.pores, pores_csv(records))
        text = json.dumps(summary(records, self.config.name, "finished"), indent=1) + "\n"
        write_atomic(self.paths.summary, text)
        self.event("finished", self.schedules[0].total_steps)

    def _write_frame(self, k: int, positions: np.ndarray, cell: np.ndarray, row: dict[str, Any]) -> Any:
        """Append a replica's frame to its trajectory; returns its atoms as a reader finds them."""
        from carbonize.analysis.bonding import coordination

        scalars = {key: row[key] for key in _SCALARS}
        frame = make_frame(positions, cell, self.symbols, self.masses_amu, row["step"], scalars)
        # what is analysed is what is written: the numbers can be had again from the trajectory
        atoms = atoms_from_gsd(frame)
        with self.watch("analyze_s"):
            set_coordination(frame, coordination(atoms, self.config.analysis.bond_cutoff_A))
        with self.watch("write_s"):
            self._writers[k].append(frame)
        return atoms

    def _keep(self, place: int, atoms: Any) -> None:
        """Remember a frame as long as an average may need it."""
        if self.config.analysis.on != "averaged":
            return
        latest = self._latest[place]
        latest.append(atoms)
        while latest[0].info["step"] < atoms.info["step"] - self._window_steps:
            latest.popleft()

    def _hand_over(self, place: int, atoms: Any) -> None:
        """Have a frame analysed."""
        from carbonize.analysis.frame import EVERY_TIME, FIRST_AND_LAST, LAST_ONLY, PARTS

        if self.stopping():
            self._left_undone = True
            return
        step = atoms.info["step"]
        about: dict[str, Any] = {"replica": self.replicas[place], "step": step}
        about |= {key: float(atoms.info[key]) for key in _SCALARS}
        structure, found = self._structure(place, atoms)
        parts: list[str] = list(EVERY_TIME)
        if step in (0, self.schedules[0].total_steps):
            parts += [part for part in FIRST_AND_LAST if part in PARTS]
        if step == self.schedules[0].total_steps:
            parts += LAST_ONLY
        with self.watch("analyze_s"):
            self.analyses.submit(about | found, Job(structure, self.config.analysis, tuple(parts)))

    def _structure(self, place: int, atoms: Any) -> tuple[Any, dict[str, Any]]:
        """What is analysed of a frame, and what the record says about it."""
        on, step, replica = self.config.analysis.on, atoms.info["step"], self.replicas[place]
        if on == "averaged":
            from carbonize.analysis.averaging import averaged

            frames = list(self._latest[place])
            try:
                return averaged(frames, len(frames) - 1), {"on": on, "averaged_frames": len(frames)}
            except InputError as err:
                self.event("averaging_failed", step, replica=replica, message=str(err))
        elif on == "inherent" and self.relax is not None:
            try:
                structure, found = self.relax(replica, atoms)
                return structure, {"on": on, "inherent": found}
            except SimulationError as err:
                self.event("minimization_failed", step, replica=replica, message=str(err))
        return atoms, {"on": "frame"}

    def _write_record(self, about: dict[str, Any], outcome: Outcome) -> None:
        step, replica, on = about["step"], about["replica"], about["on"]
        if outcome.beside:
            beside = self.watch.seconds.get("analyze_beside_s", 0.0)
            self.watch.seconds["analyze_beside_s"] = beside + outcome.seconds
        for message in outcome.failures:
            self.event("analysis_failed", step, replica=replica, message=message)
        if outcome.broken and on == "frame":
            # not even bonds can be counted: atoms sit on each other, and the dynamics is to blame
            raise SimulationError(
                f"replica {replica}: the structure of step {step} ({about['time_ps']:g} ps) has "
                f"broken down: {outcome.failures[-1]}; make dynamics.timestep_fs smaller, or relax the "
                "start structure"
            )
        record = {**about, "frame": outcome.frame}
        append_json_line(self.paths.records, record)
        self.observer.analysed(record)

    def _worker_died(self, key: Any, message: str) -> None:
        """The analysis goes on in this process."""
        step, replica = (self._step, None) if key is None else (key["step"], key["replica"])
        self.event("analysis_worker_died", step, replica=replica, message=message)
        self.observer.said(f"{message}; the analysis goes on without it")
