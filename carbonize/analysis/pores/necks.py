"""The necks on the widest way out of each pore.

The edges over which void that does not wind joined other void, from wide to narrow, form a
forest, in which the way between two nodes is the widest there is (a maximum spanning forest).
Each tree that reaches the outside holds one winding loop: the widest that its void has.
That loop is the outside of the tree, and the way out is the way to it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from carbonize.analysis.pores.merging import BIRTH_OF_WINDING, WAY_OUT

__all__ = ["WaysOut", "find_ways_out", "necks_of"]

SAME_WIDTH_A = 1e-5
"""Necks whose radii differ by less are equally wide: the jitter of the tessellation moves them as much."""


@dataclasses.dataclass(frozen=True)
class WaysOut:
    """For each node the next node on the widest way out. Widths are radii (A), clear of the atoms.

    Attributes
    ----------
    ahead
        Next node; -1 at the end of each way, and where nothing leads out.
    gate_A
        Width of the narrowest place between the node and the next.
    loop
        Which winding loop the way leads to; -1 for none.
    on_loop
        Whether the node lies on that loop. From there on ``ahead`` leads along the loop to one
        end of the edge that closes it.
    loop_end
        Both ends of the edge that closes each loop; ``ahead`` leads from the second to the first.
    loop_gate_A
        Width of that edge: the narrowest place of the loop.
    """

    ahead: Int[np.ndarray, " node"]
    gate_A: Float[np.ndarray, " node"]
    loop: Int[np.ndarray, " node"]
    on_loop: np.ndarray
    loop_end: Int[np.ndarray, "loop 2"]
    loop_gate_A: Float[np.ndarray, " loop"]


def find_ways_out(
    node_count: int,
    first: Int[np.ndarray, " edge"],
    second: Int[np.ndarray, " edge"],
    capacity_A: Float[np.ndarray, " edge"],
    role: Int[np.ndarray, " edge"],
) -> WaysOut:
    """Ways out of all nodes.

    Parameters
    ----------
    node_count
        Number of nodes.
    first, second, capacity_A
        Edges in the order of the sweep, and their widths.
    role
        :attr:`carbonize.analysis.pores.merging.MergeTree.role`.
    """
    out, births = np.flatnonzero(role == WAY_OUT), np.flatnonzero(role == BIRTH_OF_WINDING)
    start, place = _adjacency(node_count, first[out], second[out])
    ends = np.stack([first[births], second[births]], axis=1).astype(np.int64)
    ahead, gate, loop, on_loop = _ways(start, place, first[out], second[out], capacity_A[out], ends)
    return WaysOut(ahead, gate, loop, on_loop, ends, capacity_A[births])


def necks_of(
    peak: int,
    ways: WaysOut,
    pore: Int[np.ndarray, " node"],
    entrance_radius_A: float,
) -> Float[np.ndarray, " neck"]:
    """Radii (A) of the necks from a pore's peak to the outside, from the pore outward.

    A neck is the narrowest place between one pore and the next on the way. The narrowest place
    of the whole way always counts, even inside a pore: it is the entrance.

    A way as wide as the loop that it leads to cannot be said to end where it meets the loop: it
    goes on along the loop and ends with the first neck that is as narrow as the entrance; of
    both directions that with fewer necks.

    Parameters
    ----------
    peak
        Node of the pore's largest sphere.
    ways
        From :func:`find_ways_out`.
    pore
        Pore of each node; -1 for none.
    entrance_radius_A
        Of the widest sphere that reaches the peak.

    Returns
    -------
    numpy.ndarray
        Empty where nothing leads out.
    """
    loop = ways.loop[peak]
    if loop < 0:
        return np.empty(0)
    around = entrance_radius_A >= ways.loop_gate_A[loop] - SAME_WIDTH_A
    stop = entrance_radius_A + SAME_WIDTH_A if around else -1.0
    found = []
    for forward in (True, False) if around else (True,):
        nodes, widths = _route(
            peak,
            ways.ahead,
            ways.gate_A,
            ways.on_loop,
            ways.loop_end[loop],
            ways.loop_gate_A[loop],
            around,
            forward,
        )
        found.append(_necks_along(pore[nodes], widths, stop))
    return min(found, key=lambda necks: (len(necks), *-necks))


@njit(cache=True, nogil=True)
def _adjacency(count, first, second):
    """Edges at each node: those of node k are ``place[start[k]:start[k + 1]]``."""
    start = np.zeros(count + 1, np.int64)
    for e in range(len(first)):
        start[first[e] + 1] += 1
        start[second[e] + 1] += 1
    for k in range(count):
        start[k + 1] += start[k]
    fill = start[:-1].copy()
    place = np.empty(2 * len(first), np.int64)
    for e in range(len(first)):
        place[fill[first[e]]] = e
        fill[first[e]] += 1
        place[fill[second[e]]] = e
        fill[second[e]] += 1
    return start, place


@njit(cache=True, nogil=True)
def _ways(start, place, first, second, capacity, ends):
    """Walk each tree from one end of its loop's closing edge; see :class:`WaysOut`."""
    count = len(start) - 1
    ahead = np.full(count, -1, np.int64)
    gate = np.zeros(count)
    loop = np.full(count, -1, np.int64)
    on_loop = np.zeros(count, np.bool_)
    stack = np.empty(count, np.int64)
    for k in range(len(ends)):
        root = ends[k, 0]
        loop[root] = k
        stack[0] = root
        height = 1
        while height > 0:
            height -= 1
            node = stack[height]
            for slot in range(start[node], start[node + 1]):
                e = place[slot]
                other = second[e] if first[e] == node else first[e]
                if loop[other] < 0:
                    loop[other] = k
                    ahead[other] = node
                    gate[other] = capacity[e]
                    stack[height] = other
                    height += 1
        node = ends[k, 1]
        while node >= 0:
            on_loop[node] = True
            node = ahead[node]
    return ahead, gate, loop, on_loop


