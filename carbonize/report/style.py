"""One look for every figure and picture: fonts, sizes and colours.

The same quantity has the same colour in curves, pictures and the page's legends.
The colours stay apart for the common kinds of colour blindness (the bonding set is
Okabe and Ito's; the pore classes also differ in lightness).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import matplotlib

if TYPE_CHECKING:
    # pictures that OVITO draws need colours only, and these take half a second
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BONDING_COLORS",
    "BONDING_LABELS",
    "CLASS_COLORS",
    "CLASS_LABELS",
    "OTHER_COLOR",
    "RING_COLORS",
    "RING_LABELS",
    "TEMPERATURE_COLOR",
    "apply_style",
    "coordination_color",
    "new_figure",
    "time_axis",
]

BONDING_COLORS = {"sp": "#E69F00", "sp2": "#0072B2", "sp3": "#D55E00", "dangling": "#CC79A7"}
"""Colour of atoms by number of neighbours."""

BONDING_LABELS = {
    "sp": "sp (2 neighbours)",
    "sp2": "sp² (3 neighbours)",
    "sp3": "sp³ (4 neighbours)",
    "dangling": "dangling (0 or 1)",
}

RING_COLORS = {
    "4": "#08306B",
    "5": "#3787C0",
    "6": "#B4B9BE",
    "7": "#E69F00",
    "8": "#D55E00",
    "9": "#7A3B69",
    "none": "#444444",
}
"""Colour of atoms by ring: cold ones bend a sheet like a ball, warm ones like a saddle."""

RING_LABELS = {
    "4": "3 or 4 atoms",
    "5": "pentagon",
    "6": "hexagon",
    "7": "heptagon",
    "8": "8 atoms",
    "9": "9 to 12 atoms",
    "none": "no ring",
}

CLASS_COLORS = {
    "open": "#8ECDE8",
    "quasi-closed": "#1B9E77",
    "closed": "#F2D32B",
    "fully-closed": "#4B2E83",
}
"""Colour of pores by class, from the widest entrance to none."""

CLASS_LABELS = {
    "open": "open",
    "quasi-closed": "quasi-closed",
    "closed": "closed",
    "fully-closed": "fully closed",
}

OTHER_COLOR = "#444444"
"""Atoms with more than four neighbours, and everything without a colour of its own."""

TEMPERATURE_COLOR = "#B23A48"

_BY_COORDINATION = {0: "dangling", 1: "dangling", 2: "sp", 3: "sp2", 4: "sp3"}

_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.0,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}

P = ParamSpec("P")
R = TypeVar("R")


def apply_style(function: Callable[P, R]) -> Callable[P, R]:
    """Run ``function`` under carbonize's figure style and leave matplotlib's settings as they were."""

    @functools.wraps(function)
    def styled(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context(_RC):
            return function(*args, **kwargs)

    return styled


def new_figure(height_in: float = 3.5, width_in: float = 6.4) -> Figure:
    """An empty figure, sizes in inches. It belongs to no window and to no global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout="constrained")


def time_axis(axes: Axes, last_ps: float) -> None:
    """Label the time axis and let it run from 0 to ``last_ps`` (ps)."""
    axes.set_xlabel("time (ps)")
    if last_ps > 0:
        axes.set_xlim(0.0, last_ps)


def coordination_color(neighbours: int) -> str:
    """Colour (hex) of an atom with this many neighbours.

    >>> coordination_color(3) == BONDING_COLORS["sp2"]
    True
    """
    kind = _BY_COORDINATION.get(int(neighbours))
    return BONDING_COLORS[kind] if kind else OTHER_COLOR
