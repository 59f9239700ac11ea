"""What is written below a picture: colours and their meaning, a scale bar, time and temperature."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL.PngImagePlugin import PngInfo

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.config.models import ClassLimits
from carbonize.report.coloring import Coloring
from carbonize.report.numbers import number
from carbonize.report.style import CLASS_COLORS, CLASS_LABELS, TEMPERATURE_COLOR, apply_style

__all__ = ["Course", "Legend", "atom_legend", "clock", "legend_height", "pore_legend", "write_legend"]

_DPI = 100
_ROW = 1.75  # heights of the letters
_LEAST_POINTS = 6.0
_SCALES_A = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclasses.dataclass(frozen=True)
class Course:
    """The temperature of a whole run, and where a frame is in it.

    Attributes
    ----------
    time_ps, temperature_K
        Shape (sample,).
    now
        Time and temperature of the frame.
    """

    time_ps: np.ndarray
    temperature_K: np.ndarray
    now: tuple[float, float]


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
    course
        The whole run's temperature, drawn beside the clock.
    """

    title: str
    entries: tuple[tuple[str, str, str], ...]
    clock: str = ""
    course: Course | None = None

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


def atom_legend(coloring: Coloring, when: str = "", least: int = 4) -> Legend:
    """Legend of coloured atoms, with the share of each kind.

    Parameters
    ----------
    coloring
        The atoms' kinds.
    when
        Time and temperature.
    least
        So many kinds are named even where no atom is of them.
    """
    count = np.bincount(coloring.kind, minlength=len(coloring.labels))
    share = 100.0 * count / max(1, len(coloring.kind))
    entries = [
        (color, label, f"{number(float(percent), 1)} %")
        for i, (color, label, percent) in enumerate(zip(coloring.colors, coloring.labels, share, strict=True))
        if count[i] or i < least
    ]
    return Legend(coloring.title, tuple(entries), when)


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


