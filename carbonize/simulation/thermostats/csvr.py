"""Canonical sampling through velocity rescaling.

Bussi, Donadio and Parrinello, J. Chem. Phys. 126, 014101 (2007): all momenta are scaled
by one factor, drawn so that the kinetic energy follows its own Langevin equation. The
factor is that of eq. (A7) there.

Our own lines: jax-md's draws the single normal number and the sum of squares from one
key, so that the two are not independent (docs/decisions.md).
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array

from carbonize.simulation.thermostats.base import Bath, Thermostat
from carbonize.units import fs_to_internal

__all__ = ["Csvr"]


@dataclasses.dataclass(frozen=True)
class Csvr(Thermostat):
    """Stochastic velocity rescaling.

    Attributes
    ----------
    time_constant_fs
        Time in which the kinetic energy relaxes, fs.
    """

    time_constant_fs: float

    def apply(self, bath: Bath, masses: Array, degrees: int, kT: Array, dt: Array) -> Bath:
        """See :class:`Thermostat`."""
        dtype = bath.momenta.dtype
        key, one, rest = jax.random.split(bath.key, 3)
        normal = jax.random.normal(one, (), dtype)
        # the sum of degrees - 1 squared normal numbers
        squares = 2.0 * jax.random.gamma(rest, jnp.asarray(0.5 * (degrees - 1), dtype), dtype=dtype)
        kinetic = 0.5 * jnp.sum(bath.momenta * bath.momenta / masses)
        kept = jnp.exp(-dt / fs_to_internal(self.time_constant_fs))
        # one degree's share of the target over the present kinetic energy; momenta at rest stay there
        share = (1.0 - kept) * 0.5 * kT / jnp.maximum(kinetic, jnp.finfo(dtype).tiny)
        square = kept + share * (normal * normal + squares) + 2.0 * normal * jnp.sqrt(kept * share)
        # eq. (A8): the sign of the factor
        sign = jnp.where(normal + jnp.sqrt(kept / jnp.maximum(share, jnp.finfo(dtype).tiny)) < 0, -1.0, 1.0)
        factor = jnp.where(kinetic > 0, sign.astype(dtype) * jnp.sqrt(jnp.maximum(square, 0.0)), 1.0)
        return Bath(bath.momenta * factor, bath.memory, key)
