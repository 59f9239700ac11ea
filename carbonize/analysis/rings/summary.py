"""The numbers about rings that are told of a structure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from carbonize.analysis.rings.curvature import angle_deficit, rings_in_angles
from carbonize.analysis.rings.rings import LARGEST_RING, SMALLEST_RING, Rings

__all__ = ["pentagon_heptagon_contacts", "ring_summary", "stone_wales_bonds"]


def ring_summary(rings: Rings) -> dict[str, Any]:
    """Ring statistics of one structure, as plain numbers ready for JSON.

    Returns
    -------
    dict
        "3" to "12": number of shortest-path rings in the cell; ``total``; ``definition``;
        ``hexagon_fraction``, ``non_hexagon_fraction`` (shares of the total, None without rings);
        ``pentagon_heptagon_contacts`` (pentagons and heptagons with a common bond),
        ``pentagon_heptagon_pairs`` (disjoint ones of these, as many as there can be: a Stone-Wales
        defect has two), ``stone_wales`` (bonds between two heptagons with a pentagon at either end);
        ``own_image_rings`` (rings that hold an atom and its own image: the cell is small);
        ``gaussian_curvature``: over atoms between three rings, ``atoms``, ``total_rad``,
        ``mean_rad``, ``rms_rad`` and the shares that are bowls (``positive_fraction``) and saddles
        (``negative_fraction``).
    """
    sizes = rings.sizes
    counts = np.bincount(sizes, minlength=LARGEST_RING + 1)
    total = len(sizes)
    hexagons = float(counts[6]) / total if total else None
    contacts = pentagon_heptagon_contacts(rings)
    in_angles = rings_in_angles(rings)
    return {
        **{str(n): int(counts[n]) for n in range(SMALLEST_RING, LARGEST_RING + 1)},
        "total": total,
        "definition": "shortest-path",
        "hexagon_fraction": hexagons,
        "non_hexagon_fraction": None if hexagons is None else 1.0 - hexagons,
        "pentagon_heptagon_contacts": len(contacts),
        "pentagon_heptagon_pairs": _disjoint(contacts, total),
        "stone_wales": len(stone_wales_bonds(rings, in_angles)),
        "own_image_rings": _own_image_rings(rings),
        "gaussian_curvature": _curvature(angle_deficit(in_angles)),
    }


def pentagon_heptagon_contacts(rings: Rings) -> Int[np.ndarray, "contact 2"]:
    """Pentagon and heptagon of every such pair of rings that share a bond; each pair once."""
    bond = np.minimum(rings.bonds, rings.network.reverse[rings.bonds])
    ring = rings.ring_of_member
    size = rings.sizes[ring]
    five, seven = size == 5, size == 7
    order = np.argsort(bond[seven], kind="stable")
    there, whose = bond[seven][order], ring[seven][order]
    low, high = (np.searchsorted(there, bond[five], side) for side in ("left", "right"))
    pentagon = np.repeat(ring[five], high - low)
    ahead = np.arange(len(pentagon)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    heptagon = whose[np.repeat(low, high - low) + ahead]
    return np.unique(np.stack([pentagon, heptagon], axis=1), axis=0).astype(np.int64)


def stone_wales_bonds(rings: Rings, in_angles: Int[np.ndarray, "atom 3"]) -> Int[np.ndarray, " bond"]:
    """Bonds (from one of their ends) on which two heptagons meet, with a pentagon at both ends.

    That is the rotated bond of a Stone-Wales defect.
    """
    network = rings.network
    three = network.coordination[network.first] == 3
    slot = np.arange(len(network.first)) - network.start[network.first]
    around = in_angles[network.first]
    ahead = np.take_along_axis(around, np.where(three, slot, 0)[:, None], axis=1)[:, 0]
    # of the angles 5, 7, 7 the pentagon is the one that the bond points away from
    fits = three & (ahead == 5) & ((around == 7).sum(axis=1) == 2)
    both = fits & fits[network.reverse]
    return np.flatnonzero(both & (np.arange(len(both)) < network.reverse))


def _disjoint(contacts: np.ndarray, total: int) -> int:
    """How many of the contacts can be chosen so that no ring has two."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    if not len(contacts):
        return 0
    ones = np.ones(len(contacts), dtype=np.int8)
    graph = csr_matrix((ones, (contacts[:, 0], contacts[:, 1])), shape=(total, total))
    return int((maximum_bipartite_matching(graph, perm_type="column") >= 0).sum())


def _own_image_rings(rings: Rings) -> int:
    if not len(rings.bonds):
        return 0
    number = rings.ring_of_member * rings.network.n_atoms + rings.members
    unique, times = np.unique(number, return_counts=True)
    return len(np.unique(unique[times > 1] // rings.network.n_atoms))


def _curvature(deficit: Float[np.ndarray, " atom"]) -> dict[str, Any]:
    inner = deficit[np.isfinite(deficit)]
    if not len(inner):
        empty = ("mean_rad", "rms_rad", "positive_fraction", "negative_fraction")
        return {"atoms": 0, "total_rad": 0.0, **dict.fromkeys(empty)}
    return {
        "atoms": len(inner),
        "total_rad": float(inner.sum()),
        "mean_rad": float(inner.mean()),
        "rms_rad": math.sqrt(float((inner**2).mean())),
        "positive_fraction": float((inner > 1e-9).mean()),
        "negative_fraction": float((inner < -1e-9).mean()),
    }
