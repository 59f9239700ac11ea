"""A frame that can be turned in the browser: atoms, bonds, cell and pores for K3D.

K3D (MIT licence) draws with WebGL. Its Python package brings its JavaScript along, so that the
page that holds both needs no network. What is too much for a browser is left out, and the
caption says so.
"""

from __future__ import annotations

import dataclasses
import functools
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.analysis.pores.survey import PoreSurvey
from carbonize.config.models import AnalysisConfig
from carbonize.report.scene import View, build_scene, coordination_of, pore_spheres
from carbonize.report.style import CLASS_COLORS, CLASS_LABELS, OTHER_COLOR, coordination_color
from carbonize.report.surface_nets import BORDER, Surface, triangles
from carbonize.report.surfaces import pore_surfaces

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["MOST_ATOMS", "Layer", "View3D", "build_view3d", "library"]

MOST_ATOMS = 20_000
"""Atoms that are embedded; of a larger cell a slice is."""

MOST_TRIANGLES = 200_000

_SPACING_A = 0.7  # a little coarser than the pictures: the file is to stay small
_MOST_VOXELS = 600_000
_COARSER = 1.4
_ATOM_RADIUS_A = 0.34
_BOND_WIDTH_A = 0.11
_BOND_COLOR = 0x9AA0A6
_EDGE_COLOR = 0x8A8A8A
_PORE_OPACITY = 0.62
_CUT_PALER = 0.35
_FIELD_OF_VIEW = 30.0  # degrees; small, so that perspective distorts little


@dataclasses.dataclass(frozen=True)
class Layer:
    """What is shown or hidden by one button.

    Attributes
    ----------
    label
        The button's text.
    color
        Hex; empty where the layer has several.
    objects
        Numbers of its objects in the scene.
    """

    label: str
    color: str
    objects: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class View3D:
    """A scene for the browser.

    Attributes
    ----------
    data
        K3D's binary snapshot.
    layers
        What can be switched on and off.
    caption
        What is seen, and what was left out.
    """

    data: bytes
    layers: tuple[Layer, ...]
    caption: str


@functools.cache
def library() -> bytes:
    """K3D's JavaScript, compressed (zlib)."""
    source = Path(_k3d().__file__).with_name("static") / "standalone.js"
    return zlib.compress(source.read_bytes(), 9)


def build_view3d(
    atoms: Atoms,
    found: PoreSurvey | None,
    analysis: AnalysisConfig,
    centre: tuple[float, float, float] = (0.5, 0.5, 0.5),
    items: Iterable[Mapping[str, Any]] = (),
) -> View3D:
    """Arrange a frame for the browser.

    Parameters
    ----------
    atoms
        In a periodic cell with a volume.
    found
        Its survey, whose pores become surfaces; None: the pores of ``items`` become balls.
    analysis
        Radii and the longest bond.
    centre
        Fractional coordinates that come to lie in the middle.
    items
        Pores as ``carbonize analyze --json`` gives them.

    Raises
    ------
    ValueError
        If the cell has no volume.
    """
    k3d = _k3d()
    view = _slice(atoms, centre)
    scene = build_scene(atoms, None, view, analysis.bond_cutoff_A)
    shown = _shown(atoms, view)
    kinds = coordination_of(atoms, analysis.bond_cutoff_A)[shown]
    plot = k3d.plot(
        grid_visible=False,
        menu_visibility=False,
        axes_helper=0.0,
        camera_auto_fit=False,
        camera_fov=_FIELD_OF_VIEW,
        camera=_camera(scene),
        camera_mode="trackball",
        lighting=1.4,
        name="carbonize",
    )
    balls = k3d.points(
        scene.spheres.astype(np.float32),
        colors=[_number(coordination_color(int(k))) for k in kinds],
        point_size=2.0 * _ATOM_RADIUS_A,
        shader="3d",
        name="atoms",
    )
    bonds = _segments(scene.sticks, _BOND_COLOR, _BOND_WIDTH_A, "bonds")
    edges = _segments(scene.edges, _EDGE_COLOR, 2.0 * scene.edge_radius, "cell")
    layers = [
        Layer("atoms", "", _add(plot, [balls])),
        Layer("bonds", f"#{_BOND_COLOR:06X}", _add(plot, [bonds])),
    ]
    _add(plot, [edges])
    for name, parts in _pores(atoms, found, analysis, view, items).items():
        layers.append(Layer(f"{CLASS_LABELS[name]} pores", CLASS_COLORS[name], _add(plot, parts)))
    return View3D(
        plot.get_binary_snapshot(compression_level=6),
        tuple(layers),
        _caption(atoms, found, view, int(shown.sum())),
    )


def _k3d() -> Any:
    """The library, which nothing but a report needs; Any, since its function ``plot`` hides a module."""
    import k3d

    return k3d


