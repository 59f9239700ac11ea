"""Graphite crystallites of known size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms

Outline = Callable[[np.ndarray], np.ndarray]
"""Which points (n, 2) of a plane belong to a layer."""


def disc(diameter_A: float) -> Outline:
    """Round layers."""
    return lambda points: np.hypot(*points.T) < diameter_A / 2


def rectangle(first_A: float, second_A: float) -> Outline:
    """Layers with right angles."""
    return lambda points: (np.abs(points) < [first_A / 2, second_A / 2]).all(axis=1)


def hexagon(width_A: float) -> Outline:
    """Hexagonal layers, by the distance of opposite sides."""
    angles = np.radians([0.0, 60.0, 120.0])
    across = np.array([np.cos(angles), np.sin(angles)])
    return lambda points: (np.abs(points @ across) < width_A / 2).all(axis=1)


def stack(
    outline: Outline,
    reach_A: float,
    layers: int,
    spacing_A: float = 3.354,
    a_A: float = 2.461,
    turned: float = 0.0,
) -> Atoms:
    """AB graphite with layers of any outline within ``reach_A``, the lattice ``turned`` by an angle."""
    bond = a_A / np.sqrt(3)
    n = np.arange(-int(2 * reach_A / a_A) - 4, int(2 * reach_A / a_A) + 5)
    i, j = (x.ravel()[:, None] for x in np.meshgrid(n, n))
    lattice = i * np.array([a_A, 0.0]) + j * np.array([a_A / 2, a_A * np.sqrt(3) / 2])
    sheet = np.concatenate([lattice, lattice + [0.0, bond]]) - [0.0, 0.7 * bond]
    turn = np.array([[np.cos(turned), np.sin(turned)], [-np.sin(turned), np.cos(turned)]])
    found = []
    for layer in range(layers):
        points = (sheet + [0.0, bond * (layer % 2)]) @ turn
        inside = outline(points)
        found.append(np.column_stack([points[inside], np.full(inside.sum(), layer * spacing_A)]))
    positions = np.concatenate(found)
    return Atoms("C" * len(positions), positions=positions)


def ab_crystallite(
    size_A: float, layers: int, spacing_A: float = 3.354, a_A: float = 2.461, square: bool = False
) -> Atoms:
    """AB graphite: round layers of diameter ``size_A``, or square ones of that side."""
    outline = rectangle(size_A, size_A) if square else disc(size_A)
    return stack(outline, size_A, layers, spacing_A, a_A)
