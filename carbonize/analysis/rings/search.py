"""Shortest-path rings of a periodic bond network.

A ring is a shortest-path ring if no two of its atoms are joined by a way shorter than the one
along the ring (Franzblau, Phys. Rev. B 44, 4925 (1991)). It is enough to ask this of atoms that
are opposite each other. The search goes through the infinite network that the bonds and their
images span: a way that ends at an atom's image is no ring, and no distance is cut short by the
boundaries, however small the cell. A way between two atoms of a ring that is shorter than the
ring's stays within half the ring's length of every atom of the ring, so a ball about the root
holds all that has to be known.

From a root two arms grow side by side, both along shortest ways; a pair of arms is given up as
soon as its ends are nearer to each other than they would be in a ring of the size looked for.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from carbonize.analysis.rings.ball import distances_from, grow_ball, make_ball

__all__ = ["search_rings"]


@njit(cache=True, nogil=True)
def search_rings(start, second, shift, reverse, smallest, largest):
    """All shortest-path rings of ``smallest`` to ``largest`` atoms, each once.

    Parameters
    ----------
    start, second, shift, reverse
        Of a :class:`carbonize.analysis.bonds.BondNetwork`.
    smallest, largest
        Sizes, 3 or more.

    Returns
    -------
    ring_start, bonds
        Ring ``r`` consists of the directed bonds ``bonds[ring_start[r]:ring_start[r + 1]]``, in turn.
    """
    count = len(start) - 1
    degree = 1
    for i in range(count):
        degree = max(degree, start[i + 1] - start[i])
    depth = largest // 2
    latest = np.full(count, -1, np.int64)
    ball = make_ball(128, degree)
    arms, slots = np.zeros((2, depth + 1), np.int64), np.zeros((2, depth + 1), np.int64)
    turn = np.zeros(depth + 1, np.int64)
    ends = np.zeros(max(16, count) + 1, np.int64)
    bonds = np.empty(max(64, 8 * count), np.int64)
    rings = 0
    for root in range(count):
        if start[root + 1] - start[root] < 2:
            continue
        seen = grow_ball(ball, latest, root, depth, start, second, shift)
        while seen < 0:
            ball = make_ball(2 * len(ball.atom), degree)
            seen = grow_ball(ball, latest, root, depth, start, second, shift)
        rows = 0
        for size in range(smallest, largest + 1):
            half = size // 2
            last = half if size % 2 else half - 1  # the arms' length; an even ring has one more atom
            level = 1
            turn[1] = 0
            while level > 0:
                one, other, rows = _next_pair(ball, arms, slots, turn, level, size, seen, depth, rows)
                if one < 0:
                    level -= 1
                    continue
                if level < last:
                    level += 1
                    turn[level] = 0
                    continue
                for k in range(degree):
                    top = ball.link[one, k]
                    if top < 0:
                        continue
                    if size % 2:
                        if top != other:
                            continue
                        back = 0
                    else:
                        if ball.far[top] != half or not ball.allowed[top]:
                            continue
                        back = _slot(ball, other, top)
                        if back < 0:
                            continue
                    if rings + 2 > len(ends):
                        ends = _longer(ends)
                    if ends[rings] + size > len(bonds):
                        bonds = _longer(bonds)
                    _write(ball, arms, slots, last, size, k, back, start, reverse, bonds, ends[rings])
                    ends[rings + 1] = ends[rings] + size
                    rings += 1
    return ends[: rings + 1].copy(), bonds[: ends[rings]].copy()


@njit(cache=True, nogil=True)
def _next_pair(ball, arms, slots, turn, level, size, seen, depth, rows):
    """The next way in which both arms can go on to ``level``; -1 if there is none."""
    degree = ball.link.shape[1]
    half = size // 2
    from_one, from_other = arms[0, level - 1], arms[1, level - 1]
    across = min(2 * level, size - 2 * level)
    while turn[level] < degree * degree:
        a, b = turn[level] // degree, turn[level] % degree
        turn[level] += 1
        one, other = ball.link[from_one, a], ball.link[from_other, b]
        if level == 1 and a >= b:
            continue
        if one < 0 or ball.far[one] != level or not ball.allowed[one]:
            turn[level] += degree - 1 - b  # whatever the other arm does
            continue
        if other < 0 or ball.far[other] != level or not ball.allowed[other] or one == other:
            continue
        near, rows = _nearer(ball, one, other, across, seen, depth, rows)
        if near:
            continue
        # atoms opposite each other: one on each arm, half the ring apart
        for total in range(half, half + 1 + size % 2):
            place = total - level
            if near or place < 1 or place >= level:
                continue
            near, rows = _nearer(ball, arms[1, place], one, half, seen, depth, rows)
            if not near:
                near, rows = _nearer(ball, arms[0, place], other, half, seen, depth, rows)
        if near:
            continue
        arms[0, level], arms[1, level] = one, other
        slots[0, level], slots[1, level] = a, b
        return one, other, rows
    return -1, -1, rows


@njit(cache=True, nogil=True)
def _nearer(ball, one, other, wanted, seen, depth, rows):
    """Whether two nodes are less than ``wanted`` bonds apart; distances are worked out when needed."""
    if ball.row[one] < 0:
        distances_from(ball, one, rows, seen, depth - 1)
        rows += 1
    return ball.apart[ball.row[one], other] < wanted, rows


@njit(cache=True, nogil=True)
def _slot(ball, node, other):
    """Which of a node's bonds leads to the other; -1 if none does."""
    for k in range(ball.link.shape[1]):
        if ball.link[node, k] == other:
            return k
    return -1


@njit(cache=True, nogil=True)
def _write(ball, arms, slots, last, size, k, back, start, reverse, bonds, place):
    """Write a ring's bonds: out along one arm, home along the other."""
    for level in range(1, last + 1):
        bonds[place + level - 1] = start[ball.atom[arms[0, level - 1]]] + slots[0, level]
        out = start[ball.atom[arms[1, level - 1]]] + slots[1, level]
        bonds[place + size - level] = reverse[out]
    bonds[place + last] = start[ball.atom[arms[0, last]]] + k
    if size % 2 == 0:
        bonds[place + last + 1] = reverse[start[ball.atom[arms[1, last]]] + back]


@njit(cache=True, nogil=True)
def _longer(array):
    longer = np.zeros(2 * len(array), np.int64)
    longer[: len(array)] = array
    return longer
