"""Drive compiled chunks from the host: compile, run, check sizes, grow, redo.

Touches no file. A chunk whose arrays turned out too small is thrown away and redone
from its start with larger ones, so no result ever depends on a truncated list. A replica
that broke down is set back to the chunk's start, marked, and stands still from then on.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from carbonize.errors import SimulationError
from carbonize.potentials.base import Potential
from carbonize.schedules import Schedule, traced_pieces
from carbonize.simulation.dynamics import ChunkReport, Motion, System, make_chunk
from carbonize.simulation.forces import ForceField, make_force_field
from carbonize.simulation.memory import OutOfMemory, check_fits, is_exhaustion, needed_bytes
from carbonize.simulation.spread import Spread
from carbonize.simulation.state import State, select_replicas
from carbonize.types import Result, describe_result

__all__ = ["Failure", "Growth", "Propagator"]

_MOST_GROWTHS = 30
_SHRINK = 0.9  # a cell under a barostat may lose a tenth of its edge before bins are looked at anew


@dataclasses.dataclass(frozen=True)
class Growth:
    """One enlargement of the compiled arrays: at which step, and what went from where to where."""

    step: int
    sizes: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Failure:
    """A replica (its place in the batch) that broke down at a step, in a sentence; ``code`` as in types."""

    place: int
    step: int
    code: int
    message: str


class Propagator:
    """Advances a batch of replicas chunk by chunk.

    Parameters
    ----------
    potential
        Force law.
    schedules
        One a replica.
    motion
        Time step, thermostat, barostat, limits.
    positions, cells
        Start positions (replica, atom, 3) in A, whose dtype is the precision of the run, and
        lower-triangular cells (replica, 3, 3), rows are vectors, A.
    masses_amu, species
        Per atom: mass in amu, index into ``potential.elements``.
    skin_A, slots
        Neighbour list: extra radius and initial capacity (None: from the structure).
    mixed
        Forces in single precision, everything else in that of the positions.
    names
        What to call the replicas in messages (default: their places).
    one_by_one
        Advance one replica after the other (a CPU, where this is faster and makes a replica's
        history independent of its batch to the last bit), or all together (a GPU). Default: on a CPU.
    devices
        What to spread the replicas over (:mod:`carbonize.simulation.spread`); default: all there are.
    cores
        How many devices advance each replica together, one replica after the other (CPU only). Results
        depend on it by rounding.
    on_growth
        Called with every :class:`Growth`.
    """

    def __init__(
        self,
        potential: Potential,
        schedules: Sequence[Schedule],
        motion: Motion,
        positions: np.ndarray,
        cells: np.ndarray,
        masses_amu: np.ndarray,
        species: np.ndarray,
        skin_A: float,
        slots: int | None = None,
        mixed: bool = False,
        names: Sequence[int] | None = None,
        one_by_one: bool | None = None,
        devices: Sequence[Any] | None = None,
        cores: int = 1,
        on_growth: Callable[[Growth], None] | None = None,
    ) -> None:
        dtype = positions.dtype
        self._motion = motion
        self._names = list(names) if names is not None else list(range(len(positions)))
        self._on_growth = on_growth
        shrink = 1.0 if motion.barostat is None else _SHRINK
        self._field = make_force_field(potential, positions, cells, skin_A, slots, mixed, shrink)
        self._system = System(
            jnp.asarray(masses_amu, dtype), jnp.asarray(species, jnp.int32), traced_pieces(schedules, dtype)
        )
        if one_by_one is None:
            one_by_one = jax.default_backend() == "cpu"
        self._cores = cores
        self._spread = Spread(
            jax.local_devices() if devices is None else devices, len(positions), cores, one_by_one
        )
        self._active = np.ones(len(positions), bool)
        self._compiled: Any = None
        self.compile_s = 0.0
        self.simulate_s = 0.0

    @property
    def field(self) -> ForceField:
        """The force field with its present sizes."""
        return self._field

    @field.setter
    def field(self, field: ForceField) -> None:
        if field != self._field:
            self._field, self._compiled = field, None

    @property
    def active(self) -> np.ndarray:
        """Which replicas still move, shape (replica,)."""
        return self._active.copy()

    def freeze(self, place: int) -> None:
        """Let a replica stand still from now on."""
        self._active[place] = False

    def bytes_needed(self, state: State) -> int:
        """Memory (bytes) that a chunk takes while it runs."""
        return self._spread.share * needed_bytes(self._compile(state))

    def advance(self, state: State, n_steps: int) -> tuple[State, ChunkReport, list[Failure]]:
        """Make ``n_steps`` steps; 0 evaluates the energies without moving.

        Returns the new state (on the device), the report (numpy, on the host) and the replicas
        that broke down, which are set back to ``state`` and frozen.

        Raises
        ------
        OutOfMemory
            If the device cannot hold the arrays.
        SimulationError
            If the list does not stop growing.
        """
        for _ in range(_MOST_GROWTHS):
            self._compile(state)
            begin = time.perf_counter()
            try:
                new, report = self._spread.run(state, self._system, self._active, n_steps)
            except (jax.errors.JaxRuntimeError, MemoryError) as err:
                raise self._explained(err) from None
            self.simulate_s += time.perf_counter() - begin
            if not np.any(self._field.short_of(report.needs)):
                return self._settle(state, new, report)
            self._grow(state, report)
        raise SimulationError(
            f"step {int(state.step)}: the neighbour list still does not fit after {_MOST_GROWTHS} enlargements; "
            "the structure is collapsing: check the density and the time step"
        )

    def _compile(self, state: State) -> Any:
        if self._compiled is None:
            begin = time.perf_counter()
            chunk = make_chunk(self._field, self._motion, self._cores)
            replicas, atoms, _ = state.positions.shape
            what = f"{replicas} replica(s) of {atoms} atoms with {self._field.plan.slots} neighbours each"
            try:
                compiled = self._spread.compile(chunk, state, self._system)
                check_fits(compiled, self._spread.first, what, self._spread.share)
            except (jax.errors.JaxRuntimeError, MemoryError) as err:
                raise self._explained(err) from None
            self._compiled = compiled
            self.compile_s += time.perf_counter() - begin
        return self._compiled

    def _explained(self, err: BaseException) -> BaseException:
        """Memory that ran out as an error of ours; anything else as it is."""
        if not is_exhaustion(err):
            return err
        reason = str(err).splitlines()[0][:200] if str(err) else type(err).__name__
        return OutOfMemory(
            f"the device's memory does not suffice for {self._active.size} replica(s) with "
            f"{self._field.plan.slots} neighbours an atom ({reason}); use fewer replicas (--replicas auto), "
            "fewer atoms, or precision float32"
        )

    def _grow(self, state: State, report: ChunkReport) -> None:
        self._field, sizes = self._field.grown(report.needs, np.asarray(state.cells, float))
        self._compiled = None
        if self._on_growth is not None:
            self._on_growth(Growth(int(state.step), sizes))

    def _settle(
        self, old: State, new: State, report: ChunkReport
    ) -> tuple[State, ChunkReport, list[Failure]]:
        """Set replicas that broke down back to the chunk's start, and mark them."""
        broken = [int(k) for k in np.flatnonzero(self._active & (report.fault.code != int(Result.OK)))]
        if broken:
            sound = np.ones(self._active.size, bool)
            sound[broken] = False
            self._active &= sound
            new = select_replicas(jnp.asarray(sound), new, old)
        return new, report, [self._failure(k, report) for k in broken]

    def _failure(self, place: int, report: ChunkReport) -> Failure:
        fault, limits = report.fault, self._motion.limits
        code, step = int(fault.code[place]), int(fault.step[place])
        seen = {
            Result.NON_FINITE: (
                f"(temperature {fault.temperature_K[place]:.4g} K, "
                f"potential energy {fault.energy_eV_per_atom[place]:.4g} eV/atom)"
            ),
            Result.TOO_HOT: f"({fault.temperature_K[place]:.4g} K, limit {limits.max_temperature_K:g} K)",
            Result.ENERGY_RAN_AWAY: (
                f"({fault.energy_eV_per_atom[place]:.4g} eV/atom, limit {limits.max_energy_eV_per_atom:g} eV/atom)"
            ),
            Result.ATOMS_OVERLAP: f"({fault.closest_A[place]:.3f} A apart, limit {limits.min_distance_A:g} A)",
            Result.COLLAPSED: f"({report.needs.slots[place]} neighbours, limit {self._field.most_slots})",
        }[Result(code)]
        time_ps = step * self._motion.timestep_fs / 1000
        message = (
            f"replica {self._names[place]}: {describe_result(code)} {seen} at step {step} ({time_ps:g} ps); "
            "make dynamics.timestep_fs smaller, relax the start structure, or widen dynamics.limits"
        )
        return Failure(place, step, code, message)
