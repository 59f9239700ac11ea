"""Exact volume and surface area of the void between equal spheres.

The void outside balls of radius R around the atoms lies in the Delaunay tetrahedra whose
circumradius exceeds R. Each of them contributes its own volume minus the ball sectors at
its vertices, plus the lenses of two overlapping balls at its edges (in proportion to the
dihedral angle), minus half the triple intersections at its faces. Lenses and triple
intersections count only if the edge or face belongs to the alpha complex at R (Edelsbrunner,
Discrete Comput. Geom. 13 (1995) 415): then the sum over a connected void is exact, although
a single tetrahedron's share may be negative. The area is minus the derivative with respect to R.

Lens and triple intersection of equal balls: Gibson and Scheraga, Mol. Phys. 62 (1987) 1247.
"""

from __future__ import annotations

from math import pi

import numpy as np
from jaxtyping import Float
from numba import njit

from carbonize.analysis.pores.network import Network
from carbonize.analysis.pores.tessellation import Tessellation, vertex_at
from carbonize.errors import CarbonizeError

__all__ = ["void_measures"]

# the two vertices of each edge, then the two others
_EDGES = np.array([[0, 1, 2, 3], [0, 2, 1, 3], [0, 3, 1, 2], [1, 2, 0, 3], [1, 3, 0, 2], [2, 3, 0, 1]])
# the edges of the face opposite each vertex
_FACE_EDGES = np.array([[3, 4, 5], [1, 2, 5], [0, 2, 4], [0, 1, 3]])


def void_measures(
    tessellation: Tessellation, network: Network, ball_radii_A: Float[np.ndarray, " level"]
) -> tuple[Float[np.ndarray, "level node"], Float[np.ndarray, "level node"]]:
    """Each node's contribution to the void outside balls around the atoms.

    Parameters
    ----------
    tessellation, network
        Of the same structure.
    ball_radii_A
        Atom radius plus probe radius of each probe.

    Returns
    -------
    volume, area
        In A^3 and A^2; sums over the nodes of any connected void are exact.
    """
    t = tessellation
    levels = np.asarray(ball_radii_A, dtype=float)
    volume, area, failures = _measures(
        levels,
        t.radius,
        t.volume,
        t.points,
        t.atom,
        t.shift,
        t.neighbor,
        t.neighbor_shift,
        network.face_capacity,
        t.vectors,
        _EDGES,
        _FACE_EDGES,
    )
    if failures:  # cannot happen to a certified tessellation
        raise CarbonizeError(
            f"{failures} tetrahedra have inconsistent neighbours; please report this structure"
        )
    return volume, area


@njit(cache=True, nogil=True)
def _lens(d, r):
    """Volume of the intersection of two balls of radius r whose centres are d < 2 r apart."""
    return pi * (4 * r + d) * (2 * r - d) ** 2 / 12


@njit(cache=True, nogil=True)
def _triple(a, b, c, r):
    """Volume of the intersection of three balls of radius r, and its surface area.

    ``a``, ``b``, ``c`` are the distances of the centres; (0, 0) if the balls have no common point
    above the plane of the centres.
    """
    aa, bb, cc = a * a, b * b, c * c
    sixteen_area2 = 2 * (aa * bb + bb * cc + cc * aa) - (aa * aa + bb * bb + cc * cc)
    squared = r * r * sixteen_area2 - aa * bb * cc
    if squared <= 0.0:
        return 0.0, 0.0
    w = np.sqrt(squared)
    pa, pb, pc = a * (bb + cc - aa), b * (cc + aa - bb), c * (aa + bb - cc)
    edge_a, edge_b, edge_c = np.arctan2(2 * w, pa), np.arctan2(2 * w, pb), np.arctan2(2 * w, pc)
    solid = np.arctan2(a * w, r * pa) + np.arctan2(b * w, r * pb) + np.arctan2(c * w, r * pc)
    rr = r * r
    volume = (
        w / 6
        - 0.5 * a * (2 * rr - aa / 6) * edge_a
        - 0.5 * b * (2 * rr - bb / 6) * edge_b
        - 0.5 * c * (2 * rr - cc / 6) * edge_c
        + 4 / 3 * r * rr * solid
    )
    area = 4 * rr * solid - 2 * r * (a * edge_a + b * edge_b + c * edge_c)
    return volume, area


@njit(cache=True, nogil=True)
def _vertex_at(atom, shift, node, like_node, like_vertex, x, y, z):
    """Vertex of ``node`` (moved by x, y, z) that is the given vertex of another node; -1 if none."""
    for v in range(4):
        if (
            atom[node, v] == atom[like_node, like_vertex]
            and shift[node, v, 0] + x == shift[like_node, like_vertex, 0]
            and shift[node, v, 1] + y == shift[like_node, like_vertex, 1]
            and shift[node, v, 2] + z == shift[like_node, like_vertex, 2]
        ):
            return v
    return -1


