"""Teubner and Strey's curve: period and correlation length of pores and walls."""

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

__all__ = ["teubner_strey", "teubner_strey_shape", "with_widths"]


def teubner_strey_shape(k: np.ndarray, d_A: float, xi_A: float) -> np.ndarray:
    """1 / (1 + C1 q^2 + C2 q^4) of a period ``d_A`` and a correlation length ``xi_A``.

    Teubner and Strey, J. Chem. Phys. 87 (1987) 3195, eqs. 1-6.
    """
    period, decay = (2 * np.pi / d_A) ** 2, 1 / xi_A**2
    c2 = 1 / (decay + period) ** 2
    return 1 / (1 + 2 * (decay - period) * c2 * k**2 + c2 * k**4)


def teubner_strey(data: Intensities, cell_A: float) -> dict[str, Any]:
    """Period and correlation length of pores and walls, with a flat background.

    Parameters
    ----------
    data
        Intensities from the smallest wave vector on.
    cell_A
        Shortest distance between opposite faces of the cell.

    Returns
    -------
    dict
        ``d_A``, ``xi_A`` with ``..._error_A``; ``f_a`` = C1 / (2 sqrt(C2)), the amphiphilicity (-1: ordered, above 0: no
        peak); ``C1_A2``, ``C2_A4``; ``pore_width_A``, ``wall_width_A``: None (:func:`with_widths`); ``I0`` above a
        flat ``background`` (e^2 per atom), ``q_max``; ``misfit``; ``reason``. Refused where the period does not fit into
        the cell or the curve is not of this shape.
    """
    keys = ("d_A", "d_error_A", "xi_A", "xi_error_A", "f_a", "C1_A2", "C2_A4", "pore_width_A", "wall_width_A")
    more = ("I0", "background", "q_max")
    empty: dict[str, Any] = {**dict.fromkeys((*keys, *more)), "misfit": None}
    part = data.between(0.0, 0.9)
    if part.lengths < 2 * FEWEST_LENGTHS:
        return {**empty, "reason": f"the cell of {cell_A:.0f} A is too small; 30 A would do"}

    def model(p: np.ndarray, k: np.ndarray) -> np.ndarray:
        return np.exp(p[2]) * teubner_strey_shape(k, float(np.exp(p[0])), float(np.exp(p[1]))) + np.exp(p[3])

    top = max(float(part.values[: max(3, len(part.k) // 20)].mean()), 1e-6)
    back = max(flat_background(data), 1e-6)
    starts = [
        [np.log(d), np.log(d * share), np.log(top), np.log(back)]
        for d in (10.0, 20.0, 40.0)
        for share in (0.2, 0.5)
    ]
    bounds = [(np.log(5.0), np.log(1e3)), (np.log(0.5), np.log(1e3)), (-20.0, 40.0), (-20.0, 10.0)]
    fit = fit_model(part, model, starts, bounds)
    # again around the peak alone: beyond, sharp interfaces and the walls' structure scatter
    part = part.between(0.0, max(0.45, 2.5 * 2 * np.pi / float(np.exp(fit.logs[0]))))
    fit = fit_model(part, model, [fit.logs.tolist()], bounds)
    period, length = (float(np.exp(value)) for value in fit.logs[:2])
    apart = misfit(part, model(fit.logs, part.k))
    if period > cell_A or fit.errors[0] > 0.3:
        reason = f"the period ({period:.0f} A) is too long for the cell of {cell_A:.0f} A; {2 * period:.0f} A would do"
        return {**empty, "misfit": apart, "reason": reason}
    if apart > WORST_MISFIT or fit.errors[1] > 0.5:
        return {
            **empty,
            "misfit": apart,
            "reason": f"the curve has another shape (misfit {100 * apart:.0f} %)",
        }
    square, decay = (2 * np.pi / period) ** 2, 1 / length**2
    c2 = 1 / (decay + square) ** 2
    return {
        "d_A": period,
        "d_error_A": period * float(fit.errors[0]),
        "xi_A": length,
        "xi_error_A": length * float(fit.errors[1]),
        "f_a": (decay - square) / (decay + square),
        "C1_A2": 2 * (decay - square) * c2,
        "C2_A4": c2,
        "pore_width_A": None,
        "wall_width_A": None,
        "I0": float(np.exp(fit.logs[2])),
        "background": float(np.exp(fit.logs[3])),
        "q_max": float(part.k[-1]),
        "misfit": apart,
        "reason": None,
    }


def with_widths(found: dict[str, Any], porosity: float | None) -> dict[str, Any]:
    """A result of :func:`teubner_strey` with the widths of pores and walls, phi d and (1 - phi) d, where both are known."""
    if found["d_A"] is None or porosity is None:
        return found
    return found | {"pore_width_A": porosity * found["d_A"], "wall_width_A": (1 - porosity) * found["d_A"]}
