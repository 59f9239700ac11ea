"""Spherical harmonics and invariants of :mod:`carbonize.potentials.nep_angular`, a row at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from carbonize.potentials.foreign import compiled
from carbonize.potentials.nep_angular import FIVE_BODY, Q_222, QUADRUPOLE
from carbonize.potentials.nep_loops.layout import POLYNOMIAL
from carbonize.potentials.nep_loops.rows import add_product, copy, polynomial, product

__all__ = ["harmonics", "harmonics_backwards", "invariants", "invariants_backwards", "tables"]


def tables(l_max: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of the polynomials N_lm Q_lm(z) and of their derivatives, in powers of z^2; (l, m, power)."""
    from carbonize.potentials.nep_angular import polynomial_of

    values, slopes = np.zeros((2, l_max + 1, l_max + 1, POLYNOMIAL))
    for l in range(1, l_max + 1):  # noqa: E741
        for m in range(l + 1):
            rising = np.array(polynomial_of(l, m))
            falls = rising[1:] * np.arange(1, len(rising))
            for table, c in ((values, rising), (slopes, falls)):
                own = c[(len(c) - 1) % 2 :: 2]  # even or odd powers only
                table[l, m, : len(own)] = own
    return values, slopes


@compiled
def _powers(l_max: int, x: Any, y: Any, z: Any, n: int, work: Any) -> None:
    """z^2, then real and imaginary parts of (x + i y)^m from m = 1."""
    product(z, z, work[0, :n])
    copy(x, work[1, :n])
    copy(y, work[2, :n])
    for m in range(2, l_max + 1):
        real, imaginary = work[2 * m - 1, :n], work[2 * m, :n]
        _power(work[2 * m - 3, :n], work[2 * m - 2, :n], x, y, real)
        _imaginary_power(work[2 * m - 3, :n], work[2 * m - 2, :n], x, y, imaginary)


@compiled
def _power(a: Any, b: Any, x: Any, y: Any, out: Any) -> None:
    for k in range(len(out)):
        out[k] = a[k] * x[k] - b[k] * y[k]


@compiled
def _imaginary_power(a: Any, b: Any, x: Any, y: Any, out: Any) -> None:
    for k in range(len(out)):
        out[k] = a[k] * y[k] + b[k] * x[k]


@compiled
def harmonics(l_max: int, values: Any, x: Any, y: Any, z: Any, n: int, work: Any, Y: Any) -> None:
    """Y_lm; ``work`` keeps the powers for the way back."""
    _powers(l_max, x, y, z, n, work)
    z2, factor = work[0, :n], work[2 * l_max + 1, :n]
    row = 0
    for l in range(1, l_max + 1):  # noqa: E741
        polynomial(values[l, 0], l % 2 == 1, z, z2, Y[row, :n])
        row += 1
        for m in range(1, l + 1):
            polynomial(values[l, m], (l - m) % 2 == 1, z, z2, factor)
            product(factor, work[2 * m - 1, :n], Y[row, :n])
            product(factor, work[2 * m, :n], Y[row + 1, :n])
            row += 2


@compiled
def _turned(a: Any, x: Any, b: Any, y: Any, m: Any, out: Any) -> None:
    """out += m (a x + b y)."""
    for k in range(len(out)):
        out[k] += m * (a[k] * x[k] + b[k] * y[k])


@compiled
def _turned_back(a: Any, x: Any, b: Any, y: Any, m: Any, out: Any) -> None:
    """out += m (a x - b y)."""
    for k in range(len(out)):
        out[k] += m * (a[k] * x[k] - b[k] * y[k])


@compiled
def _add(a: Any, out: Any) -> None:
    for k in range(len(out)):
        out[k] += a[k]


