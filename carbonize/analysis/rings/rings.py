"""Rings of a structure, and what follows from them per atom."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from carbonize.analysis.bonds import BondNetwork, bond_network
from carbonize.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "LARGEST_RING",
    "MOST_NEIGHBORS",
    "SMALLEST_RING",
    "Rings",
    "find_rings",
    "ring_membership",
    "shortest_path_rings",
    "smallest_ring",
]

SMALLEST_RING, LARGEST_RING = 3, 12

MOST_NEIGHBORS = 12
"""With more neighbours the "bonds" are no bonds, and their rings are too many to be told apart."""


@dataclasses.dataclass(frozen=True)
class Rings:
    """Shortest-path rings, each once.

    Attributes
    ----------
    network
        The bonds.
    start
        Ring ``r`` is ``bonds[start[r]:start[r + 1]]``.
    bonds
        Directed bonds of the network, in turn around each ring.
    """

    network: BondNetwork
    start: Int[np.ndarray, " ring_plus_1"]
    bonds: Int[np.ndarray, " member"]

    @property
    def sizes(self) -> Int[np.ndarray, " ring"]:
        """Number of atoms of each ring."""
        return np.diff(self.start)

    @property
    def members(self) -> Int[np.ndarray, " member"]:
        """Atoms of all rings, in turn around each ring."""
        return self.network.first[self.bonds]

    @property
    def ring_of_member(self) -> Int[np.ndarray, " member"]:
        """To which ring each entry of ``bonds`` and ``members`` belongs."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def atoms_of(self, ring: int) -> Int[np.ndarray, " size"]:
        """The atoms of one ring, in turn."""
        return self.network.first[self.bonds[self.start[ring] : self.start[ring + 1]]]


def shortest_path_rings(atoms: Atoms, bond_cutoff_A: float = 1.85, largest: int = LARGEST_RING) -> Rings:
    """Shortest-path rings (Franzblau, Phys. Rev. B 44, 4925 (1991)) of a structure.

    Parameters
    ----------
    atoms
        Any structure; what winds around a periodic cell is no ring, however small the cell.
    bond_cutoff_A
        Atoms at most this far apart (A) are bonded.
    largest
        Most atoms of a ring.

    Raises
    ------
    InputError
        If an atom has more than :data:`MOST_NEIGHBORS` neighbours, or ``largest`` is not between 3 and 24.

    Examples
    --------
    >>> from ase.build import molecule
    >>> rings = shortest_path_rings(molecule("C60"))
    >>> [int((rings.sizes == n).sum()) for n in (5, 6, 7)]
    [12, 20, 0]
    """
    return find_rings(bond_network(atoms, bond_cutoff_A), largest)


def find_rings(network: BondNetwork, largest: int = LARGEST_RING) -> Rings:
    """As :func:`shortest_path_rings`, of bonds that are there."""
    from carbonize.analysis.rings.search import search_rings

    if not SMALLEST_RING <= largest <= 24:
        raise InputError(f"the largest ring must have {SMALLEST_RING} to 24 atoms, got {largest}")
    most = int(network.coordination.max(initial=0))
    if most > MOST_NEIGHBORS:
        worst = int(np.argmax(network.coordination))
        raise InputError(
            f"rings: atom {worst} has {most} neighbours, more than {MOST_NEIGHBORS}; choose a bond cutoff "
            "that ends between first and second neighbours (1.85 A for carbon)"
        )
    start, bonds = search_rings(network, SMALLEST_RING, largest)
    return Rings(network, start, bonds)


def smallest_ring(rings: Rings, n_atoms: int | None = None) -> Int[np.ndarray, " atom"]:
    """Size of the smallest ring that each atom belongs to; 0 where it belongs to none."""
    count = rings.network.n_atoms if n_atoms is None else n_atoms
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, rings.members, np.repeat(rings.sizes, rings.sizes))
    return np.where(smallest == np.iinfo(np.int64).max, 0, smallest)


def ring_membership(
    rings: Rings, n_atoms: int | None = None, largest: int = LARGEST_RING
) -> Int[np.ndarray, "atom size"]:
    """In how many rings of each size (column 0: three atoms) each atom is.

    A ring that holds an atom and an image of it counts twice for that atom.
    """
    count = rings.network.n_atoms if n_atoms is None else n_atoms
    width = largest - SMALLEST_RING + 1
    size = np.repeat(rings.sizes, rings.sizes)
    kept = size <= largest
    place = rings.members[kept] * width + size[kept] - SMALLEST_RING
    return np.bincount(place, minlength=count * width).reshape(count, width)
