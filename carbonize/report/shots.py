"""From a frame to what is drawn of it: the void is found, the scene arranged, the legend written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgb

from carbonize.analysis.pores.classify import CLASS_NAMES, class_totals
from carbonize.analysis.pores.survey import PoreSurvey, survey
from carbonize.config.models import AnalysisConfig
from carbonize.errors import InputError
from carbonize.report.canvas import Canvas, Drawing
from carbonize.report.coloring import color_atoms
from carbonize.report.legend import (
    Course,
    Legend,
    atom_legend,
    clock,
    legend_height,
    pore_legend,
    write_legend,
)
from carbonize.report.scene import Scene, View, build_scene
from carbonize.report.surface_nets import Surface
from carbonize.report.surfaces import SPACING_A, pore_surfaces

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Look", "Shot", "atom_radii", "check_classes", "draw_shots", "find_void", "in_box", "take_shot"]


@dataclasses.dataclass(frozen=True)
class Look:
    """How frames are drawn.

    Attributes
    ----------
    pores
        Draw the surfaces of the pores in grey carbon, rather than the atoms by hybridisation.
    classes
        The classes of pores that are drawn.
    size
        Width and height of the picture in pixels, legend included.
    view
        Slice and centre.
    color
        What the colours of atoms say (:data:`~carbonize.report.coloring.COLORINGS`); None: hybridisation,
        or beside pores nothing (grey).
    legend
        Whether there is one.
    dpi
        Pixels an inch at which a picture will be printed; letters are large enough for that.
    history
        Times (ps) and temperatures (K) of the run, drawn beside the clock; None: only numbers.
    transparent
        Leave the background empty instead of white.
    ambient_occlusion
        Darken crevices (slower).
    spacing_A
        Step of the grid from which surfaces are made.
    analysis
        Radii, probes, limits and longest bond.
    """

    pores: bool = False
    classes: tuple[str, ...] = CLASS_NAMES
    size: tuple[int, int] = (1000, 1000)
    view: View = dataclasses.field(default_factory=View)
    color: str | None = None
    legend: bool = True
    dpi: int | None = 300
    history: tuple[np.ndarray, np.ndarray] | None = None
    transparent: bool = False
    ambient_occlusion: bool = False
    spacing_A: float = SPACING_A
    analysis: AnalysisConfig = dataclasses.field(default_factory=AnalysisConfig)


@dataclasses.dataclass(frozen=True)
class Shot:
    """A frame ready to be drawn; ``surface`` is None unless pores are."""

    scene: Scene
    legend: Legend
    surface: Surface | None


def check_classes(classes: str | Iterable[str]) -> tuple[str, ...]:
    """Names of pore classes, in the order of the entrance; "closed,fully-closed" or a sequence.

    Raises
    ------
    InputError
        For an unknown name, or none.
    """
    names = classes.split(",") if isinstance(classes, str) else list(classes)
    names = [str(name).strip() for name in names]
    for name in names:
        if name not in CLASS_NAMES:
            raise InputError(f"unknown pore class {name!r} (known: {', '.join(CLASS_NAMES)})")
    if not names:
        raise InputError(f"no pore class given (known: {', '.join(CLASS_NAMES)})")
    return tuple(name for name in CLASS_NAMES if name in names)


def atom_radii(atoms: Atoms, analysis: AnalysisConfig) -> np.ndarray:
    """Hard-sphere radius (A) of each atom."""
    from carbonize.analysis.radii import element_radii

    symbols = atoms.get_chemical_symbols()
    table = element_radii(symbols, analysis.radii_A)
    return np.array([table[symbol] for symbol in symbols])


def find_void(atoms: Atoms, analysis: AnalysisConfig) -> PoreSurvey:
    """The survey of a structure with the settings of an analysis.

    Raises
    ------
    InputError
        For a structure that cannot be analysed.
    """
    from carbonize.analysis.radii import atom_radii
    from carbonize.io.validation import validate_atoms

    validate_atoms(atoms)
    return survey(
        atoms,
        atom_radii(atoms.get_chemical_symbols(), analysis.radii_A),
        analysis.probes_A,
        analysis.persistence_A,
        analysis.class_limits_A,
    )


def in_box(atoms: Atoms) -> Atoms:
    """The structure in a periodic cell: its own, or with vacuum along open directions.

    Raises
    ------
    InputError
        If the cell has no volume.
    """
    from carbonize.analysis.pores.embedding import embed

    if not abs(atoms.cell.volume) > 1e-9:
        raise InputError("the cell has no volume, and a picture needs one; give the structure a cell")
    embedding = embed(atoms)
    boxed = atoms.copy()
    boxed.positions -= embedding.corner
    boxed.set_cell(embedding.cell)
    boxed.pbc = True
    return boxed


def take_shot(atoms: Atoms, look: Look, found: PoreSurvey | None = None) -> Shot:
    """Arrange a frame.

    Parameters
    ----------
    atoms
        Any structure in a cell with a volume.
    look
        How it is drawn.
    found
        Its survey, if that is known already.

    Raises
    ------
    InputError
        If the cell has no volume, or the structure cannot be analysed.
    """
    boxed = in_box(atoms)
    cutoff = look.analysis.bond_cutoff_A
    how = look.color if look.pores else look.color or "hybridisation"
    colored = None if how is None else color_atoms(boxed, how, cutoff)
    colors = None
    if colored is not None:
        colors = np.array([to_rgb(color) for color in colored.colors])[colored.kind]
    if colored is not None and not look.pores:
        scene = build_scene(boxed, None, look.view, cutoff, colors=colors)
        return Shot(scene, _dated(atom_legend(colored), atoms, look), None)
    found = find_void(atoms, look.analysis) if found is None else found
    surface = pore_surfaces(boxed, found, atom_radii(atoms, look.analysis), look.view, look.spacing_A)
    chosen = [CLASS_NAMES.index(name) for name in look.classes]
    surface = surface.part(np.isin(surface.owner, chosen))
    totals = class_totals(found.pores, float(atoms.get_masses().sum()))
    volumes = {name: totals[name]["volume_cm3_g"] for name in CLASS_NAMES}
    legend = pore_legend(volumes, look.classes, look.analysis.class_limits_A)
    if colored is not None:
        more = atom_legend(colored, least=0)
        legend = dataclasses.replace(legend, entries=legend.entries + more.entries)
    scene = build_scene(boxed, None, look.view, cutoff, surface, colors)
    return Shot(scene, _dated(legend, atoms, look), surface)


def _dated(legend: Legend, atoms: Atoms, look: Look) -> Legend:
    """The legend with the frame's time and temperature, and where in the run that is."""
    when = clock(atoms.info)
    time_ps, kelvin = atoms.info.get("time_ps"), atoms.info.get("temperature_K")
    course = None
    if look.history is not None and time_ps is not None and kelvin is not None:
        course = Course(*look.history, (float(time_ps), float(kelvin)))
    return dataclasses.replace(legend, clock=when, course=course)


def draw_shots(
    canvas: Canvas, shots: Iterable[tuple[Shot, Path]], look: Look, session: Path | None = None
) -> Sequence[Path]:
    """Draw shots, which may be made one by one meanwhile; the PNG files, once all are there."""
    width, height = look.size
    legends = []
    for shot, path in shots:
        below = legend_height(shot.legend, look.size, look.dpi) if look.legend else 0
        size = (width, height - below)
        half = max(shot.scene.half_height, shot.scene.half_width * size[1] / size[0])
        legends.append((shot.legend, size[1] / (2 * half)))
        canvas.draw(Drawing(shot.scene, path, size, look.transparent, look.ambient_occlusion, session))
    if look.legend:
        import matplotlib.figure  # noqa: F401 - loaded while OVITO draws
    paths = canvas.finish()
    for path, (legend, pixels_per_A) in zip(paths, legends, strict=True):
        if look.legend:
            write_legend(path, legend, look.size, pixels_per_A, look.dpi)
    return paths
