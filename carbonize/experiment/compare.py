"""Simulated and measured, side by side: the table, the overlays, and the files that hold them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from carbonize.errors import InputError
from carbonize.experiment.curve_files import MeasuredCurve
from carbonize.experiment.overlay import Overlay, lay_over
from carbonize.experiment.published import orientation
from carbonize.experiment.simulated import Simulated, value_of
from carbonize.experiment.table_file import QUANTITIES, MeasuredTable

__all__ = ["ALWAYS", "Comparison", "compare", "write_comparison"]

ALWAYS = ("d002_A", "Lc_A", "La_A", "Rg_A", "R_A")
"""Quantities that are listed whether they were measured or not: they cost nothing more."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What was found.

    Attributes
    ----------
    document
        Plain numbers, ready for JSON.
    overlays
        By "xrd" and "saxs".
    """

    document: dict[str, Any]
    overlays: dict[str, Overlay]


def compare(simulated: Simulated, table: MeasuredTable, measured: dict[str, MeasuredCurve]) -> Comparison:
    """Differences in units of the uncertainty, and R factors of overlaid curves.

    Parameters
    ----------
    simulated
        With the parts that ``table`` asks for.
    table
        Measured quantities.
    measured
        Curves by "xrd" and "saxs".

    Returns
    -------
    Comparison
        Its document has ``rows``: per quantity ``simulated``, ``simulated_error``, ``measured``, ``measured_error``,
        ``difference``, ``sigma`` = difference over the root of the sum of squared errors (None without
        any), ``published`` medians, ``reason`` where nothing is simulated; and ``curves`` with ``R``, ``Rw``, ``scale``.

    Raises
    ------
    InputError
        If a curve was measured that the structure does not have, or ranges do not overlap.
    """
    rows = [_row(simulated, table, name) for name in dict.fromkeys([*table.values, *ALWAYS])]
    overlays: dict[str, Overlay] = {}
    for kind, curve in measured.items():
        if kind not in simulated.curves:
            raise InputError(
                f"{simulated.source}: small angles need a structure that is periodic in all directions; leave --saxs out"
            )
        overlays[kind] = lay_over(curve, *simulated.curves[kind], sloping=kind == "xrd")
    document = {
        "schema_version": 1,
        "source": simulated.source,
        "sample": table.name,
        "heat_treatment_C": table.heat_treatment_C,
        "structures": len(simulated.frames),
        "rows": rows,
        "curves": {
            kind: {
                "file": str(measured[kind].path),
                "R": overlay.r_factor,
                "Rw": overlay.weighted_r_factor,
                "scale": overlay.scale,
                "q_range": [float(overlay.q[0]), float(overlay.q[-1])],
                "points": len(overlay.q),
            }
            for kind, overlay in overlays.items()
        },
    }
    return Comparison(document, overlays)


def _row(simulated: Simulated, table: MeasuredTable, name: str) -> dict[str, Any]:
    value, error, reason = value_of(simulated, name)
    measured, measured_error = table.values.get(name, (None, None))
    difference = None if value is None or measured is None else value - measured
    spread = sum(e**2 for e in (error, measured_error) if e is not None) ** 0.5
    return {
        "quantity": name,
        "name": QUANTITIES[name].name,
        "unit": QUANTITIES[name].unit,
        "simulated": value,
        "simulated_error": error,
        "measured": measured,
        "measured_error": measured_error,
        "difference": difference,
        "sigma": difference / spread if difference is not None and spread > 0 else None,
        "published": orientation(name, table.heat_treatment_C),
        "reason": reason if value is None else None,
    }


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write comparison.json, comparison.html and a PNG a curve into ``folder``; the files.

    Raises
    ------
    InputError
        If the folder cannot be made.
    """
    from carbonize.experiment.figures import overlay_figures
    from carbonize.experiment.page import comparison_page
    from carbonize.io.files import write_atomic

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be made: {error.strerror or error}; choose another --out"
        ) from None
    written = []
    pictures = overlay_figures(comparison, folder)
    written += pictures.values()
    text = json.dumps(comparison.document, indent=1, allow_nan=False) + "\n"
    for name, content in (
        ("comparison.json", text),
        ("comparison.html", comparison_page(comparison.document, pictures)),
    ):
        write_atomic(folder / name, content)
        written.append(folder / name)
    return written
