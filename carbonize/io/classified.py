"""Frames whose atoms know the class of their nearest pore, for OVITO to colour them by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carbonize.errors import InputError
from carbonize.io.trajectory import make_frame, set_coordination

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["classified_frame", "standard_cell"]

_SCALARS = ("time_ps", "temperature_K", "target_K")


def standard_cell(cell: np.ndarray) -> np.ndarray:
    """The same cell (rows are vectors, A) turned so that it is lower triangular, as GSD wants it."""
    if np.linalg.det(cell) < 0:
        raise InputError("the cell is left-handed, which GSD cannot hold; exchange two of its vectors")
    orthogonal, upper = np.linalg.qr(np.asarray(cell, float).T)
    del orthogonal
    return (np.sign(np.diag(upper))[:, None] * upper).T


def classified_frame(atoms: Atoms, pore_class: np.ndarray, number: int) -> Any:
    """A GSD frame of a structure in a periodic cell.

    Parameters
    ----------
    atoms
        With ``step``, ``time_ps``, ``temperature_K`` in ``info`` and ``coordination`` in ``arrays``
        where they are known.
    pore_class
        One number an atom; becomes the logged quantity ``particles/pore_class``.
    number
        The frame's step, if it has none of its own.
    """
    cell = np.asarray(atoms.cell.array, float)
    standard = standard_cell(cell)
    scalars = {key: float(atoms.info[key]) for key in _SCALARS if key in atoms.info}
    frame = make_frame(
        atoms.positions @ np.linalg.inv(cell) @ standard,
        standard,
        atoms.get_chemical_symbols(),
        atoms.get_masses(),
        int(atoms.info.get("step", number)),
        scalars,
    )
    if "coordination" in atoms.arrays:
        set_coordination(frame, atoms.arrays["coordination"])
    frame.log["particles/pore_class"] = np.asarray(pore_class, np.uint32)
    return frame
