"""Exact volume and surface area of the void between unequal spheres.

As :mod:`carbonize.analysis.pores.volumes`, on a power tessellation: lens and triple intersection
of unequal balls (Gibson and Scheraga, Mol. Phys. 62 (1987) 1247) count if the edge or face
belongs to the weighted alpha complex, and a ball counts if it is not covered by others in its
own power cell (Edelsbrunner, Discrete Comput. Geom. 13 (1995) 415).
"""

from __future__ import annotations

from math import pi

import numpy as np
from numba import njit

from carbonize.analysis.pores.opening import passes_at, power_center
from carbonize.analysis.pores.tessellation import vertex_at

__all__ = ["unequal_measures"]

# the two vertices of each edge, then the two others
_EDGES = np.array([[0, 1, 2, 3], [0, 2, 1, 3], [0, 3, 1, 2], [1, 2, 0, 3], [1, 3, 0, 2], [2, 3, 0, 1]])


@njit(cache=True, nogil=True)
def _lens(d, r, s):
    """Volume of the intersection of two balls and the areas of its two caps."""
    t = 0.5 * (d + (r - s) * (r + s) / d)
    h, k = r - t, s - (d - t)
    volume = pi / 3 * (h * h * (3 * r - h) + k * k * (3 * s - k))
    return volume, 2 * pi * r * h, 2 * pi * s * k


@njit(cache=True, nogil=True)
def _solid_angle(a, b, c):
    """Solid angle between three vectors (van Oosterom and Strackee, IEEE TBME 30 (1983) 125)."""
    na = np.sqrt(a[0] ** 2 + a[1] ** 2 + a[2] ** 2)
    nb = np.sqrt(b[0] ** 2 + b[1] ** 2 + b[2] ** 2)
    nc = np.sqrt(c[0] ** 2 + c[1] ** 2 + c[2] ** 2)
    ab = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    bc = b[0] * c[0] + b[1] * c[1] + b[2] * c[2]
    ca = c[0] * a[0] + c[1] * a[1] + c[2] * a[2]
    determinant = (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        + a[1] * (b[2] * c[0] - b[0] * c[2])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )
    return 2 * np.arctan2(abs(determinant), na * nb * nc + ab * nc + bc * na + ca * nb)


@njit(cache=True, nogil=True)
def _triple(corner, radius):
    """Volume of the intersection of three balls, and its surface area.

    The tetrahedron of the three centres and of one of the two points common to the three
    spheres is, by inclusion and exclusion, its ball sectors minus its lens wedges plus half
    the triple intersection: this gives the last from the others. (0, 0) without such a point.
    """
    u, v = corner[1] - corner[0], corner[2] - corner[0]
    normal = np.array([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])
    norm2 = normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2
    uu, vv = u[0] ** 2 + u[1] ** 2 + u[2] ** 2, v[0] ** 2 + v[1] ** 2 + v[2] ** 2
    uv = u[0] * v[0] + u[1] * v[1] + u[2] * v[2]
    hu = 0.5 * (uu + radius[0] ** 2 - radius[1] ** 2)
    hv = 0.5 * (vv + radius[0] ** 2 - radius[2] ** 2)
    x, y = (hu * vv - hv * uv) / norm2, (hv * uu - hu * uv) / norm2
    height2 = radius[0] ** 2 - x * hu - y * hv
    if height2 <= 0.0:
        return 0.0, 0.0
    foot = corner[0] + x * u + y * v
    height = np.sqrt(height2)
    norm = np.sqrt(norm2)
    summit = foot + normal * (height / norm)
    volume = norm * height / 6
    area = 0.0
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        r, s = radius[i], radius[j]
        solid = _solid_angle(corner[j] - corner[i], corner[k] - corner[i], summit - corner[i])
        volume -= solid * r**3 / 3
        area -= solid * r * r
        e, f = corner[j] - corner[i], foot - corner[i]
        d = np.sqrt(e[0] ** 2 + e[1] ** 2 + e[2] ** 2)
        inward = (  # of the foot from the line of this edge
            normal[0] * (e[1] * f[2] - e[2] * f[1])
            + normal[1] * (e[2] * f[0] - e[0] * f[2])
            + normal[2] * (e[0] * f[1] - e[1] * f[0])
        ) / (norm * d)
        angle = np.arctan2(height, inward)
        lens, one, two = _lens(d, r, s)
        volume += angle / (2 * pi) * lens
        area += angle / (2 * pi) * (one + two)
    return 2 * volume, 2 * area


