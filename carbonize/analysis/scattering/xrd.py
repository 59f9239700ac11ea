"""Layer spacing and crystallite sizes from a powder pattern, as they are taken from a measured one.

The intensity is divided by the mean square form factor; (002) is fitted with a peak under the
powder average and (10) with the band of small layers (:mod:`carbonize.analysis.scattering.bands`),
each on a smooth background. Scherrer's equation in q is L = K 2 pi / FWHM; K is 0.9 for Lc.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float

from carbonize.analysis.scattering.band_fit import Band, fit_shapes, no_band, no_rise
from carbonize.analysis.scattering.bands import band_002, band_10

__all__ = [
    "CU_K_ALPHA_A",
    "K_LA",
    "K_LC",
    "fit_bands",
    "lorentz_polarisation",
    "two_theta_deg",
    "without_own_repeat",
]

CU_K_ALPHA_A = 1.5406
"""Wavelength (A) of Cu K-alpha 1."""

K_LC, K_LA = 0.9, 1.84

_RANGE_002, _RANGE_10 = (1.15, 2.4), (2.4, 3.5)
_PEAK_002, _PEAK_10 = (
    (1.5, 2.08),
    (2.83, 3.05),
)  # 3.0 to 4.2 A; a = 2.38 to 2.56 A, which C60 and thin tubes have not
_WIDEST_002 = 1.0
_STARTS_002 = ((1.8, 0.15, -0.3), (1.8, 0.45, -0.3), (1.75, 0.35, 0.3))
_SIZE_OF_AREA = 1.04  # between a square's side (1) and a disc's diameter (1.13), per root of area
_EDGE_OF_DIAMETER = 1 / 1.08  # 4 area / perimeter over the width of (10): discs 1 / 1.02, squares 1 / 1.15
_SIZES_A = (5.0, 400.0)
_SAME_SPACING = 0.02
_LEAST_KNOWN = 0.05  # share of the place of a peak that may be uncertain

Curve = Float[np.ndarray, " q"]


def two_theta_deg(q: Curve, wavelength_A: float = CU_K_ALPHA_A) -> Curve:
    """Scattering angle 2 theta (degrees); nan where the wavelength does not reach.

    >>> round(float(two_theta_deg(np.array([2 * np.pi / 3.354]))[0]), 2)
    26.55
    """
    sine = np.asarray(q, float) * wavelength_A / (4 * np.pi)
    return np.degrees(2 * np.arcsin(np.where(sine <= 1, sine, np.nan)))


def lorentz_polarisation(q: Curve, wavelength_A: float = CU_K_ALPHA_A) -> Curve:
    """(1 + cos^2 2 theta) / 2: what unpolarised rays lose in a reflection.

    The powder average of computed intensities is the Lorentz factor: it is in them already.
    """
    return (1 + np.cos(np.radians(two_theta_deg(q, wavelength_A))) ** 2) / 2


def fit_bands(q: Curve, reduced: Curve, resolution: float) -> tuple[dict[str, Any], dict[str, Band]]:
    """Fit (002) and (10).

    Parameters
    ----------
    q
        Evenly spaced, 1/A, from below 1.1 to above 3.5.
    reduced
        Intensity over mean square form factor.
    resolution
        Standard deviation (1/A) of the Gaussian that the intensity was smoothed with.

    Returns
    -------
    dict
        ``d002_A``, ``Lc_A``, ``La_A`` with ``..._error_A`` (None, with a ``..._reason``, where there is
        nothing to fit), ``layers`` = Lc / d002 (``layers_definition``), ``La_scherrer_A``: 1.84 2 pi over the
        width of the fitted (10) band, ``a_A``: lattice constant of the layers, ``stacking_AB``: share of (10) with
        the interference of AB stacks.
    dict
        The :class:`Band` of each.
    """
    first = _fit_002(q, reduced, resolution, None, None)
    second = _fit_10(q, reduced, resolution, first, None)
    for _ in range(2 if not first.reason and not second.reason else 0):
        # each band reaches under the other
        width = second.values["diameter_A"] * _EDGE_OF_DIAMETER
        again = _fit_002(q, reduced - _curve_10(q, second), resolution, width, first)
        if again.reason:
            break
        first = again
        second = _fit_10(q, reduced, resolution, first, second)
    return {**_stack_numbers(first, resolution), **_layer_numbers(second, resolution)}, {
        "002": first,
        "10": second,
    }


def without_own_repeat(numbers: dict[str, Any], heights_A: Iterable[float]) -> dict[str, Any]:
    """The numbers of :func:`fit_bands`, without a (002) that is the cell's own repeat.

    A cell no higher than a layer's spacing scatters there whatever it holds.

    Parameters
    ----------
    numbers
        As :func:`fit_bands` returns them.
    heights_A
        Distances between opposite faces of the cell along its periodic directions.
    """
    spacing = numbers["d002_A"]
    for height in heights_A:
        if spacing is not None and abs(spacing / height - 1.0) < _SAME_SPACING:
            reason = (
                f"the band at {spacing:.2f} A is the repeat of the cell itself ({height:.2f} A); "
                f"a cell of {2 * height:.1f} A or more along it would do"
            )
            nothing = ("d002_A", "d002_error_A", "Lc_A", "Lc_error_A", "layers")
            return numbers | dict.fromkeys(nothing) | {"d002_reason": reason, "Lc_reason": reason}
    return numbers


def _stack_numbers(band: Band, resolution: float) -> dict[str, Any]:
    result: dict[str, Any] = {
        "d002_A": None, "d002_error_A": None, "Lc_A": None, "Lc_error_A": None, "layers": None,
        "layers_definition": "Lc / d002", "d002_reason": band.reason or None, "Lc_reason": band.reason or None,
    }  # fmt: skip
    if band.reason:
        return result
    q0, width = band.values["q0"], band.values["fwhm"]
    spacing = 2 * np.pi / q0
    result["d002_A"] = spacing
    result["d002_error_A"] = spacing * band.errors["q0"] / q0
    least = 0.35 * 2.355 * resolution
    if width < max(least, 0.016):
        least = max(least, 0.016)
        shown = K_LC * 2 * np.pi / least
        result["Lc_reason"] = (
            f"wider stacks than the cell can tell: (002) is sharper than {shown:.0f} A shows"
        )
        return result
    size = K_LC * 2 * np.pi / width
    if band.errors["fwhm"] > width:
        result["Lc_reason"] = (
            f"the width of (002) is uncertain by more than itself: {size:.0f} A or anything else"
        )
        return result
    result.update(Lc_A=size, Lc_error_A=size * band.errors["fwhm"] / width, layers=size / spacing)
    return result


def _layer_numbers(band: Band, resolution: float) -> dict[str, Any]:
    result: dict[str, Any] = {
        "La_A": None, "La_error_A": None, "La_scherrer_A": None, "a_A": None, "stacking_AB": None,
        "La_reason": band.reason or None,
    }  # fmt: skip
    if band.reason:
        return result
    result["a_A"] = float(4 * np.pi / (np.sqrt(3) * band.values["q10"]))
    result["stacking_AB"] = band.values["stacking_AB"]
    diameter = band.values["diameter_A"]
    scale = _SIZE_OF_AREA * np.sqrt(np.pi) / 2
    most = K_LC * 2 * np.pi / (0.35 * 2.355 * max(resolution, 1e-9))
    if diameter > 0.95 * min(most, _SIZES_A[1]):
        result["La_reason"] = (
            f"wider layers than can be told: (10) is sharper than {min(most, 400):.0f} A shows"
        )
        return result
    # disc or square: their sizes lie 6 % on either side
    error = np.hypot(band.errors["diameter_A"], 0.06 * diameter) * scale
    grid = np.arange(2.2, 4.4, 0.002)
    shape = band_10(grid, band.values["q10"], diameter)
    above = grid[shape > shape.max() / 2]
    result.update(
        La_A=float(diameter * scale),
        La_error_A=float(error),
        La_scherrer_A=float(K_LA * 2 * np.pi / np.ptp(above)),
    )
    return result


def _curve_002(q: Curve, band: Band) -> Curve:
    v = band.values
    return v["height_0"] * band_002(q, v["q0"], v["fwhm"], v["tail"], v.get("diameter_A"))


def _curve_10(q: Curve, band: Band) -> Curve:
    v = band.values
    total = v["height_0"] * band_10(q, v["q10"], v["diameter_A"])
    if "layers" in v:
        total += v["height_1"] * band_10(q, v["q10"], v["diameter_A"], int(v["layers"]), v["spacing_A"])
    return total


def _fit_002(
    q: Curve, reduced: Curve, resolution: float, diameter_A: float | None, before: Band | None
) -> Band:
    chosen = (q >= _RANGE_002[0]) & (q <= _RANGE_002[1])

    def shapes(parameters: np.ndarray, at: Curve) -> list[Curve]:
        q0, fwhm, tail = parameters
        return [band_002(at, q0, fwhm, tail, diameter_A)]

    # a sharp band is found only from a place under it
    window = q[chosen], reduced[chosen] - np.interp(q[chosen], q[chosen][[0, -1]], reduced[chosen][[0, -1]])
    top = window[0][np.argmax(window[1])]
    starts = [np.array(start) for start in (*_STARTS_002, (top, 0.15, -0.3), (top, 0.05, 0.3))]
    # a band much sharper than the smoothing has no width to find
    bounds = (np.array([1.4, max(0.015, 0.5 * resolution), -1.0]), np.array([2.2, 1.5, 1.0]))
    if before is not None:
        starts = [np.array([before.values[name] for name in ("q0", "fwhm", "tail")])]
    band = fit_shapes(q, reduced, chosen, resolution, shapes, starts, bounds, ("q0", "fwhm", "tail"))
    reason = no_band("(002)", band, band.values["q0"], _PEAK_002)
    if not reason:
        reason = no_rise("(002)", band)
    if not reason and band.values["fwhm"] > _WIDEST_002:
        reason = f"no (002) peak: what is there is {band.values['fwhm']:.2f} 1/A wide, wider than one layer's"
    if not reason and band.errors["q0"] > _LEAST_KNOWN * band.values["q0"]:
        reason = (
            f"no (002) peak: something between {2 * np.pi / (band.values['q0'] + band.errors['q0']):.2f} and "
            f"{2 * np.pi / (band.values['q0'] - band.errors['q0']):.2f} A is too uncertain to be one"
        )
    if diameter_A is not None:
        band.values["diameter_A"] = diameter_A
    return dataclasses.replace(band, reason=reason)


def _fit_10(q: Curve, reduced: Curve, resolution: float, stacks: Band, before: Band | None) -> Band:
    chosen = (q >= _RANGE_10[0]) & (q <= _RANGE_10[1])
    layers, spacing = None, 3.4
    if not stacks.reason:
        spacing = 2 * np.pi / stacks.values["q0"]
        layers = max(1, min(60, round(K_LC * 2 * np.pi / stacks.values["fwhm"] / spacing)))
    ordered = layers is not None and layers > 1

    def shapes(parameters: np.ndarray, at: Curve) -> list[Curve]:
        q10, size = parameters[0], np.exp(parameters[1])
        found = [band_10(at, q10, size)]
        if ordered:
            found.append(band_10(at, q10, size, layers, spacing))
        if not stacks.reason:
            v = stacks.values
            found.append(band_002(at, v["q0"], v["fwhm"], v["tail"], size * _EDGE_OF_DIAMETER, order=2))
        return found

    starts = [np.array([2.95, np.log(size)]) for size in (15.0, 50.0)]
    widest = min(_SIZES_A[1], 10.0 / max(resolution, 1e-9))
    bounds = (np.array([2.7, np.log(_SIZES_A[0])]), np.array([3.2, np.log(widest)]))
    if before is not None:
        starts = [np.array([before.values["q10"], np.log(before.values["diameter_A"])])]
    below = reduced if stacks.reason else reduced - _curve_002(q, stacks)
    band = fit_shapes(q, below, chosen, resolution, shapes, starts, bounds, ("q10", "log_size"))
    size = float(np.exp(band.values["log_size"]))
    heights = [band.values["height_0"], band.values["height_1"] if ordered else 0.0]
    values = {
        "q10": band.values["q10"],
        "diameter_A": size,
        "stacking_AB": heights[1] / sum(heights) if sum(heights) > 0 else 0.0,
        "height_0": heights[0],
    }
    if ordered:
        values.update(height_1=heights[1], layers=float(layers or 0), spacing_A=spacing)
    errors = {"q10": band.errors["q10"], "diameter_A": size * band.errors["log_size"]}
    reason = no_band("(10)", band, values["q10"], _PEAK_10)
    if not reason and size < 1.02 * _SIZES_A[0]:
        reason = "no (10) band: what is there is wider than the band of layers of 5 A"
    return dataclasses.replace(band, reason=reason, values=values, errors=errors)
