"""The merge tree of the distance field: what reaches what, and which peaks are pores.

A descending sweep over the capacities of the pore network with a union-find structure
answers every question of connectivity exactly: the largest free sphere, what reaches a
void from outside, and which void belongs to which pore.

"Outside" in a periodic solid is void that winds: void connected to its own periodic
image. Every union-find entry carries the lattice translation to its root, so that a
closed loop reveals its winding vector.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from carbonize.analysis.pores.network import Network
from carbonize.analysis.pores.unionfind import find_root

__all__ = ["BIRTH_OF_WINDING", "WAY_OUT", "MergeTree", "merge_tree"]

WAY_OUT = 1
"""Role of an edge that joins void to other void, at most one of which winds."""

BIRTH_OF_WINDING = 2
"""Role of an edge that closes the first winding loop of its void."""

_SMALLEST_PERSISTENCE_A = 1e-4
"""Peaks lower than this come from the jitter of the tessellation, not from the structure."""


@dataclasses.dataclass(frozen=True)
class MergeTree:
    """What the descending sweep found. All levels are sphere radii to atom centres (A).

    Attributes
    ----------
    access
        Largest sphere that reaches each node from outside; 0 where none does.
    basin
        The node of the pore that each node belongs to; -1 where the pore probe does not fit.
    winding_level
        Largest sphere that any winding path lets through; 0 if nothing winds.
    axis_level
        The same for paths whose windings span each of the given cell's axes.
    order
        The edges with room between the atoms, the widest first: the course of the sweep.
    role
        Of each edge in ``order``: :data:`WAY_OUT`, :data:`BIRTH_OF_WINDING`, or 0.
    """

    access: Float[np.ndarray, " node"]
    basin: Int[np.ndarray, " node"]
    winding_level: float
    axis_level: Float[np.ndarray, " 3"]
    order: Int[np.ndarray, " passable"]
    role: Int[np.ndarray, " passable"]


def merge_tree(
    network: Network, atom_radius_A: float, pore_probe_radius_A: float, persistence_A: float
) -> MergeTree:
    """Sweep the network from wide to narrow.

    Parameters
    ----------
    network
        From :func:`build_network`.
    atom_radius_A
        Hard-sphere radius of the atoms: the sweep ends where no room is left between them.
    pore_probe_radius_A
        Radius of the probe whose void is split into pores (helium's).
    persistence_A
        A peak that rises less than this above its saddle belongs to the pore beyond it. Across
        a saddle too narrow for the pore probe that holds only between pockets that the probe
        cannot reach from outside: void is never given to a pore from which it is cut off
        while that pore is accessible, so that the unreachable pores' volume is exactly the
        inaccessible volume.
    """
    passable = np.flatnonzero(network.capacity > atom_radius_A)
    order = passable[np.argsort(-network.capacity[passable], kind="stable")]
    pore_level = atom_radius_A + pore_probe_radius_A
    access, uphill, winding_level, axis_level, role = _sweep(
        network.radius,
        network.first[order],
        network.second[order],
        network.capacity[order],
        network.winding[order],
        pore_level,
        max(persistence_A, _SMALLEST_PERSISTENCE_A),
    )
    basin = _basins(network.radius, uphill, pore_level)
    return MergeTree(access, basin, float(winding_level), axis_level, order, role)


@njit(cache=True, nogil=True)
def _add_winding(rank, basis, root, x, y, z):
    """Extend the independent winding vectors of a component.

    Two are enough to know a line (rank 1), a plane (rank 2) or all of space (rank 3).
    """
    px, py, pz = basis[root, 0, 0], basis[root, 0, 1], basis[root, 0, 2]
    qx, qy, qz = basis[root, 1, 0], basis[root, 1, 1], basis[root, 1, 2]
    if rank[root] == 0:
        if x != 0 or y != 0 or z != 0:
            basis[root, 0, 0], basis[root, 0, 1], basis[root, 0, 2] = x, y, z
            rank[root] = 1
    elif rank[root] == 1:
        if py * z != pz * y or pz * x != px * z or px * y != py * x:
            basis[root, 1, 0], basis[root, 1, 1], basis[root, 1, 2] = x, y, z
            rank[root] = 2
    elif x * (py * qz - pz * qy) + y * (pz * qx - px * qz) + z * (px * qy - py * qx) != 0:
        rank[root] = 3


@njit(cache=True, nogil=True)
def _spans(rank, basis, root, axis):
    """Whether some combination of a component's windings leads along one cell axis."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    if rank[root] == 1:
        return basis[root, 0, u] == 0 and basis[root, 0, v] == 0
    if rank[root] == 2:  # the axis lies in the plane normal to the product of the two
        return basis[root, 0, u] * basis[root, 1, v] == basis[root, 0, v] * basis[root, 1, u]
    return rank[root] == 3


@njit(cache=True, nogil=True)
def _reach(access, following, node, level):
    """Give every node of a linked list its access level."""
    while node >= 0:
        access[node] = level
        node = following[node]


@njit(cache=True, nogil=True)
def _basins(radius, uphill, pore_level):
    """Follow each node uphill to its pore; -1 for nodes not above the pore level."""
    count = len(radius)
    basin = np.full(count, -1, np.int64)
    for start in range(count):
        if radius[start] <= pore_level:
            continue
        node = start
        while basin[node] < 0 and uphill[node] >= 0:
            node = uphill[node]
        top = basin[node] if basin[node] >= 0 else node
        node = start
        while basin[node] < 0:
            basin[node] = top
            if uphill[node] >= 0:
                node = uphill[node]
    return basin


@njit(cache=True, nogil=True)
def _sweep(radius, first, second, capacity, winding, pore_level, persistence):
    """Descending union-find over edges sorted by falling capacity; see :class:`MergeTree`."""
    count = len(radius)
    parent = np.arange(count)
    offset = np.zeros((count, 3), np.int64)
    size = np.ones_like(parent)
    peak = parent.copy()  # highest node of each component
    uphill = np.full_like(parent, -1)  # where a peak that is no pore continues
    rank = np.zeros_like(parent)
    basis = np.zeros((count, 2, 3), np.int64)
    access = np.zeros_like(radius)
    # members of each component that nothing has reached yet, as a linked list
    head, tail = parent.copy(), parent.copy()
    following = np.full_like(parent, -1)
    winding_level = 0.0
    axis_level = np.zeros(3)
    role = np.zeros(len(capacity), np.int8)

    for e in range(len(capacity)):
        level = capacity[e]
        a, ax, ay, az = find_root(parent, offset, first[e])
        b, bx, by, bz = find_root(parent, offset, second[e])
        # translation from root a to root b along this edge; for a loop, its winding
        x, y, z = ax + winding[e, 0] - bx, ay + winding[e, 1] - by, az + winding[e, 2] - bz
        if a == b:
            if rank[a] == 3 or (x == 0 and y == 0 and z == 0):
                continue
            if rank[a] == 0:
                role[e] = BIRTH_OF_WINDING
            _add_winding(rank, basis, a, x, y, z)
            root = a
        else:
            if rank[a] == 0 or rank[b] == 0:
                role[e] = WAY_OUT
            # the lower peak ends here; unless it is a pore, what belongs to it goes across the edge
            if radius[peak[a]] >= radius[peak[b]]:
                lasting, ending, beyond = peak[a], peak[b], first[e]
            else:
                lasting, ending, beyond = peak[b], peak[a], second[e]
            if radius[ending] - level < persistence:
                if level > pore_level:
                    uphill[ending] = beyond
                elif access[ending] <= pore_level and access[lasting] <= pore_level:
                    uphill[ending] = lasting  # two pockets that nothing reaches
            peak[a] = peak[b] = lasting
            if size[a] >= size[b]:
                root, child = a, b
            else:
                root, child = b, a
                x, y, z = -x, -y, -z
            parent[child] = root
            offset[child, 0], offset[child, 1], offset[child, 2] = x, y, z
            size[root] += size[child]
            for k in range(min(rank[child], 2)):
                _add_winding(rank, basis, root, basis[child, k, 0], basis[child, k, 1], basis[child, k, 2])
            rank[root] = max(rank[root], rank[child])
            if rank[root] > 0:
                _reach(access, following, head[child], level)
            else:
                following[tail[root]] = head[child]
                tail[root] = tail[child]
        if rank[root] > 0:
            _reach(access, following, head[root], level)
            head[root] = -1
            if winding_level == 0.0:
                winding_level = level
            for axis in range(3):
                if axis_level[axis] == 0.0 and _spans(rank, basis, root, axis):
                    axis_level[axis] = level

    return access, uphill, winding_level, axis_level, role
