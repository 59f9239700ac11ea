"""Surfaces of pores as files: legacy VTK polygons, which OVITO and ParaView open."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.io.files import write_atomic
from carbonize.report.surface_nets import Surface, triangles

__all__ = ["vtk_polygons", "write_surfaces"]


def vtk_polygons(surface: Surface, title: str) -> str:
    """A surface's triangles as the text of a legacy VTK file (version 3.0, ASCII)."""
    faces = triangles(surface)
    text = io.StringIO()
    text.write(f"# vtk DataFile Version 3.0\n{title}\nASCII\nDATASET POLYDATA\n")
    text.write(f"POINTS {len(surface.vertices)} double\n")
    np.savetxt(text, surface.vertices, fmt="%.5f")
    text.write(f"POLYGONS {len(faces)} {4 * len(faces)}\n")
    np.savetxt(text, np.column_stack([np.full(len(faces), 3), faces]), fmt="%d")
    return text.getvalue()


def write_surfaces(surface: Surface, folder: Path, suffix: str = "") -> dict[str, Path]:
    """Write one file a class, ``pores-CLASS.vtk``; the files of the classes that have a pore.

    Parameters
    ----------
    surface
        Closed surfaces; ``owner`` counts in :data:`CLASS_NAMES`.
    folder
        Exists. A file of an earlier call whose class has no pore now is removed.
    suffix
        Put behind the class's name, for example a frame's number.
    """
    written = {}
    for number, name in enumerate(CLASS_NAMES):
        path = folder / f"pores-{name}{suffix}.vtk"
        part = surface.part(surface.owner == number)
        if len(part.quads):
            write_atomic(path, vtk_polygons(part, f"{name} pores, lengths in A"))
            written[name] = path
        else:
            path.unlink(missing_ok=True)
    return written
