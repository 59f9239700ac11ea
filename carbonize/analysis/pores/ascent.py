"""The way uphill from a place in the void to a node of the pore network.

Whatever probe fits at the start fits all the way: so the node has the start's connections,
for all probes that fit at the start. The way follows the direction of steepest ascent of
the distance to all surfaces that are nearest within a step's length (Demyanov and Malozemov,
Introduction to Minimax (1974), chapter 3): then no step can come nearer to any surface.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from carbonize.analysis.pores.bins import bin_range, gather_surfaces, nearest_surface

__all__ = ["climb"]

_SHORTEST_STEP_A = 1e-5
_NODE_REACH_A = 1.5
_SLACK_A = 5e-4
"""At the top, a node is taken for connected if spheres smaller by this reach it."""


@njit(cache=True, nogil=True)
def _steepest(near, count, height, step, gradient, weight):
    """Shortest mean of the unit vectors away from all surfaces within ``step`` of the nearest.

    Gilbert's algorithm (SIAM J. Control 4 (1966) 61) with steps between the farthest pair.
    """
    used = 0
    for i in range(count):
        dx, dy, dz = -near[i, 0], -near[i, 1], -near[i, 2]
        d = np.sqrt(dx * dx + dy * dy + dz * dz)
        if d - near[i, 3] <= height + step and used < len(gradient):
            gradient[used, 0], gradient[used, 1], gradient[used, 2] = dx / d, dy / d, dz / d
            weight[used] = 0.0
            used += 1
    weight[0] = 1.0
    x, y, z = gradient[0, 0], gradient[0, 1], gradient[0, 2]
    for _ in range(60):
        lowest, highest = np.inf, -np.inf
        low, high = 0, 0
        for i in range(used):
            along = x * gradient[i, 0] + y * gradient[i, 1] + z * gradient[i, 2]
            if along < lowest:
                lowest, low = along, i
            if weight[i] > 0.0 and along > highest:
                highest, high = along, i
        squared = x * x + y * y + z * z
        if squared - lowest <= 1e-3 * squared or squared < 1e-8:
            break
        # move weight from the vector that lies farthest along to the one that lies least
        ax, ay, az = (
            gradient[low, 0] - gradient[high, 0],
            gradient[low, 1] - gradient[high, 1],
            gradient[low, 2] - gradient[high, 2],
        )
        moved = min(weight[high], (highest - lowest) / (ax * ax + ay * ay + az * az))
        weight[low] += moved
        weight[high] -= moved
        x, y, z = x + moved * ax, y + moved * ay, z + moved * az
    lowest = np.inf
    for i in range(used):
        lowest = min(lowest, x * gradient[i, 0] + y * gradient[i, 1] + z * gradient[i, 2])
    return x, y, z, lowest


@njit(cache=True, nogil=True)
def _connected_node(nodes, x, y, z, height, level):
    """A node that spheres of radius ``level`` reach from a place of the given height; -1 if none is near.

    The ball about the place and the ball about the node, both free, hold a way for the
    centre of a sphere of radius ``level`` if what they have to spare bridges their distance.
    """
    low, high = bin_range(nodes, x, y, z, _NODE_REACH_A)
    n0, n1, n2 = nodes.counts[0], nodes.counts[1], nodes.counts[2]
    v = nodes.vectors
    best, chosen = 1e-6, -1  # the nodes are displaced a little
    for i in range(low[0], high[0] + 1):
        si = i // n0
        wi = i - si * n0
        for j in range(low[1], high[1] + 1):
            sj = j // n1
            wj = j - sj * n1
            for k in range(low[2], high[2] + 1):
                sk = k // n2
                b = (wi * n1 + wj) * n2 + k - sk * n2
                ox = si * v[0, 0] + sj * v[1, 0] + sk * v[2, 0] - x
                oy = si * v[0, 1] + sj * v[1, 1] + sk * v[2, 1] - y
                oz = si * v[0, 2] + sj * v[1, 2] + sk * v[2, 2] - z
                for m in range(nodes.start[b], nodes.start[b + 1]):
                    spare = height + nodes.radius[m] - 2.0 * level
                    if nodes.radius[m] < level - 1e-6:
                        continue
                    dx, dy, dz = nodes.center[m, 0] + ox, nodes.center[m, 1] + oy, nodes.center[m, 2] + oz
                    gap = np.sqrt(dx * dx + dy * dy + dz * dz) - spare
                    if gap < best:
                        best, chosen = gap, nodes.index[m]
    return chosen


@njit(cache=True, nogil=True)
def climb(atoms, nodes, x, y, z, near, gradient, weight):
    """A node that every sphere reaches that is free about the place (A); -1 if none is found.

    Parameters
    ----------
    atoms, nodes
        Bins of the atoms and of the nodes, whose radii are their clearances.
    near, gradient, weight
        Work space: rows of 4, rows of 3, and numbers.
    """
    level = nearest_surface(atoms, x, y, z)
    height = level
    step = 0.4
    for _ in range(2000):
        node = _connected_node(nodes, x, y, z, height, level)
        if node >= 0:
            return node
        if step < _SHORTEST_STEP_A:
            return _connected_node(nodes, x, y, z, height, level - _SLACK_A)
        count = min(len(near), gather_surfaces(atoms, x, y, z, height + step, near))
        gx, gy, gz, slope = _steepest(near, count, height, step, gradient, weight)
        norm = np.sqrt(gx * gx + gy * gy + gz * gz)
        if norm < 1e-3 or slope < 0.5 * norm * norm:
            step *= 0.5
            continue
        move = 0.5 * step / norm
        x, y, z = x + move * gx, y + move * gy, z + move * gz
        height = nearest_surface(atoms, x, y, z)
    return -1
