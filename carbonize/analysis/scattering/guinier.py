"""Guinier's law: the radius of gyration from the smallest angles."""

from __future__ import annotations

from typing import Any

import numpy as np

from carbonize.analysis.scattering.whittle import (
    FEWEST_LENGTHS,
    Intensities,
    fit_model,
    flat_background,
)

__all__ = ["guinier"]


def guinier(data: Intensities, cell_A: float) -> dict[str, Any]:
    """Radius of gyration from I = I0 exp(-Rg^2 q^2 / 3) where q Rg < 1.

    The range is found by repetition: it follows the radius until both agree.

    Parameters
    ----------
    data
        From the smallest wave vector on.
    cell_A
        Shortest distance between opposite faces of the cell.

    Returns
    -------
    dict
        ``Rg_A``, ``Rg_error_A``, ``I0`` above a flat ``background`` (e^2 per atom), ``q_max``, ``lengths`` (wave
        vectors of so many lengths were fitted), ``reason``. Refused with fewer than three lengths within the range,
        where the intensity does not fall, or where Rg is uncertain by more than a quarter.
    """
    background = flat_background(data)
    empty = {"Rg_A": None, "Rg_error_A": None, "I0": None, "background": None, "q_max": None, "lengths": 0}
    end = float(data.k[min(len(data.k) - 1, 40)])
    radius, part, tried = 0.0, data, set()
    fit = None
    for _ in range(30):
        part = data.between(0.0, end)
        if part.lengths < FEWEST_LENGTHS:
            break
        top = max(float(part.values[:3].mean()), 1e-9)
        fit = fit_model(
            part,
            lambda p, k: np.exp(p[1] - np.exp(2 * p[0]) * k**2 / 3) + background,
            [[np.log(r), np.log(top)] for r in (3.0, 10.0)],
            [(np.log(0.3), np.log(1e3)), (-25.0, 40.0)],
        )
        radius = float(np.exp(fit.logs[0]))
        wanted = 1.0 / radius
        # half way: the radius of a range too wide is too small, and the other way round
        if abs(np.log(wanted / end)) < 0.02 or part.k[-1] <= wanted <= end:
            break
        end = float(np.sqrt(end * wanted)) if part.lengths not in tried else wanted
        tried.add(part.lengths)
    needed = f"{2 * np.pi * np.sqrt(3.0) * max(radius, 1.0):.0f} A"
    if fit is None or part.lengths < FEWEST_LENGTHS:
        estimate = f" (Rg is about {radius:.1f} A)" if radius else ""
        reason = (
            f"the cell of {cell_A:.0f} A is too small: fewer than three lengths of wave vectors lie below q Rg = 1"
            f"{estimate}; a cell of {needed if radius else f'{2 * cell_A:.0f} A'} would do"
        )
        return {**empty, "lengths": part.lengths, "reason": reason}
    # less than an exponential scatter around the law, as of a single pore in the cell, is believed
    scatter = (part.vectors / 2 * (part.values / fit.model - 1) ** 2).sum() / max(1, len(part.k) - 2)
    error = radius * float(fit.errors[0] * np.clip(np.sqrt(scatter), 0.1, 1.0))
    if radius <= 0.31 or error > 0.25 * radius:
        reason = (
            f"q Rg < 1 has {int(part.vectors.sum()) // 2} independent wave vectors, and they leave Rg "
            f"({radius:.1f} A) uncertain by {error:.1f} A; a larger cell, or several, would do"
        )
        return {**empty, "lengths": part.lengths, "reason": reason}
    return {
        "Rg_A": radius,
        "Rg_error_A": error,
        "I0": float(np.exp(fit.logs[1])),
        "background": background,
        "q_max": float(part.k[-1]),
        "lengths": part.lengths,
        "reason": None,
    }
