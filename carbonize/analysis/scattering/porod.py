"""Porod's law and the invariant: porosity and surface from the fall of the small-angle curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from carbonize.analysis.scattering.whittle import (
    FEWEST_LENGTHS,
    Intensities,
    fit_model,
    flat_background,
)

__all__ = ["porod"]


def porod(data: Intensities, electrons_A3: float, mass_g_A3: float, begin: float) -> dict[str, Any]:
    """Porod's law K / q^4 plus a flat background, the invariant, and the surface from both.

    The invariant Q, the integral of q^2 I, is the sum over the cell's wave vectors, and K / q beyond. For
    void in walls of one density, Q = 2 pi^2 rho^2 phi / (1 - phi) with the mean density rho: the porosity follows
    without assuming the walls' density, and S / V = pi phi (1 - phi) K / Q (Porod, Kolloid-Z. 124 (1951) 83).

    Parameters
    ----------
    data
        Intensities per atom.
    electrons_A3
        Mean electron density.
    mass_g_A3
        Mean mass density, g per A^3.
    begin
        Where Porod's law is taken to begin, 1/A.

    Returns
    -------
    dict
        ``porod_constant`` (e^2 A^-7), ``invariant`` (e^2 A^-6), ``porosity``, ``surface_m2_g``, ``q_range``, ``reason``.
    """
    empty = {
        "porod_constant": None,
        "invariant": None,
        "porosity": None,
        "surface_m2_g": None,
        "q_range": None,
    }
    end = 1.1
    if begin > 0.75 * end:
        reason = f"pores so small that Porod's law would begin at {begin:.2f} 1/A, where the walls scatter"
        return {**empty, "reason": reason}
    part = data.between(begin, end)
    if part.lengths < FEWEST_LENGTHS:
        return {**empty, "reason": "too few wave vectors in the range of Porod's law; a larger cell would do"}
    density = data.atoms / data.volume_A3
    back = max(flat_background(data), 1e-6)
    scale = float(np.median(part.values * part.k**4)) + 1e-9
    fit = fit_model(
        part,
        lambda p, k: np.exp(p[0]) / k**4 + np.exp(p[1]),
        [[np.log(scale), np.log(back)], [np.log(scale) - 1, np.log(back) + 0.5]],
        [(-30.0, 30.0), (-20.0, 10.0)],
    )
    constant, background = float(np.exp(fit.logs[0])) * density, float(np.exp(fit.logs[1])) * density
    below = data.between(0.0, begin)
    modes = float((below.vectors * (below.values * density - background)).sum())
    invariant = modes * (2 * np.pi) ** 3 / data.volume_A3 / (4 * np.pi) + constant / begin
    flat = constant / begin**4 < background / 2
    if invariant <= 0 or fit.errors[0] > 0.5 or flat:
        return {**empty, "reason": "no q^-4 fall above the flat background"}
    ratio = invariant / (2 * np.pi**2 * electrons_A3**2)
    porosity = ratio / (1 + ratio)
    surface = np.pi * porosity * (1 - porosity) * constant / invariant  # 1/A
    return {
        "porod_constant": constant,
        "invariant": invariant,
        "porosity": porosity,
        "surface_m2_g": surface * 1e-20 / mass_g_A3,
        "q_range": [begin, end],
        "reason": None,
    }
