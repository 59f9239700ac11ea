"""Measured curves with the simulated ones laid over them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from carbonize.experiment.overlay import Overlay
from carbonize.report.style import apply_style, new_figure

if TYPE_CHECKING:
    from carbonize.experiment.compare import Comparison

__all__ = ["overlay_figure", "overlay_figures"]

_MEASURED, _SIMULATED, _BACKGROUND = "#555555", "#C44E00", "#0B5563"


def overlay_figures(comparison: Comparison, folder: Path) -> dict[str, Path]:
    """Write ``<kind>.png`` for every overlay; the files by kind."""
    paths = {}
    for kind, overlay in comparison.overlays.items():
        paths[kind] = folder / f"{kind}.png"
        overlay_figure(overlay, kind).savefig(paths[kind], dpi=160)
    return paths


@apply_style
def overlay_figure(overlay: Overlay, kind: str) -> Figure:
    """One overlay; small angles on logarithmic axes."""
    figure = new_figure(4.2, 6.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    upper.plot(overlay.q, overlay.measured, ".", markersize=3, color=_MEASURED, label="measured")
    upper.plot(overlay.q, overlay.simulated, color=_SIMULATED, label="simulated, scaled, with background")
    upper.plot(
        overlay.q, overlay.background, color=_BACKGROUND, linewidth=1, linestyle="--", label="background"
    )
    if kind == "saxs":
        upper.set_xscale("log")
        upper.set_yscale("log")
        low = min(overlay.measured[overlay.measured > 0].min(), overlay.simulated.min())
        upper.set_ylim(bottom=0.7 * low)
    else:
        upper.set_ylim(bottom=0.0)
    upper.set_ylabel("intensity (as measured)")
    upper.legend(loc="best", fontsize=9)
    lower.axhline(0.0, color="#999999", linewidth=0.8)
    left = (overlay.measured - overlay.simulated) / overlay.error
    lower.plot(overlay.q, left, color=_MEASURED, linewidth=0.9)
    lower.set_ylabel("difference\n(errors)")
    lower.set_xlabel("q (1/Å)")
    return figure
