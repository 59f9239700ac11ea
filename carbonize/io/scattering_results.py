"""Scattering and capacity in analysis.nc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["scattering_variables"]

_NUMBERS = {
    "d002_A": (("xrd", "d002_A"), "angstrom", "layer spacing from (002)"),
    "Lc_A": (("xrd", "Lc_A"), "angstrom", "height of stacks from (002)"),
    "La_A": (("xrd", "La_A"), "angstrom", "size of layers from (10)"),
    "saxs_Rg_A": (("saxs", "Rg_A"), "angstrom", "radius of gyration at small angles"),
    "saxs_R_A": (("saxs", "R_A"), "angstrom", "radius of the ball with that radius of gyration"),
    "teubner_strey_d_A": (("saxs", "teubner_strey", "d_A"), "angstrom", "period of pores and walls"),
    "teubner_strey_xi_A": (("saxs", "teubner_strey", "xi_A"), "angstrom", "correlation length"),
}


def scattering_variables(collect: Callable[..., Any], dig: Callable[..., float]) -> dict[str, Any]:
    """Variables over (replica, frame); ``collect`` and ``dig`` are those of the other results."""
    dims = ("replica", "frame")
    found = {
        name: (
            dims,
            collect(lambda rec, keys=keys: dig(rec["frame"], "scattering", *keys)),
            {"units": unit, "long_name": f"{meaning}; nan: not computed, or nothing to fit"},
        )
        for name, (keys, unit, meaning) in _NUMBERS.items()
    }
    for place, which in enumerate(("low", "best", "high")):
        found[f"plateau_{which}_mAh_g"] = (
            dims,
            collect(lambda rec, at=place: dig(rec["frame"], "capacity", "plateau_mAh_g", end=at)),
            {"units": "mA h/g", "long_name": f"{which} estimate of the plateau capacity; nan: not computed"},
        )
    return found
