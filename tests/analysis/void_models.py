"""Dense matter with round voids and necks of known width between them."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from pore_models import ATOM_RADIUS_A, ring_points, sphere_points

LATTICE_A = 3.6
"""Of the face-centred cubic filler, in which helium fits nowhere."""


def filler(counts: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Points of the filler and the edges of its box."""
    box = LATTICE_A * np.array(counts)
    basis = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    cells = np.stack(np.meshgrid(*[np.arange(n) for n in counts], indexing="ij"), axis=-1).reshape(-1, 1, 3)
    return ((cells + basis).reshape(-1, 3) + 0.137) * LATTICE_A, box


def with_cavities(counts: tuple[int, int, int], centers: list, radius: float = 5.0) -> Atoms:
    """Spheres of the given free radius (A) cut into the filler, with dense walls."""
    points, box = filler(counts)
    wall = radius + ATOM_RADIUS_A
    shell = wall * sphere_points(int(4 * np.pi * wall**2 / 1.2))
    points = np.concatenate([points, *[np.array(center) + shell for center in centers]])
    for center in centers:
        offset = points - center
        offset -= box * np.round(offset / box)
        points = points[np.linalg.norm(offset, axis=1) > wall - 1e-9]
    return Atoms(f"C{len(points)}", positions=points, cell=box, pbc=True)


def capsule(half_length: float = 5.0, radius: float = 4.2) -> Atoms:
    """A tube of the given free radius (A) with round ends in the filler, along (1, 1, 0)."""
    points, box = filler((9, 9, 6))
    middle, axis = box / 2, np.array([1.0, 1.0, 0.0]) / 2**0.5
    wall = radius + ATOM_RADIUS_A
    across = np.array([[0, 0, 1.0], np.cross(axis, [0, 0, 1.0])])
    caps = sphere_points(360)
    ends = [middle + sign * half_length * axis + wall * caps[sign * caps @ axis > 0.1] for sign in (-1, 1)]
    heights = np.linspace(-half_length, half_length, int(2 * half_length / 1.1) + 1)
    rings = [
        middle + height * axis + ring_points(wall, 1.2, 0.5 * (number % 2)) @ across
        for number, height in enumerate(heights)
    ]
    points = np.concatenate([points, *ends, *rings])
    offset = points - middle
    offset -= box * np.round(offset / box)
    along = np.clip(offset @ axis, -half_length, half_length)
    keep = np.linalg.norm(offset - along[:, None] * axis, axis=1) > wall - 1e-9
    return Atoms(f"C{keep.sum()}", positions=points[keep], cell=box, pbc=True)


class CavityRow:
    """A channel along c, and cavities in a row along a: each opens to the one before it.

    Parameters
    ----------
    necks
        Diameters (A) of the necks: channel to first cavity, first to second, and so on.
    last_neck
        Of a neck from the last cavity to the channel's periodic image; None for none.

    Attributes
    ----------
    atoms
        Carbon atoms.
    cavities
        Centres (A), along the row.
    """

    channel_diameter = 6.4
    cavity_diameter = 8.0

    def __init__(self, necks: tuple[float, ...], last_neck: float | None = None) -> None:
        wall_thickness = 1.7
        channel = self.channel_diameter / 2 + ATOM_RADIUS_A
        cavity = self.cavity_diameter / 2 + ATOM_RADIUS_A
        edges = 2 * channel + len(necks) * (2 * cavity + wall_thickness) + wall_thickness
        points, box = filler((int(np.ceil(edges / LATTICE_A)), 5, 5))
        stretch = edges / box[0] if last_neck is not None else 1.0
        points[:, 0] *= stretch
        box[0] *= stretch
        start = np.array([channel, box[1] / 2, box[2] / 2])
        steps = channel + wall_thickness + cavity + np.arange(len(necks)) * (2 * cavity + wall_thickness)
        self.cavities = start + steps[:, None] * [1.0, 0, 0]

        layers = round(box[2] / 1.2)
        parts = [points]
        for layer in range(layers):
            ring = start[:2] + ring_points(channel, 1.3, 0.5 * (layer % 2))
            parts.append(np.column_stack([ring, np.full(len(ring), (layer + 0.5) * box[2] / layers)]))
        for center in self.cavities:
            parts.append(center + cavity * sphere_points(int(4 * np.pi * cavity**2 / 1.5)))
        openings = list(zip(necks, self.cavities[:, 0] - cavity - wall_thickness / 2, strict=True))
        if last_neck is not None:
            openings.append((last_neck, self.cavities[-1, 0] + cavity + wall_thickness / 2))
        for neck, place in openings:
            ring = start[1:] + ring_points(neck / 2 + ATOM_RADIUS_A, 1.3, 0.3)
            parts.append(np.column_stack([np.full(len(ring), place), ring]))
        points = np.concatenate(parts)

        offset = points - start
        offset -= box * np.round(offset / box)
        keep = np.hypot(offset[:, 0], offset[:, 1]) > channel - 1e-9
        for center in self.cavities:
            offset = points - center
            offset -= box * np.round(offset / box)
            keep &= np.linalg.norm(offset, axis=1) > cavity - 1e-9
        aside = np.linalg.norm(points[:, 1:] - start[1:], axis=1)
        for neck, place in openings:
            along = points[:, 0] - place
            in_neck = np.abs(along - box[0] * np.round(along / box[0])) < wall_thickness / 2 + 4.0
            keep &= ~(in_neck & (aside < neck / 2 + ATOM_RADIUS_A - 1e-9))
        self.atoms = Atoms(f"C{keep.sum()}", positions=points[keep], cell=box, pbc=True)

    def items(self, found: list[dict]) -> list[dict]:
        """The entries of the cavities, along the row."""
        centers = np.array([item["center_A"] for item in found])
        box = self.atoms.cell.lengths()
        entries = []
        for cavity in self.cavities:
            offset = centers - cavity
            distance = np.linalg.norm(offset - box * np.round(offset / box), axis=1)
            assert distance.min() < 0.5
            entries.append(found[int(np.argmin(distance))])
        return entries
