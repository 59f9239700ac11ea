"""Tersoff parameters of several elements for tests."""

from __future__ import annotations

import itertools

import numpy as np
from ase import Atoms
from ase.build import bulk

from carbonize.potentials.tersoff_parameters import TersoffEntry

# J. Tersoff, Phys. Rev. B 39, 5566 (1989), table I, by the mixing rule of that paper: arithmetic
# means of lambda and mu, geometric ones of A, B, R and S; chi(C-Si) = 0.9776.
_SINGLE = {
    "C": dict(A=1393.6, B=346.74, lam=3.4879, mu=2.2119, beta=1.5724e-7, n=0.72751, c=38049.0, d=4.3484,
              h=-0.57058, R=1.8, S=2.1),
    "Si": dict(A=1830.8, B=471.18, lam=2.4799, mu=1.7322, beta=1.1e-6, n=0.78734, c=100390.0, d=16.217,
               h=-0.59825, R=2.7, S=3.0),
}  # fmt: skip
_CHI = 0.9776


def silicon_carbide() -> dict[tuple[str, str, str], TersoffEntry]:
    """Si-C of 1989. As in files that go about, entries that need no two-body numbers have zeros."""
    table = {}
    for i, j, k in itertools.product(_SINGLE, repeat=3):
        p, q, s = _SINGLE[i], _SINGLE[j], _SINGLE[k]
        low, high = (p["R"] * s["R"]) ** 0.5, (p["S"] * s["S"]) ** 0.5
        chi = 1.0 if i == j else _CHI
        pair = dict(
            n=p["n"], beta=p["beta"], lambda2_per_A=0.5 * (p["mu"] + q["mu"]),
            B_eV=chi * (p["B"] * q["B"]) ** 0.5, lambda1_per_A=0.5 * (p["lam"] + q["lam"]),
            A_eV=(p["A"] * q["A"]) ** 0.5,
        ) if j == k else dict(n=0.0, beta=0.0, lambda2_per_A=0.0, B_eV=0.0, lambda1_per_A=0.0, A_eV=0.0)  # fmt: skip
        table[i, j, k] = TersoffEntry(
            m=3.0, gamma=1.0, lambda3_per_A=0.0, c=p["c"], d=p["d"], cos_theta0=p["h"],
            R_A=0.5 * (low + high), D_A=0.5 * (high - low), **pair,
        )  # fmt: skip
    return table


def made_up(elements=("B", "N", "C"), seed=4) -> dict[tuple[str, str, str], TersoffEntry]:
    """Sane but random numbers, different for every triplet: both m, lambda3, no symmetry anywhere.

    What the repulsion depends on (A, lambda1, R, D of a pair) is the same for both directions,
    since LAMMPS takes either.
    """
    rng = np.random.default_rng(seed)
    both = {}
    for i, j in itertools.combinations_with_replacement(elements, 2):
        both[i, j] = both[j, i] = dict(
            R_A=rng.uniform(1.9, 2.3), D_A=rng.uniform(0.1, 0.2), A_eV=rng.uniform(1200, 1600),
            lambda1_per_A=rng.uniform(3.3, 3.6),
        )  # fmt: skip
    table = {}
    for i, j, k in itertools.product(elements, repeat=3):
        third = dict(R_A=rng.uniform(1.9, 2.3), D_A=rng.uniform(0.1, 0.2), A_eV=1.0, lambda1_per_A=1.0)
        table[i, j, k] = TersoffEntry(
            m=float(rng.choice([1.0, 3.0])), gamma=rng.uniform(0.5, 1.5), lambda3_per_A=rng.uniform(0.3, 1.2),
            c=rng.uniform(2e4, 4e4), d=rng.uniform(4, 6), cos_theta0=rng.uniform(-0.9, -0.4),
            n=rng.uniform(0.6, 1.0), beta=rng.uniform(1e-7, 2e-7), lambda2_per_A=rng.uniform(2.0, 2.3),
            B_eV=rng.uniform(300, 430), **(both[i, j] if j == k else third),
        )  # fmt: skip
    return table


TABLES = {"SiC": silicon_carbide(), "BNC": made_up()}
LENGTHS = {"SiC": 4.5, "BNC": 3.75}
"""Lattice constants (A) at which the bonds have sensible lengths."""


def alloys(name: str) -> dict[str, Atoms]:
    """Structures of the elements of a table, in cells as LAMMPS wants them."""
    elements = list(dict.fromkeys(t[0] for t in TABLES[name]))
    rng = np.random.default_rng(7)

    def shuffled(atoms: Atoms, rattle: float) -> Atoms:
        atoms.symbols[:] = [elements[k % len(elements)] for k in rng.permutation(len(atoms))]
        atoms.rattle(rattle, seed=3)
        return atoms

    diamond = bulk("C", "diamond", a=LENGTHS[name], cubic=True)
    triclinic = diamond.repeat(2)
    a = 2 * LENGTHS[name]
    triclinic.set_cell([[a, 0, 0], [0.15 * a, 0.97 * a, 0], [-0.1 * a, 0.18 * a, 1.02 * a]], scale_atoms=True)
    dimer = Atoms([elements[0], elements[-1]], [[5, 5, 5], [5.3, 6.4, 5.9]], cell=[20, 20, 20])
    far = Atoms(elements, [[15, 5 * k + 2, 15] for k in range(len(elements))])
    return {
        "disordered": shuffled(diamond.repeat(2), 0.12),
        "triclinic": shuffled(triclinic, 0.12),
        "small": shuffled(diamond, 0.1),
        "dimer and lone atoms": dimer + far,
    }
