"""Functions of bonds, a row at a time. Each writes one row: with more LLVM would not see that none overlap."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from carbonize.potentials.edip_loops.numbers import like
from carbonize.potentials.foreign import compiled
from carbonize.potentials.nep_loops.layout import (
    ARGUMENT,
    DARGUMENT,
    DTAPER,
    PER_CUTOFF,
    TAPER,
    R,
)

__all__ = [
    "add_product",
    "basis",
    "copy",
    "lengths",
    "place",
    "polynomial",
    "product",
    "transposed",
]


@compiled
def lengths(r: Any, over: Any) -> None:
    """From squares to lengths, and their inverses."""
    for k in range(len(r)):
        r[k] = math.sqrt(r[k])
    for k in range(len(r)):
        over[k] = like(r[k], 1.0) / r[k]


@compiled
def _argument(r: Any, per_cutoff: Any, x: Any) -> None:
    for k in range(len(r)):
        edge = r[k] * per_cutoff[k] - like(r[k], 1.0)
        x[k] = like(edge, 2.0) * edge * edge - like(edge, 1.0)


@compiled
def _argument_slope(r: Any, per_cutoff: Any, dx: Any) -> None:
    for k in range(len(r)):
        dx[k] = like(r[k], 4.0) * (r[k] * per_cutoff[k] - like(r[k], 1.0)) * per_cutoff[k]


@compiled
def _half_sine(r: Any, per_cutoff: Any, out: Any) -> None:
    """sin of pi/2 (r/cutoff - 1/2), between -pi/4 and pi/4, by Taylor's series."""
    for k in range(len(r)):
        h = like(r[k], 0.5 * math.pi) * (r[k] * per_cutoff[k] - like(r[k], 0.5))
        s = h * h
        t = like(s, 1.0 / 355687428096000.0)
        t = t * s - like(s, 1.0 / 1307674368000.0)
        t = t * s + like(s, 1.0 / 6227020800.0)
        t = t * s - like(s, 1.0 / 39916800.0)
        t = t * s + like(s, 1.0 / 362880.0)
        t = t * s - like(s, 1.0 / 5040.0)
        t = t * s + like(s, 1.0 / 120.0)
        t = t * s - like(s, 1.0 / 6.0)
        out[k] = h + h * s * t


@compiled
def _half_cosine(r: Any, per_cutoff: Any, out: Any) -> None:
    """cos of the same."""
    for k in range(len(r)):
        h = like(r[k], 0.5 * math.pi) * (r[k] * per_cutoff[k] - like(r[k], 0.5))
        s = h * h
        t = like(s, 1.0 / 20922789888000.0)
        t = t * s - like(s, 1.0 / 87178291200.0)
        t = t * s + like(s, 1.0 / 479001600.0)
        t = t * s - like(s, 1.0 / 3628800.0)
        t = t * s + like(s, 1.0 / 40320.0)
        t = t * s - like(s, 1.0 / 720.0)
        t = t * s + like(s, 1.0 / 24.0)
        t = t * s - like(s, 0.5)
        out[k] = like(s, 1.0) + s * t


@compiled
def _taper(sine: Any, cosine: Any, fc: Any) -> None:
    """fc = 1/2 [1 - sin t], t twice the angle: 1/2 [1 + cos(pi r/cutoff)]."""
    for k in range(len(fc)):
        fc[k] = like(sine[k], 0.5) - sine[k] * cosine[k]


@compiled
def _taper_slope(sine: Any, per_cutoff: Any, dfc: Any) -> None:
    for k in range(len(dfc)):
        cosine = like(sine[k], 1.0) - like(sine[k], 2.0) * sine[k] * sine[k]
        dfc[k] = like(sine[k], -0.5 * math.pi) * per_cutoff[k] * cosine


