"""Langevin thermostat: the exact Ornstein-Uhlenbeck step of BAOAB.

Leimkuhler and Matthews, J. Chem. Phys. 138, 174102 (2013); the step itself is jax-md's.
"""

from __future__ import annotations

import dataclasses

from jax import Array

from carbonize.simulation.thermostats.base import Bath, Thermostat
from carbonize.units import fs_to_internal

__all__ = ["Langevin"]


@dataclasses.dataclass(frozen=True)
class Langevin(Thermostat):
    """Friction and noise on every momentum; all 3N degrees of freedom are thermal.

    Attributes
    ----------
    friction_per_ps
        Rate at which a momentum forgets itself, 1/ps.
    """

    friction_per_ps: float
    keeps_momentum = False

    def apply(self, bath: Bath, masses: Array, degrees: int, kT: Array, dt: Array) -> Bath:
        """See :class:`Thermostat`."""
        from jax_md import simulate

        friction = self.friction_per_ps / fs_to_internal(1000.0)
        # positions and forces are not looked at by this step
        state = simulate.NVTLangevinState(
            bath.momenta, bath.momenta, bath.momenta, masses, bath.key  # pyright: ignore
        )
        state = simulate.stochastic_step(state, dt, kT, friction)
        return Bath(state.momentum, bath.memory, state.rng)
