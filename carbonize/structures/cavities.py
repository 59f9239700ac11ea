"""Templates: spheres or slits that atoms stay out of, and which are nothing once the cell is made."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from carbonize.errors import InputError

__all__ = ["ATOM_RADIUS_A", "Cavities", "place_cavities"]

ATOM_RADIUS_A = 1.7
"""Hard-sphere radius of carbon: a cavity's size is between the surfaces of atoms."""

_MOST_TRIES = 3_000


@dataclasses.dataclass(frozen=True)
class Cavities:
    """Spheres, or slits normal to z that span the cell.

    Attributes
    ----------
    shape
        ``sphere`` or ``slit``.
    centres
        Shape (cavity, 3), fractional; of a slit only z counts.
    size_A
        Diameter or width between the surfaces of atoms.
    """

    shape: Literal["sphere", "slit"]
    centres: np.ndarray
    size_A: float

    @property
    def reach_A(self) -> float:
        """Distance from a centre (or mid plane) within which no atom's centre is."""
        return self.size_A / 2 + ATOM_RADIUS_A

    @property
    def number(self) -> int:
        """How many."""
        return len(self.centres)

    def share(self, cell: np.ndarray, centres: bool = False) -> float:
        """Their part of the cell's volume: of their own size, or of what is closed to the centres of atoms."""
        half = self.reach_A if centres else self.size_A / 2
        if self.shape == "slit":
            return self.number * 2 * half / _heights(cell)[2]
        return float(self.number * 4 / 3 * np.pi * half**3 / abs(np.linalg.det(cell)))

    def clearance_A(self, positions: np.ndarray, cell: np.ndarray) -> float:
        """Radius (A) of the largest sphere between atoms about the first centre; of a slit its half width."""
        return float(self._nearest(positions, cell)[0].min()) - ATOM_RADIUS_A

    def depth(self, positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """How far (A) atoms are inside the nearest cavity; negative outside. Shape (atom,)."""
        return self.reach_A - self._nearest(positions, cell)[0]

    def out_of(self, positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Positions with every atom inside a cavity moved straight to its border."""
        distance, away = self._nearest(positions, cell)
        inside = distance < self.reach_A
        unit = away / np.maximum(distance, 1e-9)[:, None]
        moved = positions + (self.reach_A - distance)[:, None] * unit
        return np.where(inside[:, None], moved, positions)

    def outward(self, positions: np.ndarray, edge_A: float, last_edge_A: float) -> tuple[np.ndarray, float]:
        """Forces (atom, 3) out of the cavities, proportional to depth, and the deepest depth (A)."""
        distance, away = self._nearest(positions, np.eye(3) * edge_A)
        depth = np.maximum(self.reach_A - distance, 0.0)
        return (depth / np.maximum(distance, 1e-9))[:, None] * away, float(depth.max())

    def _nearest(self, positions: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance to the nearest centre or mid plane, and the vector from there."""
        inverse = np.linalg.inv(cell)
        fractional = positions @ inverse
        normal = np.cross(cell[0], cell[1])
        normal /= np.linalg.norm(normal)
        best, away = np.full(len(positions), np.inf), np.zeros_like(positions)
        for centre in self.centres:
            d = fractional - centre
            d -= np.round(d)
            vector = d @ cell
            if self.shape == "slit":
                vector = (vector @ normal)[:, None] * normal
            distance = np.sqrt((vector**2).sum(1))
            nearer = distance < best
            best, away = np.where(nearer, distance, best), np.where(nearer[:, None], vector, away)
        return best, away


def place_cavities(
    shape: Literal["sphere", "slit"],
    size_A: float,
    number: int,
    cell: np.ndarray,
    wall_A: float,
    rng: np.random.Generator,
) -> Cavities:
    """Cavities that keep a wall between each other and between their own images.

    Parameters
    ----------
    shape, size_A, number
        What, how large between the surfaces of atoms (A), and how many.
    cell
        Rows are cell vectors, A.
    wall_A
        Thickness of the thinnest wall allowed, between the borders that atoms' centres keep, A.
    rng
        Where chance comes from. Spheres are placed at random; slits evenly, so that all walls
        between them are equal.

    Raises
    ------
    InputError
        If there is no room for them.
    """
    heights = _heights(cell)
    across = size_A + 2 * ATOM_RADIUS_A + wall_A
    if shape == "slit":
        if number * across > heights[2]:
            raise InputError(
                f"{number} slit(s) of {size_A:g} A with walls of at least {wall_A:g} A need a cell {number * across:.1f} A "
                f"high, this one has {heights[2]:.1f} A; use more atoms, a lower density, or smaller or fewer slits"
            )
        z = (np.arange(number) / number + rng.random()) % 1.0
        return Cavities(shape, np.stack([0 * z, 0 * z, z], axis=1), size_A)
    if across > heights.min():
        raise InputError(
            f"a sphere of {size_A:g} A with a wall of at least {wall_A:g} A needs a cell {across:.1f} A wide, this one "
            f"has {heights.min():.1f} A; use more atoms, a lower density or smaller spheres"
        )
    kept: list[np.ndarray] = []
    for _ in range(_MOST_TRIES):
        if len(kept) == number:
            return Cavities(shape, np.array(kept), size_A)
        fresh = rng.random(3)
        apart = [np.linalg.norm((d - np.round(d)) @ cell) for d in (fresh - other for other in kept)]
        if all(d >= across for d in apart):
            kept.append(fresh)
    raise InputError(
        f"{number} spheres of {size_A:g} A with walls of at least {wall_A:g} A do not fit into the cell at random "
        f"(room was found for {len(kept)}); use more atoms, a lower density, or smaller or fewer spheres"
    )


def _heights(cell: np.ndarray) -> np.ndarray:
    """Distances between opposite faces, A."""
    areas = np.cross(np.roll(cell, -1, axis=0), np.roll(cell, -2, axis=0))
    return abs(np.linalg.det(cell)) / np.linalg.norm(areas, axis=1)
