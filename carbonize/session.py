"""One process's work on one run folder: chunk -> check -> write -> analyse -> checkpoint.

This is the one place where simulation, analysis and files meet.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import carbonize
from carbonize.beginning import (
    Material,
    checkpointed_state,
    read_material,
    replica_schedules,
    thermal_state,
)
from carbonize.config import RunConfig, config_hash, dump_protocol, load_protocol
from carbonize.errors import CarbonizeError, InputError, Interrupted, SimulationError
from carbonize.io.checkpoint import (
    Checkpoint,
    newest_checkpoint_path,
    read_newest_checkpoint,
    write_checkpoint,
)
from carbonize.io.files import read_json, remove_leftovers, write_atomic
from carbonize.io.lock import RunLock
from carbonize.io.rundir import RunPaths
from carbonize.manifest import Manifest
from carbonize.observing import Observer
from carbonize.recording import Recorder, Stopwatch
from carbonize.schedules import Minimization
from carbonize.stopping import Stop

__all__ = ["Session", "chunk_steps"]

_CONTINUE = "run the same command again to continue once this is mended"

_LONGEST_CHUNK, _SHORTEST_CHUNK = 500, 20
_ATOM_STEPS_PER_CHUNK = 4_000_000


def chunk_steps(atoms: int) -> int:
    """Steps between two looks at a run: fewer for large systems, so that a signal is soon obeyed.

    A function of the number of atoms alone: where chunks end is where lists are built anew, and
    must not depend on the machine or the batch.

    >>> chunk_steps(1000), chunk_steps(50_000), chunk_steps(1_000_000)
    (500, 80, 20)
    """
    return min(_LONGEST_CHUNK, max(_SHORTEST_CHUNK, _ATOM_STEPS_PER_CHUNK // atoms))


class Session:
    """Everything one process does to one run folder.

    Parameters
    ----------
    config, paths, observer
        The run, its folder, and who is told.
    replicas
        Numbers of the replicas to advance.
    stop
        Where a request to stop shows.

    Raises
    ------
    InputError
        If the protocol or its structures cannot be used. Nothing is written before :meth:`go`.
    """

    def __init__(
        self, config: RunConfig, paths: RunPaths, observer: Observer, replicas: Sequence[int], stop: Stop
    ) -> None:
        import jax

        from carbonize.analysis.radii import check_radius_uncertainty, element_radii
        from carbonize.potentials import make_potential
        from carbonize.simulation.motion import make_motion
        from carbonize.simulation.spread import cores_per_replica

        # wide types must exist for float64 runs; precision itself is an explicit dtype everywhere
        jax.config.update("jax_enable_x64", True)
        self.config, self.paths, self.observer = config, paths, observer
        self.watch = Stopwatch()
        self.lock: RunLock | None = None
        self._stop = stop
        self._replicas = list(replicas)
        self._schedules = replica_schedules(config, self._replicas)
        self._motion = make_motion(config.dynamics, self._schedules)
        self._damaged: list[str] = []
        self._found = read_newest_checkpoint(paths.checkpoints, on_damage=self._damaged.append)
        wanted_cores = self._give_cores()
        with self.watch("start_structure_s"):
            self._material: Material = read_material(
                config, paths, make_potential(config.potential), self._found, observer.said
            )
        symbols = self._material.symbols
        radii_A = element_radii(symbols, config.analysis.radii_A)
        check_radius_uncertainty(config.analysis.radius_uncertainty_A, min(radii_A.values()))
        self._cores = cores_per_replica(
            self._material.potential, len(symbols), config.dynamics.replicas, wanted_cores
        )
        self._recorder = Recorder(
            config,
            paths,
            self._schedules,
            symbols,
            self._material.masses,
            self._replicas,
            observer,
            self.watch,
            stopping=lambda: stop.requested is not None,
        )
        self.manifest = Manifest(
            paths.manifest,
            config,
            self._replicas,
            self._material.origins,
            len(symbols),
            self._motion.degrees(len(symbols)),
            self._schedules[0].total_steps,
            self._cores,
            self.watch,
        )
        self._sizes: Any = None

    @property
    def n_atoms(self) -> int:
        """Atoms of a replica."""
        return len(self._material.symbols)

    def bytes_per_replica(self) -> int:
        """Memory (bytes) that one replica takes on the device while it runs."""
        alone = [self._replicas[0]]
        state = self._thermal(alone)
        return self._propagator(state, alone).bytes_needed(state)

    @property
    def fresh(self) -> bool:
        """Whether the run begins with this session."""
        return self._found is None

    def go(self) -> None:
        """Advance to the schedule's end, writing as it goes.

        Raises
        ------
        SimulationError
            If no replica is left that can go on, memory ran out, or something cannot be written.
        Interrupted
            If a signal came; the run has a checkpoint then.
        """
        for folder in (self.paths.root, self.paths.checkpoints, self.paths.trajectories):
            remove_leftovers(folder)  # of a process that was killed while it wrote
        try:
            state = self._begin()
        except (InputError, Interrupted):
            raise
        except (CarbonizeError, OSError) as err:
            raise SimulationError(f"{err} (before the first step of this session; {_CONTINUE})") from None
        step, total = int(state.step), self._schedules[0].total_steps
        propagator = self._propagator(state, self._replicas)
        for place, replica in enumerate(self._replicas):
            if str(replica) in self.manifest.failed:
                propagator.freeze(place)
        self._safe = state
        self._stop.hold_on()
        last_checkpoint = time.monotonic()
        try:
            self._recorder.analyses.warm_up()  # while the dynamics is compiled
            self._refuse_if_all_failed(propagator)
            self.observer.said("compiling (the first time for these sizes takes a while)")
            # makes no step, and its state is not taken over: a continued run and an unbroken one
            # must do the same to the state
            _, report, failures = propagator.advance(state, 0)
            self.observer.started(self.config, self.n_atoms, len(self._replicas), step, total)
            self.observer.said(f"compiled in {propagator.compile_s:.1f} s")
            self._note(failures)
            self._recorder.relax = self._relaxation(propagator, state.positions.dtype)
            if not self.fresh:
                self._recorder.catch_up(step)
            else:
                self._recorder.record(state, report, propagator.active)
                self._checkpoint(state, propagator)
            self._refuse_if_all_failed(propagator)
            while step < total:
                self._obey(f"at step {step} of {total}")
                before = propagator.simulate_s
                state, report, failures, target = self._advance(propagator, state, step)
                done, step = target - step, target
                self._note(failures)
                rows = self._recorder.record(state, report, propagator.active)
                self._safe = state
                self._refuse_if_all_failed(propagator)
                atom_steps = done * self.n_atoms * len(rows)
                self.observer.advanced(rows, atom_steps, propagator.simulate_s - before)
                if time.monotonic() - last_checkpoint > 60.0 * self.config.output.checkpoint_every_min:
                    self._checkpoint(state, propagator)
                    last_checkpoint = time.monotonic()
            self._checkpoint(state, propagator)
            if not self._recorder.finish_analyses():
                self._obey(f"at step {step} of {total}, with frames still to be analysed")
            self._finish_timings(propagator)
            self._recorder.finish()
        except (Interrupted, KeyboardInterrupt):
            self._checkpoint(self._safe, propagator)
            self._finish_timings(propagator)
            self._recorder.event("interrupted", int(self._safe.step))
            self.manifest.write("interrupted", int(self._safe.step))
            raise
        except (CarbonizeError, OSError, MemoryError) as err:
            raise self._failed(err, propagator) from None
        finally:
            self._finish_timings(propagator)
            self.observer.ended()
            with contextlib.suppress(CarbonizeError):
                self._recorder.close()
        self._end(total)

    def _obey(self, where: str) -> None:
        """Stop here if that was asked for."""
        if self._stop.requested is not None:
            raise Interrupted(
                f"stopped by {self._stop.requested} {where}; run the same command again to continue"
            )

    def _advance(self, propagator: Any, state: Any, step: int) -> tuple[Any, Any, Any, int]:
        """One chunk, or one minimisation."""
        minimization = self._schedules[0].minimization_at(step)
        if minimization is not None:
            state, failures = self._minimize(propagator, state, minimization)
            _, report, more = propagator.advance(state, 0)
            return state, report, [*failures, *more], step + 1
        target = self._next_stop(step)
        state, report, failures = propagator.advance(state, target - step)
        return state, report, failures, target

    def _next_stop(self, step: int) -> int:
        """Chunks end at multiples of fixed intervals, so a continued run has the same ones."""
        intervals = (
            chunk_steps(self.n_atoms),
            self._recorder.frame_steps,
            self._recorder.analysis_steps,
        )
        following = [m.step for m in self._schedules[0].minimizations if m.step > step]
        return min(*((step // n + 1) * n for n in intervals), self._schedules[0].total_steps, *following)

    def _give_cores(self) -> int | None:
        """Let JAX see the cores; how many must advance a replica, None where that is still open.

        What a run began with it goes on with: another number would change its last bits.
        """
        from carbonize.simulation.spread import usable_cores, use_cores

        dynamics = self.config.dynamics
        wanted = dynamics.cores_per_replica
        if self._found is not None:
            wanted = int(self._found.header.get("cores_per_replica", 1))
        use_cores(len(self._replicas), wanted or (usable_cores() if dynamics.replicas == 1 else 1))
        return wanted

    def _begin(self) -> Any:
        """The state to start from: the last sound checkpoint's, or a new one."""
        return self._new_state() if self._found is None else self._continued(self._found)

    def _new_state(self) -> Any:
        problems = self._material.problems(self.config, self._replicas)
        for replica, message in problems.items():
            self.manifest.failed[str(replica)] = {"step": 0, "message": message, "never_good": True}
        # a study has prepared it, with paths that can be moved
        if not self.paths.protocol.is_file() or load_protocol(self.paths.protocol) != self.config:
            write_atomic(self.paths.protocol, dump_protocol(self.config))
        self.manifest.write("running", 0)
        self._recorder.start()
        for replica, message in problems.items():
            self._recorder.event("replica_failed", 0, replica=replica, message=message)
            self.observer.said(message)
        return self._thermal(self._replicas)

    def _thermal(self, replicas: Sequence[int]) -> Any:
        return thermal_state(self.config, self._material, self._motion.thermostat, replicas)

    def _continued(self, found: Checkpoint) -> Any:
        self.observer.said(f"continuing at step {found.step} of {self._schedules[0].total_steps}")
        self.manifest.started = read_json(self.paths.manifest).get("started", self.manifest.started)
        self.manifest.failed = dict(found.header.get("failed", {}))
        self._sizes = found.header.get("sizes")
        self._recorder.resume(found.step, self.manifest.failed)
        for message in self._damaged:
            self.observer.said(message)
            self._recorder.event("damaged_checkpoint", found.step, message=message)
        self.manifest.write("running", found.step)
        return checkpointed_state(found)

    def _propagator(self, state: Any, replicas: Sequence[int]) -> Any:
        from carbonize.simulation.propagate import Propagator

        dynamics = self.config.dynamics
        propagator = Propagator(
            self._material.potential,
            replica_schedules(self.config, replicas),
            self._motion,
            np.asarray(state.positions),
            np.asarray(state.cells, float),
            self._material.masses,
            self._material.species,
            dynamics.neighbor_skin_A,
            dynamics.neighbor_capacity,
            mixed=dynamics.precision == "mixed",
            names=replicas,
            cores=self._cores,
            on_growth=lambda g: self._recorder.event("neighbor_capacity_grown", g.step, **g.sizes),
        )
        if self._sizes is not None:
            propagator.field = propagator.field.with_sizes(self._sizes)
        return propagator

    def _minimize(self, propagator: Any, state: Any, wanted: Minimization) -> tuple[Any, list[Any]]:
        """Minimise every replica in turn, and give it thermal momenta for what follows."""
        from carbonize.minimizing import minimize_replicas

        step, last = int(state.step), self._schedules[0].total_steps
        # after the last stage nothing moves any more
        following_K = [0.0 if step + 1 == last else s.temperature_K(step + 1) for s in self._schedules]

        def watch(said: str) -> None:
            self.observer.said(said)
            self._obey(f"at step {step}, in a minimization")

        with self.watch("minimize_s"):
            return minimize_replicas(
                propagator,
                state,
                wanted,
                self._replicas,
                self._material.masses,
                self._material.species,
                following_K,
                self._motion.thermostat.keeps_momentum,
                watch,
                self._recorder.event,
            )

    def _relaxation(self, propagator: Any, dtype: Any) -> Any:
        """How frames become inherent structures, where those are analysed."""
        if self.config.analysis.on != "inherent":
            return None
        from carbonize.inherent import InherentStructures

        find = InherentStructures(
            propagator.field,
            self._material.species,
            dtype,
            lambda step: self._obey(f"at step {step}, in a minimization for the analysis"),
            self._recorder.event,
        )

        def relax(replica: int, atoms: Any) -> Any:
            with self.watch("minimize_s"):
                return find(replica, atoms)

        return relax

    def _note(self, failures: Sequence[Any]) -> None:
        """Mark replicas that broke down."""
        for failure in failures:
            replica = self._replicas[failure.place]
            self.manifest.failed[str(replica)] = {"step": failure.step, "message": failure.message}
            self._recorder.event("replica_failed", failure.step, replica=replica, message=failure.message)
            self.observer.said(failure.message)
        if failures:
            self.manifest.write("running", int(self._safe.step))

    def _refuse_if_all_failed(self, propagator: Any) -> None:
        if not propagator.active.any():
            self._checkpoint(self._safe, propagator)
            raise SimulationError(_of_all(self.manifest.failed))

    def _checkpoint(self, state: Any, propagator: Any) -> None:
        with self.watch("write_s"):
            self._recorder.sync()
            if self.lock is not None:
                self.lock.refresh()
            write_checkpoint(
                self.paths.checkpoints,
                positions=np.asarray(state.positions),
                momenta=np.asarray(state.momenta),
                keys=np.asarray(state.keys),
                cells=np.asarray(state.cells),
                thermostat=np.asarray(state.memory),
                numbers=self._material.numbers,
                step=int(state.step),
                replicas=self._replicas,
                failed=self.manifest.failed,
                sizes=propagator.field.sizes(),
                cores_per_replica=self._cores,
                config_hash=config_hash(self.config),
                carbonize_version=carbonize.__version__,
            )

    def _failed(self, err: BaseException, propagator: Any) -> CarbonizeError:
        """Note that the run cannot go on now, as far as that can still be written; what to raise."""
        ended = not propagator.active.any()
        step = int(self._safe.step)
        time_ps = step * self.config.dynamics.timestep_fs / 1000
        text = " ".join(str(err).splitlines()) or type(err).__name__
        place = "" if ended else f" (at step {step}, {time_ps:g} ps; "
        advice = "" if ended else f"{_CONTINUE}; "
        message = f"{text}{place or ' ('}{advice}last good checkpoint: {self._last_checkpoint()})"
        # a full disk may take neither of them: the message reaches the terminal all the same
        with contextlib.suppress(CarbonizeError, OSError):
            self._recorder.event("failed", step, message=message)
        with contextlib.suppress(CarbonizeError, OSError):
            self.manifest.write("failed", step, message, ended=ended)
        kind = type(err) if isinstance(err, SimulationError | InputError) else SimulationError
        return kind(message)

    def _end(self, total: int) -> None:
        """The protocol's end is reached, if not by all replicas."""
        if self.manifest.failed:
            message = _of_all(self.manifest.failed)
            self.manifest.write("failed", total, message, ended=True)
        else:
            self.manifest.write("finished", total, ended=True)

    def _finish_timings(self, propagator: Any) -> None:
        self.watch.seconds["compile_s"] = propagator.compile_s
        self.watch.seconds["simulate_s"] = propagator.simulate_s

    def _last_checkpoint(self) -> str:
        found = newest_checkpoint_path(self.paths.checkpoints)
        return "none yet" if found is None else str(found)


def _of_all(failed: dict[str, dict[str, Any]]) -> str:
    """The failures of a run in one sentence."""
    first = next(iter(failed.values()))["message"]
    if len(failed) == 1:
        return first
    others = ", ".join(f"replica {r} at step {f['step']}" for r, f in list(failed.items())[1:6])
    more = f" and {len(failed) - 6} more" if len(failed) > 6 else ""
    return f"{first} (also failed: {others}{more})"
