"""Pictures of frames: atoms by hybridisation, pores by class.

OVITO draws them; where it is missing or cannot draw (it needs Debian's ``libvulkan1`` and
``mesa-vulkan-drivers`` even without a display) matplotlib does, and the returned
:class:`Picture` says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.analysis.pores.survey import PoreSurvey
from carbonize.config.models import AnalysisConfig
from carbonize.report.canvas import Canvas, Drawing
from carbonize.report.scene import Scene, View, build_scene
from carbonize.report.shots import Look, check_classes, draw_shots, take_shot

__all__ = ["Picture", "draw_scenes", "render_atoms", "render_pores"]


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture that was written.

    Attributes
    ----------
    path
        The PNG file.
    renderer
        ``ovito`` or ``matplotlib``.
    note
        Why OVITO did not draw it and what to install; empty if it did.
    """

    path: Path
    renderer: str
    note: str = ""


def render_atoms(
    atoms: Any,
    path: str | Path,
    size: tuple[int, int] = (900, 900),
    pores: Iterable[Mapping[str, Any]] | None = None,
    *,
    view: View | None = None,
    bond_cutoff_A: float = 1.85,
    transparent: bool = False,
) -> Picture:
    """Draw one frame.

    Parameters
    ----------
    atoms
        :class:`ase.Atoms` in a periodic cell.
    path
        The PNG file to write.
    size
        Width and height in pixels.
    pores
        Items as ``carbonize analyze --json`` gives them. With them the atoms are thin and
        grey and the pores coloured by class; without, atoms are coloured by hybridisation.
    view
        What is shown; default the whole cell.
    bond_cutoff_A
        Longest bond that is drawn (A).
    transparent
        Leave the background empty instead of white.

    Raises
    ------
    ValueError
        If the cell has no volume.

    Examples
    --------
    >>> from ase.build import bulk
    >>> picture = render_atoms(bulk("C", cubic=True) * (3, 3, 3), "diamond.png")  # doctest: +SKIP
    """
    scene = build_scene(atoms, pores, view, bond_cutoff_A)
    return draw_scenes([(scene, Path(path))], size, transparent)[0]


def render_pores(
    atoms: Any,
    path: str | Path,
    size: tuple[int, int] = (1000, 1000),
    classes: str | Iterable[str] = CLASS_NAMES,
    *,
    view: View | None = None,
    analysis: AnalysisConfig | None = None,
    found: PoreSurvey | None = None,
    legend: bool = True,
    transparent: bool = False,
    ambient_occlusion: bool = False,
) -> Picture:
    """Draw the surfaces of pores, coloured by class, inside the carbon.

    A surface bounds what a helium atom's body can cover while its centre is in the pore
    (:mod:`carbonize.report.surfaces`).

    Parameters
    ----------
    atoms
        :class:`ase.Atoms` in a cell with a volume.
    path
        The PNG file to write.
    size
        Width and height in pixels, legend included.
    classes
        The classes that are drawn, as "closed,fully-closed" or a sequence.
    view
        What is shown; default the whole cell.
    analysis
        Radii, probes, limits and longest bond; default those of ``carbonize analyze``.
    found
        The survey of ``atoms`` with these settings, if it is known already.
    legend
        Write classes, limits, volumes, a scale bar, and time and temperature (from
        ``atoms.info``) below.
    transparent
        Leave the background empty instead of white.
    ambient_occlusion
        Darken crevices; slower.

    Raises
    ------
    InputError
        For an unknown class, a cell without volume, or a structure that cannot be analysed.

    Examples
    --------
    >>> from ase.build import bulk
    >>> picture = render_pores(bulk("C", "sc", a=7.0) * (2, 2, 2), "pores.png")  # doctest: +SKIP
    """
    look = Look(
        pores=True,
        classes=check_classes(classes),
        size=size,
        view=view or View(),
        legend=legend,
        transparent=transparent,
        ambient_occlusion=ambient_occlusion,
        analysis=analysis or AnalysisConfig(),
    )
    with Canvas() as canvas:
        draw_shots(canvas, ((take_shot(atoms, look, found), Path(p)) for p in [path]), look)
        return Picture(Path(path), canvas.renderer, canvas.note)


def draw_scenes(
    scenes: Sequence[tuple[Scene, Path]], size: tuple[int, int] = (900, 900), transparent: bool = False
) -> list[Picture]:
    """Draw several scenes, each into its PNG file, starting OVITO once for all of them."""
    if not scenes:
        return []
    with Canvas() as canvas:
        for scene, path in scenes:
            canvas.draw(Drawing(scene, path, size, transparent))
        paths = canvas.finish()
        return [Picture(path, canvas.renderer, canvas.note) for path in paths]
