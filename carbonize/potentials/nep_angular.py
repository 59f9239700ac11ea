"""Spherical harmonics of bond directions, and the rotational invariants that NEP makes of their sums.

With A_lm = sum_j g(r_ij) Y_lm(u_ij) over the neighbours of an atom, Y_lm the orthonormal real
spherical harmonics of the unit vector u, the descriptors are (Fan et al., J. Chem. Phys. 157,
114801 (2022), eqs. (9)-(14))

    q_l    = sum_m A_lm^2 = (2l + 1)/(4 pi) sum_jk g_j g_k P_l(u_j . u_k)     three bodies
    q_222  = cubic invariant of the five A_2m                                  four bodies
    q_1111 = (sum_m A_1m^2)^2 up to a factor                                   five bodies

A harmonic is N_lm Q_lm(z) Re or Im of (x + i y)^m, with Q_lm the m-th derivative of the Legendre
polynomial P_l. The order is m = 0, Re 1, Im 1, Re 2, ... within every l from 1 on.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import Array
from numpy.polynomial import legendre, polynomial

__all__ = [
    "FIVE_BODY",
    "QUADRUPOLE",
    "Q_222",
    "harmonics",
    "harmonics_backwards",
    "invariants",
    "invariants_backwards",
    "number_of_harmonics",
    "polynomial_of",
]

# Coefficients of q_222 and q_1111 in sums of 3z^2 - 1, xz, yz, x^2 - y^2, 2xy and of z, x, y, with the
# digits that GPUMD and NEP_CPU have.
Q_222 = (-0.007499480826664, -0.134990654879954, 0.067495327439977, 0.404971964639861, -0.809943929279723)
FIVE_BODY = 0.026596810706114


def number_of_harmonics(l_max: int) -> int:
    """Number of Y_lm with l from 1 to ``l_max``."""
    return (l_max + 1) ** 2 - 1


@functools.cache
def polynomial_of(l: int, m: int) -> tuple[float, ...]:  # noqa: E741
    """Coefficients of N_lm Q_lm(z) in rising powers of z."""
    norm = math.sqrt((2 * l + 1) / (4 * math.pi) * math.factorial(l - m) / math.factorial(l + m))
    if m > 0:
        norm *= math.sqrt(2.0)
    legendre_l = legendre.leg2poly(np.eye(l + 1)[l])
    return tuple(float(norm * c) for c in (polynomial.polyder(legendre_l, m) if m else legendre_l))


def _value(coefficients: Sequence[float], z: Array, z2: Array) -> Array | float:
    """An even or odd polynomial of z."""
    odd = len(coefficients) % 2 == 0
    terms = coefficients[1::2] if odd else coefficients[::2]
    total: Array | float = terms[-1]
    for c in terms[-2::-1]:
        total = total * z2 + c
    return total * z if odd else total


def _derivative(coefficients: Sequence[float]) -> tuple[float, ...]:
    return tuple(k * c for k, c in enumerate(coefficients))[1:]


def _powers(x: Array, y: Array, most: int) -> list[tuple[Array, Array]]:
    """Real and imaginary parts of (x + i y)^m for m from 1 to ``most``."""
    powers = [(x, y)]
    for _ in range(1, most):
        real, imaginary = powers[-1]
        powers.append((real * x - imaginary * y, real * y + imaginary * x))
    return powers


def harmonics(l_max: int, x: Array, y: Array, z: Array) -> list[Array]:
    """Y_lm of unit vectors, each in the shape of ``x``."""
    powers, z2 = _powers(x, y, l_max), z * z
    found: list[Array] = []
    for l in range(1, l_max + 1):  # noqa: E741
        found.append(_value(polynomial_of(l, 0), z, z2))  # type: ignore[arg-type]
        for m in range(1, l + 1):
            factor = _value(polynomial_of(l, m), z, z2)
            found += [factor * part for part in powers[m - 1]]
    return found


def harmonics_backwards(
    l_max: int, x: Array, y: Array, z: Array, weights: Sequence[Array]
) -> tuple[Array, Array, Array]:
    """sum_lm weights_lm dY_lm/d(x, y, z), the derivatives those of the polynomials above.

    They hold x, y and z for independent: only the part perpendicular to the unit vector counts.
    """
    powers, z2 = _powers(x, y, l_max), z * z
    dx: Array | float = 0.0
    dy: Array | float = 0.0
    dz: Array | float = 0.0
    for m in range(l_max + 1):
        sums: list[Array | float] = [0.0, 0.0, 0.0, 0.0]  # of the factor and its slope, Re and Im
        for l in range(max(m, 1), l_max + 1):  # noqa: E741
            coefficients = polynomial_of(l, m)
            factor = _value(coefficients, z, z2)
            slope = _value(_derivative(coefficients), z, z2) if l > m else 0.0
            first = l * l - 1 + max(2 * m - 1, 0)
            for part in range(1 if m == 0 else 2):
                weight = weights[first + part]
                sums[part] = sums[part] + weight * factor
                if l > m:
                    sums[2 + part] = sums[2 + part] + weight * slope
        if m == 0:
            dz = dz + sums[2]
            continue
        real, imaginary = powers[m - 1]
        dz = dz + sums[2] * real + sums[3] * imaginary
        if m == 1:
            dx, dy = dx + sums[0], dy + sums[1]
        else:
            real, imaginary = powers[m - 2]
            dx = dx + float(m) * (sums[0] * real + sums[1] * imaginary)
            dy = dy + float(m) * (sums[1] * real - sums[0] * imaginary)
    return dx, dy, dz  # type: ignore[return-value]


def _quadrupole(A: Sequence[Array]) -> tuple[Array, ...]:
    """Sums of 3z^2 - 1, xz, yz, x^2 - y^2 and 2xy from those of the Y_2m."""
    return tuple(a * scale for a, scale in zip(A[3:8], QUADRUPOLE, strict=True))


QUADRUPOLE = (
    math.sqrt(16 * math.pi / 5),
    math.sqrt(4 * math.pi / 15),
    math.sqrt(4 * math.pi / 15),
    math.sqrt(16 * math.pi / 15),
    math.sqrt(16 * math.pi / 15),
)


def invariants(l_max: int, four_body: bool, five_body: bool, A: Sequence[Array]) -> list[Array]:
    """q_1 ... q_lmax, then q_222 and q_1111 where they are wanted, each in the shape of an A_lm."""
    q: list[Any] = [sum(A[k] * A[k] for k in range(l * l - 1, (l + 1) ** 2 - 1)) for l in range(1, l_max + 1)]  # noqa: E741
    if four_body:
        s, t, u, v, w = _quadrupole(A)
        a, b, c, d, e = Q_222
        q.append(
            s * (a * s * s + b * (t * t + u * u) + c * (v * v + w * w))
            + d * v * (u * u - t * t)
            + e * t * u * w
        )
    if five_body:
        dipole = q[0] * (4 * math.pi / 3)
        q.append(FIVE_BODY * dipole * dipole)
    return q


def invariants_backwards(
    l_max: int, four_body: bool, five_body: bool, A: Sequence[Array], dq: Sequence[Array]
) -> list[Array]:
    """sum_q dq dq/dA_lm for every A_lm."""
    weights = [2.0 * d for d in dq[:l_max]]
    rest = list(dq[l_max:])
    of_quadrupole = rest.pop(0) if four_body else None
    if five_body:
        dipole = A[0] * A[0] + A[1] * A[1] + A[2] * A[2]
        weights[0] = weights[0] + (4.0 * FIVE_BODY * (4 * math.pi / 3) ** 2) * rest[0] * dipole
    dA = [weights[l - 1] * A[k] for l in range(1, l_max + 1) for k in range(l * l - 1, (l + 1) ** 2 - 1)]  # noqa: E741
    if of_quadrupole is not None:
        s, t, u, v, w = _quadrupole(A)
        a, b, c, d, e = Q_222
        slopes = (
            3.0 * a * s * s + b * (t * t + u * u) + c * (v * v + w * w),
            2.0 * t * (b * s - d * v) + e * u * w,
            2.0 * u * (b * s + d * v) + e * t * w,
            2.0 * c * s * v + d * (u * u - t * t),
            2.0 * c * s * w + e * t * u,
        )
        for k, (slope, scale) in enumerate(zip(slopes, QUADRUPOLE, strict=True), start=3):
            dA[k] = dA[k] + of_quadrupole * (scale * slope)
    return dA
