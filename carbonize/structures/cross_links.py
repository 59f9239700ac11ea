"""Which atoms of neighbouring fragments to join, and how to bring them together."""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from carbonize.structures.cavities import Cavities
from carbonize.structures.springs import (
    Springs,
    minimum_image,
    relax_springs,
    spring_energy,
    wall_energy,
    within_steps,
)

__all__ = ["LINK_A", "bonds_within", "bridges", "choose_links", "pull_together"]

LINK_A = 1.54
"""Bond of diamond."""

BOND_CUTOFF_A = 1.85
_APART_A = 2.55  # two bonds about an sp3 atom apart: nearer only what is bonded
_FREE_EDGE_GAIN_A = 0.7
_REACH_A = 6.0


def bonds_within(positions: np.ndarray, edge_A: float, cutoff_A: float = BOND_CUTOFF_A) -> np.ndarray:
    """Pairs of atoms at most ``cutoff_A`` apart in a periodic cube, shape (pair, 2), sorted."""
    pairs = KDTree(positions % edge_A, boxsize=edge_A).query_pairs(cutoff_A, output_type="ndarray")
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def bridges(bonds: np.ndarray, fragment: np.ndarray) -> np.ndarray:
    """Atoms with four bonds of which at least one leads to another fragment, shape (atom,), bool."""
    n = len(fragment)
    four = np.bincount(bonds.ravel(), minlength=n) == 4
    across = bonds[fragment[bonds[:, 0]] != fragment[bonds[:, 1]]]
    return four & (np.bincount(across.ravel(), minlength=n) > 0)


def choose_links(
    positions: np.ndarray,
    edge_A: float,
    fragment: np.ndarray,
    missing: int,
    spent: set[tuple[int, int]],
    rng: np.random.Generator,
) -> np.ndarray:
    """Pairs of atoms to join so that about ``missing`` more atoms become bridges.

    One atom of a pair has three bonds and gets its fourth. The other belongs to another fragment: best an
    atom at its edge with two bonds, else one with three, which becomes a bridge too. Near pairs come
    first; no atom is taken next to one that is already taken.

    Parameters
    ----------
    positions, edge_A, fragment
        Where the atoms are (A), the cube, and each atom's fragment.
    missing
        Bridges wanted.
    spent
        Pairs that did not hold before.
    rng
        Where chance comes from.

    Returns
    -------
    numpy.ndarray
        Shape (link, 2).
    """
    bonds = bonds_within(positions, edge_A)
    n = len(positions)
    bonded = np.bincount(bonds.ravel(), minlength=n)
    near = KDTree(positions % edge_A, boxsize=edge_A).query_pairs(
        min(_REACH_A, 0.49 * edge_A), output_type="ndarray"
    )
    near = near[fragment[near[:, 0]] != fragment[near[:, 1]]]
    high, low = bonded[near].max(1), bonded[near].min(1)
    near = near[(high == 3) & (low >= 2)]
    if len(near) == 0:
        return np.empty((0, 2), np.int64)
    near = near[np.lexsort((near[:, 1], near[:, 0]))]
    apart = minimum_image(positions[near[:, 0]] - positions[near[:, 1]], edge_A)
    cost = np.sqrt((apart**2).sum(1)) - _FREE_EDGE_GAIN_A * (bonded[near].min(1) == 2)
    cost = cost + rng.uniform(0.0, 0.5, len(cost))
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for a, b in bonds.tolist():
        neighbours[a].append(b)
        neighbours[b].append(a)
    taken = bridges(bonds, fragment)
    chosen: list[tuple[int, int]] = []
    won = 0
    for k in np.argsort(cost, kind="stable"):
        i, j = (int(x) for x in near[k])
        gain = int(bonded[i] == 3) + int(bonded[j] == 3)
        if won + gain > missing + (missing - won == 1):
            continue
        if (i, j) in spent or taken[i] or taken[j]:
            continue
        if any(taken[a] for a in neighbours[i]) or any(taken[a] for a in neighbours[j]):
            continue
        taken[[i, j]] = True
        chosen.append((i, j))
        won += gain
        if won >= missing:
            break
    return np.array(chosen, np.int64).reshape(-1, 2)


def pull_together(
    positions: np.ndarray,
    edge_A: float,
    links: np.ndarray,
    cavities: Cavities | None = None,
    stiffness: float = 1.0,
    steps: int = 400,
) -> np.ndarray:
    """Positions (atom, 3) in which linked atoms are about a bond apart and all others are not.

    Fragments bend a little; distances within them up to three bonds are kept by springs.

    Parameters
    ----------
    positions, edge_A
        Where the atoms are (A), and the cube.
    links
        Shape (link, 2).
    cavities
        Space that stays free.
    stiffness
        Weight of the distances between atoms three bonds apart, which carry the curvature.
    steps
        Of the minimiser, at most.
    """
    n = len(positions)
    bonds = bonds_within(positions, edge_A)
    near = within_steps(bonds, n, 3)
    apart = minimum_image(positions[near[:, 0]] - positions[near[:, 1]], edge_A)
    weights = np.array([10.0, 3.0, 0.3 * stiffness])[near[:, 2] - 1]
    springs = Springs(near[:, :2], np.sqrt((apart**2).sum(1)), weights)
    springs = springs.joined(Springs(links, np.full(len(links), LINK_A), np.full(len(links), 10.0)))
    # numbers of pairs as one integer each: the wall leaves these out
    within = np.unique(np.sort(springs.pairs, axis=1) @ np.array([n, 1]))

    def free(pairs: np.ndarray) -> np.ndarray:
        return ~np.isin(np.sort(pairs, axis=1) @ np.array([n, 1]), within)

    def energy(here: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = spring_energy(here, springs, edge_A)
        wall, push = wall_energy(here, edge_A, _APART_A, free)
        value, gradient = value + 3 * wall, gradient + 3 * push
        if cavities is not None:
            out, _ = cavities.outward(here, edge_A, edge_A)
            # of the square of the depth, as the wall's
            value += float((out**2).sum())
            gradient = gradient - 2 * out
        return value, gradient

    return relax_springs(positions, energy, steps)
