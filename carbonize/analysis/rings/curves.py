"""Curves of the rings: how many of each size there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carbonize.analysis.curves import CurveOptions
from carbonize.analysis.histograms import distribution
from carbonize.analysis.rings.curvature import angle_deficit, rings_in_angles
from carbonize.analysis.rings.rings import LARGEST_RING, SMALLEST_RING, shortest_path_rings

if TYPE_CHECKING:
    import xarray as xr
    from ase import Atoms

__all__ = ["ring_curves"]

_DEFICIT_RAD = np.linspace(-1.5, 1.5, 121)


def ring_curves(atoms: Atoms, options: CurveOptions) -> dict[str, xr.DataArray]:
    """Rings of each size per atom, and the distribution of the curvature (rad) at atoms between three rings."""
    import xarray as xr

    rings = shortest_path_rings(atoms, options.bond_cutoff_A)
    sizes = np.arange(SMALLEST_RING, LARGEST_RING + 1)
    counts = np.bincount(rings.sizes, minlength=LARGEST_RING + 1)[SMALLEST_RING:]
    deficit = angle_deficit(rings_in_angles(rings))
    size = xr.Variable("ring_size", sizes, {"units": "1", "long_name": "atoms of a ring"})
    return {
        "rings_per_atom": xr.DataArray(
            counts / len(atoms),
            coords={"ring_size": size},
            attrs={"units": "1", "long_name": "shortest-path rings per atom"},
        ),
        "angle_deficit_density": distribution(
            deficit,
            _DEFICIT_RAD,
            "angle_deficit_rad",
            "rad",
            "angle missing at an atom",
            "distribution over atoms between three rings",
        ),
    }
