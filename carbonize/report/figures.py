"""The curves of a run, each a function from a run to a matplotlib figure.

With several replicas a line is the mean over replicas and the band around it the
range from the smallest to the largest. No function opens a window or touches
pyplot's state, so they work on a node without a display.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carbonize.report.clocks import add_laboratory_axes, common_scale
from carbonize.report.style import (
    BONDING_COLORS,
    BONDING_LABELS,
    CLASS_COLORS,
    CLASS_LABELS,
    TEMPERATURE_COLOR,
    apply_style,
    new_figure,
    time_axis,
)

__all__ = [
    "FIGURES",
    "bonding_figure",
    "class_volume_figure",
    "energy_figure",
    "sphere_figure",
    "temperature_figure",
    "write_figures",
]

# A figure needs only these attributes of a run: protocol, series, analysis.
Run = Any

_DPI = 180


def _replicas(data: xr.Dataset, name: str) -> np.ndarray:
    """Values as (replica, sample or frame), whatever the order of dims in the file."""
    array = data[name]
    if "replica" not in array.dims:
        return np.atleast_2d(np.asarray(array.values, dtype=float))
    return np.asarray(array.transpose("replica", ...).values, dtype=float)


def _spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, smallest and largest over replicas; nan where no replica has a value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)  # "mean of empty slice"
        return np.nanmean(values, axis=0), np.nanmin(values, axis=0), np.nanmax(values, axis=0)


def _line(axes: Axes, x: np.ndarray, values: np.ndarray, color: str, label: str, **style: Any) -> None:
    mean, low, high = _spread(values)
    axes.plot(x, mean, color=color, label=label, **style)
    if len(values) > 1:
        axes.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)


def _last(*times: np.ndarray) -> float:
    ends = [float(np.nanmax(t)) for t in times if t.size]
    return max(ends, default=0.0)


def _times(data: xr.Dataset) -> np.ndarray:
    return _spread(_replicas(data, "time_ps"))[0]


def _marker(points: int) -> dict[str, Any]:
    return {"marker": "o", "clip_on": False} if points <= 60 else {}


def _shade_temperature(axes: Axes, run: Run) -> None:
    """The measured temperature as a grey hill behind the curves, with its own axis on the right."""
    time = _times(run.series)
    temperature = _spread(_replicas(run.series, "temperature_K"))[0]
    if not time.size:
        return
    behind = axes.twinx()
    behind.fill_between(time, 0.0, temperature, color="#EFE3E1", linewidth=0)
    behind.set_ylim(0.0, 1.08 * max(float(np.nanmax(temperature)), 1.0))
    behind.set_ylabel("temperature (K), shaded", color="#8A6A66")
    behind.tick_params(axis="y", colors="#8A6A66", length=0)
    behind.grid(False)
    behind.spines["right"].set_visible(False)
    # matplotlib draws a twin above its parent; the curves must lie above the hill
    axes.set_zorder(behind.get_zorder() + 1)
    axes.patch.set_visible(False)


def _legend_above(axes: Axes, columns: int) -> None:
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        columnspacing=1.0,
        handlelength=1.5,
        borderaxespad=0.2,
    )


@apply_style
def temperature_figure(run: Run) -> Figure:
    """Target and measured temperature (K) against time (ps)."""
    scale = common_scale(run.protocol)
    figure = new_figure(3.2 if scale is None else 3.7)
    axes = figure.subplots()
    time = _times(run.series)
    _line(axes, time, _replicas(run.series, "temperature_K"), TEMPERATURE_COLOR, "measured", linewidth=1.4)
    target = _spread(_replicas(run.series, "target_K"))[0]
    axes.plot(time, target, color="#222222", linewidth=1.3, linestyle=(0, (4, 2)), label="schedule")
    axes.set_ylabel("temperature (K)")
    axes.set_ylim(bottom=0.0)
    time_axis(axes, _last(time))
    if scale is None:
        _legend_above(axes, 2)
    else:
        axes.set_ylabel("simulated temperature (K)")
        axes.set_xlabel("simulated time (ps)")
        add_laboratory_axes(axes, scale, _last(time))
        axes.legend(loc="best")
    return figure


@apply_style
def bonding_figure(run: Run) -> Figure:
    """Shares (%) of sp, sp2, sp3 and dangling atoms against time (ps)."""
    figure = new_figure(3.9)
    axes = figure.subplots()
    time = _times(run.analysis)
    for kind, color in BONDING_COLORS.items():
        share = 100.0 * _replicas(run.analysis, kind)
        _line(axes, time, share, color, BONDING_LABELS[kind], **_marker(time.size))
    axes.set_ylabel("share of atoms (%)")
    axes.set_ylim(0.0, 100.0)
    time_axis(axes, _last(time, _times(run.series)))
    _shade_temperature(axes, run)
    _legend_above(axes, 2)
    return figure


@apply_style
def class_volume_figure(run: Run) -> Figure:
    """Void volume by pore class (cm3/g, stacked) against time (ps); mean over replicas."""
    figure = new_figure(3.9, 5.4)
    axes = figure.subplots()
    time = _times(run.analysis)
    by_class = run.analysis["class_volume_cm3_g"]
    stack = [
        _spread(_replicas(by_class.sel(pore_class=name).to_dataset(name="v"), "v"))[0]
        for name in CLASS_COLORS
    ]
    labels = [CLASS_LABELS[name] for name in CLASS_COLORS]
    colors = list(CLASS_COLORS.values())
    if time.size > 1:
        # steps, not slopes: a void changes its class as a whole from one frame to the next
        axes.stackplot(time, stack, labels=labels, colors=colors, step="mid", linewidth=0)
        time_axis(axes, _last(time, _times(run.series)))
    else:  # an area needs two points: one analysed frame becomes one stacked bar
        floor = 0.0
        for values, label, color in zip(stack, labels, colors, strict=True):
            height = float(values[0]) if values.size else 0.0
            axes.bar([0.0], [height], bottom=floor, width=0.5, label=label, color=color)
            floor += height
        axes.set_xlim(-1.0, 1.0)
        axes.set_xticks([0.0], [f"{float(time[0]) if time.size else 0.0:g}"])
        axes.set_xlabel("time (ps)")
    if len(_replicas(run.analysis, "time_ps")) > 1:
        total = _replicas(by_class.sum("pore_class").to_dataset(name="v"), "v")
        _, low, high = _spread(total)
        axes.vlines(time, low, high, color="#333333", linewidth=1.0, label="total: range over replicas")
    axes.set_ylabel("void volume (cm³/g)")
    totals = np.sum(stack, axis=0)
    known = totals[np.isfinite(totals)]
    if not known.size or known.max() <= 0.0:
        axes.set_ylim(0.0, 0.1)
        said = "no void that helium fits into" if known.size else "pores were not analysed"
        axes.text(0.5, 0.5, said, transform=axes.transAxes, ha="center")
    else:
        axes.set_ylim(bottom=0.0)
    axes.grid(False, axis="x")
    _legend_above(axes, 4 if len(axes.get_legend_handles_labels()[1]) == 4 else 3)
    return figure


def _probe_lines(axes: Axes, probes_A: dict[str, float], top: float) -> None:
    """Probe diameters as horizontal lines, their names in the right margin and never on each other."""
    gap = 0.065 * top
    heights: list[float] = []
    for name, diameter in sorted(probes_A.items(), key=lambda item: item[1]):
        if diameter > top:
            continue
        axes.axhline(diameter, color="#8C8C8C", linewidth=0.9, linestyle=(0, (2, 2)), zorder=1)
        height = max(diameter, heights[-1] + gap) if heights else diameter
        heights.append(height)
        axes.annotate(
            f"{name} {diameter:g} Å",
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color="#555555",
            annotation_clip=False,
        )


@apply_style
def sphere_figure(run: Run) -> Figure:
    """Largest included and largest free sphere (diameters, A) against time (ps), with the probes.

    Frames where nothing passes through the cell have no free sphere: there the line is broken.
    """
    figure = new_figure(3.9, 5.4)
    axes = figure.subplots()
    time = _times(run.analysis)
    included = _replicas(run.analysis, "largest_included_sphere_A")
    free = _replicas(run.analysis, "largest_free_sphere_A")
    style = _marker(time.size)
    _line(axes, time, included, "#222222", "widest cavity, Di", **style)
    if np.isfinite(free).any():
        _line(axes, time, free, "#C44E00", "widest way through, Df", linestyle="-", **style)
    else:
        axes.plot([], [], color="#C44E00", label="widest way through, Df: none")
    probes = dict(run.protocol.analysis.probes_A)
    finite = included[np.isfinite(included)]
    highest = float(finite.max()) if finite.size else 0.0
    top = 1.12 * max(highest, max(probes.values(), default=1.0))
    axes.set_ylim(0.0, top)
    _probe_lines(axes, probes, top)
    axes.set_ylabel("diameter (Å)")
    time_axis(axes, _last(time, _times(run.series)))
    _legend_above(axes, 2)
    return figure


@apply_style
def energy_figure(run: Run) -> Figure:
    """Potential and kinetic energy per atom (eV) against time (ps), in two panels."""
    figure = new_figure(4.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    time = _times(run.series)
    potential = _replicas(run.series, "potential_eV_per_atom")
    kinetic = _replicas(run.series, "kinetic_eV_per_atom")
    _line(upper, time, potential, "#0B5563", "potential", linewidth=1.4)
    _line(lower, time, kinetic, TEMPERATURE_COLOR, "kinetic", linewidth=1.4)
    upper.set_ylabel("potential\n(eV/atom)")
    lower.set_ylabel("kinetic\n(eV/atom)")
    for axes in (upper, lower):
        axes.ticklabel_format(axis="y", useOffset=False)  # "+-7.3" at the corner is read wrongly
    lower.set_ylim(bottom=0.0)
    time_axis(lower, _last(time))
    return figure


FIGURES: dict[str, Callable[[Run], Figure]] = {
    "temperature": temperature_figure,
    "bonding": bonding_figure,
    "class-volumes": class_volume_figure,
    "spheres": sphere_figure,
    "energy": energy_figure,
}
"""Every figure of the report by the name of its file."""


def write_figures(run: Run, folder: Path) -> dict[str, Path]:
    """Write every figure as ``folder/<name>.png``; return the files by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for name, make in FIGURES.items():
        paths[name] = folder / f"{name}.png"
        make(run).savefig(paths[name], dpi=_DPI)
    return paths
