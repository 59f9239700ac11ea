"""Run a protocol: chunk -> check -> write -> analyse -> checkpoint, to the protocol's fixed end.

This is the one place where simulation, analysis and files meet. A run folder that holds
an unfinished run of the same protocol is continued from its last checkpoint; a finished
one is left as it is.
"""

from __future__ import annotations

import datetime
import json
import platform
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np

import carbonize
from carbonize.config import RunConfig, config_hash, dump_protocol, load_protocol, parse_protocol
from carbonize.errors import CarbonizeError, InputError
from carbonize.io.checkpoint import read_newest_checkpoint, write_checkpoint
from carbonize.io.files import append_json_line, cut_json_lines, make_folder, read_json, read_json_lines, write_atomic
from carbonize.io.results import analysis_dataset, pores_csv, summary
from carbonize.io.rundir import Run, RunPaths, load_run
from carbonize.schedules import Schedule, compile_schedule

__all__ = ["Observer", "SilentObserver", "run"]

_CHUNK_STEPS = 500
_VERSIONS_OF = ("jax", "jaxlib", "jax-md", "ase", "numpy", "scipy", "numba", "gsd", "xarray", "ovito")


class Observer(Protocol):
    """Who is told how a run goes (the terminal, a notebook, nobody)."""

    def said(self, message: str) -> None:
        """One sentence about what happens now."""

    def started(self, config: RunConfig, atoms: int, step: int, total_steps: int) -> None:
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

    def started(self, config: RunConfig, atoms: int, step: int, total_steps: int) -> None:
        """Nothing."""

    def advanced(self, rows: list[dict[str, Any]], atom_steps: int, seconds: float) -> None:
        """Nothing."""

    def analysed(self, record: dict[str, Any]) -> None:
        """Nothing."""

    def ended(self) -> None:
        """Nothing."""


def run(
    protocol: str | Path | Mapping[str, Any] | RunConfig,
    out: str | Path | None = None,
    observer: Observer | None = None,
    report: bool = True,
) -> Run:
    """Run a protocol to its end and return the opened run folder.

    Parameters
    ----------
    protocol
        A protocol file, its content as a mapping, or a :class:`carbonize.config.RunConfig`.
    out
        Run folder; default ``runs/<name>``. A folder that holds an unfinished run of the
        same protocol is continued, a finished one is returned as it is.
    observer
        Who is told about progress; default nobody.
    report
        Whether to write report.html and its figures at the end.

    Raises
    ------
    InputError
        If the protocol, its structure or the folder cannot be used; nothing is written then.
    SimulationError
        If the dynamics broke down; what was written before is kept.
    """
    config = _as_config(protocol)
    paths = RunPaths(Path(out) if out is not None else Path("runs") / config.name)
    observer = observer or SilentObserver()
    if _finished(paths, config):
        observer.said(f"{paths.root}: finished already")
        return load_run(paths.root)
    session = _Session(config, paths, observer)
    session.go()
    if report:
        from carbonize.report.page import write_report

        observer.said("writing the report")
        with session.timed("report_s"):
            write_report(paths.root)
        session.write_manifest("finished")
    return load_run(paths.root)


def _as_config(protocol: str | Path | Mapping[str, Any] | RunConfig) -> RunConfig:
    if isinstance(protocol, RunConfig):
        return protocol
    if isinstance(protocol, Mapping):
        return parse_protocol(protocol)
    return load_protocol(protocol)


def _finished(paths: RunPaths, config: RunConfig) -> bool:
    """Whether the folder holds this run, finished; refuses a folder with another run."""
    if not paths.manifest.is_file():
        if paths.root.is_dir() and any(paths.root.iterdir()):
            raise InputError(f"{paths.root}: not empty and not a run folder; choose another --out")
        return False
    manifest = read_json(paths.manifest)
    if manifest.get("config_hash") != config_hash(config):
        differing = _differences(load_protocol(paths.protocol), config)
        raise InputError(
            f"{paths.root}: holds a run of another protocol (differs in {', '.join(differing) or 'its structure'}); "
            "choose another --out, or remove the folder to start again"
        )
    return manifest.get("status") == "finished"


