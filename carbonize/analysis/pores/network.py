"""The pore network: which void connects to which, and how wide the way is.

Nodes are Voronoi vertices. Two nodes whose tetrahedra share a face are joined by a
Voronoi edge; its capacity is the smallest distance to an atom along it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from carbonize.analysis.pores.tessellation import Tessellation, vertex_at

__all__ = ["Network", "build_network"]


@dataclasses.dataclass(frozen=True)
class Network:
    """Voronoi network of one period.

    Attributes
    ----------
    radius
        Distance (A) of each node to its nearest atoms' centres.
    face_capacity
        Largest sphere radius (A, to atom centres) that passes through each tetrahedron's faces.
    first, second
        Nodes at the ends of each edge.
    capacity
        Smallest distance (A) to an atom centre along each edge.
    winding
        Lattice translation, in the given cell's vectors, of ``second`` as seen from ``first``.
    """

    radius: Float[np.ndarray, " node"]
    face_capacity: Float[np.ndarray, "node 4"]
    first: Int[np.ndarray, " edge"]
    second: Int[np.ndarray, " edge"]
    capacity: Float[np.ndarray, " edge"]
    winding: Int[np.ndarray, "edge 3"]


def build_network(tessellation: Tessellation) -> Network:
    """Voronoi network with exact capacities from a certified tessellation."""
    t = tessellation
    face_capacity = _face_capacities(
        t.points,
        t.atom,
        t.shift,
        t.center,
        t.radius,
        t.neighbor,
        t.neighbor_shift,
        t.neighbor_face,
        t.vectors,
    )
    first, second, capacity, winding = _edges(
        face_capacity, t.neighbor, t.neighbor_shift, t.neighbor_face, t.change
    )
    return Network(
        radius=t.radius,
        face_capacity=face_capacity,
        first=first,
        second=second,
        capacity=capacity,
        winding=winding,
    )


@njit(cache=True, nogil=True)
def _edges(face_capacity, neighbor, neighbor_shift, neighbor_face, change):
    """Ends, capacity and winding of each edge, once: from the face with the smaller number."""
    count = 2 * len(neighbor)
    first, second = np.empty(count, np.int32), np.empty(count, np.int32)
    capacity = np.empty(count)
    winding = np.zeros((count, 3), np.int32)
    e = 0
    for t in range(len(neighbor)):
        for face in range(4):
            if 4 * t + face < 4 * neighbor[t, face] + neighbor_face[t, face]:
                first[e], second[e], capacity[e] = t, neighbor[t, face], face_capacity[t, face]
                for k in range(3):
                    step = neighbor_shift[t, face, k]
                    if step != 0:
                        for axis in range(3):
                            winding[e, axis] += step * change[k, axis]
                e += 1
    return first, second, capacity, winding


@njit(cache=True, nogil=True)
def _face_capacities(points, atom, shift, center, radius, neighbor, neighbor_shift, neighbor_face, vectors):
    """Smallest distance to an atom along the Voronoi edge through each face, shape (node, 4).

    The distance along the edge is smallest at the face's circumcentre, if the edge contains
    it: that is so when the two Voronoi vertices lie on opposite sides of the face's plane.
    Otherwise it is smallest at one of the ends.
    """
    count = len(radius)
    capacity = np.empty((count, 4))
    for t in range(count):
        for face in range(4):
            other, back = neighbor[t, face], neighbor_face[t, face]
            if 4 * other + back < 4 * t + face:
                capacity[t, face] = capacity[other, back]  # the same face, seen before
                continue
            a, b, c = (face + 1) % 4, (face + 2) % 4, (face + 3) % 4
            ox, oy, oz = vertex_at(points, vectors, atom, shift, t, a)
            ux, uy, uz = vertex_at(points, vectors, atom, shift, t, b)
            vx, vy, vz = vertex_at(points, vectors, atom, shift, t, c)
            ux, uy, uz = ux - ox, uy - oy, uz - oz
            vx, vy, vz = vx - ox, vy - oy, vz - oz
            nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
            norm2 = nx * nx + ny * ny + nz * nz
            # heights of both Voronoi vertices above the plane, times |n|
            here = nx * (center[t, 0] - ox) + ny * (center[t, 1] - oy) + nz * (center[t, 2] - oz)
            x, y, z = center[other, 0] - ox, center[other, 1] - oy, center[other, 2] - oz
            for axis in range(3):
                moved = neighbor_shift[t, face, axis]
                x += moved * vectors[axis, 0]
                y += moved * vectors[axis, 1]
                z += moved * vectors[axis, 2]
            there = nx * x + ny * y + nz * z
            lowest = min(radius[t], radius[other])
            if here * there <= 0.0 and norm2 > 0.0:
                # circumradius of the face by Pythagoras, from the nearer end (less cancellation)
                if abs(here) < abs(there):
                    squared = radius[t] ** 2 - here * here / norm2
                else:
                    squared = radius[other] ** 2 - there * there / norm2
                lowest = min(lowest, np.sqrt(max(squared, 0.0)))
            capacity[t, face] = lowest
    return capacity
