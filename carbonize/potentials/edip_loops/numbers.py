"""Functions of single numbers and of symmetric matrices."""

from __future__ import annotations

import math
from typing import Any

from numba.core import types
from numba.extending import intrinsic

from carbonize.potentials.edip_loops.layout import compiled

__all__ = [
    "adjugate",
    "apply",
    "bump",
    "contract",
    "cross",
    "exponential",
    "exponentials_of",
    "inverse_lengths",
    "matrix",
    "tapers",
    "unit_vectors",
    "without",
]


def _of_bits_to_float(typing_context: Any, bits: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return types.float64(types.int64), code


_bits_to_float: Any = intrinsic(_of_bits_to_float)


def _of_float_to_bits(typing_context: Any, number: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return types.int64(types.float64), code


_float_to_bits: Any = intrinsic(_of_float_to_bits)


def _of_fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), code


_fma: Any = intrinsic(_of_fma)


_MAGIC = 6755399441055744.0  # 1.5 * 2^52: a number added to it is rounded, and stands in the last bits


@compiled
def exponential(x: float) -> float:
    """e^x for x below 700, 1e-304 for x below -700; a quarter of the library's time, right to 2e-16."""
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


@compiled
def exponentials_of(x: Any) -> None:
    """Puts e^x in the place of x."""
    for k in range(len(x)):
        x[k] = exponential(x[k])


@compiled
def tapers(r: Any, low: float, high: float, alpha: float, value: Any, slope: Any) -> None:
    """exp[-alpha x^3/(1 - x^3)] with x = (r - low)/(high - low), and its slope."""
    per_A = 1.0 / (high - low)
    for k in range(len(r)):
        x = min(max((r[k] - low) * per_A, 0.0), 0.999)
        x2 = x * x
        inverse = 1.0 / (1.0 - x2 * x)
        # at the end of the range below 1e-200, which is taken for zero
        v = exponential(-alpha * x2 * x * inverse) if x < 0.999 else 0.0
        value[k] = v
        slope[k] = -3.0 * alpha * per_A * v * x2 * inverse * inverse


@compiled
def bump(t: float) -> tuple[float, float]:
    """(t^2 - 1)^2 within -1 < t < 1, and its slope."""
    if t <= -1.0 or t >= 1.0:
        return 0.0, 0.0
    w = t * t - 1.0
    return w * w, 4.0 * t * w


@compiled
def adjugate(m: Any) -> tuple[float, float, float, float, float, float]:
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
def cross(a: Any, b: Any) -> tuple[float, float, float, float, float, float]:
    """Derivative of <adj(a), b> with respect to a."""
    ax, ay, az, ayz, axz, axy = a
    bx, by, bz, byz, bxz, bxy = b
    return (
        ay * bz + az * by - 2.0 * ayz * byz,
        ax * bz + az * bx - 2.0 * axz * bxz,
        ax * by + ay * bx - 2.0 * axy * bxy,
        axz * bxy + axy * bxz - ax * byz - ayz * bx,
        axy * byz + ayz * bxy - ay * bxz - axz * by,
        ayz * bxz + axz * byz - az * bxy - axy * bz,
    )


@compiled
def contract(a: Any, b: Any) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + 2.0 * (a[3] * b[3] + a[4] * b[4] + a[5] * b[5])


@compiled
def apply(m: Any, x: float, y: float, z: float) -> tuple[float, float, float]:
    return (
        m[0] * x + m[5] * y + m[4] * z,
        m[5] * x + m[1] * y + m[3] * z,
        m[4] * x + m[3] * y + m[2] * z,
    )


@compiled
def matrix(atom: Any, i: int) -> tuple[float, float, float, float, float, float]:
    """M of an atom."""
    return atom[i, 1], atom[i, 2], atom[i, 3], atom[i, 4], atom[i, 5], atom[i, 6]


@compiled
def without(M: Any, other: Any, p: float, u: float, v: float, w: float) -> tuple[Any, Any]:
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
        over = 1.0 / length
        r[m] = length
        inverse[m] = over
        x[m] = x[m] * over
        y[m] = y[m] * over
        z[m] = z[m] * over


@compiled
def inverse_lengths(squares: Any) -> None:
    for m in range(len(squares)):
        squares[m] = 1.0 / math.sqrt(squares[m])
