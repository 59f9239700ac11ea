"""Where each pore of a frame is, on a grid that moves with the material.

A pore's footprint is the space that helium fills when its centre is anywhere in the pore:
all voxels within a clearance sphere of one of the pore's nodes; between two pores' spheres, the
one whose surface is farther decides (power distance). The grid is in fractional coordinates, so
that a changing cell moves no pore, and the drift that all atoms share is taken out.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from carbonize.analysis.averaging import same_atoms
from carbonize.analysis.pores.embedding import Embedding, embed
from carbonize.analysis.pores.survey import PoreSurvey
from carbonize.periodic import make_lattice

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Drift", "Footprints", "Grid", "footprints", "make_grid"]

VOXEL_A = 0.5
"""Edge of a voxel; a fifth of the smallest sphere."""

MOST_VOXELS = 1 << 23
"""Voxels are larger in cells that would have more: labels of a frame take 64 MB then."""

_SMALLEST_COHERENCE = 0.5


@dataclasses.dataclass(frozen=True)
class Grid:
    """Voxels of a cell.

    Attributes
    ----------
    shape
        How many along each vector of the compact lattice.
    change
        Integer matrix with ``lattice = change @ cell``: the same for every frame, so that a cell
        that is sheared step by step never swaps its compact vectors.
    """

    shape: tuple[int, int, int]
    change: Int[np.ndarray, "3 3"]

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape))

    def fractional(self, points: Float[np.ndarray, "point 3"], box: Embedding) -> np.ndarray:
        """Coordinates in the compact lattice of a frame's cell."""
        return np.linalg.solve((self.change @ box.cell).T, (points - box.corner).T).T


@dataclasses.dataclass(frozen=True)
class Footprints:
    """The voxels of every pore of a frame.

    Attributes
    ----------
    voxel
        Numbers of the voxels in pores, rising.
    pore
        Which pore each lies in.
    """

    voxel: Int[np.ndarray, " voxel"]
    pore: Int[np.ndarray, " voxel"]


def make_grid(atoms: Atoms) -> Grid:
    """A grid for a trajectory, from its first frame."""
    box = embed(atoms)
    lattice = make_lattice(box.cell, np.ones(3, bool))
    lengths = np.linalg.norm(lattice.vectors, axis=1)
    edge = max(VOXEL_A, float(np.cbrt(lengths.prod() / MOST_VOXELS)))
    counts = np.maximum(1, np.floor(lengths / edge)).astype(int)
    return Grid((int(counts[0]), int(counts[1]), int(counts[2])), lattice.change)


class Drift:
    """Where the material has gone since the first frame, in fractional coordinates.

    The grid's origin begins at the first frame's first atom: structures that differ by a shift
    have the same footprints.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._before: Atoms | None = None
        self._place = np.zeros((0, 3))
        self._origin = np.zeros(3)

    def of(self, atoms: Atoms) -> Float[np.ndarray, " 3"]:
        """Origin of the grid in the next frame."""
        box = embed(atoms)
        place = self._grid.fractional(atoms.positions, box)
        if self._before is None:
            self._origin = place[0].copy()
        elif same_atoms(atoms, self._before):
            turn = np.exp(2j * np.pi * (place - self._place)).mean(axis=0)
            # atoms that went each their own way share no drift
            if np.abs(turn).min() > _SMALLEST_COHERENCE:
                self._origin = self._origin + np.angle(turn) / (2 * np.pi)
        self._before, self._place = atoms, place
        return self._origin % 1.0


def footprints(found: PoreSurvey, grid: Grid, origin: Float[np.ndarray, " 3"]) -> Footprints:
    """Footprints of all pores of a frame."""
    inside = np.flatnonzero(found.pore >= 0)
    place = (grid.fractional(found.position_A[inside], found.embedding) - origin) % 1.0
    vectors = grid.change @ found.embedding.cell / np.array(grid.shape)[:, None]
    reach = np.linalg.norm(np.linalg.inv(vectors), axis=0)
    label = np.full(grid.size, -1, np.int32)
    _paint(
        place * np.array(grid.shape),
        found.clearance_A[inside],
        found.pore[inside].astype(np.int32),
        vectors @ vectors.T,
        reach,
        np.array(grid.shape),
        label,
        np.full(grid.size, -np.inf, np.float32),
    )
    voxel = np.flatnonzero(label >= 0)
    return Footprints(voxel.astype(np.int32), label[voxel])


@njit(cache=True, nogil=True)
def _paint(place, radius, pore, metric, reach, shape, label, height):
    """Give each voxel within a sphere to the pore whose sphere's power is largest there."""
    na, nb, nc = shape[0], shape[1], shape[2]
    for k in range(len(radius)):
        square = radius[k] * radius[k]
        a, b, c = place[k, 0], place[k, 1], place[k, 2]
        # its own voxel always, however coarse the grid
        home = ((int(a) % na) * nb + int(b) % nb) * nc + int(c) % nc
        if square > height[home]:
            height[home] = square
            label[home] = pore[k]
        for i in range(int(np.ceil(a - radius[k] * reach[0] - 0.5)), int(a + radius[k] * reach[0] - 0.5) + 1):
            x = i + 0.5 - a
            for j in range(
                int(np.ceil(b - radius[k] * reach[1] - 0.5)), int(b + radius[k] * reach[1] - 0.5) + 1
            ):
                y = j + 0.5 - b
                flat = metric[0, 0] * x * x + metric[1, 1] * y * y + 2 * metric[0, 1] * x * y
                slope = 2 * (metric[0, 2] * x + metric[1, 2] * y)
                row = ((i % na) * nb + j % nb) * nc
                for m in range(
                    int(np.ceil(c - radius[k] * reach[2] - 0.5)), int(c + radius[k] * reach[2] - 0.5) + 1
                ):
                    z = m + 0.5 - c
                    power = square - flat - (slope + metric[2, 2] * z) * z
                    if power > 0.0:
                        at = row + m % nc
                        if power > height[at]:
                            height[at] = power
                            label[at] = pore[k]
