"""Random packing with a minimum distance (random sequential addition)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import KDTree

from carbonize.errors import InputError
from carbonize.units import GRAMS_PER_AMU

__all__ = ["cubic_edge_A", "default_min_distance_A", "random_packing"]

CARBON_MASS_AMU = 12.011
_SATURATION = 0.38  # packing fraction at which random sequential addition of spheres jams
_MOST_ROUNDS = 4000


def cubic_edge_A(atoms: int, density_g_cm3: float) -> float:
    """Edge (A) of the cube that ``atoms`` carbon atoms fill at ``density_g_cm3``.

    >>> round(cubic_edge_A(1000, 1.0), 3)
    27.119
    """
    volume_A3 = atoms * CARBON_MASS_AMU * GRAMS_PER_AMU / density_g_cm3 * 1e24
    return volume_A3 ** (1 / 3)


def default_min_distance_A(density_g_cm3: float) -> float:
    """Minimum distance (A): 1.45, or what random addition reaches at this density if that is less."""
    number_per_A3 = 1.0 / cubic_edge_A(1, density_g_cm3) ** 3
    jammed = (_SATURATION * 6.0 / (np.pi * number_per_A3)) ** (1 / 3)
    return float(min(1.45, 0.88 * jammed))


def random_packing(
    atoms: int,
    density_g_cm3: float,
    seed: int,
    min_distance_A: float | None = None,
    free: Callable[[np.ndarray], np.ndarray] | None = None,
    local_density_g_cm3: float | None = None,
) -> np.ndarray:
    """Positions (atom, 3) in A of a random packing in a periodic cube.

    Candidates are drawn uniformly and kept when no kept one is nearer than the minimum
    distance; the same arguments give the same packing.

    Parameters
    ----------
    atoms
        How many.
    density_g_cm3
        Mass density as carbon; fixes the cube (:func:`cubic_edge_A`).
    seed
        Of numpy's PCG64.
    min_distance_A
        Smallest distance of two atoms; default :func:`default_min_distance_A`.
    free
        Tells which of some points (point, 3) may hold an atom; default all.
    local_density_g_cm3
        Density where there may be atoms, for the default distance; default ``density_g_cm3``.

    Raises
    ------
    InputError
        If so many atoms cannot be packed at random with that distance.
    """
    edge = cubic_edge_A(atoms, density_g_cm3)
    distance = min_distance_A
    if distance is None:
        distance = default_min_distance_A(local_density_g_cm3 or density_g_cm3)
    if atoms > 1 and distance >= edge / 2:
        raise InputError(
            f"{atoms} atoms at {density_g_cm3:g} g/cm3 fill a cube of only {edge:.2f} A, too small for atoms "
            f"{distance:.2f} A apart; use more atoms, a lower density or a smaller minimum distance"
        )
    rng = np.random.default_rng(seed)
    kept = np.empty((0, 3))
    for _ in range(_MOST_ROUNDS):
        missing = atoms - len(kept)
        if missing == 0:
            return kept
        fresh = rng.uniform(0.0, edge, (max(4 * missing, 256), 3))
        if free is not None:
            fresh = fresh[free(fresh)]
        if len(kept):
            gap, _nearest = KDTree(kept, boxsize=edge).query(fresh, distance_upper_bound=distance)
            fresh = fresh[np.isinf(gap)]
        kept = np.concatenate([kept, _thin(fresh, edge, distance)[:missing]])
    raise InputError(
        f"a random packing of {atoms} atoms at {density_g_cm3:g} g/cm3 with a minimum distance of {distance:.2f} A "
        f"jams at {len(kept)} atoms; use a smaller minimum distance or a lower density"
    )


def _thin(points: np.ndarray, edge: float, distance: float) -> np.ndarray:
    """Keep points in order, each only if no kept one before it is too near."""
    if len(points) == 0:
        return points
    pairs = KDTree(points, boxsize=edge).query_pairs(distance, output_type="ndarray")
    pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
    keep = np.ones(len(points), bool)
    for first, second in pairs:
        if keep[first]:
            keep[second] = False
    return points[keep]
