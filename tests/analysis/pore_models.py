"""Structures whose pores are known because we made them.

Voids of simple shape are carved out of a dense filler of atoms, whose own interstices are
too small for helium; exact widths come from atoms placed on the walls.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms

ATOM_RADIUS_A = 1.7


def sphere_points(count: int) -> np.ndarray:
    """Even points on the unit sphere (Fibonacci spiral), shape (count, 3)."""
    k = np.arange(count) + 0.5
    polar, azimuth = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return np.stack([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], axis=1)


def ring_points(radius: float, spacing: float, phase: float = 0.0) -> np.ndarray:
    """Even points on a circle, shape (count, 2)."""
    count = max(8, int(np.ceil(2 * np.pi * radius / spacing)))
    angle = 2 * np.pi * (np.arange(count) + phase) / count
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


class InkBottle:
    """A straight channel along c with spherical cavities joined to it by necks.

    Parameters
    ----------
    necks
        Diameters (A) of the necks to the cavities at +x, +y, -x, -y; None for no neck.
    plugged
        Whether the channel is closed by two layers of atoms.

    Attributes
    ----------
    atoms
        Carbon atoms in a box of 44 x 44 x 21.6 A.
    cavities
        Centres (A) of the cavities, in the order of ``necks``.
    """

    box = np.array([43.2, 43.2, 21.6])
    channel_diameter = 6.4
    cavity_diameter = 9.0

    def __init__(self, necks: tuple[float | None, ...], plugged: bool = False) -> None:
        channel = self.channel_diameter / 2 + ATOM_RADIUS_A
        cavity = self.cavity_diameter / 2 + ATOM_RADIUS_A
        middle = self.box / 2
        directions = np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])[: len(necks)]
        distance = channel + cavity + 1.6  # leaves a thin wall for the neck's ring
        self.cavities = middle + distance * directions

        spacing = 1.35
        layers = round(self.box[2] / 1.2)
        parts = []
        for layer in range(layers):
            ring = ring_points(channel, spacing, 0.5 * (layer % 2))
            height = np.full(len(ring), (layer + 0.5) * self.box[2] / layers - middle[2])
            parts.append(middle + np.column_stack([ring, height]))
        for center in self.cavities:
            parts.append(center + cavity * sphere_points(int(4 * np.pi * cavity**2 / 1.6)))
        for direction, neck in zip(directions, necks, strict=True):
            if neck is not None:
                ring = ring_points(neck / 2 + ATOM_RADIUS_A, 1.3, 0.3)
                across = np.cross(direction, [0, 0, 1.0])
                place = middle + direction * (channel + distance - cavity) / 2
                parts.append(place + ring[:, :1] * across + ring[:, 1:] * np.array([0, 0, 1.0]))
        parts.append(self._filler())
        points = np.concatenate(parts)

        tolerance = 1e-9
        from_axis = points[:, :2] - middle[:2]
        keep = np.hypot(*from_axis.T) >= channel - tolerance
        for center, direction, neck in zip(self.cavities, directions, necks, strict=True):
            from_center = points - center
            from_center -= self.box * np.round(from_center / self.box)
            keep &= np.linalg.norm(from_center, axis=1) >= cavity - tolerance
            if neck is not None:
                outward = points - middle
                along = outward @ direction
                aside = np.linalg.norm(outward - along[:, None] * direction, axis=1)
                in_neck = (along > 0) & (along < distance) & (aside < neck / 2 + ATOM_RADIUS_A - tolerance)
                keep &= ~in_neck
        points = points[keep]
        if plugged:
            for height in (2.0, 3.2):
                discs = [np.zeros((1, 2)), *(ring_points(r, 1.3) for r in (1.3, 2.6, 3.8))]
                disc = np.concatenate(discs)
                points = np.concatenate(
                    [points, np.column_stack([disc + middle[:2], np.full(len(disc), height)])]
                )
        self.atoms = Atoms(f"C{len(points)}", positions=points, cell=self.box, pbc=True)

    def _filler(self) -> np.ndarray:
        """Face-centred cubic atoms with a lattice constant of 3.6 A: helium fits nowhere."""
        counts = np.round(self.box / 3.6).astype(int)
        basis = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
        cells = np.stack(np.meshgrid(*[np.arange(n) for n in counts], indexing="ij"), axis=-1).reshape(
            -1, 1, 3
        )
        return ((cells + basis).reshape(-1, 3) + 0.137) * self.box / counts

    def item_at(self, items: list[dict], center: np.ndarray) -> dict:
        """The pore whose largest sphere sits at a centre."""
        found = []
        for item in items:
            offset = np.array(item["center_A"]) - center
            offset -= self.box * np.round(offset / self.box)
            if np.linalg.norm(offset) < 1.0:
                found.append(item)
        assert len(found) == 1, f"{len(found)} pores at {center}"
        return found[0]


def random_structure(count: int, seed: int, volume_per_atom: float = 40.0) -> Atoms:
    """Atoms at least 1.4 A apart in a random triclinic cell."""
    random = np.random.default_rng(seed)
    shape = np.eye(3) + random.uniform(-0.35, 0.35, (3, 3))
    cell = shape * (count * volume_per_atom / abs(np.linalg.det(shape))) ** (1 / 3)
    atoms = Atoms(cell=cell, pbc=True)
    while len(atoms) < count:
        trial = atoms + Atoms("C", positions=[random.uniform(size=3) @ cell])
        last = len(trial) - 1
        if last == 0 or trial.get_distances(last, range(last), mic=True).min() > 1.4:
            trial.set_cell(cell)
            trial.pbc = True
            atoms = trial
    return atoms


def graphite_slab(layers: int = 4, gap: float = 20.0, cavity_radius: float | None = None) -> Atoms:
    """Graphite layers normal to c with vacuum between slabs; a sphere of atoms may be missing."""
    a, b, d = 2.461, 2.461 * 3**0.5, 3.354
    basis = np.array([[0, 0], [0, b / 3], [a / 2, b / 2], [a / 2, 5 * b / 6]])
    counts = (8, 5)
    shifts = np.array([[i * a, j * b] for i in range(counts[0]) for j in range(counts[1])])
    plane = (shifts[:, None] + basis).reshape(-1, 2)
    points = np.concatenate(
        [
            np.column_stack([plane + [0, (n % 2) * b / 3], np.full(len(plane), gap / 2 + n * d)])
            for n in range(layers)
        ]
    )
    box = np.array([counts[0] * a, counts[1] * b, (layers - 1) * d + gap])
    if cavity_radius is not None:
        offset = points - box / 2
        offset -= box * np.round(offset / box)
        points = points[np.linalg.norm(offset, axis=1) > cavity_radius]
    atoms = Atoms(f"C{len(points)}", positions=points, cell=box, pbc=True)
    atoms.wrap()
    return atoms
