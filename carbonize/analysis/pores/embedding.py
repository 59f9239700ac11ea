"""The periodic cell in which the void of a structure is analysed.

A fully periodic cell is taken as it is. Along an open direction the structure is put into
vacuum: the cell becomes the extent of the atoms plus :data:`VACUUM_A`, so that images do
not see each other and the vacuum winds around the structure, which makes it the outside.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import ConvexHull, QhullError

from carbonize.periodic import make_lattice

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["VACUUM_A", "Embedding", "embed", "in_convex_hull"]

VACUUM_A = 20.0
"""Vacuum (A) added along open directions: wider than any probe plus two atoms."""


@dataclasses.dataclass(frozen=True)
class Embedding:
    """A fully periodic cell around a structure.

    Attributes
    ----------
    cell
        Rows are the cell vectors (A). Periodic ones are the structure's own.
    corner
        Where the cell's origin lies (A).
    periodic
        Which cell vectors are real periods of the structure.
    """

    cell: Float[np.ndarray, "3 3"]
    corner: Float[np.ndarray, " 3"]
    periodic: Bool[np.ndarray, " 3"]

    def wrap(self, points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "point 3"]:
        """Move points by cell vectors into the cell."""
        fractional = np.linalg.solve(self.cell.T, (points - self.corner).T).T
        fractional -= np.floor(fractional)
        return fractional @ self.cell + self.corner


def in_convex_hull(
    points: Float[np.ndarray, "point 3"], positions: Float[np.ndarray, "atom 3"]
) -> Bool[np.ndarray, " point"]:
    """Which points lie inside the convex hull of a molecule's atoms.

    Atoms in one plane or on one line have no inside.
    """
    if len(positions) < 4:
        return np.zeros(len(points), dtype=bool)
    try:
        faces = ConvexHull(positions).equations
    except QhullError:
        return np.zeros(len(points), dtype=bool)
    return np.all(points @ faces[:, :3].T + faces[:, 3] <= 0, axis=1)


def embed(atoms: Atoms) -> Embedding:
    """Fully periodic cell for a structure with any boundary conditions."""
    periodic = np.array(atoms.pbc, dtype=bool)
    if periodic.all():
        return Embedding(atoms.cell.array.copy(), np.zeros(3), periodic)
    lattice = make_lattice(atoms.cell.array, periodic)
    normals = lattice.vectors[~periodic]  # unit vectors, normal to each other and to the periods
    along = atoms.positions @ normals.T
    low, high = along.min(axis=0), along.max(axis=0)
    cell = atoms.cell.array.copy()
    cell[~periodic] = normals * (high - low + VACUUM_A)[:, None]
    corner = (low - VACUUM_A / 2) @ normals
    return Embedding(cell, corner, periodic)
