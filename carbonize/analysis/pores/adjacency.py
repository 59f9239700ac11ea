"""Which pores border on which, across which images of the cell, and how wide.

Every node of a pore gets the lattice translation that moves it next to the pore's peak
along the widest way inside the pore. A pore is so one body in space, cut where it is
narrowest if it winds, and each edge that leaves it leads to a certain image of a pore:
of another one, or of itself.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Int
from numba import njit

from carbonize.analysis.pores.unionfind import find_root

__all__ = ["Contacts", "assemble", "find_contacts", "flood"]


@dataclasses.dataclass(frozen=True)
class Contacts:
    """Widest edges between neighbouring pores, one for each pair of pores and translation.

    Attributes
    ----------
    pores
        The two pores, the smaller number first; equal for a pore and its own image.
    translation
        Cell vectors (integers) by which the second pore is moved, if the first is where its peak is.
    edge
        Index of the edge, whose width is the neck's.
    """

    pores: Int[np.ndarray, "contact 2"]
    translation: Int[np.ndarray, "contact 3"]
    edge: Int[np.ndarray, " contact"]


def assemble(
    pore: Int[np.ndarray, " node"],
    peak: Int[np.ndarray, " pore"],
    first: Int[np.ndarray, " edge"],
    second: Int[np.ndarray, " edge"],
    winding: Int[np.ndarray, "edge 3"],
) -> tuple[Int[np.ndarray, "node 3"], Bool[np.ndarray, " node"]]:
    """Translation (cell vectors) that moves each node of a pore next to the pore's peak.

    Parameters
    ----------
    pore
        Pore of each node; -1 for none.
    peak
        Node of each pore's largest sphere.
    first, second, winding
        Edges, the widest first, and the translation of ``second`` as seen from ``first``.

    Returns
    -------
    image
        The translations; 0 for nodes of no pore. Parts of a pore that no edge joins are each in
        one piece, but not with respect to each other.
    joined
        Which nodes of pores hang together with the peak.
    """
    _, image, root = _grow(pore, first, second, winding, False)
    joined = pore >= 0
    joined[joined] = root[joined] == root[peak[pore[joined]]]
    return _relative_to_peaks(pore, peak, image), joined


def flood(
    pore: Int[np.ndarray, " node"],
    peak: Int[np.ndarray, " pore"],
    first: Int[np.ndarray, " edge"],
    second: Int[np.ndarray, " edge"],
    winding: Int[np.ndarray, "edge 3"],
) -> tuple[Int[np.ndarray, " node"], Int[np.ndarray, "node 3"]]:
    """Share out the void between the pores as well: each node to the pore it has the widest way to.

    Parameters are those of :func:`assemble`.

    Returns
    -------
    pore, image
        Pore of each node (-1 where no edge leads to any), and the translations as in :func:`assemble`.
    """
    grown, image, _ = _grow(pore, first, second, winding, True)
    return grown, _relative_to_peaks(grown, peak, image)


def find_contacts(
    pore: Int[np.ndarray, " node"],
    image: Int[np.ndarray, "node 3"],
    first: Int[np.ndarray, " edge"],
    second: Int[np.ndarray, " edge"],
    winding: Int[np.ndarray, "edge 3"],
) -> tuple[Contacts, Int[np.ndarray, " crossing"]]:
    """Contacts of pores, and all edges that leave a pore for another or for an image of itself.

    Parameters
    ----------
    pore, image
        From :func:`assemble` or :func:`flood`.
    first, second, winding
        Edges, the widest first.
    """
    one, two = pore[first], pore[second]
    translation = image[first] + winding - image[second]
    crossing = np.flatnonzero((one >= 0) & (two >= 0) & ((one != two) | translation.any(axis=1)))
    one, two, translation = one[crossing], two[crossing], translation[crossing]
    # the smaller number first; a translation to the own image and its opposite are the same
    leading = translation[np.arange(len(translation)), np.argmax(translation != 0, axis=1)]
    turned = (one > two) | ((one == two) & (leading < 0))
    translation = np.where(turned[:, None], -translation, translation)
    pair = np.sort(np.stack([one, two], axis=1), axis=1)
    keys = np.concatenate([pair, translation], axis=1)
    order = np.lexsort([np.arange(len(keys)), *keys.T])
    new = np.ones(len(keys), dtype=bool)
    new[1:] = np.any(keys[order[1:]] != keys[order[:-1]], axis=1)
    widest = order[new]
    return Contacts(pair[widest], translation[widest], crossing[widest]), crossing


def _relative_to_peaks(pore: np.ndarray, peak: np.ndarray, image: np.ndarray) -> np.ndarray:
    inside = pore >= 0
    moved = np.zeros_like(image)
    moved[inside] = image[inside] - image[peak[pore[inside]]]
    return moved


@njit(cache=True, nogil=True)
def _grow(pore, first, second, winding, everywhere):
    """Union-find within pores; ``everywhere``: nodes of no pore join what they reach first."""
    count = len(pore)
    parent = np.arange(count)
    offset = np.zeros((count, 3), np.int64)
    size = np.ones_like(parent)
    label = pore.copy()
    for e in range(len(first)):
        if not everywhere and (pore[first[e]] < 0 or pore[first[e]] != pore[second[e]]):
            continue
        a, ax, ay, az = find_root(parent, offset, first[e])
        b, bx, by, bz = find_root(parent, offset, second[e])
        if a == b or (label[a] != label[b] and label[a] >= 0 and label[b] >= 0):
            continue
        x, y, z = ax + winding[e, 0] - bx, ay + winding[e, 1] - by, az + winding[e, 2] - bz
        if size[a] < size[b]:
            a, b = b, a
            x, y, z = -x, -y, -z
        parent[b] = a
        offset[b, 0], offset[b, 1], offset[b, 2] = x, y, z
        size[a] += size[b]
        label[a] = max(label[a], label[b])
    image = np.zeros((count, 3), np.int64)
    for node in range(count):
        root, x, y, z = find_root(parent, offset, node)
        image[node, 0], image[node, 1], image[node, 2] = x, y, z
        label[node] = label[root]
        parent[node] = root
    return label, image, parent