def _slice(atoms: Atoms, centre: tuple[float, float, float]) -> View:
    """The whole cell, or as thick a slice of it as has few enough atoms."""
    if len(atoms) <= MOST_ATOMS:
        return View(centre)
    whole = View(centre)
    height = abs(float(np.linalg.det(atoms.cell.array)))
    height /= float(np.linalg.norm(np.cross(atoms.cell.array[0], atoms.cell.array[1])))
    depth = np.linalg.solve(atoms.cell.array.T, atoms.positions.T)[2] + whole.shift[2]
    depth = np.sort(np.abs(depth - np.floor(depth) - 0.5))
    return View(centre, 2.0 * float(depth[MOST_ATOMS - 1]) * height)


def _shown(atoms: Atoms, view: View) -> np.ndarray:
    """The atoms that :func:`build_scene` keeps, in its order."""
    low, high = view.limits(atoms.cell.array)
    depth = np.linalg.solve(atoms.cell.array.T, atoms.positions.T)[2] + view.shift[2]
    depth -= np.floor(depth)
    return np.abs(depth - 0.5) <= 0.5 * (high - low) + 1e-9


def _camera(scene: Any) -> list[float]:
    """Place, target and upward direction; the cell fits whichever way it is turned."""
    reach = float(np.linalg.norm(scene.edges.reshape(-1, 3) - scene.middle, axis=1).max())
    distance = 1.03 * reach / np.sin(np.radians(0.5 * _FIELD_OF_VIEW))
    place = scene.middle - distance * scene.direction
    return [float(x) for x in (*place, *scene.middle, *scene.up)]


def _segments(ends: np.ndarray, color: int, width: float, name: str) -> Any:
    return _k3d().lines(
        ends.reshape(-1, 3).astype(np.float32),
        np.arange(2 * len(ends), dtype=np.uint32).reshape(-1, 2),
        indices_type="segment",
        color=color,
        width=width,
        shader="thick",
        name=name,
    )


def _add(plot: Any, objects: Iterable[Any]) -> tuple[int, ...]:
    numbers = []
    for item in objects:
        plot += item
        numbers.append(int(item.id))
    return tuple(numbers)


def _pores(
    atoms: Atoms,
    found: PoreSurvey | None,
    analysis: AnalysisConfig,
    view: View,
    items: Iterable[Mapping[str, Any]],
) -> dict[str, list[Any]]:
    """Drawable objects of each class that is there."""
    k3d = _k3d()
    drawn: dict[str, list[Any]] = {}
    if found is None:
        items = list(items)
        for name in CLASS_NAMES:
            centres, radii, _ = pore_spheres([i for i in items if i["class"] == name], atoms.cell.array, view)
            if len(centres):
                drawn[name] = [
                    k3d.points(
                        centres.astype(np.float32),
                        point_sizes=(2.0 * radii).astype(np.float32),
                        color=_number(CLASS_COLORS[name]),
                        opacity=_PORE_OPACITY,
                        shader="mesh",
                        name=name,
                    )
                ]
        return drawn
    surface = _light_surface(atoms, found, analysis, view)
    for number, name in enumerate(CLASS_NAMES):
        own = surface.owner == number
        cut = surface.beyond == BORDER
        color = _number(CLASS_COLORS[name])
        parts = [
            # walls and cuts apart, or the normals at their edges would be mixed
            k3d.mesh(
                part.vertices.astype(np.float32),
                triangles(part).astype(np.uint32),
                color=shade,
                opacity=_PORE_OPACITY,
                flat_shading=flat,
                side="front",
                name=name,
            )
            for part, shade, flat in (
                (surface.part(own & ~cut), color, False),
                (surface.part(own & cut), _paler(color), True),
            )
            if len(part.quads)
        ]
        if parts:
            drawn[name] = parts
    return drawn


def _light_surface(atoms: Atoms, found: PoreSurvey, analysis: AnalysisConfig, view: View) -> Surface:
    """Surfaces of at most :data:`MOST_TRIANGLES`."""
    from carbonize.report.shots import atom_radii

    radii = atom_radii(atoms, analysis)
    spacing = max(_SPACING_A, (atoms.cell.volume / _MOST_VOXELS) ** (1 / 3))
    surface = pore_surfaces(atoms, found, radii, view, spacing)
    while 2 * len(surface.quads) > MOST_TRIANGLES:
        spacing *= _COARSER
        surface = pore_surfaces(atoms, found, radii, view, spacing)
    return surface


def _caption(atoms: Atoms, found: PoreSurvey | None, view: View, shown: int) -> str:
    what = "The whole cell" if view.slab_A is None else f"A slice {view.slab_A:.0f} Å thick"
    of = f" with {shown:,} of the {len(atoms):,} atoms" if shown < len(atoms) else f": {shown:,} atoms"
    pores = (
        "Surfaces of pores are a little coarser than in the pictures; paler and flat where the border cuts them"
        if found is not None
        else "Pores are balls, the largest that fits at a pore's widest point"
    )
    return f"{what}{of}. Atoms are coloured by their number of neighbours. {pores}."


def _number(color: str) -> int:
    return int((color or OTHER_COLOR).lstrip("#"), 16)


def _paler(color: int) -> int:
    parts = np.array([color >> 16 & 255, color >> 8 & 255, color & 255])
    red, green, blue = np.round(parts + _CUT_PALER * (255 - parts)).astype(int)
    return int(red) << 16 | int(green) << 8 | int(blue)
