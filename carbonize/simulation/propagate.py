"""Drive compiled chunks from the host: compile, run, check sizes, grow, redo.

Touches no file. A chunk whose arrays turned out too small is thrown away and redone
from its start with larger ones, so no result ever depends on a truncated list.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from carbonize.errors import SimulationError
from carbonize.potentials.base import Potential
from carbonize.potentials.slots import compiler_options
from carbonize.schedules import Schedule
from carbonize.simulation.dynamics import ChunkReport, Langevin, make_chunk
from carbonize.simulation.forces import ForceField, make_force_field
from carbonize.simulation.state import State
from carbonize.types import Result, describe_result

__all__ = ["Growth", "Propagator"]

_MOST_GROWTHS = 30


@dataclasses.dataclass(frozen=True)
class Growth:
    """One enlargement of the compiled arrays: at which step, and what went from where to where."""

    step: int
    sizes: dict[str, Any]


class Propagator:
    """Advances a batch of replicas chunk by chunk.

    Parameters
    ----------
    potential
        Force law.
    schedule
        Temperature of the absolute step.
    settings
        Time step and friction.
    positions
        Start positions (replica, atom, 3) in A, whose dtype is the precision of the run.
    cell
        Lower-triangular cell, rows are vectors, A.
    masses_amu, species
        Per atom: mass in amu, index into ``potential.elements``.
    skin_A, slots
        Neighbour list: extra radius and initial capacity (None: from the structure).
    on_growth
        Called with every :class:`Growth`.
    """

    def __init__(
        self,
        potential: Potential,
        schedule: Schedule,
        settings: Langevin,
        positions: np.ndarray,
        cell: np.ndarray,
        masses_amu: np.ndarray,
        species: np.ndarray,
        skin_A: float,
        slots: int | None = None,
        on_growth: Callable[[Growth], None] | None = None,
    ) -> None:
        self._schedule = schedule
        self._settings = settings
        self._masses = masses_amu
        self._on_growth = on_growth
        self._field = make_force_field(potential, positions, cell, species, skin_A, slots)
        # forming bonds heats a loose start by a few thousand K; ten times the schedule is no carbon
        self._hottest_K = 10.0 * max(schedule.temperature_K(s) for s in schedule.turning_steps) + 10_000.0
        self._compiled: Any = None
        self.compile_s = 0.0
        self.simulate_s = 0.0

    @property
    def field(self) -> ForceField:
        """The force field with its present sizes."""
        return self._field

    def advance(self, state: State, n_steps: int) -> tuple[State, ChunkReport]:
        """Make ``n_steps`` steps; 0 evaluates the energies without moving.

        Returns the new state (on the device) and the report (numpy, on the host).

        Raises
        ------
        SimulationError
            If a replica's state is no longer finite or its temperature ran away (naming replica
            and steps), or the list does not stop growing.
        """
        for _ in range(_MOST_GROWTHS):
            compiled = self._compile(state)
            begin = time.perf_counter()
            new, report = compiled(state, jnp.asarray(n_steps, jnp.int32))
            report = jax.device_get(report)
            self.simulate_s += time.perf_counter() - begin
            if not bool(self._field.short_of(report.needs)):
                self._check(state, report, n_steps)
                return new, report
            self._grow(state, report)
        raise SimulationError(
            f"step {int(state.step)}: the neighbour list still does not fit after {_MOST_GROWTHS} enlargements; "
            "the structure is collapsing: check the density and the time step"
        )

    def _compile(self, state: State) -> Any:
        if self._compiled is None:
            begin = time.perf_counter()
            chunk = make_chunk(self._field, self._schedule, self._settings, self._masses)
            self._compiled = (
                jax.jit(chunk, compiler_options=compiler_options())
                .lower(state, jnp.asarray(0, jnp.int32))
                .compile()
            )
            self.compile_s += time.perf_counter() - begin
        return self._compiled

    def _grow(self, state: State, report: ChunkReport) -> None:
        self._field, sizes = self._field.grown(report.needs, np.asarray(state.positions))
        self._compiled = None
        if self._on_growth is not None:
            self._on_growth(Growth(int(state.step), sizes))

    def _check(self, state: State, report: ChunkReport, n_steps: int) -> None:
        """Refuse a chunk after which the state can no longer be believed."""
        codes = np.where(report.max_temperature_K > self._hottest_K, int(Result.TOO_HOT), report.result)
        codes = np.where(report.result == int(Result.OK), codes, report.result)
        bad = np.flatnonzero(codes != int(Result.OK))
        if bad.size:
            k, first = int(bad[0]), int(state.step)
            per_ps = self._settings.timestep_fs / 1000
            raise SimulationError(
                f"replica {k}: {describe_result(int(codes[k]))}, between steps {first} and {first + n_steps} "
                f"({first * per_ps:g} to {(first + n_steps) * per_ps:g} ps); temperature up to "
                f"{float(report.max_temperature_K[k]):.3g} K, limit {self._hottest_K:g} K; "
                "make dynamics.timestep_fs smaller, or relax the start structure"
            )
