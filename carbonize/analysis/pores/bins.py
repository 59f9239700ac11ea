"""Points of a periodic cell sorted into bins, so that what is near a place is found at once.

The bins are parallelepipeds in the compact lattice; queries may lie anywhere and reach as
far as they like, over any number of images.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numba import njit

from carbonize.periodic import Lattice

__all__ = ["Bins", "bin_counts", "bin_of", "bin_range", "gather_surfaces", "make_bins", "nearest_surface"]

LARGEST_BIN_COUNT = 4_000_000
"""Bins grow beyond the width asked for rather than be more than this."""


class Bins(NamedTuple):
    """Balls sorted by bin.

    Attributes
    ----------
    vectors, inverse
        Rows of the compact lattice (A) and its inverse.
    heights
        Distances (A) between opposite faces of the cell.
    counts
        Number of bins along each vector.
    start
        The balls of bin ``b`` are those from ``start[b]`` to ``start[b + 1]``.
    center
        Cartesian centres (A), each in the cell.
    radius
        Radii (A).
    index
        The number that each ball had before sorting.
    largest_radius
        Of all balls (A).
    """

    vectors: np.ndarray
    inverse: np.ndarray
    heights: np.ndarray
    counts: np.ndarray
    start: np.ndarray
    center: np.ndarray
    radius: np.ndarray
    index: np.ndarray
    largest_radius: float


def make_bins(
    centers: Float[np.ndarray, "ball 3"],
    radii_A: Float[np.ndarray, " ball"],
    lattice: Lattice,
    width_A: float,
) -> Bins:
    """Sort balls into bins about ``width_A`` wide.

    Parameters
    ----------
    centers
        Cartesian, A, relative to the cell's origin; anywhere.
    radii_A
        Of each ball.
    lattice
        From :func:`carbonize.periodic.make_lattice`, periodic in all directions.
    width_A
        Wanted distance between opposite faces of a bin.
    """
    counts = bin_counts(lattice, width_A)
    fractional = lattice.fractional(np.asarray(centers, dtype=float))
    place = np.minimum((fractional * counts).astype(np.int64), counts - 1)
    number = (place[:, 0] * counts[1] + place[:, 1]) * counts[2] + place[:, 2]
    order = np.argsort(number, kind="stable")
    start = np.zeros(int(counts.prod()) + 1, dtype=np.int64)
    np.cumsum(np.bincount(number, minlength=len(start) - 1), out=start[1:])
    radii = np.asarray(radii_A, dtype=float)
    return Bins(
        vectors=np.ascontiguousarray(lattice.vectors),
        inverse=np.ascontiguousarray(np.linalg.inv(lattice.vectors)),
        heights=lattice.heights,
        counts=counts,
        start=start,
        center=np.ascontiguousarray((fractional @ lattice.vectors)[order]),
        radius=radii[order],
        index=order,
        largest_radius=float(radii.max(initial=0.0)),
    )


def bin_counts(lattice: Lattice, width_A: float) -> np.ndarray:
    """How many bins of about ``width_A`` fit along each vector of the lattice."""
    exact = lattice.heights / width_A
    exact *= min(1.0, (LARGEST_BIN_COUNT / exact.prod()) ** (1 / 3))
    return np.maximum(1, exact.astype(np.int64))


@njit(cache=True, nogil=True)
def bin_of(bins, x, y, z):
    """The (unwrapped) bin of a point."""
    place = np.empty(3, np.int64)
    for k in range(3):
        f = x * bins.inverse[0, k] + y * bins.inverse[1, k] + z * bins.inverse[2, k]
        place[k] = int(np.floor(f * bins.counts[k]))
    return place[0], place[1], place[2]


@njit(cache=True, nogil=True)
def bin_range(bins, x, y, z, reach):
    """First and last (unwrapped) bin along each axis within reach of a point."""
    low = np.empty(3, np.int64)
    high = np.empty(3, np.int64)
    for k in range(3):
        f = x * bins.inverse[0, k] + y * bins.inverse[1, k] + z * bins.inverse[2, k]
        margin = reach / bins.heights[k]
        low[k] = int(np.floor((f - margin) * bins.counts[k]))
        high[k] = int(np.floor((f + margin) * bins.counts[k]))
    return low, high


@njit(cache=True, nogil=True)
def gather_surfaces(bins, x, y, z, reach, out):
    """All balls whose surface lies within ``reach`` (A) of a point.

    Writes the vector to each centre and its radius into the rows of ``out``. Returns how many
    there are, which may be more than ``out`` has rows; then the rest was not written.
    """
    low, high = bin_range(bins, x, y, z, reach + bins.largest_radius)
    n0, n1, n2 = bins.counts[0], bins.counts[1], bins.counts[2]
    v = bins.vectors
    found = 0
    for i in range(low[0], high[0] + 1):
        si = i // n0
        wi = i - si * n0
        for j in range(low[1], high[1] + 1):
            sj = j // n1
            wj = j - sj * n1
            for k in range(low[2], high[2] + 1):
                sk = k // n2
                b = (wi * n1 + wj) * n2 + k - sk * n2
                ox = si * v[0, 0] + sj * v[1, 0] + sk * v[2, 0] - x
                oy = si * v[0, 1] + sj * v[1, 1] + sk * v[2, 1] - y
                oz = si * v[0, 2] + sj * v[1, 2] + sk * v[2, 2] - z
                for a in range(bins.start[b], bins.start[b + 1]):
                    dx, dy, dz = bins.center[a, 0] + ox, bins.center[a, 1] + oy, bins.center[a, 2] + oz
                    r = bins.radius[a]
                    limit = reach + r
                    if dx * dx + dy * dy + dz * dz <= limit * limit:
                        if found < len(out):
                            out[found, 0], out[found, 1], out[found, 2], out[found, 3] = dx, dy, dz, r
                        found += 1
    return found


@njit(cache=True, nogil=True)
def nearest_surface(bins, x, y, z):
    """Distance (A) from a point to the nearest ball's surface; negative inside a ball."""
    n0, n1, n2 = bins.counts[0], bins.counts[1], bins.counts[2]
    v = bins.vectors
    reach = bins.largest_radius + 0.5
    while True:
        low, high = bin_range(bins, x, y, z, reach)
        best = np.inf
        for i in range(low[0], high[0] + 1):
            si = i // n0
            wi = i - si * n0
            for j in range(low[1], high[1] + 1):
                sj = j // n1
                wj = j - sj * n1
                for k in range(low[2], high[2] + 1):
                    sk = k // n2
                    b = (wi * n1 + wj) * n2 + k - sk * n2
                    ox = si * v[0, 0] + sj * v[1, 0] + sk * v[2, 0] - x
                    oy = si * v[0, 1] + sj * v[1, 1] + sk * v[2, 1] - y
                    oz = si * v[0, 2] + sj * v[1, 2] + sk * v[2, 2] - z
                    for a in range(bins.start[b], bins.start[b + 1]):
                        dx, dy, dz = bins.center[a, 0] + ox, bins.center[a, 1] + oy, bins.center[a, 2] + oz
                        best = min(best, np.sqrt(dx * dx + dy * dy + dz * dz) - bins.radius[a])
        if best + bins.largest_radius <= reach:
            return best
        reach = best + bins.largest_radius + 1e-9 if best < np.inf else 1.6 * reach + 1.0
