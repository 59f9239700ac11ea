"""Void between unequal balls at one level, by a lifted convex hull: slow, small and independent."""

from __future__ import annotations

import itertools

import numpy as np
from ase import Atoms
from scipy.spatial import ConvexHull


def lens(d: float, r: float, s: float) -> float:
    """Volume of the intersection of two balls."""
    if d <= abs(r - s):
        return 4 / 3 * np.pi * min(r, s) ** 3
    if d >= r + s:
        return 0.0
    return np.pi * (r + s - d) ** 2 * (d * d + 2 * d * (r + s) - 3 * (r - s) ** 2) / (12 * d)


def images(
    atoms: Atoms, radii: np.ndarray, reach: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, radii, atoms and shifts of all images up to ``reach`` cells away."""
    steps = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))
    points = (atoms.positions[None] + (steps @ atoms.cell.array)[:, None]).reshape(-1, 3)
    index = np.tile(np.arange(len(atoms)), len(steps))
    return points, radii[index], index, np.repeat(steps, len(atoms), axis=0)


def void_at(atoms: Atoms, radii: np.ndarray, p: float, reach: int = 2) -> tuple[bool, bool]:
    """Whether any void is left for a probe of radius p, and whether it winds."""
    jitter = np.random.default_rng(5).uniform(-1e-6, 1e-6, (len(atoms), 3))
    moved = atoms.copy()
    moved.positions += jitter
    points, ball, index, shift = images(moved, radii + p, reach)
    middle = points.mean(axis=0)
    local = points - middle
    hull = ConvexHull(np.column_stack([local, (local**2).sum(1) - ball**2]), qhull_options="Qt")
    lower = np.flatnonzero(hull.equations[:, 3] < -1e-12)
    place = np.full(len(hull.simplices), -1)
    place[lower] = np.arange(len(lower))
    simplices, behind = hull.simplices[lower], hull.neighbors[lower]
    corner = local[simplices]
    edges = corner[:, 1:] - corner[:, :1]
    height = 0.5 * ((edges**2).sum(2) - ball[simplices[:, 1:]] ** 2 + ball[simplices[:, :1]] ** 2)
    flat = np.abs(np.linalg.det(edges)) < 1e-12
    edges[flat], height[flat] = np.eye(3) * 1e-9, 1e9
    offset = np.linalg.solve(edges, height[..., None])[..., 0]
    center = corner[:, 0] + offset
    power = (offset**2).sum(1) - ball[simplices[:, 0]] ** 2
    where = np.floor((center + middle) @ np.linalg.inv(atoms.cell.array) + 0.123).astype(int)
    inner = np.abs(where).max(1) <= 1

    # a node is known by its atoms and their shifts relative to its own cell
    def name(t):
        return tuple(sorted((index[v], *(shift[v] - where[t])) for v in simplices[t]))

    number: dict[tuple, int] = {}
    for t in np.flatnonzero(inner & (power > 0)):
        number.setdefault(name(t), len(number))
    parent, to_parent = list(range(len(number))), [np.zeros(3, int) for _ in number]

    def find(i):
        total = np.zeros(3, int)
        while parent[i] != i:
            total, i = total + to_parent[i], parent[i]
        return i, total

    winds = False
    for t in np.flatnonzero(inner & (power > 0)):
        for f in range(4):
            other = place[behind[t, f]]
            if other < 0 or not inner[other] or power[other] <= 0:
                continue
            a, b, c = (local[v] for v in np.delete(simplices[t], f))
            u, v = b - a, c - a
            normal = np.cross(u, v)
            h, k = (center[t] - a) @ normal, (center[other] - a) @ normal
            face_power = power[t] - h * h / (normal @ normal)
            if h * k <= 0 and face_power <= 0:
                continue
            i, di = find(number[name(t)])
            j, dj = find(number[name(other)])
            step = where[other] - where[t]
            loop = di + step - dj
            if i != j:
                parent[j], to_parent[j] = i, loop
            elif loop.any():
                winds = True
    return bool(number), winds
