"""Places for the atoms of a fragment: flat, on a cylinder, or on a sphere of chosen radius.

The planar map is laid out without crossings (Tutte: the edge on a circle, every inner atom amid
its neighbours; Proc. London Math. Soc. 13 (1963) 743), and springs between atoms one and two bonds
apart give it the distances of graphene.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from carbonize.structures.flakes import Flake
from carbonize.structures.springs import Springs, relax_springs, spring_energy, within_steps

__all__ = ["BOND_A", "bend", "ring_springs"]

BOND_A = 1.42
"""Bond of graphite."""


def bend(flake: Flake, shape: Literal["sphere", "cylinder", "flat"], radius_A: float | None) -> np.ndarray:
    """Coordinates of a fragment's atoms, its centre at the origin.

    Parameters
    ----------
    flake
        Rings and bonds.
    shape
        ``cylinder`` rolls the flat fragment up, which leaves its bonds as they are; ``sphere`` puts every atom on
        a sphere, which strains bonds unless pentagons take up the curvature.
    radius_A
        Of the sphere or cylinder, A.

    Returns
    -------
    numpy.ndarray
        Shape (atom, 3), A.
    """
    springs = ring_springs(flake)
    start = _layout(flake) * BOND_A * np.sqrt(flake.atoms * 3 * np.sqrt(3) / 4 / np.pi)
    if shape == "sphere":
        assert radius_A is not None
        places = _on_sphere(start, springs, radius_A)
    else:
        places = _in_plane(start, springs)
        if shape == "cylinder":
            assert radius_A is not None
            angle = places[:, 0] / radius_A
            places = np.stack([radius_A * np.sin(angle), places[:, 1], radius_A * np.cos(angle)], axis=1)
    return places - places.mean(axis=0)


def ring_springs(flake: Flake) -> Springs:
    """Springs of 1.42 A along the bonds and of a regular ring's length between atoms two bonds apart."""
    across: dict[tuple[int, int], float] = {}
    for ring in flake.rings:
        n = len(ring)
        # in a regular polygon of side b, the next but one is 2 b sin(inner angle / 2) away
        length = 2 * BOND_A * np.sin(np.pi * (n - 2) / (2 * n))
        for k in range(n):
            a, b = ring[k], ring[(k + 2) % n]
            across[(min(a, b), max(a, b))] = length
    near = within_steps(flake.bonds, flake.atoms, 2)
    pairs, steps = near[:, :2], near[:, 2]
    lengths = np.array(
        [
            BOND_A if step == 1 else across.get((i, j), np.sqrt(3) * BOND_A)
            for (i, j), step in zip(pairs.tolist(), steps.tolist(), strict=True)
        ]
    )
    return Springs(pairs, lengths, np.where(steps == 1, 1.0, 0.3))


def _layout(flake: Flake) -> np.ndarray:
    """Tutte's drawing in the unit disk, shape (atom, 2)."""
    n = flake.atoms
    rim = np.array(flake.boundary)
    angle = 2 * np.pi * np.arange(len(rim)) / len(rim)
    places = np.zeros((n, 2))
    places[rim] = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inner = np.setdiff1d(np.arange(n), rim)
    if len(inner) == 0:
        return places
    links = np.zeros((n, n))
    for a, b in flake.bonds:
        links[a, b] = links[b, a] = 1.0
    amid = np.diag(links.sum(1)) - links
    places[inner] = np.linalg.solve(amid[np.ix_(inner, inner)], links[np.ix_(inner, rim)] @ places[rim])
    return places


def _in_plane(start: np.ndarray, springs: Springs) -> np.ndarray:
    flat = np.pad(start, ((0, 0), (0, 1)))

    def energy(positions: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = spring_energy(positions, springs)
        gradient[:, 2] = 0.0
        return value, gradient

    return relax_springs(flat, energy, 3000)


def _on_sphere(start: np.ndarray, springs: Springs, radius_A: float) -> np.ndarray:
    """As flat, wrapped around the pole by distance from it, then relaxed on the sphere."""
    outward = np.sqrt((start**2).sum(1))
    angle = outward / radius_A
    sideways = start * (np.sin(angle) / np.maximum(outward, 1e-12))[:, None]
    places = radius_A * np.column_stack([sideways, np.cos(angle)])

    def on_it(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        length = np.sqrt((positions**2).sum(1))[:, None]
        return positions / length, length

    def energy(positions: np.ndarray) -> tuple[float, np.ndarray]:
        out, length = on_it(positions)
        value, gradient = spring_energy(radius_A * out, springs)
        along = (gradient * out).sum(1, keepdims=True)
        return value, (gradient - along * out) * radius_A / length

    return radius_A * on_it(relax_springs(places, energy, 3000))[0]
