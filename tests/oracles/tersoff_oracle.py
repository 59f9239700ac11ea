"""The Tersoff potential as printed (Phys. Rev. B 37, 6991 (1988)): explicit sums, float64, slow."""

from __future__ import annotations

from math import exp, pi, sin

import numpy as np
from ase.neighborlist import primitive_neighbor_list


def cutoff(r, e):
    if r <= e.R_A - e.D_A:
        return 1.0
    if r >= e.R_A + e.D_A:
        return 0.0
    return 0.5 - 0.5 * sin(pi / 2 * (r - e.R_A) / e.D_A)


def angular(cosine, e):
    return e.gamma * (1 + e.c**2 / e.d**2 - e.c**2 / (e.d**2 + (e.cos_theta0 - cosine) ** 2))


def bond_order(zeta, e):
    return (1 + (e.beta * zeta) ** e.n) ** (-1 / (2 * e.n))


def atom_energies(positions, cell, pbc, entry):
    """Energy of each atom (eV) for one element with the parameters ``entry``."""
    first, _, vectors = primitive_neighbor_list("ijD", pbc, cell, positions, entry.R_A + entry.D_A)
    energies = np.zeros(len(positions))
    for i in range(len(positions)):
        bonds = vectors[first == i]
        lengths = np.linalg.norm(bonds, axis=1)
        for j, r in enumerate(lengths):
            zeta = 0.0
            for k, s in enumerate(lengths):
                if k != j:
                    cosine = float(bonds[j] @ bonds[k]) / (r * s)
                    stretch = exp((entry.lambda3_per_A * (r - s)) ** entry.m)
                    zeta += cutoff(s, entry) * angular(cosine, entry) * stretch
            repulsive = entry.A_eV * exp(-entry.lambda1_per_A * r)
            attractive = entry.B_eV * exp(-entry.lambda2_per_A * r)
            energies[i] += 0.5 * cutoff(r, entry) * (repulsive - bond_order(zeta, entry) * attractive)
    return energies