def legend_height(legend: Legend, size: tuple[int, int], dpi: int | None = None) -> int:
    """Pixels that a legend needs below a picture of this size.

    ``dpi`` is at how many pixels an inch it will be printed; letters are then large enough for that.
    """
    letter = _letter(size, dpi)
    return min(size[1] // 2, round((_rows(legend, size[0], letter) * _ROW + 1.0) * letter))


@apply_style
def write_legend(
    path: Path, legend: Legend, size: tuple[int, int], pixels_per_A: float, dpi: int | None = None
) -> None:
    """Put a legend below the picture in a PNG file, which then has ``size`` pixels in all."""
    from matplotlib.figure import Figure
    from PIL import Image

    width, height = size
    strip = legend_height(legend, size, dpi)
    with Image.open(path) as opened:
        image = opened.convert("RGBA" if opened.mode in {"RGBA", "LA"} else "RGB")
    transparent = image.mode == "RGBA" and bool((np.asarray(image)[..., 3] < 255).any())
    figure = Figure(figsize=(width / _DPI, strip / _DPI), dpi=_DPI)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, width)
    axes.set_ylim(0, strip)
    axes.set_axis_off()
    letter = _letter(size, dpi)
    points = letter * 72 / _DPI
    left, top, end = 0.03 * width, strip - 0.9 * _ROW * letter, 0.97 * width
    axes.text(left, top, legend.title, fontsize=points, va="center", color="#333333")
    length = _scale(pixels_per_A, 0.16 * width)
    axes.plot([end - length * pixels_per_A, end], [top - 0.55 * letter] * 2, color="black", lw=0.18 * points)
    text = f"{length / 10:g} nm" if length >= 10 else f"{length:g} Å"
    axes.text(
        end - 0.5 * length * pixels_per_A, top - 0.3 * letter, text, fontsize=points, ha="center", va="bottom"
    )
    columns = _columns(legend, width, letter)
    wide = (end - left) / columns
    for i, (color, name, value) in enumerate(legend.entries):
        x = left + (i % columns) * wide
        y = top - (1 + i // columns) * _ROW * letter
        axes.add_patch(_swatch(x, y, letter, color))
        axes.text(x + 1.9 * letter, y, name, fontsize=points, va="center")
        right = x + wide - (0.02 * width if columns == 2 else 0.0)
        axes.text(right, y, value, fontsize=points, va="center", ha="right")
    if legend.clock:
        line = (
            top - (1 + -(-len(legend.entries) // columns) + (0.6 if legend.course else 0.0)) * _ROW * letter
        )
        axes.text(left, line, legend.clock, fontsize=1.15 * points, va="center", weight="bold")
        if legend.course is not None:
            _draw_course(axes, legend.course, (0.42 * width, end), line, letter)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=_DPI, facecolor="none" if transparent else "white")
    with Image.open(drawn) as below:
        whole = Image.new(image.mode, size, (255, 255, 255, 0) if transparent else "white")
        whole.paste(image, (0, 0))
        whole.paste(below.convert(image.mode), (0, height - strip))
    information = PngInfo()
    information.add_text("Software", "carbonize")
    # the description goes last: readers that know only Latin letters stop there
    information.add_itxt("Description", legend.text)
    whole.save(path, pnginfo=information, dpi=(dpi or _DPI,) * 2)


def _draw_course(axes: Any, course: Course, span: tuple[float, float], middle: float, letter: float) -> None:
    """Temperature against time, what is past of it in colour, and a dot for now."""
    times, kelvin = np.asarray(course.time_ps, float), np.asarray(course.temperature_K, float)
    left, right = span[0] + 1.2 * letter, span[1] - 5.2 * letter
    low, high = 0.0, float(max(kelvin.max(), course.now[1], 1.0))
    first, last = float(times[0]), float(max(times[-1], course.now[0], times[0] + 1e-9))

    def place(time: Any, temperature: Any) -> tuple[Any, Any]:
        x = left + (np.asarray(time) - first) / (last - first) * (right - left)
        return x, middle + (np.asarray(temperature) - low) / (high - low) * 2.1 * letter - 1.05 * letter

    past = times <= course.now[0]
    axes.plot(*place(times, kelvin), color="#C9CDD1", lw=0.12 * letter, solid_capstyle="round")
    axes.plot(
        *place(np.append(times[past], course.now[0]), np.append(kelvin[past], course.now[1])),
        color=TEMPERATURE_COLOR,
        lw=0.14 * letter,
    )
    axes.plot(*place(*course.now), "o", color=TEMPERATURE_COLOR, ms=0.42 * letter)
    small = 0.8 * letter * 72 / _DPI
    for value, at in ((high, 1.05), (low, -1.05)):
        axes.text(
            right + 0.7 * letter,
            middle + at * letter,
            f"{value:.0f} K",
            fontsize=small,
            va="center",
            color="#555555",
        )


def _swatch(x: float, y: float, letter: float, color: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x, y - 0.5 * letter), 1.3 * letter, letter, facecolor=color, edgecolor="#666666", lw=0.4
    )


def _letter(size: tuple[int, int], dpi: int | None) -> float:
    """Size of the letters in pixels: printed at least so large as journals ask, if there is room."""
    printed = 0.0 if dpi is None else _LEAST_POINTS * dpi / 72
    return max(6.0, size[0] / 56, min(printed, size[0] / 40))


def _columns(legend: Legend, width: int, letter: float) -> int:
    """Two where two entries fit beside each other."""
    longest = max((len(name) + len(value) for _, name, value in legend.entries), default=0)
    return 2 if (0.53 * longest + 3.5) * letter < 0.45 * width else 1


def _rows(legend: Legend, width: int, letter: float) -> float:
    clock = (2.2 if legend.course is not None else 1.0) if legend.clock else 0.0
    return 1 + -(-len(legend.entries) // _columns(legend, width, letter)) + clock


def _scale(pixels_per_A: float, most: float) -> float:
    """Longest round length (A) whose bar has at most that many pixels."""
    fitting = [length for length in _SCALES_A if length * pixels_per_A <= most]
    return float(fitting[-1]) if fitting else float(_SCALES_A[0])
