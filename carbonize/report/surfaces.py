"""The surfaces of the pores of a structure, class by class.

A pore's surface is that of the space which a helium atom's body can cover while its centre
is in the pore (see :mod:`carbonize.report.void_grid`): where it touches the carbon, it lies
on the atoms' hard spheres. Surfaces are cut by the cell's border, or by a slice's, and
closed there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.analysis.pores.survey import HELIUM_DIAMETER_A, PoreSurvey
from carbonize.report.scene import View
from carbonize.report.surface_nets import Surface, make_surfaces
from carbonize.report.void_grid import sample_void

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["SPACING_A", "class_of_atoms", "pore_surfaces"]

SPACING_A = 0.45
"""Step of the grid in cells of up to half a million such voxels; up to a half larger in larger ones."""

_USUAL_VOXELS, _COARSER = 500_000, 3 / 2  # of a larger cell a picture has fewer pixels for an A
_MOST_VOXELS = 24_000_000
_FIRST_REACH_A = 1.5


def pore_surfaces(
    atoms: Atoms,
    found: PoreSurvey,
    radii_A: np.ndarray,
    view: View | None = None,
    spacing_A: float = SPACING_A,
) -> Surface:
    """Closed surfaces around the pores, ``owner`` and ``beyond`` being places in :data:`CLASS_NAMES`.

    Parameters
    ----------
    atoms
        In a periodic cell with a volume.
    found
        The survey of the same structure.
    radii_A
        Hard-sphere radius of each atom, as in the survey.
    view
        The slice and the shift of the cell; the vertices lie where the picture shows them.
    spacing_A
        Step of the grid on which the void is sampled (A); see :data:`SPACING_A`.
    """
    view = view or View()
    cell = np.array(atoms.cell.array, dtype=float)
    low, high = view.limits(cell)
    shift = view.shift @ cell
    nodes = np.flatnonzero(found.pore >= 0)
    if not len(nodes):
        nothing = np.zeros(0, dtype=np.int64)
        return Surface(np.zeros((0, 3)), np.zeros((0, 4), dtype=np.int64), nothing, nothing)
    helium = found.probes["He"].diameter_A if "He" in found.probes else HELIUM_DIAMETER_A
    volume = abs(np.linalg.det(cell))
    spacing = min(max(spacing_A, (volume / _USUAL_VOXELS) ** (1 / 3)), _COARSER * spacing_A)
    spacing = max(spacing, (volume / _MOST_VOXELS) ** (1 / 3))
    kind = np.array([CLASS_NAMES.index(pore.class_name) for pore in found.pores])
    grid = sample_void(
        cell,
        np.asarray(atoms.positions, dtype=float) + shift,
        np.asarray(radii_A, dtype=float),
        found.position_A[nodes] - found.embedding.corner + shift,
        found.clearance_A[nodes],
        kind[found.pore[nodes]],
        0.5 * helium,
        spacing,
    )
    return make_surfaces(grid.field_A, grid.kind, cell, low, high)


def class_of_atoms(atoms: Atoms, found: PoreSurvey) -> np.ndarray:
    """Class of the pore nearest to each atom.

    Parameters
    ----------
    atoms, found
        A structure in a periodic cell and its survey.

    Returns
    -------
    array
        One integer an atom: 1 open, 2 quasi-closed, 3 closed, 4 fully closed, that is 1 + the
        place in :data:`CLASS_NAMES`; all 0 where there are no pores. Near is what is near to
        the surface of the atom; of several pores at the same distance it is the widest.
    """
    nearest = np.zeros(len(atoms), dtype=np.int64)
    nodes = np.flatnonzero(found.pore >= 0)
    if not len(nodes):
        return nearest
    cell = found.embedding.cell
    inverse = np.linalg.inv(cell)
    kind = 1 + np.array([CLASS_NAMES.index(pore.class_name) for pore in found.pores])[found.pore[nodes]]
    centre, clearance = found.position_A[nodes] - found.embedding.corner, found.clearance_A[nodes]
    positions = found.embedding.wrap(np.asarray(atoms.positions, float)) - found.embedding.corner
    left = np.arange(len(atoms))
    reach = _FIRST_REACH_A + 1.7
    while len(left):
        tree = KDTree(positions[left])
        radius = clearance + reach
        margin = radius[:, None] * np.linalg.norm(inverse, axis=0)
        place = centre @ inverse
        atom, node, gap = [], [], []
        most = np.ceil(margin.max(axis=0)).astype(int)
        for step in np.ndindex(*(2 * most + 1)):
            image = place + np.array(step) - most
            near = np.flatnonzero(((image > -margin) & (image < 1 + margin)).all(axis=1))
            hits = tree.query_ball_point(image[near] @ cell, radius[near])
            counts = np.array([len(h) for h in hits], dtype=np.int64)
            if not counts.sum():
                continue
            own = np.concatenate([np.asarray(h, dtype=np.int64) for h in hits])
            of = np.repeat(near, counts)
            middle = np.repeat(image[near] @ cell, counts, axis=0)
            atom.append(own)
            node.append(of)
            gap.append(np.linalg.norm(positions[left][own] - middle, axis=1) - clearance[of])
        if atom:
            own, of = np.concatenate(atom), np.concatenate(node)
            # to a hundredth of an A all spheres that touch the atom are equally near
            order = np.lexsort((-clearance[of], np.round(np.concatenate(gap), 2), own))
            first, at = np.unique(own[order], return_index=True)
            nearest[left[first]] = kind[of[order][at]]
            left = np.delete(left, first)
        reach *= 2
    return nearest
