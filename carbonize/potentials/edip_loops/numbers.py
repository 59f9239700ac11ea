"""Functions of single numbers and of symmetric matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic, overload

from carbonize.potentials.foreign import compiled

__all__ = [
    "adjugate",
    "apply",
    "bump",
    "contract",
    "cross",
    "exponential",
    "exponentials_of",
    "inverse_lengths",
    "like",
    "matrix",
    "tapers",
    "unit_vectors",
    "without",
]


Symmetric = tuple[Any, Any, Any, Any, Any, Any]


def _of_bits_to_float(typing_context: Any, bits: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return (types.float32 if bits == types.int32 else types.float64)(bits), code


_bits_to_float: Any = intrinsic(_of_bits_to_float)


def _of_float_to_bits(typing_context: Any, number: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return (types.int32 if number == types.float32 else types.int64)(number), code


_float_to_bits: Any = intrinsic(_of_float_to_bits)


def _of_fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once, in the precision of a."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given = zip(arguments, signature.args, strict=True)
        return builder.fma(*(context.cast(builder, x, t, signature.return_type) for x, t in given))

    return a(a, b, c), code


_fma: Any = intrinsic(_of_fma)


def _of_like(typing_context: Any, x: Any, number: Any) -> Any:
    """A number in the precision of x; numba makes double what meets a plain literal."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[1], signature.args[1], signature.return_type)

    return x(x, number), code


like: Any = intrinsic(_of_like)


_MAGIC = 6755399441055744.0  # 1.5 * 2^52: a number added to it is rounded, and stands in the last bits
_MAGIC_SINGLE = np.float32(12582912.0)  # 1.5 * 2^23


def _double_exponential(x: Any) -> Any:
    x = max(x, -700.0)
    whole = _fma(x, 1.4426950408889634, _MAGIC)
    k = whole - _MAGIC
    t = _fma(-k, 1.9082149292705877e-10, _fma(-k, 0.6931471803691238, x))
    # Taylor's series to t^12/12!, with |t| below ln 2 / 2
    s = 1.0 / 479001600.0
    s = _fma(s, t, 1.0 / 39916800.0)
    s = _fma(s, t, 1.0 / 3628800.0)
    s = _fma(s, t, 1.0 / 362880.0)
    s = _fma(s, t, 1.0 / 40320.0)
    s = _fma(s, t, 1.0 / 5040.0)
    s = _fma(s, t, 1.0 / 720.0)
    s = _fma(s, t, 1.0 / 120.0)
    s = _fma(s, t, 1.0 / 24.0)
    s = _fma(s, t, 1.0 / 6.0)
    s = _fma(s, t, 0.5)
    s = _fma(s, t, 1.0)
    s = _fma(s, t, 1.0)
    return s * _bits_to_float((_float_to_bits(whole) + 1023) << 52)


def _single_exponential(x: Any) -> Any:
    x = max(x, np.float32(-80.0))
    whole = _fma(x, 1.4426950408889634, _MAGIC_SINGLE)
    k = whole - _MAGIC_SINGLE
    t = _fma(-k, 1.42860677e-6, _fma(-k, 0.693145752, x))
    # as above, to t^7/7!
    s = _fma(like(x, 1.0 / 5040.0), t, 1.0 / 720.0)
    s = _fma(s, t, 1.0 / 120.0)
    s = _fma(s, t, 1.0 / 24.0)
    s = _fma(s, t, 1.0 / 6.0)
    s = _fma(s, t, 0.5)
    s = _fma(s, t, 1.0)
    s = _fma(s, t, 1.0)
    return s * _bits_to_float(np.int32((_float_to_bits(whole) + 127) << 23))


def _exponential(x: Any) -> Any:
    """That of the precision of x."""
    raise NotImplementedError


@overload(_exponential)
def _in_either_precision(x: Any) -> Any:
    return _single_exponential if x == types.float32 else _double_exponential


@compiled
def exponential(x: Any) -> Any:
    """e^x, right to 2e-16 below 700, and 1e-304 below -700, in a quarter of the library's time.

    In single precision right to 1.2e-7 below 80, and 2e-35 below -80.
    """
    return _exponential(x)


