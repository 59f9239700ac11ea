"""Bonds by distance: coordination numbers, hybridization, bond lengths.

An atom with two neighbours within the cutoff counts as sp, with three as sp2, with four
as sp3: the usual convention for simulated carbons (de Tomas, Suarez-Martinez and Marks,
Carbon 109 (2016) 681), whose cutoff of 1.85 A lies in the gap between first and second
neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from carbonize.periodic import neighbor_pairs

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["DEFAULT_BOND_CUTOFF_A", "bonding", "coordination"]

DEFAULT_BOND_CUTOFF_A = 1.85


def coordination(atoms: Atoms, cutoff_A: float = DEFAULT_BOND_CUTOFF_A) -> Int[np.ndarray, " atom"]:
    """Number of neighbours of each atom at most ``cutoff_A`` (A) away.

    Periodic images count one by one, also an atom's own image in a small cell.

    >>> from ase.build import bulk
    >>> coordination(bulk("C", "diamond", a=3.567)).tolist()
    [4, 4]
    """
    pairs = neighbor_pairs(atoms.positions, atoms.cell.array, atoms.pbc, cutoff_A)
    return np.bincount(pairs.first, minlength=len(atoms))


def bonding(atoms: Atoms, cutoff_A: float = DEFAULT_BOND_CUTOFF_A) -> dict[str, Any]:
    """Bonding statistics of one structure, as plain numbers ready for JSON.

    Returns
    -------
    dict
        ``cutoff_A``; ``coordination_fraction`` (keys "0" to the largest number found, at
        least to "4"); ``sp``, ``sp2``, ``sp3`` (fractions of atoms with 2, 3, 4 neighbours);
        ``mean_coordination``; ``mean_bond_length_A`` (None without bonds).
    """
    pairs = neighbor_pairs(atoms.positions, atoms.cell.array, atoms.pbc, cutoff_A)
    numbers = np.bincount(pairs.first, minlength=len(atoms))
    fraction = np.bincount(numbers, minlength=5) / len(atoms)
    return {
        "cutoff_A": float(cutoff_A),
        "coordination_fraction": {str(k): float(x) for k, x in enumerate(fraction)},
        "sp": float(fraction[2]),
        "sp2": float(fraction[3]),
        "sp3": float(fraction[4]),
        "mean_coordination": float(numbers.mean()),
        "mean_bond_length_A": float(pairs.distance.mean()) if len(pairs.distance) else None,
    }
