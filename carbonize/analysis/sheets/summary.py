"""The numbers about sheets and stacks that are told of a structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from carbonize.analysis.bonds import BondNetwork, bond_network
from carbonize.analysis.sheets.layers import FARTHEST_LAYER_A, NEAREST_LAYER_A, Layers, find_layers
from carbonize.analysis.sheets.members import SMALLEST_SHEET, Sheets, find_sheets

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["layer_spacings", "sheet_summary", "sheets_and_layers"]

_BIN_A = 0.05
_MOST_BINNED = 8


def sheets_and_layers(
    atoms: Atoms, bond_cutoff_A: float = 1.85, network: BondNetwork | None = None
) -> tuple[Sheets, Layers]:
    """Sheets of a structure, and what lies above and below each of their atoms."""
    network = bond_network(atoms, bond_cutoff_A) if network is None else network
    sheets = find_sheets(network, atoms.numbers)
    return sheets, find_layers(sheets, atoms.positions, atoms.cell.array, atoms.pbc)


def layer_spacings(layers: Layers) -> Float[np.ndarray, " side"]:
    """Distance (A) of every layer from every atom that it lies above or below."""
    return layers.spacing_A[np.isfinite(layers.spacing_A)]


def sheet_summary(
    atoms: Atoms, bond_cutoff_A: float = 1.85, network: BondNetwork | None = None
) -> dict[str, Any]:
    """Statistics of sheets and stacks of one structure, as plain numbers ready for JSON.

    Returns
    -------
    dict
        ``sheets`` (connected sheets of at least six atoms), ``atom_fraction`` (atoms in them),
        ``mean_size`` and ``weighted_size`` (atoms; mean over sheets, and over the atoms of sheets),
        ``largest`` (atoms), ``largest_fraction`` (of all atoms), ``sizes`` (sheets by powers of two of their
        atoms: keys "6-7", "8-15" and so on); ``layer_spacing_A`` (mean), ``layer_spacing_mode_A``,
        ``layer_spacing_spread_A`` (standard deviation) of neighbouring layers in real space;
        ``stacked_fraction`` (of the atoms of sheets, those with a layer above or below), ``layers_mean``
        (layers of the stack through an atom of a sheet, single layers included),
        ``layers_mean_stacked`` (without those), ``layers`` (share of the atoms of sheets in stacks of
        "1", "2" to "8+" layers), ``endless_fraction`` (atoms whose stack comes to its own image),
        and ``layer_range_A``, what is counted as a spacing. None where there is nothing to count.
    """
    sheets, layers = sheets_and_layers(atoms, bond_cutoff_A, network)
    count = layers.count[sheets.inside]
    spacing = layer_spacings(layers)
    stacked = count > 1
    sizes = sheets.sizes
    members = int(sizes.sum())
    shares = np.bincount(np.minimum(count, _MOST_BINNED), minlength=_MOST_BINNED + 1)[1:]
    return {
        "sheets": len(sizes),
        "atom_fraction": members / len(atoms),
        "mean_size": float(sizes.mean()) if members else None,
        "weighted_size": float((sizes.astype(float) ** 2).sum() / members) if members else None,
        "largest": int(sizes.max(initial=0)),
        "largest_fraction": float(sizes.max(initial=0) / len(atoms)),
        "sizes": _by_powers(sizes),
        "layer_spacing_A": float(spacing.mean()) if len(spacing) else None,
        "layer_spacing_mode_A": _mode(spacing),
        "layer_spacing_spread_A": float(spacing.std()) if len(spacing) else None,
        "stacked_fraction": float(stacked.mean()) if members else None,
        "layers_mean": float(count.mean()) if members else None,
        "layers_mean_stacked": float(count[stacked].mean()) if stacked.any() else None,
        "layers": {
            f"{k + 1}{'+' if k + 1 == _MOST_BINNED else ''}": float(n / members)
            for k, n in enumerate(shares)
            if members
        },
        "endless_fraction": float(layers.endless[sheets.inside].mean()) if members else None,
        "layer_range_A": [NEAREST_LAYER_A, FARTHEST_LAYER_A],
    }


def _by_powers(sizes: np.ndarray) -> dict[str, int]:
    found: dict[str, int] = {}
    low = SMALLEST_SHEET
    while low <= sizes.max(initial=0):
        high = 2 ** int(low).bit_length() - 1
        found[f"{low}-{high}"] = int(((sizes >= low) & (sizes <= high)).sum())
        low = high + 1
    return found


def _mode(spacing: np.ndarray) -> float | None:
    """Where the spacings are densest: the mean of those near the middle of the fullest bin."""
    if not len(spacing):
        return None
    edges = np.arange(NEAREST_LAYER_A - _BIN_A, FARTHEST_LAYER_A + 2 * _BIN_A, _BIN_A)
    top = int(np.histogram(spacing, edges)[0].argmax())
    near = np.abs(spacing - (edges[top] + edges[top + 1]) / 2) <= 1.5 * _BIN_A
    return float(spacing[near].mean())
