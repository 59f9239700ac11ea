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
    return mixed_energies(positions, cell, pbc, ["X"] * len(positions), {("X", "X", "X"): entry})


def mixed_energies(positions, cell, pbc, symbols, table):
    """Energy of each atom (eV); ``table`` has an entry for every triplet of the elements.

    Two-body parameters are those of (centre, neighbour, neighbour), the others those of
    (centre, neighbour, third atom).
    """
    reach = max(entry.R_A + entry.D_A for entry in table.values())
    first, second, vectors = primitive_neighbor_list("ijD", pbc, cell, positions, reach)
    energies = np.zeros(len(positions))
    for i, centre in enumerate(symbols):
        bonds = vectors[first == i]
        names = [symbols[j] for j in second[first == i]]
        lengths = np.linalg.norm(bonds, axis=1)
        for j, r in enumerate(lengths):
            pair = table[centre, names[j], names[j]]
            zeta = 0.0
            for k, s in enumerate(lengths):
                if k != j:
                    e = table[centre, names[j], names[k]]
                    cosine = float(bonds[j] @ bonds[k]) / (r * s)
                    stretch = exp((e.lambda3_per_A * (r - s)) ** e.m)
                    zeta += cutoff(s, e) * angular(cosine, e) * stretch
            repulsive = pair.A_eV * exp(-pair.lambda1_per_A * r)
            attractive = pair.B_eV * exp(-pair.lambda2_per_A * r)
            energies[i] += 0.5 * cutoff(r, pair) * (repulsive - bond_order(zeta, pair) * attractive)
    return energies
