"""Curved fragments of chosen size, and a packing of them without overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.spatial.distance import pdist, squareform

from carbonize.config.builds import FragmentsMatrix
from carbonize.errors import InputError
from carbonize.structures.bending import BOND_A, bend
from carbonize.structures.cavities import Cavities
from carbonize.structures.flakes import Flake, flake_sizes, grow_flake, pentagons_expected
from carbonize.structures.fragment_packing import Packing, pack_fragments

__all__ = ["CLOSEST_FRAGMENTS_A", "LARGEST_STRAIN", "draw_fragments", "pack_apart"]

LARGEST_STRAIN = 0.09
"""No bond of a fragment is stretched or pressed by more than this share before the relaxation."""

CLOSEST_FRAGMENTS_A = 2.3
"""Atoms of different fragments nearer than this after packing: there was no room."""

_CONTACTS_A = (3.2, 2.9, 2.7)
_MOST_SPHERE = 6.0  # pentagons of a piece, half of a cage
_DRAWS = 40


def draw_fragments(
    settings: FragmentsMatrix, atoms: int, edge_A: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Coordinates of fragments that have ``atoms`` atoms together, each about its centre.

    Parameters
    ----------
    settings
        Sizes and curvature.
    atoms
        In all.
    edge_A
        Edge of the cube that they are for: a fragment must not touch its own image.
    rng
        Where chance comes from.

    Returns
    -------
    list of numpy.ndarray
        Shapes (atom, 3), A.

    Raises
    ------
    InputError
        If a fragment is larger than the cell, or cannot be bent as asked.
    """
    shapes = [
        _draw(settings, size, rng)
        for size in flake_sizes(atoms, settings.mean_atoms, settings.fragment_spread, rng)
    ]
    widest = max(float(pdist(shape).max()) for shape in shapes)
    if widest + _CONTACTS_A[-1] > edge_A:
        raise InputError(
            f"a fragment {widest:.1f} A wide does not fit beside its own image into a cell of {edge_A:.1f} A; use more "
            "atoms, a lower density, or smaller fragments"
        )
    return shapes


def pack_apart(
    shapes: Sequence[np.ndarray],
    edge_A: float,
    rng: np.random.Generator,
    cavities: Cavities | None,
    watch: Callable[[float], None] | None = None,
) -> Packing:
    """Fragments pressed into a cube without overlap, at the distance of stacked sheets where there is room.

    Raises
    ------
    InputError
        If they do not fit.
    """
    closest = 0.0
    for contact in _CONTACTS_A:
        packing = pack_fragments(shapes, edge_A, contact, rng, cavities, watch)
        closest = packing.closest_A
        deepest = 0.0 if cavities is None else cavities.depth(packing.positions, np.eye(3) * edge_A).max()
        if closest >= CLOSEST_FRAGMENTS_A and deepest < 0.5:
            return packing
    raise InputError(
        f"{len(shapes)} fragments cannot be packed into a cube of {edge_A:.1f} A without overlap (atoms of different "
        f"fragments stay {closest:.2f} A apart, {CLOSEST_FRAGMENTS_A:g} A are needed); use a lower density, or smaller or "
        "less curved fragments"
    )


def _draw(settings: FragmentsMatrix, size: int, rng: np.random.Generator) -> np.ndarray:
    radius, expected = settings.radius_A, 0.0
    if settings.curvature == "sphere":
        assert radius is not None
        expected = pentagons_expected(size, radius)
    if expected <= _MOST_SPHERE:
        for _ in range(_DRAWS):
            flake = grow_flake(size, int(expected + rng.random()), rng)
            shape = bend(flake, settings.curvature, radius)
            if _sound(flake, shape):
                return shape
    raise InputError(
        f"a fragment of {size} atoms cannot be bent to a {settings.curvature} of radius {radius:g} A without breaking "
        "bonds; use a larger radius or smaller fragments"
    )


def _sound(flake: Flake, shape: np.ndarray) -> bool:
    """Whether bonds are near their length and nothing else is near enough to bond."""
    apart = squareform(pdist(shape))
    a, b = flake.bonds.T
    strain = np.abs(apart[a, b] / BOND_A - 1)
    apart[a, b] = apart[b, a] = np.inf
    np.fill_diagonal(apart, np.inf)
    return bool(strain.max() < LARGEST_STRAIN and apart.min() > 1.4 * BOND_A)
