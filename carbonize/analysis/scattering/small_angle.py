"""Models of small-angle scattering: Guinier, spheres, Teubner-Strey, Porod.

Each function fits one model to the intensities of a cell's wave vectors and says whether the fit can be
believed. A result has the numbers, or None and a ``reason``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from carbonize.analysis.scattering.whittle import Intensities, binned, fit_model, misfit

__all__ = [
    "flat_background",
    "guinier",
    "hard_sphere_structure",
    "porod",
    "sphere_form",
    "spheres",
    "teubner_strey",
    "teubner_strey_shape",
]

_HIGHEST_Q = 1.2  # 1/A; beyond, the structure of the walls scatters
_FEWEST_LENGTHS = 3
_WORST_MISFIT = 0.3


def flat_background(data: Intensities) -> float:
    """The lowest mean intensity of any band 0.15 1/A wide between 0.3 and 1.35 1/A."""
    wide = data.between(0.3, 1.35)
    if not len(wide.k):
        return 0.0
    return float(binned(wide, np.arange(0.45, 1.3, 0.15))[1].min())


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
        ``Rg_A``, ``Rg_error_A``, ``I0``, ``q_max``, ``lengths`` (wave vectors of so many lengths were fitted),
        ``reason``. Refused with fewer than three lengths within the range, where the intensity does not
        fall, or where Rg is uncertain by more than a quarter.
    """
    background = flat_background(data)
    empty = {"Rg_A": None, "Rg_error_A": None, "I0": None, "q_max": None, "lengths": 0}
    end = float(data.k[min(len(data.k) - 1, 40)])
    radius, part, tried = 0.0, data, set()
    fit = None
    for _ in range(30):
        part = data.between(0.0, end)
        if part.lengths < _FEWEST_LENGTHS:
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
    if fit is None or part.lengths < _FEWEST_LENGTHS:
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
        "q_max": float(part.k[-1]),
        "lengths": part.lengths,
        "reason": None,
    }


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
        ``R_A``, ``R_error_A``, ``misfit`` (root mean square of data over model minus 1 beyond
        statistics), ``reason``: refused above 0.3, or if the smallest wave vector is beyond 1.7 / R.
    """
    empty = {"R_A": None, "R_error_A": None, "misfit": None}
    part = data.between(0.0, _HIGHEST_Q)
    background = max(flat_background(data), 1e-6)
    if part.lengths < 2 * _FEWEST_LENGTHS:
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
    if part.k[0] * radius > 1.7 or lobe.lengths < _FEWEST_LENGTHS:
        reason = f"the cell of {cell_A:.0f} A is too small for pores of {radius:.1f} A radius; {5 * radius:.0f} A would do"
        return {**empty, "reason": reason}
    if np.exp(fit.logs[1]) < 2 * np.exp(fit.logs[2]):
        return {
            **empty,
            "reason": "no small-angle scattering above the flat background: there are no pores to see",
        }
    apart = misfit(lobe, model(fit.logs, lobe.k))
    reason = None
    if apart > _WORST_MISFIT:
        reason = f"the curve is not that of equal balls (misfit {100 * apart:.0f} %)"
        return {**empty, "misfit": apart, "reason": reason}
    return {"R_A": radius, "R_error_A": radius * float(fit.errors[0]), "misfit": apart, "reason": reason}


def teubner_strey_shape(k: np.ndarray, d_A: float, xi_A: float) -> np.ndarray:
    """1 / (1 + C1 q^2 + C2 q^4) of a period ``d_A`` and a correlation length ``xi_A``.

    Teubner and Strey, J. Chem. Phys. 87 (1987) 3195, eqs. 1-6.
    """
    period, decay = (2 * np.pi / d_A) ** 2, 1 / xi_A**2
    c2 = 1 / (decay + period) ** 2
    return 1 / (1 + 2 * (decay - period) * c2 * k**2 + c2 * k**4)


def teubner_strey(data: Intensities, cell_A: float, porosity: float | None) -> dict[str, Any]:
    """Period and correlation length of pores and walls, with a flat background.

    Parameters
    ----------
    data
        Intensities from the smallest wave vector on.
    cell_A
        Shortest distance between opposite faces of the cell.
    porosity
        For the widths of pores and walls, phi d and (1 - phi) d.

    Returns
    -------
    dict
        ``d_A``, ``xi_A`` with ``..._error_A``; ``f_a`` = C1 / (2 sqrt(C2)), the amphiphilicity (-1: ordered, above 0: no
        peak); ``C1_A2``, ``C2_A4``; ``pore_width_A``, ``wall_width_A``; ``misfit``; ``reason``. Refused where the
        period does not fit into the cell or the curve is not of this shape.
    """
    keys = ("d_A", "d_error_A", "xi_A", "xi_error_A", "f_a", "C1_A2", "C2_A4", "pore_width_A", "wall_width_A")
    empty: dict[str, Any] = {**dict.fromkeys(keys), "misfit": None}
    part = data.between(0.0, 0.9)
    if part.lengths < 2 * _FEWEST_LENGTHS:
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
    if apart > _WORST_MISFIT or fit.errors[1] > 0.5:
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
        "pore_width_A": None if porosity is None else porosity * period,
        "wall_width_A": None if porosity is None else (1 - porosity) * period,
        "misfit": apart,
        "reason": None,
    }


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
    if part.lengths < _FEWEST_LENGTHS:
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
