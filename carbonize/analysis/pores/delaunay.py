"""Delaunay tessellation of points by insertion.

Points are inserted one by one (Bowyer, Comput. J. 24 (1981) 162; Watson, ibid. 167): the
tetrahedra whose circumsphere holds the new point are replaced by those that join the point
to the faces of the cavity. The order is random rounds of doubling size, each along a
space-filling curve (Amenta, Choi and Rote, SoCG 2003), so that a point is found by a short
walk from the last one and few cells are far away in memory.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from carbonize.analysis.pores.predicates import in_sphere, orientation

__all__ = ["delaunay"]

_FAR = 30.0
"""Distance of the enclosing tetrahedron in units of the points' extent."""

_FIRST_ROUND = 1000
_LONGEST_WALK = 100_000


def delaunay(
    points: Float[np.ndarray, "point 3"], random: np.random.Generator
) -> tuple[Int[np.ndarray, "tet 4"], Int[np.ndarray, "tet 4"]]:
    """Delaunay tetrahedra of points, and the tetrahedron behind each of their faces.

    Parameters
    ----------
    points
        Cartesian; no two the same, and no five on one empty sphere to the last digit.
    random
        Draws the order of insertion; the result does not depend on it.

    Returns
    -------
    tetrahedra, neighbors
        Vertices, right-handed, and the tetrahedra opposite each vertex (-1: none). The
        enclosing tetrahedron's own cells are left out, so the outer rim need not be convex.

    Raises
    ------
    ValueError
        If a point could not be inserted: the points are degenerate.
    """
    order = _insertion_order(points, random)
    low, high = points.min(axis=0), points.max(axis=0)
    reach = _FAR * max(float((high - low).max()), 1.0)
    corners = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * reach
    corners += np.array([[0.013, -0.031, 0.007]]) * reach + (low + high) / 2
    sorted_points = np.concatenate([corners, points[order]])
    tetrahedra, neighbors, failures = _insert_all(sorted_points)
    if failures:
        raise ValueError(f"{failures} points could not be inserted")
    number = np.concatenate([np.full(4, -1, np.int32), order.astype(np.int32)])
    return number[tetrahedra], neighbors


