"""The report's X-ray section: powder pattern and small angles of the last frame, and what follows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from carbonize.errors import CarbonizeError
from carbonize.report.style import apply_style, new_figure

__all__ = ["XraySection", "small_angle_figure", "write_xray_section", "xrd_figure"]

_DPI = 180
_DATA, _FIT, _BACKGROUND = "#555555", "#C44E00", "#0B5563"
_FITS = {"Teubner-Strey": _FIT, "Guinier": _BACKGROUND, "spheres": "#7A5AA6"}


@dataclasses.dataclass(frozen=True)
class XraySection:
    """What the page shows.

    Attributes
    ----------
    figures
        PNG files: "xrd", and "small-angles" where there are any.
    rows
        Quantity and value as text.
    notes
        Why something is missing, in sentences.
    """

    figures: dict[str, Path]
    rows: list[tuple[str, str]]
    notes: list[str]


def write_xray_section(run: Any, folder: Path) -> XraySection | None:
    """Draw the curves of the first replica's last frame; None if it was not analysed for them.

    ``run`` needs ``records`` and ``trajectories``.
    """
    from carbonize.analysis.scattering.curves import scattering_curves

    own = min(int(record["replica"]) for record in run.records)
    last = max((r for r in run.records if int(r["replica"]) == own), key=lambda r: r["step"])
    found = last["frame"].get("scattering")
    if not found:
        return None
    figures: dict[str, Path] = {}
    notes = list(dict.fromkeys(f"{text}." for text in _reasons(found)))
    try:
        atoms = next(
            (a for a in reversed(run.trajectories[own]) if int(a.info.get("step", -1)) == int(last["step"])),
            None,
        )
        curves = None if atoms is None else scattering_curves(atoms)
    except (CarbonizeError, KeyError) as error:
        curves = None
        notes.append(f"The curves could not be drawn: {error}.")
    if curves is not None:
        figures["xrd"] = folder / "xrd.png"
        xrd_figure(curves).savefig(figures["xrd"], dpi=_DPI)
        if "saxs_intensity" in curves:
            figures["small-angles"] = folder / "small-angles.png"
            small_angle_figure(curves, found["saxs"]).savefig(figures["small-angles"], dpi=_DPI)
    return XraySection(figures, _rows(found, last["frame"].get("capacity")), notes)


@apply_style
def xrd_figure(curves: dict[str, Any]) -> Figure:
    """Powder pattern over the mean square form factor against 2 theta, with the fitted bands."""
    figure = new_figure(3.6, 5.4)
    axes = figure.subplots()
    angle = np.asarray(curves["xrd_two_theta"].values)
    shown = angle >= 12
    axes.plot(
        angle[shown], curves["xrd_reduced"].values[shown], color=_DATA, linewidth=1.2, label="last frame"
    )
    axes.plot(angle, curves["xrd_fit"].values, color=_FIT, label="fitted bands")
    axes.plot(
        angle,
        curves["xrd_background"].values,
        color=_BACKGROUND,
        linestyle="--",
        linewidth=1,
        label="background",
    )
    axes.set_xlabel("2θ (degrees, Cu Kα)")
    axes.set_ylabel("intensity / form factor²")
    axes.set_ylim(bottom=0.0, top=1.1 * float(np.nanmax(curves["xrd_reduced"].values[shown])))
    axes.legend(loc="upper right")
    return figure


@apply_style
def small_angle_figure(curves: dict[str, Any], saxs: dict[str, Any]) -> Figure:
    """Small-angle intensity against q, with the fits that were accepted."""
    from carbonize.analysis.scattering.saxs import fitted_curves

    figure = new_figure(3.6, 5.4)
    axes = figure.subplots()
    q = np.asarray(curves["saxs_intensity"]["q_saxs"].values, float)
    values = np.asarray(curves["saxs_intensity"].values, float)
    known = np.isfinite(values) & (values > 0)
    if not known.any():
        axes.text(0.5, 0.5, "nothing scatters here", transform=axes.transAxes, ha="center")
        return figure
    axes.loglog(q[known], values[known], "o-", color=_DATA, linewidth=0.8, markersize=3, label="last frame")
    fine = np.geomspace(q[known][0], q[known][-1], 200)
    for name, fitted in fitted_curves(saxs, fine).items():
        axes.plot(fine, fitted, color=_FITS[name], label=name)
    axes.set_ylim(bottom=0.5 * values[known].min())
    axes.set_xlabel("q (1/Å)")
    axes.set_ylabel("intensity (e² per atom)")
    axes.legend(loc="lower left")
    return figure


def _rows(found: dict[str, Any], capacity: dict[str, Any] | None) -> list[tuple[str, str]]:
    xrd, saxs, raman = found["xrd"], found["saxs"], found["raman"]
    layers = "" if xrd["layers"] is None else f" ({xrd['layers']:.1f} layers)"
    rows = [
        ("Layer spacing d002", _length(xrd["d002_A"], xrd["d002_error_A"], 3)),
        ("Height of stacks Lc (Scherrer, K 0.9)", _length(xrd["Lc_A"], xrd["Lc_error_A"], 1) + layers),
        ("Size of layers La", _length(xrd["La_A"], xrd["La_error_A"], 1)),
        ("Pore radius R at small angles", _length(saxs["R_A"], None, 1)),
        ("Period of pores and walls (Teubner-Strey)", _length(saxs["teubner_strey"]["d_A"], None, 1)),
    ]
    sizes = saxs["pore_size_distribution"]
    if sizes and sizes["mean_diameter_A"] is not None:
        rows.append(("Half the mean pore diameter, in real space", f"{sizes['mean_diameter_A'] / 2:.1f} Å"))
    if raman["ID_IG"]:
        rows.append(
            ("Raman I_D/I_G that such layers would show (estimate)", f"{raman['ID_IG'][raman['law']]:.2f}")
        )
    if capacity:
        low, best, high = capacity["plateau_mAh_g"]
        rows.append(("Plateau capacity for sodium (estimate)", f"{best:.0f} mAh/g ({low:.0f} to {high:.0f})"))
        if capacity.get("slope_mAh_g"):
            low, best, high = capacity["slope_mAh_g"]
            rows.append(("Slope capacity (estimate)", f"{best:.0f} mAh/g ({low:.0f} to {high:.0f})"))
    return rows


def _length(value: float | None, error: float | None, digits: int) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}f} Å" if error is None else f"{value:.{digits}f} ± {error:.{digits}f} Å"


def _reasons(found: dict[str, Any]) -> list[str]:
    """Why a headline number is missing, with a capital first letter."""
    xrd, saxs = found["xrd"], found["saxs"]
    texts = [xrd["d002_reason"], xrd["La_reason"], xrd["Lc_reason"]]
    texts.append(saxs["reason"] if saxs["R_A"] is None else None)
    return [text[0].upper() + text[1:] for text in texts if text]
