"""What is written below a picture: colours and their meaning, a scale bar, time and temperature."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.config.models import ClassLimits
from carbonize.report.numbers import number
from carbonize.report.style import (
    BONDING_COLORS,
    BONDING_LABELS,
    CLASS_COLORS,
    CLASS_LABELS,
    OTHER_COLOR,
    apply_style,
    coordination_color,
)

__all__ = ["Legend", "bonding_legend", "clock", "legend_height", "pore_legend", "write_legend"]

_DPI = 100
_ROW = 1.75  # heights of the letters
_SCALES_A = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclasses.dataclass(frozen=True)
class Legend:
    """Text below a picture.

    Attributes
    ----------
    title
        What is seen.
    entries
        Colour (hex), name and value of each kind of thing.
    clock
        Time and temperature; may be empty.
    """

    title: str
    entries: tuple[tuple[str, str, str], ...]
    clock: str = ""

    @property
    def text(self) -> str:
        """All of it in one line; it is also the PNG file's description."""
        parts = [" ".join((name, value)).strip() for _, name, value in self.entries]
        return ". ".join(part for part in (self.clock, self.title, "; ".join(parts)) if part)


def pore_legend(
    volumes_cm3_g: Mapping[str, float], shown: Sequence[str], limits: ClassLimits, when: str = ""
) -> Legend:
    """Legend of pores by class.

    Parameters
    ----------
    volumes_cm3_g
        Volume of each class for the centre of helium.
    shown
        The classes that are drawn.
    limits
        Entrance diameters that part the classes.
    when
        Time and temperature.
    """
    widths = {
        "open": f"from {limits.open_A:g} Å",
        "quasi-closed": f"{limits.quasi_closed_A:g} to {limits.open_A:g} Å",
        "closed": f"{limits.closed_A:g} to {limits.quasi_closed_A:g} Å",
        "fully-closed": f"below {limits.closed_A:g} Å",
    }
    entries = [
        (CLASS_COLORS[name], f"{CLASS_LABELS[name]}, {widths[name]}", f"{volumes_cm3_g[name]:.4f} cm³/g")
        for name in CLASS_NAMES
        if name in shown
    ]
    present = any(volumes_cm3_g[name] > 0 for name in shown)
    some = "" if len(shown) == len(CLASS_NAMES) else " of these classes"
    title = "Pores by entrance; volume for helium's centre" if present else f"No pores{some}"
    return Legend(title, tuple(entries), when)


def bonding_legend(coordination: np.ndarray, when: str = "") -> Legend:
    """Legend of atoms by number of neighbours, with the share of each."""
    colors = np.array([coordination_color(int(c)) for c in coordination])
    entries = [
        (color, BONDING_LABELS[kind], f"{number(100 * float(np.mean(colors == color)), 1)} %")
        for kind, color in BONDING_COLORS.items()
    ]
    if (colors == OTHER_COLOR).any():
        more = f"{number(100 * float(np.mean(colors == OTHER_COLOR)), 1)} %"
        entries.append((OTHER_COLOR, "5 or more neighbours", more))
    return Legend("Atoms by number of neighbours", tuple(entries), when)


def clock(info: Mapping[str, Any]) -> str:
    """Time and temperature of a frame, as far as it has them.

    >>> clock({"time_ps": 1.25, "temperature_K": 3499.6})
    '1.25 ps, 3500 K'
    """
    parts = []
    for key, digits, unit in (("time_ps", 2, "ps"), ("temperature_K", 0, "K")):
        value = info.get(key)
        if isinstance(value, int | float) and np.isfinite(value):
            parts.append(f"{value:.{digits}f} {unit}")
    return ", ".join(parts)


def legend_height(legend: Legend, size: tuple[int, int]) -> int:
    """Pixels that a legend needs below a picture of this size."""
    rows = 1 + (len(legend.entries) + 1) // 2
    return min(size[1] // 2, round((rows * _ROW + 1.0) * _letter(size)))


@apply_style
def write_legend(path: Path, legend: Legend, size: tuple[int, int], pixels_per_A: float) -> None:
    """Put a legend below the picture in a PNG file, which then has ``size`` pixels in all."""
    from matplotlib.figure import Figure
    from matplotlib.image import imread

    width, height = size
    strip = legend_height(legend, size)
    image = np.asarray(imread(path))
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI)
    transparent = image.shape[-1] == 4 and bool((image[..., 3] < 1).any())
    figure.figimage(image, 0, strip)
    axes = figure.add_axes((0.0, 0.0, 1.0, strip / height))
    axes.set_xlim(0, width)
    axes.set_ylim(0, strip)
    axes.set_axis_off()
    letter = _letter(size)
    points = letter * 72 / _DPI
    left, top = 0.03 * width, strip - 0.9 * _ROW * letter
    axes.text(left, top, legend.title, fontsize=points, va="center", color="#333333")
    length = _scale(pixels_per_A, 0.16 * width)
    end = 0.97 * width
    axes.plot([end - length * pixels_per_A, end], [top - 0.55 * letter] * 2, color="black", lw=0.18 * points)
    middle = end - 0.5 * length * pixels_per_A
    text = f"{length / 10:g} nm" if length >= 10 else f"{length:g} Å"
    axes.text(middle, top - 0.3 * letter, text, fontsize=points, ha="center", va="bottom")
    if legend.clock:
        axes.text(
            0.80 * width, top, legend.clock, fontsize=1.15 * points, ha="right", va="center", weight="bold"
        )
    for i, (color, name, value) in enumerate(legend.entries):
        x = left + (i % 2) * 0.49 * width
        y = top - (1 + i // 2) * _ROW * letter
        axes.add_patch(_swatch(x, y, letter, color))
        axes.text(x + 1.9 * letter, y, name, fontsize=points, va="center")
        axes.text(x + 0.44 * width, y, value, fontsize=points, va="center", ha="right")
    figure.savefig(
        path,
        dpi=_DPI,
        facecolor="none" if transparent else "white",
        metadata={"Software": "carbonize", "Description": legend.text},
    )


def _swatch(x: float, y: float, letter: float, color: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x, y - 0.5 * letter), 1.3 * letter, letter, facecolor=color, edgecolor="#666666", lw=0.4
    )


def _letter(size: tuple[int, int]) -> float:
    """Size of the letters in pixels."""
    return max(6.0, size[0] / 56)


def _scale(pixels_per_A: float, most: float) -> float:
    """Longest round length (A) whose bar has at most that many pixels."""
    fitting = [length for length in _SCALES_A if length * pixels_per_A <= most]
    return float(fitting[-1]) if fitting else float(_SCALES_A[0])
