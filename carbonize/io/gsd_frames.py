"""Frames of GSD files (https://gsd.readthedocs.io, schema hoomd) as ASE atoms."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carbonize.errors import InputError, first_line

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["atoms_from_gsd", "open_gsd"]


def open_gsd(path: Path) -> Any:
    """A GSD file opened for reading (:class:`gsd.hoomd.HOOMDTrajectory`), looked over before.

    Raises
    ------
    InputError
        If it is damaged.
    """
    import gsd.hoomd

    from carbonize.io.gsd_layout import check_gsd

    tries = 4
    while True:
        tries -= 1
        check_gsd(path)
        try:
            return gsd.hoomd.open(str(path), "r")
        except Exception as error:
            # a run that appends a frame in this moment looks damaged to the library
            if tries == 0 or not isinstance(error, RuntimeError):
                raise InputError(f"{path}: not a readable GSD file: {first_line(error)}") from None
            time.sleep(0.01)


def atoms_from_gsd(frame: Any, where: str = "the frame") -> Atoms:
    """ASE atoms of one GSD frame (schema hoomd), lengths in A, origin at the cell's corner.

    ``info`` has ``step`` and every logged scalar (our own without the prefix ``carbonize/``),
    ``arrays`` every logged per-particle value.
    """
    from ase import Atoms
    from ase.data import chemical_symbols

    particles = frame.particles
    count = int(particles.N)
    types = [str(name) for name in particles.types]
    unknown = [name for name in types if name not in chemical_symbols]
    if unknown:
        raise InputError(
            f"{where}: particle type {unknown[0]!r} is not a chemical element; name the types after elements"
        )
    position = np.zeros((count, 3)) if particles.position is None else particles.position
    cell, pbc = _cell_from_hoomd(frame.configuration)
    # HOOMD's origin is the centre of the box, ASE's a corner
    positions = np.asarray(position, dtype=float) + cell.sum(axis=0) / 2
    typeid = np.zeros(count, dtype=int) if particles.typeid is None else particles.typeid
    if np.shape(position) != (count, 3) or np.shape(typeid) != (count,):
        raise InputError(f"{where}: positions or types are not those of {count} particles")
    if count and not 0 <= int(np.min(typeid)) <= int(np.max(typeid)) < len(types):
        raise InputError(f"{where}: a particle is of a type that the file does not name")
    atoms = Atoms([types[k] for k in typeid], positions=positions, cell=cell, pbc=pbc)
    atoms.info["step"] = int(frame.configuration.step or 0)
    for key, value in frame.log.items():
        array = np.asarray(value)
        if key.startswith("particles/") and len(array) == count:
            # ASE's writers know no unsigned numbers
            array = array.astype(np.int64) if array.dtype.kind == "u" else array
            atoms.new_array(key.removeprefix("particles/"), array)
        elif array.size == 1:
            atoms.info[key.removeprefix("carbonize/")] = array.reshape(()).item()
    return atoms


def _cell_from_hoomd(configuration: Any) -> tuple[np.ndarray, np.ndarray]:
    """Cell vectors as rows (A) and periodicity from HOOMD's Lx, Ly, Lz, xy, xz, yz.

    A length of zero, or the third of a two-dimensional box, is an open direction.
    """
    box = configuration.box
    lx, ly, lz, xy, xz, yz = (float(value) for value in (np.zeros(6) if box is None else box))
    if configuration.dimensions == 2:
        lz = xz = yz = 0.0
    cell = np.array([[lx, 0.0, 0.0], [xy * ly, ly, 0.0], [xz * lz, yz * lz, lz]])
    return cell, np.array([lx != 0, ly != 0, lz != 0])
