"""Cut pores into a dense carbon: the remaining walls have broken bonds, as a precursor's do."""

from __future__ import annotations

import numpy as np

from carbonize.errors import InputError

__all__ = ["carve_pores"]


def carve_pores(
    positions: np.ndarray, edge_A: float, keep: int, pore_diameter_A: float, seed: int
) -> np.ndarray:
    """Remove atoms inside randomly placed spheres until exactly ``keep`` are left.

    Parameters
    ----------
    positions
        Shape (atom, 3), A, in a periodic cube.
    edge_A
        Edge of the cube.
    keep
        Atoms that stay. The last sphere is made smaller so that the number is met.
    pore_diameter_A
        Diameter of the spheres (between atom centres), A. They may overlap.
    seed
        Of numpy's PCG64.

    Returns
    -------
    numpy.ndarray
        Indices of the atoms that stay, ascending.

    Raises
    ------
    InputError
        If there are fewer atoms than shall be kept.
    """
    if keep > len(positions):
        raise InputError(f"{len(positions)} atoms cannot be carved down to {keep}")
    rng = np.random.default_rng(seed)
    here = np.arange(len(positions))
    while len(here) > keep:
        away = positions[here] - rng.uniform(0.0, edge_A, 3)
        away -= edge_A * np.round(away / edge_A)
        distance = np.sqrt((away**2).sum(1))
        nearest = np.argsort(distance, kind="stable")[: len(here) - keep]
        inside = nearest[distance[nearest] < pore_diameter_A / 2]
        here = np.delete(here, inside)
    return here
