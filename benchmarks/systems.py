"""Hot disordered carbon of any size for benchmarks."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from ase.io import read

from carbonize.potentials.base import Potential
from carbonize.potentials.edip import Edip
from carbonize.potentials.nep import Nep
from carbonize.potentials.nep_file import read_nep
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS
from carbonize.schedules import Schedule
from carbonize.simulation.dynamics import Motion
from carbonize.simulation.motion import make_limits
from carbonize.simulation.propagate import Propagator
from carbonize.simulation.spread import cores_per_replica, usable_cores, use_cores
from carbonize.simulation.state import State, initial_state, replica_keys
from carbonize.simulation.thermostats import Langevin

__all__ = [
    "DENSITY_G_CM3",
    "MASS_AMU",
    "SKIN_A",
    "TEMPERATURE_K",
    "TIMESTEP_FS",
    "melted",
    "nep_file",
    "potential",
    "propagator",
    "tiled",
]

DENSITY_G_CM3 = 1.5
TEMPERATURE_K = 3500.0
TIMESTEP_FS = 0.5
SKIN_A = 1.2
MASS_AMU = 12.011

_STRUCTURE = Path(__file__).parent.parent / "structures" / "precursor-1000.extxyz"
_NEP_FILE = Path(__file__).parents[2] / "shared" / "potentials" / "C_2022_NEP4.txt"
_RATTLE_A = 0.02


def nep_file() -> Path | None:
    """The NEP file to measure with: ``CARBONIZE_NEP_FILE``, or the one beside the repository, if there is one."""
    path = Path(os.environ.get("CARBONIZE_NEP_FILE", _NEP_FILE))
    return path if path.is_file() else None


def potential(name: str) -> Potential:
    """``edip``, ``tersoff`` (the set of 1989) or ``nep`` (see :func:`nep_file`)."""
    if name == "nep":
        path = nep_file()
        if path is None:
            raise FileNotFoundError("no NEP file; set CARBONIZE_NEP_FILE")
        return Nep(read_nep(path))
    triplet = ("C", "C", "C")
    return Edip() if name == "edip" else Tersoff(((triplet, NAMED_SETS["tersoff-1989"][triplet]),))


def melted(name: str, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (atom, 3) and cell (A) of 1,000 atoms of porous carbon, compressed and heated.

    The shipped precursor is scaled to 1.5 g/cm3 and driven at 3,500 K with the potential's own
    forces for ``steps`` steps of 0.5 fs.
    """
    atoms = read(_STRUCTURE)
    mass_g = len(atoms) * MASS_AMU * 1.66053906660e-24  # type: ignore[arg-type]
    edge_A = (mass_g / DENSITY_G_CM3) ** (1 / 3) * 1e8
    cell = np.eye(3) * edge_A
    positions = atoms.get_scaled_positions() @ cell  # type: ignore[union-attr]
    run, state = propagator(name, positions[None].astype("float32"), cell, friction_per_ps=50.0)
    for _ in range(0, steps, 100):
        state, _, _ = run.advance(state, 100)
    return np.asarray(state.positions[0], float), cell


def tiled(
    positions: np.ndarray, cell: np.ndarray, times: tuple[int, ...], seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """The cell repeated, each copy shaken by 0.02 A so that none equals another."""
    shifts = np.stack(np.meshgrid(*[np.arange(n) for n in times], indexing="ij"), -1).reshape(-1, 1, 3) @ cell
    everything = (positions[None] + shifts).reshape(-1, 3)
    noise = np.random.default_rng(seed).normal(size=everything.shape) * _RATTLE_A
    return everything + noise, cell * np.array(times)[:, None]


def propagator(
    name: str, positions: np.ndarray, cell: np.ndarray, friction_per_ps: float = 1.0, seed: int = 1
) -> tuple[Propagator, State]:
    """Whole molecular dynamics of positions (replica, atom, 3) at 3,500 K, and its first state.

    On as many cores as a run would use.
    """
    import jax.numpy as jnp

    replicas, atoms, _ = positions.shape
    use_cores(replicas, usable_cores() if replicas == 1 else 1)
    force_law = potential(name)
    masses = np.full(atoms, MASS_AMU)
    schedule = Schedule((0,), (TEMPERATURE_K,), (0.0,), 10**9, ("hold",))
    cells = np.repeat(cell[None], replicas, axis=0)
    run = Propagator(
        force_law,
        [schedule] * replicas,
        Motion(TIMESTEP_FS, Langevin(friction_per_ps), None, make_limits(TEMPERATURE_K)),
        positions,
        cells,
        masses,
        np.zeros(atoms, np.int32),
        SKIN_A,
        cores=cores_per_replica(force_law, atoms, replicas),
    )
    keys = replica_keys(seed, list(range(replicas)))
    state = initial_state(
        jnp.asarray(positions),
        jnp.asarray(cells, positions.dtype),
        jnp.asarray(masses, positions.dtype),
        [TEMPERATURE_K] * replicas,
        keys,
    )
    return run, state
