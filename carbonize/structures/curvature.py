"""Radius of curvature of a piece of sheet, by least squares."""

from __future__ import annotations

from typing import Literal

import numpy as np

__all__ = ["cylinder_radius_A", "fitted_radius_A", "sphere_radius_A"]

_AXES = 24


def sphere_radius_A(points: np.ndarray) -> float:
    """Radius (A) of the sphere through points (atom, 3); large for flat ones.

    >>> corners = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0.0]])
    >>> round(sphere_radius_A(corners), 9)
    1.0
    """
    return _round_fit(points)[1]


def cylinder_radius_A(points: np.ndarray) -> float:
    """Radius (A) of the cylinder through points (atom, 3); large for flat ones."""
    from scipy.optimize import least_squares

    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)

    def distances(x: np.ndarray) -> np.ndarray:
        """From an axis of direction x[0] (in the plane of best fit) and x[1] (out of it) and place x[2:]."""
        turned = np.cos(x[0]) * axes[0] + np.sin(x[0]) * axes[1]
        along = np.cos(x[1]) * turned + np.sin(x[1]) * axes[2]
        away = centred - x[2] * np.cross(axes[2], turned) - x[3] * axes[2]
        return np.sqrt((away**2).sum(1) - (away @ along) ** 2)

    starts = []
    for angle in np.pi * np.arange(_AXES) / _AXES:
        across = np.cos(angle) * axes[1] - np.sin(angle) * axes[0]
        centre, _, misfit = _round_fit(centred @ np.stack([across, axes[2]], axis=1))
        starts.append((misfit, [angle, 0.0, *centre]))
    done = least_squares(
        lambda x: distances(x) - distances(x).mean(), min(starts, key=lambda s: s[0])[1], max_nfev=200
    )
    return float(distances(done.x).mean())


def fitted_radius_A(points: np.ndarray, shape: Literal["sphere", "cylinder", "flat"]) -> float:
    """Radius (A) of the fitted cylinder, or else of the fitted sphere."""
    return cylinder_radius_A(points) if shape == "cylinder" else sphere_radius_A(points)


def _round_fit(points: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Centre from the mean, radius of the circle or sphere through points, and the mean square misfit of the distance.

    |x - c|^2 = R^2 is linear in c and R^2 - c^2 (Kasa, IEEE Trans. Instrum. Meas. 25 (1976) 8). That fit
    finds rough sheets too curved, so it is only the start of one of the distances themselves.
    """
    from scipy.optimize import least_squares

    centred = points - points.mean(axis=0)
    left = np.column_stack([2 * centred, np.ones(len(centred))])
    solution, *_ = np.linalg.lstsq(left, (centred**2).sum(1), rcond=1e-12)

    def misfit(centre: np.ndarray) -> np.ndarray:
        distance = np.sqrt(((centred - centre) ** 2).sum(1))
        return distance - distance.mean()

    centre = least_squares(misfit, solution[:-1], max_nfev=200).x
    radius = float(np.sqrt(((centred - centre) ** 2).sum(1)).mean())
    return centre, radius, float((misfit(centre) ** 2).mean())
