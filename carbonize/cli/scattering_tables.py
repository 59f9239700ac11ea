"""What ``carbonize analyze`` prints about scattering and capacity."""

from __future__ import annotations

from typing import Any

from rich.console import Console

__all__ = ["print_capacity", "print_scattering"]


def print_scattering(console: Console, scattering: dict[str, Any]) -> None:
    """A line each for the powder pattern, small angles and Raman, and why numbers are missing."""
    xrd, saxs, raman = scattering["xrd"], scattering["saxs"], scattering["raman"]
    layers = "" if xrd["layers"] is None else f" ({xrd['layers']:.1f} layers, {xrd['layers_definition']})"
    console.print(
        f"  powder pattern (λ {xrd['wavelength_A']:g} Å): d002 {_pair(xrd, 'd002', 3)}; Lc {_pair(xrd, 'Lc', 1)}{layers}; "
        f"La {_pair(xrd, 'La', 1)}"
    )
    for reason in dict.fromkeys(xrd[f"{name}_reason"] for name in ("d002", "Lc", "La")):
        if reason:
            console.print(f"    {reason}", style="dim")
    strey = saxs["teubner_strey"]
    console.print(
        f"  small angles: Rg {_number(saxs['Rg_A'], 2)}, R {_number(saxs['R_A'], 2)}"
        f"{' (by ' + saxs['method'] + ')' if saxs['method'] else ''}; Teubner-Strey d {_number(strey['d_A'], 1)}, "
        f"ξ {_number(strey['xi_A'], 1)}; surface {_number(saxs['surface_m2_g'], 0, 'm²/g')}"
    )
    for reason in dict.fromkeys((saxs["reason"], strey["reason"])):
        if reason:
            console.print(f"    {reason}", style="dim")
    if raman["ID_IG"]:
        console.print(
            f"  Raman, an estimate: I_D/I_G {raman['ID_IG'][raman['law']]:.2f} at {raman['wavelength_nm']:g} nm "
            f"({raman['law'].replace('_', '-')})"
        )


def print_capacity(console: Console, capacity: dict[str, Any]) -> None:
    """One line: the ranges of plateau and slope."""
    low, best, high = capacity["plateau_mAh_g"]
    slope = capacity["slope_mAh_g"]
    told = (
        f"{slope[1]:.0f} ({slope[0]:.0f} to {slope[2]:.0f})" if slope else f"- ({capacity['slope_reason']})"
    )
    console.print(
        f"  sodium, an estimate: plateau {best:.0f} mAh/g ({low:.0f} to {high:.0f}), "
        f"if pores fill with metallic sodium; slope {told}, from open walls and edges"
    )


def _pair(data: dict[str, Any], name: str, digits: int) -> str:
    value, error = data[f"{name}_A"], data[f"{name}_error_A"]
    return "-" if value is None else f"{value:.{digits}f} ± {error:.{digits}f} Å"


def _number(value: float | None, digits: int, unit: str = "Å") -> str:
    return "-" if value is None else f"{value:.{digits}f} {unit}"
