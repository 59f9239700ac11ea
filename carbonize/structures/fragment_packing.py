"""Rigid fragments brought to a density: placed far apart at random, then pressed together.

Pressing from a dilute start lets fragments slide and turn past each other; placed at once at the
final density they would go through each other, which no soft force undoes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from carbonize.structures.cavities import Cavities
from carbonize.structures.springs import minimum_image

__all__ = ["Packing", "pack_fragments"]

_DILUTE_G_CM3_FACTOR = 8.0  # in volume
_ROUNDS = 60
_STEPS_A_ROUND = 25
_LAST_STEPS = 1500
_LONGEST_MOVE_A = 0.15


@dataclasses.dataclass(frozen=True)
class Packing:
    """Where fragments have come to lie.

    Attributes
    ----------
    positions
        Shape (atom, 3), A; fragments whole, not wrapped.
    fragment
        Number of each atom's fragment.
    closest_A
        Shortest distance between atoms of different fragments (inf with one fragment).
    """

    positions: np.ndarray
    fragment: np.ndarray
    closest_A: float


def pack_fragments(
    shapes: Sequence[np.ndarray],
    edge_A: float,
    contact_A: float,
    rng: np.random.Generator,
    cavities: Cavities | None = None,
    watch: Callable[[float], None] | None = None,
) -> Packing:
    """Press rigid fragments into a periodic cube.

    Parameters
    ----------
    shapes
        Coordinates of each fragment's atoms, A, about their centre.
    edge_A
        Edge of the cube.
    contact_A
        Distance (A) at which atoms of different fragments touch; nearer ones push with a force
        proportional to the overlap.
    rng
        Where chance comes from: places and orientations at the start.
    cavities
        Space that stays free of atoms.
    watch
        Called with the fraction done.
    """
    body = _Bodies(shapes, rng)
    start = edge_A * _DILUTE_G_CM3_FACTOR ** (1 / 3)
    body.centres = rng.uniform(0.0, start, (len(shapes), 3))
    edges = np.geomspace(start, edge_A, _ROUNDS)
    for k, edge in enumerate(edges):
        body.centres *= edge / (edges[k - 1] if k else start)
        steps = _STEPS_A_ROUND if k < _ROUNDS - 1 else _LAST_STEPS
        _settle(body, float(edge), contact_A, cavities, edge_A, steps)
        if watch is not None:
            watch((k + 1) / _ROUNDS)
    return Packing(body.places(), body.fragment, _closest(body.places(), body.fragment, edge_A))


class _Bodies:
    """Centres and orientations of rigid bodies, and what forces on atoms do to them."""

    def __init__(self, shapes: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        self.fragment = np.repeat(np.arange(len(shapes)), [len(s) for s in shapes])
        self.arms = np.concatenate(
            [Rotation.from_quat(rng.normal(size=4)).apply(s - s.mean(0)) for s in shapes]
        )
        self.sizes = np.bincount(self.fragment).astype(float)
        self.centres = np.zeros((len(shapes), 3))
        # turning by w moves the outer atoms by about w times the radius of gyration
        self.gyration2 = np.bincount(self.fragment, (self.arms**2).sum(1)) / self.sizes

    def places(self) -> np.ndarray:
        return self.centres[self.fragment] + self.arms

    def gathered(self, forces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Acceleration of the centres and of the turning, bodies of unit density."""
        torque = np.cross(self.arms, forces)

        def sums(values: np.ndarray) -> np.ndarray:
            return np.stack([np.bincount(self.fragment, values[:, k]) for k in range(3)], axis=1)

        return sums(forces) / self.sizes[:, None], sums(torque) / (self.sizes * self.gyration2)[:, None]

    def move(self, shift: np.ndarray, turn: np.ndarray) -> None:
        self.centres = self.centres + shift
        self.arms = Rotation.from_rotvec(turn[self.fragment]).apply(self.arms)


def _settle(
    body: _Bodies, edge: float, contact: float, cavities: Cavities | None, last_edge: float, steps: int
) -> None:
    """FIRE of rigid bodies (Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006)), until nothing overlaps."""
    speed, spin = np.zeros_like(body.centres), np.zeros_like(body.centres)
    dt, alpha, downhill = 0.15, 0.1, 0
    reach = np.sqrt(body.gyration2)[:, None]
    for _ in range(steps):
        forces, deepest = _push(body, edge, contact, cavities, last_edge)
        if deepest < 1e-3:
            return
        force, torque = body.gathered(forces)
        power = float((speed * force).sum() + (spin * torque * reach**2).sum())
        if power > 0:
            downhill += 1
            pull = np.sqrt((force**2).sum() + ((torque * reach) ** 2).sum())
            pace = np.sqrt((speed**2).sum() + ((spin * reach) ** 2).sum())
            speed = (1 - alpha) * speed + alpha * pace / pull * force
            spin = (1 - alpha) * spin + alpha * pace / pull * torque
            if downhill > 5:
                dt, alpha = min(dt * 1.1, 0.6), alpha * 0.99
        else:
            speed, spin = np.zeros_like(speed), np.zeros_like(spin)
            dt, alpha, downhill = dt * 0.5, 0.1, 0
        speed, spin = speed + dt * force, spin + dt * torque
        longest = dt * max(np.abs(speed).max(), np.abs(spin * reach).max())
        scale = min(1.0, _LONGEST_MOVE_A / max(longest, 1e-12))
        body.move(dt * scale * speed, dt * scale * spin)


def _push(
    body: _Bodies, edge: float, contact: float, cavities: Cavities | None, last_edge: float
) -> tuple[np.ndarray, float]:
    """Forces on atoms, shape (atom, 3), and the deepest overlap (A)."""
    places = body.places()
    pairs = KDTree(places % edge, boxsize=edge).query_pairs(contact, output_type="ndarray")
    pairs = pairs[body.fragment[pairs[:, 0]] != body.fragment[pairs[:, 1]]]
    first, second = pairs.T
    apart = minimum_image(places[first] - places[second], edge)
    distance = np.sqrt((apart**2).sum(1))
    depth = contact - distance
    push = (depth / np.maximum(distance, 1e-6))[:, None] * apart
    forces = np.zeros_like(places)
    for k in range(3):
        forces[:, k] = np.bincount(first, push[:, k], len(places)) - np.bincount(
            second, push[:, k], len(places)
        )
    deepest = float(depth.max()) if len(depth) else 0.0
    if cavities is not None:
        out, inside = cavities.outward(places, edge, last_edge)
        forces += out
        deepest = max(deepest, inside)
    return forces, deepest


def _closest(places: np.ndarray, fragment: np.ndarray, edge: float) -> float:
    """Shortest distance between fragments; beyond 6 A it is only known to be more."""
    tree = KDTree(places % edge, boxsize=edge)
    for reach in (2.0, 3.5, 6.0):
        if reach >= edge / 2:
            break
        pairs = tree.query_pairs(reach, output_type="ndarray")
        pairs = pairs[fragment[pairs[:, 0]] != fragment[pairs[:, 1]]]
        if len(pairs):
            apart = minimum_image(places[pairs[:, 0]] - places[pairs[:, 1]], edge)
            return float(np.sqrt((apart**2).sum(1)).min())
    return float("inf")
