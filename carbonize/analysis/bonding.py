"""Bonds by distance: coordination numbers, hybridization, bond lengths, angles and edges.

An atom with two neighbours within the cutoff counts as sp, with three as sp2, with four
as sp3: the usual convention for simulated carbons (de Tomas, Suarez-Martinez and Marks,
Carbon 109 (2016) 681), whose cutoff of 1.85 A lies in the gap between first and second
neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from carbonize.analysis.angles import mean_angle_deg, pyramidalization_deg
from carbonize.analysis.bonds import BondNetwork, bond_network
from carbonize.analysis.edges import LINEAR_FROM_DEG, edge_atoms, radicals
from carbonize.periodic import neighbor_pairs

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["DEFAULT_BOND_CUTOFF_A", "bonding", "class_by_angle", "coordination"]

DEFAULT_BOND_CUTOFF_A = 1.85

PLANAR_FROM_DEG = 114.7
"""Mean angle half way between those of a plane (120) and of a tetrahedron (109.47)."""

_CLASSES = {"sp": 2, "sp2": 3, "sp3": 4}
_MMOL_PER_GRAM = 1000.0  # an atom a mass of 1 amu is a mole a gram


def coordination(atoms: Atoms, cutoff_A: float = DEFAULT_BOND_CUTOFF_A) -> Int[np.ndarray, " atom"]:
    """Number of neighbours of each atom at most ``cutoff_A`` (A) away.

    Periodic images count one by one, also an atom's own image in a small cell.

    >>> from ase.build import bulk
    >>> coordination(bulk("C", "diamond", a=3.567)).tolist()
    [4, 4]
    """
    pairs = neighbor_pairs(atoms.positions, atoms.cell.array, atoms.pbc, cutoff_A)
    return np.bincount(pairs.first, minlength=len(atoms))


def class_by_angle(angles_deg: Float[np.ndarray, " atom"]) -> Int[np.ndarray, " atom"]:
    """2 (sp), 3 (sp2) or 4 (sp3) by the mean bond angle (degrees) of each atom; 0 without an angle.

    The limits lie half way between 180, 120 and 109.47 degrees.
    """
    with np.errstate(invalid="ignore"):
        found = np.where(angles_deg >= LINEAR_FROM_DEG, 2, np.where(angles_deg >= PLANAR_FROM_DEG, 3, 4))
    return np.where(np.isnan(angles_deg), 0, found)


def bonding(
    atoms: Atoms, cutoff_A: float = DEFAULT_BOND_CUTOFF_A, network: BondNetwork | None = None
) -> dict[str, Any]:
    """Bonding statistics of one structure, as plain numbers ready for JSON.

    Parameters
    ----------
    atoms
        Any structure.
    cutoff_A
        Longest bond (A).
    network
        The bonds, if they are there already.

    Returns
    -------
    dict
        ``cutoff_A``; ``coordination_fraction`` (keys "0" to the largest number found, at
        least to "4"); ``sp``, ``sp2``, ``sp3`` (fractions of atoms with 2, 3, 4 neighbours);
        ``mean_coordination``; ``mean_bond_length_A`` (None without bonds);
        ``pyramidalization_deg`` (mean over sp2 atoms, None without; see :mod:`carbonize.analysis.angles`);
        ``angle_deg`` (mean bond angle of sp, sp2 and sp3 atoms, None without);
        ``angle_agreement`` (share of these atoms whose bond angles speak for the same class; None without);
        ``dangling_fraction`` (carbon atoms with one neighbour or none); ``edge_fraction`` (see
        :func:`carbonize.analysis.edges.edge_atoms`), ``edges_mmol_g`` (the same per gram) and
        ``radicals_mmol_g``, lowest and highest count (:class:`carbonize.analysis.edges.EdgeCounts`).
    """
    if network is None:
        network = bond_network(atoms, cutoff_A)
    numbers = network.coordination
    fraction = np.bincount(numbers, minlength=5) / len(atoms)
    angles = mean_angle_deg(network)
    pyramids = pyramidalization_deg(network)
    pyramids = pyramids[np.isfinite(pyramids)]
    edges = edge_atoms(network, atoms.numbers, angles)
    missing = radicals(network, atoms.numbers, angles)
    dangling = (numbers <= 1) & (atoms.numbers == 6)
    per_gram = _MMOL_PER_GRAM / float(atoms.get_masses().sum())
    return {
        "cutoff_A": float(cutoff_A),
        "coordination_fraction": {str(k): float(x) for k, x in enumerate(fraction)},
        "sp": float(fraction[2]),
        "sp2": float(fraction[3]),
        "sp3": float(fraction[4]),
        "mean_coordination": float(numbers.mean()),
        "mean_bond_length_A": float(network.distance.mean()) if len(network.distance) else None,
        "pyramidalization_deg": float(pyramids.mean()) if len(pyramids) else None,
        "angle_deg": {name: _mean(angles[numbers == k]) for name, k in _CLASSES.items()},
        "angle_agreement": _agreement(numbers, angles),
        "dangling_fraction": float(dangling.mean()),
        "edge_fraction": float(edges.mean()),
        "edges_mmol_g": float(edges.sum() * per_gram),
        "radicals_mmol_g": [missing.low * per_gram, missing.high * per_gram],
    }


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _agreement(numbers: np.ndarray, angles: np.ndarray) -> float | None:
    classed = (numbers >= 2) & (numbers <= 4)
    if not classed.any():
        return None
    return float((class_by_angle(angles)[classed] == numbers[classed]).mean())
