"""Shortest-path rings of a periodic bond network.

A ring is a shortest-path ring if no two of its atoms are joined by a way shorter than the one
along the ring (Franzblau, Phys. Rev. B 44, 4925 (1991)). It is enough to ask this of atoms that
are opposite each other. The search goes through the infinite network that the bonds and their
images span: a way that ends at an atom's image is no ring, and no distance is cut short by the
boundaries, however small the cell. A way between two atoms of a ring that is shorter than the
ring's stays within half the ring's length of every atom of the ring, so a ball about the root
holds all that has to be known.

From a root two arms grow side by side, both along shortest ways; a pair of arms is given up as
soon as its ends are not as far from each other as they would be in a ring of the size looked for.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int
from numba import njit

from carbonize.analysis.bonds import BondNetwork
from carbonize.analysis.rings.ball import distances_from, grow_ball, make_ball, mark_arms

__all__ = ["search_rings"]

_FIRST_NODES, _FIRST_ROOM = 256, 65_536


def search_rings(
    network: BondNetwork, smallest: int, largest: int
) -> tuple[Int[np.ndarray, " ring_plus_1"], Int[np.ndarray, " member"]]:
    """All shortest-path rings of ``smallest`` to ``largest`` atoms, each once.

    Returns
    -------
    start, bonds
        Ring ``r`` consists of the directed bonds ``bonds[start[r]:start[r + 1]]``, in turn.
    """
    degree = max(1, int(network.coordination.max(initial=0)))
    latest = np.full(network.n_atoms, -1, dtype=np.int64)
    nodes, room = _FIRST_NODES, _FIRST_ROOM
    root, sizes, bonds = 0, [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    ball = make_ball(nodes, degree)
    while root < network.n_atoms:
        ring_sizes, ring_bonds = np.empty(room, np.int64), np.empty(room * largest, np.int64)
        root, rings, members, more_nodes = _search_from(
            root, network.start, network.second, network.shift, network.reverse,
            smallest, largest, latest, ball, ring_sizes, ring_bonds,
        )  # fmt: skip
        sizes.append(ring_sizes[:rings])
        bonds.append(ring_bonds[:members])
        if more_nodes:
            nodes *= 2
            ball = make_ball(nodes, degree)
        elif rings == 0:
            room *= 2
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(sizes))])
    return start, np.concatenate(bonds)


@njit(cache=True, nogil=True)
def _search_from(
    root, start, second, shift, reverse, smallest, largest, latest, ball, ring_sizes, ring_bonds
):
    """Rings of this root and all after it, as far as there is room.

    Returns the root to go on with, how many rings and members were written, and whether the ball
    is too small for that root.
    """
    count = len(start) - 1
    depth = largest // 2
    degree = ball.link.shape[1]
    arms, slots = np.zeros((2, depth + 1), np.int64), np.zeros((2, depth + 1), np.int64)
    turn = np.zeros(depth + 1, np.int64)
    rings = members = 0
    while root < count:
        seen = grow_ball(ball, latest, root, depth, start, second, shift)
        if seen < 0:
            return root, rings, members, True
        rows = 0
        rings_before, members_before = rings, members
        for size in range(smallest, largest + 1):
            if not mark_arms(ball, seen, size):
                continue
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
                    back = 0
                    if size % 2:
                        if top != other:
                            continue
                    else:
                        if top < 0 or ball.far[top] != half or not ball.allowed[top]:
                            continue
                        back = _slot(ball, other, top)
                        if back < 0:
                            continue
                    if rings == len(ring_sizes):
                        return root, rings_before, members_before, False
                    _write(ball, arms, slots, last, size, k, back, start, reverse, ring_bonds, members)
                    ring_sizes[rings] = size
                    rings += 1
                    members += size
        root += 1
    return root, rings, members, False


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
        if one < 0 or ball.far[one] != level or ball.leads[one] != size:
            turn[level] += degree - 1 - b  # whatever the other arm does
            continue
        if other < 0 or ball.far[other] != level or ball.leads[other] != size or one == other:
            continue
        # the rest of the ring joins the ends: they are as far apart as it is long, or nearer by the root
        fits, rows = _apart(ball, one, other, across, seen, depth, rows)
        # atoms opposite each other: one on each arm, half the ring apart
        for total in range(half, half + 1 + size % 2):
            place = total - level
            if not fits or place < 1 or place >= level:
                continue
            fits, rows = _apart(ball, arms[1, place], one, half, seen, depth, rows)
            if fits:
                fits, rows = _apart(ball, arms[0, place], other, half, seen, depth, rows)
        if not fits:
            continue
        arms[0, level], arms[1, level] = one, other
        slots[0, level], slots[1, level] = a, b
        return one, other, rows
    return -1, -1, rows


@njit(cache=True, nogil=True)
def _apart(ball, one, other, bonds, seen, depth, rows):
    """Whether two nodes are so many bonds apart; distances are worked out when they are needed."""
    if ball.row[one] < 0:
        distances_from(ball, one, rows, seen, depth)
        rows += 1
    return ball.apart[ball.row[one], other] == bonds, rows


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
