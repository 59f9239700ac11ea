"""The life of pores in pictures: how much void went from class to class, and when entrances closed."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path as Outline

from carbonize.errors import InputError
from carbonize.report.style import CLASS_COLORS, CLASS_LABELS, TEMPERATURE_COLOR, apply_style, new_figure
from carbonize.units import cm3_per_g

__all__ = ["Course", "courses", "entrance_figure", "flow_figure", "write_life_figures"]

_DPI = 180
_MOST_COURSES = 6
_MOST_LABELS = 14
_BAR = 0.125
_STUB = 0.16
_SOLID = "#B9B4AE"
_COURSE_COLORS = ("#1D2329", "#C44E00", "#0B5563", "#8B1E5B", "#5A7D00", "#6B4FBB")


@dataclasses.dataclass(frozen=True)
class Course:
    """The entrance of one pore along time.

    Attributes
    ----------
    track
        Its number.
    time_ps, entrance_A
        Where it was seen; 0 where nothing enters.
    events
        (time, entrance after, kind) of probes lost and reopened.
    """

    track: int
    time_ps: np.ndarray
    entrance_A: np.ndarray
    events: tuple[tuple[float, float, str], ...]


def courses(folder: Path, replica: int) -> list[Course]:
    """The pores of a replica that were most of the void: by volume times frames."""
    lives = [
        row
        for row in _rows(folder / "pore_lives.csv")
        if int(row["replica"]) == replica and row["sure"] == "1"
    ]
    lives.sort(key=lambda row: (-float(row["mean_volume_A3"]) * int(row["frames"]), int(row["track"])))
    chosen = [row["track"] for row in lives[:_MOST_COURSES]]
    points: dict[str, list[tuple[float, float]]] = {track: [] for track in chosen}
    for row in _rows(folder / "pore_tracks.csv"):
        if int(row["replica"]) == replica and row["track"] in points and row["time_ps"]:
            points[row["track"]].append((float(row["time_ps"]), float(row["entrance_A"] or 0.0)))
    happened: dict[str, list[tuple[float, float, str]]] = {track: [] for track in chosen}
    for row in _rows(folder / "pore_events.csv"):
        mine = int(row["replica"]) == replica and row["track"] in happened and row["time_ps"]
        if mine and row["event"].startswith(("lost_", "reopened_")):
            happened[row["track"]].append(
                (float(row["time_ps"]), float(row["entrance_after_A"] or 0.0), row["event"])
            )
    found = []
    for track in chosen:
        time, entrance = np.array(points[track], dtype=float).reshape(-1, 2).T
        found.append(Course(int(track), time, entrance, tuple(happened[track])))
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as err:
        raise InputError(f"{path}: cannot be read: {err.strerror or err}") from None


def _mean_flows(replicas: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], np.ndarray, int]:
    """Shown frames, mean bands (cm3/g) over the replicas with as many, and how many these are."""
    most = max(len(one["shown"]["frames"]) for one in replicas)
    whole = [one["shown"] for one in replicas if len(one["shown"]["frames"]) == most]
    bands = [
        [
            np.array(band) * float(cm3_per_g(1.0, frame["mass_amu"]))
            for band, frame in zip(one["volume_A3"], one["frames"], strict=False)
        ]
        for one in whole
    ]
    return list(whole[0]["frames"]), np.mean(bands, axis=0), len(whole)


@apply_style
def flow_figure(replicas: Sequence[Mapping[str, Any]]) -> Figure:
    """Volume of each class at a few times, with bands for what went from class to class.

    Parameters
    ----------
    replicas
        The ``replicas`` of tracking.json; at least two frames.
    """
    frames, bands, _ = _mean_flows(replicas)
    figure = new_figure(4.6, 8.6)
    axes = figure.subplots()
    names, colors = list(CLASS_COLORS), list(CLASS_COLORS.values())
    columns = [band[:4].sum(axis=1) for band in bands] + [bands[-1][:, :4].sum(axis=0)]
    top = max(float(column.sum()) for column in columns)
    for k, column in enumerate(columns):
        floors = np.concatenate([[0.0], np.cumsum(column)])
        for c, height in enumerate(column):
            axes.bar(k, height, width=_BAR * 2, bottom=floors[c], color=colors[c], linewidth=0, zorder=3)
            if height > 0.05 * top:
                ink = "white" if names[c] in ("fully-closed", "quasi-closed") else "#222222"
                axes.text(
                    k, floors[c] + height / 2, f"{100 * height / column.sum():.0f} %", ha="center", va="center",
                    fontsize=8.5, color=ink, zorder=5,
                )  # fmt: skip
    for k, band in enumerate(bands):
        _draw_bands(axes, k, band, colors)
    axes.set_xlim(-0.35, len(columns) - 0.65)
    axes.set_ylim(0.0, 1.03 * top if top > 0 else 0.1)
    if top <= 0:
        axes.text(0.5, 0.5, "no void that helium fits into", transform=axes.transAxes, ha="center")
    axes.set_xticks(range(len(columns)), [_moment(frame) for frame in frames])
    axes.set_ylabel("void volume (cm³/g)")
    axes.grid(False, axis="x")
    axes.set_xlabel("time (ps) and temperature (K)")
    handles = [Patch(color=CLASS_COLORS[name], label=CLASS_LABELS[name]) for name in names]
    handles.append(Patch(color=_SOLID, alpha=0.75, label="void filled up, or new"))
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=5, columnspacing=1.2,
        handlelength=1.2, borderaxespad=0.2,
    )  # fmt: skip
    return figure


def _draw_bands(axes: Axes, k: int, band: np.ndarray, colors: list[str]) -> None:
    """Bands from column k to the next one; what has no other end is a grey stub."""
    start = np.concatenate([[0.0], np.cumsum(band[:4].sum(axis=1))])[:4]
    end = np.concatenate([[0.0], np.cumsum(band[:, :4].sum(axis=0))])[:4]
    left, right = k + _BAR, k + 1 - _BAR
    for i in range(4):
        for j in range(4):
            height = band[i, j]
            if height > 0:
                _ribbon(axes, (left, start[i]), (right, end[j]), height, colors[i], 0.75 if i != j else 0.38)
                start[i] += height
                end[j] += height
    for c in range(4):
        for at, way, low, height in ((left, 1, start[c], band[c, 4]), (right, -1, end[c], band[4, c])):
            if height > 0:
                tip = at + way * _STUB
                axes.fill(
                    [at, at, tip],
                    [low, low + height, low + height / 2],
                    color=_SOLID,
                    alpha=0.75,
                    linewidth=0,
                )


def _ribbon(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], height: float, color: str, alpha: float
) -> None:
    (x0, y0), (x1, y1) = start, end
    middle = (x0 + x1) / 2
    points = [
        *((x0, y0), (middle, y0), (middle, y1), (x1, y1)),
        *((x1, y1 + height), (middle, y1 + height), (middle, y0 + height), (x0, y0 + height), (x0, y0)),
    ]
    curve = [Outline.MOVETO, *[Outline.CURVE4] * 3, Outline.LINETO, *[Outline.CURVE4] * 3, Outline.CLOSEPOLY]
    axes.add_patch(PathPatch(Outline(points, curve), facecolor=color, alpha=alpha, linewidth=0, zorder=2))


def _moment(frame: Mapping[str, Any]) -> str:
    time, temperature = frame.get("time_ps"), frame.get("temperature_K")
    if time is None:
        return f"frame {frame['frame']}"
    return f"{time:.3g} ps" + ("" if temperature is None else f"\n{temperature:.0f} K")


@apply_style
def entrance_figure(run: Any, lines: Sequence[Course], limits: Mapping[str, float]) -> Figure:
    """Entrances (A) of the largest pores against time (ps), below the temperature (K).

    Parameters
    ----------
    run
        Its ``series`` has the temperature.
    lines
        From :func:`courses`.
    limits
        Class limits (A): ``open_A``, ``quasi_closed_A``, ``closed_A``.
    """
    figure = new_figure(5.2, 8.6)
    upper, axes = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3.4))
    time = np.nanmean(np.atleast_2d(run.series["time_ps"].transpose("replica", ...).values), axis=0)
    kelvin = np.nanmean(np.atleast_2d(run.series["temperature_K"].transpose("replica", ...).values), axis=0)
    upper.plot(time, kelvin, color=TEMPERATURE_COLOR, linewidth=1.4)
    upper.set_ylim(0.0, 1.1 * max(1.0, float(np.nanmax(kelvin, initial=1.0))))
    upper.set_ylabel("temperature\n(K)")
    widest = max((float(line.entrance_A.max()) for line in lines if line.entrance_A.size), default=0.0)
    top = 1.12 * max(widest, limits["open_A"] + 0.6)
    edges = [-0.02 * top, limits["closed_A"], limits["quasi_closed_A"], limits["open_A"], top]
    for name, low, high in zip(reversed(list(CLASS_COLORS)), edges, edges[1:], strict=False):
        axes.axhspan(low, high, color=CLASS_COLORS[name], alpha=0.16, linewidth=0, zorder=0)
        axes.annotate(
            CLASS_LABELS[name], (1.0, (low + high) / 2), xycoords=("axes fraction", "data"), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=9, color="#444444", annotation_clip=False,
        )  # fmt: skip
    for edge in edges[1:-1]:
        axes.axhline(edge, color="#777777", linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    for color, line in zip(_COURSE_COLORS, lines, strict=False):
        axes.plot(line.time_ps, line.entrance_A, color=color, linewidth=0.8, alpha=0.35)
        axes.plot(
            line.time_ps, _smooth(line.entrance_A), color=color, linewidth=2.0, label=f"pore {line.track}"
        )
    _mark_events(axes, lines)
    axes.set_ylim(edges[0], top)
    axes.set_ylabel("entrance diameter (Å)")
    axes.set_xlabel("time (ps)")
    axes.grid(False, axis="y")
    ends = [float(line.time_ps.max()) for line in lines if line.time_ps.size]
    last = max([float(np.nanmax(time, initial=0.0)), *ends])
    if last > 0:
        axes.set_xlim(0.0, last)
    if lines:
        upper.legend(
            *axes.get_legend_handles_labels(), loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=6,
            columnspacing=1.2, handlelength=1.3, borderaxespad=0.2,
        )  # fmt: skip
    return figure


def _mark_events(axes: Axes, lines: Sequence[Course]) -> None:
    """A triangle at each crossing, down for lost and up for reopened; probes of one moment share a label."""
    moments: dict[tuple[float, float, str, str], list[str]] = {}
    for color, line in zip(_COURSE_COLORS, lines, strict=False):
        for time, entrance, kind in line.events:
            word, probe = kind.split("_", 1)
            moments.setdefault((time, entrance, word, color), []).append(probe)
    for (time, entrance, word, color), probes in moments.items():
        down = word == "lost"
        axes.plot(
            [time], [entrance], marker="v" if down else "^", markersize=8, color=color, markeredgecolor="white",
            markeredgewidth=0.8, linestyle="", clip_on=False, zorder=6,
        )  # fmt: skip
        if len(moments) <= _MOST_LABELS:
            axes.annotate(
                ", ".join(probes), (time, entrance), xytext=(0, -13 if down else 9), textcoords="offset points",
                ha="center", fontsize=8.5, color=color, annotation_clip=False, zorder=7,
            )  # fmt: skip


def _smooth(values: np.ndarray) -> np.ndarray:
    """Running median over five points: what is left when thermal flicker is not looked at."""
    if len(values) < 5:
        return values
    padded = np.pad(values, 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)


def write_life_figures(run: Any, folder: Path) -> dict[str, Path]:
    """Write ``pore-flow.png`` and ``pore-entrances.png``; return the files by name, none without tracking."""
    from carbonize.tracking.track import FEWEST_FRAMES

    found = run.tracking
    if found is None or int(found["frames"]) < FEWEST_FRAMES:
        return {}
    lines = courses(run.paths.tracking, int(found["replicas"][0]["replica"]))
    made = {
        "pore-flow": flow_figure(found["replicas"]),
        "pore-entrances": entrance_figure(run, lines, found["settings"]["class_limits_A"]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.png" for name in made}
    for name, figure in made.items():
        figure.savefig(paths[name], dpi=_DPI)
    return paths
