"""Shape of pores: how round, and how far they reach in three directions."""

from __future__ import annotations

from math import pi

import numpy as np
from jaxtyping import Float, Int

__all__ = ["gyration_eigenvalues", "sphericity"]


def sphericity(volume_A3: float, area_A2: float) -> float | None:
    """Surface of a sphere of the same volume over the surface of the body: 1 for a sphere, else less.

    None where the surface is not positive, as may happen to the share of a tiny pore.

    Wadell, J. Geol. 43 (1935) 250.

    >>> round(sphericity(1.0, 6.0), 4)  # a cube
    0.806
    """
    return pi ** (1 / 3) * (6 * volume_A3) ** (2 / 3) / area_A2 if area_A2 > 0 else None


def gyration_eigenvalues(
    pore: Int[np.ndarray, " node"],
    origin: Float[np.ndarray, "node 3"],
    volume: Float[np.ndarray, " node"],
    first: Float[np.ndarray, "node 3"],
    second: Float[np.ndarray, "node 3 3"],
    pore_count: int,
) -> Float[np.ndarray, "pore 3"]:
    """Eigenvalues (A^2) of the gyration tensor of each pore, the largest first.

    The gyration tensor is the mean of (r - c)(r - c)^T over the pore's void, with the void's
    centroid c: a sphere of radius R has three times R^2 / 5. Their sum is the squared radius
    of gyration, and the moments of inertia per mass are the sums of two of them.

    Parameters
    ----------
    pore
        Pore of each node.
    origin
        Where each node is, close to the pore's peak.
    volume, first, second
        Moments of each node's void about ``origin``, from
        :func:`carbonize.analysis.pores.moments.void_moments`.
    pore_count
        Number of pores.
    """

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(pore, weights=values, minlength=pore_count)

    about_origin = first + volume[:, None] * origin
    whole = np.maximum(summed(volume), np.finfo(float).tiny)
    centroid = np.stack([summed(about_origin[:, i]) for i in range(3)], axis=1) / whole[:, None]
    # moved to the centroid before they are summed: large cells lose no digits
    arm = origin - centroid[pore]
    tensor = np.empty((pore_count, 3, 3))
    for i in range(3):
        for j in range(i + 1):
            moved = (
                second[:, i, j]
                + arm[:, i] * first[:, j]
                + first[:, i] * arm[:, j]
                + volume * arm[:, i] * arm[:, j]
            )
            tensor[:, i, j] = tensor[:, j, i] = summed(moved) / whole
    # the share of a tiny pore at the rim of a wide one may be no body at all
    return np.maximum(np.linalg.eigvalsh(tensor)[:, ::-1], 0.0)
