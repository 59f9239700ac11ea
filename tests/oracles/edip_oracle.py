"""Carbon EDIP as its papers print it: explicit sums over atoms, float64, slow.

N. A. Marks, Phys. Rev. B 63, 035401 (2000). Every sum over neighbours is a Python loop and
nothing is rearranged, so that this shares no algebra with the kernels it checks.
"""

from __future__ import annotations

from itertools import combinations
from math import exp, tanh

import numpy as np
from ase.neighborlist import primitive_neighbor_list

EPS, B4, BETA, SIGMA = 20.0853862863495, 0.827599951322299, 0.0490161172713279, 1.25714643580808
A, A_SLOPE = 1.89225338775144, 0.169794491000172
Z0, LAMBDA0, LAMBDA_SLOPE = 3.615, 19.86394896867, 0.30
GAMMA, Q = 1.35419222406125, 3.5
F_LOW, F_HIGH, P_LOW, P_HIGH, ALPHA = 1.547, 2.270, 1.48, 2.000, 1.544
Z_DIHEDRAL, Z_REPULSION, C0 = 0.30, 0.06, 3.2


def taper(r, low, high):
    if r <= low:
        return 1.0
    if r >= high:
        return 0.0
    x = (r - low) / (high - low)
    return exp(ALPHA / (1 - x**-3)) if x > 1e-6 else 1.0


def f(r):
    return taper(r, F_LOW, F_HIGH)


def p(r):
    return taper(r, P_LOW, P_HIGH)


def pi3(z):
    return ((z - 3) ** 2 - 1) ** 2 if 2 < z < 4 else 0.0


def pi2(z):
    return ((z - 2) ** 2 - 1) ** 2 if 1 < z < 3 else 0.0


def pi(z):
    if z <= 3:
        return 1.0
    return pi3(z) if z < 4 else 0.0


def tau(Z):
    return 1 - Z / 12 * (1 + tanh(6 * (Z - 2.5)))


def lam(Z):
    return LAMBDA0 * exp(-LAMBDA_SLOPE * (Z - Z0) ** 2)


def U2(r, Z):
    gap = r - A - A_SLOPE * Z
    return EPS * (B4 / r**4 - exp(-BETA * Z * Z)) * exp(SIGMA / gap) if gap < -1e-3 else 0.0


def U3(r1, r2, cosine, Z):
    ends = A + A_SLOPE * Z
    if max(r1, r2) >= ends - 1e-3:
        return 0.0
    g = exp(GAMMA / (r1 - ends)) * exp(GAMMA / (r2 - ends))
    return lam(Z) * g * (1 - exp(-Q * (cosine + tau(Z)) ** 2))


def atom_energies(positions, cell, pbc, cutoff=6.0):
    """Energy of each atom (eV) and its generalised coordination Z."""
    first, second, vectors, shifts = primitive_neighbor_list("ijDS", pbc, cell, positions, cutoff)
    lengths = np.linalg.norm(vectors, axis=1)
    order = np.argsort(lengths, kind="stable")
    atoms = range(len(positions))
    # (neighbour, image, unit vector, length), nearest first
    around = [[] for _ in atoms]
    for k in order:
        entry = (int(second[k]), tuple(shifts[k]), vectors[k] / lengths[k], lengths[k])
        around[first[k]].append(entry)
    z = [sum(f(r) for *_, r in around[i]) for i in atoms]
    energies, Zs = [], []
    for i in atoms:
        X = _dihedral(i, around, z) + _repulsion(i, around, z)
        Z = z[i] + X
        U = sum(U2(r, Z) for *_, r in around[i])
        live = [n for n in around[i] if n[3] < A + A_SLOPE * Z]
        for (_, _, u, r1), (_, _, v, r2) in combinations(live, 2):
            U += U3(r1, r2, float(u @ v), Z)
        energies.append(U)
        Zs.append(Z)
    return np.array(energies), np.array(Zs)


def _dihedral(i, around, z):
    """Zdih pi3(z_i) sum over j, {k, l}, m of pi3(z_j) p p p p [u_jm . (u_ik x u_il)]^2."""
    if pi3(z[i]) == 0:
        return 0.0
    bonds = [n for n in around[i] if p(n[3]) > 0]
    total = 0.0
    for a, (j, shift, _, r_ij) in enumerate(bonds):
        if pi3(z[j]) == 0:
            continue
        back = (i, tuple(-s for s in shift))
        far = [n for n in around[j] if p(n[3]) > 0 and (n[0], n[1]) != back]
        others = [n for b, n in enumerate(bonds) if b != a]
        for (_, _, u_k, r_k), (_, _, u_l, r_l) in combinations(others, 2):
            normal = np.cross(u_k, u_l)
            for _, _, u_m, r_m in far:
                total += pi3(z[j]) * p(r_ij) * p(r_k) * p(r_l) * p(r_m) * (u_m @ normal) ** 2
    return Z_DIHEDRAL * pi3(z[i]) * total


def _repulsion(i, around, z):
    three = two = 0.0
    near = [n for n in around[i] if n[3] < C0]
    for a, (j, _, u_j, r_j) in enumerate(near):
        weight = pi(z[j]) * (r_j - C0) ** 2 * (1 - p(r_j))
        if weight == 0:
            continue
        others = [n for b, n in enumerate(near) if b != a and p(n[3]) > 0]
        for _, _, u_k, r_k in others:
            two += weight * p(r_k) * (1 - (u_j @ u_k) ** 2)
        for (_, _, u_k, r_k), (_, _, u_l, r_l) in combinations(others, 2):
            three += weight * p(r_k) * p(r_l) * (u_j @ np.cross(u_k, u_l)) ** 2
    return Z_REPULSION * (pi3(z[i]) * three + pi2(z[i]) * two)
