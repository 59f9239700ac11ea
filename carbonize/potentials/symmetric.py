"""Algebra of symmetric 3x3 matrices stored as six arrays (xx, yy, zz, yz, xz, xy).

Plain arithmetic on separate arrays, one per component, is what XLA fuses and
vectorises over atoms; batched 3x3 matrix products are not.
"""

from __future__ import annotations

from jax import Array

__all__ = ["Symmetric", "adjugate", "apply", "contract", "cross", "outer", "trace"]

Symmetric = tuple[Array, Array, Array, Array, Array, Array]


def outer(x: Array, y: Array, z: Array) -> Symmetric:
    """v v^T of the vector v = (x, y, z)."""
    return x * x, y * y, z * z, y * z, x * z, x * y


def trace(m: Symmetric) -> Array:
    """tr(m)."""
    return m[0] + m[1] + m[2]


def contract(a: Symmetric, b: Symmetric) -> Array:
    """tr(a b), the sum of the products of all nine components."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + 2 * (a[3] * b[3] + a[4] * b[4] + a[5] * b[5])


def apply(m: Symmetric, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
    """The vector m v with v = (x, y, z)."""
    return (
        m[0] * x + m[5] * y + m[4] * z,
        m[5] * x + m[1] * y + m[3] * z,
        m[4] * x + m[3] * y + m[2] * z,
    )


def adjugate(m: Symmetric) -> Symmetric:
    """adj(m), the matrix of cofactors.

    By the Cauchy-Binet formula adj(sum_k p_k u_k u_k^T) is the sum over unordered pairs
    {k, l} of p_k p_l (u_k x u_l)(u_k x u_l)^T, which turns sums over pairs of neighbours
    into one matrix.
    """
    xx, yy, zz, yz, xz, xy = m
    return (
        yy * zz - yz * yz,
        xx * zz - xz * xz,
        xx * yy - xy * xy,
        xy * xz - xx * yz,
        xy * yz - yy * xz,
        xz * yz - zz * xy,
    )


def cross(a: Symmetric, b: Symmetric) -> Symmetric:
    """The derivative of the adjugate: d adj(a) = cross(a, da).

    It is symmetric in its arguments, cross(a, a) = 2 adj(a), and tr[cross(a, b) c] does not
    change when a, b and c are permuted.
    """
    axx, ayy, azz, ayz, axz, axy = a
    bxx, byy, bzz, byz, bxz, bxy = b
    return (
        ayy * bzz + azz * byy - 2 * ayz * byz,
        axx * bzz + azz * bxx - 2 * axz * bxz,
        axx * byy + ayy * bxx - 2 * axy * bxy,
        axy * bxz + axz * bxy - axx * byz - ayz * bxx,
        axy * byz + ayz * bxy - ayy * bxz - axz * byy,
        axz * byz + ayz * bxz - azz * bxy - axy * bzz,
    )
