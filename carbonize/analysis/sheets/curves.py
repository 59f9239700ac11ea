"""The distribution of layer spacings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carbonize.analysis.curves import CurveOptions
from carbonize.analysis.histograms import distribution
from carbonize.analysis.sheets.layers import FARTHEST_LAYER_A, NEAREST_LAYER_A
from carbonize.analysis.sheets.summary import layer_spacings, sheets_and_layers

if TYPE_CHECKING:
    import xarray as xr
    from ase import Atoms

__all__ = ["sheet_curves"]

_SPACINGS_A = np.linspace(NEAREST_LAYER_A, FARTHEST_LAYER_A, 101)
_LAYERS = 20


def sheet_curves(atoms: Atoms, options: CurveOptions) -> dict[str, xr.DataArray]:
    """Distances of neighbouring layers (A), and in stacks of how many layers the atoms of sheets are."""
    import xarray as xr

    sheets, layers = sheets_and_layers(atoms, options.bond_cutoff_A)
    count = layers.count[sheets.inside]
    shares = np.bincount(np.minimum(count, _LAYERS), minlength=_LAYERS + 1)[1:] / max(1, len(count))
    number = xr.Variable(
        "layers",
        np.arange(1, _LAYERS + 1),
        {"units": "1", "long_name": f"layers of a stack; {_LAYERS}: or more"},
    )
    return {
        "layer_spacing_density": distribution(
            layer_spacings(layers),
            _SPACINGS_A,
            "layer_spacing_A",
            "angstrom",
            "distance of neighbouring layers",
            "distribution over the atoms that they lie above or below",
        ),
        "layers_share": xr.DataArray(
            shares,
            coords={"layers": number},
            attrs={"units": "1", "long_name": "share of the atoms of sheets in such stacks"},
        ),
    }
