"""The largest sphere through a point that overlaps no atom.

A sphere of radius s through a point x has its centre at x + s u for some direction u. It
stays clear of an atom of radius r at the vector d from x if |s u - d| >= s + r, that is

    1/s >= alpha + beta . u,   alpha = 2 r / (d^2 - r^2),   beta = 2 d / (d^2 - r^2).

So 1/s is at least the largest of functions linear in u, one per atom, and the largest sphere
belongs to the direction where that largest is smallest. The sphere of directions is searched
by branch and bound on triangles: a triangle is done when one atom forbids all of it to
spheres larger than the best known by more than the tolerance, else it is cut into four.
No triple of atoms is singled out, so that crystals, where many atoms touch one sphere, need
no special treatment, and any atom may have any radius.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = ["Work", "free_directions", "largest_through", "linear_forms", "make_work"]

DEPTH = 12
"""Triangles are cut at most this often: then they are 4e-4 wide."""


class Work(NamedTuple):
    """Work space of a search: the triangles to do, and the atoms that matter at each depth."""

    lists: np.ndarray
    sizes: np.ndarray
    triangle: np.ndarray
    depth: np.ndarray
    values: np.ndarray
    here: np.ndarray
    there: np.ndarray
    middle: np.ndarray


@njit(cache=True, nogil=True)
def make_work(atoms):
    """Work space for at most so many atoms near a point."""
    return Work(
        np.empty((DEPTH + 2, atoms), np.int32),
        np.zeros(DEPTH + 2, np.int64),
        np.empty((4 * DEPTH + 16, 9)),
        np.zeros(4 * DEPTH + 16, np.int64),
        np.empty((atoms, 3)),
        np.empty((64, 3)),
        np.empty((64, 3)),
        np.empty(3),
    )


# the faces of the octahedron
_ROOTS = np.array(
    [
        [[sx, 0.0, 0.0], [0.0, sy, 0.0], [0.0, 0.0, sz]]
        for sx in (1.0, -1.0)
        for sy in (1.0, -1.0)
        for sz in (1.0, -1.0)
    ]
).reshape(8, 9)


@njit(cache=True, nogil=True)
def linear_forms(near, count, forms):
    """Turn vectors to atoms and radii (rows of ``near``) into rows (alpha, beta)."""
    for i in range(count):
        dx, dy, dz, r = near[i, 0], near[i, 1], near[i, 2], near[i, 3]
        factor = 2.0 / max(dx * dx + dy * dy + dz * dz - r * r, 1e-12)
        forms[i, 0] = factor * r
        forms[i, 1] = factor * dx
        forms[i, 2] = factor * dy
        forms[i, 3] = factor * dz


@njit(cache=True, nogil=True)
def _shortest(t):
    """Distance from the origin to the plane of a triangle with corners on the unit sphere."""
    ax, ay, az = t[3] - t[0], t[4] - t[1], t[5] - t[2]
    bx, by, bz = t[6] - t[0], t[7] - t[1], t[8] - t[2]
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    return abs(nx * t[0] + ny * t[1] + nz * t[2]) / np.sqrt(nx * nx + ny * ny + nz * nz)


@njit(cache=True, nogil=True)
def _filter(forms, given, count, t, level, kept, work):
    """Atoms that matter in a triangle at a level of 1/s; -1 if together they forbid all of it.

    A direction in the triangle is a mean of the corners, made longer by a factor between 1 and
    ``stretch``. So an atom forbids at least those means on which a linear function is positive:
    the triangle of means is cut by one straight line after the other. ``work.middle`` becomes
    the middle of what is left.
    """
    shortest = _shortest(t)
    left = 0
    values = work.values
    for n in range(count):
        i = given[n]
        a, bx, by, bz = forms[i, 0] - level, forms[i, 1], forms[i, 2], forms[i, 3]
        p = bx * t[0] + by * t[1] + bz * t[2]
        q = bx * t[3] + by * t[4] + bz * t[5]
        r = bx * t[6] + by * t[7] + bz * t[8]
        low = min(a, a * shortest)
        if min(p, q, r) + low >= 0.0:
            return -1
        if max(p, q, r) + max(a, a * shortest) >= 0.0:
            kept[left] = i
            values[left, 0], values[left, 1], values[left, 2] = p + low, q + low, r + low
            left += 1
    corners = 3
    here, there = work.here, work.there
    here[0, 0], here[0, 1], here[0, 2] = 1.0, 0.0, 0.0
    here[1, 0], here[1, 1], here[1, 2] = 0.0, 1.0, 0.0
    here[2, 0], here[2, 1], here[2, 2] = 0.0, 0.0, 1.0
    for n in range(left):
        p, q, r = values[n, 0], values[n, 1], values[n, 2]
        if max(p, q, r) < 0.0:
            continue
        new = 0
        last = corners - 1
        before = p * here[last, 0] + q * here[last, 1] + r * here[last, 2]
        for c in range(corners):
            now = p * here[c, 0] + q * here[c, 1] + r * here[c, 2]
            if (now < 0.0) != (before < 0.0):
                w = before / (before - now)
                for k in range(3):
                    there[new, k] = here[last, k] + w * (here[c, k] - here[last, k])
                new += 1
            if now < 0.0:
                there[new] = here[c]
                new += 1
            last, before = c, now
        if new == 0:
            return -1
        here, there = there, here
        corners = new
        if corners > len(here) - 3:
            break  # what is left is only too large
    u, v, w = 0.0, 0.0, 0.0
    for c in range(corners):
        u, v, w = u + here[c, 0], v + here[c, 1], w + here[c, 2]
    x, y, z = u * t[0] + v * t[3] + w * t[6], u * t[1] + v * t[4] + w * t[7], u * t[2] + v * t[5] + w * t[8]
    n = 1.0 / np.sqrt(x * x + y * y + z * z)
    work.middle[0], work.middle[1], work.middle[2] = x * n, y * n, z * n
    return left


@njit(cache=True, nogil=True)
def _begin(work, count):
    """Put the faces of the octahedron on the stack, with all atoms."""
    for i in range(count):
        work.lists[0, i] = i
    work.sizes[0] = count
    for root in range(8):
        work.triangle[root] = _ROOTS[root]
        work.depth[root] = 0
    return 8


@njit(cache=True, nogil=True)
def _split(t, depth, work, top):
    """Push the four parts of a triangle."""
    m = np.empty(9)
    for e in range(3):
        a, b = 3 * e, 3 * ((e + 1) % 3)
        x, y, z = t[a] + t[b], t[a + 1] + t[b + 1], t[a + 2] + t[b + 2]
        n = 1.0 / np.sqrt(x * x + y * y + z * z)
        m[a], m[a + 1], m[a + 2] = x * n, y * n, z * n
    for corner in range(3):
        a, before = 3 * corner, 3 * ((corner + 2) % 3)
        for k in range(3):
            work.triangle[top + corner, k] = t[a + k]
            work.triangle[top + corner, 3 + k] = m[a + k]
            work.triangle[top + corner, 6 + k] = m[before + k]
    for k in range(9):
        work.triangle[top + 3, k] = m[k]
    for part in range(4):
        work.depth[top + part] = depth
    return top + 4


@njit(cache=True, nogil=True)
def _highest(forms, given, count, x, y, z):
    """Largest of some atoms' functions in one direction."""
    best = -np.inf
    for n in range(count):
        i = given[n]
        best = max(best, forms[i, 0] + forms[i, 1] * x + forms[i, 2] * y + forms[i, 3] * z)
    return best


