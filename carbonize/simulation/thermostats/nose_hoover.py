"""Nose-Hoover chain thermostat.

Martyna, Klein and Tuckerman, J. Chem. Phys. 97, 2635 (1992); the chain's propagator is
jax-md's (:func:`jax_md.simulate.nose_hoover_chain`).
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
from jax import Array

from carbonize.simulation.thermostats.base import Bath, Thermostat
from carbonize.units import fs_to_internal

__all__ = ["NoseHooverChain"]

_SMALLEST_KT_EV = 1e-6  # a chain at 0 K would have no mass


@dataclasses.dataclass(frozen=True)
class NoseHooverChain(Thermostat):
    """Deterministic thermostat; its memory is the chain's positions and momenta.

    Attributes
    ----------
    time_constant_fs
        Period of the heat exchange over 2 pi, fs.
    chain_length
        Number of links.
    """

    time_constant_fs: float
    chain_length: int

    @property
    def memory(self) -> int:
        """Positions and momenta of the links."""
        return 2 * self.chain_length

    def apply(self, bath: Bath, masses: Array, degrees: int, kT: Array, dt: Array) -> Bath:
        """See :class:`Thermostat`."""
        from jax_md import simulate

        dtype = bath.momenta.dtype
        chain = simulate.nose_hoover_chain(
            dt, self.chain_length, 1, 1, jnp.asarray(fs_to_internal(self.time_constant_fs), dtype)  # pyright: ignore
        )
        kT = jnp.maximum(kT, _SMALLEST_KT_EV)
        kinetic = 0.5 * jnp.sum(bath.momenta * bath.momenta / masses)
        state = chain.initialize(degrees, kinetic, kT)
        state = state.set(
            position=bath.memory[: self.chain_length],
            momentum=bath.memory[self.chain_length :],
        )
        state = chain.update_mass(state, kT)
        # one whole step: half a step before and half a step after the middle
        momenta, state = chain.half_step(bath.momenta, state, kT)
        momenta, state = chain.half_step(momenta, state, kT)
        memory = jnp.concatenate([state.position, state.momentum]).astype(dtype)
        return Bath(momenta.astype(dtype), memory, bath.key)
