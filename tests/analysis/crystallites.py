"""Graphite crystallites of known size."""

from __future__ import annotations

import numpy as np
from ase import Atoms


def ab_crystallite(
    size_A: float, layers: int, spacing_A: float = 3.354, a_A: float = 2.461, square: bool = False
) -> Atoms:
    """AB graphite: round layers of diameter ``size_A``, or square ones of that side."""
    bond = a_A / np.sqrt(3)
    n = np.arange(-int(2 * size_A / a_A) - 4, int(2 * size_A / a_A) + 5)
    i, j = (x.ravel()[:, None] for x in np.meshgrid(n, n))
    lattice = i * np.array([a_A, 0.0]) + j * np.array([a_A / 2, a_A * np.sqrt(3) / 2])
    sheet = np.concatenate([lattice, lattice + [0.0, bond]]) - [0.0, 0.7 * bond]
    found = []
    for layer in range(layers):
        points = sheet + [0.0, bond * (layer % 2)]
        inside = (np.abs(points) < size_A / 2).all(axis=1) if square else np.hypot(*points.T) < size_A / 2
        found.append(np.column_stack([points[inside], np.full(inside.sum(), layer * spacing_A)]))
    positions = np.concatenate(found)
    return Atoms("C" * len(positions), positions=positions)
