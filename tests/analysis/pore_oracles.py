"""Slow and obvious versions of what covers a point of the void, to test the fast ones."""

from __future__ import annotations

import itertools

import numpy as np
from ase import Atoms
from scipy.optimize import minimize
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree, Voronoi

from carbonize.periodic import images_within, make_lattice


def images_around(atoms: Atoms, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all images within a distance of the cell, and the atom that each copies."""
    lattice = make_lattice(atoms.cell, (True, True, True))
    images = images_within(lattice.fractional(atoms.positions), lattice, width)
    return images.fractional @ lattice.vectors, images.index


def clearance(places: np.ndarray, images: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Distance of places to the nearest surface; images with their own radii."""
    best = np.full(len(places), np.inf)
    for radius in np.unique(radii):
        best = np.minimum(best, KDTree(images[radii == radius]).query(places)[0] - radius)
    return best


def largest_spheres(atoms: Atoms, radii: np.ndarray, points: np.ndarray, largest: float = 5.0) -> np.ndarray:
    """Radius of the largest free sphere that holds each point, from all pairs and triples of atoms.

    A sphere that holds x and cannot grow is a local maximum of the distance to all surfaces,
    or touches x and up to three atoms. Its centre x + s u then satisfies, for each atom at d
    with radius r, 1/s = alpha + beta . u, with alpha = 2r / (d^2 - r^2), beta = 2d / (d^2 - r^2).
    """
    lattice = make_lattice(atoms.cell, (True, True, True))
    images, index = images_around(atoms, 2 * largest + 2 * radii.max())
    own = radii[index]
    nodes, free = tangent_spheres(atoms, radii, largest)
    result = np.zeros(len(points))
    for number, point in enumerate(lattice.fractional(points) @ lattice.vectors):
        x = clearance(point[None], images, own)[0]
        if x <= 0:
            continue
        holds = np.linalg.norm(nodes - point, axis=1) <= free
        best = max(x, free[holds].max(initial=0.0))
        reach = min(largest, 1.1 * best + 0.5)
        while True:
            through = _through(point, images, own, reach, best)
            if through < reach or reach >= largest:
                break
            reach = min(largest, 1.2 * reach + 0.2)
        result[number] = max(best, through)
    return result


def tangent_spheres(atoms: Atoms, radii: np.ndarray, width: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Centres and radii of the free spheres that cannot grow, in the cell and within ``width`` of it."""
    lattice = make_lattice(atoms.cell, (True, True, True))
    images, index = images_around(atoms, width + 12.0)
    own = radii[index]
    nodes = Voronoi(images).vertices
    fractional = nodes @ np.linalg.inv(lattice.vectors)
    margin = width / lattice.heights
    nodes = nodes[np.all((fractional > -margin - 1e-9) & (fractional < 1 + margin), axis=1)]
    if len(np.unique(radii)) > 1:  # the local maxima are not where they are for equal balls: go there
        nodes = nodes[clearance(nodes, images, own) > 0.2]
        higher = np.array([_uphill(node, images, own) for node in nodes])
        # the search now and then leaves the structure; the way up is never that long
        nodes = higher[np.linalg.norm(higher - nodes, axis=1) < 2.0]
    return nodes, clearance(nodes, images, own)


def _through(point: np.ndarray, images: np.ndarray, radii: np.ndarray, reach: float, best: float) -> float:
    """Radius of the largest free sphere with the point on its surface, if between ``best`` and ``reach``."""
    d = images - point
    distance = np.linalg.norm(d, axis=1)
    near = distance - radii < 2 * reach
    d, r, distance = d[near], radii[near], distance[near]
    factor = 2 / (distance**2 - r**2)
    alpha, beta = factor * r, factor[:, None] * d
    directions = [-d / distance[:, None]]
    pairs = np.array(list(itertools.combinations(range(len(d)), 2)), dtype=int).reshape(-1, 2)
    triples = np.array(list(itertools.combinations(range(len(d)), 3)), dtype=int).reshape(-1, 3)
    # pairs: the plane alpha_1 + beta_1 u = alpha_2 + beta_2 u cuts the sphere in a circle; on it the
    # function is lowest opposite to its gradient
    normal, offset = beta[pairs[:, 0]] - beta[pairs[:, 1]], alpha[pairs[:, 1]] - alpha[pairs[:, 0]]
    foot = normal * (offset / (normal**2).sum(axis=1))[:, None]
    along = (
        beta[pairs[:, 0]]
        - normal * ((beta[pairs[:, 0]] * normal).sum(axis=1) / (normal**2).sum(axis=1))[:, None]
    )
    inside = 1 - (foot**2).sum(axis=1)
    keep = inside > 0
    unit = along[keep] / np.linalg.norm(along[keep], axis=1)[:, None]
    directions.append(foot[keep] - np.sqrt(inside[keep])[:, None] * unit)
    # triples: two planes cut the sphere in two points
    a, b, c = triples.T
    n1, n2 = beta[a] - beta[b], beta[a] - beta[c]
    o1, o2 = alpha[b] - alpha[a], alpha[c] - alpha[a]
    line = np.cross(n1, n2)
    squared = (line**2).sum(axis=1)
    foot = (np.cross(n2, line) * o1[:, None] + np.cross(line, n1) * o2[:, None]) / squared[:, None]
    inside = 1 - (foot**2).sum(axis=1)
    keep = inside > 0
    step = np.sqrt(inside[keep] / squared[keep])[:, None] * line[keep]
    directions += [foot[keep] + step, foot[keep] - step]
    u = np.concatenate(directions)
    height = np.full(len(u), -np.inf)
    for atom in np.argsort(distance - r):  # the nearest forbid most
        height = np.maximum(height, alpha[atom] + u @ beta[atom])
        larger = height * best < 1
        u, height = u[larger], height[larger]
    lowest = height.min(initial=1 / best)
    return reach if lowest * reach <= 1 else 1 / lowest


def _uphill(place: np.ndarray, images: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Local maximum of the distance to the nearest surface."""
    near = np.argsort(np.linalg.norm(images - place, axis=1) - radii)[:40]

    def surfaces(z: np.ndarray) -> np.ndarray:
        return np.linalg.norm(images[near] - z[:3], axis=1) - radii[near] - z[3]

    start = np.append(place, (np.linalg.norm(images[near] - place, axis=1) - radii[near]).min())
    found = minimize(
        lambda z: -z[3],
        start,
        jac=lambda z: np.array([0.0, 0, 0, -1]),
        constraints={"type": "ineq", "fun": surfaces},
        method="SLSQP",
        options={"maxiter": 60},
    )
    return found.x[:3]


def reached_on_a_grid(
    atoms: Atoms, radius: float, diameter: float, spacing: float, outside: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which points a probe from outside surely covers, and which it possibly does.

    Centres on a grid that are free and joined to places outside by free neighbours are
    surely reached. Any way of the probe keeps within half a diagonal of the grid of one over
    neighbours that are free for a probe as much smaller: so no other point is reached.

    ``outside`` are places (row vectors) that the probe's centre reaches.
    """
    lattice = make_lattice(atoms.cell, (True, True, True))
    counts = np.ceil(lattice.heights / spacing).astype(int)
    grid = np.stack(np.meshgrid(*[np.arange(n) / n for n in counts], indexing="ij"), axis=-1).reshape(-1, 3)
    corners = np.array(list(itertools.product((-0.5, 0.5), repeat=3))) / counts @ lattice.vectors
    slack = float(np.linalg.norm(corners, axis=1).max())
    images, _ = images_around(atoms, 8.0)
    room = KDTree(images).query(grid @ lattice.vectors)[0] - radius
    place = np.arange(counts.prod()).reshape(counts)
    at = np.rint(lattice.fractional(outside) * counts).astype(int) % counts
    at = place[tuple(at.T)]
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=3))).reshape(-1, 1, 3)
    where = lattice.fractional(points) @ lattice.vectors
    answers = []
    for loss in (0.0, slack):
        free = room >= diameter / 2 - loss
        links = coo_matrix((place.size, place.size), dtype=np.int8).tocsr()
        for step in itertools.product((-1, 0, 1), repeat=3):
            if step > (0, 0, 0):
                other = np.roll(place, step, axis=(0, 1, 2)).ravel()
                both = np.flatnonzero(free & free[other])
                links += coo_matrix((np.ones(len(both), np.int8), (both, other[both])), links.shape).tocsr()
        region = connected_components(links, directed=False)[1]
        reached = free & np.isin(region, region[at[free[at]]])
        centers = (grid[reached] + shifts).reshape(-1, 3)
        near = np.all(np.abs(centers - 0.5) < 0.5 + 6 / lattice.heights, axis=1)
        distance = KDTree(centers[near] @ lattice.vectors).query(where)[0]
        answers.append(distance <= diameter / 2 + loss)
    return answers[0], answers[1]
