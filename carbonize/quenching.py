"""Random packing and melt-quench, each relaxed so that dynamics can start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from carbonize.config.models import HoldStage, QuenchStage
from carbonize.errors import InputError, SimulationError
from carbonize.potentials.base import Potential
from carbonize.schedules import compile_schedule
from carbonize.starting import build_random, relax
from carbonize.structures.carving import carve_pores

__all__ = ["MeltQuench", "Pores", "check_size", "melt_quench", "random_structure"]

_CHUNK_STEPS = 500
_LARGEST_DENSITY = 4.0  # g/cm3; diamond has 3.52


class MeltQuench(NamedTuple):
    """Settings of a melt-quench: temperatures in K, times in ps, time step in fs."""

    melt_K: float = 6000.0
    melt_ps: float = 1.0
    quench_ps: float = 1.0
    to_K: float = 300.0
    timestep_fs: float = 0.25
    friction_per_ps: float = 10.0


class Pores(NamedTuple):
    """Pores to cut after the quench: density of the carbon around them (g/cm3), their diameter (A)."""

    wall_density_g_cm3: float
    diameter_A: float = 10.0


def check_size(atoms: int, density_g_cm3: float) -> None:
    """Refuse what cannot be a carbon.

    Raises
    ------
    InputError
        If there are fewer than two atoms or the density is not between 0 and 4 g/cm3.
    """
    if atoms < 2:
        raise InputError(f"--atoms {atoms}: a structure needs at least 2 atoms")
    if not 0 < density_g_cm3 <= _LARGEST_DENSITY:
        raise InputError(
            f"--density {density_g_cm3:g}: expected g/cm3 above 0 and up to {_LARGEST_DENSITY:g} (diamond has 3.52)"
        )


def random_structure(
    potential: Potential,
    atoms: int,
    density_g_cm3: float,
    seed: int,
    min_distance_A: float | None = None,
    force_tolerance_eV_A: float = 1.0,
    watch: Callable[[int, float, float], None] | None = None,
) -> tuple[Any, Any]:
    """A relaxed random packing; see :func:`carbonize.starting.build_random`."""
    check_size(atoms, density_g_cm3)
    return build_random(potential, atoms, density_g_cm3, seed, min_distance_A, force_tolerance_eV_A, watch)


def melt_quench(
    potential: Potential,
    atoms: int,
    density_g_cm3: float,
    seed: int,
    settings: MeltQuench,
    pores: Pores | None = None,
    force_tolerance_eV_A: float = 0.1,
    watch: Callable[[str, float], None] | None = None,
) -> tuple[Any, Any]:
    """Melt a random packing, quench it at constant volume, and relax it.

    Parameters
    ----------
    potential
        Force law.
    atoms, density_g_cm3, seed
        Size, density, and the seed of packing and dynamics.
    settings
        The temperature programme.
    pores
        Melt and quench at this higher density instead, then cut pores out until ``density_g_cm3``
        and ``atoms`` are met (:func:`carbonize.structures.carving.carve_pores`).
    force_tolerance_eV_A
        Largest force after the final relaxation, eV/A.
    watch
        Called with (what happens, fraction done).

    Returns
    -------
    (ase.Atoms, carbonize.simulation.minimize.Minimum)

    Raises
    ------
    InputError
        If a setting is not possible.
    SimulationError
        If the dynamics breaks down.
    """
    check_size(atoms, density_g_cm3)
    if settings.to_K >= settings.melt_K:
        raise InputError(f"--to {settings.to_K:g} K is not below --melt {settings.melt_K:g} K")
    stages = [
        HoldStage(kind="hold", temperature_K=settings.melt_K, duration_ps=settings.melt_ps),
        QuenchStage(kind="quench", to_K=settings.to_K, duration_ps=settings.quench_ps),
    ]
    schedule = compile_schedule(stages, settings.timestep_fs)
    melted_atoms, melted_density = atoms, density_g_cm3
    if pores is not None:
        if not density_g_cm3 < pores.wall_density_g_cm3 <= _LARGEST_DENSITY:
            raise InputError(
                f"--wall-density {pores.wall_density_g_cm3:g}: expected g/cm3 above --density {density_g_cm3:g} "
                f"and up to {_LARGEST_DENSITY:g}"
            )
        # the cube stays: only the number of atoms in it changes
        melted_atoms = round(atoms * pores.wall_density_g_cm3 / density_g_cm3)
        melted_density = density_g_cm3 * melted_atoms / atoms
    packed, _ = random_structure(potential, melted_atoms, melted_density, seed)
    melted = packed.copy()
    melted.set_positions(_propagate(potential, schedule, packed, seed, settings, watch))
    melted.wrap()
    if pores is not None:
        kept = carve_pores(melted.positions, float(melted.cell[0, 0]), atoms, pores.diameter_A, seed)
        melted = melted[kept]
    if watch is not None:
        watch("relaxing", 1.0)
    return relax(potential, melted, force_tolerance_eV_A)


def _propagate(
    potential: Potential, schedule: Any, packed: Any, seed: int, settings: MeltQuench, watch: Any
) -> np.ndarray:
    import jax
    import jax.numpy as jnp

    from carbonize.simulation.dynamics import Motion
    from carbonize.simulation.motion import make_limits
    from carbonize.simulation.propagate import Propagator
    from carbonize.simulation.state import initial_state, replica_keys
    from carbonize.simulation.thermostats import Langevin

    jax.config.update("jax_enable_x64", True)
    positions, cells = packed.positions[None], packed.cell.array[None]
    masses = np.asarray(packed.get_masses(), float)
    thermostat = Langevin(settings.friction_per_ps)
    propagator = Propagator(
        potential,
        [schedule],
        Motion(settings.timestep_fs, thermostat, None, make_limits(settings.melt_K)),
        positions,
        cells,
        masses,
        np.zeros(len(packed), np.int32),
        skin_A=1.2,
    )
    state = initial_state(
        jnp.asarray(positions),
        jnp.asarray(cells),
        jnp.asarray(masses),
        [settings.melt_K],
        replica_keys(seed, [0]),
    )
    step = 0
    while step < schedule.total_steps:
        steps = min(_CHUNK_STEPS, schedule.total_steps - step)
        state, report, failures = propagator.advance(state, steps)
        if failures:
            raise SimulationError(failures[0].message)
        step += steps
        if watch is not None:
            watch(f"{float(report.temperature_K[0]):.0f} K", step / schedule.total_steps)
    return np.asarray(state.positions[0])