@njit(cache=True, nogil=True)
def _edge_alpha(start, a, b, c, d, points, atom, shift, neighbor, neighbor_shift, face_capacity, vectors):
    """Smallest ball radius at which edge (a, b) of a tetrahedron enters the alpha complex.

    Walks round the edge from tetrahedron to tetrahedron. Half the edge's length, if no
    vertex met on the way lies inside the sphere on the edge as diameter; otherwise the
    edge comes with the first of its faces. Returns -1 if the walk does not close.
    """
    ox, oy, oz = vertex_at(points, vectors, atom, shift, start, a)
    px, py, pz = vertex_at(points, vectors, atom, shift, start, b)
    mx, my, mz = 0.5 * (ox + px), 0.5 * (oy + py), 0.5 * (oz + pz)
    quarter = (ox - mx) ** 2 + (oy - my) ** 2 + (oz - mz) ** 2
    first_a, first_b = a, b
    attached = False
    lowest_face = np.inf
    node = start
    x, y, z = 0, 0, 0
    for _ in range(10_000):
        # d is the vertex ahead: each vertex of the ring is met once
        dx, dy, dz = vertex_at(points, vectors, atom, shift, node, d)
        dx += x * vectors[0, 0] + y * vectors[1, 0] + z * vectors[2, 0] - mx
        dy += x * vectors[0, 1] + y * vectors[1, 1] + z * vectors[2, 1] - my
        dz += x * vectors[0, 2] + y * vectors[1, 2] + z * vectors[2, 2] - mz
        if dx * dx + dy * dy + dz * dz < quarter:
            attached = True
        lowest_face = min(lowest_face, face_capacity[node, c])
        # leave through the face opposite c, which holds a, b and d
        ahead = neighbor[node, c]
        ahead_x = x + neighbor_shift[node, c, 0]
        ahead_y = y + neighbor_shift[node, c, 1]
        ahead_z = z + neighbor_shift[node, c, 2]
        rx, ry, rz = ahead_x - x, ahead_y - y, ahead_z - z
        new_a = _vertex_at(atom, shift, ahead, node, a, rx, ry, rz)
        new_b = _vertex_at(atom, shift, ahead, node, b, rx, ry, rz)
        new_c = _vertex_at(atom, shift, ahead, node, d, rx, ry, rz)
        if new_a < 0 or new_b < 0 or new_c < 0:
            return -1.0
        a, b, c, d = new_a, new_b, new_c, 6 - new_a - new_b - new_c
        node, x, y, z = ahead, ahead_x, ahead_y, ahead_z
        if node == start and x == 0 and y == 0 and z == 0 and a == first_a and b == first_b:
            return lowest_face if attached else np.sqrt(quarter)
    return -1.0


@njit(cache=True, nogil=True)
def _measures(
    levels,
    radius,
    tetrahedron_volume,
    points,
    atom,
    shift,
    neighbor,
    neighbor_shift,
    face_capacity,
    vectors,
    edges,
    face_edges,
):
    """Volume and area contributions of every node at every level, and failed walks."""
    count = len(radius)
    volume = np.zeros((len(levels), count))
    area = np.zeros((len(levels), count))
    failures = 0
    lowest, highest = levels.min(), levels.max()
    length = np.empty(6)
    angle = np.empty(6)
    alpha = np.empty(6)
    solid_angle = np.empty(4)
    corner = np.empty((4, 3))
    for t in range(count):
        if radius[t] <= lowest:
            continue
        for k in range(4):
            corner[k, 0], corner[k, 1], corner[k, 2] = vertex_at(points, vectors, atom, shift, t, k)
        solid_angle[:] = -pi  # the solid angle at a vertex is its three dihedral angles minus pi
        for e in range(6):
            a, b, c, d = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
            ox, oy, oz = corner[a, 0], corner[a, 1], corner[a, 2]
            ux, uy, uz = corner[b, 0] - ox, corner[b, 1] - oy, corner[b, 2] - oz
            px, py, pz = corner[c, 0] - ox, corner[c, 1] - oy, corner[c, 2] - oz
            qx, qy, qz = corner[d, 0] - ox, corner[d, 1] - oy, corner[d, 2] - oz
            length[e] = np.sqrt(ux * ux + uy * uy + uz * uz)
            # normals u x p and u x q enclose the dihedral angle
            mx, my, mz = uy * pz - uz * py, uz * px - ux * pz, ux * py - uy * px
            nx, ny, nz = uy * qz - uz * qy, uz * qx - ux * qz, ux * qy - uy * qx
            # |m x n| = |u| |u . (p x q)|: six tetrahedron volumes times the edge
            sine = 6.0 * tetrahedron_volume[t] * length[e]
            angle[e] = np.arctan2(sine, mx * nx + my * ny + mz * nz)
            solid_angle[a] += angle[e]
            solid_angle[b] += angle[e]
            alpha[e] = np.inf
            if length[e] < 2 * highest:
                alpha[e] = _edge_alpha(
                    t, a, b, c, d, points, atom, shift, neighbor, neighbor_shift, face_capacity, vectors
                )
                if alpha[e] < 0.0:
                    failures += 1
        total_solid_angle = solid_angle.sum()
        for k in range(len(levels)):
            r = levels[k]
            if radius[t] <= r:
                continue
            v = tetrahedron_volume[t] - total_solid_angle * r**3 / 3
            s = total_solid_angle * r**2
            for e in range(6):
                if alpha[e] <= r:
                    share = angle[e] / (2 * pi)
                    v += share * _lens(length[e], r)
                    s -= share * 2 * pi * r * (2 * r - length[e])
            for face in range(4):
                if face_capacity[t, face] <= r:
                    triple_volume, triple_area = _triple(
                        length[face_edges[face, 0]],
                        length[face_edges[face, 1]],
                        length[face_edges[face, 2]],
                        r,
                    )
                    v -= 0.5 * triple_volume
                    s += 0.5 * triple_area
            volume[k, t] = v
            area[k, t] = s
    return volume, area, failures
