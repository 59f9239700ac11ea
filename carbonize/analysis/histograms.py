"""Distributions on fixed grids, as variables with units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["distribution"]


def distribution(
    values: ArrayLike, edges: np.ndarray, axis: str, unit: str, axis_name: str, name: str
) -> xr.DataArray:
    """Normalized histogram: its integral is the share of the values that lie on the grid.

    Parameters
    ----------
    values
        What is counted; not-a-number is left out.
    edges
        Of the bins, evenly spaced or not.
    axis, unit, axis_name
        Name, unit and description of the coordinate (the bins' middles).
    name
        Description of the distribution.
    """
    import xarray as xr

    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    density = np.full(len(edges) - 1, np.nan)
    if len(finite):
        density = np.histogram(finite, edges)[0] / len(finite) / np.diff(edges)
    middle = xr.Variable(axis, (edges[1:] + edges[:-1]) / 2, {"units": unit, "long_name": axis_name})
    return xr.DataArray(density, coords={axis: middle}, attrs={"units": f"1/{unit}", "long_name": name})