@njit(cache=True, nogil=True)
def largest_through(forms, count, best, limit, tolerance, work, direction):
    """Radius (A) of the largest free sphere through the point, if it exceeds ``best``.

    Parameters
    ----------
    forms, count
        Rows (alpha, beta) of the atoms near the point.
    best
        Radius (A) of a sphere already known to be free, and to contain the point.
    limit
        Radius (A) up to which the atoms given decide; larger spheres are not looked for.
    tolerance
        The result is at most this much (A) too small.
    work
        Arrays of :class:`Work`, wide enough for ``count``.
    direction
        Becomes the direction to the centre, if something larger than ``best`` is found.

    Returns
    -------
    float
        The radius; ``limit`` if a larger sphere was found, which ends the search.
    """
    top = _begin(work, count)
    t = np.empty(9)
    level = 1.0 / (best + tolerance)
    while top > 0:
        top -= 1
        t[:] = work.triangle[top]
        d = work.depth[top]
        kept = work.lists[d + 1]
        left = _filter(forms, work.lists[d], work.sizes[d], t, level, kept, work)
        while left >= 0:
            x, y, z = work.middle[0], work.middle[1], work.middle[2]
            height = _highest(forms, work.lists[0], count, x, y, z)
            if height >= level:
                break
            direction[0], direction[1], direction[2] = x, y, z
            if height * limit <= 1.0:
                return limit
            best = 1.0 / height
            level = 1.0 / (best + tolerance)
            # atoms left out at the stricter level before may matter now
            left = _filter(forms, work.lists[0], count, t, level, kept, work)
        if left >= 0 and d < DEPTH:
            work.sizes[d + 1] = left
            top = _split(t, d + 1, work, top)
    return best


@njit(cache=True, nogil=True)
def free_directions(forms, count, radius, finest, work, found):
    """Directions in which a sphere of one radius through the point is free of atoms.

    Every region of free directions that holds a triangle of the finest cut has at least one
    entry; wide regions have several.

    Parameters
    ----------
    forms, count, work
        As in :func:`largest_through`.
    radius
        Of the sphere (A).
    finest
        How often triangles are cut.
    found
        Becomes the directions, in rows.

    Returns
    -------
    int
        How many there are; no more are looked for than ``found`` has rows.
    """
    top = _begin(work, count)
    t = np.empty(9)
    level = 1.0 / radius
    number = 0
    while top > 0 and number < len(found):
        top -= 1
        t[:] = work.triangle[top]
        d = work.depth[top]
        left = _filter(forms, work.lists[d], work.sizes[d], t, level, work.lists[d + 1], work)
        if left == 0:
            for k in range(3):
                found[number, k] = t[k] + t[3 + k] + t[6 + k]
            found[number] /= np.sqrt((found[number] ** 2).sum())
            number += 1
        elif left > 0 and d < finest:
            work.sizes[d + 1] = left
            top = _split(t, d + 1, work, top)
    return number
