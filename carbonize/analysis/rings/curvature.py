"""Gaussian curvature of threefold networks from their rings.

On a closed surface of polygons the angles that are missing at the vertices add up to 2 pi times
its Euler characteristic (Descartes; the discrete form of Gauss and Bonnet). With regular
polygons, an atom where rings of a, b and c atoms meet lacks 2 pi (1/a + 1/b + 1/c - 1/2): nothing
between three hexagons, pi/15 at each atom of C60, less than nothing at heptagons (saddles). Rings of more than eight atoms
are taken for holes, not for faces.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from carbonize.analysis.rings.rings import Rings

__all__ = ["LARGEST_FACE", "angle_deficit", "rings_in_angles"]

LARGEST_FACE = 8
"""Most atoms of a ring that is a piece of a sheet and no hole in it."""


def rings_in_angles(rings: Rings) -> Int[np.ndarray, "atom 3"]:
    """The smallest ring in each of the three angles of an atom with three neighbours.

    Column ``k`` is the angle opposite to the atom's ``k``-th bond, between the other two; 0 where
    no ring passes, and for atoms with another number of neighbours.
    """
    network = rings.network
    return _fill(network.start, rings.start, rings.bonds, network.first, network.reverse)


def angle_deficit(in_angles: Int[np.ndarray, "atom 3"]) -> Float[np.ndarray, " atom"]:
    """Curvature (rad) at every atom between three rings of at most eight atoms, nan at all others.

    >>> import numpy as np
    >>> float(60 * angle_deficit(np.array([[5, 6, 6]]))[0] / np.pi)  # C60: 4 pi in all, a sphere's
    4.0
    """
    inner = ((in_angles > 0) & (in_angles <= LARGEST_FACE)).all(axis=1)
    deficit = np.full(len(in_angles), np.nan)
    deficit[inner] = 2 * np.pi * ((1.0 / in_angles[inner]).sum(axis=1) - 0.5)
    return deficit


@njit(cache=True, nogil=True)
def _fill(start, ring_start, bonds, first, reverse):
    found = np.zeros((len(start) - 1, 3), np.int64)
    for ring in range(len(ring_start) - 1):
        size = ring_start[ring + 1] - ring_start[ring]
        for member in range(ring_start[ring], ring_start[ring + 1]):
            before = member - 1 if member > ring_start[ring] else ring_start[ring + 1] - 1
            atom = first[bonds[member]]
            if start[atom + 1] - start[atom] != 3:
                continue
            out = bonds[member] - start[atom]
            back = reverse[bonds[before]] - start[atom]
            opposite = 3 - out - back
            if found[atom, opposite] == 0 or size < found[atom, opposite]:
                found[atom, opposite] = size
    return found