def _insertion_order(points: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Random rounds of doubling size, each along a Morton curve."""
    count = len(points)
    rounds = max(0, int(np.log2(max(1, count) / _FIRST_ROUND)))
    turn = -np.minimum(np.floor(-np.log2(1.0 - random.random(count))), rounds)
    low = points.min(axis=0)
    scaled = ((points - low) / max(float(np.ptp(points, axis=0).max()), 1e-9) * 1023).astype(np.int64)
    code = np.zeros(count, np.int64)
    for bit in range(10):
        for axis in range(3):
            code |= ((scaled[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.lexsort([code, turn])


@njit(cache=True, nogil=True)
def _face_of(neighbors, tet, other):
    """Which face of ``tet`` leads to ``other``."""
    for f in range(4):
        if neighbors[tet, f] == other:
            return f
    return -1


@njit(cache=True, nogil=True)
def _locate(points, vertex, neighbors, start, p):
    """Tetrahedron that contains point p, by walking towards it; -1 if the walk does not end.

    Faces are tried in random order: where flat cells are right only to rounding, a fixed order
    may go in circles.
    """
    tet, came_from = start, -1
    state = p
    for _ in range(_LONGEST_WALK):
        moved = False
        state = (1664525 * state + 1013904223) & 0xFFFFFFFF
        for k in range(4):
            f = (k + (state >> 16)) & 3
            behind = neighbors[tet, f]
            if behind < 0 or behind == came_from:
                continue
            a, b, c, d = vertex[tet, 0], vertex[tet, 1], vertex[tet, 2], vertex[tet, 3]
            if f == 0:
                a = p
            elif f == 1:
                b = p
            elif f == 2:
                c = p
            else:
                d = p
            if orientation(points, a, b, c, d) < 0.0:
                came_from, tet, moved = tet, behind, True
                break
        if not moved:
            return tet
    return -1


@njit(cache=True, nogil=True)
def _insert_all(points):
    """Insert points 4, 5, ... into the tetrahedron of the first four; see :func:`delaunay`."""
    capacity = 7 * len(points) + 1000
    vertex = np.empty((capacity, 4), np.int32)
    neighbors = np.empty((capacity, 4), np.int32)
    visited = np.full(capacity, -1, np.int32)  # the last point whose cavity the cell was tried for
    inside = np.zeros(capacity, np.bool_)  # and whether it belonged to it
    vertex[0] = np.array([0, 1, 2, 3], np.int32)
    if orientation(points, 0, 1, 2, 3) < 0.0:
        vertex[0, 2], vertex[0, 3] = 3, 2
    neighbors[0] = -1
    count, last, failures = 1, 0, 0
    spare = np.empty(1024, np.int32)  # free places in the arrays
    spares = 0
    cavity = np.empty(1024, np.int32)
    rim = np.empty((1024, 2), np.int32)  # cell of the cavity and its face on the rim
    fresh = np.empty(1024, np.int32)

    for p in range(4, len(points)):
        start = _locate(points, vertex, neighbors, last, p)
        v = vertex[start] if start >= 0 else vertex[0]
        if start < 0 or in_sphere(points, v[0], v[1], v[2], v[3], p) <= 0.0:
            failures += 1
            continue
        visited[start], inside[start] = p, True
        cavity[0] = start
        cells, faces, done = 1, 0, 0
        while done < cells:
            tet = cavity[done]
            done += 1
            if cells + 4 > len(cavity):
                cavity = np.concatenate((cavity, np.empty_like(cavity)))
            if faces + 4 > len(rim):
                rim = np.concatenate((rim, np.empty_like(rim)))
            for f in range(4):
                behind = neighbors[tet, f]
                if behind >= 0 and visited[behind] != p:
                    visited[behind] = p
                    v = vertex[behind]
                    inside[behind] = in_sphere(points, v[0], v[1], v[2], v[3], p) > 0.0
                    if inside[behind]:
                        cavity[cells] = behind
                        cells += 1
                if behind < 0 or not inside[behind]:
                    rim[faces, 0], rim[faces, 1] = tet, f
                    faces += 1

        if faces > len(fresh):
            fresh = np.empty(2 * faces, np.int32)
        for k in range(faces):
            tet, f = rim[k, 0], rim[k, 1]
            if spares > 0:
                spares -= 1
                new = spare[spares]
            else:
                if count == capacity:
                    capacity += capacity // 2
                    room = capacity - count
                    vertex = np.concatenate((vertex, np.empty((room, 4), np.int32)))
                    neighbors = np.concatenate((neighbors, np.empty((room, 4), np.int32)))
                    visited = np.concatenate((visited, np.full(room, -1, np.int32)))
                    inside = np.concatenate((inside, np.zeros(room, np.bool_)))
                new = count
                count += 1
            fresh[k] = new
            behind = neighbors[tet, f]
            for i in range(4):
                vertex[new, i] = vertex[tet, i]
            vertex[new, f] = p
            neighbors[new, f] = behind
            visited[new], inside[new] = p, False
            if behind >= 0:
                neighbors[behind, _face_of(neighbors, behind, tet)] = new
            neighbors[tet, f] = -2 - new  # for the walks below
        for k in range(faces):
            tet, f, new = rim[k, 0], rim[k, 1], fresh[k]
            for g in range(4):
                if g == f:
                    continue
                # turn round the edge that faces f and g share until the rim is met again
                here, leave, pivot = tet, g, vertex[tet, f]
                while neighbors[here, leave] >= 0:
                    ahead = neighbors[here, leave]
                    entered = _face_of(neighbors, ahead, here)
                    for i in range(4):
                        if vertex[ahead, i] == pivot:
                            leave = i
                    here, pivot = ahead, vertex[ahead, entered]
                neighbors[new, g] = -2 - neighbors[here, leave]
        last = fresh[0]
        if spares + cells > len(spare):
            spare = np.concatenate((spare, np.empty(2 * (spares + cells), np.int32)))
        for k in range(cells):
            spare[spares] = cavity[k]
            neighbors[cavity[k]] = -1
            inside[cavity[k]] = True  # a place without a cell
            spares += 1
    return _without_enclosure(vertex, neighbors, inside, count, failures)


@njit(cache=True, nogil=True)
def _without_enclosure(vertex, neighbors, gone, count, failures):
    """Cells in use that touch none of the four enclosing points, renumbered."""
    place = np.full(count, -1, np.int32)
    kept = 0
    for t in range(count):
        if not gone[t] and vertex[t].min() >= 4:
            place[t] = kept
            kept += 1
    vertex_kept = np.empty((kept, 4), np.int32)
    neighbors_kept = np.empty((kept, 4), np.int32)
    for t in range(count):
        if place[t] >= 0:
            for f in range(4):
                vertex_kept[place[t], f] = vertex[t, f]
                behind = neighbors[t, f]
                neighbors_kept[place[t], f] = place[behind] if behind >= 0 else -1
    return vertex_kept, neighbors_kept, failures