def _differences(old: RunConfig, new: RunConfig) -> list[str]:
    def flat(data: Any, prefix: str) -> dict[str, Any]:
        if isinstance(data, dict):
            return {k2: v2 for k, v in data.items() for k2, v2 in flat(v, f"{prefix}{k}.").items()}
        return {prefix.rstrip("."): data}

    a, b = flat(old.model_dump(mode="json"), ""), flat(new.model_dump(mode="json"), "")
    return sorted(k for k in a.keys() | b.keys() if a.get(k) != b.get(k))


class _Session:
    """One process's work on one run folder."""

    def __init__(self, config: RunConfig, paths: RunPaths, observer: Observer) -> None:
        # everything that can be wrong with the input is found before the folder is touched
        import jax

        from carbonize.potentials import make_potential
        from carbonize.simulation.dynamics import Langevin
        from carbonize.starting import start_structure
        from carbonize.structures.prepare import species_indices

        # wide types must exist for float64 runs; precision itself is an explicit dtype everywhere
        jax.config.update("jax_enable_x64", True)
        self.config, self.paths, self.observer = config, paths, observer
        self.dtype = np.dtype(config.dynamics.precision)
        self.timings: dict[str, float] = {}
        self.began = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.schedule: Schedule = compile_schedule(config.schedule, config.dynamics.timestep_fs)
        self.settings = Langevin(
            config.dynamics.timestep_fs, config.dynamics.thermostat.friction_per_ps
        )
        self.potential = make_potential(config.potential)
        with self.timed("start_structure_s"):
            self.atoms, self.origin = start_structure(
                config.structure, self.potential, config.potential.kind, observer.said
            )
        self.species = species_indices(self.atoms, self.potential.elements, config.potential.kind, "structure")
        self.symbols = self.atoms.get_chemical_symbols()
        self.masses = np.asarray(self.atoms.get_masses(), float)
        self.replicas = list(range(config.dynamics.replicas))
        self._check_analysis()
        make_folder(paths.root)

    # -- the loop ---------------------------------------------------------------------

    def go(self) -> None:
        """Advance to the schedule's end, writing as it goes."""
        from carbonize.simulation.propagate import Propagator

        state = self._begin()
        step = int(state.step)
        total = self.schedule.total_steps
        resumed = step > 0
        writers = self._open_trajectories(step if resumed else None)
        propagator = Propagator(
            self.potential,
            self.schedule,
            self.settings,
            np.asarray(state.positions),
            self.atoms.cell.array,
            self.masses,
            self.species,
            self.config.dynamics.neighbor_skin_A,
            self.config.dynamics.neighbor_capacity,
            on_growth=lambda g: self._event("neighbor_capacity_grown", g.step, **g.sizes),
        )
        last_checkpoint = time.monotonic()
        try:
            self.observer.said("compiling (the first time for these sizes takes a while)")
            state, report = propagator.advance(state, 0)
            self.observer.started(self.config, len(self.atoms), step, total)
            if not resumed:
                self._record(state, report, writers)
            while step < total:
                target = self._next_stop(step)
                begin = time.perf_counter()
                state, report = propagator.advance(state, target - step)
                seconds = time.perf_counter() - begin
                done, step = target - step, target
                rows = self._record(state, report, writers)
                self.observer.advanced(rows, done * len(self.atoms) * len(self.replicas), seconds)
                if time.monotonic() - last_checkpoint > 60.0 * self.config.output.checkpoint_every_min:
                    self._checkpoint(state)
                    last_checkpoint = time.monotonic()
            self._checkpoint(state)
        except CarbonizeError as err:
            self._event("failed", step, message=str(err))
            self.write_manifest("failed", step=step, message=str(err))
            raise
        except KeyboardInterrupt:
            self.write_manifest("interrupted", step=step)
            raise
        finally:
            self.timings["compile_s"] = propagator.compile_s
            self.timings["simulate_s"] = propagator.simulate_s
            self.observer.ended()
            for writer in writers:
                writer.close()
        self._finish()

    def _next_stop(self, step: int) -> int:
        """Chunks end at multiples of fixed intervals, so a continued run has the same ones."""
        stops = [_next_multiple(step, n) for n in (_CHUNK_STEPS, self._frame_steps(), self._analysis_steps())]
        return min(*stops, self.schedule.total_steps)

    def _frame_steps(self) -> int:
        return max(1, round(1000.0 * self.config.output.frame_every_ps / self.config.dynamics.timestep_fs))

    def _analysis_steps(self) -> int:
        return max(1, round(1000.0 * self.config.output.analysis_every_ps / self.config.dynamics.timestep_fs))

    # -- start and restart --------------------------------------------------------------

    def _begin(self) -> Any:
        import jax.numpy as jnp

        from carbonize.simulation.state import State, initial_state, replica_keys

        found = read_newest_checkpoint(self.paths.checkpoints, on_damage=lambda m: self._event("damaged", 0, message=m))
        if found is None:
            self._start_folder()
            positions = np.repeat(self.atoms.positions.astype(self.dtype)[None], len(self.replicas), axis=0)
            keys = replica_keys(self.config.dynamics.seed, self.replicas)
            first_K = self.schedule.temperature_K(0)
            return initial_state(jnp.asarray(positions), jnp.asarray(self.masses, self.dtype), first_K, keys)
        self.observer.said(f"continuing at step {found.step} of {self.schedule.total_steps}")
        cut_json_lines(self.paths.series, found.step)
        cut_json_lines(self.paths.records, found.step)
        self._event("continued", found.step)
        self.write_manifest("running", step=found.step)
        arrays = (jnp.asarray(a) for a in (found.positions, found.momenta, found.keys))
        return State(*arrays, jnp.asarray(found.step, jnp.int32))

    def _start_folder(self) -> None:
        for path in (self.paths.series, self.paths.records, self.paths.events):
            write_atomic(path, "")
        self.paths.trajectories.mkdir(exist_ok=True)
        write_atomic(self.paths.protocol, dump_protocol(self.config))
        self.write_manifest("running", step=0)
        self._event("started", 0)

    def _open_trajectories(self, resume_at: int | None) -> list[Any]:
        from carbonize.io.trajectory import TrajectoryWriter

        return [TrajectoryWriter(self.paths.trajectory(r), resume_at) for r in self.replicas]

    def _check_analysis(self) -> None:
        from carbonize.analysis.radii import common_radius

        common_radius(self.symbols, self.config.analysis.radii_A)

    # -- writing ------------------------------------------------------------------------

    def _record(self, state: Any, report: Any, writers: list[Any]) -> list[dict[str, Any]]:
        """Series rows, and frames and analyses where they are due."""
        step, n = int(state.step), len(self.atoms)
        time_ps = round(step * self.config.dynamics.timestep_fs / 1000.0, 9)
        target = self.schedule.temperature_K(step)
        rows = []
        for k, replica in enumerate(self.replicas):
            row = {
                "step": step,
                "time_ps": time_ps,
                "replica": replica,
                "target_K": target,
                "temperature_K": float(report.temperature_K[k]),
                "mean_temperature_K": float(report.mean_temperature_K[k]) if step else float(report.temperature_K[k]),
                "potential_eV_per_atom": float(report.potential_eV[k]) / n,
                "kinetic_eV_per_atom": float(report.kinetic_eV[k]) / n,
            }
            append_json_line(self.paths.series, row)
            rows.append(row)
        last = step == self.schedule.total_steps
        analyse = last or step % self._analysis_steps() == 0
        if analyse or step % self._frame_steps() == 0:
            positions = np.asarray(state.positions, float)
            for k, row in enumerate(rows):
                self._frame(positions[k], row, writers[k], analyse)
        return rows

    def _frame(self, positions: np.ndarray, row: dict[str, Any], writer: Any, analyse: bool) -> None:
        from carbonize.analysis.bonding import coordination
        from carbonize.io.trajectory import atoms_from_frame, make_frame, set_coordination

        scalars = {key: row[key] for key in ("time_ps", "temperature_K", "target_K")}
        frame = make_frame(positions, self.atoms.cell.array, self.symbols, self.masses, row["step"], scalars)
        # what is analysed is what is written: the numbers can be had again from the trajectory
        atoms = atoms_from_frame(frame)
        with self.timed("analyze_s"):
            set_coordination(frame, coordination(atoms, self.config.analysis.bond_cutoff_A))
        with self.timed("write_s"):
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
        with self.timed("analyze_s"):
            try:
                frame = analyze(atoms, what=["bonding", "pores"], **common)
            except CarbonizeError as err:
                # a frame that cannot be analysed must not end a run of days
                self._event("analysis_failed", row["step"], replica=row["replica"], message=str(err))
                frame = analyze(atoms, what=["bonding"], **common)
        record = {**{k: row[k] for k in ("replica", "step", "time_ps", "temperature_K", "target_K")}, "frame": frame}
        append_json_line(self.paths.records, record)
        self.observer.analysed(record)

    def _checkpoint(self, state: Any) -> None:
        with self.timed("write_s"):
            write_checkpoint(
                self.paths.checkpoints,
                np.asarray(state.positions),
                np.asarray(state.momenta),
                np.asarray(state.keys),
                int(state.step),
                config_hash=config_hash(self.config),
                carbonize_version=carbonize.__version__,
            )

    def _finish(self) -> None:
        """The files that stand at the end: analysis.nc, pores.csv, summary.json, manifest.json."""
        records = list(read_json_lines(self.paths.records))
        data = analysis_dataset(records, {"name": self.config.name, "carbonize_version": carbonize.__version__})
        aside = self.paths.analysis.with_name(".analysis.nc.tmp")
        data.to_netcdf(aside, engine="h5netcdf")
        aside.replace(self.paths.analysis)
        write_atomic(self.paths.pores, pores_csv(records))
        write_atomic(self.paths.summary, json.dumps(summary(records, self.config.name, "finished"), indent=1) + "\n")
        self._event("finished", self.schedule.total_steps)
        self.write_manifest("finished")

    def _event(self, kind: str, step: int, **details: Any) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        append_json_line(self.paths.events, {"time": now, "event": kind, "step": step, **details})

    def write_manifest(self, status: str, step: int | None = None, message: str | None = None) -> None:
        """Write manifest.json: what ran, with what, and how far it is."""
        import jax

        device = jax.devices()[0]
        dynamics = self.config.dynamics
        total = self.schedule.total_steps
        simulate = self.timings.get("simulate_s", 0.0)
        manifest = {
            "schema_version": 1,
            "name": self.config.name,
            "status": status,
            "message": message,
            "carbonize_version": carbonize.__version__,
            "config_hash": config_hash(self.config),
            "structure": self.origin,
            "n_atoms": len(self.atoms),
            "replicas": len(self.replicas),
            "precision": dynamics.precision,
            "seed": dynamics.seed,
            "timestep_fs": dynamics.timestep_fs,
            "step": total if step is None else step,
            "total_steps": total,
            "device": {"platform": device.platform, "kind": device.device_kind, "host_cpus": _cpus()},
            "versions": _versions(),
            "started": self.began,
            "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "timings": {k: round(v, 3) for k, v in self.timings.items()},
            "atom_steps_per_s": round(total * len(self.atoms) * len(self.replicas) / simulate) if simulate else None,
        }
        write_atomic(self.paths.manifest, json.dumps(manifest, indent=1) + "\n")

    def timed(self, name: str) -> Any:
        """Context manager that adds the time spent to ``timings[name]``."""
        return _Stopwatch(self.timings, name)


class _Stopwatch:
    def __init__(self, timings: dict[str, float], name: str) -> None:
        self._timings, self._name = timings, name

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        spent = time.perf_counter() - self._begin
        self._timings[self._name] = self._timings.get(self._name, 0.0) + spent


def _next_multiple(step: int, interval: int) -> int:
    return (step // interval + 1) * interval


def _cpus() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _VERSIONS_OF:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
