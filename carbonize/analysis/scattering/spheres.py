"""Equal balls with hard-sphere order: the radius of pores from the whole small-angle curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from carbonize.analysis.scattering.whittle import (
    FEWEST_LENGTHS,
    WORST_MISFIT,
    Intensities,
    fit_model,
    flat_background,
    misfit,
)

__all__ = ["hard_sphere_structure", "sphere_form", "spheres"]

_HIGHEST_Q = 1.2  # 1/A; beyond, the structure of the walls scatters


def sphere_form(x: np.ndarray) -> np.ndarray:
    """Form factor of a ball, [3 (sin x - x cos x) / x^3]^2 with x = q R."""
    x = np.asarray(x, float)
    safe = np.maximum(x, 1e-2)
    exact = (3 * (np.sin(safe) - safe * np.cos(safe)) / safe**3) ** 2
    return np.where(x < 1e-2, 1 - x**2 / 5, exact)


def hard_sphere_structure(x: np.ndarray, share: float) -> np.ndarray:
    """Structure factor of hard balls after Percus and Yevick (Phys. Rev. 110 (1958) 1), x = q times diameter.

    >>> float(hard_sphere_structure(np.array([0.01]), 0.2)[0].round(3)) == round(0.8**4 / 1.4**2, 3)
    True
    """
    x = np.maximum(np.asarray(x, float), 0.05)
    alpha = (1 + 2 * share) ** 2 / (1 - share) ** 4
    beta = -6 * share * (1 + share / 2) ** 2 / (1 - share) ** 4
    gamma = share * alpha / 2
    sine, cosine = np.sin(x), np.cos(x)
    inner = (
        alpha * (sine - x * cosine) / x**2
        + beta * (2 * x * sine + (2 - x**2) * cosine - 2) / x**3
        + gamma * (-(x**4) * cosine + 4 * ((3 * x**2 - 6) * cosine + (x**3 - 6 * x) * sine + 6)) / x**5
    )
    return 1 / (1 + 24 * share * inner / x)


def spheres(data: Intensities, cell_A: float) -> dict[str, Any]:
    """Radius of equal balls, their hard-sphere order and a flat background, over the whole curve.

    Returns
    -------
    dict
        ``R_A``, ``R_error_A``; the rest of the curve: ``scale`` of the balls' scattering and a flat ``background``
        (e^2 per atom), ``hard_sphere_diameter_A`` and ``hard_sphere_share`` of their order, up to ``q_max``; ``misfit``
        (root mean square of data over model minus 1 beyond statistics); ``reason``: refused above 0.3, or if the
        smallest wave vector is beyond 1.7 / R.
    """
    keys = ("R_A", "R_error_A", "scale", "background", "hard_sphere_diameter_A", "hard_sphere_share", "q_max")
    empty = {**dict.fromkeys(keys), "misfit": None}
    part = data.between(0.0, _HIGHEST_Q)
    background = max(flat_background(data), 1e-6)
    if part.lengths < 2 * FEWEST_LENGTHS:
        return {
            **empty,
            "reason": f"the cell of {cell_A:.0f} A is too small; 30 A would do for pores of 4 A radius",
        }

    def model(p: np.ndarray, k: np.ndarray) -> np.ndarray:
        order = hard_sphere_structure(2 * np.exp(p[0] + p[4]) * k, float(np.exp(p[3])))
        return np.exp(p[1]) * sphere_form(np.exp(p[0]) * k) * order + np.exp(p[2])

    top = float(part.values[: max(3, len(part.k) // 50)].mean())
    starts = [
        [np.log(r), np.log(max(top, 1e-6)), np.log(background), np.log(share), 0.05]
        for r in (3.0, 5.0, 8.0, 13.0, 20.0)
        for share in (0.005, 0.15)
    ]
    bounds = [
        (np.log(1.5), np.log(cell_A)),
        (-20.0, 40.0),
        (-20.0, 10.0),
        (np.log(1e-4), np.log(0.45)),
        (0.0, 0.5),
    ]
    fit = fit_model(part, model, starts, bounds)
    radius = float(np.exp(fit.logs[0]))
    lobe = part.between(0.0, 3.6 / radius)  # short of the minimum, where data over model means little
    if part.k[0] * radius > 1.7 or lobe.lengths < FEWEST_LENGTHS:
        reason = f"the cell of {cell_A:.0f} A is too small for pores of {radius:.1f} A radius; {5 * radius:.0f} A would do"
        return {**empty, "reason": reason}
    if np.exp(fit.logs[1]) < 2 * np.exp(fit.logs[2]):
        return {
            **empty,
            "reason": "no small-angle scattering above the flat background: there are no pores to see",
        }
    apart = misfit(lobe, model(fit.logs, lobe.k))
    if apart > WORST_MISFIT:
        reason = f"the curve is not that of equal balls (misfit {100 * apart:.0f} %)"
        return {**empty, "misfit": apart, "reason": reason}
    return {
        "R_A": radius,
        "R_error_A": radius * float(fit.errors[0]),
        "scale": float(np.exp(fit.logs[1])),
        "background": float(np.exp(fit.logs[2])),
        "hard_sphere_diameter_A": 2 * float(np.exp(fit.logs[0] + fit.logs[4])),
        "hard_sphere_share": float(np.exp(fit.logs[3])),
        "q_max": _HIGHEST_Q,
        "misfit": apart,
        "reason": None,
    }
