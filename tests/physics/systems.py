"""Small systems with a cheap force law, for tests that need many steps."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from ase.build import bulk

from carbonize.config.models import HoldStage, TersoffConfig
from carbonize.potentials import make_potential
from carbonize.schedules import compile_schedule
from carbonize.simulation.dynamics import Langevin
from carbonize.simulation.propagate import Propagator
from carbonize.simulation.state import State, initial_state, replica_keys

TERSOFF = make_potential(TersoffConfig(kind="tersoff", parameters="tersoff-1989"))


def diamond(repeat: int = 2, rattle_A: float = 0.05) -> Any:
    """Rattled diamond of 8 * repeat^3 atoms."""
    atoms = bulk("C", "diamond", a=3.566, cubic=True).repeat(repeat)
    atoms.rattle(rattle_A, seed=7)
    return atoms


def propagator(
    atoms: Any,
    temperature_K: float = 1000.0,
    timestep_fs: float = 0.5,
    friction_per_ps: float = 10.0,
    replicas: int = 1,
    dtype: type = np.float64,
    potential: Any = TERSOFF,
    seed: int = 1,
    slots: int | None = None,
) -> tuple[Propagator, State]:
    """A propagator at constant temperature, and its start."""
    schedule = compile_schedule(
        [HoldStage(kind="hold", temperature_K=temperature_K, duration_ps=1e4)], timestep_fs
    )
    positions = np.repeat(np.asarray(atoms.positions, dtype)[None], replicas, axis=0)
    masses = np.asarray(atoms.get_masses(), float)
    engine = Propagator(
        potential,
        schedule,
        Langevin(timestep_fs, friction_per_ps),
        positions,
        atoms.cell.array,
        masses,
        np.zeros(len(atoms), np.int32),
        skin_A=0.8,
        slots=slots,
    )
    keys = replica_keys(seed, list(range(replicas)))
    return engine, initial_state(jnp.asarray(positions), jnp.asarray(masses, dtype), temperature_K, keys)
