"""Soft spheres: a force law that compiles in seconds, for statistics of many steps."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from ase import Atoms
from jax import Array

from carbonize.potentials.base import Bonds, Capacity, Evaluation, Potential


@dataclasses.dataclass(frozen=True)
class SoftSpheres(Potential):
    """Every pair has the energy ``height_eV`` (1 - r^2 / range_A^2)^3 within ``range_A``."""

    height_eV: float = 1.0
    range_A: float = 3.0

    @property
    def cutoff_A(self) -> float:
        """The range."""
        return self.range_A

    @property
    def elements(self) -> tuple[str, ...]:
        """Carbon only."""
        return ("C",)

    def initial_capacity(self) -> Capacity:
        """Nothing that could be too small."""
        return (1,)

    def evaluate(
        self,
        bonds: Bonds,
        species: Array,
        capacity: Capacity,
        with_virials: bool = False,
        accumulate: Any = None,
    ) -> Evaluation:
        """See :class:`Potential`."""
        dtype = accumulate or bonds.x.dtype
        xyz = (bonds.x, bonds.y, bonds.z)
        near = jnp.maximum(1.0 - (bonds.x**2 + bonds.y**2 + bonds.z**2) / self.range_A**2, 0.0)
        slope = -6.0 * self.height_eV / self.range_A**2 * near**2  # 2 dE/d(r^2)

        def summed(a: Array) -> Array:
            return jnp.sum(a.astype(dtype), axis=0)

        pairs = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
        atoms = bonds.x.shape[1]
        return Evaluation(
            summed(0.5 * self.height_eV * near**3),
            jnp.stack([summed(slope * d) for d in xyz]),
            jnp.stack([summed(0.5 * slope * xyz[i] * xyz[j]) for i, j in pairs]),
            jnp.zeros((1, atoms), jnp.int32),
            jnp.full(atoms, self.range_A, bonds.x.dtype),
        )


IDEAL_GAS = SoftSpheres(height_eV=0.0, range_A=0.5)


def fluid(count: int = 31, edge_A: float = 6.9, heavy: float = 4.0) -> Atoms:
    """A cube of atoms on a jittered grid; every other atom is ``heavy`` times as heavy."""
    sites = int(np.ceil(count ** (1 / 3)))
    grid = np.stack(np.meshgrid(*[np.arange(sites)] * 3, indexing="ij"), -1).reshape(-1, 3)
    rng = np.random.default_rng(4)
    chosen = rng.permutation(len(grid))[:count]
    positions = (grid[chosen] + 0.5 + rng.uniform(-0.1, 0.1, (count, 3))) * edge_A / sites
    atoms = Atoms(f"C{count}", positions=positions, cell=[edge_A] * 3, pbc=True)
    masses = np.full(count, 12.011)
    masses[::2] *= heavy
    atoms.set_masses(masses)
    return atoms


def force_and_curvature(
    potential: SoftSpheres, positions: np.ndarray, edge_A: float
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of squared forces and of the Laplacian of the energy, for configurations (k, atom, 3) in a cube."""
    away = positions[:, :, None] - positions[:, None]
    away -= edge_A * np.round(away / edge_A)
    square = np.sum(away**2, axis=-1)
    count = positions.shape[1]
    near = np.maximum(1.0 - square / potential.range_A**2, 0.0) * (1.0 - np.eye(count))
    scale = 6.0 * potential.height_eV / potential.range_A**2
    forces = np.sum((scale * near**2)[..., None] * away, axis=2)
    # div grad of h (1 - r^2/R^2)^3 is -3 s n^2 + (4 s / R^2) n r^2, for either atom of a pair
    curvature = np.sum(
        -3.0 * scale * near**2 + 4.0 * scale / potential.range_A**2 * near * square, axis=(1, 2)
    )
    return np.sum(forces**2, axis=(1, 2)), curvature
