"""Bond angles, and how far atoms with three neighbours are out of the plane of these.

The pyramidalization angle is that of the pi-orbital axis vector (POAV1): the vector that makes
the same angle with all three bonds; 90 degrees less than that angle is 0 in a plane, 11.6 in C60,
19.5 in a tetrahedron (Haddon and Scott, Pure Appl. Chem. 58, 137 (1986); Haddon, Science 261,
1545 (1993)).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numba import njit

from carbonize.analysis.bonds import BondNetwork

__all__ = ["bond_angles_deg", "mean_angle_deg", "pyramidalization_deg"]


def bond_angles_deg(network: BondNetwork) -> Float[np.ndarray, " angle"]:
    """Every angle (degrees) between two bonds of an atom."""
    numbers = network.coordination
    room = int((numbers * (numbers - 1) // 2).sum())
    return _angles(network.start, _unit(network), room)


def mean_angle_deg(network: BondNetwork) -> Float[np.ndarray, " atom"]:
    """Mean over the angles (degrees) between the bonds of each atom; nan with fewer than two bonds."""
    return _mean_angles(network.start, _unit(network))


def pyramidalization_deg(network: BondNetwork) -> Float[np.ndarray, " atom"]:
    """Pyramidalization angle (degrees) of each atom with three neighbours, nan for all others.

    >>> from ase.build import molecule
    >>> from carbonize.analysis.bonds import bond_network
    >>> round(float(pyramidalization_deg(bond_network(molecule("C60"), 1.85)).mean()), 1)
    11.6
    """
    found = np.full(network.n_atoms, np.nan)
    three = np.flatnonzero(network.coordination == 3)
    unit = _unit(network)
    a, b, c = (unit[network.start[three] + k] for k in range(3))
    # what is normal to the plane through the tips of the unit vectors makes equal angles with them
    normal = np.cross(a - c, b - c)
    length = np.linalg.norm(normal, axis=1)
    rise = np.abs((normal * a).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        sine = np.where(length > 1e-9, rise / length, np.nan)
    found[three] = np.degrees(np.arcsin(np.clip(sine, 0.0, 1.0)))
    return found


def _unit(network: BondNetwork) -> np.ndarray:
    return network.vector / network.distance[:, None]


@njit(cache=True, nogil=True)
def _angles(start, unit, room):
    found = np.empty(room)
    place = 0
    for atom in range(len(start) - 1):
        for one in range(start[atom], start[atom + 1]):
            for other in range(one + 1, start[atom + 1]):
                found[place] = _angle(unit, one, other)
                place += 1
    return found


@njit(cache=True, nogil=True)
def _mean_angles(start, unit):
    found = np.full(len(start) - 1, np.nan)
    for atom in range(len(start) - 1):
        total, count = 0.0, 0
        for one in range(start[atom], start[atom + 1]):
            for other in range(one + 1, start[atom + 1]):
                total += _angle(unit, one, other)
                count += 1
        if count:
            found[atom] = total / count
    return found


@njit(cache=True, nogil=True)
def _angle(unit, one, other):
    cosine = 0.0
    for k in range(3):
        cosine += unit[one, k] * unit[other, k]
    return np.degrees(np.arccos(min(1.0, max(-1.0, cosine))))