@njit(cache=True, nogil=True)
def _vertex_like(atom, shift, node, like_node, like_vertex, step):
    """Vertex of ``node`` (moved by ``step``) that is the given vertex of another node; -1 if none."""
    for v in range(4):
        if (
            atom[node, v] == atom[like_node, like_vertex]
            and shift[node, v, 0] + step[0] == shift[like_node, like_vertex, 0]
            and shift[node, v, 1] + step[1] == shift[like_node, like_vertex, 1]
            and shift[node, v, 2] + step[2] == shift[like_node, like_vertex, 2]
        ):
            return v
    return -1


@njit(cache=True, nogil=True)
def _edge_in_complex(state, points, vectors, radii, closed, p, start, a, b, c, d):
    """Whether edge (a, b) of a tetrahedron belongs to the weighted alpha complex at level p."""
    atom, shift, neighbor, neighbor_shift = state[0], state[1], state[2], state[3]
    ox, oy, oz = vertex_at(points, vectors, atom, shift, start, a)
    ux, uy, uz = vertex_at(points, vectors, atom, shift, start, b)
    ux, uy, uz = ux - ox, uy - oy, uz - oz
    r, s = radii[atom[start, a]] + p, radii[atom[start, b]] + p
    length2 = ux * ux + uy * uy + uz * uz
    along = 0.5 * (length2 + (r - s) * (r + s))
    power = along * along / length2 - r * r
    if power > 0.0:
        return False
    part = along / length2
    mx, my, mz = ox + part * ux, oy + part * uy, oz + part * uz
    first_a, first_b = a, b
    attached = False
    node = start
    moved = np.zeros(3, np.int64)
    for _ in range(10_000):
        if closed[node, c]:
            return True
        dx, dy, dz = vertex_at(points, vectors, atom, shift, node, d)
        for k in range(3):
            dx += moved[k] * vectors[k, 0]
            dy += moved[k] * vectors[k, 1]
            dz += moved[k] * vectors[k, 2]
        ball = radii[atom[node, d]] + p
        if (dx - mx) ** 2 + (dy - my) ** 2 + (dz - mz) ** 2 - ball * ball < power:
            attached = True
        ahead = neighbor[node, c]
        step = neighbor_shift[node, c]
        new_a = _vertex_like(atom, shift, ahead, node, a, step)
        new_b = _vertex_like(atom, shift, ahead, node, b, step)
        new_c = _vertex_like(atom, shift, ahead, node, d, step)
        a, b, c, d = new_a, new_b, new_c, 6 - new_a - new_b - new_c
        moved += step
        node = ahead
        if node == start and a == first_a and b == first_b and not moved.any():
            break
    return not attached


@njit(cache=True, nogil=True)
def _closed_faces(state, points, vectors, radii, p, count):
    """Which faces of the tessellation at level p belong to the weighted alpha complex."""
    atom, shift, neighbor, neighbor_shift, neighbor_face, _, death = state[:7]
    closed = np.zeros((count, 4), np.bool_)
    corner, radius = np.empty((5, 3)), np.empty(5)
    for t in range(count):
        if death[t] < np.inf:
            continue
        for face in range(4):
            other, back = neighbor[t, face], neighbor_face[t, face]
            if 4 * t + face > 4 * other + back:
                continue
            for k in range(4):
                v = (face + 1 + k) & 3
                x, y, z = vertex_at(points, vectors, atom, shift, t, v)
                corner[k, 0], corner[k, 1], corner[k, 2] = x, y, z
                radius[k] = radii[atom[t, v]]
            x, y, z = vertex_at(points, vectors, atom, shift, other, back)
            for k in range(3):
                step = neighbor_shift[t, face, k]
                x += step * vectors[k, 0]
                y += step * vectors[k, 1]
                z += step * vectors[k, 2]
            corner[4, 0], corner[4, 1], corner[4, 2] = x, y, z
            radius[4] = radii[atom[other, back]]
            shut = not passes_at(corner, radius, p)
            closed[t, face], closed[other, back] = shut, shut
    return closed