@compiled
def harmonics_backwards(
    l_max: int, values: Any, slopes: Any, z: Any, n: int, work: Any, W: Any, dx: Any, dy: Any, dz: Any
) -> None:
    """sum_lm W_lm dY_lm/d(x, y, z), with x, y and z held for independent."""
    real = W.dtype.type
    zero = real(0.0)
    z2, factor = work[0, :n], work[2 * l_max + 1, :n]
    first, second = work[2 * l_max + 2, :n], work[2 * l_max + 3, :n]
    third, fourth = work[2 * l_max + 4, :n], work[2 * l_max + 5, :n]
    dx[:] = zero
    dy[:] = zero
    dz[:] = zero
    for m in range(l_max + 1):
        first[:] = zero
        second[:] = zero
        third[:] = zero
        fourth[:] = zero
        for l in range(max(m, 1), l_max + 1):  # noqa: E741
            row = l * l - 1 + max(2 * m - 1, 0)
            if m > 0:
                polynomial(values[l, m], (l - m) % 2 == 1, z, z2, factor)
                add_product(W[row, :n], factor, first)
                add_product(W[row + 1, :n], factor, second)
            if l > m:
                polynomial(slopes[l, m], (l - m) % 2 == 0, z, z2, factor)
                add_product(W[row, :n], factor, third)
                if m > 0:
                    add_product(W[row + 1, :n], factor, fourth)
        if m == 0:
            _add(third, dz)
            continue
        _turned(third, work[2 * m - 1, :n], fourth, work[2 * m, :n], real(1.0), dz)
        if m == 1:
            _add(first, dx)
            _add(second, dy)
        else:
            _turned(first, work[2 * m - 3, :n], second, work[2 * m - 2, :n], real(m), dx)
            _turned_back(second, work[2 * m - 3, :n], first, work[2 * m - 2, :n], real(m), dy)


@compiled
def invariants(l_max: int, four_body: bool, five_body: bool, n: int, A: Any, q: Any) -> None:
    """q_1 ... q_lmax, then q_222 and q_1111, of every sum."""
    real = A.dtype.type
    for l in range(1, l_max + 1):  # noqa: E741
        product(A[l * l - 1, :n], A[l * l - 1, :n], q[l - 1, :n])
        for row in range(l * l, (l + 1) * (l + 1) - 1):
            add_product(A[row, :n], A[row, :n], q[l - 1, :n])
    row = l_max
    if four_body:
        a, b, c, d, e = real(Q_222[0]), real(Q_222[1]), real(Q_222[2]), real(Q_222[3]), real(Q_222[4])
        f, g, h = real(QUADRUPOLE[0]), real(QUADRUPOLE[1]), real(QUADRUPOLE[3])
        for k in range(n):
            s, t, u, v, w = f * A[3, k], g * A[4, k], g * A[5, k], h * A[6, k], h * A[7, k]
            q[row, k] = (
                s * (a * s * s + b * (t * t + u * u) + c * (v * v + w * w))
                + d * v * (u * u - t * t)
                + e * t * u * w
            )
        row += 1
    if five_body:
        scale, times = real(4 * math.pi / 3), real(FIVE_BODY)
        for k in range(n):
            dipole = q[0, k] * scale
            q[row, k] = times * dipole * dipole


@compiled
def _twice(a: Any, weight: Any, out: Any) -> None:
    for k in range(len(out)):
        out[k] = (weight[k] + weight[k]) * a[k]


@compiled
def invariants_backwards(
    l_max: int, four_body: bool, five_body: bool, n: int, A: Any, dq: Any, dA: Any
) -> None:
    """sum_q dq dq/dA_lm of every sum; ``dq`` may be changed."""
    real = A.dtype.type
    if five_body:
        times = real(2.0 * FIVE_BODY * (4 * math.pi / 3) ** 2)
        row = l_max + (1 if four_body else 0)
        for k in range(n):
            dipole = A[0, k] * A[0, k] + A[1, k] * A[1, k] + A[2, k] * A[2, k]
            dq[0, k] += times * dq[row, k] * dipole
    for l in range(1, l_max + 1):  # noqa: E741
        for row in range(l * l - 1, (l + 1) * (l + 1) - 1):
            _twice(A[row, :n], dq[l - 1, :n], dA[row, :n])
    if four_body:
        a, b, c, d, e = real(Q_222[0]), real(Q_222[1]), real(Q_222[2]), real(Q_222[3]), real(Q_222[4])
        f, g, h = real(QUADRUPOLE[0]), real(QUADRUPOLE[1]), real(QUADRUPOLE[3])
        two, three = real(2.0), real(3.0)
        for k in range(n):
            s, t, u, v, w = f * A[3, k], g * A[4, k], g * A[5, k], h * A[6, k], h * A[7, k]
            weight = dq[l_max, k]
            dA[3, k] += weight * f * (three * a * s * s + b * (t * t + u * u) + c * (v * v + w * w))
            dA[4, k] += weight * g * (two * t * (b * s - d * v) + e * u * w)
            dA[5, k] += weight * g * (two * u * (b * s + d * v) + e * t * w)
            dA[6, k] += weight * h * (two * c * s * v + d * (u * u - t * t))
            dA[7, k] += weight * h * (two * c * s * w + e * t * u)
