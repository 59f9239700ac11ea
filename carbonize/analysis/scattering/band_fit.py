"""Least squares of one band of a powder pattern on a smooth background, and whether there is a band at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import least_squares, nnls

__all__ = ["Band", "fit_shapes", "no_band", "no_rise"]

_LEAST_SIGNAL = 5.0  # height over the scatter of the fit
_LEAST_SHARE = 0.05  # of the height in the pattern

Curve = Float[np.ndarray, " q"]


@dataclasses.dataclass(frozen=True)
class Band:
    """One fitted band.

    Attributes
    ----------
    reason
        Why there is no band to speak of; empty if there is one.
    values, errors
        Fitted parameters and their standard errors.
    q, data, fit, background
        What was fitted and how, intensity over mean square form factor.
    """

    reason: str
    values: dict[str, float]
    errors: dict[str, float]
    q: Curve
    data: Curve
    fit: Curve
    background: Curve


def no_rise(name: str, band: Band) -> str:
    """Why what was fitted is no band to be seen; empty if it is one.

    Every convex curve may be background, the decay from small angles above all: a band lifts the pattern above the
    greatest convex curve below it.
    """
    hull: list[tuple[float, float]] = []
    for q, y in zip(band.q, band.data, strict=True):
        while len(hull) > 1 and _turns_down(hull[-2], hull[-1], (q, y)):
            hull.pop()
        hull.append((float(q), float(y)))
    rise = float((band.data - np.interp(band.q, *np.transpose(hull))).max())
    needed = _least_height(band)
    if rise < needed:
        return f"no {name} peak: the pattern only decays there, {rise:.2g} from convex; {needed:.2g} would do"
    return ""


def _turns_down(before: tuple[float, float], last: tuple[float, float], new: tuple[float, float]) -> bool:
    """Whether the way over three points bends down, so that the middle one is above their hull."""
    return (last[0] - before[0]) * (new[1] - before[1]) <= (last[1] - before[1]) * (new[0] - before[0])


def _least_height(band: Band) -> float:
    scatter = float(np.std(band.data - band.fit))
    return max(_LEAST_SIGNAL * scatter, _LEAST_SHARE * float(np.mean(band.data)))


def no_band(name: str, band: Band, place: float, allowed: tuple[float, float]) -> str:
    """Why there is no band to speak of."""
    over = band.fit - band.background
    scatter = float(np.std(band.data - band.fit))
    height = float(over.max())
    level = float(np.mean(band.data))
    needed = _least_height(band)
    if height < needed:
        if height <= 1e-6 * max(level, scatter):
            return f"no {name} peak: nothing rises above the background there"
        return (
            f"no {name} peak: it would rise {height:.3g} above a background that scatters by {scatter:.2g}; "
            f"{needed:.2g} would do"
        )
    if not allowed[0] < place < allowed[1]:
        return f"no {name} peak between {allowed[0]:g} and {allowed[1]:g} 1/A"
    return ""


def fit_shapes(
    q: Curve,
    reduced: Curve,
    chosen: np.ndarray,
    resolution: float,
    shapes: Callable[[np.ndarray, Curve], list[Curve]],
    starts: list[np.ndarray],
    bounds: tuple[np.ndarray, np.ndarray],
    names: tuple[str, ...],
) -> Band:
    """Least squares in the shapes' parameters; heights and background follow linearly."""
    step = float(q[1] - q[0])
    margin = int(np.ceil(4 * resolution / step))
    first, last = np.flatnonzero(chosen)[[0, -1]]
    # coarser than the pattern: what a band looks like needs no more points than this
    stride = max(1, round(max(0.01, 0.2 * resolution) / step))
    at = q[first] + step * np.arange(-margin, last - first + 1 + margin)
    at = np.maximum(at, 1e-3)
    x, y = q[first : last + 1], reduced[first : last + 1]
    middle = (x - x.mean()) / np.ptp(x)
    backgrounds = [np.ones_like(x), 1 + middle, 1 - middle, (x[0] / x) ** 4]

    def columns(parameters: np.ndarray) -> np.ndarray:
        found = []
        coarse = at[::stride] if stride > 1 else at
        for shape in shapes(parameters, coarse):
            fine = np.interp(at, coarse, shape)
            # a three-dimensional Gaussian smooths q I(q) like one in one dimension
            smooth = gaussian_filter1d(fine * at, resolution / step) / at if resolution > 0 else fine
            found.append(smooth[margin : margin + len(x)])
        return np.array(found + backgrounds).T

    def residual(parameters: np.ndarray) -> np.ndarray:
        matrix = columns(parameters)
        return matrix @ nnls(matrix, y)[0] - y

    best = min(
        (
            least_squares(
                residual,
                np.clip(start, bounds[0] + 1e-6, bounds[1] - 1e-6),
                bounds=bounds,
                x_scale=np.array([0.05, 0.1, 0.3][: len(start)]),
                max_nfev=40,
            )
            for start in starts
        ),
        key=lambda found: found.cost,
    )
    matrix = columns(best.x)
    heights = nnls(matrix, y)[0]
    bands = matrix.shape[1] - len(backgrounds)
    left = y - matrix @ heights
    errors = _errors(best.jac, left)
    values = {name: float(value) for name, value in zip(names, best.x, strict=True)}
    values.update({f"height_{k}": float(heights[k]) for k in range(bands)})
    return Band(
        reason="",
        values=values,
        errors={name: float(error) for name, error in zip(names, errors, strict=True)},
        q=x,
        data=y,
        fit=matrix @ heights,
        background=matrix[:, bands:] @ heights[bands:],
    )


def _errors(jacobian: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Standard errors, the scatter being correlated from point to point."""
    centred = left - left.mean()
    variance = float(centred @ centred) / max(1, len(left) - jacobian.shape[1])
    correlation = np.correlate(centred, centred, "full")[len(left) - 1 :] / max(centred @ centred, 1e-300)
    negative = np.flatnonzero(correlation <= 0)
    length = 1 + 2 * float(correlation[1 : negative[0] if len(negative) else len(left)].sum())
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * variance * length
    return np.sqrt(np.maximum(np.diag(covariance), 0.0))
