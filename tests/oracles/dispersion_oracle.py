"""The dispersion term as printed in ``carbonize/potentials/dispersion.py``: a plain sum over pairs."""

from __future__ import annotations

import numpy as np
from ase.neighborlist import primitive_neighbor_list

EPSILON_EV, SIGMA_A = 0.00284, 3.40


def switch(r, a, b):
    t = min(max((r * r - a * a) / (b * b - a * a), 0.0), 1.0)
    return t**3 * (10 - 15 * t + 6 * t**2)


def pair_energy(r, end=8.0):
    lennard_jones = 4 * EPSILON_EV * ((SIGMA_A / r) ** 12 - (SIGMA_A / r) ** 6)
    return lennard_jones * switch(r, 3.0, 3.3) * (1 - switch(r, end - 1.0, end))


def atom_energies(positions, cell, pbc, end=8.0):
    """Energy of each atom (eV): half of every pair, images included."""
    first, distances = primitive_neighbor_list("id", pbc, cell, positions, end)
    energies = np.zeros(len(positions))
    for i, r in zip(first, distances, strict=True):
        energies[i] += 0.5 * pair_energy(r, end)
    return energies
