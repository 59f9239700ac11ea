"""Lattices, images and neighbours for any cell: triclinic, partly periodic, skewed or tiny.

Everything here is exact for every lattice: images are made explicitly, so an atom may be
its own neighbour, and a cell may be much smaller than the range asked for.
"""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import ArrayLike

__all__ = ["Images", "Lattice", "NeighborPairs", "images_within", "make_lattice", "neighbor_pairs"]


@dataclasses.dataclass(frozen=True)
class Lattice:
    """A lattice in compact form.

    Attributes
    ----------
    vectors
        Rows: Minkowski-reduced vectors (A) along periodic directions, unit vectors normal
        to all of those along open ones.
    change
        Integer matrix with ``vectors = change @ cell`` for the periodic rows. An integer
        combination ``n`` of the compact vectors is ``n @ change`` in the given ones.
    pbc
        Which directions are periodic (the same as given).
    """

    vectors: Float[np.ndarray, "3 3"]
    change: Int[np.ndarray, "3 3"]
    pbc: Bool[np.ndarray, " 3"]

    def fractional(self, positions: Float[np.ndarray, "atom 3"]) -> Float[np.ndarray, "atom 3"]:
        """Coordinates in ``vectors``, wrapped into [0, 1) along periodic directions."""
        fractional = np.linalg.solve(self.vectors.T, positions.T).T
        wrapped = fractional - np.floor(fractional)
        wrapped[wrapped >= 1.0] = 0.0  # -1e-17 - floor(-1e-17) rounds to 1
        return np.where(self.pbc, wrapped, fractional)

    @property
    def heights(self) -> Float[np.ndarray, " 3"]:
        """Distances (A) between opposite faces of the cell of ``vectors``."""
        return 1.0 / np.linalg.norm(np.linalg.inv(self.vectors), axis=0)


@dataclasses.dataclass(frozen=True)
class Images:
    """Atoms and periodic copies of them; the atoms themselves come first.

    Attributes
    ----------
    fractional
        Coordinates in the lattice's vectors.
    index
        Which atom each one copies.
    shift
        By how many lattice vectors it was moved.
    """

    fractional: Float[np.ndarray, "image 3"]
    index: Int[np.ndarray, " image"]
    shift: Int[np.ndarray, "image 3"]


@dataclasses.dataclass(frozen=True)
class NeighborPairs:
    """Ordered pairs: each bond appears from both of its ends.

    Attributes
    ----------
    first, second
        Atom indices; equal when an atom sees its own image.
    distance
        Their separation (A).
    """

    first: Int[np.ndarray, " pair"]
    second: Int[np.ndarray, " pair"]
    distance: Float[np.ndarray, " pair"]


def make_lattice(cell: ArrayLike, pbc: ArrayLike) -> Lattice:
    """Compact lattice of a cell; vectors along open directions are ignored.

    Parameters
    ----------
    cell
        Rows are the cell vectors (A), shape (3, 3).
    pbc
        Which of them are periodic, shape (3,).
    """
    from ase.geometry import minkowski_reduce

    periodic = np.array(pbc, dtype=bool)
    given = np.array(cell, dtype=float)
    frame = np.eye(3)
    if periodic.any():
        frame[periodic] = given[periodic]
        # the last right-singular vectors span what is normal to every periodic vector
        normals = np.linalg.svd(given[periodic])[2][periodic.sum() :]
        frame[~periodic] = normals
    change = np.rint(np.array(minkowski_reduce(frame, cast(Any, periodic))[1])).astype(np.int64)
    return Lattice(change @ frame, change, periodic)


def images_within(fractional: Float[np.ndarray, "atom 3"], lattice: Lattice, width_A: float) -> Images:
    """All images of atoms that lie in the cell or within ``width_A`` of one of its faces."""
    margins = width_A / lattice.heights
    points = np.asarray(fractional, dtype=float)
    index = np.arange(len(points))
    shift = np.zeros((len(points), 3), dtype=np.int64)
    for axis in np.flatnonzero(lattice.pbc):
        margin = margins[axis]
        all_points, all_index, all_shift = [points], [index], [shift]
        for step in range(-int(np.ceil(margin)), int(np.ceil(margin)) + 1):
            moved = points[:, axis] + step
            near = (moved > -margin) & (moved < 1.0 + margin)
            if step == 0 or not near.any():
                continue
            copies, copies_shift = points[near].copy(), shift[near].copy()
            copies[:, axis] += step
            copies_shift[:, axis] += step
            all_points.append(copies)
            all_index.append(index[near])
            all_shift.append(copies_shift)
        points = np.concatenate(all_points)
        index = np.concatenate(all_index)
        shift = np.concatenate(all_shift)
    return Images(points, index, shift)


def neighbor_pairs(
    positions: Float[np.ndarray, "atom 3"], cell: ArrayLike, pbc: ArrayLike, cutoff_A: float
) -> NeighborPairs:
    """Every ordered pair of atoms (images included) at most ``cutoff_A`` apart."""
    from scipy.spatial import KDTree

    lattice = make_lattice(cell, pbc)
    fractional = lattice.fractional(np.asarray(positions, dtype=float))
    # a hair wider than the cutoff, so that rounding cannot lose a pair at exactly the cutoff
    images = images_within(fractional, lattice, cutoff_A * (1 + 1e-9) + 1e-9)
    atoms_tree = KDTree(fractional @ lattice.vectors)
    images_tree = KDTree(images.fractional @ lattice.vectors)
    found = atoms_tree.sparse_distance_matrix(images_tree, cutoff_A, output_type="ndarray")
    other = found["i"] != found["j"]  # images follow the atoms: equal numbers are an atom and itself
    return NeighborPairs(found["i"][other], images.index[found["j"][other]], found["v"][other])