@compiled
def place(bonds: Any, n: int, work: Any) -> None:
    """x, dx/dr, fc and dfc/dr of bonds within their cutoffs (:class:`carbonize.potentials.nep_radial.Range`)."""
    r, per_cutoff = bonds[R, :n], bonds[PER_CUTOFF, :n]
    sine, cosine = work[0, :n], work[1, :n]
    _argument(r, per_cutoff, bonds[ARGUMENT, :n])
    _argument_slope(r, per_cutoff, bonds[DARGUMENT, :n])
    _half_sine(r, per_cutoff, sine)
    _half_cosine(r, per_cutoff, cosine)
    _taper(sine, cosine, bonds[TAPER, :n])
    _taper_slope(sine, per_cutoff, bonds[DTAPER, :n])


@compiled
def _next(x: Any, before: Any, last: Any, out: Any) -> None:
    for k in range(len(x)):
        out[k] = like(x[k], 2.0) * x[k] * last[k] - before[k]


@compiled
def _function(polynomial: Any, fc: Any, f: Any) -> None:
    for k in range(len(f)):
        f[k] = like(fc[k], 0.5) * (polynomial[k] + like(fc[k], 1.0)) * fc[k]


@compiled
def _function_slope(polynomial: Any, slope: Any, dfc: Any, steep: Any, half: Any, df: Any) -> None:
    for k in range(len(df)):
        df[k] = like(dfc[k], 0.5) * (polynomial[k] + like(dfc[k], 1.0)) * dfc[k] + half * slope[k] * steep[k]


@compiled
def basis(bonds: Any, n: int, work: Any, f: Any, df: Any) -> None:
    """f_k and df_k/dr of bonds (:func:`carbonize.potentials.nep_radial.basis`), with T_k and dT_k/dx = k U_(k-1)."""
    x, fc, dfc, steep = bonds[ARGUMENT, :n], bonds[TAPER, :n], bonds[DTAPER, :n], work[6, :n]
    real = f.dtype.type
    copy(fc, f[0, :n])
    copy(dfc, df[0, :n])
    product(fc, bonds[DARGUMENT, :n], steep)
    work[0, :n] = real(1.0)
    copy(x, work[1, :n])
    work[3, :n] = real(0.0)
    work[4, :n] = real(1.0)
    before, last, new = 0, 1, 2
    for k in range(1, f.shape[0]):
        _function(work[last, :n], fc, f[k, :n])
        _function_slope(work[last, :n], work[3 + last, :n], dfc, steep, real(0.5 * k), df[k, :n])
        _next(x, work[before, :n], work[last, :n], work[new, :n])
        _next(x, work[3 + before, :n], work[3 + last, :n], work[3 + new, :n])
        before, last, new = last, new, before


@compiled
def copy(values: Any, out: Any) -> None:
    for k in range(len(out)):
        out[k] = values[k]


@compiled
def product(a: Any, b: Any, out: Any) -> None:
    for k in range(len(out)):
        out[k] = a[k] * b[k]


@compiled
def add_product(a: Any, b: Any, out: Any) -> None:
    """out += a b."""
    for k in range(len(out)):
        out[k] += a[k] * b[k]


@compiled
def polynomial(coefficients: Any, odd: bool, z: Any, z2: Any, out: Any) -> None:
    """A polynomial of z^2, times z if it is odd."""
    a, b, c, d, e = coefficients[0], coefficients[1], coefficients[2], coefficients[3], coefficients[4]
    if odd:
        for k in range(len(out)):
            s = z2[k]
            out[k] = ((((e * s + d) * s + c) * s + b) * s + a) * z[k]
    else:
        for k in range(len(out)):
            s = z2[k]
            out[k] = (((e * s + d) * s + c) * s + b) * s + a


@compiled
def transposed(rows: Any, count: int, n: int, out: Any) -> None:
    """out[k, a] = rows[a, k]."""
    for k in range(n):
        for a in range(count):
            out[np.uintp(k), np.uintp(a)] = rows[np.uintp(a), np.uintp(k)]
