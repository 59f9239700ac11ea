"""Distributions of bond lengths, bond angles and pyramidalization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carbonize.analysis.angles import bond_angles_deg, pyramidalization_deg
from carbonize.analysis.bonds import bond_network
from carbonize.analysis.curves import CurveOptions
from carbonize.analysis.histograms import distribution

if TYPE_CHECKING:
    import xarray as xr
    from ase import Atoms

__all__ = ["bonding_curves"]

_LENGTHS_A = np.linspace(0.8, 2.4, 161)
_ANGLES_DEG = np.linspace(0.0, 180.0, 181)
_PYRAMIDS_DEG = np.linspace(0.0, 60.0, 121)


def bonding_curves(atoms: Atoms, options: CurveOptions) -> dict[str, xr.DataArray]:
    """Bond lengths (A), bond angles and pyramidalization angles (degrees) as distributions."""
    network = bond_network(atoms, options.bond_cutoff_A)
    return {
        "bond_length_density": distribution(
            network.distance, _LENGTHS_A, "bond_length_A", "angstrom", "bond length", "distribution of bonds"
        ),
        "bond_angle_density": distribution(
            bond_angles_deg(network),
            _ANGLES_DEG,
            "bond_angle_deg",
            "degree",
            "angle between two bonds of an atom",
            "distribution of bond angles",
        ),
        "pyramidalization_density": distribution(
            pyramidalization_deg(network),
            _PYRAMIDS_DEG,
            "pyramidalization_deg",
            "degree",
            "pyramidalization angle (POAV1)",
            "distribution over atoms with three neighbours",
        ),
    }
