"""Union-find whose entries know the lattice translation to their root.

A closed walk through a periodic network reveals its winding vector: the translation that is
left over when it comes back to its start.
"""

from __future__ import annotations

from numba import njit

__all__ = ["find_root"]


@njit(cache=True, nogil=True)
def find_root(parent, offset, node):
    """Root of a node and the lattice translation from the root to it; shortens the path."""
    root = node
    x, y, z = 0, 0, 0
    while parent[root] != root:
        x += offset[root, 0]
        y += offset[root, 1]
        z += offset[root, 2]
        root = parent[root]
    left_x, left_y, left_z = x, y, z
    while parent[node] != node:
        above = parent[node]
        step_x, step_y, step_z = offset[node, 0], offset[node, 1], offset[node, 2]
        parent[node] = root
        offset[node, 0], offset[node, 1], offset[node, 2] = left_x, left_y, left_z
        left_x, left_y, left_z = left_x - step_x, left_y - step_y, left_z - step_z
        node = above
    return root, x, y, z
