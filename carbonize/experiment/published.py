"""Medians of published hard carbons against the temperature of heat treatment.

Over 583 published hard carbons, as collected for this project; each figure is a median of what papers report,
so columns are not one carbon's. For orientation, not for a test.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["MEDIANS", "SOURCE", "orientation"]

SOURCE = "medians over 583 published hard carbons, by temperature of heat treatment"

TEMPERATURES_C = (800, 900, 1000, 1100, 1200, 1300, 1400, 1500, 1600)

MEDIANS: dict[str, tuple[float, ...]] = {
    "d002_A": (3.80, 3.87, 3.80, 3.82, 3.81, 3.77, 3.79, 3.72, 3.68),
    "La_A": (31.0, 26.0, 33.0, 33.0, 38.0, 30.0, 38.0, 41.0, 45.0),
    "Lc_A": (12.5, 11.3, 11.9, 14.5, 14.3, 13.9, 14.1, 12.2, 14.4),
    "N2_surface_m2_g": (334.0, 187.0, 85.0, 46.0, 22.0, 13.0, 8.7, 11.0, 5.0),
    "N2_volume_cm3_g": (0.25, 0.14, 0.073, 0.043, 0.031, 0.018, 0.018, 0.007, 0.009),
    "plateau_mAh_g": (0.0, 38.0, 79.0, 111.0, 143.0, 178.0, 180.0, 200.0, 200.0),
}
"""By quantity, at :data:`TEMPERATURES_C`. N2: BET area and open volume."""


def orientation(quantity: str, heat_treatment_C: float | None) -> dict[str, Any] | None:
    """The published median at a temperature (between tabulated ones, a straight line), or all medians.

    >>> orientation("d002_A", 1250)["median"]
    3.79
    """
    if quantity not in MEDIANS:
        return None
    row = MEDIANS[quantity]
    inside = heat_treatment_C is not None and TEMPERATURES_C[0] <= heat_treatment_C <= TEMPERATURES_C[-1]
    median = float(np.interp(heat_treatment_C, TEMPERATURES_C, row)) if inside and heat_treatment_C else None
    return {
        "median": None if median is None else round(median, 4),
        "range": [min(row), max(row)],
        "source": SOURCE,
    }
