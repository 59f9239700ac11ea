"""What the OVITO desktop opens: surfaces as files, and a trajectory whose atoms know their pores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from carbonize.analysis.pores.survey import PoreSurvey
from carbonize.io.classified import classified_frame, standard_cell
from carbonize.io.trajectory import TrajectoryWriter
from carbonize.report.mesh_files import write_surfaces
from carbonize.report.scene import coordination_of
from carbonize.report.shots import Look, Shot, atom_radii, in_box
from carbonize.report.surface_nets import Surface
from carbonize.report.surfaces import class_of_atoms, pore_surfaces

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Desktop"]


class Desktop:
    """Writes frame after frame for the desktop.

    Parameters
    ----------
    look
        The view and settings of the pictures; surfaces are cut as they are there.
    surfaces
        Folder of the surfaces, or None.
    gsd
        The trajectory to write, or None.
    centred
        Put the origin of the surfaces at the cell's centre, as GSD files have it, rather than
        where the structure's file has it.
    """

    def __init__(self, look: Look, surfaces: Path | None, gsd: Path | None, centred: bool) -> None:
        self._look = look
        self._folder = surfaces
        self._centred = centred
        self._gsd = gsd
        self._writer: TrajectoryWriter | None = None
        self._frames = 0
        self._written: list[Path] = []

    def add(self, atoms: Atoms, found: PoreSurvey, index: int, shot: Shot | None, several: bool) -> None:
        """Write what one frame has; its survey must be of the look's settings."""
        boxed = in_box(atoms)
        if self._folder is not None:
            surface = shot.surface if shot is not None else None
            if surface is None:
                radii = atom_radii(atoms, self._look.analysis)
                surface = pore_surfaces(boxed, found, radii, self._look.view, self._look.spacing_A)
            moved = Surface(
                self._place(surface.vertices, boxed, found), surface.quads, surface.owner, surface.beyond
            )
            suffix = f"-{index:04d}" if several else ""
            self._written += write_surfaces(moved, self._folder, suffix).values()
        if self._gsd is not None:
            if self._writer is None:
                self._writer = TrajectoryWriter(self._gsd)
            neighbours = coordination_of(boxed, self._look.analysis.bond_cutoff_A)
            boxed.set_array("coordination", neighbours, int)
            self._writer.append(classified_frame(boxed, class_of_atoms(atoms, found), index))
            self._frames += 1

    def _place(self, points: np.ndarray, boxed: Atoms, found: PoreSurvey) -> np.ndarray:
        """Points of the picture's cell where the structure's file, or a GSD file, has them."""
        cell = boxed.cell.array
        shift = self._look.view.shift @ cell
        if not self._centred:
            return points - shift + found.embedding.corner
        standard = standard_cell(cell)
        return ((points - shift) @ np.linalg.inv(cell) - 0.5) @ standard

    def close(self) -> None:
        """Close the trajectory."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def said(self) -> Iterator[str]:
        """What was written, a line each."""
        if self._folder is not None:
            where = "the cell's centre, as in GSD files" if self._centred else "that of the structure's file"
            names = ", ".join(path.name for path in self._written[:8]) or "no pores"
            more = f" and {len(self._written) - 8} more" if len(self._written) > 8 else ""
            yield f"{self._folder}: {names}{more} (origin: {where})"
        if self._gsd is not None:
            yield f"{self._gsd}: {self._frames} frame{'s' if self._frames != 1 else ''} with pore_class"
