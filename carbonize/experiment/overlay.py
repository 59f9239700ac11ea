"""A simulated curve laid over a measured one, and how well it lies."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float
from scipy.optimize import nnls

from carbonize.errors import InputError
from carbonize.experiment.curve_files import MeasuredCurve

__all__ = ["Overlay", "lay_over"]

_FEWEST_POINTS = 5


@dataclasses.dataclass(frozen=True)
class Overlay:
    """A measured curve and the simulated one scaled to it, where both are known.

    Attributes
    ----------
    q
        1/A.
    measured, error
        The measured intensity, and its standard error as it was weighted.
    simulated, background
        Scaled simulation with its background, and the background alone.
    scale
        Measured unit per simulated one.
    r_factor
        sum |measured - simulated| / sum |measured|.
    weighted_r_factor
        Root of sum (difference / error)^2 / sum (measured / error)^2.
    """

    q: Float[np.ndarray, " point"]
    measured: Float[np.ndarray, " point"]
    error: Float[np.ndarray, " point"]
    simulated: Float[np.ndarray, " point"]
    background: Float[np.ndarray, " point"]
    scale: float
    r_factor: float
    weighted_r_factor: float


def lay_over(
    measured: MeasuredCurve, q: Float[np.ndarray, " q"], simulated: Float[np.ndarray, " q"], sloping: bool
) -> Overlay:
    """Scale a simulated curve and a background to a measured one by least squares; neither can be negative.

    Parameters
    ----------
    measured
        The measurement; points without standard error get the root of their intensity if ``sloping`` (counts),
        else a tenth of it (curves over decades).
    q, simulated
        The simulation; nan where it has no value.
    sloping
        Whether the background may have a slope; else it is flat.

    Raises
    ------
    InputError
        If fewer than five measured points lie within the simulated range, or none of them is above 0.
    """
    known = np.isfinite(simulated)
    inside = (
        (measured.q >= q[known].min()) & (measured.q <= q[known].max()) if known.any() else np.zeros(0, bool)
    )
    if inside.sum() < _FEWEST_POINTS:
        have = f"{q[known].min():.3g} to {q[known].max():.3g}" if known.any() else "nothing"
        raise InputError(
            f"{measured.path}: {int(inside.sum())} points lie in the simulated range ({have} 1/A); "
            f"the file has {measured.q[0]:.3g} to {measured.q[-1]:.3g} 1/A; check the unit of its first column"
        )
    x, y = measured.q[inside], measured.intensity[inside]
    if not y.max() > 0:
        raise InputError(
            f"{measured.path}: no intensity is above 0 between {x[0]:.3g} and {x[-1]:.3g} 1/A, where it can be compared"
        )
    guessed = np.sqrt(np.maximum(np.abs(y), 1e-12)) if sloping else 0.1 * np.abs(y)
    error = np.where(np.isfinite(measured.error[inside]), measured.error[inside], guessed)
    error = np.maximum(error, 1e-6 * max(float(np.abs(y).max()), 1e-300))
    curve = np.interp(x, q[known], simulated[known])
    across = (x - x[0]) / max(np.ptp(x), 1e-12)
    columns = [curve, 1 - across, across] if sloping else [curve, np.ones_like(x)]
    matrix = np.array(columns).T
    heights = nnls(matrix / error[:, None], y / error)[0]
    total = matrix @ heights
    left = y - total
    return Overlay(
        x,
        y,
        error,
        total,
        matrix[:, 1:] @ heights[1:],
        float(heights[0]),
        float(np.abs(left).sum() / np.abs(y).sum()),
        float(np.sqrt(((left / error) ** 2).sum() / ((y / error) ** 2).sum())),
    )
