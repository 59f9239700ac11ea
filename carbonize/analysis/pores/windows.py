"""The open windows between the pores: the void in the faces of the tessellation."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

__all__ = ["window_areas"]


def window_areas(
    triangle: Float[np.ndarray, "face 3 3"], ball_radius: Float[np.ndarray, "face 3"]
) -> Float[np.ndarray, " face"]:
    """Area (A^2) of triangles outside the balls around their corners.

    Each triangle is cut into six right triangles by its (power) centre and the feet on its
    sides; in each of them the ball of one corner covers a circular sector, up to the
    opposite side. Right triangles of a centre outside the triangle count as negative.

    Parameters
    ----------
    triangle
        Corners (A).
    ball_radius
        Radius (A) of the ball around each corner: atom and probe.
    """
    area = np.zeros(len(triangle))
    for corner in range(3):
        for step in (1, 2):
            i, j, k = corner, (corner + step) % 3, (corner + 3 - step) % 3
            side = triangle[:, j] - triangle[:, i]
            length = np.linalg.norm(side, axis=1)
            along = side / length[:, None]
            third = triangle[:, k] - triangle[:, i]
            x = np.einsum("fi,fi->f", third, along)
            y = np.linalg.norm(third - x[:, None] * along, axis=1)
            ri, rj, rk = ball_radius[:, i], ball_radius[:, j], ball_radius[:, k]
            foot = (length**2 + ri**2 - rj**2) / (2 * length)
            height = (x**2 + y**2 - 2 * x * foot + ri**2 - rk**2) / (2 * y)
            area += np.sign(foot) * np.sign(height) * _outside(np.abs(foot), np.abs(height), ri)
    return np.maximum(area, 0.0)


def _outside(foot: np.ndarray, height: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Area of right triangles outside a circle about the corner at the end of the side ``foot``."""
    beyond = np.sqrt(np.maximum(radius**2 - foot**2, 0.0))  # where the circle crosses the other side
    angle = np.arctan2(height, foot) - np.arctan2(beyond, foot)
    return np.where(height > beyond, 0.5 * foot * (height - beyond) - 0.5 * radius**2 * angle, 0.0)
