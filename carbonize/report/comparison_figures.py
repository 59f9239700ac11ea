"""The figures of a comparison, each a function from a comparison to a matplotlib figure."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carbonize.compare.comparison import Comparison
from carbonize.compare.curves import ALIGNMENTS
from carbonize.compare.effects import Difference, final
from carbonize.compare.headlines import Quantity
from carbonize.report.style import CLASS_COLORS, CLASS_LABELS, apply_style, new_figure

__all__ = ["PROTOCOL_COLORS", "protocol_color", "write_comparison_figures"]

PROTOCOL_COLORS = ("#1B6CA8", "#C4501B", "#3D8B37", "#7B4FA3", "#8A6D1B", "#3F4A54")
"""Colours of protocols, in the order in which they are given; then again from the first."""

_DASHES = ("-", (0, (5, 2)), (0, (2, 1.5)))
_DPI = 180
_MOST_PAIRS = 3
_CURVES = ("sp2", "class_volume_cm3_g.closed", "class_volume_cm3_g.quasi-closed", "largest_included_sphere_A")
_AXES = {"time": "time (ps)", "temperature": "temperature reached (K)", "dose": "thermal dose (ps at {:g} K)"}


def protocol_color(place: int) -> str:
    """Colour (hex) of the protocol at this place."""
    return PROTOCOL_COLORS[place % len(PROTOCOL_COLORS)]


def _dash(place: int) -> Any:
    return _DASHES[place // len(PROTOCOL_COLORS) % len(_DASHES)]


def shown_pairs(found: Comparison) -> list[tuple[str, str]]:
    """The pairs of protocols that figures and verdicts show: all if they are few, else those with the first."""
    pairs = list(dict.fromkeys((d.a, d.b) for d in found.differences))
    if len(pairs) <= _MOST_PAIRS:
        return pairs
    first = next(iter(found.protocols))
    return [pair for pair in pairs if found.options.reference is not None or first in pair]


def _with_unit(quantity: Quantity) -> str:
    return quantity.label.replace(" (widest cavity)", "").replace(" (widest way through)", "")


@apply_style
def forest_figure(found: Comparison) -> Figure:
    """Differences with their 95 % intervals, a panel a unit; filled where the interval leaves 0 out."""
    pairs = shown_pairs(found)
    rows = [
        d
        for d in found.differences
        if d.quantity.headline and (d.a, d.b) in pairs and d.ci95 is not None and not d.same
    ]
    panels: dict[str, dict[str, list[Difference]]] = {}
    for row in rows:
        panels.setdefault(row.quantity.unit, {}).setdefault(_with_unit(row.quantity), []).append(row)
    heights = [len(own) * (0.55 + 0.45 * len(pairs)) + 0.9 for own in panels.values()]
    figure = new_figure(max(1.8, 0.36 * sum(heights) + 0.5), 6.4)
    if not panels:
        axes = figure.subplots()
        axes.text(0.5, 0.5, "no difference has an interval", transform=axes.transAxes, ha="center")
        axes.set_axis_off()
        return figure
    many = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (unit, own) in zip(many, panels.items(), strict=True):
        _forest_panel(axes, unit, own, pairs)
    if len(pairs) > 1:
        handles = [
            many[0].plot([], [], "o", color=protocol_color(i), label=f"{b} − {a}")[0]
            for i, (a, b) in enumerate(pairs)
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=min(3, len(pairs)))
    else:
        figure.suptitle(f"{pairs[0][1]} − {pairs[0][0]}", fontsize=11)
    return figure


def _forest_panel(
    axes: Axes, unit: str, own: dict[str, list[Difference]], pairs: list[tuple[str, str]]
) -> None:
    step = 0.6 / max(1, len(pairs))
    for y, differences in enumerate(own.values()):
        for row in differences:
            assert row.ci95 is not None
            place = pairs.index((row.a, row.b))
            at = y + (place - 0.5 * (len(pairs) - 1)) * step
            color, factor = protocol_color(place), row.quantity.factor
            low, high = (factor * end for end in row.ci95)
            axes.plot([low, high], [at, at], color=color, linewidth=2.0, solid_capstyle="butt")
            axes.plot(
                factor * float(row.difference or 0.0),
                at,
                "o",
                color=color,
                markersize=7,
                markerfacecolor=color if row.seen else "white",
            )
    axes.axvline(0.0, color="#444444", linewidth=1.0, zorder=0)
    axes.set_yticks(range(len(own)), list(own))
    axes.set_ylim(len(own) - 0.4, -0.6)
    axes.margins(x=0.08)
    axes.grid(False, axis="y")
    axes.set_xlabel(f"difference ({unit})" if unit else "difference")


@apply_style
def temperature_figure(found: Comparison, curves: Any) -> Figure:
    """The schedule (bold) and the measured temperature (thin, mean over replicas) of every protocol."""
    figure = new_figure(3.4)
    axes = figure.subplots()
    time = curves["time_ps"].values
    for place, name in enumerate(found.protocols):
        first = found.protocols[name][0]
        series = first.run.series.sel(replica=first.number)
        color = protocol_color(place)
        axes.plot(series["time_ps"], series["target_K"], color=color, linestyle=_dash(place), label=name)
        axes.plot(time, curves.sel(protocol=name)["measured_K"], color=color, linewidth=0.8, alpha=0.7)
    axes.set_xlabel("time (ps)")
    axes.set_ylabel("temperature (K)")
    axes.set_ylim(bottom=0.0)
    _legend(axes, len(found.protocols))
    return figure


@apply_style
def curve_figure(found: Comparison, curves: Any, way: str) -> Figure:
    """Means and 95 % bands against time, temperature or dose, a panel a quantity."""
    quantities = [q for q in found.quantities if q.dotted in _CURVES and _is_drawn(curves, q, way)]
    figure = new_figure(0.8 + 2.1 * max(1, len(quantities)))
    many = figure.subplots(max(1, len(quantities)), 1, sharex=True, squeeze=False)[:, 0]
    for axes, quantity in zip(many, quantities, strict=False):
        for place, name in enumerate(found.protocols):
            own = curves[f"{quantity.dotted}_against_{way}"].sel(protocol=name)
            x, (mean, low, high) = curves[ALIGNMENTS[way]].values, quantity.factor * own.values.T
            color = protocol_color(place)
            known = np.isfinite(mean)
            axes.plot(x[known], mean[known], color=color, linestyle=_dash(place), label=name)
            axes.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
        axes.set_ylabel(_axis_name(quantity))
        table = curves[f"{quantity.dotted}_against_{way}"].values
        _keep_the_means_in_view(axes, quantity.factor * table[..., 0])
    if way == "dose":
        many[-1].set_xscale("log")
    many[-1].set_xlabel(_AXES[way].format(found.options.reference_K))
    _legend(many[0], len(found.protocols))
    return figure


def _is_drawn(curves: Any, quantity: Quantity, way: str) -> bool:
    name = f"{quantity.dotted}_against_{way}"
    return name in curves and bool(np.isfinite(curves[name].values[..., 0]).any())


def _axis_name(quantity: Quantity) -> str:
    unit = "% of atoms" if quantity.unit == "points" else quantity.unit
    return f"{_with_unit(quantity)}\n({unit})"


def _keep_the_means_in_view(axes: Axes, means: np.ndarray) -> None:
    """Bands of two replicas reach far beyond anything physical: they may leave the picture."""
    means = means[np.isfinite(means)]
    if not means.size:
        return
    low, high = float(means.min()), float(means.max())
    room = max(high - low, 0.02 * abs(high), 1e-6)
    bottom, top = axes.get_ylim()
    bottom, top = max(bottom, low - room), min(top, high + room)
    if low >= 0.0:
        bottom = max(bottom, -0.04 * room)
    axes.set_ylim(bottom, top)


@apply_style
def class_figure(found: Comparison) -> Figure:
    """Void by pore class (cm3/g), stacked, a bar a protocol, with the 95 % interval of the total."""
    names = list(found.protocols)
    figure = new_figure(1.5 + 0.62 * len(names))
    axes = figure.subplots()
    left = np.zeros(len(names))
    for kind, color in CLASS_COLORS.items():
        key = f"class_volume_cm3_g.{kind}"
        means = [found.finals[name][key].mean or 0.0 if key in found.finals[name] else 0.0 for name in names]
        axes.barh(range(len(names)), means, left=left, color=color, label=CLASS_LABELS[kind], height=0.55)
        left += np.array(means)
    for place, name in enumerate(names):
        ends = _total(found, name)
        if ends is not None:
            axes.plot(ends, [place, place], color="#222222", linewidth=1.2, marker="|", markersize=8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(left=0.0)
    axes.grid(False, axis="y")
    axes.set_xlabel("void volume (cm³/g); bar: 95 % interval of the total")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=4, columnspacing=0.9, handlelength=1.2)
    return figure


def _total(found: Comparison, name: str) -> tuple[float, float] | None:
    """95 % interval of the volume of all classes."""
    kinds = [
        f"class_volume_cm3_g.{kind}" for kind in CLASS_COLORS if f"class_volume_cm3_g.{kind}" in found.values
    ]
    if not kinds:
        return None
    keys = found.values[kinds[0]][name].keys()
    sums = {key: sum(found.values[kind][name][key] for kind in kinds) for key in keys}
    return final(sums, found.options.over).ci95


def _legend(axes: Axes, count: int) -> None:
    axes.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=min(3, math.ceil(count)), borderaxespad=0.2
    )


def write_comparison_figures(found: Comparison, curves: Any, folder: Path) -> dict[str, Path]:
    """Write every figure that there is something for as ``folder/<name>.png``; the files by name."""
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[], Figure]] = {"temperature": lambda: temperature_figure(found, curves)}
    if found.differences:
        makers["differences"] = lambda: forest_figure(found)
    if any(q.name[0] == "class_volume_cm3_g" for q in found.quantities):
        makers["class-volumes"] = lambda: class_figure(found)
    for way, coordinate in ALIGNMENTS.items():
        if coordinate in curves.coords and curves[coordinate].size > 1:
            makers[f"against-{way}"] = lambda way=way: curve_figure(found, curves, way)
    paths = {name: folder / f"{name}.png" for name in makers}
    for name, make in makers.items():
        make().savefig(paths[name], dpi=_DPI)
    return paths
