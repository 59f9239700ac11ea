"""Thermally averaged structures: the mean place of every atom over some frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from carbonize.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["averaged"]


def averaged(frames: Sequence[Atoms]) -> Atoms:
    """The last of the frames with every atom at the mean of its positions in all of them.

    Each frame is first mapped into the last one's cell (same fractional coordinates), and each atom
    taken at the image nearest to where it is in the last frame: positions may be wrapped.

    Parameters
    ----------
    frames
        The same atoms in the same order, periodic along the same directions.

    Raises
    ------
    InputError
        Without frames, or if their atoms or boundaries differ.
    """
    if not frames:
        raise InputError("there are no frames to average")
    last = frames[-1]
    if any(
        len(f) != len(last) or (f.numbers != last.numbers).any() or (f.pbc != last.pbc).any() for f in frames
    ):
        raise InputError("frames to be averaged must have the same atoms and boundaries")
    cell = last.cell.complete().array
    here = last.positions @ np.linalg.inv(cell)
    moved = np.zeros_like(here)
    for frame in frames[:-1]:
        away = frame.positions @ np.linalg.inv(frame.cell.complete().array) - here
        moved += away - np.where(last.pbc, np.round(away), 0.0)
    mean = last.copy()
    mean.positions = (here + moved / len(frames)) @ cell
    return mean
