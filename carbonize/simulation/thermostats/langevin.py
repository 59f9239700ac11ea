"""Langevin thermostat: the exact Ornstein-Uhlenbeck step of BAOAB.

Leimkuhler and Matthews, J. Chem. Phys. 138, 174102 (2013).
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
from jax import Array

from carbonize.potentials.slots import barrier
from carbonize.simulation.thermostats.base import Bath, Thermostat
from carbonize.simulation.thermostats.noise import normals, split
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
        friction = self.friction_per_ps / fs_to_internal(1000.0)
        keep = jnp.exp(-friction * dt)
        # 1 - keep^2 would be all rounding for a small friction
        width = jnp.sqrt(-jnp.expm1(-2.0 * friction * dt) * kT * masses)
        # Drawn in single precision: a number costs a third, and what is finer than 1e-7 of a kick
        # changes no average (docs/decisions.md).
        key, draw = split(bath.key)
        noise = barrier(normals(draw, bath.momenta.shape)).astype(bath.momenta.dtype)
        return Bath(keep * bath.momenta + width * noise, bath.memory, key)
