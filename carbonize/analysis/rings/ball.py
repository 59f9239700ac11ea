"""What lies within a few bonds of an atom, as a small graph of atoms and images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = ["FAR", "Ball", "distances_from", "grow_ball", "make_ball", "mark_arms"]

FAR = 127
"""Stands for every distance that was not reached."""


class Ball(NamedTuple):
    """Room for the surroundings of one root after the other; node 0 is the root.

    Attributes
    ----------
    atom, image
        Which atom a node is, and which image of it.
    far
        Bonds between it and the root.
    allowed
        Whether a ring through it may belong to the root: of a ring's atoms, and of images of
        one atom, the first is the one it is counted for.
    leads
        The latest size of ring (its number of atoms) that an arm through the node can come to.
    link
        Node at the other end of an atom's k-th bond; -1 if that is not in the ball, -2 after the last bond.
    earlier
        The node found before that is the same atom.
    row
        Line of ``apart`` that holds distances from a node, or -1.
    apart
        Bonds from node to node, :data:`FAR` if they are many.
    queue
        For walks.
    """

    atom: np.ndarray
    image: np.ndarray
    far: np.ndarray
    allowed: np.ndarray
    leads: np.ndarray
    link: np.ndarray
    earlier: np.ndarray
    row: np.ndarray
    apart: np.ndarray
    queue: np.ndarray


def make_ball(nodes: int, degree: int) -> Ball:
    """Room for so many nodes with so many bonds each."""
    return Ball(
        np.empty(nodes, np.int64),
        np.empty((nodes, 3), np.int64),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.bool_),
        np.empty(nodes, np.int64),
        np.empty((nodes, degree), np.int64),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.int64),
        np.empty((nodes, nodes), np.int8),
        np.empty(nodes, np.int64),
    )


@njit(cache=True, nogil=True)
def grow_ball(ball, latest, root, depth, start, second, shift):
    """Fill a ball with all that is at most ``depth`` bonds from a root.

    ``latest`` is -1 for every atom, and is so again afterwards. Returns the number of nodes, or -1
    if there is not enough room.
    """
    room, degree = ball.link.shape
    ball.atom[0], ball.earlier[0], ball.far[0], ball.row[0], ball.allowed[0] = root, -1, 0, -1, True
    ball.image[0, :] = 0
    ball.leads[0] = 0
    latest[root] = 0
    seen, here, full = 1, 0, False
    while here < seen and not full:
        i = ball.atom[here]
        for k in range(degree):
            bond = start[i] + k
            if bond >= start[i + 1]:
                ball.link[here, k:] = -2
                break
            j = second[bond]
            x = ball.image[here, 0] + shift[bond, 0]
            y = ball.image[here, 1] + shift[bond, 1]
            z = ball.image[here, 2] + shift[bond, 2]
            node = latest[j]
            while node >= 0 and (
                ball.image[node, 0] != x or ball.image[node, 1] != y or ball.image[node, 2] != z
            ):
                node = ball.earlier[node]
            if node < 0 and ball.far[here] < depth:
                if seen == room:
                    full = True
                    break
                node = seen
                seen += 1
                ball.atom[node] = j
                ball.image[node, 0], ball.image[node, 1], ball.image[node, 2] = x, y, z
                ball.far[node] = ball.far[here] + 1
                ball.row[node], ball.leads[node] = -1, 0
                ball.earlier[node] = latest[j]
                latest[j] = node
                after = x > 0 or (x == 0 and (y > 0 or (y == 0 and z > 0)))
                ball.allowed[node] = j > root or (j == root and after)
            ball.link[here, k] = node
        here += 1
    for node in range(seen):
        latest[ball.atom[node]] = -1
    return -1 if full else seen


@njit(cache=True, nogil=True)
def distances_from(ball, node, line, seen, reach):
    """Fill a line of ``apart`` with the distances from a node, up to ``reach`` bonds."""
    apart = ball.apart[line]
    apart[:seen] = FAR
    apart[node] = 0
    ball.queue[0] = node
    end, here = 1, 0
    while here < end:
        one = ball.queue[here]
        here += 1
        if apart[one] == reach:
            break
        for k in range(ball.link.shape[1]):
            other = ball.link[one, k]
            if other == -2:
                break
            if other >= 0 and apart[other] == FAR:
                apart[other] = apart[one] + 1
                ball.queue[end] = other
                end += 1
    ball.row[node] = line


@njit(cache=True, nogil=True)
def mark_arms(ball, seen, size):
    """Mark the nodes from which shortest ways lead on to where a ring of this size can close.

    Returns whether two arms can leave the root.
    """
    half = size // 2
    degree = ball.link.shape[1]
    begin = seen
    while begin > 0 and ball.far[begin - 1] >= half:
        begin -= 1
    for node in range(begin, seen):
        if ball.far[node] > half:
            break
        if not ball.allowed[node]:
            continue
        # an even ring's last atom is reached from two sides, an odd one's last two are bonded
        level = half if size % 2 else half - 1
        count = 0
        for k in range(degree):
            other = ball.link[node, k]
            if other == -2:
                break
            if other >= 0 and ball.far[other] == level and ball.allowed[other]:
                count += 1
        if count > 1 - size % 2:
            ball.leads[node] = size
    out = 0
    for node in range(begin - 1, 0, -1):
        if not ball.allowed[node]:
            continue
        for k in range(degree):
            other = ball.link[node, k]
            if other == -2:
                break
            if other >= 0 and ball.leads[other] == size and ball.far[other] == ball.far[node] + 1:
                ball.leads[node] = size
                out += ball.far[node] == 1
                break
    if half == 1:
        for node in range(begin, seen):
            out += ball.far[node] == 1 and ball.leads[node] == size
    return out > 1
