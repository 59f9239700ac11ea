"""Distances as springs: a network of preferred distances, and a soft wall between all other atoms.

This is geometry, not a force law: it brings atoms near to where a potential can take over.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import coo_array
from scipy.spatial import KDTree

__all__ = ["Springs", "minimum_image", "relax_springs", "spring_energy", "within_steps"]


@dataclasses.dataclass(frozen=True)
class Springs:
    """Pairs of atoms that shall be a certain distance apart.

    Attributes
    ----------
    pairs
        Shape (spring, 2).
    lengths_A
        Rest lengths, shape (spring,).
    strengths
        Weights, shape (spring,); energies are weight x (difference in A) squared.
    """

    pairs: np.ndarray
    lengths_A: np.ndarray
    strengths: np.ndarray

    def joined(self, other: Springs) -> Springs:
        """These and those."""
        return Springs(
            np.concatenate([self.pairs, other.pairs]),
            np.concatenate([self.lengths_A, other.lengths_A]),
            np.concatenate([self.strengths, other.strengths]),
        )


def minimum_image(vectors: np.ndarray, edge_A: float | None) -> np.ndarray:
    """Vectors to the nearest image in a cube; unchanged without one."""
    return vectors if edge_A is None else vectors - edge_A * np.round(vectors / edge_A)


def within_steps(bonds: np.ndarray, atoms: int, steps: int) -> np.ndarray:
    """Pairs of atoms that are 1 to ``steps`` bonds apart, shape (pair, 3): the two, and how far; sorted."""
    ones = np.ones(2 * len(bonds), np.int64)
    both = np.concatenate([bonds, bonds[:, ::-1]])
    step = coo_array((ones, (both[:, 0], both[:, 1])), shape=(atoms, atoms)).tocsr()
    reach = step.copy()
    found: dict[tuple[int, int], int] = {}
    for distance in range(1, steps + 1):
        pairs = np.stack(reach.nonzero(), axis=1)
        for i, j in pairs.tolist():
            if i < j:
                found.setdefault((i, j), distance)
        reach = reach @ step
    return np.array([(i, j, d) for (i, j), d in sorted(found.items())], np.int64).reshape(-1, 3)


def spring_energy(
    positions: np.ndarray, springs: Springs, edge_A: float | None = None
) -> tuple[float, np.ndarray]:
    """Energy of the springs, and its gradient (atom, 3)."""
    first, second = springs.pairs.T
    apart = minimum_image(positions[first] - positions[second], edge_A)
    distance = np.sqrt((apart**2).sum(1))
    stretch = distance - springs.lengths_A
    pull = (2 * springs.strengths * stretch / np.maximum(distance, 1e-9))[:, None] * apart
    return float((springs.strengths * stretch**2).sum()), _gathered(pull, first, second, len(positions))


def wall_energy(
    positions: np.ndarray, edge_A: float, reach_A: np.ndarray | float, apart_from: Callable[..., np.ndarray]
) -> tuple[float, np.ndarray]:
    """Energy (reach - distance)^2 of all pairs that ``apart_from`` keeps, and its gradient (atom, 3)."""
    far = float(np.max(reach_A))
    pairs = KDTree(positions % edge_A, boxsize=edge_A).query_pairs(far, output_type="ndarray")
    pairs = pairs[apart_from(pairs)]
    first, second = pairs.T
    apart = minimum_image(positions[first] - positions[second], edge_A)
    distance = np.sqrt((apart**2).sum(1))
    depth = np.maximum(far - distance, 0.0)
    push = (-2 * depth / np.maximum(distance, 1e-9))[:, None] * apart
    return float((depth**2).sum()), _gathered(push, first, second, len(positions))


def relax_springs(
    positions: np.ndarray,
    energy: Callable[[np.ndarray], tuple[float, np.ndarray]],
    steps: int = 500,
) -> np.ndarray:
    """Positions (atom, 3) moved downhill (L-BFGS)."""

    def flat(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = energy(x.reshape(-1, 3))
        return value, gradient.ravel()

    options = {"maxiter": steps, "maxfun": 2 * steps}
    done = minimize(flat, positions.ravel(), jac=True, method="L-BFGS-B", options=options)
    return done.x.reshape(-1, 3)


def _gathered(pull: np.ndarray, first: np.ndarray, second: np.ndarray, atoms: int) -> np.ndarray:
    return np.stack(
        [np.bincount(first, pull[:, k], atoms) - np.bincount(second, pull[:, k], atoms) for k in range(3)],
        axis=1,
    )