@compiled
def exponentials_of(x: Any) -> None:
    """Puts e^x in the place of x."""
    for k in range(len(x)):
        x[k] = exponential(x[k])


@compiled
def tapers(r: Any, low: Any, high: Any, alpha: Any, value: Any, slope: Any) -> None:
    """exp[-alpha x^3/(1 - x^3)] with x = (r - low)/(high - low), and its slope."""
    zero, one, end = like(low, 0.0), like(low, 1.0), like(low, 0.999)
    per_A = one / (high - low)
    steep = like(low, -3.0) * alpha * per_A
    for k in range(len(r)):
        x = min(max((r[k] - low) * per_A, zero), end)
        x2 = x * x
        inverse = one / (one - x2 * x)
        # at the end of the range below 1e-200 (single: what underflows), which is taken for zero
        v = exponential(-alpha * x2 * x * inverse) if x < end else zero
        value[k] = v
        slope[k] = steep * v * x2 * inverse * inverse


@compiled
def bump(t: Any) -> tuple[Any, Any]:
    """(t^2 - 1)^2 within -1 < t < 1, and its slope."""
    zero, one = like(t, 0.0), like(t, 1.0)
    if t <= -one or t >= one:
        return zero, zero
    w = t * t - one
    return w * w, like(t, 4.0) * t * w


@compiled
def adjugate(m: Any) -> Symmetric:
    xx, yy, zz, yz, xz, xy = m
    return (
        yy * zz - yz * yz,
        xx * zz - xz * xz,
        xx * yy - xy * xy,
        xz * xy - xx * yz,
        xy * yz - yy * xz,
        yz * xz - zz * xy,
    )


@compiled
def cross(a: Any, b: Any) -> Symmetric:
    """Derivative of <adj(a), b> with respect to a."""
    ax, ay, az, ayz, axz, axy = a
    bx, by, bz, byz, bxz, bxy = b
    two = like(ax, 2.0)
    return (
        ay * bz + az * by - two * ayz * byz,
        ax * bz + az * bx - two * axz * bxz,
        ax * by + ay * bx - two * axy * bxy,
        axz * bxy + axy * bxz - ax * byz - ayz * bx,
        axy * byz + ayz * bxy - ay * bxz - axz * by,
        ayz * bxz + axz * byz - az * bxy - axy * bz,
    )


@compiled
def contract(a: Any, b: Any) -> Any:
    off = a[3] * b[3] + a[4] * b[4] + a[5] * b[5]
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + like(off, 2.0) * off


@compiled
def apply(m: Any, x: Any, y: Any, z: Any) -> tuple[Any, Any, Any]:
    return (
        m[0] * x + m[5] * y + m[4] * z,
        m[5] * x + m[1] * y + m[3] * z,
        m[4] * x + m[3] * y + m[2] * z,
    )


@compiled
def matrix(atom: Any, i: int) -> Symmetric:
    """M of an atom, or dE/dM."""
    return atom[i, 1], atom[i, 2], atom[i, 3], atom[i, 4], atom[i, 5], atom[i, 6]


@compiled
def without(M: Any, other: Any, p: Any, u: Any, v: Any, w: Any) -> tuple[Symmetric, Symmetric]:
    """M_i and M_j without the bond i-j."""
    xx, yy, zz, yz, xz, xy = p * u * u, p * v * v, p * w * w, p * v * w, p * u * w, p * u * v
    A = (M[0] - xx, M[1] - yy, M[2] - zz, M[3] - yz, M[4] - xz, M[5] - xy)
    B = (other[0] - xx, other[1] - yy, other[2] - zz, other[3] - yz, other[4] - xz, other[5] - xy)
    return A, B


@compiled
def unit_vectors(x: Any, y: Any, z: Any, r: Any, inverse: Any) -> None:
    """From vectors and squared lengths to unit vectors, lengths and their inverses."""
    for m in range(len(r)):
        length = math.sqrt(r[m])
        over = like(length, 1.0) / length
        r[m] = length
        inverse[m] = over
        x[m] = x[m] * over
        y[m] = y[m] * over
        z[m] = z[m] * over


@compiled
def inverse_lengths(squares: Any) -> None:
    for m in range(len(squares)):
        length = math.sqrt(squares[m])
        squares[m] = like(length, 1.0) / length
