"""Measured curves from CSV files."""

from __future__ import annotations

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
from jaxtyping import Float

from carbonize.errors import InputError

__all__ = ["MeasuredCurve", "read_curve"]

_ABSCISSAS = {
    "q": "q", "q_1_a": "q", "q_a": "q", "q_1/a": "q", "q (1/a)": "q", "q_1_nm": "nm", "q_nm": "nm", "q (1/nm)": "nm",
    "two_theta": "angle", "two_theta_deg": "angle", "2theta": "angle", "2theta_deg": "angle", "angle": "angle",
}  # fmt: skip
_FEWEST_POINTS = 5


@dataclasses.dataclass(frozen=True)
class MeasuredCurve:
    """Intensities against the wave number.

    Attributes
    ----------
    path
        The file.
    q
        1/A, increasing.
    intensity, error
        In the file's own unit; ``error`` is nan where the file has none.
    """

    path: Path
    q: Float[np.ndarray, " point"]
    intensity: Float[np.ndarray, " point"]
    error: Float[np.ndarray, " point"]


def read_curve(path: Path, angle_by_default: bool, wavelength_A: float) -> MeasuredCurve:
    """Read columns abscissa, intensity and, if there is one, its standard error.

    Parameters
    ----------
    path
        CSV with commas, semicolons, tabs or spaces; lines that begin with # are passed over. A first line of
        names may say what the abscissa is: q_1_A, q_1_nm or two_theta_deg.
    angle_by_default
        Without names, whether the abscissa is 2 theta in degrees rather than q in 1/A.
    wavelength_A
        For angles.

    Raises
    ------
    InputError
        Naming the line that cannot be read; for fewer than five different abscissae, or without any
        intensity above 0.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not text; give columns of numbers (CSV)") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    kind = "angle" if angle_by_default else "q"
    rows: list[tuple[float, float, float]] = []
    named = False
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        cells = _cells(line)
        values = [_float(cell) for cell in cells]
        if not rows and not named and values[0] is None:
            named = True
            name = cells[0].strip().lower()
            if name not in _ABSCISSAS:
                raise InputError(
                    f"{path}, line {number}: the first column is called {cells[0].strip()!r}; call it q_1_A, q_1_nm "
                    "or two_theta_deg"
                )
            kind = _ABSCISSAS[name]
            continue
        if (
            len(values) < 2
            or None in values[:3]
            or not all(math.isfinite(v) for v in values[:3] if v is not None)
        ):
            raise InputError(
                f"{path}, line {number}: {line.strip()[:60]!r} is not two or three numbers "
                "(abscissa, intensity, standard error)"
            )
        error = values[2] if len(values) > 2 and values[2] is not None else math.nan
        if error <= 0:
            raise InputError(f"{path}, line {number}: the standard error must be more than 0, got {error:g}")
        rows.append((float(values[0] or 0.0), float(values[1] or 0.0), error))
        if rows[-1][0] <= 0 or (kind == "angle" and rows[-1][0] >= 180):
            what = (
                "2 theta must lie between 0 and 180 degrees" if kind == "angle" else "q must be more than 0"
            )
            raise InputError(f"{path}, line {number}: {what}, got {rows[-1][0]:g}")
    if len(rows) < _FEWEST_POINTS:
        raise InputError(f"{path}: {len(rows)} points; a curve needs {_FEWEST_POINTS} at least")
    table = np.array(sorted(rows))
    x = table[:, 0]
    different = len(np.unique(x))
    if different < _FEWEST_POINTS:
        raise InputError(
            f"{path}: {len(rows)} points at {different} different abscissa{'e' if different != 1 else ''}; "
            f"a curve needs {_FEWEST_POINTS} at least"
        )
    if not table[:, 1].max() > 0:
        raise InputError(f"{path}: no intensity is above 0; nothing was measured, or its sign is wrong")
    if kind == "angle":
        x = 4 * np.pi / wavelength_A * np.sin(np.radians(x / 2))
    elif kind == "nm":
        x = x / 10
    return MeasuredCurve(path, x, table[:, 1], table[:, 2])


def _cells(line: str) -> list[str]:
    for separator in (";", ",", "\t"):
        if separator in line:
            return [cell for cell in next(csv.reader([line], delimiter=separator))]
    return line.split()


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
