"""Bonding's finer numbers, rings and sheets as arrays of analysis.nc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["RING_SIZES", "order_variables"]

RING_SIZES = tuple(range(3, 13))

_SCALARS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "pyramidalization_deg": (
        ("bonding", "pyramidalization_deg"), "degree", "mean pyramidalization angle of atoms with 3 neighbours"
    ),
    "angle_agreement": (
        ("bonding", "angle_agreement"), "1", "fraction: atoms whose bond angles speak for the class they have by count"
    ),
    "edge_fraction": (("bonding", "edge_fraction"), "1", "fraction: atoms at edges of sheets"),
    "edges_mmol_g": (("bonding", "edges_mmol_g"), "mmol/g", "edge atoms"),
    "hexagon_fraction": (("rings", "hexagon_fraction"), "1", "fraction: shortest-path rings of 6 atoms"),
    "rings_total": (("rings", "total"), "1", "shortest-path rings of 3 to 12 atoms"),
    "pentagon_heptagon_pairs": (("rings", "pentagon_heptagon_pairs"), "1", "disjoint pairs that share a bond"),
    "stone_wales": (("rings", "stone_wales"), "1", "bonds between two heptagons with a pentagon at either end"),
    "curvature_mean_rad": (
        ("rings", "gaussian_curvature", "mean_rad"), "rad", "mean angle deficit of atoms between three rings"
    ),
    "curvature_rms_rad": (
        ("rings", "gaussian_curvature", "rms_rad"), "rad", "root mean square angle deficit of these atoms"
    ),
    "sheets": (("sheets", "sheets"), "1", "connected sheets of at least 6 atoms"),
    "sheet_largest_fraction": (("sheets", "largest_fraction"), "1", "fraction: atoms in the largest sheet"),
    "sheet_mean_size": (("sheets", "mean_size"), "1", "mean atoms of a sheet"),
    "layer_spacing_A": (("sheets", "layer_spacing_A"), "angstrom", "mean distance of neighbouring layers"),
    "layer_spacing_spread_A": (("sheets", "layer_spacing_spread_A"), "angstrom", "its standard deviation"),
    "stacked_fraction": (("sheets", "stacked_fraction"), "1", "fraction: sheet atoms with a layer above or below"),
    "layers_mean": (("sheets", "layers_mean"), "1", "mean layers of the stack through an atom of a sheet"),
}  # fmt: skip

Dig = Callable[..., float]


def order_variables(
    collect: Callable[..., np.ndarray], dig: Dig
) -> tuple[dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]], dict[str, list[int]]]:
    """Variables and coordinates for :func:`carbonize.io.results.analysis_dataset`; nan: not computed.

    Parameters
    ----------
    collect
        From a function of a record, and the shape of what it returns, to an array over (replica, frame).
    dig
        A number in nested mappings, nan where there is none.
    """
    two = ("replica", "frame")
    variables: dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]] = {}
    for name, (keys, unit, meaning) in _SCALARS.items():
        values = collect(lambda record, keys=keys: dig(record["frame"], *keys))
        variables[name] = (two, values, {"units": unit, "long_name": meaning})
    counts: Any = collect(
        lambda record: [dig(record["frame"], "rings", str(n)) for n in RING_SIZES], (len(RING_SIZES),)
    )
    meaning = {"units": "1", "long_name": "shortest-path rings of so many atoms"}
    variables["ring_count"] = ((*two, "ring_size"), counts, meaning)
    return variables, {"ring_size": list(RING_SIZES)}
