"""Run a protocol: chunk -> check -> write -> analyse -> checkpoint, to the protocol's fixed end.

This is the one place where simulation, analysis and files meet. A run folder that holds
an unfinished run of the same protocol is continued from its last checkpoint; a finished
one is left as it is.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

import carbonize
from carbonize.config import RunConfig, config_hash, dump_protocol, load_protocol, parse_protocol
from carbonize.errors import CarbonizeError, InputError
from carbonize.io.checkpoint import read_newest_checkpoint, write_checkpoint
from carbonize.io.files import check_folder, make_folder, read_json, write_atomic
from carbonize.io.rundir import Run, RunPaths, load_run
from carbonize.observing import Observer, SilentObserver
from carbonize.recording import Recorder, Stopwatch, now
from carbonize.schedules import compile_schedule

__all__ = ["run"]

_CHUNK_STEPS = 500
_VERSIONS_OF = ("jax", "jaxlib", "jax-md", "ase", "numpy", "scipy", "numba", "gsd", "xarray", "ovito")


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
    check_folder(paths.root)
    if _finished(paths, config):
        observer.said(f"{paths.root}: finished already")
        return load_run(paths.root)
    session = _Session(config, paths, observer)
    session.go()
    if report:
        from carbonize.report.page import write_report

        observer.said("writing the report")
        with session.watch("report_s"):
            write_report(paths.root)
        session.write_manifest("finished")
        observer.ended()
    return load_run(paths.root)


def _as_config(protocol: str | Path | Mapping[str, Any] | RunConfig) -> RunConfig:
    if isinstance(protocol, RunConfig):
        return protocol
    if isinstance(protocol, Mapping):
        return parse_protocol(protocol)
    return load_protocol(protocol)


def _finished(paths: RunPaths, config: RunConfig) -> bool:
    """Whether the folder holds this run, finished; refuses a folder with something else."""
    if not paths.manifest.is_file():
        if paths.root.is_dir() and any(paths.root.iterdir()):
            raise InputError(f"{paths.root}: not empty and not a run folder; choose another --out")
        return False
    manifest = read_json(paths.manifest)
    if manifest.get("config_hash") != config_hash(config):
        differing = _differences(load_protocol(paths.protocol), config)
        raise InputError(
            f"{paths.root}: holds a run of another protocol (differs in {', '.join(differing)}); "
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

        from carbonize.analysis.radii import common_radius
        from carbonize.potentials import make_potential
        from carbonize.starting import start_structure
        from carbonize.structures.prepare import species_indices

        # wide types must exist for float64 runs; precision itself is an explicit dtype everywhere
        jax.config.update("jax_enable_x64", True)
        self.config, self.paths, self.observer = config, paths, observer
        self.watch = Stopwatch()
        self._started = now()
        self._schedule = compile_schedule(config.schedule, config.dynamics.timestep_fs)
        self._potential = make_potential(config.potential)
        with self.watch("start_structure_s"):
            self._atoms, self._origin = start_structure(
                config.structure, self._potential, config.potential.kind, observer.said
            )
        self._species = species_indices(
            self._atoms, self._potential.elements, config.potential.kind, "structure"
        )
        self._masses = np.asarray(self._atoms.get_masses(), float)
        self._replicas = list(range(config.dynamics.replicas))
        common_radius(self._atoms.get_chemical_symbols(), config.analysis.radii_A)
        make_folder(paths.root)
        self._recorder = Recorder(
            config, paths, self._schedule, self._atoms, self._replicas, observer, self.watch
        )

    def go(self) -> None:
        """Advance to the schedule's end, writing as it goes."""
        state = self._begin()
        step, total = int(state.step), self._schedule.total_steps
        propagator = self._propagator(state)
        last_checkpoint = time.monotonic()
        try:
            self.observer.said("compiling (the first time for these sizes takes a while)")
            fresh = step == 0
            state, report = propagator.advance(state, 0)
            self.observer.started(self.config, len(self._atoms), step, total)
            if fresh:
                self._recorder.record(state, report)
            while step < total:
                target = self._next_stop(step)
                before = propagator.simulate_s
                state, report = propagator.advance(state, target - step)
                done, step = target - step, target
                rows = self._recorder.record(state, report)
                atom_steps = done * len(self._atoms) * len(self._replicas)
                self.observer.advanced(rows, atom_steps, propagator.simulate_s - before)
                if time.monotonic() - last_checkpoint > 60.0 * self.config.output.checkpoint_every_min:
                    self._checkpoint(state)
                    last_checkpoint = time.monotonic()
            self._checkpoint(state)
        except CarbonizeError as err:
            self._recorder.event("failed", step, message=str(err))
            self.write_manifest("failed", step=step, message=str(err))
            raise type(err)(f"{err} (last good checkpoint: {self._last_checkpoint()})") from None
        except KeyboardInterrupt:
            self._checkpoint(state)
            self._recorder.event("interrupted", step)
            self.write_manifest("interrupted", step=step)
            raise
        finally:
            self.watch.seconds["compile_s"] = propagator.compile_s
            self.watch.seconds["simulate_s"] = propagator.simulate_s
            self.observer.ended()
            self._recorder.close()
        self._recorder.finish()
        self.write_manifest("finished")

    def _begin(self) -> Any:
        """The state to start from: the last sound checkpoint's, or a new one."""
        import jax.numpy as jnp

        from carbonize.simulation.state import State, initial_state, replica_keys

        damaged: list[str] = []
        found = read_newest_checkpoint(self.paths.checkpoints, on_damage=damaged.append)
        if found is not None:
            self.observer.said(f"continuing at step {found.step} of {self._schedule.total_steps}")
            self._recorder.resume(found.step)
            for message in damaged:
                self.observer.said(message)
                self._recorder.event("damaged_checkpoint", found.step, message=message)
            self.write_manifest("running", step=found.step)
            return State(
                jnp.asarray(found.positions),
                jnp.asarray(found.momenta),
                jnp.asarray(found.keys),
                jnp.asarray(found.step, jnp.int32),
            )
        write_atomic(self.paths.protocol, dump_protocol(self.config))
        self.write_manifest("running", step=0)
        self._recorder.start()
        dtype = np.dtype(self.config.dynamics.precision)
        positions = np.repeat(self._atoms.positions.astype(dtype)[None], len(self._replicas), axis=0)
        keys = replica_keys(self.config.dynamics.seed, self._replicas)
        first_K = self._schedule.temperature_K(0)
        return initial_state(jnp.asarray(positions), jnp.asarray(self._masses, dtype), first_K, keys)

    def _propagator(self, state: Any) -> Any:
        from carbonize.simulation.dynamics import Langevin
        from carbonize.simulation.propagate import Propagator

        dynamics = self.config.dynamics
        return Propagator(
            self._potential,
            self._schedule,
            Langevin(dynamics.timestep_fs, dynamics.thermostat.friction_per_ps),
            np.asarray(state.positions),
            self._atoms.cell.array,
            self._masses,
            self._species,
            dynamics.neighbor_skin_A,
            dynamics.neighbor_capacity,
            on_growth=lambda g: self._recorder.event("neighbor_capacity_grown", g.step, **g.sizes),
        )

    def _next_stop(self, step: int) -> int:
        """Chunks end at multiples of fixed intervals, so a continued run has the same ones."""
        intervals = (_CHUNK_STEPS, self._recorder.frame_steps, self._recorder.analysis_steps)
        return min(*((step // n + 1) * n for n in intervals), self._schedule.total_steps)

    def _checkpoint(self, state: Any) -> None:
        with self.watch("write_s"):
            write_checkpoint(
                self.paths.checkpoints,
                np.asarray(state.positions),
                np.asarray(state.momenta),
                np.asarray(state.keys),
                int(state.step),
                config_hash=config_hash(self.config),
                carbonize_version=carbonize.__version__,
            )

    def _last_checkpoint(self) -> str:
        found = sorted(self.paths.checkpoints.glob("step-*.npz"))
        return str(found[-1]) if found else "none yet"

    def write_manifest(self, status: str, step: int | None = None, message: str | None = None) -> None:
        """Write manifest.json: what ran, with what, and how far it is."""
        import jax

        device = jax.devices()[0]
        dynamics = self.config.dynamics
        manifest = {
            "schema_version": 1,
            "name": self.config.name,
            "status": status,
            "message": message,
            "carbonize_version": carbonize.__version__,
            "config_hash": config_hash(self.config),
            "structure": self._origin,
            "n_atoms": len(self._atoms),
            "replicas": len(self._replicas),
            "precision": dynamics.precision,
            "seed": dynamics.seed,
            "timestep_fs": dynamics.timestep_fs,
            "step": self._schedule.total_steps if step is None else step,
            "total_steps": self._schedule.total_steps,
            "device": {"platform": device.platform, "kind": device.device_kind, "host_cpus": _cpus()},
            "versions": _versions(),
            "started": self._started,
            "written": now(),
            "timings": {name: round(seconds, 3) for name, seconds in self.watch.seconds.items()},
        }
        write_atomic(self.paths.manifest, json.dumps(manifest, indent=1) + "\n")


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _VERSIONS_OF:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
