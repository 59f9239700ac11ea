"""Small systems with a cheap force law, for tests that need many steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from ase.build import bulk

from carbonize.config.models import HoldStage, RampStage, TersoffConfig
from carbonize.potentials import make_potential
from carbonize.schedules import Schedule, compile_schedule
from carbonize.simulation.barostats import CellRescaling
from carbonize.simulation.dynamics import Limits, Motion
from carbonize.simulation.propagate import Propagator
from carbonize.simulation.state import State, initial_state, replica_keys
from carbonize.simulation.thermostats import Csvr, Langevin, NoseHooverChain, NoThermostat, Thermostat

TERSOFF = make_potential(TersoffConfig(kind="tersoff", parameters="tersoff-1989"))

NVE = NoThermostat()
THERMOSTATS: dict[str, Thermostat] = {
    "langevin": Langevin(friction_per_ps=40.0),
    "nose-hoover": NoseHooverChain(time_constant_fs=20.0, chain_length=3),
    "csvr": Csvr(time_constant_fs=20.0),
}
PRECISIONS: dict[str, tuple[type, bool]] = {
    "float64": (np.float64, False),
    "float32": (np.float32, False),
    "mixed": (np.float64, True),
}
"""Dtype of the state, and whether forces are computed in single precision."""

LIMITS = Limits(max_temperature_K=60_000.0, max_energy_eV_per_atom=50.0, min_distance_A=0.6)


def diamond(repeat: int = 2, rattle_A: float = 0.05, a_A: float = 3.566) -> Any:
    """Rattled diamond of 8 * repeat^3 atoms."""
    atoms = bulk("C", "diamond", a=a_A, cubic=True).repeat(repeat)
    if rattle_A:
        atoms.rattle(rattle_A, seed=7)
    return atoms


def hold(temperature_K: float, timestep_fs: float) -> Schedule:
    """One temperature for longer than any test lasts."""
    return compile_schedule(
        [HoldStage(kind="hold", temperature_K=temperature_K, duration_ps=1e4)], timestep_fs
    )


def ramp(from_K: float, to_K: float, duration_ps: float, timestep_fs: float) -> Schedule:
    """A linear change of temperature from the first step on."""
    stage = RampStage(kind="ramp", from_K=from_K, to_K=to_K, duration_ps=duration_ps)
    return compile_schedule([stage], timestep_fs)


def propagator(
    atoms: Any,
    temperature_K: float = 1000.0,
    timestep_fs: float = 0.5,
    thermostat: Thermostat = THERMOSTATS["langevin"],
    barostat: CellRescaling | None = None,
    replicas: int | Sequence[int] = 1,
    precision: str = "float64",
    potential: Any = TERSOFF,
    seed: int = 1,
    skin_A: float = 0.8,
    slots: int | None = None,
    limits: Limits = LIMITS,
    one_by_one: bool | None = None,
    schedules: Sequence[Schedule] | None = None,
    **more: Any,
) -> tuple[Propagator, State]:
    """A propagator (at constant temperature unless ``schedules`` are given), and its start.

    ``atoms`` is one structure for all replicas, or a list of one a replica; ``replicas`` is
    their count or their numbers.
    """
    numbers = list(range(replicas)) if isinstance(replicas, int) else list(replicas)
    dtype, mixed = PRECISIONS[precision]
    structures = atoms if isinstance(atoms, list) else [atoms] * len(numbers)
    positions = np.stack([a.positions for a in structures]).astype(dtype)
    cells = np.stack([a.cell.array for a in structures])
    masses = np.asarray(structures[0].get_masses(), float)
    schedules = schedules or [hold(temperature_K, timestep_fs)] * len(numbers)
    engine = Propagator(
        potential,
        schedules,
        Motion(timestep_fs, thermostat, barostat, limits),
        positions,
        cells,
        masses,
        np.zeros(len(masses), np.int32),
        skin_A=skin_A,
        slots=slots,
        mixed=mixed,
        names=numbers,
        one_by_one=one_by_one,
        **more,
    )
    state = initial_state(
        jnp.asarray(positions),
        jnp.asarray(cells),
        jnp.asarray(masses, dtype),
        [s.temperature_K(0) for s in schedules],
        replica_keys(seed, numbers),
        thermostat.keeps_momentum,
        thermostat.memory,
    )
    return engine, state
