"""Units and physical constants.

Internal units are eV (energy), A (length), amu (mass) and K (temperature).
Times in interfaces are fs or ps. Those three base units imply an internal time
unit of sqrt(amu A^2 / eV) = 10.1805 fs, so velocities inside compiled code are in
A per 10.1805 fs and momenta in amu A per 10.1805 fs. Pressures are eV/A^3 inside
and GPa at the border.

Values: CODATA 2018 (exact where the SI defines them).
"""

from __future__ import annotations

__all__ = [
    "AVOGADRO_PER_MOL",
    "BOLTZMANN_EV_K",
    "FS_PER_TIME_UNIT",
    "GPA_PER_EV_A3",
    "GRAMS_PER_AMU",
    "cm3_per_g",
    "density_g_cm3",
    "fs_to_internal",
    "m2_per_g",
]

BOLTZMANN_EV_K = 8.617333262e-5
"""Boltzmann constant in eV/K."""

AVOGADRO_PER_MOL = 6.02214076e23
"""Avogadro constant in 1/mol."""

GRAMS_PER_AMU = 1.66053906660e-24
"""One atomic mass unit in g."""

GPA_PER_EV_A3 = 160.21766208
"""One eV/A^3 in GPa."""

FS_PER_TIME_UNIT = 10.180505710759414
"""The internal time unit sqrt(amu A^2 / eV) in fs."""


def fs_to_internal(time_fs: float) -> float:
    """Convert a time in fs to internal units of sqrt(amu A^2 / eV).

    >>> round(fs_to_internal(10.180505710759414), 12)
    1.0
    """
    return time_fs / FS_PER_TIME_UNIT


def density_g_cm3(mass_amu: float, volume_A3: float) -> float:
    """Mass density in g/cm3 of ``mass_amu`` in ``volume_A3``.

    >>> round(density_g_cm3(12.011 * 8, 3.567**3), 3)  # diamond
    3.516
    """
    return mass_amu * GRAMS_PER_AMU / (volume_A3 * 1e-24)


def cm3_per_g(volume_A3: float, mass_amu: float) -> float:
    """Specific volume in cm3/g of ``volume_A3`` in a sample of ``mass_amu``."""
    return volume_A3 * 1e-24 / (mass_amu * GRAMS_PER_AMU)


def m2_per_g(area_A2: float, mass_amu: float) -> float:
    """Specific area in m2/g of ``area_A2`` in a sample of ``mass_amu``.

    >>> round(m2_per_g(2 * 5.24, 2 * 12.011))  # both faces of graphene
    2627
    """
    return area_A2 * 1e-20 / (mass_amu * GRAMS_PER_AMU)
