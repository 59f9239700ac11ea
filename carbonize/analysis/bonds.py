"""The bonds of a periodic structure as a graph whose edges know their images."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from carbonize.periodic import images_within, make_lattice

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["BondNetwork", "bond_network"]


@dataclasses.dataclass(frozen=True)
class BondNetwork:
    """Directed bonds, sorted by the atom they start from: every bond is there from both of its ends.

    Attributes
    ----------
    start
        The bonds of atom ``i`` are those from ``start[i]`` to ``start[i + 1]``.
    first, second
        Atoms at the ends; equal when an atom is bonded to its own image.
    shift
        Which image of ``second`` is meant, in vectors of the compact lattice.
    vector
        From ``first`` to that image (A).
    distance
        Length (A).
    reverse
        The same bond seen from its other end.
    """

    start: Int[np.ndarray, " atom_plus_1"]
    first: Int[np.ndarray, " bond"]
    second: Int[np.ndarray, " bond"]
    shift: Int[np.ndarray, "bond 3"]
    vector: Float[np.ndarray, "bond 3"]
    distance: Float[np.ndarray, " bond"]
    reverse: Int[np.ndarray, " bond"]

    @property
    def n_atoms(self) -> int:
        """How many atoms there are."""
        return len(self.start) - 1

    @property
    def coordination(self) -> Int[np.ndarray, " atom"]:
        """Number of neighbours of each atom."""
        return np.diff(self.start)


def bond_network(atoms: Atoms, cutoff_A: float) -> BondNetwork:
    """All bonds of a structure: pairs at most ``cutoff_A`` apart, images one by one.

    Parameters
    ----------
    atoms
        Any structure; the cell may be triclinic, tiny, skewed, or open in any direction.
    cutoff_A
        Longest bond (A).

    Examples
    --------
    >>> from ase.build import bulk
    >>> bond_network(bulk("C", "diamond", a=3.567), 1.85).coordination.tolist()
    [4, 4]
    """
    from scipy.spatial import KDTree

    lattice = make_lattice(atoms.cell.array, atoms.pbc)
    fractional = lattice.fractional(np.asarray(atoms.positions, dtype=float))
    # as in neighbor_pairs: rounding must not lose a pair at exactly the cutoff
    images = images_within(fractional, lattice, cutoff_A * (1 + 1e-9) + 1e-9)
    here, there = fractional @ lattice.vectors, images.fractional @ lattice.vectors
    found = KDTree(here).sparse_distance_matrix(KDTree(there), cutoff_A, output_type="ndarray")
    found = found[found["i"] != found["j"]]
    first = found["i"].astype(np.int64)
    image = found["j"].astype(np.int64)
    second, shift = images.index[image], images.shift[image]
    order = np.lexsort((shift[:, 2], shift[:, 1], shift[:, 0], second, first))
    first, second, shift, image = first[order], second[order], shift[order], image[order]
    start = np.zeros(len(atoms) + 1, dtype=np.int64)
    np.cumsum(np.bincount(first, minlength=len(atoms)), out=start[1:])
    # sorted by (first, second, shift), bonds stand where those sorted by (second, first, -shift) come from
    mirrored = np.lexsort((-shift[:, 2], -shift[:, 1], -shift[:, 0], first, second))
    reverse = np.empty(len(first), dtype=np.int64)
    reverse[mirrored] = np.arange(len(first))
    return BondNetwork(start, first, second, shift, there[image] - here[first], found["v"][order], reverse)
