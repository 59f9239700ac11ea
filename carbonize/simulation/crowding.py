"""How crowded start structures are: the sizes that compiled lists begin with (host)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

__all__ = ["longest_run", "neighbor_counts"]


def neighbor_counts(
    positions: Float[np.ndarray, "atom 3"], cell: Float[np.ndarray, "3 3"], radii_A: list[float]
) -> Int[np.ndarray, "radius atom"]:
    """Neighbours of every atom within each radius (A), images included.

    Examples
    --------
    >>> neighbor_counts(np.zeros((1, 3)), 2.5 * np.eye(3), [2.6, 3.6]).tolist()
    [[6], [18]]
    """
    from scipy.spatial import KDTree

    inverse = np.linalg.inv(cell)
    fractional = positions @ inverse
    fractional = fractional - np.floor(fractional)
    margin = max(radii_A) * np.linalg.norm(inverse, axis=0)
    ranges = [np.arange(-n, n + 1) for n in np.ceil(margin).astype(int)]
    images = []
    for shift in np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3):
        there = fractional + shift
        images.append(there[np.all((there >= -margin) & (there <= 1 + margin), axis=1)])
    everyone = KDTree(np.concatenate(images) @ cell)
    here = fractional @ cell
    counts = [everyone.query_ball_point(here, radius, return_length=True) for radius in radii_A]
    return np.array(counts) - 1  # an atom is no neighbour of itself


def longest_run(
    positions: Float[np.ndarray, "atom 3"],
    cell: Float[np.ndarray, "3 3"],
    bins: tuple[int, int, int],
    reach: int,
) -> int:
    """Most atoms in any ``2 reach + 1`` bins that follow each other along the first cell vector."""
    fractional = positions @ np.linalg.inv(cell)
    fractional = fractional - np.floor(fractional)
    place = np.minimum((fractional * bins).astype(int), np.array(bins) - 1)
    filling = np.bincount(np.ravel_multi_index(tuple(place.T), bins), minlength=int(np.prod(bins)))
    around = [np.roll(filling.reshape(bins), step, axis=0) for step in range(-reach, reach + 1)]
    return int(np.sum(around, axis=0).max())
