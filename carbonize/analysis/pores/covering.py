"""The largest free sphere over a point of the void, and the largest probe that gets there.

For a point x of the void let D be the diameter of the largest sphere that holds x and
overlaps no atom, and E the diameter of the largest probe that holds x and has come from
outside. All that is known of occupiable volumes and of the pore-size distribution follows:
a probe of diameter d occupies x if D >= d, and does so from outside if E >= d.

A sphere that holds x and cannot grow either has its centre on a node of the pore network,
or x lies on its surface. The first are looked up, the second found by
:mod:`carbonize.analysis.pores.spherical_search`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from numba import njit

from carbonize.analysis.pores.ascent import climb
from carbonize.analysis.pores.bins import (
    Bins,
    bin_counts,
    bin_of,
    bin_range,
    gather_surfaces,
    make_bins,
    nearest_surface,
)
from carbonize.analysis.pores.node_cover import NodeCover, covering_nodes, make_cover
from carbonize.analysis.pores.spherical_search import (
    free_directions,
    largest_through,
    linear_forms,
    make_work,
)
from carbonize.analysis.pores.survey import PoreSurvey
from carbonize.periodic import make_lattice

__all__ = ["TOLERANCE_A", "CoverSearch", "Covering", "cover_points", "make_search"]

TOLERANCE_A = 5e-4
"""Diameters are too small by at most this."""

_ATOM_BIN_A = 2.5
_NODE_BIN_A = 2.0
_REACH_BIN_A = 3.0

_FINEST = 5
"""Regions of directions narrower than an octant cut this often are not seen (about 3 degrees)."""


@dataclasses.dataclass(frozen=True)
class CoverSearch:
    """A structure, prepared for questions about points of its void.

    Attributes
    ----------
    atoms, nodes, cover
        Atoms, nodes and the nodes' spheres, sorted by place.
    reach
        Per block of the cell: diameter (A) of the widest probe that may come there from outside.
    access_A
        Of each node.
    largest_radius_A
        Of any sphere that overlaps no atom.
    """

    atoms: Bins
    nodes: Bins
    cover: NodeCover
    reach: Bins
    access_A: Float[np.ndarray, " node"]
    largest_radius_A: float


@dataclasses.dataclass(frozen=True)
class Covering:
    """What covers each point.

    Attributes
    ----------
    diameter_A
        Of the largest sphere that holds the point and overlaps no atom; 0 inside atoms.
    access_A
        Diameter of the largest of the given probes that holds the point and has come from outside, or of
        a larger probe that does; 0 if none does.
    node
        The node to which the largest sphere belongs; -1 inside atoms, and where none was found.
    """

    diameter_A: Float[np.ndarray, " point"]
    access_A: Float[np.ndarray, " point"]
    node: Int[np.ndarray, " point"]


def make_search(
    positions: Float[np.ndarray, "atom 3"], radii_A: Float[np.ndarray, " atom"], survey: PoreSurvey
) -> CoverSearch:
    """Prepare a structure.

    Parameters
    ----------
    positions
        Of the atoms, Cartesian, A.
    radii_A
        Hard-sphere radius of each atom.
    survey
        Of the same structure.
    """
    embedding = survey.embedding
    lattice = make_lattice(embedding.cell, (True, True, True))
    places = survey.position_A - embedding.corner
    # nodes inside atoms hold no sphere; they stay in the numbering
    inside = survey.clearance_A <= 0
    radii = np.where(inside, -1.0, survey.clearance_A)
    atoms = make_bins(positions - embedding.corner, radii_A, lattice, _ATOM_BIN_A)
    counts = bin_counts(lattice, _REACH_BIN_A)
    reach = atoms._replace(counts=counts, radius=np.zeros(int(counts.prod())))
    edges = lattice.vectors / counts[:, None]
    half = max(
        float(np.linalg.norm(corner @ edges)) / 2
        for corner in ([1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1])
    )
    # a place that a probe reaches lies within a node's circumsphere
    beyond = 2 * float(radii_A.max()) - float(radii_A.min())
    order = np.flatnonzero((survey.access_A > 0) & ~inside)
    order = order[np.argsort(-survey.access_A[order], kind="stable")]
    _paint_reach(reach, places[order], radii[order], survey.access_A[order], beyond + half)
    return CoverSearch(
        atoms=atoms,
        nodes=make_bins(places, radii, lattice, _NODE_BIN_A),
        cover=make_cover(places, radii, survey.access_A, lattice),
        reach=reach,
        access_A=survey.access_A,
        largest_radius_A=float(survey.clearance_A.max(initial=0.0)) + 1e-6,
    )


def cover_points(
    search: CoverSearch, points: Float[np.ndarray, "point 3"], probes_A: Float[np.ndarray, " probe"]
) -> Covering:
    """What covers each point.

    Parameters
    ----------
    search
        From :func:`make_search`.
    points
        Cartesian, A, relative to the embedding's corner.
    probes_A
        Diameters for which ``access_A`` is to decide.
    """
    found = _cover(
        points,
        search.atoms,
        search.nodes,
        search.cover,
        search.reach,
        search.access_A,
        search.largest_radius_A,
        np.sort(np.asarray(probes_A, dtype=float)),
        TOLERANCE_A / 2,
    )
    return Covering(*found)


@njit(cache=True, nogil=True)
def _paint_reach(reach, centers, radii, access, beyond):
    """Raise each block to the access of every node whose probe may come near."""
    n0, n1, n2 = reach.counts[0], reach.counts[1], reach.counts[2]
    v = reach.vectors
    for m in range(len(centers)):
        x, y, z = centers[m, 0], centers[m, 1], centers[m, 2]
        limit = radii[m] + 0.5 * access[m] + beyond
        low, high = bin_range(reach, x, y, z, limit)
        for i in range(low[0], high[0] + 1):
            fi = (i + 0.5) / n0
            for j in range(low[1], high[1] + 1):
                fj = (j + 0.5) / n1
                for k in range(low[2], high[2] + 1):
                    fk = (k + 0.5) / n2
                    b = ((i % n0) * n1 + j % n1) * n2 + k % n2
                    if reach.radius[b] >= access[m]:
                        continue
                    dx = fi * v[0, 0] + fj * v[1, 0] + fk * v[2, 0] - x
                    dy = fi * v[0, 1] + fj * v[1, 1] + fk * v[2, 1] - y
                    dz = fi * v[0, 2] + fj * v[1, 2] + fk * v[2, 2] - z
                    if dx * dx + dy * dy + dz * dz <= limit * limit:
                        reach.radius[b] = access[m]


@njit(cache=True, nogil=True)
def _at(blocks, x, y, z):
    """Value of the block that holds a point."""
    i, j, k = bin_of(blocks, x, y, z)
    n0, n1, n2 = blocks.counts[0], blocks.counts[1], blocks.counts[2]
    return blocks.radius[((i % n0) * n1 + j % n1) * n2 + k % n2]


@njit(cache=True, nogil=True)
def _near_forms(atoms, x, y, z, reach, near, forms):
    """Gather atoms and their linear forms; see :func:`gather_surfaces` for too many."""
    count = gather_surfaces(atoms, x, y, z, reach, near)
    if count <= len(near):
        linear_forms(near, count, forms)
    return count


@njit(cache=True, nogil=True)
def _cover(points, atoms, nodes, cover, reach, access, largest, probes, tolerance):
    """See :class:`Covering`."""
    count = len(points)
    diameter = np.zeros(count)
    entered = np.zeros(count)
    owner = np.full(count, -1)
    near = np.empty((256, 4))
    forms = np.empty((256, 4))
    work = make_work(256)
    gradient = np.empty((128, 3))
    weight = np.empty(128)
    close = np.empty((512, 4))
    direction = np.empty(3)
    ways = np.empty((64, 3))
    for p in range(count):
        x, y, z = points[p, 0], points[p, 1], points[p, 2]
        clearance = nearest_surface(atoms, x, y, z)
        if clearance <= 1e-9:
            continue
        node, best_access = covering_nodes(cover, x, y, z)
        best = clearance
        if node >= 0 and cover.radius[node] >= clearance:
            best = cover.radius[node]
        else:
            node = -1
        cx, cy, cz = x, y, z
        given = 0
        limit = 0.0
        while best < largest - tolerance:
            limit = min(1.15 * best + 0.4, largest + tolerance)
            given = _near_forms(atoms, x, y, z, 2.0 * limit, near, forms)
            if given > len(near):
                near, forms, work = np.empty((2 * given, 4)), np.empty((2 * given, 4)), make_work(2 * given)
                given = _near_forms(atoms, x, y, z, 2.0 * limit, near, forms)
            radius = largest_through(forms, given, best, limit, tolerance, work, direction)
            if radius > best:
                node = -1
                best = radius
                cx, cy, cz = x + radius * direction[0], y + radius * direction[1], z + radius * direction[2]
            if radius < limit:
                break
        diameter[p] = 2.0 * best
        if node < 0:
            node = climb(atoms, nodes, cx, cy, cz, close, gradient, weight)
        owner[p] = node
        if node >= 0:
            best_access = max(best_access, min(2.0 * best, access[node]))
        near_access = _at(reach, x, y, z)
        if given == 0 and best_access < min(2.0 * best, near_access):
            given = _near_forms(atoms, x, y, z, 2.0 * best, near, forms)
            if given > len(near):
                near, forms, work = np.empty((2 * given, 4)), np.empty((2 * given, 4)), make_work(2 * given)
                given = _near_forms(atoms, x, y, z, 2.0 * best, near, forms)
        for probe in probes:
            if probe <= best_access:
                continue
            if probe > 2.0 * best or probe > near_access:
                break
            number = free_directions(forms, given, 0.5 * probe, _FINEST, work, ways)
            for way in range(number):
                s = 0.5 * probe
                wx, wy, wz = x + s * ways[way, 0], y + s * ways[way, 1], z + s * ways[way, 2]
                other = climb(atoms, nodes, wx, wy, wz, close, gradient, weight)
                if other >= 0 and access[other] >= probe:
                    best_access = probe
                    break
            if best_access < probe:
                break
        entered[p] = best_access
    return diameter, entered, owner
