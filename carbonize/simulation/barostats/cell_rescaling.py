"""Isotropic stochastic cell rescaling.

Bernetti and Bussi, J. Chem. Phys. 153, 114107 (2020). The volume V follows an overdamped
Langevin equation whose stationary distribution is that of the isothermal-isobaric
ensemble, fluctuations included; positions are scaled with the cell's edge and momenta
against it. It is integrated in lambda = sqrt(V), in which the noise does not depend on
the state:

    d lambda = (beta lambda / 2 tau) (P - P0 + kT / 2V) dt + sqrt(kT beta / 2 tau) dW

with the compressibility beta, the time constant tau, the instantaneous pressure P and the
wanted one P0. Only beta / tau matters, and only for the pace.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

from carbonize.simulation.cells import volume_A3
from carbonize.units import GPA_PER_EV_A3, fs_to_internal

__all__ = ["CellRescaling"]

_LARGEST_STEP = 0.01  # of lambda in one step; far more than any equilibrium fluctuation


@dataclasses.dataclass(frozen=True)
class CellRescaling:
    """Settings of the barostat.

    Attributes
    ----------
    pressure_GPa
        The wanted pressure.
    time_constant_ps, compressibility_per_GPa
        Their ratio sets the pace.
    """

    pressure_GPa: float
    time_constant_ps: float
    compressibility_per_GPa: float

    def factor(
        self,
        cell: Float[Array, "3 3"],
        pressure_eV_A3: Float[Array, ""],
        kT: Float[Array, ""],
        key: UInt32[Array, "2"],
        dt: Float[Array, ""],
    ) -> tuple[Float[Array, ""], UInt32[Array, "2"]]:
        """By how much to scale the cell's edges after ``dt`` (internal time), and the stream's next key."""
        dtype = cell.dtype
        key, draw = jax.random.split(key)
        pace = (
            self.compressibility_per_GPa * GPA_PER_EV_A3 / fs_to_internal(1000.0 * self.time_constant_ps)
        )  # A^3/eV per internal time
        wanted = self.pressure_GPa / GPA_PER_EV_A3
        volume = volume_A3(cell)
        drift = 0.5 * pace * (pressure_eV_A3 - wanted + 0.5 * kT / volume) * dt
        noise = jnp.sqrt(0.5 * kT * pace * dt / volume) * jax.random.normal(draw, (), dtype)
        relative = jnp.clip(drift + noise, -_LARGEST_STEP, _LARGEST_STEP)
        return jnp.exp((2.0 / 3.0) * jnp.log1p(relative)), key
