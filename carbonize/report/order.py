"""Rings and sheets of a run: one figure and a few rows, where they were analysed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from carbonize.report.change import Row
from carbonize.report.numbers import MISSING, change, number, spread
from carbonize.report.style import apply_style, new_figure, time_axis

__all__ = ["order_figure", "order_rows", "write_order_figure"]

Run = Any
_DPI = 180
_LINES = {"5": "#C44E00", "6": "#222222", "7": "#5E4FA2", "others": "#8C8C8C"}
_LABELS = {"5": "pentagons", "6": "hexagons", "7": "heptagons", "others": "all others"}


@dataclasses.dataclass(frozen=True)
class _Quantity:
    """A row of the table: where it is in a record, and how it is written."""

    name: str
    keys: tuple[str, ...]
    digits: int
    unit: str
    factor: float = 1.0


_ROWS = (
    _Quantity("hexagons among the rings", ("rings", "hexagon_fraction"), 1, "%", 100.0),
    _Quantity("pyramidalization of sp² atoms (mean)", ("bonding", "pyramidalization_deg"), 1, "°"),
    _Quantity("sheet atoms with a layer above or below", ("sheets", "stacked_fraction"), 1, "%", 100.0),
    _Quantity("spacing of these layers (mean)", ("sheets", "layer_spacing_A"), 2, "Å"),
)


def write_order_figure(run: Run, folder: Path) -> dict[str, Path]:
    """Write ``rings.png`` into a folder; nothing where no rings were counted."""
    if _shares(run) is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rings.png"
    order_figure(run).savefig(path, dpi=_DPI)
    return {"rings": path}


@apply_style
def order_figure(run: Run) -> Figure:
    """Shares (%) of pentagons, hexagons, heptagons and all other rings against time (ps).

    Means over replicas, with bands from the smallest to the largest.

    Raises
    ------
    ValueError
        If no rings were counted.
    """
    shares = _shares(run)
    if shares is None:
        raise ValueError("the run has no rings")
    figure = new_figure(3.6)
    axes = figure.subplots()
    time = np.nanmean(run.analysis["time_ps"].transpose("replica", "frame").values, axis=0)
    for name, color in _LINES.items():
        values = 100.0 * shares[name]
        marker = {"marker": "o", "clip_on": False} if time.size <= 60 else {}
        axes.plot(time, np.nanmean(values, axis=0), color=color, label=_LABELS[name], **marker)
        if len(values) > 1:
            axes.fill_between(
                time,
                np.nanmin(values, axis=0),
                np.nanmax(values, axis=0),
                color=color,
                alpha=0.2,
                linewidth=0,
            )
    axes.set_ylabel("share of rings (%)")
    axes.set_ylim(bottom=0.0)
    time_axis(axes, float(np.nanmax(time)))
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=4,
        columnspacing=1.0,
        handlelength=1.5,
        borderaxespad=0.2,
    )
    return figure


def order_rows(records: Sequence[Mapping[str, Any]]) -> list[Row]:
    """First and last value of each quantity, as text; means over replicas. Empty without rings and sheets."""
    ends: dict[int, list[Mapping[str, Any]]] = {}
    for record in sorted(records, key=lambda r: (r["replica"], r["step"])):
        ends.setdefault(int(record["replica"]), []).append(record)
    rows = []
    for quantity in _ROWS:
        first = [_value(own[0], quantity) for own in ends.values()]
        last = [_value(own[-1], quantity) for own in ends.values()]
        known = [v for v in last if v is not None]
        if not known or not any(v is not None for v in first):
            continue
        before, after = _mean(first), _mean(last)
        rows.append(
            Row(
                quantity.name,
                _text(before, quantity),
                _text(after, quantity),
                change(before, after, quantity.digits, "points" if quantity.unit == "%" else quantity.unit),
                spread=spread(min(known), max(known), quantity.digits),
            )
        )
    # without rings and sheets these rows are not worth a table
    return rows if len(rows) > 1 else []


def _shares(run: Run) -> dict[str, np.ndarray] | None:
    """Shares of rings over (replica, frame); None where no rings were counted."""
    data = run.analysis
    if "ring_count" not in data:
        return None
    counts = np.asarray(data["ring_count"].transpose("replica", "frame", "ring_size").values, dtype=float)
    total = counts.sum(axis=2)
    if not (np.nan_to_num(total) > 0).any(axis=0).all():
        return None
    sizes = [int(n) for n in data["ring_size"].values]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {str(n): counts[:, :, sizes.index(n)] / total for n in (5, 6, 7)}
    return {**found, "others": 1.0 - sum(found.values())}


def _value(record: Mapping[str, Any], quantity: _Quantity) -> float | None:
    value: Any = record["frame"]
    for key in quantity.keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return None if value is None else quantity.factor * float(value)


def _mean(values: Sequence[float | None]) -> float:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else float("nan")


def _text(value: float, quantity: _Quantity) -> str:
    if value != value:
        return MISSING
    return f"{number(value, quantity.digits)}{'' if quantity.unit == '°' else ' '}{quantity.unit}"
