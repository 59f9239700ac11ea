"""Small-angle scattering of a periodic structure: sizes of pores and walls, surface."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from carbonize.analysis.scattering.form_factors import form_factor
from carbonize.analysis.scattering.guinier import guinier
from carbonize.analysis.scattering.modes import Shells
from carbonize.analysis.scattering.pairs import species_pairs
from carbonize.analysis.scattering.porod import porod
from carbonize.analysis.scattering.spheres import hard_sphere_structure, sphere_form, spheres
from carbonize.analysis.scattering.teubner_strey import teubner_strey, teubner_strey_shape, with_widths
from carbonize.analysis.scattering.whittle import Intensities
from carbonize.units import GRAMS_PER_AMU

__all__ = ["fitted_curves", "no_small_angles", "small_angle_intensities", "small_angles"]

_SHORTEST_CELL_A = 15.0
_AGREEMENT = 0.05
_NOTHING = 1e-4  # of the square of the mean number of electrons


def small_angle_intensities(shells: Shells) -> Intensities:
    """X-ray intensity per atom at each length of wave vectors, the fall of the form factors divided out."""
    factors = [form_factor(name, shells.k) for name in shells.species]
    shares = shells.numbers / shells.numbers.sum()
    mean = np.einsum("a,ak->k", shares, np.array(factors))
    at_zero = float(
        sum(s * form_factor(n, np.zeros(1))[0] for s, n in zip(shares, shells.species, strict=True))
    )
    total = np.zeros(len(shells.k))
    for row, (a, b) in enumerate(species_pairs(len(factors))):
        total += (1 if a == b else 2) * factors[a] * factors[b] * shells.sums[row]
    values = total / shells.vectors * (at_zero / mean) ** 2
    values = np.maximum(values, 0.0)
    return Intensities(shells.k, shells.vectors, values, shells.volume_A3, int(shells.numbers.sum()))


def no_small_angles(reason: str) -> dict[str, Any]:
    """The result of a structure that has no small-angle curve of its own."""
    return {
        "q_min": None, "Rg_A": None, "Rg_error_A": None, "R_A": None, "method": None, "guinier": None, "spheres": None,
        "teubner_strey": {"d_A": None, "xi_A": None, "f_a": None, "reason": reason}, "porod": None,
        "surface_m2_g": None, "pore_size_distribution": None, "reason": reason,
    }  # fmt: skip


def small_angles(
    shells: Shells, cell_A: float, mass_amu: float, sizes: dict[str, Any] | None = None
) -> dict[str, Any]:
    """All small-angle results of one periodic structure.

    Parameters
    ----------
    shells
        Density modes up to 1.4 1/A at least.
    cell_A
        Shortest distance between opposite faces of the cell.
    mass_amu
        Of the atoms in the cell.
    sizes
        The pore-size distribution of the same frame, if it was computed.

    Returns
    -------
    dict
        ``q_min`` = shortest wave vector; ``Rg_A`` and ``R_A`` = sqrt(5/3) Rg, by ``method`` "guinier" where
        its range holds and agrees with the whole curve, else "spheres" (equal balls fitted to the whole curve,
        where that fits), else None with ``reason``; the fits themselves under ``guinier``, ``spheres``,
        ``teubner_strey`` and ``porod``; ``surface_m2_g``; ``pore_size_distribution``: mean and mode diameter in real space.
    """
    if cell_A < _SHORTEST_CELL_A:
        return no_small_angles(
            f"the cell is {cell_A:.1f} A across and has no wave vectors at small angles; "
            f"30 A would do for pores of 4 A radius, in general 7 radii"
        )
    data = small_angle_intensities(shells)
    electrons = float(
        sum(n * form_factor(s, np.zeros(1))[0] for s, n in zip(shells.species, shells.numbers, strict=True))
    )
    if data.between(0.0, 0.9).values.max(initial=0.0) < _NOTHING * (electrons / data.atoms) ** 2:
        return no_small_angles("no small-angle scattering: the density varies over atomic distances only")
    at_small, balls = guinier(data.between(0.0, 1.0), cell_A), spheres(data, cell_A)
    radius, error, method, reason = _choose(at_small, balls)
    curve = teubner_strey(data, cell_A)
    # beyond the first minimum of a ball, or twice the peak of a periodic structure
    begin = 4.5 / (np.sqrt(5 / 3) * radius) if radius else None
    if begin is None and curve["d_A"]:
        begin = 4 * np.pi / curve["d_A"]
    volume = shells.volume_A3
    surface = (
        porod(data, electrons / volume, mass_amu * GRAMS_PER_AMU / volume, max(begin, 0.35))
        if begin
        else {"porosity": None, "surface_m2_g": None, "reason": "no size from which Porod's law could begin"}
    )
    return {
        "q_min": float(data.k[0]),
        "Rg_A": radius,
        "Rg_error_A": error,
        "R_A": None if radius is None else float(np.sqrt(5 / 3)) * radius,
        "method": method,
        "guinier": at_small,
        "spheres": balls,
        "teubner_strey": with_widths(curve, surface["porosity"]),
        "porod": surface,
        "surface_m2_g": surface["surface_m2_g"],
        "pore_size_distribution": None
        if not sizes
        else {"mean_diameter_A": sizes.get("mean_A"), "mode_diameter_A": sizes.get("mode_A")},
        "reason": reason,
    }


def fitted_curves(found: dict[str, Any], q: Float[np.ndarray, " q"]) -> dict[str, Float[np.ndarray, " q"]]:
    """Intensities (e^2 per atom) of the fits in a result of :func:`small_angles`; nan beyond what was fitted.

    Names are those of the laws. Fits that were refused are left out, and those of results that do not have all
    numbers of the curve (written by earlier versions).
    """
    curves = {}
    small, balls, strey = (found[key] or {} for key in ("guinier", "spheres", "teubner_strey"))
    if small.get("background") is not None:
        curves["Guinier"] = small["I0"] * np.exp(-((q * small["Rg_A"]) ** 2) / 3) + small["background"]
    if balls.get("scale") is not None:
        order = hard_sphere_structure(balls["hard_sphere_diameter_A"] * q, balls["hard_sphere_share"])
        curves["spheres"] = balls["scale"] * sphere_form(q * balls["R_A"]) * order + balls["background"]
    if strey.get("I0") is not None:
        shape = teubner_strey_shape(q, strey["d_A"], strey["xi_A"])
        curves["Teubner-Strey"] = strey["I0"] * shape + strey["background"]
    ends = {"Guinier": small.get("q_max"), "spheres": balls.get("q_max"), "Teubner-Strey": strey.get("q_max")}
    return {name: np.where(q <= ends[name], curve, np.nan) for name, curve in curves.items()}


def _choose(
    at_small: dict[str, Any], balls: dict[str, Any]
) -> tuple[float | None, float | None, str | None, str | None]:
    """Rg, its error, where they come from, and why not from Guinier's law."""
    ball = None if balls["R_A"] is None else float(np.sqrt(3 / 5)) * balls["R_A"]
    ball_error = None if ball is None else float(np.sqrt(3 / 5)) * balls["R_error_A"]
    small = at_small["Rg_A"]
    sharp = small is not None and at_small["Rg_error_A"] < _AGREEMENT * small
    if small is not None and (ball is None or (sharp and abs(small / ball - 1) < _AGREEMENT)):
        return small, at_small["Rg_error_A"], "guinier", None
    if ball is not None:
        reason = at_small["reason"] or (
            f"Guinier's range gives Rg {small:.1f} ± {at_small['Rg_error_A']:.1f} A, the whole curve {ball:.1f} A: "
            "few wave vectors, or pores that scatter together"
        )
        return ball, ball_error, "spheres", reason
    return None, None, None, f"{at_small['reason']}; {balls['reason']}"
