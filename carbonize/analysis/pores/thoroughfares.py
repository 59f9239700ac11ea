"""Which pores lie on the winding network, and which are dead ends.

The network of pores is cut at the pores without which it would fall apart, into blocks
(its biconnected components). A block in which some way round does not come back to where it
started, but to a periodic image, winds, and so does a pore that is its own neighbour. Blocks
that do not wind and lead to no other that does are dead ends.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

__all__ = ["find_thoroughfares"]


def find_thoroughfares(
    pore_count: int, pores: Int[np.ndarray, "contact 2"], translation: Int[np.ndarray, "contact 3"]
) -> Bool[np.ndarray, " pore"]:
    """Pores from which two ways lead to infinity that have no other pore in common.

    These are the pores of the winding blocks and of those between winding blocks, and those
    that are their own neighbours.

    Parameters
    ----------
    pore_count
        Number of pores.
    pores, translation
        Contacts that helium passes, from :func:`carbonize.analysis.pores.adjacency.find_contacts`.
    """
    import networkx as nx

    shifts: dict[tuple[int, int], list[tuple[int, ...]]] = defaultdict(list)
    through = np.zeros(pore_count, dtype=bool)
    for (one, two), shift in zip(pores.tolist(), translation.tolist(), strict=True):
        if one == two:
            through[one] = True
        else:
            shifts[one, two].append(tuple(shift))
    graph = nx.Graph(list(shifts))
    blocks = [list(edges) for edges in nx.biconnected_component_edges(graph)]
    members = [set().union(*edges) for edges in blocks]
    anchors = {("block", k) for k, edges in enumerate(blocks) if _winds(edges, shifts)}
    anchors |= {("pore", int(pore)) for pore in np.flatnonzero(through)}
    # the tree of blocks and pores, from which ends that do not wind are cut until none is left
    tree = nx.Graph([(("block", k), ("pore", pore)) for k, found in enumerate(members) for pore in found])
    ends = {node for node in tree if tree.degree(node) <= 1} - anchors
    while ends:
        end = ends.pop()
        beyond = list(tree[end])
        tree.remove_node(end)
        ends |= {node for node in beyond if tree.degree(node) <= 1} - anchors
    for kind, number in tree:
        if kind == "block":
            through[list(members[number])] = True
    return through


def _winds(edges: list[tuple[int, int]], shifts: dict[tuple[int, int], list[Any]]) -> bool:
    """Whether pores of a block cannot all be placed so that no edge leaves for another image."""
    steps = defaultdict(list)
    for one, two in edges:
        one, two = min(one, two), max(one, two)
        for shift in shifts[one, two]:
            steps[one].append((two, np.array(shift)))
            steps[two].append((one, -np.array(shift)))
    start = next(iter(steps))
    place = {start: np.zeros(3, dtype=np.int64)}
    waiting = [start]
    while waiting:
        pore = waiting.pop()
        for other, shift in steps[pore]:
            there = place[pore] + shift
            if other not in place:
                place[other] = there
                waiting.append(other)
            elif (place[other] != there).any():
                return True
    return False