@njit(cache=True, nogil=True)
def _balls_in_complex(state, points, vectors, radii, closed, p, count):
    """Which atoms' balls reach into their own power cells."""
    atom, shift, death = state[0], state[1], state[6]
    attached = np.zeros(len(radii), np.bool_)
    for t in range(count):
        if death[t] < np.inf:
            continue
        for e in range(6):
            a, b = _EDGES[e, 0], _EDGES[e, 1]
            ox, oy, oz = vertex_at(points, vectors, atom, shift, t, a)
            x, y, z = vertex_at(points, vectors, atom, shift, t, b)
            square = (x - ox) ** 2 + (y - oy) ** 2 + (z - oz) ** 2
            i, j = atom[t, a], atom[t, b]
            difference = (radii[i] - radii[j]) * (radii[i] + radii[j] + 2 * p)
            if square < difference:
                attached[j] = True
            elif square < -difference:
                attached[i] = True
    present = ~attached
    for t in range(count):
        if death[t] < np.inf:
            continue
        for e in range(6):
            a, b, c, d = _EDGES[e, 0], _EDGES[e, 1], _EDGES[e, 2], _EDGES[e, 3]
            i, j = atom[t, a], atom[t, b]
            if not (present[i] and present[j]) and _edge_in_complex(
                state, points, vectors, radii, closed, p, t, a, b, c, d
            ):
                present[i], present[j] = True, True
    return present


@njit(cache=True, nogil=True)
def unequal_measures(state, points, vectors, radii, p, count):
    """Volume and area contributions of the tetrahedra alive at level p, and their whole volume.

    ``state`` as in :mod:`carbonize.analysis.pores.flips`. Returns numbers, volumes (A^3) and areas
    (A^2) of the tetrahedra whose power centres lie in the void.
    """
    atom, shift, death = state[0], state[1], state[6]
    closed = _closed_faces(state, points, vectors, radii, p, count)
    present = _balls_in_complex(state, points, vectors, radii, closed, p, count)
    number = np.empty(count, np.int32)
    volume = np.empty(count)
    area = np.empty(count)
    found, whole = 0, 0.0
    corner, radius = np.empty((4, 3)), np.empty(4)
    three, three_radii = np.empty((3, 3)), np.empty(3)
    for t in range(count):
        if death[t] < np.inf:
            continue
        for k in range(4):
            corner[k, 0], corner[k, 1], corner[k, 2] = vertex_at(points, vectors, atom, shift, t, k)
            radius[k] = radii[atom[t, k]]
        u, v, w = corner[1] - corner[0], corner[2] - corner[0], corner[3] - corner[0]
        content = (
            abs(
                u[0] * (v[1] * w[2] - v[2] * w[1])
                + u[1] * (v[2] * w[0] - v[0] * w[2])
                + u[2] * (v[0] * w[1] - v[1] * w[0])
            )
            / 6
        )
        whole += content
        constant, linear, quadratic = power_center(corner, radius)[2:]
        if constant + (linear + quadratic * p) * p <= 0.0:
            continue
        radius += p
        total, surface = content, 0.0
        for a in range(4):
            if present[atom[t, a]]:
                solid = _solid_angle(
                    corner[(a + 1) & 3] - corner[a],
                    corner[(a + 2) & 3] - corner[a],
                    corner[(a + 3) & 3] - corner[a],
                )
                total -= solid * radius[a] ** 3 / 3
                surface += solid * radius[a] ** 2
        for e in range(6):
            a, b, c, d = _EDGES[e, 0], _EDGES[e, 1], _EDGES[e, 2], _EDGES[e, 3]
            if not _edge_in_complex(state, points, vectors, radii, closed, p, t, a, b, c, d):
                continue
            u, v, w = corner[b] - corner[a], corner[c] - corner[a], corner[d] - corner[a]
            length = np.sqrt(u[0] ** 2 + u[1] ** 2 + u[2] ** 2)
            mx, my, mz = u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]
            nx, ny, nz = u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]
            # |m x n| is six volumes times the edge
            share = np.arctan2(6 * content * length, mx * nx + my * ny + mz * nz) / (2 * pi)
            lens, one, two = _lens(length, radius[a], radius[b])
            total += share * lens
            surface -= share * (one + two)
        for face in range(4):
            if closed[t, face]:
                for k in range(3):
                    three[k] = corner[(face + 1 + k) & 3]
                    three_radii[k] = radius[(face + 1 + k) & 3]
                triple_volume, triple_area = _triple(three, three_radii)
                total -= 0.5 * triple_volume
                surface += 0.5 * triple_area
        number[found], volume[found], area[found] = t, total, surface
        found += 1
    return number[:found].copy(), volume[:found].copy(), area[:found].copy(), whole
