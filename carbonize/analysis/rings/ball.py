"""What lies within a few bonds of an atom, as a small graph of atoms and images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

__all__ = ["FAR", "Ball", "distances_from", "grow_ball", "make_ball"]

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
    link
        Node at the other end of an atom's k-th bond, or -1.
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
    link: np.ndarray
    earlier: np.ndarray
    row: np.ndarray
    apart: np.ndarray
    queue: np.ndarray


@njit(cache=True, nogil=True)
def make_ball(nodes, degree):
    """Room for so many nodes with so many bonds each."""
    return Ball(
        np.empty(nodes, np.int64),
        np.empty((nodes, 3), np.int64),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.bool_),
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
    latest[root] = 0
    seen, here, full = 1, 0, False
    while here < seen and not full:
        i = ball.atom[here]
        for k in range(degree):
            bond = start[i] + k
            if bond >= start[i + 1]:
                ball.link[here, k] = -1
                continue
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
                ball.row[node] = -1
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
            if other >= 0 and apart[other] == FAR:
                apart[other] = apart[one] + 1
                ball.queue[end] = other
                end += 1
    ball.row[node] = line
