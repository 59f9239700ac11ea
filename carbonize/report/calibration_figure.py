"""How well one activation energy joins conversion curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from carbonize.report.style import apply_style, new_figure
from carbonize.units import BOLTZMANN_EV_K

if TYPE_CHECKING:
    from carbonize.kinetics import Calibration, Curve

__all__ = ["calibration_figure"]


@apply_style
def calibration_figure(curves: Sequence[Curve], found: Calibration, quantity: str) -> Figure:
    """Left: all curves on one master curve. Right: rates against inverse temperature, with the interval."""
    figure = new_figure(3.7, 9.0)
    left, right = figure.subplots(1, 2)
    coldest, hottest = found.temperatures_K[0], found.temperatures_K[-1]
    colors = matplotlib.colormaps["inferno"]

    def color(kelvin: float) -> tuple[float, ...]:
        return colors(0.8 * (kelvin - coldest) / (hottest - coldest))

    named: set[str] = set()
    low, high = np.inf, 0.0
    for curve in sorted(curves, key=lambda c: c.temperature_K):
        faster = np.exp(
            -found.energy_eV / BOLTZMANN_EV_K * (1.0 / curve.temperature_K - 1.0 / found.reference_K)
        )
        theta = curve.effective_ps(found.energy_eV) * faster
        low, high = min(low, float(theta.min())), max(high, float(theta.max()))
        label = f"{curve.temperature_K:.0f} K"
        shown = "_" if label in named else label
        named.add(label)
        left.plot(
            theta, curve.value, "o", ms=3.5, color=color(curve.temperature_K), label=shown, alpha=0.75, mew=0
        )
    grid = np.geomspace(max(low, 1e-9 * high), high, 300)
    left.plot(grid, found.master(grid), color="#222222", linewidth=1.3, label="master curve")
    left.set_xscale("log")
    left.set_xlabel(f"time at {found.reference_K:.0f} K that it is worth (ps)")
    left.set_ylabel(quantity)
    left.legend(fontsize=8.5)

    kelvin, tau = found.taus_ps.T
    right.plot(1e4 / kelvin, 1.0 / tau, "o", color="#0072B2", label="each curve by itself")
    line = np.linspace(1.0 / hottest, 1.0 / coldest, 100)
    for energy, style in ((found.energy_eV, "-"), *((e, ":") for e in found.interval_eV)):
        rate = np.exp(-energy / BOLTZMANN_EV_K * (line - 1.0 / found.reference_K)) / found.tau_ps
        label = f"Ea = {found.energy_eV:.2f} eV" if style == "-" else "95 % interval"
        right.plot(1e4 * line, rate, style, color="#222222", linewidth=1.2, label=label)
    handles, labels = right.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    right.legend(once.values(), once.keys(), fontsize=8.5)
    right.set_yscale("log")
    right.set_xlabel("10 000 K / T")
    right.set_ylabel("rate 1/τ (1/ps)")
    return figure
