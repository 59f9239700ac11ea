"""Which nodes' spheres a point of the void may lie in.

Every small block of the cell keeps the spheres that reach into it, the largest first, and
leaves out those that can add nothing to a larger one which covers the whole block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numba import njit

from carbonize.analysis.pores.bins import bin_counts, bin_of, bin_range
from carbonize.periodic import Lattice

__all__ = ["NodeCover", "covering_nodes", "make_cover"]

BLOCK_WIDTH_A = 1.2


class NodeCover(NamedTuple):
    """Spheres by block.

    Attributes
    ----------
    vectors, inverse, heights, counts
        As in :class:`carbonize.analysis.pores.bins.Bins`.
    start, node
        The nodes of block ``b``, the widest first, are ``node[start[b]:start[b + 1]]``.
    shift
        By how many lattice vectors the block was moved to be near that node.
    center, radius, access
        Centre (A, in the cell) and radius (A) of each node's sphere, and the diameter (A) of the
        largest probe that comes to its centre from outside.
    """

    vectors: np.ndarray
    inverse: np.ndarray
    heights: np.ndarray
    counts: np.ndarray
    start: np.ndarray
    node: np.ndarray
    shift: np.ndarray
    center: np.ndarray
    radius: np.ndarray
    access: np.ndarray


def make_cover(
    centers: Float[np.ndarray, "node 3"],
    radii_A: Float[np.ndarray, " node"],
    access_A: Float[np.ndarray, " node"],
    lattice: Lattice,
) -> NodeCover:
    """Sort the nodes' spheres into blocks.

    Parameters
    ----------
    centers
        Cartesian, A, relative to the cell's origin.
    radii_A, access_A
        Clearance of each node, and the widest probe that comes to it.
    lattice
        Periodic in all directions.
    """
    counts = bin_counts(lattice, BLOCK_WIDTH_A)
    edges = lattice.vectors / counts[:, None]
    corners = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) @ edges / 2
    cover = NodeCover(
        vectors=np.ascontiguousarray(lattice.vectors),
        inverse=np.ascontiguousarray(np.linalg.inv(lattice.vectors)),
        heights=lattice.heights,
        counts=counts,
        start=np.zeros(int(counts.prod()) + 1, dtype=np.int64),
        node=np.empty(0, dtype=np.int32),
        shift=np.empty((0, 3), dtype=np.int16),
        center=np.ascontiguousarray(lattice.fractional(centers) @ lattice.vectors),
        radius=np.ascontiguousarray(radii_A, dtype=float),
        access=np.ascontiguousarray(access_A, dtype=float),
    )
    order = np.argsort(-cover.radius, kind="stable")
    order = order[cover.radius[order] > 0]
    half = float(np.linalg.norm(corners, axis=1).max())
    _enter(cover, order, half)
    np.cumsum(cover.start, out=cover.start)
    entries = int(cover.start[-1])
    cover = cover._replace(node=np.empty(entries, np.int32), shift=np.empty((entries, 3), np.int16))
    _enter(cover, order, half)
    return cover


@njit(cache=True, nogil=True)
def _enter(cover, order, half):
    """Count each block's spheres into ``start[1:]`` or, once ``node`` has room, write them."""
    counting = len(cover.node) == 0
    blocks = len(cover.start) - 1
    filled = cover.start[:-1].copy()
    # what the widest-reaching of the spheres that cover a whole block lets in; -1: none covers it
    covered = np.full(blocks, -1.0)
    n0, n1, n2 = cover.counts[0], cover.counts[1], cover.counts[2]
    v = cover.vectors
    for m in order:
        x, y, z = cover.center[m, 0], cover.center[m, 1], cover.center[m, 2]
        r = cover.radius[m]
        low, high = bin_range(cover, x, y, z, r)
        for i in range(low[0], high[0] + 1):
            fi = (i + 0.5) / n0
            for j in range(low[1], high[1] + 1):
                fj = (j + 0.5) / n1
                for k in range(low[2], high[2] + 1):
                    fk = (k + 0.5) / n2
                    b = ((i % n0) * n1 + j % n1) * n2 + k % n2
                    if covered[b] >= cover.access[m]:
                        continue
                    dx = fi * v[0, 0] + fj * v[1, 0] + fk * v[2, 0] - x
                    dy = fi * v[0, 1] + fj * v[1, 1] + fk * v[2, 1] - y
                    dz = fi * v[0, 2] + fj * v[1, 2] + fk * v[2, 2] - z
                    d = np.sqrt(dx * dx + dy * dy + dz * dz)
                    if d >= r + half:
                        continue
                    if d + half <= r:
                        covered[b] = cover.access[m]
                    if counting:
                        cover.start[b + 1] += 1
                    else:
                        cover.node[filled[b]] = m
                        cover.shift[filled[b], 0] = i // n0
                        cover.shift[filled[b], 1] = j // n1
                        cover.shift[filled[b], 2] = k // n2
                        filled[b] += 1


@njit(cache=True, nogil=True)
def covering_nodes(cover, x, y, z):
    """The widest node sphere that holds a point, and the best access among all that do.

    Returns
    -------
    node, access
        -1 and 0 where no sphere covers the point.
    """
    n0, n1, n2 = cover.counts[0], cover.counts[1], cover.counts[2]
    v = cover.vectors
    i, j, k = bin_of(cover, x, y, z)
    si, sj, sk = i // n0, j // n1, k // n2
    b = ((i - si * n0) * n1 + j - sj * n1) * n2 + k - sk * n2
    widest, access = -1, 0.0
    for entry in range(cover.start[b], cover.start[b + 1]):
        m = cover.node[entry]
        r = cover.radius[m]
        if widest >= 0 and cover.access[m] <= access:
            if 2.0 * r <= access:
                break  # the rest is narrower still
            continue
        s0, s1, s2 = si - cover.shift[entry, 0], sj - cover.shift[entry, 1], sk - cover.shift[entry, 2]
        dx = cover.center[m, 0] + s0 * v[0, 0] + s1 * v[1, 0] + s2 * v[2, 0] - x
        dy = cover.center[m, 1] + s0 * v[0, 1] + s1 * v[1, 1] + s2 * v[2, 1] - y
        dz = cover.center[m, 2] + s0 * v[0, 2] + s1 * v[1, 2] + s2 * v[2, 2] - z
        if dx * dx + dy * dy + dz * dz <= r * r:
            if widest < 0:
                widest = m
            access = max(access, cover.access[m])
    return widest, access
