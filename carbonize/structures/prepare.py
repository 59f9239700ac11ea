"""Bring any periodic structure into the form the engine works in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from carbonize.errors import InputError

__all__ = ["species_indices", "standard_cell"]


def standard_cell(atoms: Any, where: str) -> Any:
    """A copy of ``atoms`` in a right-handed cell that is lower triangular, atoms wrapped into it.

    The engine, GSD and OVITO share this orientation (a along x, b in the xy plane). A
    structure that has it already is only wrapped; others are rotated, left-handed cells
    by taking -c for c, which spans the same lattice.

    Raises
    ------
    InputError
        If the structure is not periodic in all three directions.
    """
    if not np.all(atoms.pbc):
        raise InputError(
            f"{where}: molecular dynamics needs a structure that is periodic in three directions (pbc T T T), "
            "got pbc "
            + " ".join("T" if p else "F" for p in atoms.pbc)
            + "; put the structure into a periodic cell with enough vacuum around it"
        )
    atoms = atoms.copy()
    cell = np.array(atoms.cell.array)
    if np.linalg.det(cell) < 0:
        cell[2] = -cell[2]
        atoms.set_cell(cell, scale_atoms=False)
    upper = cell[np.triu_indices(3, 1)]
    if np.abs(upper).max() > 0 or (np.diag(cell) <= 0).any():
        fractional = atoms.get_scaled_positions(wrap=False)
        standard, _ = atoms.cell.standard_form()
        new = np.tril(standard.array)
        # standard_form keeps signs of lengths positive for right-handed cells up to rounding
        new[np.diag_indices(3)] = np.abs(np.diag(new))
        atoms.set_cell(new, scale_atoms=False)
        atoms.set_positions(fractional @ new)
    atoms.wrap()
    return atoms


def species_indices(
    symbols: Sequence[str], elements: tuple[str, ...], potential: str, where: str
) -> np.ndarray:
    """Index of each atom's element in ``elements``.

    Raises
    ------
    InputError
        Naming the first atom whose element the potential does not know.
    """
    for i, symbol in enumerate(symbols):
        if symbol not in elements:
            raise InputError(
                f"{where}: atom {i} is {symbol}, but the potential {potential} knows only {', '.join(elements)}; "
                "choose another potential or remove these atoms"
            )
    return np.array([elements.index(s) for s in symbols], np.int32)
