"""Radial functions of NEP: Chebyshev polynomials times a cosine cutoff, with their derivatives.

Fan et al., J. Chem. Phys. 157, 114801 (2022), eqs. (3)-(6):

    g_n(r) = sum_k c_nk f_k(r),   f_k = 1/2 [T_k(x) + 1] fc(r),   x = 2 (r/rc - 1)^2 - 1
    fc     = 1/2 [1 + cos(pi r/rc)] below rc, 0 from there on

f_0 = fc. Bonds longer than rc contribute nothing, whatever their length.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from carbonize.potentials.slots import barrier

__all__ = ["Range", "basis", "chebyshev", "within"]


class Range(NamedTuple):
    """A bond's place within the cutoff: x and dx/dr (1/A), fc and dfc/dr (1/A)."""

    x: Array
    dx: Array
    fc: Array
    dfc: Array


def within(r: Array, cutoff_A: Array | float) -> Range:
    """x and fc of distances ``r`` (A)."""
    inverse = 1.0 / cutoff_A
    reduced = jnp.minimum(r * inverse, 1.0)
    # sin and cos of an angle in -pi/2..pi/2 by their Taylor series, good to 1e-16 (1e-7 in
    # float32) and several times faster than the general functions
    angle = math.pi * reduced - 0.5 * math.pi
    square = angle * angle
    terms = 6 if r.dtype == jnp.float32 else 11
    sine, cosine = jnp.ones_like(r), jnp.ones_like(r)
    for k in range(terms, 0, -1):
        sine = 1.0 - sine * square * (1.0 / (2 * k * (2 * k + 1)))
        cosine = 1.0 - cosine * square * (1.0 / ((2 * k - 1) * 2 * k))
    inside = r < cutoff_A
    edge = reduced - 1.0
    return barrier(
        Range(
            2.0 * edge * edge - 1.0,
            4.0 * edge * inverse,
            jnp.where(inside, 0.5 - 0.5 * angle * sine, 0.0),
            jnp.where(inside, (-0.5 * math.pi) * inverse * cosine, 0.0),
        )
    )


def chebyshev(x: Array, most: int) -> tuple[list[Array], list[Array]]:
    """T_k(x) and dT_k/dx for k from 0 to ``most``."""
    T, U = [jnp.ones_like(x), x], [jnp.ones_like(x), 2.0 * x]
    for _ in range(2, most + 1):
        T.append(2.0 * x * T[-1] - T[-2])
        U.append(2.0 * x * U[-1] - U[-2])
    slopes = [jnp.zeros_like(x)] + [float(k) * U[k - 1] for k in range(1, most + 1)]
    return T[: most + 1], slopes


def basis(place: Range, most: int) -> tuple[list[Array], list[Array]]:
    """f_k and df_k/dr (1/A) for k from 0 to ``most``."""
    T, slopes = chebyshev(place.x, most)
    steep = place.fc * place.dx
    f, df = [place.fc], [place.dfc]
    for k in range(1, most + 1):
        half = 0.5 * (T[k] + 1.0)
        f.append(half * place.fc)
        df.append(half * place.dfc + 0.5 * slopes[k] * steep)
    return f, df
