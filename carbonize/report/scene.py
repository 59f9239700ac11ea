"""What a picture shows, as plain arrays: spheres, sticks and cell edges with their colours.

A scene is made once and drawn by OVITO or, where that cannot be, by matplotlib; both
then show the same thing from the same side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb

from carbonize.analysis.pores.classify import CLASS_NAMES
from carbonize.periodic import images_within, make_lattice
from carbonize.report.style import CLASS_COLORS, OTHER_COLOR, coordination_color
from carbonize.report.surface_nets import BORDER, Surface, triangles

__all__ = ["Scene", "View", "build_scene", "coordination_of", "pore_spheres"]

_ATOM_RADIUS_A = 0.34
_STICK_RADIUS_A = 0.17
_PALE = np.array([0.62, 0.64, 0.67])
_MESH_FADING = 0.45
_CUT_PALER = 0.25


@dataclasses.dataclass(frozen=True)
class View:
    """How a frame is looked at; the same view makes two frames comparable.

    Attributes
    ----------
    centre
        Fractional coordinates that are moved to the middle of the cell. A periodic cell
        has no corner of its own, so this only chooses what is not cut by the border.
    slab_A
        Show only a slice of this thickness (A) through the middle, normal to the first two
        cell vectors, seen face on; None shows the whole cell, seen from a corner.
    """

    centre: tuple[float, float, float] = (0.5, 0.5, 0.5)
    slab_A: float | None = None

    @property
    def shift(self) -> np.ndarray:
        """What is added to fractional coordinates."""
        return 0.5 - np.asarray(self.centre, dtype=float)

    def limits(self, cell: np.ndarray) -> tuple[float, float]:
        """Fractional coordinates along the third cell vector between which things are shown."""
        normal = np.cross(cell[0], cell[1])
        height = abs(float(cell[2] @ normal)) / float(np.linalg.norm(normal))
        share = 1.0 if self.slab_A is None else min(1.0, self.slab_A / height)
        return 0.5 - 0.5 * share, 0.5 + 0.5 * share


@dataclasses.dataclass(frozen=True)
class Scene:
    """Things to draw. Lengths in A, colours as RGB from 0 to 1.

    Attributes
    ----------
    spheres, radii, colors, opacities
        Atoms first, then pores. Only matplotlib uses the opacities: in OVITO a pore's colour
        would no longer be the legend's.
    sticks
        Shape (stick, 2, 3): both ends of half a bond.
    stick_colors
        Shape (stick, 3).
    edges
        Shape (edge, 2, 3): the edges of the cell or slice.
    direction, up
        Unit vectors: where the camera looks, and what is up.
    middle, half_height
        What the camera looks at, and half the height (A) that must fit into the picture.
    half_width
        Half the width (A) that must fit.
    stick_radius, edge_radius
        Radii (A) of bonds and of the cell's edges.
    mesh_vertices, mesh_faces, mesh_colors, mesh_flat
        Triangles of the surfaces: shapes (vertex, 3), (triangle, 3), (triangle, 3), (triangle,).
        Flat ones are cuts by the border, the others parts of a curved surface.
    """

    spheres: np.ndarray
    radii: np.ndarray
    colors: np.ndarray
    opacities: np.ndarray
    sticks: np.ndarray
    stick_colors: np.ndarray
    stick_radius: float
    edges: np.ndarray
    direction: np.ndarray
    up: np.ndarray
    middle: np.ndarray
    half_height: float
    half_width: float
    edge_radius: float
    mesh_vertices: np.ndarray
    mesh_faces: np.ndarray
    mesh_colors: np.ndarray
    mesh_flat: np.ndarray


def build_scene(
    atoms: Any,
    pores: Iterable[Mapping[str, Any]] | None = None,
    view: View | None = None,
    bond_cutoff_A: float = 1.85,
    surface: Surface | None = None,
    colors: np.ndarray | None = None,
) -> Scene:
    """Arrange a frame for drawing.

    Parameters
    ----------
    atoms
        :class:`ase.Atoms` with a periodic cell. Without ``arrays['coordination']`` the
        neighbours within ``bond_cutoff_A`` are counted.
    pores
        Items as ``carbonize analyze --json`` gives them (class, center_A, diameter_A). When
        given, the pores carry the colours and the atoms become thin grey sticks.
    view
        Slice and centre; default: the whole cell as it is.
    bond_cutoff_A
        Longest bond that is drawn (A).
    surface
        Surfaces of pores in this view, as :mod:`carbonize.report.surfaces` makes them; then too the
        atoms become thin grey sticks.
    colors
        Shape (atom, 3): RGB from 0 to 1. Default: by number of neighbours, or grey beside pores.

    Raises
    ------
    ValueError
        If the cell has no volume.
    """
    view = view or View()
    cell = np.array(atoms.cell.array, dtype=float)
    if abs(np.linalg.det(cell)) < 1e-9:
        raise ValueError("a picture needs a cell with a volume")
    normal = np.cross(cell[0], cell[1])
    normal /= np.linalg.norm(normal)
    low, high = view.limits(cell)
    share, shift = high - low, view.shift

    fractional = np.linalg.solve(cell.T, np.asarray(atoms.positions, dtype=float).T).T + shift
    fractional -= np.floor(fractional)
    kept = np.abs(fractional[:, 2] - 0.5) <= 0.5 * share + 1e-9
    points = fractional @ cell
    first, vectors = _bonds(points, cell, bond_cutoff_A)
    thin = pores is not None or surface is not None
    if colors is None and thin:
        colors = np.broadcast_to(_PALE, points.shape)
    elif colors is None:
        colors = np.array([to_rgb(coordination_color(c)) for c in _coordination(atoms, first)]).reshape(-1, 3)

    direction, up = _camera(cell, normal, face_on=view.slab_A is not None)
    edges = _box(cell, share)
    half_width, half_height = _extent(edges, direction, up)
    middle = 0.5 * cell.sum(axis=0)

    # a bond becomes two half sticks, one a colour: a bond across the border is then two stubs
    here = kept[first]
    ends = points[first][here]
    sticks = np.stack([ends, ends + 0.5 * vectors[here]], axis=1)
    fade = _fader(direction, middle, edges)
    scene_colors = fade(colors[kept], points[kept])
    stick_colors = fade(colors[first][here], ends)
    radius = _STICK_RADIUS_A * (0.6 if thin else 1.0)
    atom_radius = radius if thin else _ATOM_RADIUS_A

    centres, radii, pore_colors = pore_spheres(pores or (), cell, view)
    return Scene(
        spheres=np.concatenate([points[kept], centres]),
        radii=np.concatenate([np.full(int(kept.sum()), atom_radius), radii]),
        colors=np.concatenate([scene_colors, pore_colors]),
        opacities=np.concatenate([np.ones(int(kept.sum())), np.full(len(radii), 0.72)]),
        sticks=sticks,
        stick_colors=stick_colors,
        stick_radius=radius,
        edges=edges,
        direction=direction,
        up=up,
        middle=middle,
        half_height=1.06 * half_height,
        half_width=1.06 * half_width,
        edge_radius=0.003 * max(half_width, half_height),
        **_mesh(surface, fade),
    )


def coordination_of(atoms: Any, bond_cutoff_A: float) -> np.ndarray:
    """Neighbours of each atom: those that come with the frame, or those within the cutoff (A)."""
    if "coordination" in atoms.arrays:
        return _coordination(atoms, np.zeros(0, dtype=int))
    return _coordination(atoms, _bonds(atoms.positions, atoms.cell.array, bond_cutoff_A)[0])


def _coordination(atoms: Any, first: np.ndarray) -> np.ndarray:
    if "coordination" in atoms.arrays:
        return np.asarray(atoms.arrays["coordination"], dtype=int)
    return np.bincount(first, minlength=len(atoms))


def _bonds(points: np.ndarray, cell: np.ndarray, cutoff_A: float) -> tuple[np.ndarray, np.ndarray]:
    """First atom and vector (A) of every bond, from both of its ends."""
    from scipy.spatial import KDTree

    lattice = make_lattice(cell, (True, True, True))
    fractional = lattice.fractional(np.asarray(points, dtype=float))
    images = images_within(fractional, lattice, cutoff_A * (1 + 1e-9) + 1e-9)
    here, there = fractional @ lattice.vectors, images.fractional @ lattice.vectors
    found = KDTree(here).sparse_distance_matrix(KDTree(there), cutoff_A, output_type="ndarray")
    found = found[found["i"] != found["j"]]  # images follow the atoms: equal numbers are an atom and itself
    return found["i"], there[found["j"]] - here[found["i"]]


def _camera(cell: np.ndarray, normal: np.ndarray, face_on: bool) -> tuple[np.ndarray, np.ndarray]:
    along = cell[0] / np.linalg.norm(cell[0])
    depth = np.cross(normal, along)
    if face_on:
        return -normal, depth
    direction = 0.42 * along * -1.0 + 0.86 * depth - 0.32 * normal
    direction /= np.linalg.norm(direction)
    up = normal - (normal @ direction) * direction
    return direction, up / np.linalg.norm(up)


def _box(cell: np.ndarray, share: float) -> np.ndarray:
    """Edges of the slice that is shown (the whole cell for ``share`` 1)."""
    low, high = 0.5 - 0.5 * share, 0.5 + 0.5 * share
    corners = np.array([[a, b, c] for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (low, high)]) @ cell
    pairs = [(i, j) for i in range(8) for j in range(i + 1, 8) if (i ^ j).bit_count() == 1]
    return np.array([[corners[i], corners[j]] for i, j in pairs])


def _extent(edges: np.ndarray, direction: np.ndarray, up: np.ndarray) -> tuple[float, float]:
    points = edges.reshape(-1, 3)
    right = np.cross(direction, up)
    return 0.5 * float(np.ptp(points @ right)), 0.5 * float(np.ptp(points @ up))


def _fader(direction: np.ndarray, middle: np.ndarray, edges: np.ndarray) -> Any:
    """Things far from the camera turn paler: depth without fog, and the front stays readable."""
    reach = max(1e-9, 0.5 * float(np.ptp(edges.reshape(-1, 3) @ direction)))

    def fade(colors: np.ndarray, points: np.ndarray) -> np.ndarray:
        depth = ((points - middle) @ direction / reach + 1.0) / 2.0
        white = 0.62 * np.clip(depth, 0.0, 1.0)[:, None] ** 1.2
        return colors * (1.0 - white) + white

    return fade


def _mesh(surface: Surface | None, fade: Any) -> dict[str, np.ndarray]:
    """Triangles of the faces that can be seen: those between two pores lie inside both."""
    if surface is None:
        none = np.zeros((0, 3))
        return {
            "mesh_vertices": none,
            "mesh_faces": none.astype(np.int64),
            "mesh_colors": none,
            "mesh_flat": np.zeros(0, dtype=bool),
        }
    seen = surface.part((surface.beyond < 0) | ~np.isin(surface.beyond, np.unique(surface.owner)))
    palette = np.array([to_rgb(CLASS_COLORS[name]) for name in CLASS_NAMES])
    faces = triangles(seen)
    flat = np.tile(seen.beyond == BORDER, 2)
    colors = palette[np.tile(seen.owner, 2)]
    middles = seen.vertices[faces].mean(axis=1) if len(faces) else np.zeros((0, 3))
    colors = colors + _MESH_FADING * (fade(colors, middles) - colors)
    # cuts are a little paler, so that they are not taken for walls
    colors[flat] += _CUT_PALER * (1.0 - colors[flat])
    return {
        "mesh_vertices": seen.vertices,
        "mesh_faces": faces,
        "mesh_colors": colors,
        "mesh_flat": flat,
    }


def pore_spheres(
    pores: Iterable[Mapping[str, Any]], cell: np.ndarray, view: View
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres and radii (A) and colours of the pores in a view's slice.

    Pores that reach far over the cell's border occur with their images.
    """
    low, high = view.limits(cell)
    share, shift = high - low, view.shift
    centres, radii, colors = [], [], []
    lengths = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    for pore in pores:
        radius = 0.5 * float(pore["diameter_A"])
        place = np.linalg.solve(cell.T, np.asarray(pore["center_A"], dtype=float)) + shift
        place -= np.floor(place)
        reach = 0.4 * radius / lengths
        for step in np.ndindex(3, 3, 3):
            image = place + np.array(step) - 1.0
            inside = (image > -reach) & (image < 1.0 + reach)
            if not inside.all() or abs(image[2] - 0.5) > 0.5 * share + reach[2]:
                continue
            centres.append(image @ cell)
            radii.append(radius)
            colors.append(to_rgb(CLASS_COLORS.get(str(pore["class"]), OTHER_COLOR)))
    return (
        np.array(centres, dtype=float).reshape(-1, 3),
        np.array(radii, dtype=float),
        np.array(colors, dtype=float).reshape(-1, 3),
    )
