"""When void passes through a face of a power tessellation, and when it holds its vertex.

All balls grow with the probe radius p: the ball about atom i has radius r_i + p. The power
centre of fixed atoms then moves on a straight line and its power is a quadratic function of
p, so each level at which something opens or closes is a root of a quadratic equation. The
root at which a sphere of radius p touches three or four atoms is the tangent (Apollonius)
sphere of these atoms.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["largest_hold", "largest_opening", "passes_at", "power_center"]


@njit(cache=True, nogil=True)
def power_center(corner, radius):
    """Power centre of four balls of radii ``radius`` + p.

    Returns its coordinates as two vectors c0 + c1 p (A, relative to the first corner) and the
    three coefficients of its power in p.
    """
    c0, c1 = np.zeros(3), np.zeros(3)
    u = corner[1:] - corner[0]
    determinant = 0.0
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        # u_j x u_k: what solves for the projection on u_i
        nx = u[j, 1] * u[k, 2] - u[j, 2] * u[k, 1]
        ny = u[j, 2] * u[k, 0] - u[j, 0] * u[k, 2]
        nz = u[j, 0] * u[k, 1] - u[j, 1] * u[k, 0]
        determinant = u[i, 0] * nx + u[i, 1] * ny + u[i, 2] * nz
        square = u[i, 0] ** 2 + u[i, 1] ** 2 + u[i, 2] ** 2
        first, other = radius[0], radius[i + 1]
        h0 = 0.5 * (square + (first - other) * (first + other))
        h1 = first - other
        c0[0] += h0 * nx
        c0[1] += h0 * ny
        c0[2] += h0 * nz
        c1[0] += h1 * nx
        c1[1] += h1 * ny
        c1[2] += h1 * nz
    if determinant == 0.0:
        return c0, c1, -1.0, 0.0, 0.0
    c0 /= determinant
    c1 /= determinant
    r = radius[0]
    constant = c0[0] ** 2 + c0[1] ** 2 + c0[2] ** 2 - r * r
    linear = 2.0 * (c0[0] * c1[0] + c0[1] * c1[1] + c0[2] * c1[2] - r)
    quadratic = c1[0] ** 2 + c1[1] ** 2 + c1[2] ** 2 - 1.0
    return c0, c1, constant, linear, quadratic


@njit(cache=True, nogil=True)
def _add_roots(found, count, low, high, constant, linear, quadratic):
    """Append the roots of a polynomial that lie between two levels."""
    first, second = np.inf, np.inf
    discriminant = linear * linear - 4.0 * quadratic * constant
    if discriminant >= 0.0:
        q = -0.5 * (linear + np.copysign(np.sqrt(discriminant), linear))
        if q != 0.0:
            first = constant / q
        if quadratic != 0.0:
            second = q / quadratic
    if low < first < high:
        found[count] = first
        count += 1
    if low < second < high:
        found[count] = second
        count += 1
    return count


@njit(cache=True, nogil=True)
def _descend(found, count):
    """Sort a few numbers from large to small."""
    for i in range(1, count):
        k = i
        while k > 0 and found[k] > found[k - 1]:
            found[k], found[k - 1] = found[k - 1], found[k]
            k -= 1


@njit(cache=True, nogil=True)
def largest_hold(corner, radius, low, high):
    """Largest p between two levels at which the power centre lies outside all balls; -1 if none."""
    constant, linear, quadratic = power_center(corner, radius)[2:]
    found = np.empty(2)
    count = _add_roots(found, 0, low, high, constant, linear, quadratic)
    _descend(found, count)
    above = high
    for k in range(count + 1):
        below = found[k] if k < count else low
        middle = 0.5 * (above + below)
        if constant + (linear + quadratic * middle) * middle > 0.0:
            return above
        above = below
    return -1.0


@njit(cache=True, nogil=True)
def _face(corner, radius):
    """Power of a face's centre (three coefficients in p) and the heights of two power centres.

    ``corner`` holds the three atoms of the face, then the apexes of the tetrahedra on both of its
    sides; their power centres lie n (s0 + s1 p) from that of the face, n being the normal
    u x v of the face. Returns the coefficients, n squared, and s0 and s1 of both.
    """
    r = radius[0]
    u, v = corner[1] - corner[0], corner[2] - corner[0]
    nx, ny, nz = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
    norm2 = nx * nx + ny * ny + nz * nz
    if norm2 == 0.0:
        return -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    uu, vv = u[0] ** 2 + u[1] ** 2 + u[2] ** 2, v[0] ** 2 + v[1] ** 2 + v[2] ** 2
    uv = u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
    hu0, hu1 = 0.5 * (uu + (r - radius[1]) * (r + radius[1])), r - radius[1]
    hv0, hv1 = 0.5 * (vv + (r - radius[2]) * (r + radius[2])), r - radius[2]
    # the power centre of the face is x u + y v
    x0, x1 = (hu0 * vv - hv0 * uv) / norm2, (hu1 * vv - hv1 * uv) / norm2
    y0, y1 = (hv0 * uu - hu0 * uv) / norm2, (hv1 * uu - hu1 * uv) / norm2
    constant = x0 * hu0 + y0 * hv0 - r * r
    linear = x0 * hu1 + x1 * hu0 + y0 * hv1 + y1 * hv0 - 2.0 * r
    quadratic = x1 * hu1 + y1 * hv1 - 1.0
    height = np.zeros((2, 2))
    for k in range(2):
        w = corner[3 + k] - corner[0]
        ww = w[0] ** 2 + w[1] ** 2 + w[2] ** 2
        wn = w[0] * nx + w[1] * ny + w[2] * nz
        if wn == 0.0:
            return -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        wu = w[0] * u[0] + w[1] * u[1] + w[2] * u[2]
        wv = w[0] * v[0] + w[1] * v[1] + w[2] * v[2]
        other = radius[3 + k]
        height[k, 0] = (0.5 * (ww + (r - other) * (r + other)) - x0 * wu - y0 * wv) / wn
        height[k, 1] = (r - other - x1 * wu - y1 * wv) / wn
    return constant, linear, quadratic, norm2, height[0, 0], height[0, 1], height[1, 0], height[1, 1]


@njit(cache=True, nogil=True)
def _passes(face, p):
    """Whether void passes a face at level p.

    It does where both power centres lie outside all balls, unless the edge of the power
    diagram between them dips into the balls: that is so where the power centre of the face
    lies on the edge and inside the balls.
    """
    constant, linear, quadratic, norm2, a0, a1, b0, b1 = face
    power = constant + (linear + quadratic * p) * p
    one, two = a0 + a1 * p, b0 + b1 * p
    if one * two <= 0.0:
        return power > 0.0
    return power + norm2 * one * one > 0.0 and power + norm2 * two * two > 0.0


@njit(cache=True, nogil=True)
def passes_at(corner, radius, p):
    """Whether void passes the face of two tetrahedra at level p; see :func:`largest_opening`."""
    return _passes(_face(corner, radius), p)


@njit(cache=True, nogil=True)
def largest_opening(corner, radius, low, high):
    """Largest p between two levels at which void connects two tetrahedra; -1 if none.

    ``corner`` holds the three atoms of their common face, then the two others.
    """
    face = _face(corner, radius)
    constant, linear, quadratic, norm2, a0, a1, b0, b1 = face
    found = np.empty(8)
    count = _add_roots(found, 0, low, high, constant, linear, quadratic)
    for s0, s1 in ((a0, a1), (b0, b1)):
        count = _add_roots(found, count, low, high, s0, s1, 0.0)
        count = _add_roots(
            found,
            count,
            low,
            high,
            constant + norm2 * s0 * s0,
            linear + 2.0 * norm2 * s0 * s1,
            quadratic + norm2 * s1 * s1,
        )
    _descend(found, count)
    above = high
    for k in range(count + 1):
        below = found[k] if k < count else low
        if _passes(face, 0.5 * (above + below)):
            return above
        above = below
    return -1.0
