"""Which atoms make up sheets, and which way these face."""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int
from numba import njit

from carbonize.analysis.bonds import BondNetwork
from carbonize.analysis.edges import edge_atoms

__all__ = ["SMALLEST_SHEET", "Sheets", "find_sheets"]

SMALLEST_SHEET = 6
"""Atoms of one hexagon; what is smaller is no sheet."""


@dataclasses.dataclass(frozen=True)
class Sheets:
    """Connected sheets of a structure.

    Attributes
    ----------
    label
        Sheet of each atom, the largest 0; -1 for atoms of none.
    sizes
        Atoms of each sheet, falling.
    normal
        Unit vector normal to the sheet at each of its atoms, of either sign; nan where the sheet is too
        narrow to have one.
    """

    label: Int[np.ndarray, " atom"]
    sizes: Int[np.ndarray, " sheet"]
    normal: Float[np.ndarray, "atom 3"]

    @property
    def inside(self) -> Bool[np.ndarray, " atom"]:
        """Whether an atom belongs to a sheet."""
        return self.label >= 0


def find_sheets(network: BondNetwork, numbers: Int[np.ndarray, " atom"]) -> Sheets:
    """Sheets: atoms with three neighbours, and edge atoms, that are connected by bonds to each other.

    Parameters
    ----------
    network
        The bonds.
    numbers
        Atomic numbers; only carbon forms sheets.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    count = network.n_atoms
    member = ((numbers == 6) & (network.coordination == 3)) | edge_atoms(network, numbers)
    kept = member[network.first] & member[network.second]
    first, second = network.first[kept], network.second[kept]
    graph = csr_matrix((np.ones(len(first), dtype=np.int8), (first, second)), shape=(count, count))
    component = connected_components(graph, directed=False)[1]
    size = np.bincount(component[member], minlength=component.max(initial=-1) + 1)
    order = np.argsort(-size, kind="stable")
    order = order[size[order] >= SMALLEST_SHEET]
    place = np.full(len(size), -1)
    place[order] = np.arange(len(order))
    label = np.where(member, place[component], -1)
    return Sheets(label, size[order], _normals(network.start, network.second, network.vector, label))


@njit(cache=True, nogil=True)
def _normals(start, second, vector, label):
    """Normal of the plane through the neighbours' tips, averaged over an atom and its neighbours."""
    count = len(label)
    own = np.zeros((count, 3))
    for i in range(count):
        if label[i] < 0:
            continue
        first = start[i]
        if start[i + 1] - first == 3:
            ax, ay, az = vector[first] - vector[first + 2]
            bx, by, bz = vector[first + 1] - vector[first + 2]
        elif start[i + 1] - first == 2:
            ax, ay, az = vector[first]
            bx, by, bz = vector[first + 1]
        else:
            continue
        own[i, 0], own[i, 1], own[i, 2] = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        length = np.sqrt((own[i] ** 2).sum())
        if length > 1e-6:
            own[i] /= length
        else:
            own[i] = 0.0
    mean = np.full((count, 3), np.nan)
    for i in range(count):
        if label[i] < 0:
            continue
        total = own[i].copy()
        for bond in range(start[i], start[i + 1]):
            j = second[bond]
            if label[j] < 0:
                continue
            along = (own[i] * own[j]).sum()
            total += own[j] if along >= 0 else -own[j]
        length = np.sqrt((total**2).sum())
        if length > 1e-6:
            mean[i] = total / length
    return mean
