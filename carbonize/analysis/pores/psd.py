"""Pore-size distribution after Gelb and Gubbins.

The size of a point of the void is the diameter of the largest sphere that holds the point
and overlaps no atom (Gelb and Gubbins, Langmuir 15 (1999) 305). The distribution is the
volume of void per diameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from carbonize.analysis.pores.classify import CLASS_NAMES, Pore
from carbonize.analysis.pores.sampling import VoidSample, standard_error
from carbonize.units import cm3_per_g

__all__ = ["BIN_A", "TOO_NARROW", "pore_size_distribution"]

BIN_A = 0.1
"""Width of a bin of diameters."""

TOO_NARROW = "too-narrow"
"""Void whose largest spheres lie in the basin of no pore: helium does not fit there."""


def pore_size_distribution(
    sample: VoidSample, mass_amu: float, pores: Sequence[Pore]
) -> dict[str, Any] | None:
    """Distribution of the sizes of all points outside the atoms.

    Parameters
    ----------
    sample
        Of a structure that is periodic in all directions.
    mass_amu
        Of the atoms in the cell.
    pores
        Of the same survey.

    Returns
    -------
    dict or None
        ``diameter_A``: middles of the bins of width ``bin_A``. ``dV_dd_cm3_g_A`` and its standard
        error ``dV_dd_error_cm3_g_A``: the distribution; its integral is ``volume_cm3_g``, all void
        outside the atoms. ``mean_A``; ``mode_A``, the mean diameter in the fullest bin;
        ``width_A``, the standard deviation; None if there is no void. ``error_A``: standard
        error of the mean, plus ``tolerance_A``, by which a diameter may be too small.
        ``per_class``: the same, by the class of the pore to which the largest sphere over
        a point belongs, or :data:`TOO_NARROW`. None for a structure with open directions, whose void
        has no end.
    """
    if not sample.periodic:
        return None
    names = [*CLASS_NAMES, TOO_NARROW]
    class_of_pore = np.array([CLASS_NAMES.index(pore.class_name) for pore in pores] + [len(CLASS_NAMES)])
    class_of_point = class_of_pore[sample.pore]  # -1 is the last: no pore
    bins = int(np.floor(sample.diameter_A.max() / BIN_A)) + 1 if sample.diameter_A.any() else 0
    scale = cm3_per_g(sample.cell_volume_A3, mass_amu)
    whole = _distribution(sample, sample.diameter_A > 0, bins, scale)
    return {
        "bin_A": BIN_A,
        "tolerance_A": sample.tolerance_A,
        "diameter_A": [round((n + 0.5) * BIN_A, 10) for n in range(bins)],
        **whole,
        "per_class": {
            name: _distribution(sample, (sample.diameter_A > 0) & (class_of_point == number), bins, scale)
            for number, name in enumerate(names)
        },
    }


def _distribution(sample: VoidSample, chosen: np.ndarray, bins: int, scale: float) -> dict[str, Any]:
    """Distribution of the chosen points; ``scale`` is the cell's volume in cm3/g."""
    copies, points = sample.diameter_A.shape
    counts = np.array(
        [
            np.bincount((row[own] / BIN_A).astype(np.int64), minlength=bins)
            for row, own in zip(sample.diameter_A, chosen, strict=True)
        ]
    ).reshape(copies, bins)
    density = counts * (scale / (points * BIN_A))
    sizes = sample.diameter_A[chosen]
    result: dict[str, Any] = {
        "dV_dd_cm3_g_A": density.mean(axis=0).tolist(),
        "dV_dd_error_cm3_g_A": standard_error(density).tolist(),
        "volume_cm3_g": scale * float(chosen.mean()),
        "volume_error_cm3_g": scale * float(standard_error(chosen.mean(axis=1))),
    }
    if len(sizes) == 0:
        return {**result, "mean_A": None, "mode_A": None, "width_A": None, "error_A": None}
    mean = float(sizes.mean())
    # a mean is a ratio of two estimates: its error is that of the residuals
    residual = np.where(chosen, sample.diameter_A - mean, 0.0).mean(axis=1) / chosen.mean()
    fullest = (sizes / BIN_A).astype(np.int64) == counts.sum(axis=0).argmax()
    return {
        **result,
        "mean_A": mean,
        "mode_A": float(sizes[fullest].mean()),
        "width_A": float(sizes.std()),
        "error_A": float(standard_error(residual)) + sample.tolerance_A,
    }
