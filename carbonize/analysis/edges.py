"""Where sheets end: edge atoms, dangling atoms, and the bonds that are missing there."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from carbonize.analysis.angles import mean_angle_deg
from carbonize.analysis.bonds import BondNetwork

__all__ = ["LINEAR_FROM_DEG", "EdgeCounts", "edge_atoms", "radicals"]

LINEAR_FROM_DEG = 150.0
"""Half way between the angles of a chain (180) and of a sheet (120)."""


@dataclasses.dataclass(frozen=True)
class EdgeCounts:
    """Bonds that are missing, counted in two ways.

    Attributes
    ----------
    high
        One for every bent atom with two neighbours and every chain end, two for every lone atom.
    low
        The same, where such atoms that are bonded to each other have paired their electrons, as
        in the triple bonds of bare armchair edges: one is left of an odd group, none of an even one.
    """

    high: int
    low: int


def edge_atoms(
    network: BondNetwork, numbers: Int[np.ndarray, " atom"], angles: Float[np.ndarray, " atom"] | None = None
) -> Bool[np.ndarray, " atom"]:
    """Which atoms are the edge of a sheet.

    An edge atom is a carbon with two carbon neighbours and a bond angle below
    :data:`LINEAR_FROM_DEG` between them, or with a third neighbour that is no carbon, of whose
    carbon neighbours at least one has three neighbours or is such an atom itself. So chains,
    tips and the surface of diamond are no edges, and hydrogen does not hide one.

    Parameters
    ----------
    network
        The bonds.
    numbers
        Atomic numbers.
    angles
        :func:`carbonize.analysis.angles.mean_angle_deg`, if it is there.
    """
    carbon = numbers == 6
    with_carbon = np.bincount(network.first[carbon[network.second]], minlength=network.n_atoms)
    angle = mean_angle_deg(network) if angles is None else angles
    with np.errstate(invalid="ignore"):
        bent = (network.coordination == 2) & (angle < LINEAR_FROM_DEG)
    candidate = carbon & (with_carbon == 2) & (bent | (network.coordination == 3))
    of_sheet = (carbon & (network.coordination == 3)) | candidate
    held = np.zeros(network.n_atoms, dtype=bool)
    held[network.first[of_sheet[network.second]]] = True
    return candidate & held


def radicals(
    network: BondNetwork, numbers: Int[np.ndarray, " atom"], angles: Float[np.ndarray, " atom"] | None = None
) -> EdgeCounts:
    """Bonds that carbon atoms lack, from the geometry alone; nothing is known of the electrons.

    Arguments are those of :func:`edge_atoms`.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    angle = mean_angle_deg(network) if angles is None else angles
    with np.errstate(invalid="ignore"):
        bent = (network.coordination == 2) & (angle < LINEAR_FROM_DEG)
    carbon = numbers == 6
    one = np.flatnonzero(carbon & (bent | (network.coordination == 1)))
    lone = int((carbon & (network.coordination == 0)).sum())
    place = np.full(network.n_atoms, -1)
    place[one] = np.arange(len(one))
    a, b = place[network.first], place[network.second]
    kept = (a >= 0) & (b >= 0)
    graph = csr_matrix((np.ones(int(kept.sum())), (a[kept], b[kept])), shape=(len(one), len(one)))
    groups = np.bincount(connected_components(graph, directed=False)[1]) if len(one) else np.zeros(0, int)
    return EdgeCounts(high=len(one) + 2 * lone, low=int((groups % 2).sum()) + 2 * lone)
