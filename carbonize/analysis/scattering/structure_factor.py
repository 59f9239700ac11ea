"""Structure factors: the powder average of |rho(q)|^2 / N.

Two roads lead there. From pair distances (Debye, Ann. Phys. 351 (1915) 809), of a periodic
structure with a window exp(-r^2 / (2 w^2)) on g(r) - 1; and from the density modes of a periodic cell,
each spread in q by a Gaussian of width 1/w. By Poisson's summation both are the same function, so they
check each other, and :func:`joined` goes from one to the other where both are known.
Partials are Ashcroft-Langreth-like but per atom of the whole: A_ab = <rho_a rho_b*> / N, so that
S = sum A_aa + 2 sum A_ab, and the X-ray intensity per atom is sum f_a f_b A_ab.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from carbonize.analysis.scattering.form_factors import form_factor
from carbonize.analysis.scattering.modes import Shells
from carbonize.analysis.scattering.pairs import PairHistogram, debye_sums, sinc_sum, species_pairs

__all__ = [
    "WINDOWS_IN_RANGE",
    "Partials",
    "cluster_partials",
    "joined",
    "mean_square_form_factor",
    "shell_partials",
    "total",
    "windowed_partials",
    "xray_intensity",
]

WINDOWS_IN_RANGE = 4.5
"""A window is this many times narrower than the range of distances: what is cut off is below 1e-4."""


@dataclasses.dataclass(frozen=True)
class Partials:
    """Partial structure factors.

    Attributes
    ----------
    species, shares
        Chemical symbols and share of atoms of each.
    q
        1/A.
    values
        A_ab by pair of species (a <= b).
    resolution
        Standard deviation (1/A) of the Gaussian in q that the values were smoothed with; 0 for none.
    """

    species: tuple[str, ...]
    shares: Float[np.ndarray, " species"]
    q: Float[np.ndarray, " q"]
    values: Float[np.ndarray, "pair q"]
    resolution: Float[np.ndarray, " q"]


def cluster_partials(histogram: PairHistogram, q: Float[np.ndarray, " q"]) -> Partials:
    """Debye's sum over all pairs of a cluster, nothing subtracted; ``q`` evenly spaced above 0."""
    values = debye_sums(histogram, q)
    return _partials(histogram, q, values, 0.0)


def windowed_partials(
    histogram: PairHistogram, volume_A3: float, window_A: float, q: Float[np.ndarray, " q"]
) -> Partials:
    """From pair distances of a periodic structure, the mean density subtracted.

    Parameters
    ----------
    histogram
        To :data:`WINDOWS_IN_RANGE` windows at least.
    volume_A3
        Of the cell.
    window_A
        Width w of the window exp(-r^2 / (2 w^2)).
    q
        Evenly spaced, above 0.
    """
    values = debye_sums(histogram, q, window_A)
    # what an even density would give, over the same range of distances, by Simpson's rule
    r = np.linspace(0, histogram.r_max_A, 2 * int(200 * histogram.r_max_A) + 1)[1:]
    weight = np.where(np.arange(len(r)) % 2 == 0, 4.0, 2.0) * r[0] / 3
    weight[-1] = r[0] / 3
    weight *= 4 * np.pi * r**2 * np.exp(-0.5 * (r / window_A) ** 2) / volume_A3
    even = sinc_sum(r, weight, float(q[0]), float(q[1] - q[0]), len(q))
    for row, (a, b) in enumerate(species_pairs(len(histogram.species))):
        values[row] -= histogram.numbers[a] * histogram.numbers[b] * even
    return _partials(histogram, q, values, 1 / window_A)


def shell_partials(shells: Shells, q: Float[np.ndarray, " q"], resolution: float) -> Partials:
    """From density modes, each spread by a three-dimensional Gaussian of width ``resolution`` (1/A).

    Good where ``q`` is below ``shells.k_max`` by a few widths.
    """
    numbers = shells.numbers
    q = np.asarray(q, float)
    density_of_states = (2 * np.pi) ** 3 / shells.volume_A3
    values = np.zeros((len(shells.sums), len(q)))
    for place, value in enumerate(q):
        lo, hi = np.searchsorted(shells.k, [value - 7 * resolution, value + 7 * resolution])
        k = shells.k[lo:hi]
        # mean over directions of the Gaussian around a vector of length k
        near = np.exp(-0.5 * ((value - k) / resolution) ** 2)
        far = np.exp(-0.5 * ((value + k) / resolution) ** 2)
        kernel = (near - far) / (2 * value * k * resolution * (2 * np.pi) ** 1.5)
        values[:, place] = density_of_states * (shells.sums[:, lo:hi] @ kernel)
    width = np.full(len(q), resolution)
    return Partials(shells.species, numbers / numbers.sum(), q, values, width)


def joined(low: Partials, high: Partials, begin: float, end: float) -> Partials:
    """``low`` up to ``begin``, ``high`` from ``end`` (1/A), and in between a linear passage; same q."""
    share = np.clip((low.q - begin) / (end - begin), 0, 1)
    values = (1 - share) * np.where(share < 1, low.values, 0.0) + share * np.where(
        share > 0, high.values, 0.0
    )
    resolution = np.where(share < 1, low.resolution, high.resolution)
    return Partials(low.species, low.shares, low.q, values, resolution)


def total(partials: Partials) -> Float[np.ndarray, " q"]:
    """S(q), every atom a scatterer of strength 1."""
    return np.asarray(_multiplicities(partials) @ partials.values)


def xray_intensity(partials: Partials) -> Float[np.ndarray, " q"]:
    """Coherent X-ray intensity per atom in electron units (square electrons)."""
    factors = [form_factor(name, partials.q) for name in partials.species]
    weights = [factors[a] * factors[b] for a, b in species_pairs(len(factors))]
    return np.einsum("p,pq,pq->q", _multiplicities(partials), np.array(weights), partials.values)


def mean_square_form_factor(partials: Partials) -> Float[np.ndarray, " q"]:
    """Mean of f^2 over the atoms: the intensity of atoms without order."""
    squares = [form_factor(name, partials.q) ** 2 for name in partials.species]
    return np.asarray(partials.shares @ np.array(squares))


def _partials(histogram: PairHistogram, q: np.ndarray, values: np.ndarray, resolution: float) -> Partials:
    atoms = int(histogram.numbers.sum())
    for row, (a, b) in enumerate(species_pairs(len(histogram.species))):
        values[row] = values[row] / atoms + (histogram.numbers[a] / atoms if a == b else 0.0)
    shares = histogram.numbers / atoms
    return Partials(histogram.species, shares, q, values, np.full(len(q), resolution))


def _multiplicities(partials: Partials) -> np.ndarray:
    return np.array([1.0 if a == b else 2.0 for a, b in species_pairs(len(partials.species))])
