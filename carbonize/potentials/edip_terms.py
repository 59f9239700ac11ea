"""Functions of one variable in carbon EDIP, each with its derivative.

N. A. Marks, Phys. Rev. B 63, 035401 (2000); J. Phys.: Condens. Matter 14, 2901 (2002).
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from carbonize.potentials.slots import barrier

__all__ = ["PiFunctions", "Taper", "pi_functions", "taper"]

# Beyond this fraction of its range the taper is below 1e-200; stopping there avoids 0/0 at its end.
_TAPER_END = 0.999


class Taper(NamedTuple):
    """A taper and its derivative with respect to r."""

    value: Array
    slope: Array


def taper(r: Array, low: float, high: float, alpha: float) -> Taper:
    """f(r), and p(r) with its own limits: 1 below ``low``, 0 above ``high``, and the derivative.

    exp[alpha / (1 - x^-3)] with x = (r - low)/(high - low), written as
    exp[-alpha x^3/(1 - x^3)], which is finite at x = 0.
    """
    width = high - low
    x = jnp.clip((r - low) * (1.0 / width), 0.0, _TAPER_END)
    x2 = x * x
    x3 = x2 * x
    inverse = barrier(1.0 / (1.0 - x3))
    value = barrier(jnp.exp(-alpha * x3 * inverse))
    return Taper(value, (-3.0 * alpha / width) * value * x2 * inverse * inverse)


class PiFunctions(NamedTuple):
    """Switching functions of the spherical coordination z, and their derivatives.

    ``three`` (pi_3) is 1 at z = 3 and 0 outside 2..4; ``two`` (pi_2) the same about z = 2;
    ``partner`` (pi) is 1 up to z = 3, follows pi_3 down and is 0 from z = 4 on.
    """

    three: Array
    two: Array
    partner: Array
    d_three: Array
    d_two: Array
    d_partner: Array


def pi_functions(z: Array) -> PiFunctions:
    """[(z - n)^2 - 1]^2 within n - 1 < z < n + 1 and what is made of it."""

    def bump(centre: float) -> tuple[Array, Array]:
        # The polynomial vanishes with its slope at both ends, so clipping z is all it needs.
        t = jnp.clip(z - centre, -1.0, 1.0)
        q = t * t - 1.0
        return q * q, 4.0 * t * q

    three, d_three = bump(3.0)
    two, d_two = bump(2.0)
    low = z <= 3.0
    return PiFunctions(three, two, jnp.where(low, 1.0, three), d_three, d_two, jnp.where(low, 0.0, d_three))
