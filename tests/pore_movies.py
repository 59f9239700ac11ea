"""Movies of pores that change on a known timetable.

Every frame is carved anew out of a dense filler: a channel along c, cavities joined to it
through necks of given widths, and cavities that nothing reaches. Walls and necks are lined with
atoms, so that their widths are exact; the number of atoms changes from frame to frame.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from ase import Atoms
from pore_models import ATOM_RADIUS_A, ring_points, sphere_points
from scipy.spatial import KDTree

BOX = np.array([36.0, 36.0, 14.4])
CHANNEL_A, CAVITY_A = 6.4, 7.6
DIRECTIONS = np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])


@dataclasses.dataclass(frozen=True)
class Scene:
    """One frame: neck widths (None: no cavity there), and spheres apart as (centre, diameter), lengths in A.

    Centres are relative to the middle of the box, where the channel is.
    """

    necks: tuple[float | None, ...] = ()
    spheres: tuple[tuple[tuple[float, float, float], float], ...] = ()


def neck_centers() -> np.ndarray:
    """Centres of the four cavities at the channel."""
    distance = CHANNEL_A / 2 + CAVITY_A / 2 + 2 * ATOM_RADIUS_A + 1.6
    return BOX / 2 + distance * DIRECTIONS


def carve(scene: Scene) -> Atoms:
    """The atoms of a scene."""
    middle, tolerance = BOX / 2, 1e-9
    channel, cavity = CHANNEL_A / 2 + ATOM_RADIUS_A, CAVITY_A / 2 + ATOM_RADIUS_A
    layers = round(BOX[2] / 1.2)
    parts, spheres = [], []
    for layer in range(layers):
        ring = ring_points(channel, 1.35, 0.5 * (layer % 2))
        parts.append(middle + np.column_stack([ring, np.full(len(ring), (layer + 0.5) * 1.2 - middle[2])]))
    for center, direction, neck in zip(neck_centers(), DIRECTIONS, scene.necks, strict=False):
        if neck is None:
            continue
        spheres.append((center, cavity))
        ring = ring_points(neck / 2 + ATOM_RADIUS_A, 1.3, 0.3)
        across = np.cross(direction, [0, 0, 1.0])
        parts.append(
            middle + direction * (channel + 0.8) + ring[:, :1] * across + ring[:, 1:] * np.array([0, 0, 1.0])
        )
    spheres += [(middle + np.array(center), width / 2 + ATOM_RADIUS_A) for center, width in scene.spheres]
    parts += [center + radius * sphere_points(int(4 * np.pi * radius**2 / 1.6)) for center, radius in spheres]
    points = np.concatenate([*parts, _filler()])
    keep = np.hypot(*(points[:, :2] - middle[:2]).T) >= channel - tolerance
    for center, radius in spheres:
        offset = points - center
        offset -= BOX * np.round(offset / BOX)
        keep &= np.linalg.norm(offset, axis=1) >= radius - tolerance
    for direction, neck in zip(DIRECTIONS, scene.necks, strict=False):
        if neck is None:
            continue
        outward = points - middle
        along = outward @ direction
        aside = np.linalg.norm(outward - along[:, None] * direction, axis=1)
        length = channel + 1.6 + cavity
        keep &= ~((along > 0) & (along < length) & (aside < neck / 2 + ATOM_RADIUS_A - tolerance))
    points = points[keep] % BOX
    # of atoms on top of each other the one further back in the list: filler before walls
    close = KDTree(points, boxsize=BOX).query_pairs(0.5, output_type="ndarray")
    points = np.delete(points, np.unique(close.max(axis=1)), axis=0)
    return Atoms(f"C{len(points)}", positions=points, cell=BOX, pbc=True)


def movie(scenes: list[Scene], noise_A: float = 0.0, seed: int = 0) -> list[Atoms]:
    """Frames with time (0.5 ps apart) and temperature (100 K apart), and thermal noise of the atoms."""
    random = np.random.default_rng(seed)
    frames = []
    for k, scene in enumerate(scenes):
        atoms = carve(scene)
        atoms.positions += noise_A * random.standard_normal(atoms.positions.shape)
        atoms.info.update(step=1000 * k, time_ps=0.5 * k, temperature_K=300.0 + 100.0 * k)
        frames.append(atoms)
    return frames


def _filler() -> np.ndarray:
    """Face-centred cubic atoms with a lattice constant of 3.6 A: helium fits nowhere."""
    counts = np.round(BOX / 3.6).astype(int)
    basis = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    cells = np.stack(np.meshgrid(*[np.arange(n) for n in counts], indexing="ij"), axis=-1).reshape(-1, 1, 3)
    return ((cells + basis).reshape(-1, 3) + 0.137) * BOX / counts
