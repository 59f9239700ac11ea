"""What no analysis or simulation could make sense of: broken structures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carbonize.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["CLOSEST_ATOMS_A", "FARTHEST_A", "validate_atoms"]

CLOSEST_ATOMS_A = 0.1
"""Two atoms nearer than this are a broken structure."""

FARTHEST_A = 1e7
"""No structure of atoms is a millimetre wide; beyond, distances lose their digits."""


def validate_atoms(atoms: Atoms, where: str = "the structure") -> None:
    """Check that a structure can be analysed or simulated at all.

    Parameters
    ----------
    atoms
        Any structure.
    where
        What the messages call it, for example "x.xyz, frame 3".

    Raises
    ------
    InputError
        Without atoms; with a position or cell vector that is not finite or beyond
        :data:`FARTHEST_A`, a periodic cell without volume, or two atoms (or images) closer
        than :data:`CLOSEST_ATOMS_A`.
    """
    from carbonize.periodic import make_lattice, neighbor_pairs

    if len(atoms) == 0:
        raise InputError(f"{where} has no atoms")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(bad):
        x, y, z = atoms.positions[bad[0]]
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise InputError(
            f"{where}: the position of atom {bad[0]}{more} is not finite ({x:g}, {y:g}, {z:g}); mend the file"
        )
    cell, pbc = atoms.cell.array, np.asarray(atoms.pbc)
    if not np.isfinite(cell).all():
        raise InputError(f"{where}: the cell has a component that is not finite; mend the file")
    for what, vectors in (("position of an atom", atoms.positions), ("cell vector", cell)):
        largest = np.abs(vectors).max()
        if largest > FARTHEST_A:
            raise InputError(f"{where}: a {what} has a component of {largest:.3g} A; lengths are in A")
    if pbc.any():
        periods = cell[pbc]
        lengths = np.linalg.norm(periods, axis=1)
        # the volume spanned by the periodic vectors: a length, an area or a volume
        extent = np.sqrt(max(np.linalg.det(periods @ periods.T), 0.0))
        if not extent > 1e-6 * lengths.prod():
            raise InputError(
                f"{where}: the cell has zero volume along its periodic directions; "
                "give cell vectors, or set the boundary conditions to open (pbc F F F)"
            )
        shortest = np.linalg.norm(make_lattice(cell, pbc).vectors[pbc], axis=1).min()
        if shortest < CLOSEST_ATOMS_A:
            raise InputError(
                f"{where}: a cell vector of {shortest:.3g} A puts each atom on top of its own image; "
                "lengths are in A"
            )
    lattice = make_lattice(cell, pbc)
    wrapped = lattice.fractional(np.asarray(atoms.positions, float)) @ lattice.vectors
    same = _same_voxel(wrapped)
    # many atoms in one place would be too many pairs to hold: one such pair is enough
    few = slice(None) if same is None else list(same)
    pairs = neighbor_pairs(atoms.positions[few], cell, pbc, CLOSEST_ATOMS_A)
    if len(pairs.distance):
        nearest = int(np.argmin(pairs.distance))
        numbers = np.arange(len(atoms))[few]
        one, two = sorted(int(numbers[of[nearest]]) for of in (pairs.first, pairs.second))
        raise InputError(
            f"{where}: atoms {one} and {two} overlap "
            f"({pairs.distance[nearest]:.3g} A apart, images included); remove one of them"
        )


def _same_voxel(positions: np.ndarray) -> tuple[int, int] | None:
    """Two atoms in one cube so small that they certainly overlap; None if there are none."""
    edge = 0.5 * CLOSEST_ATOMS_A  # its diagonal is shorter than the closest distance
    voxels = np.floor(positions / edge).astype(np.int64)
    order = np.lexsort(voxels.T)
    equal = np.flatnonzero((voxels[order[1:]] == voxels[order[:-1]]).all(axis=1))
    return (int(order[equal[0]]), int(order[equal[0] + 1])) if len(equal) else None