@njit(cache=True, nogil=True)
def _route(peak, ahead, gate, on_loop, loop_end, loop_gate, around, forward):
    """Nodes from a peak to its loop, and if asked along the loop across its closing edge; and all widths."""
    steps = 0
    node = peak
    while not on_loop[node]:
        node = ahead[node]
        steps += 1
    junction = node
    rest = 0  # from the junction to the end of the loop
    if around:
        node = junction if forward else loop_end[1]
        end = loop_end[0] if forward else junction
        while node != end:
            node = ahead[node]
            rest += 1
    length = steps + rest + (2 if around else 1)
    nodes = np.empty(length, np.int64)
    widths = np.empty(length - 1)
    nodes[0] = peak
    for k in range(steps + (rest if forward else 0)):
        widths[k] = gate[nodes[k]]
        nodes[k + 1] = ahead[nodes[k]]
    if around:
        if not forward:  # against ``ahead``: from the other end of the closing edge, written from the back
            node = loop_end[1]
            for k in range(steps + rest, steps, -1):
                nodes[k] = node
                widths[k - 1] = gate[node]
                node = ahead[node]
        widths[-1] = loop_gate
        nodes[-1] = loop_end[1] if forward else loop_end[0]
    return nodes, widths


@njit(cache=True, nogil=True)
def _necks_along(pore, widths, stop):
    """Necks of a route through nodes of the given pores; ends with the first place as narrow as ``stop``."""
    necks = np.empty(len(widths) + 1)
    count = 0
    current = pore[0]
    since = np.inf  # the narrowest place since the last pore
    inside, before_inside = np.inf, 0  # the narrowest place in a pore, and how many necks come before it
    for k in range(len(widths)):
        since = min(since, widths[k])
        if widths[k] > stop:
            if pore[k + 1] < 0:
                continue
            if pore[k + 1] == current:
                if since < inside:
                    inside, before_inside = since, count
                since = np.inf
                continue
        necks[count] = since
        count += 1
        current = pore[k + 1]
        since = np.inf
        if widths[k] <= stop:
            break
    if since < np.inf:  # the loop lies in void that is no pore
        necks[count] = since
        count += 1
    if inside < np.inf and (count == 0 or inside < necks[:count].min()):
        for k in range(count, before_inside, -1):
            necks[k] = necks[k - 1]
        necks[before_inside] = inside
        count += 1
    return necks[:count].copy()
