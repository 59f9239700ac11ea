"""Channels and pockets of one probe: how many, and in how many directions the channels lead."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int
from numba import njit

from carbonize.analysis.pores.unionfind import find_root

__all__ = ["channels_and_pockets"]


def channels_and_pockets(
    clearance_A: Float[np.ndarray, " node"],
    first: Int[np.ndarray, " edge"],
    second: Int[np.ndarray, " edge"],
    capacity_A: Float[np.ndarray, " edge"],
    winding: Int[np.ndarray, "edge 3"],
    volume_A3: Float[np.ndarray, " node"],
    probe_radius_A: float,
    periodic: Bool[np.ndarray, " 3"],
    smallest_volume_A3: float,
) -> tuple[tuple[int, ...], int]:
    """Connected parts of the void of a probe's centre, modulo the lattice.

    A part that winds (that leads to its own periodic image) is a channel, and its
    dimensionality is the number of independent directions in which it does; any other is
    a pocket. Each is counted once in the given cell: repeating the cell along a direction in
    which a part does not lead multiplies it.

    Parameters
    ----------
    clearance_A
        Radius of the largest sphere about each node.
    first, second, capacity_A, winding
        Edges, the widest first, and the radius of the largest sphere that passes along each.
    volume_A3
        Share of each node in the void of the probe's centre.
    probe_radius_A
        Of the probe.
    periodic
        Cell vectors that are periods of the structure. Windings along the others, through
        vacuum, make a channel but do not count as its directions.
    smallest_volume_A3
        Smaller parts are rounding, not void.

    Returns
    -------
    dimensionalities, pockets
        Of each channel, in falling order; and the number of pockets.
    """
    reach = int(np.searchsorted(-capacity_A, -probe_radius_A))  # edges wider than the probe
    inside = clearance_A > probe_radius_A
    root, rank, vectors = _components(len(clearance_A), first[:reach], second[:reach], winding[:reach])
    tops, part = np.unique(root[inside], return_inverse=True)
    volumes = np.bincount(part, weights=volume_A3[inside], minlength=len(tops))
    tops = tops[volumes >= smallest_volume_A3]
    winds = rank[tops] > 0
    dimensionalities = [_dimensionality(rank[top], vectors[top], periodic) for top in tops[winds]]
    return tuple(sorted(dimensionalities, reverse=True)), int((~winds).sum())


def _dimensionality(rank: int, vectors: np.ndarray, periodic: np.ndarray) -> int:
    """Independent directions among the periods of the structure; three windings lead everywhere."""
    if rank == 3 or not periodic.any():
        return int(periodic.sum())
    return int(np.linalg.matrix_rank(vectors[:, periodic]))


@njit(cache=True, nogil=True)
def _components(count, first, second, winding):
    """Root of each node, the number of independent windings of each root, and the first two."""
    parent = np.arange(count)
    offset = np.zeros((count, 3), np.int64)
    size = np.ones_like(parent)
    vectors = np.zeros((count, 2, 3), np.int32)
    rank = np.zeros_like(parent)
    for e in range(len(first)):
        a, ax, ay, az = find_root(parent, offset, first[e])
        b, bx, by, bz = find_root(parent, offset, second[e])
        x, y, z = ax + winding[e, 0] - bx, ay + winding[e, 1] - by, az + winding[e, 2] - bz
        if a == b:
            _add(vectors, rank, a, x, y, z)
            continue
        if size[a] < size[b]:
            a, b = b, a
            x, y, z = -x, -y, -z
        parent[b] = a
        offset[b, 0], offset[b, 1], offset[b, 2] = x, y, z
        size[a] += size[b]
        for k in range(min(rank[b], 2)):
            _add(vectors, rank, a, vectors[b, k, 0], vectors[b, k, 1], vectors[b, k, 2])
        rank[a] = max(rank[a], rank[b])
    for node in range(count):
        parent[node], _, _, _ = find_root(parent, offset, node)
    return parent, rank, vectors


@njit(cache=True, nogil=True)
def _add(vectors, rank, root, x, y, z):
    """Add a winding to a root's, unless it depends on those already there."""
    have = rank[root]
    if have == 3 or (x == 0 and y == 0 and z == 0):
        return
    px, py, pz = vectors[root, 0, 0], vectors[root, 0, 1], vectors[root, 0, 2]
    cx, cy, cz = py * z - pz * y, pz * x - px * z, px * y - py * x
    if have == 1 and cx == 0 and cy == 0 and cz == 0:
        return
    if have == 2:
        qx, qy, qz = vectors[root, 1, 0], vectors[root, 1, 1], vectors[root, 1, 2]
        if qx * cx + qy * cy + qz * cz == 0:
            return
    else:
        vectors[root, have, 0], vectors[root, have, 1], vectors[root, have, 2] = x, y, z
    rank[root] = have + 1
