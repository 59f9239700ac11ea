"""Covalent radii that NEP's typewise cutoffs are multiples of, from H to Pu.

Four thirds of the single-bond radii of Pyykko and Atsumi, Chem. Eur. J. 15, 186 (2009), with the
digits that GPUMD has.
"""

from __future__ import annotations

import numpy as np
from ase.data import atomic_numbers

from carbonize.errors import InputError

__all__ = ["covalent_radii_A"]

_RADII_A = (
    0.426667, 0.613333, 1.6, 1.25333, 1.02667, 1.0, 0.946667, 0.84, 0.853333, 0.893333,
    1.86667, 1.66667, 1.50667, 1.38667, 1.46667, 1.36, 1.32, 1.28, 2.34667, 2.05333,
    1.77333, 1.62667, 1.61333, 1.46667, 1.42667, 1.38667, 1.33333, 1.32, 1.34667, 1.45333,
    1.49333, 1.45333, 1.53333, 1.46667, 1.52, 1.56, 2.52, 2.22667, 1.96, 1.85333,
    1.76, 1.65333, 1.53333, 1.50667, 1.50667, 1.44, 1.53333, 1.64, 1.70667, 1.68,
    1.68, 1.64, 1.76, 1.74667, 2.78667, 2.34667, 2.16, 1.96, 2.10667, 2.09333,
    2.08, 2.06667, 2.01333, 2.02667, 2.01333, 2.0, 1.98667, 1.98667, 1.97333, 2.04,
    1.94667, 1.82667, 1.74667, 1.64, 1.57333, 1.54667, 1.48, 1.49333, 1.50667, 1.76,
    1.73333, 1.73333, 1.81333, 1.74667, 1.84, 1.89333, 2.68, 2.41333, 2.22667, 2.10667,
    2.02667, 2.04, 2.05333, 2.06667,
)  # fmt: skip


def covalent_radii_A(elements: tuple[str, ...], where: str) -> np.ndarray:
    """Radius (A) of each element; InputError for elements beyond the table."""
    for symbol in elements:
        if atomic_numbers[symbol] > len(_RADII_A):
            raise InputError(f"{where}: typewise cutoffs need a covalent radius, and {symbol} has none")
    return np.array([_RADII_A[atomic_numbers[symbol] - 1] for symbol in elements])
